//! Parquet from object stores: any runtime, any executor, slow and failing stores.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetRange, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use segment_export::ErrorKind;
use segment_export::source::{Executor, ParquetSource, ProfileSource, ReadOptions};
use tokio::sync::{Notify, oneshot};

use super::support::{one_thread, parquet_bytes, read, rows, small_pages, together, with_executor};

/// A store that yields before each answer and counts what is asked for.
#[derive(Debug)]
struct Slow {
    inner: InMemory,
    longest: AtomicU64,
    requests: AtomicU64,
    fault: Fault,
    /// Told when a request hangs.
    hanging: Notify,
}

/// What becomes of requests after so many.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    Fail(u64),
    Hang(u64),
}

impl fmt::Display for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slow")
    }
}

impl Slow {
    fn new(inner: InMemory, fault: Fault) -> Arc<Self> {
        let (longest, requests) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { inner, longest, requests, fault, hanging: Notify::new() })
    }

    async fn note(&self, range: &Range<u64>) -> object_store::Result<()> {
        self.longest.fetch_max(range.end - range.start, Ordering::Relaxed);
        let before = self.requests.fetch_add(1, Ordering::Relaxed);
        match self.fault {
            Fault::Fail(after) if before >= after => {
                Err(object_store::Error::Generic { store: "slow", source: "out of order".into() })
            }
            Fault::Hang(after) if before >= after => {
                self.hanging.notify_one();
                std::future::pending().await
            }
            Fault::None | Fault::Fail(_) | Fault::Hang(_) => Ok(()),
        }
    }
}

#[async_trait]
impl ObjectStore for Slow {
    async fn put_opts(
        &self,
        to: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        self.inner.put_opts(to, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        to: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(to, options).await
    }

    async fn get_opts(&self, from: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        if let Some(GetRange::Bounded(range)) = &options.range {
            self.note(range).await?;
        }
        self.inner.get_opts(from, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

const ROWS: usize = 30_000;

async fn store(fault: Fault) -> Arc<Slow> {
    let inner = InMemory::new();
    let properties = small_pages(false).set_max_row_group_row_count(Some(20_000)).build();
    for (name, from) in [("p/b/1.parquet", ROWS), ("p/a.parquet", 0), ("p/_hidden.parquet", 0)] {
        let bytes = parquet_bytes(&rows(from, ROWS), properties.clone());
        inner.put(&Path::from(name), bytes.into()).await.unwrap();
    }
    Slow::new(inner, fault)
}

async fn open(store: &Arc<Slow>, path: &str) -> Result<ParquetSource, segment_export::Error> {
    ParquetSource::from_store(Arc::clone(store) as Arc<dyn ObjectStore>, vec![Path::from(path)]).await
}

fn options(executor: Executor) -> ReadOptions {
    let mut options = with_executor(executor);
    options.bytes = 1 << 20;
    options
}

async fn all_rows_come(executor: Executor) {
    let store = store(Fault::None).await;
    let source = open(&store, "p").await.unwrap();
    let options = options(executor);
    let batches = read(&source, &options).await.unwrap();
    assert_eq!(together(&batches, &source.schema()), rows(0, 2 * ROWS));
    assert!(store.longest.load(Ordering::Relaxed) <= 1 << 20);
    // Nothing is asked for twice; what is counted are the columns and not the footers.
    assert!(options.bytes_read.bytes() <= source.size_hint().bytes.unwrap());
}

#[tokio::test]
async fn one_thread_reads_on_a_current_thread_runtime() {
    all_rows_come(one_thread()).await;
}

#[tokio::test]
async fn jobs_on_the_polling_thread_do_not_block_a_current_thread_runtime() {
    all_rows_come(Executor::inline()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_thread_reads_on_a_multi_thread_runtime() {
    all_rows_come(one_thread()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_on_the_polling_thread_do_not_block_a_multi_thread_runtime() {
    all_rows_come(Executor::inline()).await;
}

#[tokio::test]
async fn a_job_ends_while_nobody_polls_the_stream() {
    let store = store(Fault::None).await;
    let source = open(&store, "p/a.parquet").await.unwrap();
    let executor = one_thread();
    let mut batches = source.open(0, 0, &options(executor.clone())).unwrap();
    batches.next().await.unwrap().unwrap();
    // Decoding of the next batch is in the queue of the executor's only thread; this job comes after it.
    all_jobs_are_done(&executor).await;
    let rest: Vec<_> = batches.try_collect().await.unwrap();
    assert!(!rest.is_empty());
}

#[tokio::test]
async fn a_request_that_fails_is_the_error_of_the_stream() {
    // Both footers are read twice before the columns; then some pieces come, and then none.
    for fail_after in [1, 4, 6, 12, 20] {
        let store = store(Fault::Fail(fail_after)).await;
        let error = match open(&store, "p/a.parquet").await {
            Ok(source) => read(&source, &options(one_thread())).await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.kind(), ErrorKind::Internal, "{error:?}");
        assert_eq!(error.to_string(), "the source cannot be read: p/a.parquet");
    }
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let store = store(Fault::None).await;
    for path in ["none", "p/a", "q/none.parquet"] {
        let error = open(&store, path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceNotFound);
        assert!(error.to_string().ends_with(path), "{error}");
    }
}

#[tokio::test]
async fn an_object_that_was_replaced_is_refused() {
    let store = store(Fault::None).await;
    let source = open(&store, "p/a.parquet").await.unwrap();
    let bytes = parquet_bytes(&rows(1, ROWS), small_pages(false).build());
    store.inner.put(&Path::from("p/a.parquet"), bytes.into()).await.unwrap();
    let error = read(&source, &options(Executor::inline())).await.unwrap_err();
    assert!(error.to_string().ends_with("p/a.parquet"), "{error}");
}

/// Waits until an executor of one thread has done all that it was given.
async fn all_jobs_are_done(executor: &Executor) {
    let (done, after) = oneshot::channel();
    executor.execute(move || done.send(()).unwrap());
    after.await.unwrap();
}

#[tokio::test]
async fn a_dropped_stream_frees_a_thread_that_waits_for_its_store() {
    // A page of several pieces: decoding it begins when the first one is there, and waits for the others.
    let texts = (0..64).map(|row| Some(format!("{row}").repeat(8 << 10)));
    let column: ArrayRef = Arc::new(texts.collect::<StringArray>());
    let batch = RecordBatch::try_from_iter([("text", column)]).unwrap();
    let properties = small_pages(false).set_dictionary_enabled(false).build();
    let inner = InMemory::new();
    inner.put(&Path::from("a.parquet"), parquet_bytes(&batch, properties).into()).await.unwrap();
    // Two footers and two pieces come.
    let store = Slow::new(inner, Fault::Hang(4));
    let source = open(&store, "a.parquet").await.unwrap();

    let executor = one_thread();
    let mut options = options(executor.clone());
    options.bytes = 64 << 10;
    let mut batches = source.open(0, 0, &options).unwrap();
    let reading = tokio::spawn(async move { batches.next().await.is_some() });
    store.hanging.notified().await;
    reading.abort();
    assert!(reading.await.unwrap_err().is_cancelled());
    all_jobs_are_done(&executor).await;
}
