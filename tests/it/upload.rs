//! What every part store owes, and the uploader over them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::StreamExt;
use object_store::PutPayload;
use segment_export::upload::{
    ObjectInfo, PartStore, PartTag, PutNew, Replaced, Upload, UploadPart, Uploaded, Uploader,
};
use segment_export::{Error, ErrorKind, Result, UploadSettings};

use crate::support::faulty::{FaultyParts, Operation, fail, hang};
use crate::support::s3::{Answer, S3Call, S3Server};
use crate::support::stores::{Place, visible};

/// The least that S3 takes for a part that is not the last.
const PART: usize = 5 << 20;

fn body(len: usize) -> Bytes {
    (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect::<Vec<_>>().into()
}

/// Settings with upload parts of this size.
fn parts_of(bytes: usize) -> UploadSettings {
    let mut settings = UploadSettings::default();
    settings.part_bytes = Some(bytes as u64);
    settings
}

async fn upload(uploader: &Uploader, name: &str, bytes: &[Bytes]) -> Result<Uploaded> {
    let mut object = uploader.begin(name).await?;
    for bytes in bytes {
        object.write(bytes.clone(), ()).await?;
    }
    object.finish().await
}

async fn complete(store: &dyn PartStore, done: &Uploaded) {
    store.complete(&done.upload, &done.tags, done.size).await.unwrap();
}

async fn read(store: &dyn PartStore, name: &str) -> Bytes {
    store.get(name).await.unwrap().expect("the object is there").0
}

#[tokio::test]
async fn an_object_is_visible_only_when_it_is_complete() {
    for place in Place::all().await {
        let store = place.open();
        let uploader = Uploader::new(Arc::clone(&store), &parts_of(PART), 0);
        let bytes = body(2 * PART + 17);
        let done = upload(&uploader, "part-00000-1a2b3c4d.csv", std::slice::from_ref(&bytes)).await.unwrap();
        assert_eq!((done.tags.len(), done.size), (3, bytes.len() as u64), "{place:?}");
        assert!(visible(&*store).await.is_empty(), "{place:?}");
        assert_eq!(store.head("part-00000-1a2b3c4d.csv").await.unwrap(), None, "{place:?}");
        complete(&*store, &done).await;
        assert_eq!(read(&*store, "part-00000-1a2b3c4d.csv").await, bytes, "{place:?}");
        let info = ObjectInfo::new("part-00000-1a2b3c4d.csv", bytes.len() as u64);
        assert_eq!(store.list().await.unwrap(), std::slice::from_ref(&info), "{place:?}");
        assert_eq!(store.head(&info.name).await.unwrap(), Some(info), "{place:?}");
        let middle = store.get_range("part-00000-1a2b3c4d.csv", 100..120).await.unwrap();
        assert_eq!(middle, bytes.slice(100..120), "{place:?}");
    }
}

#[tokio::test]
async fn an_empty_object_is_an_object() {
    for place in Place::all().await {
        let store = place.open();
        let uploader = Uploader::new(Arc::clone(&store), &UploadSettings::default(), 0);
        let done = upload(&uploader, "empty.jsonl", &[]).await.unwrap();
        assert_eq!((done.size, done.crc64_nvme), (0, 0));
        assert!(visible(&*store).await.is_empty(), "{place:?}");
        complete(&*store, &done).await;
        assert_eq!(store.list().await.unwrap(), [ObjectInfo::new("empty.jsonl", 0)], "{place:?}");
    }
}

#[tokio::test]
async fn a_part_may_be_put_again_and_in_any_order() {
    for place in Place::all().await {
        let store = place.open();
        let upload = Upload::new("a.csv", store.create("a.csv").await.unwrap());
        let bytes = body(PART + 1);
        let at = |index| UploadPart::new(index, u64::from(index) * PART as u64);
        let put = async |index: u32, bytes: Bytes| -> PartTag {
            store.put_part(&upload, at(index), PutPayload::from_bytes(bytes)).await.unwrap()
        };
        let last = put(1, bytes.slice(PART..)).await;
        put(0, body(PART).slice(1..)).await;
        let first = put(0, bytes.slice(..PART)).await;
        store.complete(&upload, &[first, last], bytes.len() as u64).await.unwrap();
        assert_eq!(read(&*store, "a.csv").await, bytes, "{place:?}");
    }
}

#[tokio::test]
async fn a_completion_whose_answer_was_lost_may_be_asked_for_again() {
    for place in Place::all().await {
        let store = place.open();
        let uploader = Uploader::new(Arc::clone(&store), &UploadSettings::default(), 0);
        let done = upload(&uploader, "a.csv", &[body(10)]).await.unwrap();
        complete(&*store, &done).await;
        complete(&*store, &done).await;
        store.abort(&done.upload).await.unwrap();
        assert_eq!(read(&*store, "a.csv").await, body(10), "{place:?}");
    }
}

#[tokio::test]
async fn an_aborted_object_is_gone_and_may_be_aborted_again() {
    for place in Place::all().await {
        let store = place.open();
        let uploader = Uploader::new(Arc::clone(&store), &UploadSettings::default(), 0);
        let done = upload(&uploader, "a.csv", &[body(10)]).await.unwrap();
        assert_eq!(store.list_open().await.unwrap(), std::slice::from_ref(&done.upload), "{place:?}");
        store.abort(&done.upload).await.unwrap();
        assert!(store.list_open().await.unwrap().is_empty(), "{place:?}");
        assert!(store.complete(&done.upload, &done.tags, done.size).await.is_err(), "{place:?}");
        assert!(visible(&*store).await.is_empty(), "{place:?}");
        assert_eq!(place.open_uploads(), 0);
    }
}

#[tokio::test]
async fn a_small_object_is_created_only_where_none_is() {
    for place in Place::all().await {
        let store = place.open();
        assert_eq!(store.get("_claim.json").await.unwrap(), None);
        let created = store.put_new("_claim.json", Bytes::from_static(b"one")).await.unwrap();
        let PutNew::Created(version) = created else { panic!("{created:?}") };
        assert_eq!(store.put_new("_claim.json", Bytes::from_static(b"two")).await.unwrap(), PutNew::Exists);
        let (bytes, read) = store.get("_claim.json").await.unwrap().unwrap();
        assert_eq!((&bytes[..], read), (&b"one"[..], version), "{place:?}");
        store.delete("_claim.json").await.unwrap();
        store.delete("_claim.json").await.unwrap();
        assert_eq!(store.get("_claim.json").await.unwrap(), None, "{place:?}");
    }
}

#[tokio::test]
async fn a_small_object_is_replaced_only_if_it_is_unchanged() {
    for place in Place::all().await {
        let store = place.open();
        let PutNew::Created(first) = store.put_new("_claim.json", Bytes::from_static(b"one")).await.unwrap()
        else {
            panic!("nothing was there");
        };
        let replace = async |text: &'static str, version| {
            store.replace_if("_claim.json", Bytes::from_static(text.as_bytes()), version).await.unwrap()
        };
        let Replaced::Done(second) = replace("two", &first).await else { panic!("it was unchanged") };
        assert_eq!(replace("three", &first).await, Replaced::Changed, "{place:?}");
        assert_eq!(read(&*store, "_claim.json").await, "two", "{place:?}");
        store.delete("_claim.json").await.unwrap();
        assert_eq!(replace("four", &second).await, Replaced::Changed, "{place:?}");
        assert_eq!(store.get("_claim.json").await.unwrap(), None, "{place:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_create_or_replace_at_once_one_wins() {
    for place in Place::all().await {
        let creations = (0..8).map(|_| {
            let store = place.open();
            tokio::spawn(async move {
                let created = store.put_new("_claim.json", Bytes::from_static(b"x")).await.unwrap();
                // The lock of the winner ends with its store, as with a process that dies.
                matches!(created, PutNew::Created(_))
            })
        });
        let winners = futures::future::join_all(creations).await;
        assert_eq!(winners.into_iter().filter(|won| *won.as_ref().unwrap()).count(), 1, "{place:?}");

        let (_, version) = place.open().get("_claim.json").await.unwrap().unwrap();
        let stores: Vec<_> = (0..8).map(|_| place.open()).collect();
        let replacements = stores.iter().enumerate().map(|(at, store)| {
            let (store, version) = (Arc::clone(store), version.clone());
            tokio::spawn(async move {
                let replaced = store.replace_if("_claim.json", at.to_string().into(), &version).await;
                matches!(replaced.unwrap(), Replaced::Done(_))
            })
        });
        let winners = futures::future::join_all(replacements).await;
        assert_eq!(winners.into_iter().filter(|won| *won.as_ref().unwrap()).count(), 1, "{place:?}");
    }
}

#[tokio::test]
async fn names_do_not_lead_out_of_the_snapshot() {
    for place in Place::all().await {
        let store = place.open();
        for name in ["../a.csv", "/a.csv", "a/b.csv", "..", ".staging", ""] {
            assert_eq!(store.create(name).await.unwrap_err().kind(), ErrorKind::BadRequest, "{name}");
            assert!(store.put_new(name, Bytes::new()).await.is_err(), "{name}");
            assert!(store.delete(name).await.is_err(), "{name}");
            assert!(store.get(name).await.is_err(), "{name}");
        }
    }
}

#[tokio::test]
async fn the_checksum_is_the_one_that_s3_reports() {
    let store = Place::memory().open();
    let uploader = Uploader::new(store, &parts_of(4), 0);
    let pieces = ["123", "4567", "89"].map(Bytes::from);
    let done = upload(&uploader, "a.csv", &pieces).await.unwrap();
    // The check value of CRC-64/NVME.
    assert_eq!(done.crc64_nvme, 0xAE8B_1486_0A79_9888);
}

#[tokio::test]
async fn a_failed_part_fails_its_object_and_everything_is_aborted() {
    for place in Place::all().await {
        let store = FaultyParts::over(place.open(), [fail(Operation::PutPart).nth(3)]);
        let uploader = Uploader::new(store.share(), &parts_of(PART), 0);
        let whole = upload(&uploader, "a.csv", &[body(10)]).await.unwrap();
        let error = upload(&uploader, "b.csv", &[body(3 * PART)]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal, "{place:?}");
        assert!(uploader.abort_all().await.is_empty());
        assert_eq!(store.names(Operation::Abort).len(), 2, "{place:?}");
        assert!(store.list_open().await.unwrap().is_empty(), "{place:?}");
        assert!(store.complete(&whole.upload, &whole.tags, whole.size).await.is_err(), "{place:?}");
        assert_eq!(place.open_uploads(), 0);
    }
}

#[tokio::test]
async fn an_object_that_was_dropped_half_way_is_aborted() {
    let place = Place::local();
    let store = FaultyParts::over(place.open(), [hang(Operation::PutPart).nth(2)]);
    let uploader = Uploader::new(store.share(), &parts_of(4), 0);
    let mut object = uploader.begin("a.csv").await.unwrap();
    object.write(body(12), ()).await.unwrap();
    store.called(Operation::PutPart, 3).await;
    drop(object);
    assert!(uploader.abort_all().await.is_empty());
    assert_eq!(store.names(Operation::Abort), ["a.csv"]);
    assert!(store.list_open().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_the_store_began_is_aborted_even_if_nobody_waited_for_it() {
    let place = Place::local();
    let store = FaultyParts::over(place.open(), []);
    let uploader = Uploader::new(store.share(), &UploadSettings::default(), 0);
    {
        let begin = uploader.begin("a.csv");
        futures::pin_mut!(begin);
        assert!(futures::poll!(begin.as_mut()).is_pending());
    }
    uploader.abort_all().await;
    assert_eq!(store.count(Operation::Create), 1);
    assert_eq!(store.names(Operation::Abort), ["a.csv"]);
    assert!(store.list_open().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_abort_that_fails_does_not_keep_others_from_being_aborted() {
    let store = FaultyParts::over(Place::memory().open(), [fail(Operation::Abort)]);
    let uploader = Uploader::new(store.share(), &UploadSettings::default(), 0);
    for name in ["a.csv", "b.csv", "c.csv"] {
        upload(&uploader, name, &[body(10)]).await.unwrap();
    }
    let left = uploader.abort_all().await;
    assert_eq!(left.len(), 1);
    assert_eq!(store.list_open().await.unwrap(), left);
}

#[tokio::test]
async fn no_more_parts_are_in_flight_than_may_be() {
    let store = FaultyParts::over(Place::memory().open(), [hang(Operation::PutPart).always()]);
    let mut settings = parts_of(4);
    settings.concurrency = 2;
    let uploader = Uploader::new(store.share(), &settings, 0);
    let mut object = uploader.begin("a.csv").await.unwrap();
    let mut other = uploader.begin("b.csv").await.unwrap();
    object.write(body(4), ()).await.unwrap();
    other.write(body(4), ()).await.unwrap();
    store.called(Operation::PutPart, 2).await;
    let third = object.write(body(4), ());
    futures::pin_mut!(third);
    assert!(futures::poll!(third.as_mut()).is_pending());
    tokio::task::yield_now().await;
    assert!(futures::poll!(third.as_mut()).is_pending());
    assert_eq!(store.count(Operation::PutPart), 2);
}

/// Counts how many of it there are.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn bytes_are_let_go_when_the_store_has_them_or_never_will() {
    let held = Arc::new(AtomicUsize::new(0));
    for rules in [vec![], vec![fail(Operation::PutPart).nth(2)]] {
        let store = FaultyParts::over(Place::memory().open(), rules);
        let uploader = Uploader::new(store, &parts_of(4), 0);
        let mut object = uploader.begin("a.csv").await.unwrap();
        for _ in 0..3 {
            // It may fail here or in the end: what is held is the question.
            if object.write(body(6), Counted::new(&held)).await.is_err() {
                break;
            }
        }
        assert!(held.load(Ordering::SeqCst) > 0);
        drop(object.finish().await);
        uploader.abort_all().await;
        assert_eq!(held.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn an_object_of_too_many_parts_is_refused() {
    use object_store::memory::InMemory;
    use segment_export::upload::{ObjectParts, StoreTraits};

    let mut traits = StoreTraits::s3();
    (traits.min_part_bytes, traits.max_parts) = (0, 3);
    let store = ObjectParts::memory(&InMemory::new(), "x".into()).with_traits(traits);
    let uploader = Uploader::new(Arc::new(store), &parts_of(4), 0);
    assert_eq!(uploader.max_object_bytes(), 12);
    upload(&uploader, "a.csv", &[body(12)]).await.unwrap();
    let error: Error = upload(&uploader, "b.csv", &[body(13)]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    assert!(error.to_string().ends_with("parts=4"), "{error}");
}

#[tokio::test]
async fn the_part_size_follows_the_budget_between_its_limits() {
    let size = |settings: &UploadSettings, budget| {
        Uploader::new(Place::memory().open(), settings, budget).part_bytes()
    };
    let default = UploadSettings::default();
    assert_eq!([8, 64, 128, 1024].map(|mib| size(&default, mib << 20) >> 20), [5, 8, 16, 16]);
    assert_eq!(size(&parts_of(7), 128 << 20), 7);
    let of_file = |budget| Uploader::new(Place::local().open(), &default, budget).part_bytes();
    let sizes = [8, 32, 64, 128, 1024].map(|mib| of_file(mib << 20) >> 10);
    assert_eq!(sizes, [256, 256, 256, 512, 512], "a write to a file is no request");
    let server = S3Server::start().await;
    let uploader = Uploader::new(Arc::new(server.parts("x")), &parts_of(7), 128 << 20);
    assert_eq!(uploader.part_bytes(), PART as u64, "a store that takes no smaller ones");
}

#[tokio::test]
async fn s3_requests_about_uploads_are_made_again() {
    for call in [S3Call::Create, S3Call::PutPart, S3Call::Complete] {
        for answer in [Answer::Status(503), Answer::Status(500), Answer::DoneBut(500)] {
            let server = S3Server::start().await;
            server.fault(call, 1, answer);
            let store: Arc<dyn PartStore> = Arc::new(server.parts("x"));
            let uploader = Uploader::new(Arc::clone(&store), &UploadSettings::default(), 0);
            let done = upload(&uploader, "a.csv", &[body(10)]).await.unwrap();
            complete(&*store, &done).await;
            assert_eq!(read(&*store, "a.csv").await, body(10), "{call:?} {answer:?}");
        }
    }
}

#[tokio::test]
async fn an_s3_abort_is_made_again() {
    let server = S3Server::start().await;
    server.fault(S3Call::Abort, 1, Answer::Status(503));
    let uploader = Uploader::new(Arc::new(server.parts("x")), &UploadSettings::default(), 0);
    upload(&uploader, "a.csv", &[body(10)]).await.unwrap();
    assert_eq!(server.open_uploads(), 1);
    assert!(uploader.abort_all().await.is_empty());
    assert_eq!(server.open_uploads(), 0);
}

#[tokio::test]
async fn s3_attempts_are_bounded_and_a_hanging_request_ends() {
    let server = S3Server::start().await;
    server.fault(S3Call::PutPart, 0, Answer::Hang);
    let mut retry = crate::support::s3::quick();
    (retry.attempts, retry.timeout_ms) = (2, 50);
    let uploader =
        Uploader::new(Arc::new(server.parts("x").with_retry(retry)), &UploadSettings::default(), 0);
    let error = upload(&uploader, "a.csv", &[body(10)]).await.unwrap_err();
    assert!(error.to_string().contains("timed out"), "{error}");
    assert!(error.is_retryable());
    assert_eq!(server.count(S3Call::PutPart), 2);
}

/// More than a page of the server's lists.
#[tokio::test]
async fn open_uploads_of_another_process_are_known_and_can_be_aborted() {
    for place in Place::all().await {
        let dead = place.open();
        for index in 0..5 {
            dead.create(&format!("part-{index:05}-1a2b3c4d.csv")).await.unwrap();
        }
        let store = place.open();
        let open = store.list_open().await.unwrap();
        let expected = if place.tells_of_uploads() { 5 } else { 0 };
        assert_eq!(open.len(), expected, "{place:?}");
        for upload in &open {
            store.abort(upload).await.unwrap();
        }
        assert!(store.list_open().await.unwrap().is_empty(), "{place:?}");
        assert_eq!(place.open_uploads(), 0, "{place:?}");
    }
}

#[tokio::test]
async fn uploads_of_other_snapshots_are_not_listed() {
    let server = S3Server::start().await;
    for prefix in ["x/snapshot", "x/snapshot-2", "x/snapshot/deeper", "x"] {
        server.parts(prefix).create("a.csv").await.unwrap();
    }
    let open = server.parts("x/snapshot").list_open().await.unwrap();
    assert_eq!(open.iter().map(|upload| upload.name.as_str()).collect::<Vec<_>>(), ["a.csv"]);
}

#[tokio::test]
async fn who_may_not_list_uploads_knows_its_own() {
    let server = S3Server::start().await;
    server.parts("x").create("other.csv").await.unwrap();
    for status in [403, 501] {
        server.mend();
        server.fault(S3Call::ListOpen, 0, Answer::Status(status));
        let store = server.parts("x");
        let own = Upload::new("a.csv", store.create("a.csv").await.unwrap());
        assert_eq!(store.list_open().await.unwrap(), [own], "{status}");
    }
    server.mend();
    server.fault(S3Call::ListOpen, 0, Answer::Status(500));
    server.parts("x").list_open().await.unwrap_err();
}

#[tokio::test]
async fn a_missing_bucket_is_not_an_empty_one() {
    let server = S3Server::start().await;
    let store = server.parts_in("no-such-bucket", "x");
    for error in [
        store.put_new("_claim.json", Bytes::new()).await.unwrap_err(),
        store.get("_claim.json").await.unwrap_err(),
        store.list().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::ResourceNotFound, "{error:?}");
    }
}

#[tokio::test]
async fn a_slow_down_is_throttling_and_a_refusal_is_denied() {
    let server = S3Server::start().await;
    let store = server.parts("x");
    server.fault(S3Call::Put, 0, Answer::Status(429));
    let error = store.put_new("_claim.json", Bytes::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttling, "{error:?}");
    server.fault(S3Call::Head, 0, Answer::Status(403));
    let error = store.head("_manifest.json").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error:?}");
}

#[cfg(unix)]
mod local {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use segment_export::upload::LocalParts;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn files_and_new_directories_are_for_their_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let snapshot = dir.path().join("a").join("b");
        let store: Arc<dyn PartStore> = Arc::new(LocalParts::new(&snapshot));
        store.put_new("_claim.json", Bytes::new()).await.unwrap();
        let uploader = Uploader::new(Arc::clone(&store), &UploadSettings::default(), 0);
        let done = upload(&uploader, "a.csv", &[body(10)]).await.unwrap();
        assert_eq!(mode(&snapshot.join(".staging")), 0o700);
        complete(&*store, &done).await;
        for dir in [dir.path().join("a"), snapshot.clone()] {
            assert_eq!(mode(&dir), 0o700, "{}", dir.display());
        }
        for name in ["_claim.json", "a.csv"] {
            assert_eq!(mode(&snapshot.join(name)), 0o600, "{name}");
        }
        assert_eq!(mode(dir.path()), 0o755, "it was there before");
    }

    #[tokio::test]
    async fn nothing_is_left_where_nothing_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let store = LocalParts::new(dir.path().join("a").join("b"));
        store.put_new("_claim.json", Bytes::new()).await.unwrap();
        store.delete("_claim.json").await.unwrap();
        store.finish().await.unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_late_writer_does_not_bring_back_what_was_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let store = LocalParts::new(dir.path().join("a"));
        let upload = Upload::new("a.csv", store.create("a.csv").await.unwrap());
        store.abort(&upload).await.unwrap();
        store.finish().await.unwrap();
        let late = store.put_part(&upload, UploadPart::new(0, 0), PutPayload::from_static(b"late")).await;
        assert_eq!(late.unwrap_err().kind(), ErrorKind::ResourceNotFound);
        assert!(store.complete(&upload, &[], 4).await.is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn directories_that_hold_something_stay() {
        let dir = tempfile::tempdir().unwrap();
        let snapshot = dir.path().join("a").join("b");
        let store = LocalParts::new(&snapshot);
        store.put_new("_claim.json", Bytes::new()).await.unwrap();
        std::fs::write(dir.path().join("a").join("of-another"), "").unwrap();
        store.delete("_claim.json").await.unwrap();
        store.finish().await.unwrap();
        assert!(!snapshot.exists());
        assert!(dir.path().join("a").join("of-another").exists());
    }

    #[tokio::test]
    async fn reading_makes_no_directory() {
        let dir = tempfile::tempdir().unwrap();
        let store = LocalParts::new(dir.path().join("a"));
        assert_eq!(store.get("_manifest.json").await.unwrap(), None);
        assert_eq!(store.head("_manifest.json").await.unwrap(), None);
        assert!(store.list().await.unwrap().is_empty());
        assert!(store.list_open().await.unwrap().is_empty());
        store.finish().await.unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn an_object_never_replaces_a_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.csv"), "mine").unwrap();
        let store: Arc<dyn PartStore> = Arc::new(LocalParts::new(dir.path()));
        let uploader = Uploader::new(Arc::clone(&store), &UploadSettings::default(), 0);
        let done = upload(&uploader, "a.csv", &[body(10)]).await.unwrap();
        assert!(store.complete(&done.upload, &done.tags, done.size).await.is_err());
        assert_eq!(std::fs::read(dir.path().join("a.csv")).unwrap(), b"mine");
    }

    #[tokio::test]
    async fn a_file_that_lost_bytes_is_not_completed() {
        let dir = tempfile::tempdir().unwrap();
        let store: Arc<dyn PartStore> = Arc::new(LocalParts::new(dir.path()));
        let uploader = Uploader::new(Arc::clone(&store), &UploadSettings::default(), 0);
        let done = upload(&uploader, "a.csv", &[body(10)]).await.unwrap();
        let staged = dir.path().join(".staging").join("a.csv");
        std::fs::OpenOptions::new().write(true).open(staged).unwrap().set_len(9).unwrap();
        assert!(store.complete(&done.upload, &done.tags, done.size).await.is_err());
        assert!(!dir.path().join("a.csv").exists());
    }

    #[tokio::test]
    async fn a_link_in_the_snapshot_leads_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        symlink(outside.path(), dir.path().join(".staging")).unwrap();
        let store = LocalParts::new(dir.path());
        assert!(store.create("a.csv").await.is_err());
        assert!(store.put_new("_claim.json", Bytes::new()).await.is_err());
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
        symlink(outside.path().join("target"), dir.path().join("_manifest.json")).unwrap();
        assert!(store.get("_manifest.json").await.is_err());
        assert!(visible(&store).await.is_empty());
    }

    #[tokio::test]
    async fn an_owner_that_starts_while_another_cleans_up_loses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (winner, loser) = (LocalParts::new(dir.path().join("a")), LocalParts::new(dir.path().join("a")));
        winner.put_new("_claim.json", Bytes::from_static(b"winner")).await.unwrap();
        assert_eq!(loser.put_new("_claim.json", Bytes::new()).await.unwrap(), PutNew::Exists);
        loser.finish().await.unwrap();
        winner.create("a.csv").await.unwrap();
        assert_eq!(winner.list_open().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_small_object_of_a_living_process_is_locked_and_of_a_dead_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (owner, other) = (LocalParts::new(dir.path()), LocalParts::new(dir.path()));
        let PutNew::Created(version) = owner.put_new("_claim.json", Bytes::new()).await.unwrap() else {
            panic!("nothing was there");
        };
        let replace = async || other.replace_if("_claim.json", Bytes::new(), &version).await.unwrap();
        assert_eq!(replace().await, Replaced::Locked);
        drop(owner);
        assert!(matches!(replace().await, Replaced::Done(_)));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn thousands_of_objects_are_staged_and_completed() {
        let dir = tempfile::tempdir().unwrap();
        let store: Arc<dyn PartStore> = Arc::new(LocalParts::new(dir.path()));
        let uploader = Uploader::new(Arc::clone(&store), &UploadSettings::default(), 0);
        let mut done = Vec::new();
        for index in 0..5_000 {
            let name = format!("part-{index:05}-1a2b3c4d.csv");
            done.push(upload(&uploader, &name, &[body(10)]).await.unwrap());
        }
        let completions = done.iter().map(|object| complete(&*store, object));
        futures::stream::iter(completions).buffer_unordered(16).collect::<Vec<()>>().await;
        assert_eq!(visible(&*store).await.len(), 5_000);
    }

    #[test]
    fn thousands_of_objects_need_no_more_than_256_descriptors() {
        let limited = std::process::Command::new("sh")
            .args(["-c", r#"ulimit -n 256 && exec "$0" --exact "$1""#])
            .arg(std::env::current_exe().unwrap())
            .arg("upload::local::thousands_of_objects_are_staged_and_completed")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&limited.stdout);
        assert!(limited.status.success() && told.contains("1 passed"), "{told}");
    }
}
