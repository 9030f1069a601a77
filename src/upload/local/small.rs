//! Small objects of a local snapshot: created whole, locked by their creator, replaced under the lock.
//!
//! Invariant: the file that has the name is replaced only by who holds the lock of that very file, so that
//! of two who try at once one wins. The lock ends with the process that holds it, however it ends.

use std::fs::{File, Metadata, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;

use bytes::Bytes;
use uuid::Uuid;

use super::super::names;
use super::super::{PutNew, Replaced, Upload, UploadId, Version};
use super::inner::{Dirs, Inner};
use crate::error::Result;

/// How files begin that are written before they get their name.
const TEMPORARY: &str = ".new-";

/// Refuses what is neither a name nor a temporary file.
pub(super) fn check_staged(name: &str) -> Result<()> {
    names::check(name.strip_prefix(TEMPORARY).unwrap_or(name))
}

impl Inner {
    pub(super) fn put_new(&self, name: &str, bytes: &[u8]) -> io::Result<PutNew> {
        let put = |dirs: &Dirs| {
            if dirs.snapshot.size(name)?.is_some() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            // What is named in this object, a manifest say, must be on the disk before it.
            self.sync_completed(&dirs.snapshot)?;
            with_temporary(dirs, bytes, |temporary| dirs.staging.move_new(temporary, &dirs.snapshot, name))
        };
        match self.in_dirs(put) {
            Ok((file, version)) => {
                self.state().locks.insert(name.to_owned(), file);
                self.make_dirs()?.snapshot.sync()?;
                Ok(PutNew::Created(version))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(PutNew::Exists),
            Err(error) => Err(error),
        }
    }

    pub(super) fn replace_if(&self, name: &str, bytes: &[u8], version: &Version) -> io::Result<Replaced> {
        let held = self.state().locks.remove(name);
        let replaced = self.in_dirs(|dirs| replace_if(dirs, name, bytes, (version, held.as_ref())));
        match replaced {
            Ok(Ok((file, version))) => {
                self.state().locks.insert(name.to_owned(), file);
                self.make_dirs()?.snapshot.sync()?;
                Ok(Replaced::Done(version))
            }
            Ok(Err(refused)) => {
                self.give_back(name, held);
                Ok(refused)
            }
            Err(error) => {
                self.give_back(name, held);
                Err(error)
            }
        }
    }

    fn give_back(&self, name: &str, held: Option<File>) {
        if let Some(file) = held {
            self.state().locks.insert(name.to_owned(), file);
        }
    }

    pub(super) fn get(&self, name: &str) -> Result<Option<(Bytes, Version)>> {
        let Some(dir) = self.snapshot()? else { return Ok(None) };
        let read = || -> io::Result<_> {
            let Some(mut file) = dir.open_to_read(name)? else { return Ok(None) };
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(Some((bytes.into(), version_of(&file.metadata()?))))
        };
        read().map_err(|error| self.fail("reading", name, error))
    }

    /// The staged files; temporary ones only where nobody holds them any more.
    pub(super) fn list_open(&self) -> Result<Vec<Upload>> {
        let Some(staging) = self.staging()? else { return Ok(Vec::new()) };
        let is_dead = |name: &str| match staging.open_to_read(name) {
            Ok(Some(file)) => file.try_lock().is_ok(),
            Ok(None) | Err(_) => false,
        };
        let mut names = staging.files().map_err(|error| self.fail("listing", names::STAGING, error))?;
        names.retain(|name| !name.starts_with(TEMPORARY) || is_dead(name));
        Ok(names.into_iter().map(|name| Upload::new(name.clone(), UploadId(name))).collect())
    }
}

/// `Err` within `Ok`: why it was refused.
fn replace_if(
    dirs: &Dirs,
    name: &str,
    bytes: &[u8],
    (version, held): (&Version, Option<&File>),
) -> io::Result<Result<(File, Version), Replaced>> {
    let Some(current) = dirs.snapshot.open_to_read(name)? else { return Ok(Err(Replaced::Changed)) };
    if held.is_none() {
        match current.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Err(Replaced::Locked)),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    // The name may have gone to another file while the lock was taken: only its holder moves a name.
    let locked = held.unwrap_or(&current).metadata()?;
    let Some(named) = dirs.snapshot.open_to_read(name)? else { return Ok(Err(Replaced::Changed)) };
    if version_of(&locked) != *version || version_of(&named.metadata()?) != *version {
        return Ok(Err(Replaced::Changed));
    }
    with_temporary(dirs, bytes, |temporary| dirs.staging.move_over(temporary, &dirs.snapshot, name)).map(Ok)
}

/// Writes a locked temporary file and gives it its name; it is gone when that fails.
fn with_temporary(
    dirs: &Dirs,
    bytes: &[u8],
    give_name: impl FnOnce(&str) -> io::Result<()>,
) -> io::Result<(File, Version)> {
    let temporary = format!("{TEMPORARY}{}", Uuid::new_v4().simple());
    let mut file = dirs.staging.create(&temporary)?;
    let named = file
        .lock()
        .and_then(|()| file.write_all(bytes))
        .and_then(|()| file.sync_all())
        .and_then(|()| give_name(&temporary));
    if let Err(error) = named {
        // The first error is the one to tell; a file that stays is found by the next owner.
        drop(dirs.staging.remove(&temporary));
        return Err(error);
    }
    let version = version_of(&file.metadata()?);
    Ok((file, version))
}

/// Which file it is and when it was last written.
fn version_of(meta: &Metadata) -> Version {
    Version(format!("{}-{}-{}-{}-{}", meta.dev(), meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
}
