//! Strings and binary (ORC v1 specification, "String, Char, and `VarChar` Columns", "Binary
//! Columns").
//!
//! Strings are written as a dictionary in the stripes where that is smaller, by their distinct values and lengths
//! alone: in which form Arrow had them changes nothing but the speed.
//!
//! Invariant: the entries of a dictionary are distinct, sorted by their bytes, and each is used.

mod dictionary;
mod forms;

use std::ops::ControlFlow;

use orc_rust::proto::column_encoding::Kind as EncodingKind;
use orc_rust::proto::stream::Kind;

use self::dictionary::Dictionary;
use super::bloom;
use super::column::{Failure, Pen, Written};
use super::slots::Values;
use super::stats::{Of, TextStats};
use super::stream::{Stream, Within};
use super::tree::Node;
use crate::error::Cause;

/// STRING.
pub(super) fn strings(node: &Node, values: &Values, pen: &Pen) -> Result<Written, Failure> {
    // Without a value readers do without a dictionary, too.
    let dictionary = if values.count() == 0 { None } else { Dictionary::of(values, pen.dictionary)? };
    match dictionary {
        Some(dictionary) => as_dictionary(node, &dictionary, values, pen),
        None => Ok(direct(node, values, pen, |bytes, lengths, sum| {
            Of::Texts(TextStats::new(extremes(bytes, lengths), sum))
        })),
    }
}

/// BINARY.
pub(super) fn binary(node: &Node, values: &Values, pen: &Pen) -> Written {
    direct(node, values, pen, |_bytes, _lengths, sum| Of::Binary(sum))
}

fn as_dictionary(
    node: &Node,
    dictionary: &Dictionary<'_>,
    values: &Values,
    pen: &Pen,
) -> Result<Written, Failure> {
    let (entries, ids) = (&dictionary.entries, &dictionary.ids);
    let too_large = |source| Failure::from(Cause::Encode { source: Box::new(source) });
    let size = u32::try_from(entries.len()).map_err(too_large)?;
    let mut lengths = Vec::with_capacity(entries.len());
    let mut data = Stream::new(Kind::DictionaryData, Within::Bytes);
    for entry in entries {
        lengths.push(u32::try_from(entry.len()).map_err(too_large)?);
        data.bytes.extend_from_slice(entry);
    }
    let stats = |group: &[usize]| {
        let ids = &ids[group[0]..group[1]];
        let (low, high) = ids.iter().fold((u32::MAX, 0), |(low, high), id| (low.min(*id), high.max(*id)));
        let low_high = (!ids.is_empty()).then(|| [low, high].map(|id| entries[id as usize]));
        let sum = ids.iter().map(|id| u64::from(lengths[*id as usize])).sum();
        Of::Texts(TextStats::new(low_high, sum))
    };
    let stats = values.bounds.windows(2).map(stats).collect();
    let mut lengths_stream = Stream::new(Kind::Length, Within::Run);
    pen.runs.unsigned(&lengths, &mut lengths_stream.bytes);
    // The dictionary belongs to the stripe: no row group begins in it.
    let streams = vec![pen.unsigned_runs(Kind::Data, ids, &values.bounds), lengths_stream, data];
    let blooms = pen.blooms(node, &values.bounds, |group, add| {
        ids[group].iter().for_each(|id| add(bloom::of_bytes(entries[*id as usize])));
    });
    Ok(Written { encoding: EncodingKind::DictionaryV2, dictionary_size: Some(size), streams, stats, blooms })
}

/// Values one after another, and their lengths.
fn direct(node: &Node, values: &Values, pen: &Pen, stats_of: impl Fn(&[u8], &[i64], u64) -> Of) -> Written {
    let mut data = Stream::new(Kind::Data, Within::Bytes);
    let mut lengths: Vec<i64> = Vec::with_capacity(values.count());
    for (array, nulls) in &values.pieces {
        // It goes through to the end.
        let _end: ControlFlow<()> = forms::for_each_value(array, nulls.as_ref(), |value| {
            lengths.push(i64::try_from(value.len()).unwrap_or(i64::MAX));
            data.bytes.extend_from_slice(value);
            ControlFlow::Continue(())
        });
    }
    let mut stats = Vec::with_capacity(values.bounds.len());
    let mut group_starts = vec![0];
    for group in values.bounds.windows(2) {
        let start = group_starts[group_starts.len() - 1];
        data.mark_at(start);
        let lengths = &lengths[group[0]..group[1]];
        let sum = lengths.iter().sum::<i64>().unsigned_abs();
        stats.push(stats_of(&data.bytes[start..], lengths, sum));
        group_starts.push(start + usize::try_from(sum).unwrap_or(usize::MAX));
    }
    let blooms = pen.blooms(node, &values.bounds, |group, add| {
        let group_index = values.bounds.partition_point(|bound| *bound < group.start);
        let mut rest = &data.bytes[group_starts[group_index]..];
        for length in &lengths[group] {
            let (value, after) = rest.split_at(usize::try_from(*length).unwrap_or(0));
            add(bloom::of_bytes(value));
            rest = after;
        }
    });
    let lengths = pen.unsigned_runs(Kind::Length, &lengths, &values.bounds);
    let mut written = Written::new(EncodingKind::DirectV2, vec![data, lengths], stats);
    written.blooms = blooms;
    written
}

/// The least and the greatest of values that stand one after another.
fn extremes<'a>(bytes: &'a [u8], lengths: &[i64]) -> Option<[&'a [u8]; 2]> {
    let mut rest = bytes;
    let mut values = lengths.iter().map(|length| {
        let (value, after) = rest.split_at(usize::try_from(*length).unwrap_or(0));
        rest = after;
        (first_bytes(value), value)
    });
    // Most values differ from the extremes in their first bytes, which are compared as one number.
    let (mut low, mut high) = values.next().map(|first| (first, first))?;
    for value in values {
        if value < low {
            low = value;
        } else if value > high {
            high = value;
        }
    }
    Some([low.1, high.1])
}

/// The first bytes of a value as a number that is ordered as they are.
fn first_bytes(value: &[u8]) -> u64 {
    if let Some(first) = value.first_chunk::<8>() {
        return u64::from_be_bytes(*first);
    }
    // Two halves that may overlap: a copy of a length that is not known costs a call.
    match (value.first_chunk::<4>(), value.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            let behind = 8 * (8 - value.len());
            u64::from(u32::from_be_bytes(*first)) << 32 | u64::from(u32::from_be_bytes(*last)) << behind
        }
        _ => value.iter().zip([56, 48, 40]).fold(0, |bytes, (byte, shift)| bytes | u64::from(*byte) << shift),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_are_ordered_as_the_values_are() {
        let bytes = [0, 1, 0x7f, 0x80, 0xff];
        let value =
            |len: usize, seed: usize| (0..len).map(|at| bytes[(at * 3 + seed) % 5]).collect::<Vec<_>>();
        let values: Vec<_> = (0..12).flat_map(|len| (0..5).map(move |seed| value(len, seed))).collect();
        for one in &values {
            for other in &values {
                let by_number = first_bytes(one).cmp(&first_bytes(other)).then_with(|| one.cmp(other));
                assert_eq!(by_number, one.cmp(other), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn the_extremes_of_values_are_found() {
        let values = ["abcdefghi", "abcdefgh", "abcdefghij", "b", "", "abcdefgi"];
        let lengths: Vec<_> = values.iter().map(|value| value.len().cast_signed() as i64).collect();
        let bytes = values.concat();
        assert_eq!(extremes(bytes.as_bytes(), &lengths), Some([&b""[..], b"b"]));
        assert_eq!(extremes(&bytes.as_bytes()[..27], &lengths[..3]), Some([&b"abcdefgh"[..], b"abcdefghij"]));
        assert_eq!(extremes(b"", &[]), None);
    }
}
