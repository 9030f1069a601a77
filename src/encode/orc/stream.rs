//! One stream of a column: its bytes, and where in them each row group begins.
//!
//! A writer appends runs and marks the start of each row group; runs end there, so that a position never counts
//! values inside a run (ORC v1 specification, "Row Group Index"). Then the stream is compressed once, whole.
//!
//! Invariant: a stream has one mark for each row group.

use arrow::buffer::BooleanBuffer;
use orc_rust::proto::stream::Kind;

use super::byte_rle;
use crate::compress::{BlockCodec, BlockCompressor, Chunks};
use crate::error::Result;

/// What a position says besides the byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// Nothing: plain bytes.
    Bytes,
    /// How many values of a run come before: none.
    Run,
    /// That, and how many bits of the byte come before.
    Bits,
}

/// A stream that is written.
#[derive(Debug)]
pub(super) struct Stream {
    kind: Kind,
    within: Within,
    pub(super) bytes: Vec<u8>,
    marks: Vec<Mark>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    byte: usize,
    bit: u8,
}

/// A stream as it stands in the stripe.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) kind: Kind,
    pub(super) bytes: Vec<u8>,
    within: Within,
    marks: Vec<Mark>,
    /// Where each compression chunk begins; `None` without a codec.
    starts: Option<Vec<usize>>,
    block_bytes: usize,
}

impl Stream {
    pub(super) fn new(kind: Kind, within: Within) -> Self {
        Self { kind, within, bytes: Vec::new(), marks: Vec::new() }
    }

    /// A stream of the values of each row group, by an encoder of runs.
    pub(super) fn of_runs<V>(
        kind: Kind,
        values: &[V],
        bounds: &[usize],
        encode: impl Fn(&[V], &mut Vec<u8>),
    ) -> Self {
        let mut stream = Self::new(kind, Within::Run);
        for group in bounds.windows(2) {
            stream.mark();
            encode(&values[group[0]..group[1]], &mut stream.bytes);
        }
        stream
    }

    /// A stream of bits. A run ends in front of each byte in which a row group begins.
    pub(super) fn of_bits(kind: Kind, bits: &BooleanBuffer, bounds: &[usize]) -> Self {
        let mut stream = Self::new(kind, Within::Bits);
        let bytes = byte_rle::high_first(bits);
        let mut from = 0;
        for start in &bounds[..bounds.len() - 1] {
            byte_rle::bytes(&bytes[from..start / 8], &mut stream.bytes);
            from = start / 8;
            let bit = [0, 1, 2, 3, 4, 5, 6, 7][start % 8];
            stream.marks.push(Mark { byte: stream.bytes.len(), bit });
        }
        byte_rle::bytes(&bytes[from..], &mut stream.bytes);
        stream
    }

    /// A row group begins here.
    pub(super) fn mark(&mut self) {
        self.mark_at(self.bytes.len());
    }

    /// A row group begins at this byte.
    pub(super) fn mark_at(&mut self, byte: usize) {
        self.marks.push(Mark { byte, bit: 0 });
    }

    /// The stream, compressed.
    pub(super) fn store(self, compressor: &BlockCompressor) -> Result<Stored> {
        let Self { kind, within, bytes, marks } = self;
        let Chunks { bytes, starts } = compressor.compress(bytes)?;
        let starts = (compressor.codec() != BlockCodec::None).then_some(starts);
        Ok(Stored { kind, bytes, within, marks, starts, block_bytes: compressor.block_bytes() })
    }
}

impl Stored {
    /// Appends the position of a row group.
    ///
    /// A group that begins where a chunk ends is said to begin at the end of that chunk: there may be no next one.
    pub(super) fn position(&self, group: usize, out: &mut Vec<u64>) {
        let Some(Mark { byte, bit }) = self.marks.get(group).copied() else { return };
        if let Some(starts) = &self.starts {
            let chunk = byte.saturating_sub(1) / self.block_bytes;
            let start = starts.get(chunk).copied().unwrap_or(0);
            out.extend([start as u64, (byte - chunk * self.block_bytes) as u64]);
        } else {
            out.push(byte as u64);
        }
        match self.within {
            Within::Bytes => {}
            Within::Run => out.push(0),
            Within::Bits => out.extend([0, bit.into()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(stream: Stream, codec: BlockCodec, groups: usize) -> Vec<Vec<u64>> {
        let stored = stream.store(&BlockCompressor::new(codec, 4096)).unwrap();
        let of = |group| {
            let mut out = Vec::new();
            stored.position(group, &mut out);
            out
        };
        (0..groups).map(of).collect()
    }

    fn bytes(lens: &[usize]) -> Stream {
        let mut stream = Stream::new(Kind::Data, Within::Bytes);
        for len in lens {
            stream.mark();
            stream.bytes.extend((0..*len).map(|n| [0, 1, 4, 2, 2, 4, 1][n % 7]));
        }
        stream
    }

    #[test]
    fn a_group_at_the_end_of_a_chunk_begins_in_that_chunk() {
        let lens = [4095, 1, 4096, 1, 0];
        let plain = positions(bytes(&lens), BlockCodec::None, 5);
        assert_eq!(plain, [[0], [4095], [4096], [8192], [8193]]);
        let chunked = positions(bytes(&lens), BlockCodec::Snappy, 5);
        let second = chunked[3][0];
        assert!(second > 0 && second < 4096);
        assert_eq!(chunked[..4], [[0, 0], [0, 4095], [0, 4096], [second, 4096]]);
        assert!(chunked[4][0] > second && chunked[4][1] == 1);
    }

    #[test]
    fn an_empty_stream_has_positions_too() {
        assert_eq!(positions(bytes(&[0, 0]), BlockCodec::None, 2), [[0], [0]]);
        assert_eq!(positions(bytes(&[0, 0]), BlockCodec::Lz4, 2), [[0, 0], [0, 0]]);
    }

    #[test]
    fn bits_are_found_by_byte_and_bit() {
        let bits = BooleanBuffer::from(vec![true; 30]);
        let stream = Stream::of_bits(Kind::Present, &bits, &[0, 3, 8, 20, 30, 30]);
        // Byte 0 alone, byte 1 alone, then two literal bytes.
        assert_eq!(stream.bytes, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc]);
        let found = positions(stream, BlockCodec::None, 5);
        assert_eq!(found, [[0, 0, 0], [0, 0, 3], [2, 0, 0], [4, 0, 4], [6, 0, 6]]);
    }
}
