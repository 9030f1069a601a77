//! Whether a map holds a key twice, for keys of any type.

use arrow::array::{Array, ArrayRef};
use arrow::row::{RowConverter, SortField};

use crate::error::{Cause, Result};

/// Whether one of the maps, whose keys stand one after another, holds a key twice.
pub(super) fn has_duplicates(keys: &ArrayRef, lengths: impl Iterator<Item = usize>) -> Result<bool> {
    let failed = |source: arrow::error::ArrowError| Cause::Encode { source: source.into() };
    let converter = RowConverter::new(vec![SortField::new(keys.data_type().clone())]).map_err(failed)?;
    let rows = converter.convert_columns(&[ArrayRef::clone(keys)]).map_err(failed)?;
    let mut start = 0;
    let mut own = Vec::new();
    for length in lengths {
        own.clear();
        own.extend((start..start + length).map(|index| rows.row(index)));
        own.sort_unstable();
        if own.windows(2).any(|pair| pair[0] == pair[1]) {
            return Ok(true);
        }
        start += length;
    }
    Ok(false)
}
