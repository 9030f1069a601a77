//! ORC, for now through the writer of `orc-rust`, for the flat types that it knows.
//!
//! A chunk is one stripe. Each chunk is written as an ORC file of its own in memory, its one stripe is lifted
//! out, and the tail of the data object is written here: stripes of one schema do not depend on each other or
//! on where they stand (ORC v1 specification, "Stripes"). Types that the writer does not know are refused
//! when the encoder is made.
//!
//! Every timestamp becomes a TIMESTAMP with the writer's time zone UTC, whatever its Arrow zone: its values are
//! instants in UTC, and the tables of Hive and Trino declare `timestamp`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, make_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::{
    DataType, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use bytes::Bytes;
use orc_rust::ArrowWriterBuilder;
use orc_rust::compression::CompressionType;
use orc_rust::proto;
use orc_rust::reader::metadata::read_metadata;
use prost::Message;

use super::{Encoded, Encoder, Note, PartIndex, Placed};
use crate::error::{Cause, Result};

/// The first bytes of a file (ORC v1 specification, "File Tail").
const MAGIC: &[u8] = b"ORC";
/// The largest uncompressed length of a compression chunk; the writer of `orc-rust` uses the same.
const BLOCK_BYTES: usize = 256 << 10;
/// Writer version 6 is the newest that every reader knows (ORC-135).
const WRITER_VERSION: u32 = 6;
const SOFTWARE: &str = concat!("segment-export ", env!("CARGO_PKG_VERSION"));

/// Writes ORC files of flat columns.
#[derive(Debug)]
pub(super) struct OrcEncoder {
    /// The columns as the writer takes them.
    schema: SchemaRef,
}

/// What the tail must know of a stripe: the bytes of its three areas.
struct StripeNote {
    index: u64,
    data: u64,
    footer: u64,
}

impl OrcEncoder {
    pub(super) fn new(schema: &SchemaRef) -> Result<Self> {
        let fields = schema.fields().iter().map(|field| {
            let unsupported = || Cause::UnsupportedType {
                format: "ORC",
                column: field.name().clone(),
                data_type: field.data_type().to_string(),
            };
            let data_type = written_type(field.data_type()).ok_or_else(unsupported)?;
            Ok(Field::new(field.name(), data_type, true))
        });
        Ok(Self { schema: Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?)) })
    }

    /// All rows of a column as one array of the type that is written.
    fn column(&self, index: usize, rows: &[RecordBatch], first_row: u64) -> Result<ArrayRef> {
        let field = self.schema.field(index);
        let arrays =
            rows.iter().map(|batch| written_form(batch.column(index), field)).collect::<Result<Vec<_>>>()?;
        let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
        let column = concat(&arrays).map_err(|source| Cause::Encode { source: source.into() })?;
        check_timestamps(&column, field, first_row)?;
        without_idle_nulls(column)
    }

    fn file(&self, batch: &RecordBatch) -> Result<Bytes> {
        let mut file = Vec::with_capacity(batch.get_array_memory_size());
        let mut writer = ArrowWriterBuilder::new(&mut file, Arc::clone(&self.schema))
            .with_batch_size(usize::MAX)
            .with_stripe_byte_size(usize::MAX)
            .with_compression(CompressionType::Zstd)
            .with_compression_block_size(BLOCK_BYTES)
            .try_build()
            .map_err(writer_failed)?;
        writer.write(batch).map_err(writer_failed)?;
        writer.close().map_err(writer_failed)?;
        Ok(file.into())
    }

    fn footer(&self, chunks: &[Placed], body_end: u64) -> proto::Footer {
        proto::Footer {
            header_length: Some(MAGIC.len() as u64),
            content_length: Some(body_end),
            stripes: chunks.iter().filter_map(stripe_information).collect(),
            types: types(&self.schema),
            number_of_rows: Some(chunks.iter().map(|chunk| chunk.rows).sum()),
            row_index_stride: Some(0),
            calendar: Some(proto::CalendarKind::ProlepticGregorian.into()),
            software_version: Some(SOFTWARE.to_owned()),
            ..proto::Footer::default()
        }
    }
}

impl Encoder for OrcEncoder {
    fn head(&self, _part: PartIndex) -> Result<Bytes> {
        Ok(Bytes::from_static(MAGIC))
    }

    fn chunk(&self, rows: &[RecordBatch], first_row: u64) -> Result<Encoded> {
        let row_count = rows.iter().map(|batch| batch.num_rows() as u64).sum();
        if row_count == 0 {
            return Ok(Encoded { bytes: Bytes::new(), rows: 0, note: Note::none() });
        }
        let columns = (0..self.schema.fields().len()).map(|index| self.column(index, rows, first_row));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns.collect::<Result<_>>()?)
            .map_err(|source| Cause::Encode { source: source.into() })?;
        let mut file = self.file(&batch)?;
        let metadata = read_metadata(&mut file).map_err(writer_failed)?;
        let [stripe] = metadata.stripe_metadatas() else {
            return Err(Cause::Encode { source: "a chunk did not become one stripe".into() }.into());
        };
        let note = StripeNote {
            index: stripe.index_length(),
            data: stripe.data_length(),
            footer: stripe.footer_length(),
        };
        let len = note.index + note.data + note.footer;
        // The file is the magic, its one stripe and the tail.
        let tail = file.len().saturating_sub(MAGIC.len() + usize::try_from(len).unwrap_or(usize::MAX));
        let bytes = file.slice(MAGIC.len()..file.len() - tail);
        Ok(Encoded { bytes, rows: row_count, note: Note::new(note) })
    }

    fn tail(&self, chunks: &[Placed]) -> Result<Bytes> {
        let body_end = chunks.last().map_or(MAGIC.len() as u64, |last| last.offset + last.len);
        let footer = in_blocks(&self.footer(chunks, body_end).encode_to_vec());
        let postscript = proto::PostScript {
            footer_length: Some(footer.len() as u64),
            compression: Some(proto::CompressionKind::Zstd.into()),
            compression_block_size: Some(BLOCK_BYTES as u64),
            version: vec![0, 12],
            // Zero, but there: readers fail when the field is missing.
            metadata_length: Some(0),
            writer_version: Some(WRITER_VERSION),
            magic: Some("ORC".to_owned()),
            ..proto::PostScript::default()
        }
        .encode_to_vec();
        let mut tail = footer;
        tail.extend_from_slice(&postscript);
        // A postscript of these fields takes some 30 bytes of the 255 that it may (ORC v1, "Postscript").
        tail.push(u8::try_from(postscript.len()).map_err(|source| Cause::Encode { source: source.into() })?);
        Ok(tail.into())
    }
}

/// The type that the writer takes for an Arrow type; `None`: it knows none.
fn written_type(data_type: &DataType) -> Option<DataType> {
    use DataType as D;
    if let D::Dictionary(_, values) = data_type {
        return written_type(values);
    }
    if matches!(data_type, D::Utf8 | D::LargeUtf8 | D::Utf8View) {
        return Some(D::Utf8);
    }
    if matches!(data_type, D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_)) {
        return Some(D::Binary);
    }
    if let D::Timestamp(unit, _zone) = data_type {
        return Some(D::Timestamp(*unit, None));
    }
    let same = matches!(
        data_type,
        D::Boolean | D::Int8 | D::Int16 | D::Int32 | D::Int64 | D::Float32 | D::Float64 | D::Date32
    );
    same.then(|| data_type.clone())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all others stand for themselves")]
/// An array in the type that is written; its logical type must be that of the schema.
fn written_form(array: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    let wanted = field.data_type();
    if written_type(array.data_type()).as_ref() != Some(wanted) {
        return Err(Cause::BatchMismatch { column: field.name().clone() }.into());
    }
    let plain = match array.data_type() {
        DataType::Dictionary(_, values) => cast(array, values),
        _ => Ok(Arc::clone(array)),
    };
    let plain = plain.map_err(|source| Cause::Encode { source: source.into() })?;
    if let DataType::Timestamp(unit, Some(_)) = plain.data_type() {
        return Ok(without_zone(&plain, *unit));
    }
    cast(&plain, wanted).map_err(|source| Cause::Encode { source: source.into() }.into())
}

/// The same instants without the name of a zone: a cast would give the wall clock of the zone.
fn without_zone(array: &ArrayRef, unit: TimeUnit) -> ArrayRef {
    let none = None::<Arc<str>>;
    match unit {
        TimeUnit::Second => {
            Arc::new(array.as_primitive::<TimestampSecondType>().clone().with_timezone_opt(none))
        }
        TimeUnit::Millisecond => {
            Arc::new(array.as_primitive::<TimestampMillisecondType>().clone().with_timezone_opt(none))
        }
        TimeUnit::Microsecond => {
            Arc::new(array.as_primitive::<TimestampMicrosecondType>().clone().with_timezone_opt(none))
        }
        TimeUnit::Nanosecond => {
            Arc::new(array.as_primitive::<TimestampNanosecondType>().clone().with_timezone_opt(none))
        }
    }
}

/// Refuses the timestamps that no ORC reader gives back: those in the second before 1970 with a fraction of a
/// millisecond or more (ORC-763), and those whose distance to 2015, the base of ORC, overflows.
fn check_timestamps(array: &ArrayRef, field: &Field, first_row: u64) -> Result<()> {
    const BASE_SECONDS: i64 = 1_420_070_400;
    let DataType::Timestamp(unit, _) = array.data_type() else { return Ok(()) };
    let per_second = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    let nanos_per_unit = 1_000_000_000 / per_second;
    let instants = cast(array, &DataType::Int64).map_err(|source| Cause::Encode { source: source.into() })?;
    let lost = |value: i64| {
        let seconds = value.div_euclid(per_second);
        let nanos = value.rem_euclid(per_second) * nanos_per_unit;
        (seconds == -1 && nanos > 999_999) || seconds.checked_sub(BASE_SECONDS).is_none()
    };
    let instants = instants.as_primitive::<arrow::datatypes::Int64Type>();
    match instants.iter().position(|value| value.is_some_and(lost)) {
        None => Ok(()),
        Some(row) => Err(Cause::Value {
            problem: "ORC cannot hold this timestamp",
            column: field.name().clone(),
            row: first_row + row as u64,
        }
        .into()),
    }
}

/// An array without a null bitmap that marks no null: the writer would write a PRESENT stream for it.
fn without_idle_nulls(array: ArrayRef) -> Result<ArrayRef> {
    if array.nulls().is_none() || array.null_count() > 0 {
        return Ok(array);
    }
    let data = array.to_data().into_builder().nulls(None).build();
    Ok(make_array(data.map_err(|source| Cause::Encode { source: source.into() })?))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "`written_type` leaves nothing else than strings")]
/// The type tree in pre-order: the root, then its columns (ORC v1 specification, "Type Information").
fn types(schema: &Schema) -> Vec<proto::Type> {
    use proto::r#type::Kind;
    let root = proto::Type {
        kind: Some(Kind::Struct.into()),
        subtypes: (1..).take(schema.fields().len()).collect(),
        field_names: schema.fields().iter().map(|field| field.name().clone()).collect(),
        ..proto::Type::default()
    };
    let column = |field: &Arc<Field>| {
        let kind = match field.data_type() {
            DataType::Boolean => Kind::Boolean,
            DataType::Int8 => Kind::Byte,
            DataType::Int16 => Kind::Short,
            DataType::Int32 => Kind::Int,
            DataType::Int64 => Kind::Long,
            DataType::Float32 => Kind::Float,
            DataType::Float64 => Kind::Double,
            DataType::Date32 => Kind::Date,
            DataType::Timestamp(..) => Kind::Timestamp,
            DataType::Binary => Kind::Binary,
            // `written_type` leaves nothing else.
            _ => Kind::String,
        };
        proto::Type { kind: Some(kind.into()), ..proto::Type::default() }
    };
    std::iter::once(root).chain(schema.fields().iter().map(column)).collect()
}

fn stripe_information(chunk: &Placed) -> Option<proto::StripeInformation> {
    let note = chunk.note.get::<StripeNote>()?;
    Some(proto::StripeInformation {
        offset: Some(chunk.offset),
        index_length: Some(note.index),
        data_length: Some(note.data),
        footer_length: Some(note.footer),
        number_of_rows: Some(chunk.rows),
        ..proto::StripeInformation::default()
    })
}

/// Bytes as compression chunks that are stored as they are (ORC v1 specification, "Compression").
fn in_blocks(bytes: &[u8]) -> Vec<u8> {
    const ORIGINAL: usize = 1;
    let mut blocks = Vec::with_capacity(bytes.len() + 3 * (bytes.len() / BLOCK_BYTES + 1));
    for block in bytes.chunks(BLOCK_BYTES) {
        blocks.extend_from_slice(&((block.len() << 1) | ORIGINAL).to_le_bytes()[..3]);
        blocks.extend_from_slice(block);
    }
    blocks
}

/// The writer's own text is left out: it may name a value.
fn writer_failed(_error: orc_rust::error::OrcError) -> Cause {
    Cause::Encode { source: "the ORC writer failed".into() }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray, TimestampMicrosecondArray};
    use orc_rust::ArrowReaderBuilder;

    use super::*;

    fn object(encoder: &OrcEncoder, chunks: &[Vec<RecordBatch>]) -> Bytes {
        let mut bytes = encoder.head(PartIndex(0)).unwrap().to_vec();
        let mut placed = Vec::new();
        for rows in chunks {
            let chunk = encoder.chunk(rows, 0).unwrap();
            let offset = bytes.len() as u64;
            placed.push(Placed { offset, len: chunk.bytes.len() as u64, rows: chunk.rows, note: chunk.note });
            bytes.extend_from_slice(&chunk.bytes);
        }
        bytes.extend_from_slice(&encoder.tail(&placed).unwrap());
        bytes.into()
    }

    fn batch(values: &[Option<i64>]) -> RecordBatch {
        let names: StringArray =
            values.iter().map(|value| value.map(|value| format!("name {value}"))).collect();
        let times = TimestampMicrosecondArray::from(values.to_vec()).with_timezone("Europe/Berlin");
        let columns: [(&str, ArrayRef); 3] = [
            ("id", Arc::new(Int64Array::from(values.to_vec()))),
            ("name", Arc::new(names)),
            ("at", Arc::new(times)),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn read(object: Bytes) -> Vec<RecordBatch> {
        ArrowReaderBuilder::try_new(object).unwrap().build().collect::<std::result::Result<_, _>>().unwrap()
    }

    #[test]
    fn every_chunk_becomes_a_stripe_that_readers_find() {
        let (one, two) = (batch(&[Some(1), None, Some(-3_000_000)]), batch(&[Some(4)]));
        let encoder = OrcEncoder::new(&one.schema()).unwrap();
        let rows = read(object(&encoder, &[vec![one], vec![two]]));
        let ids: Vec<_> =
            rows.iter().flat_map(|b| b.column(0).as_primitive::<arrow::datatypes::Int64Type>()).collect();
        assert_eq!(ids, [Some(1), None, Some(-3_000_000), Some(4)]);
        assert_eq!(rows[0].column(1).as_string::<i32>().value(2), "name -3000000");
    }

    #[test]
    fn no_rows_are_a_file_with_columns() {
        let encoder = OrcEncoder::new(&batch(&[]).schema()).unwrap();
        let reader = ArrowReaderBuilder::try_new(object(&encoder, &[])).unwrap();
        assert_eq!(reader.schema().fields().len(), 3);
        assert_eq!(reader.build().count(), 0);
    }

    #[test]
    fn how_the_rows_are_cut_into_batches_changes_no_byte() {
        let whole = batch(&[Some(1), Some(2), None, Some(4), Some(5)]);
        let encoder = OrcEncoder::new(&whole.schema()).unwrap();
        let cut = vec![whole.slice(0, 2), whole.slice(2, 1), whole.slice(3, 2)];
        assert_eq!(
            encoder.chunk(std::slice::from_ref(&whole), 0).unwrap().bytes,
            encoder.chunk(&cut, 0).unwrap().bytes
        );
        let valid = whole.slice(3, 2);
        let copy = batch(&[Some(4), Some(5)]);
        assert_eq!(encoder.chunk(&[valid], 0).unwrap().bytes, encoder.chunk(&[copy], 0).unwrap().bytes);
    }

    #[test]
    fn a_timestamp_that_no_reader_gives_back_is_refused_with_its_row() {
        let rows = batch(&[Some(0), Some(-1_000_000), Some(-999_999), Some(-1)]);
        let encoder = OrcEncoder::new(&rows.schema()).unwrap();
        let error = encoder.chunk(&[rows], 10).unwrap_err();
        assert_eq!(error.to_string(), "ORC cannot hold this timestamp: column=`at` row=13");
    }

    #[test]
    fn nested_columns_are_refused_by_name_and_type() {
        let inner = vec![Field::new("City", DataType::Utf8, true)].into();
        let schema = Arc::new(Schema::new(vec![Field::new("Address", DataType::Struct(inner), true)]));
        let error = OrcEncoder::new(&schema).unwrap_err().to_string();
        assert!(error.contains("column=`Address`") && error.starts_with("ORC cannot hold"), "{error}");
    }
}
