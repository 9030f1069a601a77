//! The logical size of rows: the lengths of their values plus the widths of fixed types.
//!
//! The same for every physical form of a column and for every slice; garbage under a null slot counts
//! nothing, and a null of a fixed width counts that width. A union counts its active children.

mod union;

use arrow::array::{
    Array, ArrayRef, AsArray, ByteView, GenericByteArray, GenericByteViewArray, GenericListArray,
    GenericListViewArray, OffsetSizeTrait, RecordBatch, UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{
    ArrowNativeType, BinaryType, BinaryViewType, ByteArrayType, ByteViewType, DataType, Int16Type, Int32Type,
    Int64Type, LargeBinaryType, LargeUtf8Type, RunEndIndexType, StringViewType, Utf8Type,
};

/// The logical bytes between each two neighbouring bounds; bounds ascend and lie within the batch.
pub(super) fn sizes(batch: &RecordBatch, bounds: &[usize]) -> Vec<u64> {
    let mut sizes = vec![0; bounds.len().saturating_sub(1)];
    for column in batch.columns() {
        add(column.as_ref(), None, bounds, &mut sizes);
    }
    sizes
}

/// The same of one column.
pub(super) fn sizes_of(column: &ArrayRef, bounds: &[usize]) -> Vec<u64> {
    let mut sizes = vec![0; bounds.len().saturating_sub(1)];
    add(column.as_ref(), None, bounds, &mut sizes);
    sizes
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other type has a fixed width")]
/// Adds the bytes of the rows that are valid in `parent`, or of all rows if there is none.
fn add(array: &dyn Array, parent: Option<&NullBuffer>, bounds: &[usize], sizes: &mut [u64]) {
    let valid = NullBuffer::union(array.nulls(), parent).filter(|nulls| nulls.null_count() > 0);
    let valid = valid.as_ref();
    match array.data_type() {
        DataType::Utf8 => add_bytes::<Utf8Type>(array.as_bytes(), valid, bounds, sizes),
        DataType::LargeUtf8 => add_bytes::<LargeUtf8Type>(array.as_bytes(), valid, bounds, sizes),
        DataType::Binary => add_bytes::<BinaryType>(array.as_bytes(), valid, bounds, sizes),
        DataType::LargeBinary => add_bytes::<LargeBinaryType>(array.as_bytes(), valid, bounds, sizes),
        DataType::Utf8View => add_views::<StringViewType>(array.as_byte_view(), valid, bounds, sizes),
        DataType::BinaryView => add_views::<BinaryViewType>(array.as_byte_view(), valid, bounds, sizes),
        DataType::Dictionary(..) => add_dictionary(array, valid, bounds, sizes),
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

fn add_width(width: u64, bounds: &[usize], sizes: &mut [u64]) {
    for (size, pair) in sizes.iter_mut().zip(bounds.windows(2)) {
        *size += width * (pair[1] - pair[0]) as u64;
    }
}

fn add_bytes<T: ByteArrayType>(
    array: &GenericByteArray<T>,
    valid: Option<&NullBuffer>,
    bounds: &[usize],
    sizes: &mut [u64],
) {
    let offsets = array.value_offsets();
    if valid.is_none() {
        for (size, pair) in sizes.iter_mut().zip(bounds.windows(2)) {
            *size += (offsets[pair[1]] - offsets[pair[0]]).as_usize() as u64;
        }
    } else {
        add_lengths(|row| (offsets[row + 1] - offsets[row]).as_usize() as u64, valid, bounds, sizes);
    }
}

fn add_views<T: ByteViewType>(
    array: &GenericByteViewArray<T>,
    valid: Option<&NullBuffer>,
    bounds: &[usize],
    sizes: &mut [u64],
) {
    let views = array.views();
    add_lengths(|row| u64::from(ByteView::from(views[row]).length), valid, bounds, sizes);
}

fn add_lengths(
    length: impl Fn(usize) -> u64,
    valid: Option<&NullBuffer>,
    bounds: &[usize],
    sizes: &mut [u64],
) {
    for (size, pair) in sizes.iter_mut().zip(bounds.windows(2)) {
        let rows = pair[0]..pair[1];
        *size += match valid {
            None => rows.map(&length).sum::<u64>(),
            Some(valid) => rows.map(|row| if valid.is_valid(row) { length(row) } else { 0 }).sum(),
        };
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the others are no strings or bytes")]
fn add_dictionary(array: &dyn Array, valid: Option<&NullBuffer>, bounds: &[usize], sizes: &mut [u64]) {
    let Some(dictionary) = array.as_any_dictionary_opt() else { return };
    let values = dictionary.values();
    if values.is_empty() {
        // Every key is null.
        return add_width(null_width(values.data_type()), bounds, sizes);
    }
    let keys = dictionary.normalized_keys();
    let entries = Entries { values, keys: &keys, valid };
    match values.data_type() {
        DataType::Utf8 => entries.add_bytes::<Utf8Type>(bounds, sizes),
        DataType::LargeUtf8 => entries.add_bytes::<LargeUtf8Type>(bounds, sizes),
        DataType::Binary => entries.add_bytes::<BinaryType>(bounds, sizes),
        DataType::LargeBinary => entries.add_bytes::<LargeBinaryType>(bounds, sizes),
        DataType::Utf8View => entries.add_views::<StringViewType>(bounds, sizes),
        DataType::BinaryView => entries.add_views::<BinaryViewType>(bounds, sizes),
        _ => entries.add_any(bounds, sizes),
    }
}

/// The rows of a dictionary: each looks its length up, so that entries of no row cost nothing.
struct Entries<'a> {
    values: &'a ArrayRef,
    keys: &'a [usize],
    valid: Option<&'a NullBuffer>,
}

impl Entries<'_> {
    fn add_bytes<T: ByteArrayType>(&self, bounds: &[usize], sizes: &mut [u64]) {
        let offsets = self.values.as_bytes::<T>().value_offsets();
        self.add_each(|entry| (offsets[entry + 1] - offsets[entry]).as_usize() as u64, bounds, sizes);
    }

    fn add_views<T: ByteViewType>(&self, bounds: &[usize], sizes: &mut [u64]) {
        let views = self.values.as_byte_view::<T>().views();
        self.add_each(|entry| u64::from(ByteView::from(views[entry]).length), bounds, sizes);
    }

    /// Adds the lengths of strings or bytes; a null entry has none.
    fn add_each(&self, length: impl Fn(usize) -> u64, bounds: &[usize], sizes: &mut [u64]) {
        let keys = self.keys;
        match self.values.nulls() {
            None => add_lengths(|row| length(keys[row]), self.valid, bounds, sizes),
            Some(known) => {
                let length = |entry| if known.is_valid(entry) { length(entry) } else { 0 };
                add_lengths(|row| length(keys[row]), self.valid, bounds, sizes);
            }
        }
    }

    /// Adds the sizes of entries of any type, measured once for each entry or row, whichever are fewer.
    fn add_any(&self, bounds: &[usize], sizes: &mut [u64]) {
        let own = || {
            take(
                self.values.as_ref(),
                &UInt64Array::from_iter_values(self.keys.iter().map(|&key| key as u64)),
                None,
            )
        };
        let own = if self.keys.len() < self.values.len() { own().ok() } else { None };
        let measured = own.as_ref().unwrap_or(self.values);
        let ends: Vec<usize> = (0..=measured.len()).collect();
        let mut lengths = vec![0; measured.len()];
        add(measured.as_ref(), None, &ends, &mut lengths);
        // A null of a fixed width counts that width, whatever the key under it.
        let null = null_width(self.values.data_type());
        let length = |row: usize| match self.valid {
            Some(valid) if valid.is_null(row) => null,
            _ => lengths[if own.is_some() { row } else { self.keys[row] }],
        };
        add_lengths(length, None, bounds, sizes);
    }
}

fn add_runs(array: &dyn Array, parent: Option<&NullBuffer>, bounds: &[usize], sizes: &mut [u64]) {
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
    bounds: &[usize],
    sizes: &mut [u64],
) {
    let offsets = list.value_offsets();
    let range = |row: usize| (offsets[row].as_usize(), offsets[row + 1].as_usize());
    add_children(list.values().as_ref(), &range, valid, bounds, sizes);
}

fn add_list_view<O: OffsetSizeTrait>(
    list: &GenericListViewArray<O>,
    valid: Option<&NullBuffer>,
    bounds: &[usize],
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
    bounds: &[usize],
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
    let rows = *bounds.last().unwrap_or(&0);
    let end = rows.checked_sub(1).map_or(0, |last| range(last).1);
    let child_bounds: Vec<usize> =
        bounds.iter().map(|row| if *row < rows { range(*row).0 } else { end }).collect();
    add(children, None, &child_bounds, sizes);
}

/// Adds the children of each valid row for itself: for ranges that overlap, or hide values under nulls.
fn add_each_row(
    children: &dyn Array,
    range: &dyn Fn(usize) -> (usize, usize),
    valid: Option<&NullBuffer>,
    bounds: &[usize],
    sizes: &mut [u64],
) {
    for (size, pair) in sizes.iter_mut().zip(bounds.windows(2)) {
        for row in (pair[0]..pair[1]).filter(|row| valid.is_none_or(|valid| valid.is_valid(*row))) {
            let (start, end) = range(row);
            add(children, None, &[start, end], std::slice::from_mut(size));
        }
    }
}

/// An offset or length of an array, which is never negative.
fn index<T: TryInto<usize>>(value: T) -> usize {
    value.try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        DictionaryArray, Int32Array, Int32RunArray, Int64Array, ListArray, StringArray, StructArray,
        UnionArray,
    };
    use arrow::buffer::{OffsetBuffer, ScalarBuffer};
    use arrow::compute::cast;
    use arrow::datatypes::{Field, UnionFields};

    use super::*;

    fn size(array: &dyn Array) -> Vec<u64> {
        let bounds: Vec<usize> = (0..=array.len()).collect();
        let mut sizes = vec![0; array.len()];
        add(array, None, &bounds, &mut sizes);
        sizes
    }

    #[test]
    fn every_form_of_a_string_column_has_the_same_size() {
        let plain = StringArray::from(vec![
            Some("abc"),
            None,
            Some(""),
            Some("a string that is not inlined"),
            Some("abc"),
        ]);
        let expected = [3, 0, 0, 28, 3];
        assert_eq!(size(&plain), expected);
        let dictionary = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
        let views = DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8View));
        for form in [DataType::LargeUtf8, DataType::Utf8View, DataType::Binary, dictionary, views] {
            assert_eq!(size(cast(&plain, &form).unwrap().as_ref()), expected, "{form}");
        }
        assert_eq!(size(&plain.slice(2, 3)), expected[2..]);
        let runs = Int32RunArray::try_new(&Int32Array::from(vec![2, 5]), &StringArray::from(vec!["ab", "c"]))
            .unwrap();
        assert_eq!(size(&runs), [2, 2, 1, 1, 1]);
        assert_eq!(size(&runs.slice(1, 2)), [2, 1]);
    }

    #[test]
    fn rows_of_a_dictionary_larger_than_the_batch_have_the_same_size() {
        let fields = vec![Field::new("n", DataType::Int32, true), Field::new("s", DataType::Utf8, true)];
        let text = |n: usize| (n != 7).then(|| "x".repeat(n % 90));
        let texts = || (0..500).map(text).collect::<StringArray>();
        let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(0..500));
        let parts = StructArray::new(fields.into(), vec![numbers, Arc::new(texts())], None);
        let views = cast(&texts(), &DataType::Utf8View).unwrap();
        let keys = Int32Array::from(vec![Some(3), None, Some(89), Some(7), Some(400), Some(3)]);
        for (values, null, more) in
            [(Arc::new(texts()) as ArrayRef, 0, 0), (views, 0, 0), (Arc::new(parts) as ArrayRef, 4, 4)]
        {
            let dictionary = DictionaryArray::new(keys.clone(), values);
            let expected = [3 + more, null, 89 + more, more, 40 + more, 3 + more];
            assert_eq!(size(&dictionary), expected);
            assert_eq!(size(&dictionary.slice(2, 3)), expected[2..5]);
        }
    }

    #[test]
    fn a_null_counts_the_same_in_every_form() {
        let fields = vec![Field::new("n", DataType::Int32, true), Field::new("s", DataType::Utf8, true)];
        let columns: Vec<ArrayRef> =
            vec![Arc::new(Int32Array::from(vec![1, 2])), Arc::new(StringArray::from(vec!["ab", "garbage"]))];
        let nulls = NullBuffer::from(vec![true, false]);
        let plain: ArrayRef = Arc::new(StructArray::new(fields.into(), columns, Some(nulls)));
        assert_eq!(size(&plain), [6, 4]);
        let keys = Int32Array::from(vec![Some(0), None]);
        let dictionary: ArrayRef = Arc::new(DictionaryArray::new(keys, plain.slice(0, 1)));
        assert_eq!(size(&dictionary), [6, 4]);
        let twice = DictionaryArray::new(Int32Array::from(vec![1, 0, 1]), dictionary);
        assert_eq!(size(&twice), [4, 6, 4]);
        let runs = Int32RunArray::try_new(&Int32Array::from(vec![1, 3]), &plain).unwrap();
        assert_eq!(size(&runs), [6, 4, 4]);
    }

    #[test]
    fn a_union_counts_its_active_children_sparse_or_dense() {
        let fields = UnionFields::try_new(
            [3, 5],
            [Field::new("n", DataType::Int64, true), Field::new("s", DataType::Utf8, true)],
        );
        let fields = fields.unwrap();
        let ids = || ScalarBuffer::from(vec![5_i8, 3, 5, 3]);
        let numbers = |values: Vec<Option<i64>>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
        let texts = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
        let sparse = vec![numbers(vec![Some(9), Some(1), Some(9), None]), texts(vec!["abc", "x", "", "x"])];
        let sparse = UnionArray::try_new(fields.clone(), ids(), None, sparse).unwrap();
        assert_eq!(size(&sparse), [3, 8, 0, 8]);
        let offsets = ScalarBuffer::from(vec![1, 1, 0, 0]);
        let dense = vec![numbers(vec![None, Some(1)]), texts(vec!["", "abc"])];
        let dense = UnionArray::try_new(fields, ids(), Some(offsets), dense).unwrap();
        assert_eq!(size(&dense), [3, 8, 0, 8]);
        assert_eq!(size(&dense.slice(1, 2)), [8, 0]);
        let parent = NullBuffer::from(vec![false, false, true, true]);
        let mut sizes = vec![0; 4];
        add(&dense, Some(&parent), &[0, 1, 2, 3, 4], &mut sizes);
        assert_eq!(sizes, [0, 0, 0, 8]);
    }

    #[test]
    fn garbage_under_a_null_counts_nothing() {
        let values: ArrayRef = Arc::new(StringArray::from(vec!["ab", "garbage", "c"]));
        let field = Arc::new(Field::new("item", DataType::Utf8, true));
        let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![0, 1, 2, 3]));
        let nulls = NullBuffer::from(vec![true, false, true]);
        let list = ListArray::new(field, offsets, Arc::clone(&values), Some(nulls.clone()));
        assert_eq!(size(&list), [2, 0, 1]);
        let fields = vec![Field::new("a", DataType::Utf8, true)].into();
        assert_eq!(size(&StructArray::new(fields, vec![values], Some(nulls))), [2, 0, 1]);
    }

    #[test]
    fn a_null_of_a_fixed_width_counts_its_width() {
        assert_eq!(size(&Int32Array::from(vec![Some(1), None])), [4, 4]);
    }

    #[test]
    fn a_sliced_list_counts_its_own_children_only() {
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>([
            Some(vec![Some(1), Some(2)]),
            None,
            Some(vec![]),
            Some(vec![Some(3)]),
        ]);
        assert_eq!(size(&list), [16, 0, 0, 8]);
        assert_eq!(size(&list.slice(1, 3)), [0, 0, 8]);
    }
}
