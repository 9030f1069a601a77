//! The course of one export: claim, write, commit, or clean up.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info_span};

use super::Exporter;
use super::check::{Shares, planned_bytes};
use super::clock::{Clock, stage_span};
use super::describe::now;
use super::seal::Messages;
use crate::error::{Cause, Result};
use crate::manifest::{
    Claim, Manifest, ManifestFiles, Ownership, PartReceipt, SEALED_MANIFEST, check_coverage, claim, commit,
};
use crate::progress::{Counters, Progress, Stage};
use crate::source::ByteCounter;
use crate::upload::Uploader;

/// Data objects that are uploaded, and the manifest that is written when they are complete.
struct Described {
    receipts: Vec<PartReceipt>,
    manifest: Manifest,
    files: ManifestFiles,
}

/// An export and what it counts.
pub(super) struct Run {
    pub(super) exporter: Exporter,
    pub(super) counters: Counters,
    pub(super) bytes_read: ByteCounter,
    /// Asked once: it may be dear, and a source of the caller's may panic.
    rows_total: Option<u64>,
    clock: Clock,
}

impl Run {
    pub(super) fn new(exporter: Exporter) -> Self {
        let rows_total = exporter.source.size_hint().rows;
        let clock = Clock::start();
        Self {
            exporter,
            counters: Counters::default(),
            bytes_read: ByteCounter::default(),
            rows_total,
            clock,
        }
    }

    pub(super) fn progress(&self) -> Progress {
        self.counters.progress(self.rows_total, self.bytes_read.bytes())
    }

    /// Tells the observer how far the export is.
    pub(super) fn tell(&self) {
        if let Some(observer) = &self.exporter.observer {
            observer.on_progress(&self.progress());
        }
    }

    fn enter(&self, stage: Stage) {
        self.clock.enter(stage, self.exporter.recorder.as_deref());
        self.counters.enter(stage);
        self.tell();
    }

    /// The whole export.
    pub(super) async fn export(self: Arc<Self>, cancellation: CancellationToken) -> Result<Manifest> {
        let (snapshot, format) = (self.exporter.snapshot_id, self.exporter.format);
        let span = info_span!("export", %snapshot, %format);
        let end = self.claimed(&cancellation).instrument(span).await;
        self.enter(if end.is_ok() { Stage::Completed } else { Stage::Failed });
        if let Some(recorder) = &self.exporter.recorder {
            self.clock.end(&**recorder, format, &end);
        }
        end
    }

    async fn claimed(&self, cancellation: &CancellationToken) -> Result<Manifest> {
        self.enter(Stage::Claiming);
        let exporter = &self.exporter;
        let shares = self.shares();
        let account = exporter.budget.account(shares.floor(), shares.reserve());
        let account = cancellation.run_until_cancelled(account.boxed()).await.ok_or(Cause::Cancelled)??;
        let messages =
            cancellation.run_until_cancelled(self.messages().boxed()).await.ok_or(Cause::Cancelled)??;
        let created = now();
        let claim_of_ours = Claim::new(exporter.owner.clone(), created.clone(), exporter.fingerprint());
        // Not to be cancelled half-way: an answer that nobody hears would leave a claim that nobody gives back.
        let ownership = claim(Arc::clone(&exporter.store), &claim_of_ours, exporter.takeover).boxed().await?;
        let uploader =
            Uploader::new(Arc::clone(&exporter.store), &exporter.settings.upload, self.planned_bytes());

        self.enter(Stage::Writing);
        let writing = self.write(&account, &uploader, messages);
        let writing = self.written(writing, cancellation).instrument(stage_span(Stage::Writing));
        let described = match writing.boxed().await {
            Ok(receipts) => self.described(created, receipts).boxed().await,
            Err(error) => Err(error),
        };
        match described {
            Ok(described) => self.commit(ownership, &uploader, described).await,
            Err(error) => {
                self.enter(Stage::Aborting);
                ownership.abandon(&uploader, &[]).boxed().await;
                Err(error)
            }
        }
    }

    /// Where data objects are sealed: the data key of the first one. A role or a key that cannot be used fails here,
    /// before anything is claimed or read.
    async fn messages(&self) -> Result<Option<Messages>> {
        self.exporter.access.try_role().await?;
        let Some(sealing) = &self.exporter.sealing else { return Ok(None) };
        Messages::begin(sealing, self.exporter.part_names().name(0)).await.map(Some)
    }

    /// The manifest of these data objects, and its sealed form where they are sealed.
    async fn described(&self, created: String, receipts: Vec<PartReceipt>) -> Result<Described> {
        let manifest = self.exporter.manifest(created, &receipts)?;
        let json = Bytes::from(manifest.to_json()?);
        let sealed = match &self.exporter.sealing {
            Some(sealing) => Some(sealing.seal(SEALED_MANIFEST, &json).await?),
            None => None,
        };
        Ok(Described { receipts, manifest, files: ManifestFiles { json, sealed } })
    }

    pub(super) fn shares(&self) -> Shares {
        let exporter = &self.exporter;
        let carried_bytes = exporter.sealing.as_ref().map_or(0, |sealing| sealing.carried_bytes());
        Shares::new(
            &exporter.settings,
            exporter.format,
            self.planned_bytes(),
            &*exporter.store,
            carried_bytes,
        )
    }

    fn planned_bytes(&self) -> u64 {
        planned_bytes(&self.exporter.settings, &self.exporter.budget)
    }

    /// Every row uploaded, nothing visible; a panic of the caller's source is an error like any other.
    async fn written(
        &self,
        writing: impl Future<Output = Result<(Vec<PartReceipt>, Vec<u64>)>> + Send,
        cancellation: &CancellationToken,
    ) -> Result<Vec<PartReceipt>> {
        let writing = AssertUnwindSafe(writing).catch_unwind();
        let end = cancellation.run_until_cancelled(writing).await.ok_or(Cause::Cancelled)?;
        let (receipts, partition_rows) = end.unwrap_or_else(|_panic| Err(Cause::Panicked.into()))?;
        check_coverage(&receipts, &partition_rows)?;
        if cancellation.is_cancelled() {
            return Err(Cause::Cancelled.into());
        }
        Ok(receipts)
    }

    async fn commit(
        &self,
        ownership: Ownership,
        uploader: &Uploader,
        described: Described,
    ) -> Result<Manifest> {
        self.enter(Stage::Committing);
        let Described { receipts, manifest, files } = described;
        let concurrency = self.exporter.settings.upload.complete_concurrency;
        let committing = commit(&ownership, &receipts, files, concurrency);
        let committing = committing.instrument(stage_span(Stage::Committing)).boxed();
        let Err(failure) = committing.await else {
            ownership.finish().boxed().await;
            return Ok(manifest);
        };
        if let Some(visible) = failure.cleanup() {
            self.enter(Stage::Aborting);
            ownership.abandon(uploader, visible).boxed().await;
        } else {
            ownership.leave().await;
        }
        Err(failure.into_error())
    }
}
