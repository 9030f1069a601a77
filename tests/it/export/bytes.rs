//! What decides the bytes of an export, and what does not.

use std::sync::Arc;

use ::bytes::Bytes;
use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use segment_export::api::Profile;
use segment_export::source::{ParquetSource, RecordSource};
use segment_export::{Budget, Exporter, Format, RetrySettings, Settings, StoreOptions, Target};

use super::{cut, exporter, objects, run, sample, small_chunks, source};
use crate::support::stores::Place;

const FORMATS: [Format; 3] = [Format::Csv, Format::Jsonl, Format::Orc];

/// The sample in a shape that the format takes.
fn rows(format: Format) -> RecordBatch {
    let batch = sample(if format == Format::Orc { "profiles_flat.parquet" } else { "profiles.parquet" });
    let flat = |field: &Arc<Field>| !matches!(field.data_type(), DataType::Decimal128(..));
    let keep: Vec<usize> =
        batch.schema().fields().iter().enumerate().filter(|(_, f)| flat(f)).map(|(i, _)| i).collect();
    if format == Format::Orc { batch.project(&keep).unwrap() } else { batch }
}

/// The data objects of an export of these batches.
async fn bytes(format: Format, batches: Vec<RecordBatch>, settings: &Settings) -> Vec<Bytes> {
    let place = Place::memory();
    let store = place.open();
    let builder = Exporter::builder(source(batches), Target::parts(Arc::clone(&store)))
        .with_format(format)
        .with_settings(settings.clone());
    run(builder, &*store).await.unwrap()
}

fn three_parts() -> Settings {
    let mut settings = small_chunks();
    settings.part_rows = Some(700);
    settings
}

#[tokio::test]
async fn the_number_of_threads_changes_no_byte() {
    for format in FORMATS {
        let rows = rows(format);
        let mut settings = three_parts();
        settings.threads = 1;
        let one = bytes(format, vec![rows.clone()], &settings).await;
        assert_eq!(one.len(), 3, "{format}");
        for threads in [2, 8] {
            settings.threads = threads;
            assert!(
                bytes(format, vec![rows.clone()], &settings).await == one,
                "{format} on {threads} threads"
            );
        }
    }
}

#[tokio::test]
async fn how_the_source_cuts_its_batches_changes_no_byte() {
    for format in FORMATS {
        let rows = rows(format);
        let whole = bytes(format, vec![rows.clone()], &three_parts()).await;
        for size in [1, 7, 1_000, 100_000] {
            assert!(
                bytes(format, cut(&rows, size), &three_parts()).await == whole,
                "{format} by {size} rows"
            );
        }
    }
}

#[tokio::test]
async fn the_budget_and_the_upload_parts_change_no_byte() {
    for format in FORMATS {
        let rows = rows(format);
        let usual = bytes(format, vec![rows.clone()], &three_parts()).await;
        let mut small = three_parts();
        small.memory_budget = 24 << 20;
        small.upload.part_bytes = Some(50_000);
        small.upload.concurrency = 1;
        assert!(bytes(format, vec![rows.clone()], &small).await == usual, "{format} with a small budget");
    }
}

/// The same rows with every string column in another physical form.
fn in_form(batch: &RecordBatch, form: &DataType) -> RecordBatch {
    let schema = batch.schema();
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| match field.data_type() {
            DataType::Utf8 => {
                (field.as_ref().clone().with_data_type(form.clone()), cast(column, form).unwrap())
            }
            _ => (field.as_ref().clone(), Arc::clone(column)),
        })
        .unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

#[tokio::test]
async fn the_form_of_string_columns_changes_no_byte() {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let forms = [DataType::LargeUtf8, DataType::Utf8View, dictionary];
    for format in FORMATS {
        let rows = rows(format);
        let plain = bytes(format, vec![rows.clone()], &three_parts()).await;
        for form in &forms {
            let other = in_form(&rows, form);
            assert!(bytes(format, cut(&other, 300), &three_parts()).await == plain, "{format} as {form}");
        }
        let mixed = cut(&rows, 300)
            .iter()
            .enumerate()
            .map(|(n, batch)| in_form(batch, &forms[n % 3]))
            .collect::<Vec<_>>();
        let mixed: Vec<_> = std::iter::once(rows.slice(0, 0)).chain(mixed).collect();
        assert!(bytes(format, mixed, &three_parts()).await == plain, "{format} in mixed forms");
    }
}

#[tokio::test]
async fn many_small_parts_hold_the_rows_of_one() {
    let rows = rows(Format::Jsonl);
    let one = bytes(Format::Jsonl, vec![rows.clone()], &small_chunks()).await;
    let mut settings = small_chunks();
    settings.part_bytes = Some(100_000);
    let many = bytes(Format::Jsonl, vec![rows], &settings).await;
    assert!(many.len() > 10 && many.iter().all(|part| part.len() <= 100_000), "{} parts", many.len());
    assert!(many.concat() == one[0]);
}

#[tokio::test]
async fn structs_give_the_same_bytes_as_the_same_rows_from_parquet() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/profiles.jsonl")).unwrap();
    let profiles: Vec<Profile> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(profiles.len(), 200);
    let mut decoder = arrow::json::ReaderBuilder::new(Profile::schema()).build_decoder().unwrap();
    decoder.serialize(&profiles).unwrap();
    let batch = decoder.flush().unwrap().unwrap();
    let file = tempfile::NamedTempFile::with_suffix(".parquet").unwrap();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(file.reopen().unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    for format in [Format::Csv, Format::Jsonl] {
        let places = [Place::memory(), Place::memory()];
        let records = RecordSource::from_records(
            Profile::schema(),
            profiles.clone().into_iter().map(Ok::<_, std::io::Error>),
        );
        let structs = Exporter::builder(records, Target::parts(places[0].open()))
            .with_format(format)
            .with_settings(small_chunks());
        let structs = run(structs, &*places[0].open()).await.unwrap();
        let parquet = ParquetSource::open(
            vec![file.path().into()],
            &StoreOptions::default(),
            &RetrySettings::default(),
        )
        .await
        .unwrap();
        let parquet = Exporter::builder(parquet, Target::parts(places[1].open()))
            .with_format(format)
            .with_settings(small_chunks());
        let parquet = run(parquet, &*places[1].open()).await.unwrap();
        assert!(!structs[0].is_empty() && structs == parquet, "{format}");
    }
}

#[tokio::test]
async fn every_kind_of_store_gets_the_same_bytes() {
    let rows = rows(Format::Csv);
    let expected = bytes(Format::Csv, vec![rows.clone()], &small_chunks()).await;
    for place in Place::all().await {
        let store = place.open();
        let manifest = exporter(&rows, Arc::clone(&store), Format::Csv).build().unwrap().run().await.unwrap();
        assert!(objects(&*place.open(), &manifest).await == expected, "{place:?}");
    }
}

#[tokio::test]
async fn exports_on_one_budget_and_one_pool_do_not_disturb_each_other() {
    let rows = rows(Format::Csv);
    let expected = bytes(Format::Csv, vec![rows.clone()], &small_chunks()).await;
    let budget = Budget::new(64 << 20);
    let pool = Arc::new(rayon_pool());
    let exports = (0..6).map(|_| {
        let (rows, budget, pool) = (rows.clone(), budget.clone(), Arc::clone(&pool));
        tokio::spawn(async move {
            let place = Place::memory();
            let store = place.open();
            let builder =
                exporter(&rows, Arc::clone(&store), Format::Csv).with_budget(budget).with_pool(pool);
            run(builder, &*store).await.unwrap()
        })
    });
    for export in exports.collect::<Vec<_>>() {
        assert!(export.await.unwrap() == expected);
    }
    assert!(budget.peak() > 0 && budget.peak() <= budget.bytes(), "peak={}", budget.peak());
}

fn rayon_pool() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap()
}
