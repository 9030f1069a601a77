//! What `verify` finds in a snapshot that is whole, and in one that is not.

mod sealed;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Int64Array, RecordBatch, StringArray};
use async_trait::async_trait;
use bytes::Bytes;
use object_store::PutPayload;
use orc_rust::ArrowWriterBuilder;
use segment_export::manifest::Checksum;
use segment_export::upload::{
    ObjectInfo, PartStore, PartTag, PutNew, Replaced, StoreTraits, Upload, UploadId, UploadPart, Version,
};
use segment_export::{Error, ErrorKind, Problem, Result, VerifyReport, verify};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// Objects that can be read, and nothing else.
#[derive(Debug, Default)]
struct Objects {
    by_name: BTreeMap<String, Bytes>,
    /// The first offset that cannot be read.
    fails_at: Option<u64>,
    /// Is told of a read, which then never ends.
    hangs: Option<Arc<Notify>>,
    largest_read: AtomicU64,
}

#[async_trait]
impl PartStore for Objects {
    fn traits(&self) -> StoreTraits {
        StoreTraits::s3()
    }

    async fn head(&self, name: &str) -> Result<Option<ObjectInfo>> {
        Ok(self.by_name.get(name).map(|bytes| ObjectInfo::new(name, bytes.len() as u64)))
    }

    async fn get(&self, name: &str) -> Result<Option<(Bytes, Version)>> {
        Ok(self.by_name.get(name).map(|bytes| (bytes.clone(), Version::new(String::new()))))
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes> {
        if self.fails_at.is_some_and(|at| range.contains(&at)) {
            return Err(Error::from_store(ErrorKind::Throttling, "slow down"));
        }
        if let Some(begun) = &self.hangs {
            begun.notify_one();
            return std::future::pending().await;
        }
        self.largest_read.fetch_max(range.end - range.start, Ordering::Relaxed);
        let bytes = &self.by_name[name];
        Ok(bytes.slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()))
    }

    async fn list(&self) -> Result<Vec<ObjectInfo>> {
        Ok(self.by_name.iter().map(|(name, bytes)| ObjectInfo::new(name, bytes.len() as u64)).collect())
    }

    async fn list_open(&self) -> Result<Vec<Upload>> {
        unreachable!()
    }

    async fn create(&self, _: &str) -> Result<UploadId> {
        unreachable!()
    }

    async fn put_part(&self, _: &Upload, _: UploadPart, _: PutPayload) -> Result<PartTag> {
        unreachable!()
    }

    async fn complete(&self, _: &Upload, _: &[PartTag], _: u64) -> Result<()> {
        unreachable!()
    }

    async fn abort(&self, _: &Upload) -> Result<()> {
        unreachable!()
    }

    async fn delete(&self, _: &str) -> Result<()> {
        unreachable!()
    }

    async fn put_new(&self, _: &str, _: Bytes) -> Result<PutNew> {
        unreachable!()
    }

    async fn replace_if(&self, _: &str, _: Bytes, _: &Version) -> Result<Replaced> {
        unreachable!()
    }

    async fn finish(&self) -> Result<()> {
        unreachable!()
    }
}

/// A snapshot of these data objects, each with its rows.
fn snapshot(format: &str, parts: &[(Bytes, u64)]) -> Objects {
    let mut objects = BTreeMap::new();
    let suffix = format.to_lowercase();
    let receipts: Vec<Value> = (0..)
        .zip(parts)
        .map(|(index, (bytes, rows))| {
            let name = format!("part-{index:05}-1a2b3c4d.{suffix}");
            objects.insert(name.clone(), bytes.clone());
            let checksum = Checksum::crc64_nvme(crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes));
            json!({
                "partition": 0, "index": index, "attempt": "1a2b3c4d", "source_first_row": 0,
                "source_rows": rows, "rows": rows, "name": name, "size": bytes.len(), "checksum": checksum,
            })
        })
        .collect();
    let rows: u64 = parts.iter().map(|(_, rows)| rows).sum();
    let bytes: usize = parts.iter().map(|(bytes, _)| bytes.len()).sum();
    let manifest = json!({
        "format_version": "1.0", "created": "2026-01-01T00:00:00Z", "completed": "2026-01-01T00:00:01Z",
        "snapshot_id": "00112233445566778899aabbccddeeff", "owner": "1a2b3c4d000000000000000000000000",
        "format": format, "parts": receipts, "totals": {"parts": parts.len(), "rows": rows, "bytes": bytes},
        "software": {"name": "test", "version": "0"},
    });
    objects.insert("_manifest.json".to_owned(), manifest.to_string().into());
    objects.insert("_claim.json".to_owned(), "{}".into());
    Objects { by_name: objects, ..Objects::default() }
}

async fn report(objects: Objects) -> Result<VerifyReport> {
    verify(Arc::new(objects)).await
}

/// The names of the faulty objects and what is wrong, in one word each.
fn faults(report: &VerifyReport) -> Vec<(String, Vec<&'static str>)> {
    report
        .faults()
        .map(|object| (object.name.clone(), object.problems.iter().map(Problem::as_str).collect()))
        .collect()
}

fn csv(rows: u64) -> (Bytes, u64) {
    let lines = (0..rows).map(|row| format!("{row},\"line\n{row}\"\n"));
    (["Id,Text\n".to_owned()].into_iter().chain(lines).collect::<Vec<_>>().concat().into(), rows)
}

fn jsonl(rows: u64) -> (Bytes, u64) {
    let lines = (0..rows).map(|row| format!("{{\"Id\":{row},\"Text\":\"a\\nb\"}}\n"));
    (lines.collect::<Vec<_>>().concat().into(), rows)
}

fn orc(rows: u32) -> (Bytes, u64) {
    let ids: Int64Array = (0..i64::from(rows)).map(Some).collect();
    let texts: StringArray = (0..rows).map(|row| Some(format!("text {row}"))).collect();
    let batch =
        RecordBatch::try_from_iter([("Id", Arc::new(ids) as _), ("Text", Arc::new(texts) as _)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriterBuilder::new(&mut bytes, batch.schema()).try_build().unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    (bytes.into(), u64::from(rows))
}

fn sendable<F: Send>(future: F) -> F {
    future
}

fn spoil(objects: &mut Objects, name: &str) {
    let mut bytes = objects.by_name[name].to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    objects.by_name.insert(name.to_owned(), bytes.into());
}

#[tokio::test]
async fn a_whole_snapshot_is_intact_in_every_format() {
    for (format, parts) in [
        ("CSV", vec![csv(3), csv(0), csv(1000)]),
        ("JSONL", vec![jsonl(5), jsonl(0)]),
        ("ORC", vec![orc(20_000), orc(7)]),
    ] {
        let report = report(snapshot(format, &parts)).await.unwrap();
        assert!(report.is_intact() && report.unlisted.is_empty(), "{format}: {report:?}");
        assert_eq!(report.rows(), parts.iter().map(|(_, rows)| rows).sum::<u64>());
        assert_eq!(report.bytes(), parts.iter().map(|(bytes, _)| bytes.len() as u64).sum::<u64>());
    }
}

#[tokio::test]
async fn each_fault_is_found_and_named() {
    let mut objects = snapshot("JSONL", &[jsonl(5), jsonl(6), jsonl(7), jsonl(8)]);
    objects.by_name.remove("part-00000-1a2b3c4d.jsonl");
    spoil(&mut objects, "part-00001-1a2b3c4d.jsonl");
    let longer = [&objects.by_name["part-00002-1a2b3c4d.jsonl"][..], b"\n"].concat();
    objects.by_name.insert("part-00002-1a2b3c4d.jsonl".to_owned(), longer.into());
    let report = report(objects).await.unwrap();
    let found = faults(&report);
    assert_eq!(found[0], ("part-00000-1a2b3c4d.jsonl".to_owned(), vec!["missing"]));
    assert_eq!((found[1].0.as_str(), found[1].1[0]), ("part-00001-1a2b3c4d.jsonl", "checksum"));
    assert_eq!(found[2], ("part-00002-1a2b3c4d.jsonl".to_owned(), vec!["size"]));
    assert_eq!(found.len(), 3, "the last object is whole");
}

#[tokio::test]
async fn a_spoiled_orc_object_is_not_decoded() {
    let mut objects = snapshot("ORC", &[orc(100)]);
    spoil(&mut objects, "part-00000-1a2b3c4d.orc");
    assert_eq!(faults(&report(objects).await.unwrap())[0].1, ["checksum"]);
}

#[tokio::test]
async fn rows_are_counted_and_not_believed() {
    for (format, (bytes, rows)) in [("CSV", csv(10)), ("JSONL", jsonl(10)), ("ORC", orc(10))] {
        let report = report(snapshot(format, &[(bytes, rows + 1)])).await.unwrap();
        let problems = serde_json::to_value(&report.objects[0].problems).unwrap();
        assert_eq!(problems, json!([{"problem": "rows", "expected": 11, "found": 10}]), "{format}");
    }
}

#[tokio::test]
async fn an_object_of_another_format_is_unreadable() {
    for (format, bytes) in [("CSV", "a,b\n1\n"), ("JSONL", "{}\n{\n"), ("ORC", "a,b\n1,2\n")] {
        let report = report(snapshot(format, &[(bytes.into(), 1)])).await.unwrap();
        assert_eq!(faults(&report)[0].1, ["unreadable"], "{format}");
    }
}

#[tokio::test]
async fn data_that_the_manifest_does_not_name_is_a_warning() {
    let mut objects = snapshot("CSV", &[csv(1)]);
    for name in ["part-00001-99999999.csv", "old.jsonl.gz", "x.orc.encrypted", "notes.txt", "csv"] {
        objects.by_name.insert(name.to_owned(), Bytes::new());
    }
    let report = report(objects).await.unwrap();
    assert!(report.is_intact());
    assert_eq!(report.unlisted, ["old.jsonl.gz", "part-00001-99999999.csv", "x.orc.encrypted"]);
}

#[tokio::test]
async fn a_prefix_without_a_manifest_is_no_snapshot() {
    let error = report(Objects::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceNotFound);
}

#[tokio::test]
async fn a_failing_store_is_an_error_and_no_finding() {
    for (format, part) in [("CSV", csv(10)), ("ORC", orc(10))] {
        let objects = Objects { fails_at: Some(0), ..snapshot(format, &[part]) };
        assert_eq!(report(objects).await.unwrap_err().kind(), ErrorKind::Throttling, "{format}");
    }
}

#[tokio::test]
async fn a_dropped_verify_ends_its_reads() {
    let begun = Arc::new(Notify::new());
    let objects = Objects { hangs: Some(Arc::clone(&begun)), ..snapshot("CSV", &[csv(1)]) };
    tokio::select! {
        result = report(objects) => panic!("a read that never ends came back: {result:?}"),
        () = begun.notified() => {}
    }
    // The runtime of this test waits for its blocking threads: it would not end if one still waited.
}

#[tokio::test]
async fn large_objects_are_read_in_ranges() {
    let (line, lines) = (format!("{{\"Id\":\"{}\"}}\n", "x".repeat(990)), 20_000);
    let large = Arc::new(snapshot("JSONL", &[(line.repeat(lines).into(), lines as u64)]));
    assert!(sendable(verify(Arc::clone(&large) as _)).await.unwrap().is_intact());
    assert_eq!(large.largest_read.load(Ordering::Relaxed), 8 << 20);
}

#[tokio::test]
async fn an_orc_object_of_many_blocks_is_read_in_ranges() {
    let noise: Int64Array =
        (0..2_500_000_u64).map(|row| Some(row.wrapping_mul(0x9e37_79b9_7f4a_7c15).cast_signed())).collect();
    let batch = RecordBatch::try_from_iter([("Noise", Arc::new(noise) as _)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriterBuilder::new(&mut bytes, batch.schema())
        .with_stripe_byte_size(9 << 20)
        .try_build()
        .unwrap();
    (0..batch.num_rows()).step_by(8192).for_each(|at| {
        writer.write(&batch.slice(at, 8192.min(batch.num_rows() - at))).unwrap();
    });
    writer.close().unwrap();
    assert!(bytes.len() > 16 << 20, "several blocks: {}", bytes.len());
    let large = Arc::new(snapshot("ORC", &[(bytes.into(), batch.num_rows() as u64)]));
    let report = verify(Arc::clone(&large) as _).await.unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(large.largest_read.load(Ordering::Relaxed), 8 << 20);
}
