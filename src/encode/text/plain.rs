//! Columns of values of limited length: numbers, booleans, dates and times, and columns without a value.
//!
//! Invariant: a value with a problem is never written.

use std::ops::Range;

use arrow::array::{ArrayRef, AsArray, BooleanArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::ArrowPrimitiveType;

use crate::encode::text::cells::Cells;
use crate::encode::text::column::{BoxColumn, Column, Problem};
use crate::encode::text::frame::Frame;
use crate::encode::text::level::Level;
use crate::encode::text::node::Node;
use crate::encode::text::number::{Bool, Text};
use crate::encode::text::pen::{Ending, Pen};
use crate::encode::text::slots::{Slots, Unplaced};

/// The writer of a column without a value.
pub(crate) fn absent(node: &Node) -> BoxColumn<'_> {
    Box::new(Absent { frame: &node.frame })
}

/// The writer of booleans.
pub(crate) fn bools<'p>(node: &'p Node, array: &ArrayRef, nulls: Option<NullBuffer>) -> BoxColumn<'p> {
    Box::new(Bools { values: array.as_boolean().clone(), nulls, frame: &node.frame })
}

/// The writer of values of one width.
pub(crate) fn numbers<'p, T, W>(
    node: &'p Node,
    array: &ArrayRef,
    nulls: Option<NullBuffer>,
    text: W,
) -> BoxColumn<'p>
where
    T: ArrowPrimitiveType,
    W: Text<T::Native> + 'p,
{
    Box::new(Numbers::<T, W> { values: array.as_primitive::<T>().clone(), nulls, node, text })
}

/// A column without a value.
struct Absent<'p> {
    frame: &'p Frame,
}

impl Column for Absent<'_> {
    fn fill(&self, rows: Range<usize>, out: &mut Cells, _spare: &mut [Level]) -> Result<(), Problem> {
        out.room(rows.len() * self.frame.null.len(), rows.len());
        let mut pen = out.pen();
        for _ in rows {
            pen.affix(&self.frame.null);
            pen.close();
        }
        pen.finish();
        Ok(())
    }

    fn most(&self, _rows: &Range<usize>) -> Option<usize> {
        Some(self.frame.null.len())
    }

    fn place(&self, rows: Range<usize>, slots: &mut Slots) -> Result<(), Unplaced> {
        slots.each(&rows, (None, None), |_, mut pen, _| {
            pen.affix(&self.frame.null);
            Ok(pen)
        })
    }
}

struct Bools<'p> {
    values: BooleanArray,
    nulls: Option<NullBuffer>,
    frame: &'p Frame,
}

impl Column for Bools<'_> {
    fn fill(&self, rows: Range<usize>, out: &mut Cells, _spare: &mut [Level]) -> Result<(), Problem> {
        fill_plain(rows, out, (self.nulls.as_ref(), self.frame), &Bool, |row| self.values.value(row));
        Ok(())
    }

    fn most(&self, _rows: &Range<usize>) -> Option<usize> {
        Some(most_of(self.frame, &Bool))
    }

    fn place(&self, rows: Range<usize>, slots: &mut Slots) -> Result<(), Unplaced> {
        place_plain(&rows, slots, (self.nulls.as_ref(), self.frame), &Bool, |row| self.values.value(row))
    }
}

/// A column of values of one width.
struct Numbers<'p, T: ArrowPrimitiveType, W> {
    values: PrimitiveArray<T>,
    nulls: Option<NullBuffer>,
    node: &'p Node,
    text: W,
}

impl<T: ArrowPrimitiveType, W: Text<T::Native>> Column for Numbers<'_, T, W> {
    fn fill(&self, rows: Range<usize>, out: &mut Cells, _spare: &mut [Level]) -> Result<(), Problem> {
        self.check(&rows)?;
        let values = &self.values.values()[..];
        fill_plain(rows, out, (self.nulls.as_ref(), &self.node.frame), &self.text, |row| values[row]);
        Ok(())
    }

    fn most(&self, _rows: &Range<usize>) -> Option<usize> {
        Some(most_of(&self.node.frame, &self.text))
    }

    fn place(&self, rows: Range<usize>, slots: &mut Slots) -> Result<(), Unplaced> {
        self.check(&rows).map_err(|_problem| Unplaced)?;
        let values = &self.values.values()[..];
        place_plain(&rows, slots, (self.nulls.as_ref(), &self.node.frame), &self.text, |row| values[row])
    }
}

impl<T: ArrowPrimitiveType, W: Text<T::Native>> Numbers<'_, T, W> {
    fn check(&self, rows: &Range<usize>) -> Result<(), Problem> {
        // Over the block at once, with what lies under nulls: the loop vanishes where no value has a problem.
        let mut values = self.values.values()[rows.clone()].iter();
        if values.any(|&value| self.text.problem(value).is_some()) {
            self.problem(rows.clone())
        } else {
            Ok(())
        }
    }

    #[cold]
    fn problem(&self, rows: Range<usize>) -> Result<(), Problem> {
        for index in rows {
            if self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(index))
                && let Some(what) = self.text.problem(self.values.value(index))
            {
                return Err(Problem { index, column: self.node.path.clone(), what });
            }
        }
        Ok(())
    }
}

/// The most bytes of a cell of values of limited length.
fn most_of<V, W: Text<V>>(frame: &Frame, _text: &W) -> usize {
    frame.most() + W::MOST
}

/// Fills cells with values of limited length.
fn fill_plain<V, W: Text<V>>(
    rows: Range<usize>,
    out: &mut Cells,
    (nulls, frame): (Option<&NullBuffer>, &Frame),
    text: &W,
    value: impl Fn(usize) -> V,
) {
    out.room(rows.len() * most_of(frame, text), rows.len());
    let mut pen = out.pen();
    for row in rows {
        if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
            put(frame, text, value(row), &mut pen);
        } else {
            pen.affix(&frame.null);
        }
        pen.close();
    }
    pen.finish();
}

/// Places the cells of values of limited length.
fn place_plain<V, W: Text<V>>(
    rows: &Range<usize>,
    slots: &mut Slots,
    (nulls, frame): (Option<&NullBuffer>, &Frame),
    text: &W,
    value: impl Fn(usize) -> V,
) -> Result<(), Unplaced> {
    slots.each(rows, (nulls, Some(&frame.null)), |row, mut pen, _| {
        put(frame, text, value(row), &mut pen);
        Ok(pen)
    })
}

/// Appends a value of limited length within its frame.
#[inline]
fn put<V, W: Text<V>, E: Ending>(frame: &Frame, text: &W, value: V, pen: &mut Pen<'_, E>) {
    pen.affix(&frame.prefix);
    let len = text.write(value, pen.rest());
    pen.set(pen.at() + len);
    pen.affix(&frame.suffix);
}
