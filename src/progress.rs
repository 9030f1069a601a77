//! What an export tells while it runs.
//!
//! Counters that the stages add to, the [`Observer`] that is told of them, and the [`Recorder`] of metrics. It holds
//! no values and knows no terminal: showing progress is the caller's.

mod metrics;

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use serde::Serialize;

pub(crate) use self::metrics::outcome;
pub use self::metrics::{Counter, Histogram, Label, Recorder};

/// Is told of the progress of an export.
///
/// Called from the export's own task, after each chunk and at each change of stage: return at once.
pub trait Observer: Send + Sync + 'static {
    /// Takes the counters as they are now.
    fn on_progress(&self, progress: &Progress);
}

impl<F: Fn(&Progress) + Send + Sync + 'static> Observer for F {
    fn on_progress(&self, progress: &Progress) {
        self(progress);
    }
}

/// How far an export is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Progress {
    /// What it does now.
    pub stage: Stage,
    /// Rows encoded and handed to the upload.
    pub rows: u64,
    /// Rows of the source, if it knows them.
    pub rows_total: Option<u64>,
    /// Bytes read from the source.
    pub bytes_read: u64,
    /// Bytes of data objects written.
    pub bytes_written: u64,
    /// Data objects whose bytes are all uploaded.
    pub parts: u64,
}

/// What an export does now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// It waits for its share of the budget and claims the snapshot id.
    #[default]
    Claiming,
    /// It reads, encodes and uploads.
    Writing,
    /// Every row is uploaded; the data objects are being made visible.
    Committing,
    /// The manifest is written.
    Completed,
    /// It failed or was cancelled, and takes away what it wrote.
    Aborting,
    /// It failed or was cancelled, and nothing of it is left that it could take away.
    Failed,
}

impl Stage {
    const ALL: [Self; 6] =
        [Self::Claiming, Self::Writing, Self::Committing, Self::Completed, Self::Aborting, Self::Failed];
}

impl Stage {
    /// Its name, as it is shown and told to a [`Recorder`].
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claiming => "claiming",
            Self::Writing => "writing",
            Self::Committing => "committing",
            Self::Completed => "completed",
            Self::Aborting => "aborting",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The counters behind [`Progress`], shared by the stages of one export.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    stage: AtomicU8,
    pub(crate) rows: AtomicU64,
    pub(crate) bytes_written: AtomicU64,
    pub(crate) parts: AtomicU64,
}

impl Counters {
    pub(crate) fn enter(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    pub(crate) fn progress(&self, rows_total: Option<u64>, bytes_read: u64) -> Progress {
        Progress {
            stage: Stage::ALL[usize::from(self.stage.load(Ordering::Relaxed))],
            rows: self.rows.load(Ordering::Relaxed),
            rows_total,
            bytes_read,
            bytes_written: self.bytes_written.load(Ordering::Relaxed),
            parts: self.parts.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_comes_back_as_itself() {
        let counters = Counters::default();
        for stage in Stage::ALL {
            counters.enter(stage);
            assert_eq!(counters.progress(None, 0).stage, stage);
        }
    }
}
