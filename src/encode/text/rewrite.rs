//! Texts in which bytes are escaped, sixteen bytes at a time.
//!
//! Which bytes those are is the style's. Nearly all of them stand behind a mark: what lies between two of them,
//! the first one included, is one copy then, so that a text of many escapes, such as JSON in a cell of CSV, costs
//! little more than one of few.
//!
//! Invariant: a byte that is not escaped stands as it is.

use crate::encode::text::block::{BLOCK, Block, first_bits};
use crate::encode::text::escape::Style;
use crate::encode::text::pen::Pen;

/// A block, and what a copy that begins in it takes along.
const WINDOW: usize = 2 * BLOCK;

/// Appends a text with each of its special bytes escaped.
pub(crate) fn rewrite<S: Style>(text: &[u8], pen: &mut Pen<'_>) {
    let mut rest = text;
    while let Some(window) = rest.first_chunk() {
        rewrite_block::<S>(window, BLOCK, pen);
        rest = &rest[BLOCK..];
    }
    let mut last = [0; BLOCK + WINDOW];
    last[..rest.len()].copy_from_slice(rest);
    for start in (0..rest.len()).step_by(BLOCK) {
        if let Some(window) = last[start..].first_chunk() {
            rewrite_block::<S>(window, BLOCK.min(rest.len() - start), pen);
        }
    }
}

/// Appends the first `len` bytes of a block.
#[inline]
fn rewrite_block<S: Style>(window: &[u8; WINDOW], len: usize, pen: &mut Pen<'_>) {
    let Some(block) = window.first_chunk() else { return };
    let mut bits = S::escaped(Block::of(block)).bits() & first_bits(len);
    let mut from = 0;
    while bits != 0 {
        let at = bits.trailing_zeros() as usize;
        pen.part(window, from, at - from);
        from = at + usize::from(!S::mark(window[at], pen));
        bits &= bits - 1;
    }
    pen.part(window, from, len - from);
}
