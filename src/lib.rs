//! Writes customer segments out: profiles as Arrow batches in, CSV, JSONL or ORC out, all or nothing.
//!
//! ```text
//!  files         ─┐
//!  batches        ├─▶ source ─▶ shape ─▶ batch ─▶ encode ─▶ seal ─▶ upload ─▶ manifest
//!  stream         │   Arrow     columns  chunks   N threads, with   parts,    the commit,
//!  structs       ─┘   batches   chosen   of rows  in order   a key  invisible written last
//! ```
//!
//! An [`Exporter`] reads a [source](source::ProfileSource), encodes chunks of its rows in parallel, and uploads
//! them as data objects that nobody sees; when every row is with the store the objects are completed, and the
//! manifest, written last, makes the snapshot exist. The same rows and settings give the same bytes on any
//! number of threads.
//!
//! ```
//! use std::sync::Arc;
//!
//! use segment_export::arrow::array::{ArrayRef, RecordBatch, StringArray};
//! use segment_export::object_store::memory::InMemory;
//! use segment_export::source::MemorySource;
//! use segment_export::{Exporter, Format, Target};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> segment_export::Result<()> {
//! let names: ArrayRef = Arc::new(StringArray::from(vec![Some("Zoë"), None, Some("")]));
//! let batch = RecordBatch::try_from_iter([("FirstName", names)]).map_err(segment_export::Error::from_source)?;
//! let source = MemorySource::new(batch.schema(), vec![batch])?;
//! let target = Target::store(Arc::new(InMemory::new()), "exports");
//!
//! let manifest = Exporter::builder(source, target).with_format(Format::Jsonl).build()?.run().await?;
//! assert_eq!(manifest.totals.rows, 3);
//! # Ok(())
//! # }
//! ```
//!
//! Many exports in one process, with the operations of the API around them, are run by a
//! [`SnapshotEngine`](snapshot::SnapshotEngine); `docs/embedding.md` shows a service that owns one.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `aws` | yes | `s3://` destinations and sources |
//! | `gcp` | no | `gs://` destinations and sources |
//! | `azure` | no | `az://` destinations and sources |
//! | `kms` | no | keys of AWS KMS and assumed roles (with `aws`) |
//! | `cli` | no | the program `segment-export` |
#![cfg_attr(docsrs, feature(doc_cfg))]

mod access;
pub mod api;
mod batch;
mod budget;
mod compress;
pub mod encode;
mod error;
mod export;
pub mod manifest;
pub mod plan;
mod progress;
pub mod seal;
mod settings;
mod shape;
pub mod snapshot;
pub mod source;
mod stage;
mod store;
pub mod upload;
mod verify;

pub use access::Access;
#[cfg(feature = "kms")]
pub use access::{AwsAccess, EncryptionMode};
pub use arrow;
#[cfg(feature = "kms")]
pub use aws_config;
#[cfg(feature = "kms")]
pub use aws_sdk_kms;
#[cfg(feature = "kms")]
pub use aws_sdk_sts;
pub use budget::Budget;
pub use error::{BoxError, Error, ErrorKind, Result};
pub use export::{ExportHandle, Exporter, ExporterBuilder, Target, abort};
pub use object_store;
pub use plan::Format;
pub use progress::{Counter, Histogram, Label, Observer, Progress, Recorder, Stage};
pub use settings::{
    Compression, CsvSettings, JsonlSettings, NonFinite, OrcCompression, OrcDictionary, OrcDuplicateKeys,
    OrcProfile, OrcSettings, OrcTimes, OrcUnsigned64, RetrySettings, SealSettings, Settings, UploadSettings,
    WideNumbers,
};
#[cfg(feature = "kms")]
pub use store::AssumedRole;
pub use store::StoreOptions;
pub use verify::{ObjectReport, Problem, VerifyReport, verify, verify_sealed};

/// The examples of the README, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// The examples of the embedding guide, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/embedding.md")]
pub struct Embedding;
