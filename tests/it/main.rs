//! The public behaviour of the crate, one module per stage.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail by panicking")]

mod api;
#[cfg(feature = "cli")]
mod cli;
mod plan;
mod verify;
