//! The encoders: rows in, bytes out, and nothing else.
//!
//! An [`Encoder`] is a pure function of the schema, the settings and its rows. It does no I/O and knows no
//! clock, no randomness and no global, so that chunks can be encoded on any number of threads at once and
//! the bytes are the same. It does not choose chunk borders (`batch`), and it does not know part names.
//!
//! Invariant: a data object is `head`, then the bytes of its chunks in order, then `tail`.

mod compressed;
mod csv;
mod jsonl;
mod orc;
mod rows;
mod text;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, SchemaRef};
use bytes::Bytes;

use crate::compress::Codec;
use crate::encode::compressed::CompressedEncoder;
use crate::encode::csv::CsvEncoder;
use crate::encode::jsonl::JsonlEncoder;
use crate::encode::orc::OrcEncoder;
use crate::error::Result;
use crate::plan::Format;
use crate::settings::{Compression, Settings};

pub(crate) use crate::encode::csv::HeaderCell;

/// The number of a data object in its export, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a number with a name")]
pub struct PartIndex(pub u32);

/// Turns chunks of rows into the bytes of one format.
pub trait Encoder: Send + Sync + fmt::Debug {
    /// The bytes before the first chunk of a data object.
    ///
    /// # Errors
    ///
    /// When they cannot be compressed.
    fn head(&self, part: PartIndex) -> Result<Bytes>;

    /// The bytes of one chunk: the rows of all batches as if they were one batch.
    ///
    /// How the rows are cut into batches, and the physical form of a string column, changes no byte.
    /// `first_row` is the number of the first row in the source, for errors.
    ///
    /// # Errors
    ///
    /// When a value cannot be held by the format: the error names the column and the row, never the value.
    fn chunk(&self, rows: &[RecordBatch], first_row: u64) -> Result<Encoded>;

    /// The bytes after the last chunk of a data object.
    ///
    /// # Errors
    ///
    /// When what was noted about the chunks cannot be written.
    fn tail(&self, chunks: &[Placed]) -> Result<Bytes>;
}

/// The bytes of one chunk, and what the encoder wants to know of it in the tail.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "encoders make it: a field more is a contract more")]
pub struct Encoded {
    /// The bytes as they go into the data object.
    pub bytes: Bytes,
    /// How many rows they hold.
    pub rows: u64,
    /// The encoder's own note, in memory only.
    pub note: Note,
}

/// One chunk of a data object and where it stands in it.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "who calls an encoder makes it: a field more is a contract more"
)]
pub struct Placed {
    /// The offset of its first byte in the data object.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u64,
    /// How many rows it holds.
    pub rows: u64,
    /// The note that came with it.
    pub note: Note,
}

/// What an encoder notes about a chunk; nobody else can read it.
#[derive(Clone, Default)]
pub struct Note(Option<Arc<dyn Any + Send + Sync>>);

impl Note {
    /// No note.
    pub fn none() -> Self {
        Self(None)
    }

    /// A note of any type.
    pub fn new(note: impl Any + Send + Sync) -> Self {
        Self(Some(Arc::new(note)))
    }

    /// The note, if it is of this type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.as_ref()?.downcast_ref()
    }
}

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Note" } else { "Note(none)" })
    }
}

/// The columns of the data objects, as a reader finds them.
///
/// # Errors
///
/// As [`encoder_for`].
pub(crate) fn header_for(format: Format, schema: &SchemaRef, settings: &Settings) -> Result<Vec<HeaderCell>> {
    if format == Format::Csv {
        return csv::header(schema, settings);
    }
    let cell = |field: &Arc<Field>| HeaderCell {
        name: field.name().clone(),
        path: vec![field.name().clone()],
        data_type: field.data_type().clone(),
        is_nullable: field.is_nullable(),
    };
    Ok(schema.fields().iter().map(cell).collect())
}

/// The encoder of a format for a schema; every setting and type is checked here.
///
/// With `single_frame` its bytes are not compressed: a frame over several chunks is no matter of one chunk.
///
/// # Errors
///
/// When the format cannot hold the type of a column, or two output columns would have one name.
pub fn encoder_for(format: Format, schema: &SchemaRef, settings: &Settings) -> Result<Arc<dyn Encoder>> {
    let text: Arc<dyn Encoder> = match format {
        Format::Csv => Arc::new(CsvEncoder::new(schema, settings)?),
        Format::Jsonl => Arc::new(JsonlEncoder::new(schema, settings)?),
        Format::Orc => return Ok(Arc::new(OrcEncoder::new(schema, &settings.orc)?)),
    };
    Ok(match settings.compression {
        Compression::None => text,
        _ if settings.single_frame => text,
        Compression::Gzip { level } => Arc::new(CompressedEncoder::new(text, Codec::Gzip(level))),
        Compression::Zstd { level } => Arc::new(CompressedEncoder::new(text, Codec::Zstd(level))),
    })
}
