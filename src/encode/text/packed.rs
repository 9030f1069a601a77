//! Columns whose rows share values: dictionaries and runs. Each value is written once per batch.
//!
//! Invariant: a value that no row refers to cannot fail the export.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array, new_null_array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{ArrowNativeType, DataType, Int16Type, Int32Type, Int64Type, RunEndIndexType};

use crate::encode::text::cells::Cells;
use crate::encode::text::column::{self, BoxColumn, Column, Problem};
use crate::encode::text::node::Node;
use crate::error::{Cause, Result};

/// An array without its outermost dictionary or runs.
pub(crate) struct Packed {
    values: ArrayRef,
    /// The value of each row; any, where the row is null.
    rows: Vec<usize>,
    nulls: Option<NullBuffer>,
}

impl Packed {
    /// The values and rows of a dictionary or of runs; `None` for any other array.
    pub(crate) fn of(array: &ArrayRef) -> Option<Self> {
        let Some(dictionary) = array.as_any_dictionary_opt() else {
            let runs = Self::of_runs::<Int16Type>(array).or_else(|| Self::of_runs::<Int32Type>(array));
            return runs.or_else(|| Self::of_runs::<Int64Type>(array));
        };
        let values = ArrayRef::clone(dictionary.values());
        // Without values every key is null.
        let rows = if values.is_empty() { vec![0; array.len()] } else { dictionary.normalized_keys() };
        Some(Self { values, rows, nulls: array.nulls().cloned() })
    }

    fn of_runs<R: RunEndIndexType>(array: &ArrayRef) -> Option<Self> {
        let runs = array.as_run_opt::<R>()?;
        let mut rows = Vec::with_capacity(runs.len());
        for (run, end) in runs.run_ends().sliced_values().enumerate() {
            rows.resize(end.as_usize(), run);
        }
        Some(Self { values: runs.values_slice(), rows, nulls: None })
    }

    /// The writer of values without parts.
    pub(crate) fn column<'p>(self, node: &'p Node, outer: Option<&NullBuffer>) -> Result<BoxColumn<'p>> {
        let nulls = NullBuffer::union(self.nulls.as_ref(), outer);
        // More values than the batch has rows would cost more than its rows.
        if (1..=self.rows.len()).contains(&self.values.len()) {
            let mut entries = Cells::new();
            let written = column::column(node, &self.values, None)?;
            let written = written.fill(0..self.values.len(), &mut entries, &mut []);
            // A problem may be in a value that is not used: the rows will tell.
            if written.is_ok() {
                return Ok(Box::new(Entries::new(node, self.rows, nulls.as_ref(), entries)));
            }
        }
        column::column(node, &self.unpacked()?, nulls.as_ref())
    }

    fn unpacked(&self) -> Result<ArrayRef> {
        taken(&self.values, &self.rows, self.nulls.as_ref())
    }
}

/// An array without dictionaries and runs around it, and which of its rows are null, by `outer` too.
pub(crate) fn unpacked(
    array: &ArrayRef,
    outer: Option<&NullBuffer>,
) -> Result<(ArrayRef, Option<NullBuffer>)> {
    let Some(packed) = Packed::of(array) else {
        return Ok((ArrayRef::clone(array), NullBuffer::union(array.nulls(), outer)));
    };
    let nulls = NullBuffer::union(packed.nulls.as_ref(), outer);
    unpacked(&packed.unpacked()?, nulls.as_ref())
}

/// One value for each row; a null row has any value, or none.
pub(crate) fn taken(values: &ArrayRef, rows: &[usize], nulls: Option<&NullBuffer>) -> Result<ArrayRef> {
    if values.is_empty() {
        return Ok(new_null_array(values.data_type(), rows.len()));
    }
    // A null index copies nothing, but a union has no nulls of its own: one in a struct would have to take a
    // child that it may not have, and runs are not made for null indices.
    let always = matches!(
        values.data_type(),
        DataType::Union(..) | DataType::Struct(_) | DataType::FixedSizeList(..) | DataType::RunEndEncoded(..)
    );
    let nulls = nulls.filter(|_| !always).cloned();
    let rows = UInt64Array::new(rows.iter().map(|&row| row as u64).collect(), nulls);
    // Rows are within the values, so that this cannot fail.
    take(values.as_ref(), &rows, None).map_err(|source| Cause::Encode { source: source.into() }.into())
}

/// The cells of the values, and which of them each row shows.
struct Entries {
    entries: Cells,
    rows: Vec<usize>,
}

impl Entries {
    fn new(node: &Node, mut rows: Vec<usize>, nulls: Option<&NullBuffer>, mut entries: Cells) -> Self {
        if let Some(nulls) = nulls {
            let null = entries.count();
            entries.room(node.frame.null.len(), 1);
            let mut pen = entries.pen();
            pen.affix(&node.frame.null);
            pen.close();
            pen.finish();
            for (row, valid) in rows.iter_mut().zip(nulls.iter()) {
                *row = if valid { *row } else { null };
            }
        }
        Self { entries, rows }
    }
}

impl Column for Entries {
    fn fill(&self, rows: Range<usize>, out: &mut Cells, _spare: &mut [Cells]) -> Result<(), Problem> {
        let rows = &self.rows[rows];
        let start = |entry| self.entries.start(entry);
        out.room(rows.iter().map(|&entry| start(entry + 1) - start(entry)).sum(), rows.len());
        let mut pen = out.pen();
        for &entry in rows {
            pen.copy(self.entries.buffer(), start(entry), start(entry + 1) - start(entry));
            pen.close();
        }
        pen.finish();
        Ok(())
    }
}
