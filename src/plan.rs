//! The typed plan of an export: every field of a request, parsed once.
//!
//! After this module nobody checks a name, a URI or a key again: the types cannot hold a wrong one. It does
//! not look at the source or the destination themselves.

pub mod destination;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Cause, Error};

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
            _ => Err(Cause::Field { field: "DataFormat", rule: "must be one of CSV, JSONL, ORC".to_owned() }
                .into()),
        }
    }
}
