//! A snapshot in a directory of the local file system.
//!
//! Data objects are written under `.staging/` and moved to their names when they are complete; each file is
//! open only while bytes are written to it, so that thousands of them need no more descriptors than one.
//! It locks the small objects that it creates; whose they are it does not know.
//!
//! Invariants: a name is given once and never replaced, but by the holder of the lock that the old file had.
//! What was completed is on the disk before a small object is created, so that no manifest outlives a power
//! failure that its data does not.

mod dir;
mod inner;
mod small;
mod staged;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::PutPayload;

use self::inner::Inner;
use super::names;
use super::{
    ObjectInfo, PartStore, PartTag, PutNew, Replaced, StoreTraits, Upload, UploadId, UploadPart, Version,
};
use crate::error::{Cause, Result};

/// The snapshot in one directory, which is made when it is first written to.
///
/// ```
/// use segment_export::upload::LocalParts;
///
/// let parts = LocalParts::new("/data/exports/0123456789abcdef0123456789abcdef");
/// ```
#[derive(Clone, Debug)]
pub struct LocalParts {
    inner: Arc<Inner>,
}

impl LocalParts {
    /// The snapshot in this directory; nothing is read or written yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { inner: Arc::new(Inner::new(path.into())) }
    }

    /// Runs on the blocking pool; a call that was begun runs to its end even if nobody waits.
    async fn blocking<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Inner) -> Result<T> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        match tokio::task::spawn_blocking(move || work(&inner)).await {
            Ok(done) => done,
            Err(error) if error.is_cancelled() => Err(Cause::Cancelled.into()),
            Err(_panic) => Err(Cause::Panicked.into()),
        }
    }
}

#[async_trait]
impl PartStore for LocalParts {
    fn traits(&self) -> StoreTraits {
        StoreTraits::local()
    }

    async fn create(&self, name: &str) -> Result<UploadId> {
        names::check(name)?;
        let name = name.to_owned();
        self.blocking(move |inner| {
            inner.create(&name).map_err(|error| inner.fail("creating a file", &name, error))?;
            Ok(UploadId(name))
        })
        .await
    }

    async fn put_part(&self, upload: &Upload, part: UploadPart, bytes: PutPayload) -> Result<PartTag> {
        names::check(&upload.name)?;
        let name = upload.name.clone();
        // The semaphore is never closed, so that this is always a permit.
        let turn = Arc::clone(&self.inner.writer).acquire_owned().await;
        self.blocking(move |inner| {
            let written = inner.write(&name, part.offset, &bytes);
            // A write that nobody waits for any more keeps its turn to its end. Others write while this one is synced.
            drop(turn);
            written
                .and_then(|written| written.sync_ahead())
                .map_err(|error| inner.fail("writing a part", &name, error))
        })
        .await?;
        Ok(PartTag(part.index.to_string()))
    }

    async fn complete(&self, upload: &Upload, _: &[PartTag], size: u64) -> Result<()> {
        names::check(&upload.name)?;
        let name = upload.name.clone();
        self.blocking(move |inner| {
            inner.complete(&name, size).map_err(|error| inner.fail("completing an object", &name, error))
        })
        .await
    }

    async fn abort(&self, upload: &Upload) -> Result<()> {
        small::check_staged(&upload.name)?;
        let name = upload.name.clone();
        self.blocking(move |inner| {
            let removed = inner.staging()?.map_or(Ok(()), |staging| staging.remove(&name));
            removed.map_err(|error| inner.fail("removing a staged file", &name, error))
        })
        .await
    }

    async fn delete(&self, name: &str) -> Result<()> {
        names::check(name)?;
        let name = name.to_owned();
        self.blocking(move |inner| inner.delete(&name)).await
    }

    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<PutNew> {
        names::check(name)?;
        let name = name.to_owned();
        self.blocking(move |inner| {
            inner.put_new(&name, &bytes).map_err(|error| inner.fail("creating", &name, error))
        })
        .await
    }

    async fn replace_if(&self, name: &str, bytes: Bytes, version: &Version) -> Result<Replaced> {
        names::check(name)?;
        let (name, version) = (name.to_owned(), version.clone());
        self.blocking(move |inner| {
            let replaced = inner.replace_if(&name, &bytes, &version);
            replaced.map_err(|error| inner.fail("replacing", &name, error))
        })
        .await
    }

    async fn head(&self, name: &str) -> Result<Option<ObjectInfo>> {
        names::check(name)?;
        let name = name.to_owned();
        self.blocking(move |inner| {
            let Some(dir) = inner.snapshot()? else { return Ok(None) };
            let size = dir.size(&name).map_err(|error| inner.fail("reading", &name, error))?;
            Ok(size.map(|size| ObjectInfo::new(name, size)))
        })
        .await
    }

    async fn get(&self, name: &str) -> Result<Option<(Bytes, Version)>> {
        names::check(name)?;
        let name = name.to_owned();
        self.blocking(move |inner| inner.get(&name)).await
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes> {
        names::check(name)?;
        let name = name.to_owned();
        self.blocking(move |inner| {
            inner.get_range(&name, range).map_err(|error| inner.fail("reading", &name, error))
        })
        .await
    }

    async fn list(&self) -> Result<Vec<ObjectInfo>> {
        self.blocking(Inner::list).await
    }

    async fn list_open(&self) -> Result<Vec<Upload>> {
        self.blocking(Inner::list_open).await
    }

    async fn finish(&self) -> Result<()> {
        self.blocking(Inner::finish).await
    }
}
