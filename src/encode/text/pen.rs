//! The pen that writes cells, wherever they lie.
//!
//! In a loop over rows a pen stays in registers as long as nothing that is called gets a reference to it: what is not
//! inlined gets the room, or the pen itself.
//!
//! Invariant: the room goes on for a [`WINDOW`] behind what is written, so that short copies have one size.

use crate::encode::text::cells::Span;
use crate::encode::text::copy::{WINDOW, copy, put_array};
use crate::encode::text::frame::Affix;

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

    /// The same, to be changed.
    #[inline]
    pub(crate) fn ending_mut(&mut self) -> &mut E {
        &mut self.ending
    }

    /// Where the next byte goes.
    #[inline]
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Moves back to `at` or ahead over what was written there.
    #[inline]
    pub(crate) fn set(&mut self, at: usize) {
        self.at = at;
    }

    /// Replaces the byte at `at`.
    #[inline]
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

    /// Appends what is in a slot, whose last byte says how much that is.
    #[inline]
    pub(crate) fn slot<const SIZE: usize>(&mut self, slot: &[u8; SIZE]) {
        put_array(slot, &mut self.room[self.at..]);
        self.at += usize::from(slot[SIZE - 1]);
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
