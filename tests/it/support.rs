//! What several test modules need: stores that fail on purpose, and servers in the process.

#[cfg(feature = "azure")]
pub(crate) mod azure;
mod connections;
pub(crate) mod faulty;
#[cfg(feature = "gcp")]
pub(crate) mod gcs;
pub(crate) mod keys;
pub(crate) mod s3;
pub(crate) mod stores;
