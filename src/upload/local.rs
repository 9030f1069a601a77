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
mod small;
mod staged;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use object_store::PutPayload;
use tokio::sync::Semaphore;

use self::dir::Dir;
use super::names::{self, STAGING};
use super::{
    ObjectInfo, PartStore, PartTag, PutNew, Replaced, StoreTraits, Upload, UploadId, UploadPart, Version,
};
use crate::error::{Cause, Error, Result};

/// How often directories are made that others take away: each of them does so once, when it ends.
const MAKE_ATTEMPTS: u32 = 100;

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

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// Lets one part be written at a time: writes to a file exclude each other anyhow, and in the kernel those that
    /// wait keep a processor busy.
    writer: Arc<Semaphore>,
    /// Data objects that were completed since everything was on the disk.
    completed: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Open from the first write to `finish`.
    dirs: Option<Arc<Dirs>>,
    /// The directories that were made, outermost first.
    made: Vec<PathBuf>,
    /// The small objects that were created here: an open file holds its lock.
    locks: BTreeMap<String, File>,
}

#[derive(Debug)]
struct Dirs {
    snapshot: Dir,
    staging: Dir,
}

impl LocalParts {
    /// The snapshot in this directory; nothing is read or written yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            inner: Arc::new(Inner {
                path: path.into(),
                writer: Arc::new(Semaphore::new(1)),
                completed: AtomicUsize::new(0),
                state: Mutex::default(),
            }),
        }
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

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // Each field is changed in one step: a panic elsewhere cannot leave the state half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, operation: &'static str, name: &str, source: io::Error) -> Error {
        Cause::Io { operation, path: self.path.join(name).display().to_string(), source }.into()
    }

    /// The directories to write in, made where they are missing.
    fn make_dirs(&self) -> io::Result<Arc<Dirs>> {
        let mut state = self.state();
        if let Some(dirs) = &state.dirs {
            return Ok(Arc::clone(dirs));
        }
        make_missing(&self.path, &mut state.made)?;
        let snapshot = Dir::open_itself(&self.path)?;
        let dirs = Arc::new(Dirs { staging: snapshot.make_child(STAGING)?, snapshot });
        state.dirs = Some(Arc::clone(&dirs));
        Ok(dirs)
    }

    /// The directories as they are: a late writer must not bring those of an ended export back.
    fn dirs(&self) -> io::Result<Arc<Dirs>> {
        if let Some(dirs) = &self.state().dirs {
            return Ok(Arc::clone(dirs));
        }
        let snapshot = Dir::open_itself(&self.path)?;
        Ok(Arc::new(Dirs { staging: snapshot.child(STAGING)?, snapshot }))
    }

    /// The directory to read in; `None` where there is none.
    fn snapshot(&self) -> Result<Option<Dir>> {
        self.existing(Dir::open(&self.path))
    }

    fn staging(&self) -> Result<Option<Dir>> {
        let Some(snapshot) = self.snapshot()? else { return Ok(None) };
        self.existing(snapshot.child(STAGING))
    }

    fn existing(&self, dir: io::Result<Dir>) -> Result<Option<Dir>> {
        match dir {
            Ok(dir) => Ok(Some(dir)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.fail("opening the directory", "", error)),
        }
    }

    /// Works in the directories; again in new ones when these are gone.
    ///
    /// One who fails to get the claim takes away the directories that it finds empty, and may meet those of
    /// the owner before there is anything in them; so may each of many who fail at once.
    fn in_dirs<T>(&self, work: impl Fn(&Dirs) -> io::Result<T>) -> io::Result<T> {
        for _ in 1..MAKE_ATTEMPTS {
            match self.make_dirs().and_then(|dirs| work(&dirs)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.state().dirs = None,
                done => return done,
            }
        }
        self.make_dirs().and_then(|dirs| work(&dirs))
    }

    fn delete(&self, name: &str) -> Result<()> {
        let removed = self.snapshot()?.map_or(Ok(()), |dir| dir.remove(name));
        removed.map_err(|error| self.fail("deleting", name, error))?;
        // Only now: whoever gets the lock next must find the file gone.
        drop(self.state().locks.remove(name));
        Ok(())
    }

    fn get_range(&self, name: &str, range: Range<u64>) -> io::Result<Bytes> {
        let dir = Dir::open(&self.path)?;
        let Some(file) = dir.open_to_read(name)? else { return Err(io::ErrorKind::NotFound.into()) };
        // The length is bounded by the file before memory is taken for it.
        let end = range.end.min(file.metadata()?.len());
        let len = usize::try_from(end.saturating_sub(range.start)).map_err(io::Error::other)?;
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes.into())
    }

    fn list(&self) -> Result<Vec<ObjectInfo>> {
        let Some(dir) = self.snapshot()? else { return Ok(Vec::new()) };
        let sizes = || -> io::Result<Vec<ObjectInfo>> {
            let mut objects = Vec::new();
            for name in dir.files()?.into_iter().filter(|name| names::check(name).is_ok()) {
                if let Some(size) = dir.size(&name)? {
                    objects.push(ObjectInfo::new(name, size));
                }
            }
            Ok(objects)
        };
        sizes().map_err(|error| self.fail("listing", "", error))
    }

    fn finish(&self) -> Result<()> {
        let mut state = self.state();
        state.locks.clear();
        state.dirs = None;
        let made = std::mem::take(&mut state.made);
        drop(state);
        if let Some(snapshot) = self.snapshot()? {
            snapshot.remove_empty_child(STAGING).map_err(|error| self.fail("removing", STAGING, error))?;
        }
        // A directory that holds something stays, and so do those around it.
        for path in made.iter().rev() {
            if fs::remove_dir(path).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// Makes the directories of a path that are missing, for their owner only, and notes which.
fn make_missing(path: &Path, made: &mut Vec<PathBuf>) -> io::Result<()> {
    let missing: Vec<_> =
        path.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists()).collect();
    for dir in missing.into_iter().rev() {
        match DirBuilder::new().mode(0o700).create(dir) {
            Ok(()) => made.push(dir.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
