//! Headers of S3 that the operator asks for and `object_store` cannot be told of: the account that a bucket must belong
//! to, in every request, and user metadata and tags, where an object is made.
//!
//! S3 refuses headers of its own that are not signed: a request that gets some is signed once more.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::signer::{HeaderMap, HeaderName, HeaderValue};

use super::StoreOptions;
use super::pace::Paced;
use crate::error::{Cause, Error, Result};

/// The options that are read here.
const ACCOUNT: &str = "aws_expected_bucket_owner";
const METADATA: &str = "aws_object_metadata";
const TAGS: &str = "aws_object_tags";

const DIGEST: &str = "x-amz-content-sha256";

/// The most tags of an object, and the most bytes of its metadata ("Working with object metadata", S3 User Guide).
const MOST_TAGS: usize = 10;
const MOST_METADATA_BYTES: usize = 2 << 10;

/// The headers, and what their requests are signed with.
#[derive(Clone, Debug)]
pub(super) struct Headers {
    /// Of every request.
    every: HeaderMap,
    /// Of a request that makes an object, single or multipart.
    making: HeaderMap,
    region: String,
    /// Known when the client is built: it may ask for them on its own.
    credentials: Arc<OnceLock<AwsCredentialProvider>>,
}

/// Makes clients whose requests have the headers.
#[derive(Debug)]
pub(super) struct Naming {
    pace: Paced,
    headers: Headers,
}

#[derive(Debug)]
struct NamingClient {
    client: HttpClient,
    headers: Headers,
}

impl Headers {
    /// What the options ask for; `None`: nothing.
    ///
    /// # Errors
    ///
    /// When an option breaks a rule of S3.
    pub(super) fn of(options: &StoreOptions, region: String) -> Result<Option<Self>> {
        let (mut every, mut making) = (HeaderMap::new(), HeaderMap::new());
        if let Some(account) = options.get(ACCOUNT) {
            every.insert("x-amz-expected-bucket-owner", owner(account)?);
        }
        if let Some(pairs) = options.get(METADATA) {
            making.extend(metadata(pairs)?);
        }
        if let Some(pairs) = options.get(TAGS) {
            making.insert("x-amz-tagging", tagging(pairs)?);
        }
        let is_any = !every.is_empty() || !making.is_empty();
        Ok(is_any.then(|| Self { every, making, region, credentials: Arc::default() }))
    }

    pub(super) fn over(&self, pace: Paced) -> Naming {
        Naming { pace, headers: self.clone() }
    }

    /// Takes what signs requests; the first one stays.
    pub(super) fn sign_with(&self, credentials: &AwsCredentialProvider) {
        self.credentials.get_or_init(|| Arc::clone(credentials));
    }

    async fn add(&self, request: &mut HttpRequest) -> object_store::Result<()> {
        let Some(credentials) = self.credentials.get() else { return Ok(()) };
        // Requests to whom credentials are asked from are not signed, and not for a bucket.
        if !request.headers().contains_key("authorization") {
            return Ok(());
        }
        let digest = request.headers().get(DIGEST).map(|digest| hex(digest.as_bytes()));
        request.headers_mut().remove("authorization");
        request.headers_mut().extend(self.every.clone());
        if makes_an_object(request) {
            request.headers_mut().extend(self.making.clone());
        }
        let credential = credentials.get_credential().await?;
        let signer = AwsAuthorizer::new(&credential, "s3", &self.region);
        match digest.flatten() {
            Some(digest) => signer.try_authorize(request, Some(&digest)),
            None => signer.with_sign_payload(false).try_authorize(request, None),
        }
    }
}

/// Whether a request is `PutObject` or `CreateMultipartUpload`.
fn makes_an_object(request: &HttpRequest) -> bool {
    let query = request.uri().query().unwrap_or_default();
    let has = |name| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    match request.method().as_str() {
        "PUT" => !has("partNumber"),
        "POST" => has("uploads"),
        _ => false,
    }
}

fn broken(field: &'static str, rule: &str) -> Error {
    Cause::Field { field, rule: rule.to_owned() }.into()
}

fn owner(account: &str) -> Result<HeaderValue> {
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let value = HeaderValue::from_str(account).ok().filter(|_| is_account);
    value.ok_or_else(|| broken(ACCOUNT, "must have 12 digits"))
}

/// Names and values, as in the query of a URL: `team=crm&tier=gold`.
fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn metadata(text: &str) -> Result<HeaderMap> {
    let rule = "must be name=value pairs between &, of up to 2 KiB in ASCII";
    let pairs = pairs(text);
    let bytes = pairs.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    let header = |(name, value): &(String, String)| {
        let is_named = !name.is_empty() && value.is_ascii();
        let name = HeaderName::try_from(format!("x-amz-meta-{name}")).ok().filter(|_| is_named)?;
        Some((name, HeaderValue::from_str(value).ok()?))
    };
    let headers = pairs.iter().map(header).collect::<Option<HeaderMap>>();
    // A name that is there twice would be one header fewer.
    let headers = headers.filter(|headers| headers.keys_len() == pairs.len() && bytes <= MOST_METADATA_BYTES);
    headers.ok_or_else(|| broken(METADATA, rule))
}

fn tagging(text: &str) -> Result<HeaderValue> {
    let rule = "must be up to 10 key=value pairs between &, keys of up to 128 characters and values of 256";
    let pairs = pairs(text);
    let fits = |(key, value): &(String, String)| {
        (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256
    };
    let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    let value = HeaderValue::try_from(encoded).ok();
    let value = value.filter(|_| pairs.len() <= MOST_TAGS && pairs.iter().all(fits));
    value.ok_or_else(|| broken(TAGS, rule))
}

impl HttpConnector for Naming {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = self.pace.connect(options)?;
        Ok(HttpClient::new(NamingClient { client, headers: self.headers.clone() }))
    }
}

#[async_trait]
impl HttpService for NamingClient {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let named = self.headers.add(&mut request).await;
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

    fn refused(option: &str, text: &str) -> bool {
        let options = StoreOptions::from_pairs([(option, text)]);
        Headers::of(&options, String::new()).is_err_and(|error| error.to_string().contains(option))
    }

    #[test]
    fn an_account_has_twelve_digits() {
        assert!(owner("123456789012").is_ok());
        for account in ["", "12345678901", "1234567890123", "12345678901x", "１２３４"] {
            assert!(refused(ACCOUNT, account), "{account}");
        }
    }

    #[test]
    fn metadata_are_headers_within_the_limits_of_s3() {
        let found = metadata("team=crm+%26+sales&Tier=gold").unwrap();
        assert_eq!(found["x-amz-meta-team"], "crm & sales");
        assert_eq!(found["x-amz-meta-tier"], "gold");
        let long = format!("a={}", "x".repeat(MOST_METADATA_BYTES));
        for text in ["=x", "a=1&a=2", "a=é", "a b=1", "a=%0A", &long] {
            assert!(refused(METADATA, text), "{text}");
        }
    }

    #[test]
    fn tags_are_one_header_within_the_limits_of_s3() {
        assert_eq!(tagging("team=crm%20%26&kind=é").unwrap(), "team=crm+%26&kind=%C3%A9");
        let many = (0..=MOST_TAGS).map(|tag| format!("{tag}=1")).collect::<Vec<_>>().join("&");
        let long = ["=x".to_owned(), "k".repeat(129), format!("a={}", "x".repeat(257)), many];
        assert!(long.iter().all(|text| refused(TAGS, text)));
    }

    #[test]
    fn a_payload_that_is_not_signed_has_no_digest() {
        assert_eq!(hex(b"00fFa1"), Some(vec![0, 255, 161]));
        assert_eq!(hex(b"UNSIGNED-PAYLOAD"), None);
        assert_eq!(hex(b"abc"), None);
    }
}
