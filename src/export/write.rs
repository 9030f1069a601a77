//! From the source to uploaded parts: the stages, wired.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::RecordBatch;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt, stream};

use super::Exporter;
use super::check::{chunk_cost, chunk_limits, part_limit};
use super::frame::Framer;
use super::parts::{EncodedChunk, Parts};
use super::run::Run;
use super::seal::{Messages, Sinks};
use crate::batch::{Chunk, Chunker};
use crate::budget::{Account, Hold};
use crate::encode::Encoder;
use crate::error::{Error, Result};
use crate::manifest::PartReceipt;
use crate::shape::Shape;
use crate::source::{Executor, ReadOptions, check_batch};
use crate::stage::ordered;
use crate::upload::Uploader;

/// A chunk on its way to be encoded.
struct Admitted {
    partition: u32,
    chunk: Chunk,
    hold: Hold,
}

impl Run {
    /// Uploads every row; gives the receipts and the rows of each partition.
    pub(super) async fn write(
        &self,
        account: &Account,
        uploader: &Uploader,
        messages: Option<Messages>,
    ) -> Result<(Vec<PartReceipt>, Vec<u64>)> {
        let exporter = &self.exporter;
        let shares = self.shares();
        // What the reader and the ends of chunks take is held as long as the export writes.
        let _fixed = account.hold_reserve(shares.reader + shares.remainder);
        let settings = &exporter.settings;
        let frame_level = settings.compression.zstd_level().filter(|_| settings.single_frame);
        let framer = Framer::new(exporter.pool.clone(), frame_level);
        let sinks = Sinks::new(exporter.pool.clone(), messages);
        let limit = self.object_limit(uploader);
        let mut parts =
            Parts::new(Arc::clone(&exporter.encoder), framer, sinks, exporter.part_names(), limit);
        let mut partition_rows = vec![0; exporter.source.partitions()];
        let mut encoded = self.encoded(account);
        while let Some(chunk) = encoded.try_next().await? {
            self.counters.rows.fetch_add(chunk.encoded.rows, Ordering::Relaxed);
            partition_rows[chunk.partition as usize] += chunk.source_rows;
            parts.push(uploader, chunk).await?;
            self.counters.bytes_written.store(parts.bytes(), Ordering::Relaxed);
            self.counters.parts.store(parts.uploaded(), Ordering::Relaxed);
            self.tell();
        }
        let receipts = parts.finish(uploader).await?;
        self.counters.bytes_written.store(receipts.iter().map(|part| part.size).sum(), Ordering::Relaxed);
        self.counters.parts.store(receipts.len() as u64, Ordering::Relaxed);
        Ok((receipts, partition_rows))
    }

    /// Bytes of a data object at most, before it is sealed.
    fn object_limit(&self, uploader: &Uploader) -> u64 {
        let Exporter { settings, format, sealing, .. } = &self.exporter;
        if settings.single_part {
            return u64::MAX;
        }
        let stored = uploader.max_object_bytes();
        let most = sealing.as_ref().map_or(stored, |sealing| sealing.plain_bytes(stored));
        part_limit(settings, *format).min(most)
    }

    /// Encoded chunks in the order of their rows.
    fn encoded<'a>(&'a self, account: &'a Account) -> BoxStream<'a, Result<EncodedChunk>> {
        let exporter = &self.exporter;
        let encoder = Arc::clone(&exporter.encoder);
        // Twice the threads: while one chunk of each is encoded, the next one is ready.
        let at_once = exporter.pool.threads() * 2;
        // A chunk that is sealed is there twice for a moment.
        let copies = if exporter.sealing.is_some() { 2 } else { 1 };
        ordered(exporter.pool.clone(), at_once, self.admitted(account), move |admitted| {
            encode(&*encoder, admitted, copies)
        })
        .boxed()
    }

    /// Chunks that have their share of the budget.
    fn admitted<'a>(&'a self, account: &'a Account) -> impl Stream<Item = Result<Admitted>> + Send + 'a {
        self.chunks().and_then(move |(partition, chunk)| async move {
            let cost = chunk_cost(self.exporter.format, chunk.logical_bytes);
            let hold = account.hold(cost, || chunk.largest_cell()).await?;
            Ok(Admitted { partition, chunk, hold })
        })
    }

    /// The rows of every partition, cut into chunks.
    fn chunks(&self) -> impl Stream<Item = Result<(u32, Chunk)>> + Send + '_ {
        let partitions = u32::try_from(self.exporter.source.partitions()).unwrap_or(u32::MAX);
        stream::iter(0..partitions).flat_map(|partition| {
            self.chunks_of(partition).map_ok(move |mut chunk| {
                // A data object holds rows of one partition only.
                chunk.begins_part |= chunk.first_row == 0;
                (partition, chunk)
            })
        })
    }

    fn chunks_of(&self, partition: u32) -> impl Stream<Item = Result<Chunk>> + Send + '_ {
        let exporter = &self.exporter;
        let read = self.read_options();
        let batches = match exporter.source.open(partition as usize, 0, &read) {
            Ok(batches) => batches,
            Err(error) => stream::once(std::future::ready(Err(error))).boxed(),
        };
        let batches = batches.and_then(move |batch| std::future::ready(shaped(&exporter.shape, &batch)));
        let chunker = Chunker::new(chunk_limits(&exporter.settings, exporter.format));
        stream::try_unfold(Some((batches, chunker)), |state| async move {
            let Some((mut batches, mut chunker)) = state else { return Ok::<_, Error>(None) };
            Ok(Some(match batches.try_next().await? {
                Some(batch) => (chunker.push(&batch), Some((batches, chunker))),
                None => (chunker.finish().into_iter().collect(), None),
            }))
        })
        .map_ok(|chunks: Vec<Chunk>| stream::iter(chunks.into_iter().map(Ok)))
        .try_flatten()
    }

    fn read_options(&self) -> ReadOptions {
        let pool = self.exporter.pool.clone();
        let threads = pool.threads();
        ReadOptions {
            columns: self.exporter.shape.read(),
            bytes: self.shares().reader,
            executor: Executor::new(move |job| pool.spawn(job)).with_threads(threads),
            bytes_read: self.bytes_read.clone(),
            ..ReadOptions::default()
        }
    }
}

/// A batch as it is written; what it is checked against has the names of the source.
fn shaped(shape: &Shape, batch: &RecordBatch) -> Result<RecordBatch> {
    let selected = shape.order(batch)?;
    check_batch(shape.selected(), &selected)?;
    shape.rename(selected)
}

fn encode(encoder: &dyn Encoder, work: Admitted, copies: u64) -> Result<EncodedChunk> {
    let Admitted { partition, chunk, mut hold } = work;
    let output = encoder.chunk(&chunk.batches, chunk.first_row)?;
    hold.resize(output.bytes.len() as u64 * copies);
    Ok(EncodedChunk {
        partition,
        first_row: chunk.first_row,
        source_rows: chunk.rows,
        begins_part: chunk.begins_part,
        encoded: output,
        hold,
    })
}
