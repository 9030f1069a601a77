//! Columns that are dictionaries: each entry is written once per batch.
//!
//! Invariant: an entry that no row refers to cannot fail the export.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::compute::take;

use crate::encode::text::cells::Cells;
use crate::encode::text::column::{self, BoxColumn, Column, Problem};
use crate::encode::text::node::Node;
use crate::error::{Cause, Result};

/// The writer of a dictionary of values without parts.
pub(crate) fn column<'p>(
    node: &'p Node,
    array: &ArrayRef,
    outer: Option<&NullBuffer>,
) -> Result<BoxColumn<'p>> {
    let dictionary = array.as_any_dictionary();
    let values = dictionary.values();
    // A dictionary that is larger than the batch would cost more than its rows.
    if (1..=array.len()).contains(&values.len()) {
        let mut entries = Cells::new();
        let written = column::column(node, values, None)?.fill(0..values.len(), &mut entries, &mut []);
        // A problem may be in an entry that is not used: the rows will tell.
        if written.is_ok() {
            return Ok(Box::new(Entries::new(node, array, outer, entries)));
        }
    }
    column::column(node, &unpacked(array)?, outer)
}

/// The rows of a dictionary as a plain array.
pub(crate) fn unpacked(array: &ArrayRef) -> Result<ArrayRef> {
    let Some(dictionary) = array.as_any_dictionary_opt() else { return Ok(ArrayRef::clone(array)) };
    // Keys are within the values, so that this cannot fail.
    let rows = take(dictionary.values().as_ref(), dictionary.keys(), None)
        .map_err(|source| Cause::Encode { source: source.into() })?;
    unpacked(&rows)
}

/// The cells of the entries, and which of them each row shows.
struct Entries {
    entries: Cells,
    rows: Vec<usize>,
}

impl Entries {
    fn new(node: &Node, array: &ArrayRef, outer: Option<&NullBuffer>, mut entries: Cells) -> Self {
        let dictionary = array.as_any_dictionary();
        let null = dictionary.values().len();
        entries.room(node.frame.null.len(), 1);
        let mut pen = entries.pen();
        pen.affix(&node.frame.null);
        pen.close();
        pen.finish();
        let mut rows = dictionary.normalized_keys();
        if let Some(nulls) = NullBuffer::union(array.nulls(), outer) {
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
