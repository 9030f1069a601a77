//! What stands before the batches: the schema, and where the messages are.

use std::sync::Arc;

use arrow::buffer::MutableBuffer;
use arrow::datatypes::SchemaRef;
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::read_footer_length;
use arrow::ipc::{Block, Endianness, MetadataVersion, root_as_footer};

use crate::error::Result;
use crate::source::files::input::Input;
use crate::source::files::ipc::message::{Frame, MAX_METADATA_BYTES, Problem};
use crate::source::found::corrupt;

/// What the file format begins and ends with.
const MAGIC: &[u8] = b"ARROW1";

/// The length of the footer and the magic number, with which a file ends.
const TRAILER: usize = 10;

/// What a file or stream says of itself.
pub(super) struct Head {
    pub(super) schema: SchemaRef,
    pub(super) version: MetadataVersion,
    pub(super) messages: Messages,
}

/// The messages that are still to be read.
pub(super) enum Messages {
    /// Those of a file, as its footer lists them: dictionaries first.
    Listed(std::vec::IntoIter<Block>),
    /// Those of a stream, one after another.
    InOrder,
    /// None: the stream has ended.
    Ended,
}

impl Head {
    /// Reads the head, and leaves a stream at its first message.
    pub(super) async fn read(input: &mut Input) -> Result<Self> {
        let mut magic = MutableBuffer::new(MAGIC.len());
        input.read(MAGIC.len(), &mut magic).await?;
        let head = if magic.as_slice() == MAGIC {
            Self::of_file(input).await
        } else {
            input.seek(0).await?;
            Self::of_stream(input).await
        };
        head.map_err(|problem| problem.of_file(input.name(), 0))
    }

    async fn of_file(input: &mut Input) -> Result<Self, Problem> {
        let size = input.file_size();
        let Some(trailer_at) = size.checked_sub(TRAILER as u64) else { return Err(input.too_short().into()) };
        input.seek(trailer_at).await?;
        let mut trailer = MutableBuffer::new(TRAILER);
        input.read(TRAILER, &mut trailer).await?;
        let Ok(trailer) = <[u8; TRAILER]>::try_from(trailer.as_slice()) else {
            return Err(input.too_short().into());
        };
        let len = read_footer_length(trailer)?;
        if len > MAX_METADATA_BYTES || len as u64 > trailer_at {
            return Err(Problem::Broken("its footer is longer than it may be"));
        }
        input.seek(trailer_at - len as u64).await?;
        let mut footer = MutableBuffer::new(len);
        if input.read(len, &mut footer).await? < len {
            return Err(input.too_short().into());
        }
        parse_footer(&footer)
    }

    async fn of_stream(input: &mut Input) -> Result<Self, Problem> {
        let Some(frame) = Frame::read_next(input, MAX_METADATA_BYTES as u64).await? else {
            return Err(corrupt(input.name(), "it is empty").into());
        };
        let message = frame.message()?;
        let Some(schema) = message.header_as_schema() else {
            return Err(Problem::Broken("it does not begin with a schema"));
        };
        let schema = to_schema(schema)?;
        Ok(Self { schema, version: message.version(), messages: Messages::InOrder })
    }
}

fn parse_footer(footer: &[u8]) -> Result<Head, Problem> {
    let footer = root_as_footer(footer).map_err(|_invalid| Problem::Broken("its footer is not one"))?;
    let schema = footer.schema().ok_or(Problem::Broken("its footer has no schema"))?;
    let dictionaries = footer.dictionaries().into_iter().flatten();
    let batches = footer.recordBatches().into_iter().flatten();
    let blocks: Vec<_> = dictionaries.chain(batches).copied().collect();
    let messages = Messages::Listed(blocks.into_iter());
    Ok(Head { schema: to_schema(schema)?, version: footer.version(), messages })
}

fn to_schema(schema: arrow::ipc::Schema<'_>) -> Result<SchemaRef, Problem> {
    if schema.endianness() != Endianness::Little || schema.fields().is_none() {
        return Err(Problem::Broken("its schema is big-endian or has no fields"));
    }
    // The conversion panics over types that it does not know.
    let converted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| fb_to_schema(schema)));
    converted.map(Arc::new).map_err(|_unknown| Problem::Broken("its schema has a type that is not known"))
}

impl Messages {
    /// The next message, if it takes no more than these bytes.
    pub(super) async fn next(&mut self, input: &mut Input, available: u64) -> Result<Option<Frame>, Problem> {
        match self {
            Self::Listed(blocks) => match blocks.next() {
                Some(block) => Frame::read_listed(input, block, available).await.map(Some),
                None => Ok(None),
            },
            Self::InOrder => {
                let frame = Frame::read_next(input, available).await?;
                if frame.is_none() {
                    *self = Self::Ended;
                }
                Ok(frame)
            }
            Self::Ended => Ok(None),
        }
    }
}
