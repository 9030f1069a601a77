//! The account that a bucket must belong to: `x-amz-expected-bucket-owner`, in every request to S3.
//!
//! S3 refuses headers of its own that are not signed, and `object_store` cannot be told of this one: the
//! request is signed once more with it.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::signer::HeaderValue;

use super::pace::Paced;
use crate::error::{Cause, Result};

const OWNER: &str = "x-amz-expected-bucket-owner";
const DIGEST: &str = "x-amz-content-sha256";

/// An account, by its 12 digits, and what its requests are signed with.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    account: HeaderValue,
    region: String,
    /// Known when the client is built: it may ask for them on its own.
    credentials: Arc<OnceLock<AwsCredentialProvider>>,
}

/// Makes clients that name the owner.
#[derive(Debug)]
pub(super) struct Naming {
    pace: Paced,
    owner: Owner,
}

#[derive(Debug)]
struct NamingClient {
    client: HttpClient,
    owner: Owner,
}

impl Owner {
    /// # Errors
    ///
    /// When the account has not 12 digits.
    pub(super) fn new(account: &str, region: String) -> Result<Self> {
        let rule =
            || Cause::Field { field: "aws_expected_bucket_owner", rule: "must have 12 digits".to_owned() };
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(rule().into());
        }
        let account = HeaderValue::from_str(account).map_err(|_not_digits| rule())?;
        Ok(Self { account, region, credentials: Arc::default() })
    }

    pub(super) fn over(&self, pace: Paced) -> Naming {
        Naming { pace, owner: self.clone() }
    }

    /// Takes what signs requests; the first one stays.
    pub(super) fn sign_with(&self, credentials: &AwsCredentialProvider) {
        self.credentials.get_or_init(|| Arc::clone(credentials));
    }

    async fn name(&self, request: &mut HttpRequest) -> object_store::Result<()> {
        let Some(credentials) = self.credentials.get() else { return Ok(()) };
        // Requests to whom credentials are asked from are not signed, and not for a bucket.
        if !request.headers().contains_key("authorization") {
            return Ok(());
        }
        let digest = request.headers().get(DIGEST).map(|digest| hex(digest.as_bytes()));
        request.headers_mut().remove("authorization");
        request.headers_mut().insert(OWNER, self.account.clone());
        let credential = credentials.get_credential().await?;
        let signer = AwsAuthorizer::new(&credential, "s3", &self.region);
        match digest.flatten() {
            Some(digest) => signer.try_authorize(request, Some(&digest)),
            None => signer.with_sign_payload(false).try_authorize(request, None),
        }
    }
}

impl HttpConnector for Naming {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = self.pace.connect(options)?;
        Ok(HttpClient::new(NamingClient { client, owner: self.owner.clone() }))
    }
}

#[async_trait]
impl HttpService for NamingClient {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let named = self.owner.name(&mut request).await;
        named.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        self.client.execute(request).await
    }
}

/// The bytes of hex digits; `None`: it says that the payload is not signed.
fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_twelve_digits() {
        assert!(Owner::new("123456789012", String::new()).is_ok());
        for account in ["", "12345678901", "1234567890123", "12345678901x", "１２３４"] {
            assert!(Owner::new(account, String::new()).is_err(), "{account}");
        }
    }

    #[test]
    fn a_payload_that_is_not_signed_has_no_digest() {
        assert_eq!(hex(b"00fFa1"), Some(vec![0, 255, 161]));
        assert_eq!(hex(b"UNSIGNED-PAYLOAD"), None);
        assert_eq!(hex(b"abc"), None);
    }
}
