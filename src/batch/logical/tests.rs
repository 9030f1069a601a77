//! Every form of a column has the same logical size.

use std::sync::Arc;

use arrow::array::{
    DictionaryArray, Int32Array, Int32RunArray, Int64Array, ListArray, StringArray, StructArray, UnionArray,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{Field, UnionFields};

use super::*;

fn size(array: &dyn Array) -> Vec<u64> {
    let bounds: Vec<usize> = (0..=array.len()).collect();
    let mut sizes = vec![0; array.len()];
    add(array, None, Bounds::of_all(&bounds), &mut sizes);
    sizes
}

/// By samples: one in the first two rows, one behind them.
fn estimate(array: &dyn Array) -> Vec<u64> {
    let bounds = Bounds {
        rows: &[0, 2, array.len()],
        samples: Some(&[Sample { row: 0, piece: 0 }, Sample { row: 3, piece: 1 }]),
    };
    let mut sizes = vec![0; 2];
    add(array, None, bounds, &mut sizes);
    sizes
}

#[test]
fn every_form_of_a_string_column_is_estimated_the_same() {
    let (long, large) = ("x".repeat(60), "y".repeat(968));
    for (sampled, expected) in [(None, 0), (Some("abc"), 48), (Some(&*long), 960), (Some(&*large), 1928)] {
        let plain: ArrayRef =
            Arc::new(StringArray::from(vec![Some("ab"), Some(&long), Some(&large), sampled, None]));
        let expected = [32, 904 + expected];
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let views = DataType::Dictionary(Box::new(DataType::UInt8), Box::new(DataType::Utf8View));
        for form in
            [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View, DataType::Binary, dictionary, views]
        {
            assert_eq!(estimate(cast(&plain, &form).unwrap().as_ref()), expected, "{form}");
        }
        let runs = Int32RunArray::try_new(&Int32Array::from(vec![1, 2, 3, 4, 5]), &plain).unwrap();
        assert_eq!(estimate(&runs), expected);
        let fields = vec![Field::new("s", DataType::Utf8, true)];
        let parts: ArrayRef = Arc::new(StructArray::new(fields.into(), vec![plain], None));
        assert_eq!(estimate(&parts), expected);
        let keys = Int32Array::from(vec![Some(0), Some(1), Some(2), Some(3), None]);
        assert_eq!(estimate(&DictionaryArray::new(keys, parts)), expected);
    }
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
    let runs =
        Int32RunArray::try_new(&Int32Array::from(vec![2, 5]), &StringArray::from(vec!["ab", "c"])).unwrap();
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
    add(&dense, Some(&parent), Bounds::of_all(&[0, 1, 2, 3, 4]), &mut sizes);
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
