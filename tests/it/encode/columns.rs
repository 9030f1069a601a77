//! Which columns CSV has by its settings: chosen keys of maps, names that differ.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, DictionaryArray, Int32Array, MapArray, RecordBatch, RunArray, StringArray, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields, Int32Type};
use segment_export::encode::{PartIndex, encoder_for};
use segment_export::{Format, Settings};

use super::{batch, refused, schema, text};

/// Rows `{tier: values[0], x: values[1]}`, `{}`, `{x: values[2], other: values[3], tier: values[4]}` and null.
fn attributes(keys: ArrayRef, values: ArrayRef) -> ArrayRef {
    let fields: Fields = vec![
        Field::new("key", keys.data_type().clone(), false),
        Field::new("value", values.data_type().clone(), true),
    ]
    .into();
    let entries = StructArray::new(fields.clone(), vec![keys, values], None);
    let field = Arc::new(Field::new("entries", DataType::Struct(fields), false));
    let nulls = NullBuffer::from(vec![true, true, true, false]);
    Arc::new(MapArray::new(field, OffsetBuffer::from_lengths([2, 0, 3, 2]), entries, Some(nulls), false))
}

/// The last row is null: a key stands twice under it.
fn keys() -> ArrayRef {
    Arc::new(StringArray::from(vec!["tier", "x", "x", "other", "tier", "tier", "tier"]))
}

fn values() -> ArrayRef {
    let values = [Some("gold"), None, Some("a,b"), Some("z"), Some(""), Some("hidden"), Some("hidden")];
    Arc::new(StringArray::from_iter(values))
}

fn choosing(map: &str, keys: &[&str]) -> Settings {
    let mut settings = Settings::default();
    settings.csv.map_columns.insert(map.to_owned(), keys.iter().map(|&key| key.to_owned()).collect());
    settings
}

fn csv(settings: &Settings, rows: &RecordBatch) -> Result<String, String> {
    let encoder = encoder_for(Format::Csv, &rows.schema(), settings).unwrap();
    let head = String::from_utf8(encoder.head(PartIndex(0)).unwrap().to_vec()).unwrap();
    let whole = text(&*encoder, std::slice::from_ref(rows), 0)?;
    let single: String =
        (0..rows.num_rows()).map(|row| text(&*encoder, &[rows.slice(row, 1)], row as u64).unwrap()).collect();
    assert_eq!(whole, single);
    Ok(head + &whole)
}

#[test]
fn chosen_keys_of_a_map_are_columns_in_every_form() {
    let dictionary = |array: ArrayRef| -> ArrayRef {
        let rows = i32::try_from(array.len()).unwrap();
        Arc::new(DictionaryArray::new(Int32Array::from_iter_values(0..rows), array))
    };
    let runs = |array: ArrayRef| -> ArrayRef {
        let ends = Int32Array::from_iter_values(1..=i32::try_from(array.len()).unwrap());
        Arc::new(RunArray::<Int32Type>::try_new(&ends, &array).unwrap())
    };
    let plain = attributes(keys(), values());
    let maps = [
        Arc::clone(&plain),
        attributes(dictionary(keys()), runs(values())),
        attributes(runs(keys()), dictionary(values())),
        dictionary(Arc::clone(&plain)),
        runs(plain),
    ];
    let settings = choosing("Attributes", &["x", "tier", "none"]);
    for map in maps {
        let ids: ArrayRef = Arc::new(Int32Array::from(vec![0, 1, 2, 3]));
        let rows = batch(vec![("id", Arc::clone(&ids)), ("Attributes", map), ("last", ids)]);
        let expected = "id,Attributes.x,Attributes.tier,Attributes.none,last\n\
            0,,gold,,0\n1,,,,1\n2,\"a,b\",\"\",,2\n3,,,,3\n";
        assert_eq!(csv(&settings, &rows).unwrap(), expected);
    }
}

#[test]
fn a_lone_key_of_a_map_leaves_no_empty_line() {
    let rows = batch(vec![("m", attributes(keys(), values()))]);
    assert_eq!(csv(&choosing("m", &["tier"]), &rows).unwrap(), "m.tier\ngold\nNULL\n\"\"\nNULL\n");
}

#[test]
fn values_with_parts_are_flattened_below_their_key() {
    let fields: Fields = vec![Field::new("City", DataType::Utf8, true)].into();
    let homes: ArrayRef = Arc::new(StructArray::new(fields, vec![values()], None));
    let map = attributes(keys(), homes);
    let fields: Fields = vec![Field::new("Homes", map.data_type().clone(), true)].into();
    let people: ArrayRef = Arc::new(StructArray::new(fields, vec![map], None));
    let rows = batch(vec![("P", people)]);
    let mut settings = choosing("P_Homes", &["x", "tier"]);
    settings.csv.flatten_separator = "_".to_owned();
    let expected = "P_Homes_x_City,P_Homes_tier_City\n,gold\n,\n\"a,b\",\"\"\n,\n";
    assert_eq!(csv(&settings, &rows).unwrap(), expected);
}

#[test]
fn a_chosen_key_twice_is_an_error_that_names_column_and_row() {
    let keys: ArrayRef = Arc::new(StringArray::from(vec!["tier", "x", "x", "other", "x", "y", "y"]));
    let rows = batch(vec![("m", attributes(keys, values()))]);
    let encoder = encoder_for(Format::Csv, &rows.schema(), &choosing("m", &["x"])).unwrap();
    let error = text(&*encoder, &[rows.slice(0, 1), rows.slice(1, 3)], 40).unwrap_err();
    assert_eq!(error, "a map holds a key twice: column=`m` row=42");
    assert!(csv(&choosing("m", &["tier"]), &rows).is_ok());
}

#[test]
fn map_columns_that_fit_no_map_are_refused() {
    let rows =
        batch(vec![("m", attributes(keys(), values())), ("n", Arc::new(Int32Array::from(vec![1; 4])))]);
    let refused = |map: &str, keys: &[&str]| refused(Format::Csv, &rows.schema(), &choosing(map, keys));
    assert_eq!(refused("o", &["x"]), "setting `csv.map_columns` names no column: column=`o`");
    let rule = "setting `csv.map_columns` must list keys of a map whose keys are texts";
    assert_eq!(refused("n", &["x"]), format!("{rule}: column=`n`"));
    assert_eq!(refused("m", &[]), format!("{rule}: column=`m`"));
    assert_eq!(refused("m", &["x", "x"]), "two columns have one name: first=`m`.`x` second=`m`.`x`");
}

#[test]
fn names_that_differ_in_case_clash_by_setting() {
    let city = |name: &str| Field::new(name, DataType::Utf8, true);
    let address = Field::new("ADDRESS", DataType::Struct(vec![city("City")].into()), true);
    let both = schema(vec![city("Address.CITY"), address]);
    let mut settings = Settings::default();
    assert!(encoder_for(Format::Csv, &both, &settings).is_ok());
    settings.csv.case_insensitive_names = true;
    assert_eq!(
        refused(Format::Csv, &both, &settings),
        "two columns have one name: first=`Address.CITY` second=`ADDRESS`.`City`"
    );
    let umlauts = schema(vec![city("Größe"), city("GRÖßE")]);
    assert!(refused(Format::Csv, &umlauts, &settings).contains("second=`GRÖßE`"));
}
