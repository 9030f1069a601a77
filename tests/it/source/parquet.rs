use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::parquet::file::properties::WriterProperties;
use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, Int64Array, LargeStringArray, RecordBatch,
    StringArray, StringViewArray,
};
use arrow::datatypes::{DataType, Int32Type};
use futures::TryStreamExt;
use segment_export::ErrorKind;
use segment_export::source::{Executor, ProfileSource, ReadOptions};

use super::support::{one_thread, open, read, reference, rows, small_pages, together, with_executor, write};

#[tokio::test]
async fn rows_are_those_of_another_reader_whatever_the_row_groups_and_page_indexes() {
    let dir = tempfile::tempdir().unwrap();
    for (group_rows, page_index) in [(700, true), (700, false), (1_000_000, true), (1_000_000, false)] {
        let properties = small_pages(page_index).set_max_row_group_row_count(Some(group_rows)).build();
        let path = write(&dir.path().join("a.parquet"), &rows(0, 5_000), properties);
        let source = open(std::slice::from_ref(&path)).await.unwrap();
        for executor in [Executor::inline(), one_thread()] {
            let batches = read(&source, &with_executor(executor)).await.unwrap();
            assert_eq!(together(&batches, &source.schema()), reference(&path), "{group_rows} {page_index}");
        }
    }
}

#[tokio::test]
async fn reading_begins_at_any_row() {
    let dir = tempfile::tempdir().unwrap();
    for page_index in [true, false] {
        let properties = small_pages(page_index).set_max_row_group_row_count(Some(1_000)).build();
        let one = write(&dir.path().join("1.parquet"), &rows(0, 2_500), properties.clone());
        let two = write(&dir.path().join("2.parquet"), &rows(2_500, 1_500), properties);
        let source = open(&[one, two]).await.unwrap();
        let all = rows(0, 4_000);
        for from in [0, 1, 999, 1_000, 2_345, 2_500, 3_999, 4_000, 9_999] {
            let batches: Vec<_> =
                source.open(0, from, &ReadOptions::default()).unwrap().try_collect().await.unwrap();
            let from = usize::try_from(from).unwrap().min(4_000);
            assert_eq!(together(&batches, &source.schema()), all.slice(from, 4_000 - from), "{from}");
        }
    }
}

#[tokio::test]
async fn only_wanted_columns_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(&dir.path().join("a.parquet"), &rows(0, 20_000), WriterProperties::builder().build());
    let source = open(&[path]).await.unwrap();
    let mut options = ReadOptions::default();
    options.columns = Some(vec![0, 2]);
    let batches = read(&source, &options).await.unwrap();
    let schema = source.schema().project(&[0, 2]).unwrap();
    assert_eq!(together(&batches, &schema), rows(0, 20_000).project(&[0, 2]).unwrap());
    assert!(options.bytes_read.bytes() < source.size_hint().bytes.unwrap() / 2);

    options.columns = Some(vec![]);
    let batches = read(&source, &options).await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 20_000);
    options.columns = Some(vec![6]);
    assert_eq!(read(&source, &options).await.unwrap_err().kind(), ErrorKind::BadRequest);
}

#[tokio::test]
async fn batches_of_a_single_large_row_group_stay_small() {
    let dir = tempfile::tempdir().unwrap();
    let properties = small_pages(false).set_max_row_group_row_count(None).build();
    let path = write(&dir.path().join("a.parquet"), &rows(0, 200_000), properties);
    let source = open(std::slice::from_ref(&path)).await.unwrap();
    let mut options = ReadOptions::default();
    options.bytes = 4 << 20;
    let largest = AtomicU64::new(0);
    let count = source
        .open(0, 0, &options)
        .unwrap()
        .try_fold(0, |count, batch| {
            largest.fetch_max(logical_bytes(&batch), Ordering::Relaxed);
            async move { Ok(count + batch.num_rows()) }
        })
        .await
        .unwrap();
    assert_eq!(count, 200_000);
    assert!(largest.into_inner() <= options.bytes / 4);
    // Every byte of the columns is read once, and nothing besides.
    assert!(options.bytes_read.bytes() <= std::fs::metadata(&path).unwrap().len());
}

/// The bytes of a batch as if it shared nothing.
fn logical_bytes(batch: &RecordBatch) -> u64 {
    let plain = together(std::slice::from_ref(batch), &plain_schema(batch));
    plain.columns().iter().map(|column| column.get_array_memory_size() as u64).sum()
}

fn plain_schema(batch: &RecordBatch) -> arrow::datatypes::Schema {
    let schema = rows(0, 1).schema();
    schema.project(&(0..batch.num_columns()).collect::<Vec<_>>()).unwrap()
}

#[tokio::test]
async fn a_string_column_of_any_written_form_is_a_string() {
    let dir = tempfile::tempdir().unwrap();
    let values = ["a", "b", "a", "a string that does not fit into a view"];
    let forms: [ArrayRef; 4] = [
        Arc::new(StringArray::from(values.to_vec())),
        Arc::new(LargeStringArray::from(values.to_vec())),
        Arc::new(StringViewArray::from(values.to_vec())),
        Arc::new(values.into_iter().collect::<DictionaryArray<Int32Type>>()),
    ];
    let files = forms.iter().enumerate().map(|(index, form)| {
        let batch = RecordBatch::try_from_iter([("a", Arc::clone(form))]).unwrap();
        write(&dir.path().join(format!("{index}.parquet")), &batch, WriterProperties::builder().build())
    });
    let source = open(&files.collect::<Vec<_>>()).await.unwrap();
    assert_eq!(source.schema().field(0).data_type(), &DataType::Utf8);
    let batches = read(&source, &ReadOptions::default()).await.unwrap();
    let expected = StringArray::from(values.repeat(4));
    assert_eq!(together(&batches, &source.schema()).column(0).as_ref(), &expected);
}

#[tokio::test]
async fn what_a_row_group_holds_as_a_dictionary_stays_one_for_all_its_batches() {
    let dir = tempfile::tempdir().unwrap();
    let properties = WriterProperties::builder()
        .set_column_dictionary_enabled("name".into(), false)
        .set_max_row_group_row_count(Some(3_000));
    let path = write(&dir.path().join("a.parquet"), &rows(0, 7_000), properties.build());
    let source = open(std::slice::from_ref(&path)).await.unwrap();
    let mut options = ReadOptions::default();
    options.batch_rows = 1_000;
    let batches = read(&source, &options).await.unwrap();
    assert_eq!(together(&batches, &source.schema()), reference(&path));
    let packed = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let city = |batch: &RecordBatch| Arc::clone(batch["address"].as_struct().column(0));
    let places: Vec<_> = batches
        .iter()
        .map(|batch| {
            assert_eq!(batch["name"].data_type(), &DataType::Utf8View);
            assert_eq!(batch["attributes"].as_map().keys().data_type(), &packed);
            assert_eq!(city(batch).data_type(), &packed);
            city(batch).as_dictionary::<Int32Type>().values().as_string::<i32>().value_data().as_ptr()
        })
        .collect();
    // Batches of 3,000, 3,000 and 1,000 rows.
    assert!(places[..3].iter().all(|place| *place == places[0]) && places[3] != places[2]);
    assert_eq!(batches.len(), 7);
}

#[tokio::test]
async fn columns_that_a_file_lacks_are_null() {
    let dir = tempfile::tempdir().unwrap();
    let one = rows(0, 10).project(&[0, 1]).unwrap();
    let two = rows(10, 10).project(&[3, 0]).unwrap();
    let properties = WriterProperties::builder().build();
    write(&dir.path().join("1.parquet"), &one, properties.clone());
    write(&dir.path().join("2.parquet"), &two, properties);
    let source = open(&[dir.path().to_path_buf()]).await.unwrap();
    let names: Vec<_> = source.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["id", "name", "tags"]);
    assert!(source.schema().field(2).is_nullable());
    let all = together(&read(&source, &ReadOptions::default()).await.unwrap(), &source.schema());
    assert_eq!(all.column(0).as_ref(), rows(0, 20).column(0).as_ref());
    assert_eq!(all.slice(0, 10).column(1), one.column(1));
    assert_eq!((all.column(2).slice(0, 10).null_count(), all.column(1).slice(10, 10).null_count()), (10, 10));
    assert_eq!(all.slice(10, 10).column(2), two.column(0));
}

#[tokio::test]
async fn a_type_that_differs_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let long: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let short: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    for (name, column) in [("1.parquet", long), ("2.parquet", short)] {
        let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
        write(&dir.path().join(name), &batch, WriterProperties::builder().build());
    }
    let error = open(&[dir.path().to_path_buf()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    let text = error.to_string();
    assert!(text.contains("2.parquet") && text.contains("column=`a`"), "{text}");
}

#[tokio::test]
async fn a_directory_is_read_in_the_order_of_names_without_hidden_ones() {
    let dir = tempfile::tempdir().unwrap();
    let files =
        ["b/1.parquet", "a.parquet", "b/0.parquet", "c.parquet", "_x/0.parquet", ".y.parquet", "_z.parquet"];
    for directory in ["b", "_x"] {
        std::fs::create_dir(dir.path().join(directory)).unwrap();
    }
    for (index, file) in files.iter().enumerate() {
        let properties = WriterProperties::builder().build();
        write(&dir.path().join(file), &rows(index * 10, 1).project(&[0]).unwrap(), properties);
    }
    std::fs::write(dir.path().join("notes.txt"), "no rows").unwrap();
    let source = open(&[dir.path().to_path_buf()]).await.unwrap();
    let names: Vec<_> = source.fingerprint().unwrap().files.into_iter().map(|file| file.name).collect();
    let expected = ["a.parquet", "b/0.parquet", "b/1.parquet", "c.parquet"];
    assert_eq!(names, expected.map(|name| dir.path().join(name).display().to_string()));
    let all = together(&read(&source, &ReadOptions::default()).await.unwrap(), &source.schema());
    assert_eq!(all.column(0).as_ref(), &Int64Array::from(vec![10, 20, 0, 30]));
}

#[tokio::test]
async fn files_that_are_missing_or_broken_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let missing = open(&[dir.path().join("none.parquet")]).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::ResourceNotFound);
    assert!(missing.to_string().ends_with("none.parquet"), "{missing}");
    assert_eq!(open(&[dir.path().to_path_buf()]).await.unwrap_err().kind(), ErrorKind::BadRequest);

    for bytes in [&b""[..], b"PAR1", b"no parquet file, but long enough", b"PAR1\xff\xff\xff\x7fPAR1"] {
        let path = dir.path().join("broken.parquet");
        std::fs::write(&path, bytes).unwrap();
        let broken = open(&[path]).await.unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::BadRequest);
        assert!(broken.to_string().ends_with("broken.parquet"), "{broken}");
    }
}

#[tokio::test]
async fn broken_pages_are_an_error_and_not_a_hang() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(&dir.path().join("a.parquet"), &rows(0, 5_000), small_pages(false).build());
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[4..half].fill(0xaa);
    std::fs::write(&path, bytes).unwrap();
    let source = open(&[path]).await.unwrap();
    for executor in [Executor::inline(), one_thread()] {
        let error = read(&source, &with_executor(executor)).await.unwrap_err();
        assert!(error.to_string().ends_with("a.parquet"), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_changed_since_it_was_opened_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    write(&path, &rows(0, 100), WriterProperties::builder().build());
    let source = open(std::slice::from_ref(&path)).await.unwrap();
    write(&path, &rows(0, 50), WriterProperties::builder().build());
    let error = read(&source, &ReadOptions::default()).await.unwrap_err();
    assert!(error.to_string().ends_with("a.parquet"), "{error}");
}

#[tokio::test]
async fn a_lost_job_is_an_error_and_not_a_hang() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(&dir.path().join("a.parquet"), &rows(0, 10), WriterProperties::builder().build());
    let source = open(&[path]).await.unwrap();
    let error = read(&source, &with_executor(Executor::new(drop))).await.unwrap_err();
    assert_eq!(error.to_string(), "a stage panicked");
}

#[tokio::test]
async fn empty_files_and_row_groups_have_no_rows() {
    let dir = tempfile::tempdir().unwrap();
    let properties = WriterProperties::builder().build();
    let empty = write(&dir.path().join("1.parquet"), &rows(0, 0), properties.clone());
    let some = write(&dir.path().join("2.parquet"), &rows(0, 3), properties);
    let source = open(&[empty.clone(), some, empty]).await.unwrap();
    assert_eq!(source.size_hint().rows, Some(3));
    let batches = read(&source, &ReadOptions::default()).await.unwrap();
    assert_eq!(together(&batches, &source.schema()), rows(0, 3));
}
