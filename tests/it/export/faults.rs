//! Faults at each step: an export is complete, or nothing of it is visible, or it says that it does not know.

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use futures::stream;
use segment_export::manifest::{CLAIM, MANIFEST};
use segment_export::plan::destination::Location;
use segment_export::source::StreamSource;
use segment_export::{Error, ErrorKind, Exporter, Format, StoreOptions, Target, verify};

use super::{cut, exporter, sample, small_chunks};
use crate::support::faulty::{FaultyParts, Operation, Rule, conflict, deny, fail, lose_answer};
use crate::support::s3::{Answer, S3Call, S3Server, quick};
use crate::support::stores::{Place, visible};

/// An export in several parts over a place whose calls go wrong.
async fn export(
    place: &Place,
    rules: impl IntoIterator<Item = Rule>,
) -> (Result<(), Error>, Arc<FaultyParts>) {
    let store = FaultyParts::over(place.open(), rules);
    let mut settings = small_chunks();
    settings.part_rows = Some(300);
    settings.upload.part_bytes = Some(20_000);
    let export = exporter(&sample("profiles.parquet"), store.share(), Format::Csv).with_settings(settings);
    (export.build().unwrap().run().await.map(drop), store)
}

async fn assert_nothing_is_left(place: &Place, what: &str) {
    assert_eq!(visible(&*place.open()).await, Vec::<String>::new(), "{what} on {place:?}");
    assert_eq!(place.open_uploads(), 0, "{what}");
}

async fn assert_complete(place: &Place, what: &str) {
    let report = verify(place.open()).await.unwrap();
    assert!(report.is_intact() && report.rows() == 2_000, "{what} on {place:?}");
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing() {
    let steps = [
        fail(Operation::Create).nth(1),
        fail(Operation::Create).nth(5),
        fail(Operation::PutPart).nth(1),
        fail(Operation::PutPart).nth(4),
        deny(Operation::PutPart).nth(7),
        fail(Operation::Complete).nth(1),
        fail(Operation::Complete).nth(7),
    ];
    for step in steps {
        for place in Place::all().await {
            let what = format!("{step:?}");
            let (end, _) = export(&place, [step.clone()]).await;
            let error = end.unwrap_err();
            assert!(!error.is_commit_unknown() && !error.is_already_committed(), "{what}: {error}");
            assert_nothing_is_left(&place, &what).await;
            let (again, _) = export(&place, []).await;
            again.unwrap();
            assert_complete(&place, &what).await;
        }
    }
}

#[tokio::test]
async fn the_kind_of_a_failure_is_the_stores() {
    let (end, _) = export(&Place::memory(), [deny(Operation::PutPart).nth(3)]).await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::AccessDenied);
}

#[tokio::test]
async fn a_lost_answer_and_a_conflict_with_our_own_write_are_a_success() {
    let harmless = [
        lose_answer(Operation::PutNew).named(CLAIM),
        lose_answer(Operation::PutNew).named(MANIFEST),
        conflict(Operation::PutNew).named(CLAIM),
        conflict(Operation::PutNew).named(MANIFEST),
    ];
    for rule in harmless {
        for place in Place::all().await {
            let what = format!("{rule:?}");
            let (end, store) = export(&place, [rule.clone()]).await;
            end.unwrap_or_else(|error| panic!("{what} on {place:?}: {error}"));
            assert_eq!(store.count(Operation::Delete), 0, "{what}");
            assert_complete(&place, &what).await;
        }
    }
}

#[tokio::test]
async fn a_commit_that_nobody_can_tell_of_deletes_nothing() {
    for place in Place::all().await {
        let rules =
            [lose_answer(Operation::PutNew).named(MANIFEST), fail(Operation::Get).named(MANIFEST).always()];
        let (end, store) = export(&place, rules).await;
        let error = end.unwrap_err();
        assert!(error.is_commit_unknown() && !error.is_retryable(), "{error}");
        assert_eq!((store.count(Operation::Delete), store.count(Operation::Abort)), (0, 0));
        assert_complete(&place, "an unknown commit that was one").await;
    }
}

#[tokio::test]
async fn no_data_object_is_visible_before_every_row_is_uploaded() {
    let place = Place::memory();
    let (_, store) = export(&place, [fail(Operation::PutPart).nth(40)]).await;
    assert!(store.count(Operation::PutPart) >= 40);
    assert_eq!(store.count(Operation::Complete), 0);
    assert_eq!(store.names(Operation::PutNew), [CLAIM]);
}

#[tokio::test]
async fn a_source_that_fails_late_leaves_nothing_and_its_own_error_is_reachable() {
    #[derive(Debug)]
    struct Gone;
    impl std::fmt::Display for Gone {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the database went away")
        }
    }
    impl std::error::Error for Gone {}

    let batch = sample("profiles.parquet");
    for place in Place::all().await {
        let batches = cut(&batch, 100).into_iter().map(Ok).chain([Err(Gone)]).collect::<Vec<_>>();
        let source = StreamSource::new(batch.schema(), stream::iter(batches));
        let export = Exporter::builder(source, Target::parts(place.open())).with_format(Format::Jsonl);
        let error = export.with_settings(small_chunks()).build().unwrap().run().await.unwrap_err();
        assert!(error.source().and_then(|own| own.downcast_ref::<Gone>()).is_some(), "{error:?}");
        assert_nothing_is_left(&place, "a source that fails").await;
    }
}

#[tokio::test]
async fn a_value_that_the_format_cannot_hold_is_named_by_column_and_row_and_leaves_nothing() {
    let mut scores = vec![0.5; 5_000];
    scores[4_321] = f64::NAN;
    let batch =
        RecordBatch::try_from_iter([("Score", Arc::new(Float64Array::from(scores)) as ArrayRef)]).unwrap();
    let place = Place::local();
    let mut settings = small_chunks();
    settings.chunk_bytes = 1_000;
    let export = exporter(&batch, place.open(), Format::Jsonl).with_settings(settings);
    let error = export.build().unwrap().run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    assert!(error.to_string().ends_with("column=`Score` row=4321"), "{error}");
    assert_nothing_is_left(&place, "NaN").await;
}

#[tokio::test]
async fn answers_of_an_s3_server_that_get_lost_end_right() {
    for (call, answer) in [
        (S3Call::PutPart, Answer::Status(503)),
        (S3Call::PutPart, Answer::DoneBut(500)),
        (S3Call::Complete, Answer::DoneBut(500)),
    ] {
        let place = Place::S3(S3Server::start().await);
        if let Place::S3(server) = &place {
            server.fault(call, 1, answer);
        }
        let (end, _) = export(&place, []).await;
        end.unwrap_or_else(|error| panic!("{error:?}"));
        assert_complete(&place, "a fault that passes").await;
    }
}

/// An export to the server as a program makes it, with one upload part in flight.
fn export_to(server: &S3Server) -> Exporter {
    export_with(server, &[])
}

/// The same, with further options of the client.
fn export_with(server: &S3Server, more: &[(&'static str, String)]) -> Exporter {
    let mut settings = small_chunks();
    (settings.retry, settings.upload.concurrency) = (quick(), 1);
    settings.retry.max_backoff_ms = 2_000;
    let target = "s3://bucket/exports".parse::<Location>().unwrap();
    let source = super::source(vec![sample("profiles.parquet")]);
    let export = Exporter::builder(source, target)
        .with_format(Format::Csv)
        .with_store_options(StoreOptions::from_pairs(server.options().into_iter().chain(more.to_vec())))
        .with_settings(settings);
    export.build().unwrap()
}

#[tokio::test]
async fn a_part_that_cannot_be_uploaded_is_sent_as_often_as_the_settings_say() {
    let server = S3Server::start().await;
    server.fault(S3Call::PutPart, 0, Answer::Status(503));
    export_to(&server).run().await.unwrap_err();
    assert_eq!(server.count(S3Call::PutPart), quick().attempts as usize);
    assert_eq!(server.open_uploads(), 0);
}

/// By itself, an attempt would come again after a millisecond.
#[tokio::test]
async fn a_store_that_asks_for_time_gets_it() {
    let server = S3Server::start().await;
    server.fault(S3Call::PutPart, 1, Answer::RetryAfter(1));
    let began = Instant::now();
    export_to(&server).run().await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(server.count(S3Call::PutPart), 2);
}

/// The server checks the signatures; S3 refuses headers of its own that are not signed.
#[tokio::test]
async fn every_request_names_the_owner_of_the_bucket_and_signs_for_it() {
    let server = S3Server::start().await;
    export_with(&server, &[("aws_expected_bucket_owner", "123456789012".to_owned())]).run().await.unwrap();
    let requests = server.headers();
    assert!(requests.len() >= 6, "{}", requests.len());
    for (call, headers) in requests {
        assert_eq!(headers["x-amz-expected-bucket-owner"], "123456789012", "{call:?}");
        let signed = headers["authorization"].to_str().unwrap();
        assert!(signed.contains("x-amz-expected-bucket-owner"), "{call:?}: {signed}");
    }
}

#[tokio::test]
async fn objects_get_the_metadata_and_tags_that_the_options_ask_for_where_they_are_made() {
    let server = S3Server::start().await;
    let asked = [
        ("aws_object_metadata", "team=crm+%26+sales&tier=gold".to_owned()),
        ("aws_object_tags", "kind=export&team=crm".to_owned()),
    ];
    export_with(&server, &asked).run().await.unwrap();
    for (call, headers) in server.headers() {
        let value = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
        let found = ["x-amz-meta-team", "x-amz-meta-tier", "x-amz-tagging"].map(value);
        let makes = matches!(call, S3Call::Create | S3Call::Put);
        let expected = ["crm & sales", "gold", "kind=export&team=crm"].map(|value| makes.then_some(value));
        assert_eq!(found, expected, "{call:?}");
        let signed = headers["authorization"].to_str().unwrap();
        assert_eq!(signed.contains("x-amz-meta-tier;x-amz-tagging"), makes, "{call:?}: {signed}");
    }
    assert!(server.count(S3Call::Create) > 0 && server.count(S3Call::Put) > 0);
}

#[tokio::test]
async fn parts_carry_the_checksum_that_the_options_ask_for() {
    for (options, has) in [(vec![], false), (vec![("aws_checksum_algorithm", "crc64nvme".to_owned())], true)]
    {
        let server = S3Server::start().await;
        export_with(&server, &options).run().await.unwrap();
        for (call, headers) in server.headers() {
            let expected = has && matches!(call, S3Call::PutPart | S3Call::Put);
            assert_eq!(headers.contains_key("x-amz-checksum-crc64nvme"), expected, "{call:?}");
        }
    }
}
