//! The directories of a snapshot, and which small objects are locked in it.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::dir::Dir;
use crate::error::{Cause, Error, Result};
use crate::upload::ObjectInfo;
use crate::upload::names::{self, STAGING};

/// How often directories are made that others take away: each of them does so once, when it ends.
const MAKE_ATTEMPTS: u32 = 100;

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) path: PathBuf,
    /// Lets one part be written at a time: writes to a file exclude each other anyhow, and in the kernel those that
    /// wait keep a processor busy.
    pub(super) writer: Arc<Semaphore>,
    /// Data objects that were completed since everything was on the disk.
    pub(super) completed: AtomicUsize,
    pub(super) state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Open from the first write to `finish`.
    pub(super) dirs: Option<Arc<Dirs>>,
    /// The directories that were made, outermost first.
    pub(super) made: Vec<PathBuf>,
    /// The small objects that were created here: an open file holds its lock.
    pub(super) locks: BTreeMap<String, File>,
}

#[derive(Debug)]
pub(super) struct Dirs {
    pub(super) snapshot: Dir,
    pub(super) staging: Dir,
}

impl Inner {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            writer: Arc::new(Semaphore::new(1)),
            completed: AtomicUsize::new(0),
            state: Mutex::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Each field is changed in one step: a panic elsewhere cannot leave the state half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn fail(&self, operation: &'static str, name: &str, source: io::Error) -> Error {
        Cause::Io { operation, path: self.path.join(name).display().to_string(), source }.into()
    }

    /// The directories to write in, made where they are missing.
    pub(super) fn make_dirs(&self) -> io::Result<Arc<Dirs>> {
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
    pub(super) fn dirs(&self) -> io::Result<Arc<Dirs>> {
        if let Some(dirs) = &self.state().dirs {
            return Ok(Arc::clone(dirs));
        }
        let snapshot = Dir::open_itself(&self.path)?;
        Ok(Arc::new(Dirs { staging: snapshot.child(STAGING)?, snapshot }))
    }

    /// The directory to read in; `None` where there is none.
    pub(super) fn snapshot(&self) -> Result<Option<Dir>> {
        self.existing(Dir::open(&self.path))
    }

    pub(super) fn staging(&self) -> Result<Option<Dir>> {
        let Some(snapshot) = self.snapshot()? else { return Ok(None) };
        self.existing(snapshot.child(STAGING))
    }

    pub(super) fn existing(&self, dir: io::Result<Dir>) -> Result<Option<Dir>> {
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
    pub(super) fn in_dirs<T>(&self, work: impl Fn(&Dirs) -> io::Result<T>) -> io::Result<T> {
        for _ in 1..MAKE_ATTEMPTS {
            match self.make_dirs().and_then(|dirs| work(&dirs)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.state().dirs = None,
                done => return done,
            }
        }
        self.make_dirs().and_then(|dirs| work(&dirs))
    }

    pub(super) fn delete(&self, name: &str) -> Result<()> {
        let removed = self.snapshot()?.map_or(Ok(()), |dir| dir.remove(name));
        removed.map_err(|error| self.fail("deleting", name, error))?;
        // Only now: whoever gets the lock next must find the file gone.
        drop(self.state().locks.remove(name));
        Ok(())
    }

    pub(super) fn get_range(&self, name: &str, range: Range<u64>) -> io::Result<Bytes> {
        let dir = Dir::open(&self.path)?;
        let Some(file) = dir.open_to_read(name)? else { return Err(io::ErrorKind::NotFound.into()) };
        // The length is bounded by the file before memory is taken for it.
        let end = range.end.min(file.metadata()?.len());
        let len = usize::try_from(end.saturating_sub(range.start)).map_err(io::Error::other)?;
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes.into())
    }

    pub(super) fn list(&self) -> Result<Vec<ObjectInfo>> {
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

    pub(super) fn finish(&self) -> Result<()> {
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
