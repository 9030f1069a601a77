//! Structs, lists, maps and unions (ORC v1 specification, "Struct Columns", "List Columns", "Map Columns",
//! "Union Columns"): their own streams, and the slots of what lies below them.
//!
//! Invariant: a child gets exactly the slots that readers ask it for.

use arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait, UnionArray};
use arrow::datatypes::{ArrowNativeType, DataType};
use orc_rust::proto::column_encoding::Kind as EncodingKind;
use orc_rust::proto::stream::Kind;
use rayon::prelude::*;

use super::column::{Column, Failure, Pen, Written, write};
use super::slots::{Slots, Values, for_each_valid};
use super::stats::{Collections, Of};
use super::stream::Stream;
use super::tree::Node;
use super::{byte_rle, keys};
use crate::encode::rows::{items, pick};
use crate::error::{Cause, Result};

/// STRUCT.
pub(super) fn structs(node: &Node, slots: Slots, pen: &Pen) -> Result<Vec<Column>, Failure> {
    let values = slots.plain()?;
    for (array, _) in &values.pieces {
        let found = array.as_struct_opt().map(arrow::array::StructArray::fields);
        let fits = found.is_some_and(|fields| {
            fields.iter().map(|field| field.name()).eq(node.children.iter().map(|child| &child.name))
        });
        if !fits {
            return Err(mismatch(node));
        }
    }
    let children = (0..node.children.len())
        .map(|index| values.child(|array| ArrayRef::clone(array.as_struct().column(index))))
        .collect();
    let stats = vec![Of::Rows; values.bounds.len() - 1];
    let own = pen.column(node, values, Written::new(EncodingKind::Direct, Vec::new(), stats))?;
    with_children(own, node, children, pen)
}

/// LIST.
pub(super) fn lists(node: &Node, slots: Slots, pen: &Pen) -> Result<Vec<Column>, Failure> {
    let values = slots.plain()?;
    let mut collected = Collected::new(values.count());
    for (array, nulls) in &values.pieces {
        let (children, range) = ranges(array).ok_or_else(|| mismatch(node))?;
        let mut own = Vec::with_capacity(array.len());
        for_each_valid(array.len(), nulls.as_ref(), |index| own.push(range(index)));
        collected.lengths.extend(own.iter().map(|(_, len)| i64::try_from(*len).unwrap_or(i64::MAX)));
        collected.children.push(vec![items(children, &own)?]);
    }
    collected.write(node, values, pen)
}

/// MAP.
pub(super) fn maps(node: &Node, slots: Slots, pen: &Pen) -> Result<Vec<Column>, Failure> {
    let values = slots.plain()?;
    let mut collected = Collected::new(values.count());
    for (array, nulls) in &values.pieces {
        let map = array.as_map_opt().ok_or_else(|| mismatch(node))?;
        let offsets = map.value_offsets();
        let mut own = Vec::with_capacity(map.len());
        for_each_valid(map.len(), nulls.as_ref(), |index| own.push(range_of(offsets, index)));
        let keys = items(map.keys(), &own)?;
        if pen.refuse_duplicate_keys && keys::has_duplicates(&keys, own.iter().map(|(_, len)| *len))? {
            return Err(Failure::Value { problem: "a map holds a key twice", column: node.path.clone() });
        }
        collected.lengths.extend(own.iter().map(|(_, len)| i64::try_from(*len).unwrap_or(i64::MAX)));
        collected.children.push(vec![keys, items(map.values(), &own)?]);
    }
    collected.write(node, values, pen)
}

/// UNION.
pub(super) fn unions(node: &Node, ids: &[i8], slots: Slots, pen: &Pen) -> Result<Vec<Column>, Failure> {
    let values = slots.plain()?;
    let mut tags: Vec<u8> = Vec::with_capacity(values.count());
    let mut children: Vec<Vec<ArrayRef>> = vec![Vec::new(); ids.len()];
    for (array, nulls) in &values.pieces {
        let union = array.as_union_opt().ok_or_else(|| mismatch(node))?;
        let mut picked: Vec<Vec<u64>> = vec![Vec::new(); ids.len()];
        let mut is_known = true;
        for_each_valid(union.len(), nulls.as_ref(), |index| {
            let id = union.type_id(index);
            match ids.iter().position(|known| *known == id).map(|tag| (tag, u8::try_from(tag))) {
                Some((tag, Ok(byte))) => {
                    tags.push(byte);
                    picked[tag].push(union.value_offset(index) as u64);
                }
                _ => is_known = false,
            }
        });
        if !is_known {
            return Err(mismatch(node));
        }
        for ((child, picked), id) in children.iter_mut().zip(picked).zip(ids) {
            child.push(pick(child_of(union, *id, node)?, &picked.into())?);
        }
    }
    let bounds = |tag: usize| {
        let is_own = |tags: &[u8]| tags.iter().filter(|own| usize::from(**own) == tag).count();
        running(values.bounds.windows(2).map(|group| is_own(&tags[group[0]..group[1]])))
    };
    let slots =
        children.into_iter().enumerate().map(|(tag, pieces)| Slots::new(pieces, bounds(tag))).collect();
    let data = Stream::of_runs(Kind::Data, &tags, &values.bounds, byte_rle::bytes);
    let stats = vec![Of::Rows; values.bounds.len() - 1];
    let own = pen.column(node, values, Written::new(EncodingKind::Direct, vec![data], stats))?;
    with_children(own, node, slots, pen)
}

/// The lengths of lists or maps, and for each batch their children.
struct Collected {
    lengths: Vec<i64>,
    children: Vec<Vec<ArrayRef>>,
}

impl Collected {
    fn new(count: usize) -> Self {
        Self { lengths: Vec::with_capacity(count), children: Vec::new() }
    }

    fn write(self, node: &Node, values: Values, pen: &Pen) -> Result<Vec<Column>, Failure> {
        let Self { lengths, children } = self;
        let total = |group: &[usize]| lengths[group[0]..group[1]].iter().sum::<i64>();
        let bounds =
            running(values.bounds.windows(2).map(|group| usize::try_from(total(group)).unwrap_or(0)));
        let stats = values.bounds.windows(2).map(|group| collections(&lengths[group[0]..group[1]])).collect();
        let stream = pen.unsigned_runs(Kind::Length, &lengths, &values.bounds);
        let own = pen.column(node, values, Written::new(EncodingKind::DirectV2, vec![stream], stats))?;
        let slots = (0..node.children.len())
            .map(|child| {
                let pieces = children.iter().map(|of_batch| ArrayRef::clone(&of_batch[child])).collect();
                Slots::new(pieces, bounds.clone())
            })
            .collect();
        with_children(own, node, slots, pen)
    }
}

fn collections(lengths: &[i64]) -> Of {
    let unsigned = |length: i64| length.unsigned_abs();
    let lengths = || lengths.iter().copied();
    let range = lengths().min().map(unsigned).zip(lengths().max().map(unsigned));
    Of::Collections(Collections { range, total: lengths().sum::<i64>().unsigned_abs() })
}

/// A column and those below it, which are written in parallel.
fn with_children(own: Column, node: &Node, slots: Vec<Slots>, pen: &Pen) -> Result<Vec<Column>, Failure> {
    let children: Vec<Result<Vec<Column>, Failure>> =
        node.children.par_iter().zip(slots).map(|(child, slots)| write(child, slots, pen)).collect();
    let mut columns = vec![own];
    for child in children {
        columns.extend(child?);
    }
    Ok(columns)
}

/// The sums of what came so far, from 0.
fn running(counts: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut sum = 0;
    let sums = counts.map(|count| {
        sum += count;
        sum
    });
    std::iter::once(0).chain(sums).collect()
}

type Ranges<'a> = Box<dyn Fn(usize) -> (usize, usize) + 'a>;

#[expect(clippy::wildcard_enum_match_arm, reason = "the others are no lists")]
/// The items of a list of any form, and where each list begins in them and how long it is.
fn ranges(array: &ArrayRef) -> Option<(&ArrayRef, Ranges<'_>)> {
    Some(match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            (list.values(), Box::new(|index| range_of(list.value_offsets(), index)))
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            (list.values(), Box::new(|index| range_of(list.value_offsets(), index)))
        }
        DataType::ListView(_) => {
            let list = array.as_list_view::<i32>();
            (list.values(), Box::new(|index| view_range(list.value_offsets(), list.value_sizes(), index)))
        }
        DataType::LargeListView(_) => {
            let list = array.as_list_view::<i64>();
            (list.values(), Box::new(|index| view_range(list.value_offsets(), list.value_sizes(), index)))
        }
        DataType::FixedSizeList(..) => {
            let list = array.as_fixed_size_list();
            let len = list.value_length().as_usize();
            (list.values(), Box::new(move |index| (index * len, len)))
        }
        _ => return None,
    })
}

fn range_of<O: OffsetSizeTrait>(offsets: &[O], index: usize) -> (usize, usize) {
    let start = offsets[index].as_usize();
    (start, offsets[index + 1].as_usize() - start)
}

fn view_range<O: OffsetSizeTrait>(offsets: &[O], sizes: &[O], index: usize) -> (usize, usize) {
    (offsets[index].as_usize(), sizes[index].as_usize())
}

fn child_of<'a>(union: &'a UnionArray, id: i8, node: &Node) -> Result<&'a ArrayRef, Failure> {
    let is_there = union.fields().iter().any(|(known, _)| known == id);
    if is_there { Ok(union.child(id)) } else { Err(mismatch(node)) }
}

fn mismatch(node: &Node) -> Failure {
    Failure::from(Cause::BatchMismatch { column: node.path.clone() })
}
