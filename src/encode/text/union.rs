//! Unions, sparse and dense: a row is written as the value of its active child.
//!
//! The rows of a child are brought together in an array of their own, so that each child is written like any
//! column; which form the union had cannot be seen after that. A union has no nulls of its own: a row is null
//! when its active child is.
//!
//! Invariant: the cells of one child are in the order of their rows.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, UnionArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::ArrowNativeType;

use crate::encode::rows::taken;
use crate::encode::text::cells::Cells;
use crate::encode::text::column::{BoxColumn, Column, Problem, column, mismatch};
use crate::encode::text::level::Level;
use crate::encode::text::node::Node;
use crate::encode::text::packed::unpacked;
use crate::error::Result;

/// The writer of a union of any form; `children` stand with their type ids.
pub(crate) fn unions<'p>(
    node: &'p Node,
    children: &'p [(i8, Node)],
    array: &ArrayRef,
    outer: Option<&NullBuffer>,
) -> Result<BoxColumn<'p>> {
    let (array, nulls) = unpacked(array, outer)?;
    let Some(array) = array.as_union_opt() else { return Err(mismatch(node)) };
    let found = array.fields().iter().map(|(id, field)| (id, field.name()));
    if !found.eq(children.iter().map(|(id, child)| (*id, &child.name))) {
        return Err(mismatch(node));
    }
    let mut active = vec![0; array.len()];
    let mut parts = Vec::with_capacity(children.len());
    for (index, (id, child)) in children.iter().enumerate() {
        let part = Part::new((*id, child), array, nulls.as_ref())?;
        part.rows.iter().for_each(|&row| active[row] = index);
        parts.push(part);
    }
    Ok(Box::new(Unions { parts, active }))
}

/// Rows that take turns.
struct Unions<'p> {
    parts: Vec<Part<'p>>,
    /// The part of each row.
    active: Vec<usize>,
}

/// The rows of one child.
struct Part<'p> {
    rows: Vec<usize>,
    /// A value for each of the rows.
    values: BoxColumn<'p>,
}

impl<'p> Part<'p> {
    fn new((id, node): (i8, &'p Node), array: &UnionArray, nulls: Option<&NullBuffer>) -> Result<Self> {
        let ids = array.type_ids();
        let rows: Vec<_> = (0..ids.len()).filter(|&row| ids[row] == id).collect();
        let mask: Option<NullBuffer> =
            nulls.map(|nulls| rows.iter().map(|&row| nulls.is_valid(row)).collect::<Vec<_>>().into());
        let child = array.child(id);
        let values = match array.offsets() {
            Some(offsets) => {
                let places: Vec<_> = rows.iter().map(|&row| offsets[row].as_usize()).collect();
                taken(child, &places, mask.as_ref())?
            }
            None => taken(child, &rows, mask.as_ref())?,
        };
        Ok(Self { values: column(node, &values, mask.as_ref())?, rows })
    }

    /// Which of its rows lie in a range of all rows.
    fn within(&self, rows: &Range<usize>) -> Range<usize> {
        let before = |end: usize| self.rows.partition_point(|&row| row < end);
        before(rows.start)..before(rows.end)
    }
}

impl Column for Unions<'_> {
    fn fill(&self, rows: Range<usize>, out: &mut Cells, spare: &mut [Level]) -> Result<(), Problem> {
        let Some((Level { cells, .. }, spare)) = spare.split_first_mut() else { return Ok(()) };
        cells.clear();
        let mut next = Vec::with_capacity(self.parts.len());
        let mut filled = 0;
        let mut result = Ok(());
        for part in &self.parts {
            let within = part.within(&rows);
            next.push(filled);
            filled += within.len();
            let written = part.values.fill(within, cells, spare);
            let written = written.map_err(|problem| Problem { index: part.rows[problem.index], ..problem });
            result = Problem::earlier(result, written);
        }
        result?;
        out.room(cells.text().len(), rows.len());
        let mut pen = out.pen();
        for &part in &self.active[rows] {
            let start = cells.start(next[part]);
            next[part] += 1;
            pen.copy(cells.buffer(), start, cells.start(next[part]) - start);
            pen.close();
        }
        pen.finish();
        Ok(())
    }
}
