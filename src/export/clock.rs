//! How long an export and its stages take, and what a recorder is told of them.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tracing::{Span, info_span};

use crate::error::Result;
use crate::manifest::Manifest;
use crate::plan::Format;
use crate::progress::{Counter, Histogram, Recorder, Stage, outcome};

/// Measures an export.
#[derive(Debug)]
pub(super) struct Clock {
    began: Instant,
    /// The stage that goes on, and when it began.
    stage: Mutex<(Stage, Instant)>,
}

impl Clock {
    pub(super) fn start() -> Self {
        let now = Instant::now();
        Self { began: now, stage: Mutex::new((Stage::Claiming, now)) }
    }

    /// Ends the stage that goes on, and begins another.
    pub(super) fn enter(&self, next: Stage, recorder: Option<&dyn Recorder>) {
        let now = Instant::now();
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let (ended, began) = std::mem::replace(&mut *stage, (next, now));
        drop(stage);
        if ended == next {
            return;
        }
        if let Some(recorder) = recorder {
            let labels = [("stage", ended.as_str())];
            recorder.record(Histogram::StageSeconds, &labels, (now - began).as_secs_f64());
        }
    }

    /// Tells how the export ended.
    pub(super) fn end(&self, recorder: &dyn Recorder, format: Format, end: &Result<Manifest>) {
        let format = ("format", format.as_str());
        let labels = [format, outcome(end)];
        recorder.add(Counter::Exports, &labels, 1);
        recorder.record(Histogram::ExportSeconds, &labels, self.began.elapsed().as_secs_f64());
        if let Ok(manifest) = end {
            let totals = &manifest.totals;
            recorder.add(Counter::Rows, &[format], totals.rows);
            recorder.add(Counter::Bytes, &[format], totals.bytes);
            recorder.add(Counter::Parts, &[format], totals.parts);
        }
    }
}

/// The span of a stage.
pub(super) fn stage_span(stage: Stage) -> Span {
    info_span!("stage", name = stage.as_str())
}
