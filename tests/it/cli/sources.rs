//! Sources of every kind through the program.

use arrow::array::RecordBatch;
use arrow::ipc::writer::{FileWriter, StreamWriter};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::*;

const ID: &str = "00112233445566778899aabbccddeeff";

fn profiles() -> String {
    format!("{}/testdata/profiles.parquet", env!("CARGO_MANIFEST_DIR"))
}

/// What the program writes of a source, all parts together.
#[track_caller]
fn exported(place: &Place, source: &str, format: &str, more: &[&str]) -> Vec<u8> {
    let usual =
        ["export", "--destination", "out", "--snapshot-id", ID, "--format", format, "--source", source];
    let output = place.run(usual.iter().chain(more));
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let snapshot = place.path().join("out").join(ID);
    let entries = fs::read_dir(&snapshot).unwrap().map(|entry| entry.unwrap().path());
    let mut parts: Vec<_> = entries.filter(|path| !path.ends_with("_manifest.json")).collect();
    parts.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with("part-"));
    parts.sort();
    let bytes = parts.iter().flat_map(|path| fs::read(path).unwrap()).collect();
    fs::remove_dir_all(place.path().join("out")).unwrap();
    bytes
}

fn batches() -> Vec<RecordBatch> {
    let file = fs::File::open(profiles()).unwrap();
    ParquetRecordBatchReader::try_new(file, 300).unwrap().map(Result::unwrap).collect()
}

#[test]
fn arrow_files_and_streams_give_the_bytes_that_parquet_gives() {
    let place = Place::new();
    let batches = batches();
    let file = fs::File::create(place.path().join("a.arrow")).unwrap();
    let mut writer = FileWriter::try_new(file, &batches[0].schema()).unwrap();
    for batch in &batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap();
    let file = fs::File::create(place.path().join("a.arrows")).unwrap();
    let mut writer = StreamWriter::try_new(file, &batches[0].schema()).unwrap();
    for batch in &batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap();
    for format in ["csv", "jsonl"] {
        let expected = exported(&place, &profiles(), format, &[]);
        for source in ["a.arrow", "a.arrows"] {
            assert_eq!(exported(&place, source, format, &[]), expected, "{source}");
        }
    }
}

#[test]
fn what_the_program_wrote_it_reads_again() {
    let place = Place::new();
    let flat = format!("{}/testdata/profiles_flat.parquet", env!("CARGO_MANIFEST_DIR"));
    for (format, source) in [("csv", &flat), ("jsonl", &flat), ("jsonl", &profiles())] {
        let name = format!("again.{format}");
        fs::write(place.path().join(&name), exported(&place, source, format, &[])).unwrap();
        // A guess drops zeros at the end of decimals, and null fields of objects move: once, and then no more.
        let once = exported(&place, &name, format, &[]);
        fs::write(place.path().join(&name), &once).unwrap();
        let twice = exported(&place, &name, format, &[]);
        assert!(once == twice, "{source} {format}");
        let lines = text(&once).lines().count();
        assert!(format == "csv" || lines == 2000, "{lines}");
    }
}

#[test]
fn a_record_that_does_not_fit_fails_the_export_and_shows_no_value() {
    let place = Place::new();
    let many = "1,x\n".repeat(20_000);
    fs::write(place.path().join("a.csv"), format!("id,name\n{many}s3cret,y\n")).unwrap();
    let output = place.run(["export", "--source", "a.csv", "--destination", "out", "--format", "orc"]);
    let line = error_line(&output, 1);
    assert!(line.contains("a.csv row=20000") && line.contains("column=`id`"), "{line}");
    assert!(!line.contains("s3cret"), "{line}");
}

#[test]
fn what_is_no_source_is_one_line() {
    let place = Place::new();
    for (name, message) in [
        ("a.orc", "reading an ORC file (a.orc) is not available yet"),
        ("a.csv.gz", "reading a compressed file (a.csv.gz) is not available yet"),
        ("a.arrow", "the source is corrupt or of another format: a.arrow"),
    ] {
        fs::write(place.path().join(name), "no rows").unwrap();
        let output = place.run(["export", "--source", name, "--destination", "out", "--format", "csv"]);
        let line = error_line(&output, 2);
        assert!(line.starts_with(message), "{line}");
    }
    let mixed = place.export(&["--source", "a.arrow"]);
    let line = error_line(&mixed, 2);
    assert!(line.contains("must be of one kind: empty.parquet a.arrow"), "{line}");
    assert!(!place.path().join("out").exists());
}
