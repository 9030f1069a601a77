//! Every Arrow type in every format: the bytes of each in `testdata/golden/matrix`, in every physical form.
//!
//! `UPDATE_GOLDEN=1 cargo test matrix` writes the files anew.

mod samples;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, Int16Array, Int32Array, RecordBatch, RunArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use segment_export::encode::{PartIndex, encoder_for};
use segment_export::{ErrorKind, Format, OrcTimes, Settings};

use self::samples::{Sample, sample, samples, variant};
use crate::golden;

const TEXT: [(Format, &str); 2] = [(Format::Csv, "csv"), (Format::Jsonl, "jsonl")];

/// A row number, so that a null is no empty line, and the values.
fn batch(name: &str, array: &ArrayRef, first: usize) -> RecordBatch {
    let rows: Int32Array = (first..first + array.len()).map(|row| i32::try_from(row).unwrap()).collect();
    let columns = [("row", Arc::new(rows) as ArrayRef), (name, Arc::clone(array))];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
}

fn schema_of(sample: &Sample) -> SchemaRef {
    batch(sample.name, &self::sample(&sample.data_type), 0).schema()
}

fn written(format: Format, schema: &SchemaRef, batches: &[RecordBatch]) -> Vec<u8> {
    let encoder = encoder_for(format, schema, &Settings::default()).unwrap();
    let chunk = encoder.chunk(batches, 0).unwrap();
    [encoder.head(PartIndex(0)).unwrap(), chunk.bytes, encoder.tail(&[]).unwrap()].concat()
}

/// The array as a dictionary whose entries stand in reverse.
fn dictionary(array: &ArrayRef) -> ArrayRef {
    let last = i16::try_from(array.len()).unwrap() - 1;
    let indices = Int16Array::from_iter_values((0..=last).rev());
    let entries = arrow::compute::take(array, &indices, None).unwrap();
    Arc::new(DictionaryArray::new(indices, entries))
}

/// The array as runs of one row each.
fn runs(array: &ArrayRef) -> ArrayRef {
    let ends = Int32Array::from_iter_values(1..=i32::try_from(array.len()).unwrap());
    Arc::new(RunArray::try_new(&ends, array).unwrap())
}

/// The same values in every form that any type can have, and in other batches.
fn forms(name: &str, array: &ArrayRef) -> Vec<(&'static str, Vec<RecordBatch>)> {
    let packed = [
        ("plain", Arc::clone(array)),
        ("dictionary", dictionary(array)),
        ("runs", runs(array)),
        ("dictionary of runs", dictionary(&runs(array))),
        ("runs of a dictionary", runs(&dictionary(array))),
        ("dictionary of a dictionary", dictionary(&dictionary(array))),
    ];
    let mut forms = Vec::new();
    for (form, array) in packed {
        forms.push((form, vec![batch(name, &array, 0)]));
        let cut = |from: usize, to: usize| batch(name, &array.slice(from, to - from), from);
        forms.push((form, vec![cut(0, 1), cut(1, 3), cut(3, array.len())]));
    }
    forms
}

#[test]
fn every_variant_of_a_data_type_has_a_sample() {
    let seen: BTreeSet<_> = samples().iter().map(|sample| variant(&sample.data_type)).collect();
    assert!(seen.iter().copied().eq(0..samples::VARIANTS), "{seen:?}");
    let names: BTreeSet<_> = samples().iter().map(|sample| sample.name).collect();
    assert_eq!(names.len(), samples().len());
}

#[test]
fn golden_text_of_every_type() {
    for of in samples() {
        let rows = batch(of.name, &sample(&of.data_type), 0);
        for (format, suffix) in TEXT {
            let text = written(format, &rows.schema(), std::slice::from_ref(&rows));
            golden::check(&format!("matrix/{}.{suffix}", of.name), &text);
        }
    }
}

#[test]
fn no_physical_form_of_any_type_changes_a_byte() {
    for of in samples() {
        let array = sample(&of.data_type);
        for (format, suffix) in TEXT {
            let schema = schema_of(&of);
            let text = String::from_utf8(written(format, &schema, &[batch(of.name, &array, 0)])).unwrap();
            for (form, batches) in forms(of.name, &array) {
                let other = String::from_utf8(written(format, &schema, &batches)).unwrap();
                assert_eq!(other, text, "{}.{suffix} as {form} in {} batches", of.name, batches.len());
                // The schema of the source may have that form, too.
                let other = String::from_utf8(written(format, &batches[0].schema(), &batches)).unwrap();
                assert_eq!(other, text, "{}.{suffix} planned as {form}", of.name);
            }
        }
    }
}

#[test]
fn no_physical_form_of_any_type_changes_a_byte_of_orc() {
    let mut settings = Settings::default();
    settings.orc.times = OrcTimes::Integer;
    for of in samples() {
        let array = sample(&of.data_type);
        let Ok(encoder) = encoder_for(Format::Orc, &schema_of(&of), &settings) else { continue };
        let stripe = |batches: &[RecordBatch]| {
            encoder.chunk(batches, 0).map(|chunk| chunk.bytes).map_err(|error| error.to_string())
        };
        let bytes = stripe(&[batch(of.name, &array, 0)]);
        for (form, batches) in forms(of.name, &array) {
            let other = stripe(&batches);
            assert!(other == bytes, "{} as {form} in {} batches", of.name, batches.len());
        }
    }
}

#[test]
fn orc_holds_a_type_or_refuses_it_at_once() {
    for of in samples() {
        let schema = Arc::new(Schema::new(vec![Field::new("c", of.data_type.clone(), true)]));
        match encoder_for(Format::Orc, &schema, &Settings::default()) {
            Ok(encoder) => {
                assert!(samples::orc_holds(&of.data_type), "{}", of.name);
                let array = sample(&of.data_type).slice(0, 1);
                let rows = RecordBatch::try_new(Arc::clone(&schema), vec![array]).unwrap();
                assert_eq!(encoder.chunk(&[rows], 0).unwrap().rows, 1, "{}", of.name);
            }
            Err(error) => {
                assert!(!samples::orc_holds(&of.data_type), "{}", of.name);
                assert_eq!(error.kind(), ErrorKind::BadRequest);
                let facts = format!("column=`c` type=`{}`", of.data_type);
                assert!(error.to_string().ends_with(&facts), "{error}");
            }
        }
    }
}

#[test]
fn a_type_in_a_list_is_written_as_alone() {
    for of in samples() {
        let alone = batch("c", &sample(&of.data_type), 0);
        let list = sample(&DataType::new_list(of.data_type, true));
        let schema = batch("c", &list, 0).schema();
        let text = String::from_utf8(written(Format::Jsonl, &schema, &[batch("c", &list, 0)])).unwrap();
        let alone = String::from_utf8(written(Format::Jsonl, &alone.schema(), &[alone])).unwrap();
        let value = |line: &str| {
            line.split_once("\"c\":").map_or("null", |(_, value)| &value[..value.len() - 1]).to_owned()
        };
        let values: Vec<_> = alone.lines().map(value).collect();
        let first = text.lines().next().map(value).unwrap();
        assert_eq!(first, format!("[{},{}]", values[0], values[1]), "{}", of.name);
    }
}
