//! With what a snapshot is written: the keys of its data objects, the key of its store, the role.
//!
//! [`Access`] is what an export is given; with the feature `kms` `AwsAccess` makes it of the names in a request. It
//! does not know what is exported, and asks nobody for anything.
//!
//! Invariant: names of keys and roles come from requests; credentials and external ids only from the operator.

#[cfg(feature = "kms")]
mod aws;

use crate::error::Result;
use crate::plan::KeyId;
use crate::seal::Keys;
#[cfg(feature = "kms")]
use crate::store::AssumedRole;

#[cfg(feature = "kms")]
pub use self::aws::{AwsAccess, EncryptionMode};

/// The keys and the role that a snapshot is written with; default: none.
#[derive(Clone, Debug, Default)]
pub struct Access {
    pub(crate) keys: Option<Keys>,
    pub(crate) sse_kms: Option<KeyId>,
    #[cfg(feature = "kms")]
    pub(crate) role: Option<AssumedRole>,
}

impl Access {
    /// The wrapping keys of sealed data objects; default: none, and objects are not sealed.
    #[must_use]
    pub fn with_key(mut self, keys: impl Into<Keys>) -> Self {
        self.keys = Some(keys.into());
        self
    }

    /// The key of KMS by which an `s3://` destination encrypts; default: none, as the bucket says.
    #[must_use]
    pub fn with_sse_kms(mut self, key: KeyId) -> Self {
        self.sse_kms = Some(key);
        self
    }

    /// The role as which an `s3://` destination is used; default: none. Sources never see it.
    #[cfg(feature = "kms")]
    #[must_use]
    pub fn with_role(mut self, role: AssumedRole) -> Self {
        self.role = Some(role);
        self
    }

    /// Assumes the role, if there is one.
    #[cfg_attr(not(feature = "kms"), expect(clippy::unused_async, reason = "there are no roles"))]
    pub(crate) async fn try_role(&self) -> Result<()> {
        #[cfg(feature = "kms")]
        if let Some(role) = &self.role {
            role.credentials().await?;
        }
        Ok(())
    }
}
