//! Create, get and list: what they answer, and what they refuse.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use segment_export::api::{CreateSegmentSnapshotRequest, SnapshotStatus};
use segment_export::plan::SnapshotId;
use segment_export::plan::destination::Location;
use segment_export::snapshot::{Job, LocationCatalog, SnapshotEngine};
use segment_export::source::FileOptions;
use segment_export::upload::LocalParts;
use segment_export::{Compression, Counter, ErrorKind, Histogram, Label, Recorder, Settings, verify};

use super::{Memory, Segments, create, question, request, run, samples};
use crate::export::small_chunks;

const UNKNOWN: SnapshotId = SnapshotId::from_bytes([7; 16]);

#[test]
fn engines_and_their_futures_can_go_to_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    fn is_shared<T: Send + Sync + 'static>(_: &T) {}
    let engine = Memory::new().engine(samples()).build().unwrap();
    is_shared(&engine);
    is_send(&engine.create_segment_snapshot(&request("gold")));
    is_send(&engine.get_segment_snapshot(&question("gold", UNKNOWN)));
    is_send(&engine.subscribe(UNKNOWN));
    is_send(&engine.shutdown());
}

#[tokio::test]
async fn what_is_created_completes_and_is_intact() {
    let memory = Memory::new();
    let engine = memory.engine(samples()).build().unwrap();
    for format in ["CSV", "JSONL"] {
        let request = CreateSegmentSnapshotRequest { data_format: format.into(), ..request("gold") };
        let created = engine.create_segment_snapshot(&request).await.unwrap();
        let id: SnapshotId = created.snapshot_id.parse().unwrap();
        let begun = engine.get_segment_snapshot(&question("gold", id)).await.unwrap();
        assert_eq!((begun.snapshot_id.as_str(), begun.data_format.as_str()), (&*id.to_string(), format));
        let job = engine.wait(id).await.unwrap();
        assert!(job.ended.as_ref() >= Some(&job.created));
        let ended = engine.get_segment_snapshot(&question("gold", id)).await.unwrap();
        assert_eq!((ended.status, ended.status_message), (SnapshotStatus::Completed, None));
        assert_eq!(ended.destination_uri.as_deref(), Some("s3://exports/gold"));
        let report = verify(memory.snapshot(id)).await.unwrap();
        assert!(report.is_intact() && report.rows() == 2_000, "{format}");
    }
}

#[tokio::test]
async fn an_engine_that_compresses_text_takes_requests_of_every_format() {
    let memory = Memory::new();
    let mut settings = small_chunks();
    settings.compression = Compression::Zstd { level: 3 };
    settings.single_frame = true;
    settings.columns = Some(vec!["ProfileId".into(), "FirstName".into()]);
    let engine = memory.engine(samples()).with_settings(settings).build().unwrap();
    for (format, suffix) in [("CSV", ".csv.zst"), ("JSONL", ".jsonl.zst"), ("ORC", ".orc")] {
        let request = CreateSegmentSnapshotRequest { data_format: format.into(), ..request("gold") };
        let created = engine.create_segment_snapshot(&request).await.unwrap();
        let job = engine.wait(created.snapshot_id.parse().unwrap()).await.unwrap();
        assert_eq!(job.status, SnapshotStatus::Completed, "{format}");
        let report = verify(memory.snapshot(job.snapshot_id)).await.unwrap();
        assert!(report.is_intact() && report.rows() == 2_000, "{format}");
        assert!(report.objects.iter().all(|object| object.name.ends_with(suffix)), "{format}");
    }
}

/// Puts the sample below `{base}/{domain}/{segment}`.
fn put_sample(base: &std::path::Path, segment: &str) {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/profiles.parquet");
    let segment = base.join("shop").join(segment);
    std::fs::create_dir_all(&segment).unwrap();
    std::fs::copy(sample, segment.join("0.parquet")).unwrap();
}

#[tokio::test]
async fn segments_are_directories_below_a_base_and_files_go_to_the_default_destination() {
    let (base, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    put_sample(base.path(), "gold");
    std::fs::copy(base.path().join("shop/gold/0.parquet"), base.path().join("0.parquet")).unwrap();
    let engine = SnapshotEngine::builder(LocationCatalog::new(base.path().into()))
        .with_settings(small_chunks())
        .with_default_destination(Location::from(out.path()))
        .build()
        .unwrap();
    let request = CreateSegmentSnapshotRequest { destination_uri: None, ..request("gold") };
    let created = engine.create_segment_snapshot(&request).await.unwrap();
    let job = engine.wait(created.snapshot_id.parse().unwrap()).await.unwrap();
    assert_eq!((job.status, job.destination_uri), (SnapshotStatus::Completed, None));
    let place = LocalParts::new(out.path().join(created.snapshot_id));
    assert!(verify(Arc::new(place)).await.unwrap().is_intact());

    let of = |domain: &str, segment: &str| CreateSegmentSnapshotRequest {
        domain_name: domain.into(),
        segment_definition_name: segment.into(),
        ..request.clone()
    };
    for (domain, segment) in [("shop", "silver"), ("other", "gold")] {
        let error = engine.create_segment_snapshot(&of(domain, segment)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceNotFound, "{domain} {segment}");
    }
    for climbing in ["..", ".", "", "../shop", "a/b", "/", "%2e%2e", "a\\b", "shop\0"] {
        for request in [of(climbing, "gold"), of("shop", climbing)] {
            let error = engine.create_segment_snapshot(&request).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadRequest, "{climbing:?}");
        }
    }
}

#[tokio::test]
async fn a_segment_may_be_files_of_any_kind_but_of_one() {
    let (base, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |segment: &str, name: &str, text: &str| {
        let segment = base.path().join("shop").join(segment);
        std::fs::create_dir_all(&segment).unwrap();
        std::fs::write(segment.join(name), text).unwrap();
    };
    write("lines", "0.jsonl", "{\"id\":\"1\"}\n{\"id\":2}\n");
    write("cells", "0.csv", "id\n007\n");
    write("mixed", "0.jsonl", "{\"id\":1}\n");
    write("mixed", "1.csv", "id\n1\n");
    write("strange", "0.txt", "id");
    let mut files = FileOptions::default();
    files.schema = Some(Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)])));
    let engine = SnapshotEngine::builder(LocationCatalog::new(base.path().into()).with_file_options(files))
        .with_settings(small_chunks())
        .with_default_destination(Location::from(out.path()))
        .build()
        .unwrap();
    let of = |segment: &str| CreateSegmentSnapshotRequest { destination_uri: None, ..request(segment) };
    for (segment, written) in [("lines", "id\n1\n2\n"), ("cells", "id\n7\n")] {
        let created = engine.create_segment_snapshot(&of(segment)).await.unwrap();
        let job = engine.wait(created.snapshot_id.parse().unwrap()).await.unwrap();
        assert_eq!(job.status, SnapshotStatus::Completed, "{segment}");
        let names = std::fs::read_dir(out.path().join(created.snapshot_id)).unwrap();
        let mut paths = names.map(|name| name.unwrap().path());
        let part = paths.find(|path| path.extension().is_some_and(|suffix| suffix == "csv")).unwrap();
        assert_eq!(std::fs::read_to_string(part).unwrap(), written, "{segment}");
    }
    for segment in ["mixed", "strange"] {
        let error = engine.create_segment_snapshot(&of(segment)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest, "{segment}");
    }
}

#[tokio::test]
async fn a_segment_that_the_catalog_does_not_know_is_not_found() {
    let memory = Memory::new();
    let engine = memory.engine(Segments(|_: &str| Ok(None))).build().unwrap();
    let error = create(&engine, "gold").await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::ResourceNotFound, false));
    let (domain, segment) = ("shop".parse().unwrap(), "gold".parse().unwrap());
    assert_eq!(engine.list(&domain, &segment).await.unwrap(), []);
    assert_eq!(memory.objects().await, 0);
}

#[tokio::test]
async fn a_snapshot_is_found_under_its_own_segment_only() {
    let engine = Memory::new().engine(samples()).build().unwrap();
    let id = run(&engine, "gold").await.snapshot_id;
    let mut other_domain = question("gold", id);
    other_domain.domain_name = "shop2".into();
    let not_found = [question("gold", UNKNOWN), question("silver", id), other_domain];
    for question in &not_found {
        let error = engine.get_segment_snapshot(question).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceNotFound, "{question:?}");
        assert!(!error.is_retryable());
    }
    let mut broken = question("gold", id);
    broken.snapshot_id.make_ascii_uppercase();
    broken.snapshot_id.replace_range(0..1, "G");
    assert_eq!(engine.get_segment_snapshot(&broken).await.unwrap_err().kind(), ErrorKind::BadRequest);
    let kinds = [
        engine.cancel(UNKNOWN).await.unwrap_err().kind(),
        engine.wait(UNKNOWN).await.unwrap_err().kind(),
        engine.subscribe(UNKNOWN).await.err().unwrap().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::ResourceNotFound; 3]);
}

#[tokio::test]
async fn a_request_that_cannot_be_served_is_refused_before_anything_is_written() {
    let memory = Memory::new();
    let engine = memory.engine(samples()).build().unwrap();
    let role = "arn:aws:iam::111122223333:role/exports";
    let key = CreateSegmentSnapshotRequest { encryption_key: Some("alias/key".into()), ..request("gold") };
    let role = CreateSegmentSnapshotRequest { role_arn: Some(role.into()), ..request("gold") };
    for (request, field) in [(key, "EncryptionKey"), (role, "RoleArn")] {
        let error = engine.create_segment_snapshot(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        assert_eq!(error.to_string(), format!("{field} is not available yet"));
    }
    let no_place = CreateSegmentSnapshotRequest { destination_uri: None, ..request("gold") };
    let unknown_format = CreateSegmentSnapshotRequest { data_format: "XML".into(), ..request("gold") };
    for request in [no_place, unknown_format] {
        let error = engine.create_segment_snapshot(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest, "{request:?}");
    }
    assert_eq!(memory.objects().await, 0);
}

#[tokio::test]
async fn the_empty_key_means_none() {
    let engine = Memory::new().engine(samples()).build().unwrap();
    let request = CreateSegmentSnapshotRequest { encryption_key: Some(String::new()), ..request("gold") };
    let created = engine.create_segment_snapshot(&request).await.unwrap();
    let job = engine.wait(created.snapshot_id.parse().unwrap()).await.unwrap();
    assert_eq!((job.status, job.encryption_key), (SnapshotStatus::Completed, None));
}

#[tokio::test]
async fn a_list_is_in_the_order_of_creation() {
    let engine = Memory::new().engine(samples()).build().unwrap();
    let mut created = Vec::new();
    for n in 0..6 {
        let id = create(&engine, if n % 3 == 2 { "silver" } else { "gold" }).await.unwrap();
        if n % 3 != 2 {
            created.push(id);
        }
    }
    // The end of a job does not change its place.
    for id in created.iter().rev() {
        engine.wait(*id).await.unwrap();
    }
    let (domain, segment) = ("shop".parse().unwrap(), "gold".parse().unwrap());
    let jobs: Vec<Job> = engine.list(&domain, &segment).await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.snapshot_id).collect::<Vec<_>>(), created);
    assert!(jobs.iter().all(Job::has_ended));
    let other = "shop2".parse().unwrap();
    assert_eq!(engine.list(&other, &segment).await.unwrap(), []);
}

#[test]
fn settings_that_break_a_rule_are_refused_by_the_builder() {
    let broken = [
        SnapshotEngine::builder(samples()).with_max_concurrent_jobs(0),
        SnapshotEngine::builder(samples()).with_settings({
            let mut settings = Settings::default();
            settings.stripe_rows = 0;
            settings
        }),
    ];
    for builder in broken {
        assert_eq!(builder.build().unwrap_err().kind(), ErrorKind::BadRequest);
    }
}

#[tokio::test]
async fn a_recorder_is_told_of_every_job() {
    #[derive(Default)]
    struct Ends(std::sync::Mutex<Vec<String>>);
    impl Recorder for Ends {
        fn add(&self, counter: Counter, labels: &[Label], amount: u64) {
            if counter == Counter::Exports {
                self.0.lock().unwrap().push(format!("{labels:?} {amount}"));
            }
        }
        fn record(&self, _: Histogram, _: &[Label], _: f64) {}
    }
    let ends = Arc::new(Ends::default());
    let engine = Memory::new().engine(samples()).with_recorder(Arc::<Ends>::clone(&ends)).build().unwrap();
    for _ in 0..2 {
        let created = engine.create_segment_snapshot(&request("gold")).await.unwrap();
        engine.wait(created.snapshot_id.parse().unwrap()).await.unwrap();
    }
    let seen = ends.0.lock().unwrap().clone();
    assert_eq!(seen, [r#"[("format", "CSV"), ("outcome", "ok")] 1"#; 2]);
}
