//! A text format in compressed pieces: head, chunks and tail become a gzip member or zstd frame each.
//!
//! It wraps another encoder and does not look into its bytes. Chunks are compressed where they are encoded, so
//! that both are parallel, and the borders of members are those of chunks: they depend on the data alone.
//!
//! Invariant: a data object is never zero bytes long, because readers do not take that for a compressed file.

use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;

use crate::compress::{Codec, Compressor};
use crate::encode::{Encoded, Encoder, PartIndex, Placed};
use crate::error::Result;

/// Another encoder, its bytes compressed.
#[derive(Debug)]
pub(super) struct CompressedEncoder {
    inner: Arc<dyn Encoder>,
    compressor: Compressor,
}

impl CompressedEncoder {
    /// Compresses what an encoder writes.
    pub(super) fn new(inner: Arc<dyn Encoder>, codec: Codec) -> Self {
        Self { inner, compressor: Compressor::new(codec) }
    }

    fn piece(&self, bytes: Bytes) -> Result<Bytes> {
        if bytes.is_empty() { Ok(bytes) } else { Ok(self.compressor.compress(&bytes)?.into()) }
    }
}

impl Encoder for CompressedEncoder {
    fn head(&self, part: PartIndex) -> Result<Bytes> {
        self.piece(self.inner.head(part)?)
    }

    fn chunk(&self, rows: &[RecordBatch], first_row: u64) -> Result<Encoded> {
        let Encoded { bytes, rows, note } = self.inner.chunk(rows, first_row)?;
        Ok(Encoded { bytes: self.piece(bytes)?, rows, note })
    }

    fn tail(&self, chunks: &[Placed]) -> Result<Bytes> {
        let tail = self.inner.tail(chunks)?;
        // The head may have been empty too: then this is all there is.
        if tail.is_empty() && chunks.is_empty() {
            return Ok(self.compressor.compress(&tail)?.into());
        }
        self.piece(tail)
    }
}
