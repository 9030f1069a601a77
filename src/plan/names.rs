//! The names in a request: domain, segment, snapshot.
//!
//! Each type holds only what its rule allows, so that a name can be part of a path, a key and a log line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Cause, Error};

/// A string type that is checked once, when it is made.
macro_rules! checked_text {
    ($(#[$meta:meta])* $name:ident, field = $field:literal, check = $check:path) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                match $check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(rule) => Err(Cause::Field { field: $field, rule: str::to_owned(rule) }.into()),
                }
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                text.to_owned().try_into()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

pub(super) use checked_text;

checked_text! {
    /// The name of a domain: 1 to 64 of `a-zA-Z0-9_-`.
    DomainName, field = "DomainName", check = check_name
}

checked_text! {
    /// The name of a segment definition: 1 to 64 of `a-zA-Z0-9_-`.
    SegmentName, field = "SegmentDefinitionName", check = check_name
}

fn check_name(text: &str) -> Result<(), &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    match text.len() {
        1..=64 if text.bytes().all(allowed) => Ok(()),
        _ => Err("must have 1 to 64 characters of a-z, A-Z, 0-9, `_` and `-`"),
    }
}

/// The id of a snapshot: 16 bytes, written as 32 of `a-f0-9`.
///
/// ```
/// use segment_export::plan::SnapshotId;
///
/// let id: SnapshotId = "00112233445566778899aabbccddeeff".parse()?;
/// assert_eq!(id, SnapshotId::from_bytes(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff_u128.to_be_bytes()));
/// assert!("00112233445566778899AABBCCDDEEFF".parse::<SnapshotId>().is_err());
/// # Ok::<(), segment_export::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SnapshotId([u8; 16]);

impl SnapshotId {
    /// The id of these bytes: take them from a random source.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for SnapshotId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse_hex(text.as_bytes()).map(Self).ok_or_else(|| {
            Cause::Field { field: "SnapshotId", rule: "must have 32 characters of a-f and 0-9".to_owned() }
                .into()
        })
    }
}

fn parse_hex(text: &[u8]) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = (hex_digit(digits[0])? << 4) | hex_digit(digits[1])?;
    }
    Some(bytes)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl TryFrom<String> for SnapshotId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<SnapshotId> for String {
    fn from(id: SnapshotId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotId({self})")
    }
}
