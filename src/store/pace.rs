//! Requests that come again when the store asked them to: `Retry-After` (RFC 9110, section 10.2.3).
//!
//! A store that is asked too much tells all who share a client. Dates are passed over: the pauses of the retries do.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use object_store::signer::HeaderMap;
use tokio::time::{Instant, sleep_until};

/// Makes clients whose requests wait together.
#[derive(Clone, Debug)]
pub(crate) struct Paced {
    pace: Arc<Pace>,
}

#[derive(Debug)]
struct Pace {
    /// What a store may ask for at most.
    longest: Duration,
    not_before: Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct PacedClient {
    client: HttpClient,
    pace: Arc<Pace>,
}

impl Paced {
    /// Waits for no longer than this, whatever the store asks for.
    pub(crate) fn up_to(longest: Duration) -> Self {
        Self { pace: Arc::new(Pace { longest, not_before: Mutex::default() }) }
    }
}

impl HttpConnector for Paced {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(PacedClient { client, pace: Arc::clone(&self.pace) }))
    }
}

#[async_trait]
impl HttpService for PacedClient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if let Some(until) = self.pace.not_before() {
            sleep_until(until).await;
        }
        let answer = self.client.execute(request).await?;
        if matches!(answer.status().as_u16(), 429 | 503) {
            self.pace.hear(answer.headers());
        }
        Ok(answer)
    }
}

impl Pace {
    fn not_before(&self) -> Option<Instant> {
        *self.not_before.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, headers: &HeaderMap) {
        let Some(pause) = pause(headers) else { return };
        let until = Instant::now() + pause.min(self.longest);
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = (*not_before).max(Some(until));
    }
}

fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim();
    Some(Duration::from_secs(seconds.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use object_store::signer::HeaderValue;

    use super::*;

    fn asked(text: &'static str) -> HeaderMap {
        HeaderMap::from_iter([("retry-after".parse().unwrap(), HeaderValue::from_static(text))])
    }

    #[test]
    fn seconds_are_heard_and_dates_are_not() {
        assert_eq!(pause(&asked(" 90 ")), Some(Duration::from_secs(90)));
        for text in ["", "-1", "1.5", "Thu, 29 Feb 2024 01:02:03 GMT"] {
            assert_eq!(pause(&asked(text)), None, "{text:?}");
        }
        assert_eq!(pause(&HeaderMap::new()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_the_limit_and_a_shorter_pause_does_not_cut_a_longer_one() {
        let pace = Paced::up_to(Duration::from_secs(10)).pace;
        assert_eq!(pace.not_before(), None);
        let now = Instant::now();
        pace.hear(&asked("3600"));
        assert_eq!(pace.not_before(), Some(now + Duration::from_secs(10)));
        pace.hear(&asked("1"));
        assert_eq!(pace.not_before(), Some(now + Duration::from_secs(10)));
    }
}
