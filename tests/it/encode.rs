//! The text encoders against the oracle, and what they promise beyond it.

pub(crate) mod arrays;
mod columns;
mod forms;
pub(crate) mod model;
mod oracle;
mod readback;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Date64Array, DictionaryArray, FixedSizeBinaryArray, FixedSizeListArray, Float64Array,
    Int32Array, Int64Array, ListViewArray, MapArray, RecordBatch, StringArray, StructArray,
    TimestampSecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, UnionFields, UnionMode};
use proptest::prelude::*;
use segment_export::encode::{Encoder, PartIndex, encoder_for};
use segment_export::{ErrorKind, Format, Settings};

use self::model::{Case, Draw};

fn text(encoder: &dyn Encoder, batches: &[RecordBatch], first_row: u64) -> Result<String, String> {
    let written = encoder.chunk(batches, first_row).map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        error.to_string()
    })?;
    let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
    assert_eq!(written.rows, rows);
    Ok(String::from_utf8(written.bytes.to_vec()).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_encoders_say_what_the_oracle_says(
        what in prop::collection::vec(any::<u8>(), 0..600),
        form in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        const FIRST_ROW: usize = 1_000;
        let case = Case::draw(&mut Draw(&what));
        let mut draw = Draw(&form);
        let batches = arrays::batches(&case, &mut draw);
        let again = arrays::batches(&case, &mut draw);
        let schema = arrays::schema(&case);

        let jsonl = encoder_for(Format::Jsonl, &schema, &arrays::settings(&case)).unwrap();
        let written = text(&*jsonl, &batches, FIRST_ROW as u64);
        prop_assert_eq!(&written, &oracle::jsonl(&case, FIRST_ROW));
        prop_assert_eq!(&written, &text(&*jsonl, &again, FIRST_ROW as u64));
        if let Ok(text) = &written {
            readback::check_jsonl(&case, text.as_bytes());
        }

        let csv = encoder_for(Format::Csv, &schema, &arrays::settings(&case)).unwrap();
        prop_assert_eq!(csv.head(PartIndex(3)).unwrap(), oracle::csv_header(&case));
        let written = text(&*csv, &batches, FIRST_ROW as u64);
        prop_assert_eq!(&written, &oracle::csv(&case, FIRST_ROW));
        prop_assert_eq!(&written, &text(&*csv, &again, FIRST_ROW as u64));
        if let Ok(text) = &written {
            readback::check_csv(&case, (oracle::csv_header(&case) + text).as_bytes());
        }
    }
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .unwrap()
}

fn schema(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

fn written(format: Format, batch: &RecordBatch) -> Result<String, String> {
    text(
        &*encoder_for(format, &batch.schema(), &Settings::default()).unwrap(),
        std::slice::from_ref(batch),
        0,
    )
}

fn refused(format: Format, schema: &SchemaRef, settings: &Settings) -> String {
    let error = encoder_for(format, schema, settings).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    error.to_string()
}

#[test]
fn a_lone_null_is_no_empty_line_and_no_empty_string() {
    let texts: ArrayRef =
        Arc::new(StringArray::from(vec![Some("x"), None, Some(""), Some("NULL"), Some("Null")]));
    assert_eq!(written(Format::Csv, &batch(vec![("a", texts)])).unwrap(), "x\nNULL\n\"\"\n\"NULL\"\nNull\n");
    let ints: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
    assert_eq!(written(Format::Csv, &batch(vec![("a", ints)])).unwrap(), "1\n\"\"\n");
    let bytes = FixedSizeBinaryArray::try_from_iter([[0x35, 0x42, 0xcb]].iter()).unwrap();
    assert_eq!(written(Format::Csv, &batch(vec![("a", Arc::new(bytes))])).unwrap(), "\"NULL\"\n");
}

#[test]
fn many_rows_are_written_like_few() {
    let texts = |step: usize| (0..3_000).map(move |row| (row % step != 0).then(|| "x,\"".repeat(row % 50)));
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..3_000));
    let columns = [3, 5].map(|step| Arc::new(texts(step).collect::<StringArray>()) as ArrayRef);
    let rows = batch(vec![("id", ids), ("a", Arc::clone(&columns[0])), ("b", Arc::clone(&columns[1]))]);
    for format in [Format::Csv, Format::Jsonl] {
        let encoder = encoder_for(format, &rows.schema(), &Settings::default()).unwrap();
        let whole = text(&*encoder, std::slice::from_ref(&rows), 0).unwrap();
        let single: String = (0..rows.num_rows())
            .map(|row| text(&*encoder, &[rows.slice(row, 1)], row as u64).unwrap())
            .collect();
        assert!(whole == single, "{format}");
    }
}

#[test]
fn a_dictionary_that_many_batches_share_is_written_like_its_values() {
    let entries: StringArray = (0..500).map(|entry| Some(format!("{entry},\"é\""))).collect();
    let other: StringArray = (0..500).map(|entry| Some(format!("other {entry}"))).collect();
    let keys = |from: i32| (0..60).map(move |row| (row % 7 != 0).then_some((from + 31 * row) % 500));
    let of = |entries: &StringArray, from: i32| -> ArrayRef {
        // New arrays over the same buffers, as a reader of files makes them.
        Arc::new(DictionaryArray::new(keys(from).collect::<Int32Array>(), Arc::new(entries.clone())))
    };
    let batches: Vec<_> = (0..40).map(|n| of(if n % 13 == 5 { &other } else { &entries }, n)).collect();
    for format in [Format::Csv, Format::Jsonl] {
        let schema =
            schema(vec![Field::new("n", DataType::Int32, true), Field::new("a", DataType::Utf8, true)]);
        let encoder = encoder_for(format, &schema, &Settings::default()).unwrap();
        for packed in &batches {
            let ids: ArrayRef = Arc::new(Int32Array::from_iter_values(0..60));
            let plain = cast(packed, &DataType::Utf8).unwrap();
            let [packed, plain] =
                [packed, &plain].map(|array| batch(vec![("n", Arc::clone(&ids)), ("a", Arc::clone(array))]));
            assert_eq!(text(&*encoder, &[packed], 0).unwrap(), written(format, &plain).unwrap());
        }
    }
}

#[test]
fn an_error_names_the_first_row_whatever_the_column() {
    let nan = |at: usize| -> ArrayRef {
        Arc::new((0..1_000).map(|row| Some(if row == at { f64::NAN } else { 1.0 })).collect::<Float64Array>())
    };
    let rows = batch(vec![("late", nan(701)), ("early", nan(700)), ("same", nan(700))]);
    let encoder = encoder_for(Format::Jsonl, &rows.schema(), &Settings::default()).unwrap();
    for cut in [1, 700, 701, 999] {
        let batches = [rows.slice(0, cut), rows.slice(cut, 1_000 - cut)];
        let error = encoder.chunk(&batches, 5_000_000_000).unwrap_err();
        assert_eq!(
            error.to_string(),
            "JSON cannot hold a number that is not finite: column=`early` row=5000000700"
        );
    }
}

#[test]
fn a_key_twice_before_a_bad_value_is_reported_first() {
    let keys = StringArray::from(vec!["a", "a", "b"]);
    let values = Float64Array::from(vec![1.0, 1.0, f64::INFINITY]);
    let fields: Fields =
        vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Float64, true)].into();
    let entries = StructArray::new(fields.clone(), vec![Arc::new(keys), Arc::new(values)], None);
    let field = Arc::new(Field::new("entries", DataType::Struct(fields), false));
    let map = |lengths: [usize; 2]| -> ArrayRef {
        let offsets = OffsetBuffer::from_lengths(lengths);
        Arc::new(MapArray::new(Arc::clone(&field), offsets, entries.clone(), None, false))
    };
    let error = written(Format::Jsonl, &batch(vec![("m", map([2, 1]))])).unwrap_err();
    assert_eq!(error, "a map holds a key twice: column=`m` row=0");
    let error = written(Format::Csv, &batch(vec![("m", map([1, 2]))])).unwrap_err();
    assert_eq!(error, "JSON cannot hold a number that is not finite: column=`m.values` row=1");
}

#[test]
fn times_that_have_no_text_are_errors_in_every_format() {
    for format in [Format::Csv, Format::Jsonl] {
        let times: ArrayRef = Arc::new(TimestampSecondArray::from(vec![Some(0), None, Some(i64::MAX)]));
        let error = written(format, &batch(vec![("t", times)])).unwrap_err();
        assert_eq!(error, "a time lies outside the years 0000 to 9999: column=`t` row=2");
        let dates: ArrayRef = Arc::new(Date64Array::from(vec![86_400_001]));
        let error = written(format, &batch(vec![("d", dates)])).unwrap_err();
        assert_eq!(error, "a date holds a time of day: column=`d` row=0");
    }
}

#[test]
fn a_type_without_a_form_is_refused_with_its_path() {
    // A key of JSON is a text: that of a value without parts.
    let key = Field::new("key", DataType::new_list(DataType::Utf8, true), false);
    let value = Field::new("value", DataType::Utf8, true);
    let entries = Field::new("entries", DataType::Struct(vec![key, value].into()), false);
    let inner = Field::new("Hours", DataType::Map(Arc::new(entries), false), true);
    let nested = schema(vec![Field::new("Shop", DataType::Struct(vec![inner].into()), true)]);
    let nothing = DataType::Union(UnionFields::empty(), UnionMode::Sparse);
    for (format, name) in [(Format::Csv, "CSV"), (Format::Jsonl, "JSONL")] {
        let error = refused(format, &nested, &Settings::default());
        assert_eq!(
            error,
            format!("{name} cannot hold the type of this column: column=`Shop.Hours.key` type=`List(Utf8)`")
        );
        let flat = schema(vec![Field::new("u", nothing.clone(), true)]);
        assert!(refused(format, &flat, &Settings::default()).contains("column=`u` type=`Union"));
    }
}

#[test]
fn two_columns_of_one_name_are_refused_and_both_are_named() {
    let city = |name: &str| Field::new(name, DataType::Utf8, true);
    let address = Field::new("Address", DataType::Struct(vec![city("City")].into()), true);
    let clash = schema(vec![city("Address.City"), address.clone()]);
    assert_eq!(
        refused(Format::Csv, &clash, &Settings::default()),
        "two columns have one name: first=`Address.City` second=`Address`.`City`"
    );
    assert!(encoder_for(Format::Jsonl, &clash, &Settings::default()).is_ok());

    let mut settings = Settings::default();
    settings.csv.flatten_separator = "_".to_owned();
    let encoder = encoder_for(Format::Csv, &clash, &settings).unwrap();
    assert_eq!(encoder.head(PartIndex(0)).unwrap(), "Address.City,Address_City\n");

    let twice = schema(vec![city("a"), city("b"), city("a")]);
    for format in [Format::Csv, Format::Jsonl] {
        let error = refused(format, &twice, &settings);
        assert_eq!(error, "two columns have one name: first=`a` second=`a`");
    }
    let inside = Field::new("s", DataType::Struct(vec![city("x"), city("x")].into()), true);
    let error = refused(Format::Jsonl, &schema(vec![inside]), &settings);
    assert_eq!(error, "two columns have one name: first=`s.x` second=`s.x`");
}

#[test]
fn csv_without_a_column_is_refused() {
    let error = refused(Format::Csv, &schema(vec![]), &Settings::default());
    assert_eq!(error, "setting `columns` must leave at least one column for CSV");
}

#[test]
fn a_batch_of_another_shape_is_refused() {
    let ints = || -> ArrayRef { Arc::new(Int64Array::from(vec![1])) };
    let texts = || -> ArrayRef { Arc::new(StringArray::from(vec!["x"])) };
    let expected = batch(vec![("a", ints()), ("b", texts())]);
    for format in [Format::Csv, Format::Jsonl] {
        let encoder = encoder_for(format, &expected.schema(), &Settings::default()).unwrap();
        for (columns, column) in [
            (vec![("a", texts()), ("b", texts())], "a"),
            (vec![("a", ints()), ("c", texts())], "b"),
            (vec![("a", ints())], "b"),
            (vec![("a", ints()), ("b", texts()), ("c", texts())], "c"),
        ] {
            let error = text(&*encoder, &[batch(columns)], 0).unwrap_err();
            let column = if error.contains("`c`") { "c" } else { column };
            assert_eq!(error, format!("a batch does not fit the schema of the source: column=`{column}`"));
        }
        let fields: Fields = vec![Field::new("x", DataType::Utf8, true)].into();
        let struct_of = |name: &str| -> ArrayRef {
            let fields: Fields = vec![Field::new(name, DataType::Utf8, true)].into();
            Arc::new(StructArray::new(fields, vec![texts()], None))
        };
        let planned = schema(vec![Field::new("s", DataType::Struct(fields), true)]);
        let encoder = encoder_for(format, &planned, &Settings::default()).unwrap();
        assert!(text(&*encoder, &[batch(vec![("s", struct_of("x"))])], 0).is_ok());
        let error = text(&*encoder, &[batch(vec![("s", struct_of("y"))])], 0).unwrap_err();
        assert_eq!(error, "a batch does not fit the schema of the source: column=`s`");
    }
}

#[test]
fn a_row_of_nulls_is_an_empty_object() {
    let nothing: ArrayRef = Arc::new(Int64Array::from(vec![None]));
    let rows = batch(vec![("a", Arc::clone(&nothing)), ("b", nothing)]);
    assert_eq!(written(Format::Jsonl, &rows).unwrap(), "{}\n");
    assert_eq!(written(Format::Csv, &rows).unwrap(), ",\n");
    let mut settings = Settings::default();
    settings.jsonl.explicit_nulls = true;
    let encoder = encoder_for(Format::Jsonl, &rows.schema(), &settings).unwrap();
    assert_eq!(text(&*encoder, &[rows], 0).unwrap(), "{\"a\":null,\"b\":null}\n");
}

#[test]
fn no_rows_are_no_bytes_and_the_header_is_in_every_part() {
    let rows = batch(vec![
        ("a b", Arc::new(StringArray::from(vec!["x"]))),
        ("c,d", Arc::new(Int64Array::from(vec![1]))),
    ]);
    let csv = encoder_for(Format::Csv, &rows.schema(), &Settings::default()).unwrap();
    assert_eq!(csv.head(PartIndex(0)).unwrap(), "a b,\"c,d\"\n");
    assert_eq!(csv.head(PartIndex(7)).unwrap(), csv.head(PartIndex(0)).unwrap());
    let jsonl = encoder_for(Format::Jsonl, &rows.schema(), &Settings::default()).unwrap();
    assert_eq!(jsonl.head(PartIndex(0)).unwrap(), "");
    for encoder in [csv, jsonl] {
        assert_eq!(text(&*encoder, &[], 0).unwrap(), "");
        assert_eq!(text(&*encoder, &[RecordBatch::new_empty(rows.schema())], 0).unwrap(), "");
        assert_eq!(encoder.tail(&[]).unwrap(), "");
    }
}

#[test]
fn a_name_that_begins_with_a_byte_order_mark_does_not_begin_the_file() {
    let rows = batch(vec![("\u{feff}a", Arc::new(Int64Array::from(vec![1])))]);
    let csv = encoder_for(Format::Csv, &rows.schema(), &Settings::default()).unwrap();
    assert_eq!(csv.head(PartIndex(0)).unwrap(), "\"\u{feff}a\"\n");
}

#[test]
fn views_of_lists_of_no_items_are_written() {
    let field = Arc::new(Field::new_list_field(DataType::Int32, true));
    let (items, nulls) = (Arc::new(Int32Array::new_null(0)), NullBuffer::new_valid(3));
    let empty = FixedSizeListArray::try_new(field, 0, items, Some(nulls)).unwrap();
    let item = Arc::new(Field::new_list_field(empty.data_type().clone(), true));
    let views =
        ListViewArray::try_new(item, vec![0, 0].into(), vec![3, 0].into(), Arc::new(empty), None).unwrap();
    let batch = RecordBatch::try_from_iter([("a", Arc::new(views) as ArrayRef)]).unwrap();
    let encoder = encoder_for(Format::Jsonl, &batch.schema(), &Settings::default()).unwrap();
    assert_eq!(text(&*encoder, &[batch], 0).unwrap(), "{\"a\":[[],[],[]]}\n{\"a\":[]}\n");
}
