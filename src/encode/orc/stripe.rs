//! A stripe from its columns: the index, then the data, then the footer (ORC v1 specification, "Stripes").
//!
//! Readers find a stream by adding up the lengths of those before it, so the footer lists them as they stand, also
//! those without a byte.
//!
//! Invariant: all streams of the index stand before all streams of the data.

use orc_rust::proto;
use orc_rust::proto::stream::Kind;
use prost::Message;

use super::column::{Column, Pen};
use super::stats::Stats;
use crate::error::Result;

/// The zone of timestamps: their numbers are instants, or the wall clock, in UTC.
const WRITER_TIMEZONE: &str = "UTC";

/// What the tail must know of a stripe.
#[derive(Debug)]
pub(super) struct StripeNote {
    /// Lengths of the three areas in bytes.
    pub(super) index: u64,
    pub(super) data: u64,
    pub(super) footer: u64,
    /// Of each column, in the order of their ids.
    pub(super) columns: Vec<ColumnNote>,
}

/// What the tail must know of a column in a stripe.
#[derive(Clone, Debug)]
pub(super) struct ColumnNote {
    pub(super) stats: Stats,
    /// Bytes of its own streams of data.
    pub(super) bytes_on_disk: u64,
}

/// The bytes of a stripe, and what the tail must know of it.
pub(super) fn assemble(columns: Vec<Column>, pen: &Pen) -> Result<(Vec<u8>, StripeNote)> {
    let mut stripe = Stripe { bytes: Vec::with_capacity(bytes_of(&columns)), streams: Vec::new() };
    for column in &columns {
        let index = column.index.iter().map(|bytes| (Kind::RowIndex, bytes));
        let bloom = column.bloom.iter().map(|bytes| (Kind::BloomFilterUtf8, bytes));
        index.chain(bloom).for_each(|(kind, bytes)| stripe.append(column.id, kind, bytes));
    }
    let index = stripe.bytes.len() as u64;
    for column in &columns {
        column.streams.iter().for_each(|stream| stripe.append(column.id, stream.kind, &stream.bytes));
    }
    let data = stripe.bytes.len() as u64 - index;
    let Stripe { mut bytes, streams } = stripe;
    let footer = proto::StripeFooter {
        streams,
        columns: columns.iter().map(|column| column.encoding.clone()).collect(),
        writer_timezone: Some(WRITER_TIMEZONE.to_owned()),
        ..proto::StripeFooter::default()
    };
    let footer = pen.compressor.compress(footer.encode_to_vec())?.bytes;
    bytes.extend_from_slice(&footer);
    let columns = columns.into_iter().map(|column| ColumnNote {
        bytes_on_disk: column.streams.iter().map(|stream| stream.bytes.len() as u64).sum(),
        stats: column.stats,
    });
    Ok((bytes, StripeNote { index, data, footer: footer.len() as u64, columns: columns.collect() }))
}

struct Stripe {
    bytes: Vec<u8>,
    streams: Vec<proto::Stream>,
}

impl Stripe {
    fn append(&mut self, column: u32, kind: Kind, bytes: &[u8]) {
        self.streams.push(proto::Stream {
            kind: Some(kind.into()),
            column: Some(column),
            length: Some(bytes.len() as u64),
        });
        self.bytes.extend_from_slice(bytes);
    }
}

/// The bytes of all streams, and some for the footer.
fn bytes_of(columns: &[Column]) -> usize {
    let own = |column: &Column| {
        let streams: usize = column.streams.iter().map(|stream| stream.bytes.len()).sum();
        let index = column.index.as_ref().map_or(0, Vec::len) + column.bloom.as_ref().map_or(0, Vec::len);
        // A stream takes some 10 bytes of the footer.
        streams + index + 64
    };
    columns.iter().map(own).sum()
}
