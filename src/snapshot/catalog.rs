//! Where the profiles of a segment are: asked once for each snapshot.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Cause, Result};
use crate::plan::destination::Location;
use crate::plan::{DomainName, SegmentName};
use crate::settings::RetrySettings;
use crate::source::{FileOptions, FileSource, ProfileSource};
use crate::store::StoreOptions;

/// Finds the profiles of segments.
#[async_trait]
pub trait SegmentCatalog: Send + Sync + 'static {
    /// Opens the profiles of a segment; `None`: there is no such segment.
    ///
    /// Called while the create call waits. A panic fails that call only, and what it says is not passed on.
    ///
    /// # Errors
    ///
    /// When the catalog or the source fails: an error of the caller's own as
    /// [`Error::from_source`](crate::Error::from_source).
    async fn open(
        &self,
        domain: &DomainName,
        segment: &SegmentName,
    ) -> Result<Option<Arc<dyn ProfileSource>>>;
}

/// Segments as directories or prefixes of files: `{base}/{domain}/{segment}/…`.
///
/// A segment is all files below its directory, which are of one kind, in the order of their names; see
/// [`FileSource::open`]. Names of domains and segments hold no dot and no slash, so that nothing outside of
/// the base can be named.
pub struct LocationCatalog {
    base: Location,
    files: FileOptions,
    options: StoreOptions,
    retry: RetrySettings,
}

impl LocationCatalog {
    /// A catalog of what is below this place.
    pub fn new(base: Location) -> Self {
        let (options, retry) = (StoreOptions::default(), RetrySettings::default());
        Self { base, files: FileOptions::default(), options, retry }
    }

    /// How files are read that do not hold their schema; default [`FileOptions::default`].
    #[must_use]
    pub fn with_file_options(mut self, files: FileOptions) -> Self {
        self.files = files;
        self
    }

    /// Regions, endpoints and credentials for the base; default: none.
    #[must_use]
    pub fn with_store_options(mut self, options: StoreOptions) -> Self {
        self.options = options;
        self
    }

    /// How failed requests are tried again; default [`RetrySettings::default`].
    #[must_use]
    pub fn with_retry(mut self, retry: RetrySettings) -> Self {
        self.retry = retry;
        self
    }
}

#[async_trait]
impl SegmentCatalog for LocationCatalog {
    async fn open(
        &self,
        domain: &DomainName,
        segment: &SegmentName,
    ) -> Result<Option<Arc<dyn ProfileSource>>> {
        let place = self.base.join(domain.as_str()).join(segment.as_str());
        match FileSource::open(vec![place], &self.options, &self.retry, &self.files).await {
            Ok(source) => Ok(Some(Arc::new(source))),
            Err(error) if matches!(error.cause(), Cause::SourceMissing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Debug for LocationCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocationCatalog({})", self.base)
    }
}
