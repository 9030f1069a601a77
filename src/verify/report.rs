//! What a look at a snapshot tells of it.

use serde::Serialize;

use crate::plan::Format;

/// What [`verify`](super::verify) found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The snapshot, as its manifest calls itself.
    pub snapshot_id: String,
    /// The format of its data objects.
    pub format: Format,
    /// The data objects that the manifest names, in its order.
    pub objects: Vec<ObjectReport>,
    /// Names of data objects that the manifest does not name: a warning, they are no part of the snapshot.
    ///
    /// A reader that lists the prefix instead of reading the manifest takes them for data.
    pub unlisted: Vec<String>,
}

impl VerifyReport {
    /// Whether every object that the manifest names is there and whole.
    pub fn is_intact(&self) -> bool {
        self.faults().next().is_none()
    }

    /// The objects with which something is wrong.
    pub fn faults(&self) -> impl Iterator<Item = &ObjectReport> {
        self.objects.iter().filter(|object| !object.problems.is_empty())
    }

    /// The rows of all objects, as the manifest has them.
    pub fn rows(&self) -> u64 {
        self.objects.iter().map(|object| object.rows).sum()
    }

    /// The bytes of all objects, as the manifest has them.
    pub fn bytes(&self) -> u64 {
        self.objects.iter().map(|object| object.size).sum()
    }
}

/// One data object of a manifest, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ObjectReport {
    /// Its name, relative to the manifest.
    pub name: String,
    /// Its bytes, as the manifest has them.
    pub size: u64,
    /// Its rows, as the manifest has them.
    pub rows: u64,
    /// What is wrong; empty when it is whole.
    pub problems: Vec<Problem>,
}

/// Something that is wrong with a data object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Problem {
    /// It is not there.
    Missing,
    /// It is of another size; nothing of it was read.
    #[non_exhaustive]
    Size {
        /// Bytes, as the manifest has them.
        expected: u64,
        /// Bytes that it has.
        found: u64,
    },
    /// Its bytes are others.
    #[non_exhaustive]
    Checksum {
        /// The checksum in the manifest.
        expected: String,
        /// The checksum of its bytes.
        found: String,
    },
    /// It cannot be opened by the key, or is sealed as another object.
    Sealed,
    /// It holds another number of rows.
    #[non_exhaustive]
    Rows {
        /// Rows, as the manifest has them.
        expected: u64,
        /// Rows that were counted.
        found: u64,
    },
    /// It is not of its format.
    #[non_exhaustive]
    Unreadable {
        /// Rows that were counted before the first one that cannot be read.
        rows: u64,
    },
}

impl Problem {
    /// What is wrong, in one word: `missing`, `size`, `checksum`, `sealed`, `rows` or `unreadable`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Size { .. } => "size",
            Self::Checksum { .. } => "checksum",
            Self::Sealed => "sealed",
            Self::Rows { .. } => "rows",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}
