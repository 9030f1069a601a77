//! One chunk: its batches block by block, as if they were one batch.
//!
//! A block is a run of rows whose cells fit the cache between being written and being joined. How rows are
//! cut into batches and blocks changes no byte, and not which problem is reported: the first in row order.
//!
//! Invariant: the row of an error counts from the first row of the source.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::encode::text::column::{Column, Problem};
use crate::encode::text::desk::Desks;
use crate::encode::{Encoded, Note};
use crate::error::{Cause, Error, Result};

/// Rows of a block: the cells of a wide row are about 1 KiB, and the second-level cache holds 256 of them.
pub(crate) const BLOCK_ROWS: usize = 128;

/// Writes the rows of all batches; `open` makes the writer of a batch.
pub(crate) fn encode<W: Column>(
    batches: &[RecordBatch],
    first_row: u64,
    desks: &Desks,
    open: impl Fn(&RecordBatch) -> Result<W>,
) -> Result<Encoded> {
    let all = batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    let (mut out, mut spare) = desks.take();
    let mut done = 0;
    for batch in batches {
        let rows = open(batch)?;
        for start in (0..batch.num_rows()).step_by(BLOCK_ROWS) {
            let end = batch.num_rows().min(start + BLOCK_ROWS);
            rows.fill(start..end, &mut out, &mut spare)
                .map_err(|problem| value_error(problem, first_row + done as u64))?;
            // The first block tells how long a row is; an eighth more saves moving it all once again.
            let written = done + end;
            if written == end - start {
                out.reserve(out.text().len() / written * (all - written) / 8 * 9);
            }
        }
        done += batch.num_rows();
    }
    Ok(Encoded { bytes: desks.give_back(out, spare), rows: all as u64, note: Note::none() })
}

fn value_error(problem: Problem, first_row: u64) -> Error {
    let row = first_row + problem.index as u64;
    Cause::Value { problem: problem.what, column: problem.column, row }.into()
}

/// Checks that a batch has the columns of the schema, by name and order.
pub(crate) fn check_columns(schema: &SchemaRef, batch: &RecordBatch) -> Result<()> {
    let (expected, found) = (schema.fields(), batch.schema_ref().fields());
    let longer = if found.len() > expected.len() { found } else { expected };
    for (index, field) in longer.iter().enumerate() {
        let both = expected.get(index).zip(found.get(index));
        if both.is_none_or(|(expected, found)| expected.name() != found.name()) {
            return Err(Cause::BatchMismatch { column: field.name().clone() }.into());
        }
    }
    Ok(())
}
