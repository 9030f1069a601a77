//! Decimals (ORC v1 specification, "Decimal Columns"): unscaled values of any length, and the scale of each.
//!
//! Invariant: no value has more digits than the precision of its column.

use arrow::array::{Array, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{ArrowPrimitiveType, Decimal256Type};
use orc_rust::proto::column_encoding::Kind as EncodingKind;
use orc_rust::proto::stream::Kind;

use super::column::{Failure, Pen, Written};
use super::number::gathered;
use super::slots::{Values, for_each_valid};
use super::stats::{DecimalStats, Of, digits};
use super::stream::{Stream, Within};
use super::tree::{self, Node};
use super::{bloom, rle};

const TOO_LONG: &str = "a decimal has more digits than its column";

/// DECIMAL(20,0), from integers without a sign.
pub(super) fn of_integers<T>(node: &Node, values: &Values, pen: &Pen) -> Written
where
    T: ArrowPrimitiveType,
    T::Native: Into<i128>,
{
    written(node, values, pen, &gathered::<T, i128>(values, Into::into), 0)
}

/// DECIMAL, from unscaled values; with a negative scale their zeros are written out.
pub(super) fn decimals(
    node: &Node,
    values: &Values,
    pen: &Pen,
    mut unscaled: Vec<i128>,
    (precision, scale): (u8, i8),
) -> Result<Written, Failure> {
    let too_long = || Failure::Value { problem: TOO_LONG, column: node.path.clone() };
    let limit = 10_u128.pow(precision.min(38).into());
    if unscaled.iter().any(|value| value.unsigned_abs() >= limit) {
        return Err(too_long());
    }
    if scale < 0 {
        let factor = 10_i128.pow(scale.unsigned_abs().into());
        for value in &mut unscaled {
            *value *= factor;
        }
    }
    let (_, scale) = tree::decimal(precision, scale).ok_or_else(too_long)?;
    Ok(written(node, values, pen, &unscaled, scale))
}

/// Appends the values of 256 bits; those of this precision have no more than 128.
pub(super) fn gather_wide(
    node: &Node,
    array: &dyn Array,
    nulls: Option<&NullBuffer>,
    out: &mut Vec<i128>,
) -> Result<(), Failure> {
    let values = array.as_primitive::<Decimal256Type>().values();
    let mut all_fit = true;
    for_each_valid(values.len(), nulls, |index| {
        let value = values[index].to_i128();
        all_fit &= value.is_some();
        out.push(value.unwrap_or(0));
    });
    if all_fit { Ok(()) } else { Err(Failure::Value { problem: TOO_LONG, column: node.path.clone() }) }
}

fn written(node: &Node, values: &Values, pen: &Pen, unscaled: &[i128], scale: u32) -> Written {
    let mut data = Stream::new(Kind::Data, Within::Bytes);
    let mut stats = Vec::with_capacity(values.bounds.len());
    for group in values.bounds.windows(2) {
        data.mark();
        let group = &unscaled[group[0]..group[1]];
        for value in group {
            varint(*value, &mut data.bytes);
        }
        stats.push(Of::Decimals(DecimalStats::of(group, scale)));
    }
    // All values of a column have its scale.
    let scales = vec![scale; unscaled.len()];
    let secondary = pen.signed_runs(Kind::Secondary, &scales, &values.bounds);
    let mut written = Written::new(EncodingKind::DirectV2, vec![data, secondary], stats);
    written.blooms = pen.blooms(node, &values.bounds, |group, add| {
        unscaled[group].iter().for_each(|value| add(bloom::of_bytes(digits(*value, scale).as_bytes())));
    });
    written
}

/// Appends a number in base 128, its sign in the lowest bit.
fn varint(value: i128, out: &mut Vec<u8>) {
    let mut rest = (value << 1 ^ value >> 127).cast_unsigned();
    while let Err(_too_large) = u64::try_from(rest) {
        out.push(rle::low_byte(u64::try_from(rest & 0x7f).unwrap_or(0)) | 0x80);
        rest >>= 7;
    }
    rle::varint(u64::try_from(rest).unwrap_or(0), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> i128 {
        let value = bytes.iter().rev().fold(0_u128, |value, byte| value << 7 | u128::from(byte & 0x7f));
        (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
    }

    #[test]
    fn values_of_every_length_come_back() {
        for digits in 0..38 {
            for value in
                [10_i128.pow(digits), 10_i128.pow(digits) - 1, -(10_i128.pow(digits)), 10_i128.pow(38) - 1]
            {
                let mut out = Vec::new();
                varint(value, &mut out);
                assert_eq!(read(&out), value);
                assert!(
                    out[..out.len() - 1].iter().all(|byte| byte & 0x80 != 0) && out[out.len() - 1] < 0x80
                );
            }
        }
    }
}
