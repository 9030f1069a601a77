//! A matrix of faults of an S3 server: every export ends complete, or with nothing visible, or says that it does
//! not know and has deleted nothing.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::{StreamExt, stream};
use object_store::PutPayload;
use segment_export::manifest::{CLAIM, Claim, MANIFEST, OwnerNonce};
use segment_export::source::StreamSource;
use segment_export::upload::{PartStore, Upload, UploadPart};
use segment_export::{Error, ErrorKind, Exporter, Format, RetrySettings, Settings, Target, abort, verify};

use super::{cut, sample, small_chunks};
use crate::support::s3::{Answer, Fault, S3Call, S3Server, quick};
use crate::support::stores::visible;

/// Cases at a time; each has a server of its own.
const AT_ONCE: usize = 8;

/// Where an export meets a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Claim,
    Create,
    ThirdPart,
    Complete,
    Manifest,
    /// Of the objects, at a takeover.
    List,
    /// Of the open uploads, at a takeover.
    ListOpen,
    /// After a source that fails.
    Abort,
}

const STEPS: [Step; 8] = [
    Step::Claim,
    Step::Create,
    Step::ThirdPart,
    Step::Complete,
    Step::Manifest,
    Step::List,
    Step::ListOpen,
    Step::Abort,
];

const ANSWERS: [Answer; 13] = [
    Answer::Status(500),
    Answer::Status(503),
    Answer::Status(403),
    Answer::Status(404),
    Answer::DoneBut(500),
    Answer::DoneBut(404),
    Answer::Hang,
    Answer::Reset,
    Answer::DoneButReset,
    Answer::Stalled,
    Answer::Cut,
    Answer::Drip,
    Answer::OtherTag,
];

#[derive(Clone, Copy)]
struct Case {
    step: Step,
    answer: Answer,
    times: usize,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = if self.times == usize::MAX { "for ever".to_owned() } else { format!("{}x", self.times) };
        write!(f, "{:?} at {:?} {times}", self.answer, self.step)
    }
}

impl Case {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for step in STEPS {
            for answer in ANSWERS {
                all.extend([1, 3, usize::MAX].map(|times| Self { step, answer, times }));
            }
        }
        all
    }

    fn fault(self) -> Fault {
        let every = |call| Fault::every(call, self.answer).times(self.times);
        match self.step {
            Step::Claim => every(S3Call::Put).named(CLAIM),
            Step::Create => every(S3Call::Create),
            Step::ThirdPart => every(S3Call::PutPart).from(3),
            Step::Complete => every(S3Call::Complete),
            Step::Manifest => every(S3Call::Put).named(MANIFEST),
            Step::List => every(S3Call::List),
            Step::ListOpen => every(S3Call::ListOpen),
            Step::Abort => every(S3Call::Abort),
        }
    }

    fn is_takeover(self) -> bool {
        matches!(self.step, Step::List | Step::ListOpen)
    }

    /// Whether a fault that passes must not be felt: it comes once, and another attempt ends well.
    fn must_pass(self) -> bool {
        use Answer as A;
        let passes = matches!(
            self.answer,
            A::Status(500 | 503)
                | A::DoneBut(500)
                | A::Hang
                | A::Reset
                | A::DoneButReset
                | A::Stalled
                | A::Cut
                | A::Drip
        );
        self.times == 1 && passes && self.step != Step::Abort
    }

    /// Whether the fault is in the way of cleaning up too.
    fn hinders_cleanup(self) -> bool {
        self.step == Step::Abort || self.is_takeover()
    }
}

/// How an export ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Complete,
    Nothing,
    Unknown,
}

fn retry() -> RetrySettings {
    let mut retry = quick();
    retry.timeout_ms = 400;
    retry
}

fn settings() -> Settings {
    let mut settings = small_chunks();
    settings.part_rows = Some(700);
    settings.retry = retry();
    settings
}

fn store(server: &S3Server) -> Arc<dyn PartStore> {
    Arc::new(server.parts("out/snapshot").with_retry(retry()))
}

/// To see what is left: a server that is slow under the load of all cases is no fault.
fn patient(server: &S3Server) -> Arc<dyn PartStore> {
    Arc::new(server.parts("out/snapshot"))
}

async fn export(server: &S3Server, rows: &RecordBatch, fails: bool, takeover: bool) -> Result<(), Error> {
    let mut batches: Vec<_> = cut(rows, 100).into_iter().map(Ok).collect();
    if fails {
        batches.push(Err(std::io::Error::other("the source went away")));
    }
    let source = StreamSource::new(rows.schema(), stream::iter(batches));
    let export = Exporter::builder(source, Target::parts(store(server)))
        .with_format(Format::Csv)
        .with_takeover(takeover)
        .with_settings(settings());
    export.build().unwrap().run().await.map(drop)
}

/// What a process leaves that was killed in its commit: a claim, a data object, an open upload.
async fn leave_a_dead_attempt(server: &S3Server) {
    let owner = OwnerNonce::new(7 << 96);
    let store = patient(server);
    let claim = serde_json::to_vec(&Claim::new(owner.clone(), "2024-02-29T01:02:03Z", "other")).unwrap();
    store.put_new(CLAIM, Bytes::from(claim)).await.unwrap();
    for index in 0..2 {
        let name = format!("part-{index:05}-{}.csv", owner.attempt());
        let upload = Upload::new(name.clone(), store.create(&name).await.unwrap());
        let tag = store.put_part(&upload, UploadPart::new(0, 0), PutPayload::from_static(b"dead")).await;
        if index == 0 {
            store.complete(&upload, &[tag.unwrap()], 4).await.unwrap();
        }
    }
}

fn data_objects(names: &[String]) -> Vec<&String> {
    names.iter().filter(|name| name.starts_with("part-")).collect()
}

async fn run(case: Case, rows: Arc<RecordBatch>) -> End {
    let server = S3Server::start().await;
    if case.is_takeover() {
        leave_a_dead_attempt(&server).await;
    }
    let (deleted, aborted) = (server.count(S3Call::Delete), server.count(S3Call::Abort));
    server.add(case.fault());
    let end = export(&server, &rows, case.step == Step::Abort, case.is_takeover()).await;
    let (deleted, aborted) = (server.count(S3Call::Delete) - deleted, server.count(S3Call::Abort) - aborted);
    server.mend();
    match end {
        Ok(()) => {
            assert_complete(&server, case).await;
            return End::Complete;
        }
        Err(error) if error.is_commit_unknown() => {
            assert_eq!((deleted, aborted), (0, 0), "{case:?}");
            return End::Unknown;
        }
        Err(error) => {
            assert!(!case.must_pass(), "{case:?}: {error:?}");
            assert_kind(case, &error);
        }
    }
    assert_nothing(&server, case).await;
    export(&server, &rows, false, true).await.unwrap_or_else(|error| panic!("again after {case:?}: {error}"));
    assert_complete(&server, case).await;
    End::Nothing
}

async fn assert_complete(server: &S3Server, case: Case) {
    let report = verify(patient(server)).await.unwrap();
    assert!(report.is_intact() && report.rows() == 2_000, "{case:?}: {report:?}");
    let names = visible(&*patient(server)).await;
    // A list that fails for ever hides what a dead attempt left; its manifest does not name it.
    assert!(data_objects(&names).len() == 3 || case.is_takeover(), "{case:?}: {names:?}");
    // Who may not list uploads cannot abort those of others.
    let is_hidden = case.step == Step::ListOpen;
    assert!(server.open_uploads() == 0 || is_hidden, "{case:?}: an upload is open");
}

fn assert_kind(case: Case, error: &Error) {
    let own = case.step == Step::Abort;
    let kinds: &[ErrorKind] = match case.answer {
        // The source's own error is the one to tell.
        _ if own => &[ErrorKind::Internal],
        Answer::Status(403) => &[ErrorKind::AccessDenied],
        Answer::Status(404) | Answer::DoneBut(404) => &[ErrorKind::ResourceNotFound],
        Answer::Status(503) => &[ErrorKind::Throttling, ErrorKind::Internal],
        _ => &[ErrorKind::Internal],
    };
    assert!(kinds.contains(&error.kind()), "{case:?}: {:?} {error:?}", error.kind());
}

async fn assert_nothing(server: &S3Server, case: Case) {
    let names = visible(&*patient(server)).await;
    if case.hinders_cleanup() {
        abort(patient(server)).await.unwrap();
    } else {
        assert!(data_objects(&names).is_empty(), "{case:?}: {names:?}");
        assert_eq!(server.open_uploads(), 0, "{case:?}: an upload is open");
        return;
    }
    assert!(visible(&*patient(server)).await.is_empty(), "{case:?}");
    assert_eq!(server.open_uploads(), 0, "{case:?}: an upload is open after an abort");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_a_server_ends_in_one_of_three_ways() {
    let rows = Arc::new(sample("profiles.parquet"));
    let cases = Case::all();
    let count = cases.len();
    let runs = stream::iter(cases).map(|case| tokio::spawn(run(case, Arc::clone(&rows))));
    let ends: Vec<End> = runs.buffer_unordered(AT_ONCE).map(Result::unwrap).collect().await;
    let of = |end: End| ends.iter().filter(|found| **found == end).count();
    let (complete, nothing, unknown) = (of(End::Complete), of(End::Nothing), of(End::Unknown));
    assert_eq!(ends.len(), count);
    assert!(complete > count / 3 && nothing > count / 5, "{complete} complete, {nothing} with nothing");
    println!("{count} cases: {complete} complete, {nothing} with nothing visible, {unknown} unknown");
}

/// `docs/guarantees.md` tells how many requests an export makes.
#[tokio::test]
async fn an_export_makes_no_more_requests_than_it_needs() {
    let server = S3Server::start().await;
    export(&server, &sample("profiles.parquet"), false, false).await.unwrap();
    let of = |call| server.count(call);
    let (objects, per_object) = (3, [S3Call::Create, S3Call::PutPart, S3Call::Complete]);
    assert_eq!(per_object.map(of), [objects; 3]);
    assert_eq!(of(S3Call::Put), 2, "the claim and the manifest");
    assert_eq!(of(S3Call::Head), 1, "whether the snapshot is complete already");
    assert_eq!(
        of(S3Call::Get),
        2,
        "whether the claim is still ours, before the objects and before the manifest"
    );
    let others = [S3Call::List, S3Call::ListOpen, S3Call::Abort, S3Call::Delete, S3Call::Other];
    assert_eq!(others.map(of), [0; 5]);
}
