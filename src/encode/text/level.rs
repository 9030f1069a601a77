//! The rows of several columns: placed side by side where that is possible, else joined of cells.
//!
//! Invariant: which way rows went cannot be seen in them.

use std::ops::Range;

use crate::encode::text::cells::Cells;
use crate::encode::text::column::{BoxColumn, Problem};
use crate::encode::text::join::Join;
use crate::encode::text::pen::Pen;
use crate::encode::text::slots::{Slots, Unplaced};

/// The memory of what nests so deep.
#[derive(Debug, Default)]
pub(crate) struct Level {
    pub(crate) cells: Cells,
    slots: Slots,
    steps: Vec<Step>,
}

/// How the cells of a column come into the rows.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The column places them: cells of up to so many bytes.
    Place(usize),
    /// They are there already, the longest of so many bytes.
    Copy(usize),
}

/// The texts of rows.
pub(crate) enum Rows<'a> {
    Placed(&'a Slots),
    Joined(Join<'a>),
}

impl Level {
    /// Bytes of memory that it takes.
    pub(crate) fn memory(&self) -> usize {
        self.cells.memory() + self.slots.memory() + self.steps.capacity() * size_of::<Step>()
    }

    /// The cells of these columns, row by row.
    pub(crate) fn rows<'a>(
        &'a mut self,
        columns: &'a [BoxColumn<'_>],
        rows: &Range<usize>,
        spare: &mut [Self],
    ) -> Result<Rows<'a>, Problem> {
        if self.place(columns, rows, spare).is_ok() {
            return Ok(Rows::Placed(&self.slots));
        }
        let shared = fill_all(columns, rows, &mut self.cells, spare)?;
        Ok(Rows::Joined(Join::new(&self.cells, &shared, rows.len())))
    }

    fn place(
        &mut self,
        columns: &[BoxColumn<'_>],
        rows: &Range<usize>,
        spare: &mut [Self],
    ) -> Result<(), Unplaced> {
        let most = self.plan(columns, rows, spare)?;
        self.slots.begin(rows.len(), most)?;
        let mut filled = self.cells.spans().chunks(rows.len().max(1));
        for (column, &step) in columns.iter().zip(&self.steps) {
            match step {
                Step::Place(most) => {
                    self.slots.now(most);
                    column.place(rows.clone(), &mut self.slots)?;
                }
                Step::Copy(most) => {
                    self.slots.now(most);
                    self.slots.copy(self.cells.buffer(), filled.next().unwrap_or_default());
                }
            }
        }
        Ok(())
    }

    /// Fills the cells of columns that cannot place them; gives the most bytes of a row.
    fn plan(
        &mut self,
        columns: &[BoxColumn<'_>],
        rows: &Range<usize>,
        spare: &mut [Self],
    ) -> Result<usize, Unplaced> {
        self.cells.clear();
        self.steps.clear();
        let mut sum = 0;
        for column in columns {
            let step = match column.most(rows) {
                Some(most) => Step::Place(most),
                None => {
                    // A problem is found again, and told, where the rows are joined.
                    column.fill(rows.clone(), &mut self.cells, spare).map_err(|_problem| Unplaced)?;
                    self.cells.note_spans();
                    let own = self.cells.spans().iter().rev().take(rows.len());
                    Step::Copy(own.map(|span| span.len).max().unwrap_or(0))
                }
            };
            let (Step::Place(most) | Step::Copy(most)) = step;
            sum += most;
            self.steps.push(step);
        }
        Ok(sum)
    }
}

impl Rows<'_> {
    /// The bytes of all rows.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Placed(slots) => slots.len(),
            Self::Joined(join) => join.len(),
        }
    }

    /// Appends one row.
    #[inline]
    pub(crate) fn row(&self, row: usize, pen: &mut Pen<'_>) {
        match self {
            Self::Placed(slots) => slots.row(row, pen),
            Self::Joined(join) => join.row(row, pen),
        }
    }
}

/// Fills the cells of several columns, one column after the other; gives the texts of those that share one.
pub(crate) fn fill_all<'c>(
    columns: &'c [BoxColumn<'_>],
    rows: &Range<usize>,
    cells: &mut Cells,
    spare: &mut [Level],
) -> Result<Vec<Option<&'c [u8]>>, Problem> {
    cells.clear();
    let mut shared = Vec::with_capacity(columns.len());
    // All are filled after a problem, too: the earliest row of any column is to be reported.
    let mut result = Ok(());
    for column in columns {
        let text = column.shared(rows, cells.spans_mut());
        if text.is_none() {
            result = Problem::earlier(result, column.fill(rows.clone(), cells, spare));
            cells.note_spans();
        }
        shared.push(text);
    }
    result.map(|()| shared)
}
