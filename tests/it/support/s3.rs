//! An S3 server in the process, on a directory of its own, with answers that go wrong on purpose.
//!
//! ```ignore
//! let server = S3Server::start().await;
//! server.fault(S3Call::PutPart, 2, Answer::Status(503));   // the second one from now on
//! let parts = server.parts("exports/0123");
//! ```

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hyper::body::Incoming;
use hyper::http::{Method, Request, Response, StatusCode};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use s3s::Body;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use segment_export::RetrySettings;
use segment_export::upload::ObjectParts;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

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
    Delete,
    Other,
}

/// How a request goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing is done, and this is answered.
    Status(u16),
    /// It is done, and this is answered all the same.
    DoneBut(u16),
    /// Nothing is done, and nothing is answered.
    Hang,
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
    faults: Mutex<Vec<(S3Call, usize, Answer)>>,
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
        self.state.faults.lock().unwrap().push((call, nth, answer));
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
        ObjectParts::new(object, multipart, Path::from(prefix)).with_retry(quick())
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

async fn serve(listener: TcpListener, service: S3Service, state: Arc<State>) {
    loop {
        let Ok((socket, _)) = listener.accept().await else { return };
        let (service, state) = (service.clone(), Arc::clone(&state));
        let handler = service_fn(move |request| answer(service.clone(), Arc::clone(&state), request));
        tokio::spawn(async move {
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            // A client that goes away is none of our business.
            drop(server.serve_connection(TokioIo::new(socket), handler).await);
        });
    }
}

async fn answer(
    service: S3Service,
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let call = call_of(&request);
    if matches!(call, S3Call::Create | S3Call::Put) {
        let header = |name: &str| Some(request.headers().get(name)?.to_str().unwrap().to_owned());
        let names = ["", "-aws-kms-key-id", "-bucket-key-enabled"];
        let found = names.map(|name| header(&format!("x-amz-server-side-encryption{name}")));
        state.encryptions.lock().unwrap().push(found);
    }
    let session = request.headers().get("x-amz-security-token");
    let session = session.map(|token| token.to_str().unwrap().to_owned());
    state.requests.lock().unwrap().push((request.uri().path().to_owned(), session));
    let fault = state.note(call);
    match fault {
        Some(Answer::Status(status)) => return Ok(plain(status)),
        Some(Answer::Hang) => return pending().await,
        Some(Answer::DoneBut(_)) | None => {}
    }
    // The file system behind the server would make the bucket.
    let bucket = request.uri().path().split('/').nth(1).unwrap_or_default();
    if !state.root.path().join(bucket).is_dir() {
        let mut missing = plain(404);
        *missing.body_mut() = Body::from("<Error><Code>NoSuchBucket</Code></Error>".to_owned());
        return Ok(missing);
    }
    let is_conditional =
        request.headers().contains_key("if-match") || request.headers().contains_key("if-none-match");
    let one_at_a_time = if is_conditional { Some(state.conditional.lock().await) } else { None };
    let answer = service.call(request.map(Body::from)).await;
    drop(one_at_a_time);
    Ok(match (fault, answer) {
        (Some(Answer::DoneBut(status)), _) => plain(status),
        (_, Ok(answer)) => answer,
        (_, Err(_)) => plain(500),
    })
}

impl State {
    fn note(&self, call: S3Call) -> Option<Answer> {
        self.calls.lock().unwrap().push(call);
        let mut faults = self.faults.lock().unwrap();
        let mut answer = None;
        faults.retain_mut(|(wanted, nth, fault)| {
            if *wanted != call || answer.is_some() {
                return true;
            }
            match nth {
                0 => answer = Some(*fault),
                1 => {
                    answer = Some(*fault);
                    return false;
                }
                _ => *nth -= 1,
            }
            true
        });
        answer
    }
}

fn plain(status: u16) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn call_of<B>(request: &Request<B>) -> S3Call {
    let query = request.uri().query().unwrap_or("");
    let has = |key: &str| query.split('&').any(|pair| pair.split('=').next() == Some(key));
    match *request.method() {
        Method::POST if has("uploads") => S3Call::Create,
        Method::POST if has("uploadId") => S3Call::Complete,
        Method::POST if has("delete") => S3Call::Delete,
        Method::PUT if has("uploadId") => S3Call::PutPart,
        Method::PUT => S3Call::Put,
        Method::DELETE if has("uploadId") => S3Call::Abort,
        Method::DELETE => S3Call::Delete,
        Method::GET if has("list-type") => S3Call::List,
        Method::GET => S3Call::Get,
        Method::HEAD => S3Call::Head,
        _ => S3Call::Other,
    }
}
