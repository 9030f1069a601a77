use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::Arc;
use std::{fmt, io};

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, MapBuilder, RecordBatch, StringArray, StringBuilder, StructArray,
};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use futures::{StreamExt, TryStreamExt, stream};
use segment_export::source::{Executor, MemorySource, ProfileSource, ReadOptions, RecordSource};
use serde::Serialize;

use super::support::{one_thread, read, together, with_executor};

#[derive(Clone, Serialize)]
struct Profile {
    id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    score: f64,
    attributes: BTreeMap<String, String>,
    address: Address,
}

#[derive(Clone, Serialize)]
struct Address {
    city: Option<String>,
}

fn profile(row: i64) -> Profile {
    Profile {
        id: i64::MAX - row,
        name: (row % 3 != 0).then(|| format!("a \"name\"\n{row}")),
        score: f64::from(i32::try_from(row).unwrap()) / 7.0,
        attributes: (0..row % 4).map(|key| (format!("k{key}"), format!("v{row}"))).collect(),
        address: Address { city: (row % 2 == 0).then(|| "Köln".to_owned()) },
    }
}

fn batch(profiles: &[Profile]) -> RecordBatch {
    let ids = Int64Array::from_iter_values(profiles.iter().map(|profile| profile.id));
    let names: StringArray = profiles.iter().map(|profile| profile.name.clone()).collect();
    let scores = Float64Array::from_iter_values(profiles.iter().map(|profile| profile.score));
    let mut attributes = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for profile in profiles {
        for (key, value) in &profile.attributes {
            attributes.keys().append_value(key);
            attributes.values().append_value(value);
        }
        attributes.append(true).unwrap();
    }
    let city: StringArray = profiles.iter().map(|profile| profile.address.city.clone()).collect();
    let city_field = Arc::new(Field::new("city", DataType::Utf8, true));
    RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(ids) as ArrayRef, false),
        ("name", Arc::new(names), true),
        ("score", Arc::new(scores), true),
        ("attributes", Arc::new(attributes.finish()), true),
        ("address", Arc::new(StructArray::from(vec![(city_field, Arc::new(city) as ArrayRef)])), true),
    ])
    .unwrap()
}

fn profiles(count: i64) -> (Vec<Profile>, RecordBatch) {
    let profiles: Vec<_> = (0..count).map(profile).collect();
    let batch = batch(&profiles);
    (profiles, batch)
}

#[tokio::test]
async fn records_give_the_rows_of_the_same_batch() {
    let (records, batch) = profiles(5_000);
    let memory = MemorySource::new(batch.schema(), vec![batch]).unwrap();
    for executor in [Executor::inline(), one_thread()] {
        let source =
            RecordSource::from_records(memory.schema(), records.clone().into_iter().map(Ok::<_, io::Error>));
        let options = with_executor(executor);
        let (one, other) = (read(&source, &options).await.unwrap(), read(&memory, &options).await.unwrap());
        assert!(one.len() > 1);
        assert_eq!(together(&one, &memory.schema()), together(&other, &memory.schema()));
    }
}

#[tokio::test]
async fn records_are_read_from_any_row_in_wanted_columns() {
    let (records, batch) = profiles(100);
    let source = RecordSource::from_records(batch.schema(), records.into_iter().map(Ok::<_, io::Error>));
    let mut options = ReadOptions::default();
    options.columns = Some(vec![0, 4]);
    options.batch_rows = 7;
    let read: Vec<_> = source.open(0, 33, &options).unwrap().try_collect().await.unwrap();
    assert!(read.iter().all(|batch| batch.num_rows() <= 7));
    let expected = batch.project(&[0, 4]).unwrap();
    assert_eq!(together(&read, &expected.schema()), expected.slice(33, 67));
}

#[derive(Serialize)]
struct Wide {
    text: String,
}

fn text_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, true)]))
}

#[tokio::test]
async fn large_records_do_not_pile_up() {
    let records = (0..100).map(|row| {
        // Small ones first: what is held must follow the size of each record, not that of the first ones.
        let text = if row < 50 { "x".to_owned() } else { "x".repeat(1 << 20) };
        Ok::<_, io::Error>(Wide { text })
    });
    let source = RecordSource::from_records(text_schema(), records);
    let mut options = ReadOptions::default();
    options.bytes = 16 << 20;
    let mut rows = 0;
    let mut batches = source.open(0, 0, &options).unwrap();
    while let Some(batch) = batches.next().await {
        let batch = batch.unwrap();
        rows += batch.num_rows();
        assert!(batch.get_array_memory_size() < 4 << 20);
    }
    assert_eq!(rows, 100);
}

#[derive(Serialize)]
#[serde(untagged)]
enum Loose {
    Right { n: i64 },
    Text { n: String },
    Extra { n: i64, secret: i64 },
    List(Vec<i64>),
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text} {source} {source:?}");
        next = source.source();
    }
    text
}

#[tokio::test]
async fn a_record_that_does_not_fit_names_its_row_and_column_but_no_value() {
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
    let broken = [
        (Loose::Text { n: "tell-nobody".to_owned() }, "column=`n`"),
        (Loose::Extra { n: 1, secret: 424_242 }, "a field that the schema does not have"),
        (Loose::List(vec![424_242]), "column=`n`"),
    ];
    for (record, reason) in broken {
        let records = (0..10).map(|n| Loose::Right { n }).chain([record]).map(Ok::<_, io::Error>);
        let source = RecordSource::from_records(Arc::<Schema>::clone(&schema), records.collect::<Vec<_>>());
        let error = read(&source, &ReadOptions::default()).await.unwrap_err();
        assert!(error.to_string().ends_with("row=10"), "{error}");
        let text = chain(&error);
        assert!(text.contains(reason), "{text}");
        assert!(!text.contains("tell-nobody") && !text.contains("424242"), "{text}");
    }
}

#[tokio::test]
async fn a_type_that_records_cannot_have_names_its_column() {
    let schema =
        Schema::new(vec![Field::new("x", DataType::Interval(arrow::datatypes::IntervalUnit::DayTime), true)]);
    let source = RecordSource::from_records(Arc::new(schema), [Ok::<_, io::Error>(profile(0))]);
    let error = read(&source, &ReadOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("column=`x`"), "{error}");
}

#[derive(Debug)]
struct Own;

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("own")
    }
}

impl std::error::Error for Own {}

#[tokio::test]
async fn an_error_of_the_streams_own_stays_reachable_and_ends_it() {
    let records =
        stream::iter([Ok(Wide { text: "a".to_owned() }), Err(Own), Ok(Wide { text: "b".to_owned() })]);
    let source = RecordSource::new(text_schema(), records);
    let error = read(&source, &ReadOptions::default()).await.unwrap_err();
    assert!(error.source().unwrap().is::<Own>());
}

/// A record of whatever fields.
fn object(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// The rows of records in one column, or the text of the error.
async fn column(data_type: DataType, records: Vec<serde_json::Value>) -> Result<RecordBatch, String> {
    let schema = Arc::new(Schema::new(vec![Field::new("n", data_type, true)]));
    let source = RecordSource::from_records(
        Arc::<Schema>::clone(&schema),
        records.into_iter().map(Ok::<_, io::Error>),
    );
    let batches = read(&source, &ReadOptions::default()).await.map_err(|error| chain(&error))?;
    Ok(together(&batches, &schema))
}

#[tokio::test]
async fn a_fraction_for_a_type_of_whole_numbers_names_its_row_and_column() {
    let integers = || Arc::new(Field::new("item", DataType::Int32, true));
    let entry = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::UInt8, true),
    ]);
    let map = DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry), false)), false);
    let runs = DataType::RunEndEncoded(Arc::new(Field::new("run_ends", DataType::Int32, false)), integers());
    let cases = [
        (DataType::Int64, r#"{"n":7.0}"#, r#"{"n":424242.5}"#),
        (DataType::Int64, r#"{"n":-3}"#, r#"{"n":1e17}"#),
        (DataType::UInt8, r#"{"n":3}"#, r#"{"n":0.42424}"#),
        (DataType::Date32, r#"{"n":"2024-02-29"}"#, r#"{"n":42.42}"#),
        (DataType::Duration(TimeUnit::Second), r#"{"n":42}"#, r#"{"n":42.42}"#),
        (DataType::List(integers()), r#"{"n":[1,2.0]}"#, r#"{"n":[1,42.42]}"#),
        (DataType::FixedSizeList(integers(), 1), r#"{"n":[1]}"#, r#"{"n":[42.42]}"#),
        (DataType::Struct(vec![integers()].into()), r#"{"n":{"item":1}}"#, r#"{"n":{"item":42.42}}"#),
        (map, r#"{"n":{"a":1,"b":2.0}}"#, r#"{"n":{"a":1,"b":42.42}}"#),
        (runs, r#"{"n":1}"#, r#"{"n":42.42}"#),
    ];
    for (data_type, fits, lost) in cases {
        let rows = column(data_type.clone(), vec![object(fits), object("{}")]).await;
        assert_eq!(rows.map(|rows| rows.num_rows()), Ok(2), "{data_type}");
        let text = column(data_type.clone(), vec![object(fits), object(lost)]).await.unwrap_err();
        assert!(text.contains("row=1") && text.contains("column=`n`"), "{data_type}: {text}");
        assert!(!text.contains("42.42") && !text.contains("424242"), "{data_type}: {text}");
    }
}

#[tokio::test]
async fn a_fraction_of_a_struct_for_a_column_of_integers_is_refused() {
    let (mut records, _) = profiles(10);
    for record in &mut records {
        record.score = record.score.trunc();
    }
    records[7].score = 1.5;
    let schema = batch(&records).schema();
    let mut fields: Vec<_> = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
    fields[2] = Field::new("score", DataType::Int64, true);
    let schema = Arc::new(Schema::new(fields));
    let source = RecordSource::from_records(schema, records.into_iter().map(Ok::<_, io::Error>));
    let text = chain(&read(&source, &ReadOptions::default()).await.unwrap_err());
    assert!(text.contains("row=7") && text.contains("column=`score` type=`Int64`"), "{text}");
}

/// Entries that may repeat a name.
struct Pairs(Vec<(&'static str, i64)>);

impl Serialize for Pairs {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

#[tokio::test]
async fn the_first_of_two_fields_of_one_name_is_not_lost() {
    let fields = ["a", "b"].map(|name| Field::new(name, DataType::Int64, true));
    let schema = Arc::new(Schema::new(fields.to_vec()));
    for (pairs, problem) in [
        (vec![("b", 1), ("a", 2)], None),
        (vec![("a", 1), ("b", 1), ("a", 2)], Some("a field twice: column=`a`")),
    ] {
        let records = [Ok::<_, io::Error>(Pairs(vec![])), Ok(Pairs(pairs))];
        let source = RecordSource::from_records(Arc::<Schema>::clone(&schema), records);
        let outcome = read(&source, &ReadOptions::default()).await.map_err(|error| chain(&error));
        match problem {
            None => assert_eq!(together(&outcome.unwrap(), &schema).num_rows(), 2),
            Some(problem) => {
                let text = outcome.unwrap_err();
                assert!(text.contains("row=1") && text.contains(problem), "{text}");
            }
        }
    }
}
