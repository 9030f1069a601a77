//! The encryption context: pairs of texts that a data key is bound to, and that stand in the header in clear.

use std::collections::BTreeMap;
use std::fmt;

use super::parse::{Fields, Stop, put_counted};
use crate::error::{Cause, Error, Result};

/// Keys that begin so are the format's own.
const RESERVED: &str = "aws-crypto-";

/// The key under which a signed message holds what its signature is checked with.
const PUBLIC_KEY: &str = "aws-crypto-public-key";

/// What a data key is bound to: pairs of texts, sorted by their keys.
///
/// It is no secret: it stands in the header of each message and in the log of the key service. Nothing of a
/// person belongs into it.
///
/// ```
/// use segment_export::seal::EncryptionContext;
///
/// let context = EncryptionContext::new([("domain", "shop"), ("format", "CSV")])?;
/// assert_eq!(context.get("domain"), Some("shop"));
/// # Ok::<(), segment_export::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct EncryptionContext {
    pairs: BTreeMap<String, String>,
}

impl EncryptionContext {
    /// A context of these pairs; of two with one key the later one counts.
    ///
    /// # Errors
    ///
    /// When a key is empty or begins with `aws-crypto-`, or all of it is longer than 65,535 bytes.
    pub fn new<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Result<Self>
    where
        K: Into<String>,
        V: Into<String>,
    {
        let pairs = pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        let context = Self { pairs };
        if context.pairs.keys().any(|key| key.is_empty() || key.starts_with(RESERVED)) {
            return Err(broken("must have keys that are not empty and do not begin with `aws-crypto-`"));
        }
        if u16::try_from(context.to_bytes()?.len()).is_err() {
            return Err(broken("must have at most 65535 bytes"));
        }
        Ok(context)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs.get(key).map(String::as_str)
    }

    /// The pairs in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The context with the key that the signature is checked with.
    pub(super) fn with_public_key(mut self, key: String) -> Self {
        self.pairs.insert(PUBLIC_KEY.to_owned(), key);
        self
    }

    pub(super) fn public_key(&self) -> Option<&str> {
        self.get(PUBLIC_KEY)
    }

    /// Its bytes, as they stand in the header and are authenticated; none where it is empty.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        if self.pairs.is_empty() {
            return Ok(out);
        }
        let count =
            u16::try_from(self.pairs.len()).map_err(|_too_many| broken("must have at most 65535 pairs"))?;
        out.extend_from_slice(&count.to_be_bytes());
        for (key, value) in &self.pairs {
            put_counted(&mut out, key.as_bytes())?;
            put_counted(&mut out, value.as_bytes())?;
        }
        Ok(out)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) writes; all of the bytes must belong to it.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Stop> {
        const BAD: Stop = Stop::Bad("its encryption context is broken");
        let mut context = Self::default();
        if bytes.is_empty() {
            return Ok(context);
        }
        let mut fields = Fields::new(bytes);
        let count = fields.u16().map_err(|_short| BAD)?;
        for _ in 0..count {
            let (key, value) = (fields.text().map_err(|_short| BAD)?, fields.text().map_err(|_short| BAD)?);
            if context.pairs.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(BAD);
            }
        }
        if count == 0 || !fields.rest().is_empty() {
            return Err(BAD);
        }
        Ok(context)
    }
}

impl fmt::Debug for EncryptionContext {
    /// Shows the keys only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionContext ")?;
        f.debug_set().entries(self.pairs.keys()).finish()
    }
}

fn broken(rule: &str) -> Error {
    Cause::Field { field: "the encryption context", rule: rule.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_sorted_by_their_keys_and_come_back() {
        let context = EncryptionContext::new([("b", "2"), ("B", "1"), ("é", "")]).unwrap();
        let bytes = context.to_bytes().unwrap();
        assert_eq!(bytes, b"\0\x03\0\x01B\0\x011\0\x01b\0\x012\0\x02\xc3\xa9\0\0");
        assert_eq!(EncryptionContext::from_bytes(&bytes), Ok(context));
        assert_eq!(EncryptionContext::default().to_bytes().unwrap(), b"", "no count where there is nothing");
    }

    #[test]
    fn a_context_that_is_broken_is_refused() {
        let broken: [&[u8]; 6] = [
            b"\0",
            b"\0\0",
            b"\0\x01\0\x01a\0\x05b",
            b"\0\x01\0\x01a\0\0x",
            b"\0\x02\0\x01a\0\0\0\x01a\0\0",
            b"\0\x01\0\x01\xff\0\0",
        ];
        for bytes in broken {
            assert!(matches!(EncryptionContext::from_bytes(bytes), Err(Stop::Bad(_))), "{bytes:?}");
        }
    }

    #[test]
    fn keys_of_the_format_are_not_given_by_users() {
        for key in ["aws-crypto-public-key", "aws-crypto-", ""] {
            assert!(EncryptionContext::new([(key, "x")]).is_err(), "{key}");
        }
        let long = "x".repeat(40_000);
        assert!(EncryptionContext::new([("a", &long), ("b", &long)]).is_err());
        assert!(EncryptionContext::new([("a", "x".repeat(70_000))]).is_err());
    }

    #[test]
    fn values_are_not_shown() {
        let context = EncryptionContext::new([("segment", "big spenders")]).unwrap();
        assert_eq!(format!("{context:?}"), r#"EncryptionContext {"segment"}"#);
    }
}
