//! What several test modules need: stores that fail on purpose, and an S3 server in the process.

pub(crate) mod faulty;
pub(crate) mod s3;
pub(crate) mod stores;
