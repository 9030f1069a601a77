//! Puts an engine together and checks its settings.

use std::fmt;
use std::sync::Arc;

use rayon::ThreadPool;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Job, JobStore, MemoryJobs, SegmentCatalog, Shared, SnapshotEngine};
use crate::access::Access;
use crate::budget::Budget;
use crate::error::{Cause, Error, Result};
use crate::export::{Target, check_settings};
use crate::plan::destination::Location;
use crate::plan::{Format, Plan};
use crate::progress::Recorder;
use crate::settings::{Compression, Settings};
use crate::stage::Pool;
use crate::store::StoreOptions;

/// Jobs that run at once: while one waits for its store, another one encodes.
const MAX_CONCURRENT_JOBS: usize = 4;

/// Jobs that wait: each holds a source that is open.
const QUEUE_LENGTH: usize = 64;

/// Sources that are opened at once: what is read of their files meanwhile is in no budget.
const OPENINGS: usize = 8;

/// Chooses the target of a plan.
type Targets = Arc<dyn Fn(&Plan) -> Result<Target> + Send + Sync>;

/// Gives the keys and the role of a plan.
type Accesses = Arc<dyn Fn(&Plan) -> Result<Access> + Send + Sync>;

/// Is told of a job that failed.
type Failures = Arc<dyn Fn(&Job, &Error) + Send + Sync>;

/// What an engine is put together from.
pub struct SnapshotEngineBuilder {
    catalog: Arc<dyn SegmentCatalog>,
    jobs: Option<Arc<dyn JobStore>>,
    settings: Settings,
    store_options: StoreOptions,
    default_destination: Option<Location>,
    targets: Targets,
    accesses: Accesses,
    failures: Option<Failures>,
    recorder: Option<Arc<dyn Recorder>>,
    pool: Option<Arc<ThreadPool>>,
    budget: Option<Budget>,
    max_concurrent_jobs: usize,
    queue_length: usize,
}

/// What the exports of an engine are made with.
pub(super) struct Means {
    pub(super) catalog: Arc<dyn SegmentCatalog>,
    pub(super) jobs: Arc<dyn JobStore>,
    pub(super) settings: Settings,
    pub(super) store_options: StoreOptions,
    pub(super) default_destination: Option<Location>,
    pub(super) targets: Targets,
    pub(super) accesses: Accesses,
    pub(super) failures: Option<Failures>,
    pub(super) recorder: Option<Arc<dyn Recorder>>,
    pub(super) pool: Arc<ThreadPool>,
    pub(super) budget: Budget,
}

impl SnapshotEngineBuilder {
    pub(super) fn new(catalog: Arc<dyn SegmentCatalog>) -> Self {
        Self {
            catalog,
            jobs: None,
            settings: Settings::default(),
            store_options: StoreOptions::default(),
            default_destination: None,
            targets: Arc::new(|plan| Ok(plan.destination.clone().into())),
            accesses: Arc::new(no_access),
            failures: None,
            recorder: None,
            pool: None,
            budget: None,
            max_concurrent_jobs: MAX_CONCURRENT_JOBS,
            queue_length: QUEUE_LENGTH,
        }
    }

    /// The tunables of each export; default [`Settings::default`].
    #[must_use]
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Where the records of the jobs are kept; default: a [`MemoryJobs`].
    #[must_use]
    pub fn with_job_store(mut self, jobs: Arc<dyn JobStore>) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// Regions, endpoints and credentials for destinations; default: none.
    #[must_use]
    pub fn with_store_options(mut self, options: StoreOptions) -> Self {
        self.store_options = options;
        self
    }

    /// Where the snapshots of requests without a destination go; default: such requests are refused.
    #[must_use]
    pub fn with_default_destination(mut self, destination: Location) -> Self {
        self.default_destination = Some(destination);
        self
    }

    /// Chooses what a snapshot is written to, or refuses it; default: the place of the plan.
    ///
    /// The default takes any place that the process can write to, local directories too. A service that takes
    /// requests from others refuses here what is not theirs, with an [`Error::from_store`]
    /// of kind [`AccessDenied`](crate::ErrorKind::AccessDenied), or writes to a store of its own.
    #[must_use]
    pub fn with_targets(mut self, targets: impl Fn(&Plan) -> Result<Target> + Send + Sync + 'static) -> Self {
        self.targets = Arc::new(targets);
        self
    }

    /// Gives the keys and the role that a snapshot is written with, or refuses it; default: refuses those that a
    /// request names.
    ///
    /// With the feature `kms` an `AwsAccess` makes them of the names in the plan; whose keys and roles those are is
    /// for the policies of the keys and roles to say, or for this function, with an [`Error::from_key_provider`]
    /// of kind [`AccessDenied`](crate::ErrorKind::AccessDenied). What it gives is tried by the create call.
    #[must_use]
    pub fn with_access(mut self, access: impl Fn(&Plan) -> Result<Access> + Send + Sync + 'static) -> Self {
        self.accesses = Arc::new(access);
        self
    }

    /// Is told of each job that failed, with the whole error; default: nobody.
    ///
    /// The log has the error without its causes. Here they are, and those of a source of the caller's own may
    /// repeat values. Called from the job's task before its end is recorded: return at once.
    #[must_use]
    pub fn with_failures(mut self, told: impl Fn(&Job, &Error) + Send + Sync + 'static) -> Self {
        self.failures = Some(Arc::new(told));
        self
    }

    /// Who takes what is measured of all jobs; default: nobody.
    #[must_use]
    pub fn with_recorder(mut self, recorder: Arc<dyn Recorder>) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// The threads that encode for all jobs; default: a pool of `settings.threads`.
    #[must_use]
    pub fn with_pool(mut self, pool: Arc<ThreadPool>) -> Self {
        self.pool = Some(pool);
        self
    }

    /// The memory budget of all jobs together; default: one of `settings.memory_budget`.
    ///
    /// `settings.memory_budget` stays what a single job plans with: a budget of several times as much lets
    /// several jobs run at full pace. A job waits until its least share of the budget is free.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Jobs that run at once at most; default 4.
    #[must_use]
    pub fn with_max_concurrent_jobs(mut self, jobs: usize) -> Self {
        self.max_concurrent_jobs = jobs;
        self
    }

    /// Jobs that wait for their turn at most; default 64. One more is refused as `Throttling`.
    #[must_use]
    pub fn with_queue_length(mut self, jobs: usize) -> Self {
        self.queue_length = jobs;
        self
    }

    /// Checks the settings and makes the engine.
    ///
    /// # Errors
    ///
    /// When a setting breaks its rule, or no threads can be started.
    pub fn build(self) -> Result<SnapshotEngine> {
        for format in [Format::Csv, Format::Jsonl, Format::Orc] {
            check_settings(&settings_of(&self.settings, format), format)?;
        }
        if self.max_concurrent_jobs == 0 {
            let rule = "must be at least 1".to_owned();
            return Err(Cause::Setting { name: "max_concurrent_jobs".to_owned(), rule }.into());
        }
        let turns = self.max_concurrent_jobs.min(Semaphore::MAX_PERMITS);
        let places = turns.saturating_add(self.queue_length).min(Semaphore::MAX_PERMITS);
        let pool = match self.pool {
            Some(pool) => pool,
            None => Pool::new(self.settings.threads)?.into(),
        };
        let budget = self.budget.unwrap_or_else(|| Budget::new(self.settings.memory_budget));
        let means = Means {
            catalog: self.catalog,
            jobs: self.jobs.unwrap_or_else(|| Arc::new(MemoryJobs::default())),
            settings: self.settings,
            store_options: self.store_options,
            default_destination: self.default_destination,
            targets: self.targets,
            accesses: self.accesses,
            failures: self.failures,
            recorder: self.recorder,
            pool,
            budget,
        };
        let shared = Shared {
            means,
            places: Arc::new(Semaphore::new(places)),
            turns: Arc::new(Semaphore::new(turns)),
            openings: Semaphore::new(OPENINGS),
            live: std::sync::Mutex::default(),
            cancellation: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        Ok(SnapshotEngine { shared: Arc::new(shared) })
    }
}

/// Refuses a request that names a key or a role: the operator said nothing of them.
fn no_access(plan: &Plan) -> Result<Access> {
    let named = [("EncryptionKey", plan.encryption_key.is_some()), ("RoleArn", plan.role.is_some())];
    match named.iter().find(|(_, is_given)| *is_given) {
        Some((field, _)) => Err(Cause::NotAvailable { what: (*field).to_owned() }.into()),
        None => Ok(Access::default()),
    }
}

/// The settings of an export: the compression of text is no matter of ORC, which requests may name as well.
pub(super) fn settings_of(settings: &Settings, format: Format) -> Settings {
    let mut own = settings.clone();
    if format == Format::Orc {
        (own.compression, own.single_frame) = (Compression::None, false);
    }
    own
}

impl fmt::Debug for SnapshotEngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotEngineBuilder")
            .field("settings", &self.settings)
            .field("max_concurrent_jobs", &self.max_concurrent_jobs)
            .field("queue_length", &self.queue_length)
            .finish_non_exhaustive()
    }
}
