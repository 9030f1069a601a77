//! Sixteen bytes of a text at a time: which of them are of a kind.
//!
//! Invariant: bit `n` of an answer is that of byte `n`.

use std::ops::BitOr;

use wide::u8x16;

/// The bytes of a block: a register of every processor that matters.
pub(crate) const BLOCK: usize = 16;

/// Sixteen bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block(u8x16);

/// Which bytes of a block are such.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Such(u8x16);

impl Block {
    #[inline]
    pub(crate) fn of(bytes: &[u8; BLOCK]) -> Self {
        Self(u8x16::new(*bytes))
    }

    /// The bytes that are this one.
    #[inline]
    pub(crate) fn equal(self, byte: u8) -> Such {
        Such(self.0.simd_eq(u8x16::splat(byte)))
    }

    /// The bytes that are at most this one.
    #[inline]
    pub(crate) fn up_to(self, most: u8) -> Such {
        Such(self.0.min(u8x16::splat(most)).simd_eq(self.0))
    }
}

impl Such {
    /// A bit for each byte, that of the first one lowest.
    #[inline]
    pub(crate) fn bits(self) -> u32 {
        self.0.to_bitmask()
    }
}

impl BitOr for Such {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A bit for each byte of up to four blocks that is such, that of the first one lowest.
#[inline]
pub(crate) fn bits_of(bytes: &[u8], is_such: impl Fn(Block) -> Such) -> u64 {
    let blocks = bytes.as_chunks().0.iter().rev();
    blocks.fold(0, |bits, block| bits << BLOCK | u64::from(is_such(Block::of(block)).bits()))
}

/// The lowest `len` bits, of which there are less than 64.
#[inline]
pub(crate) fn first_bits(len: usize) -> u64 {
    (1 << len) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expected(bytes: [u8; BLOCK], is_such: impl Fn(u8) -> bool) -> u32 {
        bytes.iter().enumerate().fold(0, |bits, (at, &byte)| bits | u32::from(is_such(byte)) << at)
    }

    proptest! {
        #[test]
        fn a_bit_says_of_a_byte_whether_it_is_such(
            bytes in any::<[u8; BLOCK]>(), wanted in any::<u8>(), near in 0_usize..BLOCK,
        ) {
            let block = Block::of(&bytes);
            for wanted in [wanted, bytes[near], bytes[near].wrapping_add(1), 0, 0x7f, 0x80, u8::MAX] {
                prop_assert_eq!(block.equal(wanted).bits(), expected(bytes, |byte| byte == wanted));
                prop_assert_eq!(block.up_to(wanted).bits(), expected(bytes, |byte| byte <= wanted));
                let either = expected(bytes, |byte| byte == 0 || byte <= wanted);
                prop_assert_eq!((block.equal(0) | block.up_to(wanted)).bits(), either);
            }
        }
    }
}
