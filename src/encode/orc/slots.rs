//! What came for one node in the batches of a stripe, with the rows left out whose parent is null.
//!
//! ORC stores nothing for a null, nor for what lies below it (ORC v1 specification, "Column Encodings"): a child
//! has as many slots as its parent has values. Arrow may have garbage there, slices, and lists that share or
//! hide items. It encodes nothing.
//!
//! Invariant: the bounds of the row groups ascend from 0 to the number of slots.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::filter;
use arrow::datatypes::DataType;
use orc_rust::proto::stream::Kind;

use super::stream::Stream;
use crate::encode::text::packed::unpacked;
use crate::encode::text::scalar::plain;
use crate::error::{Cause, Result};

/// The slots of one node, in the order of the rows.
#[derive(Debug)]
pub(super) struct Slots {
    pieces: Vec<ArrayRef>,
    /// The slot at which each row group begins, and the number of slots.
    bounds: Vec<usize>,
}

/// The slots of one node, with their nulls.
#[derive(Debug)]
pub(super) struct Values {
    /// The arrays, and which of their slots are null: `None` where no slot is.
    pub(super) pieces: Vec<(ArrayRef, Option<NullBuffer>)>,
    /// The value, not counting nulls, at which each row group begins, and the number of values.
    pub(super) bounds: Vec<usize>,
    /// Whether each row group has a null.
    pub(super) nulls: Vec<bool>,
    /// Which slots are not null; `None`: all are not (ORC v1 specification, "Present Stream").
    pub(super) present: Option<Stream>,
}

impl Slots {
    pub(super) fn new(pieces: Vec<ArrayRef>, bounds: Vec<usize>) -> Self {
        Self { pieces, bounds }
    }

    /// The slots with their nulls; dictionaries of plain values stay as they are.
    pub(super) fn packed(self) -> Result<Values> {
        self.values(|array| {
            if let DataType::Dictionary(_, values) = array.data_type()
                && plain(values) == &**values
            {
                return Ok((ArrayRef::clone(array), array.logical_nulls()));
            }
            unpacked(array, None)
        })
    }

    /// The slots with their nulls, without dictionaries and runs.
    pub(super) fn plain(self) -> Result<Values> {
        self.values(|array| unpacked(array, None))
    }

    fn values(self, of: impl Fn(&ArrayRef) -> Result<(ArrayRef, Option<NullBuffer>)>) -> Result<Values> {
        let with_nulls = |array: &ArrayRef| {
            let (array, nulls) = of(array)?;
            // An array without values has no bitmap that says so; nor has a union, whose row is null when its
            // active child is.
            let without_bitmap = array.data_type().is_null() || array.as_union_opt().is_some();
            let own = without_bitmap.then(|| array.logical_nulls()).flatten();
            let nulls = NullBuffer::union(nulls.as_ref(), own.as_ref());
            Ok((array, nulls.filter(|nulls| nulls.null_count() > 0)))
        };
        let pieces = self.pieces.iter().map(with_nulls).collect::<Result<_>>()?;
        Ok(Values::new(pieces, self.bounds))
    }
}

impl Values {
    fn new(pieces: Vec<(ArrayRef, Option<NullBuffer>)>, bounds: Vec<usize>) -> Self {
        if pieces.iter().all(|(_, nulls)| nulls.is_none()) {
            let nulls = vec![false; bounds.len() - 1];
            return Self { pieces, bounds, nulls, present: None };
        }
        let bits = validity(&pieces);
        let present = Some(Stream::of_bits(Kind::Present, &bits, &bounds));
        let mut values = vec![0];
        let mut nulls = Vec::with_capacity(bounds.len() - 1);
        let mut count = 0;
        for group in bounds.windows(2) {
            let slots = group[1] - group[0];
            let valid = bits.slice(group[0], slots).count_set_bits();
            count += valid;
            values.push(count);
            nulls.push(valid < slots);
        }
        Self { pieces, bounds: values, nulls, present }
    }

    /// How many values there are, not counting nulls.
    pub(super) fn count(&self) -> usize {
        self.bounds.last().copied().unwrap_or(0)
    }

    /// A child that has a slot for each slot of its parent, and keeps those of its values.
    pub(super) fn child(&self, of: impl Fn(&ArrayRef) -> ArrayRef) -> Result<Slots> {
        let kept = |(array, nulls): &(ArrayRef, Option<NullBuffer>)| {
            let child = of(array);
            let Some(nulls) = nulls else { return Ok(child) };
            let valid = BooleanArray::new(nulls.inner().clone(), None);
            filter(child.as_ref(), &valid).map_err(|source| Cause::Encode { source: source.into() }.into())
        };
        let pieces = self.pieces.iter().map(kept).collect::<Result<_>>()?;
        Ok(Slots::new(pieces, self.bounds.clone()))
    }
}

/// Which slots of all arrays are not null.
fn validity(pieces: &[(ArrayRef, Option<NullBuffer>)]) -> BooleanBuffer {
    let mut bits = BooleanBufferBuilder::new(pieces.iter().map(|(array, _)| array.len()).sum());
    for (array, nulls) in pieces {
        match nulls {
            Some(nulls) => bits.append_buffer(nulls.inner()),
            None => bits.append_n(array.len(), true),
        }
    }
    bits.finish()
}

/// Calls for each slot that is not null, in order.
pub(super) fn for_each_valid(len: usize, nulls: Option<&NullBuffer>, mut call: impl FnMut(usize)) {
    match nulls {
        None => (0..len).for_each(call),
        Some(nulls) => {
            for (start, end) in nulls.valid_slices() {
                (start..end).for_each(&mut call);
            }
        }
    }
}
