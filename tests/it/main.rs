//! The tests of public behaviour, one module for each part of the crate.

mod source;
mod store;
