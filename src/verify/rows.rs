//! Counts the rows of an object by readers that are not ours.
//!
//! Whatever a reader does not take is [`Unreadable`]; its own error may quote a value and is dropped.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use orc_rust::ArrowReaderBuilder;
use serde_json::value::RawValue;

use super::object::{Blockwise, Object};

/// Bytes that the CSV reader looks at in one go.
const CSV_BUFFER_BYTES: usize = 64 << 10;

/// The object is not of its format.
pub(super) struct Unreadable {
    /// Rows before the first one that cannot be read.
    pub(super) rows: u64,
}

/// What `count` finds in a text object, decompressed as its name says.
pub(super) fn of_text(
    name: &str,
    bytes: &mut impl BufRead,
    count: impl FnOnce(&mut dyn BufRead) -> Result<u64, Unreadable>,
) -> Result<u64, Unreadable> {
    match name.rsplit_once('.').map(|(_, suffix)| suffix) {
        Some("gz") => count(&mut BufReader::new(MultiGzDecoder::new(bytes))),
        Some("zst") => {
            let decoder = zstd::Decoder::with_buffer(bytes).map_err(|_no_memory| Unreadable { rows: 0 })?;
            count(&mut BufReader::new(decoder))
        }
        _ => count(bytes),
    }
}

/// The records of a CSV object, its header not counted; all must have as many cells as the header.
pub(super) fn csv(bytes: impl Read) -> Result<u64, Unreadable> {
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(CSV_BUFFER_BYTES).from_reader(bytes);
    match reader.byte_headers() {
        Ok(header) if !header.is_empty() => {}
        Ok(_) | Err(_) => return Err(Unreadable { rows: 0 }),
    }
    let mut record = csv::ByteRecord::new();
    let mut rows = 0;
    while reader.read_byte_record(&mut record).map_err(|_unquoted| Unreadable { rows })? {
        rows += 1;
    }
    Ok(rows)
}

/// The lines of a JSONL object; each must be one JSON object.
pub(super) fn jsonl(mut bytes: impl BufRead) -> Result<u64, Unreadable> {
    let mut line = Vec::new();
    let mut rows = 0;
    loop {
        line.clear();
        match bytes.read_until(b'\n', &mut line) {
            Ok(0) => return Ok(rows),
            Ok(_) if is_object(&line) => rows += 1,
            Ok(_) | Err(_) => return Err(Unreadable { rows }),
        }
    }
}

fn is_object(line: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(line).is_ok_and(|value| value.get().starts_with('{'))
}

/// The rows of all stripes of an ORC object, each decoded.
pub(super) fn orc(object: &Arc<Object>) -> Result<u64, Unreadable> {
    let reader = ArrowReaderBuilder::try_new(Blockwise::new(object));
    let batches = reader.map_err(|_unquoted| Unreadable { rows: 0 })?.build();
    let mut rows = 0;
    for batch in batches {
        rows += batch.map_err(|_unquoted| Unreadable { rows })?.num_rows() as u64;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(result: Result<u64, Unreadable>) -> Result<u64, u64> {
        result.map_err(|unreadable| unreadable.rows)
    }

    #[test]
    fn csv_rows_are_records_and_not_lines() {
        let cases: [(&str, Result<u64, u64>); 7] = [
            ("a,b\n", Ok(0)),
            ("a,b\n1,\"x\ny\"\n,\n", Ok(2)),
            ("a\n\"\"\n\"\"\n", Ok(2)),
            ("a,b\r\n1,2", Ok(1)),
            ("", Err(0)),
            ("a,b\n1,2\n3\n4,5\n", Err(1)),
            ("a,b\n1,2,3\n", Err(0)),
        ];
        for (text, rows) in cases {
            assert_eq!(counted(csv(text.as_bytes())), rows, "{text:?}");
        }
    }

    #[test]
    fn compressed_rows_are_those_of_all_members() {
        let mut gzip = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, b"{}\n{}\n").unwrap();
        let gzip = gzip.finish().unwrap();
        let frame = zstd::bulk::compress(b"{}\n{}\n{}\n", 1).unwrap();
        let count = |name: &str, bytes: &[u8]| counted(of_text(name, &mut &bytes[..], |text| jsonl(text)));
        assert_eq!(count("a.jsonl.gz", &[&gzip[..], &gzip].concat()), Ok(4));
        assert_eq!(count("a.jsonl.zst", &[&frame[..], &frame].concat()), Ok(6));
        assert_eq!(count("a.jsonl.gz", &gzip[..gzip.len() - 1]), Err(2), "its checksum is cut off");
        assert!(count("a.jsonl.zst", &frame[..frame.len() - 1]).is_err());
        assert_eq!(count("a.jsonl", &gzip), Err(0));
    }

    #[test]
    fn jsonl_rows_are_lines_that_hold_an_object() {
        let cases: [(&str, Result<u64, u64>); 9] = [
            ("", Ok(0)),
            ("{}\n{\"a\":\"\\n}{\"}\n", Ok(2)),
            ("{}\n{}", Ok(2)),
            ("{}\n\n{}\n", Err(1)),
            ("{}\n[1]\n", Err(1)),
            ("{}{}\n", Err(0)),
            ("{\"a\":NaN}\n", Err(0)),
            ("{\"a\":1\n}\n", Err(0)),
            ("{\"a\":\"\\x\"}\n", Err(0)),
        ];
        for (text, rows) in cases {
            assert_eq!(counted(jsonl(text.as_bytes())), rows, "{text:?}");
        }
        assert_eq!(counted(jsonl(&b"{\"a\":\"\xff\"}\n"[..])), Err(0), "not UTF-8");
    }
}
