//! Columns of strings and of bytes, in every physical form.
//!
//! A string is copied as it is unless something in it has to be escaped, which is seen while it is copied; bytes
//! become base64 (standard alphabet, padded).
//!
//! Invariant: the room for what remains of a block, unescaped, is always there; an escape asks for more.

use std::ops::Range;

use arrow::array::{
    ArrayAccessor, ArrayRef, AsArray, BinaryArray, BinaryViewArray, FixedSizeBinaryArray, LargeBinaryArray,
};
use arrow::buffer::NullBuffer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::encode::text::block::{BLOCK, Block};
use crate::encode::text::cells::Cells;
use crate::encode::text::column::{BoxColumn, Column, Problem};
use crate::encode::text::copy::{WINDOW, copy_seeing, copy_window_seeing};
use crate::encode::text::escape::{Csv, Ends, Json, LONE_NULL, Style, is_any_special};
use crate::encode::text::frame::Frame;
use crate::encode::text::level::Level;
use crate::encode::text::node::{Node, Quoting};
use crate::encode::text::pen::{Ending, Pen};
use crate::encode::text::places::{Place, Places};
use crate::encode::text::slots::{Slots, Unplaced};

/// The writer of a string column.
pub(crate) fn texts<'p>(node: &'p Node, array: &ArrayRef, nulls: Option<NullBuffer>) -> BoxColumn<'p> {
    match node.spelling.quoting {
        Quoting::Json { in_csv: false } => styled(node, array, nulls, Json::<false>),
        Quoting::Json { in_csv: true } => styled(node, array, nulls, Json::<true>),
        Quoting::Csv(csv) => styled(node, array, nulls, csv),
    }
}

fn styled<'p, S: Style + 'p>(
    node: &'p Node,
    array: &ArrayRef,
    nulls: Option<NullBuffer>,
    style: S,
) -> BoxColumn<'p> {
    if let Some(texts) = array.as_string_view_opt() {
        strings(node, texts.clone(), nulls, style)
    } else if let Some(texts) = array.as_string_opt::<i64>() {
        strings(node, texts.clone(), nulls, style)
    } else {
        strings(node, array.as_string::<i32>().clone(), nulls, style)
    }
}

fn strings<'p, P: Places + 'p, S: Style + 'p>(
    node: &'p Node,
    texts: P,
    nulls: Option<NullBuffer>,
    style: S,
) -> BoxColumn<'p> {
    let frame = &node.frame;
    Box::new(Strings { texts, nulls, frame, style })
}

struct Strings<'p, P, S> {
    texts: P,
    nulls: Option<NullBuffer>,
    frame: &'p Frame,
    style: S,
}

impl<P: Places, S: Style> Column for Strings<'_, P, S> {
    fn fill(&self, rows: Range<usize>, out: &mut Cells, _spare: &mut [Level]) -> Result<(), Problem> {
        let most = |row| self.texts.len(row) + self.frame.most();
        let mut left = rows.clone().map(most).sum();
        out.room(left, rows.len());
        let mut pen = out.pen();
        for row in rows {
            left -= most(row);
            if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                pen.affix(&self.frame.null);
            } else if !self.put(row, &mut pen) {
                pen.finish();
                out.room(self.most_odd(row) + left, 0);
                pen = self.odd(row, out.pen());
            }
            pen.close();
        }
        pen.finish();
        Ok(())
    }

    fn most(&self, rows: &Range<usize>) -> Option<usize> {
        Some(self.texts.longest(rows.clone()) + self.frame.most())
    }

    fn place(&self, rows: Range<usize>, slots: &mut Slots) -> Result<(), Unplaced> {
        slots.each(&rows, (self.nulls.as_ref(), Some(&self.frame.null)), |row, mut pen, aside| {
            if self.put(row, &mut pen) {
                return Ok(pen);
            }
            aside.append(pen, self.most_odd(row), |pen| self.write_odd(row, pen))
        })
    }
}

impl<P: Places, S: Style> Strings<'_, P, S> {
    /// Appends what the cell of a value has before its end, unless the text must go through the style.
    #[inline]
    fn put<E: Ending>(&self, row: usize, pen: &mut Pen<'_, E>) -> bool {
        let start = pen.at();
        pen.affix(&self.frame.prefix);
        let (text, len) = self.texts.place(row);
        if is_odd_copied(self.style, (text, len), pen.rest()) {
            pen.set(start);
            return false;
        }
        pen.set(pen.at() + len);
        pen.affix(&self.frame.suffix);
        true
    }

    /// The most bytes of a cell whose text goes through the style.
    fn most_odd(&self, row: usize) -> usize {
        self.texts.len(row) * S::GROWTH + S::AROUND + self.frame.most()
    }

    /// Appends what a cell has before its end, where the text must go through the style.
    fn write_odd(&self, row: usize, pen: &mut Pen<'_>) {
        pen.affix(&self.frame.prefix);
        let (text, len) = self.texts.place(row);
        self.style.write(&text[..len], pen);
        pen.affix(&self.frame.suffix);
    }

    /// The same with a pen that was given away.
    #[cold]
    fn odd<'a>(&self, row: usize, mut pen: Pen<'a>) -> Pen<'a> {
        self.write_odd(row, &mut pen);
        pen
    }
}

/// Copies a text, and says whether it should not have been: it must go through the style.
#[inline]
fn is_odd_copied<S: Style>(style: S, (text, len): Place<'_>, room: &mut [u8]) -> bool {
    match text.first_chunk::<WINDOW>() {
        Some(window) if len <= WINDOW => {
            let is_any_special = copy_window_seeing(room, window, len, S::special);
            // The last byte of an empty text is any.
            is_any_special | style.is_odd(Ends { len, first: window[0], last: window[len.max(1) - 1] })
        }
        _ => is_odd_long_copied(style, text, len, room),
    }
}

/// The same of a text that is long, or ends with what it lies in.
#[inline(never)]
fn is_odd_long_copied<S: Style>(style: S, source: &[u8], len: usize, room: &mut [u8]) -> bool {
    let text = &source[..len];
    let (Some(&first), Some(&last)) = (text.first(), text.last()) else { return true };
    // JSON in a cell of CSV: it need not be copied twice.
    let begins_odd = |block: &[u8; BLOCK]| S::special(Block::of(block)).bits() != 0;
    if style.is_odd(Ends { len, first, last }) || text.first_chunk().is_some_and(begins_odd) {
        return true;
    }
    copy_seeing(room, source, len, S::special).unwrap_or_else(|| {
        room[..len].copy_from_slice(text);
        is_any_special::<S>(text)
    })
}

/// The writer of a column of bytes.
pub(crate) fn binaries<'p>(node: &'p Node, array: &ArrayRef, nulls: Option<NullBuffer>) -> BoxColumn<'p> {
    let any = array.as_any();
    if let Some(array) = any.downcast_ref::<LargeBinaryArray>() {
        Box::new(Binaries { array: array.clone(), nulls, node })
    } else if let Some(array) = any.downcast_ref::<BinaryViewArray>() {
        Box::new(Binaries { array: array.clone(), nulls, node })
    } else if let Some(array) = any.downcast_ref::<FixedSizeBinaryArray>() {
        Box::new(Binaries { array: array.clone(), nulls, node })
    } else {
        let array: &BinaryArray = array.as_binary();
        Box::new(Binaries { array: array.clone(), nulls, node })
    }
}

struct Binaries<'p, A> {
    array: A,
    nulls: Option<NullBuffer>,
    node: &'p Node,
}

impl<A> Column for Binaries<'_, A>
where
    for<'a> &'a A: ArrayAccessor<Item = &'a [u8]>,
{
    fn fill(&self, rows: Range<usize>, out: &mut Cells, _spare: &mut [Level]) -> Result<(), Problem> {
        let frame = &self.node.frame;
        for row in rows {
            let valid = self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            let value = if valid { (&self.array).value(row) } else { &[] };
            out.room(value.len().div_ceil(3) * 4 + Csv::AROUND + frame.most(), 1);
            let mut pen = out.pen();
            if valid {
                pen.affix(&frame.prefix);
                self.write(value, &mut pen);
                pen.affix(&frame.suffix);
            } else {
                pen.affix(&frame.null);
            }
            pen.close();
            pen.finish();
        }
        Ok(())
    }
}

impl<A> Binaries<'_, A> {
    fn write(&self, value: &[u8], pen: &mut Pen<'_>) {
        let start = pen.at();
        let room = pen.rest();
        let len = STANDARD.encode_slice(value, room).expect("room is made for four bytes per three");
        // Base64 has no character to be quoted, but it can be empty, and it can be the word for NULL.
        if let Quoting::Csv(csv) = self.node.spelling.quoting
            && (len == 0 || (csv.lone && room[..len] == *LONE_NULL))
        {
            return csv.write(if len == 0 { b"" } else { LONE_NULL }, pen);
        }
        pen.set(start + len);
    }
}
