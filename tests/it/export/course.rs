//! The course of an export: progress, cancellation, empty segments, settings that are refused.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::{StreamExt, stream};
use segment_export::manifest::MANIFEST;
use segment_export::plan::destination::Location;
use segment_export::source::StreamSource;
use segment_export::{
    Compression, Error, ErrorKind, ExportHandle, Exporter, Format, Progress, Settings, Stage, Target, abort,
    verify,
};
use tokio::sync::Notify;

use super::{cut, exporter, objects, sample, small_chunks};
use crate::support::faulty::{FaultyParts, Operation, hang};
use crate::support::stores::{Place, visible};

#[test]
fn futures_and_handles_can_go_to_another_thread() {
    fn is_send<T: Send + 'static>(_: &T) {}
    fn handle_is_send(handle: ExportHandle) -> impl Send + 'static {
        handle
    }
    let place = Place::memory();
    let build = || exporter(&sample("profiles.parquet"), place.open(), Format::Csv).build().unwrap();
    is_send(&build());
    is_send(&build().run());
    let _: fn(ExportHandle) -> _ = handle_is_send;
}

#[tokio::test]
async fn an_empty_segment_is_one_valid_part_and_a_manifest() {
    let none = sample("profiles_flat.parquet").slice(0, 0).project(&[0, 1]).unwrap();
    for (format, expected) in
        [(Format::Csv, Some("ProfileId,AccountNumber\n")), (Format::Jsonl, Some("")), (Format::Orc, None)]
    {
        for place in Place::all().await {
            let store = place.open();
            let manifest = exporter(&none, Arc::clone(&store), format).build().unwrap().run().await.unwrap();
            assert_eq!((manifest.totals.parts, manifest.totals.rows), (1, 0));
            let objects = objects(&*place.open(), &manifest).await;
            if let Some(expected) = expected {
                assert_eq!(objects[0], expected, "{format}");
            }
            assert!(verify(place.open()).await.unwrap().is_intact(), "{format} {place:?}");
        }
    }
}

#[tokio::test]
async fn what_was_written_is_intact_and_described() {
    let rows = sample("profiles.parquet");
    for place in Place::all().await {
        let mut settings = small_chunks();
        settings.part_rows = Some(500);
        let export = exporter(&rows, place.open(), Format::Csv).with_settings(settings).build().unwrap();
        let manifest = export.run().await.unwrap();
        assert_eq!((manifest.totals.parts, manifest.totals.rows), (4, 2_000));
        let report = verify(place.open()).await.unwrap();
        assert!(report.is_intact() && report.rows() == 2_000 && report.bytes() == manifest.totals.bytes);
        let city = manifest.columns.iter().find(|column| column.name == "Address.City").unwrap();
        assert_eq!(city.source, ["Address", "City"]);
        let names: Vec<String> = manifest.parts.iter().map(|part| part.name.clone()).collect();
        let mut expected = vec!["_claim.json".to_owned(), MANIFEST.to_owned()];
        expected.extend(names);
        assert_eq!(visible(&*place.open()).await, expected);
    }
}

#[tokio::test]
async fn the_observer_sees_every_row_and_the_end() {
    let seen: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let sink = Arc::clone(&seen);
    let place = Place::memory();
    let export = exporter(&sample("profiles.parquet"), place.open(), Format::Jsonl)
        .with_observer(Arc::new(move |progress: &Progress| sink.lock().unwrap().push(*progress)))
        .build()
        .unwrap();
    let manifest = export.run().await.unwrap();
    let seen = seen.lock().unwrap();
    let stages: Vec<Stage> = seen.iter().map(|progress| progress.stage).collect();
    assert!(stages.is_sorted(), "{stages:?}");
    assert_eq!((stages.first(), stages.last()), (Some(&Stage::Claiming), Some(&Stage::Completed)));
    let last = seen.last().unwrap();
    assert_eq!((last.rows, last.parts, last.bytes_written), (2_000, 1, manifest.totals.bytes));
    assert!(seen.iter().map(|progress| progress.rows).is_sorted() && seen.len() > 10);
}

/// The sample, whose end never comes.
fn endless(notify: Arc<Notify>) -> (SchemaRef, StreamSource) {
    let batch = sample("profiles.parquet");
    let batches = stream::iter(cut(&batch, 500)).chain(stream::once(async move {
        notify.notify_one();
        std::future::pending::<RecordBatch>().await
    }));
    let schema = batch.schema();
    (Arc::clone(&schema), StreamSource::new(schema, batches.map(Ok::<_, Error>)))
}

#[tokio::test]
async fn a_cancelled_export_leaves_nothing() {
    for place in Place::all().await {
        let reached = Arc::new(Notify::new());
        let (_, source) = endless(Arc::clone(&reached));
        let export = Exporter::builder(source, Target::parts(place.open()))
            .with_format(Format::Csv)
            .with_settings(small_chunks());
        let handle = export.build().unwrap().start();
        reached.notified().await;
        handle.cancel();
        let error = handle.wait().await.unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        assert_eq!(visible(&*place.open()).await, Vec::<String>::new(), "{place:?}");
        assert_eq!(place.open_uploads(), 0);
        if let Place::Local(dir) = &place {
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "no directory of ours stays");
        }
    }
}

#[tokio::test]
async fn dropping_the_future_cleans_up_in_the_background() {
    let place = Place::memory();
    let store = FaultyParts::over(place.open(), []);
    let reached = Arc::new(Notify::new());
    let (_, source) = endless(Arc::clone(&reached));
    let export = Exporter::builder(source, Target::parts(store.share()))
        .with_format(Format::Csv)
        .with_settings(small_chunks());
    {
        let run = export.build().unwrap().run();
        tokio::select! {
            _ = run => panic!("the source never ends"),
            () = reached.notified() => {}
        }
    }
    store.called(Operation::Finish, 1).await;
    assert_eq!(visible(&*place.open()).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_token_of_the_caller_cancels_and_is_not_cancelled() {
    let token = tokio_util::sync::CancellationToken::new();
    let place = Place::memory();
    let store = FaultyParts::over(place.open(), [hang(Operation::PutPart).always()]);
    let export =
        exporter(&sample("profiles.parquet"), store.share(), Format::Csv).with_cancellation(token.clone());
    let handle = export.build().unwrap().start();
    store.called(Operation::PutPart, 1).await;
    token.cancel();
    assert!(handle.wait().await.unwrap_err().is_cancelled());
    let other = tokio_util::sync::CancellationToken::new();
    let export = exporter(&sample("profiles.parquet"), Place::memory().open(), Format::Csv)
        .with_cancellation(other.clone());
    drop(export.build().unwrap().start());
    assert!(!other.is_cancelled());
}

#[tokio::test]
async fn a_source_that_panics_fails_its_own_export_only() {
    let batch = sample("profiles.parquet");
    let first = batch.clone();
    let batches = stream::once(async move { first })
        .chain(stream::once(async { panic!("a source of the caller's panics") }));
    let source = StreamSource::new(batch.schema(), batches.map(Ok::<_, Error>));
    let place = Place::local();
    let export = Exporter::builder(source, Target::parts(place.open()))
        .with_format(Format::Csv)
        .with_settings(small_chunks());
    let error = export.build().unwrap().run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert_eq!(visible(&*place.open()).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_batch_that_does_not_fit_the_schema_is_an_error_that_names_the_column() {
    let batch = sample("profiles.parquet");
    let wrong = batch.project(&[1, 0]).unwrap();
    let source =
        StreamSource::new(batch.project(&[0, 1]).unwrap().schema(), stream::iter([Ok::<_, Error>(wrong)]));
    let export = Exporter::builder(source, Target::parts(Place::memory().open())).with_format(Format::Csv);
    let error = export.build().unwrap().run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    assert!(error.to_string().contains("column=`"), "{error}");
}

#[tokio::test]
async fn a_second_export_of_one_id_is_refused_and_changes_nothing() {
    let rows = sample("profiles.parquet");
    for place in Place::all().await {
        exporter(&rows, place.open(), Format::Csv).build().unwrap().run().await.unwrap();
        let before = visible(&*place.open()).await;
        let again = exporter(&rows, place.open(), Format::Jsonl)
            .with_takeover(true)
            .build()
            .unwrap()
            .run()
            .await
            .unwrap_err();
        assert!(again.is_already_committed(), "{again}");
        assert!(abort(place.open()).await.unwrap_err().is_already_committed());
        assert_eq!(visible(&*place.open()).await, before);
        assert!(verify(place.open()).await.unwrap().is_intact());
    }
}

#[test]
fn what_is_wrong_with_the_settings_is_said_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let rows = sample("profiles.parquet");
    let build = |format: Format, change: &dyn Fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        let target = Location::from(dir.path());
        let error = Exporter::builder(super::source(vec![rows.clone()]), target)
            .with_format(format)
            .with_settings(settings)
            .build();
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        error.to_string()
    };
    let small = build(Format::Csv, &|s| s.memory_budget = 1 << 20);
    assert!(small.starts_with("setting `memory_budget` must be at least "), "{small}");
    assert!(build(Format::Csv, &|s| s.chunk_bytes = 0).contains("`chunk_bytes` must be at least 1"));
    assert!(build(Format::Csv, &|s| s.upload.concurrency = 0).contains("`upload.concurrency`"));
    assert!(
        build(Format::Csv, &|s| (s.single_part, s.part_rows) = (true, Some(1))).contains("`single_part`")
    );
    assert!(build(Format::Csv, &|s| s.columns = Some(vec!["Nope".into()])).contains("column=`Nope`"));
    assert!(build(Format::Orc, &|s| s.orc.block_bytes = 1 << 23).contains("`orc.block_bytes`"));
    assert!(build(Format::Orc, &|s| s.orc.row_index_stride = 999).contains("`orc.row_index_stride`"));
    assert!(
        build(Format::Orc, &|s| s.orc.bloom_false_positives = 1.0).contains("`orc.bloom_false_positives`")
    );
    assert!(build(Format::Orc, &|s| s.orc.bloom_columns = vec!["Nope".into()]).contains("column=`Nope`"));
    assert!(
        build(Format::Orc, &|s| s.compression = Compression::Gzip { level: 6 }).contains("`orc.compression`")
    );
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn the_least_budget_that_the_error_names_is_enough_and_a_mib_less_is_not() {
    let rows = sample("profiles.parquet");
    let build = |budget: u64| {
        let mut settings = Settings::default();
        settings.memory_budget = budget;
        exporter(&rows, Place::memory().open(), Format::Jsonl).with_settings(settings).build()
    };
    let text = build(1).unwrap_err().to_string();
    let least: u64 = text.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
    assert!(build(least).is_ok() && build(least - (1 << 20)).is_err());
}

#[tokio::test]
async fn only_the_columns_asked_for_are_written_in_their_order() {
    let place = Place::memory();
    let store = place.open();
    let mut settings = small_chunks();
    settings.columns = Some(vec!["LastName".into(), "ProfileId".into()]);
    let counted = Arc::new(AtomicU64::new(0));
    let rows = Arc::clone(&counted);
    let export = exporter(&sample("profiles.parquet"), Arc::clone(&store), Format::Csv)
        .with_settings(settings)
        .with_observer(Arc::new(move |progress: &Progress| rows.store(progress.rows, Ordering::Relaxed)));
    let parts = super::run(export, &*store).await.unwrap();
    assert!(parts[0].starts_with(b"LastName,ProfileId\n"));
    assert_eq!(counted.load(Ordering::Relaxed), 2_000);
}

#[tokio::test]
async fn columns_get_the_names_asked_for_and_the_manifest_tells_where_they_came_from() {
    for (format, start) in [(Format::Csv, "id,Home."), (Format::Jsonl, "{\"id\":\"")] {
        let store = Place::memory().open();
        let mut settings = small_chunks();
        settings.columns = Some(vec!["ProfileId".into(), "Address".into()]);
        settings.rename =
            [("ProfileId", "id"), ("Address", "Home")].map(|(a, b)| (a.into(), b.into())).into();
        let export =
            exporter(&sample("profiles.parquet"), Arc::clone(&store), format).with_settings(settings);
        let manifest = export.build().unwrap().run().await.unwrap();
        let parts = objects(&*store, &manifest).await;
        assert!(parts[0].starts_with(start.as_bytes()), "{format}");
        let columns = &manifest.columns;
        assert_eq!(
            (columns[0].name.as_str(), columns[0].source.as_slice()),
            ("id", &["ProfileId".to_owned()][..])
        );
        assert!(columns[1].name.starts_with("Home") && columns[1].source[0] == "Address", "{:?}", columns[1]);
    }
}

#[tokio::test]
async fn a_new_name_that_is_taken_or_of_no_column_is_refused() {
    for (from, to, problem) in [("LastName", "FirstName", "one name"), ("Nobody", "x", "no such column")] {
        let mut settings = small_chunks();
        settings.rename = [(from.into(), to.into())].into();
        let export = exporter(&sample("profiles.parquet"), Place::memory().open(), Format::Jsonl);
        let error = export.with_settings(settings).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        assert!(error.to_string().contains(problem), "{error}");
    }
}

#[tokio::test]
async fn the_manifest_has_the_columns_of_the_header_with_their_types() {
    let store = Place::memory().open();
    let mut settings = small_chunks();
    settings.columns = Some(vec!["Address".into(), "Attributes".into(), "ProfileId".into()]);
    settings.rename = [("Attributes".into(), "Extra".into())].into();
    settings.csv.map_columns = [("Extra".into(), vec!["tier".into(), "nobody".into()])].into();
    let export =
        exporter(&sample("profiles.parquet"), Arc::clone(&store), Format::Csv).with_settings(settings);
    let manifest = export.build().unwrap().run().await.unwrap();
    let parts = objects(&*store, &manifest).await;
    let header = parts[0].split(|byte| *byte == b'\n').next().unwrap();
    let names: Vec<_> = manifest.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names.join(",").as_bytes(), header);
    let tier = manifest.columns.iter().find(|column| column.name == "Extra.tier").unwrap();
    assert_eq!((tier.source.join("/").as_str(), tier.nullable), ("Attributes/tier", true));
    assert!(manifest.columns[0].source.len() == 2 && manifest.columns[0].nullable, "of a nullable struct");
}
