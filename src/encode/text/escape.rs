//! What must not stand as it is in a text: CSV quotes and JSON escapes.
//!
//! The answer to "is there anything to escape?" is nearly always no, and then a cell was copied while it was asked.
//! A [`Style`] only sees texts, never arrays.
//!
//! Invariant: a text for which [`Style::is_odd`] is false is written by [`Style::write`] as it is.

use crate::encode::text::block::{BLOCK, Block, Such, first_bits};
use crate::encode::text::pen::Pen;
use crate::encode::text::rewrite::rewrite;

/// How a text is made safe for its format.
pub(crate) trait Style: Copy + Send + Sync {
    /// The most bytes that one byte becomes.
    const GROWTH: usize;
    /// The most bytes that are added around a text.
    const AROUND: usize;

    /// Whether a text without special bytes may need care; asking too often costs time only.
    fn is_odd(self, text: Ends) -> bool;

    /// Appends any text.
    fn write(self, text: &[u8], pen: &mut Pen<'_>);

    /// The bytes of a block that, anywhere in a text, keep it from being copied as it is.
    fn special(block: Block) -> Such;

    /// The bytes of a block that [`mark`](Self::mark) is asked about.
    fn escaped(block: Block) -> Such;

    /// Appends what stands in front of a byte that is escaped, and whether the byte itself follows.
    fn mark(byte: u8, pen: &mut Pen<'_>) -> bool;
}

/// What can be seen of a text without reading it: its ends, when it is not empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    /// The length in bytes.
    pub(crate) len: usize,
    /// The first byte; any, when the text is empty.
    pub(crate) first: u8,
    /// The last byte; any, when the text is empty.
    pub(crate) last: u8,
}

/// JSON strings, without their quotes (RFC 8259, the shortest form).
///
/// Of JSON in a quoted cell of CSV every quote stands there twice: that is written at once, instead of looking for quotes
/// in what was just written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<const IN_CSV: bool>;

impl<const IN_CSV: bool> Style for Json<IN_CSV> {
    /// `\u0000`.
    const GROWTH: usize = 6;
    const AROUND: usize = 0;

    #[inline]
    fn is_odd(self, _text: Ends) -> bool {
        false
    }

    fn write(self, text: &[u8], pen: &mut Pen<'_>) {
        rewrite::<Self>(text, pen);
    }

    #[inline]
    fn special(block: Block) -> Such {
        block.up_to(0x1f) | block.equal(b'"') | block.equal(b'\\')
    }

    #[inline]
    fn escaped(block: Block) -> Such {
        Self::special(block)
    }

    #[inline]
    fn mark(byte: u8, pen: &mut Pen<'_>) -> bool {
        pen.byte(b'\\');
        let is_printable = byte >= 0x20;
        if !is_printable {
            control(byte, pen);
        } else if IN_CSV && byte == b'"' {
            pen.byte(b'"');
        }
        is_printable
    }
}

/// Appends what stands behind the backslash for a control character.
#[cold]
fn control(byte: u8, pen: &mut Pen<'_>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'\n' => pen.byte(b'n'),
        b'\r' => pen.byte(b'r'),
        b'\t' => pen.byte(b't'),
        0x08 => pen.byte(b'b'),
        0x0c => pen.byte(b'f'),
        _ => pen.slice(&[b'u', b'0', b'0', b'0' + (byte >> 4), HEX[usize::from(byte & 15)]]),
    }
}

/// What stands for a NULL in a file of one column that holds text, and what is quoted when it is a text.
///
/// Nothing would be an empty line, which Python, pandas and others skip, and `""` is the empty string. The
/// word is the one that pandas takes for a missing value by itself, and that others are told most often.
pub(crate) const LONE_NULL: &[u8] = b"NULL";

/// CSV cells (RFC 4180), quoted only where a reader needs it.
///
/// Quoted are the empty string (so that it differs from NULL), a text with a separator, a quote or a line
/// end, a lone carriage return too; and a text that begins or ends with white space, which readers
/// trim (pandas skips a line of nothing else), or begins with `#`, which readers take for a comment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Csv {
    /// Whether it is the only column of the file: then [`LONE_NULL`] is quoted too.
    pub(crate) lone: bool,
}

impl Csv {
    /// Whether a text is quoted.
    fn is_quoted(self, text: &[u8]) -> bool {
        let (Some(&first), Some(&last)) = (text.first(), text.last()) else { return true };
        first == b'#'
            || is_blank(first)
            || is_blank(last)
            || (self.lone && text == LONE_NULL)
            || is_any_special::<Self>(text)
    }

    /// Appends JSON text whose quotes are there twice.
    #[inline]
    pub(crate) fn json(text: &[u8], pen: &mut Pen<'_>) {
        // It is never empty, and neither begins nor ends with what else is quoted.
        if is_any_special::<Self>(text) {
            pen.byte(b'"');
            pen.slice(text);
            pen.byte(b'"');
        } else {
            pen.slice(text);
        }
    }

    /// Appends a text in quotes.
    pub(crate) fn quote(text: &[u8], pen: &mut Pen<'_>) {
        pen.byte(b'"');
        rewrite::<Self>(text, pen);
        pen.byte(b'"');
    }
}

impl Style for Csv {
    /// `""`.
    const GROWTH: usize = 2;
    const AROUND: usize = 2;

    #[inline]
    fn is_odd(self, text: Ends) -> bool {
        // `#` is the last of the bytes that must not be first, and space the last that must not be last.
        let ends = u8::from(text.first <= b'#') | u8::from(text.last <= b' ');
        let null = u8::from(self.lone) & u8::from(text.first == LONE_NULL[0]);
        ends | null | u8::from(text.len == 0) != 0
    }

    fn write(self, text: &[u8], pen: &mut Pen<'_>) {
        if !self.is_quoted(text) {
            return pen.slice(text);
        }
        Self::quote(text, pen);
    }

    #[inline]
    fn special(block: Block) -> Such {
        block.equal(b',') | block.equal(b'"') | block.equal(b'\n') | block.equal(b'\r')
    }

    #[inline]
    fn escaped(block: Block) -> Such {
        block.equal(b'"')
    }

    #[inline]
    fn mark(_quote: u8, pen: &mut Pen<'_>) -> bool {
        pen.byte(b'"');
        true
    }
}

/// White space that readers trim.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0b | 0x0c)
}

/// Where the next special byte is, from `from` on; the length when there is none.
pub(crate) fn find<S: Style>(text: &[u8], from: usize) -> usize {
    let (blocks, rest) = text[from..].as_chunks::<BLOCK>();
    let mut at = from;
    for block in blocks {
        let special = S::special(Block::of(block)).bits();
        if special != 0 {
            return at + special.trailing_zeros() as usize;
        }
        at += BLOCK;
    }
    let mut last = [0; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    let special = u64::from(S::special(Block::of(&last)).bits()) & first_bits(rest.len());
    at + if special == 0 { rest.len() } else { special.trailing_zeros() as usize }
}

/// Whether a byte of a text is special.
pub(crate) fn is_any_special<S: Style>(text: &[u8]) -> bool {
    find::<S>(text, 0) < text.len()
}

#[cfg(test)]
mod tests;
