//! Records of the caller's own type, turned into batches.
//!
//! Records are gathered into runs of bounded rows and bytes, and each run is converted on the executor by
//! arrow-json's serde decoder. Each record is checked first, since that decoder cuts fractions off and takes the
//! last of two fields of one name. None of its texts is passed on, because they repeat values.

mod check;
mod size;

use std::fmt;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, stream};
use serde::Serialize;
use thiserror::Error as ThisError;

use crate::error::{BoxError, Cause, Error, Result};
use crate::source::logical::deliver;
use crate::source::memory::only_partition;
use crate::source::offload::offload;
use crate::source::records::check::Loss;
use crate::source::stream::take_once;
use crate::source::{BatchStream, ProfileSource, ReadOptions, SizeHint};

/// Runs that are converted at once; more would only hold more records.
const RUNS_AT_ONCE: usize = 4;

/// What a run takes of the reader's bytes: [`RUNS_AT_ONCE`] runs as records, as a tape and as arrays.
const RUN_SHARE: u64 = 16;

/// Bytes of a run at most, for a good pace of the stages after it.
const MAX_RUN_BYTES: u64 = 1 << 20;

/// A source of a stream or iterator of serializable records, which can be read once.
///
/// Each record must serialize to a map or struct whose fields the schema has; a field that is left out is
/// NULL. An error of the stream ends the export and stays reachable through `source()` of its error.
///
/// ```
/// use std::sync::Arc;
/// use arrow::datatypes::{DataType, Field, Schema};
/// use segment_export::source::RecordSource;
///
/// #[derive(serde::Serialize)]
/// struct Row {
///     id: u64,
///     name: Option<String>,
/// }
/// let schema = Schema::new(vec![
///     Field::new("id", DataType::UInt64, false),
///     Field::new("name", DataType::Utf8, true),
/// ]);
/// let rows = (0..3).map(|id| Ok::<_, std::io::Error>(Row { id, name: None }));
/// let source = RecordSource::from_records(Arc::new(schema), rows);
/// # let _ = source;
/// ```
pub struct RecordSource {
    schema: SchemaRef,
    hint: SizeHint,
    open: Mutex<Option<Opener>>,
}

type Opener = Box<dyn FnOnce(SchemaRef, u64, &ReadOptions) -> BatchStream + Send>;

impl RecordSource {
    /// A source of a stream of records, which become rows of this schema.
    pub fn new<S, T, E>(schema: SchemaRef, records: S) -> Self
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        T: Serialize + Send + 'static,
        E: Into<BoxError>,
    {
        let records = records.map(|record| record.map_err(Error::from_source)).boxed();
        let open = |schema, from_row, options: &ReadOptions| batches(records, schema, from_row, options);
        Self { schema, hint: SizeHint::default(), open: Mutex::new(Some(Box::new(open))) }
    }

    /// A source of an iterator of records, which become rows of this schema.
    ///
    /// The iterator is asked on an async thread: one that waits for long is better made a stream.
    pub fn from_records<I, T, E>(schema: SchemaRef, records: I) -> Self
    where
        I: IntoIterator<Item = Result<T, E>, IntoIter: Send + 'static>,
        T: Serialize + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        Self::new(schema, stream::iter(records))
    }

    /// Tells how much there is, for the progress of the export; default: unknown.
    #[must_use]
    pub fn with_size_hint(mut self, hint: SizeHint) -> Self {
        self.hint = hint;
        self
    }
}

impl ProfileSource for RecordSource {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }

    fn open(&self, partition: usize, from_row: u64, options: &ReadOptions) -> Result<BatchStream> {
        only_partition(partition)?;
        self.schema.fields().iter().try_for_each(is_convertible)?;
        let open = take_once(&self.open)?;
        deliver(open(self.schema(), from_row, options), self.schema(), 0, options)
    }
}

impl fmt::Debug for RecordSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordSource").field("hint", &self.hint).finish_non_exhaustive()
    }
}

/// Records that are converted together.
struct Run<T> {
    first_row: u64,
    records: Vec<T>,
}

/// Gathers records into runs.
struct Gather<T> {
    records: BoxStream<'static, Result<T>>,
    row: u64,
    max_rows: usize,
    max_bytes: u64,
}

impl<T: Serialize> Gather<T> {
    /// The next run, or `None` at the end.
    async fn run(&mut self) -> Result<Option<Run<T>>> {
        let mut run = Run { first_row: self.row, records: Vec::new() };
        let mut bytes = 0;
        while run.records.len() < self.max_rows && bytes < self.max_bytes {
            let Some(record) = self.records.next().await.transpose()? else { break };
            bytes += size::of(&record);
            run.records.push(record);
        }
        self.row += run.records.len() as u64;
        Ok((!run.records.is_empty()).then_some(run))
    }
}

fn batches<T: Serialize + Send + 'static>(
    records: BoxStream<'static, Result<T>>,
    schema: SchemaRef,
    from_row: u64,
    options: &ReadOptions,
) -> BatchStream {
    let mut before = from_row;
    let records = records.skip_while(move |record| {
        let skip = before > 0 && record.is_ok();
        before = before.saturating_sub(1);
        futures::future::ready(skip)
    });
    let gather = Gather {
        records: records.boxed(),
        row: from_row,
        max_rows: options.batch_rows.max(1),
        max_bytes: (options.bytes / RUN_SHARE).min(MAX_RUN_BYTES),
    };
    let executor = options.executor.clone();
    let runs = stream::try_unfold(gather, async |mut gather: Gather<T>| {
        let run = gather.run().await?;
        Ok(run.map(|run| (run, gather)))
    });
    let converted = runs.map(move |run: Result<Run<T>>| {
        let schema = Arc::clone(&schema);
        let work = run.map(|run| offload(&executor, move || convert(&run, &schema)));
        async { work?.await? }
    });
    converted.buffered(RUNS_AT_ONCE).boxed()
}

fn convert<T: Serialize>(run: &Run<T>, schema: &SchemaRef) -> Result<RecordBatch> {
    match decode(&run.records, schema, true) {
        Ok(batch) if run.records.iter().all(|record| check::record(record, schema.fields()).is_ok()) => {
            Ok(batch)
        }
        _ => Err(explain(run, schema)),
    }
}

/// The row and column that cannot be converted, found by trying one at a time.
fn explain<T: Serialize>(run: &Run<T>, schema: &SchemaRef) -> Error {
    let index = run.records.iter().position(|record| !fits(record, schema, true)).unwrap_or(0);
    let record = &run.records[index];
    let mut alone = schema.fields().iter().map(|field| Arc::new(Schema::new(vec![Arc::clone(field)])));
    let source = match alone.find(|alone| !fits(record, alone, false)) {
        Some(alone) => unfit(record, alone.field(0)),
        None if fits(record, schema, false) => Unfit::UnknownField,
        None => Unfit::NoRow,
    };
    Cause::Record { row: run.first_row + index as u64, source: Box::new(source) }.into()
}

fn fits<T: Serialize>(record: &T, schema: &SchemaRef, strict: bool) -> bool {
    let decoded = decode(std::slice::from_ref(record), schema, strict);
    decoded.is_ok() && check::record(record, schema.fields()).is_ok()
}

/// What is wrong with what a record has for a column.
fn unfit<T: Serialize>(record: &T, field: &Field) -> Unfit {
    let column = field.name().clone();
    match check::record(record, &Fields::from(vec![field.clone()])) {
        Err(Loss::Twice) => Unfit::Twice { column },
        _ => Unfit::Column { column, data_type: field.data_type().to_string() },
    }
}

/// What is wrong with a record, without its values.
#[derive(Debug, ThisError)]
enum Unfit {
    #[error("the column cannot hold what the record has for it: column=`{column}` type=`{data_type}`")]
    Column { column: String, data_type: String },
    #[error("the record has a field that the schema does not have")]
    UnknownField,
    #[error("the record has a field twice: column=`{column}`")]
    Twice { column: String },
    #[error("the record does not serialize to a struct or map")]
    NoRow,
}

fn decode<T: Serialize>(records: &[T], schema: &SchemaRef, strict: bool) -> Result<RecordBatch, ArrowError> {
    let mut decoder = ReaderBuilder::new(Arc::clone(schema))
        .with_batch_size(records.len())
        .with_strict_mode(strict)
        .build_decoder()?;
    decoder.serialize(records)?;
    let batch = decoder.flush()?;
    batch.ok_or_else(|| ArrowError::JsonError("no rows".to_owned()))
}

fn is_convertible(field: &Arc<Field>) -> Result<()> {
    let schema = Arc::new(Schema::new(vec![Arc::clone(field)]));
    match ReaderBuilder::new(schema).build_decoder() {
        Ok(_) => Ok(()),
        Err(_) => Err(Cause::UnsupportedType {
            format: "a record",
            column: field.name().clone(),
            data_type: field.data_type().to_string(),
        }
        .into()),
    }
}
