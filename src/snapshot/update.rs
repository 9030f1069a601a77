//! What those who follow a job are told.

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::watch;

use super::Job;
use crate::progress::Progress;

/// Updates of one job; the last one is that of its end.
pub type UpdateStream = BoxStream<'static, SnapshotUpdate>;

/// How a job is, and how far its export.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotUpdate {
    /// The record of the job.
    pub job: Job,
    /// How far the export is; that of a job that waits has not begun.
    pub progress: Progress,
}

impl SnapshotUpdate {
    pub(super) fn new(job: Job) -> Self {
        Self { job, progress: Progress::default() }
    }
}

/// The state now, then each change, up to the end of the job.
pub(super) fn follow(updates: watch::Receiver<SnapshotUpdate>) -> UpdateStream {
    let first = true;
    stream::unfold(Some((updates, first)), |state| async move {
        let (mut updates, first) = state?;
        // The sender is gone without an end only where the runtime is.
        if !first && updates.changed().await.is_err() {
            return None;
        }
        let update = updates.borrow_and_update().clone();
        let next = (!update.job.has_ended()).then_some((updates, false));
        Some((update, next))
    })
    .boxed()
}

/// A job that nobody here works on, as it is.
pub(super) fn once(job: Job) -> UpdateStream {
    stream::once(std::future::ready(SnapshotUpdate::new(job))).boxed()
}
