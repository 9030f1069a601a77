//! ORC, written here: every type, with dictionaries, indexes, statistics and bloom filters (ORC v1 specification).
//!
//! A chunk is one stripe. Its columns are written in parallel, each into streams of its own, which are compressed
//! as soon as the column is done; then the stripe is put together. Stripes do not depend on each other or on where
//! they stand, and the tail of the data object is made from what was noted of them.
//!
//! Invariant: the bytes depend on the rows and the settings alone, never on threads, on how the rows were cut into
//! batches, or on the form of a column in Arrow.

mod bloom;
mod byte_rle;
mod column;
mod decimal;
mod keys;
mod nested;
mod number;
mod rle;
mod scalar;
mod slots;
mod stats;
mod stream;
mod stripe;
mod tail;
mod temporal;
mod text;
mod tree;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StructArray};
use arrow::datatypes::SchemaRef;
use bytes::Bytes;

use self::column::{Column, Failure, Pen};
use self::rle::Runs;
use self::slots::Slots;
use self::tail::MAGIC;
use self::tree::Tree;
use super::{Encoded, Encoder, Note, PartIndex, Placed};
use crate::compress::{BlockCodec, BlockCompressor};
use crate::error::{Cause, Error, Result};
use crate::settings::{OrcCompression, OrcDuplicateKeys, OrcSettings};

/// Writes ORC files.
#[derive(Debug)]
pub(super) struct OrcEncoder {
    tree: Tree,
    pen: Pen,
    /// Names and values for the footer.
    metadata: Vec<(String, String)>,
}

impl OrcEncoder {
    /// An encoder of a schema.
    ///
    /// # Errors
    ///
    /// When ORC cannot hold a column, or a setting names a column that is not there.
    pub(super) fn new(schema: &SchemaRef, settings: &OrcSettings) -> Result<Self> {
        let tree = Tree::new(schema, settings)?;
        let zone = |(path, zone): &(String, String)| (format!("segment-export.zone.{path}"), zone.clone());
        let zones = tree.zones.iter().map(zone);
        let own = settings.user_metadata.iter().map(|(name, value)| (name.clone(), value.clone()));
        let metadata = zones.chain(own).collect();
        let block_bytes = usize::try_from(settings.block_bytes).unwrap_or(usize::MAX);
        let pen = Pen {
            compressor: BlockCompressor::new(codec(settings.codec()), block_bytes),
            runs: Runs { may_patch: settings.patched_base },
            dictionary: settings.dictionary,
            refuse_duplicate_keys: settings.duplicate_keys == OrcDuplicateKeys::Refuse,
            stride: usize::try_from(settings.row_index_stride).unwrap_or(usize::MAX),
            false_positives: settings.bloom_false_positives,
        };
        Ok(Self { tree, pen, metadata })
    }

    /// The columns of some rows.
    fn columns(&self, rows: &[RecordBatch]) -> Result<Vec<Column>, Failure> {
        let count = rows.iter().map(RecordBatch::num_rows).sum();
        let stride = if self.pen.stride == 0 { count } else { self.pen.stride };
        let bounds = (0..count).step_by(stride).chain([count]).collect();
        let pieces =
            rows.iter().map(|batch| Arc::new(StructArray::from(batch.clone())) as ArrayRef).collect();
        column::write(&self.tree.root, Slots::new(pieces, bounds), &self.pen)
    }

    /// The error for the first row that cannot be written: half of the rows is tried until one is left.
    #[cold]
    fn located(&self, rows: &[RecordBatch], first_row: u64, failure: Failure) -> Error {
        let (mut problem, mut column) = match failure {
            Failure::Value { problem, column } => (problem, column),
            Failure::Other(error) => return error,
        };
        let (mut start, mut end) = (0, rows.iter().map(RecordBatch::num_rows).sum::<usize>());
        while start < end {
            let middle = start + (end - start) / 2;
            match self.columns(&slice(rows, start..middle + 1)) {
                Err(Failure::Value { problem: earlier, column: its }) => {
                    (problem, column) = (earlier, its);
                    end = middle;
                }
                Err(Failure::Other(error)) => return error,
                Ok(_) => start = middle + 1,
            }
        }
        Cause::Value { problem, column, row: first_row + start as u64 }.into()
    }
}

impl Encoder for OrcEncoder {
    fn head(&self, _part: PartIndex) -> Result<Bytes> {
        Ok(Bytes::from_static(MAGIC.as_bytes()))
    }

    fn chunk(&self, rows: &[RecordBatch], first_row: u64) -> Result<Encoded> {
        let count = rows.iter().map(|batch| batch.num_rows() as u64).sum();
        if count == 0 {
            return Ok(Encoded { bytes: Bytes::new(), rows: 0, note: Note::none() });
        }
        let columns = self.columns(rows).map_err(|failure| self.located(rows, first_row, failure))?;
        let (bytes, note) = stripe::assemble(columns, &self.pen)?;
        Ok(Encoded { bytes: bytes.into(), rows: count, note: Note::new(note) })
    }

    fn tail(&self, chunks: &[Placed]) -> Result<Bytes> {
        Ok(tail::tail(&self.tree, &self.pen, &self.metadata, chunks)?.into())
    }
}

/// Some of the rows of several batches.
fn slice(rows: &[RecordBatch], wanted: std::ops::Range<usize>) -> Vec<RecordBatch> {
    let mut first = 0;
    let mut slices = Vec::new();
    for batch in rows {
        let (start, end) = (wanted.start.max(first), wanted.end.min(first + batch.num_rows()));
        if start < end {
            slices.push(batch.slice(start - first, end - start));
        }
        first += batch.num_rows();
    }
    slices
}

fn codec(compression: OrcCompression) -> BlockCodec {
    match compression {
        OrcCompression::None => BlockCodec::None,
        OrcCompression::Zlib { level } => BlockCodec::Zlib(level),
        OrcCompression::Snappy => BlockCodec::Snappy,
        OrcCompression::Lz4 => BlockCodec::Lz4,
        OrcCompression::Zstd { level } => BlockCodec::Zstd(level),
    }
}

#[cfg(test)]
mod tests;
