//! How the cells of columns are joined to rows.
//!
//! Invariant: a row is one pass over the columns, and each cell one copy.

use std::ops::Range;

use crate::encode::text::cells::{Cells, Span};
use crate::encode::text::pen::Pen;

/// Joins cells to rows: `columns` runs of `rows` cells each become `rows` cells.
#[derive(Debug)]
pub(crate) struct Join<'a> {
    /// The text in which the cells of each column lie.
    sources: Vec<&'a [u8]>,
    /// The cells, column after column.
    spans: &'a [Span],
    /// The cells of each column.
    rows: usize,
    /// Whether the cells of the only column follow on each other.
    in_one: bool,
}

impl<'a> Join<'a> {
    /// Joins cells of which those of some columns lie in texts that the columns share.
    pub(crate) fn new(cells: &'a Cells, shared: &[Option<&'a [u8]>], rows: usize) -> Self {
        let sources = shared.iter().map(|shared| shared.unwrap_or(cells.buffer())).collect();
        Self { sources, spans: cells.spans(), rows, in_one: matches!(shared, [None]) }
    }

    /// The bytes of all cells.
    pub(crate) fn len(&self) -> usize {
        self.spans.iter().map(|span| span.len).sum()
    }

    /// The text of a cell of the first column.
    pub(crate) fn first(&self, row: usize) -> &'a [u8] {
        let Span { from, len } = self.spans[row];
        &self.sources[0][from..from + len]
    }

    /// Appends the cells of one row, column by column.
    #[inline]
    pub(crate) fn row(&self, row: usize, pen: &mut Pen<'_>) {
        let pieces = self.sources.iter().enumerate();
        pen.gather(pieces.map(|(column, source)| (*source, self.spans[row + column * self.rows])));
    }

    /// Appends the cells of several rows; those of a single column are one copy where they can be.
    #[inline]
    pub(crate) fn rows(&self, rows: Range<usize>, pen: &mut Pen<'_>) {
        if self.in_one && !rows.is_empty() {
            let (first, last) = (self.spans[rows.start], self.spans[rows.end - 1]);
            pen.copy(self.sources[0], first.from, last.from + last.len - first.from);
        } else {
            for row in rows {
                self.row(row, pen);
            }
        }
    }
}
