//! Compression inside a format: a stream becomes chunks that stand for themselves (ORC v1 specification,
//! "Compression").
//!
//! Each chunk has a header of three bytes: its length, doubled, and whether it is stored as it was, which it is
//! when the codec does not make it smaller. It does not know what the streams are.
//!
//! Invariant: the same bytes, codec and level give the same chunks, whatever the contexts did before.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};
use zstd::zstd_safe::CParameter;

use super::{failed, zstd_context};
use crate::error::Result;

/// Bytes of the header of a chunk.
pub(crate) const HEADER_BYTES: usize = 3;

/// A codec of ORC and its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockCodec {
    /// The streams as they are, without chunks.
    None,
    /// Raw deflate (RFC 1951) by libdeflate, level 1 to 12.
    Zlib(u8),
    /// Raw Snappy.
    Snappy,
    /// LZ4 blocks without a frame.
    Lz4,
    /// zstd frames (RFC 8878) with their content size, level 1 to 19.
    Zstd(u8),
}

/// A stream in chunks.
#[derive(Debug)]
pub(crate) struct Chunks {
    pub(crate) bytes: Vec<u8>,
    /// Where each chunk begins; nothing where there are none.
    pub(crate) starts: Vec<usize>,
}

/// Compresses streams, on any number of threads at once.
pub(crate) struct BlockCompressor {
    codec: BlockCodec,
    block_bytes: usize,
    /// Contexts that nobody uses now: never more than threads that compress at once.
    idle: Mutex<Vec<Context>>,
}

impl BlockCompressor {
    /// A compressor whose chunks hold `block_bytes` at most, which is below 2^23.
    pub(crate) fn new(codec: BlockCodec, block_bytes: usize) -> Self {
        Self { codec, block_bytes, idle: Mutex::default() }
    }

    pub(crate) fn codec(&self) -> BlockCodec {
        self.codec
    }

    pub(crate) fn block_bytes(&self) -> usize {
        self.block_bytes
    }

    /// A stream in chunks; an empty one has none.
    ///
    /// # Errors
    ///
    /// When the codec refuses its level, or has no memory.
    pub(crate) fn compress(&self, stream: Vec<u8>) -> Result<Chunks> {
        if self.codec == BlockCodec::None {
            return Ok(Chunks { bytes: stream, starts: Vec::new() });
        }
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut context = match idle {
            Some(context) => context,
            None => Context::new(self.codec)?,
        };
        let mut chunks = Chunks { bytes: Vec::new(), starts: Vec::new() };
        for block in stream.chunks(self.block_bytes) {
            chunks.starts.push(chunks.bytes.len());
            context.append(block, &mut chunks.bytes)?;
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(context);
        Ok(chunks)
    }
}

impl fmt::Debug for BlockCompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockCompressor")
            .field("codec", &self.codec)
            .field("block_bytes", &self.block_bytes)
            .finish_non_exhaustive()
    }
}

/// A codec ready to work, and room for what it makes of a block.
struct Context {
    engine: Engine,
    room: Vec<u8>,
}

enum Engine {
    Zlib(Box<libdeflater::Compressor>),
    Snappy(Box<snap::raw::Encoder>),
    Lz4(Box<CompressTable>),
    Zstd(Box<zstd::bulk::Compressor<'static>>),
    Stored,
}

impl Context {
    fn new(codec: BlockCodec) -> Result<Self> {
        let engine = match codec {
            BlockCodec::None => Engine::Stored,
            BlockCodec::Zlib(level) => {
                let level = libdeflater::CompressionLvl::new(level.into())
                    .map_err(|_out_of_range| failed("zlib has no such level"))?;
                Engine::Zlib(Box::new(libdeflater::Compressor::new(level)))
            }
            BlockCodec::Snappy => Engine::Snappy(Box::new(snap::raw::Encoder::new())),
            // The table for short input makes other bytes of the same block, and would be kept or not by what
            // came before.
            BlockCodec::Lz4 => Engine::Lz4(Box::new(CompressTable::large())),
            BlockCodec::Zstd(level) => Engine::Zstd(Box::new(zstd_context(level, of_blocks(level))?)),
        };
        Ok(Self { engine, room: Vec::new() })
    }

    /// Appends a block as one chunk.
    fn append(&mut self, block: &[u8], out: &mut Vec<u8>) -> Result<()> {
        const ORIGINAL: usize = 1;
        let len = self.compress(block)?;
        let (header, body) = if len < block.len() {
            (len << 1, &self.room[..len])
        } else {
            (block.len() << 1 | ORIGINAL, block)
        };
        out.extend_from_slice(&header.to_le_bytes()[..HEADER_BYTES]);
        out.extend_from_slice(body);
        Ok(())
    }

    /// Compresses a block into the room and says how long it is there.
    fn compress(&mut self, block: &[u8]) -> Result<usize> {
        let bound = match &mut self.engine {
            Engine::Zlib(engine) => engine.deflate_compress_bound(block.len()),
            Engine::Snappy(_) => snap::raw::max_compress_len(block.len()),
            Engine::Lz4(_) => get_maximum_output_size(block.len()),
            Engine::Zstd(_) => zstd::zstd_safe::compress_bound(block.len()),
            Engine::Stored => 0,
        };
        if self.room.len() < bound {
            self.room.resize(bound, 0);
        }
        let room = self.room.as_mut_slice();
        match &mut self.engine {
            Engine::Zlib(engine) => engine.deflate_compress(block, room).map_err(failed),
            Engine::Snappy(engine) => engine.compress(block, room).map_err(failed),
            Engine::Lz4(table) => compress_into_with_table(block, room, table).map_err(failed),
            Engine::Zstd(engine) => engine.compress_to_buffer(block, room).map_err(failed),
            Engine::Stored => Ok(block.len()),
        }
    }
}

/// What serves the streams of columns better than the parameters that zstd has for a level
/// (docs/decisions/0045-codecs-by-measurement.md).
fn of_blocks(level: u8) -> &'static [CParameter] {
    // Fewer and longer matches, of which a larger table forgets fewer: smaller, in less time.
    if level == 1 { &[CParameter::MinMatch(7), CParameter::HashLog(15)] } else { &[] }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODECS: [BlockCodec; 4] =
        [BlockCodec::Zlib(6), BlockCodec::Snappy, BlockCodec::Lz4, BlockCodec::Zstd(3)];

    fn text(len: usize) -> Vec<u8> {
        (0_u64..).flat_map(|n| format!("customer {}, ", n * 7919 % 1000).into_bytes()).take(len).collect()
    }

    fn noise(len: usize) -> Vec<u8> {
        (0_u64..)
            .map(|n| {
                n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(n + 7).to_le_bytes()[5]
            })
            .take(len)
            .collect()
    }

    fn read_back(codec: BlockCodec, mut bytes: &[u8], block_bytes: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while let [a, b, c, rest @ ..] = bytes {
            let header = u32::from_le_bytes([*a, *b, *c, 0]) as usize;
            let (body, rest) = rest.split_at(header >> 1);
            bytes = rest;
            let mut block = vec![0; block_bytes];
            let len = match codec {
                _ if header & 1 == 1 => {
                    block[..body.len()].copy_from_slice(body);
                    body.len()
                }
                BlockCodec::Zlib(_) => {
                    libdeflater::Decompressor::new().deflate_decompress(body, &mut block).unwrap()
                }
                BlockCodec::Snappy => snap::raw::Decoder::new().decompress(body, &mut block).unwrap(),
                BlockCodec::Lz4 => lz4_flex::block::decompress_into(body, &mut block).unwrap(),
                BlockCodec::Zstd(_) => {
                    assert!(zstd::zstd_safe::get_frame_content_size(body).unwrap().is_some());
                    zstd::bulk::decompress_to_buffer(body, &mut block).unwrap()
                }
                BlockCodec::None => panic!("no chunks"),
            };
            out.extend_from_slice(&block[..len]);
        }
        out
    }

    #[test]
    fn blocks_come_back_and_begin_where_it_is_said() {
        for codec in CODECS {
            for len in [0, 1, 4095, 4096, 4097, 20_000] {
                let compressor = BlockCompressor::new(codec, 4096);
                let chunks = compressor.compress(text(len)).unwrap();
                assert_eq!(read_back(codec, &chunks.bytes, 4096), text(len), "{codec:?} {len}");
                assert_eq!(chunks.starts.len(), len.div_ceil(4096));
                for (block, start) in chunks.starts.iter().enumerate() {
                    let rest = read_back(codec, &chunks.bytes[*start..], 4096);
                    assert_eq!(rest, text(len)[block * 4096..], "{codec:?} {len}");
                }
            }
        }
    }

    #[test]
    fn what_does_not_get_smaller_is_stored() {
        for codec in CODECS {
            let chunks = BlockCompressor::new(codec, 1000).compress(noise(2500)).unwrap();
            assert_eq!(chunks.bytes.len(), 2500 + 3 * HEADER_BYTES, "{codec:?}");
            assert_eq!(read_back(codec, &chunks.bytes, 1000), noise(2500));
        }
    }

    #[test]
    fn what_was_compressed_before_changes_no_byte() {
        for codec in CODECS {
            let used = BlockCompressor::new(codec, 256 << 10);
            used.compress(noise(100_000)).unwrap();
            used.compress(text(300_000)).unwrap();
            let fresh = BlockCompressor::new(codec, 256 << 10).compress(text(2000)).unwrap();
            assert_eq!(used.compress(text(2000)).unwrap().bytes, fresh.bytes, "{codec:?}");
        }
    }

    #[test]
    fn without_a_codec_a_stream_has_no_chunks() {
        let chunks = BlockCompressor::new(BlockCodec::None, 4096).compress(text(5000)).unwrap();
        assert_eq!((chunks.bytes, chunks.starts.len()), (text(5000), 0));
    }
}
