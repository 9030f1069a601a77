//! The logical size of unions: that of the active child of each row.
//!
//! Sparse or dense, the same values count the same. A row that is null by what is around it counts nothing:
//! which child it has under that null is chance.

use arrow::array::{UInt64Array, UnionArray};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::ArrowNativeType;

use super::{Bounds, add};

/// Adds the bytes of the valid rows, child by child.
pub(super) fn add_active(
    array: &UnionArray,
    valid: Option<&NullBuffer>,
    bounds: Bounds<'_>,
    sizes: &mut [u64],
) {
    let ids = array.type_ids();
    let place = |row: usize| array.offsets().map_or(row, |offsets| offsets[row].as_usize());
    for (id, _) in array.fields().iter() {
        let is_own = |row: usize| ids[row] == id && valid.is_none_or(|valid| valid.is_valid(row));
        let rows: Vec<_> = (0..ids.len()).filter(|&row| is_own(row)).collect();
        let places: UInt64Array = rows.iter().map(|&row| place(row) as u64).collect();
        // Places are within the child, so that this cannot fail.
        let Ok(values) = take(array.child(id).as_ref(), &places, None) else { continue };
        let bounds: Vec<_> =
            bounds.rows.iter().map(|&bound| rows.partition_point(|&row| row < bound)).collect();
        add(values.as_ref(), None, Bounds::of_all(&bounds), sizes);
    }
}
