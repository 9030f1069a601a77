//! Where the rows come from: Arrow batches in a fixed order.
//!
//! A source knows its schema before it is read and gives the same rows in the same order each time it is
//! opened. It does not choose rows or rename columns (that is `shape`), and it does not cut chunks (`batch`).
//!
//! Invariant: the schema is logical. A batch may carry a string column in any physical form (plain, large,
//! view, dictionary), and another one in the next batch: the output is the same.

mod files;
mod found;
mod logical;
mod loss;
mod memory;
mod offload;
mod parquet;
mod records;
mod stream;
mod union;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::error::Result;

pub use files::{FileOptions, FileSource};
pub(crate) use logical::check_batch;
pub use memory::MemorySource;
pub use parquet::ParquetSource;
pub use records::RecordSource;
pub use stream::StreamSource;

/// Batches of rows, in order.
pub type BatchStream = BoxStream<'static, Result<RecordBatch>>;

/// A source of the profiles of one segment.
///
/// Sources of this crate read files (Parquet, Arrow IPC, JSON lines, CSV), batches in memory, streams of batches
/// and streams of structs; implement this for anything else.
pub trait ProfileSource: Send + Sync + 'static {
    /// The columns, known before a row is read; string columns in any of their physical forms.
    fn schema(&self) -> SchemaRef;

    /// What tells this source's rows from another's; default `None`: the source can be read once only.
    fn fingerprint(&self) -> Option<Fingerprint> {
        None
    }

    /// How many parts of the source can be read apart; default 1.
    fn partitions(&self) -> usize {
        1
    }

    /// How much there is to read, as far as it is known; default: unknown.
    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }

    /// Opens one partition at a row, counted from the start of the partition.
    ///
    /// The batches hold just the columns of [`ReadOptions::columns`], in the order of the schema.
    ///
    /// # Errors
    ///
    /// When the source cannot be read, or is read twice and has no fingerprint.
    fn open(&self, partition: usize, from_row: u64, options: &ReadOptions) -> Result<BatchStream>;
}

impl<S: ProfileSource + ?Sized> ProfileSource for Arc<S> {
    fn schema(&self) -> SchemaRef {
        (**self).schema()
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        (**self).fingerprint()
    }

    fn partitions(&self) -> usize {
        (**self).partitions()
    }

    fn size_hint(&self) -> SizeHint {
        (**self).size_hint()
    }

    fn open(&self, partition: usize, from_row: u64, options: &ReadOptions) -> Result<BatchStream> {
        (**self).open(partition, from_row, options)
    }
}

/// What a reader needs to know of the export that reads.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Indices of the top-level columns wanted, ascending; `None`: all.
    pub columns: Option<Vec<usize>>,
    /// Rows of a batch at most.
    pub batch_rows: usize,
    /// Bytes that the reader may hold: pages, read-ahead and batches not yet handed over.
    pub bytes: u64,
    /// Where work for the processor goes, off the async threads.
    pub executor: Executor,
    /// Counts the bytes that were read, for the progress of the export.
    pub bytes_read: ByteCounter,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            columns: None,
            batch_rows: 8192,
            bytes: 32 << 20,
            executor: Executor::inline(),
            bytes_read: ByteCounter::default(),
        }
    }
}

/// A job for an [`Executor`].
pub type Job = Box<dyn FnOnce() + Send + 'static>;

/// Runs jobs on the threads of the export.
#[derive(Clone)]
pub struct Executor {
    run: Arc<dyn Fn(Job) + Send + Sync>,
    threads: usize,
}

impl Executor {
    /// An executor that hands each job to `run`, which must run it once and must not wait for it.
    ///
    /// It is taken to have any number of threads, unless [`with_threads`](Self::with_threads) says otherwise.
    pub fn new(run: impl Fn(Job) + Send + Sync + 'static) -> Self {
        Self { run: Arc::new(run), threads: usize::MAX }
    }

    /// An executor that runs each job at once, on the calling thread.
    pub fn inline() -> Self {
        Self::new(|job| job()).with_threads(1)
    }

    /// The same with so many threads, at least one: work is cut into no more jobs than they can use.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads: threads.max(1), ..self }
    }

    /// Threads that run jobs side by side; `usize::MAX` where that is not known.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Hands a job over.
    pub fn execute(&self, job: impl FnOnce() + Send + 'static) {
        (self.run)(Box::new(job));
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Executor")
    }
}

/// A count of bytes that many threads may add to.
#[derive(Clone, Debug, Default)]
pub struct ByteCounter(Arc<AtomicU64>);

impl ByteCounter {
    /// Adds bytes.
    pub fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The bytes so far.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How much a source holds, as far as it is known before reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SizeHint {
    /// Rows over all partitions.
    pub rows: Option<u64>,
    /// Bytes that reading all columns takes.
    pub bytes: Option<u64>,
}

impl SizeHint {
    /// A hint of rows and bytes.
    pub fn new(rows: Option<u64>, bytes: Option<u64>) -> Self {
        Self { rows, bytes }
    }
}

/// What tells the rows of one source from those of another: names, sizes and versions of its files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fingerprint {
    /// The files or objects, in the order in which they are read.
    pub files: Vec<FingerprintFile>,
}

/// One file or object of a [`Fingerprint`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FingerprintFile {
    /// Its path or URI, without credentials.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its `ETag`, version or time of change, if there is one.
    pub version: Option<String>,
}

impl FingerprintFile {
    /// A file of this name, size and version.
    pub fn new(name: impl Into<String>, size: u64, version: Option<String>) -> Self {
        Self { name: name.into(), size, version }
    }
}
