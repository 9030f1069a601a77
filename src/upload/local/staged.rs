//! Data objects of a local snapshot: staged, written at any offset, moved to their names when complete.
//!
//! A file is open only while bytes are written to it. Which objects are written, and when they are
//! complete, is not known here.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;

use object_store::PutPayload;

use super::dir::{self, Dir};
use super::inner::Inner;

/// Data objects that are forced to the disk one by one. Each costs the file system some milliseconds, even
/// a small one, so that beyond these everything is forced at once before the next small object.
const SYNCED_ALONE: usize = 64;
/// Bytes of a data object that are forced to the disk together, ahead of its end: there it would have to wait for all
/// of them at once, with nothing else to do.
const SYNCED_AHEAD: u64 = 32 << 20;
/// Bytes that the kernel is given at once: it takes pages for all of them together, and in a virtual machine long runs of
/// new pages were found to cost several times what short ones do.
const WRITE_BYTES: usize = 256 << 10;

/// A range of a staged file that was written.
#[derive(Debug)]
pub(super) struct Written {
    file: File,
    range: Range<u64>,
}

impl Written {
    /// Forces the file to the disk where the range reaches a multiple of [`SYNCED_AHEAD`].
    pub(super) fn sync_ahead(&self) -> io::Result<()> {
        if self.range.start / SYNCED_AHEAD < self.range.end / SYNCED_AHEAD {
            self.file.sync_data()?;
        }
        Ok(())
    }
}

impl Inner {
    pub(super) fn create(&self, name: &str) -> io::Result<()> {
        // A file of this name is what an earlier call left whose answer was lost.
        self.in_dirs(|dirs| dirs.staging.remove(name).and_then(|()| dirs.staging.create(name)))?;
        Ok(())
    }

    /// Writes at an offset; gives what was written to.
    pub(super) fn write(&self, name: &str, offset: u64, payload: &PutPayload) -> io::Result<Written> {
        let dirs = self.dirs()?;
        let file = dirs.staging.open_to_write(name)?;
        let mut at = offset;
        for piece in payload.iter().flat_map(|bytes| bytes.chunks(WRITE_BYTES)) {
            file.write_all_at(piece, at)?;
            at += piece.len() as u64;
        }
        Ok(Written { file, range: offset..at })
    }

    pub(super) fn complete(&self, name: &str, size: u64) -> io::Result<()> {
        let dirs = self.dirs()?;
        let Some(file) = dirs.staging.open_to_read(name)? else {
            let done = dirs.snapshot.size(name)? == Some(size);
            return if done { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) };
        };
        if file.metadata()?.len() != size {
            return Err(io::Error::other("the staged file has another size than its parts"));
        }
        if self.completed.fetch_add(1, Ordering::Relaxed) < SYNCED_ALONE || !dir::CAN_SYNC_ALL {
            file.sync_data()?;
        }
        dirs.staging.move_new(name, &dirs.snapshot, name)
    }

    /// Waits until every data object that was completed is on the disk, under its name.
    pub(super) fn sync_completed(&self, snapshot: &Dir) -> io::Result<()> {
        if self.completed.swap(0, Ordering::Relaxed) > SYNCED_ALONE && dir::CAN_SYNC_ALL {
            return snapshot.sync_all();
        }
        snapshot.sync()
    }
}
