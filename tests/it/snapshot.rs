//! The engine: its operations, its queue, how its jobs end, and what it never tells.

#[cfg(feature = "kms")]
mod access;
mod callers;
mod ends;
mod operations;
mod queue;
mod secrets;

use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use futures::{StreamExt, stream};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use segment_export::api::{CreateSegmentSnapshotRequest, GetSegmentSnapshotRequest, SnapshotStatus};
use segment_export::plan::{DomainName, SegmentName, SnapshotId};
use segment_export::snapshot::{Job, SegmentCatalog, SnapshotEngine, SnapshotEngineBuilder};
use segment_export::source::{ProfileSource, StreamSource};
use segment_export::upload::{ObjectParts, PartStore};
use segment_export::{Error, Result, Target};
use tokio::sync::Notify;

use crate::export::{cut, sample, small_chunks, source};

/// A catalog whose segments a function opens.
struct Segments<F>(F);

#[async_trait]
impl<F> SegmentCatalog for Segments<F>
where
    F: Fn(&str) -> Result<Option<Arc<dyn ProfileSource>>> + Send + Sync + 'static,
{
    async fn open(&self, _: &DomainName, segment: &SegmentName) -> Result<Option<Arc<dyn ProfileSource>>> {
        (self.0)(segment.as_str())
    }
}

/// The sample, whatever the segment.
fn samples() -> impl SegmentCatalog {
    let batch = sample("profiles.parquet");
    Segments(move |_: &str| {
        let source: Arc<dyn ProfileSource> = Arc::new(source(vec![batch.clone()]));
        Ok(Some(source))
    })
}

/// A store in memory that an engine writes to, below `out`.
#[derive(Clone)]
struct Memory(Arc<InMemory>);

impl Memory {
    fn new() -> Self {
        Self(Arc::new(InMemory::new()))
    }

    /// An engine of small chunks that writes here.
    fn engine(&self, catalog: impl SegmentCatalog) -> SnapshotEngineBuilder {
        let store = Arc::clone(&self.0);
        SnapshotEngine::builder(catalog)
            .with_settings(small_chunks())
            .with_targets(move |_plan| Ok(Target::store(Arc::clone(&store), "out")))
    }

    fn snapshot(&self, id: SnapshotId) -> Arc<dyn PartStore> {
        let object: Arc<dyn ObjectStore> = Arc::<InMemory>::clone(&self.0);
        let multipart: Arc<dyn MultipartStore> = Arc::<InMemory>::clone(&self.0);
        Arc::new(ObjectParts::new(object, multipart, Path::from(format!("out/{id}"))))
    }

    async fn objects(&self) -> usize {
        self.0.list_with_delimiter(Some(&Path::from("out"))).await.unwrap().common_prefixes.len()
    }
}

fn request(segment: &str) -> CreateSegmentSnapshotRequest {
    CreateSegmentSnapshotRequest {
        domain_name: "shop".into(),
        segment_definition_name: segment.into(),
        data_format: "CSV".into(),
        destination_uri: Some("s3://exports/gold/".into()),
        ..CreateSegmentSnapshotRequest::default()
    }
}

fn question(segment: &str, id: SnapshotId) -> GetSegmentSnapshotRequest {
    GetSegmentSnapshotRequest {
        domain_name: "shop".into(),
        segment_definition_name: segment.into(),
        snapshot_id: id.to_string(),
    }
}

async fn create(engine: &SnapshotEngine, segment: &str) -> Result<SnapshotId, Error> {
    engine.create_segment_snapshot(&request(segment)).await?.snapshot_id.parse()
}

/// Creates a snapshot and waits for its end.
async fn run(engine: &SnapshotEngine, segment: &str) -> Job {
    let id = create(engine, segment).await.unwrap();
    engine.wait(id).await.unwrap()
}

/// The sample as `gold`, and as `endless` the sample without an end.
fn endless(reached: &Arc<Notify>) -> impl SegmentCatalog {
    let (batch, reached) = (sample("profiles.parquet"), Arc::clone(reached));
    Segments(move |segment: &str| {
        let batches = cut(&batch, 500);
        let end = Arc::clone(&reached);
        let never = stream::once(async move {
            end.notify_one();
            std::future::pending::<RecordBatch>().await
        });
        let source: Arc<dyn ProfileSource> = if segment == "endless" {
            let batches = stream::iter(batches).chain(never).map(Ok::<_, Error>);
            Arc::new(StreamSource::new(batch.schema(), batches))
        } else {
            Arc::new(source(batches))
        };
        Ok(Some(source))
    })
}

fn assert_failed(job: &Job, message: &str) {
    assert_eq!(job.status, SnapshotStatus::Failed);
    let text = job.status_message.as_deref().unwrap();
    assert!((1..=1_000).contains(&text.chars().count()));
    assert_eq!(text, message);
}
