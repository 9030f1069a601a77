//! Whole records of a text file, gathered into runs that are decoded at once.
//!
//! Where records end is found in order; the runs are decoded side by side and handed over in their order.

use arrow::array::RecordBatch;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};
use thiserror::Error as ThisError;

use crate::error::{Cause, Error, Result};
use crate::source::files::input::Input;
use crate::source::offload::offload;
use crate::source::{BatchStream, ReadOptions};

/// Runs that are decoded at once; more would only hold more text.
const RUNS_AT_ONCE: usize = 4;

/// What a run takes of the reader's bytes: [`RUNS_AT_ONCE`] runs as text, as a tape and as arrays.
const RUN_SHARE: u64 = 32;

/// Bytes of a run at most, for a good pace of the stages after it.
const MAX_RUN_BYTES: u64 = 1 << 20;

/// What a single record may take of the reader's bytes.
const RECORD_SHARE: u64 = 16;

/// Stands before the text of some files.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Tells where records end.
pub(super) trait Ends: Send + 'static {
    /// The end of the record that these bytes begin or go on with; `None`: it is not in them.
    fn find(&mut self, bytes: &[u8]) -> Option<usize>;

    /// Whether a line is no record at all.
    fn is_blank(line: &[u8]) -> bool;
}

/// Records that are decoded together, blank lines among them.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) first_row: u64,
    pub(super) records: usize,
    pub(super) bytes: Bytes,
}

/// How long runs and records may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) rows: usize,
    pub(super) run_bytes: u64,
    pub(super) record_bytes: u64,
}

impl Limits {
    /// The limits of a reader.
    pub(super) fn of(options: &ReadOptions) -> Self {
        Self {
            rows: options.batch_rows.max(1),
            run_bytes: (options.bytes / RUN_SHARE).clamp(1, MAX_RUN_BYTES),
            record_bytes: options.bytes / RECORD_SHARE,
        }
    }
}

/// Gathers records into runs.
pub(super) struct Runs<E> {
    input: Input,
    ends: E,
    limits: Limits,
    /// Text that is in no run yet, from the beginning of a record on.
    held: BytesMut,
    /// How much of it was searched for ends.
    searched: usize,
    row: u64,
    begun: bool,
    ended: bool,
}

impl<E: Ends> Runs<E> {
    pub(super) fn new(input: Input, ends: E, limits: Limits) -> Self {
        let held = BytesMut::new();
        Self { input, ends, limits, held, searched: 0, row: 0, begun: false, ended: false }
    }

    /// The name of the file.
    pub(super) fn name(&self) -> &str {
        self.input.name()
    }

    /// The first record, which is no row.
    pub(super) async fn header(&mut self) -> Result<Option<Run>> {
        let rows = std::mem::replace(&mut self.limits.rows, 1);
        let run_bytes = std::mem::replace(&mut self.limits.run_bytes, u64::MAX);
        let header = self.next().await?;
        (self.limits.rows, self.limits.run_bytes) = (rows, run_bytes);
        self.row = 0;
        Ok(header)
    }

    /// The next run, or `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Run>> {
        let (mut end, mut records) = (0, 0);
        loop {
            self.search(&mut end, &mut records);
            if records >= self.limits.rows || end as u64 >= self.limits.run_bytes {
                break;
            }
            if self.ended {
                // What a sample cuts off is no record; what the file ends with is one.
                if end < self.held.len() && self.input.reaches_end_of_file() {
                    records += usize::from(!E::is_blank(&self.held[end..]));
                    end = self.held.len();
                }
                break;
            }
            self.check_length(end, records)?;
            self.read().await?;
        }
        let run = Run { first_row: self.row, records, bytes: self.held.split_to(end).freeze() };
        self.searched -= end.min(self.searched);
        self.row += records as u64;
        Ok((end > 0).then_some(run))
    }

    /// Finds ends in what is held, until the run is full.
    fn search(&mut self, end: &mut usize, records: &mut usize) {
        while *records < self.limits.rows && (*end as u64) < self.limits.run_bytes {
            let Some(len) = self.ends.find(&self.held[self.searched..]) else {
                self.searched = self.held.len();
                return;
            };
            self.searched += len;
            *records += usize::from(!E::is_blank(&self.held[*end..self.searched]));
            *end = self.searched;
        }
    }

    fn check_length(&self, end: usize, records: usize) -> Result<()> {
        let (needed, available) = ((self.held.len() - end) as u64, self.limits.record_bytes);
        if needed <= available {
            return Ok(());
        }
        let (path, row) = (self.name().to_owned(), self.row + records as u64);
        Err(Cause::FileOverBudget { path, row, needed, available }.into())
    }

    async fn read(&mut self) -> Result<()> {
        let mut piece = self.input.piece().await?;
        self.ended = piece.is_empty();
        if !self.begun && piece.starts_with(BYTE_ORDER_MARK) {
            piece = piece.slice(BYTE_ORDER_MARK.len()..);
        }
        self.begun = true;
        self.held.extend_from_slice(&piece);
        Ok(())
    }
}

/// The batches of a file whose runs are decoded by `decode`.
pub(super) fn decoded<E, D>(runs: Runs<E>, options: &ReadOptions, decode: D) -> BatchStream
where
    E: Ends,
    D: Fn(&Run) -> Result<RecordBatch> + Clone + Send + 'static,
{
    let executor = options.executor.clone();
    let runs = stream::try_unfold(runs, async |mut runs: Runs<E>| {
        let run = runs.next().await?;
        Ok(run.map(|run| (run, runs)))
    });
    let batches = runs.map(move |run: Result<Run>| {
        let decode = decode.clone();
        let work = run.map(|run| offload(&executor, move || decode(&run)));
        async { work?.await? }
    });
    batches.buffered(RUNS_AT_ONCE).boxed()
}

/// What is wrong with a record, without its values.
#[derive(Debug, ThisError)]
pub(super) enum Unfit {
    #[error("the column cannot hold what the record has for it: column=`{column}` type=`{data_type}`")]
    Column { column: String, data_type: String },
    #[error("the record has a field twice: column=`{column}`")]
    Twice { column: String },
    #[error("the record has a field that the schema does not have")]
    UnknownField,
    #[error("the line is not a JSON object")]
    NoObject,
    #[error("the record has another number of fields than the header: expected={expected} found={found}")]
    FieldCount { expected: usize, found: usize },
    #[error("the record has a quote that is not closed, or a text after one that is")]
    Quotes,
    #[error("the record is not UTF-8")]
    NoUtf8,
    #[error("the record is not decoded")]
    NotDecoded,
}

impl Unfit {
    /// The error of a row of a file.
    pub(super) fn of_row(self, path: &str, row: u64) -> Error {
        Cause::FileRecord { path: path.to_owned(), row, source: Box::new(self) }.into()
    }
}
