//! How data objects are sealed.

use serde::{Deserialize, Serialize};

/// How data objects are sealed, where the export has a key; else nothing of it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SealSettings {
    /// Bytes of a frame; default 65,536: readers hold a frame, and shorter ones slow them down.
    pub frame_bytes: u32,
    /// Whether messages are signed, by one thread at about 0.6 GB/s; default false.
    pub signed: bool,
}

impl Default for SealSettings {
    fn default() -> Self {
        Self { frame_bytes: 65_536, signed: false }
    }
}
