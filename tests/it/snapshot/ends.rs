//! How jobs end: cancelled, failed, dropped; and what those who follow them see.

use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::RecordBatch;
use futures::{FutureExt, StreamExt, stream};
use segment_export::api::SnapshotStatus;
use segment_export::plan::SnapshotId;
use segment_export::snapshot::{Job, JobStore, MemoryJobs, SegmentCatalog, SnapshotEngine, SnapshotUpdate};
use segment_export::source::{ProfileSource, StreamSource};
use segment_export::{Error, Progress, Target};
use tokio::sync::Notify;

use super::{Memory, Segments, assert_failed, create, endless, question, run, samples};
use crate::export::{sample, small_chunks};
use crate::support::faulty::{FaultyParts, Operation, deny, fail};
use crate::support::stores::{Place, visible};

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
async fn a_cancelled_job_leaves_nothing_on_any_store() {
    for place in Place::all().await {
        let reached = Arc::new(Notify::new());
        let engine = over(&FaultyParts::over(place.open(), []), endless(&reached));
        let id = create(&engine, "endless").await.unwrap();
        reached.notified().await;
        engine.cancel(id).await.unwrap();
        assert_failed(&engine.wait(id).await.unwrap(), "The export was cancelled.");
        assert_eq!(visible(&*place.open()).await, Vec::<String>::new(), "{place:?}");
        assert_eq!(place.open_uploads(), 0);
    }
}

#[tokio::test]
async fn who_is_told_of_failures_gets_the_whole_error() {
    let told: Arc<Mutex<Vec<(SnapshotId, String)>>> = Arc::default();
    let sink = Arc::clone(&told);
    let catalog = Segments(|_: &str| {
        let failing = stream::iter([Err::<RecordBatch, _>(std::io::Error::other("the database went away"))]);
        let schema = sample("profiles.parquet").schema();
        let source: Arc<dyn ProfileSource> = Arc::new(StreamSource::new(schema, failing));
        Ok(Some(source))
    });
    let told_of = move |job: &Job, error: &Error| {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        sink.lock().unwrap().push((job.snapshot_id, cause));
        panic!("a panic of the caller's changes nothing");
    };
    let engine = Memory::new().engine(catalog).with_failures(told_of).build().unwrap();
    let job = run(&engine, "gold").await;
    assert_failed(&job, "The profiles of the segment could not be read.");
    assert_eq!(*told.lock().unwrap(), [(job.snapshot_id, "the database went away".to_owned())]);
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
