//! `gs://`: what the contract tests on every store do not show of it.

use std::sync::Arc;

use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use segment_export::plan::destination::Location;
use segment_export::source::{FileOptions, FileSource};
use segment_export::upload::{ObjectParts, PartStore, StoreTraits};
use segment_export::{Error, ErrorKind, Exporter, Format, StoreOptions, verify};

use crate::export::small_chunks;
use crate::support::gcs::GcsServer;
use crate::support::s3::quick;

const ID: &str = "00112233445566778899aabbccddeeff";

async fn export(server: &GcsServer, source: &str, destination: &str, format: Format) -> Result<(), Error> {
    let options = StoreOptions::from_pairs(server.options());
    let places = vec![Location::parse(source)?];
    let source = FileSource::open(places, &options, &quick(), &FileOptions::default()).await?;
    let mut settings = small_chunks();
    settings.retry = quick();
    let export = Exporter::builder(source, Location::parse(destination)?)
        .with_format(format)
        .with_store_options(options)
        .with_snapshot_id(ID.parse().unwrap())
        .with_settings(settings);
    export.build()?.run().await.map(drop)
}

fn snapshot(server: &GcsServer, prefix: &str) -> Arc<dyn PartStore> {
    Arc::new(server.parts(&format!("{prefix}/{ID}")))
}

#[tokio::test]
async fn what_was_exported_to_a_uri_is_a_source_at_that_uri() {
    let server = GcsServer::public().await;
    let profiles = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/profiles_flat.parquet");
    export(&server, profiles, "gs://bucket/once", Format::Jsonl).await.unwrap();
    let once = snapshot(&server, "once");
    assert!(verify(Arc::clone(&once)).await.unwrap().is_intact());
    export(&server, "gs://bucket/once", "gs://bucket/twice", Format::Jsonl).await.unwrap();
    let report = verify(snapshot(&server, "twice")).await.unwrap();
    assert!(report.is_intact() && report.rows() == 2_000);
    assert_eq!(server.open_uploads(), 0);
    let objects = once.list().await.unwrap();
    for object in &objects {
        let key = format!("once/{ID}/{}", object.name);
        let expected = if object.name.starts_with('_') { "application/json" } else { "application/x-ndjson" };
        assert_eq!(server.content_type(&key).as_deref(), Some(expected), "{key}");
    }
    assert!(objects.iter().any(|object| object.name.starts_with("part-")));
}

#[tokio::test]
async fn a_bucket_that_is_not_there_or_not_ours_says_so() {
    let server = GcsServer::public().await;
    let profiles = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/profiles_flat.parquet");
    let missing = export(&server, profiles, "gs://other/once", Format::Csv).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::ResourceNotFound, "{missing:?}");
    let server = GcsServer::start().await;
    let client = Arc::new(server.client(1, "another-token"));
    let parts =
        ObjectParts::over(&client, Path::from("out")).with_traits(StoreTraits::gcs()).with_retry(quick());
    let denied = parts.create("a.csv").await.unwrap_err();
    assert_eq!(denied.kind(), ErrorKind::AccessDenied, "{denied:?}");
}

/// An upload of parts of these sizes.
async fn begun(store: &impl MultipartStore, path: &Path, sizes: &[usize]) -> (String, Vec<PartId>) {
    let id = store.create_multipart(path).await.unwrap();
    let mut parts = Vec::new();
    for (index, size) in sizes.iter().enumerate() {
        parts.push(store.put_part(path, &id, index, PutPayload::from(vec![7; *size])).await.unwrap());
    }
    (id, parts)
}

#[tokio::test]
async fn the_server_of_the_tests_refuses_what_google_refuses() {
    let server = GcsServer::start().await;
    let store = server.client(1, "test-token");
    let path = Path::from("a.csv");
    let refuses = async |id: &String, parts: Vec<PartId>, code: &str| {
        let error = store.complete_multipart(&path, id, parts).await.unwrap_err();
        assert!(format!("{error:?}").contains(code), "{code}: {error:?}");
    };
    let (id, mut parts) = begun(&store, &path, &[5 << 20, 1]).await;
    parts.reverse();
    refuses(&id, parts, "InvalidPart").await;
    let (id, parts) = begun(&store, &path, &[1, 1]).await;
    refuses(&id, parts.clone(), "EntityTooSmall").await;
    store.abort_multipart(&path, &id).await.unwrap();
    refuses(&id, parts, "NoSuchUpload").await;
    assert!(matches!(store.head(&path).await, Err(StoreError::NotFound { .. })));

    let create = || store.put_opts(&path, PutPayload::from_static(b"x"), PutMode::Create.into());
    let first = create().await.unwrap();
    assert!(matches!(create().await, Err(StoreError::AlreadyExists { .. })));
    let update = |from: &object_store::PutResult| {
        let version = object_store::UpdateVersion { e_tag: None, version: from.version.clone() };
        store.put_opts(&path, PutPayload::from_static(b"y"), PutMode::Update(version).into())
    };
    let second = update(&first).await.unwrap();
    assert!(matches!(update(&first).await, Err(StoreError::Precondition { .. })));
    assert_ne!(first.version, second.version);
}
