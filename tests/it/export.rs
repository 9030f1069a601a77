//! Whole exports: what decides their bytes, and how they end.

mod bytes;
mod compressed;
mod course;
mod faults;
mod metrics;
mod sealed;
mod server;
mod sizes;

use std::sync::Arc;

use ::bytes::Bytes;
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use segment_export::manifest::Manifest;
use segment_export::source::MemorySource;
use segment_export::upload::PartStore;
use segment_export::{Error, Exporter, ExporterBuilder, Format, Settings, Target};

/// A file of the sample data as one batch.
pub(crate) fn sample(name: &str) -> RecordBatch {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
    let schema: SchemaRef = Arc::clone(reader.schema());
    let batches: Vec<RecordBatch> = reader.build().unwrap().collect::<Result<_, _>>().unwrap();
    let batch = concat_batches(&schema, &batches).unwrap();
    // What the file says of itself is no part of the rows.
    let plain = Schema::new(schema.fields().clone());
    batch.with_schema(Arc::new(plain)).unwrap()
}

/// Batches of so many rows.
pub(crate) fn cut(batch: &RecordBatch, rows: usize) -> Vec<RecordBatch> {
    (0..batch.num_rows()).step_by(rows).map(|at| batch.slice(at, rows.min(batch.num_rows() - at))).collect()
}

pub(crate) fn source(batches: Vec<RecordBatch>) -> MemorySource {
    MemorySource::new(batches[0].schema(), batches).unwrap()
}

/// Settings with many small chunks, so that the sample has some.
pub(crate) fn small_chunks() -> Settings {
    let mut settings = Settings::default();
    settings.threads = 2;
    settings.chunk_bytes = 32 << 10;
    settings.stripe_bytes = 64 << 10;
    settings.retry.attempts = 2;
    settings.retry.backoff_ms = 1;
    settings
}

pub(crate) fn exporter(batch: &RecordBatch, store: Arc<dyn PartStore>, format: Format) -> ExporterBuilder {
    Exporter::builder(source(vec![batch.clone()]), Target::parts(store))
        .with_format(format)
        .with_settings(small_chunks())
}

/// The data objects of a snapshot in their order.
pub(crate) async fn objects(store: &dyn PartStore, manifest: &Manifest) -> Vec<Bytes> {
    let mut objects = Vec::new();
    for part in &manifest.parts {
        objects.push(if part.size == 0 {
            Bytes::new()
        } else {
            store.get_range(&part.name, 0..part.size).await.unwrap()
        });
    }
    objects
}

/// The data objects that an exporter writes.
pub(crate) async fn run(builder: ExporterBuilder, store: &dyn PartStore) -> Result<Vec<Bytes>, Error> {
    let manifest = builder.build()?.run().await?;
    Ok(objects(store, &manifest).await)
}
