//! Lists open uploads over HTTP: `GET /?uploads` of S3 (its operation `ListMultipartUploads`), which Google's
//! XML API answers alike.
//!
//! Invariant: no signed URL and no token is in an error.

use std::fmt;
#[cfg(feature = "aws")]
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};
use object_store::path::Path;
use object_store::signer::Url;
#[cfg(feature = "aws")]
use object_store::signer::{Method, SignedUrlOptions, Signer};
use object_store::{Error, Result};
use serde::Deserialize;

use super::{ListUploads, OpenUpload};

/// How long a signed request is good for.
#[cfg(feature = "aws")]
const SIGNED_FOR: Duration = Duration::from_mins(5);

/// The open uploads of a bucket that are listed over HTTP.
pub(crate) struct Listing<A> {
    access: A,
    client: HttpClient,
}

/// What makes a request allowed.
#[async_trait]
pub(crate) trait Access: Send + Sync + 'static {
    /// A request for the root of the bucket with this query.
    async fn request(&self, query: Vec<(&'static str, String)>) -> Result<HttpRequest>;
}

/// A signature in the URL, as S3 takes it.
#[cfg(feature = "aws")]
pub(crate) struct Signed(pub(crate) Arc<dyn Signer>);

#[cfg(feature = "aws")]
#[async_trait]
impl Access for Signed {
    async fn request(&self, query: Vec<(&'static str, String)>) -> Result<HttpRequest> {
        let options = SignedUrlOptions::default().with_query(query);
        let url = self.0.signed_url_opts(Method::GET, &Path::default(), SIGNED_FOR, &options).await?;
        get(&url)
    }
}

/// A token, as Google takes it.
#[cfg(feature = "gcp")]
pub(crate) struct Bearer {
    /// The URL of the bucket.
    pub(crate) bucket: Url,
    pub(crate) credentials: object_store::gcp::GcpCredentialProvider,
}

#[cfg(feature = "gcp")]
#[async_trait]
impl Access for Bearer {
    async fn request(&self, query: Vec<(&'static str, String)>) -> Result<HttpRequest> {
        let mut url = self.bucket.clone();
        url.query_pairs_mut().extend_pairs(query);
        let mut request = get(&url)?;
        let token = self.credentials.get_credential().await?;
        if !token.bearer.is_empty() {
            let mut value = object_store::signer::HeaderValue::try_from(format!("Bearer {}", token.bearer))
                .map_err(|_not_a_header| failed("the token is no header"))?;
            value.set_sensitive(true);
            request.headers_mut().insert("authorization", value);
        }
        Ok(request)
    }
}

fn get(url: &Url) -> Result<HttpRequest> {
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.uri_mut() = url.as_str().parse().map_err(|_no_uri| failed("the bucket has no address"))?;
    Ok(request)
}

impl<A> Listing<A> {
    pub(crate) fn new(access: A, client: HttpClient) -> Self {
        Self { access, client }
    }
}

impl<A> fmt::Debug for Listing<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listing")
    }
}

#[async_trait]
impl<A: Access> ListUploads for Listing<A> {
    async fn list_uploads(&self, prefix: &Path) -> Result<Vec<OpenUpload>> {
        let mut found = Vec::new();
        let mut after: Option<Marker> = None;
        loop {
            let mut query = vec![("uploads", String::new()), ("prefix", format!("{prefix}/"))];
            if let Some(marker) = &after {
                query.push(("key-marker", marker.key.clone()));
                query.push(("upload-id-marker", marker.id.clone()));
            }
            let page = self.page(query).await?;
            let next = page.next();
            // A key that is no path was not begun by us.
            let uploads = page.uploads.into_iter();
            found.extend(
                uploads.filter_map(|upload| Some(OpenUpload::new(Path::parse(upload.key).ok()?, upload.id))),
            );
            match next {
                Some(next) if after.as_ref() == Some(&next) => return Err(failed("a list repeats itself")),
                Some(next) => after = Some(next),
                None => return Ok(found),
            }
        }
    }
}

impl<A: Access> Listing<A> {
    async fn page(&self, query: Vec<(&'static str, String)>) -> Result<Page> {
        let request = self.access.request(query).await?;
        let answer = self.client.execute(request).await.map_err(failed)?;
        let status = answer.status();
        let body = answer.into_body().bytes().await.map_err(failed)?;
        let (path, source) =
            ("?uploads".to_owned(), format!("the store answered {}", status.as_u16()).into());
        match status.as_u16() {
            200 => quick_xml::de::from_reader(&*body).map_err(failed),
            401 | 403 => Err(Error::PermissionDenied { path, source }),
            404 => Err(Error::NotFound { path, source }),
            400 | 405 | 501 => Err(Error::NotSupported { source }),
            _ => Err(failed(source)),
        }
    }
}

/// `ListMultipartUploadsResult`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    next_key_marker: Option<String>,
    #[serde(default)]
    next_upload_id_marker: Option<String>,
    #[serde(default, rename = "Upload")]
    uploads: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    key: String,
    #[serde(rename = "UploadId")]
    id: String,
}

/// Where the next page begins.
#[derive(Debug, PartialEq, Eq)]
struct Marker {
    key: String,
    id: String,
}

impl Page {
    fn next(&self) -> Option<Marker> {
        let key = self.next_key_marker.clone().filter(|_| self.is_truncated)?;
        Some(Marker { key, id: self.next_upload_id_marker.clone().unwrap_or_default() })
    }
}

fn failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic { store: "uploads", source: source.into() }
}
