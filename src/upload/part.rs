//! Uploads data objects: bytes in order in, upload parts of one size out, several at once.
//!
//! It cuts without copying, keeps a bounded number of parts in flight over all data objects, and computes
//! the checksum of each object. It completes nothing: that is the commit's.
//!
//! Invariants: whatever was begun is known here until it is aborted, also if its future was dropped; what
//! keeps bytes within the budget is dropped when the store has them, or never will.

mod pending;

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};
use futures::StreamExt;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use self::pending::{Pending, Slice};
use super::{PartStore, PartTag, StoreTraits, Upload, UploadPart};
use crate::error::{Cause, Error, Result};
use crate::settings::UploadSettings;

const MIN_PART_BYTES: u64 = 5 << 20;
const MAX_PART_BYTES: u64 = 16 << 20;

/// A write to a file is no request: small ones let go of their bytes soon, which keeps the process small, and are
/// still in the cache when the kernel copies them, but each is handed to a thread that waits for the disk.
const MIN_WRITE_BYTES: u64 = 256 << 10;
const MAX_WRITE_BYTES: u64 = 512 << 10;

/// Requests at once when everything is aborted.
const ABORT_CONCURRENCY: usize = 16;

/// Bytes of an upload part, unless the settings say otherwise: a share of the memory budget within limits, a smaller
/// one where a part costs no request.
pub(crate) fn part_bytes(settings: &UploadSettings, memory_budget: u64, traits: &StoreTraits) -> u64 {
    let usual = || {
        if traits.locks {
            (memory_budget / 256).clamp(MIN_WRITE_BYTES, MAX_WRITE_BYTES)
        } else {
            (memory_budget / 8).clamp(MIN_PART_BYTES, MAX_PART_BYTES)
        }
    };
    settings.part_bytes.unwrap_or_else(usual).max(traits.min_part_bytes).max(1)
}

/// Uploads the data objects of one export.
#[derive(Clone, Debug)]
pub struct Uploader {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: Arc<dyn PartStore>,
    part_bytes: u64,
    max_parts: u64,
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
    begun: Mutex<Vec<Upload>>,
}

impl Uploader {
    /// An uploader to a store; a part is an eighth of the memory budget unless the settings say otherwise.
    pub fn new(store: Arc<dyn PartStore>, settings: &UploadSettings, memory_budget: u64) -> Self {
        let traits = store.traits();
        let shared = Shared {
            part_bytes: part_bytes(settings, memory_budget, &traits),
            max_parts: traits.max_parts,
            slots: Arc::new(Semaphore::new(settings.concurrency.clamp(1, Semaphore::MAX_PERMITS))),
            tasks: TaskTracker::new(),
            begun: Mutex::default(),
            store,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Bytes of an upload part.
    pub fn part_bytes(&self) -> u64 {
        self.shared.part_bytes
    }

    /// Bytes of a data object at most: a larger one would need more parts than the store takes.
    pub fn max_object_bytes(&self) -> u64 {
        self.shared.part_bytes.saturating_mul(self.shared.max_parts)
    }

    /// Begins a data object.
    ///
    /// # Errors
    ///
    /// When the store refuses it.
    pub async fn begin(&self, name: impl Into<String> + Send) -> Result<PartUpload> {
        let (name, shared) = (name.into(), Arc::clone(&self.shared));
        // A task of its own: what the store began is known even if nobody waits for it any more.
        let create = async move {
            let id = shared.store.create(&name).await?;
            let upload = Upload::new(name, id);
            shared.begun.lock().unwrap_or_else(PoisonError::into_inner).push(upload.clone());
            Ok::<_, Error>(upload)
        };
        let begun = self.shared.tasks.spawn(create.in_current_span());
        let upload = begun.await.map_err(|error| join_error(&error))??;
        Ok(PartUpload {
            shared: Arc::clone(&self.shared),
            upload: Arc::new(upload),
            pending: Pending::default(),
            digest: Digest::new(CrcAlgorithm::Crc64Nvme),
            size: 0,
            puts: JoinSet::new(),
            tags: BTreeMap::new(),
        })
    }

    /// Aborts whatever was begun, once nothing of it is in flight any more.
    ///
    /// Drop every [`PartUpload`] first: that cancels its parts, which are waited for otherwise.
    /// What cannot be aborted is logged and given back: the error that led here is the one to tell.
    pub async fn abort_all(&self) -> Vec<Upload> {
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        let begun = mem::take(&mut *self.shared.begun.lock().unwrap_or_else(PoisonError::into_inner));
        let store = &self.shared.store;
        futures::stream::iter(begun)
            .map(|upload| async move {
                let error = store.abort(&upload).await.err()?;
                tracing::warn!(object = %upload.name, %error, "an upload could not be aborted");
                Some(upload)
            })
            .buffer_unordered(ABORT_CONCURRENCY)
            .filter_map(std::future::ready)
            .collect()
            .await
    }
}

/// A data object whose bytes are being uploaded.
pub struct PartUpload {
    shared: Arc<Shared>,
    upload: Arc<Upload>,
    pending: Pending,
    digest: Digest,
    size: u64,
    puts: JoinSet<Result<(u32, PartTag)>>,
    tags: BTreeMap<u32, PartTag>,
}

/// A data object whose bytes are all with the store, and which is not visible yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Uploaded {
    /// The upload.
    pub upload: Upload,
    /// What the store answered for its parts, in their order.
    pub tags: Vec<PartTag>,
    /// Its bytes.
    pub size: u64,
    /// The CRC-64/NVME of its bytes.
    pub crc64_nvme: u64,
}

impl PartUpload {
    /// Takes the next bytes; `guard` is dropped when the store has them, or never will.
    ///
    /// Waits while as many parts are in flight as may be.
    ///
    /// # Errors
    ///
    /// When a part of this object failed, or it would need more parts than the store takes.
    pub async fn write(&mut self, bytes: Bytes, guard: impl Send + Sync + 'static) -> Result<()> {
        self.digest.update(&bytes);
        self.size += bytes.len() as u64;
        self.pending.push(bytes, Arc::new(guard));
        while self.pending.len >= self.shared.part_bytes {
            let part = self.pending.take(self.shared.part_bytes);
            self.put(part).await?;
        }
        self.pending.detach(self.shared.part_bytes / 4);
        Ok(())
    }

    /// Waits until the store has all bytes.
    ///
    /// # Errors
    ///
    /// When a part of this object failed.
    pub async fn finish(mut self) -> Result<Uploaded> {
        if self.pending.len > 0 {
            let rest = self.pending.take(self.pending.len);
            self.put(rest).await?;
        }
        while let Some(put) = self.puts.join_next().await {
            let (index, tag) = put.map_err(|error| join_error(&error))??;
            self.tags.insert(index, tag);
        }
        Ok(Uploaded {
            upload: (*self.upload).clone(),
            tags: self.tags.into_values().collect(),
            size: self.size,
            crc64_nvme: self.digest.finalize(),
        })
    }

    /// Its name, relative to the snapshot.
    pub fn name(&self) -> &str {
        &self.upload.name
    }

    /// Bytes taken so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    async fn put(&mut self, part: Slice) -> Result<()> {
        let index = part.offset / self.shared.part_bytes;
        if index >= self.shared.max_parts {
            return Err(Cause::TooManyParts { parts: index + 1 }.into());
        }
        let index = u32::try_from(index).map_err(|_too_many| Cause::TooManyParts { parts: index + 1 })?;
        // The semaphore is never closed, so that this is always a slot.
        let slot = Arc::clone(&self.shared.slots).acquire_owned().await;
        self.collect()?;
        let (shared, upload) = (Arc::clone(&self.shared), Arc::clone(&self.upload));
        let put = async move {
            let at = UploadPart::new(index, part.offset);
            let tag = shared.store.put_part(&upload, at, part.payload).await;
            // The guards go with the bytes, the slot after them.
            drop(part.guards);
            drop(slot);
            tag.map(|tag| (index, tag))
        };
        self.puts.spawn(self.shared.tasks.track_future(put.in_current_span()));
        Ok(())
    }

    /// Takes what has ended meanwhile, so that a failure is known as early as can be.
    fn collect(&mut self) -> Result<()> {
        while let Some(put) = self.puts.try_join_next() {
            let (index, tag) = put.map_err(|error| join_error(&error))??;
            self.tags.insert(index, tag);
        }
        Ok(())
    }
}

impl fmt::Debug for PartUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartUpload")
            .field("upload", &self.upload)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

fn join_error(error: &JoinError) -> Error {
    if error.is_cancelled() { Cause::Cancelled.into() } else { Cause::Panicked.into() }
}
