//! The program as other programs see it: exit codes, one-line errors, and what is on which stream.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

mod end_to_end;
mod killed;
mod sealed;
mod sources;

/// A directory to run in, with a place for a source.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("empty.parquet"), []).unwrap();
        Self { directory }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn run(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
        Command::new(env!("CARGO_BIN_EXE_segment-export"))
            .args(args)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs `export` with these arguments beside the usual ones.
    fn export(&self, more: &[&str]) -> Output {
        let usual = ["export", "--source", "empty.parquet", "--destination", "out", "--format", "csv"];
        self.run(usual.iter().chain(more))
    }

    fn files(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The one line on standard error, without `error: `.
#[track_caller]
fn error_line(output: &Output, code: i32) -> String {
    let line = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{line}");
    assert_eq!(output.stdout, b"");
    assert!(line.ends_with('\n') && line.lines().count() == 1, "one line: {line:?}");
    line.trim_end().strip_prefix("error: ").unwrap().to_owned()
}

#[test]
fn bad_usage_is_one_line_and_writes_nothing() {
    let place = Place::new();
    let cases: &[(&[&str], &str)] = &[
        (&["--nope"], "unexpected argument '--nope'"),
        (&["--format", "xml"], "cannot be used multiple times"),
        (&["--domain", "a b"], "DomainName must have 1 to 64 characters"),
        (&["--segment", ""], "SegmentDefinitionName must have 1 to 64 characters"),
        (&["--snapshot-id", "xyz"], "SnapshotId must have 32 characters"),
        (&["--threads", "two"], "--threads"),
        (&["--part-rows", "many"], "--part-rows"),
        (&["--part-bytes", "1MB"], "--part-bytes"),
        (&["--compression", "brotli"], "--compression"),
        (&["--compression", "gzip:best"], "--compression"),
        (&["--progress", "always"], "[possible values: auto, never]"),
        (&["--role-arn", "role/x"], "RoleArn must match"),
        (&["--external-id", "x"], "--external-id: needs --role-arn"),
        (&["--encryption", "rot13"], "[possible values: envelope, sse-kms]"),
        (&["--encryption", "sse-kms"], "--encryption: needs --encryption-key"),
        (&["--encryption", "sse-kms", "--encryption-key", "local:key"], "must be one key of KMS for sse-kms"),
        (&["--set", "threads"], "must be KEY=VALUE"),
        (&["--set", ".threads=1"], "names separated by dots"),
        (&["--set", "chunk_byte=1"], "--set chunk_byte: unknown field `chunk_byte`, expected one of"),
        (&["--set", "csv.nope=1"], "--set csv.nope: unknown field `nope`"),
        (&["--set", "threads=many"], "--set threads: invalid type"),
        (&["--settings", "missing.toml"], "--settings missing.toml: No such file"),
        (&["--settings", "empty.parquet", "--set", "nope=1"], "--set nope: unknown field"),
    ];
    for (args, message) in cases {
        let line = error_line(&place.export(args), 2);
        assert!(line.contains(message), "{args:?}: {line}");
    }
    assert_eq!(place.files(), [place.path().join("empty.parquet")]);
}

#[test]
fn bad_commands_are_one_line() {
    let place = Place::new();
    let cases: &[(&[&str], &str)] = &[
        (&[], "requires a subcommand"),
        (&["import"], "unrecognized subcommand 'import'"),
        (&["export"], "required arguments were not provided: --source"),
        (
            &["export", "--source", "a", "--destination", "b", "--format", "xml"],
            "[possible values: csv, jsonl, orc]",
        ),
        (&["verify"], "required arguments were not provided: <DESTINATION/SNAPSHOT>"),
        (&["verify", "s3://b/../a"], "DESTINATION/SNAPSHOT: location must not have a segment `.` or `..`"),
        (&["abort", "out"], "DESTINATION/SNAPSHOT: must end in a snapshot id"),
        (&["abort", "s3://b"], "DESTINATION/SNAPSHOT: must end in a snapshot id"),
    ];
    for (args, message) in cases {
        let line = error_line(&place.run(*args), 2);
        assert!(line.contains(message), "{args:?}: {line}");
    }
}

#[test]
fn a_bad_place_is_refused_without_being_repeated() {
    let place = Place::new();
    for (uri, rule) in [
        ("s3://someone:password@bucket/a", "location must not hold user information"),
        ("https://someone:password@host/a", "location must begin with s3://"),
        ("s3://bucket/a?password=1", "location must not have a query"),
    ] {
        for argument in ["--destination", "--source"] {
            let other = if argument == "--source" { "--destination" } else { "--source" };
            let output = place.run(["export", "--format", "csv", argument, uri, other, "here"]);
            let line = error_line(&output, 2);
            assert!(line.starts_with(&format!("{argument}: {rule}")), "{line}");
            assert!(!line.contains("password"), "{line}");
        }
    }
}

#[test]
fn a_missing_source_is_named() {
    let place = Place::new();
    let output =
        place.run(["export", "--source", "missing.parquet", "--destination", "out", "--format", "orc"]);
    let line = error_line(&output, 2);
    assert!(line.contains("missing.parquet"), "{line}");
    assert!(!place.path().join("out").exists());
}

#[test]
fn a_settings_file_is_refused_by_line() {
    let place = Place::new();
    for (content, message) in [
        ("threads = 1\nchunk_byte = 1\n", "line 2: unknown field `chunk_byte`"),
        ("threads = 1\n\nthreads = [\n", "line 3: "),
        ("[csv]\nflatten_separator = 1\n", "line 2: invalid type"),
    ] {
        fs::write(place.path().join("my.toml"), content).unwrap();
        let line = error_line(&place.export(&["--settings", "my.toml"]), 2);
        assert!(line.starts_with("--settings my.toml: ") && line.contains(message), "{content:?}: {line}");
    }
}

#[test]
#[cfg(not(feature = "kms"))]
fn a_program_without_kms_says_so() {
    let place = Place::new();
    let role = "arn:aws:iam::123456789012:role/x";
    for args in [["--encryption-key", "alias/key"], ["--role-arn", role]] {
        let line = error_line(&place.export(&args), 2);
        assert_eq!(line, "keys of KMS and roles need the feature `kms` of the program");
    }
    assert_eq!(place.files(), [place.path().join("empty.parquet")]);
}

#[test]
#[cfg(feature = "kms")]
fn a_key_that_is_none_is_not_repeated() {
    let place = Place::new();
    let clear = "5a".repeat(32);
    let commands: &[&[&str]] = &[
        &["decrypt", "object", "--encryption-key", &clear, "--output", "plain"],
        &["verify", "out/0", "--encryption-key", &clear],
    ];
    let export = place.export(&["--encryption-key", &clear]);
    for output in commands.iter().map(|args| place.run(*args)).chain([export]) {
        let line = error_line(&output, 2);
        assert_eq!(line, "EncryptionKey must be the ARN, the id or the alias of a key of KMS");
    }
    assert_eq!(place.files(), [place.path().join("empty.parquet")]);
}

#[test]
fn what_comes_later_says_so_before_anything_is_written() {
    let place = Place::new();
    let cases: &[(&[&str], &str)] = &[(&["--resume"], "--resume")];
    for (args, what) in cases {
        let line = error_line(&place.export(args), 2);
        assert_eq!(line, format!("{what} is not available yet"));
    }
    let commands: &[&[&str]] =
        &[&["serve", "--catalog", "file:///c", "--store", "sqlite:x", "--listen", "127.0.0.1:1"]];
    for args in commands {
        let line = error_line(&place.run(*args), 2);
        assert!(line.ends_with(" is not available yet"), "{args:?}: {line}");
    }
    assert_eq!(place.files(), [place.path().join("empty.parquet")]);
}

#[test]
fn a_codec_of_another_format_is_refused() {
    let place = Place::new();
    let line = error_line(&place.export(&["--compression", "snappy"]), 2);
    assert_eq!(line, "--compression: the format has no such codec");
}

#[test]
fn help_names_every_argument_of_the_contract() {
    let place = Place::new();
    let help = |args: &[&str]| {
        let output = place.run(args);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
        text(&output.stdout).to_owned()
    };
    let commands = help(&["--help"]);
    for command in ["export", "verify", "decrypt", "abort", "serve"] {
        assert!(commands.contains(&format!("  {command} ")), "{command}: {commands}");
    }
    let arguments = help(&["export", "--help"]);
    for argument in [
        "source",
        "destination",
        "format",
        "domain",
        "segment",
        "snapshot-id",
        "threads",
        "compression",
        "part-rows",
        "part-bytes",
        "single-part",
        "columns",
        "set",
        "settings",
        "encryption-key",
        "encryption",
        "role-arn",
        "external-id",
        "takeover",
        "resume",
        "progress",
        "json",
    ] {
        assert!(arguments.contains(&format!("--{argument}")), "{argument}: {arguments}");
    }
    assert!(help(&["--version"]).starts_with("segment-export "));
}
