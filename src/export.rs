//! STAND-IN: replaced at the merge by the export.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::error::{Cause, Result};
use crate::manifest::{Manifest, Removed};
use crate::plan::destination::Location;
use crate::plan::{DomainName, Format, SegmentName, SnapshotId};
use crate::progress::{Observer, Progress};
use crate::settings::Settings;
use crate::source::ProfileSource;
use crate::store::StoreOptions;
use crate::upload::PartStore;

/// Stand-in.
#[derive(Debug)]
pub struct Target(pub(crate) Location);

impl From<Location> for Target {
    fn from(location: Location) -> Self {
        Self(location)
    }
}

/// Stand-in.
#[derive(Debug)]
pub struct Exporter(());

/// Stand-in.
#[derive(Debug)]
pub struct ExporterBuilder(Settings);

/// Stand-in.
#[derive(Debug)]
pub struct ExportHandle(());

impl Exporter {
    /// Stand-in.
    pub fn builder(source: impl ProfileSource, target: impl Into<Target>) -> ExporterBuilder {
        let _ = (source.partitions(), target.into());
        ExporterBuilder(Settings::default())
    }

    /// Stand-in.
    pub fn start(self) -> ExportHandle {
        ExportHandle(self.0)
    }
}

macro_rules! with {
    ($($name:ident: $type:ty),*) => {
        impl ExporterBuilder {
            $(
                /// Stand-in.
                #[must_use]
                pub fn $name(self, value: $type) -> Self {
                    let _ = value;
                    self
                }
            )*
        }
    };
}

with! {
    with_snapshot_id: SnapshotId, with_domain: DomainName, with_segment: SegmentName,
    with_store_options: StoreOptions, with_takeover: bool, with_observer: Arc<dyn Observer>,
    with_cancellation: CancellationToken, with_format: Format
}

impl ExporterBuilder {
    /// Stand-in.
    #[must_use]
    pub fn with_settings(self, settings: Settings) -> Self {
        Self(settings)
    }

    /// Stand-in.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn build(self) -> Result<Exporter> {
        Err(Cause::NotAvailable { what: format!("the stand-in ({} threads)", self.0.threads) }.into())
    }
}

impl ExportHandle {
    /// Stand-in.
    pub fn progress(&self) -> Progress {
        Progress::default()
    }

    /// Stand-in.
    ///
    /// # Errors
    ///
    /// Always.
    #[expect(clippy::unused_async, reason = "a stand-in")]
    pub async fn wait(self) -> Result<Manifest> {
        Err(Cause::Cancelled.into())
    }
}

/// Stand-in.
///
/// # Errors
///
/// Always.
#[expect(clippy::unused_async, reason = "a stand-in")]
pub async fn abort(store: Arc<dyn PartStore>) -> Result<Option<Removed>> {
    drop(store);
    Err(Cause::NotAvailable { what: "abort".to_owned() }.into())
}
