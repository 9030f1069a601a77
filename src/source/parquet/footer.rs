//! The footer of a Parquet file.
//!
//! Statistics and page indexes are left out: nothing here needs them, and they are most of a footer. Of the
//! encodings of pages only which there are is kept: it tells what strings are decoded to.

use parquet::errors::ParquetError;
use parquet::file::metadata::{
    FooterTail, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
    RowGroupMetaData,
};

use crate::error::Result;
use crate::source::Executor;
use crate::source::files::read_range;
use crate::source::found::corrupt;
use crate::source::offload::offload;
use crate::store::ranged::{Blob, to_usize};

/// What is read first: it holds the whole footer of most files.
const FIRST_READ: u64 = 64 << 10;

/// The length and the magic number that a file ends with.
const TAIL: u64 = 8;

/// Reads the footer of a file.
pub(super) async fn read(blob: &Blob, executor: &Executor) -> Result<ParquetMetaData> {
    let size = blob.size();
    let mut tail = read_range(blob, size.saturating_sub(FIRST_READ)..size, executor).await?;
    let needed = footer_len(&tail).map_err(|error| corrupt(blob.name(), error))? + TAIL;
    if needed > size {
        return Err(corrupt(blob.name(), "its footer is longer than the file"));
    }
    if needed > tail.len() as u64 {
        tail = read_range(blob, size - needed..size, executor).await?;
    }
    let end = tail.len() - to_usize(TAIL);
    let footer = tail.slice(end + to_usize(TAIL) - to_usize(needed)..end);
    let parsed = offload(executor, move || parse(&footer, size)).await?;
    parsed.map_err(|error| corrupt(blob.name(), error))
}

fn footer_len(tail: &[u8]) -> Result<u64, ParquetError> {
    let tail = tail.last_chunk().ok_or_else(|| ParquetError::EOF("shorter than a footer".to_owned()))?;
    let tail = FooterTail::try_new(tail)?;
    if tail.is_encrypted_footer() {
        return Err(ParquetError::NYI("the footer is encrypted".to_owned()));
    }
    Ok(tail.metadata_length() as u64)
}

fn parse(footer: &[u8], file_size: u64) -> Result<ParquetMetaData, ParquetError> {
    let mut options = ParquetMetaDataOptions::new();
    options.set_encoding_stats_as_mask(true);
    options.set_column_stats_policy(ParquetStatisticsPolicy::SkipAll);
    options.set_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
    let metadata = ParquetMetaDataReader::decode_metadata_with_options(footer, Some(&options))?;
    let rows = metadata.row_groups().iter().try_fold(0_i64, |rows, group| {
        check_chunks(group, file_size)?;
        rows.checked_add(group.num_rows()).ok_or_else(|| implausible("number of rows"))
    })?;
    if rows != metadata.file_metadata().num_rows() {
        return Err(implausible("number of rows"));
    }
    Ok(metadata)
}

/// Refuses places that cannot be: `parquet` trusts them.
fn check_chunks(group: &RowGroupMetaData, file_size: u64) -> Result<(), ParquetError> {
    if group.num_rows() < 0 {
        return Err(implausible("number of rows"));
    }
    for chunk in group.columns() {
        let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
        let start = u64::try_from(start)?;
        let len = u64::try_from(chunk.compressed_size())?;
        if start.checked_add(len).is_none_or(|end| end > file_size) || chunk.file_path().is_some() {
            return Err(implausible("place of a column"));
        }
    }
    Ok(())
}

fn implausible(what: &str) -> ParquetError {
    ParquetError::General(format!("the footer holds an impossible {what}"))
}
