//! Many jobs on one engine: one budget, one pool, a bounded number that run and that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::future::{join_all, ready};
use futures::{StreamExt, stream};
use segment_export::api::SnapshotStatus;
use segment_export::plan::{DomainName, SegmentName, SnapshotId};
use segment_export::snapshot::{SegmentCatalog, SnapshotEngine};
use segment_export::source::{BatchStream, MemorySource, ProfileSource, ReadOptions, StreamSource};
use segment_export::{Budget, Error, ErrorKind, Result, Stage, verify};
use tokio::sync::Semaphore;

use super::{Memory, Segments, create, samples};
use crate::export::{cut, sample, small_chunks, source};

/// The sample, read by so many exports at once.
struct Counted {
    inner: MemorySource,
    reading: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

/// Counts down when the reader is dropped.
struct Reading(Arc<AtomicUsize>);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ProfileSource for Counted {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    fn open(&self, partition: usize, from_row: u64, options: &ReadOptions) -> Result<BatchStream> {
        let batches = self.inner.open(partition, from_row, options)?;
        let reading = self.reading.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(reading, Ordering::SeqCst);
        let until_dropped = Reading(Arc::clone(&self.reading));
        let batches = batches.inspect(move |_| _ = &until_dropped);
        // Others get their turn between two batches.
        let batches = batches.then(|batch| async {
            tokio::task::yield_now().await;
            batch
        });
        Ok(batches.boxed())
    }
}

/// Fifty create calls at once.
async fn fifty(engine: &SnapshotEngine) -> Vec<Result<SnapshotId, Error>> {
    join_all((0..50).map(|n| async move { create(engine, &format!("segment-{n}")).await })).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_snapshots_at_once_hold_one_budget() {
    let (reading, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let batches = cut(&sample("profiles.parquet").slice(0, 400), 80);
    let catalog = {
        let (reading, most) = (Arc::clone(&reading), Arc::clone(&most));
        Segments(move |_: &str| {
            let (reading, most) = (Arc::clone(&reading), Arc::clone(&most));
            let source: Arc<dyn ProfileSource> =
                Arc::new(Counted { inner: source(batches.clone()), reading, most });
            Ok(Some(source))
        })
    };
    let memory = Memory::new();
    let budget = Budget::new(64 << 20);
    let mut settings = small_chunks();
    settings.memory_budget = 20 << 20;
    let engine = memory
        .engine(catalog)
        .with_settings(settings)
        .with_budget(budget.clone())
        .with_max_concurrent_jobs(3)
        .with_queue_length(50)
        .build()
        .unwrap();
    let ids: Vec<SnapshotId> = fifty(&engine).await.into_iter().collect::<Result<_, _>>().unwrap();
    for job in join_all(ids.iter().map(|id| engine.wait(*id))).await {
        assert_eq!(job.unwrap().status, SnapshotStatus::Completed);
    }
    for id in ids {
        assert!(verify(memory.snapshot(id)).await.unwrap().is_intact());
    }
    assert!(budget.peak() > 0 && budget.peak() <= budget.bytes(), "peak={}", budget.peak());
    let most = most.load(Ordering::SeqCst);
    assert!(most > 1 && most <= 3 && reading.load(Ordering::SeqCst) == 0, "{most} read at once");
}

/// Sources that give their rows when the gate has a permit for them.
fn gated(gate: &Arc<Semaphore>) -> impl SegmentCatalog {
    let (batch, gate) = (sample("profiles.parquet"), Arc::clone(gate));
    Segments(move |_: &str| {
        let (rows, gate) = (batch.clone(), Arc::clone(&gate));
        let rows = stream::once(async move {
            gate.acquire().await.unwrap().forget();
            Ok::<_, Error>(rows)
        });
        let source: Arc<dyn ProfileSource> = Arc::new(StreamSource::new(batch.schema(), rows));
        Ok(Some(source))
    })
}

#[tokio::test]
async fn what_is_beyond_the_queue_is_throttled_and_may_be_tried_again() {
    let gate = Arc::new(Semaphore::new(0));
    let memory = Memory::new();
    let engine =
        memory.engine(gated(&gate)).with_max_concurrent_jobs(1).with_queue_length(9).build().unwrap();
    let (accepted, refused): (Vec<_>, Vec<_>) = fifty(&engine).await.into_iter().partition(Result::is_ok);
    assert_eq!((accepted.len(), refused.len()), (10, 40));
    for error in refused.into_iter().map(Result::unwrap_err) {
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Throttling, true));
    }
    gate.add_permits(50);
    let first = accepted[0].as_ref().unwrap();
    assert_eq!(engine.wait(*first).await.unwrap().status, SnapshotStatus::Completed);
    // Its place is free when its end is known.
    let one_more = create(&engine, "gold").await.unwrap();
    for id in accepted.into_iter().map(Result::unwrap).chain([one_more]) {
        assert_eq!(engine.wait(id).await.unwrap().status, SnapshotStatus::Completed);
    }
    assert_eq!(memory.objects().await, 11);
}

#[tokio::test]
async fn a_budget_of_several_times_as_much_lets_as_many_jobs_run() {
    let gate = Arc::new(Semaphore::new(0));
    let memory = Memory::new();
    let mut settings = small_chunks();
    settings.memory_budget = 20 << 20;
    let engine = memory
        .engine(gated(&gate))
        .with_settings(settings)
        .with_budget(Budget::new(120 << 20))
        .with_max_concurrent_jobs(6)
        .build()
        .unwrap();
    let jobs: Vec<_> = join_all((0..6).map(|_| create(&engine, "gold"))).await;
    for id in jobs.iter().flatten() {
        let updates = engine.subscribe(*id).await.unwrap();
        let writing =
            updates.filter(|update| ready(update.progress.stage == Stage::Writing)).boxed().next().await;
        assert!(writing.is_some(), "it runs beside the others");
    }
    gate.add_permits(6);
    for id in jobs {
        assert_eq!(engine.wait(id.unwrap()).await.unwrap().status, SnapshotStatus::Completed);
    }
}

/// A catalog that takes a while, asked by so many at once.
#[derive(Clone, Default)]
struct Slow {
    opening: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

#[async_trait]
impl SegmentCatalog for Slow {
    async fn open(&self, _: &DomainName, _: &SegmentName) -> Result<Option<Arc<dyn ProfileSource>>> {
        let opening = self.opening.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(opening, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.opening.fetch_sub(1, Ordering::SeqCst);
        Ok(None)
    }
}

#[tokio::test]
async fn few_sources_are_opened_at_once() {
    let catalog = Slow::default();
    let engine = Memory::new().engine(catalog.clone()).build().unwrap();
    for answer in fifty(&engine).await {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::ResourceNotFound);
    }
    assert_eq!(catalog.most.load(Ordering::SeqCst), 8);
}

#[tokio::test]
async fn a_refused_request_takes_no_place() {
    let engine = Memory::new()
        .engine(Segments(|_: &str| Ok(None)))
        .with_max_concurrent_jobs(1)
        .with_queue_length(0)
        .build()
        .unwrap();
    for _ in 0..3 {
        assert_eq!(create(&engine, "gold").await.unwrap_err().kind(), ErrorKind::ResourceNotFound);
    }
}

#[tokio::test]
async fn a_job_that_waits_can_be_cancelled() {
    let gate = Arc::new(Semaphore::new(0));
    let memory = Memory::new();
    let engine =
        memory.engine(gated(&gate)).with_max_concurrent_jobs(1).with_queue_length(1).build().unwrap();
    let runs = create(&engine, "gold").await.unwrap();
    let waits = create(&engine, "gold").await.unwrap();
    engine.cancel(waits).await.unwrap();
    assert_eq!(engine.wait(waits).await.unwrap().status, SnapshotStatus::Failed);
    gate.add_permits(1);
    assert_eq!(engine.wait(runs).await.unwrap().status, SnapshotStatus::Completed);
    assert_eq!(memory.objects().await, 1);
}

#[tokio::test]
async fn engines_may_share_a_pool_and_a_budget() {
    let budget = Budget::new(64 << 20);
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap());
    let memory = Memory::new();
    let engine =
        || memory.engine(samples()).with_budget(budget.clone()).with_pool(Arc::clone(&pool)).build().unwrap();
    for engine in [engine(), engine()] {
        let id = create(&engine, "gold").await.unwrap();
        assert_eq!(engine.wait(id).await.unwrap().status, SnapshotStatus::Completed);
    }
    assert!(budget.peak() > 0 && budget.peak() <= budget.bytes());
}
