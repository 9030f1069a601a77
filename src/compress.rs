//! Compression of text, piece by piece.
//!
//! Every piece becomes a gzip member (RFC 1952) or a zstd frame (RFC 8878) of its own, so that pieces are
//! compressed on any number of threads; members and frames one after the other are again a gzip or zstd file.
//! It does not know what the bytes are, nor where they go.
//!
//! Invariant: the same bytes, codec and level give the same output. Contexts are used again, which saves
//! setting up their tables, but nothing of one piece is left for the next.

mod block;

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use zstd::zstd_safe::CParameter;

use crate::error::{BoxError, Cause, Result};

pub(crate) use self::block::{BlockCodec, BlockCompressor, Chunks};

/// A codec and its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// gzip by libdeflate, level 1 to 12.
    Gzip(u8),
    /// zstd, level 1 to 19: what is above takes hundreds of MiB.
    Zstd(u8),
}

/// Compresses pieces, on any number of threads at once.
pub(crate) struct Compressor {
    codec: Codec,
    /// Contexts that nobody uses now: never more than threads that compress at once.
    idle: Mutex<Vec<Context>>,
}

enum Context {
    Gzip(Box<libdeflater::Compressor>),
    Zstd(Box<zstd::bulk::Compressor<'static>>),
}

impl Compressor {
    /// A compressor of one codec and level.
    pub(crate) fn new(codec: Codec) -> Self {
        Self { codec, idle: Mutex::default() }
    }

    /// One piece as a member or frame.
    ///
    /// # Errors
    ///
    /// When the codec refuses its level, or has no memory.
    pub(crate) fn compress(&self, piece: &[u8]) -> Result<Vec<u8>> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut context = match idle {
            Some(context) => context,
            None => Context::new(self.codec)?,
        };
        let compressed = context.compress(piece)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(context);
        Ok(compressed)
    }
}

/// One zstd frame over many pieces, for readers that stop after the first frame.
pub(crate) struct Frame(zstd::Encoder<'static, Vec<u8>>);

impl Frame {
    /// A frame that nothing was written to.
    ///
    /// # Errors
    ///
    /// When the codec refuses its level, or has no memory.
    pub(crate) fn new(level: u8) -> Result<Self> {
        let mut frame = zstd::Encoder::new(Vec::new(), level.into()).map_err(failed)?;
        frame.include_checksum(true).map_err(failed)?;
        for parameter in of_text(level) {
            frame.set_parameter(*parameter).map_err(failed)?;
        }
        Ok(Self(frame))
    }

    /// Compresses the next piece and gives what the frame has grown by: nothing, while the codec gathers.
    ///
    /// # Errors
    ///
    /// When the codec has no memory.
    pub(crate) fn write(&mut self, piece: &[u8]) -> Result<Vec<u8>> {
        self.0.write_all(piece).map_err(failed)?;
        Ok(std::mem::take(self.0.get_mut()))
    }

    /// The end of the frame.
    ///
    /// # Errors
    ///
    /// When the codec has no memory.
    pub(crate) fn finish(self) -> Result<Vec<u8>> {
        self.0.finish().map_err(failed)
    }
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Compressor").field(&self.codec).finish()
    }
}

impl Context {
    fn new(codec: Codec) -> Result<Self> {
        match codec {
            Codec::Gzip(level) => {
                let level = libdeflater::CompressionLvl::new(level.into())
                    .map_err(|_out_of_range| failed("gzip has no such level"))?;
                Ok(Self::Gzip(Box::new(libdeflater::Compressor::new(level))))
            }
            Codec::Zstd(level) => {
                let mut context = zstd_context(level, of_text(level))?;
                // XXH64 of the content: a reader finds a spoiled byte by itself, as it does with gzip.
                context.include_checksum(true).map_err(failed)?;
                Ok(Self::Zstd(Box::new(context)))
            }
        }
    }

    fn compress(&mut self, piece: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Gzip(context) => {
                let mut out = vec![0; context.gzip_compress_bound(piece.len())];
                let len = context.gzip_compress(piece, &mut out).map_err(failed)?;
                out.truncate(len);
                Ok(out)
            }
            Self::Zstd(context) => context.compress(piece).map_err(failed),
        }
    }
}

/// A context of zstd for whole pieces, with parameters besides those of its level.
fn zstd_context(level: u8, parameters: &[CParameter]) -> Result<zstd::bulk::Compressor<'static>> {
    let mut context = zstd::bulk::Compressor::new(level.into()).map_err(failed)?;
    for parameter in parameters {
        context.set_parameter(*parameter).map_err(failed)?;
    }
    Ok(context)
}

/// What serves text of many columns better than the parameters that zstd has for a level
/// (docs/decisions/0045-codecs-by-measurement.md).
fn of_text(level: u8) -> &'static [CParameter] {
    // As small as with matches of five bytes, in less time.
    if level == 3 { &[CParameter::MinMatch(6)] } else { &[] }
}

fn failed(error: impl Into<BoxError>) -> crate::error::Error {
    Cause::Encode { source: error.into() }.into()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn text(rows: usize) -> Vec<u8> {
        (0..rows)
            .flat_map(|row| format!("{row},customer {},city\n", row * 7919 % 1000).into_bytes())
            .collect()
    }

    fn read_back(codec: Codec, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match codec {
            Codec::Gzip(_) => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out).unwrap(),
            Codec::Zstd(_) => zstd::stream::read::Decoder::new(bytes).unwrap().read_to_end(&mut out).unwrap(),
        };
        out
    }

    #[test]
    fn pieces_one_after_the_other_are_one_file() {
        for codec in [1, 6, 12].map(Codec::Gzip).into_iter().chain([1, 3, 19].map(Codec::Zstd)) {
            let compressor = Compressor::new(codec);
            let pieces = [text(1000), Vec::new(), text(1), text(5000)];
            let file: Vec<u8> = pieces.iter().flat_map(|piece| compressor.compress(piece).unwrap()).collect();
            assert_eq!(read_back(codec, &file), pieces.concat(), "{codec:?}");
            assert!(file.len() < pieces.concat().len() / 2, "{codec:?}");
        }
    }

    #[test]
    fn what_was_compressed_before_changes_no_byte() {
        for codec in [Codec::Gzip(6), Codec::Zstd(3)] {
            let used = Compressor::new(codec);
            used.compress(&text(300)).unwrap();
            let fresh = Compressor::new(codec).compress(&text(2000)).unwrap();
            assert_eq!(used.compress(&text(2000)).unwrap(), fresh, "{codec:?}");
        }
    }

    #[test]
    fn a_frame_takes_pieces_and_ends_once() {
        let pieces = [text(1000), Vec::new(), text(5000)];
        let mut frame = Frame::new(3).unwrap();
        let mut file: Vec<u8> = pieces.iter().flat_map(|piece| frame.write(piece).unwrap()).collect();
        file.extend(frame.finish().unwrap());
        assert_eq!(read_back(Codec::Zstd(3), &file), pieces.concat());
        assert_eq!(zstd::zstd_safe::find_frame_compressed_size(&file).unwrap(), file.len(), "one frame");
    }

    #[test]
    fn a_level_that_is_not_there_is_an_error() {
        assert!(Compressor::new(Codec::Gzip(13)).compress(b"x").is_err());
    }
}
