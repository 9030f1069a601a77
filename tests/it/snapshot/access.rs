//! Requests that name a key or a role: the operator says what comes of them.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_mocks::{Rule, mock};
use segment_export::api::{CreateSegmentSnapshotRequest, SnapshotStatus};
use segment_export::manifest::{Encryption, read_manifest};
use segment_export::plan::Plan;
use segment_export::snapshot::{SnapshotEngine, SnapshotEngineBuilder};
use segment_export::{Access, AwsAccess, EncryptionMode, Error, ErrorKind, StoreOptions, verify_sealed};

use super::{Memory, question, request, samples};
use crate::kms::{ARN, ROLE, data_keys, denied, failure, key, opening, role, sessions};
use crate::support::s3::{BUCKET, S3Server};

/// A request that names a key and a role.
fn named() -> CreateSegmentSnapshotRequest {
    CreateSegmentSnapshotRequest {
        destination_uri: Some(format!("s3://{BUCKET}/exports")),
        encryption_key: Some(ARN.into()),
        role_arn: Some(ROLE.into()),
        ..request("gold")
    }
}

/// An engine that writes to this server.
fn engine(server: &S3Server) -> SnapshotEngineBuilder {
    SnapshotEngine::builder(samples()).with_store_options(StoreOptions::from_pairs(server.options()))
}

/// A function that gives the key and the role of these rules where a plan names them.
fn access(key_rule: Rule, role_rule: Rule) -> impl Fn(&Plan) -> Result<Access, Error> {
    move |plan| {
        assert_eq!((plan.encryption_key.is_some(), plan.role.is_some()), (true, true));
        Ok(Access::default().with_key(key(&[&key_rule])).with_role(role(&[&role_rule])))
    }
}

#[tokio::test]
async fn a_request_with_a_key_and_a_role_is_served() {
    let server = S3Server::start().await;
    let engine = engine(&server).with_access(access(data_keys(ARN), sessions(Duration::from_hours(1))));
    let engine = engine.build().unwrap();
    let id = engine.create_segment_snapshot(&named()).await.unwrap().snapshot_id.parse().unwrap();
    let job = engine.wait(id).await.unwrap();
    assert_eq!((job.status, job.status_message), (SnapshotStatus::Completed, None));
    let answer = engine.get_segment_snapshot(&question("gold", id)).await.unwrap();
    assert_eq!((answer.encryption_key.as_deref(), answer.role_arn.as_deref()), (Some(ARN), Some(ROLE)));

    let store = Arc::new(server.parts(&format!("exports/{id}")));
    assert!(verify_sealed(store, &key(&[&opening()]).into()).await.unwrap().is_intact());
    assert!(server.requests().iter().filter(|(_, session)| session.is_some()).count() > 3);
}

#[tokio::test]
async fn a_key_or_role_that_is_refused_fails_the_create_call_and_leaves_nothing() {
    let server = S3Server::start().await;
    for (code, kind) in [
        ("AccessDeniedException", ErrorKind::AccessDenied),
        ("NotFoundException", ErrorKind::ResourceNotFound),
        ("DisabledException", ErrorKind::BadRequest),
        ("ThrottlingException", ErrorKind::Throttling),
        ("role", ErrorKind::AccessDenied),
    ] {
        let key = mock!(aws_sdk_kms::Client::generate_data_key).sequence();
        let key = key.http_status(400, Some(failure(code))).repeatedly().build();
        let role = if code == "role" { denied() } else { sessions(Duration::from_hours(1)) };
        let engine = engine(&server).with_access(access(key, role)).build().unwrap();
        let error = engine.create_segment_snapshot(&named()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{code}: {error:?}");
        let told = error.public_message();
        assert!(!told.contains("arn:") && told != "The export failed inside the service.", "{told}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn the_operator_may_refuse_whose_key_it_is() {
    let memory = Memory::new();
    let refused = |_: &Plan| -> Result<Access, Error> {
        Err(Error::from_key_provider(ErrorKind::AccessDenied, "a key of somebody else"))
    };
    let engine = memory.engine(samples()).with_access(refused).build().unwrap();
    let error = engine.create_segment_snapshot(&named()).await.unwrap_err();
    assert_eq!((error.kind(), memory.objects().await), (ErrorKind::AccessDenied, 0));
}

#[tokio::test]
async fn the_operator_chooses_who_encrypts() {
    let server = S3Server::start().await;
    let config = aws_config::SdkConfig::builder().build();
    let aws = AwsAccess::new(&config).with_mode(EncryptionMode::SseKms).with_external_id("secret-of-ours");
    assert!(!format!("{aws:?}").contains("secret-of-ours"));
    let engine = engine(&server)
        .with_access(move |plan| aws.grant(&plan.destination, plan.encryption_key.as_slice(), None))
        .build()
        .unwrap();
    let id = engine.create_segment_snapshot(&named()).await.unwrap().snapshot_id.parse().unwrap();
    assert_eq!(engine.wait(id).await.unwrap().status, SnapshotStatus::Completed);
    let manifest = read_manifest(&server.parts(&format!("exports/{id}"))).await.unwrap().unwrap();
    let Encryption { mode, store_key, .. } = manifest.encryption.unwrap();
    assert_eq!((mode.as_str(), store_key.as_deref()), ("sse-kms", Some(ARN)));
    assert!(server.encryptions().iter().all(|(_, said)| said[0].as_deref() == Some("aws:kms")));
}
