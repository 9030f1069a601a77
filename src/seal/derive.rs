//! The key of one message, made of its data key, and the commitment to it.
//!
//! `PRK = HKDF-Extract-SHA512(message id, data key)`; `key = Expand(PRK, suite || "DERIVEKEY", 32)`;
//! `commitment = Expand(PRK, "COMMITKEY", 32)` (RFC 5869).

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Prk, Salt};
use zeroize::Zeroizing;

use super::key::{DATA_KEY_BYTES, DataKey, MessageId};
use super::suite::Suite;
use crate::error::{Cause, Result};

/// Bytes of the commitment to a key.
pub(super) const COMMITMENT_BYTES: usize = 32;

const DERIVE_LABEL: &[u8] = b"DERIVEKEY";
const COMMIT_LABEL: &[u8] = b"COMMITKEY";

/// The bytes of a commitment.
pub(super) type Commitment = [u8; COMMITMENT_BYTES];

/// A length that HKDF expands to.
struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// The key that the frames of a message are sealed with, and the commitment to it.
pub(super) fn derive(key: &DataKey, id: &MessageId, suite: Suite) -> Result<(LessSafeKey, Commitment)> {
    let prk = Salt::new(HKDF_SHA512, id.as_bytes()).extract(key.as_bytes());
    let mut derived = Zeroizing::new([0; DATA_KEY_BYTES]);
    expand(&prk, &[&suite.id().to_be_bytes(), DERIVE_LABEL], &mut *derived)?;
    let mut commitment = [0; COMMITMENT_BYTES];
    expand(&prk, &[COMMIT_LABEL], &mut commitment)?;
    Ok((aead_key(&derived)?, commitment))
}

/// AES-256-GCM with these 32 bytes.
pub(super) fn aead_key(bytes: &[u8; DATA_KEY_BYTES]) -> Result<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, bytes)
        .map_err(|_unspecified| Cause::Sealing { what: "the key was refused" })?;
    Ok(LessSafeKey::new(key))
}

fn expand(prk: &Prk, info: &[&[u8]], out: &mut [u8]) -> Result<()> {
    let expanded = prk.expand(info, Bytes(out.len())).and_then(|okm| okm.fill(out));
    expanded.map_err(|_unspecified| Cause::Sealing { what: "no key could be derived" }.into())
}
