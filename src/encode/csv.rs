//! CSV (RFC 4180): a header row in every part, LF, no BOM, quotes only where a reader needs them.
//!
//! Structs become dotted columns at any depth, and chosen keys of a map become columns; other maps and lists
//! become one cell of JSON. NULL is nothing, the empty string is `""`. Where the file has one column only, nothing would be an empty line, which readers
//! skip: there NULL is `NULL` if the column can hold an empty string, and `""` if it cannot; a text `NULL`
//! is quoted then. How a value is spelled is settled in [`text`](crate::encode::text).
//!
//! Invariant: every row has as many cells as the header, and no row is an empty line.

mod cells;
mod keys;
mod plan;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;

use crate::encode::csv::cells::Lines;
use crate::encode::csv::plan::Shape;
pub(crate) use crate::encode::csv::plan::{HeaderCell, header};
use crate::encode::text::chunk;
use crate::encode::{Encoded, Encoder, PartIndex, Placed};
use crate::error::Result;
use crate::settings::Settings;

/// The encoder of CSV for one schema.
#[derive(Debug)]
pub(super) struct CsvEncoder {
    schema: SchemaRef,
    columns: Vec<Shape>,
    header: Bytes,
    levels: usize,
}

impl CsvEncoder {
    /// Plans the columns of a schema.
    pub(super) fn new(schema: &SchemaRef, settings: &Settings) -> Result<Self> {
        let (columns, header) = plan::plan(schema, settings)?;
        let levels = 1 + columns.iter().map(Shape::depth).max().unwrap_or(0);
        Ok(Self { schema: SchemaRef::clone(schema), columns, header: header.into(), levels })
    }

    fn lines(&self, batch: &RecordBatch) -> Result<Lines<'_>> {
        chunk::check_columns(&self.schema, batch)?;
        let mut columns = Vec::with_capacity(self.columns.len());
        for (shape, array) in self.columns.iter().zip(batch.columns()) {
            cells::open(shape, array, None, &mut columns)?;
        }
        Ok(Lines { columns })
    }
}

impl Encoder for CsvEncoder {
    fn head(&self, _part: PartIndex) -> Result<Bytes> {
        Ok(self.header.clone())
    }

    fn chunk(&self, rows: &[RecordBatch], first_row: u64) -> Result<Encoded> {
        chunk::encode(rows, first_row, self.levels, |batch| self.lines(batch))
    }

    fn tail(&self, _chunks: &[Placed]) -> Result<Bytes> {
        Ok(Bytes::new())
    }
}
