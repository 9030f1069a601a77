//! Which rows have a value, a word at a time.
//!
//! A jump on each would be guessed wrong, since nulls come in no order. The bits of a word that are set are a loop of
//! their own: it is as long as there is something to do, and its end is all that is guessed.

use std::iter;
use std::ops::Range;

use arrow::buffer::NullBuffer;
use arrow::util::bit_chunk_iterator::BitChunks;

/// Rows that are looked at together: the bits of a word.
pub(crate) const GROUP: usize = 64;

/// Rows, a few at a time, and a bit for each that is valid, that of the first one lowest; no other bit is set.
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
        let group = from..end.min(from + GROUP);
        let all = all(&group);
        (group, valid & all)
    })
}

/// A bit for each row of a group.
#[inline]
pub(crate) fn all(group: &Range<usize>) -> u64 {
    u64::MAX >> (GROUP - group.len())
}

/// Which bits are set, the lowest first.
#[inline]
pub(crate) fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    iter::from_fn(move || {
        let lowest = (bits != 0).then(|| bits.trailing_zeros() as usize);
        bits &= bits.wrapping_sub(1);
        lowest
    })
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
                for (group, valid) in groups(Some(&nulls), &rows) {
                    prop_assert_eq!(group.start, next);
                    prop_assert!(group.len() <= GROUP);
                    let found: Vec<_> = ones(valid).map(|at| group.start + at).collect();
                    let expected: Vec<_> = group.clone().filter(|&row| nulls.is_valid(row)).collect();
                    prop_assert_eq!(found, expected);
                    next = group.end;
                }
                prop_assert_eq!(next, rows.end.max(rows.start));
                let found = groups(None, &rows).flat_map(|(group, valid)| ones(valid).map(move |at| group.start + at));
                prop_assert!(found.eq(rows.clone()));
            }
        }
    }
}
