//! The writers of the arrow crates behind the reader of the `parquet` crate, for `run.py --baseline`.
//!
//! `arrow_rs csv|jsonl DIRECTORY FILE` writes the Parquet files of a directory, in the order of their names, to one
//! file, on one thread, and promises nothing about it.

#![expect(clippy::unwrap_used, reason = "a program that cannot run stops")]
#![expect(clippy::panic, reason = "a program that cannot run stops")]
#![expect(clippy::wildcard_enum_match_arm, reason = "one type is mapped, all others stay")]

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

/// Rows of a batch: what both writers are usually given.
const BATCH_ROWS: usize = 8_192;

/// The schema of a file, with zones as offsets: arrow-csv looks names up in a table that it does not have.
fn with_offsets(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            let zoned = DataType::Timestamp(*unit, Some("+00:00".into()));
            Arc::new(Field::clone(field).with_data_type(zoned))
        }
        _ => Arc::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Gives each batch of the files away.
fn read(directory: &Path, mut write: impl FnMut(&RecordBatch)) {
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files {
        let file = File::open(path).unwrap();
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).unwrap();
        let options = ArrowReaderOptions::new().with_schema(with_offsets(metadata.schema()));
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
        for batch in reader.with_batch_size(BATCH_ROWS).build().unwrap() {
            write(&batch.unwrap());
        }
    }
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [format, directory, file] = &arguments[..] else { panic!("csv|jsonl DIRECTORY FILE") };
    let sink = BufWriter::with_capacity(1 << 20, File::create(file).unwrap());
    match format.as_str() {
        "csv" => {
            let mut writer = arrow::csv::Writer::new(sink);
            read(Path::new(directory), |batch| writer.write(batch).unwrap());
        }
        "jsonl" => {
            let mut writer = arrow::json::LineDelimitedWriter::new(sink);
            read(Path::new(directory), |batch| writer.write(batch).unwrap());
            writer.finish().unwrap();
        }
        _ => panic!("no such format"),
    }
}
