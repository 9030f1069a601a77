//! The requests of a snapshot under a prefix of an object store.
//!
//! Those about uploads are tried again here, those about objects by the client.
//!
//! Invariant: what is gone is an answer, and no error, wherever it may be gone by now.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::multipart::PartId;
use object_store::{Error as StoreError, ObjectStoreExt, PutMode, PutPayload};

use super::super::retry::{self, Failure};
use super::super::{
    ObjectInfo, PartStore, PartTag, PutNew, Replaced, StoreTraits, Upload, UploadId, UploadPart, Version,
};
use super::ObjectParts;
use super::begun::Fate;
use super::failure::{fail, is_gone};
use super::version::{update_version, version};
use crate::error::{Cause, ErrorKind, Result};

#[async_trait]
impl PartStore for ObjectParts {
    fn traits(&self) -> StoreTraits {
        self.traits.clone()
    }

    async fn create(&self, name: &str) -> Result<UploadId> {
        let path = self.path(name)?;
        let mut calls = 0_u32;
        let create = || {
            calls += 1;
            self.multipart.create_multipart(&path)
        };
        let created = retry::attempts(&self.retry, create).await;
        if created.is_err() || calls > 1 {
            self.begun.note_unanswered(name);
        }
        let id = created.map_err(|failure| fail("beginning an upload", name, failure))?;
        let upload = Upload::new(name, UploadId(id));
        self.begun.note(&upload, Fate::Open);
        Ok(upload.id)
    }

    async fn put_part(&self, upload: &Upload, part: UploadPart, bytes: PutPayload) -> Result<PartTag> {
        let path = self.path(&upload.name)?;
        let index = part.index as usize;
        let put = || self.multipart.put_part(&path, &upload.id.0, index, bytes.clone());
        match retry::attempts_of(bytes.content_length() as u64, &self.retry, put).await {
            Ok(PartId { content_id }) => Ok(PartTag(content_id)),
            Err(failure) => Err(fail("uploading a part", &upload.name, failure)),
        }
    }

    async fn complete(&self, upload: &Upload, tags: &[PartTag], size: u64) -> Result<()> {
        let path = self.path(&upload.name)?;
        // Azure has no abort: blocks stay, and it would make an object of them all the same.
        if self.begun.fate(upload) == Some(Fate::Aborted) {
            let (operation, name) = ("completing an upload", upload.name.clone());
            let source = "it was aborted".into();
            return Err(Cause::Store { operation, name, kind: ErrorKind::Internal, source }.into());
        }
        let mut attempt = 1;
        loop {
            let parts = tags.iter().map(|tag| PartId { content_id: tag.0.clone() }).collect();
            let call = self.multipart.complete_multipart(&path, &upload.id.0, parts);
            let Err(failure) = retry::once(self.retry.timeout(), call).await else { break };
            // Its name is ours alone: with the right size it is what this call, or the one before, made.
            if self.head(&upload.name).await.is_ok_and(|info| info.is_some_and(|info| info.size == size)) {
                break;
            }
            if attempt >= self.retry.attempts || !failure.is_transient() {
                return Err(fail("completing an upload", &upload.name, failure));
            }
            attempt += 1;
            tokio::time::sleep(self.retry.backoff(attempt)).await;
        }
        self.begun.note(upload, Fate::Completed);
        Ok(())
    }

    async fn abort(&self, upload: &Upload) -> Result<()> {
        let path = self.path(&upload.name)?;
        // Stores do not agree on what they answer about an upload that was completed.
        if matches!(self.begun.fate(upload), Some(Fate::Completed | Fate::Aborted)) {
            return Ok(());
        }
        match retry::attempts(&self.retry, || self.multipart.abort_multipart(&path, &upload.id.0)).await {
            Err(Failure::Store(error)) if is_gone(&error) => {}
            done => done.map_err(|failure| fail("aborting an upload", &upload.name, failure))?,
        }
        self.begun.note(upload, Fate::Aborted);
        Ok(())
    }

    async fn delete(&self, name: &str) -> Result<()> {
        let path = self.path(name)?;
        match self.once(self.object.delete(&path)).await {
            Err(Failure::Store(error)) if is_gone(&error) => Ok(()),
            done => done.map_err(|failure| fail("deleting", name, failure)),
        }
    }

    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<PutNew> {
        let path = self.path(name)?;
        match self.once(self.object.put_opts(&path, bytes.into(), PutMode::Create.into())).await {
            Ok(put) => Ok(PutNew::Created(version(put.e_tag, put.version))),
            Err(Failure::Store(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. })) => {
                Ok(PutNew::Exists)
            }
            Err(failure) => Err(fail("creating", name, failure)),
        }
    }

    async fn replace_if(&self, name: &str, bytes: Bytes, old: &Version) -> Result<Replaced> {
        let path = self.path(name)?;
        let mode = PutMode::Update(update_version(old, name)?);
        match self.once(self.object.put_opts(&path, bytes.into(), mode.into())).await {
            Ok(put) => Ok(Replaced::Done(version(put.e_tag, put.version))),
            Err(Failure::Store(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. })) => {
                Ok(Replaced::Changed)
            }
            Err(Failure::Store(error)) if is_gone(&error) => Ok(Replaced::Changed),
            Err(failure) => Err(fail("replacing", name, failure)),
        }
    }

    async fn head(&self, name: &str) -> Result<Option<ObjectInfo>> {
        let path = self.path(name)?;
        match self.once(self.object.head(&path)).await {
            Ok(meta) => Ok(Some(ObjectInfo::new(name, meta.size))),
            Err(Failure::Store(error)) if is_gone(&error) => Ok(None),
            Err(failure) => Err(fail("reading", name, failure)),
        }
    }

    async fn get(&self, name: &str) -> Result<Option<(Bytes, Version)>> {
        let path = self.path(name)?;
        let read = async {
            let answer = self.object.get(&path).await?;
            let version = version(answer.meta.e_tag.clone(), answer.meta.version.clone());
            Ok((answer.bytes().await?, version))
        };
        match self.once(read).await {
            Ok(found) => Ok(Some(found)),
            Err(Failure::Store(error)) if is_gone(&error) => Ok(None),
            Err(failure) => Err(fail("reading", name, failure)),
        }
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes> {
        let path = self.path(name)?;
        self.once(self.object.get_range(&path, range)).await.map_err(|failure| fail("reading", name, failure))
    }

    async fn list(&self) -> Result<Vec<ObjectInfo>> {
        let found = self.once(self.object.list(Some(&self.prefix)).try_collect::<Vec<_>>()).await;
        let found = found.map_err(|failure| fail("listing", self.prefix.as_ref(), failure))?;
        let mut objects: Vec<_> = found
            .into_iter()
            .filter_map(|meta| Some(ObjectInfo::new(self.name_of(&meta.location)?, meta.size)))
            .collect();
        objects.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(objects)
    }

    async fn list_open(&self) -> Result<Vec<Upload>> {
        Ok(self.begun.open_with(self.listed_uploads().await?))
    }

    /// Ends the uploads that were begun without an answer: nobody knows them but the store.
    async fn finish(&self) -> Result<()> {
        let unanswered = self.begun.take_unanswered();
        if unanswered.is_empty() {
            return Ok(());
        }
        for upload in self.listed_uploads().await? {
            if unanswered.contains(&upload.name) && self.begun.fate(&upload).is_none() {
                self.abort(&upload).await?;
            }
        }
        Ok(())
    }
}
