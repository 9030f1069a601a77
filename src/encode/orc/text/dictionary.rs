//! The dictionary of a stripe: its distinct strings, and which one each row has.
//!
//! A column of many distinct strings is given up early, by how many there are among its first values. Arrow's own
//! dictionaries spare the hashing: an entry is looked up once, when the first row uses it.
//!
//! Invariant: the outcome depends on the values alone.

use std::hash::BuildHasher;
use std::ops::ControlFlow;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::{first_bytes, forms};
use crate::encode::orc::slots::Values;
use crate::error::{Cause, Result};
use crate::settings::OrcDictionary;

/// After so many values almost every one being new tells that there will be no dictionary.
const FIRST_CHECK: usize = 1 << 10;
/// From here on, at every doubling, four in five are the most that may be new.
const SECOND_CHECK: usize = 1 << 13;

/// Distinct strings and who has them.
#[derive(Debug)]
pub(super) struct Dictionary<'a> {
    /// Sorted by their bytes.
    pub(super) entries: Vec<&'a [u8]>,
    /// The entry of each value.
    pub(super) ids: Vec<u32>,
}

impl<'a> Dictionary<'a> {
    /// The dictionary of some values; `None` if they are written as they are.
    ///
    /// # Errors
    ///
    /// When there are more distinct strings than a dictionary can number.
    pub(super) fn of(values: &'a Values, wanted: OrcDictionary) -> Result<Option<Self>> {
        if wanted == OrcDictionary::Never {
            return Ok(None);
        }
        let mut builder = Builder::new(values.count(), wanted == OrcDictionary::Auto);
        let mut known = Known::default();
        for (array, nulls) in &values.pieces {
            if builder.add(array, nulls.as_ref(), &mut known).is_break() {
                return Ok(None);
            }
        }
        if builder.entries.len() >= UNKNOWN as usize {
            return Err(Cause::Encode { source: "more strings than a dictionary can number".into() }.into());
        }
        Ok(builder.is_smaller().then(|| builder.sorted()))
    }
}

/// No entry yet.
const UNKNOWN: u32 = u32::MAX;

/// The entries that the entries of an Arrow dictionary have become.
#[derive(Default)]
struct Known {
    of: Option<ArrayRef>,
    ids: Vec<u32>,
}

impl Known {
    /// Of this dictionary: what is known stays if the last batch had the same one.
    fn of(&mut self, values: &ArrayRef) -> &mut [u32] {
        let is_same = self.of.as_ref().is_some_and(|of| of.to_data().ptr_eq(&values.to_data()));
        if !is_same {
            self.of = Some(ArrayRef::clone(values));
            self.ids.clear();
            self.ids.resize(values.len(), UNKNOWN);
        }
        &mut self.ids
    }
}

/// An entry in the table. With its hash a table that grows needs no text.
struct Slot {
    hash: u32,
    id: u32,
}

struct Builder<'a> {
    table: HashTable<Slot>,
    hasher: DefaultHashBuilder,
    entries: Vec<&'a [u8]>,
    entry_bytes: usize,
    ids: Vec<u32>,
    next_check: usize,
}

impl<'a> Builder<'a> {
    fn new(values: usize, may_give_up: bool) -> Self {
        Self {
            table: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            entries: Vec::new(),
            entry_bytes: 0,
            ids: Vec::with_capacity(values),
            next_check: if may_give_up { FIRST_CHECK } else { usize::MAX },
        }
    }

    fn add(&mut self, array: &'a ArrayRef, nulls: Option<&NullBuffer>, known: &mut Known) -> ControlFlow<()> {
        let Some(dictionary) = array.as_any_dictionary_opt() else {
            return forms::for_each_value(array, nulls, |value| {
                let id = self.entry(value);
                self.push(id)
            });
        };
        let (entry, known) = (forms::entries(dictionary.values()), known.of(dictionary.values()));
        forms::for_each_key(dictionary, nulls, |key| {
            let id = &mut known[key];
            if *id == UNKNOWN {
                *id = self.entry(entry(key));
            }
            self.push(*id)
        })
    }

    /// The number of an entry, a new one if it is not there.
    fn entry(&mut self, value: &'a [u8]) -> u32 {
        let hash = half(self.hasher.hash_one(value));
        let entries = &self.entries;
        let is_it = |slot: &Slot| slot.hash == hash && entries[slot.id as usize] == value;
        if let Some(slot) = self.table.find(spread(hash), is_it) {
            return slot.id;
        }
        // What does not fit is found in the end, before the numbers are used.
        let id = u32::try_from(entries.len()).unwrap_or(UNKNOWN);
        self.table.insert_unique(spread(hash), Slot { hash, id }, |slot| spread(slot.hash));
        self.entries.push(value);
        self.entry_bytes += value.len();
        id
    }

    fn push(&mut self, id: u32) -> ControlFlow<()> {
        self.ids.push(id);
        if self.ids.len() == self.next_check { self.check() } else { ControlFlow::Continue(()) }
    }

    #[cold]
    fn check(&mut self) -> ControlFlow<()> {
        let (values, entries) = (self.ids.len(), self.entries.len());
        let hopeless =
            if values < SECOND_CHECK { entries * 100 > values * 99 } else { entries * 5 > values * 4 };
        self.next_check = if values < SECOND_CHECK { SECOND_CHECK } else { values * 2 };
        if hopeless { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Whether the dictionary and its numbers take fewer bytes than the values and their lengths.
    fn is_smaller(&self) -> bool {
        if self.next_check == usize::MAX {
            return true;
        }
        let bytes_of = |most: usize| (usize::BITS - most.leading_zeros()).div_ceil(8).max(1) as usize;
        let numbers = self.ids.len() * bytes_of(self.entries.len().saturating_sub(1));
        let dictionary = self.entry_bytes + self.entries.len() + numbers;
        let values: usize = self.ids.iter().map(|id| self.entries[*id as usize].len()).sum();
        dictionary < values + self.ids.len()
    }

    /// With the entries in the order of their bytes.
    fn sorted(self) -> Dictionary<'a> {
        let key = |(id, entry): (u32, &&[u8])| (first_bytes(entry), id);
        let mut order: Vec<(u64, u32)> = (0..).zip(&self.entries).map(key).collect();
        order.sort_unstable_by(|one, other| {
            let entry = |id: u32| self.entries[id as usize];
            one.0.cmp(&other.0).then_with(|| entry(one.1).cmp(entry(other.1)))
        });
        let mut ranks = vec![0; order.len()];
        for (rank, (_, id)) in (0..).zip(&order) {
            ranks[*id as usize] = rank;
        }
        Dictionary {
            entries: order.iter().map(|(_, id)| self.entries[*id as usize]).collect(),
            ids: self.ids.iter().map(|id| ranks[*id as usize]).collect(),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
fn half(hash: u64) -> u32 {
    hash as u32
}

/// Half of a hash as one whose high and low bits both tell values apart, as the table wants.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}
