//! How ORC is written, as plain values.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Cause, Error};

/// How ORC is written (ORC v1 specification); the defaults suit Hive and Glue tables read by any engine.
///
/// ```
/// use segment_export::{OrcCompression, OrcSettings};
///
/// let mut orc = OrcSettings::default();
/// orc.compression = Some(OrcCompression::Snappy);
/// orc.bloom_columns = vec!["ProfileId".to_owned(), "Address.City".to_owned()];
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct OrcSettings {
    /// What the readers can take; default `lake`.
    pub profile: OrcProfile,
    /// The codec; default: zstd, and zlib in the profile `hive3`.
    pub compression: Option<OrcCompression>,
    /// Bytes of a compression chunk at most, before it is compressed; default 256 KiB, 4 KiB to 8 MiB - 1.
    pub block_bytes: u64,
    /// Rows of a row group, the unit that predicates skip; default 10,000, at least 1,000; 0: no row index.
    pub row_index_stride: u64,
    /// Whether strings are written as dictionaries; default `auto`.
    pub dictionary: OrcDictionary,
    /// Whether runs of integers may be patched (`PATCHED_BASE`); default no.
    ///
    /// A few large values among small ones then take fewer bytes before the codec; of all forms of runs, readers
    /// have had most defects in this one.
    pub patched_base: bool,
    /// Columns that get a bloom filter, by dotted name such as `Address.City`; default: none.
    ///
    /// Integers, floats, decimals, dates, timestamps, strings and bytes can have one.
    pub bloom_columns: Vec<String>,
    /// The share of absent values that a bloom filter takes for present; default 0.01.
    pub bloom_false_positives: f64,
    /// What becomes of unsigned 64-bit integers, which ORC has no type for; default `decimal`.
    pub unsigned64: OrcUnsigned64,
    /// What becomes of times of day and durations, which ORC has no type for; default `refuse`.
    pub times: OrcTimes,
    /// What becomes of a key that a map holds twice; default `keep`.
    pub duplicate_keys: OrcDuplicateKeys,
    /// Names and values that are stored in the footer of each file; default: none.
    ///
    /// Names that begin with `segment-export.` are the writer's own.
    pub user_metadata: BTreeMap<String, String>,
}

impl Default for OrcSettings {
    fn default() -> Self {
        Self {
            profile: OrcProfile::default(),
            compression: None,
            block_bytes: 256 << 10,
            row_index_stride: 10_000,
            dictionary: OrcDictionary::default(),
            patched_base: false,
            bloom_columns: Vec::new(),
            bloom_false_positives: 0.01,
            unsigned64: OrcUnsigned64::default(),
            times: OrcTimes::default(),
            duplicate_keys: OrcDuplicateKeys::default(),
            user_metadata: BTreeMap::new(),
        }
    }
}

impl OrcSettings {
    /// The codec, by the profile where none is set.
    pub fn codec(&self) -> OrcCompression {
        let usual = match self.profile {
            OrcProfile::Lake | OrcProfile::Instant => {
                OrcCompression::Zstd { level: OrcCompression::ZSTD_LEVEL }
            }
            OrcProfile::Hive3 => OrcCompression::Zlib { level: OrcCompression::ZLIB_LEVEL },
        };
        self.compression.unwrap_or(usual)
    }
}

/// Which types and codecs the readers can take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OrcProfile {
    /// zstd, and TIMESTAMP in UTC for every zone: what tables of Hive and Glue declare.
    #[default]
    Lake,
    /// zstd, and `TIMESTAMP_INSTANT` for columns with a zone.
    Instant,
    /// zlib, and TIMESTAMP in UTC for every zone: what Hive 3.1 and ORC 1.5 read.
    Hive3,
}

/// Whether strings are written as dictionaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OrcDictionary {
    /// As they are.
    Never,
    /// As a dictionary in the stripes where that is smaller.
    #[default]
    Auto,
    /// As a dictionary in every stripe.
    Always,
}

/// What becomes of unsigned 64-bit integers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OrcUnsigned64 {
    /// They are written as `decimal(20,0)`.
    #[default]
    Decimal,
    /// A column of them is an error.
    Refuse,
}

/// What becomes of times of day and durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OrcTimes {
    /// A column of them is an error.
    #[default]
    Refuse,
    /// They are written as integers in the unit that they have.
    Integer,
}

/// What becomes of a key that a map holds twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OrcDuplicateKeys {
    /// It is written twice: ORC can hold it, and the reader decides which value it sees.
    #[default]
    Keep,
    /// The export fails and names the column and the row.
    Refuse,
}

/// How ORC compresses: `none`, `zlib`, `snappy`, `lz4` or `zstd`, with a level after a colon, such as `zstd:9`.
///
/// ```
/// use segment_export::OrcCompression;
///
/// assert_eq!("zlib".parse::<OrcCompression>()?, OrcCompression::Zlib { level: 6 });
/// assert_eq!(OrcCompression::Zstd { level: 9 }.to_string(), "zstd:9");
/// # Ok::<(), segment_export::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum OrcCompression {
    /// Not at all.
    None,
    /// Raw deflate.
    Zlib {
        /// From 1, the fastest, to 12, the smallest; default 6.
        level: u8,
    },
    /// Raw Snappy.
    Snappy,
    /// LZ4 blocks.
    Lz4,
    /// zstd frames.
    Zstd {
        /// From 1, the fastest, to 19, the smallest; default 1.
        level: u8,
    },
}

impl OrcCompression {
    pub(crate) const RULE: &str =
        "must be none, snappy, lz4, zlib, zlib:1 to zlib:12, zstd, or zstd:1 to zstd:19";
    const ZLIB_LEVEL: u8 = 6;
    const ZSTD_LEVEL: u8 = 1;

    /// Whether the codec has this level.
    pub(crate) fn is_valid(self) -> bool {
        match self {
            Self::None | Self::Snappy | Self::Lz4 => true,
            Self::Zlib { level } => (1..=12).contains(&level),
            Self::Zstd { level } => (1..=19).contains(&level),
        }
    }
}

impl FromStr for OrcCompression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (codec, level) = text.split_once(':').map_or((text, None), |(codec, level)| (codec, Some(level)));
        let level_or = |usual: u8| level.map_or(Ok(usual), str::parse).ok();
        let parsed = match codec {
            "none" if level.is_none() => Some(Self::None),
            "snappy" if level.is_none() => Some(Self::Snappy),
            "lz4" if level.is_none() => Some(Self::Lz4),
            "zlib" => level_or(Self::ZLIB_LEVEL).map(|level| Self::Zlib { level }),
            "zstd" => level_or(Self::ZSTD_LEVEL).map(|level| Self::Zstd { level }),
            _ => None,
        };
        let broken = || Cause::Setting { name: "orc.compression".to_owned(), rule: Self::RULE.to_owned() };
        parsed.filter(|parsed| parsed.is_valid()).ok_or_else(|| broken().into())
    }
}

impl fmt::Display for OrcCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Snappy => f.write_str("snappy"),
            Self::Lz4 => f.write_str("lz4"),
            Self::Zlib { level } => write!(f, "zlib:{level}"),
            Self::Zstd { level } => write!(f, "zstd:{level}"),
        }
    }
}

impl TryFrom<String> for OrcCompression {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<OrcCompression> for String {
    fn from(compression: OrcCompression) -> Self {
        compression.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_is_text_and_comes_back() {
        for text in ["none", "snappy", "lz4", "zlib:1", "zlib:12", "zstd:1", "zstd:19"] {
            assert_eq!(text.parse::<OrcCompression>().unwrap().to_string(), text);
        }
        for text in ["", "none:1", "lz4:1", "snappy:", "zlib:0", "zlib:13", "zstd:20", "gzip", "ZSTD", "lzo"]
        {
            assert!(text.parse::<OrcCompression>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_profile_chooses_the_codec_that_is_not_set() {
        let hive = OrcSettings { profile: OrcProfile::Hive3, ..OrcSettings::default() };
        assert_eq!(hive.codec(), OrcCompression::Zlib { level: 6 });
        let snappy = OrcSettings { compression: Some(OrcCompression::Snappy), ..hive };
        assert_eq!(snappy.codec(), OrcCompression::Snappy);
        assert_eq!(OrcSettings::default().codec(), OrcCompression::Zstd { level: 1 });
    }
}
