//! The batches of one file: its lanes, step by step, side by side.
//!
//! Each step decodes the same number of rows in every lane, all of one stretch. The next step begins before
//! the batch of the last one is handed over, so that one batch is decoded ahead and no more.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::future::{BoxFuture, FutureExt, try_join_all};
use parquet::file::metadata::ParquetMetaData;

use crate::error::Result;
use crate::source::found::corrupt;
use crate::source::logical::{Form, in_form, same_type};
use crate::source::offload::{offload, offload_waiting};
use crate::source::parquet::footer;
use crate::source::parquet::lane::{Lane, Pace, Part, lanes_for};
use crate::source::parquet::stretch::stretches;
use crate::source::parquet::{File, schema};
use crate::source::{Executor, ReadOptions};
use crate::store::ranged::{Blob, Session};

/// What the pieces of the windows take of the reader's bytes; of an object a second one is on its way.
const PIECES_SHARE: u64 = 4;
/// Requests and reads below this are not worth their cost.
const MIN_PIECE_BYTES: u64 = 64 << 10;
const MAX_PIECE_BYTES: u64 = 1 << 20;

/// What one batch takes of the reader's bytes.
const BATCH_SHARE: u64 = 4;
/// Bytes of a batch at most: what is done once a column counts less in larger ones, and they still fit most caches.
const MAX_BATCH_BYTES: u64 = 8 << 20;

/// What the scans of one reader share.
pub(super) struct Context {
    /// The columns that are wanted, of the schema of all files.
    pub(super) schema: SchemaRef,
    pub(super) options: ReadOptions,
    pub(super) session: Session,
}

/// One file being read.
pub(super) struct Scan {
    name: String,
    executor: Executor,
    session: Session,
    remote: bool,
    steps: Vec<Step>,
    columns: Vec<Place>,
    wanted: SchemaRef,
    /// The schema of the batches of this stretch, once there is one.
    schema: Option<SchemaRef>,
    step_rows: u64,
    /// The rows of this and each further stretch that are not handed over.
    rows_left: VecDeque<u64>,
}

type Step = BoxFuture<'static, Result<(Lane, RecordBatch)>>;

/// Where a column of the batches comes from.
enum Place {
    /// A lane and the column's index in it.
    Lane(usize, usize),
    /// The file does not have it.
    Missing(DataType),
}

impl Scan {
    /// Opens a file at a row.
    pub(super) async fn open(file: &File, from_row: u64, context: &Context) -> Result<Self> {
        let executor = &context.options.executor;
        let blob = file.found.open(executor).await?;
        let metadata = footer::read(&blob, executor).await?;
        if blob.size() != file.found.size || metadata.file_metadata().num_rows().unsigned_abs() != file.rows {
            return Err(corrupt(blob.name(), "it changed since the source was opened"));
        }
        let part = Arc::new(part(blob, metadata, from_row, &context.schema)?);
        let pace = pace(&part, &context.options);
        let lanes = part.lanes(&context.session, &pace);
        Ok(Self::start(&part, &pace, lanes, context))
    }

    fn start(part: &Part, pace: &Pace, lanes: Vec<(Lane, Vec<usize>)>, context: &Context) -> Self {
        let columns = context.schema.fields().iter().map(|field| place(field, part, &lanes)).collect();
        let mut scan = Self {
            name: part.blob.name().to_owned(),
            executor: context.options.executor.clone(),
            session: context.session.clone(),
            remote: part.blob.is_remote(),
            steps: Vec::new(),
            columns,
            wanted: Arc::clone(&context.schema),
            schema: None,
            step_rows: pace.batch_rows as u64,
            rows_left: part.stretches.iter().map(|stretch| stretch.rows).collect(),
        };
        scan.step(lanes.into_iter().map(|(lane, _)| lane));
        scan
    }

    /// The next batch; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Some(&left) = self.rows_left.front() else { return Ok(None) };
        let rows = self.step_rows.min(left);
        let done = try_join_all(self.steps.drain(..)).await?;
        let (lanes, batches): (Vec<_>, Vec<_>) = done.into_iter().unzip();
        if batches.iter().any(|batch| batch.num_rows() as u64 != rows) {
            return Err(corrupt(&self.name, "its columns differ in their number of rows"));
        }
        let schema = self.schema.take().unwrap_or_else(|| self.schema_of(&batches));
        if left > rows {
            self.rows_left[0] = left - rows;
            // Batches of one stretch have one schema.
            self.schema = Some(Arc::clone(&schema));
        } else {
            self.rows_left.pop_front();
        }
        self.step(lanes);
        self.assemble(schema, &batches, rows).map(Some)
    }

    /// Starts the next step of the lanes, if there is one.
    fn step(&mut self, lanes: impl IntoIterator<Item = Lane>) {
        if self.rows_left.is_empty() {
            return;
        }
        for lane in lanes {
            let step = self.step_of(lane);
            self.steps.push(step);
        }
    }

    fn step_of(&self, mut lane: Lane) -> Step {
        let executor = self.executor.clone();
        let runtime = self.session.runtime().filter(|_| self.remote).cloned();
        let Some(runtime) = runtime else {
            return offload(&executor, move || decode(lane)).map(Result::flatten).boxed();
        };
        if lane.ask() {
            return offload_waiting(&executor, &runtime, move || decode(lane)).map(Result::flatten).boxed();
        }
        // Only when the columns' bytes are there does the job take a thread.
        let waiting = async move {
            lane = lane.ready().await;
            offload_waiting(&executor, &runtime, move || decode(lane)).await?
        };
        waiting.boxed()
    }

    /// The wanted columns as they are decoded.
    fn schema_of(&self, batches: &[RecordBatch]) -> SchemaRef {
        let fields = self.wanted.fields().iter().zip(&self.columns).map(|(field, place)| match place {
            Place::Lane(lane, index) => {
                let decoded = batches[*lane].schema_ref().field(*index).clone();
                decoded.with_nullable(field.is_nullable())
            }
            Place::Missing(data_type) => field.as_ref().clone().with_data_type(data_type.clone()),
        });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    fn assemble(&self, schema: SchemaRef, batches: &[RecordBatch], rows: u64) -> Result<RecordBatch> {
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let column = |place: &Place| -> ArrayRef {
            match place {
                Place::Lane(lane, index) => Arc::clone(batches[*lane].column(*index)),
                Place::Missing(data_type) => new_null_array(data_type, rows),
            }
        };
        let columns = self.columns.iter().map(column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(schema, columns, &options)
            .map_err(|error| corrupt(&self.name, error))
    }
}

fn decode(mut lane: Lane) -> Result<(Lane, RecordBatch)> {
    match lane.decode()? {
        Some(batch) => Ok((lane, batch)),
        None => Err(lane.short()),
    }
}

/// The part of a file that holds the wanted columns from a row on.
fn part(blob: Blob, metadata: ParquetMetaData, from_row: u64, wanted: &Schema) -> Result<Part> {
    let schema = schema::of_file(&metadata).map_err(|error| corrupt(blob.name(), error))?;
    let mut roots = Vec::new();
    for field in wanted.fields() {
        let Some((root, found)) = schema.fields().find(field.name()) else { continue };
        if !same_type(field.data_type(), found.data_type()) {
            return Err(corrupt(blob.name(), "its schema changed since the source was opened"));
        }
        roots.push(root);
    }
    roots.sort_unstable();
    let rows = metadata.row_groups().iter().map(|group| group.num_rows().unsigned_abs());
    let stretches = stretches(rows, from_row);
    Ok(Part { blob, metadata, schema, roots, stretches })
}

/// How a part is read within the reader's bytes.
fn pace(part: &Part, options: &ReadOptions) -> Pace {
    let windows = part.leaves().max(1) as u64;
    let batch_bytes = (options.bytes / BATCH_SHARE).min(MAX_BATCH_BYTES);
    let rows = (batch_bytes / part.row_bytes().max(1)).max(1);
    Pace {
        batch_rows: usize::try_from(rows).unwrap_or(usize::MAX).min(options.batch_rows.max(1)),
        piece_bytes: (options.bytes / PIECES_SHARE / windows).clamp(MIN_PIECE_BYTES, MAX_PIECE_BYTES),
        lanes: lanes_for(options.executor.threads()),
    }
}

/// Where a column comes from.
fn place(field: &Field, part: &Part, lanes: &[(Lane, Vec<usize>)]) -> Place {
    let in_lane = |root: usize| {
        let mut places = lanes.iter().enumerate();
        places.find_map(|(lane, (_, roots))| Some(Place::Lane(lane, roots.binary_search(&root).ok()?)))
    };
    let found = part.schema.fields().find(field.name());
    let place = found.and_then(|(root, _)| in_lane(root));
    place.unwrap_or_else(|| Place::Missing(in_form(field, Form::View).data_type().clone()))
}
