//! Wrapping keys by their names on the command line.

use std::path::Path;

use segment_export::seal::{Keys, LocalKey};

use crate::failure::Failure;

const KEY: &str = "--encryption-key";

/// What a key in a file begins with.
const LOCAL: &str = "local:";

/// The keys of these names, the first of which makes data keys; `None` where there is no name.
pub(crate) fn keys(names: &[String]) -> Result<Option<Keys>, Failure> {
    let mut keys: Option<Keys> = None;
    for name in names {
        let key = key(name)?;
        keys = Some(match keys {
            Some(keys) => keys.with_further(key),
            None => Keys::new(key),
        });
    }
    Ok(keys)
}

fn key(name: &str) -> Result<LocalKey, Failure> {
    match name.strip_prefix(LOCAL) {
        Some(path) => LocalKey::read(Path::new(path)).map_err(|error| Failure::before(&error)),
        // The name is not repeated: a key given by mistake in clear would end in a log.
        None => Err(Failure::not_available(&format!("{KEY} with a key of KMS"))),
    }
}
