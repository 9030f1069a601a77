//! Batches in memory.
//!
//! They can be read any number of times. The batches are the caller's: their bytes are in no budget.

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use crc_fast::{CrcAlgorithm, Digest};
use futures::stream;

use crate::error::{Cause, Result};
use crate::source::logical::{check_batch, deliver};
use crate::source::{BatchStream, Fingerprint, FingerprintFile, ProfileSource, ReadOptions, SizeHint};

/// A source of batches in memory; it can be read any number of times.
///
/// ```
/// use std::sync::Arc;
/// use arrow::array::{ArrayRef, RecordBatch, StringArray};
/// use segment_export::source::{MemorySource, ProfileSource};
///
/// let ids: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
/// let batch = RecordBatch::try_from_iter([("ProfileId", ids)])?;
/// let source = MemorySource::new(batch.schema(), vec![batch])?;
/// assert_eq!(source.size_hint().rows, Some(2));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct MemorySource {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl MemorySource {
    /// A source of these batches, in this order.
    ///
    /// # Errors
    ///
    /// When a batch does not fit the schema; string columns may have any physical form.
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<Self> {
        batches.iter().try_for_each(|batch| check_batch(&schema, batch))?;
        Ok(Self { schema, batches })
    }

    fn rows(&self) -> u64 {
        self.batches.iter().map(|batch| batch.num_rows() as u64).sum()
    }

    fn bytes(&self) -> u64 {
        let columns = self.batches.iter().flat_map(RecordBatch::columns);
        // A slice's own part of what it shares, where the array can tell.
        let bytes = |column: &ArrayRef| {
            column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
        };
        columns.map(|column| bytes(column) as u64).sum()
    }
}

impl ProfileSource for MemorySource {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    /// A checksum over the batches: the same batches, cut in the same way, have the same one.
    fn fingerprint(&self) -> Option<Fingerprint> {
        let mut digest = Digest::new(CrcAlgorithm::Crc64Nvme);
        for column in self.batches.iter().flat_map(RecordBatch::columns) {
            add(&mut digest, &column.to_data());
        }
        let version = format!("crc64nvme-{:016x}", digest.finalize());
        let file = FingerprintFile::new("memory", self.rows(), Some(version));
        Some(Fingerprint { files: vec![file] })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::new(Some(self.rows()), Some(self.bytes()))
    }

    fn open(&self, partition: usize, from_row: u64, options: &ReadOptions) -> Result<BatchStream> {
        only_partition(partition)?;
        let batches = stream::iter(self.batches.clone().into_iter().map(Ok));
        deliver(batches, self.schema(), from_row, options)
    }
}

/// Adds all that an array refers to; what it shares but does not show counts too.
fn add(digest: &mut Digest, data: &arrow::array::ArrayData) {
    digest.update(data.data_type().to_string().as_bytes());
    digest.update(&(data.len() as u64).to_le_bytes());
    digest.update(&(data.offset() as u64).to_le_bytes());
    if let Some(nulls) = data.nulls() {
        digest.update(&(nulls.offset() as u64).to_le_bytes());
        digest.update(nulls.validity());
    }
    data.buffers().iter().for_each(|buffer| digest.update(buffer));
    data.child_data().iter().for_each(|child| add(digest, child));
}

/// Sources of one partition have partition 0 only.
pub(super) fn only_partition(partition: usize) -> Result<()> {
    if partition == 0 {
        return Ok(());
    }
    Err(Cause::SourceMissing { path: format!("partition {partition}") }.into())
}
