//! Files of rows of any kind as one source.
//!
//! It tells the kind of files by their names, unites their schemas, and reads one file after another. The
//! kinds themselves are below: `ipc`, `jsonl` and `csv`. Parquet is a source of its own.
//!
//! Invariant: rows come in the order of the files and, in a file, in the order in which they were written.

mod csv;
mod fit;
mod input;
mod ipc;
mod jsonl;
mod kind;
mod runs;

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::Result;
use crate::plan::destination::Location;
use crate::settings::RetrySettings;
use crate::source::found::{self, Found};
use crate::source::logical::{deliver, projected};
use crate::source::memory::only_partition;
use crate::source::union::Union;
use crate::source::{BatchStream, Fingerprint, ParquetSource, ProfileSource, ReadOptions, SizeHint};
use crate::store::StoreOptions;
use crate::store::ranged::Blob;

pub(super) use input::read_range;
use kind::Kind;

/// Files whose heads are read at once when a source is opened.
const HEADS_AT_ONCE: usize = 8;

/// How files are read that do not hold their schema.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FileOptions {
    /// The schema of text files; default `None`: it is guessed. Other kinds bring their own.
    pub schema: Option<SchemaRef>,
    /// Records of each file that a guess rests on, at most; default 10,000.
    pub infer_rows: usize,
    /// Bytes of each file that a guess rests on, at most; default 1 MiB.
    pub infer_bytes: u64,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self { schema: None, infer_rows: 10_000, infer_bytes: 1 << 20 }
    }
}

/// A source of files of any kind, local or in an object store.
///
/// The kind is told by the names: Parquet (`.parquet`), Arrow IPC, as files or streams (`.arrow`, `.feather`,
/// `.ipc`, `.arrows`), JSON lines (`.jsonl`, `.ndjson`, `.json`) and CSV with a header (`.csv`). A single file
/// of another name is taken for Parquet.
///
/// Where the schema does not stand in the files it is given by [`FileOptions`], or guessed from the first
/// records of each file: whole numbers, floats, booleans, texts, lists and objects; dates and times stay text.
/// A later record that does not fit the guess is an error that names its file and row, counted from 0.
///
/// ```no_run
/// # async fn open() -> segment_export::Result<()> {
/// use segment_export::plan::destination::Location;
/// use segment_export::source::{FileOptions, FileSource, ProfileSource};
/// use segment_export::{RetrySettings, StoreOptions};
///
/// let places = vec![Location::Local("profiles/".into())];
/// let (store, retry) = (StoreOptions::default(), RetrySettings::default());
/// let source = FileSource::open(places, &store, &retry, &FileOptions::default()).await?;
/// println!("{} columns", source.schema().fields().len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FileSource(Reader);

#[derive(Debug)]
enum Reader {
    Parquet(ParquetSource),
    Others(Others),
}

impl FileSource {
    /// Opens the files at these places, in this order.
    ///
    /// A place is a file, an object, or a directory or prefix: then all files of these kinds below it, in the
    /// order of their names, without hidden ones (`_` or `.` in front). Columns that only some files have are
    /// NULL in the others. Must be awaited in a tokio runtime.
    ///
    /// # Errors
    ///
    /// When a place does not exist or has no files, files are of different kinds or not of the kind that
    /// their names say, or types differ between files.
    pub async fn open(
        locations: Vec<Location>,
        store: &StoreOptions,
        retry: &RetrySettings,
        options: &FileOptions,
    ) -> Result<Self> {
        let found = found::find(locations, store, retry, kind::is_wanted).await?;
        Ok(Self(match kind::of_all(&found)? {
            Kind::Parquet => Reader::Parquet(ParquetSource::of_files(found).await?),
            Kind::Ipc => Reader::Others(Others::of_ipc(found).await?),
            Kind::Jsonl => Reader::Others(Others::of_jsonl(found, options).await?),
            Kind::Csv => Reader::Others(Others::of_csv(found, options).await?),
        }))
    }

    fn reader(&self) -> &dyn ProfileSource {
        match &self.0 {
            Reader::Parquet(source) => source,
            Reader::Others(source) => source,
        }
    }
}

impl ProfileSource for FileSource {
    fn schema(&self) -> SchemaRef {
        self.reader().schema()
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        self.reader().fingerprint()
    }

    fn partitions(&self) -> usize {
        self.reader().partitions()
    }

    fn size_hint(&self) -> SizeHint {
        self.reader().size_hint()
    }

    fn open(&self, partition: usize, from_row: u64, options: &ReadOptions) -> Result<BatchStream> {
        self.reader().open(partition, from_row, options)
    }
}

/// Files of one kind, other than Parquet, read one after another.
struct Others {
    schema: SchemaRef,
    files: Arc<[Found]>,
    format: Format,
}

/// What is needed to read a file, beside the schema.
#[derive(Clone, Copy, Debug)]
enum Format {
    Ipc,
    Jsonl { guessed: bool },
    Csv { guessed: bool },
}

impl Others {
    async fn of_ipc(found: Vec<Found>) -> Result<Self> {
        let schemas = heads(&found, |blob, reading| async move { ipc::schema(blob, &reading).await }).await?;
        let mut union = Union::default();
        for (file, schema) in found.iter().zip(schemas) {
            union.add(&file.name, &schema)?;
        }
        Ok(Self { schema: union.finish(), files: found.into(), format: Format::Ipc })
    }

    async fn of_jsonl(found: Vec<Found>, options: &FileOptions) -> Result<Self> {
        if let Some(schema) = &options.schema {
            jsonl::check_schema(schema)?;
            let (schema, format) = (SchemaRef::clone(schema), Format::Jsonl { guessed: false });
            return Ok(Self { schema, files: found.into(), format });
        }
        let samples =
            heads(&found, |blob, reading| async move { jsonl::sample(blob, options, &reading).await })
                .await?;
        let mut shapes = jsonl::Shapes::default();
        for (file, sample) in found.iter().zip(samples) {
            shapes.add(&file.name, sample)?;
        }
        let (schema, format) = (shapes.finish(), Format::Jsonl { guessed: true });
        Ok(Self { schema, files: found.into(), format })
    }

    async fn of_csv(found: Vec<Found>, options: &FileOptions) -> Result<Self> {
        if let Some(schema) = &options.schema {
            csv::check_schema(schema)?;
            let (schema, format) = (SchemaRef::clone(schema), Format::Csv { guessed: false });
            return Ok(Self { schema, files: found.into(), format });
        }
        let samples =
            heads(&found, |blob, reading| async move { csv::sample(blob, options, &reading).await }).await?;
        let mut guesses = csv::Guesses::default();
        for columns in samples {
            guesses.add(columns);
        }
        let (schema, format) = (guesses.finish(), Format::Csv { guessed: true });
        Ok(Self { schema, files: found.into(), format })
    }
}

impl Format {
    /// The rows of a file in the columns that are wanted.
    async fn batches(
        self,
        file: &Found,
        wanted: &SchemaRef,
        all: &SchemaRef,
        options: &ReadOptions,
    ) -> Result<BatchStream> {
        let blob = file.open(&options.executor).await?;
        match self {
            Self::Ipc => ipc::batches(blob, wanted, options).await,
            Self::Csv { guessed } => csv::batches(blob, wanted, all, guessed, options).await,
            Self::Jsonl { guessed } => Ok(jsonl::batches(blob, wanted, all, guessed, options)),
        }
    }
}

/// What stands at the head of each file, read on the runtime's threads for work that waits.
async fn heads<T, F>(files: &[Found], read: impl Fn(Blob, ReadOptions) -> F + Send + Sync) -> Result<Vec<T>>
where
    T: Send,
    F: Future<Output = Result<T>> + Send,
{
    let reading = ReadOptions { executor: found::waiting_threads()?, bytes: 0, ..ReadOptions::default() };
    // Not mapped in the stream: a closure that is held over an await would keep the future from being `Send`.
    let heads: Vec<_> = files.iter().map(|file| head(file, &reading, &read)).collect();
    stream::iter(heads).buffered(HEADS_AT_ONCE).try_collect().await
}

async fn head<T, F>(
    file: &Found,
    reading: &ReadOptions,
    read: &(impl Fn(Blob, ReadOptions) -> F + Send + Sync),
) -> Result<T>
where
    F: Future<Output = Result<T>> + Send,
{
    let blob = file.open(&reading.executor).await?;
    read(blob, reading.clone()).await
}

impl ProfileSource for Others {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        Some(Fingerprint { files: self.files.iter().map(Found::fingerprint).collect() })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::new(None, Some(self.files.iter().map(|file| file.size).sum()))
    }

    fn open(&self, partition: usize, from_row: u64, options: &ReadOptions) -> Result<BatchStream> {
        only_partition(partition)?;
        let wanted = projected(&self.schema, options.columns.as_deref())?;
        let (schema, columns) = (SchemaRef::clone(&self.schema), SchemaRef::clone(&wanted));
        let (files, format) = (Arc::clone(&self.files), self.format);
        let all = ReadOptions { columns: None, ..options.clone() };
        let reading = all.clone();
        let batches = stream::iter(0..files.len()).then(move |index| {
            let (file, options) = (files[index].clone(), reading.clone());
            let (schema, columns) = (SchemaRef::clone(&schema), SchemaRef::clone(&columns));
            async move { format.batches(&file, &columns, &schema, &options).await }
        });
        deliver(batches.try_flatten(), wanted, from_row, &all)
    }
}

impl fmt::Debug for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Others").field("files", &self.files.len()).finish_non_exhaustive()
    }
}
