//! Lists and maps as JSON arrays and objects.
//!
//! Each item is written with a comma before it; the bracket then replaces the first comma. What lies under a null
//! list or map is masked as null before its items see it.
//!
//! Invariant: the cells of the items lie in the first spare level, those of keys before those of values.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanBufferBuilder, GenericListViewArray, OffsetSizeTrait};
use arrow::buffer::NullBuffer;

use crate::encode::rows::items;
use crate::encode::text::cells::Cells;
use crate::encode::text::column::{BoxColumn, Column, Problem, column, mismatch};
use crate::encode::text::join::Join;
use crate::encode::text::level::{Level, fill_all};
use crate::encode::text::node::Node;
use crate::encode::text::packed::unpacked;
use crate::encode::text::structs::bracket;
use crate::error::Result;

/// What is wrong with a map that has a null for a key.
pub(crate) const KEY_NULL: &str = "a key of a map is null";
/// What is wrong with a map that has two equal keys.
pub(crate) const KEY_TWICE: &str = "a map holds a key twice";

/// The writer of a list of any form.
pub(crate) fn lists<'p>(
    node: &'p Node,
    item: &'p Node,
    array: &ArrayRef,
    outer: Option<&NullBuffer>,
) -> Result<BoxColumn<'p>> {
    let (array, nulls) = unpacked(array, outer)?;
    let (values, offsets) = if let Some(list) = array.as_list_opt::<i32>() {
        (Arc::clone(list.values()), usize_offsets(list.value_offsets()))
    } else if let Some(list) = array.as_list_opt::<i64>() {
        (Arc::clone(list.values()), usize_offsets(list.value_offsets()))
    } else if let Some(list) = array.as_list_view_opt::<i32>() {
        in_a_row(list, nulls.as_ref())?
    } else if let Some(list) = array.as_list_view_opt::<i64>() {
        in_a_row(list, nulls.as_ref())?
    } else if let Some(list) = array.as_fixed_size_list_opt() {
        let size = usize::try_from(list.value_length()).unwrap_or(0);
        (Arc::clone(list.values()), (0..=list.len()).map(|row| row * size).collect())
    } else {
        return Err(mismatch(node));
    };
    let mask = item_mask(&offsets, nulls.as_ref(), values.len());
    let items = vec![column(item, &values, mask.as_ref())?];
    Ok(Box::new(Lists { items, offsets, nulls, node, keys: None }))
}

/// The writer of a map.
pub(crate) fn maps<'p>(
    node: &'p Node,
    entry: &'p [Node; 2],
    array: &ArrayRef,
    outer: Option<&NullBuffer>,
) -> Result<BoxColumn<'p>> {
    let (array, nulls) = unpacked(array, outer)?;
    let Some(map) = array.as_map_opt() else { return Err(mismatch(node)) };
    let offsets = usize_offsets(map.value_offsets());
    let mask = item_mask(&offsets, nulls.as_ref(), map.entries().len());
    let items =
        vec![column(&entry[0], map.keys(), mask.as_ref())?, column(&entry[1], map.values(), mask.as_ref())?];
    let keys = Some(Keys { nulls: map.keys().logical_nulls(), node: &entry[0] });
    Ok(Box::new(Lists { items, offsets, nulls, node, keys }))
}

/// The items of the valid rows of views one after the other, and where those of each row begin and end.
fn in_a_row<O: OffsetSizeTrait>(
    list: &GenericListViewArray<O>,
    nulls: Option<&NullBuffer>,
) -> Result<(ArrayRef, Vec<usize>)> {
    let (mut ranges, mut offsets) = (Vec::with_capacity(list.len()), Vec::with_capacity(list.len() + 1));
    let mut end = 0;
    offsets.push(end);
    for row in 0..list.len() {
        if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
            let len = list.value_size(row).as_usize();
            ranges.push((list.value_offset(row).as_usize(), len));
            end += len;
        }
        offsets.push(end);
    }
    Ok((items(list.values(), &ranges)?, offsets))
}

fn usize_offsets<O: OffsetSizeTrait>(offsets: &[O]) -> Vec<usize> {
    offsets.iter().map(|offset| offset.as_usize()).collect()
}

/// The items that are not under a null row, if some are.
fn item_mask(offsets: &[usize], nulls: Option<&NullBuffer>, items: usize) -> Option<NullBuffer> {
    let nulls = nulls?;
    let rows = || offsets.windows(2).zip(nulls.iter());
    if rows().all(|(pair, valid)| valid || pair[0] == pair[1]) {
        return None;
    }
    let mut mask = BooleanBufferBuilder::new(items);
    mask.append_n(offsets.first().copied().unwrap_or(0), false);
    for (pair, valid) in rows() {
        mask.append_n(pair[1] - pair[0], valid);
    }
    mask.append_n(items - mask.len(), false);
    Some(NullBuffer::new(mask.finish()))
}

/// Arrays of items, or objects of keys and values.
struct Lists<'p> {
    /// The items, or the keys and the values.
    items: Vec<BoxColumn<'p>>,
    /// Where the items of each row begin and end.
    offsets: Vec<usize>,
    nulls: Option<NullBuffer>,
    node: &'p Node,
    /// What is known of the keys of a map.
    keys: Option<Keys<'p>>,
}

struct Keys<'p> {
    nulls: Option<NullBuffer>,
    node: &'p Node,
}

impl Column for Lists<'_> {
    fn fill(&self, rows: Range<usize>, out: &mut Cells, levels: &mut [Level]) -> Result<(), Problem> {
        let Some((Level { cells, .. }, spare)) = levels.split_first_mut() else { return Ok(()) };
        let items = self.offsets[rows.start]..self.offsets[rows.end];
        let shared = match fill_all(&self.items, &items, cells, spare) {
            Ok(shared) => shared,
            Err(problem) => return self.check_before(self.lift(problem), rows.start, out, levels),
        };
        let join = Join::new(cells, &shared, items.len());
        let frame = &self.node.frame;
        out.room(join.len() + rows.len() * (frame.most() + 1), rows.len());
        let open = if self.keys.is_some() { b'{' } else { b'[' };
        let mut pen = out.pen();
        for row in rows {
            if self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
                let of_row = self.offsets[row] - items.start..self.offsets[row + 1] - items.start;
                if let Some(keys) = &self.keys {
                    self.check(keys, row, &join, of_row.clone())?;
                }
                bracket(open, frame, &mut pen, |pen| join.rows(of_row, pen));
            } else {
                pen.affix(&frame.null);
            }
            pen.close();
        }
        pen.finish();
        Ok(())
    }
}

impl Lists<'_> {
    /// The problem of an item as that of its row.
    #[cold]
    fn lift(&self, problem: Problem) -> Problem {
        let after = self.offsets.partition_point(|&offset| offset <= problem.index);
        Problem { index: after - 1, ..problem }
    }

    /// The earliest problem: keys of the rows before may be wrong, which is seen only when all is filled.
    #[cold]
    fn check_before(
        &self,
        problem: Problem,
        first: usize,
        out: &mut Cells,
        spare: &mut [Level],
    ) -> Result<(), Problem> {
        if self.keys.is_some() {
            self.fill(first..problem.index, out, spare)?;
        }
        Err(problem)
    }

    /// Checks that the keys of a row are there and differ.
    #[inline]
    fn check(
        &self,
        keys: &Keys<'_>,
        row: usize,
        items: &Join<'_>,
        of_row: Range<usize>,
    ) -> Result<(), Problem> {
        let first = self.offsets[row];
        if let Some(nulls) = &keys.nulls
            && nulls.slice(first, of_row.len()).null_count() > 0
        {
            let column = keys.node.path.clone();
            return Err(Problem { index: row, column, what: KEY_NULL });
        }
        if has_twins(items, of_row) {
            let column = self.node.path.clone();
            return Err(Problem { index: row, column, what: KEY_TWICE });
        }
        Ok(())
    }
}

/// Maps up to this size are compared pair by pair, which needs no memory.
const FEW_KEYS: usize = 16;

/// Whether two of the keys are equal.
fn has_twins(items: &Join<'_>, of_row: Range<usize>) -> bool {
    if of_row.len() > FEW_KEYS {
        let mut keys: Vec<_> = of_row.map(|item| items.first(item)).collect();
        keys.sort_unstable();
        return keys.windows(2).any(|pair| pair[0] == pair[1]);
    }
    of_row.clone().any(|item| {
        let key = items.first(item);
        (of_row.start..item).any(|other| items.first(other) == key)
    })
}
