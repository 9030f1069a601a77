//! How fast profiles become bytes, with the encoders of other crates beside ours on the same batches.
//!
//! The rows are those of `testdata`, repeated, and cut into chunks of about 1 MiB as an export cuts them.
//! Throughput counts bytes of output, so compare times, not rates, between encoders of different output.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run stops")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a few types are mapped, all others stay")]

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Schema};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use segment_export::encode::{Encoder, PartIndex, Placed, encoder_for};
use segment_export::{Format, Settings};

/// Rows of a bench, and rows of one text chunk of it.
const ROWS: usize = 65_536;
const CHUNK_ROWS: usize = 1_024;

/// The first rows of a sample, repeated.
fn profiles(name: &str) -> RecordBatch {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    let rows = batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    let many: Vec<_> = (0..ROWS.div_ceil(rows)).flat_map(|_| batches.iter()).collect();
    concat_batches(&batches[0].schema(), many).unwrap().slice(0, ROWS)
}

/// The same rows with each column of a type as another.
fn map_types(batch: &RecordBatch, map: impl Fn(&DataType) -> DataType) -> RecordBatch {
    let columns = batch.columns().iter().map(|column| cast(column, &map(column.data_type())).unwrap());
    let columns: Vec<ArrayRef> = columns.collect();
    let fields = batch.schema_ref().fields().iter().zip(&columns);
    let fields: Vec<_> =
        fields.map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn chunks(batch: &RecordBatch) -> Vec<RecordBatch> {
    let starts = (0..batch.num_rows()).step_by(CHUNK_ROWS);
    starts.map(|start| batch.slice(start, CHUNK_ROWS.min(batch.num_rows() - start))).collect()
}

/// Encodes everything chunk by chunk and returns the bytes of output.
fn encode(encoder: &dyn Encoder, chunks: &[RecordBatch]) -> u64 {
    let mut placed = Vec::with_capacity(chunks.len());
    let mut offset = encoder.head(PartIndex(0)).unwrap().len() as u64;
    for chunk in chunks {
        let written = encoder.chunk(std::slice::from_ref(chunk), 0).unwrap();
        let len = black_box(written.bytes).len() as u64;
        placed.push(Placed { offset, len, rows: written.rows, note: written.note });
        offset += len;
    }
    offset + encoder.tail(&placed).unwrap().len() as u64
}

fn ours(c: &mut Criterion, group: &str, name: &str, format: Format, chunks: &[RecordBatch]) {
    let encoder = encoder_for(format, &chunks[0].schema(), &Settings::default());
    let Ok(encoder) = encoder else { return };
    let mut group = c.benchmark_group(group);
    group.throughput(Throughput::Bytes(encode(&*encoder, chunks)));
    group.sample_size(20).bench_function(name, |b| b.iter(|| encode(&*encoder, chunks)));
    group.finish();
}

fn theirs(c: &mut Criterion, group: &str, name: &str, write: impl Fn(&mut Vec<u8>)) {
    let mut out = Vec::new();
    write(&mut out);
    let mut group = c.benchmark_group(group);
    group.throughput(Throughput::Bytes(out.len() as u64));
    group.sample_size(20).bench_function(name, |b| {
        b.iter(|| {
            out.clear();
            write(&mut out);
            out.len()
        });
    });
    group.finish();
}

fn csv(c: &mut Criterion) {
    let flat = profiles("profiles_flat.parquet");
    // arrow-csv looks names of zones up in a table that it does not have.
    let flat = map_types(&flat, |data_type| match data_type {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("+00:00".into())),
        other => other.clone(),
    });
    let batches = chunks(&flat);
    ours(c, "csv_flat", "ours", Format::Csv, &batches);
    theirs(c, "csv_flat", "arrow-csv", |out| {
        let mut writer = arrow::csv::WriterBuilder::new().build(out);
        for batch in &batches {
            writer.write(batch).unwrap();
        }
    });
    let text = |form: DataType| {
        let flat = map_types(&flat, |data_type| match data_type {
            DataType::Utf8 => form.clone(),
            other => other.clone(),
        });
        chunks(&flat)
    };
    ours(c, "csv_flat", "ours, views", Format::Csv, &text(DataType::Utf8View));
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let dictionaries: Vec<_> = batches
        .iter()
        .map(|batch| {
            map_types(batch, |data_type| match data_type {
                DataType::Utf8 => dictionary.clone(),
                other => other.clone(),
            })
        })
        .collect();
    ours(c, "csv_flat", "ours, dictionaries", Format::Csv, &dictionaries);
    ours(c, "csv_nested", "ours", Format::Csv, &chunks(&profiles("profiles.parquet")));
}

fn jsonl(c: &mut Criterion) {
    for (group, name) in [("jsonl_nested", "profiles.parquet"), ("jsonl_flat", "profiles_flat.parquet")] {
        let batches = chunks(&profiles(name));
        ours(c, group, "ours", Format::Jsonl, &batches);
        theirs(c, group, "arrow-json", |out| {
            let mut writer = arrow::json::LineDelimitedWriter::new(out);
            for batch in &batches {
                writer.write(batch).unwrap();
            }
            writer.finish().unwrap();
        });
    }
}

/// What compression costs, encoding included; beside libdeflate the codec of flate2 that is Rust throughout.
fn compressed(c: &mut Criterion) {
    let batches = chunks(&profiles("profiles_flat.parquet"));
    for compression in ["none", "gzip:1", "gzip:6", "zstd:1", "zstd:3"] {
        let mut settings = Settings::default();
        settings.compression = compression.parse().unwrap();
        let encoder = encoder_for(Format::Csv, &batches[0].schema(), &settings).unwrap();
        c.benchmark_group("csv_flat_compressed")
            .throughput(Throughput::Bytes(encode(&*encoder, &batches)))
            .sample_size(10)
            .bench_function(compression, |b| b.iter(|| encode(&*encoder, &batches)));
    }
    let encoder = encoder_for(Format::Csv, &batches[0].schema(), &Settings::default()).unwrap();
    theirs(c, "csv_flat_compressed", "gzip:6, zlib-rs", |out| {
        for batch in &batches {
            let text = encoder.chunk(std::slice::from_ref(batch), 0).unwrap().bytes;
            let mut member = flate2::write::GzEncoder::new(&mut *out, flate2::Compression::new(6));
            member.write_all(&text).unwrap();
            member.finish().unwrap();
        }
    });
}

/// The columns that the writer of orc-rust can write.
fn orc_columns(batch: &RecordBatch) -> RecordBatch {
    use DataType::{Boolean, Float64, Int64, Utf8};
    let fields = batch.schema_ref().fields().iter().enumerate();
    let simple = fields.filter(|(_, field)| matches!(field.data_type(), Boolean | Float64 | Int64 | Utf8));
    batch.project(&simple.map(|(index, _)| index).collect::<Vec<_>>()).unwrap()
}

fn orc(c: &mut Criterion) {
    let flat = orc_columns(&profiles("profiles_flat.parquet"));
    ours(c, "orc_flat", "ours", Format::Orc, std::slice::from_ref(&flat));
    theirs(c, "orc_flat", "orc-rust", |out| {
        let mut writer = orc_rust::ArrowWriterBuilder::new(out, flat.schema()).try_build().unwrap();
        writer.write(&flat).unwrap();
        writer.close().unwrap();
    });
}

criterion_group!(benches, csv, jsonl, compressed, orc);
criterion_main!(benches);
