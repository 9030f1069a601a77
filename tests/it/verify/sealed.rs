//! Sealed snapshots: what somebody without the key can do to one is found.

use std::sync::Arc;

use bytes::Bytes;
use segment_export::manifest::{MANIFEST, Manifest, SEALED_MANIFEST};
use segment_export::seal::Keys;
use segment_export::upload::{PartStore, PutNew};
use segment_export::{Error, Format, Problem, VerifyReport, verify_sealed};

use crate::export::{exporter, sample, small_chunks};
use crate::support::keys::local_key;
use crate::support::stores::Place;

fn keys() -> Keys {
    local_key(1).into()
}

/// A sealed snapshot in three parts.
async fn sealed(format: Format) -> (Arc<dyn PartStore>, Manifest) {
    let store = Place::memory().open();
    let mut settings = small_chunks();
    settings.part_rows = Some(700);
    settings.seal.frame_bytes = 500;
    let export = exporter(&sample("profiles.parquet"), Arc::clone(&store), format).with_settings(settings);
    let manifest = export.with_key(keys()).build().unwrap().run().await.unwrap();
    (store, manifest)
}

async fn verified(store: &Arc<dyn PartStore>) -> Result<VerifyReport, Error> {
    verify_sealed(Arc::clone(store), &keys()).await
}

async fn bytes_of(store: &dyn PartStore, name: &str) -> Bytes {
    store.get(name).await.unwrap().unwrap().0
}

async fn replace(store: &dyn PartStore, name: &str, bytes: Bytes) {
    store.delete(name).await.unwrap();
    assert!(matches!(store.put_new(name, bytes).await.unwrap(), PutNew::Created(_)));
}

#[tokio::test]
async fn an_object_that_was_changed_is_named() {
    let (store, manifest) = sealed(Format::Csv).await;
    let name = &manifest.parts[1].name;
    let mut bytes = bytes_of(&*store, name).await.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    replace(&*store, name, bytes.into()).await;
    let report = verified(&store).await.unwrap();
    let faults: Vec<_> = report.faults().collect();
    assert_eq!((faults.len(), &faults[0].name), (1, name));
    let problems: Vec<_> = faults[0].problems.iter().map(Problem::as_str).collect();
    assert_eq!(problems, ["checksum", "sealed"]);
}

#[tokio::test]
async fn objects_that_were_swapped_or_dropped_are_named() {
    let (store, manifest) = sealed(Format::Jsonl).await;
    let [first, second, third] = [0, 1, 2].map(|part| manifest.parts[part].name.as_str());
    let (one, two) = (bytes_of(&*store, first).await, bytes_of(&*store, second).await);
    replace(&*store, first, two).await;
    replace(&*store, second, one).await;
    store.delete(third).await.unwrap();
    let report = verified(&store).await.unwrap();
    assert_eq!(report.faults().count(), 3);
    assert_eq!(report.objects[2].problems, [Problem::Missing]);
}

/// The JSON of the manifest with a part less, as somebody would write it who has no key.
fn with_a_part_less(manifest: &Manifest) -> Bytes {
    let mut manifest = manifest.clone();
    manifest.parts.pop();
    manifest.to_json().unwrap().into()
}

#[tokio::test]
async fn a_manifest_that_was_not_sealed_is_refused() {
    let (store, manifest) = sealed(Format::Csv).await;
    assert!(verified(&store).await.unwrap().is_intact());
    replace(&*store, MANIFEST, with_a_part_less(&manifest)).await;
    let error = verified(&store).await.unwrap_err();
    assert!(error.to_string().ends_with("is not the one that was sealed"), "{error}");

    let mut plain = manifest.clone();
    plain.encryption = None;
    replace(&*store, MANIFEST, plain.to_json().unwrap().into()).await;
    let error = verified(&store).await.unwrap_err();
    assert!(error.to_string().ends_with("does not say that it is sealed"), "{error}");
}

#[tokio::test]
async fn a_sealed_manifest_that_is_missing_or_of_another_snapshot_is_refused() {
    let (store, _) = sealed(Format::Csv).await;
    let (other, _) = sealed(Format::Csv).await;
    replace(&*store, SEALED_MANIFEST, bytes_of(&*other, SEALED_MANIFEST).await).await;
    let error = verified(&store).await.unwrap_err();
    assert!(error.to_string().ends_with("of another object or snapshot"), "{error}");

    replace(&*store, MANIFEST, bytes_of(&*other, MANIFEST).await).await;
    let report = verified(&store).await.unwrap();
    assert_eq!(report.faults().count(), 3, "a whole manifest of another snapshot has none of our objects");

    store.delete(SEALED_MANIFEST).await.unwrap();
    let error = verified(&store).await.unwrap_err();
    assert!(error.to_string().ends_with("has no sealed manifest"), "{error}");
}
