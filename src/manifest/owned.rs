//! An object that has one owner: created where nothing is, and read back when the answer does not say whose
//! it became.
//!
//! Invariant: an answer that was lost, a conflict and a refusal that our own write caused all end as what
//! the store holds, by the owner's nonce in it.

use bytes::Bytes;
use serde::Deserialize;

use super::{OwnerNonce, malformed};
use crate::error::{Error, Result};
use crate::upload::{PartStore, PutNew, Version};

/// Writes at most: once more when the first failed and left nothing. A second one cannot replace anything.
const ATTEMPTS: u32 = 2;

/// What became of an object of ours.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is there.
    Ours,
    /// Another's is there, of this version.
    Theirs(Version),
    /// Nothing is there; the error of the last write, if it had one.
    Missing(Option<Error>),
    /// What is there cannot be read.
    Unknown(Error),
}

/// Creates an object of this owner.
pub(super) async fn create(store: &dyn PartStore, name: &str, bytes: Bytes, owner: &OwnerNonce) -> Outcome {
    let mut missing = None;
    for _ in 0..ATTEMPTS {
        let problem = match store.put_new(name, bytes.clone()).await {
            Ok(PutNew::Created(_)) => return Outcome::Ours,
            Ok(PutNew::Exists) => None,
            Err(error) => Some(error),
        };
        match read_owner(store, name).await {
            Ok(Some((found, _))) if found == *owner => return Outcome::Ours,
            Ok(Some((_, version))) => return Outcome::Theirs(version),
            Ok(None) => missing = problem,
            Err(unreadable) => return Outcome::Unknown(problem.unwrap_or(unreadable)),
        }
        if missing.as_ref().is_some_and(|error| !error.is_retryable()) {
            break;
        }
    }
    Outcome::Missing(missing)
}

/// Whose an object is, and its version; `None` where there is none.
pub(super) async fn read_owner(store: &dyn PartStore, name: &str) -> Result<Option<(OwnerNonce, Version)>> {
    #[derive(Deserialize)]
    struct Owned {
        owner: OwnerNonce,
    }
    let Some((bytes, version)) = store.get(name).await? else { return Ok(None) };
    let Owned { owner } =
        serde_json::from_slice(&bytes).map_err(|error| malformed("the owner", name, error))?;
    Ok(Some((owner, version)))
}
