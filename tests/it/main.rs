//! The tests of public behaviour, one module for each part of the crate.

#![expect(clippy::wildcard_enum_match_arm, reason = "tests match on the types that they make")]

#[cfg(test)]
mod api;
#[cfg(test)]
mod architecture;
#[cfg(test)]
#[cfg(feature = "cli")]
mod cli;
#[cfg(test)]
mod commit;
#[cfg(test)]
mod encode;
#[cfg(test)]
mod export;
#[cfg(test)]
mod golden;
#[cfg(test)]
#[cfg(feature = "kms")]
mod kms;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod orc;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod seal;
#[cfg(test)]
mod snapshot;
#[cfg(test)]
mod source;
#[cfg(test)]
mod store;
#[cfg(test)]
mod support;
#[cfg(test)]
mod upload;
#[cfg(test)]
mod verify;
