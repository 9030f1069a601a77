//! Bounded attempts of one request, each signed anew and each with its own time-out.
//!
//! It decides what is worth another attempt; it does not know what the request does. An answer that means
//! something (a name that is taken, a version that changed, a refusal) is final.

use std::time::Duration;

use object_store::Error as StoreError;

use crate::settings::RetrySettings;

/// Why the last attempt failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The store answered with an error, or the connection broke.
    Store(StoreError),
    /// No answer came in time: the request may still take effect.
    TimedOut,
}

impl Failure {
    /// Whether another attempt may end differently.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::TimedOut => true,
            Self::Store(error) => matches!(error, StoreError::Generic { .. }),
        }
    }
}

/// Calls until it succeeds, fails for good or has had all its attempts.
pub(super) async fn attempts<T, Fut>(retry: &RetrySettings, call: impl FnMut() -> Fut) -> Result<T, Failure>
where
    Fut: Future<Output = Result<T, StoreError>>,
{
    attempts_of(0, retry, call).await
}

/// The same, where each attempt sends this many bytes.
pub(super) async fn attempts_of<T, Fut>(
    bytes: u64,
    retry: &RetrySettings,
    mut call: impl FnMut() -> Fut,
) -> Result<T, Failure>
where
    Fut: Future<Output = Result<T, StoreError>>,
{
    let mut attempt = 1;
    loop {
        match once(retry.timeout_of(bytes), call()).await {
            Ok(done) => return Ok(done),
            Err(failure) if attempt >= retry.attempts || !failure.is_transient() => return Err(failure),
            Err(_) => attempt += 1,
        }
        tokio::time::sleep(retry.backoff(attempt)).await;
    }
}

/// Calls once.
pub(super) async fn once<T>(
    timeout: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(timeout, call).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(Failure::Store(error)),
        Err(_elapsed) => Err(Failure::TimedOut),
    }
}

/// The time that a request may take whose client tries again by itself.
pub(super) fn overall(retry: &RetrySettings) -> Duration {
    (1..=retry.attempts.max(1))
        .map(|attempt| retry.backoff(attempt).saturating_add(retry.timeout()))
        .fold(Duration::ZERO, Duration::saturating_add)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};

    use super::*;

    fn retry() -> RetrySettings {
        RetrySettings { attempts: 3, timeout_ms: 50, ..RetrySettings::default() }
    }

    fn failing() -> StoreError {
        StoreError::Generic { store: "test", source: "503".into() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_fails_once_is_made_again() {
        let calls = Cell::new(0);
        let retry = retry();
        let done = attempts(&retry, || {
            calls.set(calls.get() + 1);
            ready(if calls.get() == 1 { Err(failing()) } else { Ok(calls.get()) })
        });
        assert_eq!(done.await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_bounded() {
        let calls = Cell::new(0);
        let done: Result<(), _> = attempts(&retry(), || {
            calls.set(calls.get() + 1);
            ready(Err(failing()))
        })
        .await;
        assert!(matches!(done, Err(Failure::Store(_))));
        assert_eq!(calls.get(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_hangs_ends_as_timed_out() {
        let done: Result<(), _> = attempts(&retry(), pending).await;
        assert!(matches!(done, Err(Failure::TimedOut)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_final() {
        let calls = Cell::new(0);
        let denied = || {
            calls.set(calls.get() + 1);
            let source = "403".into();
            ready(Err::<(), _>(StoreError::PermissionDenied { path: "x".to_owned(), source }))
        };
        assert!(attempts(&retry(), denied).await.is_err());
        assert_eq!(calls.get(), 1);
    }

    #[test]
    fn a_client_that_tries_again_has_time_for_all_its_attempts() {
        let retry = RetrySettings { backoff_ms: 10, ..retry() };
        assert_eq!(overall(&retry), Duration::from_millis(3 * 50 + 10 + 20));
    }
}
