//! Columns whose rows share values: dictionaries and runs. Each value is written once for many rows.
//!
//! What is written of a dictionary is kept in the [`Memo`](crate::encode::text::memo::Memo) of its node, since
//! batches that follow on each other often have the same one; rows then name places in that text.
//!
//! Invariant: a value that no row refers to cannot fail the export.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowNativeType, Int16Type, Int32Type, Int64Type, RunEndIndexType};

use crate::encode::rows::taken;
use crate::encode::text::cells::{Cells, Span};
use crate::encode::text::column::{self, BoxColumn, Column, Problem};
use crate::encode::text::memo::Entries;
use crate::encode::text::node::Node;
use crate::error::Result;

/// An array without its outermost dictionary or runs.
pub(crate) struct Packed {
    values: ArrayRef,
    rows: Rows,
    nulls: Option<NullBuffer>,
}

/// The value of each row; any, where the row is null.
enum Rows {
    /// As a dictionary has them; where the row is null, it may be no value at all.
    Keys(ScalarBuffer<i32>),
    Places(Vec<usize>),
}

impl Packed {
    /// The values and rows of a dictionary or of runs; `None` for any other array.
    pub(crate) fn of(array: &ArrayRef) -> Option<Self> {
        let Some(dictionary) = array.as_any_dictionary_opt() else {
            let runs = Self::of_runs::<Int16Type>(array).or_else(|| Self::of_runs::<Int32Type>(array));
            return runs.or_else(|| Self::of_runs::<Int64Type>(array));
        };
        let values = ArrayRef::clone(dictionary.values());
        let rows = if let Some(keys) = dictionary.keys().as_primitive_opt::<Int32Type>() {
            Rows::Keys(keys.values().clone())
        } else if values.is_empty() {
            // Without values every key is null.
            Rows::Places(vec![0; array.len()])
        } else {
            Rows::Places(dictionary.normalized_keys())
        };
        Some(Self { values, rows, nulls: array.nulls().cloned() })
    }

    fn of_runs<R: RunEndIndexType>(array: &ArrayRef) -> Option<Self> {
        let runs = array.as_run_opt::<R>()?;
        let mut rows = Vec::with_capacity(runs.len());
        for (run, end) in runs.run_ends().sliced_values().enumerate() {
            rows.resize(end.as_usize(), run);
        }
        Some(Self { values: runs.values_slice(), rows: Rows::Places(rows), nulls: None })
    }

    /// The writer of values without parts.
    pub(crate) fn column<'p>(self, node: &'p Node, outer: Option<&NullBuffer>) -> Result<BoxColumn<'p>> {
        let nulls = NullBuffer::union(self.nulls.as_ref(), outer).filter(|nulls| nulls.null_count() > 0);
        let Some(entries) = node.memo.entries(node, &self.values, self.rows.len())? else {
            return column::column(node, &self.unpacked()?, nulls.as_ref());
        };
        Ok(match self.rows {
            Rows::Keys(rows) => Box::new(Shared { entries, rows, nulls }),
            Rows::Places(rows) => {
                Box::new(Shared { entries, rows: rows.iter().map(|&row| row as u64).collect(), nulls })
            }
        })
    }

    fn unpacked(&self) -> Result<ArrayRef> {
        let last = self.values.len().saturating_sub(1);
        match &self.rows {
            Rows::Keys(keys) => {
                let places: Vec<_> = keys.iter().map(|key| key.to_usize().unwrap_or(0).min(last)).collect();
                taken(&self.values, &places, self.nulls.as_ref())
            }
            Rows::Places(places) => taken(&self.values, places, self.nulls.as_ref()),
        }
    }
}

impl Rows {
    fn len(&self) -> usize {
        match self {
            Self::Keys(keys) => keys.len(),
            Self::Places(places) => places.len(),
        }
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

/// Rows that show written entries.
struct Shared<K: ArrowNativeType> {
    entries: Arc<Entries>,
    /// The entry of each row; any number, where the row is null.
    rows: ScalarBuffer<K>,
    nulls: Option<NullBuffer>,
}

impl<K: ArrowNativeType> Shared<K> {
    fn spans(&self, rows: &Range<usize>, spans: &mut Vec<Span>) {
        let keys = &self.rows[rows.clone()];
        let (entries, null) = (self.entries.spans(), self.entries.null());
        let Some(nulls) = &self.nulls else {
            return spans.extend(keys.iter().map(|key| entries[key.as_usize()]));
        };
        let valid = nulls.inner().slice(rows.start, rows.len());
        for (keys, mut word) in keys.chunks(64).zip(valid.bit_chunks().iter_padded()) {
            for key in keys {
                let entry = if word & 1 == 1 { key.as_usize() } else { null };
                spans.push(entries[entry]);
                word >>= 1;
            }
        }
    }
}

impl<K: ArrowNativeType> Column for Shared<K> {
    fn fill(&self, rows: Range<usize>, out: &mut Cells, _spare: &mut [Cells]) -> Result<(), Problem> {
        let mut spans = Vec::with_capacity(rows.len());
        self.spans(&rows, &mut spans);
        out.room(spans.iter().map(|span| span.len).sum(), rows.len());
        let mut pen = out.pen();
        for span in spans {
            pen.copy(self.entries.text(), span.from, span.len);
            pen.close();
        }
        pen.finish();
        Ok(())
    }

    fn shared(&self, rows: &Range<usize>, spans: &mut Vec<Span>) -> Option<&[u8]> {
        self.spans(rows, spans);
        Some(self.entries.text())
    }
}
