//! The names of a snapshot's objects, and the mark of the attempt that they carry.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Cause, Error};

/// The object by which an export claims a snapshot id.
pub const CLAIM: &str = "_claim.json";

/// The object that makes a snapshot complete.
pub const MANIFEST: &str = "_manifest.json";

/// The manifest of a sealed snapshot once more, as a sealed message: nobody without the key can make it.
pub const SEALED_MANIFEST: &str = "_manifest.sealed";

/// Digits of a nonce that mark its attempt in the names of data objects.
const ATTEMPT_DIGITS: usize = 8;

/// What one attempt to write a snapshot has for itself: 32 hex digits at random.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OwnerNonce(String);

impl OwnerNonce {
    /// The nonce of this random number.
    ///
    /// ```
    /// let nonce = segment_export::manifest::OwnerNonce::new(0x1a2b_3c4d << 96);
    /// assert_eq!(nonce.attempt(), "1a2b3c4d");
    /// ```
    pub fn new(random: u128) -> Self {
        Self(format!("{random:032x}"))
    }

    /// The mark of the attempt in the names of its data objects: 8 hex digits.
    pub fn attempt(&self) -> &str {
        &self.0[..ATTEMPT_DIGITS]
    }

    /// All 32 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OwnerNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for OwnerNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for OwnerNonce {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        if text.len() == 32 && is_hex(&text) {
            return Ok(Self(text));
        }
        Err(Cause::Field { field: "owner", rule: "must be 32 lowercase hex digits".to_owned() }.into())
    }
}

impl From<OwnerNonce> for String {
    fn from(nonce: OwnerNonce) -> Self {
        nonce.0
    }
}

/// The name of data object `index` of an attempt, such as `part-00000-1a2b3c4d.csv`.
///
/// ```
/// use segment_export::manifest::{OwnerNonce, part_name};
///
/// let nonce = OwnerNonce::new(0x1a2b_3c4d << 96);
/// assert_eq!(part_name(7, &nonce, "csv.gz"), "part-00007-1a2b3c4d.csv.gz");
/// ```
pub fn part_name(index: u32, owner: &OwnerNonce, suffix: &str) -> String {
    format!("part-{index:05}-{}.{suffix}", owner.attempt())
}

/// The mark of the attempt in the name of a data object; `None` for any other name.
pub(super) fn attempt_of(name: &str) -> Option<&str> {
    let (number, rest) = name.strip_prefix("part-")?.split_once('-')?;
    let (attempt, suffix) = rest.split_once('.')?;
    let is_part = number.len() >= 5
        && number.bytes().all(|b| b.is_ascii_digit())
        && attempt.len() == ATTEMPT_DIGITS
        && is_hex(attempt)
        && !suffix.is_empty();
    is_part.then_some(attempt)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_data_objects_have_an_attempt() {
        assert_eq!(attempt_of("part-00000-1a2b3c4d.csv"), Some("1a2b3c4d"));
        assert_eq!(attempt_of("part-123456-1a2b3c4d.jsonl.gz.encrypted"), Some("1a2b3c4d"));
        let others = [
            MANIFEST,
            CLAIM,
            "part-00000-1a2b3c4d",
            "part-00000-1a2b3c4d.",
            "part-0000-1a2b3c4d.csv",
            "part-00000-1A2B3C4D.csv",
            "part-00000-c000.snappy.parquet",
            "my-part-00000-1a2b3c4d.csv",
        ];
        for name in others {
            assert_eq!(attempt_of(name), None, "{name}");
        }
    }

    #[test]
    fn a_nonce_is_parsed_once() {
        let nonce = OwnerNonce::new(u128::MAX);
        assert_eq!(OwnerNonce::try_from(String::from(nonce.clone())).unwrap(), nonce);
        for text in ["", "1a2b3c4d", "1A2B3C4D00000000000000000000000000", &"é".repeat(16)] {
            assert!(OwnerNonce::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
