//! The signature of a signed message: ECDSA P-384 over SHA-384 of everything before it (FIPS 186-5).
//!
//! ```text
//! u16 len │ [len] signature, DER
//! ```
//!
//! The key pair is of one message; its public half stands in the encryption context, so that the data key is bound
//! to it.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA384};
use aws_lc_rs::encoding::{AsBigEndian, EcPublicKeyCompressedBin};
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::parse::put_counted;
use crate::error::{Cause, Error, Result};

/// Signs one message as its bytes are written.
pub(crate) struct Signer {
    pair: EcdsaKeyPair,
    digest: Context,
}

impl Signer {
    /// A signer with a key pair of its own.
    pub(super) fn new() -> Result<Self> {
        let pair =
            EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).map_err(|_unspecified| failed())?;
        Ok(Self { pair, digest: Context::new(&SHA384) })
    }

    /// The public key as the context holds it: the compressed point in base64.
    pub(super) fn public_key(&self) -> Result<String> {
        let point: EcPublicKeyCompressedBin<'_> =
            self.pair.public_key().as_be_bytes().map_err(|_unspecified| failed())?;
        Ok(STANDARD.encode(point.as_ref()))
    }

    /// Takes the next bytes of the message.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
    }

    /// Appends the footer.
    pub(crate) fn finish(self, out: &mut Vec<u8>) -> Result<()> {
        let signature = self.pair.sign_digest(&self.digest.finish()).map_err(|_unspecified| failed())?;
        put_counted(out, signature.as_ref())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

/// Checks the signature of one message as its bytes are read.
pub(super) struct Verifier {
    public_key: Vec<u8>,
    digest: Context,
}

impl Verifier {
    /// A verifier with the key that the context holds.
    pub(super) fn new(public_key: Option<&str>) -> Result<Self> {
        let broken = || Error::from(Cause::Sealed { problem: "it has no key to check its signature with" });
        let public_key = public_key.and_then(|text| STANDARD.decode(text).ok()).ok_or_else(broken)?;
        Ok(Self { public_key, digest: Context::new(&SHA384) })
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
    }

    pub(super) fn check(self, signature: &[u8]) -> Result<()> {
        let key = UnparsedPublicKey::new(&ECDSA_P384_SHA384_ASN1, &self.public_key);
        key.verify_digest(&self.digest.finish(), signature)
            .map_err(|_differs| Cause::Sealed { problem: "its signature is wrong" }.into())
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

fn failed() -> Error {
    Cause::Sealing { what: "the message could not be signed" }.into()
}
