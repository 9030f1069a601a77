//! The public behaviour of the crate, one module per stage.

mod api;
#[cfg(feature = "cli")]
mod cli;
mod plan;
mod verify;
