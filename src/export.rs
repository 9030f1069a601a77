//! One export, from its source to its manifest: the only module that sees every stage.
//!
//! [`Exporter::builder`] takes what does work (source, destination, observer, pool, budget) and settings;
//! `build` checks everything that can be known before a row is read; [`Exporter::run`] or
//! [`Exporter::start`] does the work on the ambient tokio runtime.
//!
//! Invariant: an export ends either with its manifest written, or with everything of it aborted, or, where
//! the store did not say whether the manifest was written, with nothing deleted.

mod builder;
mod check;
mod clock;
mod describe;
mod frame;
mod handle;
mod parts;
mod run;
mod seal;
mod target;
mod write;

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use self::seal::Sealing;
use crate::access::Access;
use crate::budget::Budget;
use crate::encode::Encoder;
use crate::error::Result;
use crate::manifest::{MANIFEST, Manifest, OwnerNonce};
use crate::plan::{DomainName, Format, SegmentName, SnapshotId};
use crate::progress::{Observer, Recorder};
use crate::settings::Settings;
use crate::shape::Shape;
use crate::source::ProfileSource;
use crate::stage::Pool;
use crate::upload::PartStore;

pub use self::builder::ExporterBuilder;
pub(crate) use self::check::settings as check_settings;
pub(crate) use self::describe::now;
pub use self::handle::ExportHandle;
pub use self::target::{Target, abort};

/// An export whose settings, schema and destination are checked, and which has not begun.
pub struct Exporter {
    source: Arc<dyn ProfileSource>,
    shape: Shape,
    encoder: Arc<dyn Encoder>,
    format: Format,
    settings: Settings,
    snapshot_id: SnapshotId,
    domain: Option<DomainName>,
    segment: Option<SegmentName>,
    owner: OwnerNonce,
    takeover: bool,
    access: Access,
    sealing: Option<Arc<Sealing>>,
    store: Arc<dyn PartStore>,
    pool: Pool,
    budget: Budget,
    observer: Option<Arc<dyn Observer>>,
    recorder: Option<Arc<dyn Recorder>>,
    cancellation: CancellationToken,
}

impl Exporter {
    /// Begins to put an export together.
    pub fn builder(source: impl ProfileSource, target: impl Into<Target>) -> ExporterBuilder {
        ExporterBuilder::new(Arc::new(source), target.into())
    }

    /// The id of the snapshot that this export writes.
    pub fn snapshot_id(&self) -> SnapshotId {
        self.snapshot_id
    }

    /// Tries the role and makes a data key, as [`run`](Self::run) does before it reads a row; nothing is written.
    ///
    /// # Errors
    ///
    /// When the role cannot be assumed or a key cannot be used, with the kind of what the service answered.
    pub async fn try_access(&self) -> Result<()> {
        self.access.try_role().await?;
        match &self.sealing {
            Some(sealing) => sealing.try_key(MANIFEST).await,
            None => Ok(()),
        }
    }

    /// Exports, and waits for the end; dropping the future cancels the export.
    ///
    /// # Errors
    ///
    /// When a stage fails. Nothing of the export is visible then, unless
    /// [`is_commit_unknown`](crate::Error::is_commit_unknown) says so.
    ///
    /// # Panics
    ///
    /// When it runs outside of a tokio runtime.
    pub async fn run(self) -> Result<Manifest> {
        self.start().wait().await
    }

    /// Begins the export on the ambient tokio runtime; dropping the handle cancels it.
    ///
    /// # Panics
    ///
    /// When it is called outside of a tokio runtime.
    pub fn start(self) -> ExportHandle {
        ExportHandle::spawn(self)
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter")
            .field("snapshot_id", &self.snapshot_id)
            .field("format", &self.format)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
