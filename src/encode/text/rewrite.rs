//! Texts in which bytes are escaped, 64 bytes at a time.
//!
//! Which bytes those are is the style's. Nearly all of them stand behind a mark: what lies between two of them,
//! the first one included, is one copy then, so that a text of many escapes, such as JSON in a cell of CSV, costs
//! little more than one of few. A bit for each byte of 64 makes one loop of them, whose end is guessed wrong once.
//!
//! Invariant: a byte that is not escaped stands as it is.

use crate::encode::text::block::{bits_of, first_bits};
use crate::encode::text::copy::WINDOW;
use crate::encode::text::escape::Style;
use crate::encode::text::pen::Pen;

/// Bytes that are looked at together: the bits of a word.
const WORD: usize = 64;

/// A word of bytes, and what a copy that begins in it takes along.
const REACH: usize = WORD + WINDOW;

/// Appends a text with each of its special bytes escaped.
pub(crate) fn rewrite<S: Style>(text: &[u8], pen: &mut Pen<'_>) {
    let mut rest = text;
    while let Some(reach) = rest.first_chunk() {
        rewrite_word::<S>(reach, WORD, pen);
        rest = &rest[WORD..];
    }
    let mut last = [0; WORD + REACH];
    last[..rest.len()].copy_from_slice(rest);
    for start in (0..rest.len()).step_by(WORD) {
        if let Some(reach) = last[start..].first_chunk() {
            rewrite_word::<S>(reach, WORD.min(rest.len() - start), pen);
        }
    }
}

/// Appends the first `len` bytes, of which there are at most a word.
#[inline]
fn rewrite_word<S: Style>(reach: &[u8; REACH], len: usize, pen: &mut Pen<'_>) {
    let escaped = bits_of(&reach[..WORD], S::escaped);
    let mut bits = escaped & if len < WORD { first_bits(len) } else { u64::MAX };
    let mut from = 0;
    while bits != 0 {
        let at = bits.trailing_zeros() as usize;
        pen.copy(reach, from, at - from);
        from = at + usize::from(!S::mark(reach[at], pen));
        bits &= bits - 1;
    }
    pen.copy(reach, from, len - from);
}
