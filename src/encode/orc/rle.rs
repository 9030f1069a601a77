//! Integer runs, version 2: the streams of integers (ORC v1 specification, "Integer Run Length Encoding, version 2").
//!
//! Values are looked at in blocks of 512, the longest run there is. A block is cut only where a repetition pays
//! for the headers that it costs. Widths are those that fill bytes evenly: they are faster to write and to read,
//! and codecs find more in them. Runs with patched values are written only where that is asked for: most defects of
//! readers lie there, and codecs save most of the same bytes.
//!
//! Invariant: a call begins and ends a run, so that a reader can start where a call started.

mod pack;
mod patched;

use self::pack::{Width, pack};
use self::patched::Patched;

/// The longest run.
const MAX_RUN: usize = 512;
/// The shortest and the longest repetition of the form that has no length of its own.
const SHORT_REPEAT: std::ops::RangeInclusive<usize> = 3..=10;
/// Bytes of the header of a run with a length.
const HEADER_BYTES: usize = 2;

/// So many values tell of most blocks that they are no run of deltas.
const FIRST_LOOK: usize = 16;

const DIRECT: u8 = 0b01;
const DELTA: u8 = 0b11;

/// Writes runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Runs {
    /// A run may hold patched values.
    pub(super) may_patch: bool,
}

impl Runs {
    /// Appends runs of unsigned values; they fit 63 bits.
    pub(super) fn unsigned<V: Copy + Into<i64>>(self, values: &[V], out: &mut Vec<u8>) {
        self.encode::<V, false>(values, out);
    }

    /// Appends runs of signed values.
    pub(super) fn signed<V: Copy + Into<i64>>(self, values: &[V], out: &mut Vec<u8>) {
        self.encode::<V, true>(values, out);
    }

    fn encode<V: Copy + Into<i64>, const SIGNED: bool>(self, mut values: &[V], out: &mut Vec<u8>) {
        let mut block = [0_i64; MAX_RUN];
        while !values.is_empty() {
            let len = values.len().min(MAX_RUN);
            for (slot, value) in block.iter_mut().zip(&values[..len]) {
                *slot = (*value).into();
            }
            let used = run::<SIGNED>(&block[..len], self.may_patch, out);
            values = &values[used..];
        }
    }
}

/// Appends the first run of a block and says how many values it holds.
fn run<const SIGNED: bool>(block: &[i64], may_patch: bool, out: &mut Vec<u8>) -> usize {
    let width = Width::of(bits::<SIGNED>(block));
    let least = least_repeat(width);
    let same = block.iter().take_while(|value| **value == block[0]).count();
    if same >= least || (same == block.len() && same >= *SHORT_REPEAT.start()) {
        repeat::<SIGNED>(block[0], same, out);
        return same;
    }
    let end = next_repeat(block, least);
    // The wide values may all lie behind the end: then a direct run is narrower.
    let own_width = if end == block.len() { width } else { Width::of(bits::<SIGNED>(&block[..end])) };
    let block = &block[..end];
    match Deltas::of(block) {
        Some(deltas) if deltas.bytes(block) < HEADER_BYTES + width.bytes_of(block.len()) => {
            deltas.write::<SIGNED>(block, out);
        }
        _ => {
            let bytes = HEADER_BYTES + own_width.bytes_of(block.len());
            match may_patch.then(|| Patched::of(block, bytes)).flatten() {
                Some(patched) => patched.write(block, out),
                None => direct::<SIGNED>(block, own_width, out),
            }
        }
    }
    block.len()
}

/// From how many equal values on a run of their own is smaller than the same values in a direct run.
///
/// It takes a header and the value, and the direct run that goes on behind it takes a header again.
fn least_repeat(width: Width) -> usize {
    let cost = 8 * (1 + width.bits().div_ceil(8) + HEADER_BYTES);
    (cost / width.bits() + 1).max(*SHORT_REPEAT.start())
}

/// Where the first repetition of this length, two or more, begins, or the end.
///
/// It has a pair of equal neighbours at every place inside, so one pair in `least - 1` is looked at.
fn next_repeat(block: &[i64], least: usize) -> usize {
    let mut at = least - 1;
    while at < block.len() {
        let value = block[at];
        if block[at - 1] == value {
            let before = block[..at].iter().rev().take_while(|other| **other == value).count();
            let behind =
                block[at..].iter().take(least - before.min(least)).take_while(|other| **other == value);
            let count = before + behind.count();
            if count >= least {
                return at - before;
            }
        }
        at += least - 1;
    }
    block.len()
}

fn repeat<const SIGNED: bool>(value: i64, count: usize, out: &mut Vec<u8>) {
    if SHORT_REPEAT.contains(&count) {
        let value = coded::<SIGNED>(value);
        let bytes = significant_bits(value).div_ceil(8).max(1);
        out.push(low_byte(((bytes - 1) << 3 | (count - SHORT_REPEAT.start())) as u64));
        out.extend_from_slice(&value.to_be_bytes()[8 - bytes..]);
    } else {
        // A fixed delta of nothing.
        header(DELTA, 0, count, out);
        base::<SIGNED>(value, out);
        varint(0, out);
    }
}

fn direct<const SIGNED: bool>(block: &[i64], width: Width, out: &mut Vec<u8>) {
    header(DIRECT, width.code(), block.len(), out);
    pack(block.iter().map(|value| coded::<SIGNED>(*value)), block.len(), width, out);
}

/// A run of ascending or descending values.
struct Deltas {
    first: i64,
    /// Of the deltas behind the first; `None`: all are as the first.
    width: Option<Width>,
}

impl Deltas {
    /// `None`: the values neither ascend nor descend, or are too far from each other.
    fn of(block: &[i64]) -> Option<Self> {
        if block.len() < 3 || turns(&block[..block.len().min(FIRST_LOOK)]) {
            return None;
        }
        let (low, high) =
            block.iter().fold((i64::MAX, i64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
        high.checked_sub(low)?;
        let first = block[1] - block[0];
        let (mut rises, mut falls, mut all, mut differ) = (false, false, 0, 0);
        for pair in block[1..].windows(2) {
            let delta = pair[1] - pair[0];
            rises |= delta > 0;
            falls |= delta < 0;
            all |= delta.unsigned_abs();
            differ |= delta ^ first;
        }
        if differ == 0 {
            return Some(Self { first, width: None });
        }
        // A reader takes the direction from the sign of the first delta, and width 1 stands for a fixed one.
        let straight = (first > 0 && !falls) || (first < 0 && !rises);
        straight.then(|| Self { first, width: Some(Width::of(significant_bits(all).max(2))) })
    }

    /// About the bytes that it takes: the base is taken for as wide as it can be in this block.
    fn bytes(&self, block: &[i64]) -> usize {
        let varint_bytes = |value: i64| significant_bits(zigzag(value)).max(1).div_ceil(7);
        let rest = self.width.map_or(0, |width| width.bytes_of(block.len() - 2));
        HEADER_BYTES + varint_bytes(block[0]) + varint_bytes(self.first) + rest
    }

    fn write<const SIGNED: bool>(&self, block: &[i64], out: &mut Vec<u8>) {
        header(DELTA, self.width.map_or(0, Width::code), block.len(), out);
        base::<SIGNED>(block[0], out);
        varint(zigzag(self.first), out);
        if let Some(width) = self.width {
            let deltas = block[1..].windows(2).map(|pair| (pair[1] - pair[0]).unsigned_abs());
            pack(deltas, block.len() - 2, width, out);
        }
    }
}

/// Whether values both ascend and descend. The first step is not asked: it may go any way in a run of deltas.
fn turns(block: &[i64]) -> bool {
    let steps = || block[1..].windows(2);
    steps().any(|pair| pair[0] < pair[1]) && steps().any(|pair| pair[0] > pair[1])
}

fn header(kind: u8, code: u8, count: usize, out: &mut Vec<u8>) {
    let length = count - 1;
    out.push(kind << 6 | code << 1 | low_byte(length as u64 >> 8));
    out.push(low_byte(length as u64));
}

fn base<const SIGNED: bool>(value: i64, out: &mut Vec<u8>) {
    varint(coded::<SIGNED>(value), out);
}

/// Appends a number in base 128, the lowest digits first.
pub(super) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(low_byte(value & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(low_byte(value));
}

/// A value as it stands in a direct run.
fn coded<const SIGNED: bool>(value: i64) -> u64 {
    if SIGNED { zigzag(value) } else { value.cast_unsigned() }
}

/// Small numbers for values near zero, whatever their sign.
pub(super) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

fn bits<const SIGNED: bool>(block: &[i64]) -> usize {
    significant_bits(block.iter().fold(0, |all, value| all | coded::<SIGNED>(*value)))
}

fn significant_bits(value: u64) -> usize {
    (u64::BITS - value.leading_zeros()) as usize
}

#[expect(clippy::cast_possible_truncation, reason = "the low byte is what is meant")]
pub(super) fn low_byte(value: u64) -> u8 {
    value as u8
}

#[cfg(test)]
mod tests;
