//! What a recorder is told of an export.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use segment_export::manifest::MANIFEST;
use segment_export::{Counter, Format, Histogram, Label, Recorder};

use super::{exporter, sample, small_chunks};
use crate::support::faulty::{FaultyParts, Operation, deny};
use crate::support::stores::Place;

type Key = (&'static str, Vec<Label>);

#[derive(Debug, Default)]
struct Seen {
    counters: Mutex<BTreeMap<Key, u64>>,
    histograms: Mutex<BTreeMap<Key, Vec<f64>>>,
}

impl Recorder for Seen {
    fn add(&self, counter: Counter, labels: &[Label], amount: u64) {
        *self.counters.lock().unwrap().entry((counter.name(), labels.to_vec())).or_default() += amount;
    }

    fn record(&self, histogram: Histogram, labels: &[Label], value: f64) {
        let key = (histogram.name(), labels.to_vec());
        self.histograms.lock().unwrap().entry(key).or_default().push(value);
    }
}

impl Seen {
    fn count(&self, counter: Counter, labels: &[Label]) -> u64 {
        self.counters.lock().unwrap().get(&(counter.name(), labels.to_vec())).copied().unwrap_or(0)
    }

    /// How many values a histogram has, none of which is negative.
    fn values(&self, histogram: Histogram, labels: &[Label]) -> usize {
        let histograms = self.histograms.lock().unwrap();
        let values = histograms.get(&(histogram.name(), labels.to_vec())).cloned().unwrap_or_default();
        assert!(values.iter().all(|value| (0.0..60.0).contains(value)), "{values:?}");
        values.len()
    }
}

const OK: Label = ("outcome", "ok");
const CSV: Label = ("format", "CSV");

#[tokio::test]
async fn a_complete_export_counts_its_rows_bytes_parts_and_requests() {
    let (place, seen) = (Place::memory(), Arc::new(Seen::default()));
    let mut settings = small_chunks();
    settings.part_rows = Some(500);
    let export = exporter(&sample("profiles.parquet"), place.open(), Format::Csv)
        .with_settings(settings)
        .with_recorder(Arc::<Seen>::clone(&seen));
    let manifest = export.build().unwrap().run().await.unwrap();
    assert_eq!(seen.count(Counter::Exports, &[CSV, OK]), 1);
    assert_eq!(seen.count(Counter::Rows, &[CSV]), 2_000);
    assert_eq!(seen.count(Counter::Parts, &[CSV]), 4);
    assert_eq!(seen.count(Counter::Bytes, &[CSV]), manifest.totals.bytes);
    assert_eq!(seen.count(Counter::UploadedBytes, &[]), manifest.totals.bytes);
    for (operation, calls) in [("create", 4), ("complete", 4), ("put_new", 2), ("abort", 0)] {
        let labels = [("operation", operation), OK];
        assert_eq!(seen.count(Counter::Requests, &labels), calls, "{operation}");
        assert_eq!(seen.values(Histogram::RequestSeconds, &labels) as u64, calls, "{operation}");
    }
    assert_eq!(seen.values(Histogram::ExportSeconds, &[CSV, OK]), 1);
    for (stage, times) in [("claiming", 1), ("writing", 1), ("committing", 1), ("aborting", 0)] {
        assert_eq!(seen.values(Histogram::StageSeconds, &[("stage", stage)]), times, "{stage}");
    }
}

#[tokio::test]
async fn a_failed_export_counts_its_kind_and_no_rows() {
    let seen = Arc::new(Seen::default());
    let store = FaultyParts::over(Place::memory().open(), [deny(Operation::PutNew).named(MANIFEST).always()]);
    let export = exporter(&sample("profiles.parquet"), store.share(), Format::Csv);
    export.with_recorder(Arc::<Seen>::clone(&seen)).build().unwrap().run().await.unwrap_err();
    let denied = ("outcome", "AccessDeniedException");
    assert_eq!(seen.count(Counter::Exports, &[CSV, denied]), 1);
    assert_eq!(seen.count(Counter::Exports, &[CSV, OK]), 0);
    assert_eq!(seen.count(Counter::Rows, &[CSV]), 0);
    assert!(seen.count(Counter::Requests, &[("operation", "put_new"), denied]) >= 1);
    assert_eq!(seen.values(Histogram::StageSeconds, &[("stage", "aborting")]), 1);
}

/// Dashboards rest on the page: a metric that it does not name is not there.
#[test]
fn every_metric_is_documented() {
    let page = include_str!("../../../docs/observability.md");
    let names = Counter::ALL.map(Counter::name).into_iter().chain(Histogram::ALL.map(Histogram::name));
    for name in names {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
}
