//! One message: its metadata, and the body that the metadata describes.

use arrow::buffer::{Buffer, MutableBuffer};
use arrow::error::ArrowError;
use arrow::ipc::{Block, Message, MessageHeader, RecordBatch, root_as_message};

use crate::error::{Cause, Error};
use crate::source::files::input::Input;
use crate::source::found::corrupt;
use crate::store::ranged::to_usize;

/// Metadata that is longer describes no table that anybody has.
pub(super) const MAX_METADATA_BYTES: usize = 16 << 20;

/// Stands before the length of the metadata, but in the oldest streams.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// The continuation and the length of the metadata.
const PREFIX: usize = 8;

/// Stands before each compressed buffer: its length when unpacked, or [`UNPACKED`].
const LENGTH_BYTES: usize = 8;

/// The length of a buffer that is not compressed in a body that is.
const UNPACKED: i64 = -1;

/// What is wrong with a message; its file is not known here.
#[derive(Debug)]
pub(super) enum Problem {
    Broken(&'static str),
    TooLarge {
        needed: u64,
        available: u64,
    },
    /// The file cannot be read: the error has its name.
    Unreadable(Error),
}

impl Problem {
    pub(super) fn of_file(self, name: &str, row: u64) -> Error {
        match self {
            Self::Broken(what) => corrupt(name, what),
            Self::TooLarge { needed, available } => {
                Cause::FileOverBudget { path: name.to_owned(), row, needed, available }.into()
            }
            Self::Unreadable(error) => error,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Unreadable(error)
    }
}

impl From<ArrowError> for Problem {
    /// The text may hold a value: it is not passed on.
    fn from(_: ArrowError) -> Self {
        Self::Broken("a message cannot be decoded")
    }
}

/// A message as it lies in a file, prefix and all.
pub(super) struct Frame {
    pub(super) block: Block,
    pub(super) bytes: Buffer,
}

/// What a message is, and the bytes that it takes when decoded.
pub(super) struct Checked {
    pub(super) content: Content,
    pub(super) bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Dictionary,
    Batch,
    Nothing,
}

impl Frame {
    /// Reads the next message of a stream; `None` at its end.
    pub(super) async fn read_next(input: &mut Input, available: u64) -> Result<Option<Self>, Problem> {
        let mut word = read(input, 4, MutableBuffer::new(4)).await?;
        if word.is_empty() {
            return Ok(None);
        }
        if word.as_slice() == CONTINUATION {
            word = read(input, 4, MutableBuffer::new(4)).await?;
        }
        let Ok(len) = <[u8; 4]>::try_from(word.as_slice()) else { return Err(input.too_short().into()) };
        let len = match usize::try_from(i32::from_le_bytes(len)) {
            Ok(0) => return Ok(None),
            Ok(len) if len <= MAX_METADATA_BYTES => len,
            _ => return Err(Problem::Broken("it is not Arrow IPC, or a message is too long")),
        };
        let mut bytes = MutableBuffer::new(PREFIX + len);
        bytes.extend_from_slice(&CONTINUATION);
        bytes.extend_from_slice(&word);
        let bytes = read(input, len, bytes).await?;
        if bytes.len() < PREFIX + len {
            return Err(input.too_short().into());
        }
        let body = parse(&bytes[PREFIX..])?.bodyLength();
        Self::with_body(input, bytes, body, available).await.map(Some)
    }

    /// Reads a message of a file.
    pub(super) async fn read_listed(
        input: &mut Input,
        block: Block,
        available: u64,
    ) -> Result<Self, Problem> {
        let broken = Problem::Broken("its footer lists a message where none can be");
        let (Ok(offset), Ok(len)) = (u64::try_from(block.offset()), usize::try_from(block.metaDataLength()))
        else {
            return Err(broken);
        };
        if !(PREFIX..=MAX_METADATA_BYTES).contains(&len) || offset > input.file_size() {
            return Err(broken);
        }
        input.seek(offset).await?;
        let bytes = read(input, len, MutableBuffer::new(len)).await?;
        if bytes.len() < len {
            return Err(input.too_short().into());
        }
        Self::with_body(input, bytes, block.bodyLength(), available).await
    }

    async fn with_body(
        input: &mut Input,
        mut bytes: MutableBuffer,
        body: i64,
        available: u64,
    ) -> Result<Self, Problem> {
        let metadata = bytes.len();
        let Ok(body_bytes) = u64::try_from(body) else {
            return Err(Problem::Broken("a message has a negative length"));
        };
        if body_bytes > input.file_size() {
            return Err(input.too_short().into());
        }
        if body_bytes > available {
            return Err(Problem::TooLarge { needed: body_bytes, available });
        }
        bytes.reserve(to_usize(body_bytes));
        let bytes = read(input, to_usize(body_bytes), bytes).await?;
        if ((bytes.len() - metadata) as u64) < body_bytes {
            return Err(input.too_short().into());
        }
        let metadata = i32::try_from(metadata).map_err(|_long| Problem::Broken("a message is too long"))?;
        Ok(Self { block: Block::new(0, metadata, body), bytes: bytes.into() })
    }

    /// The metadata.
    pub(super) fn message(&self) -> Result<Message<'_>, Problem> {
        let metadata = self.metadata_bytes();
        let prefix = if self.bytes.starts_with(&CONTINUATION) { PREFIX } else { PREFIX / 2 };
        parse(&self.bytes[prefix..metadata])
    }

    /// Checks what the decoder trusts: places in the body, and how large it becomes.
    pub(super) fn check(&self, available: u64) -> Result<Checked, Problem> {
        let message = self.message()?;
        let broken = || Problem::Broken("a message is of a kind that does not belong here");
        let (content, batch) = match message.header_type() {
            MessageHeader::RecordBatch => (Content::Batch, message.header_as_record_batch()),
            MessageHeader::DictionaryBatch => {
                let dictionary = message.header_as_dictionary_batch();
                (Content::Dictionary, dictionary.and_then(|dictionary| dictionary.data()))
            }
            MessageHeader::NONE => return Ok(Checked { content: Content::Nothing, bytes: 0 }),
            _ => return Err(broken()),
        };
        let needed = self.decoded_bytes(batch.ok_or_else(broken)?)?;
        if needed > available {
            return Err(Problem::TooLarge { needed, available });
        }
        Ok(Checked { content, bytes: needed })
    }

    /// The bytes that a message takes in all, packed and unpacked.
    fn decoded_bytes(&self, batch: RecordBatch<'_>) -> Result<u64, Problem> {
        let broken = || Problem::Broken("a message points outside of itself");
        let body = self.bytes.get(self.metadata_bytes()..).ok_or_else(broken)?;
        let mut unpacked: u64 = 0;
        for buffer in batch.buffers().into_iter().flatten() {
            let (Ok(start), Ok(len)) = (usize::try_from(buffer.offset()), usize::try_from(buffer.length()))
            else {
                return Err(broken());
            };
            let end = start.checked_add(len).ok_or_else(broken)?;
            let bytes = body.get(start..end).ok_or_else(broken)?;
            if batch.compression().is_some() && len > 0 {
                let length = bytes.first_chunk::<LENGTH_BYTES>().ok_or_else(broken)?;
                unpacked = unpacked.saturating_add(match i64::from_le_bytes(*length) {
                    UNPACKED => 0,
                    length => u64::try_from(length).map_err(|_negative| broken())?,
                });
            }
        }
        Ok(unpacked.saturating_add(self.bytes.len() as u64))
    }

    fn metadata_bytes(&self) -> usize {
        usize::try_from(self.block.metaDataLength()).unwrap_or(usize::MAX).min(self.bytes.len())
    }
}

async fn read(input: &mut Input, len: usize, mut into: MutableBuffer) -> Result<MutableBuffer, Problem> {
    input.read(len, &mut into).await?;
    Ok(into)
}

fn parse(metadata: &[u8]) -> Result<Message<'_>, Problem> {
    root_as_message(metadata)
        .map_err(|_invalid| Problem::Broken("it is not Arrow IPC, or a message is broken"))
}
