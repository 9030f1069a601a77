//! The tests of public behaviour, one module for each part of the crate.

mod api;
mod commit;
mod plan;
mod source;
mod store;
mod support;
mod upload;
