use std::error::Error as _;
use std::io;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
use futures::{TryStreamExt, stream};
use segment_export::ErrorKind;
use segment_export::source::{MemorySource, ProfileSource, ReadOptions, StreamSource};

use super::support::{read, rows, together};

#[tokio::test]
async fn batches_in_memory_can_be_read_again_and_from_any_row() {
    let batches = vec![rows(0, 5), rows(5, 0), rows(5, 15)];
    let source = MemorySource::new(rows(0, 0).schema(), batches).unwrap();
    assert_eq!(source.size_hint().rows, Some(20));
    let mut options = ReadOptions::default();
    options.batch_rows = 4;
    for from in [0, 3, 5, 19, 20, 21_u64] {
        let read: Vec<_> = source.open(0, from, &options).unwrap().try_collect().await.unwrap();
        assert!(read.iter().all(|batch| (1..=4).contains(&batch.num_rows())));
        let from = usize::try_from(from).unwrap().min(20);
        assert_eq!(together(&read, &source.schema()), together(&[rows(from, 20 - from)], &source.schema()));
    }
}

#[tokio::test]
async fn only_wanted_columns_are_handed_over() {
    let source = MemorySource::new(rows(0, 0).schema(), vec![rows(0, 5)]).unwrap();
    let mut options = ReadOptions::default();
    options.columns = Some(vec![1, 3]);
    assert_eq!(read(&source, &options).await.unwrap(), [rows(0, 5).project(&[1, 3]).unwrap()]);
    options.columns = Some(vec![6]);
    assert_eq!(read(&source, &options).await.unwrap_err().kind(), ErrorKind::BadRequest);
}

#[test]
fn fingerprints_tell_rows_apart() {
    let of =
        |batch: RecordBatch| MemorySource::new(batch.schema(), vec![batch]).unwrap().fingerprint().unwrap();
    assert_eq!(of(rows(0, 10)), of(rows(0, 10)));
    assert_ne!(of(rows(0, 10)), of(rows(1, 10)));
    assert_ne!(of(rows(0, 10)), of(rows(0, 10).slice(0, 9)));
}

#[test]
fn a_batch_that_does_not_fit_the_schema_is_refused() {
    let other: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let other = RecordBatch::try_from_iter([("id", Arc::clone(&other)), ("age", other)]).unwrap();
    let error = MemorySource::new(rows(0, 0).schema(), vec![other]).unwrap_err();
    assert!(error.to_string().ends_with("column=`name`"), "{error}");
}

#[tokio::test]
async fn a_stream_is_read_once() {
    let batches = stream::iter([Ok::<_, io::Error>(rows(0, 7)), Ok(rows(7, 3))]);
    let source = StreamSource::new(rows(0, 0).schema(), batches);
    assert!(source.fingerprint().is_none());
    let all = read(&source, &ReadOptions::default()).await.unwrap();
    assert_eq!(together(&all, &source.schema()), rows(0, 10));
    let again = read(&source, &ReadOptions::default()).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::BadRequest);
}

#[tokio::test]
async fn the_form_of_strings_may_change_from_batch_to_batch() {
    let view: ArrayRef = Arc::new(StringViewArray::from(vec!["a", "b"]));
    let plain: ArrayRef = Arc::new(arrow::array::StringArray::from(vec!["c"]));
    let batches = [view, plain].map(|column| RecordBatch::try_from_iter([("a", column)]).unwrap());
    let schema = batches[1].schema();
    let source = StreamSource::from_batches(schema, batches.map(Ok::<_, io::Error>));
    let all = read(&source, &ReadOptions::default()).await.unwrap();
    assert_eq!(all.iter().map(RecordBatch::num_rows).sum::<usize>(), 3);
}

#[tokio::test]
async fn an_error_of_the_streams_own_stays_reachable() {
    let failing = [Ok(rows(0, 1)), Err(io::Error::other("the database went away"))];
    let source = StreamSource::from_batches(rows(0, 0).schema(), failing);
    let error = read(&source, &ReadOptions::default()).await.unwrap_err();
    let own = error.source().and_then(|source| source.downcast_ref::<io::Error>()).unwrap();
    assert_eq!(own.to_string(), "the database went away");
}
