//! One client for each kind of store, all with the same time-outs and retries.

#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
use std::{sync::Arc, time::Duration};

#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use crate::error::{Cause, Result};
#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
use crate::error::{Error, ErrorKind};
use crate::plan::destination::{ObjectLocation, Scheme};
use crate::settings::RetrySettings;
use crate::store::{Client, StoreOptions};

/// Opens the client of the store that a location names; sends no request.
///
/// # Errors
///
/// When the store's feature is off, or an option does not fit it.
pub(crate) fn connect(
    location: &ObjectLocation,
    options: &StoreOptions,
    retry: &RetrySettings,
) -> Result<Client> {
    match location.scheme {
        Scheme::S3 => s3(location, options, retry),
        Scheme::Gs => gs(location, options, retry),
        Scheme::Az => az(location, options, retry),
    }
}

/// The start of the URIs of a store.
fn prefix(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::S3 => "s3",
        Scheme::Gs => "gs",
        Scheme::Az => "az",
    }
}

#[cfg(feature = "aws")]
fn s3(location: &ObjectLocation, options: &StoreOptions, retry: &RetrySettings) -> Result<Client> {
    use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};

    let mut builder = AmazonS3Builder::new().with_client_options(client_options(
        options,
        &["aws_endpoint", "endpoint"],
        retry,
    ));
    for (key, value) in options.iter() {
        if let Ok(key) = key.parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(credentials) = &options.credentials {
        builder = builder.with_credentials(Arc::clone(credentials));
    }
    // The commit and the claim rest on put-if-absent and compare-and-swap.
    let builder =
        builder.with_bucket_name(&location.container).with_conditional_put(S3ConditionalPut::ETagMatch);
    client(location, retry, |retry| builder.clone().with_retry(retry).build())
}

#[cfg(feature = "gcp")]
fn gs(location: &ObjectLocation, options: &StoreOptions, retry: &RetrySettings) -> Result<Client> {
    use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};

    let mut builder = GoogleCloudStorageBuilder::new().with_client_options(client_options(
        options,
        &["google_base_url", "base_url"],
        retry,
    ));
    for (key, value) in options.iter() {
        if let Ok(key) = key.parse::<GoogleConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    let builder = builder.with_bucket_name(&location.container);
    client(location, retry, |retry| builder.clone().with_retry(retry).build())
}

#[cfg(feature = "azure")]
fn az(location: &ObjectLocation, options: &StoreOptions, retry: &RetrySettings) -> Result<Client> {
    use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};

    let endpoints = ["azure_storage_endpoint", "azure_endpoint", "endpoint"];
    let mut builder =
        MicrosoftAzureBuilder::new().with_client_options(client_options(options, &endpoints, retry));
    for (key, value) in options.iter() {
        if let Ok(key) = key.parse::<AzureConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    let builder = builder.with_container_name(&location.container);
    client(location, retry, |retry| builder.clone().with_retry(retry).build())
}

#[cfg(not(feature = "aws"))]
fn s3(location: &ObjectLocation, _: &StoreOptions, _: &RetrySettings) -> Result<Client> {
    not_built_in(location, "aws")
}

#[cfg(not(feature = "gcp"))]
fn gs(location: &ObjectLocation, _: &StoreOptions, _: &RetrySettings) -> Result<Client> {
    not_built_in(location, "gcp")
}

#[cfg(not(feature = "azure"))]
fn az(location: &ObjectLocation, _: &StoreOptions, _: &RetrySettings) -> Result<Client> {
    not_built_in(location, "azure")
}

#[cfg(not(all(feature = "aws", feature = "gcp", feature = "azure")))]
fn not_built_in(location: &ObjectLocation, feature: &str) -> Result<Client> {
    let what = format!("{}:// without the feature `{feature}`", prefix(location.scheme));
    Err(Cause::NotAvailable { what }.into())
}

#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
fn client<S>(
    location: &ObjectLocation,
    retry: &RetrySettings,
    build: impl Fn(RetryConfig) -> object_store::Result<S>,
) -> Result<Client>
where
    S: object_store::ObjectStore + object_store::multipart::MultipartStore,
{
    let root = format!("{}://{}", prefix(location.scheme), location.container);
    let build = |retry| build(retry).map(Arc::new).map_err(|error| not_connected(&root, error));
    let (object, multipart) = (build(retry_config(retry))?, build(no_retry())?);
    Ok(Client { object, multipart, root })
}

#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
fn not_connected(root: &str, error: object_store::Error) -> Error {
    // Building sends nothing, so whatever is wrong stands in the options.
    Cause::Store {
        operation: "configuring the store",
        name: root.to_owned(),
        kind: ErrorKind::BadRequest,
        source: Box::new(error),
    }
    .into()
}

/// The Content-Type of an object by the last suffix of its name.
#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
const CONTENT_TYPES: [(&str, &str); 6] = [
    ("csv", "text/csv"),
    ("jsonl", "application/x-ndjson"),
    ("orc", "application/octet-stream"),
    ("json", "application/json"),
    ("gz", "application/gzip"),
    ("zst", "application/zstd"),
];

/// The options of the HTTP client; plain HTTP only where the operator's endpoint says so.
#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
fn client_options(options: &StoreOptions, endpoints: &[&str], retry: &RetrySettings) -> ClientOptions {
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

#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
fn retry_config(retry: &RetrySettings) -> RetryConfig {
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
#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
fn no_retry() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(scheme: Scheme) -> ObjectLocation {
        ObjectLocation { scheme, container: "bucket".to_owned(), key: String::new() }
    }

    #[cfg(feature = "aws")]
    #[test]
    fn options_of_other_stores_are_passed_over() {
        let options = StoreOptions::from_pairs([
            ("AWS_REGION", "eu-central-1"),
            ("azure_storage_account_name", "other"),
            ("aws_profile", "default"),
        ]);
        let client = connect(&bucket(Scheme::S3), &options, &RetrySettings::default()).unwrap();
        assert_eq!(client.root, "s3://bucket");
    }

    #[cfg(feature = "aws")]
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

    #[cfg(feature = "azure")]
    #[test]
    fn options_that_do_not_make_a_client_are_a_bad_request_without_values() {
        let options = StoreOptions::from_pairs([("azure_storage_sas_key", "s3cret")]);
        let error = connect(&bucket(Scheme::Az), &options, &RetrySettings::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }

    #[cfg(not(feature = "gcp"))]
    #[test]
    fn a_store_that_is_not_built_in_names_its_feature() {
        let error = connect(&bucket(Scheme::Gs), &StoreOptions::default(), &RetrySettings::default());
        assert_eq!(error.unwrap_err().to_string(), "gs:// without the feature `gcp` is not available yet");
    }

    #[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
    #[test]
    fn attempts_count_the_first_one() {
        let retry = RetrySettings { attempts: 1, ..RetrySettings::default() };
        assert_eq!(retry_config(&retry).max_retries, 0);
    }
}
