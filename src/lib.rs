//! Writes customer segments out.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod api;
mod batch;
mod budget;
pub mod encode;
mod error;
mod export;
pub mod manifest;
pub mod plan;
mod progress;
mod settings;
mod shape;
pub mod source;
mod stage;
mod store;
pub mod upload;
mod verify;

pub use budget::Budget;
pub use error::{BoxError, Error, ErrorKind, Result};
pub use export::{ExportHandle, Exporter, ExporterBuilder, Target, abort};
pub use plan::Format;
pub use progress::{Observer, Progress, Stage};
pub use settings::{
    CsvSettings, JsonlSettings, NonFinite, RetrySettings, Settings, UploadSettings, WideNumbers,
};
pub use store::StoreOptions;
pub use verify::{ObjectReport, Problem, VerifyReport, verify};
