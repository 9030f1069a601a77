//! The frames of a message: pure functions of key, message id, number and bytes.
//!
//! ```text
//! regular   u32 n │ [12] IV │ [frame bytes] ciphertext │ [16] tag
//! final     u32 0xFFFFFFFF │ u32 n │ [12] IV │ u32 len │ [len] ciphertext │ [16] tag
//! ```
//!
//! `n` counts from 1; `IV = n`, padded with zeroes on its left;
//! `AAD = message id │ kind │ u32 n │ u64 len`. AES-256-GCM (NIST SP 800-38D).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};

use super::key::{MESSAGE_ID_BYTES, MessageId};
use super::parse::Stop;
use crate::error::{Cause, Error, Result};

/// Bytes of an IV.
pub(super) const IV_BYTES: usize = 12;

/// Bytes of a tag.
pub(super) const TAG_BYTES: usize = 16;

/// Bytes of the number of a frame.
pub(super) const NUMBER_BYTES: usize = 4;

/// What stands where the number of a regular frame does, in the final one.
pub(super) const FINAL_MARK: u32 = u32::MAX;

/// Bytes of a regular frame besides its ciphertext.
pub(super) const REGULAR_BYTES: usize = NUMBER_BYTES + IV_BYTES + TAG_BYTES;

/// Bytes of a final frame besides its ciphertext: a mark and a length more.
pub(super) const FINAL_BYTES: usize = 2 * NUMBER_BYTES + IV_BYTES + NUMBER_BYTES + TAG_BYTES;

/// What a block of ciphertext is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Regular,
    Final,
    /// The whole body of a message without frames.
    Single,
}

impl Kind {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Regular => b"AWSKMSEncryptionClient Frame",
            Self::Final => b"AWSKMSEncryptionClient Final Frame",
            Self::Single => b"AWSKMSEncryptionClient Single Block",
        }
    }
}

/// The number of a frame, from 1, and the one source of its IV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FrameNumber(u32);

impl FrameNumber {
    pub(super) const FIRST: Self = Self(1);

    /// The number of frame `index`, counted from 0.
    pub(super) fn of(index: u64) -> Result<Self> {
        let number = index.checked_add(1).and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| *number < FINAL_MARK);
        number
            .map(Self)
            .ok_or_else(|| Cause::Sealing { what: "an object has more frames than the format allows" }.into())
    }

    pub(super) fn get(self) -> u32 {
        self.0
    }

    fn iv(self) -> [u8; IV_BYTES] {
        let mut iv = [0; IV_BYTES];
        iv[IV_BYTES - NUMBER_BYTES..].copy_from_slice(&self.0.to_be_bytes());
        iv
    }
}

/// What authenticates a frame besides its ciphertext.
fn aad(id: &MessageId, kind: Kind, number: FrameNumber, len: usize) -> Aad<Vec<u8>> {
    let mut aad = Vec::with_capacity(MESSAGE_ID_BYTES + kind.label().len() + NUMBER_BYTES + size_of::<u64>());
    aad.extend_from_slice(id.as_bytes());
    aad.extend_from_slice(kind.label());
    aad.extend_from_slice(&number.0.to_be_bytes());
    aad.extend_from_slice(&(len as u64).to_be_bytes());
    Aad::from(aad)
}

/// Seals the frames of one message, in any order and on any number of threads.
#[derive(Clone)]
pub(crate) struct FrameSealer {
    key: Arc<LessSafeKey>,
    id: MessageId,
    frame_bytes: u32,
}

impl FrameSealer {
    pub(super) fn new(key: Arc<LessSafeKey>, id: MessageId, frame_bytes: u32) -> Self {
        Self { key, id, frame_bytes }
    }

    /// Bytes of a frame.
    pub(crate) fn frame_bytes(&self) -> usize {
        usize::try_from(self.frame_bytes).unwrap_or(usize::MAX)
    }

    /// Appends frame `index`, whose bytes are those of `plain` one after the other.
    pub(crate) fn seal(&self, index: u64, kind: Kind, plain: [&[u8]; 2], out: &mut Vec<u8>) -> Result<()> {
        let number = FrameNumber::of(index)?;
        let len = plain[0].len() + plain[1].len();
        if kind == Kind::Final {
            out.extend_from_slice(&FINAL_MARK.to_be_bytes());
        }
        out.extend_from_slice(&number.0.to_be_bytes());
        out.extend_from_slice(&number.iv());
        if kind == Kind::Final {
            let len =
                u32::try_from(len).map_err(|_too_long| Cause::Sealing { what: "a frame is too long" })?;
            out.extend_from_slice(&len.to_be_bytes());
        }
        let start = out.len();
        out.extend_from_slice(plain[0]);
        out.extend_from_slice(plain[1]);
        let nonce = Nonce::assume_unique_for_key(number.iv());
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, aad(&self.id, kind, number, len), &mut out[start..])
            .map_err(|_unspecified| Cause::Sealing { what: "a frame could not be sealed" })?;
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }
}

impl fmt::Debug for FrameSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameSealer").field("frame_bytes", &self.frame_bytes).finish_non_exhaustive()
    }
}

/// A frame that is whole, and not opened yet.
#[derive(Clone, Copy)]
pub(super) struct SealedFrame<'a> {
    pub(super) kind: Kind,
    pub(super) number: FrameNumber,
    pub(super) iv: [u8; IV_BYTES],
    pub(super) ciphertext: &'a [u8],
    pub(super) tag: [u8; TAG_BYTES],
}

/// Opens the frames of one message whose header was checked.
#[derive(Clone)]
pub(crate) struct FrameOpener {
    key: Arc<LessSafeKey>,
    id: MessageId,
}

impl FrameOpener {
    pub(super) fn new(key: Arc<LessSafeKey>, id: MessageId) -> Self {
        Self { key, id }
    }

    /// Appends the bytes of a frame whose tag is right.
    pub(super) fn open(&self, frame: &SealedFrame<'_>, plain: &mut Vec<u8>) -> Result<()> {
        let SealedFrame { kind, number, iv, ciphertext, tag } = *frame;
        let start = plain.len();
        plain.resize(start + ciphertext.len(), 0);
        let aad = aad(&self.id, kind, number, ciphertext.len());
        let nonce = Nonce::assume_unique_for_key(iv);
        let opened = self.key.open_separate_gather(nonce, aad, ciphertext, &tag, &mut plain[start..]);
        opened.map_err(|_differs| {
            plain.truncate(start);
            Error::from(Stop::Bad("the tag of a frame is wrong"))
        })
    }
}

impl fmt::Debug for FrameOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FrameOpener")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_would_be_the_final_mark_is_an_error() {
        let last = u64::from(u32::MAX) - 2;
        assert_eq!(FrameNumber::of(0).unwrap(), FrameNumber::FIRST);
        assert_eq!(FrameNumber::of(last).unwrap().get(), u32::MAX - 1);
        assert!(FrameNumber::of(last + 1).is_err() && FrameNumber::of(u64::MAX).is_err());
    }

    #[test]
    fn no_two_frames_have_one_iv_and_none_has_that_of_the_header() {
        let ivs: std::collections::BTreeSet<_> =
            (0..1000).map(|index| FrameNumber::of(index).unwrap().iv()).collect();
        assert!(ivs.len() == 1000 && !ivs.contains(&[0; IV_BYTES]));
    }
}
