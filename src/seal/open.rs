//! Reads a message that nobody vouches for, as its bytes come.
//!
//! [`MessageReader`] gathers the header; its [`MessageHeader`] says which data key is needed, and becomes an
//! [`Opener`] with it. Bytes of a frame are given out when its tag is right, and those of the last one when the
//! message is over and, if it is signed, its signature is right too.
//!
//! Invariants: what is held is at most the header, or a frame and what was pushed; every byte is accounted for.

use std::fmt;
use std::sync::Arc;

use super::context::EncryptionContext;
use super::derive::derive;
use super::frame::{FINAL_MARK, FrameNumber, FrameOpener, Kind, REGULAR_BYTES, SealedFrame, TAG_BYTES};
use super::header::Header;
use super::key::{DataKey, WrappedKey};
use super::limits::OpenLimits;
use super::parse::{Fields, Stop};
use super::sign::Verifier;
use super::suite::Suite;
use crate::error::{Error, Result};

/// Gathers the header of a message.
#[derive(Debug)]
pub struct MessageReader {
    limits: OpenLimits,
    bytes: Vec<u8>,
}

impl MessageReader {
    /// A reader of one message.
    pub fn new(limits: OpenLimits) -> Self {
        Self { limits, bytes: Vec::new() }
    }

    /// Takes the next bytes; gives the header once it is whole, and what came after it in it.
    ///
    /// # Errors
    ///
    /// When it is no header of a message, or asks for more than the limits allow.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<MessageHeader>> {
        self.bytes.extend_from_slice(bytes);
        let (header, len) = match Header::parse(&self.bytes, &self.limits) {
            Ok(parsed) => parsed,
            Err(Stop::Short) => return Ok(None),
            Err(bad @ Stop::Bad(_)) => return Err(bad.into()),
        };
        if self.bytes.len() < len + TAG_BYTES {
            return Ok(None);
        }
        Ok(Some(MessageHeader { limits: self.limits, header, len, bytes: std::mem::take(&mut self.bytes) }))
    }

    /// What it is when no more bytes come: cut short.
    pub fn finish(self) -> Error {
        Stop::Short.into()
    }
}

/// The header of a message: not to be trusted before [`open`](Self::open).
#[derive(Debug)]
pub struct MessageHeader {
    limits: OpenLimits,
    header: Header,
    /// Bytes of the header without its tag.
    len: usize,
    /// The header, its tag, and what came after it.
    bytes: Vec<u8>,
}

impl MessageHeader {
    /// The algorithm suite.
    pub fn suite(&self) -> Suite {
        self.header.suite
    }

    /// The encryption context.
    pub fn context(&self) -> &EncryptionContext {
        &self.header.context
    }

    /// The encrypted data keys: any of them opens the message.
    pub fn wrapped_keys(&self) -> &[WrappedKey] {
        &self.header.keys
    }

    /// Bytes of a frame; `None` for a body without frames.
    pub(crate) fn frame_bytes(&self) -> Option<u32> {
        self.header.frame_bytes
    }

    /// Bytes of the header with its tag.
    pub(crate) fn header_bytes(&self) -> usize {
        self.len + TAG_BYTES
    }

    /// Checks the header by its data key, and goes on with the body.
    ///
    /// # Errors
    ///
    /// When the message is not of this key, or its header was changed.
    pub fn open(self, key: &DataKey) -> Result<Opener> {
        let Self { limits, header, len, mut bytes } = self;
        let derived = derive(key, &header.message_id, header.suite)?;
        let body = bytes.split_off(len + TAG_BYTES);
        let tag = Fields::new(&bytes[len..]).array::<TAG_BYTES>()?;
        header.check(&derived, &bytes[..len], &tag)?;
        let mut verifier =
            header.suite.is_signed().then(|| Verifier::new(header.context.public_key())).transpose()?;
        if let Some(verifier) = &mut verifier {
            verifier.update(&bytes);
        }
        Ok(Opener {
            frames: FrameOpener::new(Arc::new(derived.0), header.message_id),
            frame_bytes: header.frame_bytes,
            unframed_bytes: limits.unframed_bytes,
            verifier,
            next_index: 0,
            last: None,
            pending: body,
        })
    }
}

/// Opens the body of a message whose header was checked.
pub struct Opener {
    frames: FrameOpener,
    frame_bytes: Option<u32>,
    unframed_bytes: u64,
    verifier: Option<Verifier>,
    next_index: u64,
    /// The bytes of the final frame, until the message is over.
    last: Option<Vec<u8>>,
    /// What was pushed and not read.
    pending: Vec<u8>,
}

impl Opener {
    /// Takes the next bytes, and appends those of the frames that are whole.
    ///
    /// # Errors
    ///
    /// When a frame was changed, is missing or out of order, or bytes come after the end.
    pub fn push(&mut self, bytes: &[u8], plain: &mut Vec<u8>) -> Result<()> {
        self.pending.extend_from_slice(bytes);
        let pending = std::mem::take(&mut self.pending);
        let mut fields = Fields::new(&pending);
        while self.last.is_none() && self.open_next(&mut fields, plain)? {}
        let is_over = self.last.is_some() && self.verifier.is_none();
        if is_over && !fields.rest().is_empty() {
            return Err(Stop::Bad("bytes come after its end").into());
        }
        let read = pending.len() - fields.rest().len();
        self.pending = pending;
        self.pending.drain(..read);
        Ok(())
    }

    /// Ends the message, and appends the bytes that were held back.
    ///
    /// # Errors
    ///
    /// When the message is cut short, or its signature is wrong.
    pub fn finish(mut self, plain: &mut Vec<u8>) -> Result<()> {
        self.push(&[], plain)?;
        let last = self.last.take().ok_or(Stop::Short)?;
        if let Some(verifier) = self.verifier.take() {
            let mut footer = Fields::new(&self.pending);
            let signature = footer.counted()?;
            if !footer.rest().is_empty() {
                return Err(Stop::Bad("bytes come after its end").into());
            }
            verifier.check(signature)?;
        }
        plain.extend_from_slice(&last);
        Ok(())
    }

    /// What opens frames out of order: nothing of it says whether the message is whole.
    pub(crate) fn frames(&self) -> FrameOpener {
        self.frames.clone()
    }

    /// Opens the next frame, if it is whole.
    fn open_next(&mut self, fields: &mut Fields<'_>, plain: &mut Vec<u8>) -> Result<bool> {
        let before = *fields;
        let sealed = match self.parse(fields) {
            Ok(sealed) => sealed,
            Err(Stop::Short) => {
                *fields = before;
                return Ok(false);
            }
            Err(bad @ Stop::Bad(_)) => return Err(bad.into()),
        };
        let mut held = Vec::new();
        let out = if sealed.kind == Kind::Regular { plain } else { &mut held };
        self.frames.open(&sealed, out)?;
        if let Some(verifier) = &mut self.verifier {
            verifier.update(&before.rest()[..before.rest().len() - fields.rest().len()]);
        }
        self.next_index += 1;
        if sealed.kind != Kind::Regular {
            self.last = Some(held);
        }
        Ok(true)
    }

    fn parse<'a>(&self, fields: &mut Fields<'a>) -> Result<SealedFrame<'a>, Stop> {
        match self.frame_bytes {
            Some(frame_bytes) => parse_frame(fields, self.next_index, frame_bytes),
            None => parse_single(fields, self.unframed_bytes),
        }
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").field("next_index", &self.next_index).finish_non_exhaustive()
    }
}

fn parse_frame<'a>(fields: &mut Fields<'a>, index: u64, frame_bytes: u32) -> Result<SealedFrame<'a>, Stop> {
    let number =
        FrameNumber::of(index).map_err(|_too_many| Stop::Bad("it has more frames than the format allows"))?;
    let mut found = fields.u32()?;
    let kind = if found == FINAL_MARK { Kind::Final } else { Kind::Regular };
    if kind == Kind::Final {
        found = fields.u32()?;
    }
    if found != number.get() {
        return Err(Stop::Bad("a frame is out of order"));
    }
    let iv = fields.array()?;
    let len = if kind == Kind::Final { fields.u32()? } else { frame_bytes };
    if len > frame_bytes {
        return Err(Stop::Bad("its final frame is longer than its frames are"));
    }
    let ciphertext = fields.take(usize::try_from(len).unwrap_or(usize::MAX))?;
    Ok(SealedFrame { kind, number, iv, ciphertext, tag: fields.array()? })
}

fn parse_single<'a>(fields: &mut Fields<'a>, limit: u64) -> Result<SealedFrame<'a>, Stop> {
    let iv = fields.array()?;
    let len = fields.u64()?;
    if len > limit {
        return Err(Stop::Bad("its body without frames is longer than is read"));
    }
    let ciphertext = fields.take(usize::try_from(len).unwrap_or(usize::MAX))?;
    Ok(SealedFrame { kind: Kind::Single, number: FrameNumber::FIRST, iv, ciphertext, tag: fields.array()? })
}

impl FrameOpener {
    /// Bytes of a sealed frame that does not end the message.
    pub(crate) fn regular_bytes(frame_bytes: u32) -> u64 {
        u64::from(frame_bytes) + REGULAR_BYTES as u64
    }

    /// Appends the bytes of frame `index` of a message in frames.
    pub(crate) fn open_at(
        &self,
        index: u64,
        frame_bytes: u32,
        bytes: &[u8],
        plain: &mut Vec<u8>,
    ) -> Result<()> {
        let mut fields = Fields::new(bytes);
        let sealed = parse_frame(&mut fields, index, frame_bytes)?;
        self.open(&sealed, plain)
    }
}
