//! Whole exports: Parquet files in, data objects on local disk out, on one thread.
//!
//! The sample file is read many times over, as many files of one source. Beside each format stand the readers
//! and writers of the arrow crates on the same files, which write one file and promise nothing about it.
//! Throughput counts rows.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run stops")]

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use segment_export::plan::destination::Location;
use segment_export::source::ParquetSource;
use segment_export::{Exporter, Format, RetrySettings, Settings, StoreOptions};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// How many times the sample of 2,000 rows is read.
const FILES: usize = 32;
const ROWS: u64 = 64_000;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

fn export(runtime: &Runtime, file: &Path, format: Format, out: &TempDir) {
    let mut settings = Settings::default();
    settings.threads = 1;
    let manifest = runtime.block_on(async {
        let files = vec![Location::from(file); FILES];
        let source =
            ParquetSource::open(files, &StoreOptions::default(), &RetrySettings::default()).await.unwrap();
        let exporter =
            Exporter::builder(source, Location::from(out.path())).with_format(format).with_settings(settings);
        exporter.build().unwrap().run().await.unwrap()
    });
    assert_eq!(manifest.totals.rows, ROWS);
}

/// Reads every file with the parquet crate and gives each batch away.
fn read(file: &Path, mut write: impl FnMut(&RecordBatch)) {
    for _ in 0..FILES {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
        for batch in reader.with_batch_size(8_192).build().unwrap() {
            write(&batch.unwrap());
        }
    }
}

fn arrow_csv(file: &Path, out: &TempDir) {
    let mut writer =
        arrow::csv::Writer::new(BufWriter::new(File::create(out.path().join("out.csv")).unwrap()));
    read(file, |batch| writer.write(batch).unwrap());
}

fn arrow_json(file: &Path, out: &TempDir) {
    let sink = BufWriter::new(File::create(out.path().join("out.jsonl")).unwrap());
    let mut writer = arrow::json::LineDelimitedWriter::new(sink);
    read(file, |batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
}

fn measure(c: &mut Criterion, group: &str, name: &str, mut run: impl FnMut(&TempDir)) {
    let mut group = c.benchmark_group(group);
    group.throughput(Throughput::Elements(ROWS)).sample_size(10);
    // The directory goes back out of the measured part, where it is removed.
    let mut once = |out: TempDir| {
        run(&out);
        out
    };
    group.bench_function(name, |b| {
        b.iter_batched(|| tempfile::tempdir().unwrap(), &mut once, BatchSize::PerIteration);
    });
    group.finish();
}

fn exports(c: &mut Criterion) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (flat, nested) = (sample("profiles_flat.parquet"), sample("profiles.parquet"));
    measure(c, "csv_flat", "ours", |out| export(&runtime, &flat, Format::Csv, out));
    measure(c, "csv_flat", "parquet_and_arrow_csv", |out| arrow_csv(&flat, out));
    measure(c, "csv_nested", "ours", |out| export(&runtime, &nested, Format::Csv, out));
    measure(c, "jsonl_nested", "ours", |out| export(&runtime, &nested, Format::Jsonl, out));
    measure(c, "jsonl_nested", "parquet_and_arrow_json", |out| arrow_json(&nested, out));
}

criterion_group!(benches, exports);
criterion_main!(benches);
