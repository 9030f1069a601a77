//! A stream or iterator of batches of the caller's own, read once.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::{Stream, StreamExt, stream};

use crate::error::{BoxError, Cause, Error, Result};
use crate::source::logical::deliver;
use crate::source::memory::only_partition;
use crate::source::{BatchStream, ProfileSource, ReadOptions, SizeHint};

/// A source of a stream or iterator of batches, which can be read once.
///
/// An error of the stream ends the export and stays reachable through `source()` of the export's error.
///
/// ```
/// use std::sync::Arc;
/// use arrow::array::{ArrayRef, RecordBatch, StringArray};
/// use segment_export::source::StreamSource;
///
/// let ids: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
/// let batch = RecordBatch::try_from_iter([("ProfileId", ids)])?;
/// let source = StreamSource::from_batches(batch.schema(), [Ok::<_, std::io::Error>(batch)]);
/// # let _ = source;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct StreamSource {
    schema: SchemaRef,
    hint: SizeHint,
    batches: Mutex<Option<BatchStream>>,
}

impl StreamSource {
    /// A source of a stream of batches of this schema.
    pub fn new<S, E>(schema: SchemaRef, batches: S) -> Self
    where
        S: Stream<Item = Result<RecordBatch, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let batches = batches.map(|batch| batch.map_err(Error::from_source)).boxed();
        Self { schema, hint: SizeHint::default(), batches: Mutex::new(Some(batches)) }
    }

    /// A source of an iterator of batches of this schema.
    ///
    /// The iterator is asked on an async thread: one that waits for long is better made a stream.
    pub fn from_batches<I, E>(schema: SchemaRef, batches: I) -> Self
    where
        I: IntoIterator<Item = Result<RecordBatch, E>, IntoIter: Send + 'static>,
        E: Into<BoxError> + 'static,
    {
        Self::new(schema, stream::iter(batches))
    }

    /// Tells how much there is, for the progress of the export; default: unknown.
    #[must_use]
    pub fn with_size_hint(mut self, hint: SizeHint) -> Self {
        self.hint = hint;
        self
    }
}

impl ProfileSource for StreamSource {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }

    fn open(&self, partition: usize, from_row: u64, options: &ReadOptions) -> Result<BatchStream> {
        only_partition(partition)?;
        deliver(take_once(&self.batches)?, self.schema(), from_row, options)
    }
}

impl fmt::Debug for StreamSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamSource").field("hint", &self.hint).finish_non_exhaustive()
    }
}

/// Takes what can be read once.
pub(super) fn take_once<T>(once: &Mutex<Option<T>>) -> Result<T> {
    let taken = once.lock().unwrap_or_else(PoisonError::into_inner).take();
    taken.ok_or_else(|| Cause::SourceSpent.into())
}
