//! Clients by URI. A stand-in for S3 only, until the real module takes its place.

use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use object_store::multipart::MultipartStore;

use crate::error::{Cause, Result};
use crate::plan::destination::{ObjectLocation, Scheme};
use crate::settings::RetrySettings;

/// Options of the client, as `object_store` names them.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoreOptions {
    pairs: Vec<(String, String)>,
}

impl StoreOptions {
    pub(crate) fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { pairs: pairs.into_iter().collect() }
    }
}

/// One store, as both of its faces.
pub(crate) struct Client {
    pub(crate) object: Arc<dyn ObjectStore>,
    pub(crate) multipart: Arc<dyn MultipartStore>,
}

/// The client of a place.
pub(crate) fn connect(
    place: &ObjectLocation,
    options: &StoreOptions,
    retry: &RetrySettings,
) -> Result<Client> {
    match place.scheme {
        #[cfg(feature = "aws")]
        Scheme::S3 => s3(&place.container, options, retry),
        _ => Err(Cause::NotAvailable { what: "this kind of store".to_owned() }.into()),
    }
}

#[cfg(feature = "aws")]
fn s3(bucket: &str, options: &StoreOptions, retry: &RetrySettings) -> Result<Client> {
    use object_store::aws::{AmazonS3, AmazonS3Builder};
    use object_store::{ClientOptions, RetryConfig};

    let build = |retries: u32| -> object_store::Result<Arc<AmazonS3>> {
        let client = ClientOptions::new()
            .with_timeout(retry.timeout())
            .with_connect_timeout(Duration::from_millis(retry.connect_timeout_ms));
        let mut builder = AmazonS3Builder::new().with_bucket_name(bucket).with_client_options(client);
        for (key, value) in &options.pairs {
            builder = builder.with_config(key.parse()?, value);
        }
        let retry = RetryConfig { max_retries: retries as usize, ..RetryConfig::default() };
        Ok(Arc::new(builder.with_retry(retry).build()?))
    };
    // Upload parts are tried again by `upload`, each attempt signed anew: not twice.
    let clients = build(retry.attempts.saturating_sub(1)).and_then(|object| Ok((object, build(0)?)));
    let (object, multipart) = clients.map_err(|error| Cause::Store {
        operation: "connecting",
        name: bucket.to_owned(),
        kind: crate::error::store_kind(&error),
        source: error.into(),
    })?;
    Ok(Client { object, multipart })
}
