//! Rows of an array in another order: what dictionaries, runs, unions and lists of ORC are unpacked by.
//!
//! It knows of no format.

use arrow::array::{Array, ArrayRef, MutableArrayData, UInt64Array, make_array, new_null_array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::error::{Cause, Result};

/// One value for each row; a null row has any value, or none.
pub(crate) fn taken(values: &ArrayRef, rows: &[usize], nulls: Option<&NullBuffer>) -> Result<ArrayRef> {
    if values.is_empty() {
        return Ok(new_null_array(values.data_type(), rows.len()));
    }
    // A null index copies nothing, but a union has no nulls of its own: one in a struct would have to take a
    // child that it may not have, and runs are not made for null indices.
    let always = matches!(
        values.data_type(),
        DataType::Union(..) | DataType::Struct(_) | DataType::FixedSizeList(..) | DataType::RunEndEncoded(..)
    );
    let nulls = nulls.filter(|_| !always).cloned();
    pick(values, &UInt64Array::new(rows.iter().map(|&row| row as u64).collect(), nulls))
}

/// The values at some indices, which lie within them.
pub(crate) fn pick(values: &ArrayRef, indices: &UInt64Array) -> Result<ArrayRef> {
    let picked = if has_empty_lists(values.data_type()) {
        copied(values, indices)
    } else {
        take(values.as_ref(), indices, None)
    };
    // Indices lie within the values, so that this cannot fail.
    picked.map_err(|source| Cause::Encode { source: source.into() }.into())
}

/// The items of lists, from the range that each list has in `items`: a slice where they follow on each other.
pub(crate) fn items(items: &ArrayRef, ranges: &[(usize, usize)]) -> Result<ArrayRef> {
    let follows = ranges.windows(2).all(|pair| pair[0].0 + pair[0].1 == pair[1].0);
    if follows {
        let start = ranges.first().map_or(0, |first| first.0);
        let end = ranges.last().map_or(0, |(start, len)| start + len);
        return Ok(items.slice(start, end - start));
    }
    let indices = ranges.iter().flat_map(|(start, len)| *start as u64..(start + len) as u64);
    pick(items, &indices.collect::<Vec<_>>().into())
}

/// Whether lists of no items each are in a type: `take` forgets how many of them there are.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other types are leaves")]
fn has_empty_lists(data_type: &DataType) -> bool {
    use DataType as T;
    match data_type {
        T::FixedSizeList(_, 0) => true,
        T::FixedSizeList(item, _)
        | T::List(item)
        | T::LargeList(item)
        | T::ListView(item)
        | T::LargeListView(item)
        | T::Map(item, _)
        | T::RunEndEncoded(_, item) => has_empty_lists(item.data_type()),
        T::Dictionary(_, values) => has_empty_lists(values),
        T::Struct(fields) => fields.iter().any(|field| has_empty_lists(field.data_type())),
        T::Union(fields, _) => fields.iter().any(|(_, field)| has_empty_lists(field.data_type())),
        _ => false,
    }
}

/// As `take` does, row by row.
fn copied(values: &ArrayRef, indices: &UInt64Array) -> Result<ArrayRef, ArrowError> {
    let data = values.to_data();
    let mut out = MutableArrayData::new(vec![&data], indices.null_count() > 0, indices.len());
    for index in indices {
        match index.and_then(|index| usize::try_from(index).ok()) {
            Some(row) => out.try_extend(0, row, row + 1)?,
            None => out.try_extend_nulls(1)?,
        }
    }
    Ok(make_array(out.freeze()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, FixedSizeListArray, Int32Array, RunArray};
    use arrow::datatypes::{Field, Int32Type};

    use super::*;

    /// Three lists of no items, the second of them null where `nulls`.
    fn empty_lists(nulls: bool) -> ArrayRef {
        let field = Arc::new(Field::new_list_field(DataType::Int32, true));
        let nulls = NullBuffer::from(vec![true, !nulls, true]);
        let items = Arc::new(Int32Array::new_null(0));
        Arc::new(FixedSizeListArray::try_new(field, 0, items, Some(nulls)).unwrap())
    }

    #[test]
    fn lists_of_no_items_keep_their_number() {
        for nulls in [false, true] {
            let lists = taken(&empty_lists(nulls), &[2, 1, 0, 1, 2], None).unwrap();
            assert_eq!(lists.len(), 5);
            assert_eq!(lists.null_count(), if nulls { 2 } else { 0 });
        }
    }

    #[test]
    fn runs_of_lists_of_no_items_keep_their_values() {
        let ends = Int32Array::from(vec![1, 3, 4]);
        let runs: ArrayRef = Arc::new(RunArray::try_new(&ends, &empty_lists(false)).unwrap());
        let taken = taken(&runs, &[3, 0, 0, 2], None).unwrap();
        let runs = taken.as_run::<Int32Type>();
        assert_eq!(runs.len(), 4);
        assert_eq!(runs.values_slice().len(), runs.run_ends().values().len());
    }
}
