//! A wrapping key in a file: AES-256-GCM, as the raw AES keyrings of the SDKs read it.
//!
//! `info = name || u32 128 || u32 12 || IV`; `ciphertext = AES-256-GCM(key, IV, data key, AAD = context) || tag`.

use std::fmt;
use std::io::Read;
use std::path::Path;

use async_trait::async_trait;
use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

use super::context::EncryptionContext;
use super::derive::aead_key;
use super::frame::{IV_BYTES, TAG_BYTES};
use super::key::{DATA_KEY_BYTES, DataKey, KeyProvider, NewKey, WrappedKey, fill_random};
use super::parse::Fields;
use crate::error::{Cause, Error, Result};

/// The namespace of keys whose owner gives them none.
const NAMESPACE: &str = "segment-export";

/// The provider id of KMS, which no raw key may use.
const KMS: &str = "aws-kms";

/// Bytes of a file that may hold a key: 64 digits and a line end, with room to see that there is more.
const FILE_BYTES: u64 = 128;

/// Bytes of a fingerprint that name a key: enough to tell keys apart, and no help to guess one.
const NAME_BYTES: usize = 8;

/// A wrapping key that is known as such: for tests, for local use, for destinations outside of AWS.
///
/// Its namespace and name stand in each header; the raw AES keyring of an SDK must be told both.
pub struct LocalKey {
    key: LessSafeKey,
    namespace: String,
    name: String,
}

impl LocalKey {
    /// A key of these 32 bytes, of which the caller wipes its own copy; its name is drawn from them.
    ///
    /// # Errors
    ///
    /// When the key is refused.
    pub fn new(key: &[u8; DATA_KEY_BYTES]) -> Result<Self> {
        let fingerprint = digest(&SHA256, key);
        let name = fingerprint.as_ref().iter().take(NAME_BYTES).map(|byte| format!("{byte:02x}"));
        Ok(Self { key: aead_key(key)?, namespace: NAMESPACE.to_owned(), name: name.collect() })
    }

    /// Reads a key file: 32 bytes, or 64 hex digits and perhaps a line end.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |source: std::io::Error| -> Error {
            Cause::Io { operation: "reading the key file", path: path.display().to_string(), source }.into()
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(256));
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(FILE_BYTES).read_to_end(&mut bytes).map_err(failed)?;
        let rule =
            || Cause::Field { field: "a key file", rule: "must hold 32 bytes or 64 hex digits".to_owned() };
        let key = parse_key(&bytes).ok_or_else(rule)?;
        Self::new(&key)
    }

    /// Takes another namespace and name.
    ///
    /// # Errors
    ///
    /// When one is empty or too long, or the namespace is that of KMS.
    pub fn with_name(mut self, namespace: impl Into<String>, name: impl Into<String>) -> Result<Self> {
        (self.namespace, self.name) = (namespace.into(), name.into());
        let is_short = |text: &str| (1..=255).contains(&text.len());
        if is_short(&self.namespace) && is_short(&self.name) && self.namespace != KMS {
            return Ok(self);
        }
        let rule = "must have 1 to 255 bytes, and a namespace other than `aws-kms`".to_owned();
        Err(Cause::Field { field: "the name of a local key", rule }.into())
    }

    /// The namespace, which a raw AES keyring calls key namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name, which a raw AES keyring calls key name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn wrap(&self, key: &DataKey, context: &EncryptionContext) -> Result<WrappedKey> {
        let mut iv = [0; IV_BYTES];
        fill_random(&mut iv)?;
        let mut ciphertext = key.as_bytes().to_vec();
        let aad = Aad::from(context.to_bytes()?);
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(iv), aad, &mut ciphertext)
            .map_err(|_unspecified| Cause::Sealing { what: "a data key could not be wrapped" })?;
        Ok(WrappedKey { provider: self.namespace.clone(), info: self.info(iv), ciphertext })
    }

    fn info(&self, iv: [u8; IV_BYTES]) -> Vec<u8> {
        let bits = u32::try_from(TAG_BYTES * 8).unwrap_or_default().to_be_bytes();
        let iv_bytes = u32::try_from(IV_BYTES).unwrap_or_default().to_be_bytes();
        [self.name.as_bytes(), &bits, &iv_bytes, &iv].concat()
    }

    /// The IV of a key that is wrapped by this one.
    fn iv_of(&self, wrapped: &WrappedKey) -> Option<[u8; IV_BYTES]> {
        let mut fields = Fields::new(wrapped.info.strip_prefix(self.name.as_bytes())?);
        fields.take(2 * size_of::<u32>()).ok()?;
        let iv = fields.array().ok()?;
        (wrapped.provider == self.namespace && wrapped.info == self.info(iv)).then_some(iv)
    }
}

#[async_trait]
impl KeyProvider for LocalKey {
    fn key_id(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    async fn generate_key(&self, context: &EncryptionContext) -> Result<NewKey> {
        let key = DataKey::random()?;
        let wrapped = self.wrap(&key, context)?;
        Ok(NewKey { key, wrapped })
    }

    async fn wrap_key(&self, key: &DataKey, context: &EncryptionContext) -> Result<WrappedKey> {
        self.wrap(key, context)
    }

    async fn unwrap_key(&self, wrapped: &WrappedKey, context: &EncryptionContext) -> Result<Option<DataKey>> {
        let Some(iv) = self.iv_of(wrapped) else { return Ok(None) };
        let mut bytes = Zeroizing::new(wrapped.ciphertext.clone());
        let aad = Aad::from(context.to_bytes()?);
        let opened = self.key.open_in_place(Nonce::assume_unique_for_key(iv), aad, &mut bytes);
        let key = opened.ok().and_then(|plain| DataKey::from_slice(plain));
        let key = key.ok_or(Cause::Sealed { problem: "its data key is not of this key and context" })?;
        Ok(Some(key))
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey")
            .field("namespace", &self.namespace)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The key that a file holds; `None` when it holds something else.
fn parse_key(bytes: &[u8]) -> Option<Zeroizing<[u8; DATA_KEY_BYTES]>> {
    let mut key = Zeroizing::new([0; DATA_KEY_BYTES]);
    if bytes.len() == DATA_KEY_BYTES {
        key.copy_from_slice(bytes);
        return Some(key);
    }
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != DATA_KEY_BYTES || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in key.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(key)
}

fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> LocalKey {
        LocalKey::new(&[byte; DATA_KEY_BYTES]).unwrap()
    }

    #[test]
    fn a_key_is_32_bytes_or_64_digits() {
        let bytes = [0xa7; DATA_KEY_BYTES];
        let digits = "A7".repeat(16) + &"a7".repeat(16);
        for text in [digits.clone(), format!("{digits}\n"), format!("{digits}\r\n")] {
            assert_eq!(*parse_key(text.as_bytes()).unwrap(), bytes);
        }
        assert_eq!(*parse_key(&bytes).unwrap(), bytes);
        for wrong in
            [&digits[1..], &format!("{digits}0"), &format!("{digits} "), &digits.replace('7', "g"), ""]
        {
            assert!(parse_key(wrong.as_bytes()).is_none(), "{wrong}");
        }
        assert!(parse_key(&[0; 33]).is_none() && parse_key(&[0; 31]).is_none());
    }

    #[tokio::test]
    async fn a_data_key_opens_under_its_own_key_and_context_only() {
        let context = EncryptionContext::new([("a", "b")]).unwrap();
        let NewKey { key: made, wrapped } = key(1).generate_key(&context).await.unwrap();
        let opened = key(1).unwrap_key(&wrapped, &context).await.unwrap().unwrap();
        assert_eq!(opened.as_bytes(), made.as_bytes());

        let other = EncryptionContext::new([("a", "c")]).unwrap();
        assert!(key(1).unwrap_key(&wrapped, &other).await.is_err());
        assert!(key(2).unwrap_key(&wrapped, &context).await.unwrap().is_none(), "of another name");
        let named = key(2).with_name(NAMESPACE, key(1).name()).unwrap();
        assert!(named.unwrap_key(&wrapped, &context).await.is_err(), "of another key with this name");
        for at in 0..wrapped.ciphertext.len() {
            let mut broken = wrapped.clone();
            broken.ciphertext[at] ^= 1;
            assert!(key(1).unwrap_key(&broken, &context).await.is_err());
        }
    }

    #[test]
    fn the_namespace_of_kms_is_not_for_raw_keys() {
        assert!(key(1).with_name("aws-kms", "x").is_err());
        assert!(key(1).with_name("", "x").is_err() && key(1).with_name("x", "").is_err());
    }
}
