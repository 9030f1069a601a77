//! Exports with a key of KMS and a role: tried before anything is read, renewed while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_smithy_mocks::mock;
use futures::{StreamExt, stream};
use segment_export::object_store::ObjectStoreExt;
use segment_export::object_store::path::Path;
use segment_export::plan::destination::Location;
use segment_export::source::{FileOptions, FileSource, StreamSource};
use segment_export::upload::PartStore;
use segment_export::{Error, ErrorKind, Exporter, ExporterBuilder, Format, StoreOptions, verify_sealed};

use super::{ARN, CANARY, data_keys, denied, failure, key, opening, role, sessions, told};
use crate::export::{cut, sample, small_chunks};
use crate::support::s3::{BUCKET, S3Call, S3Server};
use crate::support::stores::visible;

fn destination() -> Location {
    format!("s3://{BUCKET}/exports").parse().unwrap()
}

/// The sample, slowly, and whether any of it was read.
fn slow(pause: Duration) -> (StreamSource, Arc<AtomicBool>) {
    let batch = sample("profiles.parquet");
    let was_read = Arc::new(AtomicBool::new(false));
    let reading = Arc::clone(&was_read);
    let batches = stream::iter(cut(&batch, 400)).then(move |batch| {
        reading.store(true, Ordering::SeqCst);
        async move {
            tokio::time::sleep(pause).await;
            Ok::<_, Error>(batch)
        }
    });
    (StreamSource::new(batch.schema(), batches), was_read)
}

fn export(server: &S3Server, source: StreamSource) -> ExporterBuilder {
    let mut settings = small_chunks();
    settings.part_rows = Some(400);
    Exporter::builder(source, destination())
        .with_format(Format::Csv)
        .with_settings(settings)
        .with_store_options(StoreOptions::from_pairs(server.options()))
}

#[tokio::test]
async fn a_long_export_renews_its_role_and_completes() {
    let server = S3Server::start().await;
    // Due for renewal after half a second, in an export of more than a second.
    let sts = sessions(Duration::from_millis(300_500));
    let role = role(&[&sts]);
    let (source, _) = slow(Duration::from_millis(300));
    let key_rules = [data_keys(ARN), opening()];
    let export = export(&server, source).with_role(role).with_key(key(&[&key_rules[0]]));
    let manifest = export.build().unwrap().run().await.unwrap();

    assert!(sts.num_calls() >= 2, "{}", sts.num_calls());
    let requests = server.requests();
    assert!(requests.iter().all(|(_, session)| session.is_some()), "all of it as the role");
    let (first, last) = (&requests[0].1, &requests.last().unwrap().1);
    assert!(first.as_deref() == Some("session-1") && last != first, "{last:?}");
    assert_eq!(manifest.encryption.unwrap().key.as_deref(), Some(ARN));
    let store = Arc::new(server.parts(&format!("exports/{}", manifest.snapshot_id)));
    let report = verify_sealed(store, &key(&[&key_rules[1]]).into()).await.unwrap();
    assert!(report.is_intact() && report.rows() == 2_000);
}

#[tokio::test]
async fn a_role_or_key_that_is_refused_fails_before_a_row_is_read_and_leaves_nothing() {
    for code in ["role", "AccessDeniedException", "NotFoundException", "DisabledException"] {
        let server = S3Server::start().await;
        let (source, was_read) = slow(Duration::ZERO);
        let rule =
            mock!(aws_sdk_kms::Client::generate_data_key).sequence().http_status(400, Some(failure(code)));
        let rule = rule.repeatedly().build();
        let export = export(&server, source).with_key(key(&[&rule]));
        let export = if code == "role" { export.with_role(role(&[&denied()])) } else { export };
        let exporter = export.build().unwrap();
        let kind = match code {
            "NotFoundException" => ErrorKind::ResourceNotFound,
            "DisabledException" => ErrorKind::BadRequest,
            _ => ErrorKind::AccessDenied,
        };
        assert_eq!(exporter.try_access().await.unwrap_err().kind(), kind, "{code}");
        let error = exporter.run().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{code}");
        assert!(!told(&error).contains(CANARY), "{code}");
        assert!(!was_read.load(Ordering::SeqCst), "{code}");
        assert_eq!(server.requests().len(), 0, "{code}: the destination hears nothing of it");
    }
}

#[tokio::test]
async fn a_destination_that_is_refused_fails_before_a_row_is_read_and_leaves_nothing() {
    let server = S3Server::start().await;
    server.fault(S3Call::Put, 0, crate::support::s3::Answer::Status(403));
    let (source, was_read) = slow(Duration::ZERO);
    let export = export(&server, source).with_role(role(&[&sessions(Duration::from_hours(1))]));
    let error = export.with_key(key(&[&data_keys(ARN)])).build().unwrap().run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error:?}");
    assert!(!was_read.load(Ordering::SeqCst));
    let store: Arc<dyn PartStore> = Arc::new(server.parts("exports"));
    assert_eq!((visible(&*store).await, server.open_uploads()), (Vec::new(), 0));
}

#[tokio::test]
async fn a_role_that_is_refused_later_fails_with_its_kind_and_leaves_nothing() {
    let server = S3Server::start().await;
    let first = sessions(Duration::from_secs(10));
    let client = aws_smithy_mocks::mock_client!(
        aws_sdk_sts,
        aws_smithy_mocks::RuleMode::Sequential,
        [&first, &denied()]
    );
    let role = segment_export::AssumedRole::new(client, super::arn(super::ROLE));
    let (source, _) = slow(Duration::ZERO);
    let error = export(&server, source).with_role(role).build().unwrap().run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error:?}");
    let store: Arc<dyn PartStore> = Arc::new(server.parts("exports"));
    assert_eq!((visible(&*store).await, server.open_uploads()), (Vec::new(), 0));
}

#[tokio::test]
async fn the_source_is_read_without_the_role() {
    let server = S3Server::start().await;
    let parquet = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/profiles.parquet");
    let bytes = std::fs::read(parquet).unwrap();
    server.client(BUCKET, 1).put(&Path::from("profiles.parquet"), bytes.into()).await.unwrap();
    let options = StoreOptions::from_pairs(server.options());
    let location = format!("s3://{BUCKET}/profiles.parquet").parse().unwrap();
    let settings = small_chunks();
    let source =
        FileSource::open(vec![location], &options, &settings.retry, &FileOptions::default()).await.unwrap();

    let sts = sessions(Duration::from_hours(1));
    let export = Exporter::builder(source, destination()).with_format(Format::Csv).with_settings(settings);
    let export = export.with_store_options(options).with_role(role(&[&sts]));
    export.build().unwrap().run().await.unwrap();
    let requests = server.requests();
    assert!(requests.iter().any(|(path, _)| path.ends_with("/profiles.parquet")));
    for (path, session) in requests {
        assert_eq!(session.is_none(), path.ends_with("/profiles.parquet"), "{path}");
    }
}
