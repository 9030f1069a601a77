//! Parquet files: single ones, directories and prefixes of object stores, as one source.
//!
//! The footers are read once at the beginning, to unite the schemas, and again when their file's turn comes:
//! of many files no metadata is kept but sizes and row counts. Rows are decoded by `parquet`'s own reader,
//! over windows of bounded size, on the executor of the export.
//!
//! Invariant: rows come in the order of the files and, in a file, in the order in which they were written.

mod column;
mod footer;
mod lane;
mod scan;
mod schema;
mod stretch;

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStore;
use object_store::path::Path;
use tokio_util::sync::DropGuard;

use crate::error::{Cause, Result};
use crate::plan::destination::Location;
use crate::settings::RetrySettings;
use crate::source::found::{self, Found, Root, corrupt};
use crate::source::logical::projected;
use crate::source::memory::only_partition;
use crate::source::union::Union;
use crate::source::{BatchStream, Executor, Fingerprint, ProfileSource, ReadOptions, SizeHint};
use crate::store::StoreOptions;
use crate::store::ranged::Session;

use scan::{Context, Scan};

/// Footers that are read at once when a source is opened.
const FOOTERS_AT_ONCE: usize = 8;

/// A source of Parquet files, local or in an object store.
///
/// Columns that only some files have are NULL in the others; a column must have one type in all files.
///
/// ```no_run
/// # async fn open() -> segment_export::Result<()> {
/// use segment_export::plan::destination::Location;
/// use segment_export::source::{ParquetSource, ProfileSource};
/// use segment_export::{RetrySettings, StoreOptions};
///
/// let place = vec![Location::Local("profiles/".into())];
/// let source = ParquetSource::open(place, &StoreOptions::default(), &RetrySettings::default()).await?;
/// println!("{:?} rows", source.size_hint().rows);
/// # Ok(())
/// # }
/// ```
pub struct ParquetSource {
    schema: SchemaRef,
    files: Arc<[File]>,
}

/// A file and how many rows it holds.
#[derive(Clone)]
struct File {
    found: Found,
    rows: u64,
}

impl ParquetSource {
    /// Opens the files at these places, in this order.
    ///
    /// A place is a file, an object, or a directory or prefix: then all files below it whose names end in
    /// `.parquet`, in the order of their names, without hidden ones (`_` or `.` in front). Must be awaited
    /// in a tokio runtime.
    ///
    /// # Errors
    ///
    /// When a place does not exist or has no files, a file is not Parquet, or types differ between files.
    pub async fn open(
        locations: Vec<Location>,
        options: &StoreOptions,
        retry: &RetrySettings,
    ) -> Result<Self> {
        let found = found::find(locations, options, retry, is_parquet).await?;
        Self::of_files(found).await
    }

    /// Opens the objects at these paths of a store of the caller's own, or below them.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn from_store(store: Arc<dyn ObjectStore>, paths: Vec<Path>) -> Result<Self> {
        let root = Root { store, prefix: String::new() };
        let mut found = Vec::new();
        for path in paths {
            found.extend(found::remote(&root, &path, is_parquet).await?);
        }
        Self::of_files(found).await
    }

    /// Opens files that were found.
    pub(super) async fn of_files(found: Vec<Found>) -> Result<Self> {
        let executor = found::waiting_threads()?;
        let footers = stream::iter(found).map(|found| {
            let executor = executor.clone();
            async move { summary(found, &executor).await }
        });
        let mut footers = footers.buffered(FOOTERS_AT_ONCE).boxed();
        let mut union = Union::default();
        let mut files = Vec::new();
        while let Some((file, schema)) = footers.try_next().await? {
            union.add(&file.found.name, &schema)?;
            files.push(file);
        }
        if files.is_empty() {
            return Err(Cause::SourceEmpty { path: "no place was given".to_owned() }.into());
        }
        Ok(Self { schema: union.finish(), files: files.into() })
    }
}

impl ProfileSource for ParquetSource {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        Some(Fingerprint { files: self.files.iter().map(|file| file.found.fingerprint()).collect() })
    }

    fn size_hint(&self) -> SizeHint {
        let rows = self.files.iter().map(|file| file.rows).sum();
        let bytes = self.files.iter().map(|file| file.found.size).sum();
        SizeHint::new(Some(rows), Some(bytes))
    }

    fn open(&self, partition: usize, from_row: u64, options: &ReadOptions) -> Result<BatchStream> {
        only_partition(partition)?;
        let counter = options.bytes_read.clone();
        let (session, guard) = Session::begin(move |bytes| counter.add(bytes));
        let schema = projected(&self.schema, options.columns.as_deref())?;
        let reader = Reader {
            files: Arc::clone(&self.files),
            next_file: 0,
            from_row,
            scan: None,
            context: Context { schema, options: options.clone(), session },
            _guard: guard,
        };
        let batches = stream::try_unfold(reader, async |mut reader| {
            let batch = reader.next().await?;
            Ok(batch.map(|batch| (batch, reader)))
        });
        Ok(batches.boxed())
    }
}

impl fmt::Debug for ParquetSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetSource").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

/// Reads one file after another.
struct Reader {
    files: Arc<[File]>,
    next_file: usize,
    /// Rows that are still to be passed over.
    from_row: u64,
    scan: Option<Scan>,
    context: Context,
    /// Ends the requests of all windows, and wakes who waits for them, when the stream is dropped.
    _guard: DropGuard,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<arrow::array::RecordBatch>> {
        loop {
            if let Some(scan) = &mut self.scan
                && let Some(batch) = scan.next().await?
            {
                return Ok(Some(batch));
            }
            // What the last file holds is let go before the next one is opened.
            self.scan = None;
            let Some(file) = self.files.get(self.next_file) else { return Ok(None) };
            self.next_file += 1;
            if self.from_row >= file.rows {
                self.from_row -= file.rows;
                continue;
            }
            self.scan = Some(Scan::open(file, self.from_row, &self.context).await?);
            self.from_row = 0;
        }
    }
}

async fn summary(found: Found, executor: &Executor) -> Result<(File, Schema)> {
    let blob = found.open(executor).await?;
    let metadata = footer::read(&blob, executor).await?;
    let schema = schema::of_file(&metadata).map_err(|error| corrupt(blob.name(), error))?;
    let rows = metadata.file_metadata().num_rows().unsigned_abs();
    Ok((File { found, rows }, schema))
}

fn is_parquet(name: &str) -> bool {
    name.ends_with(".parquet")
}
