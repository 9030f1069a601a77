//! Integer runs, version 2: the streams of integers (ORC v1 specification, "Integer Run Length Encoding, version 2").
//!
//! Values are looked at in blocks of 512, the longest run there is. A block is cut only where a repetition pays
//! for the headers that it costs. Widths are those that fill bytes evenly: they are faster to write and to read,
//! and codecs find more in them. Runs with patched values are never written: most defects of readers lie there,
//! and codecs save the same bytes.
//!
//! Invariant: a call begins and ends a run, so that a reader can start where a call started.

mod pack;

use self::pack::{Width, pack};

/// The longest run.
const MAX_RUN: usize = 512;
/// The shortest and the longest repetition of the form that has no length of its own.
const SHORT_REPEAT: std::ops::RangeInclusive<usize> = 3..=10;
/// Bytes of the header of a run with a length.
const HEADER_BYTES: usize = 2;

const DIRECT: u8 = 0b01;
const DELTA: u8 = 0b11;

/// Appends runs of unsigned values; they fit 63 bits.
pub(super) fn unsigned<V: Copy + Into<i64>>(values: &[V], out: &mut Vec<u8>) {
    encode::<V, false>(values, out);
}

/// Appends runs of signed values.
pub(super) fn signed<V: Copy + Into<i64>>(values: &[V], out: &mut Vec<u8>) {
    encode::<V, true>(values, out);
}

fn encode<V: Copy + Into<i64>, const SIGNED: bool>(mut values: &[V], out: &mut Vec<u8>) {
    let mut block = [0_i64; MAX_RUN];
    while !values.is_empty() {
        let len = values.len().min(MAX_RUN);
        for (slot, value) in block.iter_mut().zip(&values[..len]) {
            *slot = (*value).into();
        }
        let used = run::<SIGNED>(&block[..len], out);
        values = &values[used..];
    }
}

/// Appends the first run of a block and says how many values it holds.
fn run<const SIGNED: bool>(block: &[i64], out: &mut Vec<u8>) -> usize {
    let width = Width::of(bits::<SIGNED>(block));
    let least = least_repeat(width);
    let same = block.iter().take_while(|value| **value == block[0]).count();
    if same >= least || (same == block.len() && same >= *SHORT_REPEAT.start()) {
        repeat::<SIGNED>(block[0], same, out);
        return same;
    }
    let block = &block[..next_repeat(block, least)];
    match Deltas::of(block) {
        Some(deltas) if deltas.bytes(block) < HEADER_BYTES + width.bytes_of(block.len()) => {
            deltas.write::<SIGNED>(block, out);
        }
        _ => direct::<SIGNED>(block, out),
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

/// Where the first repetition of this length begins, or the end.
fn next_repeat(block: &[i64], least: usize) -> usize {
    let mut equal = 1;
    for index in 1..block.len() {
        equal = if block[index] == block[index - 1] { equal + 1 } else { 1 };
        if equal == least {
            return index + 1 - least;
        }
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

fn direct<const SIGNED: bool>(block: &[i64], out: &mut Vec<u8>) {
    let width = Width::of(bits::<SIGNED>(block));
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
        let (low, high) =
            block.iter().fold((i64::MAX, i64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
        if block.len() < 3 || high.checked_sub(low).is_none() {
            return None;
        }
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A plain reader of what is written here, after the specification.
    fn read(mut bytes: &[u8], signed: bool) -> Vec<i64> {
        let decode = |value: u64| {
            if signed { (value >> 1).cast_signed() ^ -(value & 1).cast_signed() } else { value.cast_signed() }
        };
        let mut values = Vec::new();
        while let [first, rest @ ..] = bytes {
            if first >> 6 == 0 {
                let (width, count) = ((first >> 3 & 7) as usize + 1, (first & 7) + 3);
                let value = rest[..width].iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
                values.extend(std::iter::repeat_n(decode(value), count.into()));
                bytes = &rest[width..];
                continue;
            }
            let code = (first >> 1 & 31) as usize;
            let width = [&(1..=24).collect::<Vec<_>>()[..], &[26, 28, 30, 32, 40, 48, 56, 64]].concat()[code];
            let count = ((usize::from(first & 1)) << 8 | usize::from(rest[0])) + 1;
            bytes = &rest[1..];
            if first >> 6 == DIRECT {
                values.extend(unpack(&mut bytes, width, count).into_iter().map(decode));
                continue;
            }
            assert_eq!(first >> 6, DELTA, "patched runs are not written");
            let base = decode(read_varint(&mut bytes));
            let delta = read_varint(&mut bytes);
            let delta = (delta >> 1).cast_signed() ^ -(delta & 1).cast_signed();
            let rest = if code == 0 {
                vec![delta.unsigned_abs(); count - 2]
            } else {
                unpack(&mut bytes, width, count - 2)
            };
            values.push(base);
            values.push(base.wrapping_add(delta));
            for step in rest {
                let step = if delta < 0 { step.cast_signed().wrapping_neg() } else { step.cast_signed() };
                values.push(values[values.len() - 1].wrapping_add(step));
            }
        }
        values
    }

    fn unpack(bytes: &mut &[u8], width: usize, count: usize) -> Vec<u64> {
        let used = (width * count).div_ceil(8);
        let bit = |at: usize| u64::from(bytes[at / 8] >> (7 - at % 8) & 1);
        let values =
            (0..count).map(|n| (n * width..(n + 1) * width).fold(0, |value, at| value << 1 | bit(at)));
        let values = values.collect();
        *bytes = &bytes[used..];
        values
    }

    fn read_varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }

    fn written(values: &[i64], is_signed: bool) -> Vec<u8> {
        let mut out = Vec::new();
        if is_signed {
            signed(values, &mut out);
        } else {
            unsigned(values, &mut out);
        }
        out
    }

    fn check(values: &[i64], is_signed: bool) {
        assert_eq!(read(&written(values, is_signed), is_signed), values);
    }

    #[test]
    fn the_examples_of_the_specification() {
        assert_eq!(written(&[10_000; 5], false), [0x0a, 0x27, 0x10]);
        assert_eq!(
            written(&[23713, 43806, 57005, 48879], false),
            [0x5e, 0x03, 0x5c, 0xa1, 0xab, 0x1e, 0xde, 0xad, 0xbe, 0xef]
        );
        // The width of the deltas is 4 in both.
        let primes = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29];
        assert_eq!(written(&primes, false), [0xc6, 0x09, 0x02, 0x02, 0x22, 0x42, 0x42, 0x46]);
    }

    #[test]
    fn extremes_and_their_neighbours() {
        let edges = [i64::MIN, i64::MAX, 0, -1, 1, i64::MIN + 1, i64::MAX - 1];
        for one in edges {
            for other in edges {
                check(&[one, other], true);
                check(&[one, other, one, one, one, one, other], true);
                check(&[one, one, other, other, other], true);
            }
        }
        check(&edges, true);
    }

    #[test]
    fn runs_of_every_length() {
        for len in (1_u32..40).chain([127, 128, 129, 511, 512, 513, 1023, 1024, 1025]) {
            for seed in 0..4 {
                check(&vec![seed; len as usize], false);
                check(&(0..i64::from(len)).map(|n| n * seed - 5).collect::<Vec<_>>(), true);
                check(&(0..i64::from(len)).map(|n| n * n * seed).collect::<Vec<_>>(), true);
                check(&(0..i64::from(len)).map(|n| -(n / 3) * seed).collect::<Vec<_>>(), true);
            }
        }
    }

    #[test]
    fn repetitions_and_sequences_take_few_bytes() {
        assert!(written(&vec![7; 10_000], false).len() <= 20 * 5);
        assert!(written(&(0..10_000).collect::<Vec<_>>(), false).len() <= 20 * 8);
        let flags: Vec<i64> = (0..512).map(|n| i64::from(n / 4 % 2)).collect();
        assert_eq!(written(&flags, false).len(), 2 + 64, "short repetitions of narrow values are no runs");
    }

    proptest! {
        #[test]
        fn any_values_come_back(
            parts in prop::collection::vec((0_u32..64, 1_usize..700, any::<i64>(), 0..5), 1..6),
        ) {
            let mut values = Vec::new();
            for (bits, len, start, kind) in parts {
                let mask = u64::MAX >> bits;
                let narrow = |n: usize| ((start.cast_unsigned().wrapping_mul(n as u64 * 2 + 1) & mask) >> 1).cast_signed();
                values.extend((0..len).map(|n| match kind {
                    0 => narrow(0),
                    1 => narrow(n),
                    2 => narrow(n) ^ -((n % 2).cast_signed() as i64),
                    3 => narrow(1).wrapping_add(n.cast_signed() as i64 * (start % 100)),
                    _ => narrow(n / 5),
                }));
            }
            check(&values, true);
            let positive: Vec<i64> = values.iter().map(|value| value & i64::MAX).collect();
            check(&positive, false);
        }
    }
}
