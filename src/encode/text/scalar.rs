//! The logical types of values without parts.
//!
//! Invariant: every physical form of a type is one [`Scalar`].

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit, UnionFields};

use crate::settings::WideNumbers;

/// The logical type of a value without parts: one for all physical forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Null,
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Float16,
    Float32,
    Float64,
    Decimal(u8, i8),
    String,
    Binary,
    Date32,
    Date64,
    /// A time of day.
    Time(TimeUnit),
    Timestamp(TimeUnit, Zone),
    Duration(TimeUnit),
    Interval(IntervalUnit),
}

/// Whether a timestamp has a zone; which one does not matter to its text in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zone {
    Naive,
    Zoned,
}

impl Scalar {
    /// The logical type of an array's type, if it has no parts and a text.
    pub(crate) fn of(data_type: &DataType) -> Option<Self> {
        use DataType as T;
        let scalar = match data_type {
            T::Null => Self::Null,
            T::Boolean => Self::Bool,
            T::Int8 => Self::Int8,
            T::Int16 => Self::Int16,
            T::Int32 => Self::Int32,
            T::Int64 => Self::Int64,
            T::UInt8 => Self::UInt8,
            T::UInt16 => Self::UInt16,
            T::UInt32 => Self::UInt32,
            T::UInt64 => Self::UInt64,
            T::Float16 => Self::Float16,
            T::Float32 => Self::Float32,
            T::Float64 => Self::Float64,
            T::Decimal32(p, s) | T::Decimal64(p, s) | T::Decimal128(p, s) | T::Decimal256(p, s) => {
                Self::Decimal(*p, *s)
            }
            T::Utf8 | T::LargeUtf8 | T::Utf8View => Self::String,
            T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => Self::Binary,
            T::Date32 => Self::Date32,
            T::Date64 => Self::Date64,
            T::Time32(unit @ (TimeUnit::Second | TimeUnit::Millisecond))
            | T::Time64(unit @ (TimeUnit::Microsecond | TimeUnit::Nanosecond)) => Self::Time(*unit),
            T::Timestamp(unit, None) => Self::Timestamp(*unit, Zone::Naive),
            T::Timestamp(unit, Some(_)) => Self::Timestamp(*unit, Zone::Zoned),
            T::Duration(unit) => Self::Duration(*unit),
            T::Interval(unit) => Self::Interval(*unit),
            T::Dictionary(_, value) => return Self::of(value),
            T::RunEndEncoded(_, value) => return Self::of(value.data_type()),
            // A time of 32 bits in micros or nanos, or of 64 bits in anything else, is no type of Arrow.
            T::Time32(_)
            | T::Time64(_)
            | T::List(_)
            | T::ListView(_)
            | T::FixedSizeList(..)
            | T::LargeList(_)
            | T::LargeListView(_)
            | T::Struct(_)
            | T::Union(..)
            | T::Map(..) => return None,
        };
        Some(scalar)
    }

    /// Those of a type or, if it is a union, of its children; `None` if one of them has parts.
    pub(crate) fn all_of(data_type: &DataType) -> Option<Vec<Self>> {
        if let Some(scalar) = Self::of(data_type) {
            return Some(vec![scalar]);
        }
        let children = union_fields(data_type)?.iter();
        let scalars: Vec<_> =
            children.map(|(_, child)| Self::all_of(child.data_type())).collect::<Option<_>>()?;
        Some(scalars.concat())
    }

    /// Whether its JSON text stands in quotes.
    pub(crate) fn is_quoted(self, wide: WideNumbers) -> bool {
        match self {
            Self::String
            | Self::Binary
            | Self::Date32
            | Self::Date64
            | Self::Time(_)
            | Self::Timestamp(..)
            | Self::Duration(_)
            | Self::Interval(_) => true,
            Self::Int64 | Self::UInt64 | Self::Decimal(..) => wide == WideNumbers::String,
            Self::Null
            | Self::Bool
            | Self::Int8
            | Self::Int16
            | Self::Int32
            | Self::UInt8
            | Self::UInt16
            | Self::UInt32
            | Self::Float16
            | Self::Float32
            | Self::Float64 => false,
        }
    }
}

/// The type behind dictionaries and runs.
pub(crate) fn plain(data_type: &DataType) -> &DataType {
    if let DataType::Dictionary(_, value) = data_type {
        plain(value)
    } else if let DataType::RunEndEncoded(_, value) = data_type {
        plain(value.data_type())
    } else {
        data_type
    }
}

/// The children of a union of any form; `None` if there are none.
pub(crate) fn union_fields(data_type: &DataType) -> Option<&UnionFields> {
    if let DataType::Union(fields, _) = plain(data_type) { Some(fields) } else { None }
        .filter(|fields| !fields.is_empty())
}
