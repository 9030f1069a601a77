//! Processes that share a snapshot id on an S3 server: killed, paused, taken over, refused.
//!
//! `SEGMENT_EXPORT_KILLS` says how many exports of each format are killed; default 10.

use std::collections::BTreeMap;
use std::process::Stdio;

use bytes::Bytes;
use segment_export::upload::PartStore;
use tokio::process::{Child, Command};

use crate::support::s3::{Answer, Fault, S3Call, S3Server, SECRET_KEY};
use crate::support::stores::visible;

const ID: &str = "fedcba9876543210fedcba9876543210";
const FORMATS: [&str; 3] = ["csv", "jsonl", "orc"];

#[expect(clippy::disallowed_methods, reason = "it is the test's own setting")]
fn kills() -> u64 {
    std::env::var("SEGMENT_EXPORT_KILLS").map_or(10, |kills| kills.parse().unwrap())
}

/// The program with the server's options and these arguments.
fn program(server: &S3Server, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segment-export"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.envs(server.options().map(|(key, value)| (key.to_ascii_uppercase(), value)));
    command
}

fn export(server: &S3Server, format: &str, more: &[&str]) -> Child {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/profiles.parquet");
    let usual = ["export", "--source", source, "--destination", "s3://bucket/out", "--snapshot-id", ID];
    let sizes = ["--format", format, "--part-rows", "300", "--threads", "2", "--progress", "never"];
    program(server, &[&usual[..], &sizes, more].concat()).spawn().unwrap()
}

fn store(server: &S3Server) -> impl PartStore {
    server.parts(&format!("out/{ID}"))
}

/// The data objects without the mark of their attempt.
async fn objects(server: &S3Server) -> BTreeMap<String, Bytes> {
    let store = store(server);
    let mut found = BTreeMap::new();
    for name in visible(&store).await.into_iter().filter(|name| name.starts_with("part-")) {
        let bytes = store.get(&name).await.unwrap().unwrap().0;
        found.insert(name["part-".len()..][..5].to_owned(), bytes);
    }
    found
}

/// What an export writes, and how many bytes its upload parts have.
async fn reference(format: &str) -> (BTreeMap<String, Bytes>, u64) {
    let server = S3Server::start().await;
    succeeds(export(&server, format, &[])).await;
    (objects(&server).await, server.received())
}

async fn succeeds(child: Child) {
    let done = child.wait_with_output().await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

async fn fails_with(child: Child, text: &str) {
    let done = child.wait_with_output().await.unwrap();
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(!done.status.success() && error.contains(text), "{error}");
}

/// Kills an export when the server has so many bytes of its parts.
async fn kill_at(server: &S3Server, format: &str, bytes: u64) {
    server.hold_part_at(bytes);
    let mut child = export(server, format, &[]);
    server.part_held().await;
    child.kill().await.unwrap();
    server.let_go();
    server.idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_export_shows_nothing_and_is_aborted_or_done_again_with_the_same_bytes() {
    for format in FORMATS {
        let (expected, bytes) = reference(format).await;
        assert_eq!(expected.len(), 7, "{format}");
        for kill in 0..kills() {
            let server = S3Server::start().await;
            // A fixed sequence over all bytes: the commit begins after the last one.
            let at = bytes * (2 * kill + 1) / (2 * kills());
            kill_at(&server, format, at).await;
            assert!(objects(&server).await.is_empty(), "{format} at byte {at}");
            assert!(server.open_uploads() > 0, "{format} at byte {at}");
            if kill % 2 == 0 {
                let uri = format!("s3://bucket/out/{ID}");
                succeeds(program(&server, &["abort", &uri]).spawn().unwrap()).await;
                assert!(visible(&store(&server)).await.is_empty(), "{format} at byte {at}");
                assert_eq!(server.open_uploads(), 0, "{format} at byte {at}");
                succeeds(export(&server, format, &[])).await;
            } else {
                fails_with(export(&server, format, &[]), "another export owns").await;
                succeeds(export(&server, format, &["--takeover"])).await;
            }
            assert_eq!(objects(&server).await, expected, "{format} at byte {at}");
            assert_eq!(server.open_uploads(), 0, "{format} at byte {at}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abort_that_may_not_see_open_uploads_says_so() {
    let server = S3Server::start().await;
    kill_at(&server, "csv", 1_000).await;
    server.add(Fault::every(S3Call::ListOpen, Answer::Status(403)));
    let uri = format!("s3://bucket/out/{ID}");
    let done = program(&server, &["abort", &uri]).spawn().unwrap().wait_with_output().await.unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && told.contains("does not list open uploads"), "{told}");
    assert!(!told.contains("X-Amz-Signature") && !told.contains(SECRET_KEY), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_is_killed_in_its_commit_shows_whole_parts_only_until_it_is_aborted() {
    let (expected, _) = reference("csv").await;
    let server = S3Server::start().await;
    server.fault(S3Call::Complete, 4, Answer::Hang);
    let mut child = export(&server, "csv", &[]);
    while server.count(S3Call::Complete) < 7 || objects(&server).await.len() < 6 {
        tokio::task::yield_now().await;
    }
    child.kill().await.unwrap();
    let left = objects(&server).await;
    assert!(left.iter().all(|(name, bytes)| expected[name] == *bytes), "a cut part is visible");
    let uri = format!("s3://bucket/out/{ID}");
    fails_with(program(&server, &["verify", &uri]).spawn().unwrap(), "no snapshot is at this place").await;
    succeeds(program(&server, &["abort", &uri]).spawn().unwrap()).await;
    assert!(visible(&store(&server)).await.is_empty());
    assert_eq!(server.open_uploads(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_processes_one_wins_and_the_other_changes_nothing() {
    let (expected, bytes) = reference("csv").await;
    let server = S3Server::start().await;
    server.hold_part_at(bytes / 2);
    let first = export(&server, "csv", &[]);
    server.part_held().await;
    let (deleted, aborted) = (server.count(S3Call::Delete), server.count(S3Call::Abort));
    fails_with(export(&server, "csv", &[]), "another export owns").await;
    assert_eq!((server.count(S3Call::Delete), server.count(S3Call::Abort)), (deleted, aborted));
    server.let_go();
    succeeds(first).await;
    assert_eq!(objects(&server).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_owner_that_wakes_after_a_takeover_changes_no_byte() {
    let (expected, bytes) = reference("csv").await;
    for share in [1, 3] {
        let server = S3Server::start().await;
        server.hold_part_at(bytes * share / 4);
        let paused = export(&server, "csv", &[]);
        server.part_held().await;
        succeeds(export(&server, "csv", &["--takeover"])).await;
        let before = all_bytes(&server).await;
        server.let_go();
        let done = paused.wait_with_output().await.unwrap();
        assert!(!done.status.success(), "the paused export believes that it is complete");
        assert_eq!(all_bytes(&server).await, before);
        assert_eq!(objects(&server).await, expected);
        assert_eq!(server.open_uploads(), 0);
    }
}

/// Every visible object, claim and manifest too.
async fn all_bytes(server: &S3Server) -> BTreeMap<String, Bytes> {
    let store = store(server);
    let mut found = BTreeMap::new();
    for name in visible(&store).await {
        let bytes = store.get(&name).await.unwrap().unwrap().0;
        found.insert(name, bytes);
    }
    found
}
