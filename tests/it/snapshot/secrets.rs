//! No value of a profile is in a log, an error or a status message, whatever goes wrong.

use std::collections::BTreeSet;
use std::error::Error as StdError;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use futures::{StreamExt, stream};
use segment_export::api::{CreateSegmentSnapshotRequest, SnapshotStatus};
use segment_export::source::{MemorySource, ProfileSource, RecordSource, StreamSource};
use segment_export::{Error, Exporter, Format, Target};
use serde::Serialize;
use tracing::field::{Field as LogField, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber, level_filters::LevelFilter};

use super::{Memory, Segments, request};
use crate::export::{exporter, sample, small_chunks};
use crate::support::stores::Place;

const CANARY: &str = "canary-5b1e77";

/// Takes every event and span of the process, at every level, and keeps those that hold the canary.
#[derive(Default)]
struct Watch {
    looking: AtomicUsize,
    leaks: Mutex<Vec<String>>,
    failures: AtomicUsize,
    /// Our own spans: name, level and fields, as rows of the table in `docs/observability.md`.
    spans: Mutex<BTreeSet<String>>,
}

impl Watch {
    /// The one of this process; it looks until what is given is dropped, and costs other tests nothing after.
    fn begin() -> Looking {
        static WATCH: OnceLock<Arc<Watch>> = OnceLock::new();
        let install = || {
            let watch = Arc::new(Self::default());
            tracing::subscriber::set_global_default(Watcher(Arc::clone(&watch))).unwrap();
            watch
        };
        let watch = Arc::clone(WATCH.get_or_init(install));
        watch.looking.fetch_add(1, Ordering::SeqCst);
        Looking(watch)
    }

    fn leaks(&self) -> Vec<String> {
        self.leaks.lock().unwrap().clone()
    }

    fn look(&self, text: &str) {
        if text.contains(CANARY) {
            self.leaks.lock().unwrap().push(text.to_owned());
        }
        if text.contains("a snapshot failed") {
            self.failures.fetch_add(1, Ordering::SeqCst);
        }
    }
}

struct Looking(Arc<Watch>);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.looking.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Watcher(Arc<Watch>);

/// The fields of an event or span as text.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &LogField, value: &dyn fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }

    fn record_error(&mut self, field: &LogField, value: &(dyn StdError + 'static)) {
        write!(self.0, "{field}={} ", chain(value)).unwrap();
    }
}

impl Subscriber for Watcher {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        self.0.looking.load(Ordering::SeqCst) > 0
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = Text::default();
        span.record(&mut text);
        self.0.look(&text.0);
        let metadata = span.metadata();
        if metadata.target().starts_with("segment_export") {
            let fields: Vec<_> = metadata.fields().iter().map(|field| format!("`{field}`")).collect();
            let level = metadata.level().as_str().to_lowercase();
            let row = format!("| `{}` | {level} | {} |", metadata.name(), fields.join(", "));
            self.0.spans.lock().unwrap().insert(row);
        }
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut text = Text::default();
        values.record(&mut text);
        self.0.look(&text.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        self.0.look(&text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// An error and all its causes, as they are shown and as they are debugged.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        write!(text, "{error} {error:?} ").unwrap();
        next = error.source();
    }
    text
}

#[derive(Clone, Serialize)]
struct Row {
    name: String,
    age: String,
}

fn rows(score: f64) -> RecordBatch {
    let names: ArrayRef = Arc::new(StringArray::from(vec![CANARY; 3]));
    let scores: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, score]));
    RecordBatch::try_from_iter([("name", names), ("score", scores)]).unwrap()
}

fn records() -> RecordSource {
    let schema =
        Schema::new(vec![Field::new("name", DataType::Utf8, true), Field::new("age", DataType::Int64, true)]);
    let row = |age: &str| Ok::<_, std::io::Error>(Row { name: CANARY.to_owned(), age: age.to_owned() });
    RecordSource::from_records(Arc::new(schema), [row("41"), row(CANARY)])
}

/// The batch, then something else.
fn then<S>(rest: S) -> StreamSource
where
    S: futures::Stream<Item = Result<RecordBatch, std::io::Error>> + Send + 'static,
{
    StreamSource::new(rows(3.0).schema(), stream::iter([Ok(rows(3.0))]).chain(rest))
}

fn other_shape() -> RecordBatch {
    rows(3.0).project(&[0]).unwrap()
}

/// Sources that hold the canary, by how they go wrong.
fn source(case: &str) -> Arc<dyn ProfileSource> {
    let memory = |batch: RecordBatch| MemorySource::new(batch.schema(), vec![batch]).unwrap();
    match case {
        "complete" => Arc::new(memory(rows(3.0))),
        "value" => Arc::new(memory(rows(f64::NAN))),
        "record" => Arc::new(records()),
        "shape" => Arc::new(then(stream::iter([Ok(other_shape())]))),
        "error" => Arc::new(then(stream::iter([Err(std::io::Error::other(CANARY))]))),
        _ => Arc::new(then(stream::once(async { panic!("{CANARY}") }))),
    }
}

#[tokio::test]
async fn no_value_is_logged_or_answered_by_an_engine() {
    let looking = Watch::begin();
    let before = looking.0.failures.load(Ordering::SeqCst);
    let memory = Memory::new();
    let engine = memory.engine(Segments(|case: &str| Ok(Some(source(case))))).build().unwrap();
    for case in ["complete", "value", "record", "shape", "error", "panic"] {
        let request = CreateSegmentSnapshotRequest { data_format: "JSONL".into(), ..request(case) };
        let created = engine.create_segment_snapshot(&request).await.unwrap();
        let id = created.snapshot_id.parse().unwrap();
        let mut updates = engine.subscribe(id).await.unwrap();
        while let Some(update) = updates.next().await {
            assert!(!format!("{update:?}").contains(CANARY), "{case}");
        }
        let job = engine.wait(id).await.unwrap();
        let failed = case != "complete";
        assert_eq!(job.status == SnapshotStatus::Failed, failed, "{case}");
        let message = job.status_message.unwrap_or_else(|| "none".to_owned());
        assert!((1..=1_000).contains(&message.chars().count()) && !message.contains(CANARY), "{case}");
    }
    assert_eq!(looking.0.leaks(), Vec::<String>::new());
    assert!(looking.0.failures.load(Ordering::SeqCst) >= before + 5, "the log was seen");
}

#[tokio::test]
async fn no_value_is_in_an_error_or_its_causes() {
    let looking = Watch::begin();
    // What a source of the caller's own says stays reachable: that is the caller's.
    for case in ["value", "record", "shape", "panic"] {
        let export = Exporter::builder(source(case), Target::parts(Place::memory().open()))
            .with_format(Format::Jsonl)
            .with_settings(small_chunks());
        let error: Error = export.build().unwrap().run().await.unwrap_err();
        let told = format!("{} {}", chain(&error), error.public_message());
        assert!(!told.contains(CANARY), "{case}: {told}");
    }
    assert_eq!(looking.0.leaks(), Vec::<String>::new());
}

#[tokio::test]
async fn every_span_is_documented_and_every_documented_one_is_there() {
    let looking = Watch::begin();
    let place = Place::memory();
    exporter(&sample("profiles.parquet"), place.open(), Format::Csv).build().unwrap().run().await.unwrap();
    let (_, documented) = include_str!("../../../docs/observability.md").split_once("## Spans\n").unwrap();
    let rows = documented.lines().filter(|line| line.starts_with("| `"));
    let rows: BTreeSet<String> = rows.map(str::to_owned).collect();
    assert_eq!(*looking.0.spans.lock().unwrap(), rows);
    assert_eq!(rows.len(), 3);
}
