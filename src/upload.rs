//! Where the bytes go: data objects that stay invisible until they are completed, and small objects that
//! are created only where nothing is.
//!
//! A [`PartStore`] is bound to the prefix of one snapshot; names are relative to it. It does not know which
//! objects make up a snapshot, nor when they are completed: that is `export` and `manifest`.
//!
//! Invariant: nothing that was not completed is visible to a reader that lists, and nothing is replaced.

#[cfg(unix)]
mod local;
mod names;
mod object;
mod observed;
mod part;
mod retry;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::PutPayload;
use object_store::path::Path as ObjectPath;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::plan::destination::{Location, Scheme};
use crate::settings::RetrySettings;
use crate::store::{self, StoreOptions};

#[cfg(unix)]
pub use self::local::LocalParts;
pub use self::object::ObjectParts;
pub(crate) use self::observed::ObservedParts;
pub(crate) use self::part::part_bytes;
pub use self::part::{PartUpload, Uploaded, Uploader};
#[cfg(feature = "aws")]
pub use crate::store::signed_uploads;
#[cfg(feature = "gcp")]
pub use crate::store::token_uploads;
pub use crate::store::uploads::{ListUploads, OpenUpload};

/// The part store of a snapshot's place.
///
/// # Errors
///
/// When no client can be made for the place; nothing is asked of the place itself yet.
pub fn open(
    snapshot: &Location,
    options: &StoreOptions,
    retry: &RetrySettings,
) -> Result<Arc<dyn PartStore>> {
    match snapshot {
        Location::Local(path) => open_local(path),
        Location::Object(place) => {
            let client = store::connect(place, options, retry)?;
            let prefix = ObjectPath::from(place.key.as_str());
            let traits = match place.scheme {
                Scheme::S3 => StoreTraits::s3(),
                Scheme::Gs => StoreTraits::gcs(),
                Scheme::Az => StoreTraits::azure(),
            };
            let parts = ObjectParts::new(client.object, client.multipart, prefix)
                .with_traits(traits)
                .with_retry(retry.clone());
            Ok(Arc::new(match client.uploads {
                Some(uploads) => parts.with_uploads(uploads),
                None => parts,
            }))
        }
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems refuse")]
fn open_local(path: &Path) -> Result<Arc<dyn PartStore>> {
    Ok(Arc::new(LocalParts::new(path)))
}

#[cfg(not(unix))]
fn open_local(_: &Path) -> Result<Arc<dyn PartStore>> {
    use crate::error::Cause;
    Err(Cause::NotAvailable { what: "a local destination on this system".to_owned() }.into())
}

/// The prefix of one snapshot in a store.
///
/// A store tries again as it sees fit: nobody above it does, but for objects that are created only where
/// nothing is. Every call may be made again after a failure. Errors say which object they are about, and
/// no more.
#[async_trait]
pub trait PartStore: Send + Sync + fmt::Debug {
    /// The limits and abilities of the store.
    fn traits(&self) -> StoreTraits;

    /// Begins a data object, which stays invisible until [`complete`](Self::complete).
    async fn create(&self, name: &str) -> Result<UploadId>;

    /// Stores one part of a data object; parts may be put at once, in any order, and again.
    async fn put_part(&self, upload: &Upload, part: UploadPart, bytes: PutPayload) -> Result<PartTag>;

    /// Makes a data object of all its parts visible, in one step.
    ///
    /// `size` is the sum of its parts, by which a completion is known whose answer was lost. An object
    /// without bytes has no parts.
    async fn complete(&self, upload: &Upload, tags: &[PartTag], size: u64) -> Result<()>;

    /// Gives up a data object that was not completed; what is gone or completed already is no error.
    async fn abort(&self, upload: &Upload) -> Result<()>;

    /// Deletes an object; what is gone already is no error.
    async fn delete(&self, name: &str) -> Result<()>;

    /// Creates a small object if none has this name.
    ///
    /// A store whose [`StoreTraits::locks`] is true keeps the object locked until it is dropped or the
    /// process ends, however it ends.
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<PutNew>;

    /// Replaces a small object if it is still of this version.
    async fn replace_if(&self, name: &str, bytes: Bytes, version: &Version) -> Result<Replaced>;

    /// The size of an object, or `None` where there is none.
    async fn head(&self, name: &str) -> Result<Option<ObjectInfo>>;

    /// A small object and its version, or `None` where there is none.
    async fn get(&self, name: &str) -> Result<Option<(Bytes, Version)>>;

    /// A range of the bytes of an object.
    async fn get_range(&self, name: &str, range: std::ops::Range<u64>) -> Result<Bytes>;

    /// The visible objects under the prefix, in the order of their names.
    async fn list(&self) -> Result<Vec<ObjectInfo>>;

    /// The data objects that were begun and neither completed nor aborted, by any process.
    ///
    /// A store that cannot list them gives those that were begun through this value.
    async fn list_open(&self) -> Result<Vec<Upload>>;

    /// Takes away what an ended export leaves besides its objects, such as a staging directory and locks.
    async fn finish(&self) -> Result<()>;
}

/// What a store can do, and its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreTraits {
    /// Whether small objects that are created are locked as long as their creator lives.
    pub locks: bool,
    /// Bytes of an upload part at least, but for the last one.
    pub min_part_bytes: u64,
    /// Upload parts of an object at most.
    pub max_parts: u64,
    /// Whether a call that failed has no effect that shows later, as a request on its way may have.
    pub failures_are_final: bool,
}

impl StoreTraits {
    /// A directory: no limits, locks that end with their process, calls that end when they return.
    pub fn local() -> Self {
        Self { locks: true, min_part_bytes: 0, max_parts: u64::MAX, failures_are_final: true }
    }

    /// Amazon S3 and what speaks its protocol.
    pub fn s3() -> Self {
        Self { locks: false, min_part_bytes: 5 << 20, max_parts: 10_000, failures_are_final: false }
    }

    /// Google Cloud Storage: the limits of S3, whose multipart protocol it speaks.
    pub fn gcs() -> Self {
        Self::s3()
    }

    /// Azure Blob Storage, where a part is a block.
    pub fn azure() -> Self {
        Self { min_part_bytes: 0, max_parts: 50_000, ..Self::s3() }
    }
}

/// What a store calls an upload that was begun.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
#[non_exhaustive]
pub struct UploadId(pub String);

impl UploadId {
    /// The name that a store gave to an upload.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// A data object that was begun.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Upload {
    /// Its name, relative to the prefix.
    pub name: String,
    /// What the store calls it.
    pub id: UploadId,
}

impl Upload {
    /// The upload `id` of the object `name`.
    pub fn new(name: impl Into<String>, id: UploadId) -> Self {
        Self { name: name.into(), id }
    }
}

/// Which part of a data object, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadPart {
    /// Its number, from 0.
    pub index: u32,
    /// The offset of its first byte in the object.
    pub offset: u64,
}

impl UploadPart {
    /// Part `index`, whose first byte is at `offset`.
    pub fn new(index: u32, offset: u64) -> Self {
        Self { index, offset }
    }
}

/// What a store answers for a part, wanted at completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[non_exhaustive]
pub struct PartTag(pub String);

impl PartTag {
    /// The answer of a store for a part.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// The version of a small object, opaque: an `ETag`, say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Version(pub String);

impl Version {
    /// The version that a store names so.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// What became of [`PartStore::put_new`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PutNew {
    /// The object is there now, of this version.
    Created(Version),
    /// An object of this name was there before, or the store saw another writer at the same time.
    Exists,
}

/// What became of [`PartStore::replace_if`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Replaced {
    /// The object is replaced, and of this version now.
    Done(Version),
    /// The object is of another version now, or gone.
    Changed,
    /// A living process holds the lock of the object.
    Locked,
}

/// A visible object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectInfo {
    /// Its name, relative to the prefix.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
}

impl ObjectInfo {
    /// The object `name` of `size` bytes.
    pub fn new(name: impl Into<String>, size: u64) -> Self {
        Self { name: name.into(), size }
    }
}
