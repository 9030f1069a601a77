//! Sealed exports: the same bytes under a key, and nothing in clear, whatever fails.

use std::sync::Arc;

use ::bytes::Bytes;
use arrow::array::RecordBatch;
use segment_export::manifest::{MANIFEST, Manifest, SEALED_MANIFEST};
use segment_export::plan::destination::Location;
use segment_export::seal::Keys;
use segment_export::upload::PartStore;
use segment_export::{
    Budget, Compression, ErrorKind, Exporter, Format, Settings, StoreOptions, VerifyReport, verify,
    verify_sealed,
};

use super::{exporter, objects, sample, small_chunks};
use crate::support::faulty::{FaultyParts, Operation, Rule, conflict, deny, fail, lose_answer};
use crate::support::keys::{CountingKey, local_key, opened};
use crate::support::s3::{BUCKET, S3Call, S3Server};
use crate::support::stores::{Place, visible};

const FORMATS: [Format; 3] = [Format::Csv, Format::Jsonl, Format::Orc];

/// The sample in a shape that the format takes.
fn rows(format: Format) -> RecordBatch {
    if format != Format::Orc {
        return sample("profiles.parquet");
    }
    let flat = sample("profiles_flat.parquet");
    let is_plain = |at: &usize| !flat.schema().field(*at).data_type().to_string().starts_with("Decimal");
    let keep: Vec<usize> = (0..flat.num_columns()).filter(is_plain).collect();
    flat.project(&keep).unwrap()
}

fn three_parts() -> Settings {
    let mut settings = small_chunks();
    settings.part_rows = Some(700);
    settings.seal.frame_bytes = 1_000;
    settings
}

fn keys() -> Keys {
    local_key(1).into()
}

async fn plain(format: Format, settings: &Settings) -> Vec<Bytes> {
    let store = Place::memory().open();
    let export = exporter(&rows(format), Arc::clone(&store), format).with_settings(settings.clone());
    super::run(export, &*store).await.unwrap()
}

async fn sealed(format: Format, settings: &Settings, store: &Arc<dyn PartStore>) -> (Manifest, Vec<Bytes>) {
    let export = exporter(&rows(format), Arc::clone(store), format).with_settings(settings.clone());
    let manifest = export.with_key(keys()).build().unwrap().run().await.unwrap();
    let mut plain = Vec::new();
    for object in objects(&**store, &manifest).await {
        plain.push(opened(&object, &keys()).await.unwrap().0.into());
    }
    (manifest, plain)
}

async fn verified(place: &Place) -> VerifyReport {
    verify_sealed(place.open(), &keys()).await.unwrap()
}

#[tokio::test]
async fn a_sealed_export_holds_the_bytes_of_a_plain_one() {
    for format in FORMATS {
        let expected = plain(format, &three_parts()).await;
        for place in Place::all().await {
            let (manifest, found) = sealed(format, &three_parts(), &place.open()).await;
            assert!(found == expected && found.len() == 3, "{format} on {place:?}");
            let sizes = manifest.parts.iter().map(|part| part.sealed.as_ref().unwrap().plain_size);
            assert!(sizes.eq(expected.iter().map(|object| object.len() as u64)), "{format}");
            assert!(verified(&place).await.is_intact(), "{format} on {place:?}");
        }
    }
}

#[tokio::test]
async fn frames_threads_and_signatures_change_no_byte_in_clear() {
    let expected = plain(Format::Csv, &three_parts()).await;
    for (frame_bytes, threads, signed) in
        [(1, 2, false), (65_536, 8, false), (16 << 20, 1, false), (77, 4, true)]
    {
        let mut settings = three_parts();
        settings.threads = threads;
        (settings.seal.frame_bytes, settings.seal.signed) = (frame_bytes, signed);
        let place = Place::memory();
        let (manifest, found) = sealed(Format::Csv, &settings, &place.open()).await;
        assert!(found == expected, "frames of {frame_bytes}");
        let suite = if signed { "0x0578" } else { "0x0478" };
        assert_eq!(manifest.encryption.unwrap().suite.as_deref(), Some(suite));
        assert!(verified(&place).await.is_intact());
    }
}

#[tokio::test]
async fn compressed_text_is_sealed_as_it_is() {
    for (compression, single_frame) in [
        (Compression::Gzip { level: 1 }, false),
        (Compression::Zstd { level: 1 }, false),
        (Compression::Zstd { level: 1 }, true),
    ] {
        let mut settings = three_parts();
        (settings.compression, settings.single_frame) = (compression, single_frame);
        let place = Place::memory();
        let (manifest, found) = sealed(Format::Jsonl, &settings, &place.open()).await;
        assert!(found == plain(Format::Jsonl, &settings).await, "{compression}");
        let ending = format!(
            ".jsonl{}.encrypted",
            if matches!(compression, Compression::Gzip { .. }) { ".gz" } else { ".zst" }
        );
        assert!(manifest.parts.iter().all(|part| part.name.ends_with(&ending)), "{compression}");
        assert!(verified(&place).await.is_intact(), "{compression}");
    }
}

#[tokio::test]
async fn an_empty_segment_is_one_sealed_part() {
    for format in FORMATS {
        let place = Place::memory();
        let store = place.open();
        let export = exporter(&rows(format).slice(0, 0), Arc::clone(&store), format).with_key(keys());
        let manifest = export.build().unwrap().run().await.unwrap();
        let objects = objects(&*store, &manifest).await;
        let (plain, _) = opened(&objects[0], &keys()).await.unwrap();
        assert_eq!((manifest.totals.rows, plain.is_empty()), (0, format == Format::Jsonl), "{format}");
        assert!(verified(&place).await.is_intact(), "{format}");
    }
}

#[tokio::test]
async fn the_manifest_says_how_and_each_object_is_bound_to_its_name() {
    let store = Place::memory().open();
    let export = exporter(&rows(Format::Csv), Arc::clone(&store), Format::Csv).with_settings(three_parts());
    let export = export.with_domain("shop".parse().unwrap()).with_segment("gold".parse().unwrap());
    let manifest = export.with_key(keys()).build().unwrap().run().await.unwrap();

    let encryption = manifest.encryption.clone().unwrap();
    assert_eq!((encryption.mode.as_str(), encryption.suite.as_deref()), ("envelope", Some("0x0478")));
    assert!(encryption.key.unwrap().starts_with("segment-export/"));
    for (part, object) in manifest.parts.iter().zip(objects(&*store, &manifest).await) {
        assert!(part.name.ends_with(".csv.encrypted") && part.size == object.len() as u64);
        let (_, context) = opened(&object, &keys()).await.unwrap();
        let found: Vec<_> = context.iter().collect();
        let expected = [
            ("domain", "shop"),
            ("format", "CSV"),
            ("object", part.name.as_str()),
            ("segment", "gold"),
            ("snapshot", manifest.snapshot_id.as_str()),
        ];
        assert_eq!(found, expected);
        let said = &part.sealed.as_ref().unwrap().context;
        assert!(said.iter().map(|(key, value)| (key.as_str(), value.as_str())).eq(expected));
    }
    let (json, _) = store.get(MANIFEST).await.unwrap().unwrap();
    let (message, _) = store.get(SEALED_MANIFEST).await.unwrap().unwrap();
    assert_eq!(opened(&message, &keys()).await.unwrap().0, json);
}

#[tokio::test]
async fn an_export_without_a_key_says_nothing_of_encryption() {
    let store = Place::memory().open();
    let export = exporter(&rows(Format::Csv), Arc::clone(&store), Format::Csv);
    export.build().unwrap().run().await.unwrap();
    let (json, _) = store.get(MANIFEST).await.unwrap().unwrap();
    let json = String::from_utf8(json.to_vec()).unwrap();
    assert!(!json.contains("encrypt") && !json.contains("sealed"), "{json}");
    assert!(store.head(SEALED_MANIFEST).await.unwrap().is_none());
}

#[tokio::test]
async fn each_object_has_a_data_key_of_its_own_and_the_next_one_is_asked_for_ahead() {
    let key = CountingKey::failing_at(0);
    let asked = key.objects();
    let store = Place::memory().open();
    let export = exporter(&rows(Format::Csv), Arc::clone(&store), Format::Csv).with_settings(three_parts());
    let manifest = export.with_key(key).build().unwrap().run().await.unwrap();
    let asked = asked.lock().unwrap().clone();
    let names: Vec<_> = manifest.parts.iter().map(|part| part.name.clone()).collect();
    assert_eq!(asked[..3], names);
    // One more than there are parts, which was asked for while the last one was written, and the manifest's.
    assert_eq!((asked.len(), asked[4].as_str()), (5, SEALED_MANIFEST));
}

#[tokio::test]
async fn a_key_that_cannot_be_used_fails_before_anything_is_claimed() {
    let store = FaultyParts::over(Place::memory().open(), []);
    let export =
        exporter(&rows(Format::Csv), store.share(), Format::Csv).with_key(CountingKey::failing_at(1));
    let error = export.build().unwrap().run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert_eq!((store.count(Operation::PutNew), store.count(Operation::Create)), (0, 0));
}

#[tokio::test]
async fn a_key_that_fails_later_leaves_nothing() {
    for nth in 2..=5 {
        for place in Place::all().await {
            let export = exporter(&rows(Format::Csv), place.open(), Format::Csv).with_settings(three_parts());
            let end = export.with_key(CountingKey::failing_at(nth)).build().unwrap().run().await;
            // The fourth is asked for ahead and not needed.
            assert_eq!(end.is_ok(), nth == 4, "{nth} on {place:?}");
            if let Err(error) = end {
                assert_eq!(error.kind(), ErrorKind::AccessDenied, "{nth}: {error}");
                assert_nothing_is_left(&place, &format!("key {nth}")).await;
            }
        }
    }
}

async fn assert_nothing_is_left(place: &Place, what: &str) {
    assert_eq!(visible(&*place.open()).await, Vec::<String>::new(), "{what} on {place:?}");
    if let Place::S3(server) = place {
        assert_eq!(server.open_uploads(), 0, "{what}");
    }
}

async fn export_with(
    place: &Place,
    rules: impl IntoIterator<Item = Rule>,
) -> Result<(), segment_export::Error> {
    let store = FaultyParts::over(place.open(), rules);
    let mut settings = three_parts();
    // Seven parts: on a store whose upload parts are large each is one.
    settings.part_rows = Some(300);
    settings.upload.part_bytes = Some(20_000);
    let export = exporter(&rows(Format::Csv), store.share(), Format::Csv).with_settings(settings);
    export.with_key(keys()).build().unwrap().run().await.map(drop)
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_of_a_sealed_export() {
    let steps = [
        fail(Operation::Create).nth(1),
        fail(Operation::Create).nth(3),
        fail(Operation::PutPart).nth(1),
        deny(Operation::PutPart).nth(7),
        fail(Operation::Complete).nth(2),
        fail(Operation::PutNew).named(SEALED_MANIFEST),
    ];
    for step in steps {
        for place in Place::all().await {
            let what = format!("{step:?}");
            export_with(&place, [step.clone()]).await.unwrap_err();
            assert_nothing_is_left(&place, &what).await;
            export_with(&place, []).await.unwrap();
            assert!(verified(&place).await.is_intact(), "{what}");
        }
    }
}

#[tokio::test]
async fn a_lost_answer_for_the_sealed_manifest_is_a_success() {
    for rule in [
        lose_answer(Operation::PutNew).named(SEALED_MANIFEST),
        conflict(Operation::PutNew).named(SEALED_MANIFEST),
    ] {
        for place in Place::all().await {
            export_with(&place, [rule.clone()]).await.unwrap_or_else(|error| panic!("{rule:?}: {error}"));
            assert!(verified(&place).await.is_intact(), "{rule:?} on {place:?}");
        }
    }
}

#[tokio::test]
async fn a_sealed_export_stays_within_its_budget_and_gets_on_with_the_least() {
    let mut settings = three_parts();
    settings.upload.part_bytes = Some(20_000);
    settings.seal.frame_bytes = 65_536;
    settings.memory_budget = 1 << 20;
    let budget = Budget::new(settings.memory_budget);
    let place = Place::local();
    let export = exporter(&rows(Format::Csv), place.open(), Format::Csv).with_settings(settings.clone());
    let export = export.with_key(keys()).with_budget(budget.clone()).build().unwrap();
    tokio::time::timeout(std::time::Duration::from_mins(1), export.run()).await.unwrap().unwrap();
    assert!(budget.peak() <= settings.memory_budget, "{}", budget.peak());
    assert!(verified(&place).await.is_intact());
}

#[tokio::test]
async fn frames_of_no_length_are_refused() {
    for frame_bytes in [0, (16 << 20) + 1] {
        let mut settings = small_chunks();
        settings.seal.frame_bytes = frame_bytes;
        let store = Place::memory().open();
        let export = exporter(&rows(Format::Csv), store, Format::Csv).with_settings(settings);
        let error = export.with_key(keys()).build().unwrap_err();
        assert!(error.to_string().starts_with("setting `seal.frame_bytes` must be"), "{error}");
    }
}

#[tokio::test]
async fn a_sealed_snapshot_is_not_verified_without_its_key() {
    let place = Place::memory();
    export_with(&place, []).await.unwrap();
    let error = verify(place.open()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    let error = verify_sealed(place.open(), &local_key(2).into()).await.unwrap_err();
    assert!(error.to_string().ends_with("sealed for other keys"), "{error}");
}

const KMS_KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// Exports, the store encrypting, and says what each request that makes an object told it.
async fn encrypted_by_the_store(algorithm: Option<&str>) -> Vec<(S3Call, [Option<String>; 3])> {
    let server = S3Server::start().await;
    let target: Location = format!("s3://{BUCKET}/exports").parse().unwrap();
    let algorithm = algorithm.map(|algorithm| ("aws_server_side_encryption", algorithm.to_owned()));
    let export = Exporter::builder(super::source(vec![rows(Format::Csv)]), target)
        .with_format(Format::Csv)
        .with_store_options(StoreOptions::from_pairs(server.options().into_iter().chain(algorithm)))
        .with_sse_kms(KMS_KEY.parse().unwrap());
    let manifest = export.build().unwrap().run().await.unwrap();
    let encryption = manifest.encryption.unwrap();
    assert_eq!((encryption.mode.as_str(), encryption.store_key.as_deref()), ("sse-kms", Some(KMS_KEY)));
    server.encryptions()
}

#[tokio::test]
async fn the_store_is_told_to_encrypt_each_object_single_and_multipart() {
    for (algorithm, expected) in [
        (None, ["aws:kms", KMS_KEY, "true"]),
        (Some("AES256"), ["aws:kms", KMS_KEY, "true"]),
        (Some("aws:kms:dsse"), ["aws:kms:dsse", KMS_KEY, "false"]),
    ] {
        let made = encrypted_by_the_store(algorithm).await;
        let expected = expected.map(|value| Some(value.to_owned()));
        for call in [S3Call::Create, S3Call::Put] {
            assert!(made.iter().any(|(found, _)| *found == call), "{call:?}");
        }
        assert!(made.iter().all(|(_, found)| *found == expected), "{made:?}");
    }
}

#[tokio::test]
async fn both_modes_together_are_told_by_the_manifest() {
    let server = S3Server::start().await;
    let target: Location = format!("s3://{BUCKET}/exports").parse().unwrap();
    let export = Exporter::builder(super::source(vec![rows(Format::Csv)]), target)
        .with_format(Format::Csv)
        .with_store_options(StoreOptions::from_pairs(server.options()))
        .with_key(keys())
        .with_sse_kms(KMS_KEY.parse().unwrap());
    let manifest = export.build().unwrap().run().await.unwrap();
    assert_eq!(manifest.encryption.as_ref().unwrap().mode, "envelope+sse-kms");
    let store = Arc::new(server.parts(&format!("exports/{}", manifest.snapshot_id)));
    assert!(verify_sealed(store, &keys()).await.unwrap().is_intact());
}

#[tokio::test]
async fn encryption_by_a_store_that_is_not_s3_is_refused() {
    let export = exporter(&rows(Format::Csv), Place::local().open(), Format::Csv);
    let error = export.with_sse_kms(KMS_KEY.parse().unwrap()).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
}
