//! The record of a job, and where records are kept.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::api::{GetSegmentSnapshotResponse, SnapshotStatus};
use crate::error::{Error, Result};
use crate::export::now;
use crate::plan::{DomainName, Format, KeyId, Plan, RoleArn, SegmentName, SnapshotId};

/// Records that [`MemoryJobs`] keeps, at about half a KiB each.
const KEPT: usize = 10_000;

/// What is recorded of a snapshot: what was asked for, and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Job {
    /// The snapshot.
    pub snapshot_id: SnapshotId,
    /// The domain of the segment.
    pub domain: DomainName,
    /// The segment.
    pub segment: SegmentName,
    /// The format of the data objects.
    pub format: Format,
    /// The destination that was asked for, without its trailing slash; `None`: the default one.
    pub destination_uri: Option<String>,
    /// The key that was asked for.
    pub encryption_key: Option<KeyId>,
    /// The role that was asked for.
    pub role: Option<RoleArn>,
    /// How it is.
    pub status: SnapshotStatus,
    /// Why it failed, 1 to 1,000 characters; holds no path, host, ARN or value.
    pub status_message: Option<String>,
    /// When it was asked for, as RFC 3339.
    pub created: String,
    /// When it ended, as RFC 3339.
    pub ended: Option<String>,
}

impl Job {
    pub(super) fn new(snapshot_id: SnapshotId, plan: &Plan, destination_uri: Option<&str>) -> Self {
        Self {
            snapshot_id,
            domain: plan.domain.clone(),
            segment: plan.segment.clone(),
            format: plan.format,
            destination_uri: destination_uri.map(without_slash),
            encryption_key: plan.encryption_key.clone(),
            role: plan.role.clone(),
            status: SnapshotStatus::InProgress,
            status_message: None,
            created: now(),
            ended: None,
        }
    }

    /// Whether the job has completed or failed.
    pub fn has_ended(&self) -> bool {
        self.status != SnapshotStatus::InProgress
    }

    pub(super) fn end<T>(&mut self, end: &Result<T, Error>) {
        self.ended = Some(now());
        match end {
            Ok(_) => self.status = SnapshotStatus::Completed,
            Err(error) => {
                self.status = SnapshotStatus::Failed;
                self.status_message = Some(error.public_message().to_owned());
            }
        }
    }
}

impl From<Job> for GetSegmentSnapshotResponse {
    fn from(job: Job) -> Self {
        Self {
            snapshot_id: job.snapshot_id.to_string(),
            status: job.status,
            status_message: job.status_message,
            data_format: job.format.to_string(),
            encryption_key: job.encryption_key.map(Into::into),
            role_arn: job.role.map(Into::into),
            destination_uri: job.destination_uri,
        }
    }
}

/// The URI without its trailing slash, which belongs to the scheme in `file:///`.
fn without_slash(uri: &str) -> String {
    uri.strip_suffix('/').filter(|uri| !uri.ends_with('/')).unwrap_or(uri).to_owned()
}

/// Keeps the records of jobs.
///
/// An error of an implementation comes as [`Error::from_source`]; a panic counts as an error.
#[async_trait]
pub trait JobStore: Send + Sync + 'static {
    /// Adds the record of a job, or replaces that of the same id.
    ///
    /// # Errors
    ///
    /// When the store fails.
    async fn put(&self, job: &Job) -> Result<()>;

    /// The record of a snapshot, if there is one.
    ///
    /// # Errors
    ///
    /// When the store fails.
    async fn get(&self, snapshot: SnapshotId) -> Result<Option<Job>>;

    /// The records of a segment, in the order in which they were first put.
    ///
    /// # Errors
    ///
    /// When the store fails.
    async fn list(&self, domain: &DomainName, segment: &SegmentName) -> Result<Vec<Job>>;
}

/// Keeps the last records in memory; they end with the process.
pub struct MemoryJobs {
    kept: usize,
    records: Mutex<Records>,
}

#[derive(Default)]
struct Records {
    /// By the order in which they were first put.
    jobs: BTreeMap<u64, Job>,
    numbers: BTreeMap<SnapshotId, u64>,
    next: u64,
}

impl MemoryJobs {
    /// Keeps so many records; the oldest that have ended are forgotten first.
    ///
    /// Those in progress are always kept. Default: 10,000.
    pub fn new(kept: usize) -> Self {
        Self { kept, records: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        // No step of a change can panic: records are never half-changed.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryJobs {
    fn default() -> Self {
        Self::new(KEPT)
    }
}

impl Records {
    fn put(&mut self, job: &Job) {
        let number = *self.numbers.entry(job.snapshot_id).or_insert(self.next);
        self.next = self.next.max(number + 1);
        self.jobs.insert(number, job.clone());
    }

    fn forget_beyond(&mut self, kept: usize) {
        while self.jobs.len() > kept {
            let oldest = self.jobs.iter().find(|(_, job)| job.has_ended()).map(|(number, _)| *number);
            let Some(job) = oldest.and_then(|number| self.jobs.remove(&number)) else { return };
            self.numbers.remove(&job.snapshot_id);
        }
    }
}

#[async_trait]
impl JobStore for MemoryJobs {
    async fn put(&self, job: &Job) -> Result<()> {
        let mut records = self.lock();
        records.put(job);
        records.forget_beyond(self.kept);
        Ok(())
    }

    async fn get(&self, snapshot: SnapshotId) -> Result<Option<Job>> {
        let records = self.lock();
        Ok(records.numbers.get(&snapshot).and_then(|number| records.jobs.get(number)).cloned())
    }

    async fn list(&self, domain: &DomainName, segment: &SegmentName) -> Result<Vec<Job>> {
        let records = self.lock();
        let of_segment = |job: &&Job| job.domain == *domain && job.segment == *segment;
        Ok(records.jobs.values().filter(of_segment).cloned().collect())
    }
}

impl fmt::Debug for MemoryJobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryJobs").field("records", &self.lock().jobs.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: u8, ended: bool) -> Job {
        let plan = Plan::try_from(&crate::api::CreateSegmentSnapshotRequest {
            domain_name: "shop".into(),
            segment_definition_name: "gold".into(),
            data_format: "CSV".into(),
            destination_uri: Some("s3://exports/gold/".into()),
            ..crate::api::CreateSegmentSnapshotRequest::default()
        });
        let mut job = Job::new(SnapshotId::from_bytes([id; 16]), &plan.unwrap(), Some("s3://exports/gold/"));
        if ended {
            job.end(&Ok(()));
        }
        job
    }

    #[tokio::test]
    async fn the_oldest_that_have_ended_are_forgotten_first() {
        let jobs = MemoryJobs::new(2);
        for job in [job(1, false), job(2, true), job(3, true), job(4, true)] {
            jobs.put(&job).await.unwrap();
        }
        let kept = jobs.list(&job(1, false).domain, &job(1, false).segment).await.unwrap();
        assert_eq!(kept.iter().map(|job| job.snapshot_id.as_bytes()[0]).collect::<Vec<_>>(), [1, 4]);
        assert!(jobs.get(job(2, true).snapshot_id).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_record_that_changes_keeps_its_place() {
        let jobs = MemoryJobs::default();
        for job in [job(1, false), job(2, false), job(1, true)] {
            jobs.put(&job).await.unwrap();
        }
        let all = jobs.list(&job(1, false).domain, &job(1, false).segment).await.unwrap();
        assert_eq!(all.len(), 2);
        assert!(all[0].has_ended() && !all[1].has_ended());
    }

    #[test]
    fn the_slash_of_a_scheme_stays() {
        for (given, expected) in
            [("s3://b/a/", "s3://b/a"), ("s3://b", "s3://b"), ("s3://b/", "s3://b"), ("file:///", "file:///")]
        {
            assert_eq!(without_slash(given), expected);
        }
    }

    #[test]
    fn a_record_reads_back() {
        let job = job(7, true);
        let text = serde_json::to_string(&job).unwrap();
        assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), job);
    }
}
