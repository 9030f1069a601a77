//! What an export measures, under names that stay: counters, histograms and spans.
//!
//! It sends nothing anywhere: a [`Recorder`] of the caller's does. Labels are words of this crate, so that no
//! value, key or name of a caller's can be in one.
//!
//! Invariant: names are never given to another meaning.

/// Takes what an export measures.
///
/// Called from its tasks, also several at once: return at once.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use segment_export::{Counter, Histogram, Label, Recorder};
///
/// #[derive(Default)]
/// struct Rows(AtomicU64);
///
/// impl Recorder for Rows {
///     fn add(&self, counter: Counter, _labels: &[Label], amount: u64) {
///         if counter == Counter::Rows {
///             self.0.fetch_add(amount, Ordering::Relaxed);
///         }
///     }
///
///     fn record(&self, _histogram: Histogram, _labels: &[Label], _value: f64) {}
/// }
/// ```
pub trait Recorder: Send + Sync + 'static {
    /// Adds to a counter.
    fn add(&self, counter: Counter, labels: &[Label], amount: u64);

    /// Takes one value of a histogram.
    fn record(&self, histogram: Histogram, labels: &[Label], value: f64);
}

/// The name of a label and its value.
pub type Label = (&'static str, &'static str);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Counter {
    /// Exports that ended; labels `format` and `outcome`.
    Exports,
    /// Rows of complete exports; label `format`.
    Rows,
    /// Bytes of the data objects of complete exports, as they are stored; label `format`.
    Bytes,
    /// Data objects of complete exports; label `format`.
    Parts,
    /// Calls of the destination, each with all its attempts; labels `operation` and `outcome`.
    Requests,
    /// Bytes of data objects that the destination took, those of failed exports too.
    UploadedBytes,
}

impl Counter {
    /// All counters.
    pub const ALL: [Self; 6] =
        [Self::Exports, Self::Rows, Self::Bytes, Self::Parts, Self::Requests, Self::UploadedBytes];

    /// Its name, as Prometheus writes names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exports => "segment_export_exports_total",
            Self::Rows => "segment_export_rows_total",
            Self::Bytes => "segment_export_bytes_total",
            Self::Parts => "segment_export_parts_total",
            Self::Requests => "segment_export_requests_total",
            Self::UploadedBytes => "segment_export_uploaded_bytes_total",
        }
    }
}

/// What is measured again and again, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Histogram {
    /// A whole export; labels `format` and `outcome`.
    ExportSeconds,
    /// A stage of an export; label `stage`.
    StageSeconds,
    /// A call of the destination with all its attempts; labels `operation` and `outcome`.
    RequestSeconds,
}

impl Histogram {
    /// All histograms.
    pub const ALL: [Self; 3] = [Self::ExportSeconds, Self::StageSeconds, Self::RequestSeconds];

    /// Its name, as Prometheus writes names.
    pub fn name(self) -> &'static str {
        match self {
            Self::ExportSeconds => "segment_export_export_seconds",
            Self::StageSeconds => "segment_export_stage_seconds",
            Self::RequestSeconds => "segment_export_request_seconds",
        }
    }
}

/// The outcome of what went well; otherwise it is the name of the error's kind.
pub(crate) const OK: &str = "ok";

/// The label `outcome` of a result.
pub(crate) fn outcome<T>(result: &crate::error::Result<T>) -> Label {
    ("outcome", result.as_ref().err().map_or(OK, |error| error.kind().exception()))
}
