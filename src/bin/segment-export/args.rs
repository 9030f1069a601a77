//! The arguments, as the design lays them down: other programs call this.
//!
//! What clap itself refuses it quotes, so that what may hold a credential, a place, is parsed later.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use segment_export::plan::{DomainName, RoleArn, SegmentName, SnapshotId};
use segment_export::{Compression, Format, OrcCompression};

use crate::assignment::Assignment;

/// Writes customer segments out: CSV, JSON lines or ORC, in parallel, all or nothing.
#[derive(Debug, Parser)]
#[command(name = "segment-export", version, arg_required_else_help = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Writes a segment out as a snapshot.
    Export(Box<ExportArgs>),
    /// Reads a snapshot and says whether it is whole.
    Verify(VerifyArgs),
    /// Decrypts one object of a snapshot.
    Decrypt(DecryptArgs),
    /// Removes what an export left that did not complete.
    Abort(AbortArgs),
    /// Serves the API over HTTP (not available yet).
    Serve(ServeArgs),
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct ExportArgs {
    /// Parquet, Arrow IPC, JSONL or CSV files, directories of them (read in name order), or URIs.
    #[arg(long, required = true, num_args = 1.., value_name = "PATH_OR_URI")]
    pub(crate) source: Vec<OsString>,

    /// The columns of JSONL and CSV sources: a JSON list of `name`, `type` and `nullable`, or a manifest [default: guessed].
    #[arg(long, value_name = "FILE.json")]
    pub(crate) source_schema: Option<PathBuf>,

    /// Where the snapshot's own directory is made.
    #[arg(long, value_name = "PATH_OR_URI")]
    pub(crate) destination: OsString,

    /// The format of the data objects.
    #[arg(long, ignore_case = true)]
    pub(crate) format: FormatArg,

    /// The domain of the segment, for the manifest.
    #[arg(long)]
    pub(crate) domain: Option<DomainName>,

    /// The segment, for the manifest.
    #[arg(long)]
    pub(crate) segment: Option<SegmentName>,

    /// The id of the snapshot [default: random].
    #[arg(long, value_name = "HEX32")]
    pub(crate) snapshot_id: Option<SnapshotId>,

    /// Threads that encode [default: as many as the machine has].
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,

    /// none|gzip|zstd[:LEVEL] for CSV and JSONL [default: none], none|zlib|snappy|lz4|zstd[:LEVEL] for ORC [default: zstd].
    #[arg(long, value_name = "CODEC")]
    pub(crate) compression: Option<Codec>,

    /// Rows of a data object at most.
    #[arg(long, value_name = "N")]
    pub(crate) part_rows: Option<u64>,

    /// Bytes of a data object at most, also with KiB, MiB or GiB [default: 256MiB; ORC 512MiB].
    #[arg(long, value_name = "N", value_parser = parse_bytes)]
    pub(crate) part_bytes: Option<u64>,

    /// Write one data object, whatever its size.
    #[arg(long)]
    pub(crate) single_part: bool,

    /// The columns to write, in this order [default: all].
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    pub(crate) columns: Option<Vec<String>>,

    /// A setting by its dotted name, with a TOML value: `--set jsonl.explicit_nulls=true`.
    ///
    /// A name that holds dots is quoted: `--set 'csv.map_columns."Address.Notes"=["floor"]'`.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<Assignment>,

    /// A file of settings; `--set` and other arguments win over it.
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) settings: Option<PathBuf>,

    /// A key to encrypt with: one of KMS by ARN, id or alias, or a file; given again, one more that can decrypt.
    #[arg(long, value_name = "KMS_KEY|local:KEYFILE")]
    pub(crate) encryption_key: Vec<String>,

    /// Who encrypts: `sse-kms` is the store, under one key of KMS [default with a key: envelope].
    #[arg(long)]
    pub(crate) encryption: Option<EncryptionMode>,

    /// A role to assume for the destination and the keys of KMS; the source is read without it.
    #[arg(long, value_name = "ARN")]
    pub(crate) role_arn: Option<RoleArn>,

    /// The external id that the owner of the role asks for.
    #[arg(long, value_name = "ID")]
    pub(crate) external_id: Option<String>,

    /// Take the snapshot id over from an export that is dead.
    #[arg(long)]
    pub(crate) takeover: bool,

    /// Go on where an interrupted export ended (not available yet).
    #[arg(long)]
    pub(crate) resume: bool,

    /// Whether a progress bar is shown: `auto` shows one on a terminal.
    #[arg(long, default_value = "auto")]
    pub(crate) progress: ProgressMode,

    /// Print the manifest.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The snapshot: a path or URI.
    #[arg(value_name = "DESTINATION/SNAPSHOT")]
    pub(crate) snapshot: OsString,

    /// A key that the snapshot is encrypted with.
    #[arg(long, value_name = "KMS_KEY|local:KEYFILE")]
    pub(crate) encryption_key: Vec<String>,

    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DecryptArgs {
    /// The object: a path, a URI, or `-` for standard input.
    pub(crate) object: OsString,

    /// A key that it is encrypted with.
    #[arg(long, required = true, value_name = "KMS_KEY|local:KEYFILE")]
    pub(crate) encryption_key: Vec<String>,

    /// Where the plain bytes go: a new file, removed on failure, or `-` for standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct AbortArgs {
    /// The snapshot: a path or URI.
    #[arg(value_name = "DESTINATION/SNAPSHOT")]
    pub(crate) snapshot: OsString,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where the segments are listed.
    #[arg(long, value_name = "URI")]
    catalog: String,

    /// Where jobs are kept.
    #[arg(long, value_name = "sqlite:PATH|postgres://…")]
    store: String,

    /// The address to listen on.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: String,

    /// What a destination may begin with.
    #[arg(long, value_name = "PREFIX")]
    allow_destination: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum FormatArg {
    Csv,
    Jsonl,
    Orc,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Csv => Self::Csv,
            FormatArg::Jsonl => Self::Jsonl,
            FormatArg::Orc => Self::Orc,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EncryptionMode {
    Envelope,
    SseKms,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressMode {
    Auto,
    Never,
}

/// A codec and, after a colon, its level; text has some codecs and ORC others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Codec {
    /// What it is for CSV and JSONL.
    pub(crate) text: Option<Compression>,
    /// What it is for ORC.
    pub(crate) orc: Option<OrcCompression>,
}

impl FromStr for Codec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const RULE: &str = "must be none, gzip[:1 to 12], zstd[:1 to 19], zlib[:1 to 12], snappy or lz4";
        let codec = Self { text: text.parse().ok(), orc: text.parse().ok() };
        if codec.text.is_none() && codec.orc.is_none() { Err(RULE.to_owned()) } else { Ok(codec) }
    }
}

fn parse_bytes(text: &str) -> Result<u64, String> {
    const RULE: &str = "must be a number of bytes, such as 1000000 or 64MiB";
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let unit = units.iter().find_map(|(name, shift)| Some((text.strip_suffix(name)?, *shift)));
    let (number, shift) = unit.unwrap_or((text, 0));
    let number: u64 = number.trim_end().parse().map_err(|_wrong| RULE.to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| RULE.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn bytes_may_have_a_unit() {
        let parsed = ["7", "1KiB", "64 MiB", "2GiB"].map(|text| parse_bytes(text).unwrap());
        assert_eq!(parsed, [7, 1 << 10, 64 << 20, 2 << 30]);
        for text in ["", "MiB", "-1", "1MB", "1.5GiB", "99999999999GiB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_codec_may_have_a_level() {
        let codec = |text: &str| text.parse::<Codec>().unwrap();
        assert_eq!(codec("none"), Codec { text: Some(Compression::None), orc: Some(OrcCompression::None) });
        let (text, orc) = (Compression::Zstd { level: 9 }, OrcCompression::Zstd { level: 9 });
        assert_eq!(codec("zstd:9"), Codec { text: Some(text), orc: Some(orc) });
        assert_eq!(codec("lz4"), Codec { text: None, orc: Some(OrcCompression::Lz4) });
        assert_eq!(codec("gzip"), Codec { text: Some(Compression::Gzip { level: 6 }), orc: None });
        for text in ["", "none:1", "gzip:", "gzip:x", "gzip:13", "zstd:-3", "brotli", "GZIP"] {
            assert!(text.parse::<Codec>().is_err(), "{text}");
        }
    }
}
