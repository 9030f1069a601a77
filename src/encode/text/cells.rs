//! Cells of text in one buffer.
//!
//! A column need not copy its cells here: of texts that it has anyway it names the places only.
//!
//! Invariant: `bytes` is at least `len + WINDOW` long after [`Cells::room`], so that a short cell is copied in
//! windows of fixed size; what the last one holds beyond the cell is overwritten by the next cell.

use crate::encode::text::block::{BLOCK, Block, Such, first_bits};

/// Bytes that one short copy moves: the length of most cells, and two registers of 16 bytes.
const WINDOW: usize = 32;

/// A cell up to this long is copied window by window: a call would cost more.
const WIDE: usize = 8 * WINDOW;

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
        copy(&mut self.room[self.at..], source, from, len);
        self.at += len;
    }

    /// Appends pieces of texts.
    #[inline]
    pub(crate) fn gather<'s>(&mut self, pieces: impl Iterator<Item = (&'s [u8], Span)>) {
        // In a local, which stays in a register.
        let mut at = self.at;
        for (source, Span { from, len }) in pieces {
            copy(&mut self.room[at..], source, from, len);
            at += len;
        }
        self.at = at;
    }

    /// Appends the first `len` of 16 bytes.
    #[inline]
    pub(crate) fn short(&mut self, bytes: [u8; 16], len: usize) {
        put_array(&bytes, &mut self.room[self.at..]);
        self.at += len;
    }

    /// Appends up to 16 bytes of a window from `from` on, which is 16 at most.
    #[inline]
    pub(crate) fn part(&mut self, window: &[u8; 2 * BLOCK], from: usize, len: usize) {
        if let Some(part) = window[from..].first_chunk::<BLOCK>() {
            put_array(part, &mut self.room[self.at..]);
        }
        self.at += len;
    }

    /// Appends a text, block by block, and says whether a byte of it is such.
    ///
    /// Where it ends with what it lies in, nothing is appended: `None`.
    #[inline]
    pub(crate) fn copy_seeing(
        &mut self,
        source: &[u8],
        from: usize,
        len: usize,
        is_such: impl Fn(Block) -> Such,
    ) -> Option<bool> {
        let (blocks, _) = source.get(from..from + len.next_multiple_of(BLOCK))?.as_chunks::<BLOCK>();
        let (last, blocks) = blocks.split_last()?;
        let (room, _) = self.room[self.at..].as_chunks_mut::<BLOCK>();
        let (room, room_of_last) = room[..=blocks.len()].split_at_mut(blocks.len());
        room_of_last[0] = *last;
        let of_last = first_bits(len - blocks.len() * BLOCK);
        let mut seen = is_such(Block::of(last)).bits() & of_last;
        for (block, room) in blocks.iter().zip(room) {
            *room = *block;
            seen |= is_such(Block::of(block)).bits();
        }
        self.at += len;
        Some(seen != 0)
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
        match affix.len {
            // Most cells of CSV have nothing in front.
            0 => {}
            1..=WINDOW => {
                put_array(&affix.window, &mut self.room[self.at..]);
                self.at += affix.len;
            }
            _ => self.slice(&affix.long),
        }
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

/// Copies `len` bytes of `source` from `from` on, and what comes after them where both have it.
#[inline]
fn copy(room: &mut [u8], source: &[u8], from: usize, len: usize) {
    if len <= WINDOW
        && let Some(window) = source.get(from..).and_then(|source| source.first_chunk::<WINDOW>())
    {
        put_array(window, room);
    } else if len <= WIDE
        && let Some(windows) = source.get(from..from + len.next_multiple_of(WINDOW))
    {
        let (room, _) = room[..windows.len()].as_chunks_mut::<WINDOW>();
        let (windows, _) = windows.as_chunks::<WINDOW>();
        for (room, window) in room.iter_mut().zip(windows) {
            *room = *window;
        }
    } else {
        room[..len].copy_from_slice(&source[from..from + len]);
    }
}

/// Copies bytes to the beginning of the room, which must have as much: of a known number, so that it is no call.
#[inline]
pub(crate) fn put_array<const N: usize>(bytes: &[u8; N], room: &mut [u8]) {
    *room.first_chunk_mut().expect("room is made before it is written to") = *bytes;
}

/// A fixed text that is copied often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Affix {
    /// The text, or its beginning, and zeros.
    window: Box<[u8; WINDOW]>,
    /// All of the text, if it is longer than a window.
    long: Box<[u8]>,
    len: usize,
}

impl Affix {
    /// The text to copy.
    pub(crate) fn new(text: &[u8]) -> Self {
        let mut window = [0; WINDOW];
        let short = text.len().min(WINDOW);
        window[..short].copy_from_slice(&text[..short]);
        let long = if text.len() > WINDOW { text.into() } else { Box::default() };
        Self { window: Box::new(window), long, len: text.len() }
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
        self.null.len == 0 || (self.prefix.len == 0 && self.null == self.suffix)
    }

    /// The most bytes that a cell needs besides its value.
    pub(crate) fn most(&self) -> usize {
        (self.prefix.len() + self.suffix.len()).max(self.null.len())
    }
}
