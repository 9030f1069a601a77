//! Rolls data objects: encoded chunks in order in, receipts of uploaded objects out.
//!
//! A data object ends before the chunk that would make it larger than its limit, and where the chunk says
//! that a new one begins. It is closed in the background, so that the next one is written meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::{JoinError, JoinSet};

use super::frame::{Framer, OpenFrame};
use super::seal::{Sink, Sinks};
use crate::budget::Hold;
use crate::encode::{Encoded, Encoder, PartIndex, Placed};
use crate::error::{Cause, Error, Result};
use crate::manifest::{OwnerNonce, PartReceipt, part_name};
use crate::upload::Uploader;

/// Objects that are being closed at once, at most.
const CLOSING: usize = 16;

/// A chunk that is encoded, and its share of the budget.
pub(super) struct EncodedChunk {
    pub(super) partition: u32,
    pub(super) first_row: u64,
    pub(super) source_rows: u64,
    pub(super) begins_part: bool,
    pub(super) encoded: Encoded,
    pub(super) hold: Hold,
}

/// What the data objects of one export are called.
#[derive(Clone)]
pub(super) struct PartNames {
    pub(super) owner: OwnerNonce,
    pub(super) suffix: String,
}

impl PartNames {
    pub(super) fn name(&self, index: u32) -> String {
        part_name(index, &self.owner, &self.suffix)
    }
}

/// The data objects of one export.
pub(super) struct Parts {
    encoder: Arc<dyn Encoder>,
    framer: Framer,
    sinks: Sinks,
    names: PartNames,
    limit: u64,
    next_index: u32,
    bytes: u64,
    open: Option<OpenPart>,
    closing: JoinSet<Result<PartReceipt>>,
    receipts: BTreeMap<u32, PartReceipt>,
}

/// The data object that is being written.
struct OpenPart {
    index: u32,
    sink: Sink,
    frame: OpenFrame,
    /// Bytes that the encoder made for it: what its limit is about.
    taken: u64,
    /// Bytes of it so far, before they are sealed.
    written: u64,
    placed: Vec<Placed>,
    partition: u32,
    first_row: u64,
    source_rows: u64,
}

impl Parts {
    pub(super) fn new(
        encoder: Arc<dyn Encoder>,
        framer: Framer,
        sinks: Sinks,
        names: PartNames,
        limit: u64,
    ) -> Self {
        Self {
            encoder,
            framer,
            sinks,
            names,
            limit,
            next_index: 0,
            bytes: 0,
            open: None,
            closing: JoinSet::new(),
            receipts: BTreeMap::new(),
        }
    }

    /// Bytes taken so far, over all objects.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Objects whose bytes are all with the store.
    pub(super) fn uploaded(&self) -> u64 {
        self.receipts.len() as u64
    }

    /// Takes the next chunk.
    pub(super) async fn push(&mut self, uploader: &Uploader, chunk: EncodedChunk) -> Result<()> {
        let len = chunk.encoded.bytes.len() as u64;
        let mut open = match self.open.take() {
            Some(open) if chunk.begins_part || open.taken + len > self.limit => {
                self.close(open).await?;
                self.begin(uploader, chunk.partition, chunk.first_row).await?
            }
            Some(open) => open,
            None => self.begin(uploader, chunk.partition, chunk.first_row).await?,
        };
        let EncodedChunk { encoded: Encoded { bytes, rows, note }, source_rows, hold, .. } = chunk;
        let bytes = open.frame.write(bytes).await?;
        let written = bytes.len() as u64;
        open.placed.push(Placed { offset: open.written, len: written, rows, note });
        open.taken += len;
        open.written += written;
        open.source_rows += source_rows;
        self.bytes += written;
        open.sink.write(bytes, Some(hold)).await?;
        self.open = Some(open);
        Ok(())
    }

    /// Closes the last object; an export without rows has one that is empty.
    pub(super) async fn finish(mut self, uploader: &Uploader) -> Result<Vec<PartReceipt>> {
        if self.open.is_none() {
            self.open = Some(self.begin(uploader, 0, 0).await?);
        }
        if let Some(open) = self.open.take() {
            self.close(open).await?;
        }
        while let Some(closed) = self.closing.join_next().await {
            self.take(closed)?;
        }
        Ok(self.receipts.into_values().collect())
    }

    async fn begin(&mut self, uploader: &Uploader, partition: u32, first_row: u64) -> Result<OpenPart> {
        let index = self.next_index;
        self.next_index += 1;
        let upload = uploader.begin(self.names.name(index)).await?;
        let next = (self.limit < u64::MAX).then(|| self.names.name(self.next_index));
        let mut sink = self.sinks.begin(upload, next).await?;
        let head = self.encoder.head(PartIndex(index))?;
        let (mut frame, taken) = (self.framer.begin()?, head.len() as u64);
        let head = frame.write(head).await?;
        let (written, placed) = (head.len() as u64, Vec::new());
        sink.write(head, None).await?;
        Ok(OpenPart { index, sink, frame, taken, written, placed, partition, first_row, source_rows: 0 })
    }

    async fn close(&mut self, open: OpenPart) -> Result<()> {
        while let Some(closed) = self.closing.try_join_next() {
            self.take(closed)?;
        }
        if self.closing.len() >= CLOSING
            && let Some(closed) = self.closing.join_next().await
        {
            self.take(closed)?;
        }
        let OpenPart { index, mut sink, frame, placed, partition, first_row, source_rows, .. } = open;
        let tail = self.encoder.tail(&placed)?;
        let owner = self.names.owner.clone();
        self.closing.spawn(async move {
            for bytes in frame.finish(tail).await? {
                sink.write(bytes, None).await?;
            }
            let (uploaded, sealed) = sink.finish().await?;
            let receipt = PartReceipt::new(index, &owner, uploaded).with_sealed(sealed);
            Ok(receipt.with_rows(partition, first_row, source_rows))
        });
        Ok(())
    }

    fn take(&mut self, closed: Result<Result<PartReceipt>, JoinError>) -> Result<()> {
        let receipt = closed.map_err(|error| -> Error {
            if error.is_panic() { Cause::Panicked } else { Cause::Cancelled }.into()
        })??;
        self.receipts.insert(receipt.index, receipt);
        Ok(())
    }
}
