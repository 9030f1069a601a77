//! One column of a stripe: its streams, its encoding, its index.
//!
//! [`write()`] chooses by the node how a column and what lies below it are written; the children of a node are
//! written in parallel. A column does not know where it will stand in the stripe.
//!
//! Invariant: a column has one index entry for each row group of the stripe, whatever it holds.

use orc_rust::proto;
use orc_rust::proto::column_encoding::Kind as EncodingKind;
use orc_rust::proto::stream::Kind as StreamKind;
use prost::Message;

use super::bloom::BloomFilter;
use super::rle::Runs;
use super::slots::{Slots, Values};
use super::stats::{Of, Stats};
use super::stream::{Stored, Stream};
use super::tree::{Kind, Node};
use super::{nested, scalar};
use crate::compress::BlockCompressor;
use crate::error::{Error, Result};
use crate::settings::OrcDictionary;

/// Strings in the statistics of row groups are cut to so many bytes.
pub(super) const TEXT_BYTES: usize = 1024;

/// What the writing of every column needs.
#[derive(Debug)]
pub(super) struct Pen {
    pub(super) compressor: BlockCompressor,
    pub(super) runs: Runs,
    pub(super) dictionary: OrcDictionary,
    pub(super) refuse_duplicate_keys: bool,
    /// Rows of a row group; 0: there is no index.
    pub(super) stride: usize,
    pub(super) false_positives: f64,
}

/// A column as it stands in a stripe.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) id: u32,
    pub(super) encoding: proto::ColumnEncoding,
    /// In the order of the stripe.
    pub(super) streams: Vec<Stored>,
    pub(super) index: Option<Vec<u8>>,
    pub(super) bloom: Option<Vec<u8>>,
    pub(super) stats: Stats,
}

/// Why a column cannot be written.
#[derive(Debug)]
pub(super) enum Failure {
    /// A value that ORC cannot hold; which row it is in is found out by who holds the rows.
    Value {
        problem: &'static str,
        column: String,
    },
    Other(Error),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// The columns of a node and of what lies below it, in the order of their ids.
pub(super) fn write(node: &Node, slots: Slots, pen: &Pen) -> Result<Vec<Column>, Failure> {
    match &node.kind {
        Kind::Scalar(scalar) => scalar::write(node, *scalar, slots, pen).map(|column| vec![column]),
        Kind::Struct => nested::structs(node, slots, pen),
        Kind::List => nested::lists(node, slots, pen),
        Kind::Map => nested::maps(node, slots, pen),
        Kind::Union(ids) => nested::unions(node, ids, slots, pen),
    }
}

/// What the writer of a type makes of the values of a column.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) encoding: EncodingKind,
    pub(super) dictionary_size: Option<u32>,
    /// Without the one that says which slots are null.
    pub(super) streams: Vec<Stream>,
    /// Of each row group.
    pub(super) stats: Vec<Of>,
    /// Of each row group; nothing if the column has none.
    pub(super) blooms: Vec<BloomFilter>,
}

impl Written {
    /// Of a type that is written directly.
    pub(super) fn new(encoding: EncodingKind, streams: Vec<Stream>, stats: Vec<Of>) -> Self {
        Self { encoding, dictionary_size: None, streams, stats, blooms: Vec::new() }
    }
}

impl Pen {
    /// A filter for the values of each row group, from what calls for the hash of each value of a range.
    pub(super) fn blooms(
        &self,
        node: &Node,
        bounds: &[usize],
        hashes: impl Fn(std::ops::Range<usize>, &mut dyn FnMut(u64)),
    ) -> Vec<BloomFilter> {
        if !node.has_bloom || self.stride == 0 {
            return Vec::new();
        }
        let of_group = |group: &[usize]| {
            let mut filter = BloomFilter::new(self.stride as u64, self.false_positives);
            hashes(group[0]..group[1], &mut |hash| filter.add(hash));
            filter
        };
        bounds.windows(2).map(of_group).collect()
    }

    /// A stream of signed integers.
    pub(super) fn signed_runs<V: Copy + Into<i64>>(
        &self,
        kind: StreamKind,
        values: &[V],
        bounds: &[usize],
    ) -> Stream {
        Stream::of_runs(kind, values, bounds, |group, out| self.runs.signed(group, out))
    }

    /// A stream of unsigned integers.
    pub(super) fn unsigned_runs<V: Copy + Into<i64>>(
        &self,
        kind: StreamKind,
        values: &[V],
        bounds: &[usize],
    ) -> Stream {
        Stream::of_runs(kind, values, bounds, |group, out| self.runs.unsigned(group, out))
    }

    /// Compresses what was written of a column and makes its index.
    pub(super) fn column(&self, node: &Node, values: Values, written: Written) -> Result<Column, Failure> {
        let streams = values.present.into_iter().chain(written.streams);
        let streams = streams.map(|stream| stream.store(&self.compressor)).collect::<Result<Vec<_>>>()?;
        let groups = values.bounds.windows(2).zip(&values.nulls).zip(written.stats);
        let stats: Vec<Stats> = groups
            .map(|((group, has_null), of)| Stats {
                count: (group[1] - group[0]) as u64,
                has_null: *has_null,
                of,
            })
            .collect();
        let all = Stats::of_all(stats.iter());
        let index = (self.stride > 0).then(|| self.index(&streams, &stats)).transpose()?;
        let bloom = (!written.blooms.is_empty()).then(|| self.bloom(written.blooms)).transpose()?;
        let encoding = proto::ColumnEncoding {
            kind: Some(written.encoding.into()),
            dictionary_size: written.dictionary_size,
            // Filters of instants are in UTC (ORC-135).
            bloom_encoding: bloom.is_some().then_some(1),
        };
        let stats = all.unwrap_or(Stats { count: 0, has_null: false, of: Of::Rows });
        Ok(Column { id: node.id, encoding, streams, index, bloom, stats })
    }

    fn index(&self, streams: &[Stored], stats: &[Stats]) -> Result<Vec<u8>> {
        let entry = |(group, stats): (usize, &Stats)| {
            let mut positions = Vec::new();
            for stream in streams {
                stream.position(group, &mut positions);
            }
            proto::RowIndexEntry { positions, statistics: Some(stats.to_proto(TEXT_BYTES)) }
        };
        let index = proto::RowIndex { entry: stats.iter().enumerate().map(entry).collect() };
        Ok(self.compressor.compress(index.encode_to_vec())?.bytes)
    }

    fn bloom(&self, filters: Vec<BloomFilter>) -> Result<Vec<u8>> {
        let bloom_filter = filters.into_iter().map(BloomFilter::into_proto).collect();
        let index = proto::BloomFilterIndex { bloom_filter };
        Ok(self.compressor.compress(index.encode_to_vec())?.bytes)
    }
}
