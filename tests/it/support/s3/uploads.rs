//! Which multipart uploads are open, and how the server tells of them: the file system behind it cannot.

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures::TryStreamExt;
use hyper::http::Response;
use s3s::Body;

use super::S3Call;
use super::fault::plain;

/// Uploads of a list at most.
const PAGE: usize = 2;

/// The keys of the open uploads by their ids.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    open: Mutex<BTreeMap<String, String>>,
}

impl Uploads {
    /// Notes what a request made of an upload, and gives its answer on.
    pub(super) async fn follow(
        &self,
        call: S3Call,
        (key, query): (&str, &BTreeMap<String, String>),
        answer: Response<Body>,
    ) -> Response<Body> {
        let is_done = answer.status().is_success();
        match call {
            S3Call::Create if is_done => {
                let (head, body) = answer.into_parts();
                let body = body.try_collect::<Vec<_>>().await.unwrap().concat();
                let text = std::str::from_utf8(&body).unwrap();
                let id = text.split_once("<UploadId>").unwrap().1.split_once("</UploadId>").unwrap().0;
                self.open.lock().unwrap().insert(id.to_owned(), key.to_owned());
                Response::from_parts(head, Body::from(body))
            }
            S3Call::Complete | S3Call::Abort if is_done => {
                self.open.lock().unwrap().remove(&query["uploadId"]);
                answer
            }
            // Who may not ask was refused before.
            S3Call::ListOpen if answer.status().as_u16() == 501 => self.list(query),
            _ => answer,
        }
    }

    /// A page of the list, in the order of keys and ids.
    fn list(&self, query: &BTreeMap<String, String>) -> Response<Body> {
        let text = |name: &str| query.get(name).cloned().unwrap_or_default();
        let (prefix, after) = (text("prefix"), (text("key-marker"), text("upload-id-marker")));
        let open = self.open.lock().unwrap().clone().into_iter().map(|(id, key)| (key, id));
        let mut open: Vec<_> = open.filter(|(key, _)| key.starts_with(&prefix)).collect();
        open.sort();
        open.retain(|upload| *upload > after);
        let is_truncated = open.len() > PAGE;
        open.truncate(PAGE);
        let mut xml = format!("<ListMultipartUploadsResult><IsTruncated>{is_truncated}</IsTruncated>");
        if let Some((key, id)) = open.last() {
            let markers = [("NextKeyMarker", key), ("NextUploadIdMarker", id)];
            xml.extend(markers.map(|(name, text)| format!("<{name}>{text}</{name}>")));
        }
        let uploads = open.iter();
        xml.extend(
            uploads.map(|(key, id)| format!("<Upload><Key>{key}</Key><UploadId>{id}</UploadId></Upload>")),
        );
        let mut response = plain(200);
        *response.body_mut() = Body::from(xml + "</ListMultipartUploadsResult>");
        response
    }
}
