//! The course of one job: prepared by its create call, recorded, run when its turn comes, recorded again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::builder::settings_of;
use super::{Job, Live, Shared, SnapshotUpdate, guarded};
use crate::error::{Cause, Error, Result};
use crate::export::Exporter;
use crate::manifest::Manifest;
use crate::plan::{Plan, SnapshotId};
use crate::progress::Progress;

/// A job on its way.
pub(super) struct Course {
    shared: Arc<Shared>,
    job: Job,
    exporter: Exporter,
    updates: Arc<watch::Sender<SnapshotUpdate>>,
    cancellation: CancellationToken,
    place: OwnedSemaphorePermit,
}

impl Course {
    /// Finds the segment and checks everything that can be known before the export begins.
    pub(super) async fn prepare(
        shared: &Arc<Shared>,
        plan: &Plan,
        destination_uri: Option<&str>,
        place: OwnedSemaphorePermit,
    ) -> Result<Self> {
        let id = SnapshotId::from_bytes(Uuid::new_v4().as_u128().to_be_bytes());
        let job = Job::new(id, plan, destination_uri);
        let updates = Arc::new(watch::Sender::new(SnapshotUpdate::new(job.clone())));
        let cancellation = shared.cancellation.child_token();
        let exporter = exporter(shared, plan, id, (&updates, &cancellation));
        // What a panic of the catalog or the source says may hold a value: it is not passed on.
        let exporter = AssertUnwindSafe(exporter).catch_unwind().boxed();
        let exporter = cancellation.run_until_cancelled(exporter).await.ok_or(Cause::Cancelled)?;
        let exporter = exporter.unwrap_or_else(|_panic| Err(Cause::Panicked.into()))?;
        Ok(Self { shared: Arc::clone(shared), job, exporter, updates, cancellation, place })
    }

    pub(super) fn snapshot_id(&self) -> SnapshotId {
        self.job.snapshot_id
    }

    /// Runs the job to its end; `begun` is told when it is recorded.
    pub(super) async fn run(self, begun: oneshot::Sender<Result<()>>) {
        let Self { shared, job, exporter, updates, cancellation, place } = self;
        let live = Live { updates: updates.subscribe(), cancellation: cancellation.clone() };
        shared.lock().insert(job.snapshot_id, live);
        if let Err(error) = guarded(shared.means.jobs.put(&job)).await {
            shared.lock().remove(&job.snapshot_id);
            // A create call that is gone does not want to know.
            drop(begun.send(Err(error)));
            return;
        }
        if begun.send(Ok(())).is_err() {
            // The create call is gone, and nobody knows the id.
            cancellation.cancel();
        }
        let end = AssertUnwindSafe(export(&shared, exporter, &cancellation)).catch_unwind().boxed().await;
        let end = end.unwrap_or_else(|_panic| Err(Cause::Panicked.into()));
        drop(place);
        finish(&shared, job, &updates, &end).boxed().await;
    }
}

async fn exporter(
    shared: &Shared,
    plan: &Plan,
    id: SnapshotId,
    (updates, cancellation): (&Arc<watch::Sender<SnapshotUpdate>>, &CancellationToken),
) -> Result<Exporter> {
    let means = &shared.means;
    let (target, access) = ((means.targets)(plan)?, (means.accesses)(plan)?);
    let opening = shared.openings.acquire().await.map_err(|_closed| Cause::Cancelled)?;
    let source = means.catalog.open(&plan.domain, &plan.segment).await?.ok_or(Cause::UnknownSegment)?;
    let updates = Arc::clone(updates);
    let observer = move |progress: &Progress| updates.send_modify(|update| update.progress = *progress);
    let mut export = Exporter::builder(source, target);
    if let Some(recorder) = &means.recorder {
        export = export.with_recorder(Arc::clone(recorder));
    }
    let exporter = export
        .with_access(access)
        .with_format(plan.format)
        .with_settings(settings_of(&means.settings, plan.format))
        .with_snapshot_id(id)
        .with_domain(plan.domain.clone())
        .with_segment(plan.segment.clone())
        .with_store_options(means.store_options.clone())
        .with_pool(Arc::clone(&means.pool))
        .with_budget(means.budget.clone())
        .with_observer(Arc::new(observer))
        .with_cancellation(cancellation.clone())
        .build()?;
    drop(opening);
    exporter.try_access().await?;
    Ok(exporter)
}

/// Waits for the turn of the job, and exports.
async fn export(shared: &Shared, exporter: Exporter, cancellation: &CancellationToken) -> Result<Manifest> {
    let turn = cancellation.run_until_cancelled(Arc::clone(&shared.turns).acquire_owned());
    let Some(Ok(_turn)) = turn.await else { return Err(Cause::Cancelled.into()) };
    exporter.start().wait().await
}

/// Records how the job ended, then tells those who follow it.
async fn finish(
    shared: &Shared,
    mut job: Job,
    updates: &watch::Sender<SnapshotUpdate>,
    end: &Result<Manifest>,
) {
    job.end(end);
    report(shared, &job, end.as_ref().err());
    let id = job.snapshot_id;
    let recorded = guarded(shared.means.jobs.put(&job)).await;
    updates.send_modify(|update| update.job = job);
    match recorded {
        Ok(()) => drop(shared.lock().remove(&id)),
        // The engine goes on to answer for the job itself.
        Err(error) => tracing::error!(snapshot = %id, %error, "the end of a job could not be recorded"),
    }
}

/// Tells the operator. The causes of an error are left out: those of a source may repeat values.
fn report(shared: &Shared, job: &Job, error: Option<&Error>) {
    let Job { snapshot_id: snapshot, domain, segment, .. } = job;
    match error {
        None => tracing::info!(%snapshot, %domain, %segment, "a snapshot is complete"),
        Some(error) => {
            tracing::warn!(%snapshot, %domain, %segment, kind = %error.kind(), %error, "a snapshot failed");
            let Some(failures) = &shared.means.failures else { return };
            if catch_unwind(AssertUnwindSafe(|| failures(job, error))).is_err() {
                tracing::error!(%snapshot, "who is told of failures panicked");
            }
        }
    }
}
