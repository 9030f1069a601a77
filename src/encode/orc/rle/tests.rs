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
