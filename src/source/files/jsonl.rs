//! JSON lines: a record on each line, decoded by `arrow`'s own reader.
//!
//! Each record is checked before it is decoded, because that reader cuts fractions off integers, takes the
//! last of two fields of one name, and names values in its errors.

mod check;
mod shape;

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use memchr::memchr;

use crate::error::{Cause, Error, Result};
use crate::source::files::FileOptions;
use crate::source::files::input::Input;
use crate::source::files::runs::{Ends, Limits, Run, Runs, Unfit, decoded};
use crate::source::{BatchStream, ReadOptions};
use crate::store::ranged::Blob;

pub(super) use shape::{Sample, Shapes};

/// Lines end with a line feed; JSON escapes those in texts.
#[derive(Debug)]
struct Lines;

impl Ends for Lines {
    fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        memchr(b'\n', bytes).map(|at| at + 1)
    }

    fn is_blank(line: &[u8]) -> bool {
        line.trim_ascii().is_empty()
    }
}

/// Checks that records can be decoded into a schema that was given.
pub(super) fn check_schema(schema: &Schema) -> Result<()> {
    schema.fields().iter().try_for_each(|field| {
        let alone = Arc::new(Schema::new(vec![Arc::clone(field)]));
        ReaderBuilder::new(alone).build_decoder().map(drop).map_err(|_unsupported| {
            Error::from(Cause::UnsupportedType {
                format: "JSONL",
                column: field.name().clone(),
                data_type: field.data_type().to_string(),
            })
        })
    })
}

/// What the first records of a file look like.
pub(super) async fn sample(blob: Blob, options: &FileOptions, reading: &ReadOptions) -> Result<Sample> {
    let name = blob.name().to_owned();
    let input = Input::new(blob, options.infer_bytes, reading);
    let cut = !input.reaches_end_of_file();
    let limits =
        Limits { rows: options.infer_rows.max(1), run_bytes: u64::MAX, record_bytes: options.infer_bytes };
    let Some(run) = Runs::new(input, Lines, limits).next().await? else {
        if cut {
            let needed = options.infer_bytes.saturating_add(1);
            let (path, available) = (name, options.infer_bytes);
            return Err(Cause::FileOverBudget { path, row: 0, needed, available }.into());
        }
        return Ok(Sample::default());
    };
    let mut sample = Sample::default();
    for (row, line) in (run.first_row..).zip(lines(&run.bytes)) {
        sample.add(line).map_err(|unfit| unfit.of_row(&name, row))?;
    }
    Ok(sample)
}

/// The records of a file in the columns that are wanted.
pub(super) fn batches(
    blob: Blob,
    wanted: &SchemaRef,
    schema: &SchemaRef,
    guessed: bool,
    options: &ReadOptions,
) -> BatchStream {
    let size = blob.size();
    let decoder = Decoder {
        path: blob.name().into(),
        schema: SchemaRef::clone(schema),
        wanted: SchemaRef::clone(wanted),
        guessed,
    };
    let runs = Runs::new(Input::new(blob, size, options), Lines, Limits::of(options));
    decoded(runs, options, move |run| decoder.decode(run))
}

/// What is needed to decode runs.
#[derive(Clone)]
struct Decoder {
    path: Arc<str>,
    /// All columns, which records are checked against.
    schema: SchemaRef,
    wanted: SchemaRef,
    guessed: bool,
}

impl Decoder {
    fn decode(&self, run: &Run) -> Result<RecordBatch> {
        for (row, line) in (run.first_row..).zip(lines(&run.bytes)) {
            check::record(line, &self.schema, self.guessed).map_err(|unfit| unfit.of_row(&self.path, row))?;
        }
        if self.wanted.fields().is_empty() {
            let options = RecordBatchOptions::new().with_row_count(Some(run.records));
            let empty = RecordBatch::try_new_with_options(SchemaRef::clone(&self.wanted), vec![], &options);
            return empty.map_err(|_error| Unfit::NotDecoded.of_row(&self.path, run.first_row));
        }
        if run.records == 0 {
            return Ok(RecordBatch::new_empty(SchemaRef::clone(&self.wanted)));
        }
        match decode(&run.bytes, run.records, &self.wanted) {
            Ok(batch) => Ok(batch),
            Err(_) => Err(self.explain(run)),
        }
    }

    /// The row and column that cannot be decoded, found by trying one at a time.
    fn explain(&self, run: &Run) -> Error {
        let fails = |line: &[u8], schema: &SchemaRef| decode(line, 1, schema).is_err();
        let found = (run.first_row..).zip(lines(&run.bytes)).find(|(_, line)| fails(line, &self.wanted));
        let Some((row, line)) = found else {
            return Unfit::NotDecoded.of_row(&self.path, run.first_row);
        };
        let column = self
            .wanted
            .fields()
            .iter()
            .find(|field: &&Arc<Field>| fails(line, &Arc::new(Schema::new(vec![Arc::clone(field)]))));
        let unfit = column.map_or(Unfit::NotDecoded, |field| Unfit::Column {
            column: field.name().clone(),
            data_type: field.data_type().to_string(),
        });
        unfit.of_row(&self.path, row)
    }
}

fn decode(text: &[u8], records: usize, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let mut decoder =
        ReaderBuilder::new(SchemaRef::clone(schema)).with_batch_size(records).build_decoder()?;
    decoder.decode(text)?;
    let batch = decoder.flush()?.filter(|batch| batch.num_rows() == records);
    batch.ok_or_else(|| ArrowError::JsonError("another number of rows".to_owned()))
}

/// The lines that hold records.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !Lines::is_blank(line))
}
