//! One client for each kind of store, all with the same time-outs and retries.

#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
mod http;

#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
use std::{sync::Arc, time::Duration};

#[cfg(feature = "aws")]
use object_store::aws::{AmazonS3Builder, Checksum};
#[cfg(any(feature = "aws", feature = "gcp"))]
use object_store::client::{HttpConnector, ReqwestConnector};
#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
use object_store::{ClientOptions, RetryConfig};

#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
use self::http::{client_options, no_retry, retry_config};
use crate::error::{Cause, Result};
#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
use crate::error::{Error, ErrorKind};
use crate::plan::destination::{ObjectLocation, Scheme};
use crate::settings::RetrySettings;
#[cfg(feature = "aws")]
use crate::store::naming::Headers;
#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
use crate::store::pace::Paced;
#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
use crate::store::uploads::ListUploads;
#[cfg(feature = "gcp")]
use crate::store::uploads::listing::Bearer;
#[cfg(any(feature = "aws", feature = "gcp"))]
use crate::store::uploads::listing::Listing;
#[cfg(feature = "aws")]
use crate::store::uploads::listing::Signed;
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
    use object_store::aws::{AmazonS3ConfigKey, S3ConditionalPut};

    let http = client_options(options, &["aws_endpoint", "endpoint"], retry);
    let mut builder = AmazonS3Builder::new();
    for (key, value) in options.iter() {
        if let Ok(key) = key.parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(credentials) = &options.credentials {
        builder = builder.with_credentials(Arc::clone(credentials));
    }
    // The commit and the claim rest on put-if-absent and compare-and-swap.
    let builder = with_checksums(builder, options)
        .with_bucket_name(&location.container)
        .with_conditional_put(S3ConditionalPut::ETagMatch);
    let value = |key| builder.get_config_value(&key);
    let is_public = value(AmazonS3ConfigKey::SkipSignature).is_some_and(|skip| skip == "true");
    let region = value(AmazonS3ConfigKey::Region).unwrap_or_else(|| "us-east-1".to_owned());
    let headers = Headers::of(options, region)?;
    let build = |retry, http, pace| {
        let builder = builder.clone().with_retry(retry).with_client_options(http);
        let s3 = match &headers {
            None => builder.with_http_connector(pace),
            Some(headers) => builder.with_http_connector(headers.over(pace)),
        }
        .build()?;
        if let Some(headers) = &headers {
            headers.sign_with(s3.credentials());
        }
        Ok(s3)
    };
    client(location, (retry, &http), build, |s3| {
        // Without credentials nothing can be signed.
        if is_public { Ok(None) } else { signed_uploads(s3, &http).map(Some) }
    })
}

/// Checksums that S3 compares for each part, unless the options choose others. What speaks its protocol may not know
/// them.
///
/// The checksum is a signed header, and the connection guards the bytes: the payload need not be signed too, which
/// would take a hash of all that is uploaded.
#[cfg(feature = "aws")]
fn with_checksums(builder: AmazonS3Builder, options: &StoreOptions) -> AmazonS3Builder {
    let chooses = |what: &str| options.iter().any(|(key, _)| key.contains(what));
    if chooses("checksum") || chooses("endpoint") {
        return builder;
    }
    let builder = builder.with_checksum_algorithm(Checksum::CRC64NVME);
    if chooses("unsigned_payload") { builder } else { builder.with_unsigned_payload(true) }
}

/// The open uploads of the bucket that a client signs requests for, such as `AmazonS3`.
///
/// # Errors
///
/// When the options make no client.
#[cfg(feature = "aws")]
pub fn signed_uploads(
    signer: Arc<dyn object_store::signer::Signer>,
    options: &ClientOptions,
) -> object_store::Result<Arc<dyn ListUploads>> {
    Ok(Arc::new(Listing::new(Signed(signer), ReqwestConnector::default().connect(options)?)))
}

#[cfg(feature = "gcp")]
fn gs(location: &ObjectLocation, options: &StoreOptions, retry: &RetrySettings) -> Result<Client> {
    use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};

    let http = client_options(options, &["google_base_url", "base_url"], retry);
    let mut builder = GoogleCloudStorageBuilder::new();
    for (key, value) in options.iter() {
        if let Ok(key) = key.parse::<GoogleConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    let builder = builder.with_bucket_name(&location.container);
    let base = builder.get_config_value(&GoogleConfigKey::BaseUrl);
    let build = |retry, http, pace| {
        builder.clone().with_retry(retry).with_client_options(http).with_http_connector(pace).build()
    };
    client(location, (retry, &http), build, |gcs| {
        let bucket = format!("{}/{}", base.as_deref().unwrap_or(GOOGLE), location.container);
        token_uploads(Arc::clone(gcs.credentials()), &bucket, &http).map(Some)
    })
}

/// Where Google's XML API is, unless the options say otherwise.
#[cfg(feature = "gcp")]
const GOOGLE: &str = "https://storage.googleapis.com";

/// The open uploads of a bucket of Google's, by its URL.
///
/// # Errors
///
/// When the URL is none, or the options make no client.
#[cfg(feature = "gcp")]
pub fn token_uploads(
    credentials: object_store::gcp::GcpCredentialProvider,
    bucket: &str,
    options: &ClientOptions,
) -> object_store::Result<Arc<dyn ListUploads>> {
    let bucket = bucket
        .parse()
        .map_err(|source| object_store::Error::Generic { store: "uploads", source: Box::new(source) })?;
    Ok(Arc::new(Listing::new(Bearer { bucket, credentials }, ReqwestConnector::default().connect(options)?)))
}

#[cfg(feature = "azure")]
fn az(location: &ObjectLocation, options: &StoreOptions, retry: &RetrySettings) -> Result<Client> {
    use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};

    let endpoints = ["azure_storage_endpoint", "azure_endpoint", "endpoint"];
    let http = client_options(options, &endpoints, retry);
    let mut builder = MicrosoftAzureBuilder::new();
    for (key, value) in options.iter() {
        if let Ok(key) = key.parse::<AzureConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    let builder = builder.with_container_name(&location.container);
    let build = |retry, http, pace| {
        builder.clone().with_retry(retry).with_client_options(http).with_http_connector(pace).build()
    };
    // What was not committed is no upload there, and goes by itself.
    client(location, (retry, &http), build, |_| Ok(None))
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
    (retry, http): (&RetrySettings, &ClientOptions),
    build: impl Fn(RetryConfig, ClientOptions, Paced) -> object_store::Result<S>,
    uploads: impl FnOnce(Arc<S>) -> object_store::Result<Option<Arc<dyn ListUploads>>>,
) -> Result<Client>
where
    S: object_store::ObjectStore + object_store::multipart::MultipartStore,
{
    let root = format!("{}://{}", prefix(location.scheme), location.container);
    let pace = Paced::up_to(Duration::from_millis(retry.max_backoff_ms));
    let clients = || -> object_store::Result<_> {
        let object = Arc::new(build(retry_config(retry), http.clone(), pace.clone())?);
        // Each attempt of a part has a time of its own, by its size: `upload` keeps it.
        let multipart = Arc::new(build(no_retry(), http.clone().with_timeout_disabled(), pace.clone())?);
        let uploads = uploads(Arc::clone(&object))?;
        Ok((object, multipart, uploads))
    };
    let (object, multipart, uploads) = clients().map_err(|error| not_connected(&root, error))?;
    Ok(Client { object, multipart, uploads, root })
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

#[cfg(test)]
mod tests;
