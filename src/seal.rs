//! Envelope encryption: each data object is one message of the AWS Encryption SDK, format version 2.
//!
//! ```text
//!  header │ frame 1 │ frame 2 │ … │ final frame │ (footer, signed suite only)
//! ```
//!
//! A message has a data key of its own, which its header holds encrypted by one or several wrapping keys.
//! Sealing is a pure function of data key, message id, frame number and bytes, so that frames are sealed on any
//! number of threads. A [`KeyProvider`] makes and opens data keys; [`MessageReader`] and [`Opener`] read a
//! message that nobody vouches for. This module does not know where bytes come from or go to.
//!
//! Layout: the [message format] of the SDK. Keys: HKDF-SHA512 (RFC 5869). Frames: AES-256-GCM (NIST SP 800-38D).
//!
//! Invariants: no IV is used twice with a key, since both are of one message and the IV is the number of the frame;
//! exactly one frame is final; no byte of a frame is given out before its tag was checked.
//!
//! [message format]: https://docs.aws.amazon.com/encryption-sdk/latest/developer-guide/message-format.html

mod context;
mod cut;
mod derive;
mod frame;
mod header;
mod key;
mod keys;
#[cfg(feature = "kms")]
mod kms;
mod limits;
mod local;
mod message;
mod open;
mod parse;
mod sign;
mod suite;

pub use self::context::EncryptionContext;
pub(crate) use self::cut::{Cutter, Run};
pub(crate) use self::frame::{FrameOpener, FrameSealer};
pub use self::key::{DataKey, KeyProvider, MessageId, NewKey, WrappedKey};
pub use self::keys::Keys;
#[cfg(feature = "kms")]
pub use self::kms::KmsKey;
pub use self::limits::OpenLimits;
pub use self::local::LocalKey;
pub use self::message::Message;
pub use self::open::{MessageHeader, MessageReader, Opener};
pub(crate) use self::sign::Signer;
pub use self::suite::Suite;
