//! What several test modules need: stores that fail on purpose, and an S3 server in the process.

#[cfg(feature = "azure")]
pub(crate) mod azure;
pub(crate) mod faulty;
pub(crate) mod keys;
pub(crate) mod s3;
pub(crate) mod stores;
