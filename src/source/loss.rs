//! What arrow's decoder of JSON would lose in silence, and where the types inside a type are.
//!
//! It knows types and numbers only: what walks over a record, a text or a value of the caller's own, asks it.

use arrow::datatypes::{DataType, Fields};

/// Up to here every whole number is a float of its own.
pub(super) const EXACT: u64 = 1 << 53;
const EXACT_FLOATS: f64 = 9_007_199_254_740_992.0;

/// Whether a float is a whole number, and not another one that was rounded to it.
pub(super) fn is_whole(value: f64) -> bool {
    value.fract() == 0.0 && value.abs() <= EXACT_FLOATS
}

/// Whether a type holds whole numbers only, so that the decoder would cut fractions off.
pub(super) fn is_of_whole(data_type: &DataType) -> bool {
    data_type.is_integer() || data_type.is_temporal()
}

/// A type without runs around it.
pub(super) fn without_runs(data_type: &DataType) -> &DataType {
    if let DataType::RunEndEncoded(_, values) = data_type {
        without_runs(values.data_type())
    } else {
        data_type
    }
}

/// The type of the items of a list.
pub(super) fn item_type(data_type: &DataType) -> Option<&DataType> {
    let (DataType::List(item)
    | DataType::LargeList(item)
    | DataType::ListView(item)
    | DataType::LargeListView(item)
    | DataType::FixedSizeList(item, _)) = data_type
    else {
        return None;
    };
    Some(item.data_type())
}

/// The type of the values of a map.
pub(super) fn map_value(data_type: &DataType) -> Option<&DataType> {
    let DataType::Map(entry, _) = data_type else { return None };
    let DataType::Struct(entry) = entry.data_type() else { return None };
    Some(entry.get(1)?.data_type())
}

/// The index of the field of a name; most often it is the next one.
pub(super) fn position(fields: &Fields, next: usize, name: &str) -> Option<usize> {
    let is_next = fields.get(next).is_some_and(|field| field.name() == name);
    if is_next { Some(next) } else { fields.iter().position(|field| field.name() == name) }
}
