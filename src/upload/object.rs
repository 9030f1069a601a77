//! A snapshot under a prefix of an object store.
//!
//! Data objects are multipart uploads with explicit ids, so that nothing depends on a value that could be
//! dropped. Requests about them are tried again here, a bounded number of times and signed anew each time;
//! the rest is tried again by the store's own client.
//!
//! Invariant: an answer that was lost is never guessed. What became of a completion is read back.

mod begun;
mod failure;
mod requests;
mod version;

use std::fmt;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::multipart::MultipartStore;
use object_store::path::Path;

use self::begun::Begun;
use self::failure::{fail, is_untold};
use super::retry::{self, Failure};
use super::{ListUploads, OpenUpload, StoreTraits, Upload, UploadId, names};
use crate::error::Result;
use crate::settings::RetrySettings;

/// A snapshot under a prefix of an object store, or in memory.
///
/// `object_store` cannot list open uploads: [`list_open`](super::PartStore::list_open) gives those that were begun through this
/// value, and those of other processes [with what lists them](Self::with_uploads). A rule of the bucket should
/// end those that nobody comes back for.
///
/// ```
/// use object_store::memory::InMemory;
/// use object_store::path::Path;
/// use segment_export::upload::ObjectParts;
///
/// let parts = ObjectParts::memory(&InMemory::new(), Path::from("exports/0123"));
/// ```
#[derive(Clone)]
pub struct ObjectParts {
    object: Arc<dyn ObjectStore>,
    multipart: Arc<dyn MultipartStore>,
    prefix: Path,
    traits: StoreTraits,
    retry: RetrySettings,
    uploads: Option<Arc<dyn ListUploads>>,
    begun: Arc<Begun>,
}

impl ObjectParts {
    /// The snapshot under a prefix of a store, with the limits of S3 and the default retries.
    ///
    /// `object` should try failed requests again by itself, `multipart` not: it is the same store, and its
    /// requests are tried again here.
    pub fn new(object: Arc<dyn ObjectStore>, multipart: Arc<dyn MultipartStore>, prefix: Path) -> Self {
        Self {
            object,
            multipart,
            prefix,
            traits: StoreTraits::s3(),
            retry: RetrySettings::default(),
            uploads: None,
            begun: Arc::default(),
        }
    }

    /// The snapshot under a prefix of a store that is both, such as `AmazonS3`.
    pub fn over<S: ObjectStore + MultipartStore>(store: &Arc<S>, prefix: Path) -> Self {
        Self::new(Arc::<S>::clone(store), Arc::<S>::clone(store), prefix)
    }

    /// The snapshot under a prefix of a store in memory.
    pub fn memory(store: &InMemory, prefix: Path) -> Self {
        let traits = StoreTraits { locks: false, ..StoreTraits::local() };
        Self::over(&Arc::new(store.clone()), prefix).with_traits(traits)
    }

    /// Takes other limits; default: those of S3.
    #[must_use]
    pub fn with_traits(mut self, traits: StoreTraits) -> Self {
        self.traits = traits;
        self
    }

    /// Takes other retries and time-outs.
    #[must_use]
    pub fn with_retry(mut self, retry: RetrySettings) -> Self {
        self.retry = retry;
        self
    }

    /// Takes what lists the open uploads of the bucket; default: nothing does.
    #[must_use]
    pub fn with_uploads(mut self, uploads: Arc<dyn ListUploads>) -> Self {
        self.uploads = Some(uploads);
        self
    }

    fn path(&self, name: &str) -> Result<Path> {
        names::check(name)?;
        Ok(self.prefix.clone().join(name))
    }

    /// One request through the client that tries again by itself.
    async fn once<T>(
        &self,
        call: impl Future<Output = object_store::Result<T>> + Send,
    ) -> Result<T, Failure> {
        retry::once(retry::overall(&self.retry), call).await
    }

    /// The open uploads that the store tells of; none where it does not.
    async fn listed_uploads(&self) -> Result<Vec<Upload>> {
        let Some(uploads) = &self.uploads else { return Ok(Vec::new()) };
        let listed = match retry::attempts(&self.retry, || uploads.list_uploads(&self.prefix)).await {
            Ok(listed) => listed,
            Err(Failure::Store(error)) if is_untold(&error) => {
                tracing::warn!(%error, "the store does not list open uploads: a rule of the bucket must end them");
                return Ok(Vec::new());
            }
            Err(failure) => return Err(fail("listing open uploads", self.prefix.as_ref(), failure)),
        };
        let named = |upload: OpenUpload| Some(Upload::new(self.name_of(&upload.key)?, UploadId(upload.id)));
        Ok(listed.into_iter().filter_map(named).collect())
    }

    /// The name of an object of the snapshot by its key; `None` for any other.
    fn name_of(&self, key: &Path) -> Option<String> {
        let mut below = key.prefix_match(&self.prefix)?;
        let name = below.next()?.as_ref().to_owned();
        (below.next().is_none() && names::check(&name).is_ok()).then_some(name)
    }
}

impl fmt::Debug for ObjectParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectParts").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
