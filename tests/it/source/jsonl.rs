//! JSON lines, with a schema that is given and with one that is guessed.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;
use futures::TryStreamExt;
use segment_export::source::{Executor, FileOptions, ProfileSource, ReadOptions};
use segment_export::{Error, ErrorKind};

use super::support::{chain, one_thread, open_any, open_with, read, rows, together, with_executor};

/// A directory and a file in it.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn lines(batch: &RecordBatch) -> String {
    let mut bytes = Vec::new();
    // Without this the entries of maps that are null are left out.
    let builder = WriterBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, LineDelimited>(&mut bytes);
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    String::from_utf8(bytes).unwrap()
}

fn given(batch: &RecordBatch) -> FileOptions {
    let mut options = FileOptions::default();
    options.schema = Some(batch.schema());
    options
}

async fn all(path: &PathBuf, options: &FileOptions) -> Result<RecordBatch, Error> {
    let source = open_with(std::slice::from_ref(path), options).await?;
    let batches = read(&source, &ReadOptions::default()).await?;
    Ok(together(&batches, &source.schema()))
}

#[tokio::test]
async fn rows_of_a_given_schema_are_those_that_were_written() {
    let expected = rows(0, 3_000);
    let (_dir, path) = file(&lines(&expected));
    let source = open_with(&[path], &given(&expected)).await.unwrap();
    for (batch_rows, bytes) in [(1, 1 << 20), (77, 1 << 20), (8192, 200 << 10), (8192, 32 << 20)] {
        for executor in [Executor::inline(), one_thread()] {
            let mut options = with_executor(executor);
            (options.batch_rows, options.bytes) = (batch_rows, bytes);
            let batches = read(&source, &options).await.unwrap();
            assert!(batches.iter().all(|batch| batch.num_rows() <= batch_rows));
            assert_eq!(together(&batches, &source.schema()), expected, "{batch_rows} {bytes}");
        }
    }
}

#[tokio::test]
async fn reading_begins_at_any_row_and_takes_wanted_columns() {
    let expected = rows(0, 2_000);
    let (_dir, path) = file(&lines(&expected));
    let source = open_with(&[path], &given(&expected)).await.unwrap();
    let mut options = ReadOptions::default();
    options.columns = Some(vec![0, 5]);
    for from in [0, 1, 1_234, 1_999, 2_000, 9_999] {
        let batches: Vec<_> = source.open(0, from, &options).unwrap().try_collect().await.unwrap();
        let from = usize::try_from(from).unwrap().min(2_000);
        let expected = expected.project(&[0, 5]).unwrap().slice(from, 2_000 - from);
        assert_eq!(together(&batches, &source.schema().project(&[0, 5]).unwrap()), expected, "{from}");
    }
    options.columns = Some(vec![]);
    let batches = read(&source, &options).await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2_000);
}

#[tokio::test]
async fn a_schema_is_guessed_in_the_order_of_the_fields() {
    let text = "\u{feff}{\"z\":1,\"a\":{\"c\":\"x\",\"b\":[1.5]},\"day\":\"2024-02-29\"}\r\n\n{\"flag\":true,\"z\":-2}";
    let (_dir, path) = file(text);
    let source = open_any(&[path]).await.unwrap();
    let schema = source.schema();
    let item = Field::new_list_field(DataType::Float64, true);
    let inner =
        vec![Field::new("c", DataType::Utf8, true), Field::new("b", DataType::List(Arc::new(item)), true)];
    let expected = Schema::new(vec![
        Field::new("z", DataType::Int64, true),
        Field::new("a", DataType::Struct(inner.into()), true),
        Field::new("day", DataType::Utf8, true),
        Field::new("flag", DataType::Boolean, true),
    ]);
    assert_eq!(*schema, expected);
    let batch = together(&read(&source, &ReadOptions::default()).await.unwrap(), &schema);
    assert_eq!(batch.num_rows(), 2);
    assert_eq!(batch.column(0).as_ref(), &arrow::array::Int64Array::from(vec![1, -2]));
    assert_eq!(batch.column(3).null_count(), 1);
}

#[tokio::test]
async fn a_later_record_that_does_not_fit_names_its_file_and_row_and_no_value() {
    let mut options = FileOptions::default();
    options.infer_rows = 2;
    let head = "{\"id\":1,\"name\":\"a\"}\n{\"id\":2,\"name\":\"b\"}\n\n";
    for (line, what) in [
        ("{\"id\":\"s3cret\"}", "column=`id` type=`Int64`"),
        ("{\"id\":7.25}", "column=`id` type=`Int64`"),
        ("{\"id\":3,\"name\":{\"s3cret\":1}}", "column=`name` type=`Utf8`"),
        ("{\"id\":3,\"s3cret\":1}", "a field that the schema does not have"),
        ("{\"id\":3,\"id\":4}", "a field twice: column=`id`"),
        ("s3cret", "the line is not a JSON object"),
        ("{\"id\":3,\"name\":\"s3cret", "the line is not a JSON object"),
    ] {
        let (_dir, path) = file(&format!("{head}{line}\n"));
        let error = all(&path, &options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        let text = format!("{} {error:?}", chain(&error));
        assert!(text.contains("a.jsonl row=2") && text.contains(what), "{line}: {text}");
        assert!(!text.contains("s3cret") && !text.contains("7.25"), "{line}: {text}");
    }
}

#[tokio::test]
async fn what_a_given_type_cannot_hold_names_its_column_and_no_value() {
    let zone = DataType::Timestamp(TimeUnit::Millisecond, Some("+00:00".into()));
    let mut options = FileOptions::default();
    options.schema = Some(Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int32, false),
        Field::new("at", zone, true),
        Field::new("day", DataType::Date32, true),
    ])));
    let (_dir, path) = file("{\"id\":1,\"at\":\"2024-02-29T01:02:03Z\"}\n{\"id\":2}\n");
    assert_eq!(all(&path, &options).await.unwrap().num_rows(), 2);
    for (line, column) in [
        ("{\"id\":2,\"at\":\"s3cret\"}", "at"),
        ("{\"id\":2,\"at\":1.5}", "at"),
        ("{\"id\":2,\"day\":1.5}", "day"),
        ("{\"id\":99999999999}", "id"),
        ("{}", "id"),
    ] {
        let (_dir, path) = file(&format!("{{\"id\":1}}\n{line}"));
        let error = all(&path, &options).await.unwrap_err();
        let text = format!("{} {error:?}", chain(&error));
        assert!(text.contains("a.jsonl row=1") && text.contains(&format!("column=`{column}`")), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[tokio::test]
async fn columns_that_a_file_lacks_are_null_and_a_type_that_differs_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("1.jsonl", "{\"id\":1,\"o\":{\"x\":1},\"n\":null}");
    write("2.ndjson", "{\"id\":2,\"o\":{\"y\":true},\"n\":7}");
    write("3.json", "");
    let source = open_any(&[dir.path().to_path_buf()]).await.unwrap();
    let batch = together(&read(&source, &ReadOptions::default()).await.unwrap(), &source.schema());
    assert_eq!(batch.num_rows(), 2);
    assert_eq!(source.schema().field(2).data_type(), &DataType::Int64);
    write("4.jsonl", "{\"id\":\"s3cret\"}");
    let error = open_any(&[dir.path().to_path_buf()]).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("4.jsonl column=`id` expected=`Int64` found=`Utf8`"), "{text}");
}

#[tokio::test]
async fn a_large_file_is_read_in_few_bytes_and_each_byte_once() {
    let expected = rows(0, 60_000);
    let (_dir, path) = file(&lines(&expected));
    let source = open_with(std::slice::from_ref(&path), &given(&expected)).await.unwrap();
    let mut options = ReadOptions::default();
    options.bytes = 1 << 20;
    let batches = read(&source, &options).await.unwrap();
    let largest = batches.iter().map(RecordBatch::num_rows).max().unwrap();
    assert!(largest < 1_000, "{largest} rows in 32 KiB of text");
    assert_eq!(together(&batches, &source.schema()), expected);
    assert_eq!(options.bytes_read.bytes(), std::fs::metadata(&path).unwrap().len());
}

#[tokio::test]
async fn a_record_longer_than_the_reader_may_hold_names_its_row() {
    let (_dir, path) = file(&format!("{{\"a\":\"x\"}}\n{{\"a\":\"{}\"}}\n", "y".repeat(300 << 10)));
    let source = open_any(std::slice::from_ref(&path)).await.unwrap();
    let mut options = ReadOptions::default();
    options.bytes = 1 << 20;
    let error = read(&source, &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    assert!(error.to_string().contains("a.jsonl row=1 needed="), "{error}");

    let mut options = FileOptions::default();
    options.infer_bytes = 5;
    let error = open_with(&[path], &options).await.unwrap_err();
    assert!(error.to_string().contains("a.jsonl row=0 needed="), "{error}");
}

#[tokio::test]
async fn a_guess_rests_on_whole_records_of_the_sample() {
    let mut options = FileOptions::default();
    options.infer_bytes = 20;
    // The sample ends inside the second record, which would change the type.
    let (_dir, path) = file("{\"a\":1}\n{\"a\":      1.5}\n");
    let source = open_with(&[path], &options).await.unwrap();
    assert_eq!(source.schema().field(0).data_type(), &DataType::Int64);
    let error = read(&source, &ReadOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("row=1"), "{error}");
}

#[tokio::test]
async fn a_file_that_changed_since_it_was_opened_is_refused() {
    let (_dir, path) = file("{\"a\":1}\n");
    let source = open_any(std::slice::from_ref(&path)).await.unwrap();
    std::fs::write(&path, "{\"a\":22}\n").unwrap();
    let error = read(&source, &ReadOptions::default()).await.unwrap_err();
    assert!(chain(&error).contains("a.jsonl: it changed"), "{}", chain(&error));
}
