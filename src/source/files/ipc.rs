//! Arrow IPC: files, which list their batches in a footer, and streams, which do not.
//!
//! Both are messages: dictionaries and batches, decoded one after another by `arrow`'s own decoder. What a
//! message claims is checked before it is decoded, because the decoder trusts it.

mod head;
mod message;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::reader::FileDecoder;
use futures::{StreamExt, stream};

use crate::error::{Cause, Error, Result};
use crate::source::files::fit::Fit;
use crate::source::files::input::Input;
use crate::source::found::corrupt;
use crate::source::logical::same_type;
use crate::source::offload::offload;
use crate::source::{BatchStream, ReadOptions};
use crate::store::ranged::Blob;

use head::{Head, Messages};
use message::{Content, Frame};

/// What messages may take of the reader's bytes, in percent: the rest are pieces of the file.
const MESSAGES_PERCENT: u64 = 75;

/// The schema of a file or stream.
pub(super) async fn schema(blob: Blob, options: &ReadOptions) -> Result<SchemaRef> {
    let size = blob.size();
    Ok(Head::read(&mut Input::new(blob, size, options)).await?.schema)
}

/// The batches of a file or stream, in the columns that are wanted.
pub(super) async fn batches(blob: Blob, wanted: &SchemaRef, options: &ReadOptions) -> Result<BatchStream> {
    let size = blob.size();
    let mut input = Input::new(blob, size, options);
    let head = Head::read(&mut input).await?;
    let (columns, schema) = projection(input.name(), &head.schema, wanted)?;
    let state = State {
        decoder: FileDecoder::new(head.schema, head.version).with_projection(columns),
        fit: Fit::new(&schema, wanted),
        kept_bytes: 0,
    };
    let available = options.bytes / 100 * MESSAGES_PERCENT;
    let reader = Reader { input, messages: head.messages, state: Some(state), row: 0, available };
    let options = options.clone();
    let batches = stream::try_unfold(reader, move |mut reader| {
        let executor = options.executor.clone();
        async move {
            let batch = reader.next(&executor).await?;
            Ok(batch.map(|batch| (batch, reader)))
        }
    });
    Ok(batches.boxed())
}

/// The wanted columns that a file has, and their schema.
fn projection(name: &str, schema: &Schema, wanted: &Schema) -> Result<(Vec<usize>, Schema)> {
    let has = |index: &usize| wanted.fields().find(schema.field(*index).name());
    let columns: Vec<_> = (0..schema.fields().len()).filter(|index| has(index).is_some()).collect();
    let changed = columns.iter().any(|index| {
        has(index).is_some_and(|(_, field)| !same_type(field.data_type(), schema.field(*index).data_type()))
    });
    if changed {
        return Err(corrupt(name, "its schema changed since the source was opened"));
    }
    let fields: Vec<_> = columns.iter().map(|index| Arc::clone(&schema.fields()[*index])).collect();
    Ok((columns, Schema::new(fields)))
}

struct Reader {
    input: Input,
    messages: Messages,
    /// `None` only while a job has it.
    state: Option<State>,
    /// Rows before the next batch.
    row: u64,
    /// Bytes that a message may take, with the dictionaries that are kept.
    available: u64,
}

struct State {
    decoder: FileDecoder,
    fit: Fit,
    /// Bytes of the dictionaries.
    kept_bytes: u64,
}

impl Reader {
    async fn next(&mut self, executor: &crate::source::Executor) -> Result<Option<RecordBatch>> {
        loop {
            let kept_bytes = self.state.as_ref().map_or(0, |state| state.kept_bytes);
            let available = self.available.saturating_sub(kept_bytes);
            let frame = match self.messages.next(&mut self.input, available).await {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(None),
                Err(error) => return Err(self.named(error)),
            };
            let Some(mut state) = self.state.take() else { return Err(Cause::Panicked.into()) };
            let work = move || state.decode(&frame, available).map(|batch| (state, batch));
            let (state, batch) = match offload(executor, work).await {
                Ok(Ok(done)) => done,
                Ok(Err(problem)) => return Err(self.named(problem)),
                // The decoder panics over some broken messages.
                Err(_) => return Err(corrupt(self.input.name(), "a message cannot be decoded")),
            };
            self.state = Some(state);
            if let Some(batch) = batch {
                self.row += batch.num_rows() as u64;
                return Ok(Some(batch));
            }
        }
    }

    fn named(&self, problem: message::Problem) -> Error {
        problem.of_file(self.input.name(), self.row)
    }
}

impl State {
    fn decode(
        &mut self,
        frame: &Frame,
        available: u64,
    ) -> std::result::Result<Option<RecordBatch>, message::Problem> {
        let checked = frame.check(available)?;
        match checked.content {
            Content::Dictionary => {
                self.decoder.read_dictionary(&frame.block, &frame.bytes)?;
                self.kept_bytes += checked.bytes;
                Ok(None)
            }
            Content::Batch => {
                let batch = self.decoder.read_record_batch(&frame.block, &frame.bytes)?;
                batch.map(|batch| self.fit.fit(&batch)).transpose().map_err(message::Problem::from)
            }
            Content::Nothing => Ok(None),
        }
    }
}
