//! The course of one export: claim, write, commit, or clean up.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::Exporter;
use super::check::{Shares, planned_bytes};
use super::describe::now;
use crate::budget::Account;
use crate::error::{Cause, Result};
use crate::manifest::{Claim, Manifest, Ownership, PartReceipt, check_coverage, claim, commit};
use crate::progress::{Counters, Progress, Stage};
use crate::source::ByteCounter;
use crate::upload::Uploader;

/// An export and what it counts.
pub(super) struct Run {
    pub(super) exporter: Exporter,
    pub(super) counters: Counters,
    pub(super) bytes_read: ByteCounter,
    /// Asked once: it may be dear, and a source of the caller's may panic.
    rows_total: Option<u64>,
}

impl Run {
    pub(super) fn new(exporter: Exporter) -> Self {
        let rows_total = exporter.source.size_hint().rows;
        Self { exporter, counters: Counters::default(), bytes_read: ByteCounter::default(), rows_total }
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
        self.counters.enter(stage);
        self.tell();
    }

    /// The whole export.
    pub(super) async fn export(self: Arc<Self>, cancellation: CancellationToken) -> Result<Manifest> {
        let end = self.claimed(&cancellation).await;
        self.enter(if end.is_ok() { Stage::Completed } else { Stage::Failed });
        end
    }

    async fn claimed(&self, cancellation: &CancellationToken) -> Result<Manifest> {
        self.enter(Stage::Claiming);
        let exporter = &self.exporter;
        let shares = self.shares();
        let account = exporter.budget.account(shares.floor(), shares.reserve());
        let account = cancellation.run_until_cancelled(account.boxed()).await.ok_or(Cause::Cancelled)??;
        let created = now();
        let claim_of_ours = Claim::new(exporter.owner.clone(), created.clone(), exporter.fingerprint());
        // Not to be cancelled half-way: an answer that nobody hears would leave a claim that nobody gives back.
        let ownership = claim(Arc::clone(&exporter.store), &claim_of_ours, exporter.takeover).boxed().await?;
        let uploader =
            Uploader::new(Arc::clone(&exporter.store), &exporter.settings.upload, self.planned_bytes());

        self.enter(Stage::Writing);
        let written = self.written(&account, &uploader, cancellation).boxed().await;
        let manifest = written.and_then(|receipts| {
            let manifest = exporter.manifest(created, &receipts)?;
            Ok((receipts, manifest))
        });
        match manifest {
            Ok((receipts, manifest)) => self.commit(ownership, &uploader, &receipts, manifest).await,
            Err(error) => {
                self.enter(Stage::Aborting);
                ownership.abandon(&uploader, &[]).boxed().await;
                Err(error)
            }
        }
    }

    pub(super) fn shares(&self) -> Shares {
        let exporter = &self.exporter;
        Shares::new(&exporter.settings, exporter.format, self.planned_bytes(), &*exporter.store)
    }

    fn planned_bytes(&self) -> u64 {
        planned_bytes(&self.exporter.settings, &self.exporter.budget)
    }

    /// Every row uploaded, nothing visible; a panic of the caller's source is an error like any other.
    async fn written(
        &self,
        account: &Account,
        uploader: &Uploader,
        cancellation: &CancellationToken,
    ) -> Result<Vec<PartReceipt>> {
        let writing = AssertUnwindSafe(self.write(account, uploader)).catch_unwind();
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
        receipts: &[PartReceipt],
        manifest: Manifest,
    ) -> Result<Manifest> {
        self.enter(Stage::Committing);
        let concurrency = self.exporter.settings.upload.complete_concurrency;
        let Err(failure) = commit(&ownership, receipts, &manifest, concurrency).boxed().await else {
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
