//! A server in the process that speaks what an export needs of Google's XML API, as the client sends it.
//!
//! It is strict: every request must carry the token unless the bucket is public, parts must be of the
//! smallest size but the last, a list of parts must ascend and have the tags that were answered, and
//! generations are compared in one step.

mod answer;
mod bucket;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::TryStreamExt;
use hyper::body::Incoming;
use hyper::http::{HeaderMap, Method, Request, Response};
use hyper::service::service_fn;
use object_store::gcp::{GcpCredential, GoogleCloudStorage, GoogleCloudStorageBuilder};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, RetryConfig, StaticCredentialProvider};
use s3s::Body;
use segment_export::upload::{ObjectParts, StoreTraits, token_uploads};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::answer::{Refusal, refused};
use self::bucket::Bucket;
use super::connections::serve;
use super::s3::quick;

const BUCKET: &str = "bucket";
const TOKEN: &str = "test-token";

/// A server with one bucket, which ends when it is dropped.
#[derive(Debug)]
pub(crate) struct GcsServer {
    address: SocketAddr,
    bucket: Arc<Mutex<Bucket>>,
    task: JoinHandle<()>,
}

impl GcsServer {
    /// Starts a server with an empty bucket, for those who have the token.
    pub(crate) async fn start() -> Self {
        Self::with(Bucket::default()).await
    }

    /// Starts a server with an empty bucket for everyone, also for those without a token.
    pub(crate) async fn public() -> Self {
        Self::with(Bucket::public()).await
    }

    async fn with(bucket: Bucket) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let bucket = Arc::new(Mutex::new(bucket));
        let served = Arc::clone(&bucket);
        let handler = service_fn(move |request| answer(Arc::clone(&served), request));
        let task = tokio::spawn(serve(listener, handler));
        Self { address, bucket, task }
    }

    /// How many multipart uploads are open.
    pub(crate) fn open_uploads(&self) -> usize {
        self.bucket.lock().unwrap().uploads.len()
    }

    /// The Content-Type of an object.
    pub(crate) fn content_type(&self, key: &str) -> Option<String> {
        self.bucket.lock().unwrap().objects.get(key).map(|object| object.content_type.clone())
    }

    /// The options of a client without a token, as `object_store` names them.
    pub(crate) fn options(&self) -> [(&'static str, String); 2] {
        let key = r#"{"private_key":"","private_key_id":"","client_email":"","disable_oauth":true}"#;
        [("google_base_url", self.endpoint()), ("google_service_account_key", key.to_owned())]
    }

    /// A snapshot under a prefix of the bucket.
    pub(crate) fn parts(&self, prefix: &str) -> ObjectParts {
        let (object, multipart) = (Arc::new(self.client(2, TOKEN)), Arc::new(self.client(1, TOKEN)));
        let bucket = format!("{}/{BUCKET}", self.endpoint());
        let http = ClientOptions::new().with_timeout(quick().timeout()).with_allow_http(true);
        let uploads = token_uploads(Arc::clone(object.credentials()), &bucket, &http).unwrap();
        ObjectParts::new(object, multipart, Path::from(prefix))
            .with_uploads(uploads)
            .with_traits(StoreTraits::gcs())
            .with_retry(quick())
    }

    /// A client with a token that makes a request as often as this.
    pub(crate) fn client(&self, attempts: usize, token: &str) -> GoogleCloudStorage {
        let backoff =
            BackoffConfig { init_backoff: std::time::Duration::from_millis(1), ..BackoffConfig::default() };
        GoogleCloudStorageBuilder::new()
            .with_bucket_name(BUCKET)
            .with_base_url(&self.endpoint())
            .with_client_options(ClientOptions::new().with_timeout(quick().timeout()).with_allow_http(true))
            .with_retry(RetryConfig { max_retries: attempts - 1, backoff, ..RetryConfig::default() })
            .with_credentials(Arc::new(StaticCredentialProvider::new(GcpCredential {
                bearer: token.to_owned(),
            })))
            .build()
            .unwrap()
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for GcsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    bucket: Arc<Mutex<Bucket>>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    // Half a body is no request: the client went away.
    let Ok(chunks) = Body::from(body).try_collect::<Vec<_>>().await else {
        return Ok(refused(Refusal(400, "IncompleteBody")));
    };
    let call = Call {
        is_head: head.method == Method::HEAD,
        query: pairs(head.uri.query().unwrap_or_default()),
        headers: head.headers,
        body: chunks.concat().into(),
    };
    let path = head.uri.path().trim_start_matches('/');
    let (name, key) = path.split_once('/').unwrap_or((path, ""));
    let mut bucket = bucket.lock().unwrap();
    let allowed = call.check(name, bucket.is_public);
    let outcome = allowed.and_then(|()| bucket.run(&head.method, &decoded(key), &call));
    Ok(outcome.unwrap_or_else(refused))
}

fn pairs(query: &str) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// The key in a path: the client encodes all but letters and digits.
fn decoded(path: &str) -> String {
    pairs(&format!("key={path}")).remove("key").unwrap_or_default()
}

/// A request, read to its end.
struct Call {
    is_head: bool,
    query: BTreeMap<String, String>,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    fn check(&self, bucket: &str, is_public: bool) -> Result<(), Refusal> {
        let given = self.header("authorization").and_then(|given| given.strip_prefix("Bearer "));
        match given {
            _ if is_public => {}
            None => return Err(Refusal(401, "AuthenticationRequired")),
            Some(token) if token != TOKEN => return Err(Refusal(403, "AccessDenied")),
            Some(_) => {}
        }
        if bucket == BUCKET { Ok(()) } else { Err(Refusal(404, "NoSuchBucket")) }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn content_type(&self) -> String {
        self.header("content-type").unwrap_or("application/octet-stream").to_owned()
    }

    /// Clients must say how long a body is, also when there is none.
    fn check_length(&self) -> Result<(), Refusal> {
        let length = self.header("content-length").ok_or(Refusal(411, "MissingContentLength"))?;
        if length == self.body.len().to_string() { Ok(()) } else { Err(Refusal(400, "IncompleteBody")) }
    }
}
