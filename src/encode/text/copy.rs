//! Copies of texts into room that was made: short ones of one size, whatever their length.
//!
//! Invariant: the room goes on for a [`WINDOW`] behind what is written; what a copy takes along is overwritten.

use crate::encode::text::block::{BLOCK, Block, Such, bits_of, first_bits};

/// Bytes that one short copy moves: the length of most cells, and two registers of 16 bytes.
pub(crate) const WINDOW: usize = 32;

/// Copies bytes to the beginning of the room, which must have as much: of a known number, so that it is no call.
///
/// Gives where they are now: what is changed there is not read again from where it was put together.
#[inline]
pub(crate) fn put_array<'a, const N: usize>(bytes: &[u8; N], room: &'a mut [u8]) -> &'a mut [u8; N] {
    let copied = room.first_chunk_mut().expect("room is made before it is written to");
    *copied = *bytes;
    copied
}

/// Copies `len` bytes of `source` from `from` on, and what comes after them where both have it.
#[inline]
pub(crate) fn copy(room: &mut [u8], source: &[u8], from: usize, len: usize) {
    if len <= WINDOW
        && let Some(window) = source.get(from..).and_then(|source| source.first_chunk::<WINDOW>())
    {
        put_array(window, room);
    } else {
        copy_long(room, &source[from..from + len]);
    }
}

/// Copies bytes of any number; not inlined, where the compiler would make one call of this copy and of windows.
#[inline(never)]
fn copy_long(room: &mut [u8], text: &[u8]) {
    room[..text.len()].copy_from_slice(text);
}

/// Copies a window, and says whether one of its first bytes is such.
#[inline]
pub(crate) fn copy_window_seeing(
    room: &mut [u8],
    window: &[u8; WINDOW],
    len: usize,
    is_such: impl Fn(Block) -> Such,
) -> bool {
    put_array(window, room);
    bits_of(window, is_such) & first_bits(len) != 0
}

/// Copies the beginning of a source, block by block, and says whether a byte of it is such.
///
/// Where the text ends with what it lies in, nothing is copied: `None`.
#[inline]
pub(crate) fn copy_seeing(
    room: &mut [u8],
    source: &[u8],
    len: usize,
    is_such: impl Fn(Block) -> Such,
) -> Option<bool> {
    let (blocks, _) = source.get(..len.next_multiple_of(BLOCK))?.as_chunks::<BLOCK>();
    let (last, blocks) = blocks.split_last()?;
    let (room, _) = room.as_chunks_mut::<BLOCK>();
    let (room, room_of_last) = room[..=blocks.len()].split_at_mut(blocks.len());
    room_of_last[0] = *last;
    let of_last = first_bits(len - blocks.len() * BLOCK);
    let mut seen = u64::from(is_such(Block::of(last)).bits()) & of_last;
    for (block, room) in blocks.iter().zip(room) {
        *room = *block;
        seen |= u64::from(is_such(Block::of(block)).bits());
    }
    Some(seen != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_comma(block: Block) -> Such {
        block.equal(b',')
    }

    fn check(source: &[u8], from: usize, len: usize) {
        let text = &source[from..from + len];
        let room = || vec![b'.'; len + WINDOW];
        let mut copied = room();
        copy(&mut copied, source, from, len);
        assert_eq!(&copied[..len], text);
        let is_seen = text.contains(&b',');
        let mut copied = room();
        match copy_seeing(&mut copied, &source[from..], len, is_comma) {
            Some(seen) => assert_eq!((seen, &copied[..len]), (is_seen, text)),
            None => assert!(len == 0 || from + len.next_multiple_of(BLOCK) > source.len()),
        }
        if let Some(window) = source[from..].first_chunk().filter(|_| len <= WINDOW) {
            let mut copied = room();
            let seen = copy_window_seeing(&mut copied, window, len, is_comma);
            assert_eq!((seen, &copied[..len]), (is_seen, text));
        }
    }

    #[test]
    fn texts_of_every_length_are_copied_wherever_they_lie_and_a_comma_is_seen_in_them_only() {
        let plain: Vec<u8> = (b'A'..=b'z').cycle().take(130).collect();
        for from in [0, 5, 60] {
            for len in 0..=plain.len() - from {
                let end = from + len;
                for comma in [from.wrapping_sub(1), from, from + len / 2, end.max(1) - 1, end] {
                    let mut source = plain.clone();
                    source.get_mut(comma).into_iter().for_each(|byte| *byte = b',');
                    check(&source, from, len);
                }
            }
        }
    }
}
