//! STAND-IN: replaced at the merge by the manifest of the upload work.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Cause, Result};
use crate::plan::{Format, SnapshotId};
use crate::upload::PartStore;

/// Stand-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// Stand-in.
    pub snapshot_id: SnapshotId,
    /// Stand-in.
    pub format: Format,
    /// Stand-in.
    pub parts: Vec<PartReceipt>,
}

/// Stand-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartReceipt {
    /// Stand-in.
    pub name: String,
    /// Stand-in.
    pub size: u64,
    /// Stand-in.
    pub rows: u64,
    /// Stand-in.
    pub checksum: Checksum,
}

/// Stand-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Checksum {
    /// Stand-in.
    pub algorithm: String,
    /// Stand-in.
    pub value: String,
}

/// Stand-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AbortReport {
    /// Stand-in.
    pub removed: Vec<String>,
}

pub(crate) async fn read_manifest(store: &Arc<dyn PartStore>) -> Result<Option<Manifest>> {
    let Some((bytes, _)) = store.get("_manifest.json").await? else { return Ok(None) };
    let manifest = serde_json::from_slice(&bytes).map_err(|source| Cause::Malformed {
        what: "the manifest",
        name: "_manifest.json".to_owned(),
        source: Box::new(source),
    })?;
    Ok(Some(manifest))
}

/// Stand-in.
///
/// # Errors
///
/// Always.
pub async fn abort_snapshot(store: &Arc<dyn PartStore>) -> Result<AbortReport> {
    let _ = store;
    Err(Cause::NotAvailable { what: "abort".to_owned() }.into())
}
