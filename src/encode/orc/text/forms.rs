//! The physical forms of strings and binary in Arrow, as bytes.

use std::ops::ControlFlow;

use arrow::array::{
    AnyDictionaryArray, Array, ArrayRef, AsArray, FixedSizeBinaryArray, GenericByteArray,
    GenericByteViewArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    BinaryType, BinaryViewType, ByteArrayType, ByteViewType, DataType, Int32Type, LargeBinaryType,
    LargeUtf8Type, StringViewType, Utf8Type,
};

use crate::encode::orc::slots::try_for_each_valid;

/// Calls for each value of an array that is not null, in order, until told to stop.
pub(super) fn for_each_value<'a, B>(
    array: &'a ArrayRef,
    nulls: Option<&NullBuffer>,
    mut call: impl FnMut(&'a [u8]) -> ControlFlow<B>,
) -> ControlFlow<B> {
    if let Some(dictionary) = array.as_any_dictionary_opt() {
        let entry = entries(dictionary.values());
        return for_each_key(dictionary, nulls, |key| call(entry(key)));
    }
    match Form::of(array) {
        Some(Form::Utf8(array)) => {
            try_for_each_valid(array.len(), nulls, |index| call(array.value(index).as_bytes()))
        }
        Some(Form::LargeUtf8(array)) => {
            try_for_each_valid(array.len(), nulls, |index| call(array.value(index).as_bytes()))
        }
        Some(Form::Utf8View(array)) => {
            try_for_each_valid(array.len(), nulls, |index| call(array.value(index).as_bytes()))
        }
        Some(Form::Binary(array)) => try_for_each_valid(array.len(), nulls, |index| call(array.value(index))),
        Some(Form::LargeBinary(array)) => {
            try_for_each_valid(array.len(), nulls, |index| call(array.value(index)))
        }
        Some(Form::BinaryView(array)) => {
            try_for_each_valid(array.len(), nulls, |index| call(array.value(index)))
        }
        Some(Form::Fixed(array)) => try_for_each_valid(array.len(), nulls, |index| call(array.value(index))),
        // All values are null.
        None => ControlFlow::Continue(()),
    }
}

/// Calls with the key of each slot of a dictionary that is not null, in order, until told to stop.
pub(super) fn for_each_key<B>(
    dictionary: &dyn AnyDictionaryArray,
    nulls: Option<&NullBuffer>,
    mut call: impl FnMut(usize) -> ControlFlow<B>,
) -> ControlFlow<B> {
    // The keys that Parquet is read to need no copy of another width.
    if let Some(keys) = dictionary.keys().as_primitive_opt::<Int32Type>() {
        let keys = keys.values();
        return try_for_each_valid(keys.len(), nulls, |index| call(keys[index].cast_unsigned() as usize));
    }
    if dictionary.values().is_empty() {
        return ControlFlow::Continue(());
    }
    let keys = dictionary.normalized_keys();
    try_for_each_valid(keys.len(), nulls, |index| call(keys[index]))
}

/// The entries of a dictionary by their number.
pub(super) fn entries<'a>(values: &'a ArrayRef) -> Box<dyn Fn(usize) -> &'a [u8] + 'a> {
    match Form::of(values) {
        Some(Form::Utf8(array)) => Box::new(|index| array.value(index).as_bytes()),
        Some(Form::LargeUtf8(array)) => Box::new(|index| array.value(index).as_bytes()),
        Some(Form::Utf8View(array)) => Box::new(|index| array.value(index).as_bytes()),
        Some(Form::Binary(array)) => Box::new(|index| array.value(index)),
        Some(Form::LargeBinary(array)) => Box::new(|index| array.value(index)),
        Some(Form::BinaryView(array)) => Box::new(|index| array.value(index)),
        Some(Form::Fixed(array)) => Box::new(|index| array.value(index)),
        None => Box::new(|_index| &[]),
    }
}

enum Form<'a> {
    Utf8(&'a GenericByteArray<Utf8Type>),
    LargeUtf8(&'a GenericByteArray<LargeUtf8Type>),
    Utf8View(&'a GenericByteViewArray<StringViewType>),
    Binary(&'a GenericByteArray<BinaryType>),
    LargeBinary(&'a GenericByteArray<LargeBinaryType>),
    BinaryView(&'a GenericByteViewArray<BinaryViewType>),
    Fixed(&'a FixedSizeBinaryArray),
}

impl<'a> Form<'a> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are no strings or bytes")]
    fn of(array: &'a ArrayRef) -> Option<Self> {
        fn plain<T: ByteArrayType>(array: &ArrayRef) -> &GenericByteArray<T> {
            array.as_bytes()
        }
        fn view<T: ByteViewType>(array: &ArrayRef) -> &GenericByteViewArray<T> {
            array.as_byte_view()
        }
        Some(match array.data_type() {
            DataType::Utf8 => Self::Utf8(plain(array)),
            DataType::LargeUtf8 => Self::LargeUtf8(plain(array)),
            DataType::Utf8View => Self::Utf8View(view(array)),
            DataType::Binary => Self::Binary(plain(array)),
            DataType::LargeBinary => Self::LargeBinary(plain(array)),
            DataType::BinaryView => Self::BinaryView(view(array)),
            DataType::FixedSizeBinary(_) => Self::Fixed(array.as_fixed_size_binary()),
            _ => return None,
        })
    }
}
