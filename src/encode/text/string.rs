//! Columns of strings and of bytes, in every physical form.
//!
//! A string is copied as it is unless something in its column has to be escaped; bytes become base64
//! (standard alphabet, padded).
//!
//! Invariant: the room for what remains of a block, unescaped, is always there; an escape asks for more.

use std::ops::Range;

use arrow::array::{
    Array, ArrayAccessor, ArrayRef, AsArray, BinaryArray, BinaryViewArray, ByteView, FixedSizeBinaryArray,
    GenericStringArray, LargeBinaryArray, OffsetSizeTrait, StringViewArray,
};
use arrow::buffer::NullBuffer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::encode::text::block::{Block, first_bits};
use crate::encode::text::cells::Cells;
use crate::encode::text::column::{BoxColumn, Column, Problem};
use crate::encode::text::escape::{Csv, Ends, Json, LONE_NULL, Scan, Style, is_any_special};
use crate::encode::text::frame::Frame;
use crate::encode::text::level::Level;
use crate::encode::text::node::{Node, Quoting};
use crate::encode::text::pen::{Ending, Pen};
use crate::encode::text::slots::{Slots, Unplaced};

/// The writer of a string column.
pub(crate) fn texts<'p>(node: &'p Node, array: &ArrayRef, nulls: Option<NullBuffer>) -> BoxColumn<'p> {
    match node.spelling.quoting {
        Quoting::Json => styled(node, array, nulls, Json),
        Quoting::Csv(csv) => styled(node, array, nulls, csv),
    }
}

fn styled<'p, S: Style + 'p>(
    node: &'p Node,
    array: &ArrayRef,
    nulls: Option<NullBuffer>,
    style: S,
) -> BoxColumn<'p> {
    let frame = &node.frame;
    if let Some(array) = array.as_string_view_opt() {
        Box::new(Views { array: array.clone(), nulls, frame, style })
    } else if let Some(array) = array.as_string_opt::<i64>() {
        Box::new(Texts { array: array.clone(), nulls, frame, style })
    } else {
        Box::new(Texts { array: array.as_string::<i32>().clone(), nulls, frame, style })
    }
}

/// Strings that lie one after the other.
struct Texts<'p, O: OffsetSizeTrait, S> {
    array: GenericStringArray<O>,
    nulls: Option<NullBuffer>,
    frame: &'p Frame,
    style: S,
}

impl<O: OffsetSizeTrait, S: Style> Column for Texts<'_, O, S> {
    fn fill(&self, rows: Range<usize>, out: &mut Cells, _spare: &mut [Level]) -> Result<(), Problem> {
        let offsets = &self.array.value_offsets()[rows.start..=rows.end];
        let [first, .., last] = offsets else { return Ok(()) };
        let (first, last) = (first.as_usize(), last.as_usize());
        let values = self.array.value_data();
        let (most, null_is_cut) = (self.frame.most(), self.frame.null_is_cut());
        let null_len = self.frame.null.len();
        out.room(last - first + rows.len() * most, rows.len());
        let mut scan = Scan::new(self.style, &values[..last], first);
        let mut pen = out.pen();
        for (row, pair) in rows.clone().zip(offsets.windows(2)) {
            let (from, to) = (pair[0].as_usize(), pair[1].as_usize());
            let valid = self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            if valid & scan.is_odd(from, to) {
                pen.finish();
                odd(self.style, self.frame, &values[from..to], out);
                out.room(last - to + (rows.end - row) * most, 0);
                pen = out.pen();
            } else if valid | null_is_cut {
                let start = pen.at();
                pen.affix(&self.frame.prefix);
                pen.copy(values, from, if valid { to - from } else { 0 });
                pen.affix(&self.frame.suffix);
                pen.set(if valid { pen.at() } else { start + null_len });
            } else {
                pen.affix(&self.frame.null);
            }
            pen.close();
        }
        pen.finish();
        Ok(())
    }
}

/// Strings that lie anywhere, short ones in the view itself.
struct Views<'p, S> {
    array: StringViewArray,
    nulls: Option<NullBuffer>,
    frame: &'p Frame,
    style: S,
}

/// The bytes that a view holds itself, and where they begin in it.
const INLINE: usize = 12;
const TEXT: usize = 4;

impl<S: Style> Column for Views<'_, S> {
    fn fill(&self, rows: Range<usize>, out: &mut Cells, _spare: &mut [Level]) -> Result<(), Problem> {
        let views = &self.array.views()[rows.clone()];
        out.room(self.room(views), rows.len());
        let mut pen = out.pen();
        let nulls = self.nulls.as_ref();
        for (index, &view) in views.iter().enumerate() {
            if nulls.is_some_and(|nulls| nulls.is_null(rows.start + index)) {
                pen.affix(&self.frame.null);
            } else if !self.put(view, &mut pen) {
                pen.finish();
                self.odd(view, out);
                out.room(self.room(&views[index..]), 0);
                pen = out.pen();
            }
            pen.close();
        }
        pen.finish();
        Ok(())
    }

    fn most(&self, rows: &Range<usize>) -> Option<usize> {
        let lens = self.array.views()[rows.clone()].iter().map(|&view| view_len(view));
        Some(lens.max().unwrap_or(0) + self.frame.most())
    }

    fn place(&self, rows: Range<usize>, slots: &mut Slots) -> Result<(), Unplaced> {
        let (mut pen, aside) = slots.pen();
        let nulls = self.nulls.as_ref();
        for (row, &view) in rows.clone().zip(&self.array.views()[rows]) {
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                pen.affix(&self.frame.null);
            } else if !self.put(view, &mut pen) {
                aside.append(&mut pen, |cells| self.odd(view, cells))?;
            }
            pen.close();
        }
        Ok(())
    }
}

impl<S: Style> Views<'_, S> {
    /// Appends what a cell has before its end, unless the text must go through the style.
    #[inline]
    fn put<E: Ending>(&self, view: u128, pen: &mut Pen<'_, E>) -> bool {
        let len = view_len(view);
        let start = pen.at();
        let is_odd = if len <= INLINE {
            let is_odd = is_odd_view(self.style, view);
            pen.affix(&self.frame.prefix);
            pen.short((view >> 32).to_le_bytes(), len);
            is_odd
        } else {
            pen.affix(&self.frame.prefix);
            is_odd_copied(self.style, self.source(view), len, pen)
        };
        if is_odd {
            pen.set(start);
        } else {
            pen.affix(&self.frame.suffix);
        }
        !is_odd
    }

    /// The bytes that a string lies in that its view does not hold itself, and where it begins.
    #[inline]
    fn source(&self, view: u128) -> (&[u8], usize) {
        let view = ByteView::from(view);
        (&self.array.data_buffers()[view.buffer_index as usize], view.offset as usize)
    }

    /// Appends what a cell has before its end, where the text must go through the style.
    #[cold]
    fn odd(&self, view: u128, out: &mut Cells) {
        let (short, len) = (view.to_le_bytes(), view_len(view));
        let (source, from) = if len <= INLINE { (&short[..], TEXT) } else { self.source(view) };
        odd(self.style, self.frame, &source[from..from + len], out);
    }

    /// The most bytes of the cells of these values, unescaped.
    fn room(&self, views: &[u128]) -> usize {
        views.iter().map(|&view| view_len(view)).sum::<usize>() + views.len() * self.frame.most()
    }
}

/// The length of a string, which is the low half of the low half of its view.
#[inline]
fn view_len(view: u128) -> usize {
    (view & u128::from(u32::MAX)) as usize
}

/// Whether a string that its view holds itself must go through the style.
#[inline]
fn is_odd_view<S: Style>(style: S, view: u128) -> bool {
    let len = view_len(view);
    let bytes = view.to_le_bytes();
    let special = S::special(Block::of(&bytes)).bits() >> TEXT & first_bits(len);
    // The last byte of an empty text is one of the length.
    (special != 0) | style.is_odd(Ends { len, first: bytes[TEXT], last: bytes[TEXT + len - 1] })
}

/// Appends a text of some length, and says whether it should not have been: it must go through the style.
#[inline]
fn is_odd_copied<S: Style, E: Ending>(
    style: S,
    (source, from): (&[u8], usize),
    len: usize,
    pen: &mut Pen<'_, E>,
) -> bool {
    let text = &source[from..from + len];
    let (Some(&first), Some(&last)) = (text.first(), text.last()) else { return true };
    let seen = pen.copy_seeing(source, from, len, S::special);
    if seen.is_none() {
        pen.slice(text);
    }
    seen.unwrap_or_else(|| is_any_special::<S>(text)) | style.is_odd(Ends { len, first, last })
}

/// Appends what a cell has before its end, with a pen of its own: the other one stays in registers.
#[cold]
fn odd<S: Style>(style: S, frame: &Frame, text: &[u8], out: &mut Cells) {
    out.room(text.len() * S::GROWTH + S::AROUND + frame.most(), 0);
    let mut pen = out.pen();
    pen.affix(&frame.prefix);
    style.write(text, &mut pen);
    pen.affix(&frame.suffix);
    pen.finish();
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
