//! The operations of the API over many exports: create a snapshot, ask how it is.
//!
//! [`SnapshotEngine`] finds a segment in a [`SegmentCatalog`], runs its export on the pool and the budget that
//! all its exports share, and keeps the record of it in a [`JobStore`]. It does not know how the operations
//! came here (HTTP or a call), and not how an export does its work.
//!
//! Invariants: a job that is in progress has a task that records its end, also when a source panics or the
//! engine is dropped; a status message is one of the crate's own fixed texts.

mod builder;
mod catalog;
mod course;
mod job;
mod update;

use std::collections::BTreeMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::{
    CreateSegmentSnapshotRequest, CreateSegmentSnapshotResponse, GetSegmentSnapshotRequest,
    GetSegmentSnapshotResponse,
};
use crate::error::{Cause, Error, Result};
use crate::plan::{DomainName, Plan, SegmentName, SnapshotId, SnapshotKey};

use builder::Means;
use course::Course;

pub use self::builder::SnapshotEngineBuilder;
pub use self::catalog::{LocationCatalog, SegmentCatalog};
pub use self::job::{Job, JobStore, MemoryJobs};
pub use self::update::{SnapshotUpdate, UpdateStream};

/// Runs the snapshots of many segments on one pool and one budget.
///
/// A create call checks the request, finds the segment and opens its source; the export then waits for its
/// turn and runs in the background, on the ambient tokio runtime. Dropping the engine cancels its jobs; each
/// takes away what it wrote, in the background, as long as the runtime lives. [`shutdown`](Self::shutdown)
/// waits for that.
///
/// ```no_run
/// # async fn serve() -> segment_export::Result<()> {
/// use segment_export::api::{CreateSegmentSnapshotRequest, SnapshotStatus};
/// use segment_export::plan::destination::Location;
/// use segment_export::snapshot::{LocationCatalog, SnapshotEngine};
///
/// let catalog = LocationCatalog::new(Location::parse_uri("s3://profiles/segments")?);
/// let engine = SnapshotEngine::builder(catalog).build()?;
/// let request = CreateSegmentSnapshotRequest {
///     domain_name: "shop".into(),
///     segment_definition_name: "gold-members".into(),
///     data_format: "CSV".into(),
///     destination_uri: Some("s3://exports/gold".into()),
///     ..CreateSegmentSnapshotRequest::default()
/// };
/// let created = engine.create_segment_snapshot(&request).await?;
/// let job = engine.wait(created.snapshot_id.parse()?).await?;
/// assert_eq!(job.status, SnapshotStatus::Completed);
/// # Ok(())
/// # }
/// ```
pub struct SnapshotEngine {
    shared: Arc<Shared>,
}

/// What the engine shares with the tasks of its jobs.
struct Shared {
    means: Means,
    /// One permit for each job that runs or waits.
    places: Arc<Semaphore>,
    /// One permit for each job that runs.
    turns: Arc<Semaphore>,
    /// One permit for each source that is being opened.
    openings: Semaphore,
    live: Mutex<BTreeMap<SnapshotId, Live>>,
    /// The parent of the tokens of all jobs.
    cancellation: CancellationToken,
    tasks: TaskTracker,
}

/// A job that has a task.
#[derive(Clone)]
struct Live {
    updates: watch::Receiver<SnapshotUpdate>,
    cancellation: CancellationToken,
}

impl SnapshotEngine {
    /// Begins to put an engine together.
    pub fn builder(catalog: impl SegmentCatalog) -> SnapshotEngineBuilder {
        SnapshotEngineBuilder::new(Arc::new(catalog))
    }

    /// Begins a snapshot of a segment; its export runs in the background.
    ///
    /// Each call begins a snapshot of its own. Dropping the future before it is ready begins none, or cancels
    /// the one that it began.
    ///
    /// # Errors
    ///
    /// `BadRequest` when a field breaks its rule, names a key or a role that the operator gives no
    /// [access](SnapshotEngineBuilder::with_access) to, or the format cannot hold a column; `ResourceNotFound` when
    /// the catalog does not know the segment; `Throttling` when as many jobs run and wait as may; what the role or
    /// the key answered when it was tried; else what the catalog or the job store failed with.
    ///
    /// # Panics
    ///
    /// When it is awaited outside of a tokio runtime.
    pub async fn create_segment_snapshot(
        &self,
        request: &CreateSegmentSnapshotRequest,
    ) -> Result<CreateSegmentSnapshotResponse> {
        let shared = &self.shared;
        let plan = Plan::with_default_destination(request, shared.means.default_destination.as_ref())?;
        let place = shared.place()?;
        let course = Course::prepare(shared, &plan, request.destination_uri.as_deref(), place).await?;
        let id = course.snapshot_id();
        let (begun, has_begun) = oneshot::channel();
        shared.tasks.spawn(course.run(begun).boxed());
        has_begun.await.unwrap_or_else(|_closed| Err(Cause::Panicked.into()))?;
        Ok(CreateSegmentSnapshotResponse { snapshot_id: id.to_string() })
    }

    /// Says how a snapshot is.
    ///
    /// # Errors
    ///
    /// `BadRequest` when a field breaks its rule; `ResourceNotFound` when the segment has no such snapshot;
    /// `Internal` when the job store fails.
    pub async fn get_segment_snapshot(
        &self,
        request: &GetSegmentSnapshotRequest,
    ) -> Result<GetSegmentSnapshotResponse> {
        let key = SnapshotKey::try_from(request)?;
        let job = self.shared.job(key.snapshot_id).await?;
        if job.domain != key.domain || job.segment != key.segment {
            return Err(Cause::UnknownSnapshot.into());
        }
        Ok(job.into())
    }

    /// The recorded snapshots of a segment, in the order of their creation.
    ///
    /// # Errors
    ///
    /// When the job store fails.
    pub async fn list(&self, domain: &DomainName, segment: &SegmentName) -> Result<Vec<Job>> {
        guarded(self.shared.means.jobs.list(domain, segment)).await
    }

    /// Asks a job to end; [`wait`](Self::wait) tells when it has.
    ///
    /// A cancelled job has failed, with a message that says so. One that has ended stays as it is, and a commit
    /// that has begun is not interrupted.
    ///
    /// # Errors
    ///
    /// `ResourceNotFound` when there is no such snapshot; `Internal` when the job store fails.
    pub async fn cancel(&self, snapshot: SnapshotId) -> Result<()> {
        match self.shared.live(snapshot) {
            Some(live) => live.cancellation.cancel(),
            None => drop(self.shared.job(snapshot).await?),
        }
        Ok(())
    }

    /// Waits for the end of a job, its clean-up included.
    ///
    /// Dropping the future does not cancel the job. It does not hold the engine: it is ready also when the engine
    /// is dropped meanwhile. A job of another engine on the same job store is given as it is, without waiting.
    ///
    /// # Errors
    ///
    /// `ResourceNotFound` when there is no such snapshot; `Internal` when the job store fails. A job that
    /// failed is no error: its status says so.
    pub fn wait(&self, snapshot: SnapshotId) -> impl Future<Output = Result<Job>> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        let live = shared.live(snapshot);
        async move {
            let Some(mut live) = live else { return shared.job(snapshot).await };
            let ended = live.updates.wait_for(|update| update.job.has_ended()).await;
            // The task is gone before its end only where the runtime is.
            ended.map(|update| update.job.clone()).map_err(|_closed| Cause::Cancelled.into())
        }
    }

    /// Follows a job: how it is now, then each change, until it has ended.
    ///
    /// Of progress that follows fast only the last is given, but no change of the status is left out; the end is
    /// given when it was recorded. A job of another engine on the same job store is given once, as it is.
    ///
    /// # Errors
    ///
    /// `ResourceNotFound` when there is no such snapshot; `Internal` when the job store fails.
    pub async fn subscribe(&self, snapshot: SnapshotId) -> Result<UpdateStream> {
        match self.shared.live(snapshot) {
            Some(live) => Ok(update::follow(live.updates)),
            None => Ok(update::once(self.shared.job(snapshot).await?)),
        }
    }

    /// Takes no more jobs, cancels the others, and waits for their clean-up.
    ///
    /// Create calls from then on fail with an error that may be tried again elsewhere.
    pub async fn shutdown(&self) {
        let shared = &self.shared;
        shared.places.close();
        shared.cancellation.cancel();
        shared.tasks.close();
        shared.tasks.wait().await;
    }
}

impl Drop for SnapshotEngine {
    fn drop(&mut self) {
        self.shared.cancellation.cancel();
    }
}

impl fmt::Debug for SnapshotEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotEngine")
            .field("live", &self.shared.lock().len())
            .field("budget", &self.shared.means.budget)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn place(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|error| match error {
            TryAcquireError::NoPermits => Cause::QueueFull.into(),
            TryAcquireError::Closed => Cause::Cancelled.into(),
        })
    }

    /// The record of a snapshot, of whichever segment.
    async fn job(&self, snapshot: SnapshotId) -> Result<Job> {
        if let Some(live) = self.live(snapshot) {
            return Ok(live.updates.borrow().job.clone());
        }
        let job = guarded(self.means.jobs.get(snapshot)).await?;
        job.ok_or_else(|| Cause::UnknownSnapshot.into())
    }

    fn live(&self, snapshot: SnapshotId) -> Option<Live> {
        self.lock().get(&snapshot).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SnapshotId, Live>> {
        // Entries are put in and taken out whole: a panic elsewhere cannot leave one half-made.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer of a job store; what it fails or panics with is the engine's own failure.
async fn guarded<T>(answer: impl Future<Output = Result<T>> + Send) -> Result<T> {
    let answer = AssertUnwindSafe(answer).catch_unwind().await;
    let answer = answer.unwrap_or_else(|_panic| Err(Cause::Panicked.into()));
    answer.map_err(|error: Error| Cause::Jobs { source: error.into() }.into())
}
