//! What receipts and manifests say of sealed objects.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How data objects are encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Encryption {
    /// Who encrypts: `envelope`, `sse-kms`, or both as `envelope+sse-kms`.
    pub mode: String,
    /// The algorithm suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// The key that objects are sealed under: its ARN, or the namespace and name of a local key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The key that the store was told to encrypt under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_key: Option<String>,
    /// What the encryption contexts of all objects have in common.
    #[serde(default)]
    pub context: BTreeMap<String, String>,
}

impl Encryption {
    /// The mode of data objects that were sealed before they were stored.
    pub const ENVELOPE: &'static str = "envelope";

    /// The mode of data objects that the store encrypts.
    pub const SSE_KMS: &'static str = "sse-kms";

    /// Objects that are sealed by this suite under this key.
    pub fn envelope(suite: String, key: String, context: BTreeMap<String, String>) -> Self {
        let mode = Self::ENVELOPE.to_owned();
        Self { mode, suite: Some(suite), key: Some(key), store_key: None, context }
    }

    /// The same, and encrypted by the store under this key of KMS.
    #[must_use]
    pub fn with_sse_kms(mut self, key: String) -> Self {
        let plus = if self.mode.is_empty() { "" } else { "+" };
        self.mode = format!("{}{plus}{}", self.mode, Self::SSE_KMS);
        self.store_key = Some(key);
        self
    }

    /// Whether data objects are sealed.
    pub fn is_envelope(&self) -> bool {
        self.mode.split('+').any(|mode| mode == Self::ENVELOPE)
    }
}

/// What is in a sealed data object; its size and checksum are of what is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SealedPart {
    /// The encryption context of its message.
    pub context: BTreeMap<String, String>,
    /// Its bytes when it is opened.
    pub plain_size: u64,
}

impl SealedPart {
    /// An object of this context that holds so many bytes.
    pub fn new(context: BTreeMap<String, String>, plain_size: u64) -> Self {
        Self { context, plain_size }
    }
}
