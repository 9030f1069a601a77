//! A part store whose calls are seen: a span for each, and what a recorder is told.
//!
//! It changes neither calls nor answers.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::PutPayload;
use tracing::{Instrument, debug_span};

use super::{
    ObjectInfo, PartStore, PartTag, PutNew, Replaced, StoreTraits, Upload, UploadId, UploadPart, Version,
};
use crate::error::Result;
use crate::progress::{Counter, Histogram, Recorder, outcome};

/// A store whose calls are seen.
pub(crate) struct ObservedParts {
    store: Arc<dyn PartStore>,
    recorder: Option<Arc<dyn Recorder>>,
}

impl ObservedParts {
    pub(crate) fn over(store: Arc<dyn PartStore>, recorder: Option<Arc<dyn Recorder>>) -> Arc<dyn PartStore> {
        Arc::new(Self { store, recorder })
    }

    async fn see<T>(
        &self,
        operation: &'static str,
        object: &str,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let began = Instant::now();
        let answer = call.instrument(debug_span!("request", operation, object)).await;
        if let Some(recorder) = &self.recorder {
            let labels = [("operation", operation), outcome(&answer)];
            recorder.add(Counter::Requests, &labels, 1);
            recorder.record(Histogram::RequestSeconds, &labels, began.elapsed().as_secs_f64());
        }
        answer
    }
}

impl fmt::Debug for ObservedParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait]
impl PartStore for ObservedParts {
    fn traits(&self) -> StoreTraits {
        self.store.traits()
    }

    async fn create(&self, name: &str) -> Result<UploadId> {
        self.see("create", name, self.store.create(name)).await
    }

    async fn put_part(&self, upload: &Upload, part: UploadPart, bytes: PutPayload) -> Result<PartTag> {
        let len = bytes.content_length() as u64;
        let tag = self.see("put_part", &upload.name, self.store.put_part(upload, part, bytes)).await?;
        if let Some(recorder) = &self.recorder {
            recorder.add(Counter::UploadedBytes, &[], len);
        }
        Ok(tag)
    }

    async fn complete(&self, upload: &Upload, tags: &[PartTag], size: u64) -> Result<()> {
        self.see("complete", &upload.name, self.store.complete(upload, tags, size)).await
    }

    async fn abort(&self, upload: &Upload) -> Result<()> {
        self.see("abort", &upload.name, self.store.abort(upload)).await
    }

    async fn delete(&self, name: &str) -> Result<()> {
        self.see("delete", name, self.store.delete(name)).await
    }

    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<PutNew> {
        self.see("put_new", name, self.store.put_new(name, bytes)).await
    }

    async fn replace_if(&self, name: &str, bytes: Bytes, version: &Version) -> Result<Replaced> {
        self.see("replace_if", name, self.store.replace_if(name, bytes, version)).await
    }

    async fn head(&self, name: &str) -> Result<Option<ObjectInfo>> {
        self.see("head", name, self.store.head(name)).await
    }

    async fn get(&self, name: &str) -> Result<Option<(Bytes, Version)>> {
        self.see("get", name, self.store.get(name)).await
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes> {
        self.see("get_range", name, self.store.get_range(name, range)).await
    }

    async fn list(&self) -> Result<Vec<ObjectInfo>> {
        self.see("list", "", self.store.list()).await
    }

    async fn list_open(&self) -> Result<Vec<Upload>> {
        self.see("list_open", "", self.store.list_open()).await
    }

    async fn finish(&self) -> Result<()> {
        self.see("finish", "", self.store.finish()).await
    }
}
