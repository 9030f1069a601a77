//! Buffers of output that come back when their bytes are with the store.
//!
//! A chunk is written on one thread and freed on another, a thousand times a second: new buffers would cost
//! page faults, and allocators keep the old ones. What a buffer held before is never read: a writer shows
//! only what it wrote.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Buffers kept at most, and the largest that is kept: enough for the chunks in flight on a few threads.
const KEPT: usize = 16;
const KEPT_BYTES: usize = 4 << 20;

/// The buffers of one encoder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// A buffer that came back, with what it held, or a new one.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// The first `len` bytes of a buffer, which comes back when the last of them is dropped.
    pub(crate) fn lend(&self, buffer: Vec<u8>, len: usize) -> Bytes {
        Bytes::from_owner(Lent { buffer, len, home: self.clone() })
    }
}

struct Lent {
    buffer: Vec<u8>,
    len: usize,
    home: Buffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut kept = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT && buffer.capacity() <= KEPT_BYTES {
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_with_the_last_of_its_bytes() {
        let buffers = Buffers::default();
        let bytes = buffers.lend(vec![1, 2, 3], 2);
        let slice = bytes.slice(1..);
        drop(bytes);
        assert!(buffers.take().is_empty(), "a slice is still out");
        assert_eq!(slice, [2_u8].as_slice());
        drop(slice);
        assert_eq!(buffers.take(), [1, 2, 3]);
    }

    #[test]
    fn large_buffers_are_not_kept() {
        let buffers = Buffers::default();
        drop(buffers.lend(vec![0; KEPT_BYTES + 1], 1));
        assert!(buffers.take().is_empty());
    }
}
