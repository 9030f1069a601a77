//! Claim, commit and clean-up, with answers that are lost and owners that die.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use segment_export::manifest::{
    CLAIM, Claim, CommitError, MANIFEST, Manifest, ManifestFiles, OwnerNonce, Ownership, PartReceipt,
    abort_snapshot, check_coverage, claim, commit, part_name, read_manifest,
};
use segment_export::upload::{PartStore, PutNew, Uploader};
use segment_export::{Error, ErrorKind, Format, Result, UploadSettings};

use crate::support::faulty::{FaultyParts, Operation, conflict, deny, fail, lose_answer};
use crate::support::s3::{Answer, S3Call, S3Server};
use crate::support::stores::{Place, visible};

fn nonce(attempt: u32) -> OwnerNonce {
    OwnerNonce::new(u128::from(attempt) << 96 | 7)
}

fn claim_of(owner: &OwnerNonce) -> Claim {
    Claim::new(owner.clone(), "2026-01-02T03:04:05Z", "settings and source")
}

/// One export of three parts, step by step.
struct Export {
    ownership: Ownership,
    uploader: Uploader,
    receipts: Vec<PartReceipt>,
}

impl Export {
    async fn begin(store: Arc<dyn PartStore>, attempt: u32) -> Result<Self> {
        Self::begin_with(store, attempt, false).await
    }

    async fn begin_with(store: Arc<dyn PartStore>, attempt: u32, takeover: bool) -> Result<Self> {
        let ownership = claim(store, &claim_of(&nonce(attempt)), takeover).await?;
        let uploader = Uploader::new(Arc::clone(ownership.store()), &UploadSettings::default(), 0);
        let mut export = Self { ownership, uploader, receipts: Vec::new() };
        export.upload().await?;
        Ok(export)
    }

    async fn upload(&mut self) -> Result<()> {
        for index in 0..3 {
            let mut object = self.uploader.begin(part_name(index, self.ownership.owner(), "csv")).await?;
            object.write(Bytes::from(format!("part {index}\n")), ()).await?;
            let receipt = PartReceipt::new(index, self.ownership.owner(), object.finish().await?);
            self.receipts.push(receipt.with_rows(0, u64::from(index), 1));
        }
        Ok(())
    }

    async fn commit(&self) -> Result<(), CommitError> {
        let manifest = Manifest::new(self.ownership.owner().clone(), Format::Csv).with_parts(&self.receipts);
        let json = manifest.to_json().unwrap().into();
        commit(&self.ownership, &self.receipts, ManifestFiles { json, sealed: None }, 16).await
    }

    /// As `export` does it.
    async fn end(self) -> Result<(), Error> {
        match self.commit().await {
            Ok(()) => {
                self.ownership.finish().await;
                Ok(())
            }
            Err(failed) => {
                match failed.cleanup() {
                    Some(visible) => self.ownership.abandon(&self.uploader, visible).await,
                    None => self.ownership.leave().await,
                }
                Err(failed.into_error())
            }
        }
    }
}

fn complete_names(attempt: u32) -> Vec<String> {
    let parts = (0..3).map(|index| part_name(index, &nonce(attempt), "csv"));
    [CLAIM, MANIFEST].map(str::to_owned).into_iter().chain(parts).collect()
}

async fn assert_complete(place: &Place, attempt: u32) {
    let store = place.open();
    assert_eq!(visible(&*store).await, complete_names(attempt), "{place:?}");
    let manifest = read_manifest(&*store).await.unwrap().expect("the manifest is there");
    assert_eq!(manifest.owner, nonce(attempt));
    assert_eq!((manifest.totals.parts, manifest.totals.rows, manifest.totals.bytes), (3, 3, 21));
}

async fn assert_nothing(place: &Place) {
    let store = place.open();
    assert_eq!(visible(&*store).await, Vec::<String>::new(), "{place:?}");
    assert!(store.list_open().await.unwrap().is_empty(), "{place:?}");
    assert_eq!(place.open_uploads(), 0, "{place:?}");
    if let Place::Local(dir) = place {
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{place:?}");
    }
}

#[tokio::test]
async fn a_commit_makes_everything_visible_and_the_manifest_last() {
    for place in Place::all().await {
        let store = FaultyParts::over(place.open(), []);
        let export = Export::begin(store.share(), 1).await.unwrap();
        assert_eq!(visible(&*place.open()).await, [CLAIM]);
        export.end().await.unwrap();
        assert_complete(&place, 1).await;
        assert_eq!(store.names(Operation::PutNew), [CLAIM, MANIFEST]);
        if let Place::Local(dir) = &place {
            assert!(!dir.path().join("out").join("snapshot").join(".staging").exists());
        }
    }
}

#[tokio::test]
async fn the_manifest_tells_nothing_of_uploads_and_readers_ignore_what_they_do_not_know() {
    let place = Place::memory();
    Export::begin(place.open(), 1).await.unwrap().end().await.unwrap();
    let store = place.open();
    let (json, _) = store.get(MANIFEST).await.unwrap().unwrap();
    let text = String::from_utf8(json.to_vec()).unwrap();
    assert!(!text.contains("tags") && !text.contains("\"open\""), "{text}");
    assert!(text.contains(r#""algorithm": "CRC64NVME""#), "{text}");

    let newer =
        text.replacen('{', r#"{"from_the_future": [1, {"x": null}],"#, 1).replace("\"1.0\"", "\"1.9\"");
    store.delete(MANIFEST).await.unwrap();
    store.put_new(MANIFEST, newer.into()).await.unwrap();
    assert_eq!(read_manifest(&*store).await.unwrap().unwrap().parts.len(), 3);

    store.delete(MANIFEST).await.unwrap();
    store.put_new(MANIFEST, text.replace("\"1.0\"", "\"2.0\"").into()).await.unwrap();
    assert_eq!(read_manifest(&*store).await.unwrap_err().kind(), ErrorKind::BadRequest);
}

#[tokio::test]
async fn no_manifest_is_no_snapshot() {
    for place in Place::all().await {
        assert_eq!(read_manifest(&*place.open()).await.unwrap(), None, "{place:?}");
    }
}

#[tokio::test]
async fn a_snapshot_that_is_complete_is_not_written_again() {
    for place in Place::all().await {
        Export::begin(place.open(), 1).await.unwrap().end().await.unwrap();
        for takeover in [false, true] {
            let error = Export::begin_with(place.open(), 2, takeover).await.err().unwrap();
            assert!(error.is_already_committed(), "{place:?} {error:?}");
        }
        place.open().delete(CLAIM).await.unwrap();
        let error = Export::begin(place.open(), 2).await.err().unwrap();
        assert!(error.is_already_committed(), "{place:?} {error:?}");
        place.open().put_new(CLAIM, Bytes::from_static(b"{}")).await.unwrap();
        let names = visible(&*place.open()).await;
        assert_eq!(names, complete_names(1), "{place:?}");
    }
}

#[tokio::test]
async fn a_living_owner_keeps_its_claim() {
    for place in Place::all().await {
        let first = Export::begin(place.open(), 1).await.unwrap();
        let error = Export::begin(place.open(), 2).await.err().unwrap();
        assert!(error.to_string().contains("another export owns"), "{place:?} {error:?}");
        first.end().await.unwrap();
        assert_complete(&place, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_claimers_at_once_one_wins() {
    for place in Place::all().await {
        let begin = |attempt| tokio::spawn(Export::begin(place.open(), attempt));
        let exports = futures::future::join_all((1..=4).map(begin)).await;
        let mut won: Vec<_> = exports.into_iter().filter_map(|export| export.unwrap().ok()).collect();
        assert_eq!(won.len(), 1, "{place:?}");
        won.pop().unwrap().end().await.unwrap();
        assert_eq!(read_manifest(&*place.open()).await.unwrap().unwrap().parts.len(), 3);
    }
}

/// Who loses takes away what it finds empty, also the directories that the winner is about to write in.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_claimers_of_a_new_directory_one_wins() {
    for _ in 0..100 {
        let place = Place::local();
        let exports = (1..=8).map(|attempt| tokio::spawn(Export::begin(place.open(), attempt)));
        let exports = futures::future::join_all(exports).await.into_iter().map(|export| export.unwrap());
        let (won, lost): (Vec<_>, Vec<_>) = exports.partition(Result::is_ok);
        let problems: Vec<_> =
            lost.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
        assert_eq!(won.len(), 1, "{problems:?}");
        assert!(problems.iter().all(|problem| problem.contains("another export owns")), "{problems:?}");
        for export in won {
            export.unwrap().end().await.unwrap();
        }
    }
}

#[tokio::test]
async fn our_own_claim_is_known_by_its_nonce() {
    let rules = || {
        [
            lose_answer(Operation::PutNew).named(CLAIM),
            conflict(Operation::PutNew).named(CLAIM),
            fail(Operation::PutNew).named(CLAIM),
        ]
    };
    for place in [0, 1, 2].map(|_| Place::memory()).into_iter().zip(rules()) {
        let (place, rule) = place;
        let store = FaultyParts::over(place.open(), [rule.clone()]);
        Export::begin(store, 1).await.unwrap_or_else(|error| panic!("{rule:?} {error}")).end().await.unwrap();
        assert_complete(&place, 1).await;
    }
}

#[tokio::test]
async fn a_claim_that_cannot_be_written_leaves_nothing() {
    for place in Place::all().await {
        for rule in [fail(Operation::PutNew).always(), deny(Operation::PutNew).always()] {
            let error = Export::begin(FaultyParts::over(place.open(), [rule]), 1).await.err().unwrap();
            assert_ne!(error.kind(), ErrorKind::BadRequest, "{error:?}");
            assert_nothing(&place).await;
        }
    }
}

#[tokio::test]
async fn a_head_that_is_denied_before_the_first_write_means_unknown() {
    for place in Place::all().await {
        let store = FaultyParts::over(place.open(), [deny(Operation::Head).named(MANIFEST)]);
        Export::begin(store, 1).await.unwrap().end().await.unwrap();
        assert_complete(&place, 1).await;
    }
}

#[tokio::test]
async fn a_dead_owner_is_taken_over_with_what_it_left() {
    for place in Place::all().await {
        let dead = Export::begin(place.open(), 1).await.unwrap();
        let (first, rest) = dead.receipts.split_first().unwrap();
        let open = first.open.as_ref().unwrap();
        dead.ownership.store().complete(&open.upload, &open.tags, first.size).await.unwrap();
        assert_eq!(rest.len(), 2);
        drop(dead);
        let takeover = !place.open().traits().locks;
        Export::begin_with(place.open(), 2, takeover).await.unwrap().end().await.unwrap();
        assert_complete(&place, 2).await;
    }
}

#[tokio::test]
async fn files_of_others_survive_a_takeover() {
    let place = Place::local();
    drop(Export::begin(place.open(), 1).await.unwrap());
    let Place::Local(dir) = &place else { panic!("it is local") };
    let foreign = ["notes.csv", "part-00000-c000.csv", "part-1-1a2b3c4d.csv"];
    for name in foreign {
        std::fs::write(dir.path().join("out").join("snapshot").join(name), "x").unwrap();
    }
    Export::begin(place.open(), 2).await.unwrap().end().await.unwrap();
    let names = visible(&*place.open()).await;
    assert!(foreign.iter().all(|name| names.iter().any(|found| found == name)), "{names:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_takeovers_at_once_one_wins() {
    for place in Place::all().await {
        drop(Export::begin(place.open(), 1).await.unwrap());
        let takeover = !place.open().traits().locks;
        let begin = |attempt| tokio::spawn(Export::begin_with(place.open(), attempt, takeover));
        let exports = futures::future::join_all((2..=5).map(begin)).await;
        let mut won: Vec<_> = exports.into_iter().filter_map(|export| export.unwrap().ok()).collect();
        // Without locks a later one may take over an earlier one: the last of them is the owner.
        let mut committed = 0;
        for export in won.drain(..) {
            committed += usize::from(export.end().await.is_ok());
        }
        assert_eq!(committed, 1, "{place:?}");
        assert_eq!(read_manifest(&*place.open()).await.unwrap().unwrap().parts.len(), 3);
    }
}

#[tokio::test]
async fn a_takeover_whose_answer_was_lost_is_known_by_its_nonce() {
    for rule in [lose_answer(Operation::ReplaceIf), conflict(Operation::ReplaceIf)] {
        let place = Place::memory();
        drop(Export::begin(place.open(), 1).await.unwrap());
        let store = FaultyParts::over(place.open(), [rule]);
        Export::begin_with(store, 2, true).await.unwrap().end().await.unwrap();
        assert_complete(&place, 2).await;
    }
}

#[tokio::test]
async fn an_owner_that_was_taken_over_commits_nothing_and_deletes_nothing_of_the_other() {
    let place = Place::memory();
    let zombie = Export::begin(place.open(), 1).await.unwrap();
    let owner = Export::begin_with(place.open(), 2, true).await.unwrap();
    let error = zombie.end().await.unwrap_err();
    assert!(error.to_string().contains("took this snapshot id over"), "{error}");
    owner.end().await.unwrap();
    assert_complete(&place, 2).await;
}

#[tokio::test]
async fn a_zombie_that_commits_during_a_takeover_stays_whole() {
    let place = Place::memory();
    let zombie = Export::begin(place.open(), 1).await.unwrap();
    // It has asked for the last time whether the claim is its own, and completed its objects.
    for receipt in &zombie.receipts {
        let open = receipt.open.as_ref().unwrap();
        place.open().complete(&open.upload, &open.tags, receipt.size).await.unwrap();
    }
    let owner = Export::begin_with(place.open(), 2, true).await.unwrap();
    let manifest = Manifest::new(nonce(1), Format::Csv).with_parts(&zombie.receipts);
    let sent = place.open().put_new(MANIFEST, manifest.to_json().unwrap().into()).await.unwrap();
    assert!(matches!(sent, PutNew::Created(_)));
    let error = owner.end().await.unwrap_err();
    assert!(error.is_already_committed(), "{error:?}");
    let names = visible(&*place.open()).await;
    assert!(complete_names(1).iter().all(|name| names.contains(name)), "{names:?}");
}

#[tokio::test]
async fn a_failure_before_the_manifest_leaves_nothing() {
    let rules = [
        fail(Operation::Complete),
        fail(Operation::Complete).nth(3),
        lose_answer(Operation::Complete).nth(2),
        fail(Operation::Get).named(CLAIM),
        fail(Operation::Get).named(CLAIM).nth(2),
    ];
    for rule in rules {
        for place in Place::all().await {
            let store = FaultyParts::over(place.open(), [rule.clone()]);
            let error = Export::begin(store.share(), 1).await.unwrap().end().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Internal, "{rule:?}");
            assert_nothing(&place).await;
            assert!(!store.names(Operation::PutNew).contains(&MANIFEST.to_owned()), "{rule:?}");
        }
    }
}

#[tokio::test]
async fn our_own_manifest_is_known_by_its_nonce() {
    for rule in [lose_answer(Operation::PutNew), conflict(Operation::PutNew), fail(Operation::PutNew)] {
        for place in Place::all().await {
            let store = FaultyParts::over(place.open(), [rule.clone().named(MANIFEST)]);
            Export::begin(store, 1).await.unwrap().end().await.unwrap();
            assert_complete(&place, 1).await;
        }
    }
}

#[tokio::test]
async fn a_manifest_that_is_certainly_not_there_leaves_nothing() {
    for place in [Place::local(), Place::memory()] {
        let store = FaultyParts::over(place.open(), [fail(Operation::PutNew).named(MANIFEST).always()]);
        Export::begin(store, 1).await.unwrap().end().await.unwrap_err();
        assert_nothing(&place).await;
    }
}

#[tokio::test]
async fn once_a_manifest_was_sent_on_its_way_nothing_is_deleted() {
    let server = S3Server::start().await;
    let place = Place::S3(server);
    let store = FaultyParts::over(place.open(), [fail(Operation::PutNew).named(MANIFEST).always()]);
    let error = Export::begin(store.share(), 1).await.unwrap().end().await.unwrap_err();
    assert!(error.is_commit_unknown(), "{error:?}");
    assert_eq!(store.count(Operation::Delete), 0);
    assert_eq!(visible(&*place.open()).await.len(), 4);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_back_is_unknown_and_nothing_is_deleted() {
    for place in Place::all().await {
        let rules =
            [lose_answer(Operation::PutNew).named(MANIFEST), deny(Operation::Get).named(MANIFEST).always()];
        let store = FaultyParts::over(place.open(), rules);
        let error = Export::begin(store.share(), 1).await.unwrap().end().await.unwrap_err();
        assert!(error.is_commit_unknown(), "{error:?}");
        assert_eq!((store.count(Operation::Delete), store.count(Operation::Abort)), (0, 0));
        assert_complete(&place, 1).await;
    }
}

#[tokio::test]
async fn a_manifest_of_another_is_a_failure_that_deletes_nothing() {
    for place in Place::all().await {
        let store = FaultyParts::over(place.open(), []);
        let export = Export::begin(store.share(), 1).await.unwrap();
        let other = Manifest::new(nonce(2), Format::Csv).to_json().unwrap();
        place.open().put_new(MANIFEST, other.into()).await.unwrap();
        let error = export.end().await.unwrap_err();
        assert!(error.is_already_committed(), "{error:?}");
        assert_eq!((store.count(Operation::Delete), store.count(Operation::Abort)), (0, 0));
    }
}

#[tokio::test]
async fn s3_conflicts_and_lost_answers_of_our_own_writes_end_well() {
    // 409 and 412 after a write of our own are what a repeated request gets.
    for status in [409, 412, 500, 503] {
        for nth in [1, 2] {
            let server = S3Server::start().await;
            server.fault(S3Call::Put, nth, Answer::DoneBut(status));
            let place = Place::S3(server);
            Export::begin(place.open(), 1).await.unwrap().end().await.unwrap();
            assert_complete(&place, 1).await;
        }
    }
}

#[tokio::test]
async fn a_claim_stays_where_something_could_not_be_deleted() {
    let place = Place::memory();
    let store =
        FaultyParts::over(place.open(), [fail(Operation::Complete).nth(3), fail(Operation::Delete).always()]);
    Export::begin(store, 1).await.unwrap().end().await.unwrap_err();
    assert!(visible(&*place.open()).await.contains(&CLAIM.to_owned()));
    Export::begin_with(place.open(), 2, true).await.unwrap().end().await.unwrap();
    assert_complete(&place, 2).await;
}

#[tokio::test]
async fn an_abort_takes_everything_away_but_what_is_not_ours() {
    for place in Place::all().await {
        let dead = Export::begin(place.open(), 1).await.unwrap();
        let open = dead.receipts[0].open.clone().unwrap();
        dead.ownership.store().complete(&open.upload, &open.tags, dead.receipts[0].size).await.unwrap();
        drop(dead);
        place.open().put_new("notes.csv", Bytes::new()).await.unwrap();
        let removed =
            abort_snapshot(place.open(), &claim_of(&nonce(9))).await.unwrap().expect("something was");
        assert_eq!(removed.objects, [part_name(0, &nonce(1), "csv")], "{place:?}");
        assert_eq!(visible(&*place.open()).await, ["notes.csv"], "{place:?}");
        let again = abort_snapshot(place.open(), &claim_of(&nonce(9))).await.unwrap();
        assert_eq!(again, None, "{place:?}");
    }
}

#[tokio::test]
async fn an_abort_refuses_what_is_complete_or_alive() {
    for place in Place::all().await {
        Export::begin(place.open(), 1).await.unwrap().end().await.unwrap();
        let error = abort_snapshot(place.open(), &claim_of(&nonce(9))).await.unwrap_err();
        assert!(error.is_already_committed(), "{place:?}");
        assert_complete(&place, 1).await;
    }
    let place = Place::local();
    let alive = Export::begin(place.open(), 1).await.unwrap();
    let error = abort_snapshot(place.open(), &claim_of(&nonce(9))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    alive.end().await.unwrap();
    assert_complete(&place, 1).await;
}

#[tokio::test]
async fn a_place_where_nothing_is_has_nothing_to_abort() {
    for place in Place::all().await {
        assert_eq!(abort_snapshot(place.open(), &claim_of(&nonce(9))).await.unwrap(), None);
        assert_nothing(&place).await;
    }
}

/// Receipts that cover these rows, cut at will.
fn cover(partitions: &[Vec<u64>]) -> (Vec<PartReceipt>, Vec<u64>) {
    let mut receipts = Vec::new();
    for (partition, sizes) in (0_u32..).zip(partitions) {
        let mut first = 0;
        for rows in sizes {
            let index = u32::try_from(receipts.len()).unwrap();
            receipts.push(receipt(index).with_rows(partition, first, *rows));
            first += rows;
        }
    }
    (receipts, partitions.iter().map(|sizes| sizes.iter().sum()).collect())
}

fn receipt(index: u32) -> PartReceipt {
    let json = serde_json::json!({
        "partition": 0, "index": index, "attempt": "00000001", "source_first_row": 0, "source_rows": 0,
        "rows": 0, "name": part_name(index, &nonce(1), "csv"), "size": 1,
        "checksum": {"algorithm": "CRC64NVME", "value": "AAAAAAAAAAA="},
    });
    serde_json::from_value(json).unwrap()
}

proptest! {
    #[test]
    fn receipts_that_cover_every_row_once_are_proof_in_any_order(
        partitions in prop::collection::vec(prop::collection::vec(0_u64..1000, 0..6), 0..4),
        at in any::<prop::sample::Index>(),
    ) {
        let (mut receipts, rows) = cover(&partitions);
        let at = at.index(receipts.len() + 1);
        receipts.rotate_left(at);
        prop_assert!(check_coverage(&receipts, &rows).is_ok());
    }

    #[test]
    fn a_gap_an_overlap_and_a_name_given_twice_are_found(
        partitions in prop::collection::vec(prop::collection::vec(1_u64..1000, 1..6), 1..4),
        at in any::<prop::sample::Index>(),
        how in 0..6,
    ) {
        let (mut receipts, mut rows) = cover(&partitions);
        let at = at.index(receipts.len());
        match how {
            0 => { receipts.remove(at); }
            1 => { let twice = receipts[at].clone(); receipts.push(twice); }
            2 => receipts[at].source_first_row += 1,
            3 => receipts[at].source_rows -= 1,
            4 => receipts[at].partition += 100,
            _ => *rows.last_mut().unwrap() += 1,
        }
        let error = check_coverage(&receipts, &rows).unwrap_err();
        prop_assert!(error.to_string().starts_with("the parts do not cover the rows exactly"), "{}", error);
    }
}

#[test]
fn two_objects_of_one_name_are_found() {
    let (mut receipts, rows) = cover(&[vec![1, 1]]);
    receipts[1].name = receipts[0].name.clone();
    assert!(check_coverage(&receipts, &rows).unwrap_err().to_string().contains("one name"));
}

#[test]
fn objects_out_of_row_order_are_found() {
    let (mut receipts, rows) = cover(&[vec![1], vec![1]]);
    (receipts[0].index, receipts[1].index) = (1, 0);
    assert!(check_coverage(&receipts, &rows).is_err());
}
