//! The kinds of files, told by their names.
//!
//! A source has one kind: rows of two kinds have no order that a reader could expect, nor one set of types.

use crate::error::{Cause, Result};
use crate::source::found::Found;

/// A kind of files that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `.parquet`
    Parquet,
    /// `.arrow`, `.feather`, `.ipc` and `.arrows`: which of the two formats it is the first bytes tell.
    Ipc,
    /// `.jsonl`, `.ndjson` and `.json`: a record on each line.
    Jsonl,
    /// `.csv`
    Csv,
}

/// Endings of compressed files, which are not unpacked.
const COMPRESSED: [&str; 7] = ["gz", "zst", "bz2", "xz", "lz4", "snappy", "zip"];

impl Kind {
    fn of(name: &str) -> Option<Self> {
        match extension(name)?.as_str() {
            "parquet" => Some(Self::Parquet),
            "arrow" | "arrows" | "feather" | "ipc" => Some(Self::Ipc),
            "jsonl" | "ndjson" | "json" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// Whether a file of a directory belongs to a source.
///
/// Compressed ones do, so that they are refused and not passed over.
pub(super) fn is_wanted(name: &str) -> bool {
    let packed = || without_compression(name).is_some_and(|inner| Kind::of(inner).is_some());
    Kind::of(name).is_some() || packed()
}

/// The kind of all these files; a file whose name tells nothing is taken for Parquet.
///
/// # Errors
///
/// When they are of two kinds, or one cannot be read at all.
pub(super) fn of_all(files: &[Found]) -> Result<Kind> {
    let mut first: Option<(Kind, &Found)> = None;
    for file in files {
        let kind = of_file(&file.name)?;
        match first {
            Some((expected, other)) if kind != expected => {
                return Err(Cause::MixedKinds { first: other.name.clone(), second: file.name.clone() }.into());
            }
            Some(_) => {}
            None => first = Some((kind, file)),
        }
    }
    match first {
        Some((kind, _)) => Ok(kind),
        None => Err(Cause::SourceEmpty { path: "no place was given".to_owned() }.into()),
    }
}

fn of_file(name: &str) -> Result<Kind> {
    let what = match extension(name).as_deref() {
        Some("orc") => format!("reading an ORC file ({name})"),
        Some("tsv") => format!("reading a TSV file ({name})"),
        _ if without_compression(name).is_some() => format!("reading a compressed file ({name})"),
        _ => return Ok(Kind::of(name).unwrap_or(Kind::Parquet)),
    };
    Err(Cause::NotAvailable { what }.into())
}

fn without_compression(name: &str) -> Option<&str> {
    let (inner, _) = name.rsplit_once('.')?;
    extension(name).filter(|ending| COMPRESSED.contains(&ending.as_str())).map(|_| inner)
}

fn extension(name: &str) -> Option<String> {
    let last = name.rsplit(['/', std::path::MAIN_SEPARATOR]).next()?;
    Some(last.rsplit_once('.')?.1.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_kind_in_any_case() {
        for (name, kind) in [
            ("a.parquet", Some(Kind::Parquet)),
            ("dir/a.Arrow", Some(Kind::Ipc)),
            ("s3://b/a.arrows", Some(Kind::Ipc)),
            ("a.b.NDJSON", Some(Kind::Jsonl)),
            ("a.json", Some(Kind::Jsonl)),
            ("a.csv", Some(Kind::Csv)),
            ("dir.csv/a", None),
            ("notes.txt", None),
        ] {
            assert_eq!(Kind::of(name), kind, "{name}");
        }
    }

    #[test]
    fn compressed_files_are_wanted_so_that_they_are_refused() {
        assert!(is_wanted("a.csv.gz") && is_wanted("a.jsonl.zst") && !is_wanted("a.txt.gz"));
        let error = of_file("a.csv.gz").unwrap_err();
        assert_eq!(error.to_string(), "reading a compressed file (a.csv.gz) is not available yet");
    }
}
