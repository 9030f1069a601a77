//! What the server answers: objects, lists and refusals.

use std::collections::{BTreeMap, BTreeSet};

use hyper::http::{Response, StatusCode};
use s3s::Body;

use super::bucket::{Object, Upload};

/// A status and Google's code for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal(pub(super) u16, pub(super) &'static str);

/// All objects are of one time: nothing here rests on it.
const HTTP_TIME: &str = "Thu, 29 Feb 2024 01:02:03 GMT";
const XML_TIME: &str = "2024-02-29T01:02:03.000Z";

/// Keys of a list at most, if the client does not want fewer.
const MOST_KEYS: usize = 1_000;

pub(super) fn refused(Refusal(status, code): Refusal) -> Response<Body> {
    xml(status, format!("<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code></Error>"))
}

pub(super) fn xml(status: u16, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// The answer to what wrote an object.
pub(super) fn created(object: &Object, text: String) -> Response<Body> {
    let mut response = xml(200, text);
    stamp(&mut response, object);
    response
}

fn tag(object: &Object) -> String {
    format!("\"whole-{}\"", object.generation)
}

fn stamp(response: &mut Response<Body>, object: &Object) {
    let headers = response.headers_mut();
    headers.insert("etag", tag(object).parse().unwrap());
    headers.insert("x-goog-generation", object.generation.into());
    headers.insert("last-modified", HTTP_TIME.parse().unwrap());
    headers.insert("content-type", object.content_type.parse().unwrap());
}

/// The open uploads under a prefix; this server has one page only.
pub(super) fn listed_uploads(
    uploads: &BTreeMap<String, Upload>,
    query: &BTreeMap<String, String>,
) -> Response<Body> {
    let prefix = query.get("prefix").map_or("", String::as_str);
    let open = uploads.iter().filter(|(_, upload)| upload.key.starts_with(prefix));
    let entries = open
        .map(|(id, upload)| format!("<Upload><Key>{}</Key><UploadId>{id}</UploadId></Upload>", upload.key));
    xml(
        200,
        format!("<ListMultipartUploadsResult>{}</ListMultipartUploadsResult>", entries.collect::<String>()),
    )
}

/// An object or a range of it.
pub(super) fn object(
    object: &Object,
    is_head: bool,
    range: Option<&str>,
    if_match: Option<&str>,
) -> Result<Response<Body>, Refusal> {
    if if_match.is_some_and(|wanted| wanted != tag(object)) {
        return Err(Refusal(412, "PreconditionFailed"));
    }
    let size = object.bytes.len();
    let mut response = Response::new(Body::empty());
    let length = match range.map(|range| bounds(range, size)) {
        None => size,
        Some(None) => return Err(Refusal(416, "InvalidRange")),
        Some(Some((start, end))) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {start}-{}/{size}", end - 1);
            response.headers_mut().insert("content-range", range.parse().unwrap());
            *response.body_mut() = Body::from(object.bytes.slice(start..end));
            end - start
        }
    };
    if range.is_none() && !is_head {
        *response.body_mut() = Body::from(object.bytes.clone());
    }
    stamp(&mut response, object);
    response.headers_mut().insert("content-length", length.into());
    Ok(response)
}

/// The start and end of `bytes=first-last`, `bytes=first-` or `bytes=-last`; `None`: outside of the object.
fn bounds(range: &str, size: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first, size.min(last + 1)),
        (Ok(first), Err(_)) => (first, size),
        (Err(_), Ok(last)) => (size.saturating_sub(last), size),
        (Err(_), Err(_)) => return None,
    };
    (start < end).then_some((start, end))
}

/// The keys that a query asks for, and what they have in common up to a delimiter.
pub(super) fn listed(objects: &BTreeMap<String, Object>, query: &BTreeMap<String, String>) -> Response<Body> {
    let given = |name: &str| query.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let prefix = given("prefix").unwrap_or_default();
    let after = given("continuation-token").or_else(|| given("start-after")).unwrap_or_default();
    let most = given("max-keys").and_then(|most| most.parse().ok()).unwrap_or(MOST_KEYS).min(MOST_KEYS);
    let (mut text, mut groups, mut last, mut is_cut) = (Vec::new(), BTreeSet::new(), "", false);
    let wanted = objects.iter().filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after);
    for (at, (key, object)) in wanted.enumerate() {
        if at == most {
            is_cut = true;
            break;
        }
        last = key;
        let end =
            given("delimiter").and_then(|delimiter| Some((key[prefix.len()..].find(delimiter)?, delimiter)));
        if let Some((end, delimiter)) = end {
            groups.insert(&key[..prefix.len() + end + delimiter.len()]);
            continue;
        }
        text.push(format!(
            "<Contents><Key>{}</Key><Generation>{}</Generation><LastModified>{XML_TIME}</LastModified>\
             <ETag>{}</ETag><Size>{}</Size></Contents>",
            escaped(key),
            object.generation,
            tag(object),
            object.bytes.len()
        ));
    }
    for group in groups {
        text.push(format!("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", escaped(group)));
    }
    if is_cut {
        text.push(format!("<NextContinuationToken>{}</NextContinuationToken>", escaped(last)));
    }
    xml(
        200,
        format!("<ListBucketResult><IsTruncated>{is_cut}</IsTruncated>{}</ListBucketResult>", text.concat()),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
