//! Runs in which most values are near the least one, and the high bits of the others stand behind them (ORC v1
//! specification, "Patched Base").
//!
//! Invariant: what only some readers take is not written. The base has 56 bits, a patch too, there is a patch at
//! least, and no distance from the base takes a sign.

use super::pack::{Width, pack};
use super::{header, low_byte, significant_bits};

const PATCHED: u8 = 0b10;
/// Bytes of the header; the base comes behind them.
const HEADER_BYTES: usize = 4;
/// The most entries of the list of patches.
const MAX_ENTRIES: usize = 31;
/// The widest gap between two patches that an entry can state.
const MAX_GAP: usize = 255;
const MAX_BITS: usize = 56;

/// How the values of a run are parted into low bits and patches.
#[derive(Debug)]
pub(super) struct Patched {
    /// The least value.
    base: i64,
    /// Of the low bits of each value.
    low: Width,
    /// Bits of a patch.
    patch_bits: usize,
    /// Bits of the gap in front of it.
    gap_bits: usize,
    /// Gap and patch of each entry.
    entries: Vec<(usize, u64)>,
}

impl Patched {
    /// The smallest form; `None`: it takes no fewer bytes than this.
    pub(super) fn of(block: &[i64], bytes: usize) -> Option<Self> {
        let (base, most) =
            block.iter().fold((i64::MAX, i64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
        let most = significant_bits(most.checked_sub(base)?.unsigned_abs());
        if significant_bits(base.unsigned_abs()) > MAX_BITS {
            return None;
        }
        let narrower =
            Width::ALL.into_iter().filter(|low| low.bits() < most && most - low.bits() <= MAX_BITS);
        let forms = narrower.filter_map(|low| Self::with(block, base, low, fixed(most - low.bits())));
        let smallest = forms.min_by_key(|form| form.bytes(block.len()))?;
        (smallest.bytes(block.len()) < bytes).then_some(smallest)
    }

    /// With so many low bits; `None`: too many values have more.
    fn with(block: &[i64], base: i64, low: Width, patch_bits: usize) -> Option<Self> {
        let mut entries = Vec::with_capacity(MAX_ENTRIES);
        let mut last = 0;
        for (index, value) in block.iter().enumerate() {
            let patch = distance(*value, base) >> low.bits();
            if patch == 0 {
                continue;
            }
            let mut gap = index - last;
            last = index;
            while gap > MAX_GAP {
                entries.push((MAX_GAP, 0));
                gap -= MAX_GAP;
            }
            entries.push((gap, patch));
            if entries.len() > MAX_ENTRIES {
                return None;
            }
        }
        let widest = entries.iter().map(|(gap, _)| *gap).max().unwrap_or(0);
        let gap_bits = significant_bits(widest as u64).max(1);
        Some(Self { base, low, patch_bits, gap_bits, entries })
    }

    fn base_bytes(&self) -> usize {
        (significant_bits(self.base.unsigned_abs()) + 1).div_ceil(8)
    }

    fn entry_bits(&self) -> usize {
        fixed(self.gap_bits + self.patch_bits)
    }

    fn bytes(&self, count: usize) -> usize {
        let entries = (self.entry_bits() * self.entries.len()).div_ceil(8);
        HEADER_BYTES + self.base_bytes() + self.low.bytes_of(count) + entries
    }

    pub(super) fn write(&self, block: &[i64], out: &mut Vec<u8>) {
        header(PATCHED, self.low.code(), block.len(), out);
        out.push(low_byte(((self.base_bytes() - 1) << 5 | code(self.patch_bits)) as u64));
        out.push(low_byte(((self.gap_bits - 1) << 5 | self.entries.len()) as u64));
        // The sign stands in the highest bit, the value without it behind.
        let sign = u64::from(self.base < 0) << (8 * self.base_bytes() - 1);
        let base = self.base.unsigned_abs() | sign;
        out.extend_from_slice(&base.to_be_bytes()[8 - self.base_bytes()..]);
        let mask = !(u64::MAX << self.low.bits());
        pack(block.iter().map(|value| distance(*value, self.base) & mask), block.len(), self.low, out);
        self.write_entries(out);
    }

    /// Each entry in so many bits, the high ones first; the last byte is filled with zeros.
    fn write_entries(&self, out: &mut Vec<u8>) {
        let (mut byte, mut free) = (0, u8::BITS);
        for (gap, patch) in &self.entries {
            let entry = (*gap as u64) << self.patch_bits | patch;
            for bit in (0..self.entry_bits()).rev() {
                free -= 1;
                byte |= low_byte(entry >> bit & 1) << free;
                if free == 0 {
                    out.push(byte);
                    (byte, free) = (0, u8::BITS);
                }
            }
        }
        if free < u8::BITS {
            out.push(byte);
        }
    }
}

/// How far a value is above the base, which is the least.
fn distance(value: i64, base: i64) -> u64 {
    value.wrapping_sub(base).cast_unsigned()
}

/// The least number of bits with a name that holds so many (ORC v1 specification, table of bit widths).
fn fixed(bits: usize) -> usize {
    match bits {
        0..=24 => bits.max(1),
        25..=32 => bits.next_multiple_of(2),
        _ => bits.next_multiple_of(8),
    }
}

/// How headers name a number of bits.
fn code(bits: usize) -> usize {
    match bits {
        0..=24 => bits.max(1) - 1,
        25..=32 => 24 + (bits - 26) / 2,
        _ => 27 + (bits - 32) / 8,
    }
}
