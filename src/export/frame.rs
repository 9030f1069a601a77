//! A data object as one zstd frame: its pieces are compressed one after the other.
//!
//! Where an object is not to be one frame it does nothing. It does not know where pieces come from.

use bytes::Bytes;

use crate::compress::Frame;
use crate::error::Result;
use crate::stage::Pool;

/// Makes the frames of data objects, on the threads that encode.
#[derive(Clone, Debug)]
pub(super) struct Framer {
    pool: Pool,
    level: Option<u8>,
}

/// The frame of one object, if it is to be one.
pub(super) struct OpenFrame {
    pool: Pool,
    frame: Option<Frame>,
}

impl Framer {
    /// Frames of this level, or none.
    pub(super) fn new(pool: Pool, level: Option<u8>) -> Self {
        Self { pool, level }
    }

    /// The frame of the next object.
    pub(super) fn begin(&self) -> Result<OpenFrame> {
        let frame = self.level.map(Frame::new).transpose()?;
        Ok(OpenFrame { pool: self.pool.clone(), frame })
    }
}

impl OpenFrame {
    /// What the next piece adds to the object.
    pub(super) async fn write(&mut self, piece: Bytes) -> Result<Bytes> {
        let Some(mut frame) = self.frame.take() else { return Ok(piece) };
        let work = move || {
            let written = frame.write(&piece)?;
            Ok((frame, written))
        };
        let (frame, written) = self.pool.run(work).await?;
        self.frame = Some(frame);
        Ok(written.into())
    }

    /// What the last piece and the end of the frame add to the object.
    pub(super) async fn finish(mut self, piece: Bytes) -> Result<[Bytes; 2]> {
        let last = self.write(piece).await?;
        let Some(frame) = self.frame.take() else { return Ok([last, Bytes::new()]) };
        let end = self.pool.run(move || frame.finish()).await?;
        Ok([last, end.into()])
    }
}
