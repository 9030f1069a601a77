//! The pen that writes cells, wherever they lie.
//!
//! Invariant: the room goes on for a [`WINDOW`] behind what is written, so that short copies have one size.

use crate::encode::text::block::{BLOCK, Block, Such, first_bits};
use crate::encode::text::cells::Span;
use crate::encode::text::frame::Affix;

/// Bytes that one short copy moves: the length of most cells, and two registers of 16 bytes.
pub(crate) const WINDOW: usize = 32;

/// A cell up to this long is copied window by window: a call would cost more.
const WIDE: usize = 8 * WINDOW;

/// Where a cell ends, and where the next one begins.
pub(crate) trait Ending {
    /// Notes that a cell ends at `at`; gives the beginning of the next one.
    fn close(&mut self, at: usize) -> usize;
}

/// Each cell behind the one before.
#[derive(Debug)]
pub(crate) struct InOne<'a> {
    /// The length of the text.
    pub(crate) len: &'a mut usize,
    /// The end of each cell.
    pub(crate) bounds: &'a mut Vec<usize>,
}

impl Ending for InOne<'_> {
    #[inline]
    fn close(&mut self, at: usize) -> usize {
        self.bounds.push(at);
        at
    }
}

/// Writes within the room that was made.
#[derive(Debug)]
pub(crate) struct Pen<'a, E = InOne<'a>> {
    room: &'a mut [u8],
    at: usize,
    ending: E,
}

impl<'a, E: Ending> Pen<'a, E> {
    /// Writes from `at` on.
    #[inline]
    pub(crate) fn new(room: &'a mut [u8], at: usize, ending: E) -> Self {
        Self { room, at, ending }
    }

    /// What is noted of ends.
    #[inline]
    pub(crate) fn ending(&self) -> &E {
        &self.ending
    }

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
        match affix.len() {
            // Most cells of CSV have nothing in front.
            0 => {}
            1..=WINDOW => {
                put_array(affix.window(), &mut self.room[self.at..]);
                self.at += affix.len();
            }
            _ => self.slice(affix.text()),
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
        self.at = self.ending.close(self.at);
    }
}

impl Pen<'_> {
    /// Ends the writing.
    pub(crate) fn finish(self) {
        *self.ending.len = self.at;
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
