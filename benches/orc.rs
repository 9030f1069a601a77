//! How fast rows become ORC stripes: by type, with the writer of orc-rust beside ours where it has the type, and by
//! stage, from the columns alone to dictionaries and codecs.
//!
//! Throughput counts rows. Both write in the thread that calls them, except that ours takes the columns of nested
//! profiles as tasks: set `RAYON_NUM_THREADS=1` to compare stages.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run stops")]

use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use segment_export::encode::encoder_for;
use segment_export::{Format, OrcCompression, OrcDictionary, Settings};

const ROWS: usize = 65_536;

/// A number that looks like chance and is the same every time.
fn mixed(row: usize) -> u64 {
    (row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn column<T>(of: impl Fn(usize) -> T) -> Vec<Option<T>> {
    (0..ROWS).map(|row| (row % 10 > 0).then(|| of(row))).collect()
}

fn columns() -> Vec<(&'static str, ArrayRef)> {
    let few = StringArray::from(column(|row| format!("city number {}", mixed(row) % 500)));
    let as_dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let as_dictionary = cast(&few, &as_dictionary).unwrap();
    let lists = column(|row| vec![Some(row.cast_signed() as i64); row % 4]);
    vec![
        ("boolean", Arc::new(BooleanArray::from(column(|row| mixed(row).is_multiple_of(3))))),
        ("int64", Arc::new(Int64Array::from(column(|row| (mixed(row) >> 40).cast_signed())))),
        ("int64 ascending", Arc::new(Int64Array::from(column(|row| row.cast_signed() as i64 * 3)))),
        ("float64", Arc::new(Float64Array::from(column(|row| f64::from_bits(mixed(row) >> 2))))),
        (
            "timestamp",
            Arc::new(TimestampMicrosecondArray::from(column(|row| (mixed(row) >> 14).cast_signed()))),
        ),
        ("decimal", Arc::new(Decimal128Array::from(column(|row| i128::from(mixed(row) >> 30))))),
        ("strings, all different", Arc::new(StringArray::from(column(|row| format!("{:016x}", mixed(row)))))),
        ("strings, few", Arc::new(few)),
        ("strings, few, as a dictionary", as_dictionary),
        ("list of int64", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))),
    ]
}

/// Whether the writer of orc-rust has a type: it panics on the others.
fn orc_rust_writes(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Boolean | DataType::Int64 | DataType::Float64 | DataType::Utf8)
}

fn ours(c: &mut Criterion, group: &str, name: &str, rows: &RecordBatch, settings: &Settings) {
    let encoder = encoder_for(Format::Orc, &rows.schema(), settings).unwrap();
    let mut group = c.benchmark_group(group);
    group.throughput(Throughput::Elements(rows.num_rows() as u64)).sample_size(20);
    group.bench_function(name, |b| {
        b.iter(|| black_box(encoder.chunk(std::slice::from_ref(rows), 0).unwrap()));
    });
    group.finish();
}

fn types(c: &mut Criterion) {
    for (name, array) in columns() {
        let data_type = array.data_type().clone();
        let rows = RecordBatch::try_from_iter([("c", array)]).unwrap();
        let group = format!("orc {name}");
        ours(c, &group, "ours", &rows, &Settings::default());
        if orc_rust_writes(&data_type) {
            let mut theirs = c.benchmark_group(group);
            theirs.throughput(Throughput::Elements(ROWS as u64)).sample_size(20);
            theirs.bench_function("orc-rust", |b| {
                b.iter(|| {
                    let mut out = Vec::new();
                    let compression = orc_rust::compression::CompressionType::Zstd;
                    let writer = orc_rust::ArrowWriterBuilder::new(&mut out, rows.schema());
                    let mut writer = writer.with_compression(compression).try_build().unwrap();
                    writer.write(&rows).unwrap();
                    writer.close().unwrap();
                    out
                });
            });
            theirs.finish();
        }
    }
}

/// The first rows of the sample of nested profiles, repeated.
fn profiles() -> RecordBatch {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/profiles.parquet");
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    let rows = batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    let many: Vec<_> = (0..ROWS.div_ceil(rows)).flat_map(|_| batches.iter()).collect();
    concat_batches(&batches[0].schema(), many).unwrap().slice(0, ROWS)
}

fn stages(c: &mut Criterion) {
    let rows = profiles();
    let mut plain = Settings::default();
    plain.orc.compression = Some(OrcCompression::None);
    plain.orc.dictionary = OrcDictionary::Never;
    plain.orc.row_index_stride = 0;
    let mut indexed = plain.clone();
    indexed.orc.row_index_stride = 10_000;
    let mut with_dictionaries = indexed.clone();
    with_dictionaries.orc.dictionary = OrcDictionary::Auto;
    ours(c, "orc stages", "columns alone", &rows, &plain);
    ours(c, "orc stages", "with index", &rows, &indexed);
    ours(c, "orc stages", "with index and dictionaries", &rows, &with_dictionaries);
    for codec in ["snappy", "lz4", "zstd:1", "zstd:3", "zlib:6"] {
        let mut compressed = with_dictionaries.clone();
        compressed.orc.compression = Some(codec.parse().unwrap());
        ours(c, "orc stages", &format!("with {codec} too"), &rows, &compressed);
    }
}

criterion_group!(benches, types, stages);
criterion_main!(benches);
