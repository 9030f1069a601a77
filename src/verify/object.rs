//! Ranged reads of one object, for readers that block.
//!
//! The readers of the formats are not async: they run on a thread that may block and wait here for a range.
//! A failure of the store is kept beside the readers, whose own errors would bury it.

use std::cell::RefCell;
use std::io::{self, BufRead, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use crc_fast::{CrcAlgorithm, Digest};
use orc_rust::reader::ChunkReader;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::BLOCK_BYTES;
use super::sealed::Frames;
use crate::error::{Cause, Error, Result};
use crate::upload::PartStore;

/// Blocks that a reader of an ORC object keeps: its stripe's footer and where it reads now.
const BLOCKS_KEPT: usize = 2;

/// An object that is read in blocks.
pub(super) struct Object {
    store: Arc<dyn PartStore>,
    name: String,
    size: u64,
    frames: Option<Frames>,
    runtime: Handle,
    cancelled: CancellationToken,
    failure: Mutex<Option<Error>>,
}

impl Object {
    pub(super) fn new(
        store: Arc<dyn PartStore>,
        name: String,
        size: u64,
        runtime: Handle,
        cancelled: CancellationToken,
    ) -> Self {
        Self { store, name, size, frames: None, runtime, cancelled, failure: Mutex::new(None) }
    }

    /// The object as it is when it is opened, of so many bytes.
    pub(super) fn opened(&self, frames: Frames, size: u64) -> Self {
        Self {
            store: Arc::clone(&self.store),
            name: self.name.clone(),
            size,
            frames: Some(frames),
            runtime: self.runtime.clone(),
            cancelled: self.cancelled.clone(),
            failure: Mutex::new(None),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Waits for something on a thread that may block; `None` when nobody wants it any more.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.runtime.block_on(self.cancelled.run_until_cancelled(work))
    }

    /// The first failure of the store, if there was one.
    pub(super) fn failure(&self) -> Result<()> {
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    pub(super) fn bytes_from(self: &Arc<Self>, offset: u64) -> Bytewise {
        Bytewise {
            object: Arc::clone(self),
            next: offset,
            block: Bytes::new(),
            digest: Digest::new(CrcAlgorithm::Crc64Nvme),
        }
    }

    /// The bytes from `offset` to the end of its block.
    fn block(&self, offset: u64) -> io::Result<Bytes> {
        let end = (offset - offset % BLOCK_BYTES + BLOCK_BYTES).min(self.size);
        match &self.frames {
            Some(frames) => frames.open(offset..end, self.size, |range| self.stored(range)).map(Bytes::from),
            None => self.stored(offset..end),
        }
    }

    /// A range of the bytes as they are stored.
    fn stored(&self, range: Range<u64>) -> io::Result<Bytes> {
        let len = range.end - range.start;
        let read = self.store.get_range(&self.name, range);
        let error = match self.wait(read) {
            Some(Ok(bytes)) if bytes.len() as u64 == len => return Ok(bytes),
            Some(Ok(_)) => self.cut_short().into(),
            Some(Err(error)) => error,
            None => Cause::Cancelled.into(),
        };
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        Err(io::Error::other("the store failed"))
    }

    fn cut_short(&self) -> Cause {
        Cause::Io {
            operation: "reading",
            path: self.name.clone(),
            source: io::ErrorKind::UnexpectedEof.into(),
        }
    }
}

/// The bytes of an object in their order, and their checksum.
pub(super) struct Bytewise {
    object: Arc<Object>,
    next: u64,
    block: Bytes,
    digest: Digest,
}

impl Bytewise {
    pub(super) fn object(&self) -> &Object {
        &self.object
    }

    /// The CRC-64/NVME of all bytes up to the end, those that no reader asked for included.
    ///
    /// Means nothing when the store failed.
    pub(super) fn checksum(&mut self) -> u64 {
        loop {
            self.block.clear();
            match self.fill_buf() {
                Ok([]) | Err(_) => return self.digest.finalize(),
                Ok(_) => {}
            }
        }
    }
}

impl BufRead for Bytewise {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.block.is_empty() && self.next < self.object.size {
            self.block = self.object.block(self.next)?;
            self.next += self.block.len() as u64;
            self.digest.update(&self.block);
        }
        Ok(&self.block)
    }

    fn consume(&mut self, bytes: usize) {
        self.block.advance(bytes.min(self.block.len()));
    }
}

impl Read for Bytewise {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

/// The bytes of an object in any order; the last blocks are kept.
pub(super) struct Blockwise {
    object: Arc<Object>,
    /// Numbers of blocks and their bytes, the one used last in front.
    kept: RefCell<Vec<(u64, Bytes)>>,
}

impl Blockwise {
    pub(super) fn new(object: &Arc<Object>) -> Self {
        Self { object: Arc::clone(object), kept: RefCell::new(Vec::with_capacity(BLOCKS_KEPT)) }
    }

    fn block(&self, number: u64) -> io::Result<Bytes> {
        let mut kept = self.kept.borrow_mut();
        let found = match kept.iter().position(|(at, _)| *at == number) {
            Some(at) => kept.remove(at),
            None => (number, self.object.block(number * BLOCK_BYTES)?),
        };
        let bytes = found.1.clone();
        kept.truncate(BLOCKS_KEPT - 1);
        kept.insert(0, found);
        Ok(bytes)
    }
}

impl ChunkReader for Blockwise {
    type T = Bytewise;

    fn len(&self) -> u64 {
        self.object.size
    }

    fn get_read(&self, offset_from_start: u64) -> io::Result<Bytewise> {
        Ok(self.object.bytes_from(offset_from_start))
    }

    fn get_bytes(&self, offset_from_start: u64, length: u64) -> io::Result<Bytes> {
        let end = offset_from_start.checked_add(length).filter(|end| *end <= self.object.size);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut bytes = BytesMut::new();
        let mut next = offset_from_start;
        while next < end {
            let start = next - next % BLOCK_BYTES;
            let block = self.block(next / BLOCK_BYTES)?;
            let stop = end.min(start + block.len() as u64);
            let slice = block.slice(within(next - start)..within(stop - start));
            if slice.len() as u64 == length {
                return Ok(slice);
            }
            bytes.extend_from_slice(&slice);
            next = stop;
        }
        Ok(bytes.freeze())
    }
}

/// An offset inside a block.
fn within(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
