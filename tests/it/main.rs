//! The integration tests: one binary, one module a stage.

mod commit;
mod support;
mod upload;
