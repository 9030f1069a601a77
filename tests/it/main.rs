//! The tests of public behaviour, one module for each part of the crate.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail by panicking")]

mod api;
#[cfg(feature = "cli")]
mod cli;
mod commit;
mod plan;
mod source;
mod store;
mod support;
mod upload;
mod verify;
