//! What the services of AWS did not do: of which kind it is, and what may be told of it.
//!
//! Invariant: no text of a service is repeated. Those on signatures hold the token of a session, those on broken
//! requests the encryption context.

use std::error::Error as StdError;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::RequestId;

use super::code::code_kind;
use super::{Error, ErrorKind};

/// The longest code that is repeated: those of AWS are half as long.
const MAX_CODE_CHARS: usize = 64;

/// What is told of a service that did not do what it was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ServiceFailure {
    kind: ErrorKind,
    problem: Problem,
}

#[derive(Debug, PartialEq, Eq)]
enum Problem {
    Answered { code: Option<String>, status: u16, request_id: Option<String> },
    Unanswered(&'static str),
}

impl ServiceFailure {
    /// What an SDK gave up with, after its retries.
    pub(crate) fn new<E>(error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        if let Some(answer) = error.raw_response() {
            return Self::answered(error.code(), answer.status().as_u16(), error.request_id());
        }
        match credentials_kind(error) {
            Some(kind) => Self::unanswered(kind, "no credentials could be had"),
            None if matches!(error, SdkError::ConstructionFailure(_)) => {
                Self::unanswered(ErrorKind::BadRequest, "the request could not be made")
            }
            None => Self::unanswered(ErrorKind::Internal, "the service did not answer"),
        }
    }

    fn answered(code: Option<&str>, status: u16, request_id: Option<&str>) -> Self {
        let kind = code.and_then(code_kind).unwrap_or_else(|| status_kind(status));
        let told = |text: &str| plain_word(text).then(|| text.to_owned());
        let (code, request_id) = (code.and_then(told), request_id.and_then(told));
        Self { kind, problem: Problem::Answered { code, status, request_id } }
    }

    fn unanswered(kind: ErrorKind, what: &'static str) -> Self {
        Self { kind, problem: Problem::Unanswered(what) }
    }

    /// An answer that lacks what was asked for.
    pub(crate) fn incomplete() -> Self {
        Self::unanswered(ErrorKind::Internal, "the answer is incomplete")
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The code that the service answered, where it is one.
    pub(crate) fn code(&self) -> Option<&str> {
        match &self.problem {
            Problem::Answered { code, .. } => code.as_deref(),
            Problem::Unanswered(_) => None,
        }
    }
}

fn plain_word(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=MAX_CODE_CHARS).contains(&text.len()) && text.chars().all(is_plain)
}

impl fmt::Display for ServiceFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, status, request_id) = match &self.problem {
            Problem::Answered { code, status, request_id } => (code, status, request_id),
            Problem::Unanswered(what) => return f.write_str(what),
        };
        write!(f, "the service answered {} (HTTP {status}", code.as_deref().unwrap_or("an error"))?;
        if let Some(id) = request_id {
            write!(f, ", request {id}")?;
        }
        f.write_str(")")
    }
}

impl StdError for ServiceFailure {}

/// The kind of an answer whose code says nothing.
fn status_kind(status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::AccessDenied,
        404 => ErrorKind::ResourceNotFound,
        429 => ErrorKind::Throttling,
        400..=499 => ErrorKind::BadRequest,
        _ => ErrorKind::Internal,
    }
}

/// The kind of what kept a request from being signed: the role behind it may be refused.
fn credentials_kind(error: &(dyn StdError + 'static)) -> Option<ErrorKind> {
    let (mut next, mut kind) = (Some(error), None);
    while let Some(error) = next {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return Some(ours.kind());
        }
        if error.is::<CredentialsError>() {
            kind = Some(ErrorKind::AccessDenied);
        }
        next = error.source();
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_decides_before_the_status() {
        let kind = |code, status| ServiceFailure::answered(code, status, None).kind();
        assert_eq!(kind(Some("ThrottlingException"), 400), ErrorKind::Throttling);
        assert_eq!(kind(Some("KMS.DisabledException"), 403), ErrorKind::BadRequest);
        assert_eq!(kind(Some("SomethingNew"), 403), ErrorKind::AccessDenied);
        assert_eq!(kind(None, 403), ErrorKind::AccessDenied);
        assert_eq!(kind(None, 404), ErrorKind::ResourceNotFound);
        assert_eq!(kind(None, 429), ErrorKind::Throttling);
        assert_eq!(kind(None, 400), ErrorKind::BadRequest);
        assert_eq!(kind(None, 503), ErrorKind::Internal);
        assert_eq!(kind(Some("SlowDown"), 503), ErrorKind::Throttling);
    }

    #[test]
    fn what_is_no_code_is_not_repeated() {
        let failure = ServiceFailure::answered(Some("x-amz-security-token: abc"), 400, Some("id\n2"));
        assert_eq!(failure.to_string(), "the service answered an error (HTTP 400)");
        let failure = ServiceFailure::answered(Some("NotFoundException"), 400, Some("0a-1"));
        assert_eq!(failure.to_string(), "the service answered NotFoundException (HTTP 400, request 0a-1)");
        let failure = ServiceFailure::unanswered(ErrorKind::Internal, "the service did not answer");
        assert_eq!((failure.to_string().as_str(), failure.code()), ("the service did not answer", None));
    }
}
