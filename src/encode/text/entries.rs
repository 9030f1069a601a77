//! The written values of a dictionary, as rows pick them.
//!
//! Rows pick at random, so that what a pick costs is the lines of the cache that it touches. Short cells stand in
//! slots of one size, with their length in the last byte: the key alone says where a cell is, and one access has
//! all of it. Longer cells lie one after the other, and where each begins is looked up.
//!
//! Invariant: behind the last cell comes a window that a short copy may take along.

use arrow::array::ArrayRef;

use crate::encode::text::cells::{Cells, Span};
use crate::encode::text::column;
use crate::encode::text::copy::WINDOW;
use crate::encode::text::frame::{Affix, Frame};
use crate::encode::text::node::Node;
use crate::error::Result;

/// What stands before a value is kept in its cell up to here: texts of lists are joined of whole cells.
const SHORT_PREFIX: usize = 4;

/// The sizes of slots.
const NARROW: usize = 16;
const WIDE: usize = 32;

/// The cells of a dictionary's values, and that of a null behind them.
#[derive(Debug)]
pub(crate) struct Entries {
    text: Vec<u8>,
    bounds: Bounds,
    /// The index of the cell of a null.
    null: usize,
    /// What stands before each value and is not in its cell; nothing is left out where it is short.
    prefix: Affix,
    longest: usize,
}

/// Where the cells lie.
#[derive(Debug)]
enum Bounds {
    /// In slots of this size.
    Slots(usize),
    /// Each from its number to the next one.
    At(Vec<u32>),
}

/// The cells in the form in which they are picked fastest.
pub(crate) enum Picked<'a> {
    /// In narrow slots.
    Narrow(&'a [[u8; NARROW]]),
    /// In wide slots.
    Wide(&'a [[u8; WIDE]]),
    /// Of any length.
    Any,
}

impl Entries {
    /// Writes all values; `None`: one of them has a problem, or they are too long together.
    pub(crate) fn write(node: &Node, values: &ArrayRef) -> Result<Option<Self>> {
        let mut cells = Cells::new();
        // A problem may be in a value that no row has: the rows will tell.
        if column::column(node, values, None)?.fill(0..values.len(), &mut cells, &mut []).is_err() {
            return Ok(None);
        }
        Ok(Self::of(&cells, values.len(), &node.frame))
    }

    /// The entries of these cells.
    fn of(cells: &Cells, values: usize, frame: &Frame) -> Option<Self> {
        let prefix = Self::left_out(cells, values, &frame.prefix);
        let bare = || {
            let values = (0..values).map(|value| &cells.cell(value)[prefix.len()..]);
            values.chain([frame.null.text()])
        };
        let longest = bare().map(<[u8]>::len).max().unwrap_or(0);
        let (text, bounds) = match longest {
            ..NARROW => (slots::<NARROW>(bare(), values + 1), Bounds::Slots(NARROW)),
            NARROW..WIDE => (slots::<WIDE>(bare(), values + 1), Bounds::Slots(WIDE)),
            WIDE.. => {
                let (text, bounds) = in_a_row(bare(), values + 1)?;
                (text, Bounds::At(bounds))
            }
        };
        Some(Self { text, bounds, null: values, longest: longest + prefix.len(), prefix })
    }

    /// What is left out of the cells: they must all begin so, as the cell of a null does not.
    fn left_out(cells: &Cells, values: usize, prefix: &Affix) -> Affix {
        let is_everywhere = || (0..values).all(|value| cells.cell(value).starts_with(prefix.text()));
        if prefix.len() >= SHORT_PREFIX && is_everywhere() { prefix.clone() } else { Affix::default() }
    }

    /// The text that all cells lie in, and a window more.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// What stands before each value, but not before a null, and is not in the cells.
    pub(crate) fn prefix(&self) -> &Affix {
        &self.prefix
    }

    /// The bytes of the longest cell, with what stands before it.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// Where the cell of a value lies, or that of a null.
    #[inline]
    pub(crate) fn place(&self, entry: usize) -> Span {
        match &self.bounds {
            Bounds::Slots(size) => {
                let from = entry * size;
                Span { from, len: usize::from(self.text[from + size - 1]) }
            }
            Bounds::At(bounds) => {
                let (from, end) = (bounds[entry], bounds[entry + 1]);
                Span { from: from as usize, len: (end - from) as usize }
            }
        }
    }

    /// The index of the cell of a null.
    pub(crate) fn null(&self) -> usize {
        self.null
    }

    /// The cells, by entry.
    pub(crate) fn picked(&self) -> Picked<'_> {
        match self.bounds {
            Bounds::Slots(NARROW) => Picked::Narrow(self.text.as_chunks().0),
            Bounds::Slots(_) => Picked::Wide(self.text.as_chunks().0),
            Bounds::At(_) => Picked::Any,
        }
    }

    /// Bytes of memory that they take.
    pub(crate) fn bytes(&self) -> usize {
        let bounds = if let Bounds::At(bounds) = &self.bounds { size_of_val(&bounds[..]) } else { 0 };
        self.text.len() + bounds
    }
}

/// Cells that are shorter than a slot, each in its own.
fn slots<'c, const SIZE: usize>(cells: impl Iterator<Item = &'c [u8]>, count: usize) -> Vec<u8> {
    let mut text = vec![0; count * SIZE + WINDOW];
    for (slot, cell) in text.as_chunks_mut::<SIZE>().0.iter_mut().zip(cells) {
        slot[..cell.len()].copy_from_slice(cell);
        slot[SIZE - 1] = u8::try_from(cell.len()).unwrap_or(u8::MAX);
    }
    text
}

/// Cells one after the other, and where each begins, and the last one ends; `None`: they are too long together.
fn in_a_row<'c>(cells: impl Iterator<Item = &'c [u8]>, count: usize) -> Option<(Vec<u8>, Vec<u32>)> {
    let mut text = Vec::new();
    let mut bounds = Vec::with_capacity(count + 1);
    bounds.push(0);
    for cell in cells {
        text.extend_from_slice(cell);
        bounds.push(u32::try_from(text.len()).ok()?);
    }
    text.resize(text.len() + WINDOW, 0);
    Some((text, bounds))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::StringArray;
    use arrow::datatypes::{DataType, Field};

    use super::*;
    use crate::encode::text::memo::Room;
    use crate::encode::text::node::{JsonNodes, Place};
    use crate::settings::JsonlSettings;

    fn entries(place: Place<'_>, longest: usize, explicit_nulls: bool) -> (Entries, Vec<String>) {
        let texts: Vec<_> = (0..=longest).map(|len| "x".repeat(len)).collect();
        let settings = JsonlSettings { explicit_nulls, ..JsonlSettings::default() };
        let nodes = JsonNodes { format: "JSONL", in_csv: false, settings: &settings, room: &Room::new() };
        let node = nodes.node(&Field::new("name", DataType::Utf8, true), String::new(), place).unwrap();
        let values: ArrayRef = Arc::new(StringArray::from_iter_values(&texts));
        (Entries::write(&node, &values).unwrap().unwrap(), texts)
    }

    fn cell(entries: &Entries, entry: usize) -> &str {
        let Span { from, len } = entries.place(entry);
        assert!(from + len.next_multiple_of(WINDOW) <= entries.text().len());
        std::str::from_utf8(&entries.text()[from..from + len]).unwrap()
    }

    #[test]
    fn every_cell_is_found_whatever_the_longest_one_is() {
        for longest in 0..80 {
            let (entries, texts) = entries(Place::Item, longest, false);
            for (entry, text) in texts.iter().enumerate() {
                assert_eq!(cell(&entries, entry), format!(",\"{text}\""));
            }
            assert_eq!(cell(&entries, entries.null()), ",null");
            assert_eq!(entries.longest(), (longest + 3).max(5));
            let slots = match entries.picked() {
                Picked::Narrow(slots) => slots.len(),
                Picked::Wide(slots) => slots.len(),
                Picked::Any => usize::MAX,
            };
            assert_eq!(slots == usize::MAX, longest + 3 >= WIDE, "{longest}");
            assert!(slots > entries.null());
        }
    }

    #[test]
    fn a_long_prefix_stands_before_values_only() {
        for explicit_nulls in [false, true] {
            let (entries, texts) = entries(Place::Member("name"), 40, explicit_nulls);
            assert_eq!(entries.prefix().text(), b",\"name\":\"");
            assert_eq!(entries.longest(), 50);
            for (entry, text) in texts.iter().enumerate() {
                assert_eq!(cell(&entries, entry), format!("{text}\""));
            }
            let null = if explicit_nulls { ",\"name\":null" } else { "" };
            assert_eq!(cell(&entries, entries.null()), null);
        }
    }
}
