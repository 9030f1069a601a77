//! Which rows have a value, a word at a time.
//!
//! A jump on each would be guessed wrong, since nulls come in no order; a bit of a word can mask what is read.

use std::ops::Range;

use arrow::buffer::NullBuffer;
use arrow::util::bit_chunk_iterator::BitChunks;

/// Rows that are looked at together: the bits of a word.
pub(crate) const GROUP: usize = 64;

/// Rows, a few at a time, and a bit for each that is valid, that of the first one lowest.
#[inline]
pub(crate) fn groups(
    nulls: Option<&NullBuffer>,
    rows: &Range<usize>,
) -> impl Iterator<Item = (Range<usize>, u64)> {
    let chunks = nulls.map(|nulls| BitChunks::new(nulls.validity(), nulls.offset() + rows.start, rows.len()));
    let mut words = chunks.map(|chunks| chunks.iter().chain([chunks.remainder_bits()]));
    let end = rows.end;
    rows.clone().step_by(GROUP).map(move |from| {
        let valid = words.as_mut().map_or(u64::MAX, |words| words.next().unwrap_or(0));
        (from..end.min(from + GROUP), valid)
    })
}

/// All bits where the lowest of a word is set, else none.
#[inline]
pub(crate) fn mask(valid: u64) -> usize {
    ((valid & 1) as usize).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_row_has_its_bit(
            bits in prop::collection::vec(any::<bool>(), 0..400), skip in 0_usize..20,
            from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(),
        ) {
            let skip = skip.min(bits.len());
            let nulls = NullBuffer::from(bits.clone()).slice(skip, bits.len() - skip);
            let (from, to) = (from.index(nulls.len() + 1), to.index(nulls.len() + 1));
            for rows in [from..to, 0..nulls.len()] {
                let mut next = rows.start;
                for (group, mut valid) in groups(Some(&nulls), &rows) {
                    prop_assert_eq!(group.start, next);
                    prop_assert!(group.len() <= GROUP);
                    for row in group.clone() {
                        prop_assert_eq!(mask(valid), if nulls.is_valid(row) { usize::MAX } else { 0 });
                        valid >>= 1;
                    }
                    next = group.end;
                }
                prop_assert_eq!(next, rows.end.max(rows.start));
                prop_assert!(groups(None, &rows).all(|(_, valid)| valid == u64::MAX));
            }
        }
    }
}
