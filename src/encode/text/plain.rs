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
        self.put(rows.len(), out.pen()).finish();
        Ok(())
    }

    fn most(&self, _rows: &Range<usize>) -> Option<usize> {
        Some(self.frame.null.len())
    }

    fn place(&self, rows: Range<usize>, slots: &mut Slots) -> Result<(), Unplaced> {
        self.put(rows.len(), slots.pen().0);
        Ok(())
    }
}

impl Absent<'_> {
    fn put<'a, E: Ending>(&self, cells: usize, mut pen: Pen<'a, E>) -> Pen<'a, E> {
        for _ in 0..cells {
            pen.affix(&self.frame.null);
            pen.close();
        }
        pen
    }
}

struct Bools<'p> {
    values: BooleanArray,
    nulls: Option<NullBuffer>,
    frame: &'p Frame,
}

impl Column for Bools<'_> {
    fn fill(&self, rows: Range<usize>, out: &mut Cells, _spare: &mut [Level]) -> Result<(), Problem> {
        out.room(rows.len() * most_of::<_, Bool>(self.frame), rows.len());
        self.put(rows, out.pen()).finish();
        Ok(())
    }

    fn most(&self, _rows: &Range<usize>) -> Option<usize> {
        Some(most_of::<_, Bool>(self.frame))
    }

    fn place(&self, rows: Range<usize>, slots: &mut Slots) -> Result<(), Unplaced> {
        self.put(rows, slots.pen().0);
        Ok(())
    }
}

impl Bools<'_> {
    fn put<'a, E: Ending>(&self, rows: Range<usize>, pen: Pen<'a, E>) -> Pen<'a, E> {
        put_plain(rows, pen, (self.frame, self.nulls.as_ref()), &Bool, |row| self.values.value(row))
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
        out.room(rows.len() * most_of::<_, W>(&self.node.frame), rows.len());
        self.put(rows, out.pen()).finish();
        Ok(())
    }

    fn most(&self, _rows: &Range<usize>) -> Option<usize> {
        Some(most_of::<_, W>(&self.node.frame))
    }

    fn place(&self, rows: Range<usize>, slots: &mut Slots) -> Result<(), Unplaced> {
        self.check(&rows).map_err(|_problem| Unplaced)?;
        self.put(rows, slots.pen().0);
        Ok(())
    }
}

impl<T: ArrowPrimitiveType, W: Text<T::Native>> Numbers<'_, T, W> {
    fn put<'a, E: Ending>(&self, rows: Range<usize>, pen: Pen<'a, E>) -> Pen<'a, E> {
        let (first, values) = (rows.start, &self.values.values()[rows.clone()]);
        put_plain(rows, pen, (&self.node.frame, self.nulls.as_ref()), &self.text, |row| values[row - first])
    }

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
fn most_of<V, W: Text<V>>(frame: &Frame) -> usize {
    frame.most() + W::MOST
}

/// Appends a cell a row: the frame with a value of limited length in it, or its null.
fn put_plain<'a, V, W: Text<V>, E: Ending>(
    rows: Range<usize>,
    mut pen: Pen<'a, E>,
    (frame, nulls): (&Frame, Option<&NullBuffer>),
    text: &W,
    value: impl Fn(usize) -> V,
) -> Pen<'a, E> {
    for row in rows {
        if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
            pen.affix(&frame.prefix);
            let len = text.write(value(row), pen.rest());
            pen.set(pen.at() + len);
            pen.affix(&frame.suffix);
        } else {
            pen.affix(&frame.null);
        }
        pen.close();
    }
    pen
}
