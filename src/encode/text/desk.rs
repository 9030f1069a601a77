//! The memory that a chunk is written in, kept for the next one.
//!
//! A chunk is a megabyte or two: new memory for each would be zeroed, and its pages found by the kernel, time and
//! again. What was written is lent out as [`Bytes`]; when the last of them is dropped, its memory is an empty desk.
//!
//! Invariant: what is kept is bounded, whatever the size of a chunk was, and nothing of it is ever read.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::encode::text::cells::Cells;
use crate::encode::text::level::Level;

/// Bytes of texts that wait for the next chunks, at most: about as many as are on their way to a destination at once.
const MOST_TEXTS: usize = 32 << 20;

/// Bytes of cells that wait for the next chunks, at most; what is larger is let go of.
const MOST_CELLS: usize = 8 << 20;

/// What all chunks of an encoder are written in.
#[derive(Debug)]
pub(crate) struct Desks {
    /// How deep cells nest.
    depth: usize,
    texts: Arc<Mutex<Vec<Vec<u8>>>>,
    /// The memory of each level, for each thread that has none.
    nested: Mutex<Vec<Vec<Level>>>,
}

impl Desks {
    /// None yet, for cells that nest so deep.
    pub(crate) fn new(depth: usize) -> Self {
        Self { depth, texts: Arc::default(), nested: Mutex::default() }
    }

    /// Where a chunk is written, and the memory of each level below.
    pub(crate) fn take(&self) -> (Cells, Vec<Level>) {
        let memory = self.texts.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let nested = self.nested.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let nested = nested.unwrap_or_else(|| (0..self.depth).map(|_| Level::default()).collect());
        (Cells::within(memory.unwrap_or_default()), nested)
    }

    /// The text that was written; its memory comes back when nobody has it any more.
    pub(crate) fn give_back(&self, out: Cells, nested: Vec<Level>) -> Bytes {
        let mut idle = self.nested.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = idle.iter().chain([&nested]).flatten().map(Level::memory).sum();
        if kept <= MOST_CELLS {
            idle.push(nested);
        }
        drop(idle);
        let (memory, len) = out.into_memory();
        Bytes::from_owner(Lent { memory, len, home: Arc::clone(&self.texts) })
    }
}

/// A text in the memory of a desk.
struct Lent {
    memory: Vec<u8>,
    len: usize,
    home: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.memory[..self.len]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut home = self.home.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = home.iter().map(Vec::capacity).sum();
        if kept + self.memory.capacity() <= MOST_TEXTS {
            home.push(std::mem::take(&mut self.memory));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(desks: &Desks, text: &[u8]) -> Bytes {
        let (mut out, cells) = desks.take();
        out.room(text.len(), 1);
        let mut pen = out.pen();
        pen.slice(text);
        pen.finish();
        desks.give_back(out, cells)
    }

    #[test]
    fn memory_comes_back_when_its_text_is_dropped_and_not_before() {
        let desks = Desks::new(2);
        let first = written(&desks, b"a long text");
        let rest = first.slice(2..);
        drop(first);
        assert!(desks.texts.lock().unwrap().is_empty());
        assert_eq!(&rest[..], b"long text");
        drop(rest);
        assert_eq!(desks.texts.lock().unwrap().len(), 1);
        let second = written(&desks, b"short");
        assert_eq!((&second[..], desks.texts.lock().unwrap().len()), (&b"short"[..], 0));
    }

    #[test]
    fn what_is_too_large_is_let_go_of() {
        let desks = Desks::new(0);
        drop(written(&desks, &vec![b'a'; MOST_TEXTS + 1]));
        assert!(desks.texts.lock().unwrap().is_empty());
        let many: Vec<_> = (0..50).map(|_| written(&desks, &vec![b'a'; 1 << 20])).collect();
        drop(many);
        let kept: usize = desks.texts.lock().unwrap().iter().map(Vec::capacity).sum();
        assert!((MOST_TEXTS / 2..=MOST_TEXTS).contains(&kept));
    }
}
