//! Destinations: a place by its URI, or a store of the caller's own.

use std::fmt;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use uuid::Uuid;

use super::describe::now;
use crate::error::Result;
use crate::manifest::{Claim, OwnerNonce, Removed, abort_snapshot};
use crate::plan::SnapshotId;
use crate::plan::destination::{Location, Scheme};
use crate::settings::RetrySettings;
use crate::store::StoreOptions;
use crate::upload::{self, ObjectParts, PartStore};

/// Where an export writes to; each snapshot gets a prefix of its own below it.
#[derive(Clone)]
pub struct Target(Place);

#[derive(Clone)]
enum Place {
    Location(Location),
    Store { object: Arc<dyn ObjectStore>, multipart: Arc<dyn MultipartStore>, prefix: Path },
    Parts(Arc<dyn PartStore>),
}

impl Target {
    /// A prefix in an object store of the caller's own.
    pub fn store<S: ObjectStore + MultipartStore>(store: Arc<S>, prefix: impl Into<Path>) -> Self {
        let object: Arc<dyn ObjectStore> = Arc::<S>::clone(&store);
        Self(Place::Store { object, multipart: store, prefix: prefix.into() })
    }

    /// A part store of the caller's own, bound to the place of one snapshot already.
    pub fn parts(store: Arc<dyn PartStore>) -> Self {
        Self(Place::Parts(store))
    }

    /// Whether it is an `s3://` URI, whose client is made here.
    pub(super) fn is_s3(&self) -> bool {
        matches!(&self.0, Place::Location(Location::Object(place)) if place.scheme() == Scheme::S3)
    }

    /// The part store of one snapshot at this place.
    pub(super) fn open(
        &self,
        snapshot: SnapshotId,
        options: &StoreOptions,
        retry: &RetrySettings,
    ) -> Result<Arc<dyn PartStore>> {
        match &self.0 {
            Place::Location(location) => upload::open(&location.join(&snapshot.to_string()), options, retry),
            Place::Store { object, multipart, prefix } => {
                let prefix = prefix.clone().join(snapshot.to_string());
                let parts = ObjectParts::new(Arc::clone(object), Arc::clone(multipart), prefix);
                Ok(Arc::new(parts.with_retry(retry.clone())))
            }
            Place::Parts(parts) => Ok(Arc::clone(parts)),
        }
    }
}

impl From<Location> for Target {
    fn from(location: Location) -> Self {
        Self(Place::Location(location))
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Location(location) => write!(f, "Target({location})"),
            Place::Store { object, prefix, .. } => write!(f, "Target({object}, {prefix})"),
            Place::Parts(parts) => write!(f, "Target({parts:?})"),
        }
    }
}

/// Removes what an export left that did not commit; `None` where nothing is left.
///
/// The caller says that the export is dead: on a store with locks a living one is refused, elsewhere it is
/// fenced off.
///
/// # Errors
///
/// When the snapshot is complete, a living process owns it, or the store fails.
pub async fn abort(store: Arc<dyn PartStore>) -> Result<Option<Removed>> {
    let by = Claim::new(OwnerNonce::new(Uuid::new_v4().as_u128()), now(), "abort");
    abort_snapshot(store, &by).await
}
