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
fn a_given_schema_decides_the_types_of_text_sources() {
    let place = Place::new();
    fs::write(place.path().join("a.csv"), "id,day,price\n7,2024-02-29,1.50\n").unwrap();
    let columns = r#"[
        {"name": "id", "type": "Utf8", "nullable": false},
        {"name": "day", "type": "Date32"},
        {"name": "price", "type": "Decimal128(10, 3)"}
    ]"#;
    fs::write(place.path().join("columns.json"), columns).unwrap();
    let guessed = exported(&place, "a.csv", "jsonl", &[]);
    assert_eq!(text(&guessed), "{\"id\":7,\"day\":\"2024-02-29\",\"price\":1.5}\n");
    let given = exported(&place, "a.csv", "jsonl", &["--source-schema", "columns.json"]);
    assert_eq!(text(&given), "{\"id\":\"7\",\"day\":\"2024-02-29\",\"price\":1.500}\n");
}

#[test]
fn a_manifest_gives_the_schema_of_what_was_exported() {
    let place = Place::new();
    let flat = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/profiles_flat.parquet");
    let first =
        ["export", "--destination", "first", "--snapshot-id", ID, "--format", "jsonl", "--source", flat];
    let output = place.run(first);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let snapshot = place.path().join("first").join(ID);
    let mut paths = fs::read_dir(&snapshot).unwrap().map(|entry| entry.unwrap().path());
    let part = paths.find(|path| path.extension().is_some_and(|suffix| suffix == "jsonl")).unwrap();
    let manifest = snapshot.join("_manifest.json").display().to_string();
    let again = exported(&place, part.to_str().unwrap(), "jsonl", &["--source-schema", &manifest]);
    assert!(again == fs::read(&part).unwrap(), "the same types give the same bytes");
}

#[test]
fn a_schema_that_is_none_is_one_line() {
    let place = Place::new();
    fs::write(place.path().join("a.csv"), "id\n7\n").unwrap();
    fs::write(place.path().join("columns.json"), r#"[{"name":"id","type":"Number"}]"#).unwrap();
    let of = |file| {
        ["export", "--source", "a.csv", "--destination", "out", "--format", "csv", "--source-schema", file]
    };
    let line = error_line(&place.run(of("columns.json")), 2);
    assert!(
        line.contains("--source-schema columns.json") && line.contains("column=`id` type=`Number`"),
        "{line}"
    );
    let line = error_line(&place.run(of("none.json")), 2);
    assert!(line.contains("--source-schema none.json"), "{line}");
    assert!(!place.path().join("out").exists());
}

#[test]
fn a_map_inside_a_struct_is_named_in_quotes() {
    let place = Place::new();
    let line = r#"{"a":{"m":{"x":"1","y":"2"}}}"#;
    fs::write(place.path().join("a.jsonl"), line).unwrap();
    let data_type = r#"Struct(\"m\": Map(\"entries\": non-null Struct(\"key\": non-null Utf8, \"value\": Utf8), unsorted))"#;
    let columns = format!(r#"[{{"name":"a","type":"{data_type}"}}]"#);
    fs::write(place.path().join("columns.json"), columns).unwrap();
    let set = ["--source-schema", "columns.json", "--set", r#"csv.map_columns."a.m"=["y"]"#];
    assert_eq!(text(&exported(&place, "a.jsonl", "csv", &set)), "a.m.y\n2\n");
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
