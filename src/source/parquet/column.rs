//! Column chunks as `parquet` wants to read them, over windows that hold a piece at a time.
//!
//! Invariant: pages are read in the order in which they lie in the file, through one window for each column,
//! whatever the size of a row group.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes};
use parquet::arrow::arrow_reader::RowGroups;
use parquet::column::page::{PageIterator, PageReader};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length, SerializedPageReader};

use crate::error::Error;
use crate::source::parquet::lane::Part;
use crate::store::ranged::Window;

/// The first error of a window; `parquet` would only keep its text.
#[derive(Clone, Debug, Default)]
pub(super) struct Failure(Arc<Mutex<Option<Error>>>);

impl Failure {
    pub(super) fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, error: Error) -> ParquetError {
        let text = error.to_string();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        ParquetError::General(text)
    }
}

/// The columns of some row groups of a file, each with its window.
pub(super) struct Columns<'a> {
    pub(super) part: Arc<Part>,
    pub(super) row_groups: Range<usize>,
    pub(super) windows: &'a BTreeMap<usize, Arc<Window>>,
    pub(super) failure: Failure,
}

impl RowGroups for Columns<'_> {
    fn num_rows(&self) -> usize {
        self.row_groups().map(|group| usize::try_from(group.num_rows()).unwrap_or(usize::MAX)).sum()
    }

    fn column_chunks(&self, column: usize) -> ParquetResult<Box<dyn PageIterator>> {
        let Some(window) = self.windows.get(&column) else {
            return Err(ParquetError::IndexOutOfBound(column, self.windows.len()));
        };
        let chunk = Chunk { window: Arc::clone(window), failure: self.failure.clone() };
        Ok(Box::new(Pages {
            chunk: Arc::new(chunk),
            part: Arc::clone(&self.part),
            column,
            row_groups: self.row_groups.clone(),
        }))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(self.row_groups.clone().map(|group| self.part.metadata.row_group(group)))
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.part.metadata
    }
}

/// The page readers of one column, a row group after another.
struct Pages {
    chunk: Arc<Chunk>,
    part: Arc<Part>,
    column: usize,
    row_groups: Range<usize>,
}

impl Iterator for Pages {
    type Item = ParquetResult<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        let group = self.part.metadata.row_group(self.row_groups.next()?);
        let rows = usize::try_from(group.num_rows()).unwrap_or(usize::MAX);
        // Without page locations the pages are found by their headers, which are read anyhow.
        let pages = SerializedPageReader::new(Arc::clone(&self.chunk), group.column(self.column), rows, None);
        Some(pages.map(|pages| Box::new(pages) as Box<dyn PageReader>))
    }
}

impl PageIterator for Pages {}

struct Chunk {
    window: Arc<Window>,
    failure: Failure,
}

impl Length for Chunk {
    fn len(&self) -> u64 {
        self.window.blob_size()
    }
}

impl ChunkReader for Chunk {
    type T = Header;

    fn get_read(&self, start: u64) -> ParquetResult<Header> {
        let window = Arc::clone(&self.window);
        Ok(Header { window, failure: self.failure.clone(), next: start, held: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let bytes = self.window.read(start, length).map_err(|error| self.failure.note(error))?;
        if bytes.len() < length {
            return Err(ParquetError::EOF("a page ends after the file".to_owned()));
        }
        Ok(bytes)
    }
}

/// Reads a page header, whose length is known only once it was read.
struct Header {
    window: Arc<Window>,
    failure: Failure,
    next: u64,
    held: Bytes,
}

impl Read for Header {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.held.is_empty() {
            self.held = match self.window.from(self.next) {
                Ok(bytes) => bytes,
                Err(error) => return Err(io::Error::other(self.failure.note(error))),
            };
            self.next += self.held.len() as u64;
        }
        let read = buffer.len().min(self.held.len());
        self.held.copy_to_slice(&mut buffer[..read]);
        Ok(read)
    }
}
