//! The end of a file: metadata, footer, postscript (ORC v1 specification, "File Tail").
//!
//! Invariant: the postscript is never compressed, and names the lengths that lead a reader to the rest.

use orc_rust::proto;
use prost::Message;

use super::column::{Pen, TEXT_BYTES};
use super::stats::Stats;
use super::stripe::{ColumnNote, StripeNote};
use super::tree::Tree;
use crate::compress::BlockCodec;
use crate::encode::Placed;
use crate::error::{Cause, Result};

/// The first bytes of a file, and the last of the postscript.
pub(super) const MAGIC: &str = "ORC";
/// The version of the format.
const VERSION: [u32; 2] = [0, 12];
/// The newest version of writers that every reader knows (ORC-135); with an unknown one statistics are ignored.
const WRITER_VERSION: u32 = 6;
/// No registered writer: what readers work around for others is not done here.
const WRITER: u32 = 99;
const SOFTWARE: &str = concat!("segment-export ", env!("CARGO_PKG_VERSION"));
/// Strings in the statistics of all stripes together take no more than so many bytes a column.
const TEXT_BYTES_A_COLUMN: usize = 32 << 10;
/// Shorter than this a string says too little.
const LEAST_TEXT_BYTES: usize = 32;

/// The tail of a file with these stripes.
pub(super) fn tail(
    tree: &Tree,
    pen: &Pen,
    metadata: &[(String, String)],
    chunks: &[Placed],
) -> Result<Vec<u8>> {
    let stripes: Vec<(&Placed, &StripeNote)> =
        chunks.iter().filter_map(|chunk| Some((chunk, chunk.note.get()?))).collect();
    let statistics = stripe_statistics(&stripes);
    let statistics = pen.compressor.compress(statistics.encode_to_vec())?.bytes;
    let footer = footer(tree, pen, metadata, &stripes);
    let footer = pen.compressor.compress(footer.encode_to_vec())?.bytes;
    let postscript = proto::PostScript {
        footer_length: Some(footer.len() as u64),
        compression: Some(compression(pen.compressor.codec()).into()),
        // Readers refuse 0, also where nothing is compressed.
        compression_block_size: Some(pen.compressor.block_bytes() as u64),
        version: VERSION.to_vec(),
        metadata_length: Some(statistics.len() as u64),
        writer_version: Some(WRITER_VERSION),
        magic: Some(MAGIC.to_owned()),
        ..proto::PostScript::default()
    };
    let postscript = postscript.encode_to_vec();
    // These fields take some 30 bytes of the 255 there may be.
    let length = u8::try_from(postscript.len()).map_err(|source| Cause::Encode { source: source.into() })?;
    Ok([&statistics[..], &footer, &postscript, &[length]].concat())
}

fn footer(
    tree: &Tree,
    pen: &Pen,
    metadata: &[(String, String)],
    stripes: &[(&Placed, &StripeNote)],
) -> proto::Footer {
    let body_end = stripes.last().map_or(MAGIC.len() as u64, |(last, _)| last.offset + last.len);
    let item = |(name, value): &(String, String)| proto::UserMetadataItem {
        name: Some(name.clone()),
        value: Some(value.clone().into_bytes()),
    };
    proto::Footer {
        header_length: Some(MAGIC.len() as u64),
        content_length: Some(body_end),
        stripes: stripes.iter().map(|(placed, note)| information(placed, note)).collect(),
        types: tree.types(),
        metadata: metadata.iter().map(item).collect(),
        number_of_rows: Some(stripes.iter().map(|(placed, _)| placed.rows).sum()),
        statistics: file_statistics(tree, stripes),
        row_index_stride: Some(u32::try_from(pen.stride).unwrap_or(u32::MAX)),
        writer: Some(WRITER),
        // Without it readers in Java take old dates for Julian ones.
        calendar: Some(proto::CalendarKind::ProlepticGregorian.into()),
        software_version: Some(SOFTWARE.to_owned()),
        ..proto::Footer::default()
    }
}

fn information(placed: &Placed, note: &StripeNote) -> proto::StripeInformation {
    proto::StripeInformation {
        offset: Some(placed.offset),
        index_length: Some(note.index),
        data_length: Some(note.data),
        footer_length: Some(note.footer),
        number_of_rows: Some(placed.rows),
        ..proto::StripeInformation::default()
    }
}

/// Of every stripe; the more there are, the shorter are the strings, so that the message stays small.
fn stripe_statistics(stripes: &[(&Placed, &StripeNote)]) -> proto::Metadata {
    let text_bytes = (TEXT_BYTES_A_COLUMN / stripes.len().max(1)).clamp(LEAST_TEXT_BYTES, TEXT_BYTES);
    let of_stripe = |(_, note): &(&Placed, &StripeNote)| proto::StripeStatistics {
        col_stats: note.columns.iter().map(|column| to_proto(column, text_bytes)).collect(),
    };
    proto::Metadata { stripe_stats: stripes.iter().map(of_stripe).collect() }
}

/// Of the file; that of a file without rows has the message of each type, too.
fn file_statistics(tree: &Tree, stripes: &[(&Placed, &StripeNote)]) -> Vec<proto::ColumnStatistics> {
    let of_column = |(id, empty): (usize, Stats)| {
        let mut columns = stripes.iter().filter_map(|(_, note)| note.columns.get(id));
        let Some(first) = columns.next() else {
            return to_proto(&ColumnNote { stats: empty, bytes_on_disk: 0 }, TEXT_BYTES);
        };
        let mut all = first.clone();
        for next in columns {
            all.stats.merge(&next.stats);
            all.bytes_on_disk += next.bytes_on_disk;
        }
        to_proto(&all, TEXT_BYTES)
    };
    tree.empty_stats().into_iter().enumerate().map(of_column).collect()
}

fn to_proto(column: &ColumnNote, text_bytes: usize) -> proto::ColumnStatistics {
    let bytes_on_disk = Some(column.bytes_on_disk);
    proto::ColumnStatistics { bytes_on_disk, ..column.stats.to_proto(text_bytes) }
}

fn compression(codec: BlockCodec) -> proto::CompressionKind {
    match codec {
        BlockCodec::None => proto::CompressionKind::None,
        BlockCodec::Zlib(_) => proto::CompressionKind::Zlib,
        BlockCodec::Snappy => proto::CompressionKind::Snappy,
        BlockCodec::Lz4 => proto::CompressionKind::Lz4,
        BlockCodec::Zstd(_) => proto::CompressionKind::Zstd,
    }
}
