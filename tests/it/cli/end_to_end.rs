//! Exports that run: what is written, printed and found again.

use serde_json::Value;

use super::*;

const ID: &str = "00112233445566778899aabbccddeeff";

fn profiles() -> String {
    format!("{}/testdata/profiles.parquet", env!("CARGO_MANIFEST_DIR"))
}

/// Exports the sample data under [`ID`].
pub(super) fn export(place: &Place, more: &[&str]) -> Output {
    let source = profiles();
    let usual = ["export", "--source", &source, "--destination", "out", "--snapshot-id", ID];
    place.run(usual.iter().chain(more))
}

pub(super) fn snapshot() -> String {
    format!("out/{ID}")
}

#[track_caller]
pub(super) fn succeeded(output: &Output) -> String {
    let error = text(&output.stderr);
    assert_eq!((output.status.code(), error), (Some(0), ""));
    text(&output.stdout).to_owned()
}

/// The data objects of the snapshot, in the order of their names.
pub(super) fn parts(place: &Place) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.path().join(snapshot())).unwrap();
    let mut parts: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    parts.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with("part-"));
    parts.sort();
    parts
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

#[test]
fn the_sample_data_exports_and_is_intact() {
    for format in ["csv", "jsonl"] {
        let place = Place::new();
        let printed = succeeded(&export(&place, &["--format", format, "--threads", "2"]));
        for fact in ["rows      2000", "parts     1", &format!("place     {}", snapshot())] {
            assert!(printed.contains(fact), "{fact}: {printed}");
        }
        let verified = succeeded(&place.run(["verify", &snapshot()]));
        assert!(verified.contains("rows      2000") && verified.contains("intact    true"), "{verified}");
    }
}

#[test]
fn json_is_the_manifest_and_nothing_else() {
    let place = Place::new();
    let args = ["--format", "jsonl", "--part-rows", "500", "--domain", "shop", "--segment", "gold", "--json"];
    let printed: Value = serde_json::from_str(&succeeded(&export(&place, &args))).unwrap();
    let written = fs::read(place.path().join(snapshot()).join("_manifest.json")).unwrap();
    assert_eq!(printed, serde_json::from_slice::<Value>(&written).unwrap());
    assert_eq!(printed["totals"]["rows"], 2000);
    assert_eq!(printed["parts"].as_array().unwrap().len(), 4);
    assert_eq!((&printed["domain"], &printed["segment"]), (&Value::from("shop"), &Value::from("gold")));

    let report: Value =
        serde_json::from_str(&succeeded(&place.run(["verify", &snapshot(), "--json"]))).unwrap();
    assert_eq!((report["snapshot_id"].as_str(), report["objects"].as_array().unwrap().len()), (Some(ID), 4));
}

#[test]
fn a_spoiled_byte_and_a_deleted_object_are_named() {
    let place = Place::new();
    succeeded(&export(&place, &["--format", "csv", "--part-rows", "700"]));
    let parts = parts(&place);
    assert_eq!(parts.len(), 3);

    let mut bytes = fs::read(&parts[1]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&parts[1], bytes).unwrap();
    let output = place.run(["verify", &snapshot()]);
    let error = text(&output.stderr);
    assert_eq!((output.status.code(), error.lines().count()), (Some(1), 1), "{error}");
    assert!(error.contains(&format!("{} (checksum", name(&parts[1]))), "{error}");

    fs::remove_file(&parts[2]).unwrap();
    let output = place.run(["verify", &snapshot(), "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["objects"][0]["problems"].as_array().unwrap().len(), 0);
    assert_eq!(report["objects"][1]["problems"][0]["problem"], "checksum");
    assert_eq!(report["objects"][2]["problems"][0]["problem"], "missing");
}

#[test]
fn a_snapshot_is_not_written_twice_nor_aborted() {
    let place = Place::new();
    succeeded(&export(&place, &["--format", "csv"]));
    let before = fs::read(&parts(&place)[0]).unwrap();
    let line = error_line(&export(&place, &["--format", "csv"]), 1);
    assert!(line.contains("already complete"), "{line}");
    let line = error_line(&place.run(["abort", &snapshot()]), 1);
    assert!(line.contains("already complete"), "{line}");
    assert_eq!(fs::read(&parts(&place)[0]).unwrap(), before);
}

#[test]
fn columns_and_settings_decide_the_output() {
    let place = Place::new();
    fs::write(place.path().join("my.toml"), "part_rows = 10\n[csv]\nflatten_separator = \"-\"\n").unwrap();
    let args = [
        "--format",
        "csv",
        "--columns",
        "ProfileId,Address",
        "--settings",
        "my.toml",
        "--set",
        "part_rows=20",
    ];
    succeeded(&export(&place, &[&args[..], &["--part-rows", "1000"]].concat()));
    let parts = parts(&place);
    assert_eq!(parts.len(), 2, "the argument wins over --set, and --set over the file");
    let header = fs::read_to_string(&parts[0]).unwrap().lines().next().unwrap().to_owned();
    assert!(header.starts_with("ProfileId,Address-Address1,"), "{header}");
}

#[test]
fn what_the_export_refuses_is_bad_usage() {
    let place = Place::new();
    let cases: &[(&[&str], &str)] = &[
        (&["--columns", "Nope"], "no such column: column=`Nope`"),
        (&["--part-rows", "0"], "part_rows"),
        (&["--set", "memory_budget=1"], "memory_budget"),
    ];
    for (args, message) in cases {
        let line = error_line(&export(&place, &[&["--format", "csv"], *args].concat()), 2);
        assert!(line.contains(message), "{args:?}: {line}");
    }
    let line = error_line(&place.export(&[]), 2);
    assert!(line.contains("empty.parquet"), "a corrupt source is named: {line}");
    assert!(!place.path().join("out").exists());
}

#[test]
fn a_place_without_a_snapshot_fails() {
    let place = Place::new();
    let line = error_line(&place.run(["verify", &snapshot()]), 1);
    assert!(line.contains("no snapshot is at this place"), "{line}");
    assert!(succeeded(&place.run(["abort", &snapshot()])).contains("removed objects  0"));
}

#[cfg(unix)]
#[test]
fn an_interrupted_export_leaves_nothing() {
    let place = Place::new();
    // 40,000 objects take longer than a signal.
    let sources = vec![profiles(); 20];
    let mut child = Command::new(env!("CARGO_BIN_EXE_segment-export"))
        .args(["export", "--destination", "out", "--format", "jsonl", "--source"])
        .args(sources)
        .args(["--snapshot-id", ID, "--part-rows", "1", "--threads", "1"])
        .current_dir(place.path())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // The claim says that the export has begun.
    let claim = place.path().join(snapshot()).join("_claim.json");
    while !claim.exists() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "error: cancelled\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(!place.path().join(snapshot()).exists(), "nothing of it is left");
}

/// As on a full disk, at a size that needs no disk of its own.
#[cfg(unix)]
#[test]
fn a_file_that_cannot_grow_is_an_error_that_names_it_and_leaves_nothing() {
    for format in ["csv", "jsonl", "orc"] {
        let place = Place::new();
        let limited = Command::new("bash")
            .args(["-c", r#"trap "" XFSZ; ulimit -f 64; exec "$@""#, "limited"])
            .arg(env!("CARGO_BIN_EXE_segment-export"))
            .args(["export", "--destination", "out", "--format", format, "--source"])
            .arg(profiles())
            .args(["--snapshot-id", ID])
            .current_dir(place.path())
            .output()
            .unwrap();
        let line = error_line(&limited, 1);
        assert!(line.starts_with("writing a part failed: ") && line.contains("part-00000-"), "{line}");
        assert!(line.contains("File too large"), "the system's reason is told: {line}");
        assert!(!place.path().join(snapshot()).exists(), "nothing of it is left");
    }
}
