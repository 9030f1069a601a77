//! How all stores are asked: time-outs, retries, plain HTTP, types of content.

use std::time::Duration;

use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use crate::settings::RetrySettings;
use crate::store::StoreOptions;

/// The Content-Type of an object by the last suffix of its name.
const CONTENT_TYPES: [(&str, &str); 6] = [
    ("csv", "text/csv"),
    ("jsonl", "application/x-ndjson"),
    ("orc", "application/octet-stream"),
    ("json", "application/json"),
    ("gz", "application/gzip"),
    ("zst", "application/zstd"),
];

/// The options of the HTTP client; plain HTTP only where the operator's endpoint says so.
pub(super) fn client_options(
    options: &StoreOptions,
    endpoints: &[&str],
    retry: &RetrySettings,
) -> ClientOptions {
    let plain = options.iter().any(|(key, value)| {
        let is_endpoint = endpoints
            .iter()
            .any(|name| key == *name || key.strip_prefix(name).is_some_and(|rest| rest.starts_with("_url")));
        is_endpoint && value.starts_with("http://")
    });
    // The names of data objects say how they are compressed. There is no Content-Encoding: clients that undo it
    // would give bytes that have neither the size nor the checksum of the manifest.
    CONTENT_TYPES
        .iter()
        .fold(ClientOptions::new(), |options, (suffix, content_type)| {
            options.with_content_type_for_suffix(*suffix, *content_type)
        })
        .with_allow_http(plain)
        // The time-out spans the body: the default of 30 s is too short for a large part on a slow line.
        .with_timeout(retry.timeout())
        .with_connect_timeout(Duration::from_millis(retry.connect_timeout_ms))
}

pub(super) fn retry_config(retry: &RetrySettings) -> RetryConfig {
    // `object_store` draws the pause from between the first and the doubled last one: it panics where that
    // range is empty, as it is for pauses of zero.
    let init_backoff = retry.backoff(2).max(Duration::from_millis(1));
    let max_backoff = Duration::from_millis(retry.max_backoff_ms).max(init_backoff);
    RetryConfig {
        backoff: BackoffConfig { init_backoff, max_backoff, base: 2.0 },
        max_retries: usize::try_from(retry.attempts.saturating_sub(1)).unwrap_or(usize::MAX),
        // Requests are signed once: a signature that is 5 minutes old would be refused.
        retry_timeout: Duration::from_secs(270),
    }
}

/// Requests of uploads are tried again by `upload`, which signs each anew: twice would multiply the attempts.
pub(super) fn no_retry() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_allowed_where_the_endpoint_says_so() {
        let allowed = |key: &str, value: &str| {
            let options = StoreOptions::from_pairs([(key, value)]);
            let client = client_options(&options, &["aws_endpoint", "endpoint"], &RetrySettings::default());
            client.get_config_value(&object_store::ClientConfigKey::AllowHttp)
        };
        assert_eq!(allowed("aws_endpoint_url", "http://127.0.0.1:9000").as_deref(), Some("true"));
        assert_eq!(allowed("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000").as_deref(), Some("true"));
        assert_eq!(allowed("aws_endpoint_url", "https://example.com").as_deref(), Some("false"));
        assert_eq!(allowed("aws_metadata_endpoint", "http://169.254.169.254").as_deref(), Some("false"));
    }

    #[test]
    fn attempts_count_the_first_one() {
        let retry = RetrySettings { attempts: 1, ..RetrySettings::default() };
        assert_eq!(retry_config(&retry).max_retries, 0);
    }
}
