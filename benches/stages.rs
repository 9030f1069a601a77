//! Each stage of an export alone, on one thread: decode, encode, compress, write.
//!
//! The rows are those of the Parquet samples in `testdata`, read many times over, in the batches and forms that the
//! reader of this crate gives to the encoders. Throughput counts rows; but for `write`, whose unit is bytes.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run stops")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use futures::TryStreamExt;
use segment_export::encode::{Encoder, encoder_for};
use segment_export::plan::destination::Location;
use segment_export::source::{ParquetSource, ProfileSource, ReadOptions};
use segment_export::upload::{self, Uploader};
use segment_export::{Format, RetrySettings, Settings, StoreOptions};
use tokio::runtime::{Builder, Runtime};

/// How many times a sample of 2,000 rows is read.
const FILES: usize = 32;
const ROWS: u64 = 64_000;

/// Rows of a chunk of text: a megabyte or so.
const CHUNK_ROWS: usize = 1_000;

/// Bytes that are written, by pieces of one chunk.
const WRITTEN: usize = 128 << 20;
const PIECE: usize = 1 << 20;

const SAMPLES: [(&str, &str); 2] = [("flat", "profiles_flat.parquet"), ("nested", "profiles.parquet")];

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// All batches of a sample.
fn read(runtime: &Runtime, sample: &str) -> Vec<RecordBatch> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(sample);
    runtime.block_on(async {
        let files = vec![Location::from(&*file); FILES];
        let source =
            ParquetSource::open(files, &StoreOptions::default(), &RetrySettings::default()).await.unwrap();
        let mut batches = Vec::new();
        for partition in 0..source.partitions() {
            let stream = source.open(partition, 0, &ReadOptions::default()).unwrap();
            batches.extend(stream.try_collect::<Vec<_>>().await.unwrap());
        }
        batches
    })
}

fn decode(c: &mut Criterion) {
    let runtime = runtime();
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements(ROWS)).sample_size(10);
    for (name, sample) in SAMPLES {
        group.bench_function(name, |b| b.iter(|| black_box(read(&runtime, sample))));
    }
    group.finish();
}

/// The chunks of text that an encoder makes of batches.
fn chunks(encoder: &dyn Encoder, batches: &[RecordBatch]) -> Vec<Bytes> {
    let rows = batches.iter().flat_map(|batch| {
        let starts = (0..batch.num_rows()).step_by(CHUNK_ROWS);
        starts.map(|start| batch.slice(start, CHUNK_ROWS.min(batch.num_rows() - start)))
    });
    rows.map(|rows| encoder.chunk(&[rows], 0).unwrap().bytes).collect()
}

/// Encodes batches, and drops what is made of each, as an export does: its memory is used again.
fn write_over(encoder: &dyn Encoder, batches: &[RecordBatch]) {
    for batch in batches {
        drop(chunks(encoder, std::slice::from_ref(batch)));
    }
}

fn encode(c: &mut Criterion) {
    let runtime = runtime();
    for (name, sample) in SAMPLES {
        let batches = read(&runtime, sample);
        let mut group = c.benchmark_group(format!("encode, {name}"));
        group.throughput(Throughput::Elements(ROWS)).sample_size(10);
        for (format, name) in [(Format::Csv, "csv"), (Format::Jsonl, "jsonl")] {
            let encoder = encoder_for(format, &batches[0].schema(), &Settings::default()).unwrap();
            group.bench_function(name, |b| b.iter(|| write_over(&*encoder, &batches)));
        }
        // A stripe is a chunk of ORC.
        let encoder = encoder_for(Format::Orc, &batches[0].schema(), &Settings::default()).unwrap();
        group.bench_function("orc", |b| b.iter(|| black_box(encoder.chunk(&batches, 0).unwrap().bytes)));
        group.finish();
    }
}

fn compress(c: &mut Criterion) {
    let batches = read(&runtime(), "profiles_flat.parquet");
    let encoder = encoder_for(Format::Csv, &batches[0].schema(), &Settings::default()).unwrap();
    let chunks = chunks(&*encoder, &batches);
    let mut group = c.benchmark_group("compress, csv flat");
    group.throughput(Throughput::Elements(ROWS)).sample_size(10);
    for level in [1, 3] {
        let mut context = zstd::bulk::Compressor::new(level).unwrap();
        group.bench_function(format!("zstd:{level}"), |b| {
            b.iter(|| chunks.iter().map(|chunk| context.compress(chunk).unwrap().len()).sum::<usize>());
        });
    }
    let mut context = libdeflater::Compressor::new(libdeflater::CompressionLvl::new(6).unwrap());
    group.bench_function("gzip:6", |b| {
        let mut out = vec![0; context.gzip_compress_bound(2 * PIECE)];
        b.iter(|| chunks.iter().map(|chunk| context.gzip_compress(chunk, &mut out).unwrap()).sum::<usize>());
    });
    group.finish();
}

/// Parts to local disk and their completion, `fsync` included.
fn write(c: &mut Criterion) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let piece = Bytes::from(vec![b'x'; PIECE]);
    let mut group = c.benchmark_group("write");
    group.throughput(Throughput::Bytes(WRITTEN as u64)).sample_size(10);
    group.bench_function("local disk", |b| {
        let once = |out: tempfile::TempDir| {
            runtime.block_on(async {
                let snapshot = Location::from(&*out.path().join("snapshot"));
                let store =
                    upload::open(&snapshot, &StoreOptions::default(), &RetrySettings::default()).unwrap();
                let settings = Settings::default();
                let uploader = Uploader::new(Arc::clone(&store), &settings.upload, settings.memory_budget);
                let mut part = uploader.begin("part-00000-00000000.csv").await.unwrap();
                for _ in 0..WRITTEN / PIECE {
                    part.write(piece.clone(), ()).await.unwrap();
                }
                let done = part.finish().await.unwrap();
                store.complete(&done.upload, &done.tags, done.size).await.unwrap();
            });
            out
        };
        b.iter_batched(|| tempfile::tempdir().unwrap(), once, BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, decode, encode, compress, write);
criterion_main!(benches);
