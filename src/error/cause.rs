//! The situations behind an error: what each one says, of which kind it is, and what may be told to anyone.

use std::io;

use thiserror::Error as ThisError;

use super::foreign::{box_kind, io_kind};
use super::{BoxError, ErrorKind};

/// One variant per situation; facts stand last.
#[derive(Debug, ThisError)]
pub(crate) enum Cause {
    // The request, the settings, the schema.
    #[error("{field} {rule}")]
    Field { field: &'static str, rule: String },
    #[error("setting `{name}` {rule}")]
    Setting { name: String, rule: String },
    #[error("no such column: column=`{column}`")]
    UnknownColumn { column: String },
    #[error("two columns have one name: first=`{first}` second=`{second}`")]
    ColumnClash { first: String, second: String },
    #[error("{format} cannot hold the type of this column: column=`{column}` type=`{data_type}`")]
    UnsupportedType { format: &'static str, column: String, data_type: String },
    #[error("{what} is not available yet")]
    NotAvailable { what: String },

    // The source.
    #[error("the source does not exist: {path}")]
    SourceMissing { path: String },
    #[error("the source cannot be read: {path}")]
    SourceUnreadable { path: String, source: BoxError },
    #[error("the source is corrupt or of another format: {path}")]
    SourceCorrupt { path: String, source: BoxError },
    #[error("the source has no files: {path}")]
    SourceEmpty { path: String },
    #[error(
        "the files of the source differ: file={path} column=`{column}` expected=`{expected}` found=`{found}`"
    )]
    SchemaMismatch { path: String, column: String, expected: String, found: String },
    #[error("a batch does not fit the schema of the source: column=`{column}`")]
    BatchMismatch { column: String },
    #[error("a record cannot be turned into a row: row={row}")]
    Record { row: u64, source: BoxError },
    #[error("a record of a file cannot be turned into a row: {path} row={row}")]
    FileRecord { path: String, row: u64, source: BoxError },
    #[error("the files of a source must be of one kind: {first} {second}")]
    MixedKinds { first: String, second: String },
    #[error(
        "rows of a file do not fit the memory budget: {path} row={row} needed={needed} available={available}"
    )]
    FileOverBudget { path: String, row: u64, needed: u64, available: u64 },
    #[error("the source was read already and cannot be read twice")]
    SourceSpent,
    #[error("the source failed")]
    Source { source: BoxError },

    // The rows.
    #[error("{problem}: column=`{column}` row={row}")]
    Value { problem: &'static str, column: String, row: u64 },
    #[error("encoding failed")]
    Encode { source: BoxError },
    /// Column and row of the largest cell among them.
    #[error(
        "rows do not fit the memory budget: needed={needed} available={available} column=`{column}` row={row}"
    )]
    OverBudget { needed: u64, available: u64, column: String, row: u64 },
    #[error("a stage panicked")]
    Panicked,
    #[error("cancelled")]
    Cancelled,

    // The destination.
    #[error("{operation} failed: {name}")]
    Store { operation: &'static str, name: String, kind: ErrorKind, source: BoxError },
    #[error("the store of the caller failed")]
    ForeignStore { kind: ErrorKind, source: BoxError },
    #[error("{operation} failed: {path}")]
    Io { operation: &'static str, path: String, source: io::Error },
    #[error("the object would need more parts than the store takes: parts={parts}")]
    TooManyParts { parts: u64 },
    #[error("timed out: {operation}")]
    TimedOut { operation: &'static str },

    // The claim and the commit.
    #[error("another export owns this snapshot id; take it over with `takeover` when that one is dead")]
    Claimed,
    #[error("another export took this snapshot id over")]
    Fenced,
    #[error("this snapshot id is already complete at the destination")]
    Committed,
    #[error("the store did not say whether the snapshot was committed; nothing was deleted")]
    CommitUnknown { source: BoxError },
    #[error("the parts do not cover the rows exactly: {what}")]
    Coverage { what: String },
    #[error("{what} cannot be understood: {name}")]
    Malformed { what: &'static str, name: String, source: BoxError },
    #[error("no snapshot is at this place: {name}")]
    NoSnapshot { name: String },

    // Encryption.
    #[error("the encrypted object cannot be opened: {problem}")]
    Sealed { problem: &'static str },
    #[error("encryption failed: {what}")]
    Sealing { what: &'static str },
    #[error("{operation} failed: {key}")]
    Key { operation: &'static str, key: String, kind: ErrorKind, source: BoxError },
    #[cfg(feature = "kms")]
    #[error("assuming the role failed: {role}")]
    Role { role: String, kind: ErrorKind, source: BoxError },

    // The engine.
    #[error("no such segment")]
    UnknownSegment,
    #[error("no such snapshot of this segment")]
    UnknownSnapshot,
    #[error("as many snapshots are in progress as may be")]
    QueueFull,
    #[error("the job store failed")]
    Jobs { source: BoxError },
}

impl Cause {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Field { .. }
            | Self::Setting { .. }
            | Self::UnknownColumn { .. }
            | Self::ColumnClash { .. }
            | Self::UnsupportedType { .. }
            | Self::NotAvailable { .. }
            | Self::SourceCorrupt { .. }
            | Self::SourceEmpty { .. }
            | Self::SchemaMismatch { .. }
            | Self::BatchMismatch { .. }
            | Self::Record { .. }
            | Self::FileRecord { .. }
            | Self::MixedKinds { .. }
            | Self::FileOverBudget { .. }
            | Self::SourceSpent
            | Self::Value { .. }
            | Self::OverBudget { .. }
            | Self::TooManyParts { .. }
            | Self::Claimed
            | Self::Fenced
            | Self::Committed
            | Self::Malformed { .. }
            | Self::Sealed { .. } => ErrorKind::BadRequest,
            Self::SourceMissing { .. }
            | Self::NoSnapshot { .. }
            | Self::UnknownSegment
            | Self::UnknownSnapshot => ErrorKind::ResourceNotFound,
            Self::QueueFull => ErrorKind::Throttling,
            Self::Store { kind, .. } | Self::ForeignStore { kind, .. } | Self::Key { kind, .. } => *kind,
            #[cfg(feature = "kms")]
            Self::Role { kind, .. } => *kind,
            Self::SourceUnreadable { source, .. } => box_kind(source),
            Self::Io { source, .. } => io_kind(source),
            Self::Source { .. }
            | Self::Encode { .. }
            | Self::Panicked
            | Self::Cancelled
            | Self::TimedOut { .. }
            | Self::CommitUnknown { .. }
            | Self::Coverage { .. }
            | Self::Sealing { .. }
            | Self::Jobs { .. } => ErrorKind::Internal,
        }
    }

    pub(super) fn is_retryable(&self) -> bool {
        match self.kind() {
            ErrorKind::Throttling => true,
            ErrorKind::AccessDenied | ErrorKind::BadRequest | ErrorKind::ResourceNotFound => false,
            ErrorKind::Internal => !matches!(
                self,
                Self::Encode { .. }
                    | Self::Panicked
                    | Self::Coverage { .. }
                    | Self::CommitUnknown { .. }
                    | Self::Sealing { .. }
            ),
        }
    }

    pub(super) fn public_message(&self) -> &'static str {
        match self {
            Self::Field { .. } => "A field of the request breaks its rule.",
            Self::Setting { .. } => "A setting breaks its rule.",
            Self::UnknownColumn { .. } => "A column that was asked for does not exist.",
            Self::ColumnClash { .. } => "Two columns of the output would have the same name.",
            Self::UnsupportedType { .. } => "The format cannot hold the type of a column.",
            Self::NotAvailable { .. } => "What was asked for is not available yet.",
            Self::SourceMissing { .. } | Self::SourceEmpty { .. } => {
                "The profiles of the segment do not exist."
            }
            Self::SourceUnreadable { .. } | Self::Source { .. } | Self::SourceSpent => {
                "The profiles of the segment could not be read."
            }
            Self::SourceCorrupt { .. } | Self::SchemaMismatch { .. } | Self::BatchMismatch { .. } => {
                "The profiles of the segment are corrupt or of unequal shape."
            }
            Self::MixedKinds { .. } => "The profiles of the segment are files of different kinds.",
            Self::Record { .. } | Self::FileRecord { .. } => "A profile could not be turned into a row.",
            Self::Value { .. } => "A profile holds a value that the format cannot hold.",
            Self::Encode { .. }
            | Self::Panicked
            | Self::Coverage { .. }
            | Self::Sealing { .. }
            | Self::Jobs { .. } => "The export failed inside the service.",
            Self::OverBudget { .. } | Self::FileOverBudget { .. } => {
                "A profile is too large for the memory of the export."
            }
            Self::Cancelled => "The export was cancelled.",
            Self::Store { kind, .. } | Self::ForeignStore { kind, .. } => store_message(*kind),
            Self::Io { source, .. } => store_message(io_kind(source)),
            Self::TooManyParts { .. } => "A data object would be larger than the destination takes.",
            Self::TimedOut { .. } => "The destination did not answer in time.",
            Self::Claimed | Self::Fenced => "Another export writes to this snapshot id.",
            Self::Committed => "This snapshot id is already complete.",
            Self::CommitUnknown { .. } => "The destination did not say whether the snapshot is complete.",
            Self::Malformed { .. } => "An object at the destination cannot be understood.",
            Self::NoSnapshot { .. } => "No snapshot is at this place.",
            Self::Sealed { .. } => "An encrypted object cannot be opened.",
            Self::Key { kind, .. } => key_message(*kind),
            #[cfg(feature = "kms")]
            Self::Role { kind, .. } => role_message(*kind),
            Self::UnknownSegment => "The segment does not exist.",
            Self::UnknownSnapshot => "The snapshot does not exist.",
            Self::QueueFull => "Too many snapshots are in progress; try again later.",
        }
    }
}

fn store_message(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::AccessDenied => "Access to the destination was denied.",
        ErrorKind::BadRequest => "The destination refused the request.",
        ErrorKind::Internal => "The destination failed.",
        ErrorKind::ResourceNotFound => "The destination does not exist.",
        ErrorKind::Throttling => "The destination asked to slow down.",
    }
}

fn key_message(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::AccessDenied => "Access to the encryption key or the role was denied.",
        ErrorKind::BadRequest => "The encryption key cannot be used.",
        ErrorKind::Internal => "The key service failed.",
        ErrorKind::ResourceNotFound => "The encryption key does not exist.",
        ErrorKind::Throttling => "The key service asked to slow down.",
    }
}

#[cfg(feature = "kms")]
fn role_message(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::AccessDenied => "The role may not be assumed.",
        ErrorKind::BadRequest => "The role cannot be assumed.",
        ErrorKind::Internal => "The service that gives out roles failed.",
        ErrorKind::ResourceNotFound => "The role does not exist.",
        ErrorKind::Throttling => "The service that gives out roles asked to slow down.",
    }
}
