//! Names of objects within a snapshot: which are allowed, and which are the store's own.

use crate::error::{Cause, Result};

/// The directory of a local snapshot in which data objects wait for their completion.
pub(super) const STAGING: &str = ".staging";

/// Refuses a name that could lead out of the snapshot or meet what the store keeps for itself.
///
/// # Errors
///
/// When the name is empty, starts with a dot, or holds a separator or a control character.
pub(super) fn check(name: &str) -> Result<()> {
    let plain = !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(['/', '\\'])
        && !name.chars().any(char::is_control);
    if plain {
        return Ok(());
    }
    Err(Cause::Field { field: "object name", rule: "must be one plain path segment".to_owned() }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_snapshot() {
        for name in ["", ".", "..", "../a", "a/b", "/a", "a\\b", "a\0b", "a\nb", STAGING] {
            assert!(check(name).is_err(), "{name:?}");
        }
        for name in ["part-00000-1a2b3c4d.csv", "_manifest.json", "a..b"] {
            assert!(check(name).is_ok(), "{name:?}");
        }
    }
}
