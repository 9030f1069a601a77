//! CSV (RFC 4180): a header row in every part, LF, no BOM, quotes only where a reader needs them.
//!
//! Structs become dotted columns at any depth, and chosen keys of a map become columns; other maps and lists
//! become one cell of JSON. NULL is nothing, the empty string is `""`. Where the file has one column only,
//! nothing would be an empty line, which readers skip: there NULL is `NULL` if the column can hold an empty
//! string, and `""` if it cannot; a text `NULL` is quoted then. How a value is spelled is settled in [`text`](crate::encode::text).
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
use crate::encode::text::chunk::{self, BLOCK_ROWS};
use crate::encode::text::desk::Desks;
use crate::encode::{Encoded, Encoder, PartIndex, Placed};
use crate::error::Result;
use crate::settings::Settings;

/// Rows times chosen keys that are looked up at once, at 16 bytes each: 2 MiB for each thread.
const LOOKUPS: usize = 1 << 17;

/// The encoder of CSV for one schema.
#[derive(Debug)]
pub(super) struct CsvEncoder {
    schema: SchemaRef,
    columns: Vec<Shape>,
    /// Chosen keys of all maps.
    keys: usize,
    header: Bytes,
    desks: Desks,
}

impl CsvEncoder {
    /// Plans the columns of a schema.
    pub(super) fn new(schema: &SchemaRef, settings: &Settings) -> Result<Self> {
        let (columns, header) = plan::plan(schema, settings)?;
        let levels = 1 + columns.iter().map(Shape::depth).max().unwrap_or(0);
        let keys = columns.iter().map(Shape::keys).sum();
        Ok(Self {
            schema: SchemaRef::clone(schema),
            columns,
            keys,
            header: header.into(),
            desks: Desks::new(levels),
        })
    }

    /// The batches, cut where all their keys would take too much memory.
    fn pieces(&self, batches: &[RecordBatch]) -> Vec<RecordBatch> {
        let most = LOOKUPS.checked_div(self.keys).unwrap_or(usize::MAX).max(BLOCK_ROWS);
        let pieces = batches.iter().flat_map(|batch| {
            let starts = (0..batch.num_rows()).step_by(most);
            starts.map(|start| batch.slice(start, most.min(batch.num_rows() - start)))
        });
        pieces.collect()
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
        chunk::encode(&self.pieces(rows), first_row, &self.desks, |batch| self.lines(batch))
    }

    fn tail(&self, _chunks: &[Placed]) -> Result<Bytes> {
        Ok(Bytes::new())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, MapBuilder, StringBuilder};

    use super::*;

    fn batch(rows: usize) -> RecordBatch {
        let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        for row in 0..rows {
            map.keys().append_value(format!("k{}", row % 700));
            map.values().append_value(row.to_string());
            map.append(true).unwrap();
        }
        RecordBatch::try_from_iter([("m", Arc::new(map.finish()) as ArrayRef)]).unwrap()
    }

    fn encoder(schema: &SchemaRef, keys: usize) -> CsvEncoder {
        let mut settings = Settings::default();
        settings.csv.map_columns.insert("m".to_owned(), (0..keys).map(|key| format!("k{key}")).collect());
        CsvEncoder::new(schema, &settings).unwrap()
    }

    #[test]
    fn tall_batches_with_many_keys_are_opened_in_pieces_and_lose_no_row() {
        let batch = batch(1_000);
        let encoder = encoder(&batch.schema(), 700);
        let pieces = encoder.pieces(&[batch.clone(), batch.slice(0, 1)]);
        assert!(pieces.iter().all(|piece| piece.num_rows() * 700 <= LOOKUPS));
        assert_eq!(pieces.iter().map(RecordBatch::num_rows).sum::<usize>(), 1_001);
        let written = encoder.chunk(&[batch], 0).unwrap().bytes;
        let lines = std::str::from_utf8(&written).unwrap().lines();
        for (row, line) in lines.enumerate() {
            let (at, value) = (row % 700, row.to_string());
            assert!(
                line.split(',').enumerate().all(|(cell, text)| text == if cell == at { &*value } else { "" })
            );
        }
    }

    #[test]
    fn few_keys_cut_nothing() {
        let batch = batch(2_000);
        assert_eq!(encoder(&batch.schema(), 2).pieces(&[batch]).len(), 1);
    }
}
