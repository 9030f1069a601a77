//! Data keys, and who makes and opens them.
//!
//! Invariant: the bytes of a data key are wiped when it is dropped, and no `Debug` shows them.

use std::fmt;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::context::EncryptionContext;
use crate::error::{Cause, Result};

/// Bytes of a data key: AES-256.
pub(super) const DATA_KEY_BYTES: usize = 32;

/// Bytes of a message id.
pub(super) const MESSAGE_ID_BYTES: usize = 32;

/// A key that one message is sealed with; its bytes are wiped when it is dropped.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; DATA_KEY_BYTES]>);

impl DataKey {
    /// A key of these bytes, which must be 32; the caller wipes its own copy.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; DATA_KEY_BYTES]);
        if bytes.len() != key.len() {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self(key))
    }

    /// A key at random.
    ///
    /// # Errors
    ///
    /// When the system gives no random bytes.
    pub fn random() -> Result<Self> {
        let mut key = Zeroizing::new([0; DATA_KEY_BYTES]);
        fill_random(&mut *key)?;
        Ok(Self(key))
    }

    /// Its bytes: for a provider that wraps them, and nobody else.
    pub fn as_bytes(&self) -> &[u8; DATA_KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

/// A data key as it stands in the header: encrypted by one wrapping key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format has these fields and providers make it")]
pub struct WrappedKey {
    /// What kind of provider made it: `aws-kms`, or the namespace of a raw key.
    pub provider: String,
    /// Which key wraps it: the ARN of a KMS key, or the name of a raw key and what it needs to unwrap.
    pub info: Vec<u8>,
    /// The encrypted data key.
    pub ciphertext: Vec<u8>,
}

/// A new data key, in clear and wrapped.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "providers make it")]
pub struct NewKey {
    /// The key.
    pub key: DataKey,
    /// The key as its wrapping key holds it.
    pub wrapped: WrappedKey,
}

/// A wrapping key, and what makes and opens data keys under it.
///
/// The answers are bound to the context: a data key opens under the very context that it was made for.
#[async_trait]
pub trait KeyProvider: Send + Sync + fmt::Debug + 'static {
    /// What the manifest calls the wrapping key, such as its ARN.
    fn key_id(&self) -> String;

    /// Makes a new data key.
    async fn generate_key(&self, context: &EncryptionContext) -> Result<NewKey>;

    /// Wraps a data key that another provider made.
    async fn wrap_key(&self, key: &DataKey, context: &EncryptionContext) -> Result<WrappedKey>;

    /// Opens a data key; `None` when it is wrapped by another key than this one.
    async fn unwrap_key(&self, wrapped: &WrappedKey, context: &EncryptionContext) -> Result<Option<DataKey>>;
}

/// What a message has for itself: 32 bytes at random, never of two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageId([u8; MESSAGE_ID_BYTES]);

impl MessageId {
    /// The id of these bytes.
    pub fn new(bytes: [u8; MESSAGE_ID_BYTES]) -> Self {
        Self(bytes)
    }

    /// An id at random.
    ///
    /// # Errors
    ///
    /// When the system gives no random bytes.
    pub fn random() -> Result<Self> {
        let mut id = [0; MESSAGE_ID_BYTES];
        fill_random(&mut id)?;
        Ok(Self(id))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; MESSAGE_ID_BYTES] {
        &self.0
    }
}

/// Bytes of the system's generator.
pub(super) fn fill_random(out: &mut [u8]) -> Result<()> {
    aws_lc_rs::rand::fill(out).map_err(|_unspecified| Cause::Sealing { what: "no random bytes" }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_shows_nothing_of_itself() {
        let key = DataKey::from_slice(&[0x5a; DATA_KEY_BYTES]).unwrap();
        assert_eq!(format!("{key:?}"), "DataKey");
        assert!(DataKey::from_slice(&[0; 31]).is_none() && DataKey::from_slice(&[0; 33]).is_none());
    }
}
