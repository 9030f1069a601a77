//! Arrow arrays of plain values, in every physical form, sliced, with garbage under nulls.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, FixedSizeListArray, GenericListArray, MapArray, NullArray,
    PrimitiveArray, RecordBatch, RecordBatchOptions, StringArray, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type,
    Decimal256Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Field, Fields, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    IntervalDayTime, IntervalDayTimeType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
    IntervalYearMonthType, Schema, SchemaRef, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type, UnionMode,
    i256,
};
use segment_export::{NonFinite, Settings, WideNumbers};

use super::forms;
use super::model::{Case, Draw, Parts, Type, Value, draw_some};
use super::oracle;

/// The logical schema of a case.
pub(crate) fn schema(case: &Case) -> SchemaRef {
    Arc::new(Schema::new(fields(&case.fields)))
}

/// The settings that a case asks for.
pub(crate) fn settings(case: &Case) -> Settings {
    let mut settings = Settings::default();
    settings.jsonl.explicit_nulls = case.rules.explicit_nulls;
    for (name, of) in &case.fields {
        let keys = oracle::chosen(case, of);
        if !keys.is_empty() {
            settings.csv.map_columns.insert(name.clone(), keys.to_vec());
        }
    }
    if case.rules.non_finite_is_null {
        settings.jsonl.non_finite = NonFinite::Null;
    }
    if case.rules.wide_strings {
        settings.jsonl.wide_numbers = WideNumbers::String;
    }
    settings
}

fn fields(fields: &[(String, Type)]) -> Fields {
    fields.iter().map(|(name, of)| Field::new(name, data_type(of), true)).collect()
}

/// The logical type as Arrow writes it.
pub(crate) fn data_type(of: &Type) -> DataType {
    match of {
        Type::Null => DataType::Null,
        Type::Bool => DataType::Boolean,
        Type::Int(8, true) => DataType::Int8,
        Type::Int(16, true) => DataType::Int16,
        Type::Int(32, true) => DataType::Int32,
        Type::Int(_, true) => DataType::Int64,
        Type::Int(8, false) => DataType::UInt8,
        Type::Int(16, false) => DataType::UInt16,
        Type::Int(32, false) => DataType::UInt32,
        Type::Int(_, false) => DataType::UInt64,
        Type::Float(16) => DataType::Float16,
        Type::Float(32) => DataType::Float32,
        Type::Float(_) => DataType::Float64,
        Type::Decimal(32, scale) => DataType::Decimal32(9, *scale),
        Type::Decimal(64, scale) => DataType::Decimal64(18, *scale),
        Type::Decimal(128, scale) => DataType::Decimal128(38, *scale),
        Type::Decimal(_, scale) => DataType::Decimal256(76, *scale),
        Type::Text => DataType::Utf8,
        Type::Bytes => DataType::Binary,
        Type::Date32 => DataType::Date32,
        Type::Date64 => DataType::Date64,
        Type::Time(digits, zoned) => DataType::Timestamp(unit(*digits), zoned.then(|| "Europe/Paris".into())),
        Type::Clock(digits @ (0 | 3)) => DataType::Time32(unit(*digits)),
        Type::Clock(digits) => DataType::Time64(unit(*digits)),
        Type::Elapsed(digits) => DataType::Duration(unit(*digits)),
        Type::Interval(Parts::Months) => DataType::Interval(IntervalUnit::YearMonth),
        Type::Interval(Parts::DaysAndMillis) => DataType::Interval(IntervalUnit::DayTime),
        Type::Interval(Parts::MonthsDaysAndNanos) => DataType::Interval(IntervalUnit::MonthDayNano),
        Type::Union(children) => {
            let types = children.iter().map(|(_, of)| data_type(of)).collect();
            DataType::Union(forms::union_fields(children, types), UnionMode::Sparse)
        }
        Type::Struct(of) => DataType::Struct(fields(of)),
        Type::List(item) => DataType::List(Arc::new(Field::new("item", data_type(item), true))),
        Type::Map(entry) => {
            let key = Field::new("key", data_type(&entry[0]), false);
            let value = Field::new("value", data_type(&entry[1]), true);
            let entries = DataType::Struct(vec![key, value].into());
            DataType::Map(Arc::new(Field::new("entries", entries, false)), false)
        }
    }
}

fn unit(digits: u32) -> TimeUnit {
    match digits {
        0 => TimeUnit::Second,
        3 => TimeUnit::Millisecond,
        6 => TimeUnit::Microsecond,
        _ => TimeUnit::Nanosecond,
    }
}

/// The rows of a case, cut into batches anywhere, each column of each batch in any form.
pub(crate) fn batches(case: &Case, draw: &mut Draw<'_>) -> Vec<RecordBatch> {
    let mut batches = Vec::new();
    let mut rest = &case.rows[..];
    while !rest.is_empty() {
        let (rows, after) = rest.split_at(rest.len().min(1 + draw.below(8)));
        batches.push(batch(case, rows, draw));
        rest = after;
    }
    batches
}

fn batch(case: &Case, rows: &[Vec<Value>], draw: &mut Draw<'_>) -> RecordBatch {
    let columns = case.fields.iter().enumerate().map(|(index, (_, of))| {
        let values: Vec<_> = rows.iter().map(|row| &row[index]).collect();
        array(of, &values, draw)
    });
    let columns: Vec<ArrayRef> = columns.collect();
    let fields = case.fields.iter().zip(&columns);
    let fields: Fields =
        fields.map(|((name, _), column)| Field::new(name, column.data_type().clone(), true)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).unwrap()
}

/// An array of any form of the type, perhaps a slice of a larger one.
pub(crate) fn array(of: &Type, values: &[&Value], draw: &mut Draw<'_>) -> ArrayRef {
    let (before, after) = (draw.below(3), draw.below(3));
    let around: Vec<_> = (0..before + after).map(|_| garbage(of, draw)).collect();
    let mut all: Vec<&Value> = around[..before].iter().collect();
    all.extend(values);
    all.extend(&around[before..]);
    let array = match draw.below(6) {
        3 => forms::runs(of, &all, draw),
        4 | 5 => forms::dictionary(of, &all, draw),
        _ => plain(of, &all, draw),
    };
    array.slice(before, values.len())
}

/// A value that may lie under a null: of the type, and such as must not be written.
pub(crate) fn garbage(of: &Type, draw: &mut Draw<'_>) -> Value {
    match of {
        Type::Float(_) => Value::Float(f64::NAN),
        Type::Date32 => Value::Int(i128::from(i32::MAX)),
        Type::Date64 | Type::Time(..) => Value::Int(i128::from(i64::MAX)),
        Type::Clock(_) => Value::Int(-1),
        Type::Union(children) => {
            let active = draw.below(children.len());
            Value::Union(active, Box::new(garbage(&children[active].1, draw)))
        }
        Type::Map(entry) => {
            let key = garbage(&entry[0], draw);
            Value::Map(vec![[key.clone(), Value::Null], [key, Value::Null]])
        }
        Type::List(item) => Value::List(vec![garbage(item, draw)]),
        Type::Struct(fields) => Value::Struct(fields.iter().map(|(_, of)| garbage(of, draw)).collect()),
        _ => draw_some(of, true, draw),
    }
}

fn nulls(values: &[&Value], draw: &mut Draw<'_>) -> Option<NullBuffer> {
    let valid: Vec<_> = values.iter().map(|value| **value != Value::Null).collect();
    (valid.contains(&false) || draw.one_in(2)).then(|| valid.into())
}

/// The values with garbage for nulls.
fn filled(of: &Type, values: &[&Value], draw: &mut Draw<'_>) -> Vec<Value> {
    let fill = |value: &&Value| if **value == Value::Null { garbage(of, draw) } else { (*value).clone() };
    values.iter().map(fill).collect()
}

/// An array of the type itself, or of another form of a string or list.
pub(crate) fn plain(of: &Type, values: &[&Value], draw: &mut Draw<'_>) -> ArrayRef {
    let nulls = nulls(values, draw);
    let full = filled(of, values, draw);
    match of {
        Type::Null => Arc::new(NullArray::new(values.len())),
        Type::Bool => {
            let bits: Vec<_> = full.iter().map(|value| *value == Value::Bool(true)).collect();
            Arc::new(BooleanArray::new(bits.into(), nulls))
        }
        Type::Int(..) | Type::Date32 | Type::Date64 | Type::Decimal(..) => integers(of, &full, nulls),
        Type::Time(..) | Type::Clock(_) | Type::Elapsed(_) => times(of, &full, nulls),
        Type::Interval(parts) => intervals(*parts, &full, nulls),
        Type::Float(bits) => floats(*bits, &full, nulls),
        Type::Text => {
            let texts = full.iter().map(|value| if let Value::Text(text) = value { text } else { "" });
            let (offsets, bytes, _) = StringArray::from_iter_values(texts).into_parts();
            let array = StringArray::new(offsets, bytes, nulls);
            cast(&array, &draw.pick(&[DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View])).unwrap()
        }
        Type::Bytes => bytes(&full, nulls, draw),
        Type::Struct(of) => {
            let children = of.iter().enumerate().map(|(index, (_, child))| {
                let values = full.iter().map(|value| {
                    if let Value::Struct(values) = value { &values[index] } else { &Value::Null }
                });
                array(child, &values.collect::<Vec<_>>(), draw)
            });
            let children: Vec<_> = children.collect();
            let fields = of.iter().zip(&children);
            let fields =
                fields.map(|((name, _), child)| Field::new(name, child.data_type().clone(), true)).collect();
            Arc::new(StructArray::try_new_with_length(fields, children, nulls, values.len()).unwrap())
        }
        Type::List(item) => list(item, &full, nulls, draw),
        Type::Map(entry) => map(entry, &full, nulls, draw),
        Type::Union(children) => forms::union(children, values, draw),
    }
}

fn primitives<T: ArrowPrimitiveType>(
    values: &[Value],
    nulls: Option<NullBuffer>,
    of: impl Fn(i128) -> T::Native,
) -> ArrayRef {
    let values = values.iter().map(|value| of(if let Value::Int(value) = value { *value } else { 0 }));
    Arc::new(PrimitiveArray::<T>::new(values.collect(), nulls))
}

fn integers(of: &Type, full: &[Value], nulls: Option<NullBuffer>) -> ArrayRef {
    let i32_of = |value| i32::try_from(value).unwrap();
    let i64_of = |value| i64::try_from(value).unwrap();
    let array = match of {
        Type::Int(8, true) => primitives::<Int8Type>(full, nulls, |value| i8::try_from(value).unwrap()),
        Type::Int(16, true) => primitives::<Int16Type>(full, nulls, |value| i16::try_from(value).unwrap()),
        Type::Int(32, true) => primitives::<Int32Type>(full, nulls, i32_of),
        Type::Int(_, true) => primitives::<Int64Type>(full, nulls, i64_of),
        Type::Int(8, false) => primitives::<UInt8Type>(full, nulls, |value| u8::try_from(value).unwrap()),
        Type::Int(16, false) => primitives::<UInt16Type>(full, nulls, |value| u16::try_from(value).unwrap()),
        Type::Int(32, false) => primitives::<UInt32Type>(full, nulls, |value| u32::try_from(value).unwrap()),
        Type::Int(..) => primitives::<UInt64Type>(full, nulls, |value| u64::try_from(value).unwrap()),
        Type::Date32 => primitives::<Date32Type>(full, nulls, i32_of),
        Type::Date64 => primitives::<Date64Type>(full, nulls, i64_of),
        Type::Decimal(32, _) => primitives::<Decimal32Type>(full, nulls, i32_of),
        Type::Decimal(64, _) => primitives::<Decimal64Type>(full, nulls, i64_of),
        Type::Decimal(128, _) => primitives::<Decimal128Type>(full, nulls, |value| value),
        _ => primitives::<Decimal256Type>(full, nulls, i256::from_i128),
    };
    renamed(of, &array)
}

fn times(of: &Type, full: &[Value], nulls: Option<NullBuffer>) -> ArrayRef {
    let i32_of = |value| i32::try_from(value).unwrap();
    let i64_of = |value| i64::try_from(value).unwrap();
    let array = match of {
        Type::Time(0, _) => primitives::<TimestampSecondType>(full, nulls, i64_of),
        Type::Time(3, _) => primitives::<TimestampMillisecondType>(full, nulls, i64_of),
        Type::Time(6, _) => primitives::<TimestampMicrosecondType>(full, nulls, i64_of),
        Type::Time(..) => primitives::<TimestampNanosecondType>(full, nulls, i64_of),
        Type::Clock(0) => primitives::<Time32SecondType>(full, nulls, i32_of),
        Type::Clock(3) => primitives::<Time32MillisecondType>(full, nulls, i32_of),
        Type::Clock(6) => primitives::<Time64MicrosecondType>(full, nulls, i64_of),
        Type::Clock(_) => primitives::<Time64NanosecondType>(full, nulls, i64_of),
        Type::Elapsed(0) => primitives::<DurationSecondType>(full, nulls, i64_of),
        Type::Elapsed(3) => primitives::<DurationMillisecondType>(full, nulls, i64_of),
        Type::Elapsed(6) => primitives::<DurationMicrosecondType>(full, nulls, i64_of),
        _ => primitives::<DurationNanosecondType>(full, nulls, i64_of),
    };
    renamed(of, &array)
}

/// The same values under their own type: a zone, and precision and scale, are another name for them.
fn renamed(of: &Type, array: &ArrayRef) -> ArrayRef {
    arrow::array::make_array(array.to_data().into_builder().data_type(data_type(of)).build().unwrap())
}

fn intervals(parts: Parts, full: &[Value], nulls: Option<NullBuffer>) -> ArrayRef {
    let values = full.iter().map(|value| {
        if let Value::Interval(months, days, units) = value { (*months, *days, *units) } else { (0, 0, 0) }
    });
    match parts {
        Parts::Months => {
            let values = values.map(|(months, ..)| months).collect();
            Arc::new(PrimitiveArray::<IntervalYearMonthType>::new(values, nulls))
        }
        Parts::DaysAndMillis => {
            let values = values.map(|(_, days, millis)| IntervalDayTime {
                days,
                milliseconds: i32::try_from(millis).unwrap(),
            });
            Arc::new(PrimitiveArray::<IntervalDayTimeType>::new(values.collect(), nulls))
        }
        Parts::MonthsDaysAndNanos => {
            let values = values
                .map(|(months, days, nanoseconds)| IntervalMonthDayNano { months, days, nanoseconds })
                .collect();
            Arc::new(PrimitiveArray::<IntervalMonthDayNanoType>::new(values, nulls))
        }
    }
}

fn floats(bits: u8, full: &[Value], nulls: Option<NullBuffer>) -> ArrayRef {
    let values = full.iter().map(|value| if let Value::Float(value) = value { *value } else { 0.0 });
    if bits == 64 {
        return Arc::new(PrimitiveArray::<Float64Type>::new(values.collect(), nulls));
    }
    #[expect(clippy::cast_possible_truncation, reason = "drawn to be exact")]
    let single = PrimitiveArray::<Float32Type>::new(values.map(|value| value as f32).collect(), nulls);
    cast(&single, &if bits == 16 { DataType::Float16 } else { DataType::Float32 }).unwrap()
}

fn bytes(full: &[Value], nulls: Option<NullBuffer>, draw: &mut Draw<'_>) -> ArrayRef {
    let values = full.iter().map(|value| if let Value::Bytes(bytes) = value { &bytes[..] } else { &[] });
    let lengths: Vec<_> = values.clone().map(<[u8]>::len).collect();
    let (offsets, data, _) = BinaryArray::from_iter_values(values).into_parts();
    let array = BinaryArray::new(offsets, data, nulls);
    let mut forms = vec![DataType::Binary, DataType::LargeBinary, DataType::BinaryView];
    if let [first, rest @ ..] = &lengths[..]
        && *first > 0
        && rest.iter().all(|len| len == first)
    {
        forms.push(DataType::FixedSizeBinary(i32::try_from(*first).unwrap()));
    }
    cast(&array, &draw.pick(&forms)).unwrap()
}

fn list(item: &Type, full: &[Value], nulls: Option<NullBuffer>, draw: &mut Draw<'_>) -> ArrayRef {
    let rows = full.iter().map(|value| if let Value::List(items) = value { &items[..] } else { &[] });
    let lengths: Vec<_> = rows.clone().map(<[Value]>::len).collect();
    let items = array(item, &rows.flatten().collect::<Vec<_>>(), draw);
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    if let [first, rest @ ..] = &lengths[..]
        && rest.iter().all(|len| len == first)
        && draw.one_in(2)
    {
        let size = i32::try_from(*first).unwrap();
        return Arc::new(
            FixedSizeListArray::try_new_with_length(field, size, items, nulls, full.len()).unwrap(),
        );
    }
    let offsets = OffsetBuffer::<i32>::from_lengths(lengths.iter().copied());
    let plain =
        GenericListArray::try_new(Arc::clone(&field), offsets, Arc::clone(&items), nulls.clone()).unwrap();
    match draw.below(3) {
        0 => Arc::new(plain),
        1 => {
            let offsets = OffsetBuffer::<i64>::from_lengths(lengths);
            Arc::new(GenericListArray::try_new(field, offsets, items, nulls).unwrap())
        }
        _ => cast(&plain, &DataType::ListView(field)).unwrap(),
    }
}

fn map(entry: &[Type; 2], full: &[Value], nulls: Option<NullBuffer>, draw: &mut Draw<'_>) -> ArrayRef {
    let rows = full.iter().map(|value| if let Value::Map(entries) = value { &entries[..] } else { &[] });
    let offsets = OffsetBuffer::<i32>::from_lengths(rows.clone().map(<[_]>::len));
    let side = |side: usize| rows.clone().flatten().map(move |entry| &entry[side]).collect::<Vec<_>>();
    let keys = array(&entry[0], &side(0), draw);
    let values = array(&entry[1], &side(1), draw);
    let fields: Fields = vec![
        Field::new("key", keys.data_type().clone(), false),
        Field::new("value", values.data_type().clone(), true),
    ]
    .into();
    let entries = StructArray::try_new(fields.clone(), vec![keys, values], None).unwrap();
    let field = Arc::new(Field::new("entries", DataType::Struct(fields), false));
    Arc::new(MapArray::try_new(field, offsets, entries, nulls, false).unwrap())
}
