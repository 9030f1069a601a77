//! Takes away what an export left that did not commit.

use std::sync::Arc;

use super::claim::delete_parts;
use super::{CLAIM, Claim, MANIFEST, SEALED_MANIFEST, claim};
use crate::error::{Cause, Result};
use crate::upload::PartStore;

/// What was removed of a snapshot that never was complete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed {
    /// Names of the data objects that were visible.
    pub objects: Vec<String>,
    /// Names of the data objects that were begun and not completed, as far as the store knows them.
    pub uploads: Vec<String>,
}

/// Removes what an export left; `None` where nothing of one is.
///
/// `by` is the claim under which it does so. The caller says that the owner is dead: a living one on a
/// store that locks is refused, on others it is fenced off.
///
/// # Errors
///
/// When the snapshot is complete, a living process owns it, or the store fails.
pub async fn abort_snapshot(store: Arc<dyn PartStore>, by: &Claim) -> Result<Option<Removed>> {
    if store.head(MANIFEST).await?.is_some() {
        return Err(Cause::Committed.into());
    }
    let uploads: Vec<_> = store.list_open().await?.into_iter().map(|upload| upload.name).collect();
    let names: Vec<_> = store.list().await?.into_iter().map(|info| info.name).collect();
    let objects: Vec<_> =
        names.iter().filter(|name| super::names::attempt_of(name).is_some()).cloned().collect();
    if uploads.is_empty() && objects.is_empty() && !names.iter().any(|name| name == CLAIM) {
        return Ok(None);
    }
    let ownership = claim(Arc::clone(&store), by, true).await?;
    let removed = remove(&*store).await;
    if removed.is_ok() {
        ownership.release().await?;
    }
    ownership.leave().await;
    removed.map(|()| Some(Removed { objects, uploads }))
}

async fn remove(store: &dyn PartStore) -> Result<()> {
    for upload in store.list_open().await? {
        store.abort(&upload).await?;
    }
    delete_parts(store, |_| true).await?;
    store.delete(SEALED_MANIFEST).await
}
