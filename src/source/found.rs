//! Which files make up a source, in which order.
//!
//! A directory or prefix stands for all files below it whose names are of the wanted kind, in the order of
//! their names, without those that are hidden (`_` or `.` in front, also of a directory). It reads no file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use futures::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::runtime::Handle;

use crate::error::{BoxError, Cause, Error, Result};
use crate::plan::destination::{Location, ObjectLocation};
use crate::settings::RetrySettings;
use crate::source::offload::offload;
use crate::source::{Executor, FingerprintFile};
use crate::store::ranged::{Blob, object_unreadable, unreadable};
use crate::store::{self, StoreOptions};

/// Whether a file of this name, found in a directory, belongs to the source.
pub(super) type Wanted = fn(&str) -> bool;

/// The files at these places, in this order.
pub(super) async fn find(
    locations: Vec<Location>,
    options: &StoreOptions,
    retry: &RetrySettings,
    wanted: Wanted,
) -> Result<Vec<Found>> {
    let executor = waiting_threads()?;
    let mut found = Vec::new();
    for location in locations {
        found.extend(match location {
            Location::Local(path) => offload(&executor, move || local(&path, wanted)).await??,
            Location::Object(object) => {
                let (root, key) = connect(&object, options, retry)?;
                remote(&root, &key, wanted).await?
            }
        });
    }
    Ok(found)
}

fn connect(
    location: &ObjectLocation,
    options: &StoreOptions,
    retry: &RetrySettings,
) -> Result<(Root, ObjectPath)> {
    let client = store::connect(location, options, retry)?;
    let root = Root { store: client.object, prefix: format!("{}/", client.root) };
    let key = ObjectPath::parse(&location.key)
        .map_err(|error| object_unreadable(format!("{}{}", root.prefix, location.key), error.into()))?;
    Ok((root, key))
}

/// The runtime's own threads for work that waits, as an executor.
pub(super) fn waiting_threads() -> Result<Executor> {
    let Ok(runtime) = Handle::try_current() else {
        return Err(Cause::NotAvailable { what: "opening files outside a tokio runtime".to_owned() }.into());
    };
    Ok(Executor::new(move |job| drop(runtime.spawn_blocking(job))))
}

/// The error of a file that is not what its source says.
pub(super) fn corrupt(path: &str, error: impl Into<BoxError>) -> Error {
    Cause::SourceCorrupt { path: path.to_owned(), source: error.into() }.into()
}

/// A file that was found, and what tells this version of it from others.
#[derive(Clone)]
pub(super) struct Found {
    /// Its path or URI.
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) version: Option<String>,
    place: Place,
}

#[derive(Clone)]
enum Place {
    File(PathBuf),
    Object { store: Arc<dyn ObjectStore>, path: ObjectPath, etag: Option<String> },
}

impl Found {
    /// What tells its rows from those of another file.
    pub(super) fn fingerprint(&self) -> FingerprintFile {
        FingerprintFile::new(self.name.clone(), self.size, self.version.clone())
    }

    /// Opens it for reading, if it is still of its version.
    pub(super) async fn open(&self, executor: &Executor) -> Result<Blob> {
        match &self.place {
            Place::File(path) => {
                let (path, size, version) = (path.clone(), self.size, self.version.clone());
                offload(executor, move || open_file(&path, size, version.as_deref())).await?
            }
            Place::Object { store, path, etag } => {
                Ok(Blob::object(Arc::clone(store), path.clone(), self.name.clone(), self.size, etag.clone()))
            }
        }
    }
}

fn open_file(path: &Path, size: u64, version: Option<&str>) -> Result<Blob> {
    let blob = Blob::open_file(path)?;
    let metadata = fs::metadata(path).map_err(|error| unreadable(blob.name().to_owned(), error))?;
    if blob.size() != size || modified(&metadata).as_deref() != version {
        return Err(corrupt(blob.name(), "it changed since the source was opened"));
    }
    Ok(blob)
}

/// A store and what stands before the keys of its objects in names, such as `s3://bucket/`.
pub(super) struct Root {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) prefix: String,
}

/// The file at a path, or the files below it. Waits for the disk.
fn local(path: &Path, wanted: Wanted) -> Result<Vec<Found>> {
    let name = || path.display().to_string();
    let metadata = fs::metadata(path).map_err(|error| unreadable(name(), error))?;
    if !metadata.is_dir() {
        return Ok(vec![local_file(path.to_path_buf(), &metadata)]);
    }
    let mut files = Vec::new();
    walk(path, wanted, &mut files)?;
    if files.is_empty() {
        return Err(Cause::SourceEmpty { path: name() }.into());
    }
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(files.into_iter().map(|(path, metadata)| local_file(path, &metadata)).collect())
}

fn walk(directory: &Path, wanted: Wanted, files: &mut Vec<(PathBuf, fs::Metadata)>) -> Result<()> {
    let failed = |error| unreadable(directory.display().to_string(), error);
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if is_hidden(&name) {
            continue;
        }
        let metadata = fs::metadata(&path).map_err(|error| unreadable(path.display().to_string(), error))?;
        if metadata.is_dir() {
            walk(&path, wanted, files)?;
        } else if wanted(&name) {
            files.push((path, metadata));
        }
    }
    Ok(())
}

fn local_file(path: PathBuf, metadata: &fs::Metadata) -> Found {
    let version = modified(metadata);
    Found { name: path.display().to_string(), size: metadata.len(), version, place: Place::File(path) }
}

fn modified(metadata: &fs::Metadata) -> Option<String> {
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("mtime-{}", since.as_nanos()))
}

/// The object of a key, or the objects below it.
pub(super) async fn remote(root: &Root, key: &ObjectPath, wanted: Wanted) -> Result<Vec<Found>> {
    let name = || format!("{}{key}", root.prefix);
    let single = if key.is_root() { None } else { Some(root.store.head(key).await) };
    match single {
        Some(Ok(object)) => return Ok(vec![remote_file(root, object)]),
        None | Some(Err(object_store::Error::NotFound { .. })) => {}
        Some(Err(error)) => return Err(object_unreadable(name(), error)),
    }
    let below = (!key.is_root()).then_some(key);
    let mut any = false;
    let files = root.store.list(below).try_filter(|object| {
        any = true;
        std::future::ready(is_wanted(key, &object.location, wanted))
    });
    let mut files: Vec<_> = files.try_collect().await.map_err(|error| object_unreadable(name(), error))?;
    if files.is_empty() {
        let path = name();
        return Err(if any { Cause::SourceEmpty { path } } else { Cause::SourceMissing { path } }.into());
    }
    files.sort_by(|one, other| one.location.parts().cmp(other.location.parts()));
    Ok(files.into_iter().map(|object| remote_file(root, object)).collect())
}

fn remote_file(root: &Root, object: ObjectMeta) -> Found {
    let time = || format!("mtime-{}", object.last_modified.timestamp_millis());
    Found {
        name: format!("{}{}", root.prefix, object.location),
        size: object.size,
        version: Some(object.e_tag.clone().unwrap_or_else(time)),
        place: Place::Object { store: Arc::clone(&root.store), path: object.location, etag: object.e_tag },
    }
}

fn is_wanted(below: &ObjectPath, object: &ObjectPath, wanted: Wanted) -> bool {
    let hidden =
        object.prefix_match(below).is_none_or(|mut parts| parts.any(|part| is_hidden(part.as_ref())));
    !hidden && object.filename().is_some_and(wanted)
}

fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.'])
}
