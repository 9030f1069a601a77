//! The kinds of errors that come from elsewhere: the system, a store, a source of the caller's.

use std::error::Error as StdError;
use std::io;

use super::code::code_kind;
use super::{BoxError, Error, ErrorKind};

/// The kind of an I/O error.
pub(super) fn io_kind(error: &io::Error) -> ErrorKind {
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
pub(super) fn box_kind(error: &BoxError) -> ErrorKind {
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
        _ => cause_kind(error),
    }
}

/// The kind of what is behind a failure: an error of ours, as credentials may be refused, or what the store said.
fn cause_kind(error: &object_store::Error) -> ErrorKind {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return ours.kind();
        }
        next = error.source();
    }
    match told(error) {
        Some(kind) => kind,
        None if is_slow_down(error) => ErrorKind::Throttling,
        None => ErrorKind::Internal,
    }
}

/// The kind of the code that a store answered, which `object_store` gives as a part of the text only.
fn told(error: &object_store::Error) -> Option<ErrorKind> {
    let text = error.to_string();
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    code_kind(code)
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
    fn a_slow_down_of_the_store_is_throttling() {
        let source = object_store::Error::Generic {
            store: "S3",
            source: "Server returned non-2xx status code: 503 Service Unavailable: <Code>SlowDown</Code>"
                .into(),
        };
        assert_eq!(store_kind(&source), ErrorKind::Throttling);
    }

    fn answer(status: &str, code: &str) -> object_store::Error {
        let text =
            format!("Server returned non-2xx status code: {status}: <Error><Code>{code}</Code></Error>");
        object_store::Error::Generic { store: "S3", source: text.into() }
    }

    #[test]
    fn the_code_of_a_store_decides() {
        for (status, code, kind) in [
            ("400 Bad Request", "KMS.DisabledException", ErrorKind::BadRequest),
            ("400 Bad Request", "KMS.NotFoundException", ErrorKind::ResourceNotFound),
            ("400 Bad Request", "ExpiredToken", ErrorKind::AccessDenied),
            ("503 Service Unavailable", "SlowDown", ErrorKind::Throttling),
            ("503 Service Unavailable", "ServiceUnavailable", ErrorKind::Internal),
        ] {
            assert_eq!(store_kind(&answer(status, code)), kind, "{code}");
        }
    }

    #[test]
    fn credentials_that_are_refused_keep_their_kind() {
        let ours = Error::from_key_provider(ErrorKind::AccessDenied, "no");
        let error = object_store::Error::Generic { store: "S3", source: Box::new(ours) };
        assert_eq!(store_kind(&error), ErrorKind::AccessDenied);
    }
}
