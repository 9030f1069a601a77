//! The header of a message: what it is sealed with, for whom, and how its body is cut.
//!
//! ```text
//! u8 2 │ u16 suite │ [32] message id │ u16 len, context │ u16 count, wrapped keys │ u8 framed │ u32 frame bytes │ [32] commitment │ [16] tag
//! ```
//!
//! The tag authenticates everything before it.

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::context::EncryptionContext;
use super::derive::Commitment;
use super::frame::{IV_BYTES, TAG_BYTES};
use super::key::{MessageId, WrappedKey};
use super::limits::OpenLimits;
use super::parse::{Fields, Stop, put_counted};
use super::suite::Suite;
use crate::error::{Cause, Result};

const VERSION: u8 = 2;
const UNFRAMED: u8 = 1;
const FRAMED: u8 = 2;

/// The IV of the header, which no frame has: they count from 1.
const HEADER_IV: [u8; IV_BYTES] = [0; IV_BYTES];

/// The fields of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) suite: Suite,
    pub(super) message_id: MessageId,
    pub(super) context: EncryptionContext,
    pub(super) keys: Vec<WrappedKey>,
    /// Bytes of a frame; `None`: the body is one block.
    pub(super) frame_bytes: Option<u32>,
    pub(super) commitment: Commitment,
}

impl Header {
    /// The header with its tag.
    pub(super) fn to_bytes(&self, key: &LessSafeKey) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(512);
        out.push(VERSION);
        out.extend_from_slice(&self.suite.id().to_be_bytes());
        out.extend_from_slice(self.message_id.as_bytes());
        put_counted(&mut out, &self.context.to_bytes()?)?;
        let count =
            u16::try_from(self.keys.len()).map_err(|_too_many| Cause::Sealing { what: "too many keys" })?;
        out.extend_from_slice(&count.to_be_bytes());
        for key in &self.keys {
            put_counted(&mut out, key.provider.as_bytes())?;
            put_counted(&mut out, &key.info)?;
            put_counted(&mut out, &key.ciphertext)?;
        }
        out.push(if self.frame_bytes.is_some() { FRAMED } else { UNFRAMED });
        out.extend_from_slice(&self.frame_bytes.unwrap_or_default().to_be_bytes());
        out.extend_from_slice(&self.commitment);
        let nonce = Nonce::assume_unique_for_key(HEADER_IV);
        let tag = key
            .seal_in_place_separate_tag(nonce, Aad::from(&out), &mut [])
            .map_err(|_unspecified| Cause::Sealing { what: "the header could not be sealed" })?;
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    /// Reads a header without its tag, and says how many bytes it takes.
    pub(super) fn parse(bytes: &[u8], limits: &OpenLimits) -> Result<(Self, usize), Stop> {
        let mut fields = Fields::new(bytes);
        if fields.u8()? != VERSION {
            return Err(Stop::Bad("it is not of format version 2"));
        }
        let suite = fields.suite()?;
        let message_id = MessageId::new(fields.array()?);
        let context = EncryptionContext::from_bytes(fields.counted()?)?;
        let keys = parse_keys(&mut fields, limits)?;
        let frame_bytes = parse_body(&mut fields, limits)?;
        let header = Self { suite, message_id, context, keys, frame_bytes, commitment: fields.array()? };
        Ok((header, bytes.len() - fields.rest().len()))
    }

    /// Checks that the header is of this key: first the commitment, then the tag.
    pub(super) fn check(
        &self,
        (key, commitment): &(LessSafeKey, Commitment),
        body: &[u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<()> {
        let broken = |problem| Cause::Sealed { problem };
        verify_slices_are_equal(commitment, &self.commitment)
            .map_err(|_differs| broken("its header does not commit to its data key"))?;
        let mut tag = *tag;
        key.open_in_place(Nonce::assume_unique_for_key(HEADER_IV), Aad::from(body), &mut tag)
            .map_err(|_differs| broken("the tag of its header is wrong"))?;
        Ok(())
    }
}

fn parse_keys(fields: &mut Fields<'_>, limits: &OpenLimits) -> Result<Vec<WrappedKey>, Stop> {
    let count = fields.u16()?;
    if count == 0 {
        return Err(Stop::Bad("it has no data key"));
    }
    if count > limits.wrapped_keys {
        return Err(Stop::Bad("it has more data keys than are read"));
    }
    let key = |_| {
        Ok(WrappedKey {
            provider: fields.text()?.to_owned(),
            info: fields.counted()?.to_vec(),
            ciphertext: fields.counted()?.to_vec(),
        })
    };
    (0..count).map(key).collect()
}

fn parse_body(fields: &mut Fields<'_>, limits: &OpenLimits) -> Result<Option<u32>, Stop> {
    match (fields.u8()?, fields.u32()?) {
        (UNFRAMED, 0) => Ok(None),
        (FRAMED, bytes) if bytes > limits.frame_bytes => {
            Err(Stop::Bad("its frames are longer than are read"))
        }
        (FRAMED, bytes) if bytes > 0 => Ok(Some(bytes)),
        _ => Err(Stop::Bad("its header does not say how its body is cut")),
    }
}
