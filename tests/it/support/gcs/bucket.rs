//! The bucket of the server: its objects, and the uploads that are open.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::http::{Method, Response};
use s3s::Body;

use super::answer::{Refusal, created, listed, listed_uploads, object, xml};
use super::{BUCKET, Call};

/// Bytes of an upload part at least, unless it is the last.
const MIN_PART_BYTES: usize = 5 << 20;
const MAX_PARTS: u32 = 10_000;

#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) bytes: Bytes,
    pub(super) generation: u64,
    pub(super) content_type: String,
}

#[derive(Debug)]
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) content_type: String,
    /// The tag and the bytes of each part.
    parts: BTreeMap<u32, (String, Bytes)>,
}

#[derive(Debug, Default)]
pub(super) struct Bucket {
    pub(super) is_public: bool,
    pub(super) objects: BTreeMap<String, Object>,
    pub(super) uploads: BTreeMap<String, Upload>,
    /// What generations, uploads and tags are numbered by.
    last: u64,
}

impl Bucket {
    /// One that anybody may read and write.
    pub(super) fn public() -> Self {
        Self { is_public: true, ..Self::default() }
    }

    pub(super) fn run(&mut self, method: &Method, key: &str, call: &Call) -> Result<Response<Body>, Refusal> {
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
