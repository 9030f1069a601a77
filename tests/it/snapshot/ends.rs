//! How jobs end: cancelled, failed, panicked, dropped; and what those who follow them see.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::{FutureExt, StreamExt, stream};
use segment_export::api::SnapshotStatus;
use segment_export::plan::{DomainName, SegmentName, SnapshotId};
use segment_export::snapshot::{Job, JobStore, MemoryJobs, SegmentCatalog, SnapshotEngine, SnapshotUpdate};
use segment_export::source::{BatchStream, ProfileSource, ReadOptions, SizeHint, StreamSource};
use segment_export::{Error, ErrorKind, Progress, Result, Target};
use tokio::sync::Notify;

use super::{Memory, Segments, create, question, run, samples};
use crate::export::{cut, sample, small_chunks, source};
use crate::support::faulty::{FaultyParts, Operation, deny, fail};
use crate::support::stores::{Place, visible};

/// The sample as `gold`, and as `endless` the sample without an end.
fn endless(reached: &Arc<Notify>) -> impl SegmentCatalog {
    let (batch, reached) = (sample("profiles.parquet"), Arc::clone(reached));
    Segments(move |segment: &str| {
        let batches = cut(&batch, 500);
        let end = Arc::clone(&reached);
        let never = stream::once(async move {
            end.notify_one();
            std::future::pending::<RecordBatch>().await
        });
        let source: Arc<dyn ProfileSource> = if segment == "endless" {
            let batches = stream::iter(batches).chain(never).map(Ok::<_, Error>);
            Arc::new(StreamSource::new(batch.schema(), batches))
        } else {
            Arc::new(source(batches))
        };
        Ok(Some(source))
    })
}

fn assert_failed(job: &Job, message: &str) {
    assert_eq!(job.status, SnapshotStatus::Failed);
    let text = job.status_message.as_deref().unwrap();
    assert!((1..=1_000).contains(&text.chars().count()));
    assert_eq!(text, message);
}

#[tokio::test]
async fn a_cancelled_job_fails_and_leaves_nothing() {
    let reached = Arc::new(Notify::new());
    let memory = Memory::new();
    let engine = memory.engine(endless(&reached)).build().unwrap();
    let id = create(&engine, "endless").await.unwrap();
    reached.notified().await;
    engine.cancel(id).await.unwrap();
    let job = engine.wait(id).await.unwrap();
    assert_failed(&job, "The export was cancelled.");
    let answer = engine.get_segment_snapshot(&question("endless", id)).await.unwrap();
    assert_eq!((answer.status, answer.status_message), (job.status, job.status_message));
    assert_eq!(memory.objects().await, 0);
    engine.cancel(id).await.unwrap();
    assert_eq!(run(&engine, "gold").await.status, SnapshotStatus::Completed);
}

/// An engine that writes to one place, whose calls go wrong.
fn over(store: &Arc<FaultyParts>, catalog: impl SegmentCatalog) -> SnapshotEngine {
    let store = store.share();
    SnapshotEngine::builder(catalog)
        .with_settings(small_chunks())
        .with_targets(move |_plan| Ok(Target::parts(Arc::clone(&store))))
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_job_that_fails_leaves_nothing_and_says_why() {
    let cases = [
        (fail(Operation::PutPart).always(), "The destination failed."),
        (deny(Operation::Create).always(), "Access to the destination was denied."),
        (fail(Operation::Complete).always(), "The destination failed."),
    ];
    for (rule, message) in cases {
        for place in Place::all().await {
            let store = FaultyParts::over(place.open(), [rule.clone()]);
            let job = run(&over(&store, samples()), "gold").await;
            assert_failed(&job, message);
            assert_eq!(visible(&*place.open()).await, Vec::<String>::new(), "{rule:?} {place:?}");
        }
    }
}

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

    fn fingerprint(&self) -> Option<segment_export::source::Fingerprint> {
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

#[tokio::test]
async fn a_follower_sees_each_status_once_and_the_end_last() {
    let engine = Memory::new().engine(samples()).build().unwrap();
    let id = create(&engine, "gold").await.unwrap();
    let followers = [engine.subscribe(id).await.unwrap(), engine.subscribe(id).await.unwrap()];
    for follower in followers {
        let updates: Vec<SnapshotUpdate> = follower.collect().await;
        let mut statuses: Vec<_> = updates.iter().map(|update| update.job.status).collect();
        assert!(updates.iter().map(|update| update.progress.rows).is_sorted());
        assert_eq!(statuses.iter().filter(|status| **status == SnapshotStatus::Completed).count(), 1);
        statuses.dedup();
        let last: &Progress = &updates.last().unwrap().progress;
        assert_eq!((last.rows, last.parts), (2_000, 1));
        assert_eq!(statuses.last(), Some(&SnapshotStatus::Completed));
    }
    let late: Vec<_> = engine.subscribe(id).await.unwrap().collect().await;
    assert_eq!(late.iter().map(|update| update.job.status).collect::<Vec<_>>(), [SnapshotStatus::Completed]);
}

#[tokio::test]
async fn a_follower_from_the_beginning_sees_a_job_begin_and_fail() {
    let reached = Arc::new(Notify::new());
    let engine = Memory::new().engine(endless(&reached)).build().unwrap();
    let id = create(&engine, "endless").await.unwrap();
    let mut follower = engine.subscribe(id).await.unwrap();
    let mut statuses = vec![follower.next().await.unwrap().job.status];
    reached.notified().await;
    engine.cancel(id).await.unwrap();
    while let Some(update) = follower.next().await {
        statuses.push(update.job.status);
    }
    statuses.dedup();
    assert_eq!(statuses, [SnapshotStatus::InProgress, SnapshotStatus::Failed]);
}

#[tokio::test]
async fn dropping_the_engine_cancels_its_jobs_which_clean_up() {
    let reached = Arc::new(Notify::new());
    let memory = Memory::new();
    let jobs = Arc::new(MemoryJobs::default());
    let kept: Arc<dyn JobStore> = Arc::<MemoryJobs>::clone(&jobs);
    let engine = memory.engine(endless(&reached)).with_job_store(kept).build().unwrap();
    let id = create(&engine, "endless").await.unwrap();
    reached.notified().await;
    let end = engine.wait(id);
    drop(engine);
    assert_failed(&end.await.unwrap(), "The export was cancelled.");
    assert!(jobs.get(id).await.unwrap().unwrap().has_ended());
    assert_eq!(memory.objects().await, 0);
}

#[tokio::test]
async fn a_shutdown_waits_for_the_clean_up_and_refuses_what_comes() {
    let reached = Arc::new(Notify::new());
    let memory = Memory::new();
    let engine = memory.engine(endless(&reached)).build().unwrap();
    let id = create(&engine, "endless").await.unwrap();
    reached.notified().await;
    engine.shutdown().await;
    assert_eq!(memory.objects().await, 0);
    let end = engine.wait(id).now_or_never().expect("it has ended").unwrap();
    assert_failed(&end, "The export was cancelled.");
    let error = create(&engine, "gold").await.unwrap_err();
    assert!(error.is_cancelled() && error.is_retryable());
}

#[tokio::test]
async fn a_create_call_that_is_dropped_leaves_no_job_that_runs() {
    let reached = Arc::new(Notify::new());
    let memory = Memory::new();
    let engine = memory.engine(endless(&reached)).build().unwrap();
    assert!(create(&engine, "endless").now_or_never().is_none(), "its record is not made yet");
    let (domain, segment) = ("shop".parse().unwrap(), "endless".parse().unwrap());
    let jobs = loop {
        let jobs = engine.list(&domain, &segment).await.unwrap();
        if !jobs.is_empty() {
            break jobs;
        }
        tokio::task::yield_now().await;
    };
    let end = tokio::time::timeout(Duration::from_mins(1), engine.wait(jobs[0].snapshot_id)).await;
    assert_failed(&end.expect("it ends").unwrap(), "The export was cancelled.");
    assert_eq!(memory.objects().await, 0);
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
