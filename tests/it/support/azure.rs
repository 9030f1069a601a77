//! A container of Azurite, if it runs: `AZURITE_BLOB_STORAGE_URL` says where, as `object_store` wants it.
//!
//! `.ci/run` starts it and makes the container. Each place is a prefix of its own.

use std::sync::Arc;
use std::time::Duration;

use object_store::azure::{MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::path::Path;
use object_store::{BackoffConfig, RetryConfig};
use segment_export::upload::{ObjectParts, StoreTraits};

use super::s3::quick;

const CONTAINER: &str = "exports";

/// A prefix of the container.
#[derive(Debug)]
pub(crate) struct Container {
    prefix: String,
}

impl Container {
    /// An empty place, or none where no server runs.
    pub(crate) fn from_environment() -> Option<Self> {
        std::env::var_os("AZURITE_BLOB_STORAGE_URL")?;
        Some(Self { prefix: uuid::Uuid::new_v4().simple().to_string() })
    }

    /// A snapshot under a prefix of the place.
    pub(crate) fn parts(&self, prefix: &str) -> ObjectParts {
        let prefix = Path::from(format!("{}/{prefix}", self.prefix));
        ObjectParts::new(Arc::new(client(2)), Arc::new(client(1)), prefix)
            .with_traits(StoreTraits::azure())
            .with_retry(quick())
    }
}

fn client(attempts: usize) -> MicrosoftAzure {
    let backoff = BackoffConfig { init_backoff: Duration::from_millis(1), ..BackoffConfig::default() };
    MicrosoftAzureBuilder::new()
        .with_use_emulator(true)
        .with_allow_http(true)
        .with_retry(RetryConfig { max_retries: attempts - 1, backoff, ..RetryConfig::default() })
        .with_container_name(CONTAINER)
        .build()
        .unwrap()
}
