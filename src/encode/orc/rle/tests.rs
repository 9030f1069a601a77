use std::cmp::Ordering;

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
        let width = width_of(code);
        let count = ((usize::from(first & 1)) << 8 | usize::from(rest[0])) + 1;
        bytes = &rest[1..];
        if first >> 6 == DIRECT {
            values.extend(unpack(&mut bytes, width, count).into_iter().map(decode));
            continue;
        }
        if first >> 6 == PATCHED {
            values.extend(read_patched(&mut bytes, width, count));
            continue;
        }
        assert_eq!(first >> 6, DELTA);
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

const PATCHED: u8 = 0b10;

fn width_of(code: usize) -> usize {
    [&(1..=24).collect::<Vec<_>>()[..], &[26, 28, 30, 32, 40, 48, 56, 64]].concat()[code]
}

/// What comes behind the first two bytes of a run with patches.
fn read_patched(bytes: &mut &[u8], width: usize, count: usize) -> Vec<i64> {
    let [third, fourth, rest @ ..] = *bytes else { panic!("the header ends early") };
    let (base_bytes, patch_bits) = (usize::from(third >> 5) + 1, width_of((third & 31).into()));
    let (gap_bits, entries) = (usize::from(fourth >> 5) + 1, usize::from(fourth & 31));
    assert!(entries > 0 && gap_bits + patch_bits <= 64 && patch_bits <= 56);
    let base = rest[..base_bytes].iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    let sign = 1 << (8 * base_bytes - 1);
    let magnitude = (base & !sign).cast_signed();
    let base = if base & sign == 0 { magnitude } else { -magnitude };
    *bytes = &rest[base_bytes..];
    let mut low = unpack(bytes, width, count);
    let entry_bits = (0..32).map(width_of).find(|bits| *bits >= gap_bits + patch_bits).unwrap();
    let mut at = 0;
    for entry in unpack(bytes, entry_bits, entries) {
        at += usize::try_from(entry >> patch_bits).unwrap();
        low[at] |= (entry & !(u64::MAX << patch_bits)) << width;
    }
    low.into_iter().map(|low| base.wrapping_add(low.cast_signed())).collect()
}

fn unpack(bytes: &mut &[u8], width: usize, count: usize) -> Vec<u64> {
    let used = (width * count).div_ceil(8);
    let bit = |at: usize| u64::from(bytes[at / 8] >> (7 - at % 8) & 1);
    let values = (0..count).map(|n| (n * width..(n + 1) * width).fold(0, |value, at| value << 1 | bit(at)));
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
    written_by(Runs { may_patch: false }, values, is_signed)
}

fn patched(values: &[i64], is_signed: bool) -> Vec<u8> {
    written_by(Runs { may_patch: true }, values, is_signed)
}

fn written_by(runs: Runs, values: &[i64], is_signed: bool) -> Vec<u8> {
    let mut out = Vec::new();
    if is_signed {
        runs.signed(values, &mut out);
    } else {
        runs.unsigned(values, &mut out);
    }
    out
}

fn check(values: &[i64], is_signed: bool) {
    let (plain, patched) = (written(values, is_signed), patched(values, is_signed));
    assert_eq!(read(&plain, is_signed), values);
    assert_eq!(read(&patched, is_signed), values);
    assert!(patched.len() <= plain.len());
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

/// Every value is looked at.
fn next_repeat_by_value(block: &[i64], least: usize) -> usize {
    let is_repeat = |values: &[i64]| values.iter().all(|value| *value == values[0]);
    block.windows(least).position(is_repeat).unwrap_or(block.len())
}

/// The values ascend or descend without a turn from their first step on, or are all alike.
fn is_straight(block: &[i64]) -> bool {
    let steps: Vec<_> = block.windows(2).map(|pair| pair[1].cmp(&pair[0])).collect();
    let against = |way: Ordering| steps.contains(&way.reverse());
    if steps[0].is_eq() { steps.iter().all(|step| step.is_eq()) } else { !against(steps[0]) }
}

#[test]
fn a_run_with_patches_stands_as_the_specification_has_it() {
    // One byte of base, 2 low bits, a patch of 8 bits behind 4 values.
    let mut values = [3, 4, 5, 6, 3 + (0x81 << 2), 3].repeat(4);
    values.truncate(20);
    let unsigned = patched(&values, false);
    assert_eq!(unsigned[..5], [0x82, 19, 7, 0b0100_0011, 3], "{unsigned:02x?}");
    assert_eq!(unsigned[5..10], [0x1b, 0x01, 0xb0, 0x1b, 0x01]);
    // Gaps of 4, then of 6, in 3 bits, in front of each patch: 11 bits an entry.
    assert_eq!(unsigned[10..], [0x90, 0x3a, 0x07, 0x40, 0x80], "{unsigned:02x?}");
}

#[test]
fn patches_spare_bytes_where_few_values_are_wide() {
    let with_wide = |every: i64, wide: i64, base: i64| -> Vec<i64> {
        let value = |n: i64| if n % every == every - 1 { wide } else { n * 7 % 16 };
        (0..512).map(|n| base.wrapping_add(value(n))).collect()
    };
    for base in
        [0, 1, -1, 127, 128, -127, -128, -255, -256, 1 << 40, -(1 << 55), (1 << 56) - 1, 1 - (1 << 56)]
    {
        for wide in [256, 65_535, 1 << 24, 1 << 33, 1 << 50, (1 << 60) - 1] {
            for every in [17, 40, 255, 256, 257, 300, 511, 512] {
                let values = with_wide(every, wide, base);
                check(&values, true);
                assert!(patched(&values, true).len() < 512, "{base} {wide} {every}");
            }
        }
    }
    // Too many of them, too far, and a base that readers do not take.
    let mut far = with_wide(40, 1 << 40, 0);
    far[5] = i64::MIN;
    for values in [with_wide(16, 1 << 40, 0), far, with_wide(40, 1 << 30, 1 << 57)] {
        check(&values, true);
        assert!(patched(&values, true) == written(&values, true), "patched all the same");
    }
}

proptest! {
    #[test]
    fn repetitions_are_found_where_they_begin(
        parts in prop::collection::vec((0_i64..3, 1_usize..20), 1..60),
        least in 2_usize..40,
    ) {
        let values: Vec<_> = parts.iter().flat_map(|(value, count)| vec![*value; *count]).collect();
        prop_assert_eq!(next_repeat(&values, least), next_repeat_by_value(&values, least));
    }

    #[test]
    fn a_turn_anywhere_leaves_no_deltas(
        steps in prop::collection::vec(-1_i64..4, 2..60),
        turn in 0_usize..80,
    ) {
        let sign = if turn % 2 == 0 { 1 } else { -1 };
        let step = |(at, step): (usize, &i64)| if at == turn { -1 } else { (*step).max(0) } * sign;
        let mut values = vec![0];
        values.extend(steps.iter().enumerate().map(step).scan(0, |sum, step| { *sum += step; Some(*sum) }));
        prop_assert_eq!(Deltas::of(&values).is_some(), is_straight(&values));
    }

    #[test]
    fn any_values_come_back(
        parts in prop::collection::vec((0_u32..64, 1_usize..700, any::<i64>(), 0..6), 1..6),
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
                4 => if n % (8 + bits as usize) == 5 { narrow(n) } else { narrow(n) & 15 },
                _ => narrow(n / 5),
            }));
        }
        check(&values, true);
        let positive: Vec<i64> = values.iter().map(|value| value & i64::MAX).collect();
        check(&positive, false);
    }
}
