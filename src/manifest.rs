//! STAND-IN: replaced at the merge by the manifest of the upload work.

use serde::{Deserialize, Serialize};

use crate::error::{Cause, Result};
use crate::plan::Format;
use crate::upload::PartStore;

/// Stand-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// Stand-in.
    pub snapshot_id: String,
    /// Stand-in.
    pub format: Format,
    /// Stand-in.
    pub parts: Vec<PartReceipt>,
    /// Stand-in.
    pub totals: Totals,
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed {
    /// Stand-in.
    pub objects: Vec<String>,
    /// Stand-in.
    pub uploads: Vec<String>,
}

/// Stand-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Totals {
    /// Stand-in.
    pub parts: u64,
    /// Stand-in.
    pub rows: u64,
    /// Stand-in.
    pub bytes: u64,
}

/// Stand-in.
pub const MANIFEST: &str = "_manifest.json";

/// Stand-in.
///
/// # Errors
///
/// When it cannot be understood.
pub async fn read_manifest(store: &dyn PartStore) -> Result<Option<Manifest>> {
    let Some((bytes, _)) = store.get(MANIFEST).await? else { return Ok(None) };
    let manifest = serde_json::from_slice(&bytes).map_err(|source| Cause::Malformed {
        what: "the manifest",
        name: MANIFEST.to_owned(),
        source: Box::new(source),
    })?;
    Ok(Some(manifest))
}

impl Checksum {
    /// Stand-in.
    pub fn crc64_nvme(value: u64) -> Self {
        use base64::Engine;
        let value = base64::engine::general_purpose::STANDARD.encode(value.to_be_bytes());
        Self { algorithm: "CRC64NVME".to_owned(), value }
    }
}
