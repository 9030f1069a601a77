//! The written entries of the dictionary that a column had last.
//!
//! Batches of one row group share a dictionary: the arrays differ, their buffers are the same. Its entries
//! are written once, when they are worth it, and kept as long as the next batches have it too. Nothing that
//! is kept decides a byte: it only saves writing the same again.
//!
//! Invariant: the dictionary is held as long as its entries are, so that no other one can lie at its place.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef};

use crate::encode::text::entries::Entries;
use crate::encode::text::node::Node;
use crate::error::Result;

/// What all columns of an encoder may keep together.
const MOST_BYTES: usize = 8 << 20;

/// Entries are written when the rows that had them are so many times fewer, or more: the entries that no row
/// has then cost less than what the rows save.
const ENTRIES_A_ROW: usize = 4;

/// Room for the entries of all columns of an encoder.
#[derive(Clone, Debug)]
pub(crate) struct Room(Arc<AtomicUsize>);

impl Room {
    /// The room of one encoder.
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(MOST_BYTES)))
    }

    fn take(&self, bytes: usize) -> bool {
        let less = |left: usize| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What a column keeps from one batch to the next.
#[derive(Debug)]
pub(crate) struct Memo {
    last: Mutex<Last>,
    room: Room,
}

#[derive(Debug, Default)]
struct Last {
    values: Option<ArrayRef>,
    /// Rows that had the dictionary since its entries were written.
    rows: usize,
    entries: Option<Arc<Entries>>,
}

/// What is known of a dictionary.
enum Known {
    Written(Arc<Entries>),
    /// Its rows do not pay for writing it yet.
    Dear,
    /// It is to be written now.
    Wanted,
}

impl Memo {
    /// Keeps nothing yet.
    pub(crate) fn new(room: &Room) -> Self {
        Self { last: Mutex::default(), room: room.clone() }
    }

    /// The written values of a dictionary, for so many rows that have it.
    ///
    /// `None`: it is not worth writing all of them, or one of them cannot be written.
    pub(crate) fn entries(
        &self,
        node: &Node,
        values: &ArrayRef,
        rows: usize,
    ) -> Result<Option<Arc<Entries>>> {
        match self.known(values, rows) {
            Known::Written(entries) => return Ok(Some(entries)),
            Known::Dear => return Ok(None),
            Known::Wanted => {}
        }
        let Some(entries) = Entries::write(node, values)? else { return Ok(None) };
        let entries = Arc::new(entries);
        self.keep(values, &entries);
        Ok(Some(entries))
    }

    /// What is known of a dictionary.
    fn known(&self, values: &ArrayRef, rows: usize) -> Known {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if !last.values.as_ref().is_some_and(|last| is_same(last, values)) {
            self.forget(&mut last);
            last.values = Some(ArrayRef::clone(values));
        }
        if let Some(entries) = &last.entries {
            return Known::Written(Arc::clone(entries));
        }
        last.rows += rows;
        if last.rows.saturating_mul(ENTRIES_A_ROW) < values.len() {
            return Known::Dear;
        }
        // Whatever becomes of it, it is not tried again before as many rows have passed.
        last.rows = 0;
        Known::Wanted
    }

    fn keep(&self, values: &ArrayRef, entries: &Arc<Entries>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_last = last.values.as_ref().is_some_and(|last| is_same(last, values));
        if is_last && last.entries.is_none() && self.room.take(entries.bytes()) {
            last.entries = Some(Arc::clone(entries));
        }
    }

    fn forget(&self, last: &mut Last) {
        if let Some(entries) = std::mem::take(last).entries {
            self.room.give_back(entries.bytes());
        }
    }
}

/// Whether two arrays are the same memory.
fn is_same(one: &ArrayRef, other: &ArrayRef) -> bool {
    Arc::ptr_eq(one, other) || one.to_data().ptr_eq(&other.to_data())
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;
    use arrow::datatypes::{DataType, Field};

    use super::*;
    use crate::encode::text::node::{JsonNodes, Place};
    use crate::settings::JsonlSettings;

    fn node(room: &Room) -> Node {
        let settings = JsonlSettings::default();
        let nodes = JsonNodes { format: "JSONL", in_csv: false, settings: &settings, room };
        nodes.node(&Field::new("a", DataType::Utf8, true), "a".to_owned(), Place::Item).unwrap()
    }

    fn values(count: usize) -> ArrayRef {
        Arc::new((0..count).map(|n| Some("x".repeat(n % 9))).collect::<StringArray>())
    }

    #[test]
    fn a_large_dictionary_is_written_when_its_rows_pay_for_it_and_then_kept() {
        let node = node(&Room::new());
        let values = values(4_000);
        let ask = || node.memo.entries(&node, &values, 400).unwrap();
        assert!(ask().is_none() && ask().is_none());
        let written = ask().unwrap();
        assert!(Arc::ptr_eq(&written, &ask().unwrap()));
    }

    #[test]
    fn what_has_no_room_is_written_but_not_kept_and_what_is_replaced_makes_room() {
        let room = Room::new();
        let (one, other) = (node(&room), node(&room));
        let (large, small) = (values(420_000), values(10));
        assert!(one.memo.entries(&one, &large, 420_000).unwrap().is_some());
        let left = room.0.load(Ordering::Relaxed);
        assert!(left < MOST_BYTES / 2);
        let ask = || other.memo.entries(&other, &large, 420_000).unwrap().unwrap();
        assert!(!Arc::ptr_eq(&ask(), &ask()));
        one.memo.entries(&one, &small, 10).unwrap();
        assert!(room.0.load(Ordering::Relaxed) > MOST_BYTES - 1_000);
        assert!(Arc::ptr_eq(&ask(), &ask()));
    }
}
