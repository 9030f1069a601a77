//! A server in the process that speaks what an export needs of Google's XML API, as the client sends it.
//!
//! It is strict: every request must carry the token unless the bucket is public, parts must be of the
//! smallest size but the last, a list of parts must ascend and have the tags that were answered, and
//! generations are compared in one step.

mod answer;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::TryStreamExt;
use hyper::body::Incoming;
use hyper::http::{HeaderMap, Method, Request, Response};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use object_store::gcp::{GcpCredential, GoogleCloudStorage, GoogleCloudStorageBuilder};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, RetryConfig, StaticCredentialProvider};
use s3s::Body;
use segment_export::upload::{ObjectParts, StoreTraits, token_uploads};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::s3::quick;
use answer::{Refusal, created, listed, listed_uploads, object, refused, xml};

const BUCKET: &str = "bucket";
const TOKEN: &str = "test-token";

/// Bytes of an upload part at least, unless it is the last.
const MIN_PART_BYTES: usize = 5 << 20;
const MAX_PARTS: u32 = 10_000;

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
        Self::with(Bucket { is_public: true, ..Bucket::default() }).await
    }

    async fn with(bucket: Bucket) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let bucket = Arc::new(Mutex::new(bucket));
        let task = tokio::spawn(serve(listener, Arc::clone(&bucket)));
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

async fn serve(listener: TcpListener, bucket: Arc<Mutex<Bucket>>) {
    loop {
        let Ok((socket, _)) = listener.accept().await else { return };
        let bucket = Arc::clone(&bucket);
        let handler = service_fn(move |request| answer(Arc::clone(&bucket), request));
        tokio::spawn(async move {
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            // A client that goes away is none of our business.
            drop(server.serve_connection(TokioIo::new(socket), handler).await);
        });
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

#[derive(Clone, Debug)]
struct Object {
    bytes: Bytes,
    generation: u64,
    content_type: String,
}

#[derive(Debug)]
struct Upload {
    key: String,
    content_type: String,
    /// The tag and the bytes of each part.
    parts: BTreeMap<u32, (String, Bytes)>,
}

#[derive(Debug, Default)]
struct Bucket {
    is_public: bool,
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, Upload>,
    /// What generations, uploads and tags are numbered by.
    last: u64,
}

impl Bucket {
    fn run(&mut self, method: &Method, key: &str, call: &Call) -> Result<Response<Body>, Refusal> {
        let upload = call.query.get("uploadId").map(String::as_str);
        match (method, upload) {
            (&Method::GET, None) if key.is_empty() && call.query.contains_key("uploads") => {
                Ok(listed_uploads(&self.uploads, &call.query))
            }
            (&Method::GET, None) if key.is_empty() => Ok(listed(&self.objects, &call.query)),
            (&Method::GET | &Method::HEAD, None) => self.get(key, call),
            (&Method::PUT, None) => self.put(key, call),
            (&Method::PUT, Some(upload)) => self.put_part(key, upload, call),
            (&Method::POST, None) if call.query.contains_key("uploads") => self.initiate(key, call),
            (&Method::POST, Some(upload)) => self.complete(key, upload, call),
            (&Method::DELETE, Some(upload)) => self.abort(key, upload),
            (&Method::DELETE, None) => {
                self.objects.remove(key).map(|_| xml(204, String::new())).ok_or(Refusal(404, "NoSuchKey"))
            }
            _ => Err(Refusal(400, "InvalidArgument")),
        }
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn get(&self, key: &str, call: &Call) -> Result<Response<Body>, Refusal> {
        let found = self.objects.get(key).ok_or(Refusal(404, "NoSuchKey"))?;
        let wanted = call.query.get("generation");
        if wanted.is_some_and(|wanted| *wanted != found.generation.to_string()) {
            return Err(Refusal(404, "NoSuchKey"));
        }
        object(found, call.is_head, call.header("range"), call.header("if-match"))
    }

    /// 0 is the generation of what does not exist.
    fn put(&mut self, key: &str, call: &Call) -> Result<Response<Body>, Refusal> {
        call.check_length()?;
        if let Some(expected) = call.header("x-goog-if-generation-match") {
            let expected: u64 = expected.parse().map_err(|_wrong| Refusal(400, "InvalidArgument"))?;
            if self.objects.get(key).map_or(0, |object| object.generation) != expected {
                return Err(Refusal(412, "PreconditionFailed"));
            }
        }
        Ok(self.store(key, call.body.clone(), call.content_type(), String::new()))
    }

    fn store(&mut self, key: &str, bytes: Bytes, content_type: String, answer: String) -> Response<Body> {
        let generation = self.next();
        let stored = Object { bytes, generation, content_type };
        let response = created(&stored, answer);
        self.objects.insert(key.to_owned(), stored);
        response
    }

    fn initiate(&mut self, key: &str, call: &Call) -> Result<Response<Body>, Refusal> {
        call.check_length()?;
        let id = format!("upload/{}+=", self.next());
        let upload =
            Upload { key: key.to_owned(), content_type: call.content_type(), parts: BTreeMap::new() };
        self.uploads.insert(id.clone(), upload);
        let answer = format!(
            "<InitiateMultipartUploadResult><Bucket>{BUCKET}</Bucket><UploadId>{id}</UploadId>\
             </InitiateMultipartUploadResult>"
        );
        Ok(xml(200, answer))
    }

    fn upload(&mut self, key: &str, id: &str) -> Result<&mut Upload, Refusal> {
        self.uploads.get_mut(id).filter(|upload| upload.key == key).ok_or(Refusal(404, "NoSuchUpload"))
    }

    fn put_part(&mut self, key: &str, id: &str, call: &Call) -> Result<Response<Body>, Refusal> {
        call.check_length()?;
        if call.headers.keys().any(|name| name.as_str().starts_with("x-goog-if-")) {
            return Err(Refusal(400, "InvalidArgument"));
        }
        let number = call.query.get("partNumber").and_then(|number| number.parse::<u32>().ok());
        let number = number.filter(|number| (1..=MAX_PARTS).contains(number));
        let number = number.ok_or(Refusal(400, "InvalidArgument"))?;
        let tag = format!("\"part-{}\"", self.next());
        self.upload(key, id)?.parts.insert(number, (tag.clone(), call.body.clone()));
        let mut answer = xml(200, String::new());
        answer.headers_mut().insert("etag", tag.parse().unwrap());
        Ok(answer)
    }

    fn complete(&mut self, key: &str, id: &str, call: &Call) -> Result<Response<Body>, Refusal> {
        call.check_length()?;
        let upload = self.upload(key, id)?;
        let text = std::str::from_utf8(&call.body).map_err(|_wrong| Refusal(400, "MalformedXML"))?;
        let bytes = assembled(upload, &list_of_parts(text).ok_or(Refusal(400, "MalformedXML"))?)?;
        let content_type = upload.content_type.clone();
        self.uploads.remove(id);
        let answer = format!(
            "<CompleteMultipartUploadResult><Bucket>{BUCKET}</Bucket><ETag>\"whole-{}\"</ETag>\
             </CompleteMultipartUploadResult>",
            self.last + 1
        );
        Ok(self.store(key, bytes, content_type, answer))
    }

    fn abort(&mut self, key: &str, id: &str) -> Result<Response<Body>, Refusal> {
        self.upload(key, id)?;
        self.uploads.remove(id);
        Ok(xml(204, String::new()))
    }
}

/// Numbers and tags in the body of a completion; `None`: it is no such list.
fn list_of_parts(text: &str) -> Option<Vec<(u32, String)>> {
    let body = text.split_once("<CompleteMultipartUpload")?.1.split_once('>')?.1;
    let body = body.strip_suffix("</CompleteMultipartUpload>")?;
    let between = |part: &str, name: &str| -> Option<String> {
        let inner = part.split_once(&format!("<{name}>"))?.1.split_once(&format!("</{name}>"))?.0;
        Some(inner.replace("&quot;", "\""))
    };
    let parts = body.split("</Part>").filter(|part| !part.trim().is_empty()).map(|part| {
        let part = part.trim().strip_prefix("<Part>")?;
        Some((between(part, "PartNumber")?.parse().ok()?, between(part, "ETag")?))
    });
    parts.collect::<Option<Vec<_>>>().filter(|parts| !parts.is_empty())
}

/// The bytes of an upload in the order of the list.
fn assembled(upload: &Upload, list: &[(u32, String)]) -> Result<Bytes, Refusal> {
    if !list.is_sorted_by(|(one, _), (next, _)| one < next) {
        return Err(Refusal(400, "InvalidPartOrder"));
    }
    let mut bytes = Vec::new();
    for (at, (number, tag)) in list.iter().enumerate() {
        let (known, part) = upload.parts.get(number).ok_or(Refusal(400, "InvalidPart"))?;
        if known != tag {
            return Err(Refusal(400, "InvalidPart"));
        }
        if part.len() < MIN_PART_BYTES && at + 1 < list.len() {
            return Err(Refusal(400, "EntityTooSmall"));
        }
        bytes.extend_from_slice(part);
    }
    Ok(bytes.into())
}
