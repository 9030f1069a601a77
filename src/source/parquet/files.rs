//! Which files make up a source, in which order.
//!
//! A directory or prefix stands for all files below it whose names end in `.parquet`, in the order of their
//! names, without those that are hidden (`_` or `.` in front, also of a directory). It reads no file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use futures::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use crate::error::{Cause, Result};
use crate::source::Executor;
use crate::source::offload::offload;
use crate::source::parquet::footer::corrupt;
use crate::store::ranged::{Blob, object_unreadable, unreadable};

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
    /// Opens it for reading, if it is still of its version.
    pub(super) async fn open(&self, executor: &Executor) -> Result<Blob> {
        match &self.place {
            Place::File(path) => {
                let (path, version) = (path.clone(), self.version.clone());
                offload(executor, move || open_file(&path, version.as_deref())).await?
            }
            Place::Object { store, path, etag } => {
                Ok(Blob::object(Arc::clone(store), path.clone(), self.name.clone(), self.size, etag.clone()))
            }
        }
    }
}

fn open_file(path: &Path, version: Option<&str>) -> Result<Blob> {
    let blob = Blob::open_file(path)?;
    let metadata = fs::metadata(path).map_err(|error| unreadable(blob.name().to_owned(), error))?;
    if modified(&metadata).as_deref() != version {
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
pub(super) fn local(path: &Path) -> Result<Vec<Found>> {
    let name = || path.display().to_string();
    let metadata = fs::metadata(path).map_err(|error| unreadable(name(), error))?;
    if !metadata.is_dir() {
        return Ok(vec![local_file(path.to_path_buf(), &metadata)]);
    }
    let mut files = Vec::new();
    walk(path, &mut files)?;
    if files.is_empty() {
        return Err(Cause::SourceEmpty { path: name() }.into());
    }
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(files.into_iter().map(|(path, metadata)| local_file(path, &metadata)).collect())
}

fn walk(directory: &Path, files: &mut Vec<(PathBuf, fs::Metadata)>) -> Result<()> {
    let failed = |error| unreadable(directory.display().to_string(), error);
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if is_hidden(&name) {
            continue;
        }
        let metadata = fs::metadata(&path).map_err(|error| unreadable(path.display().to_string(), error))?;
        if metadata.is_dir() {
            walk(&path, files)?;
        } else if is_parquet(&name) {
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
pub(super) async fn remote(root: &Root, key: &ObjectPath) -> Result<Vec<Found>> {
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
        std::future::ready(is_wanted(key, &object.location))
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

fn is_wanted(below: &ObjectPath, object: &ObjectPath) -> bool {
    let hidden =
        object.prefix_match(below).is_none_or(|mut parts| parts.any(|part| is_hidden(part.as_ref())));
    !hidden && object.filename().is_some_and(is_parquet)
}

fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.'])
}

fn is_parquet(name: &str) -> bool {
    name.ends_with(".parquet")
}
