//! Columns whose rows share values: dictionaries and runs. Each value is written once for many rows.
//!
//! What is written of a dictionary is kept in the [`Memo`](crate::encode::text::memo::Memo) of its node, since
//! batches that follow on each other often have the same one; rows then name places in that text.
//!
//! Invariant: a value that no row refers to cannot fail the export.

use std::hint::{black_box, select_unpredictable};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowNativeType, Int16Type, Int32Type, Int64Type, RunEndIndexType};

use crate::encode::rows::taken;
use crate::encode::text::cells::{Cells, Span};
use crate::encode::text::column::{self, BoxColumn, Column, Problem};
use crate::encode::text::entries::{Entries, Picked};
use crate::encode::text::frame::Affix;
use crate::encode::text::level::Level;
use crate::encode::text::node::Node;
use crate::encode::text::slots::{SlotPen, Slots, Unplaced};
use crate::encode::text::valid::{GROUP, groups};
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
        let null = &node.frame.null;
        Ok(match self.rows {
            Rows::Keys(rows) => Box::new(Shared { entries, rows, nulls, null }),
            Rows::Places(rows) => {
                let rows = rows.iter().map(|&row| row as u64).collect();
                Box::new(Shared::<u64> { entries, rows, nulls, null })
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
struct Shared<'p, K: ArrowNativeType> {
    entries: Arc<Entries>,
    /// The entry of each row; any number, where the row is null.
    rows: ScalarBuffer<K>,
    nulls: Option<NullBuffer>,
    null: &'p Affix,
}

impl<K: ArrowNativeType> Shared<'_, K> {
    /// Gives the places of the cells, a few at a time, and a bit for each that is no null.
    #[inline]
    fn places(&self, rows: &Range<usize>, mut take: impl FnMut(&[Span], u64)) {
        let null = self.entries.null();
        let mut places = [Span { from: 0, len: 0 }; GROUP];
        for (group, valid) in groups(self.nulls.as_ref(), rows) {
            let keys = &self.rows[group];
            let mut bits = valid;
            for (place, key) in places.iter_mut().zip(keys) {
                *place = self.entries.place(select_unpredictable(bits & 1 == 1, key.as_usize(), null));
                bits >>= 1;
            }
            take(&places[..keys.len()], valid);
        }
    }

    /// Appends the cell of the entry of each row that is valid, as `put` does.
    fn place_each(
        &self,
        rows: &Range<usize>,
        slots: &mut Slots,
        put: impl Fn(usize, &mut SlotPen<'_>),
    ) -> Result<(), Unplaced> {
        let (prefix, keys) = (self.entries.prefix(), &self.rows[..]);
        slots.each(rows, (self.nulls.as_ref(), Some(self.null)), |row, mut pen, _| {
            pen.affix(prefix);
            put(keys[row].as_usize(), &mut pen);
            Ok(pen)
        })
    }
}

impl<K: ArrowNativeType> Column for Shared<'_, K> {
    fn fill(&self, rows: Range<usize>, out: &mut Cells, _spare: &mut [Level]) -> Result<(), Problem> {
        let (text, prefix) = (self.entries.text(), self.entries.prefix());
        let mut bytes = rows.len() * prefix.len();
        self.places(&rows, |places, _| bytes += places.iter().map(|place| place.len).sum::<usize>());
        out.room(bytes, rows.len());
        let mut pen = out.pen();
        self.places(&rows, |places, mut valid| {
            // All texts are asked for before the first one is needed: most are far away.
            black_box(places.iter().fold(0, |seen, place| seen | text[place.from]));
            for &Span { from, len } in places {
                let start = pen.at();
                pen.affix(prefix);
                // A null is written over it: there is no branch that half of the rows take.
                pen.set(select_unpredictable(valid & 1 == 1, pen.at(), start));
                valid >>= 1;
                pen.copy(text, from, len);
                pen.close();
            }
        });
        pen.finish();
        Ok(())
    }

    fn shared(&self, rows: &Range<usize>, spans: &mut Vec<Span>) -> Option<&[u8]> {
        if self.entries.prefix().len() > 0 {
            return None;
        }
        spans.reserve(rows.len());
        self.places(rows, |places, _| spans.extend_from_slice(places));
        Some(self.entries.text())
    }

    fn most(&self, _rows: &Range<usize>) -> Option<usize> {
        Some(self.entries.longest())
    }

    fn place(&self, rows: Range<usize>, slots: &mut Slots) -> Result<(), Unplaced> {
        let text = self.entries.text();
        match self.entries.picked() {
            Picked::Narrow(cells) => self.place_each(&rows, slots, |key, pen| pen.slot(&cells[key])),
            Picked::Wide(cells) => self.place_each(&rows, slots, |key, pen| pen.slot(&cells[key])),
            Picked::Any => self.place_each(&rows, slots, |key, pen| {
                let Span { from, len } = self.entries.place(key);
                pen.copy(text, from, len);
            }),
        }
    }
}
