//! The logical size of dictionaries: each row looks its entry up, so that entries of no row cost nothing.

use arrow::array::{AnyDictionaryArray, Array, AsArray, UInt64Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{
    ArrowNativeType, BinaryType, BinaryViewType, ByteArrayType, ByteViewType, DataType, Int32Type,
    LargeBinaryType, LargeUtf8Type, StringViewType, Utf8Type,
};

use super::lengths::{self, bits_of_bytes, bits_of_views, of_bytes, of_views};
use super::{Bounds, add_width, null_width};

#[expect(clippy::wildcard_enum_match_arm, reason = "the others are no strings or bytes")]
/// Adds the bytes of the valid rows of a dictionary.
pub(super) fn add(array: &dyn Array, valid: Option<&NullBuffer>, bounds: Bounds<'_>, sizes: &mut [u64]) {
    let Some(dictionary) = array.as_any_dictionary_opt() else { return };
    let values = dictionary.values();
    if values.is_empty() {
        // Every key is null.
        return add_width(null_width(values.data_type()), bounds, sizes);
    }
    let rows = Rows { dictionary, valid };
    match values.data_type() {
        DataType::Utf8 => rows.add_bytes::<Utf8Type>(bounds, sizes),
        DataType::LargeUtf8 => rows.add_bytes::<LargeUtf8Type>(bounds, sizes),
        DataType::Binary => rows.add_bytes::<BinaryType>(bounds, sizes),
        DataType::LargeBinary => rows.add_bytes::<LargeBinaryType>(bounds, sizes),
        DataType::Utf8View => rows.add_views::<StringViewType>(bounds, sizes),
        DataType::BinaryView => rows.add_views::<BinaryViewType>(bounds, sizes),
        // Strings in them are estimated.
        DataType::Struct(_) | DataType::Dictionary(..) | DataType::RunEndEncoded(..)
            if bounds.samples.is_some() =>
        {
            rows.add_plain(bounds, sizes);
        }
        _ => rows.add_any(bounds, sizes),
    }
}

/// The rows of a dictionary, and which of them are valid.
struct Rows<'a> {
    dictionary: &'a dyn AnyDictionaryArray,
    valid: Option<&'a NullBuffer>,
}

impl Rows<'_> {
    fn add_bytes<T: ByteArrayType>(&self, bounds: Bounds<'_>, sizes: &mut [u64]) {
        let values = self.dictionary.values().as_bytes::<T>();
        self.add_each(of_bytes(values), || bits_of_bytes(values), bounds, sizes);
    }

    fn add_views<T: ByteViewType>(&self, bounds: Bounds<'_>, sizes: &mut [u64]) {
        let values = self.dictionary.values().as_byte_view::<T>();
        self.add_each(of_views(values), || bits_of_views(values), bounds, sizes);
    }

    /// Adds the lengths of strings or bytes; a null entry has none.
    fn add_each(
        &self,
        length: impl Fn(usize) -> u64,
        bits: impl FnOnce() -> u64,
        bounds: Bounds<'_>,
        sizes: &mut [u64],
    ) {
        let known = self.dictionary.values().nulls();
        let length = |entry| if known.is_none_or(|known| known.is_valid(entry)) { length(entry) } else { 0 };
        // The keys that sources of this crate make.
        if let Some(keys) = self.dictionary.keys().as_primitive_opt::<Int32Type>() {
            let keys = keys.values();
            lengths::add(|row| length(keys[row].as_usize()), bits, self.valid, bounds, sizes);
        } else {
            let keys = self.dictionary.normalized_keys();
            lengths::add(|row| length(keys[row]), bits, self.valid, bounds, sizes);
        }
    }

    /// Adds the entries of any type as if each row had its own.
    fn add_plain(&self, bounds: Bounds<'_>, sizes: &mut [u64]) {
        let keys = self.dictionary.normalized_keys();
        let place =
            |row: usize| self.valid.is_none_or(|valid| valid.is_valid(row)).then_some(keys[row] as u64);
        let places: UInt64Array = (0..keys.len()).map(place).collect();
        // Keys are within the values, so that this cannot fail.
        if let Ok(plain) = take(self.dictionary.values().as_ref(), &places, None) {
            super::add(plain.as_ref(), None, bounds, sizes);
        }
    }

    /// Adds the sizes of entries of any type, measured once for each entry or row, whichever are fewer.
    fn add_any(&self, bounds: Bounds<'_>, sizes: &mut [u64]) {
        let (keys, values) = (self.dictionary.normalized_keys(), self.dictionary.values());
        let own = || {
            let rows = UInt64Array::from_iter_values(keys.iter().map(|&key| key as u64));
            take(values.as_ref(), &rows, None)
        };
        let own = if keys.len() < values.len() { own().ok() } else { None };
        let measured = own.as_ref().unwrap_or(values);
        let ends: Vec<usize> = (0..=measured.len()).collect();
        let mut lengths = vec![0; measured.len()];
        super::add(measured.as_ref(), None, Bounds::of_all(&ends), &mut lengths);
        // A null of a fixed width counts that width, whatever the key under it.
        let null = null_width(values.data_type());
        let length = |row: usize| match self.valid {
            Some(valid) if valid.is_null(row) => null,
            _ => lengths[if own.is_some() { row } else { keys[row] }],
        };
        lengths::add_all(length, None, bounds.rows, sizes);
    }
}
