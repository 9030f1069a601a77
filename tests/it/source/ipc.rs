//! Arrow IPC, as files and as streams.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Int32Type};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions, StreamWriter};
use futures::TryStreamExt;
use segment_export::ErrorKind;
use segment_export::source::{Executor, ProfileSource, ReadOptions};

use super::support::{chain, one_thread, open_any, read, rows, together, with_executor};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    File,
    Stream,
}

const FORMS: [Form; 2] = [Form::File, Form::Stream];

fn bytes(form: Form, batches: &[RecordBatch], options: IpcWriteOptions) -> Vec<u8> {
    let mut bytes = Vec::new();
    let schema = batches[0].schema();
    match form {
        Form::File => {
            let mut writer = FileWriter::try_new_with_options(&mut bytes, &schema, options).unwrap();
            for batch in batches {
                writer.write(batch).unwrap();
            }
            writer.finish().unwrap();
        }
        Form::Stream => {
            let mut writer = StreamWriter::try_new_with_options(&mut bytes, &schema, options).unwrap();
            for batch in batches {
                writer.write(batch).unwrap();
            }
            writer.finish().unwrap();
        }
    }
    bytes
}

fn cut(all: &RecordBatch, size: usize) -> Vec<RecordBatch> {
    let starts = (0..all.num_rows().max(1)).step_by(size);
    starts.map(|start| all.slice(start, size.min(all.num_rows() - start))).collect()
}

/// A directory and a file in it that holds these batches.
fn file(form: Form, batches: &[RecordBatch]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(if form == Form::File { "a.arrow" } else { "a.arrows" });
    std::fs::write(&path, bytes(form, batches, IpcWriteOptions::default())).unwrap();
    (dir, path)
}

#[tokio::test]
async fn rows_are_the_same_in_every_form_and_compression() {
    for form in FORMS {
        for compression in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
            for (count, size) in [(50, 1), (3_000, 700), (3_000, 10_000)] {
                let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
                come_back(form, options, &rows(0, count), size).await;
            }
        }
    }
}

async fn come_back(form: Form, options: IpcWriteOptions, all: &RecordBatch, size: usize) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.feather");
    std::fs::write(&path, bytes(form, &cut(all, size), options)).unwrap();
    let source = open_any(&[path]).await.unwrap();
    for executor in [Executor::inline(), one_thread()] {
        let read = read(&source, &with_executor(executor)).await.unwrap();
        assert_eq!(together(&read, &source.schema()), *all, "{form:?} {size}");
    }
}

#[tokio::test]
async fn reading_begins_at_any_row_and_takes_wanted_columns() {
    for form in FORMS {
        let all = rows(0, 2_000);
        let (_dir, path) = file(form, &cut(&all, 700));
        let source = open_any(&[path.clone(), path]).await.unwrap();
        let mut options = ReadOptions::default();
        options.columns = Some(vec![0, 3]);
        let twice = arrow::compute::concat_batches(&all.schema(), [&all, &all]).unwrap();
        for from in [0, 1, 699, 1_999, 2_000, 3_333, 4_000, 9_999] {
            let batches: Vec<_> = source.open(0, from, &options).unwrap().try_collect().await.unwrap();
            assert!(batches.iter().all(|batch| batch.num_rows() <= options.batch_rows));
            let from = usize::try_from(from).unwrap().min(4_000);
            let expected = twice.project(&[0, 3]).unwrap().slice(from, 4_000 - from);
            let schema = source.schema().project(&[0, 3]).unwrap();
            assert_eq!(together(&batches, &schema), expected, "{form:?} {from}");
        }
        options.columns = Some(vec![]);
        let batches = read(&source, &options).await.unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 4_000);
    }
}

#[tokio::test]
async fn dictionaries_may_grow_and_be_replaced() {
    let words = |words: &[&str]| -> RecordBatch {
        let column: DictionaryArray<Int32Type> = words.iter().copied().map(Some).chain([None]).collect();
        RecordBatch::try_from_iter([("a", Arc::new(column) as ArrayRef)]).unwrap()
    };
    let growing = [words(&["a", "b"]), words(&["a", "b", "c"]), words(&["a", "b", "c", "d"])];
    let changing = [words(&["a", "b"]), words(&["x", "y", "a"])];
    let delta = || IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
    let cases = [
        (bytes(Form::Stream, &growing, delta()), "a b - a b c - a b c d -"),
        (bytes(Form::File, &growing, delta()), "a b - a b c - a b c d -"),
        (bytes(Form::Stream, &changing, IpcWriteOptions::default()), "a b - x y a -"),
    ];
    let dir = tempfile::tempdir().unwrap();
    for (bytes, expected) in cases {
        let path = dir.path().join("a.ipc");
        std::fs::write(&path, bytes).unwrap();
        let source = open_any(&[path]).await.unwrap();
        assert_eq!(source.schema().field(0).data_type(), &DataType::Utf8);
        let all = together(&read(&source, &ReadOptions::default()).await.unwrap(), &source.schema());
        let column = all.column(0).as_any().downcast_ref::<StringArray>().unwrap();
        let found: Vec<_> = column.iter().map(|word| word.unwrap_or("-")).collect();
        assert_eq!(found.join(" "), expected);
    }
}

#[tokio::test]
async fn columns_that_a_file_lacks_are_null_and_a_type_that_differs_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, form, batch: RecordBatch| {
        std::fs::write(dir.path().join(name), bytes(form, &[batch], IpcWriteOptions::default())).unwrap();
    };
    write("1.arrow", Form::File, rows(0, 10).project(&[0, 1]).unwrap());
    write("2.arrows", Form::Stream, rows(10, 10).project(&[3, 0]).unwrap());
    let source = open_any(&[dir.path().to_path_buf()]).await.unwrap();
    let all = together(&read(&source, &ReadOptions::default()).await.unwrap(), &source.schema());
    assert_eq!(all.column(0).as_ref(), rows(0, 20).column(0).as_ref());
    assert_eq!((all.column(2).slice(0, 10).null_count(), all.column(1).slice(10, 10).null_count()), (10, 10));

    let ids: ArrayRef = Arc::new(StringArray::from(vec!["secret"]));
    write("3.arrow", Form::File, RecordBatch::try_from_iter([("id", ids)]).unwrap());
    let error = open_any(&[dir.path().to_path_buf()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    assert!(error.to_string().contains("3.arrow") && error.to_string().contains("column=`id`"), "{error}");
}

#[tokio::test]
async fn what_is_broken_or_cut_short_is_named_and_never_a_panic() {
    for form in FORMS {
        let (_dir, path) = file(form, &cut(&rows(0, 300), 100));
        let whole = std::fs::read(&path).unwrap();
        let ends = [0, 3, 6, 8, 12, 60, whole.len() / 2, whole.len() - 11, whole.len() - 9];
        for end in ends {
            std::fs::write(&path, &whole[..end]).unwrap();
            let error = match open_any(std::slice::from_ref(&path)).await {
                Err(error) => error,
                Ok(source) => read(&source, &ReadOptions::default()).await.unwrap_err(),
            };
            assert_eq!(error.kind(), ErrorKind::BadRequest, "{form:?} {end}: {}", chain(&error));
            assert!(error.to_string().contains("a.arrow"), "{form:?} {end}: {error}");
        }
        for place in (0..whole.len()).step_by(61) {
            let mut spoiled = whole.clone();
            spoiled[place] ^= 0x55;
            std::fs::write(&path, &spoiled).unwrap();
            // Not every byte matters; those that do are an error of the file.
            let outcome = match open_any(std::slice::from_ref(&path)).await {
                Err(error) => Err(error),
                Ok(source) => read(&source, &ReadOptions::default()).await,
            };
            if let Err(error) = outcome {
                assert_eq!(error.kind(), ErrorKind::BadRequest, "{place}: {}", chain(&error));
            }
        }
    }
}

#[tokio::test]
async fn a_batch_that_does_not_fit_the_readers_bytes_names_its_row() {
    for form in FORMS {
        let all = rows(0, 10_100);
        let (_dir, path) = file(form, &[all.slice(0, 100), all.slice(100, 10_000)]);
        let source = open_any(&[path]).await.unwrap();
        let mut options = ReadOptions::default();
        options.bytes = 200 << 10;
        let error = read(&source, &options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        assert!(error.to_string().contains("row=100"), "{error}");
    }
}

#[tokio::test]
async fn a_claim_to_unpack_into_more_than_there_is_memory_is_refused() {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![7; 4_000]));
    let batch = RecordBatch::try_from_iter([("id", ids)]).unwrap();
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::ZSTD)).unwrap();
    let mut bytes = bytes(Form::Stream, &[batch], options);
    let claim = 32_000_i64.to_le_bytes();
    let place = bytes.windows(8).position(|window| window == claim).unwrap();
    bytes[place..place + 8].copy_from_slice(&i64::MAX.to_le_bytes());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.arrows");
    std::fs::write(&path, bytes).unwrap();
    let source = open_any(&[path]).await.unwrap();
    let error = read(&source, &ReadOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("do not fit the memory budget"), "{error}");
}

#[tokio::test]
async fn a_large_file_is_read_in_few_bytes_and_each_byte_once() {
    let batches = cut(&rows(0, 100_000), 500);
    for form in FORMS {
        let (_dir, path) = file(form, &batches);
        let source = open_any(std::slice::from_ref(&path)).await.unwrap();
        let mut options = ReadOptions::default();
        options.bytes = 1 << 20;
        let read = read(&source, &options).await.unwrap();
        assert_eq!(together(&read, &source.schema()), rows(0, 100_000));
        let size = std::fs::metadata(&path).unwrap().len();
        let read = options.bytes_read.bytes();
        assert!(read < size + (512 << 10), "{form:?}: {read} of {size}");
    }
}

#[tokio::test]
async fn a_file_that_changed_since_it_was_opened_is_refused() {
    let (_dir, path) = file(Form::File, &[rows(0, 100)]);
    let source = open_any(std::slice::from_ref(&path)).await.unwrap();
    std::fs::write(&path, bytes(Form::File, &[rows(0, 50)], IpcWriteOptions::default())).unwrap();
    let error = read(&source, &ReadOptions::default()).await.unwrap_err();
    assert!(chain(&error).contains("a.arrow: it changed"), "{}", chain(&error));
}

#[tokio::test]
async fn no_rows_are_no_error() {
    for form in FORMS {
        let (_dir, path) = file(form, &[rows(0, 0)]);
        let source = open_any(&[path]).await.unwrap();
        let batches = read(&source, &ReadOptions::default()).await.unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
    }
}
