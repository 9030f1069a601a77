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

impl Step {
    fn most(self) -> usize {
        let (Self::Place(most) | Self::Copy(most)) = self;
        most
    }
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
            self.slots.now(step.most());
            match step {
                Step::Place(_) => column.place(rows.clone(), &mut self.slots)?,
                Step::Copy(_) => self.slots.copy(self.cells.buffer(), filled.next().unwrap_or_default())?,
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
            let step = if let Some(most) = column.most(rows) {
                Step::Place(most)
            } else {
                // A problem is found again, and told, where the rows are joined.
                column.fill(rows.clone(), &mut self.cells, spare).map_err(|_problem| Unplaced)?;
                self.cells.note_spans();
                let own = self.cells.spans().iter().rev().take(rows.len());
                Step::Copy(own.map(|span| span.len).max().unwrap_or(0))
            };
            sum += step.most();
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array, Int64Array, ListArray, StringViewArray, StructArray};
    use arrow::compute::cast;
    use arrow::datatypes::{DataType, Field, Fields, Int32Type};

    use super::*;
    use crate::encode::text::column::column;
    use crate::encode::text::memo::Room;
    use crate::encode::text::node::{JsonNodes, Node};
    use crate::settings::JsonlSettings;

    const ROWS: usize = 128;

    fn texts(every: usize) -> ArrayRef {
        let text = |row: usize| match row % every {
            0 => None,
            1 => Some(format!("\"{row}\"\n\\ quoted, and escaped more often than not: \u{1}")),
            2 => Some("a text that no view holds by itself".repeat(row % 5)),
            _ => Some(format!("{row}")),
        };
        Arc::new((0..ROWS).map(text).collect::<StringViewArray>())
    }

    fn arrays() -> Vec<ArrayRef> {
        let few = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let fields: Fields =
            vec![Field::new("text", DataType::Utf8View, true), Field::new("number", DataType::Int64, true)]
                .into();
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values((0_i64..128).map(|row| row * row)));
        let present = (0..ROWS).map(|row| row % 3 > 0).collect::<Vec<_>>();
        let struct_ = StructArray::new(fields, vec![texts(4), numbers], Some(present.into()));
        let lists = (0_i32..128).zip(0..).map(|(row, at)| (at % 7 > 0).then(|| vec![Some(row); at % 4]));
        vec![
            Arc::new((0_i32..128).map(|row| (row % 5 > 0).then_some(-row)).collect::<Int32Array>()),
            texts(5),
            cast(&texts(3), &few).unwrap(),
            Arc::new(struct_),
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)),
            texts(9),
        ]
    }

    fn nodes(arrays: &[ArrayRef], settings: &JsonlSettings) -> Vec<Node> {
        let fields = arrays.iter().enumerate();
        let fields = fields.map(|(at, array)| Field::new(format!("c{at}"), array.data_type().clone(), true));
        let nodes = JsonNodes { format: "JSONL", in_csv: false, settings, room: &Room::new() };
        nodes.members(&fields.collect::<Fields>(), "").unwrap()
    }

    fn texts_of(rows: &Rows<'_>, count: usize) -> Vec<Vec<u8>> {
        let mut cells = Cells::new();
        cells.room(rows.len(), count);
        let mut pen = cells.pen();
        for row in 0..count {
            rows.row(row, &mut pen);
            pen.close();
        }
        pen.finish();
        (0..count).map(|row| cells.cell(row).to_vec()).collect()
    }

    #[test]
    fn rows_are_the_same_whichever_way_they_went() {
        for explicit_nulls in [false, true] {
            let settings = JsonlSettings { explicit_nulls, ..JsonlSettings::default() };
            let arrays = arrays();
            let nodes = nodes(&arrays, &settings);
            let columns = nodes.iter().zip(&arrays).map(|(node, array)| column(node, array, None).unwrap());
            let columns: Vec<_> = columns.collect();
            let mut levels: [Level; 3] = Default::default();
            let [level, spare @ ..] = &mut levels;
            for rows in [0..ROWS, 3..70, 5..5] {
                level.place(&columns, &rows, spare).unwrap();
                let placed = texts_of(&Rows::Placed(&level.slots), rows.len());
                let shared = fill_all(&columns, &rows, &mut level.cells, spare).unwrap();
                let joined = Join::new(&level.cells, &shared, rows.len());
                assert_eq!(placed, texts_of(&Rows::Joined(joined), rows.len()), "{rows:?}");
            }
        }
    }
}
