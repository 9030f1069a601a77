//! Bloom filters: which values a row group does not have (ORC v1 specification, "Bloom Filter Index").
//!
//! Only the kind with UTF-8 bytes and instants in UTC is written. Hashes are part of the format: those of numbers
//! are Thomas Wang's, with arithmetic shifts, those of bytes are one lane of Murmur3.
//!
//! Invariant: a value that was added is never said to be absent.

use orc_rust::proto;

/// The bits of one row group.
#[derive(Clone, Debug)]
pub(super) struct BloomFilter {
    words: Vec<u64>,
    hashes: u32,
}

impl BloomFilter {
    /// A filter for so many values, of which it takes a share for present that are not.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "readers take the numbers as they are: this is how writers choose them"
    )]
    pub(super) fn new(values: u64, false_positives: f64) -> Self {
        let ln2 = std::f64::consts::LN_2;
        let values = values.max(1) as f64;
        let bits = (-values * false_positives.ln() / (ln2 * ln2)) as usize;
        let words = bits / 64 + 1;
        let hashes = ((words * 64) as f64 / values * ln2).round().max(1.0) as u32;
        Self { words: vec![0; words], hashes }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the hash is cut into two halves")]
    pub(super) fn add(&mut self, hash: u64) {
        let (low, high) = (hash as u32, (hash >> 32) as u32);
        let bits = self.words.len() as u64 * 64;
        for round in 1..=self.hashes {
            let mixed = low.wrapping_add(round.wrapping_mul(high));
            // As a signed number it is made positive by turning all its bits.
            let mixed = if mixed >> 31 == 1 { !mixed } else { mixed };
            let bit = u64::from(mixed) % bits;
            self.words[(bit / 64) as usize] |= 1 << (bit % 64);
        }
    }

    pub(super) fn into_proto(self) -> proto::BloomFilter {
        proto::BloomFilter {
            num_hash_functions: Some(self.hashes),
            bitset: Vec::new(),
            utf8bitset: Some(self.words.iter().flat_map(|word| word.to_le_bytes()).collect()),
        }
    }
}

/// The hash of an integer, a day, the milliseconds of an instant, or the bits of a double.
pub(super) fn of_integer(value: i64) -> u64 {
    let mut key = (!value).wrapping_add(value << 21);
    key ^= key >> 24;
    key = key.wrapping_add(key << 3).wrapping_add(key << 8);
    key ^= key >> 14;
    key = key.wrapping_add(key << 2).wrapping_add(key << 4);
    key ^= key >> 28;
    key.wrapping_add(key << 31).cast_unsigned()
}

/// The hash of a float: that of the same double, of which there is one NaN.
pub(super) fn of_double(value: f64) -> u64 {
    let value = if value.is_nan() { f64::NAN } else { value };
    of_integer(value.to_bits().cast_signed())
}

/// The hash of the bytes of a string or of binary, or of the text of a decimal.
pub(super) fn of_bytes(bytes: &[u8]) -> u64 {
    const SEED: u64 = 104_729;
    let mix = |lane: u64| {
        lane.wrapping_mul(0x87c3_7b91_1142_53d5).rotate_left(31).wrapping_mul(0x4cf5_ad43_2745_937f)
    };
    let (blocks, rest) = bytes.as_chunks::<8>();
    let mut hash = SEED;
    for block in blocks {
        hash = (hash ^ mix(u64::from_le_bytes(*block))).rotate_left(27);
        hash = hash.wrapping_mul(5).wrapping_add(0x52dc_e729);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    // Nothing comes of a lane of zeros.
    hash ^= mix(u64::from_le_bytes(last));
    hash ^= bytes.len() as u64;
    hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}

#[cfg(test)]
mod tests {
    use orc_rust::bloom_filter::BloomFilter as Reader;

    use super::*;

    #[test]
    fn what_was_added_is_found_and_most_else_is_not() {
        let text = |n: u32| format!("customer {n}");
        let mut filter = BloomFilter::new(10_000, 0.01);
        (0..10_000).for_each(|n| filter.add(of_bytes(text(n).as_bytes())));
        assert_eq!((filter.hashes, filter.words.len()), (7, 1498));
        let reader = Reader::try_from_proto(&filter.into_proto()).unwrap();
        assert!((0..10_000).all(|n| reader.might_contain(text(n).as_bytes())));
        let wrong = (10_000..30_000).filter(|n| reader.might_contain(text(*n).as_bytes())).count();
        assert!((100..300).contains(&wrong), "{wrong} of 20000");
    }

    #[test]
    fn strings_of_every_length_are_found() {
        let text = "abcdefghijklmnopqrstuvwxyz";
        for len in 0..text.len() {
            let mut filter = BloomFilter::new(1, 0.01);
            filter.add(of_bytes(&text.as_bytes()[..len]));
            let reader = Reader::try_from_proto(&filter.into_proto()).unwrap();
            assert!(reader.might_contain(&text.as_bytes()[..len]), "{len}");
        }
    }

    #[test]
    fn every_nan_has_one_hash() {
        assert_eq!(of_double(f64::NAN), of_double(-f64::NAN));
        assert_ne!(of_double(0.0), of_double(-0.0));
    }
}
