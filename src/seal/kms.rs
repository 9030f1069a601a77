//! A wrapping key of AWS KMS, which never leaves the service.
//!
//! Each data key is made, wrapped or opened by a request, under the encryption context of its message. What the
//! service gives in clear is moved into memory that is wiped; the SDK's own copies of its answer are not.
//!
//! Invariant: a data key is taken only from the key that was asked for, which the answer names by its ARN.

use std::fmt;
use std::sync::OnceLock;

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use zeroize::Zeroizing;

use super::context::EncryptionContext;
use super::key::{DataKey, KeyProvider, NewKey, WrappedKey};
use crate::error::{Cause, Error, ErrorKind, Result, ServiceFailure};
use crate::plan::{KeyId, KmsName};

/// The provider id of KMS, as the SDKs know it.
const PROVIDER: &str = "aws-kms";

/// What KMS says of a data key that another key wraps.
const OTHER_KEY: &str = "IncorrectKeyException";

/// A symmetric key of AWS KMS, by its ARN, id or alias.
///
/// It needs `kms:GenerateDataKey` to be the first key of an export, `kms:Encrypt` to be a further one, and
/// `kms:Decrypt` to open.
pub struct KmsKey {
    client: Client,
    name: KmsName,
    /// The ARN, once KMS named it.
    arn: OnceLock<String>,
}

impl KmsKey {
    /// A key that this client is asked for; the client must be of the key's region.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadRequest`] when the text names no key of KMS.
    pub fn new(client: Client, key: &KeyId) -> Result<Self> {
        let name = KmsName::parse(key)?;
        let arn = match &name {
            KmsName::Arn(arn) => OnceLock::from(arn.clone()),
            KmsName::Id(_) | KmsName::Alias(_) => OnceLock::new(),
        };
        Ok(Self { client, name, arn })
    }

    /// The ARN that an answer names, which stays the same as long as the key is used.
    fn named(&self, operation: &'static str, arn: Option<&str>) -> Result<String> {
        let arn = arn.filter(|arn| self.name.may_be(arn));
        let arn = arn.ok_or_else(|| self.strange(operation, "the answer names another key"))?;
        if self.arn.get_or_init(|| arn.to_owned()) != arn {
            return Err(self.strange(operation, "the alias was moved to another key"));
        }
        Ok(arn.to_owned())
    }

    fn wrapped(&self, operation: &'static str, arn: Option<&str>, bytes: Option<Blob>) -> Result<WrappedKey> {
        let arn = self.named(operation, arn)?;
        let bytes = bytes.ok_or_else(|| self.strange(operation, "the answer is incomplete"))?;
        Ok(WrappedKey {
            provider: PROVIDER.to_owned(),
            info: arn.into_bytes(),
            ciphertext: bytes.into_inner(),
        })
    }

    fn clear(&self, operation: &'static str, bytes: Option<Blob>) -> Result<DataKey> {
        let bytes = bytes.map(|bytes| Zeroizing::new(bytes.into_inner()));
        let key = bytes.and_then(|bytes| DataKey::from_slice(&bytes));
        key.ok_or_else(|| self.strange(operation, "the answer holds no key of 32 bytes"))
    }

    fn failed(&self, operation: &'static str, failure: ServiceFailure) -> Error {
        let key = self.key_id();
        Cause::Key { operation, key, kind: failure.kind(), source: failure.into() }.into()
    }

    /// An answer that does not fit the question.
    fn strange(&self, operation: &'static str, problem: &'static str) -> Error {
        Cause::Key { operation, key: self.key_id(), kind: ErrorKind::Internal, source: problem.into() }.into()
    }
}

#[async_trait]
impl KeyProvider for KmsKey {
    /// The ARN; before KMS was asked the name that was given.
    fn key_id(&self) -> String {
        self.arn.get().map_or_else(|| self.name.as_str(), String::as_str).to_owned()
    }

    async fn generate_key(&self, context: &EncryptionContext) -> Result<NewKey> {
        const OPERATION: &str = "asking KMS for a data key";
        let mut request =
            self.client.generate_data_key().key_id(self.name.as_str()).key_spec(DataKeySpec::Aes256);
        for (key, value) in context.iter() {
            request = request.encryption_context(key, value);
        }
        let mut answer = request.send().await.map_err(|error| self.failed(OPERATION, told(&error)))?;
        // First, so that it is wiped whatever else is wrong.
        let key = self.clear(OPERATION, answer.plaintext.take());
        let wrapped = self.wrapped(OPERATION, answer.key_id.as_deref(), answer.ciphertext_blob.take())?;
        Ok(NewKey { key: key?, wrapped })
    }

    async fn wrap_key(&self, key: &DataKey, context: &EncryptionContext) -> Result<WrappedKey> {
        const OPERATION: &str = "wrapping a data key by KMS";
        let plaintext = Blob::new(key.as_bytes().as_slice());
        let mut request = self.client.encrypt().key_id(self.name.as_str()).plaintext(plaintext);
        for (key, value) in context.iter() {
            request = request.encryption_context(key, value);
        }
        let mut answer = request.send().await.map_err(|error| self.failed(OPERATION, told(&error)))?;
        self.wrapped(OPERATION, answer.key_id.as_deref(), answer.ciphertext_blob.take())
    }

    async fn unwrap_key(&self, wrapped: &WrappedKey, context: &EncryptionContext) -> Result<Option<DataKey>> {
        const OPERATION: &str = "opening a data key by KMS";
        let Some(arn) = arn_of(wrapped).filter(|arn| self.name.may_be(arn)) else { return Ok(None) };
        let ciphertext = Blob::new(wrapped.ciphertext.as_slice());
        let mut request = self.client.decrypt().key_id(self.name.as_str()).ciphertext_blob(ciphertext);
        for (key, value) in context.iter() {
            request = request.encryption_context(key, value);
        }
        let mut answer = match request.send().await.map_err(|error| told(&error)) {
            Ok(answer) => answer,
            // Of an alias only KMS knows whether the data key is of its key.
            Err(failure) if failure.code() == Some(OTHER_KEY) => return Ok(None),
            Err(failure) => return Err(self.failed(OPERATION, failure)),
        };
        let key = self.clear(OPERATION, answer.plaintext.take());
        if answer.key_id.as_deref() != Some(arn) {
            return Err(self.strange(OPERATION, "the answer names another key"));
        }
        key.map(Some)
    }
}

impl fmt::Debug for KmsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsKey").field("name", &self.name).field("arn", &self.arn).finish_non_exhaustive()
    }
}

/// The ARN under which a key of KMS wrapped a data key; `None` where it was no key of KMS.
fn arn_of(wrapped: &WrappedKey) -> Option<&str> {
    let info = (wrapped.provider == PROVIDER).then_some(&wrapped.info)?;
    std::str::from_utf8(info).ok()
}

fn told<E>(error: &SdkError<E>) -> ServiceFailure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    ServiceFailure::new(error)
}
