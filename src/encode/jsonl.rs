//! JSON lines: one object a row, keys in the order of the columns.
//!
//! A row is a struct of the columns, written by [`text`](crate::encode::text); a line feed ends it. Nulls are
//! left out or written as `null`, by setting; a row of nulls only is `{}`.
//!
//! Invariant: every line is one JSON value (RFC 8259), and no line has a raw line feed in it.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;

use crate::encode::text::chunk;
use crate::encode::text::column::column;
use crate::encode::text::desk::Desks;
use crate::encode::text::frame::{Affix, Frame};
use crate::encode::text::memo::Room;
use crate::encode::text::node::{JsonNodes, Node};
use crate::encode::text::structs::Structs;
use crate::encode::{Encoded, Encoder, PartIndex, Placed};
use crate::error::Result;
use crate::settings::Settings;

/// The encoder of JSON lines for one schema.
#[derive(Debug)]
pub(super) struct JsonlEncoder {
    schema: SchemaRef,
    columns: Vec<Node>,
    frame: Frame,
    desks: Desks,
}

impl JsonlEncoder {
    /// Plans the columns of a schema.
    pub(super) fn new(schema: &SchemaRef, settings: &Settings) -> Result<Self> {
        let nodes =
            JsonNodes { format: "JSONL", in_csv: false, settings: &settings.jsonl, room: &Room::new() };
        let columns = nodes.members(schema.fields(), "")?;
        let frame = Frame { suffix: Affix::new(b"}\n"), ..Frame::default() };
        let levels = 1 + columns.iter().map(Node::depth).max().unwrap_or(0);
        Ok(Self { schema: SchemaRef::clone(schema), columns, frame, desks: Desks::new(levels) })
    }

    fn objects(&self, batch: &RecordBatch) -> Result<Structs<'_>> {
        chunk::check_columns(&self.schema, batch)?;
        let columns = self.columns.iter().zip(batch.columns());
        let columns = columns.map(|(node, array)| column(node, array, None)).collect::<Result<_>>()?;
        Ok(Structs { columns, nulls: None, frame: &self.frame })
    }
}

impl Encoder for JsonlEncoder {
    fn head(&self, _part: PartIndex) -> Result<Bytes> {
        Ok(Bytes::new())
    }

    fn chunk(&self, rows: &[RecordBatch], first_row: u64) -> Result<Encoded> {
        chunk::encode(rows, first_row, &self.desks, |batch| self.objects(batch))
    }

    fn tail(&self, _chunks: &[Placed]) -> Result<Bytes> {
        Ok(Bytes::new())
    }
}
