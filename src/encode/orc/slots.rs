//! What came for one node in the batches of a stripe, with the rows left out whose parent is null.
//!
//! ORC stores nothing for a null, nor for what lies below it (ORC v1 specification, "Column Encodings"): a child
//! has as many slots as its parent has values. Arrow may have garbage there, slices, and lists that share or
//! hide items. It encodes nothing.
//!
//! Invariant: the bounds of the row groups ascend from 0 to the number of slots.

use std::convert::Infallible;
use std::ops::ControlFlow;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::filter;
use arrow::datatypes::DataType;
use orc_rust::proto::stream::Kind;

use super::stream::Stream;
use crate::encode::text::packed::unpacked;
use crate::encode::text::scalar::plain;
use crate::error::{Cause, Result};

/// Stretches of slots that are not null are shorter than this where one slot in so many is null.
const SHORT_STRETCH: usize = 4;

/// The slots of one node, in the order of the rows.
#[derive(Debug)]
pub(super) struct Slots {
    pieces: Vec<Piece>,
    /// The slot at which each row group begins, and the number of slots.
    bounds: Vec<usize>,
}

/// The slots of a batch, left where they are: copies of them would be read only once.
#[derive(Debug)]
struct Piece {
    array: ArrayRef,
    /// Which places of the array are slots, the others being null: `None` where all are.
    kept: Option<NullBuffer>,
}

/// The slots of one node, with their nulls.
#[derive(Debug)]
pub(super) struct Values {
    /// The arrays, and which of their places hold no value: `None` where all do.
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
        Self { pieces: pieces.into_iter().map(|array| Piece { array, kept: None }).collect(), bounds }
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
        let Self { pieces, bounds } = self;
        let with_nulls = |Piece { array, kept }: &Piece| {
            let (array, nulls) = of(array)?;
            // An array without values has no bitmap that says so; nor has a union, whose row is null when its
            // active child is.
            let without_bitmap = array.data_type().is_null() || array.as_union_opt().is_some();
            let own = without_bitmap.then(|| array.logical_nulls()).flatten();
            let nulls = NullBuffer::union_many([nulls.as_ref(), own.as_ref(), kept.as_ref()]);
            Ok((array, nulls.filter(|nulls| nulls.null_count() > 0)))
        };
        let values = pieces.iter().map(with_nulls).collect::<Result<Vec<_>>>()?;
        let kept: Vec<_> = pieces.into_iter().map(|piece| piece.kept).collect();
        Values::new(values, &kept, bounds)
    }
}

impl Values {
    fn new(
        pieces: Vec<(ArrayRef, Option<NullBuffer>)>,
        kept: &[Option<NullBuffer>],
        bounds: Vec<usize>,
    ) -> Result<Self> {
        if pieces.iter().zip(kept).all(|((_, nulls), kept)| empty(nulls.as_ref()) == empty(kept.as_ref())) {
            let nulls = vec![false; bounds.len() - 1];
            return Ok(Self { pieces, bounds, nulls, present: None });
        }
        let bits = present(&pieces, kept)?;
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
        Ok(Self { pieces, bounds: values, nulls, present })
    }

    /// How many values there are, not counting nulls.
    pub(super) fn count(&self) -> usize {
        self.bounds.last().copied().unwrap_or(0)
    }

    /// A child that has a place for each place of its parent, and slots where that has values.
    pub(super) fn child(&self, of: impl Fn(&ArrayRef) -> ArrayRef) -> Slots {
        let kept =
            |(array, nulls): &(ArrayRef, Option<NullBuffer>)| Piece { array: of(array), kept: nulls.clone() };
        Slots { pieces: self.pieces.iter().map(kept).collect(), bounds: self.bounds.clone() }
    }
}

/// How many places a bitmap leaves out.
fn empty(bitmap: Option<&NullBuffer>) -> usize {
    bitmap.map_or(0, NullBuffer::null_count)
}

/// Which slots of all arrays are not null; `kept` tells which places are slots.
fn present(pieces: &[(ArrayRef, Option<NullBuffer>)], kept: &[Option<NullBuffer>]) -> Result<BooleanBuffer> {
    let slots = |array: &ArrayRef, kept: &Option<NullBuffer>| array.len() - empty(kept.as_ref());
    let count = pieces.iter().zip(kept).map(|((array, _), kept)| slots(array, kept)).sum();
    let mut bits = BooleanBufferBuilder::new(count);
    for ((array, nulls), kept) in pieces.iter().zip(kept) {
        match (nulls, kept) {
            (Some(nulls), None) => bits.append_buffer(nulls.inner()),
            (Some(values), Some(slots)) if values.null_count() > slots.null_count() => {
                bits.append_buffer(&bits_at(values.inner(), slots)?);
            }
            _ => bits.append_n(slots(array, kept), true),
        }
    }
    Ok(bits.finish())
}

/// The bits at the places that a bitmap does not leave out.
pub(super) fn bits_at(bits: &BooleanBuffer, places: &NullBuffer) -> Result<BooleanBuffer> {
    let [bits, places] = [bits, places.inner()].map(|bits| BooleanArray::new(bits.clone(), None));
    let taken = filter(&bits, &places).map_err(|source| Cause::Encode { source: source.into() })?;
    Ok(taken.as_boolean().values().clone())
}

/// Calls for each slot that is not null, in order.
pub(super) fn for_each_valid(len: usize, nulls: Option<&NullBuffer>, mut call: impl FnMut(usize)) {
    let _end: ControlFlow<Infallible> = try_for_each_valid(len, nulls, |index| {
        call(index);
        ControlFlow::Continue(())
    });
}

/// Calls for each slot that is not null, in order, until told to stop.
pub(super) fn try_for_each_valid<B>(
    len: usize,
    nulls: Option<&NullBuffer>,
    mut call: impl FnMut(usize) -> ControlFlow<B>,
) -> ControlFlow<B> {
    match nulls {
        None => (0..len).try_for_each(call),
        // A stretch costs more than a value: they must be long to be worth it.
        Some(nulls) if nulls.null_count() > len / SHORT_STRETCH => nulls.valid_indices().try_for_each(call),
        Some(nulls) => {
            for (start, end) in nulls.valid_slices() {
                (start..end).try_for_each(&mut call)?;
            }
            ControlFlow::Continue(())
        }
    }
}
