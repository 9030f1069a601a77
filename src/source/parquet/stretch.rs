//! Row groups that are read in one go, and what their strings are decoded to.
//!
//! A column that a row group holds as a dictionary throughout is decoded to one, if its values repeat: its keys
//! are copied, and its values are shared by all batches of the row group. Any other string is decoded to views,
//! since `parquet` would have to build a dictionary anew for each batch, at many times the cost.
//!
//! Invariant: no batch spans two stretches, and no dictionary is of two row groups.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema};
use parquet::basic::Encoding;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};

/// A row group of fewer rows is read together with its neighbours: readers are made anew for each stretch.
const ALONE_ROWS: u64 = 1024;

/// Bytes of a column chunk for each of its values, at most, where the values repeat often.
///
/// A key takes two bytes or less in most files, and an entry its length and four: few values have an entry of
/// their own then. The number of entries itself stands in no footer.
const REPEATED_BYTES: u64 = 5;

/// Row groups that follow on each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Their numbers in the file.
    pub(super) groups: Range<usize>,
    /// Rows at the beginning that are not wanted.
    pub(super) skip: u64,
    /// The rows that are read.
    pub(super) rows: u64,
}

/// The stretches of a file from a row on.
pub(super) fn stretches(rows: impl Iterator<Item = u64>, from_row: u64) -> Vec<Stretch> {
    let mut skip = from_row;
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut is_open = false;
    for (group, rows) in rows.enumerate() {
        if skip >= rows {
            skip -= rows;
            continue;
        }
        let is_small = rows < ALONE_ROWS;
        let wanted = rows - skip;
        match stretches.last_mut() {
            Some(last) if is_open && is_small => {
                last.groups.end = group + 1;
                last.rows += wanted;
            }
            _ => stretches.push(Stretch { groups: group..group + 1, skip, rows: wanted }),
        }
        skip = 0;
        is_open = is_small;
    }
    stretches
}

/// The types to decode a stretch to: `views` has the columns of the file with all strings as views.
pub(super) fn decoded(views: &Schema, metadata: &ParquetMetaData, stretch: &Stretch) -> Fields {
    let descriptor = metadata.file_metadata().schema_descr();
    let mut leaves = vec![0; views.fields().len()];
    for leaf in 0..descriptor.num_columns() {
        // A file whose columns are not those of its schema is refused when it is read.
        if let Some(count) = leaves.get_mut(descriptor.get_column_root_idx(leaf)) {
            *count += 1;
        }
    }
    let group = metadata.row_group(stretch.groups.start);
    let mut next = 0;
    let fields = views.fields().iter().zip(leaves).map(|(field, count)| {
        let of_column = next..next + count;
        next += count;
        if stretch.groups.len() > 1 || leaf_count(field.data_type()) != count {
            return Arc::clone(field);
        }
        packed(field, group, &mut of_column.into_iter())
    });
    fields.collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other types are leaves")]
/// A field whose strings are dictionaries where the row group has them so; takes its leaves from `leaves`.
fn packed(field: &Arc<Field>, group: &RowGroupMetaData, leaves: &mut Range<usize>) -> Arc<Field> {
    use DataType as T;
    let mut inner = |field: &Arc<Field>| packed(field, group, leaves);
    let data_type = match field.data_type() {
        T::List(item) => T::List(inner(item)),
        T::LargeList(item) => T::LargeList(inner(item)),
        T::ListView(item) => T::ListView(inner(item)),
        T::LargeListView(item) => T::LargeListView(inner(item)),
        T::FixedSizeList(item, size) => T::FixedSizeList(inner(item), *size),
        T::Struct(fields) => T::Struct(fields.iter().map(inner).collect()),
        T::Map(entries, sorted) => T::Map(inner(entries), *sorted),
        leaf => {
            let is_packed = leaves.next().is_some_and(|leaf| is_dictionary(group.column(leaf)));
            if !is_packed || *leaf != T::Utf8View {
                return Arc::clone(field);
            }
            T::Dictionary(Box::new(T::Int32), Box::new(T::Utf8))
        }
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other types are leaves")]
fn leaf_count(data_type: &DataType) -> usize {
    use DataType as T;
    match data_type {
        T::List(item)
        | T::LargeList(item)
        | T::ListView(item)
        | T::LargeListView(item)
        | T::FixedSizeList(item, _)
        | T::Map(item, _) => leaf_count(item.data_type()),
        T::Struct(fields) => fields.iter().map(|field| leaf_count(field.data_type())).sum(),
        _ => 1,
    }
}

/// Whether all data pages of a column chunk refer to its dictionary, and often to the same entries.
fn is_dictionary(chunk: &ColumnChunkMetaData) -> bool {
    let bytes = chunk.uncompressed_size().unsigned_abs();
    chunk.dictionary_page_offset().is_some()
        && bytes <= REPEATED_BYTES * chunk.num_values().unsigned_abs()
        && chunk.page_encoding_stats_mask().is_some_and(|pages| {
            pages.is_only(Encoding::RLE_DICTIONARY) || pages.is_only(Encoding::PLAIN_DICTIONARY)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[u64], from_row: u64) -> Vec<(Range<usize>, u64, u64)> {
        let stretches = stretches(rows.iter().copied(), from_row);
        stretches.into_iter().map(|stretch| (stretch.groups, stretch.skip, stretch.rows)).collect()
    }

    #[test]
    fn small_row_groups_are_read_together_and_large_ones_alone() {
        let groups = of(&[5000, 10, 0, 20, 5000, 5000, 7], 0);
        let expected = [(0..1, 0, 5000), (1..4, 0, 30), (4..5, 0, 5000), (5..6, 0, 5000), (6..7, 0, 7)];
        assert_eq!(groups, expected);
    }

    #[test]
    fn rows_that_are_passed_over_are_read_nowhere() {
        assert_eq!(of(&[10, 20, 5000], 15), [(1..2, 5, 15), (2..3, 0, 5000)]);
        assert_eq!(of(&[10, 20, 5000], 30), [(2..3, 0, 5000)]);
        assert_eq!(of(&[10, 20], 30), []);
        assert_eq!(of(&[], 0), []);
    }
}
