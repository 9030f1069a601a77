//! Files and objects, read in ranges.
//!
//! A [`Blob`] is one file or object; a [`Window`] slides over ranges of it and holds a bounded piece at a
//! time, with the next piece of an object already on its way. It does not know what the bytes mean.
//!
//! A window's reads are plain calls that may wait, for decoders that cannot be asynchronous. They are for
//! threads outside any runtime: the requests themselves are tasks of the runtime, so that a waiting thread
//! needs nobody else to go on. Dropping the guard of its [`Session`] wakes every waiting thread.

mod window;

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore};

use crate::error::{Cause, Error, Result};

pub(crate) use window::{Session, Window};

/// One file or object that does not change while it is read; clones share it.
#[derive(Clone)]
pub(crate) struct Blob {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    size: u64,
    place: Place,
}

enum Place {
    File(File),
    Object { store: Arc<dyn ObjectStore>, path: Path, etag: Option<String> },
}

impl Blob {
    /// Opens a file.
    pub(crate) fn open_file(path: &std::path::Path) -> Result<Self> {
        let name = path.display().to_string();
        let open = || {
            let file = File::open(path)?;
            let size = file.metadata()?.len();
            Ok((file, size))
        };
        match open() {
            Ok((file, size)) => Ok(Self { inner: Arc::new(Inner { name, size, place: Place::File(file) }) }),
            Err(error) => Err(unreadable(name, error)),
        }
    }

    /// An object of this size; with an `ETag`, reading fails once the object is another one.
    pub(crate) fn object(
        store: Arc<dyn ObjectStore>,
        path: Path,
        name: String,
        size: u64,
        etag: Option<String>,
    ) -> Self {
        Self { inner: Arc::new(Inner { name, size, place: Place::Object { store, path, etag } }) }
    }

    /// Its path or URI, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.inner.name
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.inner.size
    }

    /// Whether reading means requests, which take long and are better made ahead.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self.inner.place, Place::Object { .. })
    }

    /// Reads a range of a file, on the calling thread; `None`: it is an object, which must be asked for.
    pub(crate) fn read_now(&self, range: &Range<u64>) -> Option<Result<Bytes>> {
        let Place::File(file) = &self.inner.place else { return None };
        let mut buffer = vec![0; to_usize(range.end - range.start)];
        let read = read_exact_at(file, &mut buffer, range.start);
        Some(match read {
            Ok(()) => Ok(buffer.into()),
            Err(error) => Err(unreadable(self.inner.name.clone(), error)),
        })
    }

    /// Asks for a range of an object; a file is read at once.
    pub(crate) async fn request(&self, range: Range<u64>) -> Result<Bytes> {
        if let Some(read) = self.read_now(&range) {
            return read;
        }
        let bytes = self.get(&range).await;
        let bytes = bytes.map_err(|error| object_unreadable(self.inner.name.clone(), error))?;
        self.checked(bytes, &range)
    }

    async fn get(&self, range: &Range<u64>) -> object_store::Result<Bytes> {
        let Place::Object { store, path, etag } = &self.inner.place else { return Ok(Bytes::new()) };
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: etag.clone(),
            ..GetOptions::default()
        };
        store.get_opts(path, options).await?.bytes().await
    }

    fn checked(&self, bytes: Bytes, range: &Range<u64>) -> Result<Bytes> {
        if bytes.len() as u64 == range.end - range.start {
            return Ok(bytes);
        }
        Err(unreadable(self.inner.name.clone(), io::ErrorKind::UnexpectedEof.into()))
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blob").field("name", &self.inner.name).finish_non_exhaustive()
    }
}

/// The error of a file that cannot be read.
pub(crate) fn unreadable(path: String, error: io::Error) -> Error {
    let kind = error.kind();
    if kind == io::ErrorKind::NotFound {
        return Cause::SourceMissing { path }.into();
    }
    let source = Box::new(error);
    if kind == io::ErrorKind::UnexpectedEof {
        return Cause::SourceCorrupt { path, source }.into();
    }
    Cause::SourceUnreadable { path, source }.into()
}

/// The error of an object that cannot be read.
pub(crate) fn object_unreadable(path: String, error: object_store::Error) -> Error {
    if matches!(error, object_store::Error::NotFound { .. }) {
        return Cause::SourceMissing { path }.into();
    }
    Cause::SourceUnreadable { path, source: Box::new(error) }.into()
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, buffer, offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[read..];
        offset += read as u64;
    }
    Ok(())
}

/// A length of something in memory; nothing that large exists where it does not fit.
pub(crate) fn to_usize(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}
