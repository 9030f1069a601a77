//! The sources: the same rows from every kind, errors that name their file, and bounded memory.

mod csv;
mod files;
mod ipc;
mod jsonl;
mod memory;
mod parquet;
mod records;
mod remote;
mod support;
