//! The tests of public behaviour, one module for each part of the crate.

mod api;
mod plan;
mod source;
mod store;
