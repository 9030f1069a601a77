//! What the claim and the manifest say of an export: times, settings, columns, fingerprint.

use std::time::{SystemTime, UNIX_EPOCH};

use arrow::temporal_conversions::timestamp_ms_to_datetime;
use crc_fast::{CrcAlgorithm, checksum};

use super::Exporter;
use super::parts::PartNames;
use crate::encode::{HeaderCell, header_for};
use crate::error::Result;
use crate::manifest::{Column, Encryption, Manifest, PartReceipt, ReaderSettings};
use crate::plan::Format;
use crate::settings::{Compression, Settings, UploadSettings};

/// The time now, as RFC 3339 in UTC with milliseconds.
pub(crate) fn now() -> String {
    #[expect(clippy::disallowed_methods, reason = "claim and manifest say when; no data object does")]
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
    timestamp_ms_to_datetime(millis)
        .map_or_else(String::new, |time| time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

impl Exporter {
    /// What tells this export's output from another's: the settings that decide bytes, the columns, the source.
    pub(super) fn fingerprint(&self) -> String {
        let deciding = Settings {
            threads: 0,
            memory_budget: 0,
            upload: UploadSettings::default(),
            retry: crate::settings::RetrySettings::default(),
            ..self.settings.clone()
        };
        let text = format!(
            "{} {deciding:?} {:?} {:?}",
            self.format,
            self.shape.schema().fields(),
            self.source.fingerprint()
        );
        format!("{:016x}", checksum(CrcAlgorithm::Crc64Nvme, text.as_bytes()))
    }

    /// What the data objects are called.
    pub(super) fn part_names(&self) -> PartNames {
        let sealed = if self.sealing.is_some() { ".encrypted" } else { "" };
        let suffix = format!("{}{}{sealed}", self.format.suffix(), self.settings.compression.suffix());
        PartNames { owner: self.owner.clone(), suffix }
    }

    /// The manifest of a snapshot of these data objects.
    pub(super) fn manifest(&self, created: String, receipts: &[PartReceipt]) -> Result<Manifest> {
        let mut manifest = Manifest::new(self.owner.clone(), self.format);
        manifest.created = created;
        manifest.completed = now();
        manifest.snapshot_id = self.snapshot_id.to_string();
        manifest.domain = self.domain.as_ref().map(ToString::to_string);
        manifest.segment = self.segment.as_ref().map(ToString::to_string);
        manifest.settings = self.reader_settings()?;
        manifest.columns = self.columns()?;
        manifest.encryption = self.encryption();
        Ok(manifest.with_parts(receipts))
    }

    /// How the data objects are encrypted: by us, by the store, or by both.
    fn encryption(&self) -> Option<Encryption> {
        let sealed = self.sealing.as_ref().map(|sealing| sealing.describe());
        match &self.access.sse_kms {
            Some(key) => Some(sealed.unwrap_or_default().with_sse_kms(key.to_string())),
            None => sealed,
        }
    }

    fn reader_settings(&self) -> Result<ReaderSettings> {
        let mut settings = ReaderSettings::default();
        match self.format {
            Format::Csv => settings.insert("csv", &self.settings.csv)?,
            Format::Jsonl => settings.insert("jsonl", &self.settings.jsonl)?,
            Format::Orc => settings.insert("orc", &self.settings.orc)?,
        }
        if self.settings.compression != Compression::None {
            settings.insert("compression", &self.settings.compression)?;
        }
        Ok(settings)
    }

    /// The columns as a reader finds them, and where they stand in the source under its own names.
    fn columns(&self) -> Result<Vec<Column>> {
        let (written, source) = (self.shape.schema(), self.shape.selected());
        let cells = header_for(self.format, written, &self.settings)?.into_iter();
        let column = |HeaderCell { name, mut path, data_type, is_nullable }: HeaderCell| {
            if let Some((index, _)) = written.column_with_name(&path[0]) {
                path[0].clone_from(source.field(index).name());
            }
            Column::new(name, data_type.to_string(), is_nullable, path)
        };
        Ok(cells.map(column).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_written_as_rfc_3339() {
        let now = now();
        assert!(now.len() == 24 && now.ends_with('Z') && now.as_bytes()[10] == b'T', "{now}");
    }
}
