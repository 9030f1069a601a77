//! The typed plan of an export: every field of a request, parsed once.
//!
//! After this module nobody checks a name, a URI or a key again: the types cannot hold a wrong one. It does
//! not look at the source or the destination themselves.

pub mod destination;
mod key;
#[cfg(feature = "kms")]
mod kms;
mod names;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use key::{KeyId, RoleArn};
#[cfg(feature = "kms")]
pub(crate) use kms::KmsName;
pub use names::{DomainName, SegmentName, SnapshotId};

use self::destination::Location;
use crate::api::{CreateSegmentSnapshotRequest, GetSegmentSnapshotRequest};
use crate::error::{Cause, Error};

/// The most characters of a `DestinationUri`.
const MAX_URI_CHARS: usize = 255;

/// What a CreateSegmentSnapshot request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The domain of the segment.
    pub domain: DomainName,
    /// The segment.
    pub segment: SegmentName,
    /// The format of the data objects.
    pub format: Format,
    /// Where the snapshot's own prefix is made.
    pub destination: Location,
    /// The key to encrypt with, if any.
    pub encryption_key: Option<KeyId>,
    /// The role to assume for the destination, if any.
    pub role: Option<RoleArn>,
}

impl Plan {
    /// Parses a request; one without a destination goes to the default one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) that names the first field that breaks its
    /// rule, and the rule; never the value.
    pub fn with_default_destination(
        request: &CreateSegmentSnapshotRequest,
        default: Option<&Location>,
    ) -> Result<Self, Error> {
        let destination = match (&request.destination_uri, default) {
            (Some(uri), _) => destination_uri(uri)?,
            (None, Some(default)) => default.clone(),
            (None, None) => return Err(field("DestinationUri", "is required")),
        };
        Ok(Self {
            domain: request.domain_name.parse()?,
            segment: request.segment_definition_name.parse()?,
            format: request.data_format.parse()?,
            destination,
            encryption_key: KeyId::from_request(request.encryption_key.as_deref())?,
            role: request.role_arn.as_deref().map(str::parse).transpose()?,
        })
    }
}

impl TryFrom<&CreateSegmentSnapshotRequest> for Plan {
    type Error = Error;

    fn try_from(request: &CreateSegmentSnapshotRequest) -> Result<Self, Error> {
        Self::with_default_destination(request, None)
    }
}

fn destination_uri(uri: &str) -> Result<Location, Error> {
    match uri.chars().count() {
        1..=MAX_URI_CHARS => Location::parse_uri(uri),
        _ => Err(field("DestinationUri", "must have 1 to 255 characters")),
    }
}

fn field(field: &'static str, rule: &str) -> Error {
    Cause::Field { field, rule: rule.to_owned() }.into()
}

/// Which snapshot a GetSegmentSnapshot request asks about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct SnapshotKey {
    /// The domain of the segment.
    pub domain: DomainName,
    /// The segment.
    pub segment: SegmentName,
    /// The snapshot.
    pub snapshot_id: SnapshotId,
}

impl TryFrom<&GetSegmentSnapshotRequest> for SnapshotKey {
    type Error = Error;

    fn try_from(request: &GetSegmentSnapshotRequest) -> Result<Self, Error> {
        Ok(Self {
            domain: request.domain_name.parse()?,
            segment: request.segment_definition_name.parse()?,
            snapshot_id: request.snapshot_id.parse()?,
        })
    }
}

/// The format of the data objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum Format {
    /// Comma-separated values with a header row (RFC 4180).
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Apache ORC v1.
    Orc,
}

impl Format {
    /// The name in the API: `CSV`, `JSONL` or `ORC`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Jsonl => "JSONL",
            Self::Orc => "ORC",
        }
    }

    /// The suffix of its data objects, such as `csv`.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Orc => "orc",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "CSV" => Ok(Self::Csv),
            "JSONL" => Ok(Self::Jsonl),
            "ORC" => Ok(Self::Orc),
            _ => Err(field("DataFormat", "must be one of CSV, JSONL, ORC")),
        }
    }
}
