//! The integration tests: one binary, one module a stage.

#[cfg(test)]
mod commit;
#[cfg(test)]
mod support;
#[cfg(test)]
mod upload;
