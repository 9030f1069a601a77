//! What is the caller's own goes wrong: sources and catalogs that panic, job stores that fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::{StreamExt, stream};
use segment_export::api::SnapshotStatus;
use segment_export::plan::{DomainName, SegmentName, SnapshotId};
use segment_export::snapshot::{Job, JobStore, MemoryJobs};
use segment_export::source::{BatchStream, Fingerprint, ProfileSource, ReadOptions, SizeHint};
use segment_export::{Error, ErrorKind, Result};
use tokio::sync::Notify;

use super::{Memory, Segments, assert_failed, create, endless, question, run, samples};
use crate::export::{sample, source};

/// Where a source of the caller's panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Catalog,
    Schema,
    Hint,
    Fingerprint,
    Open,
    Stream,
}

struct Panicking(At, RecordBatch, AtomicBool);

impl ProfileSource for Panicking {
    fn schema(&self) -> SchemaRef {
        assert!(self.0 != At::Schema, "canary of a schema");
        self.1.schema()
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        assert!(self.0 != At::Fingerprint, "canary of a fingerprint");
        None
    }

    fn size_hint(&self) -> SizeHint {
        // The builder asks once, the export once more.
        let again = self.2.swap(true, Ordering::SeqCst);
        assert!(self.0 != At::Hint || !again, "canary of a hint");
        SizeHint::default()
    }

    fn open(&self, _: usize, _: u64, _: &ReadOptions) -> Result<BatchStream> {
        assert!(self.0 != At::Open, "canary of an opening");
        let first = stream::iter([Ok(self.1.clone())]);
        Ok(first.chain(stream::once(async { panic!("canary of a stream") })).boxed())
    }
}

#[tokio::test]
async fn a_panic_of_the_callers_fails_its_own_job_only() {
    let rows = sample("profiles.parquet");
    for at in [At::Catalog, At::Schema, At::Hint, At::Fingerprint, At::Open, At::Stream] {
        let rows = rows.clone();
        let catalog = Segments(move |segment: &str| {
            assert!(segment == "gold" || at != At::Catalog, "canary of a catalog");
            let source: Arc<dyn ProfileSource> = if segment == "gold" {
                Arc::new(source(vec![rows.clone()]))
            } else {
                Arc::new(Panicking(at, rows.clone(), AtomicBool::new(false)))
            };
            Ok(Some(source))
        });
        let memory = Memory::new();
        let engine = memory.engine(catalog).build().unwrap();
        let healthy = create(&engine, "gold").await.unwrap();
        match create(&engine, "panicking").await {
            Ok(id) => {
                assert_failed(&engine.wait(id).await.unwrap(), "The export failed inside the service.");
            }
            Err(error) => {
                assert!(matches!(at, At::Catalog | At::Schema), "{at:?}");
                assert_eq!(error.kind(), ErrorKind::Internal);
                assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
            }
        }
        assert_eq!(engine.wait(healthy).await.unwrap().status, SnapshotStatus::Completed);
        assert_eq!(run(&engine, "gold").await.status, SnapshotStatus::Completed);
        assert_eq!(memory.objects().await, 2, "{at:?}");
    }
}

/// A job store that fails on purpose from some call on.
struct FaultyJobs {
    inner: MemoryJobs,
    fails: AtomicBool,
}

#[async_trait]
impl JobStore for FaultyJobs {
    async fn put(&self, job: &Job) -> Result<()> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(Error::from_source("the database went away"));
        }
        self.inner.put(job).await
    }

    async fn get(&self, snapshot: SnapshotId) -> Result<Option<Job>> {
        assert!(!self.fails.load(Ordering::SeqCst), "a job store of the caller's panics");
        self.inner.get(snapshot).await
    }

    async fn list(&self, domain: &DomainName, segment: &SegmentName) -> Result<Vec<Job>> {
        self.inner.list(domain, segment).await
    }
}

#[tokio::test]
async fn a_job_store_that_fails_is_an_internal_error_and_begins_nothing() {
    let memory = Memory::new();
    let jobs = Arc::new(FaultyJobs { inner: MemoryJobs::default(), fails: AtomicBool::new(true) });
    let kept: Arc<dyn JobStore> = Arc::<FaultyJobs>::clone(&jobs);
    let engine = memory.engine(samples()).with_job_store(kept).build().unwrap();
    let error = create(&engine, "gold").await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Internal, true));
    let error = engine.get_segment_snapshot(&question("gold", SnapshotId::from_bytes([7; 16]))).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(memory.objects().await, 0);
}

#[tokio::test]
async fn an_end_that_cannot_be_recorded_is_answered_by_the_engine_itself() {
    let reached = Arc::new(Notify::new());
    let jobs = Arc::new(FaultyJobs { inner: MemoryJobs::default(), fails: AtomicBool::new(false) });
    let kept: Arc<dyn JobStore> = Arc::<FaultyJobs>::clone(&jobs);
    let engine = Memory::new().engine(endless(&reached)).with_job_store(kept).build().unwrap();
    let id = create(&engine, "endless").await.unwrap();
    reached.notified().await;
    jobs.fails.store(true, Ordering::SeqCst);
    engine.cancel(id).await.unwrap();
    assert!(engine.wait(id).await.unwrap().has_ended());
    let answer = engine.get_segment_snapshot(&question("endless", id)).await.unwrap();
    assert_eq!(answer.status, SnapshotStatus::Failed);
}
