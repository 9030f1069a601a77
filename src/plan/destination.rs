//! Places: a directory, or a prefix in an object store.
//!
//! It parses and prints; it opens nothing.

use std::path::PathBuf;

/// Where data is written to or read from.
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
#[non_exhaustive]
pub struct ObjectLocation {
    /// Which kind of store.
    pub scheme: Scheme,
    /// The bucket or container.
    pub container: String,
    /// The key, decoded, without leading and trailing slash; may be empty.
    pub key: String,
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
