//! The columns of a batch as cells of CSV.
//!
//! Invariant: what lies under a null struct is null in the cells of its fields.

use std::ops::Range;

use arrow::array::{ArrayRef, AsArray};
use arrow::buffer::NullBuffer;

use crate::encode::csv::keys;
use crate::encode::csv::plan::{Leaf, Shape};
use crate::encode::text::cells::Cells;
use crate::encode::text::column::{BoxColumn, Column, Problem, column};
use crate::encode::text::escape::{Csv, Style};
use crate::encode::text::frame::Frame;
use crate::encode::text::level::Level;
use crate::encode::text::packed::unpacked;
use crate::error::{Cause, Result};

/// Appends the writers of a column of the source.
pub(super) fn open<'p>(
    shape: &'p Shape,
    array: &ArrayRef,
    outer: Option<&NullBuffer>,
    columns: &mut Vec<BoxColumn<'p>>,
) -> Result<()> {
    let (path, fields) = match shape {
        Shape::Leaf(Leaf::Scalar(node)) => {
            columns.push(column(node, array, outer)?);
            return Ok(());
        }
        Shape::Leaf(Leaf::Json(node, frame)) => {
            columns.push(Box::new(JsonCells { values: column(node, array, outer)?, frame }));
            return Ok(());
        }
        Shape::Keys { path, keys } => return keys::open((path, keys), array, outer, columns),
        Shape::Struct { path, fields } => (path, fields),
    };
    let mismatch = || Cause::BatchMismatch { column: path.clone() };
    let (array, nulls) = unpacked(array, outer)?;
    let array = array.as_struct_opt().ok_or_else(mismatch)?;
    let names = array.fields().iter().map(|field| field.name());
    if !names.eq(fields.iter().map(|(name, _)| name)) {
        return Err(mismatch().into());
    }
    fields
        .iter()
        .zip(array.columns())
        .try_for_each(|((_, field), child)| open(field, child, nulls.as_ref(), columns))
}

/// Rows of cells, one line each.
pub(super) struct Lines<'p> {
    pub(super) columns: Vec<BoxColumn<'p>>,
}

impl Column for Lines<'_> {
    fn fill(&self, rows: Range<usize>, out: &mut Cells, spare: &mut [Level]) -> Result<(), Problem> {
        let Some((level, spare)) = spare.split_first_mut() else { return Ok(()) };
        let lines = level.rows(&self.columns, &rows, spare)?;
        out.room(lines.len(), rows.len());
        let mut pen = out.pen();
        for row in 0..rows.len() {
            lines.row(row, &mut pen);
            pen.close();
        }
        pen.finish();
        Ok(())
    }
}

/// What has parts: JSON text, in quotes where CSV needs them.
struct JsonCells<'p> {
    /// Nothing but the JSON text, its quotes doubled; a null is empty, which no JSON text is.
    values: BoxColumn<'p>,
    frame: &'p Frame,
}

impl Column for JsonCells<'_> {
    fn fill(&self, rows: Range<usize>, out: &mut Cells, spare: &mut [Level]) -> Result<(), Problem> {
        let Some((Level { cells: texts, .. }, spare)) = spare.split_first_mut() else { return Ok(()) };
        texts.clear();
        self.values.fill(rows.clone(), texts, spare)?;
        let most = self.frame.most() + Csv::AROUND;
        out.room(texts.text().len() + rows.len() * most, rows.len());
        let mut pen = out.pen();
        for row in 0..rows.len() {
            let text = texts.cell(row);
            if text.is_empty() {
                pen.affix(&self.frame.null);
            } else {
                Csv::json(text, &mut pen);
                pen.affix(&self.frame.suffix);
            }
            pen.close();
        }
        pen.finish();
        Ok(())
    }
}
