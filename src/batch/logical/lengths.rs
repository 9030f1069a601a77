//! The lengths of strings and bytes, summed up between bounds, or estimated by samples.
//!
//! A sample stands for the rows around it with no more than [`LARGE`] bytes; what lengths have beyond that is summed up
//! over all rows.
//!
//! Invariant: the length of a row that is not valid is never asked for.

use arrow::array::{ByteView, GenericByteArray, GenericByteViewArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{ArrowNativeType, ByteArrayType, ByteViewType};

use super::Bounds;
use crate::batch::{GRAIN, LARGE};

/// The length of each row of strings or bytes that lie one after the other.
pub(super) fn of_bytes<T: ByteArrayType>(array: &GenericByteArray<T>) -> impl Fn(usize) -> u64 {
    let offsets = array.value_offsets();
    |row| (offsets[row + 1] - offsets[row]).as_usize() as u64
}

/// The length of each row of strings or bytes that lie anywhere.
pub(super) fn of_views<T: ByteViewType>(array: &GenericByteViewArray<T>) -> impl Fn(usize) -> u64 {
    let views = array.views();
    |row| u64::from(ByteView::from(views[row]).length)
}

/// Adds the lengths of strings or bytes that lie one after the other.
pub(super) fn add_bytes<T: ByteArrayType>(
    array: &GenericByteArray<T>,
    valid: Option<&NullBuffer>,
    bounds: Bounds<'_>,
    sizes: &mut [u64],
) {
    if valid.is_some() || bounds.samples.is_some() {
        return add(of_bytes(array), || bits_of_bytes(array), valid, bounds, sizes);
    }
    // They stand in the offsets.
    let offsets = array.value_offsets();
    for (size, pair) in sizes.iter_mut().zip(bounds.rows.windows(2)) {
        *size += (offsets[pair[1]] - offsets[pair[0]]).as_usize() as u64;
    }
}

/// The same of strings or bytes that lie anywhere.
pub(super) fn add_views<T: ByteViewType>(
    array: &GenericByteViewArray<T>,
    valid: Option<&NullBuffer>,
    bounds: Bounds<'_>,
    sizes: &mut [u64],
) {
    add(of_views(array), || bits_of_views(array), valid, bounds, sizes);
}

/// The bits of the lengths of strings or bytes: none is longer than these say.
pub(super) fn bits_of_bytes<T: ByteArrayType>(array: &GenericByteArray<T>) -> u64 {
    let offsets = array.value_offsets().windows(2);
    offsets.fold(0, |bits, pair| bits | (pair[1] - pair[0]).as_usize() as u64)
}

/// The same of views.
pub(super) fn bits_of_views<T: ByteViewType>(array: &GenericByteViewArray<T>) -> u64 {
    array.views().iter().fold(0, |bits, view| bits | u64::from(ByteView::from(*view).length))
}

/// Adds the lengths of the valid rows, or of all if there is no mask; by samples, where there are some: `bits` are then
/// those of all lengths, or more.
pub(super) fn add(
    length: impl Fn(usize) -> u64,
    bits: impl FnOnce() -> u64,
    valid: Option<&NullBuffer>,
    bounds: Bounds<'_>,
    sizes: &mut [u64],
) {
    let Some(samples) = bounds.samples else { return add_all(length, valid, bounds.rows, sizes) };
    for sample in samples.iter().filter(|sample| valid.is_none_or(|valid| valid.is_valid(sample.row))) {
        sizes[sample.piece] += GRAIN * length(sample.row).min(LARGE);
    }
    if bits() > LARGE {
        add_all(|row| length(row).saturating_sub(LARGE), valid, bounds.rows, sizes);
    }
}

/// Adds the lengths of the valid rows, or of all if there is no mask.
pub(super) fn add_all(
    length: impl Fn(usize) -> u64,
    valid: Option<&NullBuffer>,
    bounds: &[usize],
    sizes: &mut [u64],
) {
    for (size, pair) in sizes.iter_mut().zip(bounds.windows(2)) {
        *size += match valid {
            None => (pair[0]..pair[1]).map(&length).sum::<u64>(),
            Some(valid) => {
                let of_piece = valid.inner().slice(pair[0], pair[1] - pair[0]);
                of_piece.set_indices().map(|row| length(pair[0] + row)).sum()
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sums_are_those_of_the_valid_rows(
            bits in prop::collection::vec(prop::bool::weighted(0.7), 1..300), skip in 0_usize..20,
            mut bounds in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
        ) {
            let skip = skip.min(bits.len() - 1);
            let valid = NullBuffer::from(bits.clone()).slice(skip, bits.len() - skip);
            let rows = valid.len();
            let mut bounds: Vec<_> = bounds.drain(..).map(|bound| bound.index(rows + 1)).collect();
            bounds.extend([0, rows]);
            bounds.sort_unstable();
            let mut sizes = vec![1; bounds.len() - 1];
            add_all(|row| row as u64 + 3, Some(&valid), &bounds, &mut sizes);
            for (size, pair) in sizes.iter().zip(bounds.windows(2)) {
                let own = (pair[0]..pair[1]).filter(|row| valid.is_valid(*row)).map(|row| row as u64 + 3);
                prop_assert_eq!(*size, 1 + own.sum::<u64>());
            }
        }
    }
}
