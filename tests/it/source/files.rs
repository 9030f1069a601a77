//! Files of any kind behind one function.

use arrow::array::RecordBatch;
use arrow::ipc::writer::FileWriter;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use parquet::file::properties::WriterProperties;
use segment_export::plan::destination::Location;
use segment_export::source::{FileOptions, FileSource, ProfileSource, ReadOptions};
use segment_export::{ErrorKind, StoreOptions};

use super::support::{chain, open, open_any, parquet_bytes, read, rows, together};
use crate::support::s3::{BUCKET, S3Server, quick};

pub(crate) fn ipc_bytes(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = FileWriter::try_new(&mut bytes, &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    bytes
}

fn sample() -> std::path::PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/profiles.parquet").into()
}

#[tokio::test]
async fn the_sample_data_is_the_same_from_parquet_and_ipc() {
    let parquet = open(&[sample()]).await.unwrap();
    let batches = read(&parquet, &ReadOptions::default()).await.unwrap();
    let expected = together(&batches, &parquet.schema());
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.arrow"), ipc_bytes(&expected)).unwrap();
    let ipc = open_any(&[dir.path().join("a.arrow")]).await.unwrap();
    assert_eq!(ipc.schema().fields(), parquet.schema().fields());
    for batch_rows in [1, 77, 8192] {
        let mut options = ReadOptions::default();
        options.batch_rows = batch_rows;
        let batches = read(&ipc, &options).await.unwrap();
        assert!(batches.iter().all(|batch| batch.num_rows() <= batch_rows));
        assert_eq!(together(&batches, &ipc.schema()), expected);
    }
}

#[tokio::test]
async fn a_directory_is_read_in_the_order_of_names_without_hidden_ones() {
    let dir = tempfile::tempdir().unwrap();
    for directory in ["b", "_x"] {
        std::fs::create_dir(dir.path().join(directory)).unwrap();
    }
    let files = ["b/1.arrow", "a.feather", "b/0.ARROW", "c.ipc", "_x/0.arrow", ".y.arrow", "_z.csv"];
    for (index, file) in files.iter().enumerate() {
        std::fs::write(dir.path().join(file), ipc_bytes(&rows(index * 10, 1).project(&[0]).unwrap()))
            .unwrap();
    }
    std::fs::write(dir.path().join("notes.txt"), "no rows").unwrap();
    let source = open_any(&[dir.path().to_path_buf()]).await.unwrap();
    let names: Vec<_> = source.fingerprint().unwrap().files.into_iter().map(|file| file.name).collect();
    let expected = ["a.feather", "b/0.ARROW", "b/1.arrow", "c.ipc"];
    assert_eq!(names, expected.map(|name| dir.path().join(name).display().to_string()));
    let all = together(&read(&source, &ReadOptions::default()).await.unwrap(), &source.schema());
    assert_eq!(all.column(0).as_ref(), &arrow::array::Int64Array::from(vec![10, 20, 0, 30]));
}

#[tokio::test]
async fn kinds_do_not_mix() {
    let dir = tempfile::tempdir().unwrap();
    let properties = WriterProperties::builder().build();
    std::fs::write(dir.path().join("1.parquet"), parquet_bytes(&rows(0, 1), properties)).unwrap();
    std::fs::write(dir.path().join("2.arrow"), ipc_bytes(&rows(1, 1))).unwrap();
    let places =
        [vec![dir.path().to_path_buf()], vec![dir.path().join("1.parquet"), dir.path().join("2.arrow")]];
    for places in places {
        let error = open_any(&places).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        assert!(error.to_string().contains("1.parquet") && error.to_string().ends_with("2.arrow"), "{error}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a.csv.gz", "a.jsonl.zst", "a.orc", "a.tsv", "a.gz"] {
        std::fs::write(dir.path().join(name), "anything").unwrap();
        let error = open_any(&[dir.path().join(name)]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        assert!(error.to_string().ends_with(&format!("{name}) is not available yet")), "{error}");
    }
    // Compressed rows in a directory are not passed over.
    let error = open_any(&[dir.path().to_path_buf()]).await.unwrap_err();
    assert!(error.to_string().contains("compressed file"), "{error}");

    let missing = open_any(&[dir.path().join("none.arrow")]).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::ResourceNotFound);
    assert!(missing.to_string().ends_with("none.arrow"), "{missing}");
    assert_eq!(open_any(&[]).await.unwrap_err().kind(), ErrorKind::BadRequest);
}

#[tokio::test]
async fn parquet_is_what_a_name_without_a_kind_is_taken_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows");
    std::fs::write(&path, parquet_bytes(&rows(0, 3), WriterProperties::builder().build())).unwrap();
    let source = open_any(&[path]).await.unwrap();
    assert_eq!(source.size_hint().rows, Some(3));
}

#[tokio::test]
async fn text_is_read_from_object_stores_too() {
    let server = S3Server::start().await;
    let client = server.client(BUCKET, 2);
    let count = 100_000;
    let csv = (0..count).map(|row| format!("{row},\"name {row}\"\n")).collect::<Vec<_>>().concat();
    let jsonl = (0..count)
        .map(|row| format!("{{\"id\":{row},\"name\":\"name {row}\"}}\n"))
        .collect::<Vec<_>>()
        .concat();
    let schemas = async |key: &str, text: String| {
        let size = text.len() as u64;
        client.put(&Path::from(key), PutPayload::from(text)).await.unwrap();
        let places = vec![Location::parse(&format!("s3://bucket/{key}")).unwrap()];
        let store = StoreOptions::from_pairs(server.options());
        let source = FileSource::open(places, &store, &quick(), &FileOptions::default()).await.unwrap();
        let mut options = ReadOptions::default();
        options.bytes = 4 << 20;
        let batches = read(&source, &options).await.unwrap();
        assert_eq!(options.bytes_read.bytes(), size);
        together(&batches, &source.schema())
    };
    let one = schemas("a.csv", format!("id,name\n{csv}")).await;
    let other = schemas("a.ndjson", jsonl).await;
    assert_eq!(one, other);
    assert_eq!(one.num_rows(), count);
}

#[tokio::test]
async fn objects_of_a_bucket_are_read_and_refused_when_they_change() {
    let server = S3Server::start().await;
    let client = server.client(BUCKET, 2);
    let put = async |key: &str, bytes: Vec<u8>| {
        client.put(&Path::from(key), PutPayload::from(bytes)).await.unwrap();
    };
    put("b/2.arrow", ipc_bytes(&rows(5_000, 5_000))).await;
    put("a.arrow", ipc_bytes(&rows(0, 5_000))).await;
    put("_a.csv", b"hidden".to_vec()).await;
    let open = async |uri: &str| {
        let places = vec![Location::parse(uri).unwrap()];
        FileSource::open(
            places,
            &StoreOptions::from_pairs(server.options()),
            &quick(),
            &FileOptions::default(),
        )
        .await
    };
    let source = open("s3://bucket").await.unwrap();
    let mut options = ReadOptions::default();
    options.bytes = 8 << 20;
    let batches = read(&source, &options).await.unwrap();
    assert_eq!(together(&batches, &source.schema()), rows(0, 10_000));
    let missing = open("s3://bucket/none.arrow").await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::ResourceNotFound);

    put("a.arrow", ipc_bytes(&rows(1, 5_000))).await;
    let error = read(&source, &options).await.unwrap_err();
    assert!(chain(&error).contains("s3://bucket/a.arrow"), "{}", chain(&error));
}
