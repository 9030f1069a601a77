//! What the claim and the manifest say of an export: times, settings, columns, fingerprint.

use std::time::{SystemTime, UNIX_EPOCH};

use arrow::datatypes::{DataType, FieldRef};
use arrow::temporal_conversions::timestamp_ms_to_datetime;
use crc_fast::{CrcAlgorithm, checksum};

use super::Exporter;
use crate::error::Result;
use crate::manifest::{Column, Manifest, PartReceipt, ReaderSettings};
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

    /// The manifest of a snapshot of these data objects.
    pub(super) fn manifest(&self, created: String, receipts: &[PartReceipt]) -> Result<Manifest> {
        let mut manifest = Manifest::new(self.owner.clone(), self.format);
        manifest.created = created;
        manifest.completed = now();
        manifest.snapshot_id = self.snapshot_id.to_string();
        manifest.domain = self.domain.as_ref().map(ToString::to_string);
        manifest.segment = self.segment.as_ref().map(ToString::to_string);
        manifest.settings = self.reader_settings()?;
        manifest.columns = self.columns();
        Ok(manifest.with_parts(receipts))
    }

    fn reader_settings(&self) -> Result<ReaderSettings> {
        let mut settings = ReaderSettings::default();
        match self.format {
            Format::Csv => settings.insert("csv", &self.settings.csv)?,
            Format::Jsonl => settings.insert("jsonl", &self.settings.jsonl)?,
            Format::Orc => {}
        }
        if self.settings.compression != Compression::None {
            settings.insert("compression", &self.settings.compression)?;
        }
        Ok(settings)
    }

    fn columns(&self) -> Vec<Column> {
        let mut columns = Vec::new();
        for (field, source) in self.shape.schema().fields().iter().zip(self.shape.selected().fields()) {
            let first = columns.len();
            if self.format == Format::Csv {
                let field = std::slice::from_ref(field);
                flatten(field, &self.settings.csv.flatten_separator, &Above::default(), &mut columns);
            } else {
                let (data_type, path) = (field.data_type().to_string(), vec![source.name().clone()]);
                columns.push(Column::new(field.name(), data_type, field.is_nullable(), path));
            }
            for column in &mut columns[first..] {
                column.source[0].clone_from(source.name());
            }
        }
        columns
    }
}

/// The structs around a field.
#[derive(Clone, Default)]
struct Above {
    path: Vec<String>,
    is_nullable: bool,
}

/// Structs as the columns that CSV makes of them, outermost name first.
fn flatten(fields: &[FieldRef], separator: &str, above: &Above, columns: &mut Vec<Column>) {
    for field in fields {
        let mut at = above.clone();
        at.path.push(field.name().clone());
        at.is_nullable |= field.is_nullable();
        if let DataType::Struct(children) = field.data_type() {
            flatten(children, separator, &at, columns);
        } else {
            let name = at.path.join(separator);
            columns.push(Column::new(name, field.data_type().to_string(), at.is_nullable, at.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Field, Fields};

    use super::*;

    #[test]
    fn the_time_is_written_as_rfc_3339() {
        let now = now();
        assert!(now.len() == 24 && now.ends_with('Z') && now.as_bytes()[10] == b'T', "{now}");
    }

    #[test]
    fn a_field_of_a_nullable_struct_is_nullable() {
        let inner: Fields = vec![Field::new("City", DataType::Utf8, false)].into();
        let fields: Fields = vec![Field::new("Address", DataType::Struct(inner), true)].into();
        let mut columns = Vec::new();
        flatten(&fields, ".", &Above::default(), &mut columns);
        let expected = vec!["Address".to_owned(), "City".to_owned()];
        assert_eq!(columns, [Column::new("Address.City", "Utf8", true, expected)]);
    }
}
