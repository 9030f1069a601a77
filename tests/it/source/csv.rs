//! CSV, with a schema that is given and with one that is guessed.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use futures::TryStreamExt;
use segment_export::source::{Executor, FileOptions, ProfileSource, ReadOptions};
use segment_export::{Error, ErrorKind};

use super::support::{chain, one_thread, open_any, open_with, read, together, with_executor};

/// A directory and a file in it.
fn file(text: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

async fn all(path: &PathBuf, options: &FileOptions) -> Result<RecordBatch, Error> {
    let source = open_with(std::slice::from_ref(path), options).await?;
    let batches = read(&source, &ReadOptions::default()).await?;
    Ok(together(&batches, &source.schema()))
}

/// Texts with all that needs quotes, and the CSV of them.
fn sample(rows: usize) -> (RecordBatch, String) {
    let texts = ["plain", "a,b", "line\r\nfeed", "say \"hi\"", "", "Zoë"];
    let text = |row: usize| {
        (!row.is_multiple_of(7)).then(|| format!("{}{}", texts[row % 6], "x".repeat(row % 6 * (row % 50))))
    };
    let names: StringArray = (0..rows).map(text).collect();
    let ids = Int64Array::from_iter_values((0..rows).map(|row| i64::try_from(row).unwrap()));
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(ids) as arrow::array::ArrayRef, true),
        ("name", Arc::new(names), true),
    ])
    .unwrap();
    let mut csv = "id,name\r\n".to_owned();
    for row in 0..rows {
        let quoted = text(row).map(|text| format!("\"{}\"", text.replace('"', "\"\"")));
        write!(csv, "{row},{}\r\n", quoted.unwrap_or_default()).unwrap();
    }
    (batch, csv)
}

#[tokio::test]
async fn rows_are_those_that_were_written_whatever_the_batches() {
    let (expected, csv) = sample(5_000);
    let (_dir, path) = file(csv);
    let source = open_any(std::slice::from_ref(&path)).await.unwrap();
    assert_eq!(source.schema(), expected.schema());
    for (batch_rows, bytes) in [(1, 1 << 20), (77, 1 << 20), (8192, 20 << 10), (8192, 32 << 20)] {
        for executor in [Executor::inline(), one_thread()] {
            let mut options = with_executor(executor);
            (options.batch_rows, options.bytes) = (batch_rows, bytes);
            let batches = read(&source, &options).await.unwrap();
            assert!(batches.iter().all(|batch| batch.num_rows() <= batch_rows));
            assert_eq!(together(&batches, &source.schema()), expected, "{batch_rows} {bytes}");
            assert_eq!(options.bytes_read.bytes(), std::fs::metadata(&path).unwrap().len());
        }
    }
}

#[tokio::test]
async fn reading_begins_at_any_row_and_takes_wanted_columns() {
    let (expected, csv) = sample(2_000);
    let (_dir, path) = file(csv);
    let source = open_any(&[path]).await.unwrap();
    let mut options = ReadOptions::default();
    options.columns = Some(vec![1]);
    for from in [0, 1, 1_234, 1_999, 2_000, 9_999] {
        let batches: Vec<_> = source.open(0, from, &options).unwrap().try_collect().await.unwrap();
        let from = usize::try_from(from).unwrap().min(2_000);
        let expected = expected.project(&[1]).unwrap().slice(from, 2_000 - from);
        assert_eq!(together(&batches, &source.schema().project(&[1]).unwrap()), expected, "{from}");
    }
    options.columns = Some(vec![]);
    let batches = read(&source, &options).await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2_000);
}

#[tokio::test]
async fn types_are_guessed_and_nothing_is_lost() {
    let text = "\u{feff}n,f,b,zip,day,none\n1,1.5,true,01234,2024-02-29,\n\n-2,3,,,,\n,,FALSE,7,\"\",";
    let (_dir, path) = file(text);
    let batch = all(&path, &FileOptions::default()).await.unwrap();
    assert_eq!(batch.column(0).as_ref(), &Int64Array::from(vec![Some(1), Some(-2), None]));
    assert_eq!(batch.column(1).as_ref(), &Float64Array::from(vec![Some(1.5), Some(3.0), None]));
    assert_eq!(batch.column(2).as_ref(), &BooleanArray::from(vec![Some(true), None, Some(false)]));
    assert_eq!(batch.column(3).as_ref(), &StringArray::from(vec![Some("01234"), None, Some("7")]));
    assert_eq!(batch.column(4).as_ref(), &StringArray::from(vec![Some("2024-02-29"), None, Some("")]));
    assert_eq!((batch.column(5).data_type(), batch.column(5).null_count()), (&DataType::Utf8, 3));
}

#[tokio::test]
async fn a_given_schema_is_parsed_into() {
    let mut options = FileOptions::default();
    options.schema = Some(Arc::new(Schema::new(vec![
        Field::new("price", DataType::Decimal128(10, 2), true),
        Field::new("at", DataType::Timestamp(TimeUnit::Second, None), true),
        Field::new("day", DataType::Date32, true),
        Field::new("id", DataType::Int32, false),
        Field::new("more", DataType::Int64, true),
    ])));
    let (_dir, path) = file("id,price,day,at\n007,12.50,2024-02-29,2024-02-29T01:02:03\n8,,,\n");
    let batch = all(&path, &options).await.unwrap();
    assert_eq!(batch.num_rows(), 2);
    assert_eq!(batch.column(4).null_count(), 2);
    let text = arrow::util::display::array_value_to_string(batch.column(0), 0).unwrap();
    assert_eq!(text, "12.50");
    for (line, column) in [("x1,,,", "id"), ("1,s3cret,,", "price"), ("1,,s3cret,", "day"), (",,,", "id")] {
        let (_dir, path) = file(format!("id,price,day,at\n1,,,\n{line}\n"));
        let error = all(&path, &options).await.unwrap_err();
        let text = format!("{} {error:?}", chain(&error));
        assert!(
            text.contains("a.csv row=1") && text.contains(&format!("column=`{column}`")),
            "{line}: {text}"
        );
        assert!(!text.contains("s3cret"), "{text}");
    }
    let (_dir, path) = file("id,other\n1,2\n");
    let error = all(&path, &options).await.unwrap_err();
    assert!(chain(&error).contains("column=`other`"), "{}", chain(&error));

    let list = DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true)));
    options.schema = Some(Arc::new(Schema::new(vec![Field::new("l", list, true)])));
    let error = all(&path, &options).await.unwrap_err();
    assert!(error.to_string().contains("CSV cannot hold the type of this column: column=`l`"), "{error}");
}

#[tokio::test]
async fn a_later_record_that_does_not_fit_names_its_file_and_row_and_no_value() {
    let mut options = FileOptions::default();
    options.infer_rows = 2;
    for (line, what) in [
        ("s3cret,b", "column=`id` type=`Int64`"),
        ("007,b", "column=`id` type=`Int64`"),
        ("3", "expected=2 found=1"),
        ("3,s3cret,c", "expected=2 found=3"),
        ("3,\"s3cret", "a quote that is not closed"),
        ("3,\"s3cret\"x", "a text after one that is"),
    ] {
        let (_dir, path) = file(format!("id,name\n1,a\n2,\"b\nc\"\n{line}\n"));
        let error = all(&path, &options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        let text = format!("{} {error:?}", chain(&error));
        assert!(text.contains("a.csv row=2") && text.contains(what), "{line}: {text}");
        assert!(!text.contains("s3cret"), "{line}: {text}");
    }
    let (_dir, path) = file(b"id,name\n1,a\n2,b\n3,\xff\n");
    let error = all(&path, &options).await.unwrap_err();
    assert!(chain(&error).contains("a.csv row=2: the record is not UTF-8"), "{}", chain(&error));
}

#[tokio::test]
async fn headers_that_are_missing_or_name_a_column_twice_are_refused() {
    for (text, what) in [("", "it has no header"), ("\n\n", "it has no header"), ("a,a\n1,2\n", "first=`a`")]
    {
        let (_dir, path) = file(text);
        let error = open_any(&[path]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        assert!(chain(&error).contains(what), "{text:?}: {}", chain(&error));
    }
    let (_dir, path) = file("a,b");
    assert_eq!(all(&path, &FileOptions::default()).await.unwrap().num_rows(), 0);
}

#[tokio::test]
async fn columns_that_a_file_lacks_are_null_and_their_order_is_free() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("1.csv"), "id,name\n1,a\n").unwrap();
    std::fs::write(dir.path().join("2.csv"), "more,id\n2.5,2\n").unwrap();
    let source = open_any(&[dir.path().to_path_buf()]).await.unwrap();
    let batch = together(&read(&source, &ReadOptions::default()).await.unwrap(), &source.schema());
    assert_eq!(batch.column(0).as_ref(), &Int64Array::from(vec![1, 2]));
    assert_eq!(batch.column(1).as_ref(), &StringArray::from(vec![Some("a"), None]));
    assert_eq!(batch.column(2).as_ref(), &Float64Array::from(vec![None, Some(2.5)]));
    // What is a number in one file and a text in the next is a text: nothing is lost.
    std::fs::write(dir.path().join("3.csv"), "id\nx7\n").unwrap();
    let source = open_any(&[dir.path().to_path_buf()]).await.unwrap();
    let batch = together(&read(&source, &ReadOptions::default()).await.unwrap(), &source.schema());
    assert_eq!(batch.column(0).as_ref(), &StringArray::from(vec!["1", "2", "x7"]));
}

#[tokio::test]
async fn a_record_longer_than_the_reader_may_hold_names_its_row() {
    let (_dir, path) = file(format!("a\n1\n\"{}\"\n", "y".repeat(300 << 10)));
    let source = open_any(&[path]).await.unwrap();
    let mut options = ReadOptions::default();
    options.bytes = 1 << 20;
    let error = read(&source, &options).await.unwrap_err();
    assert!(error.to_string().contains("a.csv row=1 needed="), "{error}");
}

#[tokio::test]
async fn a_file_that_changed_since_it_was_opened_is_refused() {
    let (_dir, path) = file("a\n1\n");
    let source = open_any(std::slice::from_ref(&path)).await.unwrap();
    std::fs::write(&path, "a\n22\n").unwrap();
    let error = read(&source, &ReadOptions::default()).await.unwrap_err();
    assert!(chain(&error).contains("a.csv: it changed"), "{}", chain(&error));
}
