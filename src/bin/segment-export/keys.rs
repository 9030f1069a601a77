//! Wrapping keys by their names on the command line.

use std::path::Path;

use segment_export::plan::KeyId;
use segment_export::seal::{Keys, LocalKey};

use crate::args::{EncryptionMode, ExportArgs};
use crate::failure::Failure;

const KEY: &str = "--encryption-key";

/// What a key in a file begins with.
const LOCAL: &str = "local:";

/// Who encrypts an export, and under what.
pub(crate) enum Encryption {
    None,
    Envelope(Keys),
    SseKms(KeyId),
}

/// What the arguments of an export say of encryption.
pub(crate) fn encryption(args: &ExportArgs) -> Result<Encryption, Failure> {
    match (args.encryption, args.encryption_key.as_slice()) {
        (None, []) => Ok(Encryption::None),
        (Some(_), []) => Err(Failure::bad_argument("--encryption", "needs --encryption-key")),
        (Some(EncryptionMode::SseKms), [name]) if !name.starts_with(LOCAL) => {
            let key = name.parse().map_err(|error: segment_export::Error| Failure::before(&error))?;
            Ok(Encryption::SseKms(key))
        }
        (Some(EncryptionMode::SseKms), _) => {
            Err(Failure::bad_argument(KEY, "must be one key of KMS for sse-kms"))
        }
        (Some(EncryptionMode::Envelope) | None, names) => {
            Ok(keys(names)?.map_or(Encryption::None, Encryption::Envelope))
        }
    }
}

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
