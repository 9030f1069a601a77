//! Every tunable of an export, as one plain value.
//!
//! What decides bytes and what does not is kept apart: `chunk_*`, `stripe_*`, `part_*`, the dialects and the
//! columns decide the bytes of the output; `threads`, `memory_budget`, [`UploadSettings`] and
//! [`RetrySettings`] never do. Nothing is checked here: `Exporter::build` checks everything at once.

mod compression;
mod orc;
mod seal;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::compression::Compression;
pub use self::orc::{
    OrcCompression, OrcDictionary, OrcDuplicateKeys, OrcProfile, OrcSettings, OrcTimes, OrcUnsigned64,
};
pub use self::seal::SealSettings;

/// The settings of one export; `Settings::default()` is right for most.
///
/// ```
/// use segment_export::Settings;
///
/// let mut settings = Settings::default();
/// settings.threads = 2;
/// settings.part_rows = Some(100_000);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Threads of the export's own pool; default 0: as many as the machine has.
    pub threads: usize,
    /// Bytes of everything in flight; default 128 MiB, which keeps the process under 256 MiB.
    pub memory_budget: u64,
    /// Logical bytes of a text chunk, about, the unit of parallel work; default 1 MiB, which fits the caches.
    pub chunk_bytes: u64,
    /// Rows of a text chunk at most; default 65,536.
    pub chunk_rows: u64,
    /// Logical bytes of an ORC stripe, about; default 20 MiB, of which the default budget holds two at a time.
    pub stripe_bytes: u64,
    /// Rows of an ORC stripe at most; default 1,000,000.
    pub stripe_rows: u64,
    /// Bytes of a data object at most; default 256 MiB for text and 512 MiB for ORC.
    ///
    /// An object of a single chunk may be larger.
    pub part_bytes: Option<u64>,
    /// Rows of a data object at most; default: no limit.
    pub part_rows: Option<u64>,
    /// Whether everything goes into one data object; default false.
    pub single_part: bool,
    /// The top-level columns to write, in this order; default: all, in the order of the source.
    pub columns: Option<Vec<String>>,
    /// Names of the source's top-level columns that get another one in the output; default: none.
    pub rename: BTreeMap<String, String>,
    /// How text is compressed; default: not at all. ORC compresses inside its stripes.
    pub compression: Compression,
    /// Whether a zstd object is one frame, for readers that stop after the first; default false.
    ///
    /// One thread compresses then, at level 9 at most; `part_bytes` limits the text, not the object.
    pub single_frame: bool,
    /// How CSV is written.
    pub csv: CsvSettings,
    /// How JSON lines are written.
    pub jsonl: JsonlSettings,
    /// How ORC is written.
    pub orc: OrcSettings,
    /// How data objects are sealed.
    pub seal: SealSettings,
    /// How data objects are uploaded.
    pub upload: UploadSettings,
    /// How failed requests are tried again.
    pub retry: RetrySettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threads: 0,
            memory_budget: 128 << 20,
            chunk_bytes: 1 << 20,
            chunk_rows: 65_536,
            stripe_bytes: 20 << 20,
            stripe_rows: 1_000_000,
            part_bytes: None,
            part_rows: None,
            single_part: false,
            columns: None,
            rename: BTreeMap::new(),
            compression: Compression::None,
            single_frame: false,
            csv: CsvSettings::default(),
            jsonl: JsonlSettings::default(),
            orc: OrcSettings::default(),
            seal: SealSettings::default(),
            upload: UploadSettings::default(),
            retry: RetrySettings::default(),
        }
    }
}

/// How CSV is written (RFC 4180): NULL is an empty cell, an empty string is `""`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CsvSettings {
    /// What joins the names of a struct column and its fields; default `.`, as in `Address.City`.
    pub flatten_separator: String,
    /// Whether two names that differ in case only are refused, as readers that ignore case need it; default
    /// false.
    pub case_insensitive_names: bool,
    /// Keys of maps that become columns, instead of the map's cell of JSON; default: none.
    ///
    /// A map is named as its cell would be, such as `Attributes`; its keys become columns such as
    /// `Attributes.tier`, in this order. A row that has not the key is NULL there. Keys that are not listed are
    /// not written.
    pub map_columns: BTreeMap<String, Vec<String>>,
}

impl Default for CsvSettings {
    fn default() -> Self {
        Self {
            flatten_separator: ".".to_owned(),
            case_insensitive_names: false,
            map_columns: BTreeMap::new(),
        }
    }
}

/// How JSON lines are written: one object a line, keys in the order of the columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct JsonlSettings {
    /// Whether a NULL is written as `null`; default false: its key is left out.
    pub explicit_nulls: bool,
    /// What becomes of NaN and the infinities, which JSON cannot hold; default: an error.
    pub non_finite: NonFinite,
    /// How 64-bit integers and decimals are written; default: as numbers.
    pub wide_numbers: WideNumbers,
}

/// What becomes of a number that is not finite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NonFinite {
    /// The export fails and names the column and the row.
    #[default]
    Error,
    /// `null` is written.
    Null,
}

/// How numbers are written that a double cannot hold exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WideNumbers {
    /// As JSON numbers with all their digits.
    #[default]
    Number,
    /// As JSON strings, for readers that take every number as a double.
    String,
}

/// How data objects are uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct UploadSettings {
    /// Bytes of an upload part; default: an eighth of the memory budget, from 5 to 16 MiB; on local disk a 256th,
    /// from 256 to 512 KiB.
    pub part_bytes: Option<u64>,
    /// Upload parts in flight at once, over all data objects; default 4.
    pub concurrency: usize,
    /// Data objects completed at once at the commit; default 16.
    pub complete_concurrency: usize,
}

impl Default for UploadSettings {
    fn default() -> Self {
        Self { part_bytes: None, concurrency: 4, complete_concurrency: 16 }
    }
}

/// How failed requests are tried again, and how long one may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetrySettings {
    /// Attempts of one request at most, the first included; default 5.
    pub attempts: u32,
    /// Milliseconds before the second attempt, doubled for each further one; default 100.
    pub backoff_ms: u64,
    /// Milliseconds between two attempts at most; default 10,000.
    pub max_backoff_ms: u64,
    /// Milliseconds that one attempt of a request may take, its body included; default 120,000. An upload part gets
    /// as much for each 16 MiB that it begins.
    pub timeout_ms: u64,
    /// Milliseconds that connecting may take; default 5,000.
    pub connect_timeout_ms: u64,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            attempts: 5,
            backoff_ms: 100,
            max_backoff_ms: 10_000,
            timeout_ms: 120_000,
            connect_timeout_ms: 5_000,
        }
    }
}

impl RetrySettings {
    /// The pause before attempt `attempt`, counted from 1; the first one waits for nothing.
    pub fn backoff(&self, attempt: u32) -> Duration {
        if attempt <= 1 {
            return Duration::ZERO;
        }
        let factor = 1_u64.checked_shl(attempt - 2).unwrap_or(u64::MAX);
        Duration::from_millis(self.backoff_ms.saturating_mul(factor).min(self.max_backoff_ms))
    }

    /// The time that one attempt may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// The time that one attempt may take which sends this many bytes.
    pub fn timeout_of(&self, bytes: u64) -> Duration {
        Duration::from_millis(self.timeout_ms.saturating_mul(bytes.div_ceil(16 << 20).max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_part_has_more_time() {
        let retry = RetrySettings { timeout_ms: 100, ..RetrySettings::default() };
        let times =
            [0, 1, 16 << 20, (16 << 20) + 1, 5 << 30].map(|bytes| retry.timeout_of(bytes).as_millis());
        assert_eq!(times, [100, 100, 100, 200, 32_000]);
    }

    #[test]
    fn the_pause_doubles_up_to_its_limit() {
        let retry = RetrySettings { backoff_ms: 100, max_backoff_ms: 500, ..RetrySettings::default() };
        let pauses: Vec<_> = [1, 2, 3, 4, 5, 90].map(|n| retry.backoff(n).as_millis()).into();
        assert_eq!(pauses, [0, 100, 200, 400, 500, 500]);
    }
}
