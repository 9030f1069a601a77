//! What several test modules need: stores that fail on purpose, and an S3 server in the process.

pub mod faulty;
pub mod s3;
pub mod stores;
