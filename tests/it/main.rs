//! The public behaviour of the crate, one module per stage.

mod api;
mod plan;
mod verify;
