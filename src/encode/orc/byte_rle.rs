//! Byte runs, and booleans as bits in bytes (ORC v1 specification, "Byte Run Length Encoding", "Boolean Run
//! Length Encoding").
//!
//! Invariant: a call begins and ends a run, so that a reader can start where a call started.

use arrow::buffer::BooleanBuffer;

/// A repetition pays from 3 bytes on, and its header counts from there.
const MIN_REPEAT: usize = 3;
const MAX_REPEAT: usize = 130;
const MAX_LITERALS: usize = 128;

/// Appends runs of bytes.
pub(super) fn bytes(mut values: &[u8], out: &mut Vec<u8>) {
    while let [first, ..] = values {
        let same = values.iter().take(MAX_REPEAT).take_while(|value| *value == first).count();
        if same >= MIN_REPEAT {
            out.extend_from_slice(&[length(same - MIN_REPEAT), *first]);
            values = &values[same..];
        } else {
            let (literals, rest) = values.split_at(next_repeat(values));
            // The count, negative: 128 literals are 0x80.
            out.push(length(literals.len()).wrapping_neg());
            out.extend_from_slice(literals);
            values = rest;
        }
    }
}

/// How many bytes come before the next repetition: at least one, and no more than literals can be.
fn next_repeat(values: &[u8]) -> usize {
    let window = &values[..values.len().min(MAX_LITERALS + MIN_REPEAT - 1)];
    let repeat = window.windows(MIN_REPEAT).position(|at| at[0] == at[1] && at[1] == at[2]);
    repeat.unwrap_or(window.len()).min(MAX_LITERALS)
}

#[expect(clippy::cast_possible_truncation, reason = "a run is at most 130 long")]
fn length(count: usize) -> u8 {
    count as u8
}

/// Bits as they stand in a stream: the first one is the high bit of the first byte.
pub(super) fn high_first(bits: &BooleanBuffer) -> Vec<u8> {
    let aligned = bits.sliced();
    let mut bytes: Vec<u8> =
        aligned.as_slice()[..bits.len().div_ceil(8)].iter().map(|byte| byte.reverse_bits()).collect();
    // What lies behind the last bit is no one's.
    if let (Some(last), used @ 1..) = (bytes.last_mut(), bits.len() % 8) {
        *last &= !(0xff >> used);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(mut encoded: &[u8]) -> Vec<u8> {
        let mut values = Vec::new();
        while let [header, rest @ ..] = encoded {
            if *header < 0x80 {
                values.extend(std::iter::repeat_n(rest[0], usize::from(*header) + 3));
                encoded = &rest[1..];
            } else {
                let count = usize::from(header.wrapping_neg());
                values.extend_from_slice(&rest[..count]);
                encoded = &rest[count..];
            }
        }
        values
    }

    fn written(values: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        bytes(values, &mut out);
        out
    }

    #[test]
    fn the_examples_of_the_specification() {
        assert_eq!(written(&[0; 100]), [0x61, 0x00]);
        assert_eq!(written(&[0x44, 0x45]), [0xfe, 0x44, 0x45]);
        let bits = BooleanBuffer::from([&[true][..], &[false; 7]].concat());
        assert_eq!(written(&high_first(&bits)), [0xff, 0x80]);
    }

    #[test]
    fn literals_end_at_128_and_repetitions_at_130() {
        let different: Vec<u8> = (0..=255).collect();
        for len in [127, 128, 129, 130, 131, 255, 256] {
            assert_eq!(read(&written(&different[..len])), different[..len], "{len}");
            assert_eq!(read(&written(&vec![9; len])), vec![9; len], "{len}");
        }
        assert_eq!(written(&different[..128])[0], 0x80);
        assert_eq!(written(&[7; 130]), [0x7f, 7]);
    }

    #[test]
    fn bits_start_at_any_offset_and_end_in_zeros() {
        let bits = BooleanBuffer::from((0..40).map(|n| n % 3 == 0).collect::<Vec<_>>());
        for offset in 0..20 {
            for len in 0..20 {
                let bytes = high_first(&bits.slice(offset, len));
                assert_eq!(bytes.len(), len.div_ceil(8));
                for at in 0..bytes.len() * 8 {
                    let expected = at < len && (offset + at) % 3 == 0;
                    assert_eq!(bytes[at / 8] >> (7 - at % 8) & 1 == 1, expected, "{offset} {len} {at}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(parts in prop::collection::vec((0_u8..4, 1_usize..300, any::<bool>()), 0..8)) {
            let values: Vec<u8> = parts
                .iter()
                .flat_map(|(value, len, same)| (0..*len).map(move |n| if *same { *value } else { [1, 2, 3, 5, 7][n * n % 5] }))
                .collect();
            prop_assert_eq!(read(&written(&values)), values);
        }
    }
}
