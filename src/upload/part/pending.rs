//! Bytes that came, cut into parts without copying.
//!
//! Invariant: what keeps bytes within the budget goes with the last part that has some of them.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use object_store::PutPayload;

/// What holds on to the budget until the bytes are with the store.
pub(super) type Guard = Arc<dyn Send + Sync>;

/// Bytes that wait until they fill a part.
#[derive(Default)]
pub(super) struct Pending {
    bytes: VecDeque<(Bytes, Guard)>,
    pub(super) len: u64,
    /// The length that the newest bytes had when they came.
    last_len: u64,
    /// The offset of the first of them in the object.
    offset: u64,
}

/// The bytes of one part, and what goes with them.
pub(super) struct Slice {
    pub(super) offset: u64,
    pub(super) payload: PutPayload,
    pub(super) guards: Vec<Guard>,
}

impl Pending {
    pub(super) fn push(&mut self, bytes: Bytes, guard: Guard) {
        self.len += bytes.len() as u64;
        self.last_len = bytes.len() as u64;
        self.bytes.push_back((bytes, guard));
    }

    /// Copies what is left of a cut of more than `limit` bytes, so that it does not keep all of them alive
    /// while it waits for the rest of its part.
    pub(super) fn detach(&mut self, limit: u64) {
        if let [(bytes, guard)] = self.bytes.make_contiguous()
            && self.last_len > limit
            && (bytes.len() as u64) < self.last_len
        {
            *bytes = Bytes::copy_from_slice(bytes);
            *guard = Arc::new(());
        }
    }

    /// Cuts the first `len` bytes off, without copying them.
    pub(super) fn take(&mut self, len: u64) -> Slice {
        let (mut payload, mut guards, mut missing) = (Vec::new(), Vec::new(), len);
        while missing > 0
            && let Some((mut bytes, guard)) = self.bytes.pop_front()
        {
            let cut = bytes.len().min(usize::try_from(missing).unwrap_or(usize::MAX));
            let taken = bytes.split_to(cut);
            if !bytes.is_empty() {
                self.bytes.push_front((bytes, Arc::clone(&guard)));
            }
            missing -= taken.len() as u64;
            payload.push(taken);
            guards.push(guard);
        }
        let slice = Slice { offset: self.offset, payload: payload.into_iter().collect(), guards };
        self.offset += len;
        self.len -= len;
        slice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(slice: &Slice) -> Vec<&[u8]> {
        slice.payload.iter().map(|bytes| &bytes[..]).collect()
    }

    #[test]
    fn parts_are_cut_across_the_bytes_that_came() {
        let mut pending = Pending::default();
        for bytes in ["abc", "", "defgh", "i"] {
            pending.push(Bytes::from(bytes), Arc::new(()));
        }
        let first = pending.take(4);
        assert_eq!((first.offset, texts(&first)), (0, vec![&b"abc"[..], b"", b"d"]));
        let second = pending.take(4);
        assert_eq!((second.offset, texts(&second)), (4, vec![&b"efgh"[..]]));
        assert_eq!(texts(&pending.take(1)), [b"i"]);
    }

    #[test]
    fn the_rest_of_a_large_cut_lets_go_of_it() {
        let mut pending = Pending::default();
        let guard: Guard = Arc::new(());
        pending.push(Bytes::from_static(b"abcdefgh"), Arc::clone(&guard));
        drop(pending.take(6));
        pending.detach(9);
        assert_eq!(Arc::strong_count(&guard), 2, "small bytes are not copied");
        pending.detach(4);
        assert_eq!(Arc::strong_count(&guard), 1);
        assert_eq!(texts(&pending.take(2)), [b"gh"]);
    }

    #[test]
    fn a_guard_lives_as_long_as_the_last_part_that_has_its_bytes() {
        let mut pending = Pending::default();
        let guard: Guard = Arc::new(());
        pending.push(Bytes::from_static(b"abcdef"), Arc::clone(&guard));
        let (first, second) = (pending.take(3), pending.take(3));
        drop(first);
        assert_eq!(Arc::strong_count(&guard), 2);
        drop(second);
        assert_eq!(Arc::strong_count(&guard), 1);
    }
}
