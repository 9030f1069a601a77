//! Puts an export together and checks everything that can be known before it begins.

use std::fmt;
use std::sync::Arc;

use rayon::ThreadPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::seal::Sealing;
use super::{Exporter, Target, check};
use crate::access::Access;
use crate::budget::Budget;
use crate::encode::encoder_for;
use crate::error::{Cause, Result};
use crate::manifest::OwnerNonce;
use crate::plan::{DomainName, Format, KeyId, SegmentName, SnapshotId};
use crate::progress::{Observer, Recorder};
use crate::seal::Keys;
use crate::settings::Settings;
use crate::shape::Shape;
use crate::source::ProfileSource;
use crate::stage::Pool;
#[cfg(feature = "kms")]
use crate::store::AssumedRole;
use crate::store::StoreOptions;
use crate::upload::ObservedParts;

/// What an export is put together from.
pub struct ExporterBuilder {
    source: Arc<dyn ProfileSource>,
    target: Target,
    format: Option<Format>,
    settings: Settings,
    snapshot_id: Option<SnapshotId>,
    domain: Option<DomainName>,
    segment: Option<SegmentName>,
    store_options: StoreOptions,
    takeover: bool,
    access: Access,
    pool: Option<Pool>,
    budget: Option<Budget>,
    observer: Option<Arc<dyn Observer>>,
    recorder: Option<Arc<dyn Recorder>>,
    cancellation: CancellationToken,
}

impl ExporterBuilder {
    pub(super) fn new(source: Arc<dyn ProfileSource>, target: Target) -> Self {
        Self {
            source,
            target,
            format: None,
            settings: Settings::default(),
            snapshot_id: None,
            domain: None,
            segment: None,
            store_options: StoreOptions::default(),
            takeover: false,
            access: Access::default(),
            pool: None,
            budget: None,
            observer: None,
            recorder: None,
            cancellation: CancellationToken::new(),
        }
    }

    /// The format of the data objects; required.
    #[must_use]
    pub fn with_format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// The tunables; default [`Settings::default`].
    #[must_use]
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The id of the snapshot; default: a new one at random.
    #[must_use]
    pub fn with_snapshot_id(mut self, id: SnapshotId) -> Self {
        self.snapshot_id = Some(id);
        self
    }

    /// The domain that the manifest names; default: none.
    #[must_use]
    pub fn with_domain(mut self, domain: DomainName) -> Self {
        self.domain = Some(domain);
        self
    }

    /// The segment that the manifest names; default: none.
    #[must_use]
    pub fn with_segment(mut self, segment: SegmentName) -> Self {
        self.segment = Some(segment);
        self
    }

    /// Regions, endpoints and credentials for a destination that is a URI; default: none.
    #[must_use]
    pub fn with_store_options(mut self, options: StoreOptions) -> Self {
        self.store_options = options;
        self
    }

    /// Whether to take the snapshot id over from an export that is dead; default false.
    ///
    /// On local disk it is known that an owner is dead, and taking over needs no word.
    #[must_use]
    pub fn with_takeover(mut self, takeover: bool) -> Self {
        self.takeover = takeover;
        self
    }

    /// The wrapping keys of sealed data objects; default: none, and objects are not sealed.
    ///
    /// Names then end in `.encrypted`, and the manifest is there once more as `_manifest.sealed`.
    #[must_use]
    pub fn with_key(mut self, keys: impl Into<Keys>) -> Self {
        self.access = self.access.with_key(keys);
        self
    }

    /// The key of KMS by which an `s3://` destination encrypts what is written; default: none, as the bucket says.
    ///
    /// The store decrypts for whoever may read: nothing is sealed by it. A store of the caller's own is told by
    /// its client, and refused here.
    #[must_use]
    pub fn with_sse_kms(mut self, key: KeyId) -> Self {
        self.access = self.access.with_sse_kms(key);
        self
    }

    /// The role as which an `s3://` destination is used; default: none, and the options of the store say.
    ///
    /// The source is read without it. Keys take it on their own (`AwsAccess::key`), and a store of the caller's own
    /// is told by its client. It is assumed before a row is read, also where nothing needs it.
    #[cfg(feature = "kms")]
    #[must_use]
    pub fn with_role(mut self, role: AssumedRole) -> Self {
        self.access = self.access.with_role(role);
        self
    }

    /// All keys and the role at once, in the place of those that were given; default: none.
    #[must_use]
    pub fn with_access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Who is told of the progress; default: nobody.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Who takes what is measured; default: nobody.
    #[must_use]
    pub fn with_recorder(mut self, recorder: Arc<dyn Recorder>) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// What cancels the export from outside; default: only its handle does.
    #[must_use]
    pub fn with_cancellation(mut self, token: CancellationToken) -> Self {
        self.cancellation = token;
        self
    }

    /// The threads that encode; default: a pool of `settings.threads` for this export alone.
    #[must_use]
    pub fn with_pool(mut self, pool: Arc<ThreadPool>) -> Self {
        self.pool = Some(pool.into());
        self
    }

    /// A memory budget shared with other exports; default: `settings.memory_budget` for this export alone.
    ///
    /// The export plans with the smaller of the two: more of a large budget is for the exports beside it.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Checks everything that can be known before the export begins, without a request to the destination.
    ///
    /// # Errors
    ///
    /// When a setting breaks its rule, a column does not exist, the format cannot hold the type of a column,
    /// or the destination cannot be understood.
    pub fn build(self) -> Result<Exporter> {
        let missing = || Cause::Field { field: "DataFormat", rule: "is required".to_owned() };
        let format = self.format.ok_or_else(missing)?;
        check::settings(&self.settings, format)?;
        let shape =
            Shape::new(&self.source.schema(), self.settings.columns.as_deref(), &self.settings.rename)?;
        let encoder = encoder_for(format, shape.schema(), &self.settings)?;
        let random = || Uuid::new_v4().as_u128();
        let snapshot_id = self.snapshot_id.unwrap_or_else(|| SnapshotId::from_bytes(random().to_be_bytes()));
        let store = self.target.open(snapshot_id, &self.options()?, &self.settings.retry)?;
        let sealing = self.sealing(format, snapshot_id);
        let budget = self.budget.unwrap_or_else(|| Budget::new(self.settings.memory_budget));
        let carried_bytes = sealing.as_ref().map_or(0, |sealing| sealing.carried_bytes());
        check::sizes(&self.settings, format, &budget, &*store, carried_bytes)?;
        check::single_part(&self.settings, &budget, &*store, &*self.source)?;
        Ok(Exporter {
            source: self.source,
            shape,
            encoder,
            format,
            snapshot_id,
            domain: self.domain,
            segment: self.segment,
            owner: OwnerNonce::new(random()),
            takeover: self.takeover,
            access: self.access,
            sealing,
            store: ObservedParts::over(store, self.recorder.clone()),
            pool: self.pool.map_or_else(|| Pool::new(self.settings.threads), Ok)?,
            budget,
            observer: self.observer,
            recorder: self.recorder,
            cancellation: self.cancellation,
            settings: self.settings,
        })
    }

    /// What the client of the destination is told.
    fn options(&self) -> Result<StoreOptions> {
        #[cfg_attr(not(feature = "kms"), expect(unused_mut, reason = "only a role changes them"))]
        let mut options = self.store_options.clone();
        #[cfg(feature = "kms")]
        if let Some(role) = &self.access.role {
            options = options.with_aws_credentials(Arc::new(role.clone()));
        }
        match &self.access.sse_kms {
            None => Ok(options),
            Some(key) if self.target.is_s3() => Ok(options.with_sse_kms(key)),
            Some(_) => {
                let rule = "is for destinations that are s3:// URIs".to_owned();
                Err(Cause::Field { field: "encryption by SSE-KMS", rule }.into())
            }
        }
    }

    /// How data objects are sealed, and what each of them is bound to: names and ids, nothing of a person.
    fn sealing(&self, format: Format, snapshot_id: SnapshotId) -> Option<Arc<Sealing>> {
        let keys = self.access.keys.clone()?;
        let context = [
            ("domain", self.domain.as_ref().map(ToString::to_string)),
            ("format", Some(format.to_string())),
            ("segment", self.segment.as_ref().map(ToString::to_string)),
            ("snapshot", Some(snapshot_id.to_string())),
        ];
        let context = context.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
        Some(Arc::new(Sealing::new(keys, &self.settings.seal, context)))
    }
}

impl fmt::Debug for ExporterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExporterBuilder")
            .field("target", &self.target)
            .field("format", &self.format)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
