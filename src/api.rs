//! The wire shapes of the two operations, and of a profile.
//!
//! Strings in, strings out: nothing is checked here. `plan` parses a request once into types that cannot
//! be wrong. JSON keys are in `PascalCase`, as the service writes them; members that are not set are
//! left out, and members that are not known are ignored.

mod profile;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use profile::{Address, ContactPreference, EngagementPreferences, FoundByItem, Profile};

/// Asks for a new snapshot of a segment.
///
/// End a literal with `..CreateSegmentSnapshotRequest::default()`: members that the service adds come in a
/// minor version.
///
/// ```
/// use segment_export::api::CreateSegmentSnapshotRequest;
/// use segment_export::plan::Plan;
///
/// let request = CreateSegmentSnapshotRequest {
///     domain_name: "shop".into(),
///     segment_definition_name: "gold-members".into(),
///     data_format: "CSV".into(),
///     destination_uri: Some("s3://exports/gold".into()),
///     ..CreateSegmentSnapshotRequest::default()
/// };
/// let plan = Plan::try_from(&request)?;
/// assert_eq!(plan.destination.to_string(), "s3://exports/gold");
/// # Ok::<(), segment_export::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(clippy::exhaustive_structs, reason = "callers write literals that end in `..default()`")]
pub struct CreateSegmentSnapshotRequest {
    /// The domain of the segment, a label of the URL: 1 to 64 of `a-zA-Z0-9_-`.
    pub domain_name: String,
    /// The segment, a label of the URL: 1 to 64 of `a-zA-Z0-9_-`.
    pub segment_definition_name: String,
    /// `CSV`, `JSONL` or `ORC`.
    pub data_format: String,
    /// Where the snapshot goes, 1 to 255 characters; without it the default destination, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_uri: Option<String>,
    /// The key to encrypt with, up to 255 characters; empty is the same as none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<String>,
    /// The role to assume for the destination, up to 512 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
}

/// Names the snapshot that was begun.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(clippy::exhaustive_structs, reason = "callers write literals that end in `..default()`")]
pub struct CreateSegmentSnapshotResponse {
    /// Its id: 32 of `a-f0-9`.
    pub snapshot_id: String,
}

/// Asks how a snapshot is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(clippy::exhaustive_structs, reason = "callers write literals that end in `..default()`")]
pub struct GetSegmentSnapshotRequest {
    /// The domain of the segment, a label of the URL.
    pub domain_name: String,
    /// The segment, a label of the URL.
    pub segment_definition_name: String,
    /// The snapshot, a label of the URL: 32 of `a-f0-9`.
    pub snapshot_id: String,
}

/// Says how a snapshot is, and repeats what was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(clippy::exhaustive_structs, reason = "callers write literals that end in `..default()`")]
pub struct GetSegmentSnapshotResponse {
    /// The snapshot.
    pub snapshot_id: String,
    /// How it is.
    pub status: SnapshotStatus,
    /// Why it failed, 1 to 1,000 characters; holds no path, host, ARN or value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
    /// The format that was asked for.
    pub data_format: String,
    /// The key that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<String>,
    /// The role that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The destination that was asked for, without its trailing slash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_uri: Option<String>,
}

/// How a snapshot is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum SnapshotStatus {
    /// The export runs; the default.
    #[default]
    InProgress,
    /// The manifest is written.
    Completed,
    /// The export ended without a manifest.
    Failed,
}

impl SnapshotStatus {
    /// The name on the wire, such as `IN_PROGRESS`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

impl fmt::Display for SnapshotStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
