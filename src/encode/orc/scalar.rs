//! Which writer takes a column without parts: chosen once per stripe.

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, DurationMillisecondType,
    DurationNanosecondType, DurationSecondType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use super::column::{Column, Failure, Pen, Written};
use super::slots::{Slots, Values};
use super::tree::Node;
use super::{decimal, number, temporal, text};
use crate::encode::text::scalar::Scalar;
use crate::error::Cause;

/// The column of a node without parts.
pub(super) fn write(node: &Node, scalar: Scalar, slots: Slots, pen: &Pen) -> Result<Column, Failure> {
    let values = if scalar == Scalar::String { slots.packed()? } else { slots.plain()? };
    if values.pieces.iter().any(|(array, _)| Scalar::of(array.data_type()) != Some(scalar)) {
        return Err(Cause::BatchMismatch { column: node.path.clone() }.into());
    }
    let (values, written) = written(node, scalar, values, pen)?;
    pen.column(node, values, written)
}

fn written(node: &Node, scalar: Scalar, mut values: Values, pen: &Pen) -> Result<(Values, Written), Failure> {
    let from = &values;
    let written = match scalar {
        Scalar::Null | Scalar::String => text::strings(node, from, pen)?,
        Scalar::Binary => text::binary(node, from, pen),
        Scalar::Bool => number::booleans(from)?,
        Scalar::Int8 => number::bytes(node, from, pen),
        Scalar::Int16 => number::integers::<Int16Type>(node, from, pen),
        Scalar::Int32 => number::integers::<Int32Type>(node, from, pen),
        Scalar::Int64 => number::integers::<Int64Type>(node, from, pen),
        Scalar::UInt8 => number::integers::<UInt8Type>(node, from, pen),
        Scalar::UInt16 => number::integers::<UInt16Type>(node, from, pen),
        Scalar::UInt32 => number::integers::<UInt32Type>(node, from, pen),
        Scalar::UInt64 => decimal::of_integers::<UInt64Type>(node, from, pen),
        Scalar::Float16 => {
            // A half float is written as the single float of the same value.
            for (array, _) in &mut values.pieces {
                *array = cast(array.as_ref(), &DataType::Float32)
                    .map_err(|source| Cause::Encode { source: source.into() })?;
            }
            number::floats::<Float32Type>(node, &values, pen)
        }
        Scalar::Float32 => number::floats::<Float32Type>(node, from, pen),
        Scalar::Float64 => number::floats::<Float64Type>(node, from, pen),
        Scalar::Decimal(precision, scale) => decimals(node, from, pen, (precision, scale))?,
        Scalar::Date32 => temporal::days(node, from, pen),
        Scalar::Date64 => temporal::millidays(node, from, pen)?,
        Scalar::Timestamp(unit, _) => temporal::timestamps(node, from, pen, unit)?,
        Scalar::Time(unit) => match unit {
            TimeUnit::Second => number::integers::<Time32SecondType>(node, from, pen),
            TimeUnit::Millisecond => number::integers::<Time32MillisecondType>(node, from, pen),
            TimeUnit::Microsecond => number::integers::<Time64MicrosecondType>(node, from, pen),
            TimeUnit::Nanosecond => number::integers::<Time64NanosecondType>(node, from, pen),
        },
        Scalar::Duration(unit) => match unit {
            TimeUnit::Second => number::integers::<DurationSecondType>(node, from, pen),
            TimeUnit::Millisecond => number::integers::<DurationMillisecondType>(node, from, pen),
            TimeUnit::Microsecond => number::integers::<DurationMicrosecondType>(node, from, pen),
            TimeUnit::Nanosecond => number::integers::<DurationNanosecondType>(node, from, pen),
        },
        // The tree has no such node.
        Scalar::Interval(_) => return Err(Cause::BatchMismatch { column: node.path.clone() }.into()),
    };
    Ok((values, written))
}

/// A decimal of any width: the batches of one stripe may differ in it.
fn decimals(
    node: &Node,
    values: &Values,
    pen: &Pen,
    (precision, scale): (u8, i8),
) -> Result<Written, Failure> {
    let mut unscaled = Vec::with_capacity(values.count());
    for (array, nulls) in &values.pieces {
        let (array, nulls, out) = (array.as_ref(), nulls.as_ref(), &mut unscaled);
        if array.as_primitive_opt::<Decimal32Type>().is_some() {
            number::gather::<Decimal32Type, _>(array, nulls, out, i128::from);
        } else if array.as_primitive_opt::<Decimal64Type>().is_some() {
            number::gather::<Decimal64Type, _>(array, nulls, out, i128::from);
        } else if array.as_primitive_opt::<Decimal128Type>().is_some() {
            number::gather::<Decimal128Type, _>(array, nulls, out, |value| value);
        } else {
            decimal::gather_wide(node, array, nulls, out)?;
        }
    }
    decimal::decimals(node, values, pen, unscaled, (precision, scale))
}
