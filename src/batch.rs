//! Where chunks end: the unit of parallel work, decided by the data alone.
//!
//! A chunk ends at the first border where its logical bytes or its rows reach their limit; borders stand at
//! multiples of [`GRAIN`] rows from the start of the chunk. It ends exactly at each multiple of `part_rows`
//! too. The module encodes nothing and copies no values: chunks are slices of the batches that came in.
//!
//! Logical bytes are estimated: of the strings of a grain, those of one row stand for all. What is longer than [`LARGE`] is
//! looked for in every row.
//!
//! Invariant: how the source cut its batches, and the physical form of its columns, moves no border.

mod logical;

use arrow::array::RecordBatch;

use self::logical::Sample;

/// Rows between two possible borders: small, so that rows with huge cells do not pile up.
const GRAIN: u64 = 16;

/// Bytes of a string up to which one row stands for others: a row hides no more than these for each string.
const LARGE: u64 = 64;

/// When a chunk is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkLimits {
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    pub(crate) part_rows: Option<u64>,
}

/// Rows that are encoded together.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) batches: Vec<RecordBatch>,
    /// The number of the first row in the source.
    pub(crate) first_row: u64,
    pub(crate) rows: u64,
    /// The logical size of its rows, about.
    pub(crate) logical_bytes: u64,
    /// Whether `part_rows` wants a new data object to begin with this chunk.
    pub(crate) begins_part: bool,
}

impl Chunk {
    /// The column and the row of the source that have the most bytes in one cell; walks over every cell.
    pub(crate) fn largest_cell(&self) -> (String, u64) {
        let mut first_row = self.first_row;
        let mut largest = (0, String::new(), first_row);
        for batch in &self.batches {
            let rows: Vec<usize> = (0..=batch.num_rows()).collect();
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                let cells = (first_row..).zip(logical::sizes_of(column, &rows));
                let (row, size) = cells.max_by_key(|(_, size)| *size).unwrap_or((first_row, 0));
                if size > largest.0 {
                    largest = (size, field.name().clone(), row);
                }
            }
            first_row += batch.num_rows() as u64;
        }
        (largest.1, largest.2)
    }
}

/// Cuts a sequence of batches into chunks.
#[derive(Debug)]
pub(crate) struct Chunker {
    limits: ChunkLimits,
    open: Chunk,
}

impl Chunker {
    pub(crate) fn new(limits: ChunkLimits) -> Self {
        Self { limits, open: Chunk::empty(0, false) }
    }

    /// Takes a batch and gives the chunks that it completes.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Vec<Chunk> {
        let mut full = Vec::new();
        let mut offset = 0;
        while offset < batch.num_rows() {
            let room = usize::try_from(self.rows_to_part_end()).unwrap_or(usize::MAX);
            let len = room.min(batch.num_rows() - offset);
            self.push_within_part(&batch.slice(offset, len), &mut full);
            offset += len;
            if len == room {
                self.end_part(&mut full);
            }
        }
        full
    }

    /// The rows that are left.
    pub(crate) fn finish(self) -> Option<Chunk> {
        (self.open.rows > 0).then_some(self.open)
    }

    fn rows_to_part_end(&self) -> u64 {
        let next_row = self.open.first_row + self.open.rows;
        self.limits.part_rows.map_or(u64::MAX, |part_rows| part_rows - next_row % part_rows)
    }

    fn end_part(&mut self, full: &mut Vec<Chunk>) {
        if self.open.rows > 0 {
            self.close(full);
        }
        self.open.begins_part = true;
    }

    fn push_within_part(&mut self, batch: &RecordBatch, full: &mut Vec<Chunk>) {
        let bounds = self.bounds(batch.num_rows());
        let sizes = logical::sizes(batch, &bounds, &self.samples(&bounds));
        let mut start = 0;
        for (bound, size) in bounds[1..].iter().zip(sizes) {
            self.open.logical_bytes += size;
            let rows = self.open.rows + (bound - start) as u64;
            let at_border = rows.is_multiple_of(GRAIN);
            if at_border && (self.open.logical_bytes >= self.limits.bytes || rows >= self.limits.rows) {
                self.append(batch.slice(start, bound - start));
                self.close(full);
                start = *bound;
            }
        }
        self.append(batch.slice(start, batch.num_rows() - start));
    }

    #[expect(clippy::cast_possible_truncation, reason = "a rest of 16 is small")]
    /// The borders in a batch of so many rows: its start, each possible border, its end.
    fn bounds(&self, rows: usize) -> Vec<usize> {
        let grain = GRAIN as usize;
        let first = grain - (self.open.rows % GRAIN) as usize;
        let mut bounds = Vec::with_capacity(rows / grain + 3);
        bounds.push(0);
        bounds.extend((first..rows).step_by(grain));
        bounds.push(rows);
        bounds
    }

    #[expect(clippy::cast_possible_truncation, reason = "both are less than the rows of a batch")]
    /// The rows of the pieces between bounds that stand for their grains.
    fn samples(&self, bounds: &[usize]) -> Vec<Sample> {
        let first_row = self.open.first_row + self.open.rows;
        let before = self.open.rows % GRAIN;
        let sample = |(piece, pair): (usize, &[usize])| {
            // Of the first grain, the batches before may have had a part, and the row in it.
            let begun = first_row + pair[0] as u64 - if piece == 0 { before } else { 0 };
            let row = (begun + sample_of(begun)).checked_sub(first_row)? as usize;
            (pair[0]..pair[1]).contains(&row).then_some(Sample { row, piece })
        };
        bounds.windows(2).enumerate().filter_map(sample).collect()
    }

    fn append(&mut self, batch: RecordBatch) {
        if batch.num_rows() > 0 {
            self.open.rows += batch.num_rows() as u64;
            self.open.batches.push(batch);
        }
    }

    fn close(&mut self, full: &mut Vec<Chunk>) {
        let next = Chunk::empty(self.open.first_row + self.open.rows, false);
        full.push(std::mem::replace(&mut self.open, next));
    }
}

/// Which row of the grain that begins at a row of the source stands for all: not the same one in each, so that rows
/// that come in periods are no worse than others.
fn sample_of(first_row: u64) -> u64 {
    // The first bits of multiples of the golden ratio are spread evenly.
    first_row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - GRAIN.ilog2())
}

impl Chunk {
    fn empty(first_row: u64, begins_part: bool) -> Self {
        Self { batches: Vec::new(), first_row, rows: 0, logical_bytes: 0, begins_part }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray};
    use proptest::prelude::*;

    use super::*;

    fn batch(lengths: &[usize]) -> RecordBatch {
        let values: StringArray = lengths.iter().map(|len| Some("x".repeat(*len))).collect();
        RecordBatch::try_from_iter([("a", Arc::new(values) as ArrayRef)]).unwrap()
    }

    fn cut(limits: ChunkLimits, batches: &[RecordBatch]) -> Vec<(u64, u64, u64, bool)> {
        let mut chunker = Chunker::new(limits);
        let mut chunks: Vec<Chunk> = batches.iter().flat_map(|batch| chunker.push(batch)).collect();
        chunks.extend(chunker.finish());
        chunks.iter().map(|c| (c.first_row, c.rows, c.logical_bytes, c.begins_part)).collect()
    }

    #[test]
    fn a_chunk_ends_at_the_first_border_that_reaches_the_limit() {
        let limits = ChunkLimits { bytes: 20, rows: 1000, part_rows: None };
        let chunks = cut(limits, &[batch(&[1; 50])]);
        assert_eq!(chunks, [(0, 32, 32, false), (32, 18, 16, false)]);
    }

    #[test]
    fn a_chunk_ends_exactly_where_a_part_does() {
        // Of rows 16 to 19 none stands for its grain, nor of the last five.
        let limits = ChunkLimits { bytes: 1 << 20, rows: 1000, part_rows: Some(20) };
        let chunks = cut(limits, &[batch(&[1; 45])]);
        assert_eq!(chunks, [(0, 20, 16, false), (20, 20, 32, true), (40, 5, 0, true)]);
    }

    #[test]
    fn rows_that_end_with_a_part_leave_no_empty_chunk() {
        let limits = ChunkLimits { bytes: 1 << 20, rows: 1000, part_rows: Some(20) };
        assert_eq!(cut(limits, &[batch(&[1; 40])]).len(), 2);
    }

    /// Row by row, as the module says it.
    fn oracle(limits: ChunkLimits, lengths: &[usize]) -> Vec<(u64, u64, u64)> {
        let mut chunks = Vec::new();
        let (mut first_row, mut rows, mut bytes) = (0, 0, 0);
        for length in lengths.iter().map(|&length| length as u64) {
            let grain = first_row + rows / GRAIN * GRAIN;
            let stands_for = if grain + sample_of(grain) == first_row + rows { GRAIN } else { 0 };
            bytes += stands_for * length.min(LARGE) + length.saturating_sub(LARGE);
            rows += 1;
            let is_full = bytes >= limits.bytes || rows >= limits.rows;
            let ends_part = limits.part_rows.is_some_and(|part| (first_row + rows).is_multiple_of(part));
            if (rows.is_multiple_of(GRAIN) && is_full) || ends_part {
                chunks.push((first_row, rows, bytes));
                (first_row, rows, bytes) = (first_row + rows, 0, 0);
            }
        }
        if rows > 0 {
            chunks.push((first_row, rows, bytes));
        }
        chunks
    }

    #[test]
    fn estimates_are_near_whatever_the_period_of_the_rows() {
        for period in 1..200 {
            let lengths: Vec<_> = (0..20_000).map(|row| if row % period == 0 { 60 } else { 2 }).collect();
            let limits = ChunkLimits { bytes: u64::MAX, rows: u64::MAX, part_rows: None };
            let sum = lengths.iter().sum::<usize>() as u64;
            let [(_, _, estimate, _)] = cut(limits, &[batch(&lengths)])[..] else { panic!("not one chunk") };
            assert!((sum * 7..sum * 14).contains(&(estimate * 10)), "{period} {estimate} {sum}");
        }
    }

    proptest! {
        #[test]
        fn how_the_source_cuts_its_batches_moves_no_border(
            lengths in prop::collection::vec(prop_oneof![30 => 0_usize..40, 1 => 60_usize..200], 0..400),
            cuts in prop::collection::vec(1_usize..90, 1..20),
            bytes in 1_u64..800, rows in 1_u64..200, part_rows in prop::option::of(1_u64..150),
        ) {
            let limits = ChunkLimits { bytes, rows, part_rows };
            let whole = batch(&lengths);
            let mut parts = Vec::new();
            let mut offset = 0;
            for cut in cuts.iter().cycle() {
                let len = (*cut).min(lengths.len() - offset);
                parts.push(whole.slice(offset, len));
                offset += len;
                if offset == lengths.len() { break; }
            }
            let chunks = cut(limits, &[whole]);
            prop_assert_eq!(&chunks, &cut(limits, &parts));
            let by_row: Vec<_> = chunks.iter().map(|c| (c.0, c.1, c.2)).collect();
            prop_assert_eq!(by_row, oracle(limits, &lengths));
            for chunk in &chunks {
                prop_assert!(chunk.1 < rows.next_multiple_of(GRAIN) + 1);
            }
        }
    }
}
