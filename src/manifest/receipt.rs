//! Receipts of data objects, and the proof that they hold every row once.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{OwnerNonce, SealedPart};
use crate::error::{Cause, Error, Result};
use crate::upload::{PartTag, Upload, Uploaded};

/// One data object: which rows it holds, and how it can be told that it is whole.
///
/// It holds no values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartReceipt {
    /// The partition of the source that its rows come from.
    pub partition: u32,
    /// Its number in the snapshot, in the order of the rows.
    pub index: u32,
    /// The mark of the attempt that wrote it.
    pub attempt: String,
    /// The first row that it was made of, counted from the start of the partition.
    pub source_first_row: u64,
    /// How many rows it was made of.
    pub source_rows: u64,
    /// How many rows it holds.
    pub rows: u64,
    /// Its name, relative to the manifest.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// The checksum of its bytes.
    pub checksum: Checksum,
    /// What is in it, if it is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<SealedPart>,
    /// The upload that is not completed yet; never in a manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<OpenUpload>,
}

impl PartReceipt {
    /// The receipt of an uploaded data object, its rows still unsaid.
    pub fn new(index: u32, owner: &OwnerNonce, uploaded: Uploaded) -> Self {
        let Uploaded { upload, tags, size, crc64_nvme } = uploaded;
        Self {
            partition: 0,
            index,
            attempt: owner.attempt().to_owned(),
            source_first_row: 0,
            source_rows: 0,
            rows: 0,
            name: upload.name.clone(),
            size,
            checksum: Checksum::crc64_nvme(crc64_nvme),
            sealed: None,
            open: Some(OpenUpload { upload, tags }),
        }
    }

    /// Takes the rows that the object was made of; it holds as many.
    #[must_use]
    pub fn with_rows(mut self, partition: u32, first: u64, rows: u64) -> Self {
        (self.partition, self.source_first_row, self.source_rows, self.rows) = (partition, first, rows, rows);
        self
    }

    /// Takes what is in the object, if it is sealed.
    #[must_use]
    pub fn with_sealed(mut self, sealed: Option<SealedPart>) -> Self {
        self.sealed = sealed;
        self
    }

    pub(super) fn without_upload(&self) -> Self {
        Self { open: None, ..self.clone() }
    }
}

/// What completes an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OpenUpload {
    /// The upload.
    pub upload: Upload,
    /// What the store answered for its parts, in their order.
    pub tags: Vec<PartTag>,
}

/// The checksum of a data object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Checksum {
    /// The algorithm, such as `CRC64NVME`.
    pub algorithm: String,
    /// Its value in base64, most significant byte first, as S3 reports it.
    pub value: String,
}

impl Checksum {
    /// A CRC-64/NVME.
    ///
    /// ```
    /// use segment_export::manifest::Checksum;
    ///
    /// assert_eq!(Checksum::crc64_nvme(0xAE8B_1486_0A79_9888).value, "rosUhgp5mIg=");
    /// ```
    pub fn crc64_nvme(value: u64) -> Self {
        Self { algorithm: "CRC64NVME".to_owned(), value: STANDARD.encode(value.to_be_bytes()) }
    }
}

/// Proves that data objects hold every row of every partition once, in order, under names of their own.
///
/// `partition_rows` has the rows of each partition.
///
/// # Errors
///
/// When a row is missing or there twice, or two objects have one name or number.
pub fn check_coverage(receipts: &[PartReceipt], partition_rows: &[u64]) -> Result<()> {
    let mut names = BTreeSet::new();
    if let Some(twice) = receipts.iter().find(|receipt| !names.insert(receipt.name.as_str())) {
        return Err(uncovered(format!("two objects have one name: {}", twice.name)));
    }
    let mut ordered: Vec<&PartReceipt> = receipts.iter().collect();
    ordered.sort_by_key(|receipt| receipt.index);
    let in_order =
        |pair: &[&PartReceipt]| pair[0].index < pair[1].index && pair[0].partition <= pair[1].partition;
    if let Some(pair) = ordered.windows(2).find(|pair| !in_order(pair)) {
        return Err(uncovered(format!("two objects are out of order: {} {}", pair[0].name, pair[1].name)));
    }
    check_rows(&ordered, partition_rows)
}

/// Each object must begin where the one before it ended, and the last of a partition end where it does.
fn check_rows(ordered: &[&PartReceipt], partition_rows: &[u64]) -> Result<()> {
    let mut ends = vec![0_u64; partition_rows.len()];
    for receipt in ordered {
        let (partition, first) = (receipt.partition, receipt.source_first_row);
        let Some(end) = ends.get_mut(partition as usize) else {
            return Err(uncovered(format!("there is no such partition: partition={partition}")));
        };
        if first != *end {
            return Err(uncovered(format!("partition={partition} expected={end} found={first}")));
        }
        *end = end.saturating_add(receipt.source_rows);
    }
    for (partition, (rows, end)) in partition_rows.iter().zip(ends).enumerate() {
        if *rows != end {
            return Err(uncovered(format!("partition={partition} rows={rows} found={end}")));
        }
    }
    Ok(())
}

fn uncovered(what: String) -> Error {
    Cause::Coverage { what }.into()
}
