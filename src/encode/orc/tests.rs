use arrow::array::{
    Array, AsArray, DurationSecondArray, Int64Array, Int64Builder, ListArray, MapBuilder, StringArray,
    StringBuilder, Time64MicrosecondArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Field, Int64Type, Schema};
use orc_rust::{ArrowReaderBuilder, proto};
use prost::Message;

use super::*;
use crate::settings::{OrcTimes, OrcUnsigned64};

fn with_defaults(schema: &SchemaRef) -> OrcEncoder {
    OrcEncoder::new(schema, &OrcSettings::default()).unwrap()
}

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
    let names: StringArray = values.iter().map(|value| value.map(|value| format!("name {value}"))).collect();
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
    let encoder = with_defaults(&one.schema());
    let rows = read(object(&encoder, &[vec![one], vec![two]]));
    let ids: Vec<_> = rows.iter().flat_map(|b| b.column(0).as_primitive::<Int64Type>()).collect();
    assert_eq!(ids, [Some(1), None, Some(-3_000_000), Some(4)]);
    assert_eq!(rows[0].column(1).as_string::<i32>().value(2), "name -3000000");
}

#[test]
fn no_rows_are_a_file_with_columns() {
    let encoder = with_defaults(&batch(&[]).schema());
    let reader = ArrowReaderBuilder::try_new(object(&encoder, &[])).unwrap();
    assert_eq!(reader.schema().fields().len(), 3);
    assert_eq!(reader.build().count(), 0);
}

#[test]
fn how_the_rows_are_cut_into_batches_changes_no_byte() {
    let whole = batch(&[Some(1), Some(2), None, Some(4), Some(5)]);
    let encoder = with_defaults(&whole.schema());
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
    let encoder = with_defaults(&rows.schema());
    let error = encoder.chunk(&[rows], 10).unwrap_err();
    assert_eq!(error.to_string(), "ORC cannot hold this timestamp: column=`at` row=13");
}

#[test]
fn the_first_row_that_cannot_be_written_is_named() {
    let lost = Some(-1);
    let rows = batch(&[vec![Some(0); 700], vec![lost, Some(1), lost]].concat());
    let cut = [rows.slice(0, 300), rows.slice(300, 401), rows.slice(701, 2)];
    let error = with_defaults(&rows.schema()).chunk(&cut, 0).unwrap_err();
    assert!(error.to_string().ends_with("column=`at` row=700"), "{error}");
}

#[test]
fn the_form_of_strings_changes_no_byte() {
    let names: Vec<_> = (0..5000).map(|n| (n % 7 > 0).then(|| format!("name {}", n * n % 50))).collect();
    let plain: ArrayRef = Arc::new(StringArray::from(names));
    let write = |array: &ArrayRef| {
        let rows = RecordBatch::try_from_iter([("name", Arc::clone(array))]).unwrap();
        // In two batches, so that the second one meets what is known of the first.
        let cut = [rows.slice(0, 2000), rows.slice(2000, 3000)];
        with_defaults(&rows.schema()).chunk(&cut, 0).unwrap().bytes
    };
    let expected = write(&plain);
    let dictionary = |key: DataType| DataType::Dictionary(Box::new(key), Box::new(DataType::Utf8View));
    let forms =
        [DataType::LargeUtf8, DataType::Utf8View, dictionary(DataType::Int8), dictionary(DataType::UInt32)];
    for form in forms {
        assert!(write(&cast(&plain, &form).unwrap()) == expected, "{form}");
    }
    assert!(expected.len() < 5000, "a dictionary: {}", expected.len());
}

#[test]
fn garbage_and_slices_change_no_byte() {
    let lists =
        |values: Vec<Option<Vec<Option<i64>>>>| ListArray::from_iter_primitive::<Int64Type, _, _>(values);
    let clean = lists(vec![Some(vec![Some(1), None]), None, Some(vec![]), Some(vec![Some(4)])]);
    let whole =
        lists(vec![Some(vec![Some(1), None]), Some(vec![Some(9); 3]), Some(vec![]), Some(vec![Some(4)])]);
    let (field, offsets, items, _) = whole.into_parts();
    let hidden = ListArray::new(field, offsets, items, clean.nulls().cloned());
    let write = |list: ListArray| {
        let rows = RecordBatch::try_from_iter([("list", Arc::new(list) as ArrayRef)]).unwrap();
        with_defaults(&rows.schema()).chunk(&[rows], 0).unwrap().bytes
    };
    assert_eq!(write(hidden.clone()), write(clean.clone()));
    assert_eq!(write(hidden.slice(1, 2)), write(clean.slice(1, 2)));
}

/// A struct of a number, a text, a list and a struct, of which each second row is null; below it lies `hidden`.
fn below_nulls(hidden: Option<i64>) -> ArrayRef {
    let value = |row: i64| if row % 2 == 0 { Some(row) } else { hidden };
    let texts: StringArray =
        (0..600).map(|row| value(row).map(|value| format!("text {}", value % 7))).collect();
    let items = (0..600).map(|row| value(row).map(|value| vec![Some(value), None]));
    let numbers: Int64Array = (0..600).map(|row| value(row).filter(|value| value % 3 > 0)).collect();
    let innermost: ArrayRef = Arc::new(StructArray::from(vec![(
        Arc::new(Field::new("number", DataType::Int64, true)),
        Arc::new(numbers.clone()) as ArrayRef,
    )]));
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let children: Vec<ArrayRef> = vec![
        Arc::new(numbers),
        cast(&texts, &dictionary).unwrap(),
        Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(items)),
        innermost,
    ];
    let fields = children.iter().enumerate();
    let fields = fields.map(|(at, child)| Field::new(format!("c{at}"), child.data_type().clone(), true));
    let nulls = NullBuffer::from((0..600).map(|row| row % 2 == 0).collect::<Vec<_>>());
    Arc::new(StructArray::new(fields.collect(), children, Some(nulls)))
}

#[test]
fn what_lies_below_a_null_changes_no_byte() {
    let write = |array: ArrayRef| {
        let rows = RecordBatch::try_from_iter([("struct", array)]).unwrap();
        let settings = OrcSettings { row_index_stride: 1000, ..OrcSettings::default() };
        let encoder = OrcEncoder::new(&rows.schema(), &settings).unwrap();
        object(&encoder, &[vec![rows.slice(0, 299), rows.slice(299, 301)]])
    };
    let written = write(below_nulls(Some(9)));
    assert_eq!(written, write(below_nulls(None)));
    let rows = read(written);
    let column = rows[0].column(0).as_struct();
    let expected = below_nulls(None);
    assert_eq!(column.nulls(), expected.nulls());
    let numbers =
        |array: &StructArray| array.column(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>();
    assert_eq!(numbers(column), numbers(expected.as_struct()));
}

#[test]
fn what_orc_cannot_hold_is_refused_by_name_and_type() {
    let decimal = Field::new("d", DataType::Decimal256(39, 2), true);
    let inner = Field::new("Price", DataType::Struct(vec![decimal].into()), true);
    let time = Field::new("at", DataType::Time32(arrow::datatypes::TimeUnit::Second), true);
    for (field, path) in [(inner, "Price.d"), (time, "at")] {
        let schema = Arc::new(Schema::new(vec![field]));
        let error = OrcEncoder::new(&schema, &OrcSettings::default()).unwrap_err().to_string();
        assert!(
            error.starts_with("ORC cannot hold") && error.contains(&format!("column=`{path}`")),
            "{error}"
        );
    }
}

#[test]
fn a_bloom_filter_needs_a_column_that_can_have_one() {
    let schema = batch(&[]).schema();
    let with_bloom = |column: &str| {
        let settings = OrcSettings { bloom_columns: vec![column.to_owned()], ..OrcSettings::default() };
        OrcEncoder::new(&schema, &settings).map(|_encoder| ()).map_err(|error| error.to_string())
    };
    assert_eq!(with_bloom("name"), Ok(()));
    assert_eq!(with_bloom("nam").unwrap_err(), "no such column: column=`nam`");
    assert!(with_bloom("").unwrap_err().contains("cannot have a bloom filter"));
}

/// What a file without a codec says at its end: the statistics of its stripes, and its footer.
fn tail_of(object: &Bytes) -> (proto::Metadata, proto::Footer) {
    let (length, rest) = object.split_last().unwrap();
    let (rest, postscript) = rest.split_at(rest.len() - usize::from(*length));
    let postscript = proto::PostScript::decode(postscript).unwrap();
    let before = |rest: &[u8], length: u64| rest.len() - usize::try_from(length).unwrap();
    let (rest, footer) = rest.split_at(before(rest, postscript.footer_length()));
    let metadata = &rest[before(rest, postscript.metadata_length())..];
    (proto::Metadata::decode(metadata).unwrap(), proto::Footer::decode(footer).unwrap())
}

#[test]
fn the_footer_names_calendar_software_zones_and_what_the_user_says() {
    let rows = batch(&[Some(1)]);
    let mut settings = OrcSettings { compression: Some(OrcCompression::None), ..OrcSettings::default() };
    settings.user_metadata.insert("purpose".to_owned(), "a test".to_owned());
    let encoder = OrcEncoder::new(&rows.schema(), &settings).unwrap();
    let (_, footer) = tail_of(&object(&encoder, &[vec![rows]]));
    assert_eq!(footer.calendar(), proto::CalendarKind::ProlepticGregorian);
    assert_eq!(footer.software_version(), concat!("segment-export ", env!("CARGO_PKG_VERSION")));
    let item = |item: &proto::UserMetadataItem| (item.name().to_owned(), item.value().to_vec());
    let items: Vec<_> = footer.metadata.iter().map(item).collect();
    let expected = [("segment-export.zone.at", "Europe/Berlin"), ("purpose", "a test")];
    assert_eq!(items, expected.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
}

#[test]
fn strings_in_statistics_are_cut_shorter_where_there_are_many_stripes() {
    let text = |first: u8| format!("{}{}", char::from(first), "x".repeat(1500));
    let rows = || {
        let texts = StringArray::from(vec![text(b'b'), text(b'a'), text(b'c')]);
        RecordBatch::try_from_iter([("text", Arc::new(texts) as ArrayRef)]).unwrap()
    };
    let settings = OrcSettings { compression: Some(OrcCompression::None), ..OrcSettings::default() };
    let encoder = OrcEncoder::new(&rows().schema(), &settings).unwrap();
    for (stripes, most) in [(1, 1024), (200, 163), (2000, 32)] {
        let (metadata, footer) = tail_of(&object(&encoder, &vec![vec![rows()]; stripes]));
        assert_eq!(metadata.stripe_stats.len(), stripes);
        for stripe in &metadata.stripe_stats {
            let stats = stripe.col_stats[1].string_statistics.as_ref().unwrap();
            assert_eq!((stats.lower_bound().len(), stats.upper_bound().len()), (most, most));
            assert!(*stats.lower_bound() <= *text(b'a') && *text(b'c') <= *stats.upper_bound());
        }
        assert_eq!(footer.statistics[1].string_statistics.as_ref().unwrap().lower_bound().len(), 1024);
    }
}

#[test]
fn a_key_that_comes_twice_is_refused_where_that_is_asked_for() {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for keys in [["a", "b"], ["b", "a"], ["a", "a"]] {
        for key in keys {
            maps.keys().append_value(key);
        }
        maps.values().append_slice(&[1, 2]);
        maps.append(true).unwrap();
    }
    let rows = RecordBatch::try_from_iter([("map", Arc::new(maps.finish()) as ArrayRef)]).unwrap();
    let write = |duplicate_keys| {
        let settings = OrcSettings { duplicate_keys, ..OrcSettings::default() };
        let encoder = OrcEncoder::new(&rows.schema(), &settings).unwrap();
        encoder
            .chunk(std::slice::from_ref(&rows), 10)
            .map(|chunk| chunk.rows)
            .map_err(|error| error.to_string())
    };
    assert_eq!(write(OrcDuplicateKeys::Keep), Ok(3));
    let refused = Err("a map holds a key twice: column=`map` row=12".to_owned());
    assert_eq!(write(OrcDuplicateKeys::Refuse), refused);
}

#[test]
fn types_that_orc_does_not_have_are_refused_or_integers_by_setting() {
    let columns: [(&str, ArrayRef); 3] = [
        ("number", Arc::new(UInt64Array::from(vec![u64::MAX]))),
        ("time", Arc::new(Time64MicrosecondArray::from(vec![86_399_999_999]))),
        ("span", Arc::new(DurationSecondArray::from(vec![-5]))),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let with = |settings: OrcSettings| OrcEncoder::new(&rows.schema(), &settings);
    let refused = |settings: OrcSettings| with(settings).map(drop).unwrap_err().to_string();
    assert!(refused(OrcSettings::default()).contains("column=`time`"));
    let integers = OrcSettings { times: OrcTimes::Integer, ..OrcSettings::default() };
    let unsigned64 = OrcUnsigned64::Refuse;
    assert!(refused(OrcSettings { unsigned64, ..integers.clone() }).contains("column=`number`"));
    let read = read(object(&with(integers).unwrap(), &[vec![rows.clone()]]));
    assert_eq!(read[0].column(0).as_primitive::<Decimal128Type>().value(0), i128::from(u64::MAX));
    assert_eq!(read[0].column(1).as_primitive::<Int64Type>().value(0), 86_399_999_999);
    assert_eq!(read[0].column(2).as_primitive::<Int64Type>().value(0), -5);
}
