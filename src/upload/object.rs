//! A snapshot under a prefix of an object store.
//!
//! Data objects are multipart uploads with explicit ids, so that nothing depends on a value that could be
//! dropped. Requests about them are tried again here, a bounded number of times and signed anew each time;
//! the rest is tried again by the store's own client.
//!
//! Invariant: an answer that was lost is never guessed. What became of a completion is read back.

mod begun;
mod failure;
mod version;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutPayload};

use self::begun::{Begun, Fate};
use self::failure::{fail, is_gone, is_untold};
use self::version::{update_version, version};
use super::retry::{self, Failure};
use super::{
    ListUploads, ObjectInfo, OpenUpload, PartStore, PartTag, PutNew, Replaced, StoreTraits, Upload, UploadId,
    UploadPart, Version, names,
};
use crate::error::{Cause, ErrorKind, Result};
use crate::settings::RetrySettings;

/// A snapshot under a prefix of an object store, or in memory.
///
/// `object_store` cannot list open uploads: [`PartStore::list_open`] gives those that were begun through this
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

#[async_trait]
impl PartStore for ObjectParts {
    fn traits(&self) -> StoreTraits {
        self.traits.clone()
    }

    async fn create(&self, name: &str) -> Result<UploadId> {
        let path = self.path(name)?;
        let mut calls = 0_u32;
        let create = || {
            calls += 1;
            self.multipart.create_multipart(&path)
        };
        let created = retry::attempts(&self.retry, create).await;
        if created.is_err() || calls > 1 {
            self.begun.note_unanswered(name);
        }
        let id = created.map_err(|failure| fail("beginning an upload", name, failure))?;
        let upload = Upload::new(name, UploadId(id));
        self.begun.note(&upload, Fate::Open);
        Ok(upload.id)
    }

    async fn put_part(&self, upload: &Upload, part: UploadPart, bytes: PutPayload) -> Result<PartTag> {
        let path = self.path(&upload.name)?;
        let index = part.index as usize;
        let put = || self.multipart.put_part(&path, &upload.id.0, index, bytes.clone());
        match retry::attempts_of(bytes.content_length() as u64, &self.retry, put).await {
            Ok(PartId { content_id }) => Ok(PartTag(content_id)),
            Err(failure) => Err(fail("uploading a part", &upload.name, failure)),
        }
    }

    async fn complete(&self, upload: &Upload, tags: &[PartTag], size: u64) -> Result<()> {
        let path = self.path(&upload.name)?;
        // Azure has no abort: blocks stay, and it would make an object of them all the same.
        if self.begun.fate(upload) == Some(Fate::Aborted) {
            let (operation, name) = ("completing an upload", upload.name.clone());
            let source = "it was aborted".into();
            return Err(Cause::Store { operation, name, kind: ErrorKind::Internal, source }.into());
        }
        let mut attempt = 1;
        loop {
            let parts = tags.iter().map(|tag| PartId { content_id: tag.0.clone() }).collect();
            let call = self.multipart.complete_multipart(&path, &upload.id.0, parts);
            let Err(failure) = retry::once(self.retry.timeout(), call).await else { break };
            // Its name is ours alone: with the right size it is what this call, or the one before, made.
            if self.head(&upload.name).await.is_ok_and(|info| info.is_some_and(|info| info.size == size)) {
                break;
            }
            if attempt >= self.retry.attempts || !failure.is_transient() {
                return Err(fail("completing an upload", &upload.name, failure));
            }
            attempt += 1;
            tokio::time::sleep(self.retry.backoff(attempt)).await;
        }
        self.begun.note(upload, Fate::Completed);
        Ok(())
    }

    async fn abort(&self, upload: &Upload) -> Result<()> {
        let path = self.path(&upload.name)?;
        // Stores do not agree on what they answer about an upload that was completed.
        if matches!(self.begun.fate(upload), Some(Fate::Completed | Fate::Aborted)) {
            return Ok(());
        }
        match retry::attempts(&self.retry, || self.multipart.abort_multipart(&path, &upload.id.0)).await {
            Err(Failure::Store(error)) if is_gone(&error) => {}
            done => done.map_err(|failure| fail("aborting an upload", &upload.name, failure))?,
        }
        self.begun.note(upload, Fate::Aborted);
        Ok(())
    }

    async fn delete(&self, name: &str) -> Result<()> {
        let path = self.path(name)?;
        match self.once(self.object.delete(&path)).await {
            Err(Failure::Store(error)) if is_gone(&error) => Ok(()),
            done => done.map_err(|failure| fail("deleting", name, failure)),
        }
    }

    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<PutNew> {
        let path = self.path(name)?;
        match self.once(self.object.put_opts(&path, bytes.into(), PutMode::Create.into())).await {
            Ok(put) => Ok(PutNew::Created(version(put.e_tag, put.version))),
            Err(Failure::Store(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. })) => {
                Ok(PutNew::Exists)
            }
            Err(failure) => Err(fail("creating", name, failure)),
        }
    }

    async fn replace_if(&self, name: &str, bytes: Bytes, old: &Version) -> Result<Replaced> {
        let path = self.path(name)?;
        let mode = PutMode::Update(update_version(old, name)?);
        match self.once(self.object.put_opts(&path, bytes.into(), mode.into())).await {
            Ok(put) => Ok(Replaced::Done(version(put.e_tag, put.version))),
            Err(Failure::Store(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. })) => {
                Ok(Replaced::Changed)
            }
            Err(Failure::Store(error)) if is_gone(&error) => Ok(Replaced::Changed),
            Err(failure) => Err(fail("replacing", name, failure)),
        }
    }

    async fn head(&self, name: &str) -> Result<Option<ObjectInfo>> {
        let path = self.path(name)?;
        match self.once(self.object.head(&path)).await {
            Ok(meta) => Ok(Some(ObjectInfo::new(name, meta.size))),
            Err(Failure::Store(error)) if is_gone(&error) => Ok(None),
            Err(failure) => Err(fail("reading", name, failure)),
        }
    }

    async fn get(&self, name: &str) -> Result<Option<(Bytes, Version)>> {
        let path = self.path(name)?;
        let read = async {
            let answer = self.object.get(&path).await?;
            let version = version(answer.meta.e_tag.clone(), answer.meta.version.clone());
            Ok((answer.bytes().await?, version))
        };
        match self.once(read).await {
            Ok(found) => Ok(Some(found)),
            Err(Failure::Store(error)) if is_gone(&error) => Ok(None),
            Err(failure) => Err(fail("reading", name, failure)),
        }
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes> {
        let path = self.path(name)?;
        self.once(self.object.get_range(&path, range)).await.map_err(|failure| fail("reading", name, failure))
    }

    async fn list(&self) -> Result<Vec<ObjectInfo>> {
        let found = self.once(self.object.list(Some(&self.prefix)).try_collect::<Vec<_>>()).await;
        let found = found.map_err(|failure| fail("listing", self.prefix.as_ref(), failure))?;
        let mut objects: Vec<_> = found
            .into_iter()
            .filter_map(|meta| Some(ObjectInfo::new(self.name_of(&meta.location)?, meta.size)))
            .collect();
        objects.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(objects)
    }

    async fn list_open(&self) -> Result<Vec<Upload>> {
        Ok(self.begun.open_with(self.listed_uploads().await?))
    }

    /// Ends the uploads that were begun without an answer: nobody knows them but the store.
    async fn finish(&self) -> Result<()> {
        let unanswered = self.begun.take_unanswered();
        if unanswered.is_empty() {
            return Ok(());
        }
        for upload in self.listed_uploads().await? {
            if unanswered.contains(&upload.name) && self.begun.fate(&upload).is_none() {
                self.abort(&upload).await?;
            }
        }
        Ok(())
    }
}
