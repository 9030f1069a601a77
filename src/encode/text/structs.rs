//! Structs as JSON objects.
//!
//! Each member is written with a comma before it; the bracket then replaces the first comma, so that leaving
//! out null members costs nothing. What lies under a null struct is masked as null before its members see it.
//!
//! Invariant: the cells of the members lie in the first spare level, member after member.

use std::ops::Range;

use arrow::array::{ArrayRef, AsArray};
use arrow::buffer::NullBuffer;

use crate::encode::text::cells::Cells;
use crate::encode::text::column::{BoxColumn, Column, Problem, column, mismatch};
use crate::encode::text::frame::Frame;
use crate::encode::text::level::Level;
use crate::encode::text::node::Node;
use crate::encode::text::packed::unpacked;
use crate::encode::text::pen::{Ending, Pen};
use crate::encode::text::slots::{Slots, Unplaced};
use crate::error::Result;

/// The writer of a struct.
pub(crate) fn structs<'p>(
    node: &'p Node,
    fields: &'p [Node],
    array: &ArrayRef,
    outer: Option<&NullBuffer>,
) -> Result<BoxColumn<'p>> {
    let (array, nulls) = unpacked(array, outer)?;
    let Some(array) = array.as_struct_opt() else { return Err(mismatch(node)) };
    if !array.fields().iter().map(|field| field.name()).eq(fields.iter().map(|field| &field.name)) {
        return Err(mismatch(node));
    }
    let columns = fields.iter().zip(array.columns());
    let columns =
        columns.map(|(field, child)| column(field, child, nulls.as_ref())).collect::<Result<_>>()?;
    Ok(Box::new(Structs { columns, nulls, frame: &node.frame }))
}

/// Objects of named members.
pub(crate) struct Structs<'p> {
    pub(crate) columns: Vec<BoxColumn<'p>>,
    pub(crate) nulls: Option<NullBuffer>,
    pub(crate) frame: &'p Frame,
}

impl Column for Structs<'_> {
    fn fill(&self, rows: Range<usize>, out: &mut Cells, spare: &mut [Level]) -> Result<(), Problem> {
        let Some((level, spare)) = spare.split_first_mut() else { return Ok(()) };
        let members = level.rows(&self.columns, &rows, spare)?;
        out.room(members.len() + rows.len() * (self.frame.most() + 1), rows.len());
        let mut pen = out.pen();
        for (index, row) in rows.enumerate() {
            if self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
                bracket(b'{', self.frame, &mut pen, |pen| members.row(index, pen));
            } else {
                pen.affix(&self.frame.null);
            }
            pen.close();
        }
        pen.finish();
        Ok(())
    }

    fn most(&self, rows: &Range<usize>) -> Option<usize> {
        self.columns.iter().try_fold(self.frame.most() + 1, |sum, column| Some(sum + column.most(rows)?))
    }

    fn place(&self, rows: Range<usize>, slots: &mut Slots) -> Result<(), Unplaced> {
        let nulls = self.nulls.as_ref();
        let begun = slots.ends().to_vec();
        // Said anew, column by column; what surrounds them is last.
        let own = self.frame.most() + 1;
        let most = self.columns.iter().map(|column| column.most(&rows));
        let most: Vec<_> = most.collect::<Option<_>>().ok_or(Unplaced)?;
        slots.expect(own + most.iter().sum::<usize>());
        slots.each(&rows, (nulls, None), |_, mut pen, _| {
            pen.affix(&self.frame.prefix);
            Ok(pen)
        })?;
        for (column, most) in self.columns.iter().zip(most) {
            slots.now(most);
            column.place(rows.clone(), slots)?;
        }
        slots.now(own);
        slots.take_back(&rows, nulls, &begun);
        slots.each(&rows, (nulls, Some(&self.frame.null)), |row, mut pen, _| {
            let start = begun[row - rows.start] + self.frame.prefix.len();
            close_bracket((b'{', start), self.frame, &mut pen);
            Ok(pen)
        })
    }
}

/// Appends items within their frame, and replaces the comma before the first by the opening bracket.
#[inline]
pub(crate) fn bracket<'a>(open: u8, frame: &Frame, pen: &mut Pen<'a>, items: impl FnOnce(&mut Pen<'a>)) {
    pen.affix(&frame.prefix);
    let start = pen.at();
    items(pen);
    close_bracket((open, start), frame, pen);
}

/// Replaces the comma before the first item by the opening bracket, and appends what stands behind the last.
#[inline]
fn close_bracket<E: Ending>((open, start): (u8, usize), frame: &Frame, pen: &mut Pen<'_, E>) {
    pen.set(pen.at().max(start + 1));
    pen.replace(start, open);
    pen.affix(&frame.suffix);
}
