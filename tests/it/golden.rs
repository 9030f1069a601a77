//! The exact bytes of each format, one file each in `testdata/golden`.
//!
//! `UPDATE_GOLDEN=1 cargo test golden` writes the files anew; the diff then shows what changes for readers.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal32Array, Decimal64Array,
    Decimal128Array, Decimal256Array, DictionaryArray, FixedSizeBinaryArray, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, LargeStringArray, ListArray, MapArray, NullArray,
    RecordBatch, StringArray, StringViewArray, StructArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt8Array, UInt16Array,
    UInt32Array, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Int8Type, Int32Type, i256};
use segment_export::encode::{PartIndex, encoder_for};
use segment_export::{Format, NonFinite, Settings, WideNumbers};

/// Compares bytes with a golden file, or writes it.
pub(crate) fn check(name: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/golden").join(name);
    #[expect(clippy::disallowed_methods, reason = "the one command that writes golden files anew")]
    if std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    let golden = fs::read(&path).unwrap();
    let (golden, bytes) = (String::from_utf8_lossy(&golden), String::from_utf8_lossy(bytes));
    for (line, (golden, bytes)) in golden.lines().zip(bytes.lines()).enumerate() {
        assert_eq!(bytes, golden, "{name}:{}", line + 1);
    }
    assert_eq!(bytes, golden, "{name}");
}

fn array<A: arrow::array::Array + 'static>(array: A) -> ArrayRef {
    Arc::new(array)
}

/// Four rows: plain, odd, extreme, null.
fn numbers() -> Vec<(&'static str, ArrayRef)> {
    let half =
        cast(&Float32Array::from(vec![Some(1.5), Some(-0.0), Some(65504.0), None]), &DataType::Float16);
    vec![
        ("null", array(NullArray::new(4))),
        ("bool", array(BooleanArray::from(vec![Some(true), Some(false), Some(true), None]))),
        ("int8", array(Int8Array::from(vec![Some(1), Some(0), Some(i8::MIN), None]))),
        ("int16", array(Int16Array::from(vec![Some(1), Some(-1), Some(i16::MIN), None]))),
        ("int32", array(Int32Array::from(vec![Some(1), Some(-1), Some(i32::MIN), None]))),
        ("int64", array(Int64Array::from(vec![Some(1), Some(-1), Some(i64::MIN), None]))),
        ("uint8", array(UInt8Array::from(vec![Some(1), Some(0), Some(u8::MAX), None]))),
        ("uint16", array(UInt16Array::from(vec![Some(1), Some(0), Some(u16::MAX), None]))),
        ("uint32", array(UInt32Array::from(vec![Some(1), Some(0), Some(u32::MAX), None]))),
        ("uint64", array(UInt64Array::from(vec![Some(1), Some(0), Some(u64::MAX), None]))),
        ("float16", half.unwrap()),
        ("float32", array(Float32Array::from(vec![Some(0.1), Some(-0.0), Some(f32::MAX), None]))),
        ("float64", array(Float64Array::from(vec![Some(0.1), Some(1e16), Some(f64::MIN_POSITIVE), None]))),
        (
            "decimal32",
            array(decimal(Decimal32Array::from(vec![Some(150), Some(-5), Some(999_999_999), None]))),
        ),
        ("decimal64", array(decimal(Decimal64Array::from(vec![Some(150), Some(-5), Some(i64::MAX), None])))),
        (
            "decimal128",
            array(decimal(Decimal128Array::from(vec![Some(150), Some(0), Some(i128::MAX), None]))),
        ),
        (
            "decimal256",
            array(decimal(Decimal256Array::from(vec![
                Some(i256::ONE),
                Some(i256::ZERO),
                Some(i256::MIN),
                None,
            ]))),
        ),
    ]
}

/// A decimal with two digits after the point, whatever it was.
fn decimal<T: arrow::datatypes::DecimalType>(
    array: arrow::array::PrimitiveArray<T>,
) -> arrow::array::PrimitiveArray<T> {
    array.with_precision_and_scale(T::MAX_PRECISION, 2).unwrap()
}

fn texts() -> Vec<(&'static str, ArrayRef)> {
    let texts = || vec![Some("plain"), Some(""), Some("a,b \"c\"\r\n\\ \u{1} \u{2028} 😀 and more"), None];
    let keys = Int8Array::from(vec![Some(1), Some(0), Some(1), None]);
    let entries = Arc::new(StringArray::from(vec!["#1", "entry"]));
    let fixed = [Some([0_u8, 1]), Some([0xfb, 0xff]), Some([0, 0]), None];
    vec![
        ("utf8", array(StringArray::from(texts()))),
        ("large, utf8", array(LargeStringArray::from(texts()))),
        ("utf8 \"view\"", array(StringViewArray::from(texts()))),
        ("dictionary", array(DictionaryArray::<Int8Type>::new(keys, entries))),
        (
            "binary",
            array(BinaryArray::from_opt_vec(vec![Some(b"bytes"), Some(b""), Some(b"\xff\xfe\xfd"), None])),
        ),
        ("fixed", array(FixedSizeBinaryArray::try_from_sparse_iter_with_size(fixed.into_iter(), 2).unwrap())),
    ]
}

fn times() -> Vec<(&'static str, ArrayRef)> {
    let values = || vec![Some(1), Some(-1), Some(1_709_210_096), None];
    vec![
        ("date32", array(Date32Array::from(vec![Some(0), Some(-1), Some(2_932_896), None]))),
        (
            "date64",
            array(Date64Array::from(vec![Some(0), Some(-86_400_000), Some(-62_167_219_200_000), None])),
        ),
        ("seconds", array(TimestampSecondArray::from(values()))),
        ("millis", array(TimestampMillisecondArray::from(values()).with_timezone("UTC"))),
        ("micros", array(TimestampMicrosecondArray::from(values()))),
        ("nanos", array(TimestampNanosecondArray::from(values()).with_timezone("Asia/Tokyo"))),
    ]
}

fn nested() -> Vec<(&'static str, ArrayRef)> {
    let fields: Fields = vec![
        Field::new("City", DataType::Utf8, true),
        Field::new("Codes", DataType::new_list(DataType::Int32, true), true),
    ]
    .into();
    let cities = StringArray::from(vec![Some("Köln"), None, Some("St. \"X\""), Some("hidden")]);
    let codes = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
        Some(vec![Some(1), None, Some(3)]),
        Some(vec![]),
        None,
        Some(vec![Some(4)]),
    ]);
    let valid = Some(vec![true, true, true, false].into());
    let address = StructArray::new(fields, vec![array(cities), array(codes)], valid);
    let addresses = ListArray::new(
        Arc::new(Field::new("item", DataType::Struct(address.fields().clone()), true)),
        OffsetBuffer::from_lengths([2, 0, 2, 0]),
        array(address.clone()),
        Some(vec![true, true, true, false].into()),
    );
    vec![("Address", array(address)), ("Addresses", array(addresses)), ("Attributes", attributes())]
}

fn attributes() -> ArrayRef {
    let fields: Fields =
        vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Float64, true)].into();
    let keys = StringArray::from(vec!["tier", "a \"key\"", "x"]);
    let values = Float64Array::from(vec![Some(1.0), None, Some(2.5)]);
    let entries = StructArray::new(fields.clone(), vec![array(keys), array(values)], None);
    let field = Arc::new(Field::new("entries", DataType::Struct(fields), false));
    let valid = Some(vec![true, true, true, false].into());
    array(MapArray::new(field, OffsetBuffer::from_lengths([2, 0, 1, 0]), entries, valid, false))
}

fn encoded(format: Format, columns: Vec<(&str, ArrayRef)>, settings: &Settings) -> Vec<u8> {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let encoder = encoder_for(format, &batch.schema(), settings).unwrap();
    let chunk = encoder.chunk(&[batch], 0).unwrap();
    [encoder.head(PartIndex(0)).unwrap(), chunk.bytes, encoder.tail(&[]).unwrap()].concat()
}

fn every_type() -> Vec<(&'static str, ArrayRef)> {
    [numbers(), texts(), times(), nested()].concat()
}

/// Floats that are not finite, which JSON only takes by setting.
fn with_words() -> Vec<(&'static str, ArrayRef)> {
    let words = Float64Array::from(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.0]);
    let mut columns = every_type();
    columns.push(("words", array(words)));
    columns
}

#[test]
fn golden_csv_of_every_type() {
    check("types.csv", &encoded(Format::Csv, with_words(), &Settings::default()));
}

#[test]
fn golden_jsonl_of_every_type() {
    check("types.jsonl", &encoded(Format::Jsonl, every_type(), &Settings::default()));
}

#[test]
fn golden_jsonl_of_every_type_with_nulls_and_wide_numbers_as_strings() {
    let mut settings = Settings::default();
    settings.jsonl.explicit_nulls = true;
    settings.jsonl.non_finite = NonFinite::Null;
    settings.jsonl.wide_numbers = WideNumbers::String;
    check("types_explicit.jsonl", &encoded(Format::Jsonl, with_words(), &settings));
}

#[test]
fn golden_csv_of_one_column() {
    let column = texts().swap_remove(0);
    check("one_column.csv", &encoded(Format::Csv, vec![column], &Settings::default()));
}
