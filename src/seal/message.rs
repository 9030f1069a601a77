//! One message that is written: its data key, its header, and what seals its frames.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::context::EncryptionContext;
use super::derive::derive;
use super::frame::{FrameSealer, Kind};
use super::header::Header;
use super::key::{DataKey, MessageId, WrappedKey};
use super::keys::Keys;
use super::sign::Signer;
use super::suite::Suite;
use crate::error::{Cause, Result};

/// A message whose header is written and whose body is not.
///
/// ```
/// # use segment_export::seal::{EncryptionContext, Keys, LocalKey, Message, MessageReader, OpenLimits, Suite};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> segment_export::Result<()> {
/// let keys = Keys::new(LocalKey::new(&[7; 32])?);
/// let context = EncryptionContext::new([("object", "notes.txt")])?;
/// let message = Message::begin(&keys, &context, Suite::Committing, 65_536).await?;
/// let mut sealed = Vec::new();
/// message.seal(b"some bytes", &mut sealed)?;
///
/// let mut reader = MessageReader::new(OpenLimits::default());
/// let header = reader.push(&sealed)?.expect("the header is whole");
/// let key = keys.open(header.wrapped_keys(), header.context()).await?;
/// let mut plain = Vec::new();
/// header.open(&key)?.finish(&mut plain)?;
/// assert_eq!(plain, b"some bytes");
/// # Ok(())
/// # }
/// ```
pub struct Message {
    header: Bytes,
    frames: FrameSealer,
    signer: Option<Signer>,
}

/// What a message is made of besides its context: everything that is drawn at random.
struct Parts {
    key: DataKey,
    wrapped: Vec<WrappedKey>,
    id: MessageId,
    signer: Option<Signer>,
}

impl Message {
    /// Begins a message under a new data key, in frames of `frame_bytes`.
    ///
    /// # Errors
    ///
    /// When no data key can be had.
    pub async fn begin(
        keys: &Keys,
        context: &EncryptionContext,
        suite: Suite,
        frame_bytes: u32,
    ) -> Result<Self> {
        let signer = suite.is_signed().then(Signer::new).transpose()?;
        let context = match &signer {
            // The data key is asked for under a context that holds the key of the signature already.
            Some(signer) => context.clone().with_public_key(signer.public_key()?),
            None => context.clone(),
        };
        let (key, wrapped) = keys.generate(&context).await?;
        Self::new(Parts { key, wrapped, id: MessageId::random()?, signer }, context, frame_bytes)
    }

    /// The unsigned message of this data key and id: the same message every time.
    ///
    /// A key seals one message only, and an id is of one message only: who gives them answers for that.
    ///
    /// # Errors
    ///
    /// When `wrapped` is empty or too long for a header.
    pub fn with_key(
        key: DataKey,
        wrapped: Vec<WrappedKey>,
        id: MessageId,
        context: &EncryptionContext,
        frame_bytes: u32,
    ) -> Result<Self> {
        Self::new(Parts { key, wrapped, id, signer: None }, context.clone(), frame_bytes)
    }

    fn new(parts: Parts, context: EncryptionContext, frame_bytes: u32) -> Result<Self> {
        let Parts { key, wrapped, id, mut signer } = parts;
        if wrapped.is_empty() || frame_bytes == 0 {
            return Err(
                Cause::Sealing { what: "a message needs a wrapped key and a length of frames" }.into()
            );
        }
        let suite = if signer.is_some() { Suite::Signed } else { Suite::Committing };
        let (aead, commitment) = derive(&key, &id, suite)?;
        let header = Header {
            suite,
            message_id: id,
            context,
            keys: wrapped,
            frame_bytes: Some(frame_bytes),
            commitment,
        };
        let header = Bytes::from(header.to_bytes(&aead)?);
        if let Some(signer) = &mut signer {
            signer.update(&header);
        }
        Ok(Self { header, frames: FrameSealer::new(Arc::new(aead), id, frame_bytes), signer })
    }

    /// Appends the whole message of these bytes.
    ///
    /// # Errors
    ///
    /// When there are more frames than the format allows.
    pub fn seal(self, plain: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let (header, frames, signer) = self.into_parts();
        let start = out.len();
        out.extend_from_slice(&header);
        let frame_bytes = frames.frame_bytes();
        let regular = plain.len().saturating_sub(1) / frame_bytes;
        let (full, last) = plain.split_at(regular * frame_bytes);
        for (index, frame) in (0..).zip(full.chunks_exact(frame_bytes)) {
            frames.seal(index, Kind::Regular, [frame, &[]], out)?;
        }
        frames.seal(regular as u64, Kind::Final, [last, &[]], out)?;
        if let Some(mut signer) = signer {
            signer.update(&out[start + header.len()..]);
            signer.finish(out)?;
        }
        Ok(())
    }

    /// The header, what seals the frames, and what signs; the signer knows the header already.
    pub(crate) fn into_parts(self) -> (Bytes, FrameSealer, Option<Signer>) {
        (self.header, self.frames, self.signer)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("frames", &self.frames).finish_non_exhaustive()
    }
}
