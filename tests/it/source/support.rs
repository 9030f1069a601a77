//! Data and readers that the tests of the sources share.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use arrow::array::{
    Array, ArrayRef, BooleanArray, Int64Array, ListBuilder, MapBuilder, RecordBatch, StringArray,
    StringBuilder, StructArray,
};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{Field, Schema};
use futures::TryStreamExt;
use segment_export::plan::destination::Location;
use segment_export::source::{Executor, FileOptions, FileSource, ParquetSource, ProfileSource, ReadOptions};
use segment_export::{Error, RetrySettings, StoreOptions};

/// Rows of many types: plain, nullable, nested, with text that differs from row to row.
pub(crate) fn rows(from: usize, count: usize) -> RecordBatch {
    let range = from..from + count;
    let ids = Int64Array::from_iter_values(range.clone().map(|row| i64::try_from(row).unwrap()));
    let names: StringArray = range
        .clone()
        .map(|row| (row % 7 != 0).then(|| format!("name {row} {}", "x".repeat(row % 40))))
        .collect();
    let flags: BooleanArray = range.clone().map(|row| (row % 5 != 0).then_some(row % 2 == 0)).collect();
    let (tags, attributes) = nested(range.clone());
    let city: StringArray = range.map(|row| Some(["Köln", "Zürich", "Montréal"][row % 3])).collect();
    let address = StructArray::from(vec![(
        Arc::new(Field::new("City", city.data_type().clone(), true)),
        Arc::new(city) as ArrayRef,
    )]);
    RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(ids) as ArrayRef, false),
        ("name", Arc::new(names), true),
        ("flag", Arc::new(flags), true),
        ("tags", tags, true),
        ("attributes", attributes, true),
        ("address", Arc::new(address), true),
    ])
    .unwrap()
}

fn nested(rows: std::ops::Range<usize>) -> (ArrayRef, ArrayRef) {
    let mut tags = ListBuilder::new(StringBuilder::new());
    let mut attributes = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for row in rows {
        for tag in 0..row % 4 {
            tags.values().append_value(format!("tag {tag} of {row}"));
        }
        tags.append(row % 11 != 0);
        for key in 0..row % 3 {
            attributes.keys().append_value(format!("key{key}"));
            attributes.values().append_option((row % 2 == 0).then(|| format!("value {row}")));
        }
        attributes.append(true).unwrap();
    }
    (Arc::new(tags.finish()), Arc::new(attributes.finish()))
}

/// Properties that make pages small, so that few rows span many of them.
pub(crate) fn small_pages(page_index: bool) -> WriterPropertiesBuilder {
    let statistics = if page_index { EnabledStatistics::Page } else { EnabledStatistics::None };
    WriterProperties::builder()
        .set_data_page_row_count_limit(500)
        .set_write_batch_size(100)
        .set_statistics_enabled(statistics)
        .set_offset_index_disabled(!page_index)
}

pub(crate) fn write(path: &Path, batch: &RecordBatch, properties: WriterProperties) -> PathBuf {
    std::fs::write(path, parquet_bytes(batch, properties)).unwrap();
    path.to_path_buf()
}

pub(crate) fn parquet_bytes(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

pub(crate) async fn open(paths: &[PathBuf]) -> Result<ParquetSource, Error> {
    let places = paths.iter().map(|path| Location::Local(path.clone())).collect();
    ParquetSource::open(places, &StoreOptions::default(), &RetrySettings::default()).await
}

/// Opens files of any kind.
pub(crate) async fn open_any(paths: &[PathBuf]) -> Result<FileSource, Error> {
    open_with(paths, &FileOptions::default()).await
}

/// Opens files of any kind with options.
pub(crate) async fn open_with(paths: &[PathBuf], options: &FileOptions) -> Result<FileSource, Error> {
    let places = paths.iter().map(|path| Location::Local(path.clone())).collect();
    FileSource::open(places, &StoreOptions::default(), &RetrySettings::default(), options).await
}

/// The text of an error and of all that it was caused by.
pub(crate) fn chain(error: &Error) -> String {
    let first: &(dyn std::error::Error + 'static) = error;
    let texts = std::iter::successors(Some(first), |error| error.source()).map(ToString::to_string);
    texts.collect::<Vec<_>>().join(": ")
}

/// An executor of one thread of its own, as an export with one thread has.
pub(crate) fn one_thread() -> Executor {
    let (jobs, queue) = std::sync::mpsc::channel::<segment_export::source::Job>();
    std::thread::spawn(move || queue.into_iter().for_each(|job| job()));
    let jobs = std::sync::Mutex::new(jobs);
    Executor::new(move |job| drop(jobs.lock().unwrap().send(job)))
}

pub(crate) fn with_executor(executor: Executor) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.executor = executor;
    options
}

pub(crate) async fn read(
    source: &impl ProfileSource,
    options: &ReadOptions,
) -> Result<Vec<RecordBatch>, Error> {
    source.open(0, 0, options)?.try_collect().await
}

/// All rows as one batch, its strings in plain form.
pub(crate) fn together(batches: &[RecordBatch], schema: &Schema) -> RecordBatch {
    let plain = Arc::new(schema.clone());
    let cast = |batch: &RecordBatch| {
        let columns = batch.columns().iter().zip(plain.fields());
        let columns = columns.map(|(column, field)| cast(column, field.data_type()).unwrap()).collect();
        RecordBatch::try_new(Arc::clone(&plain), columns).unwrap()
    };
    concat_batches(&plain, &batches.iter().map(cast).collect::<Vec<_>>()).unwrap()
}

/// What another reader makes of a file.
pub(crate) fn reference(path: &Path) -> RecordBatch {
    let file = File::open(path).unwrap();
    let reader = ::parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 4096).unwrap();
    let batches: Vec<_> = reader.map(Result::unwrap).collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}
