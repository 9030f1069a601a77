//! How text is compressed: a codec and its level, as one plain value.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Cause, Error};

/// How text is compressed: `none`, `gzip` or `zstd`, as text with a level after a colon, such as `zstd:9`.
///
/// A chunk is a gzip member (RFC 1952) or a zstd frame (RFC 8878) of its own, so that all threads compress.
///
/// ```
/// use segment_export::Compression;
///
/// assert_eq!("gzip".parse::<Compression>()?, Compression::Gzip { level: 6 });
/// assert_eq!(Compression::Zstd { level: 9 }.to_string(), "zstd:9");
/// # Ok::<(), segment_export::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Compression {
    /// As it is.
    #[default]
    None,
    /// gzip, suffix `.gz`.
    Gzip {
        /// From 1, the fastest, to 12, the smallest; default 6.
        level: u8,
    },
    /// zstd, suffix `.zst`.
    Zstd {
        /// From 1, the fastest, to 19, the smallest; default 3.
        level: u8,
    },
}

/// The highest levels; those of zstd above need hundreds of MiB.
const MAX_GZIP_LEVEL: u8 = 12;
const MAX_ZSTD_LEVEL: u8 = 19;

impl Compression {
    pub(crate) const RULE: &str = "must be none, gzip, gzip:1 to gzip:12, zstd, or zstd:1 to zstd:19";

    /// Whether the codec has this level.
    pub(crate) fn is_valid(self) -> bool {
        match self {
            Self::None => true,
            Self::Gzip { level } => (1..=MAX_GZIP_LEVEL).contains(&level),
            Self::Zstd { level } => (1..=MAX_ZSTD_LEVEL).contains(&level),
        }
    }

    /// The level, if this is zstd.
    pub(crate) fn zstd_level(self) -> Option<u8> {
        if let Self::Zstd { level } = self { Some(level) } else { None }
    }

    /// What it adds to the name of a data object, such as `.gz`.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip { .. } => ".gz",
            Self::Zstd { .. } => ".zst",
        }
    }
}

impl FromStr for Compression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (codec, level) = text.split_once(':').map_or((text, None), |(codec, level)| (codec, Some(level)));
        let level = |usual: u8| level.map_or(Ok(usual), str::parse).ok();
        let parsed = match codec {
            "none" if text == "none" => Some(Self::None),
            "gzip" => level(6).map(|level| Self::Gzip { level }),
            "zstd" => level(3).map(|level| Self::Zstd { level }),
            _ => None,
        };
        let broken = || Cause::Setting { name: "compression".to_owned(), rule: Self::RULE.to_owned() };
        parsed.filter(|parsed| parsed.is_valid()).ok_or_else(|| broken().into())
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Gzip { level } => write!(f, "gzip:{level}"),
            Self::Zstd { level } => write!(f, "zstd:{level}"),
        }
    }
}

impl TryFrom<String> for Compression {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Compression> for String {
    fn from(compression: Compression) -> Self {
        compression.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_is_text_and_comes_back() {
        for text in ["none", "gzip:1", "gzip:12", "zstd:1", "zstd:19"] {
            assert_eq!(text.parse::<Compression>().unwrap().to_string(), text);
        }
        assert_eq!("zstd".parse::<Compression>().unwrap(), Compression::Zstd { level: 3 });
        for text in ["", "none:1", "gzip:0", "gzip:13", "gzip:", "zstd:20", "zstd:-1", "zlib", "Gzip", "gz"] {
            assert!(text.parse::<Compression>().is_err(), "{text}");
        }
        assert_eq!(
            serde_json::from_str::<Compression>("\"zstd:7\"").unwrap(),
            Compression::Zstd { level: 7 }
        );
    }
}
