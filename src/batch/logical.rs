//! The logical size of rows: the lengths of their values plus the widths of fixed types.
//!
//! The same for every physical form of a column and for every slice; garbage under a null slot counts
//! nothing, and a null of a fixed width counts that width. A union counts its active children.
//!
//! The lengths of strings and bytes are estimated by samples, where that is asked for, but for those in lists, maps and
//! unions.

mod dictionary;
mod lengths;
mod union;

use arrow::array::{
    Array, ArrayRef, AsArray, GenericListArray, GenericListViewArray, OffsetSizeTrait, RecordBatch,
    UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{
    BinaryType, BinaryViewType, DataType, Int16Type, Int32Type, Int64Type, LargeBinaryType, LargeUtf8Type,
    RunEndIndexType, StringViewType, Utf8Type,
};

/// Where pieces of the rows of an array begin and end.
#[derive(Clone, Copy, Debug)]
struct Bounds<'a> {
    /// The bounds of the pieces; they ascend.
    rows: &'a [usize],
    /// The rows that stand for others; without any, each row counts.
    samples: Option<&'a [Sample]>,
}

impl<'a> Bounds<'a> {
    /// Bounds of pieces whose rows all count.
    fn of_all(rows: &'a [usize]) -> Self {
        Self { rows, samples: None }
    }
}

/// A row that stands for the [`GRAIN`](super::GRAIN) rows around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) row: usize,
    /// The piece in which it lies.
    pub(super) piece: usize,
}

/// The logical bytes between each two neighbouring bounds, by samples; all ascend and lie within the batch.
pub(super) fn sizes(batch: &RecordBatch, bounds: &[usize], samples: &[Sample]) -> Vec<u64> {
    let mut sizes = vec![0; bounds.len().saturating_sub(1)];
    let bounds = Bounds { rows: bounds, samples: Some(samples) };
    for column in batch.columns() {
        add(column.as_ref(), None, bounds, &mut sizes);
    }
    sizes
}

/// The same of one column, whose rows all count.
pub(super) fn sizes_of(column: &ArrayRef, bounds: &[usize]) -> Vec<u64> {
    let mut sizes = vec![0; bounds.len().saturating_sub(1)];
    add(column.as_ref(), None, Bounds::of_all(bounds), &mut sizes);
    sizes
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other type has a fixed width")]
/// Adds the bytes of the rows that are valid in `parent`, or of all rows if there is none.
fn add(array: &dyn Array, parent: Option<&NullBuffer>, bounds: Bounds<'_>, sizes: &mut [u64]) {
    let valid = NullBuffer::union(array.nulls(), parent).filter(|nulls| nulls.null_count() > 0);
    let valid = valid.as_ref();
    match array.data_type() {
        DataType::Utf8 => lengths::add_bytes::<Utf8Type>(array.as_bytes(), valid, bounds, sizes),
        DataType::LargeUtf8 => lengths::add_bytes::<LargeUtf8Type>(array.as_bytes(), valid, bounds, sizes),
        DataType::Binary => lengths::add_bytes::<BinaryType>(array.as_bytes(), valid, bounds, sizes),
        DataType::LargeBinary => {
            lengths::add_bytes::<LargeBinaryType>(array.as_bytes(), valid, bounds, sizes);
        }
        DataType::Utf8View => {
            lengths::add_views::<StringViewType>(array.as_byte_view(), valid, bounds, sizes);
        }
        DataType::BinaryView => {
            lengths::add_views::<BinaryViewType>(array.as_byte_view(), valid, bounds, sizes);
        }
        DataType::Dictionary(..) => dictionary::add(array, valid, bounds, sizes),
        DataType::Struct(_) => {
            for column in array.as_struct().columns() {
                add(column.as_ref(), valid, bounds, sizes);
            }
        }
        DataType::List(_) => add_list::<i32>(array.as_list(), valid, bounds, sizes),
        DataType::LargeList(_) => add_list::<i64>(array.as_list(), valid, bounds, sizes),
        DataType::Map(..) => {
            let map = array.as_map();
            let ranges = map.value_offsets();
            add_children(
                map.entries(),
                &|row| (index(ranges[row]), index(ranges[row + 1])),
                valid,
                bounds,
                sizes,
            );
        }
        DataType::FixedSizeList(_, len) => {
            let list = array.as_fixed_size_list();
            let len = index(*len);
            let start = |row: usize| (row * len, (row + 1) * len);
            add_children(list.values().as_ref(), &start, valid, bounds, sizes);
        }
        DataType::ListView(_) => add_list_view::<i32>(array.as_list_view(), valid, bounds, sizes),
        DataType::LargeListView(_) => add_list_view::<i64>(array.as_list_view(), valid, bounds, sizes),
        DataType::RunEndEncoded(..) => add_runs(array, parent, bounds, sizes),
        DataType::Union(..) => union::add_active(array.as_union(), valid, bounds, sizes),
        other => add_width(width(other), bounds, sizes),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "arrow knows the width of every other type")]
/// Bytes of one value of a fixed width.
fn width(data_type: &DataType) -> u64 {
    match data_type {
        DataType::Boolean => 1,
        DataType::FixedSizeBinary(width) => u64::try_from(*width).unwrap_or_default(),
        other => other.primitive_width().unwrap_or_default() as u64,
    }
}

/// Bytes of a null: what has a fixed width keeps it, also in a struct; of a union no child is there.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others have a width or are of any length")]
fn null_width(data_type: &DataType) -> u64 {
    match data_type {
        DataType::Dictionary(_, values) => null_width(values),
        DataType::RunEndEncoded(_, values) => null_width(values.data_type()),
        DataType::Struct(fields) => fields.iter().map(|field| null_width(field.data_type())).sum(),
        other => width(other),
    }
}

fn add_width(width: u64, bounds: Bounds<'_>, sizes: &mut [u64]) {
    for (size, pair) in sizes.iter_mut().zip(bounds.rows.windows(2)) {
        *size += width * (pair[1] - pair[0]) as u64;
    }
}

fn add_runs(array: &dyn Array, parent: Option<&NullBuffer>, bounds: Bounds<'_>, sizes: &mut [u64]) {
    fn plain<R: RunEndIndexType>(array: &dyn Array) -> Option<ArrayRef> {
        let runs = array.as_run_opt::<R>()?;
        let keys: UInt64Array = (0..runs.len()).map(|row| runs.get_physical_index(row) as u64).collect();
        take(runs.values().as_ref(), &keys, None).ok()
    }
    let plain =
        plain::<Int16Type>(array).or_else(|| plain::<Int32Type>(array)).or_else(|| plain::<Int64Type>(array));
    if let Some(plain) = plain {
        add(plain.as_ref(), parent, bounds, sizes);
    }
}

fn add_list<O: OffsetSizeTrait>(
    list: &GenericListArray<O>,
    valid: Option<&NullBuffer>,
    bounds: Bounds<'_>,
    sizes: &mut [u64],
) {
    let offsets = list.value_offsets();
    let range = |row: usize| (offsets[row].as_usize(), offsets[row + 1].as_usize());
    add_children(list.values().as_ref(), &range, valid, bounds, sizes);
}

fn add_list_view<O: OffsetSizeTrait>(
    list: &GenericListViewArray<O>,
    valid: Option<&NullBuffer>,
    bounds: Bounds<'_>,
    sizes: &mut [u64],
) {
    let range = |row: usize| {
        let start = list.value_offset(row).as_usize();
        (start, start + list.value_size(row).as_usize())
    };
    add_each_row(list.values().as_ref(), &range, valid, bounds, sizes);
}

/// Adds the children of rows whose ranges follow on each other.
fn add_children(
    children: &dyn Array,
    range: &dyn Fn(usize) -> (usize, usize),
    valid: Option<&NullBuffer>,
    bounds: Bounds<'_>,
    sizes: &mut [u64],
) {
    let hidden = valid.is_some_and(|valid| {
        (0..valid.len()).any(|row| {
            valid.is_null(row) && {
                let (start, end) = range(row);
                start < end
            }
        })
    });
    if hidden {
        return add_each_row(children, range, valid, bounds, sizes);
    }
    let bounds = bounds.rows;
    let rows = *bounds.last().unwrap_or(&0);
    let end = rows.checked_sub(1).map_or(0, |last| range(last).1);
    let child_bounds: Vec<usize> =
        bounds.iter().map(|row| if *row < rows { range(*row).0 } else { end }).collect();
    add(children, None, Bounds::of_all(&child_bounds), sizes);
}

/// Adds the children of each valid row for itself: for ranges that overlap, or hide values under nulls.
fn add_each_row(
    children: &dyn Array,
    range: &dyn Fn(usize) -> (usize, usize),
    valid: Option<&NullBuffer>,
    bounds: Bounds<'_>,
    sizes: &mut [u64],
) {
    for (size, pair) in sizes.iter_mut().zip(bounds.rows.windows(2)) {
        for row in (pair[0]..pair[1]).filter(|row| valid.is_none_or(|valid| valid.is_valid(*row))) {
            let (start, end) = range(row);
            add(children, None, Bounds::of_all(&[start, end]), std::slice::from_mut(size));
        }
    }
}

/// An offset or length of an array, which is never negative.
fn index<T: TryInto<usize>>(value: T) -> usize {
    value.try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests;
