//! The handle of an export that runs.

use std::fmt;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Exporter;
use super::run::Run;
use crate::error::{Cause, Result};
use crate::manifest::Manifest;
use crate::plan::SnapshotId;
use crate::progress::Progress;

/// An export that runs; dropping it cancels the export, which then cleans up in the background.
pub struct ExportHandle {
    task: Option<JoinHandle<Result<Manifest>>>,
    run: Arc<Run>,
    cancellation: CancellationToken,
    snapshot_id: SnapshotId,
}

impl ExportHandle {
    pub(super) fn spawn(exporter: Exporter) -> Self {
        // A child, so that this handle cancels this export and nothing else of the caller's.
        let cancellation = exporter.cancellation.child_token();
        let snapshot_id = exporter.snapshot_id;
        let run = Arc::new(Run::new(exporter));
        let task = tokio::spawn(Arc::clone(&run).export(cancellation.clone()));
        Self { task: Some(task), run, cancellation, snapshot_id }
    }

    /// The id of the snapshot that is written.
    pub fn snapshot_id(&self) -> SnapshotId {
        self.snapshot_id
    }

    /// How far the export is.
    pub fn progress(&self) -> Progress {
        self.run.progress()
    }

    /// Asks the export to end; [`wait`](Self::wait) tells when it has.
    ///
    /// A commit that has begun is not interrupted.
    pub fn cancel(&self) {
        self.cancellation.cancel();
    }

    /// Waits for the end of the export, its clean-up included; dropping the future cancels it.
    ///
    /// # Errors
    ///
    /// When a stage failed or the export was cancelled.
    pub async fn wait(mut self) -> Result<Manifest> {
        let Some(task) = self.task.as_mut() else { return Err(Cause::Cancelled.into()) };
        let end = task.await;
        self.task = None;
        end.unwrap_or_else(|error| {
            Err(if error.is_panic() { Cause::Panicked } else { Cause::Cancelled }.into())
        })
    }
}

impl Drop for ExportHandle {
    fn drop(&mut self) {
        if self.task.is_some() {
            self.cancellation.cancel();
        }
    }
}

impl fmt::Debug for ExportHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportHandle")
            .field("snapshot_id", &self.snapshot_id)
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}
