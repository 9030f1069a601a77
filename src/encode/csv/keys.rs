//! Chosen keys of a map as columns of their own.
//!
//! Where the values of a key lie is found once per batch; they are then a column like any other, of the
//! type of the map's values.
//!
//! Invariant: a key that a row does not have, and every key of a null map, is null.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, MapArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{ArrowNativeType, DataType};

use crate::encode::csv::cells;
use crate::encode::csv::plan::Shape;
use crate::encode::rows::taken;
use crate::encode::text::cells::Cells;
use crate::encode::text::column::{BoxColumn, Column, Problem};
use crate::encode::text::level::Level;
use crate::encode::text::nested::{KEY_NULL, KEY_TWICE};
use crate::encode::text::packed::unpacked;
use crate::encode::text::scalar::Scalar;
use crate::error::{Cause, Result};

/// Appends the writers of the keys of a map, in their order.
pub(super) fn open<'p>(
    (path, keys): (&'p str, &'p [(String, Shape)]),
    array: &ArrayRef,
    outer: Option<&NullBuffer>,
    columns: &mut Vec<BoxColumn<'p>>,
) -> Result<()> {
    let mismatch = || Cause::BatchMismatch { column: path.to_owned() };
    let (array, nulls) = unpacked(array, outer)?;
    let map = array.as_map_opt().ok_or_else(mismatch)?;
    if Scalar::of(map.keys().data_type()) != Some(Scalar::String) {
        return Err(mismatch().into());
    }
    let found = Found::new(map, nulls.as_ref(), keys)?;
    let mut own = Vec::new();
    for ((_, shape), places) in keys.iter().zip(&found.places) {
        let has = NullBuffer::from(places.iter().map(Option::is_some).collect::<Vec<_>>());
        let rows: Vec<_> = places.iter().map(|place| place.unwrap_or(0)).collect();
        let values = taken(map.values(), &rows, Some(&has))?;
        cells::open(shape, &values, Some(&has), &mut own)?;
    }
    let mut own = own.into_iter();
    if let Some((index, what)) = found.flaw
        && let Some(values) = own.next()
    {
        columns.push(Box::new(Flawed { values, index, what, path }));
    }
    columns.extend(own);
    Ok(())
}

/// Where the values of the keys lie.
struct Found {
    /// For each key, the entry of each row that has it.
    places: Vec<Vec<Option<usize>>>,
    /// The first row whose keys are wrong, and how; the rows after it were not looked at.
    flaw: Option<(usize, &'static str)>,
}

impl Found {
    fn new(map: &MapArray, nulls: Option<&NullBuffer>, keys: &[(String, Shape)]) -> Result<Self> {
        let wanted: BTreeMap<_, _> = keys.iter().map(|(key, _)| key.as_str()).zip(0..).collect();
        let (texts, _) = unpacked(map.keys(), None)?;
        // Every form of a string is one by this; short ones are in the view.
        let texts =
            cast(&texts, &DataType::Utf8View).map_err(|source| Cause::Encode { source: source.into() })?;
        let texts = texts.as_string_view();
        let offsets = map.value_offsets();
        let mut found = Self { places: vec![vec![None; map.len()]; keys.len()], flaw: None };
        for row in (0..map.len()).filter(|&row| nulls.is_none_or(|nulls| nulls.is_valid(row))) {
            for entry in offsets[row].as_usize()..offsets[row + 1].as_usize() {
                if texts.is_null(entry) {
                    found.flaw = Some((row, KEY_NULL));
                    return Ok(found);
                }
                let key: Option<&usize> = wanted.get(texts.value(entry));
                if key.is_some_and(|&key| found.places[key][row].replace(entry).is_some()) {
                    found.flaw = Some((row, KEY_TWICE));
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }
}

/// The first key of a map, in a batch where a row has wrong keys.
struct Flawed<'p> {
    values: BoxColumn<'p>,
    index: usize,
    what: &'static str,
    path: &'p str,
}

impl Column for Flawed<'_> {
    fn fill(&self, rows: Range<usize>, out: &mut Cells, spare: &mut [Level]) -> Result<(), Problem> {
        let mut result = Ok(());
        if rows.contains(&self.index) {
            result = Err(Problem { index: self.index, column: self.path.to_owned(), what: self.what });
        }
        Problem::earlier(result, self.values.fill(rows, out, spare))
    }
}
