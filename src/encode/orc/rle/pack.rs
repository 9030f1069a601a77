//! Numbers of one width, one after another, the high bits first (ORC v1 specification, "Direct").
//!
//! Invariant: only widths that fill bytes evenly, so that no number lies across more bytes than it must.

use super::low_byte;

/// A width in bits that fills bytes evenly: 1, 2, 4, or whole bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Width(u8);

impl Width {
    pub(super) const ALL: [Self; 11] = [
        Self(1),
        Self(2),
        Self(4),
        Self(8),
        Self(16),
        Self(24),
        Self(32),
        Self(40),
        Self(48),
        Self(56),
        Self(64),
    ];

    /// The least that holds so many bits, at most 64.
    pub(super) fn of(bits: usize) -> Self {
        Self(match bits {
            0 | 1 => 1,
            2 => 2,
            3 | 4 => 4,
            5..=8 => 8,
            9..=16 => 16,
            17..=24 => 24,
            25..=32 => 32,
            33..=40 => 40,
            41..=48 => 48,
            49..=56 => 56,
            _ => 64,
        })
    }

    pub(super) fn bits(self) -> usize {
        self.0.into()
    }

    /// Bytes of so many numbers.
    pub(super) fn bytes_of(self, count: usize) -> usize {
        (self.bits() * count).div_ceil(8)
    }

    /// How headers name it (ORC v1 specification, table of bit widths).
    pub(super) fn code(self) -> u8 {
        match self.0 {
            bits @ 1..=24 => bits - 1,
            32 => 27,
            40 => 28,
            48 => 29,
            56 => 30,
            _ => 31,
        }
    }
}

/// Appends numbers of one width; the last byte is filled with zeros.
pub(super) fn pack(values: impl Iterator<Item = u64>, count: usize, width: Width, out: &mut Vec<u8>) {
    out.reserve(width.bytes_of(count));
    match width.0 {
        1 => small::<1>(values, out),
        2 => small::<2>(values, out),
        4 => small::<4>(values, out),
        8 => whole::<1>(values, count, out),
        16 => whole::<2>(values, count, out),
        24 => whole::<3>(values, count, out),
        32 => whole::<4>(values, count, out),
        40 => whole::<5>(values, count, out),
        48 => whole::<6>(values, count, out),
        56 => whole::<7>(values, count, out),
        _ => whole::<8>(values, count, out),
    }
}

fn whole<const BYTES: usize>(values: impl Iterator<Item = u64>, count: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + count * BYTES, 0);
    let (slots, _) = out[start..].as_chunks_mut::<BYTES>();
    for (slot, value) in slots.iter_mut().zip(values) {
        slot.copy_from_slice(&value.to_be_bytes()[8 - BYTES..]);
    }
}

fn small<const BITS: u32>(values: impl Iterator<Item = u64>, out: &mut Vec<u8>) {
    let (mut byte, mut free) = (0, u8::BITS);
    for value in values {
        free -= BITS;
        byte |= low_byte(value) << free;
        if free == 0 {
            out.push(byte);
            (byte, free) = (0, u8::BITS);
        }
    }
    if free < u8::BITS {
        out.push(byte);
    }
}
