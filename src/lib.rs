//! Writes customer segments out.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod api;
mod budget;
pub mod encode;
mod error;
mod export;
mod manifest;
pub mod plan;
mod progress;
mod settings;
pub mod source;
mod store;
pub mod upload;

pub use budget::Budget;
pub use error::{BoxError, Error, ErrorKind, Result};
pub use export::{ExportHandle, Exporter, ExporterBuilder, Target};
pub use manifest::{AbortReport, Checksum, Manifest, PartReceipt, abort_snapshot};
pub use plan::Format;
pub use progress::{Observer, Progress, Stage};
pub use settings::{
    CsvSettings, JsonlSettings, NonFinite, RetrySettings, Settings, UploadSettings, WideNumbers,
};
pub use store::StoreOptions;
