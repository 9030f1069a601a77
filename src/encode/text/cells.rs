//! Cells of text in one buffer, and how they are joined to rows.
//!
//! Invariant: `bytes` is at least `len + WINDOW` long after [`Cells::room`], so that a short cell is copied
//! as one window of fixed size; what the window holds beyond the cell is overwritten by the next one.

use std::ops::Range;

/// Bytes that one short copy moves: the length of most cells, and two registers of 16 bytes.
const WINDOW: usize = 32;

/// Texts one after the other, and where each of them ends.
#[derive(Debug)]
pub(crate) struct Cells {
    bytes: Vec<u8>,
    len: usize,
    /// 0, then the end of each cell.
    bounds: Vec<usize>,
}

impl Cells {
    /// No cells.
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), len: 0, bounds: vec![0] }
    }

    /// Forgets the cells and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.bounds.clear();
        self.bounds.push(0);
    }

    /// Makes room for `bytes` more bytes in `cells` more cells.
    pub(crate) fn room(&mut self, bytes: usize, cells: usize) {
        let needed = self.len + bytes + WINDOW;
        if self.bytes.len() < needed {
            // Twice as much, so that growing costs little, but within what was reserved.
            let more = (self.bytes.len() * 2).min(self.bytes.capacity());
            self.bytes.resize(needed.max(more), 0);
        }
        self.bounds.reserve(cells);
    }

    /// Prepares for `bytes` more bytes without making room: saves moving the text while it grows.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve((self.len + bytes).saturating_sub(self.bytes.len()));
    }

    /// The text, without its cells.
    pub(crate) fn into_text(mut self) -> Vec<u8> {
        self.bytes.truncate(self.len);
        self.bytes
    }

    /// A pen at the end of the text; [`Cells::room`] comes first.
    pub(crate) fn pen(&mut self) -> Pen<'_> {
        Pen { at: self.len, room: &mut self.bytes, len: &mut self.len, bounds: &mut self.bounds }
    }

    /// The text of one cell.
    pub(crate) fn cell(&self, index: usize) -> &[u8] {
        &self.bytes[self.bounds[index]..self.bounds[index + 1]]
    }

    /// All text.
    pub(crate) fn text(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// How many cells there are.
    pub(crate) fn count(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Where cell `index` starts; the one after the last starts at the end.
    pub(crate) fn start(&self, index: usize) -> usize {
        self.bounds[index]
    }

    /// The buffer behind the cells: a slice of it may be copied as a window.
    pub(crate) fn buffer(&self) -> &[u8] {
        &self.bytes
    }
}

/// Writes at the end of [`Cells`] within the room that was made.
#[derive(Debug)]
pub(crate) struct Pen<'a> {
    room: &'a mut [u8],
    at: usize,
    len: &'a mut usize,
    bounds: &'a mut Vec<usize>,
}

impl Pen<'_> {
    /// Where the next byte goes.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Moves back to `at` or ahead over what was written there.
    pub(crate) fn set(&mut self, at: usize) {
        self.at = at;
    }

    /// Replaces the byte at `at`.
    pub(crate) fn replace(&mut self, at: usize, byte: u8) {
        self.room[at] = byte;
    }

    /// Appends one byte.
    #[inline]
    pub(crate) fn byte(&mut self, byte: u8) {
        self.room[self.at] = byte;
        self.at += 1;
    }

    /// Appends `len` bytes of `source` from `from` on.
    #[inline]
    pub(crate) fn copy(&mut self, source: &[u8], from: usize, len: usize) {
        if len <= WINDOW
            && let Some(window) = source.get(from..from + WINDOW)
        {
            self.room[self.at..self.at + WINDOW].copy_from_slice(window);
        } else {
            self.room[self.at..self.at + len].copy_from_slice(&source[from..from + len]);
        }
        self.at += len;
    }

    /// Appends the first `len` of 16 bytes.
    #[inline]
    pub(crate) fn short(&mut self, bytes: [u8; 16], len: usize) {
        self.room[self.at..self.at + 16].copy_from_slice(&bytes);
        self.at += len;
    }

    /// Appends the first `len` of the 8 bytes of a word.
    #[inline]
    pub(crate) fn word(&mut self, word: u64, len: usize) {
        self.room[self.at..self.at + 8].copy_from_slice(&word.to_le_bytes());
        self.at += len;
    }

    /// Appends bytes of any length.
    #[inline]
    pub(crate) fn slice(&mut self, bytes: &[u8]) {
        self.room[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    /// Appends a fixed text.
    #[inline]
    pub(crate) fn affix(&mut self, affix: &Affix) {
        self.copy(&affix.padded, 0, affix.len);
    }

    /// What is left of the room, for a writer that says how much of it it used.
    #[inline]
    pub(crate) fn rest(&mut self) -> &mut [u8] {
        &mut self.room[self.at..]
    }

    /// Ends a cell here.
    #[inline]
    pub(crate) fn close(&mut self) {
        self.bounds.push(self.at);
    }

    /// Ends the writing.
    pub(crate) fn finish(self) {
        *self.len = self.at;
    }
}

/// A fixed text that is copied often.
#[derive(Clone, Debug, Default)]
pub(crate) struct Affix {
    /// The text and a window of zeros, so that a short text is one window.
    padded: Box<[u8]>,
    len: usize,
}

impl Affix {
    /// The text to copy.
    pub(crate) fn new(text: &[u8]) -> Self {
        let mut padded = text.to_vec();
        padded.resize(text.len() + WINDOW, 0);
        Self { padded: padded.into(), len: text.len() }
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

/// What surrounds a value, and what stands for a null.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    /// Before a value.
    pub(crate) prefix: Affix,
    /// After a value.
    pub(crate) suffix: Affix,
    /// Instead of all three when there is no value.
    pub(crate) null: Affix,
}

impl Frame {
    /// Whether a null is what prefix and suffix leave of it: nothing, or the suffix alone.
    ///
    /// Then a null can be written like an empty value and cut short, without a branch a row.
    pub(crate) fn null_is_cut(&self) -> bool {
        self.null.len == 0 || (self.prefix.len == 0 && self.null.padded == self.suffix.padded)
    }

    /// The most bytes that a cell needs besides its value.
    pub(crate) fn most(&self) -> usize {
        (self.prefix.len() + self.suffix.len()).max(self.null.len())
    }
}

/// Joins cells to rows: `columns` runs of `rows` cells each become `rows` cells.
#[derive(Debug)]
pub(crate) struct Join<'a> {
    /// The cells, column after column.
    pub(crate) cells: &'a Cells,
    /// The columns.
    pub(crate) columns: usize,
    /// The cells of each column.
    pub(crate) rows: usize,
}

impl Join<'_> {
    /// Appends the cells of one row, column by column.
    #[inline]
    pub(crate) fn row(&self, row: usize, pen: &mut Pen<'_>) {
        let bounds = &self.cells.bounds;
        let mut index = row;
        for _ in 0..self.columns {
            let (from, to) = (bounds[index], bounds[index + 1]);
            pen.copy(&self.cells.bytes, from, to - from);
            index += self.rows;
        }
    }

    /// Appends the cells of several rows; those of a single column are one copy.
    #[inline]
    pub(crate) fn rows(&self, rows: Range<usize>, pen: &mut Pen<'_>) {
        if self.columns == 1 {
            let (from, to) = (self.cells.bounds[rows.start], self.cells.bounds[rows.end]);
            pen.copy(&self.cells.bytes, from, to - from);
        } else {
            for row in rows {
                self.row(row, pen);
            }
        }
    }
}
