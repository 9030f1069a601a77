//! Forms of arrays that hide or share their values: dictionaries, runs, unions.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, Int32Array, PrimitiveArray, RunArray, UnionArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int16Type, Int32Type, Int64Type, RunEndIndexType, UnionFields};

use super::arrays::{array, garbage, plain};
use super::model::{Draw, Type, Value};

/// A dictionary with entries that nobody uses and one that is null.
pub(crate) fn dictionary(of: &Type, values: &[&Value], draw: &mut Draw<'_>) -> ArrayRef {
    let unused = [garbage(of, draw), Value::Null];
    let mut entries: Vec<&Value> = unused.iter().collect();
    let mut keys = Vec::new();
    for value in values {
        // Compared as they are shown: a negative zero is equal to zero, but another entry.
        let known = entries
            .iter()
            .skip(2)
            .position(|entry| format!("{entry:?}") == format!("{value:?}"))
            .map(|index| index + 2);
        keys.push(match (value, known) {
            (Value::Null, _) => draw.one_in(2).then_some(1),
            (_, Some(index)) => Some(index),
            (_, None) => {
                entries.push(value);
                Some(entries.len() - 1)
            }
        });
    }
    let keys: Int32Array = keys.into_iter().map(|key| key.map(|key| i32::try_from(key).unwrap())).collect();
    let array = DictionaryArray::new(keys, plain(of, &entries, draw));
    let key_types = [DataType::Int8, DataType::Int32, DataType::UInt8, DataType::UInt16, DataType::Int64];
    let to =
        DataType::Dictionary(Box::new(draw.pick(&key_types)), Box::new(array.values().data_type().clone()));
    cast(&array, &to).unwrap()
}

/// Runs of equal values, now and then two runs of one value.
pub(crate) fn runs(of: &Type, values: &[&Value], draw: &mut Draw<'_>) -> ArrayRef {
    if values.is_empty() {
        return plain(of, values, draw);
    }
    let mut ends: Vec<usize> = Vec::new();
    let mut entries: Vec<&Value> = Vec::new();
    for (row, value) in values.iter().enumerate() {
        // Compared as they are shown, since a negative zero is equal to zero.
        let same = entries.last().is_some_and(|last| format!("{last:?}") == format!("{value:?}"));
        if same && !draw.one_in(4) {
            ends.pop();
        } else {
            entries.push(value);
        }
        ends.push(row + 1);
    }
    let entries = array(of, &entries, draw);
    match draw.below(3) {
        0 => run_array::<Int32Type>(ends, &entries),
        1 => run_array::<Int16Type>(ends, &entries),
        _ => run_array::<Int64Type>(ends, &entries),
    }
}

fn run_array<R: RunEndIndexType>(ends: Vec<usize>, entries: &ArrayRef) -> ArrayRef {
    let ends: Int32Array = ends.into_iter().map(|end| i32::try_from(end).unwrap()).collect();
    let ends = cast(&ends, &R::DATA_TYPE).unwrap();
    let ends = ends.as_any().downcast_ref::<PrimitiveArray<R>>().unwrap();
    Arc::new(RunArray::<R>::try_new(ends, entries).unwrap())
}

/// The children of a union; their type ids do not begin at zero and have gaps.
pub(crate) fn union_fields(children: &[(String, Type)], types: Vec<DataType>) -> UnionFields {
    let fields = children.iter().zip(types).map(|((name, _), of)| Field::new(name, of, true));
    UnionFields::try_new((0..).map(type_id).take(children.len()), fields).unwrap()
}

fn type_id(index: usize) -> i8 {
    i8::try_from(5 * index + 2).unwrap()
}

/// A union, sparse with garbage in what is not active, or dense with its children in any order.
pub(crate) fn union(children: &[(String, Type)], values: &[&Value], draw: &mut Draw<'_>) -> ArrayRef {
    let active: Vec<(usize, &Value)> = values
        .iter()
        .map(|value| match value {
            Value::Union(active, value) => (*active, &**value),
            _ => (draw.below(children.len()), &Value::Null),
        })
        .collect();
    let dense = draw.one_in(2);
    let mut offsets = vec![0; values.len()];
    let arrays = children.iter().enumerate().map(|(index, (_, of))| {
        let unused = garbage(of, draw);
        let mut own: Vec<&Value> = Vec::new();
        if dense {
            own.push(&unused);
            // From the last row to the first: offsets may go down.
            for (row, (_, value)) in active.iter().enumerate().rev().filter(|(_, (of, _))| *of == index) {
                offsets[row] = i32::try_from(own.len()).unwrap();
                own.push(value);
            }
        } else {
            own.extend(active.iter().map(|(of, value)| if *of == index { value } else { &unused }));
        }
        array(of, &own, draw)
    });
    let arrays: Vec<_> = arrays.collect();
    let types = arrays.iter().map(|array| array.data_type().clone()).collect();
    let ids = active.iter().map(|(of, _)| type_id(*of)).collect();
    let offsets = dense.then(|| offsets.into());
    Arc::new(UnionArray::try_new(union_fields(children, types), ids, offsets, arrays).unwrap())
}
