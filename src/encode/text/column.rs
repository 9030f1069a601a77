//! Which loop writes a column: chosen once per batch, from the array's own type.
//!
//! The choice also checks that an array has the logical type of its node; nobody looks at types afterwards.
//!
//! Invariant: a null row of a column, or of anything around it, is never looked at.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type,
    Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};

use crate::encode::text::cells::{Cells, Span};
use crate::encode::text::level::Level;
use crate::encode::text::nested;
use crate::encode::text::node::{Floats, Kind, Node};
use crate::encode::text::number::{AnyFloat, Decimal, Float, Integer};
use crate::encode::text::packed::Packed;
use crate::encode::text::plain::{self, numbers};
use crate::encode::text::scalar::Scalar;
use crate::encode::text::slots::{Slots, Unplaced};
use crate::encode::text::string;
use crate::encode::text::structs::structs;
use crate::encode::text::temporal;
use crate::encode::text::time::{Days, Millidays};
use crate::encode::text::union;
use crate::error::{Cause, Result};

/// Writes the cells of one column of one batch.
pub(crate) trait Column {
    /// Appends one cell for each row of `rows` to `out`.
    ///
    /// `spare` is memory for what is nested, one level of it each. On a problem, `out` is of no use.
    fn fill(&self, rows: Range<usize>, out: &mut Cells, spare: &mut [Level]) -> Result<(), Problem>;

    /// Instead of filling: the text that has all cells of `rows`, whose places in it are appended to `spans`.
    ///
    /// `None`: there is no such text, and nothing was appended.
    fn shared(&self, _rows: &Range<usize>, _spans: &mut Vec<Span>) -> Option<&[u8]> {
        None
    }

    /// The most bytes of a cell of `rows`, but for escapes, where the cells can be placed in slots.
    fn most(&self, _rows: &Range<usize>) -> Option<usize> {
        None
    }

    /// Instead of filling, where [`most`](Self::most) is known: appends a cell to each slot.
    ///
    /// Where that fails, the slots are of no use.
    fn place(&self, _rows: Range<usize>, _slots: &mut Slots) -> Result<(), Unplaced> {
        Err(Unplaced)
    }
}

/// A value that cannot be written.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Its index in the array of the column that reports it.
    pub(crate) index: usize,
    /// Dotted path of the column.
    pub(crate) column: String,
    /// What is wrong.
    pub(crate) what: &'static str,
}

impl Problem {
    /// The one of the earlier row, and of the earlier column in the same row.
    pub(crate) fn earlier(first: Result<(), Self>, second: Result<(), Self>) -> Result<(), Self> {
        match (first, second) {
            (Err(first), Err(second)) if second.index < first.index => Err(second),
            (Err(first), _) => Err(first),
            (Ok(()), second) => second,
        }
    }
}

/// A column of a batch, borrowing from the plan.
pub(crate) type BoxColumn<'p> = Box<dyn Column + 'p>;

/// The writer of an array; rows that `outer` calls null are not looked at.
pub(crate) fn column<'p>(
    node: &'p Node,
    array: &ArrayRef,
    outer: Option<&NullBuffer>,
) -> Result<BoxColumn<'p>> {
    match &node.kind {
        Kind::Scalar(scalar) => scalar_column(node, *scalar, array, outer),
        Kind::Struct(fields) => structs(node, fields, array, outer),
        Kind::List(item) => nested::lists(node, item, array, outer),
        Kind::Map(entry) => nested::maps(node, entry, array, outer),
        Kind::Union(children) => union::unions(node, children, array, outer),
    }
}

/// The error for an array that is not of its node's type.
pub(crate) fn mismatch(node: &Node) -> crate::error::Error {
    Cause::BatchMismatch { column: node.path.clone() }.into()
}

fn scalar_column<'p>(
    node: &'p Node,
    scalar: Scalar,
    array: &ArrayRef,
    outer: Option<&NullBuffer>,
) -> Result<BoxColumn<'p>> {
    if Scalar::of(array.data_type()) != Some(scalar) {
        return Err(mismatch(node));
    }
    if let Some(packed) = Packed::of(array) {
        return packed.column(node, outer);
    }
    let nulls = NullBuffer::union(array.nulls(), outer);
    Ok(match scalar {
        Scalar::Null => plain::absent(node),
        Scalar::Bool => plain::bools(node, array, nulls),
        Scalar::Int8 => numbers::<Int8Type, _>(node, array, nulls, Integer),
        Scalar::Int16 => numbers::<Int16Type, _>(node, array, nulls, Integer),
        Scalar::Int32 => numbers::<Int32Type, _>(node, array, nulls, Integer),
        Scalar::Int64 => numbers::<Int64Type, _>(node, array, nulls, Integer),
        Scalar::UInt8 => numbers::<UInt8Type, _>(node, array, nulls, Integer),
        Scalar::UInt16 => numbers::<UInt16Type, _>(node, array, nulls, Integer),
        Scalar::UInt32 => numbers::<UInt32Type, _>(node, array, nulls, Integer),
        Scalar::UInt64 => numbers::<UInt64Type, _>(node, array, nulls, Integer),
        // A half float is written as the single float of the same value.
        Scalar::Float16 => {
            let singles =
                cast(array, &DataType::Float32).map_err(|source| Cause::Encode { source: source.into() })?;
            floats::<Float32Type>(node, &singles, nulls)
        }
        Scalar::Float32 => floats::<Float32Type>(node, array, nulls),
        Scalar::Float64 => floats::<Float64Type>(node, array, nulls),
        Scalar::Decimal(_, scale) => decimals(node, array, nulls, scale),
        Scalar::String => string::texts(node, array, nulls),
        Scalar::Binary => string::binaries(node, array, nulls),
        Scalar::Date32 => numbers::<Date32Type, _>(node, array, nulls, Days),
        Scalar::Date64 => numbers::<Date64Type, _>(node, array, nulls, Millidays),
        Scalar::Time(unit) => temporal::clocks(node, array, nulls, unit),
        Scalar::Timestamp(unit, zone) => temporal::timestamps(node, array, nulls, (unit, zone)),
        Scalar::Duration(unit) => temporal::durations(node, array, nulls, unit),
        Scalar::Interval(unit) => temporal::intervals(node, array, nulls, unit),
    })
}

fn floats<'p, T>(node: &'p Node, array: &ArrayRef, nulls: Option<NullBuffer>) -> BoxColumn<'p>
where
    T: ArrowPrimitiveType,
    T::Native: AnyFloat,
{
    let values = array.as_primitive::<T>().values();
    let finite = node.spelling.floats == Floats::Finite;
    let nulls = if node.spelling.floats == Floats::OrNull && values.iter().any(|value| !value.is_number()) {
        let numbers = BooleanBuffer::collect_bool(values.len(), |row| values[row].is_number());
        NullBuffer::union(nulls.as_ref(), Some(&NullBuffer::new(numbers)))
    } else {
        nulls
    };
    numbers::<T, _>(node, array, nulls, Float { finite })
}

fn decimals<'p>(node: &'p Node, array: &ArrayRef, nulls: Option<NullBuffer>, scale: i8) -> BoxColumn<'p> {
    let text = Decimal { scale };
    if array.as_primitive_opt::<Decimal32Type>().is_some() {
        numbers::<Decimal32Type, _>(node, array, nulls, text)
    } else if array.as_primitive_opt::<Decimal64Type>().is_some() {
        numbers::<Decimal64Type, _>(node, array, nulls, text)
    } else if array.as_primitive_opt::<Decimal256Type>().is_some() {
        numbers::<Decimal256Type, _>(node, array, nulls, text)
    } else {
        numbers::<Decimal128Type, _>(node, array, nulls, text)
    }
}
