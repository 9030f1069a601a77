//! Integers, floats and booleans (ORC v1 specification, "Column Encodings").

use arrow::array::{Array, AsArray, BooleanBufferBuilder};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{ArrowPrimitiveType, Int8Type};
use orc_rust::proto::column_encoding::Kind as EncodingKind;
use orc_rust::proto::stream::Kind;

use super::bloom;
use super::byte_rle;
use super::column::{Pen, Written};
use super::slots::{Values, bits_at};
use super::stats::{Doubles, Integers, Of};
use super::stream::{Stream, Within};
use super::tree::Node;
use crate::error::Result;

/// SMALLINT, INT and BIGINT: "Small, Integer, and Big Integer Columns".
pub(super) fn integers<T>(node: &Node, values: &Values, pen: &Pen) -> Written
where
    T: ArrowPrimitiveType,
    T::Native: Into<i64>,
{
    let integers = gathered::<T, i64>(values, Into::into);
    let data = pen.signed_runs(Kind::Data, &integers, &values.bounds);
    let mut written =
        Written::new(EncodingKind::DirectV2, vec![data], integer_stats(&integers, &values.bounds));
    written.blooms = integer_blooms(node, &integers, &values.bounds, pen);
    written
}

/// TINYINT: "Tinyint Columns".
pub(super) fn bytes(node: &Node, values: &Values, pen: &Pen) -> Written {
    let integers = gathered::<Int8Type, i64>(values, Into::into);
    let bytes = gathered::<Int8Type, u8>(values, i8::cast_unsigned);
    let data = Stream::of_runs(Kind::Data, &bytes, &values.bounds, byte_rle::bytes);
    let mut written =
        Written::new(EncodingKind::Direct, vec![data], integer_stats(&integers, &values.bounds));
    written.blooms = integer_blooms(node, &integers, &values.bounds, pen);
    written
}

/// A float and how it is stored.
pub(super) trait Float: Copy + Into<f64> {
    fn append(self, out: &mut Vec<u8>);
}

impl Float for f32 {
    fn append(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
}

impl Float for f64 {
    fn append(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
}

/// FLOAT and DOUBLE: "Float and Double Columns".
pub(super) fn floats<T>(node: &Node, values: &Values, pen: &Pen) -> Written
where
    T: ArrowPrimitiveType,
    T::Native: Float,
{
    let floats = gathered::<T, T::Native>(values, |value| value);
    let mut data = Stream::new(Kind::Data, Within::Bytes);
    data.bytes.reserve(floats.len() * size_of::<T::Native>());
    let mut stats = Vec::with_capacity(values.bounds.len());
    for group in values.bounds.windows(2) {
        data.mark();
        let group = &floats[group[0]..group[1]];
        for value in group {
            value.append(&mut data.bytes);
        }
        stats.push(Of::Doubles(Doubles::of(group.iter().map(|value| (*value).into()))));
    }
    let mut written = Written::new(EncodingKind::Direct, vec![data], stats);
    written.blooms = pen.blooms(node, &values.bounds, |group, add| {
        floats[group].iter().for_each(|value| add(bloom::of_double((*value).into())));
    });
    written
}

/// BOOLEAN: "Boolean Columns".
pub(super) fn booleans(values: &Values) -> Result<Written> {
    let mut bits = BooleanBufferBuilder::new(values.count());
    for (array, nulls) in &values.pieces {
        let array = array.as_boolean();
        match nulls {
            None => bits.append_buffer(array.values()),
            Some(nulls) => bits.append_buffer(&bits_at(array.values(), nulls)?),
        }
    }
    let bits = bits.finish();
    let data = Stream::of_bits(Kind::Data, &bits, &values.bounds);
    let count = |group: &[usize]| bits.slice(group[0], group[1] - group[0]).count_set_bits() as u64;
    let stats = values.bounds.windows(2).map(|group| Of::Booleans(count(group))).collect();
    Ok(Written::new(EncodingKind::Direct, vec![data], stats))
}

/// The statistics of integers by row group.
pub(super) fn integer_stats(integers: &[i64], bounds: &[usize]) -> Vec<Of> {
    bounds.windows(2).map(|group| Of::Integers(Integers::of(&integers[group[0]..group[1]]))).collect()
}

/// The filters of what is hashed as an integer.
pub(super) fn integer_blooms(
    node: &Node,
    integers: &[i64],
    bounds: &[usize],
    pen: &Pen,
) -> Vec<bloom::BloomFilter> {
    pen.blooms(node, bounds, |group, add| {
        integers[group].iter().for_each(|value| add(bloom::of_integer(*value)));
    })
}

/// The values of all pieces, nulls left out.
pub(super) fn gathered<T: ArrowPrimitiveType, V>(
    values: &Values,
    of: impl Fn(T::Native) -> V + Copy,
) -> Vec<V> {
    let mut all = Vec::with_capacity(values.count());
    for (array, nulls) in &values.pieces {
        gather::<T, V>(array.as_ref(), nulls.as_ref(), &mut all, of);
    }
    all
}

/// Appends the values of one array, nulls left out.
pub(super) fn gather<T: ArrowPrimitiveType, V>(
    array: &dyn Array,
    nulls: Option<&NullBuffer>,
    out: &mut Vec<V>,
    of: impl Fn(T::Native) -> V,
) {
    let values = array.as_primitive::<T>().values();
    match nulls {
        None => out.extend(values.iter().map(|value| of(*value))),
        Some(nulls) => {
            for (start, end) in nulls.valid_slices() {
                out.extend(values[start..end].iter().map(|value| of(*value)));
            }
        }
    }
}
