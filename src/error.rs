//! The one error type of the crate.
//!
//! [`Error`] is opaque: callers decide by [`Error::kind`], which is one of the API's five, and by the
//! questions beside it. Causes are private, so that they can grow. No message holds a profile value, a key
//! or a credential: a column name, a row number and the name of a file or object are the most it tells.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use thiserror::Error as ThisError;

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A foreign error in a box, as [`Error::from_source`] takes it.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// What went wrong, in one of five kinds.
///
/// The kind says what to do ([`Error::kind`]); the text says what happened, and `source()` why. What may
/// be shown to the owner of the data, but not to the world, is in [`Error::public_message`].
pub struct Error {
    cause: Box<Cause>,
}

/// The five kinds of failure of the API, each with its own remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The credentials or the role may not do this: mend the policy, then try again (HTTP 403).
    AccessDenied,
    /// The request, a setting or the data is wrong: the same call fails again (HTTP 400).
    BadRequest,
    /// Something failed that the caller cannot see: try again, then look at the sources (HTTP 500).
    Internal,
    /// A source, segment or destination does not exist: create it or name another (HTTP 404).
    ResourceNotFound,
    /// Too much at once: wait, then try again (HTTP 429).
    Throttling,
}

impl ErrorKind {
    /// The name of the exception on the wire, such as `BadRequestException`.
    pub fn exception(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDeniedException",
            Self::BadRequest => "BadRequestException",
            Self::Internal => "InternalServerException",
            Self::ResourceNotFound => "ResourceNotFoundException",
            Self::Throttling => "ThrottlingException",
        }
    }

    /// The HTTP status of the exception.
    pub fn http_status(self) -> u16 {
        match self {
            Self::AccessDenied => 403,
            Self::BadRequest => 400,
            Self::Internal => 500,
            Self::ResourceNotFound => 404,
            Self::Throttling => 429,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.exception())
    }
}

impl Error {
    /// Wraps the error of a source of the caller's own; it stays reachable through `source()`.
    ///
    /// ```
    /// use std::error::Error as _;
    /// use segment_export::{Error, ErrorKind};
    ///
    /// let error = Error::from_source(std::io::Error::other("the database went away"));
    /// assert_eq!(error.kind(), ErrorKind::Internal);
    /// assert!(error.source().is_some_and(|own| own.is::<std::io::Error>()));
    /// ```
    pub fn from_source(error: impl Into<BoxError>) -> Self {
        let error = error.into();
        match error.downcast::<Self>() {
            Ok(ours) => *ours,
            Err(foreign) => Cause::Source { source: foreign }.into(),
        }
    }

    /// Wraps the error of a part store of the caller's own, with the kind that fits it.
    pub fn from_store(kind: ErrorKind, error: impl Into<BoxError>) -> Self {
        Cause::ForeignStore { kind, source: error.into() }.into()
    }

    /// The kind, one of the API's five.
    pub fn kind(&self) -> ErrorKind {
        self.cause.kind()
    }

    /// Whether the same call may succeed later without a change.
    pub fn is_retryable(&self) -> bool {
        self.cause.is_retryable()
    }

    /// Whether the export ended because it was cancelled or its handle was dropped.
    pub fn is_cancelled(&self) -> bool {
        matches!(*self.cause, Cause::Cancelled)
    }

    /// Whether a snapshot of this id is already complete at the destination.
    pub fn is_already_committed(&self) -> bool {
        matches!(*self.cause, Cause::Committed)
    }

    /// Whether the snapshot may be complete or not: nothing was deleted, look at the destination.
    pub fn is_commit_unknown(&self) -> bool {
        matches!(*self.cause, Cause::CommitUnknown { .. })
    }

    /// A fixed text for the cause: no path, host, ARN or text of another program is in it.
    pub fn public_message(&self) -> &'static str {
        self.cause.public_message()
    }

    pub(crate) fn cause(&self) -> &Cause {
        &self.cause
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("kind", &self.kind()).field("cause", &self.cause).finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.source()
    }
}

impl From<Cause> for Error {
    fn from(cause: Cause) -> Self {
        Self { cause: Box::new(cause) }
    }
}

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
    #[error("rows do not fit the memory budget: needed={needed} available={available} row={row}")]
    OverBudget { needed: u64, available: u64, row: u64 },
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
    fn kind(&self) -> ErrorKind {
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
            | Self::Malformed { .. } => ErrorKind::BadRequest,
            Self::SourceMissing { .. }
            | Self::NoSnapshot { .. }
            | Self::UnknownSegment
            | Self::UnknownSnapshot => ErrorKind::ResourceNotFound,
            Self::QueueFull => ErrorKind::Throttling,
            Self::Store { kind, .. } | Self::ForeignStore { kind, .. } => *kind,
            Self::SourceUnreadable { source, .. } => box_kind(source),
            Self::Io { source, .. } => io_kind(source),
            Self::Source { .. }
            | Self::Encode { .. }
            | Self::Panicked
            | Self::Cancelled
            | Self::TimedOut { .. }
            | Self::CommitUnknown { .. }
            | Self::Coverage { .. }
            | Self::Jobs { .. } => ErrorKind::Internal,
        }
    }

    fn is_retryable(&self) -> bool {
        match self.kind() {
            ErrorKind::Throttling => true,
            ErrorKind::AccessDenied | ErrorKind::BadRequest | ErrorKind::ResourceNotFound => false,
            ErrorKind::Internal => !matches!(
                self,
                Self::Encode { .. } | Self::Panicked | Self::Coverage { .. } | Self::CommitUnknown { .. }
            ),
        }
    }

    fn public_message(&self) -> &'static str {
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
            Self::Encode { .. } | Self::Panicked | Self::Coverage { .. } | Self::Jobs { .. } => {
                "The export failed inside the service."
            }
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

fn io_kind(error: &io::Error) -> ErrorKind {
    use io::ErrorKind as Io;
    if matches!(error.kind(), Io::PermissionDenied | Io::ReadOnlyFilesystem) {
        ErrorKind::AccessDenied
    } else if error.kind() == Io::NotFound {
        ErrorKind::ResourceNotFound
    } else if matches!(error.kind(), Io::NotADirectory | Io::IsADirectory | Io::InvalidFilename) {
        ErrorKind::BadRequest
    } else {
        ErrorKind::Internal
    }
}

/// The kind of an error in a box: that of our own error, of an I/O error or of a store's.
fn box_kind(error: &BoxError) -> ErrorKind {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error.as_ref());
    while let Some(error) = next {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return ours.kind();
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return io_kind(io);
        }
        if let Some(store) = error.downcast_ref::<object_store::Error>() {
            return store_kind(store);
        }
        next = error.source();
    }
    ErrorKind::Internal
}

/// The kind of an error of `object_store`.
#[expect(clippy::wildcard_enum_match_arm, reason = "its errors are open-ended: what is new is internal")]
pub(crate) fn store_kind(error: &object_store::Error) -> ErrorKind {
    use object_store::Error as E;
    match error {
        E::NotFound { .. } => ErrorKind::ResourceNotFound,
        E::PermissionDenied { .. } | E::Unauthenticated { .. } => ErrorKind::AccessDenied,
        E::InvalidPath { .. }
        | E::NotSupported { .. }
        | E::AlreadyExists { .. }
        | E::Precondition { .. }
        | E::NotModified { .. }
        | E::NotImplemented { .. }
        | E::UnknownConfigurationKey { .. } => ErrorKind::BadRequest,
        _ if is_slow_down(error) => ErrorKind::Throttling,
        _ => ErrorKind::Internal,
    }
}

/// Whether a store asked to slow down. `object_store` has no variant for it: the status is in the text.
fn is_slow_down(error: &object_store::Error) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if ["SlowDown", "429 Too Many Requests", "ServerBusy", "rateLimitExceeded"]
            .iter()
            .any(|s| text.contains(s))
        {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_ours_that_passes_through_a_source_stays_itself() {
        let error = Error::from_source(Error::from(Cause::Cancelled));
        assert!(error.is_cancelled());
    }

    #[test]
    fn a_slow_down_of_the_store_is_throttling() {
        let source = object_store::Error::Generic {
            store: "S3",
            source: "Server returned non-2xx status code: 503 Service Unavailable: <Code>SlowDown</Code>"
                .into(),
        };
        assert_eq!(store_kind(&source), ErrorKind::Throttling);
    }

    #[test]
    fn an_io_error_below_others_decides_the_kind() {
        let io = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = Error::from(Cause::SourceUnreadable { path: "a".into(), source: Box::new(io) });
        assert_eq!(error.kind(), ErrorKind::AccessDenied);
        assert!(!error.is_retryable());
    }

    #[test]
    fn an_unknown_commit_is_not_to_be_tried_again() {
        let error = Error::from(Cause::CommitUnknown { source: "lost".into() });
        assert!(error.is_commit_unknown() && !error.is_retryable());
    }
}
