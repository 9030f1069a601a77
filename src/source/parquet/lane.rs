//! Some columns of a file, decoded together.
//!
//! The columns of a file are dealt out to lanes of about the same work. A lane is decoded by one job at a
//! time; the lanes of a file are decoded side by side.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::{Field, Schema};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowSelection, RowSelector};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use crate::error::{Error, Result};
use crate::source::found::corrupt;
use crate::source::parquet::column::{Columns, Failure};
use crate::store::ranged::{Blob, Session, Window, to_usize};

/// Lanes of a file at most: as many threads as can decode one file at a time.
const MAX_LANES: usize = 8;

/// What an array takes for a value besides its bytes in a page: a view, or an offset or NULL bits.
const VALUE_BYTES: u64 = 16;

/// In a row group of fewer rows the dictionaries outweigh the rows.
const FEW_ROWS: u64 = 1024;

/// The part of a file that is read.
pub(super) struct Part {
    pub(super) blob: Blob,
    pub(super) metadata: Arc<ParquetMetaData>,
    /// The file's columns, with the types to decode them to.
    pub(super) schema: Schema,
    /// Top-level columns, ascending.
    pub(super) roots: Vec<usize>,
    pub(super) row_groups: Vec<usize>,
    /// Rows of the first row group that are not wanted.
    pub(super) skip_rows: u64,
}

/// How a part is read.
pub(super) struct Pace {
    pub(super) batch_rows: usize,
    pub(super) piece_bytes: u64,
}

/// Some columns of a part and how far they are decoded.
pub(super) struct Lane {
    reader: ParquetRecordBatchReader,
    windows: Vec<Arc<Window>>,
    failure: Failure,
    blob: Blob,
}

impl Lane {
    /// Decodes the next rows; `None` at the end. May wait, as its windows may.
    pub(super) fn decode(&mut self) -> Result<Option<RecordBatch>> {
        match self.reader.next() {
            None => Ok(None),
            Some(Ok(batch)) => Ok(Some(batch)),
            Some(Err(error)) => Err(self.failure.take().unwrap_or_else(|| corrupt(self.blob.name(), error))),
        }
    }

    /// The field of one of its columns, as it is decoded.
    pub(super) fn field(&self, index: usize) -> Field {
        self.reader.schema().field(index).clone()
    }

    /// The error of a lane that ends before its rows.
    pub(super) fn short(&self) -> Error {
        corrupt(self.blob.name(), "a column has fewer rows than its row group")
    }

    /// Asks for what its columns need next; true: it is there.
    pub(super) fn ask(&self) -> bool {
        let mut there = true;
        for window in &self.windows {
            there &= window.ask();
        }
        there
    }

    /// Waits for what its columns need next.
    pub(super) async fn ready(self) -> Self {
        for window in &self.windows {
            window.ready().await;
        }
        self
    }
}

impl Part {
    /// The rows that are read.
    pub(super) fn rows(&self) -> u64 {
        let groups = self.row_groups.iter().map(|group| self.metadata.row_group(*group).num_rows());
        groups.map(i64::unsigned_abs).sum::<u64>() - self.skip_rows
    }

    /// How many leaf columns are read, each through a window of its own.
    pub(super) fn leaves(&self) -> usize {
        self.leaves_of(&self.roots).count()
    }

    /// What a decoded row takes in memory, about: that of the row group with the widest rows.
    pub(super) fn row_bytes(&self) -> u64 {
        let leaves: Vec<_> = self.leaves_of(&self.roots).collect();
        let groups = self.row_groups.iter().map(|index| {
            let group = self.metadata.row_group(*index);
            let chunks = leaves.iter().map(|leaf| group.column(*leaf));
            let bytes = chunks.map(|chunk| {
                chunk.uncompressed_size().unsigned_abs() + VALUE_BYTES * chunk.num_values().unsigned_abs()
            });
            bytes.sum::<u64>() / group.num_rows().unsigned_abs().max(FEW_ROWS)
        });
        groups.max().unwrap_or_default()
    }

    /// The lanes, with the columns of each.
    pub(super) fn lanes(&self, session: &Session, pace: &Pace) -> Result<Vec<(Lane, Vec<usize>)>> {
        let lane = |roots: Vec<usize>| {
            let lane = self.lane(&roots, session, pace).map_err(|error| self.corrupt(error))?;
            Ok((lane, roots))
        };
        let dealt = deal(self.roots.iter().map(|root| (*root, self.weight(*root))));
        dealt.into_iter().map(lane).collect()
    }

    fn lane(&self, roots: &[usize], session: &Session, pace: &Pace) -> Result<Lane, ParquetError> {
        let descriptor = self.metadata.file_metadata().schema_descr();
        let mask = ProjectionMask::roots(descriptor, roots.iter().copied());
        let levels = parquet_to_arrow_field_levels(descriptor, mask, Some(self.schema.fields()))?;
        let window = |leaf| {
            let ranges = self.row_groups.iter().map(|group| self.chunk(*group, leaf)).collect();
            Arc::new(Window::new(self.blob.clone(), session.clone(), ranges, pace.piece_bytes))
        };
        let columns = Columns {
            metadata: Arc::clone(&self.metadata),
            row_groups: self.row_groups.clone(),
            windows: self.leaves_of(roots).map(|leaf| (leaf, window(leaf))).collect(),
            failure: Failure::default(),
        };
        let reader = ParquetRecordBatchReader::try_new_with_row_groups(
            &levels,
            &columns,
            pace.batch_rows,
            self.selection(),
        )?;
        let Columns { windows, failure, .. } = columns;
        let windows = windows.into_values().collect();
        Ok(Lane { reader, windows, failure, blob: self.blob.clone() })
    }

    fn selection(&self) -> Option<RowSelection> {
        let skip = RowSelector::skip(to_usize(self.skip_rows));
        let select = RowSelector::select(to_usize(self.rows()));
        (self.skip_rows > 0).then(|| vec![skip, select].into())
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
        let groups = self.row_groups.iter().map(|group| self.metadata.row_group(*group));
        let chunks = groups.flat_map(|group| leaves.iter().map(|leaf| group.column(*leaf)));
        let bytes = chunks
            .map(|chunk| chunk.uncompressed_size().unsigned_abs() + chunk.compressed_size().unsigned_abs());
        bytes.sum()
    }

    fn corrupt(&self, error: ParquetError) -> Error {
        corrupt(self.blob.name(), error)
    }
}

/// Deals columns out to lanes, the heaviest first, each to the lane that has the least.
fn deal(columns: impl Iterator<Item = (usize, u64)>) -> Vec<Vec<usize>> {
    let mut columns: Vec<_> = columns.collect();
    columns.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    let mut lanes: BTreeMap<(u64, usize), Vec<usize>> =
        (0..columns.len().min(MAX_LANES)).map(|lane| ((0, lane), Vec::new())).collect();
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
        let lanes = deal(weights.iter().copied().enumerate());
        let mut all: Vec<_> = lanes.concat();
        all.sort_unstable();
        assert_eq!(all, (0..40).collect::<Vec<_>>());
        let loads = lanes.iter().map(|lane| lane.iter().map(|column| weights[*column]).sum::<u64>());
        assert!(loads.clone().max().unwrap() - loads.min().unwrap() < 20);
    }

    #[test]
    fn few_columns_make_few_lanes() {
        assert_eq!(deal([(3, 10), (5, 10)].into_iter()).len(), 2);
        assert!(deal(std::iter::empty()).is_empty());
    }
}
