//! The bytes of a file in order, a piece at a time, with the next piece on its way.
//!
//! Requests run as tasks of the runtime, reads of the disk on the executor, so that both go on while the
//! rows before them are decoded. It does not know what the bytes mean.

use std::fmt;
use std::io;
use std::ops::Range;

use arrow::buffer::MutableBuffer;
use bytes::{Buf, Bytes};
use futures::future::{BoxFuture, FutureExt};
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use crate::error::{Cause, Result};
use crate::source::offload::offload;
use crate::source::{ByteCounter, Executor, ReadOptions};
use crate::store::ranged::{Blob, to_usize, unreadable};

/// What a piece takes of the reader's bytes; a second one is on its way.
const PIECE_SHARE: u64 = 16;
/// Requests and reads below this are not worth their cost.
const MIN_PIECE_BYTES: u64 = 64 << 10;
const MAX_PIECE_BYTES: u64 = 1 << 20;

/// Reads a range of a file or object.
pub(in crate::source) async fn read_range(
    blob: &Blob,
    range: Range<u64>,
    executor: &Executor,
) -> Result<Bytes> {
    if blob.is_remote() {
        return blob.request(range).await;
    }
    let file = blob.clone();
    match offload(executor, move || file.read_now(&range)).await? {
        Some(read) => read,
        None => Ok(Bytes::new()),
    }
}

/// Reads a file forwards.
pub(super) struct Input {
    blob: Blob,
    executor: Executor,
    counter: ByteCounter,
    piece_bytes: u64,
    /// Offset of the first byte of `held`.
    offset: u64,
    held: Bytes,
    /// Offset of the first byte that was not asked for.
    next: u64,
    end: u64,
    ahead: Option<BoxFuture<'static, Result<Bytes>>>,
}

impl Input {
    /// An input of the first `end` bytes of a file.
    pub(super) fn new(blob: Blob, end: u64, options: &ReadOptions) -> Self {
        let end = end.min(blob.size());
        Self {
            blob,
            executor: options.executor.clone(),
            counter: options.bytes_read.clone(),
            piece_bytes: (options.bytes / PIECE_SHARE).clamp(MIN_PIECE_BYTES, MAX_PIECE_BYTES),
            offset: 0,
            held: Bytes::new(),
            next: 0,
            end,
            ahead: None,
        }
    }

    /// The name of the file.
    pub(super) fn name(&self) -> &str {
        self.blob.name()
    }

    /// The size of the whole file.
    pub(super) fn file_size(&self) -> u64 {
        self.blob.size()
    }

    /// Whether the end of the input is that of the file.
    pub(super) fn reaches_end_of_file(&self) -> bool {
        self.end == self.blob.size()
    }

    /// What comes next, a piece at most; empty at the end.
    pub(super) async fn piece(&mut self) -> Result<Bytes> {
        self.fill().await?;
        self.offset += self.held.len() as u64;
        Ok(std::mem::take(&mut self.held))
    }

    /// Appends so many bytes; fewer only at the end.
    pub(super) async fn read(&mut self, len: usize, into: &mut MutableBuffer) -> Result<usize> {
        let mut read = 0;
        while read < len {
            self.fill().await?;
            if self.held.is_empty() {
                break;
            }
            let part = self.held.split_to(self.held.len().min(len - read));
            self.offset += part.len() as u64;
            read += part.len();
            into.extend_from_slice(&part);
        }
        Ok(read)
    }

    /// Goes on at an offset; short ways forward are read through.
    pub(super) async fn seek(&mut self, offset: u64) -> Result<()> {
        if offset < self.offset || offset >= self.next + self.piece_bytes {
            (self.ahead, self.held) = (None, Bytes::new());
            (self.offset, self.next) = (offset, offset);
            return Ok(());
        }
        while self.offset < offset {
            self.fill().await?;
            if self.held.is_empty() {
                break;
            }
            let skip = self.held.len().min(to_usize(offset - self.offset));
            self.held.advance(skip);
            self.offset += skip as u64;
        }
        Ok(())
    }

    /// The error of a file that ends too early.
    pub(super) fn too_short(&self) -> crate::Error {
        unreadable(self.name().to_owned(), io::ErrorKind::UnexpectedEof.into())
    }

    /// Holds at least a byte, but at the end.
    async fn fill(&mut self) -> Result<()> {
        if !self.held.is_empty() {
            return Ok(());
        }
        let ahead = match self.ahead.take() {
            Some(ahead) => Some(ahead),
            None => self.ask()?,
        };
        let Some(ahead) = ahead else { return Ok(()) };
        self.held = ahead.await?;
        self.counter.add(self.held.len() as u64);
        self.ahead = self.ask()?;
        Ok(())
    }

    /// Asks for the next piece.
    fn ask(&mut self) -> Result<Option<BoxFuture<'static, Result<Bytes>>>> {
        let range = self.next..self.end.min(self.next.saturating_add(self.piece_bytes));
        if range.is_empty() {
            return Ok(None);
        }
        self.next = range.end;
        let blob = self.blob.clone();
        if !blob.is_remote() {
            let read = offload(&self.executor, move || blob.read_now(&range));
            return Ok(Some(async move { read.await?.unwrap_or_else(|| Ok(Bytes::new())) }.boxed()));
        }
        let Ok(runtime) = Handle::try_current() else {
            let what = "reading objects outside a tokio runtime".to_owned();
            return Err(Cause::NotAvailable { what }.into());
        };
        let task = AbortOnDropHandle::new(runtime.spawn(async move { blob.request(range).await }));
        Ok(Some(async move { task.await.unwrap_or_else(|_| Err(Cause::Panicked.into())) }.boxed()))
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("blob", &self.blob).finish_non_exhaustive()
    }
}
