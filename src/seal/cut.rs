//! Cuts bytes that come in pieces of any size into the frames of one message, in order.
//!
//! What does not fill a frame is carried over to the next piece; the last frame is held back until the end is known,
//! also where it is full. It seals nothing itself: a [`Run`] may be sealed on any thread.

use bytes::Bytes;

use super::frame::{FINAL_BYTES, FrameSealer, Kind, REGULAR_BYTES};
use crate::error::Result;

/// Cuts the bytes of one message.
#[derive(Debug)]
pub(crate) struct Cutter {
    frame_bytes: usize,
    /// At least one byte after the first piece, at most a frame.
    carried: Vec<u8>,
    next_index: u64,
}

/// Frames one after the other, not sealed yet.
#[derive(Debug)]
pub(crate) struct Run {
    first_index: u64,
    /// What the pieces before left over: the start of the first frame.
    carried: Vec<u8>,
    rest: Bytes,
    frames: usize,
    is_last: bool,
}

impl Cutter {
    /// A cutter into frames of so many bytes.
    pub(crate) fn new(frame_bytes: usize) -> Self {
        Self { frame_bytes: frame_bytes.max(1), carried: Vec::new(), next_index: 0 }
    }

    /// The frames that the next piece makes full; `None` while there are none.
    pub(crate) fn push(&mut self, mut piece: Bytes) -> Option<Run> {
        let len = self.carried.len() + piece.len();
        let frames = len.saturating_sub(1) / self.frame_bytes;
        if frames == 0 {
            self.carried.extend_from_slice(&piece);
            return None;
        }
        let rest = piece.split_to(frames * self.frame_bytes - self.carried.len());
        // The piece itself is not kept for the sake of its end.
        let carried = std::mem::replace(&mut self.carried, piece.to_vec());
        Some(self.run(carried, rest, frames, false))
    }

    /// The final frame.
    pub(crate) fn finish(mut self) -> Run {
        let carried = std::mem::take(&mut self.carried);
        self.run(carried, Bytes::new(), 1, true)
    }

    fn run(&mut self, carried: Vec<u8>, rest: Bytes, frames: usize, is_last: bool) -> Run {
        let first_index = self.next_index;
        self.next_index += frames as u64;
        Run { first_index, carried, rest, frames, is_last }
    }
}

impl Run {
    /// Bytes that the run takes when it is sealed.
    pub(crate) fn sealed_bytes(&self) -> usize {
        let besides = if self.is_last { FINAL_BYTES } else { REGULAR_BYTES };
        self.carried.len() + self.rest.len() + self.frames * besides
    }

    /// Appends the sealed frames.
    pub(crate) fn seal(&self, sealer: &FrameSealer, out: &mut Vec<u8>) -> Result<()> {
        out.reserve(self.sealed_bytes());
        if self.is_last {
            return sealer.seal(self.first_index, Kind::Final, [&self.carried, &self.rest], out);
        }
        let frame_bytes = sealer.frame_bytes();
        let (first, others) = self.rest.split_at(frame_bytes - self.carried.len());
        sealer.seal(self.first_index, Kind::Regular, [&self.carried, first], out)?;
        for (index, frame) in (self.first_index + 1..).zip(others.chunks_exact(frame_bytes)) {
            sealer.seal(index, Kind::Regular, [frame, &[]], out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lengths of the frames of each run, for pieces of these lengths.
    fn runs(frame_bytes: usize, pieces: &[usize]) -> Vec<(u64, usize, usize)> {
        let mut cutter = Cutter::new(frame_bytes);
        let mut runs: Vec<Run> =
            pieces.iter().filter_map(|len| cutter.push(Bytes::from(vec![7; *len]))).collect();
        runs.push(cutter.finish());
        runs.iter().map(|run| (run.first_index, run.frames, run.carried.len() + run.rest.len())).collect()
    }

    #[test]
    fn the_last_frame_is_held_back() {
        assert_eq!(runs(4, &[]), [(0, 1, 0)]);
        assert_eq!(runs(4, &[3]), [(0, 1, 3)]);
        assert_eq!(runs(4, &[4]), [(0, 1, 4)], "a full frame is the final one");
        assert_eq!(runs(4, &[5]), [(0, 1, 4), (1, 1, 1)]);
        assert_eq!(runs(4, &[8]), [(0, 1, 4), (1, 1, 4)]);
        assert_eq!(runs(4, &[2, 2, 1]), [(0, 1, 4), (1, 1, 1)]);
        assert_eq!(runs(4, &[0, 13, 0, 4]), [(0, 3, 12), (3, 1, 4), (4, 1, 1)]);
    }
}
