//! A column of each type: four rows or more, the fourth of them null.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, DictionaryArray, FixedSizeBinaryArray,
    FixedSizeListArray, Int8Array, Int32Array, ListArray, MapArray, NullArray, PrimitiveArray, RunArray,
    StringArray, StructArray, UInt32Array, UnionArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType, Field,
    FieldRef, Fields, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalDayTime,
    IntervalDayTimeType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType,
    RunEndIndexType, Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type, UnionFields, UnionMode, i256,
};

/// A type and the name of its golden files.
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) data_type: DataType,
}

/// How many variants a data type has.
pub(super) const VARIANTS: usize = 41;

/// The number of a variant. Without a wildcard: a new variant must be given a number and a sample.
pub(super) fn variant(of: &DataType) -> usize {
    match of {
        DataType::Null => 0,
        DataType::Boolean => 1,
        DataType::Int8 => 2,
        DataType::Int16 => 3,
        DataType::Int32 => 4,
        DataType::Int64 => 5,
        DataType::UInt8 => 6,
        DataType::UInt16 => 7,
        DataType::UInt32 => 8,
        DataType::UInt64 => 9,
        DataType::Float16 => 10,
        DataType::Float32 => 11,
        DataType::Float64 => 12,
        DataType::Timestamp(..) => 13,
        DataType::Date32 => 14,
        DataType::Date64 => 15,
        DataType::Time32(_) => 16,
        DataType::Time64(_) => 17,
        DataType::Duration(_) => 18,
        DataType::Interval(_) => 19,
        DataType::Binary => 20,
        DataType::FixedSizeBinary(_) => 21,
        DataType::LargeBinary => 22,
        DataType::BinaryView => 23,
        DataType::Utf8 => 24,
        DataType::LargeUtf8 => 25,
        DataType::Utf8View => 26,
        DataType::List(_) => 27,
        DataType::ListView(_) => 28,
        DataType::FixedSizeList(..) => 29,
        DataType::LargeList(_) => 30,
        DataType::LargeListView(_) => 31,
        DataType::Struct(_) => 32,
        DataType::Union(..) => 33,
        DataType::Dictionary(..) => 34,
        DataType::Decimal32(..) => 35,
        DataType::Decimal64(..) => 36,
        DataType::Decimal128(..) => 37,
        DataType::Decimal256(..) => 38,
        DataType::Map(..) => 39,
        DataType::RunEndEncoded(..) => 40,
    }
}

/// Whether ORC holds a type, as it is set usually.
pub(super) fn orc_holds(of: &DataType) -> bool {
    use DataType as T;
    match of {
        T::Time32(_) | T::Time64(_) | T::Duration(_) | T::Interval(_) => false,
        T::Decimal128(precision, scale) | T::Decimal256(precision, scale) => {
            i16::from(*precision) - i16::from(*scale).min(0) <= 38
        }
        T::Dictionary(_, values) => orc_holds(values),
        T::RunEndEncoded(_, values) => orc_holds(values.data_type()),
        T::List(item)
        | T::LargeList(item)
        | T::ListView(item)
        | T::LargeListView(item)
        | T::FixedSizeList(item, _) => orc_holds(item.data_type()),
        T::Struct(fields) => fields.iter().all(|field| orc_holds(field.data_type())),
        T::Map(entries, _) => orc_holds(entries.data_type()),
        T::Union(fields, _) => fields.iter().all(|(_, field)| orc_holds(field.data_type())),
        _ => true,
    }
}

/// All types: every variant, and each of its units and kinds.
pub(super) fn samples() -> Vec<Sample> {
    [flat(), temporal(), nested(), packed()]
        .concat()
        .into_iter()
        .map(|(name, data_type)| Sample { name, data_type })
        .collect()
}

fn flat() -> Vec<(&'static str, DataType)> {
    vec![
        ("null", DataType::Null),
        ("boolean", DataType::Boolean),
        ("int8", DataType::Int8),
        ("int16", DataType::Int16),
        ("int32", DataType::Int32),
        ("int64", DataType::Int64),
        ("uint8", DataType::UInt8),
        ("uint16", DataType::UInt16),
        ("uint32", DataType::UInt32),
        ("uint64", DataType::UInt64),
        ("float16", DataType::Float16),
        ("float32", DataType::Float32),
        ("float64", DataType::Float64),
        ("decimal32", DataType::Decimal32(9, 2)),
        ("decimal64", DataType::Decimal64(18, 0)),
        ("decimal128", DataType::Decimal128(38, 38)),
        ("decimal128_negative_scale", DataType::Decimal128(38, -2)),
        ("decimal256", DataType::Decimal256(76, 10)),
        ("binary", DataType::Binary),
        ("binary_fixed", DataType::FixedSizeBinary(2)),
        ("binary_large", DataType::LargeBinary),
        ("binary_view", DataType::BinaryView),
        ("utf8", DataType::Utf8),
        ("utf8_large", DataType::LargeUtf8),
        ("utf8_view", DataType::Utf8View),
    ]
}

fn temporal() -> Vec<(&'static str, DataType)> {
    let zoned = |unit, zone: &str| DataType::Timestamp(unit, Some(zone.into()));
    vec![
        ("date32", DataType::Date32),
        ("date64", DataType::Date64),
        ("time32_s", DataType::Time32(TimeUnit::Second)),
        ("time32_ms", DataType::Time32(TimeUnit::Millisecond)),
        ("time64_us", DataType::Time64(TimeUnit::Microsecond)),
        ("time64_ns", DataType::Time64(TimeUnit::Nanosecond)),
        ("timestamp_s", DataType::Timestamp(TimeUnit::Second, None)),
        ("timestamp_ms", DataType::Timestamp(TimeUnit::Millisecond, None)),
        ("timestamp_us", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("timestamp_ns", DataType::Timestamp(TimeUnit::Nanosecond, None)),
        ("timestamp_s_utc", zoned(TimeUnit::Second, "UTC")),
        ("timestamp_ms_named", zoned(TimeUnit::Millisecond, "America/New_York")),
        ("timestamp_us_offset", zoned(TimeUnit::Microsecond, "+05:30")),
        ("timestamp_ns_named", zoned(TimeUnit::Nanosecond, "Asia/Tokyo")),
        ("duration_s", DataType::Duration(TimeUnit::Second)),
        ("duration_ms", DataType::Duration(TimeUnit::Millisecond)),
        ("duration_us", DataType::Duration(TimeUnit::Microsecond)),
        ("duration_ns", DataType::Duration(TimeUnit::Nanosecond)),
        ("interval_year_month", DataType::Interval(IntervalUnit::YearMonth)),
        ("interval_day_time", DataType::Interval(IntervalUnit::DayTime)),
        ("interval_month_day_nano", DataType::Interval(IntervalUnit::MonthDayNano)),
    ]
}

fn nested() -> Vec<(&'static str, DataType)> {
    let item = |of: DataType| Arc::new(Field::new("item", of, true));
    let object = || {
        let code = Field::new("Codes", DataType::List(item(DataType::Int32)), true);
        DataType::Struct(vec![Field::new("City", DataType::Utf8, true), code].into())
    };
    let scalars = || children(&[("n", DataType::Int64), ("s", DataType::Utf8), ("t", DataType::Date32)]);
    let parts = || children(&[("s", DataType::Utf8), ("l", DataType::List(item(DataType::Int32)))]);
    let map = |value: DataType| {
        let fields = vec![Field::new("key", DataType::Utf8, false), Field::new("value", value, true)];
        DataType::Map(Arc::new(Field::new("entries", DataType::Struct(fields.into()), false)), false)
    };
    vec![
        ("list", DataType::List(item(DataType::Int32))),
        ("list_large", DataType::LargeList(item(DataType::Utf8))),
        ("list_fixed", DataType::FixedSizeList(item(DataType::Int32), 2)),
        ("list_view", DataType::ListView(item(DataType::Utf8View))),
        ("list_view_large", DataType::LargeListView(item(object()))),
        ("struct", object()),
        ("map", map(DataType::Float64)),
        ("map_of_struct", map(object())),
        ("union_sparse", DataType::Union(scalars(), UnionMode::Sparse)),
        ("union_dense", DataType::Union(scalars(), UnionMode::Dense)),
        ("union_with_parts", DataType::Union(parts(), UnionMode::Dense)),
        ("union_of_unions", {
            let inner = DataType::Union(scalars(), UnionMode::Dense);
            DataType::Union(children(&[("u", inner), ("b", DataType::Boolean)]), UnionMode::Sparse)
        }),
    ]
}

fn packed() -> Vec<(&'static str, DataType)> {
    let dictionary = |key, value| DataType::Dictionary(Box::new(key), Box::new(value));
    let runs = |ends, value| {
        let ends = Arc::new(Field::new("run_ends", ends, false));
        DataType::RunEndEncoded(ends, Arc::new(Field::new("values", value, true)))
    };
    let object = || DataType::Struct(vec![Field::new("City", DataType::Utf8, true)].into());
    let union =
        || DataType::Union(children(&[("n", DataType::Int64), ("s", DataType::Utf8)]), UnionMode::Sparse);
    vec![
        ("dictionary", dictionary(DataType::Int8, DataType::Utf8)),
        (
            "dictionary_of_dictionary",
            dictionary(DataType::UInt16, dictionary(DataType::Int8, DataType::Utf8)),
        ),
        ("dictionary_of_union", dictionary(DataType::Int64, union())),
        ("runs", runs(DataType::Int16, DataType::Utf8)),
        ("runs_of_duration", runs(DataType::Int64, DataType::Duration(TimeUnit::Second))),
        ("runs_of_struct", runs(DataType::Int32, object())),
        ("runs_of_list", runs(DataType::Int32, DataType::new_list(DataType::Int32, true))),
    ]
}

fn children(of: &[(&str, DataType)]) -> UnionFields {
    let fields = of.iter().map(|(name, of)| Field::new(*name, of.clone(), true));
    UnionFields::try_new((0..).map(|index| 3 * index + 1).take(of.len()), fields).unwrap()
}

fn three<T: ArrowPrimitiveType>(of: &DataType, values: [T::Native; 3]) -> ArrayRef {
    let array: PrimitiveArray<T> = values.into_iter().map(Some).chain([None]).collect();
    Arc::new(array.with_data_type(of.clone()))
}

/// The column of a type.
pub(super) fn sample(of: &DataType) -> ArrayRef {
    use DataType as T;
    match of {
        T::Null => Arc::new(NullArray::new(4)),
        T::Boolean => Arc::new(BooleanArray::from(vec![Some(true), Some(false), Some(true), None])),
        T::Int8 => three::<Int8Type>(of, [1, -1, i8::MIN]),
        T::Int16 => three::<Int16Type>(of, [1, -1, i16::MIN]),
        T::Int32 => three::<Int32Type>(of, [1, -1, i32::MIN]),
        T::Int64 => three::<Int64Type>(of, [1, -1, i64::MIN]),
        T::UInt8 => three::<UInt8Type>(of, [1, 0, u8::MAX]),
        T::UInt16 => three::<UInt16Type>(of, [1, 0, u16::MAX]),
        T::UInt32 => three::<UInt32Type>(of, [1, 0, u32::MAX]),
        T::UInt64 => three::<UInt64Type>(of, [1, 0, u64::MAX]),
        T::Float16 => cast(&three::<Float32Type>(&T::Float32, [1.5, -0.0, 65504.0]), of).unwrap(),
        T::Float32 => three::<Float32Type>(of, [0.1, -0.0, f32::MAX]),
        T::Float64 => three::<Float64Type>(of, [0.1, 1e16, f64::MIN_POSITIVE]),
        T::Decimal32(..) => three::<Decimal32Type>(of, [150, -5, 999_999_999]),
        T::Decimal64(..) => three::<Decimal64Type>(of, [150, -5, 999_999_999_999_999_999]),
        T::Decimal128(..) => three::<Decimal128Type>(of, [150, -5, 10_i128.pow(38) - 1]),
        T::Decimal256(..) => {
            let large = i256::from_string(&"9".repeat(76)).unwrap();
            three::<Decimal256Type>(of, [i256::from_i128(150), i256::from_i128(-5), large])
        }
        T::Utf8 | T::LargeUtf8 | T::Utf8View => {
            let texts = [Some("plain"), Some(""), Some("a,b \"c\"\r\n\\ \u{1} 😀 and more"), None];
            cast(&StringArray::from_iter(texts), of).unwrap()
        }
        T::Binary | T::LargeBinary | T::BinaryView => {
            cast(&BinaryArray::from_opt_vec(vec![Some(b"bytes"), Some(b""), Some(b"\xff\xfe"), None]), of)
                .unwrap()
        }
        T::FixedSizeBinary(size) => {
            let texts = [Some([0_u8, 1]), Some([0xfb, 0xff]), Some([0, 0]), None];
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(texts.into_iter(), *size).unwrap())
        }
        T::Date32 => three::<Date32Type>(of, [0, -1, 2_932_896]),
        T::Date64 => three::<Date64Type>(of, [0, -86_400_000, -62_167_219_200_000]),
        T::Time32(_) | T::Time64(_) | T::Timestamp(..) | T::Duration(_) | T::Interval(_) => time(of),
        T::List(_)
        | T::ListView(_)
        | T::FixedSizeList(..)
        | T::LargeList(_)
        | T::LargeListView(_)
        | T::Struct(_)
        | T::Union(..)
        | T::Map(..) => with_parts(of),
        T::Dictionary(_, values) => {
            let keys = Int32Array::from(vec![Some(2), Some(0), Some(1), None]);
            cast(&DictionaryArray::new(keys, sample(values).slice(0, 3)), of).unwrap()
        }
        T::RunEndEncoded(ends, values) => match ends.data_type() {
            T::Int16 => runs::<Int16Type>(values),
            T::Int32 => runs::<Int32Type>(values),
            _ => runs::<Int64Type>(values),
        },
    }
}

fn time(of: &DataType) -> ArrayRef {
    use DataType as T;
    use TimeUnit as U;
    const INSTANTS: [i64; 3] = [1, 1_709_210_096, -1];
    const LENGTHS: [i64; 3] = [1_500, -90_000_000, 0];
    match of {
        T::Time32(U::Second) => three::<Time32SecondType>(of, [0, 45_296, 86_399]),
        T::Time32(_) => three::<Time32MillisecondType>(of, [0, 45_296_000, 86_399_999]),
        T::Time64(U::Microsecond) => three::<Time64MicrosecondType>(of, [0, 45_296_000_001, 86_399_999_999]),
        T::Time64(_) => three::<Time64NanosecondType>(of, [0, 45_296_000_000_001, 86_399_999_999_999]),
        T::Timestamp(U::Second, _) => three::<TimestampSecondType>(of, INSTANTS),
        T::Timestamp(U::Millisecond, _) => three::<TimestampMillisecondType>(of, INSTANTS),
        T::Timestamp(U::Microsecond, _) => three::<TimestampMicrosecondType>(of, INSTANTS),
        T::Timestamp(U::Nanosecond, _) => three::<TimestampNanosecondType>(of, INSTANTS),
        T::Duration(U::Second) => three::<DurationSecondType>(of, LENGTHS),
        T::Duration(U::Millisecond) => three::<DurationMillisecondType>(of, LENGTHS),
        T::Duration(U::Microsecond) => three::<DurationMicrosecondType>(of, LENGTHS),
        T::Duration(U::Nanosecond) => three::<DurationNanosecondType>(of, [i64::MIN, 1, 0]),
        T::Interval(IntervalUnit::YearMonth) => three::<IntervalYearMonthType>(of, [14, -25, 0]),
        T::Interval(IntervalUnit::DayTime) => {
            let span = |days, milliseconds| IntervalDayTime { days, milliseconds };
            three::<IntervalDayTimeType>(of, [span(3, 4_500), span(-1, 1), span(0, 0)])
        }
        _ => {
            let span = |months, days, nanoseconds| IntervalMonthDayNano { months, days, nanoseconds };
            let spans = [span(14, 3, 4_500_000_000), span(-1, 2, -1), span(0, 0, i64::MAX)];
            three::<IntervalMonthDayNanoType>(of, spans)
        }
    }
}

/// All rows but the fourth.
fn valid() -> NullBuffer {
    vec![true, true, true, false].into()
}

/// Two items, none, two items of which the second is null, and null with items under it.
fn list(item: &FieldRef) -> ArrayRef {
    let items = take(&sample(item.data_type()), &UInt32Array::from(vec![0, 1, 2, 3, 0]), None).unwrap();
    Arc::new(ListArray::new(Arc::clone(item), OffsetBuffer::from_lengths([2, 0, 2, 1]), items, Some(valid())))
}

fn with_parts(of: &DataType) -> ArrayRef {
    match of {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => cast(&list(item), of).unwrap(),
        DataType::FixedSizeList(item, size) => {
            let items = UInt32Array::from(vec![0, 1, 2, 3, 3, 0, 1, 1]);
            let items = take(&sample(item.data_type()), &items, None).unwrap();
            Arc::new(FixedSizeListArray::new(Arc::clone(item), *size, items, Some(valid())))
        }
        DataType::Map(entries, _) => map(entries),
        DataType::Union(fields, mode) => union(fields, *mode),
        DataType::Struct(fields) => {
            let columns = fields.iter().map(|field| sample(field.data_type()).slice(0, 4)).collect();
            Arc::new(StructArray::new(fields.clone(), columns, Some(valid())))
        }
        _ => unreachable!("{of}"),
    }
}

fn map(entries: &FieldRef) -> ArrayRef {
    let DataType::Struct(fields) = entries.data_type() else { unreachable!("{entries}") };
    let fields: &Fields = fields;
    let keys = Arc::new(StringArray::from(vec!["tier", "a \"key\"", "tier"]));
    let values = take(&sample(fields[1].data_type()), &UInt32Array::from(vec![0, 3, 2]), None).unwrap();
    let rows = StructArray::new(fields.clone(), vec![keys, values], None);
    Arc::new(MapArray::new(
        Arc::clone(entries),
        OffsetBuffer::from_lengths([2, 0, 1, 0]),
        rows,
        Some(valid()),
        false,
    ))
}

/// The children take turns; the fourth row of each is null.
fn union(fields: &UnionFields, mode: UnionMode) -> ArrayRef {
    let ids: Vec<_> = fields.iter().map(|(id, _)| id).collect();
    let ids: Vec<_> = ids.into_iter().cycle().take(4).collect();
    let children = fields.iter().map(|(_, field)| sample(field.data_type())).collect();
    let offsets = (mode == UnionMode::Dense).then(|| vec![0, 1, 2, 3].into());
    Arc::new(UnionArray::try_new(fields.clone(), ids.into(), offsets, children).unwrap())
}

/// Runs of two, one, one and two rows.
fn runs<R: RunEndIndexType>(values: &FieldRef) -> ArrayRef {
    let ends = cast(&Int8Array::from(vec![2, 3, 4, 6]), &R::DATA_TYPE).unwrap();
    let ends = ends.as_any().downcast_ref::<PrimitiveArray<R>>().unwrap();
    Arc::new(RunArray::<R>::try_new(ends, &sample(values.data_type())).unwrap())
}
