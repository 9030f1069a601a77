//! The commit: every data object is made visible, and then the manifest says so.
//!
//! It deletes nothing. Its error says whether that is allowed, and what may be visible by then.
//!
//! Invariant: once the manifest was sent, nothing may be deleted, unless the store's failures are final and
//! it has no manifest.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::StreamExt;

use super::owned::{self, Outcome};
use super::{MANIFEST, Ownership, PartReceipt, SEALED_MANIFEST};
use crate::error::{Cause, Error, Result};
use crate::upload::{PutNew, Replaced};

/// The bytes of a manifest, as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "who commits makes it")]
pub struct ManifestFiles {
    /// The manifest as JSON.
    pub json: Bytes,
    /// The same bytes as a sealed message, where the data objects are sealed.
    pub sealed: Option<Bytes>,
}

/// Why a commit failed, and whether its data objects may be deleted.
#[derive(Debug)]
pub struct CommitError {
    error: Error,
    visible: Option<Vec<String>>,
}

impl CommitError {
    /// The data objects to delete; `None`: delete nothing, the snapshot may be complete or another's.
    pub fn cleanup(&self) -> Option<&[String]> {
        self.visible.as_deref()
    }

    /// The error to tell.
    pub fn into_error(self) -> Error {
        self.error
    }
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for CommitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// Completes the data objects, `concurrency` at once, and creates the manifest.
///
/// Run it to its end: a dropped commit may be complete or not.
///
/// # Errors
///
/// When the claim is not ours any more, an object cannot be completed, another's manifest is there, or the
/// store does not say whether ours is. [`CommitError::cleanup`] says what may be deleted then.
pub async fn commit(
    ownership: &Ownership,
    receipts: &[PartReceipt],
    manifest: ManifestFiles,
    concurrency: usize,
) -> Result<(), CommitError> {
    let ours = ownership.still_ours().await;
    ours.map_err(|error| CommitError { error, visible: Some(Vec::new()) })?;

    let ManifestFiles { json, sealed } = manifest;
    let sealed_name = sealed.is_some().then(|| SEALED_MANIFEST.to_owned());
    let names = receipts.iter().map(|receipt| receipt.name.clone());
    let visible = || Some(names.clone().chain(sealed_name.clone()).collect());
    complete_all(ownership, receipts, concurrency)
        .await
        .map_err(|error| CommitError { error, visible: visible() })?;
    // The uploads took their time: a manifest of an owner that was taken over must not be sent.
    ownership.still_ours().await.map_err(|error| CommitError { error, visible: visible() })?;

    if let Some(sealed) = sealed {
        put_sealed(ownership, sealed).await.map_err(|error| CommitError { error, visible: visible() })?;
    }
    put_manifest(ownership, json).await.map_err(|(error, is_certain)| {
        let visible = if is_certain { visible() } else { None };
        CommitError { error, visible }
    })
}

/// The first error; no other completion begins after it, and those under way have ended.
async fn complete_all(ownership: &Ownership, receipts: &[PartReceipt], concurrency: usize) -> Result<()> {
    let has_failed = AtomicBool::new(false);
    let open: Vec<_> =
        receipts.iter().filter_map(|receipt| Some((receipt.open.as_ref()?, receipt.size))).collect();
    let completions: Vec<_> = open
        .into_iter()
        .map(|(open, size)| {
            let has_failed = &has_failed;
            async move {
                if has_failed.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let done = ownership.store.complete(&open.upload, &open.tags, size).await;
                has_failed.fetch_or(done.is_err(), Ordering::Relaxed);
                done
            }
        })
        .collect();
    let mut ends = futures::stream::iter(completions).buffer_unordered(concurrency.max(1));
    let mut first = Ok(());
    while let Some(end) = ends.next().await {
        first = first.and(end);
    }
    first
}

/// Stores the sealed manifest; one that is there is of a dead attempt, since the claim is ours.
async fn put_sealed(ownership: &Ownership, sealed: Bytes) -> Result<()> {
    let store = &ownership.store;
    let problem = match store.put_new(SEALED_MANIFEST, sealed.clone()).await {
        Ok(PutNew::Created(_)) => return Ok(()),
        Ok(PutNew::Exists) => None,
        Err(error) => Some(error),
    };
    match store.get(SEALED_MANIFEST).await? {
        // Our own, whose answer was lost.
        Some((found, _)) if found == sealed => Ok(()),
        Some((_, version)) => match store.replace_if(SEALED_MANIFEST, sealed, &version).await? {
            Replaced::Done(_) => Ok(()),
            Replaced::Changed | Replaced::Locked => Err(Cause::Fenced.into()),
        },
        None => Err(problem.unwrap_or_else(|| Cause::Fenced.into())),
    }
}

/// With the error: whether it is certain that no manifest is there.
async fn put_manifest(ownership: &Ownership, json: Bytes) -> Result<(), (Error, bool)> {
    match owned::create(&*ownership.store, MANIFEST, json, &ownership.owner).await {
        Outcome::Ours => Ok(()),
        Outcome::Theirs(_) => Err((Cause::Committed.into(), false)),
        Outcome::Missing(Some(error)) if ownership.store.traits().failures_are_final => Err((error, true)),
        Outcome::Missing(error) => {
            let source = error.map_or_else(|| "it was refused, and is not there".into(), Into::into);
            Err((Cause::CommitUnknown { source }.into(), false))
        }
        Outcome::Unknown(error) => Err((Cause::CommitUnknown { source: error.into() }.into(), false)),
    }
}
