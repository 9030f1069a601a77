//! An S3 server in the process, on a directory of its own, with answers that go wrong on purpose.
//!
//! ```ignore
//! let server = S3Server::start().await;
//! server.fault(S3Call::PutPart, 2, Answer::Status(503));   // the second one from now on
//! let parts = server.parts("exports/0123");
//! ```

mod fault;
mod gate;
mod serve;
mod uploads;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hyper::http::HeaderMap;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use segment_export::RetrySettings;
use segment_export::upload::{ObjectParts, signed_uploads};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) use self::fault::{Answer, Fault};
use self::gate::Gate;
use self::serve::serve;
use self::uploads::Uploads;

pub(crate) const BUCKET: &str = "bucket";
pub(crate) const ACCESS_KEY: &str = "test-access-key";
pub(crate) const SECRET_KEY: &str = "test-secret-key";
/// The access key of a role. Its sessions share it, since the server takes parts of an upload from one key only.
pub(crate) const ROLE_KEY: &str = "test-role-key";

/// The requests of S3 that an export makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum S3Call {
    Create,
    PutPart,
    Complete,
    Abort,
    Put,
    Get,
    Head,
    List,
    ListOpen,
    Delete,
    Other,
}

/// The headers of a request about encryption by the store: algorithm, key, bucket key.
pub(crate) type Encryption = [Option<String>; 3];

/// A server that ends when it is dropped.
#[derive(Debug)]
pub(crate) struct S3Server {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    root: tempfile::TempDir,
    faults: Mutex<Vec<Fault>>,
    uploads: Uploads,
    gate: Arc<Gate>,
    headers: Mutex<Vec<(S3Call, HeaderMap)>>,
    /// Requests that are being answered.
    pending: watch::Sender<usize>,
    calls: Mutex<Vec<S3Call>>,
    /// What the requests that make an object said of its encryption.
    encryptions: Mutex<Vec<Encryption>>,
    /// The paths of requests, and as which session they are made.
    requests: Mutex<Vec<(String, Option<String>)>>,
    /// The file system behind the server compares and writes in two steps.
    conditional: tokio::sync::Mutex<()>,
}

impl S3Server {
    /// Starts a server with one empty bucket.
    pub(crate) async fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root.path()).unwrap());
        let mut auth = SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY);
        auth.register(ROLE_KEY.to_owned(), SECRET_KEY.into());
        builder.set_auth(auth);
        let service = builder.build();
        let state = Arc::new(State {
            root,
            faults: Mutex::default(),
            uploads: Uploads::default(),
            gate: Arc::default(),
            headers: Mutex::default(),
            pending: watch::Sender::new(0),
            calls: Mutex::default(),
            encryptions: Mutex::default(),
            requests: Mutex::default(),
            conditional: tokio::sync::Mutex::default(),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(serve(listener, service, Arc::clone(&state)));
        Self { address, state, task }
    }

    /// Where it listens, as a client wants it.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on the `nth` call of this kind, counted from 1, goes wrong; 0: every one.
    pub(crate) fn fault(&self, call: S3Call, nth: usize, answer: Answer) {
        let every = Fault::every(call, answer);
        self.add(if nth == 0 { every } else { every.from(nth).times(1) });
    }

    /// From now on these calls go wrong; of several faults the first counts.
    pub(crate) fn add(&self, fault: Fault) {
        self.state.faults.lock().unwrap().push(fault);
    }

    /// From now on all goes well.
    pub(crate) fn mend(&self) {
        self.state.faults.lock().unwrap().clear();
    }

    /// How many calls of this kind came.
    pub(crate) fn count(&self, call: S3Call) -> usize {
        self.state.calls.lock().unwrap().iter().filter(|made| **made == call).count()
    }

    /// What each request that makes an object, single or multipart, said of its encryption.
    pub(crate) fn encryptions(&self) -> Vec<(S3Call, Encryption)> {
        let calls = self.state.calls.lock().unwrap().clone().into_iter();
        let makes = calls.filter(|call| matches!(call, S3Call::Create | S3Call::Put));
        makes.zip(self.state.encryptions.lock().unwrap().clone()).collect()
    }

    /// The path of each request, and the token of the session of a role as which it was made.
    #[cfg(feature = "kms")]
    pub(crate) fn requests(&self) -> Vec<(String, Option<String>)> {
        self.state.requests.lock().unwrap().clone()
    }

    /// The headers of all requests so far.
    pub(crate) fn headers(&self) -> Vec<(S3Call, HeaderMap)> {
        self.state.headers.lock().unwrap().clone()
    }

    /// How many multipart uploads are open.
    pub(crate) fn open_uploads(&self) -> usize {
        let names =
            std::fs::read_dir(self.state.root.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_str().is_some_and(|name| name.starts_with(".upload-"))).count()
    }

    /// The options of a client, as `object_store` names them.
    pub(crate) fn options(&self) -> [(&'static str, String); 5] {
        [
            ("aws_endpoint", self.endpoint()),
            ("aws_allow_http", "true".to_owned()),
            ("aws_region", "us-east-1".to_owned()),
            ("aws_access_key_id", ACCESS_KEY.to_owned()),
            ("aws_secret_access_key", SECRET_KEY.to_owned()),
        ]
    }

    /// A client that makes a request as often as this.
    pub(crate) fn client(&self, bucket: &str, attempts: usize) -> AmazonS3 {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_client_options(ClientOptions::new().with_timeout(quick().timeout()).with_allow_http(true))
            .with_retry(RetryConfig {
                max_retries: attempts - 1,
                backoff: BackoffConfig {
                    init_backoff: std::time::Duration::from_millis(1),
                    ..BackoffConfig::default()
                },
                ..RetryConfig::default()
            });
        for (key, value) in self.options() {
            builder = builder.with_config(key.parse().unwrap(), value);
        }
        builder.build().unwrap()
    }

    /// A snapshot under a prefix of the bucket.
    pub(crate) fn parts(&self, prefix: &str) -> ObjectParts {
        self.parts_in(BUCKET, prefix)
    }

    /// A snapshot under a prefix of any bucket.
    pub(crate) fn parts_in(&self, bucket: &str, prefix: &str) -> ObjectParts {
        let object = Arc::new(self.client(bucket, 2));
        let multipart = Arc::new(self.client(bucket, 1));
        let http = ClientOptions::new().with_timeout(quick().timeout()).with_allow_http(true);
        let uploads = signed_uploads(Arc::<AmazonS3>::clone(&object), &http).unwrap();
        ObjectParts::new(object, multipart, Path::from(prefix)).with_uploads(uploads).with_retry(quick())
    }
}

#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only tests of the program hold parts"))]
impl S3Server {
    /// Holds the upload part that brings the byte after so many more, and no other.
    pub(crate) fn hold_part_at(&self, bytes: u64) {
        self.state.gate.set(bytes);
    }

    /// Waits until an upload part is held.
    pub(crate) async fn part_held(&self) {
        self.state.gate.held().await;
    }

    /// Lets the upload part go that is held.
    pub(crate) fn let_go(&self) {
        self.state.gate.open();
    }

    /// Waits until no request is being answered: one of a client that is gone may still take effect.
    pub(crate) async fn idle(&self) {
        self.state.pending.subscribe().wait_for(|pending| *pending == 0).await.unwrap();
    }

    /// Bytes of upload parts that came so far.
    pub(crate) fn received(&self) -> u64 {
        self.state.gate.received()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Retries that do not make a test wait.
pub(crate) fn quick() -> RetrySettings {
    let mut retry = RetrySettings::default();
    (retry.attempts, retry.backoff_ms, retry.timeout_ms) = (3, 1, 5_000);
    retry
}

impl State {
    fn note(&self, call: S3Call, key: &str) -> Option<Answer> {
        self.calls.lock().unwrap().push(call);
        let mut faults = self.faults.lock().unwrap();
        let due = faults.iter_mut().find_map(|fault| fault.due(call, key));
        faults.retain(|fault| fault.times > 0);
        due
    }
}
