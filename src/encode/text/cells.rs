//! Cells of text in one buffer.
//!
//! A column need not copy its cells here: of texts that it has anyway it names the places only.
//!
//! Invariant: `bytes` is at least `len + WINDOW` long after [`Cells::room`], so that a short cell is copied in
//! windows of fixed size; what the last one holds beyond the cell is overwritten by the next cell.

use crate::encode::text::copy::WINDOW;
use crate::encode::text::pen::{InOne, Pen};

/// Texts one after the other, and where each of them ends.
#[derive(Debug)]
pub(crate) struct Cells {
    bytes: Vec<u8>,
    len: usize,
    /// 0, then the end of each cell.
    bounds: Vec<usize>,
    /// Where the cells of each column lie, here or in a text that the column shares.
    spans: Vec<Span>,
}

/// A place in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) from: usize,
    pub(crate) len: usize,
}

impl Default for Cells {
    fn default() -> Self {
        Self::new()
    }
}

impl Cells {
    /// No cells.
    pub(crate) fn new() -> Self {
        Self::within(Vec::new())
    }

    /// No cells, to be written over the bytes of `memory`.
    pub(crate) fn within(memory: Vec<u8>) -> Self {
        Self { bytes: memory, len: 0, bounds: vec![0], spans: Vec::new() }
    }

    /// Forgets the cells and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.bounds.clear();
        self.bounds.push(0);
        self.spans.clear();
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

    /// The memory, and how many of its first bytes are the text.
    pub(crate) fn into_memory(self) -> (Vec<u8>, usize) {
        (self.bytes, self.len)
    }

    /// Bytes of memory that it takes.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity()
            + self.bounds.capacity() * size_of::<usize>()
            + self.spans.capacity() * size_of::<Span>()
    }

    /// A pen at the end of the text; [`Cells::room`] comes first.
    pub(crate) fn pen(&mut self) -> Pen<'_> {
        let at = self.len;
        Pen::new(&mut self.bytes, at, InOne { len: &mut self.len, bounds: &mut self.bounds })
    }

    /// The text of one cell.
    pub(crate) fn cell(&self, index: usize) -> &[u8] {
        &self.bytes[self.bounds[index]..self.bounds[index + 1]]
    }

    /// All text.
    pub(crate) fn text(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The places of all cells of columns.
    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The places of cells that are written elsewhere, for a column to add its own.
    pub(crate) fn spans_mut(&mut self) -> &mut Vec<Span> {
        &mut self.spans
    }

    /// The places of the cells that were closed since the last time.
    pub(crate) fn note_spans(&mut self) {
        let ends = self.bounds.windows(2).map(|pair| Span { from: pair[0], len: pair[1] - pair[0] });
        self.spans.extend(ends);
        self.bounds.clear();
        self.bounds.push(self.len);
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
