//! Some columns of a file, decoded together.
//!
//! The columns of a file are dealt out to lanes of about the same work. A lane is decoded by one job at a
//! time, stretch by stretch; the lanes of a file are decoded side by side.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowSelector};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use crate::error::{Error, Result};
use crate::source::found::corrupt;
use crate::source::parquet::column::{Columns, Failure};
use crate::source::parquet::stretch::{self, Stretch};
use crate::store::ranged::{Blob, Session, Window, to_usize};

/// Lanes of a file at most: as many threads as can decode one file at a time.
const MAX_LANES: usize = 8;

/// Lanes for each of several threads: with one each, the slowest lane would keep the other threads waiting.
const LANES_A_THREAD: usize = 2;

/// What an array takes for a value besides its bytes in a page: a view, or an offset or NULL bits.
const VALUE_BYTES: u64 = 16;

/// In a row group of fewer rows the dictionaries outweigh the rows.
const FEW_ROWS: u64 = 1024;

/// The part of a file that is read.
pub(super) struct Part {
    pub(super) blob: Blob,
    pub(super) metadata: ParquetMetaData,
    /// The file's columns, with all strings as views.
    pub(super) schema: Schema,
    /// Top-level columns, ascending.
    pub(super) roots: Vec<usize>,
    /// The rows, in order.
    pub(super) stretches: Vec<Stretch>,
}

/// How a part is read.
pub(super) struct Pace {
    pub(super) batch_rows: usize,
    pub(super) piece_bytes: u64,
    /// Lanes at most.
    pub(super) lanes: usize,
}

/// Some columns of a part and how far they are decoded.
pub(super) struct Lane {
    part: Arc<Part>,
    /// Top-level columns, ascending.
    roots: Vec<usize>,
    batch_rows: usize,
    /// By leaf column, over all stretches.
    windows: BTreeMap<usize, Arc<Window>>,
    failure: Failure,
    reader: Option<ParquetRecordBatchReader>,
    next_stretch: usize,
}

impl Lane {
    /// Decodes the next rows of a stretch; `None` at the end. May wait, as its windows may.
    pub(super) fn decode(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.reader.as_mut().and_then(Iterator::next) {
                return batch.map(Some).map_err(|error| self.error(error));
            }
            // What the last row group needed is let go before the next one is begun.
            self.reader = None;
            let Some(stretch) = self.part.stretches.get(self.next_stretch) else { return Ok(None) };
            self.next_stretch += 1;
            self.reader = Some(self.read(stretch).map_err(|error| self.error(error.into()))?);
        }
    }

    fn read(&self, stretch: &Stretch) -> Result<ParquetRecordBatchReader, ParquetError> {
        let metadata = &self.part.metadata;
        let descriptor = metadata.file_metadata().schema_descr();
        let mask = ProjectionMask::roots(descriptor, self.roots.iter().copied());
        let types = stretch::decoded(&self.part.schema, metadata, stretch);
        let levels = parquet_to_arrow_field_levels(descriptor, mask, Some(&types))?;
        let columns = Columns {
            part: Arc::clone(&self.part),
            row_groups: stretch.groups.clone(),
            windows: &self.windows,
            failure: self.failure.clone(),
        };
        let selection = (stretch.skip > 0).then(|| {
            let skip = RowSelector::skip(to_usize(stretch.skip));
            vec![skip, RowSelector::select(to_usize(stretch.rows))].into()
        });
        ParquetRecordBatchReader::try_new_with_row_groups(&levels, &columns, self.batch_rows, selection)
    }

    fn error(&self, error: ArrowError) -> Error {
        self.failure.take().unwrap_or_else(|| corrupt(self.part.blob.name(), error))
    }

    /// The error of a lane that ends before its rows.
    pub(super) fn short(&self) -> Error {
        corrupt(self.part.blob.name(), "a column has fewer rows than its row group")
    }

    /// Asks for what its columns need next; true: it is there.
    pub(super) fn ask(&self) -> bool {
        let mut there = true;
        for window in self.windows.values() {
            there &= window.ask();
        }
        there
    }

    /// Waits for what its columns need next.
    pub(super) async fn ready(self) -> Self {
        for window in self.windows.values() {
            window.ready().await;
        }
        self
    }
}

impl Part {
    /// How many leaf columns are read, each through a window of its own.
    pub(super) fn leaves(&self) -> usize {
        self.leaves_of(&self.roots).count()
    }

    /// What a decoded row takes in memory, about: that of the row group with the widest rows.
    pub(super) fn row_bytes(&self) -> u64 {
        let leaves: Vec<_> = self.leaves_of(&self.roots).collect();
        let groups = self.row_groups().map(|index| {
            let group = self.metadata.row_group(index);
            let chunks = leaves.iter().map(|leaf| group.column(*leaf));
            let bytes = chunks.map(|chunk| {
                chunk.uncompressed_size().unsigned_abs() + VALUE_BYTES * chunk.num_values().unsigned_abs()
            });
            bytes.sum::<u64>() / group.num_rows().unsigned_abs().max(FEW_ROWS)
        });
        groups.max().unwrap_or_default()
    }

    /// The lanes, with the columns of each.
    pub(super) fn lanes(self: &Arc<Self>, session: &Session, pace: &Pace) -> Vec<(Lane, Vec<usize>)> {
        let dealt = deal(pace.lanes, self.roots.iter().map(|root| (*root, self.weight(*root))));
        dealt.into_iter().map(|roots| (self.lane(roots.clone(), session, pace), roots)).collect()
    }

    fn lane(self: &Arc<Self>, roots: Vec<usize>, session: &Session, pace: &Pace) -> Lane {
        let window = |leaf| {
            let ranges = self.row_groups().map(|group| self.chunk(group, leaf)).collect();
            Arc::new(Window::new(self.blob.clone(), session.clone(), ranges, pace.piece_bytes))
        };
        Lane {
            part: Arc::clone(self),
            windows: self.leaves_of(&roots).map(|leaf| (leaf, window(leaf))).collect(),
            roots,
            batch_rows: pace.batch_rows,
            failure: Failure::default(),
            reader: None,
            next_stretch: 0,
        }
    }

    fn row_groups(&self) -> impl Iterator<Item = usize> + '_ {
        self.stretches.iter().flat_map(|stretch| stretch.groups.clone())
    }

    fn leaves_of<'a>(&'a self, roots: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
        let descriptor = self.metadata.file_metadata().schema_descr();
        (0..descriptor.num_columns())
            .filter(|leaf| roots.binary_search(&descriptor.get_column_root_idx(*leaf)).is_ok())
    }

    fn chunk(&self, group: usize, leaf: usize) -> Range<u64> {
        let (start, len) = self.metadata.row_group(group).column(leaf).byte_range();
        start..start + len
    }

    /// How much work decoding a column is: decompressing and copying its bytes.
    fn weight(&self, root: usize) -> u64 {
        let roots = [root];
        let leaves: Vec<_> = self.leaves_of(&roots).collect();
        let groups = self.row_groups().map(|group| self.metadata.row_group(group));
        let chunks = groups.flat_map(|group| leaves.iter().map(|leaf| group.column(*leaf)));
        let bytes = chunks
            .map(|chunk| chunk.uncompressed_size().unsigned_abs() + chunk.compressed_size().unsigned_abs());
        bytes.sum()
    }
}

/// The lanes that so many threads decode without waiting for each other: a step of each is handed over by itself.
pub(super) fn lanes_for(threads: usize) -> usize {
    if threads == 1 { 1 } else { threads.saturating_mul(LANES_A_THREAD).min(MAX_LANES) }
}

/// Deals columns out to lanes, the heaviest first, each to the lane that has the least.
fn deal(lanes: usize, columns: impl Iterator<Item = (usize, u64)>) -> Vec<Vec<usize>> {
    let mut columns: Vec<_> = columns.collect();
    columns.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    let mut lanes: BTreeMap<(u64, usize), Vec<usize>> =
        (0..columns.len().min(lanes)).map(|lane| ((0, lane), Vec::new())).collect();
    for (column, weight) in columns {
        let Some(((load, lane), mut dealt)) = lanes.pop_first() else { continue };
        dealt.push(column);
        lanes.insert((load + weight.max(1), lane), dealt);
    }
    let mut lanes: Vec<_> = lanes.into_values().collect();
    for lane in &mut lanes {
        lane.sort_unstable();
    }
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_about_equally_loaded_and_hold_each_column_once() {
        let weights: Vec<u64> = (1..=40).collect();
        let lanes = deal(8, weights.iter().copied().enumerate());
        let mut all: Vec<_> = lanes.concat();
        all.sort_unstable();
        assert_eq!(all, (0..40).collect::<Vec<_>>());
        let loads = lanes.iter().map(|lane| lane.iter().map(|column| weights[*column]).sum::<u64>());
        assert!(loads.clone().max().unwrap() - loads.min().unwrap() < 20);
    }

    #[test]
    fn few_columns_make_few_lanes() {
        assert_eq!(deal(8, [(3, 10), (5, 10)].into_iter()).len(), 2);
        assert!(deal(8, std::iter::empty()).is_empty());
    }

    #[test]
    fn one_thread_has_one_lane_and_many_have_no_more_than_they_can_use() {
        assert_eq!([1, 2, 3, 4, 64, usize::MAX].map(lanes_for), [1, 4, 6, 8, 8, 8]);
        assert_eq!(deal(1, [(3, 10), (5, 10)].into_iter()), [vec![3, 5]]);
    }
}
