//! Places: a directory, or a prefix in an object store.
//!
//! It parses and prints; it opens nothing, and it does not know which stores are compiled in.
//!
//! Invariant: what a URI names lies below the container or root that it names. No segment of it is empty,
//! `.` or `..`, however often it is percent-decoded.

mod percent;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Cause, Error};

/// Where data is written to or read from.
///
/// ```
/// use segment_export::plan::destination::Location;
///
/// let location = Location::parse_uri("s3://exports/gold%20members/")?;
/// assert_eq!(location.to_string(), "s3://exports/gold%20members");
/// assert!(Location::parse_uri("s3://exports/%2e%2e/other").is_err());
/// assert!(Location::parse_uri("gold").is_err(), "a URI is asked for");
/// assert_eq!(Location::parse("gold")?, Location::Local("gold".into()));
/// # Ok::<(), segment_export::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A path of the local file system (`file:///…`, or a path where paths are allowed).
    Local(PathBuf),
    /// A prefix or object in an object store.
    Object(ObjectLocation),
}

/// A prefix or object in an object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectLocation {
    pub(crate) scheme: Scheme,
    pub(crate) container: String,
    pub(crate) key: String,
}

/// The object stores that a URI can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scheme {
    /// `s3://bucket/prefix`
    S3,
    /// `gs://bucket/prefix`
    Gs,
    /// `az://container/prefix`
    Az,
}

impl Location {
    /// Parses a URI: `s3://`, `gs://`, `az://` or `file:///`, nothing else.
    ///
    /// Percent-escapes are decoded and one trailing slash is dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) that names the rule, for another scheme, for
    /// user information, a port, a query, a fragment, a control character or a backslash, and for a segment
    /// that is empty, `.` or `..`.
    pub fn parse_uri(uri: &str) -> Result<Self, Error> {
        parse(uri).map_err(|rule| Cause::Field { field: "DestinationUri", rule: rule.to_owned() }.into())
    }

    /// Parses a URI or a path: what has no `scheme://` is a path.
    ///
    /// # Errors
    ///
    /// As [`parse_uri`](Self::parse_uri), and for an empty text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let parsed = match text {
            "" => Err("must not be empty"),
            path if !has_scheme(path) => Ok(Self::Local(path.into())),
            uri => parse(uri),
        };
        parsed.map_err(|rule| Cause::Field { field: "location", rule: rule.to_owned() }.into())
    }

    /// The place one level below; `segment` is a name of ours, without slashes.
    pub(crate) fn join(&self, segment: &str) -> Self {
        match self {
            Self::Local(path) => Self::Local(path.join(segment)),
            Self::Object(object) if object.key.is_empty() => {
                Self::Object(ObjectLocation { key: segment.to_owned(), ..object.clone() })
            }
            Self::Object(object) => {
                let key = format!("{}/{segment}", object.key);
                Self::Object(ObjectLocation { key, ..object.clone() })
            }
        }
    }

    /// The last segment of the place, or `None` at a root or where it is not text.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Local(path) => path.file_name()?.to_str(),
            Self::Object(object) => object.key.rsplit('/').next().filter(|name| !name.is_empty()),
        }
    }
}

impl ObjectLocation {
    /// Which kind of store.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The bucket or container.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// The key, decoded, without leading and trailing slash; may be empty.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl Scheme {
    /// The name before `://`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gs => "gs",
            Self::Az => "az",
        }
    }
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::Local(path)
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::Local(path.to_owned())
    }
}

/// A URI that parses to the same place; a local path that no URI can say is printed as it is.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => match file_uri(path) {
                Some(uri) => f.write_str(&uri),
                None => path.display().fmt(f),
            },
            Self::Object(object) => object.fmt(f),
        }
    }
}

impl fmt::Display for ObjectLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.container)?;
        if !self.key.is_empty() {
            write!(f, "/{}", percent::encode(&self.key))?;
        }
        Ok(())
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn file_uri(path: &Path) -> Option<String> {
    let absolute = path.to_str().filter(|path| path.starts_with('/'))?;
    let uri = format!("file://{}", percent::encode(absolute));
    // Paths compare by component: `/a/./b` has no URI, though it equals `/a/b`.
    let same = matches!(parse(&uri), Ok(Location::Local(parsed)) if parsed.as_os_str() == path.as_os_str());
    same.then_some(uri)
}

/// Whether a text begins with `scheme://`, of any scheme.
fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once("://") else { return false };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn parse(uri: &str) -> Result<Location, &'static str> {
    const SCHEMES: &str = "must begin with s3://, gs://, az:// or file:///";
    let (scheme, rest) = uri.split_once("://").ok_or(SCHEMES)?;
    if rest.contains(char::is_control) {
        return Err("must not hold a control character");
    }
    if rest.contains('?') {
        return Err("must not have a query");
    }
    if rest.contains('#') {
        return Err("must not have a fragment");
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let object = |scheme| parse_object(scheme, authority, path);
    match scheme {
        "s3" => object(Scheme::S3),
        "gs" => object(Scheme::Gs),
        "az" => object(Scheme::Az),
        "file" if !authority.is_empty() => Err("must not name a host: a file URI begins with file:///"),
        "file" if !rest.starts_with('/') => Err(SCHEMES),
        "file" => Ok(Location::Local(format!("/{}", parse_path(path)?).into())),
        _ => Err(SCHEMES),
    }
}

fn parse_object(scheme: Scheme, container: &str, path: &str) -> Result<Location, &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if container.is_empty() {
        return Err("must name a bucket or container");
    }
    if container.contains('@') {
        return Err("must not hold user information");
    }
    // A dot at an end would make `.` and `..` possible, and no store allows it.
    if !container.bytes().all(allowed) || container.starts_with('.') || container.ends_with('.') {
        return Err("must name a bucket or container of a-z, A-Z, 0-9, `.`, `_` and `-`");
    }
    Ok(Location::Object(ObjectLocation { scheme, container: container.to_owned(), key: parse_path(path)? }))
}

/// The decoded path, without its leading slash and without one trailing slash.
fn parse_path(path: &str) -> Result<String, &'static str> {
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(String::new());
    }
    let segments: Vec<String> = path.split('/').map(parse_segment).collect::<Result<_, _>>()?;
    Ok(segments.join("/"))
}

fn parse_segment(segment: &str) -> Result<String, &'static str> {
    let decoded = percent::decode(segment).ok_or("must be UTF-8 in valid percent-encoding")?;
    check_segment(&decoded)?;
    // A name that holds escapes after decoding is plain text here, but not to a reader that decodes twice.
    let mut deeper = decoded.clone();
    while let Some(next) = percent::decode(&deeper).filter(|next| *next != deeper) {
        check_segment(&next)?;
        deeper = next;
    }
    Ok(decoded)
}

fn check_segment(segment: &str) -> Result<(), &'static str> {
    match segment {
        "" => Err("must not have an empty segment"),
        "." | ".." => Err("must not have a segment `.` or `..`"),
        _ if segment.contains(char::is_control) => Err("must not hold a control character"),
        _ if segment.contains('/') => Err("must not hold an encoded slash"),
        _ if segment.contains('\\') => Err("must not hold a backslash"),
        _ => Ok(()),
    }
}
