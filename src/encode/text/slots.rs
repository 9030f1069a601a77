//! Rows side by side, each with room of its own: columns write their cells where they stay.
//!
//! Each column says first how long its cells can be. Then one after the other appends a cell to each row, and only
//! whole rows are copied once more. What does not fit after all, or has a problem, is not placed: such rows are
//! written cell by cell and joined, which tells what is wrong.
//!
//! Invariant: a row never reaches into the room of the next one, not even by what a short copy takes along.

use std::ops::Range;

use arrow::buffer::NullBuffer;

use crate::encode::text::cells::{Cells, Span};
use crate::encode::text::copy::WINDOW;
use crate::encode::text::frame::Affix;
use crate::encode::text::pen::{Ending, InOne, Pen};
use crate::encode::text::valid::{all, groups, ones};

/// The most bytes that rows take side by side, so that what is written of them stays in the cache.
const MOST_BYTES: usize = 2 << 20;

/// A line of the cache.
const LINE: usize = 64;

/// Room for each row.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    bytes: Vec<u8>,
    /// Bytes from the beginning of a row to that of the next one.
    stride: usize,
    /// Where each row ends by now.
    ends: Vec<usize>,
    /// What the columns to come may take of a row.
    rest: usize,
    /// Where texts with escapes are written first: they may not fit.
    aside: Aside,
}

/// Cells could not be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unplaced;

impl Slots {
    /// Begins so many empty rows for cells that take up to `most` bytes of each.
    pub(crate) fn begin(&mut self, rows: usize, most: usize) -> Result<(), Unplaced> {
        // An eighth more, for escapes. An odd number of lines: else all rows would share a few sets of the cache.
        let wanted = most + most / 8 + 2 * WINDOW;
        let stride = wanted.next_multiple_of(2 * LINE) + LINE;
        let needed = stride.checked_mul(rows).filter(|&bytes| bytes <= MOST_BYTES).ok_or(Unplaced)?;
        if self.bytes.len() < needed {
            self.bytes.resize(needed, 0);
        }
        self.stride = stride;
        self.rest = most;
        self.ends.clear();
        self.ends.extend((0..rows).map(|row| row * stride));
        Ok(())
    }

    /// Cells of up to `most` more bytes than was said are placed next.
    pub(crate) fn expect(&mut self, most: usize) {
        self.rest += most;
    }

    /// The cells of up to `most` bytes that were said to come are placed now.
    pub(crate) fn now(&mut self, most: usize) {
        self.rest -= most;
    }

    /// A pen at the end of the first row, which goes where it is told; and what texts with escapes are written to first.
    fn pen(&mut self) -> (SlotPen<'_>, &mut Aside) {
        let limit = self.stride - self.rest - WINDOW;
        let at = self.ends.first().copied().unwrap_or(0);
        let ending = InSlots { ends: &mut self.ends, row: 0, limit, stride: self.stride };
        (Pen::new(&mut self.bytes, at, ending), &mut self.aside)
    }

    /// Appends a cell to each row: `put` that of a valid one to the end of the row, and the text for null to others.
    #[inline]
    pub(crate) fn each<'s>(
        &'s mut self,
        rows: &Range<usize>,
        (nulls, null): (Option<&NullBuffer>, Option<&Affix>),
        mut put: impl FnMut(usize, SlotPen<'s>, &mut Aside) -> Result<SlotPen<'s>, Unplaced>,
    ) -> Result<(), Unplaced> {
        let (mut pen, aside) = self.pen();
        let null = null.filter(|null| null.len() > 0);
        for (group, valid) in groups(nulls, rows) {
            let first = group.start - rows.start;
            if let Some(null) = null {
                for at in ones(valid ^ all(&group)) {
                    pen.go(first + at);
                    pen.affix(null);
                    pen.close();
                }
            }
            for at in ones(valid) {
                pen.go(first + at);
                pen = put(group.start + at, pen, aside)?;
                pen.close();
            }
        }
        Ok(())
    }

    /// Appends one cell of a text to each row.
    pub(crate) fn copy(&mut self, text: &[u8], cells: &[Span]) -> Result<(), Unplaced> {
        self.each(&(0..cells.len()), (None, None), |row, mut pen, _| {
            let Span { from, len } = cells[row];
            pen.copy(text, from, len);
            Ok(pen)
        })
    }

    /// Lets rows that are not valid end again where they ended before.
    pub(crate) fn take_back(&mut self, rows: &Range<usize>, nulls: Option<&NullBuffer>, ends: &[usize]) {
        for (group, valid) in groups(nulls, rows) {
            for at in ones(valid ^ all(&group)) {
                let row = group.start - rows.start + at;
                self.ends[row] = ends[row];
            }
        }
    }

    /// Where each row ends by now.
    pub(crate) fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// The bytes of all rows.
    pub(crate) fn len(&self) -> usize {
        self.ends.iter().enumerate().map(|(row, end)| end - row * self.stride).sum()
    }

    /// Appends one row.
    #[inline]
    pub(crate) fn row(&self, row: usize, pen: &mut Pen<'_>) {
        let start = row * self.stride;
        pen.copy(&self.bytes, start, self.ends[row] - start);
    }

    /// Bytes of memory that it takes.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<usize>() + self.aside.0.memory()
    }
}

/// Each cell at the end of its row.
#[derive(Debug)]
pub(crate) struct InSlots<'a> {
    ends: &'a mut [usize],
    row: usize,
    /// How much a row may have behind this cell.
    limit: usize,
    stride: usize,
}

impl Ending for InSlots<'_> {
    #[inline]
    fn close(&mut self, at: usize) -> usize {
        self.ends[self.row] = at;
        at
    }
}

/// Writes to the ends of rows.
pub(crate) type SlotPen<'a> = Pen<'a, InSlots<'a>>;

impl SlotPen<'_> {
    /// Goes to the end of a row.
    #[inline]
    fn go(&mut self, row: usize) {
        let at = self.ending().ends[row];
        self.ending_mut().row = row;
        self.set(at);
    }
}

/// A cell by itself.
#[derive(Debug, Default)]
pub(crate) struct Aside(Cells);

impl Aside {
    /// Appends what `write` writes, up to `most` bytes of it, where it fits.
    ///
    /// The pen comes back: it is given away, so that it stays in registers where this is not needed.
    #[cold]
    pub(crate) fn append<'p>(
        &mut self,
        mut pen: SlotPen<'p>,
        most: usize,
        write: impl FnOnce(&mut Pen<'_>),
    ) -> Result<SlotPen<'p>, Unplaced> {
        let InSlots { row, limit, stride, .. } = *pen.ending();
        let rest = (row * stride + limit).saturating_sub(pen.at());
        if most <= rest {
            let (mut len, mut bounds) = (0, Vec::new());
            let mut inner = Pen::new(pen.rest(), 0, InOne { len: &mut len, bounds: &mut bounds });
            write(&mut inner);
            inner.finish();
            pen.set(pen.at() + len);
            return Ok(pen);
        }
        self.0.clear();
        self.0.room(most, 0);
        let mut inner = self.0.pen();
        write(&mut inner);
        inner.finish();
        let cell = self.0.text();
        if cell.len() > rest {
            return Err(Unplaced);
        }
        pen.slice(cell);
        Ok(pen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(slots: &Slots) -> Vec<String> {
        let mut cells = Cells::new();
        cells.room(slots.len(), slots.ends().len());
        let mut pen = cells.pen();
        for row in 0..slots.ends().len() {
            slots.row(row, &mut pen);
            pen.close();
        }
        pen.finish();
        (0..slots.ends().len()).map(|row| String::from_utf8(cells.cell(row).to_vec()).unwrap()).collect()
    }

    fn span(from: usize, len: usize) -> Span {
        Span { from, len }
    }

    #[test]
    fn cells_stand_behind_each_other_and_rows_do_not_touch() {
        let text = "abcdefghijklmnopqrstuvwxyz".repeat(20);
        for len in 0..400 {
            let mut slots = Slots::default();
            slots.begin(3, len + 2).unwrap();
            slots.now(len);
            slots.copy(text.as_bytes(), &[span(0, len), span(3, 0), span(1, len)]).unwrap();
            slots.now(2);
            slots.copy(text.as_bytes(), &[span(25, 1), span(24, 2), span(0, 0)]).unwrap();
            let expected = [format!("{}z", &text[..len]), "yz".to_owned(), text[1..=len].to_owned()];
            assert_eq!(rows(&slots), expected);
        }
    }

    #[test]
    fn a_cell_with_escapes_is_placed_only_where_it_and_what_comes_fit() {
        let fits = |len: usize, row: usize, most: usize| {
            let mut slots = Slots::default();
            slots.begin(2, 100).unwrap();
            slots.now(40);
            let (mut pen, aside) = slots.pen();
            pen.go(row);
            let text = vec![b'x'; len];
            let written = aside.append(pen, most, |pen| pen.slice(&text)).map(|mut pen| pen.close());
            slots.now(60);
            // What is still to come never reaches the next row.
            slots.copy(&[b'y'; 100], &[span(0, 60), span(0, 60)]).unwrap();
            assert!(written.is_err() || rows(&slots)[row].len() == len + 60);
            assert_eq!(rows(&slots)[1 - row].len(), 60);
            written.is_ok()
        };
        for row in 0..2 {
            for more in [0, 1, 100, 1_000] {
                assert!(fits(52, row, 52 + more) && !fits(400, row, 400 + more));
            }
        }
    }

    #[test]
    fn rows_that_are_too_long_to_stand_side_by_side_are_not_begun() {
        let mut slots = Slots::default();
        assert_eq!(slots.begin(128, MOST_BYTES / 100), Err(Unplaced));
        assert_eq!(slots.begin(1, usize::MAX / 2), Err(Unplaced));
        assert!(slots.bytes.is_empty());
    }
}
