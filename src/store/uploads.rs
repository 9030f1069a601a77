//! The multipart uploads of a bucket that were begun and not completed: `object_store` cannot list them.
//!
//! It aborts nothing, and knows no snapshots.

#[cfg(any(feature = "aws", feature = "gcp"))]
pub(crate) mod listing;

use std::fmt;

use async_trait::async_trait;
use object_store::Result;
use object_store::path::Path;

/// An upload that was begun and neither completed nor aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenUpload {
    /// The key of the object that it would become.
    pub key: Path,
    /// What the store calls it.
    pub id: String,
}

impl OpenUpload {
    /// The upload `id` of the object `key`.
    pub fn new(key: Path, id: impl Into<String>) -> Self {
        Self { key, id: id.into() }
    }
}

/// Knows the open uploads of a bucket, those of other processes too.
///
/// Errors are [`PermissionDenied`](object_store::Error::PermissionDenied) and
/// [`NotSupported`](object_store::Error::NotSupported) where the store does not let them be listed.
#[async_trait]
pub trait ListUploads: Send + Sync + fmt::Debug {
    /// The open uploads under a prefix.
    async fn list_uploads(&self, prefix: &Path) -> Result<Vec<OpenUpload>>;
}
