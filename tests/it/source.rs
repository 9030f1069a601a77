//! The sources: the same rows from every kind, errors that name their file, and bounded memory.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod memory;
mod parquet;
mod records;
mod remote;
mod support;
