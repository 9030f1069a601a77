//! The one error type of the crate.
//!
//! [`Error`] is opaque: callers decide by [`Error::kind`], which is one of the API's five, and by the
//! questions beside it. Causes are private, so that they can grow. No message holds a profile value, a key
//! or a credential: a column name, a row number and the name of a file or object are the most it tells.

mod cause;
mod code;
mod foreign;
#[cfg(feature = "kms")]
mod service;

use std::error::Error as StdError;
use std::fmt;

pub(crate) use self::cause::Cause;
pub(crate) use self::foreign::store_kind;
#[cfg(feature = "kms")]
pub(crate) use self::service::ServiceFailure;

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

    /// Wraps the error of a key provider of the caller's own, with the kind that fits it.
    pub fn from_key_provider(kind: ErrorKind, error: impl Into<BoxError>) -> Self {
        let key = "a provider of the caller's own".to_owned();
        Cause::Key { operation: "asking for a data key", key, kind, source: error.into() }.into()
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

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_of_ours_that_passes_through_a_source_stays_itself() {
        let error = Error::from_source(Error::from(Cause::Cancelled));
        assert!(error.is_cancelled());
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
