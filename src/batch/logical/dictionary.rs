//! The logical size of dictionaries: each row looks its entry up, so that entries of no row cost nothing.

use arrow::array::{AnyDictionaryArray, Array, ArrayRef, AsArray, UInt64Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{
    ArrowNativeType, BinaryType, BinaryViewType, DataType, Int32Type, LargeBinaryType, LargeUtf8Type,
    StringViewType, Utf8Type,
};

use super::lengths::{self, of_bytes, of_views};
use super::{add_width, null_width};

#[expect(clippy::wildcard_enum_match_arm, reason = "the others are no strings or bytes")]
/// Adds the bytes of the valid rows of a dictionary.
pub(super) fn add(array: &dyn Array, valid: Option<&NullBuffer>, bounds: &[usize], sizes: &mut [u64]) {
    let Some(dictionary) = array.as_any_dictionary_opt() else { return };
    let values = dictionary.values();
    if values.is_empty() {
        // Every key is null.
        return add_width(null_width(values.data_type()), bounds, sizes);
    }
    let rows = Rows { dictionary, valid };
    match values.data_type() {
        DataType::Utf8 => rows.add_each(of_bytes::<Utf8Type>(values.as_bytes()), bounds, sizes),
        DataType::LargeUtf8 => rows.add_each(of_bytes::<LargeUtf8Type>(values.as_bytes()), bounds, sizes),
        DataType::Binary => rows.add_each(of_bytes::<BinaryType>(values.as_bytes()), bounds, sizes),
        DataType::LargeBinary => rows.add_each(of_bytes::<LargeBinaryType>(values.as_bytes()), bounds, sizes),
        DataType::Utf8View => rows.add_each(of_views::<StringViewType>(values.as_byte_view()), bounds, sizes),
        DataType::BinaryView => {
            rows.add_each(of_views::<BinaryViewType>(values.as_byte_view()), bounds, sizes);
        }
        _ => rows.add_any(values, bounds, sizes),
    }
}

/// The rows of a dictionary, and which of them are valid.
struct Rows<'a> {
    dictionary: &'a dyn AnyDictionaryArray,
    valid: Option<&'a NullBuffer>,
}

impl Rows<'_> {
    /// Adds the lengths of strings or bytes; a null entry has none.
    fn add_each(&self, length: impl Fn(usize) -> u64, bounds: &[usize], sizes: &mut [u64]) {
        match self.dictionary.values().nulls() {
            None => self.add_known(length, bounds, sizes),
            Some(known) => {
                let length = |entry| if known.is_valid(entry) { length(entry) } else { 0 };
                self.add_known(length, bounds, sizes);
            }
        }
    }

    fn add_known(&self, length: impl Fn(usize) -> u64, bounds: &[usize], sizes: &mut [u64]) {
        // The keys that sources of this crate make; that of a row that is not valid may be none.
        if let Some(keys) = self.dictionary.keys().as_primitive_opt::<Int32Type>() {
            let (keys, last) = (keys.values(), self.dictionary.values().len().saturating_sub(1));
            lengths::add(|row| length(keys[row].as_usize().min(last)), self.valid, bounds, sizes);
        } else {
            let keys = self.dictionary.normalized_keys();
            lengths::add(|row| length(keys[row]), self.valid, bounds, sizes);
        }
    }

    /// Adds the sizes of entries of any type, measured once for each entry or row, whichever are fewer.
    fn add_any(&self, values: &ArrayRef, bounds: &[usize], sizes: &mut [u64]) {
        let keys = self.dictionary.normalized_keys();
        let own = || {
            let rows = UInt64Array::from_iter_values(keys.iter().map(|&key| key as u64));
            take(values.as_ref(), &rows, None)
        };
        let own = if keys.len() < values.len() { own().ok() } else { None };
        let measured = own.as_ref().unwrap_or(values);
        let ends: Vec<usize> = (0..=measured.len()).collect();
        let mut lengths = vec![0; measured.len()];
        super::add(measured.as_ref(), None, &ends, &mut lengths);
        // A null of a fixed width counts that width, whatever the key under it.
        let null = null_width(values.data_type());
        let length = |row: usize| match self.valid {
            Some(valid) if valid.is_null(row) => null,
            _ => lengths[if own.is_some() { row } else { keys[row] }],
        };
        lengths::add(length, None, bounds, sizes);
    }
}
