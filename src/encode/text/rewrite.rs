//! Texts in which bytes are escaped, eight bytes at a time.
//!
//! Which bytes those are is the style's. What lies between two of them is copied as a word, so that a text of many
//! escapes, such as JSON in a cell of CSV, costs little more than one of few.
//!
//! Invariant: a byte that is not escaped stands as it is.

use crate::encode::text::cells::Pen;
use crate::encode::text::escape::{Style, any};

/// Appends a text with each of its special bytes escaped.
pub(crate) fn rewrite<S: Style>(text: &[u8], pen: &mut Pen<'_>) {
    let (chunks, rest) = text.as_chunks::<32>();
    for chunk in chunks {
        if any(chunk, S::is_escaped) {
            rewrite_words::<S>(chunk, pen);
        } else {
            pen.slice(chunk);
        }
    }
    rewrite_words::<S>(rest, pen);
}

fn rewrite_words<S: Style>(text: &[u8], pen: &mut Pen<'_>) {
    let (words, rest) = text.as_chunks::<8>();
    for word in words {
        rewrite_word::<S>(u64::from_le_bytes(*word), 8, pen);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    rewrite_word::<S>(u64::from_le_bytes(last), rest.len(), pen);
}

/// Appends the first `len` bytes of a word: what lies between special bytes is copied in one go.
#[inline]
fn rewrite_word<S: Style>(mut word: u64, mut len: usize, pen: &mut Pen<'_>) {
    loop {
        let plain = len.min(S::escaped_in(word).trailing_zeros() as usize / 8);
        pen.word(word, plain);
        if plain == len {
            return;
        }
        word >>= 8 * plain;
        S::escape(word.to_le_bytes()[0], pen);
        word >>= 8;
        len -= plain + 1;
    }
}

/// A word of eight equal bytes.
#[inline]
pub(crate) const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The highest bit of each byte that is zero.
#[inline]
pub(crate) fn zero_bytes(word: u64) -> u64 {
    // A byte without its highest bit carries into it unless it is zero; no carry leaves the byte.
    !(((word & each(0x7f)) + each(0x7f)) | word | each(0x7f))
}
