//! Sealed exports on the command line: `--encryption-key`, `decrypt`, `verify`.

use std::io::Write;

use super::end_to_end::{export, parts, snapshot, succeeded};
use super::*;

const KEY: [&str; 2] = ["--encryption-key", "local:key"];

/// A place with two key files.
fn place() -> Place {
    let place = Place::new();
    fs::write(place.path().join("key"), "5a".repeat(32)).unwrap();
    fs::write(place.path().join("other"), [7; 32]).unwrap();
    place
}

fn sealed() -> Place {
    let place = place();
    succeeded(&export(&place, &["--format", "csv", "--part-rows", "700", KEY[0], KEY[1]]));
    place
}

fn decrypt(place: &Place, object: &str, output: &str) -> Output {
    place.run(["decrypt", object, KEY[0], KEY[1], "--output", output])
}

#[test]
fn what_is_decrypted_is_what_a_plain_export_writes() {
    let plain = place();
    succeeded(&export(&plain, &["--format", "csv", "--part-rows", "700"]));
    let place = sealed();
    for (sealed, clear) in parts(&place).iter().zip(parts(&plain)) {
        succeeded(&decrypt(&place, sealed.to_str().unwrap(), "clear"));
        assert!(fs::read(place.path().join("clear")).unwrap() == fs::read(clear).unwrap());
        fs::remove_file(place.path().join("clear")).unwrap();
    }
}

#[test]
fn standard_input_and_output_are_named_by_a_dash() {
    let place = sealed();
    let object = &parts(&place)[0];
    succeeded(&decrypt(&place, object.to_str().unwrap(), "clear"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_segment-export"))
        .args(["decrypt", "-", KEY[0], KEY[1], "--output", "-"])
        .current_dir(place.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let bytes = fs::read(object).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feeding = std::thread::spawn(move || stdin.write_all(&bytes).unwrap());
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    assert!(output.status.success() && output.stdout == fs::read(place.path().join("clear")).unwrap());
}

#[test]
fn a_failed_decrypt_leaves_no_file() {
    let place = sealed();
    let object = parts(&place)[1].clone();
    let mut bytes = fs::read(&object).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(place.path().join("spoiled"), &bytes).unwrap();
    bytes[middle] ^= 1;
    bytes.truncate(bytes.len() - 1);
    fs::write(place.path().join("short"), &bytes).unwrap();
    for (object, problem) in [("spoiled", "the tag of a frame is wrong"), ("short", "it is cut short")] {
        let line = error_line(&decrypt(&place, object, "clear"), 1);
        assert!(line.ends_with(problem), "{line}");
        assert!(!place.path().join("clear").exists(), "{object}");
    }
    let other = ["decrypt", object.to_str().unwrap(), "--encryption-key", "local:other", "--output", "clear"];
    assert!(error_line(&place.run(other), 1).ends_with("sealed for other keys"));
    assert!(!place.path().join("clear").exists());
}

#[test]
fn a_file_that_is_there_is_not_written_over() {
    let place = sealed();
    fs::write(place.path().join("clear"), "mine").unwrap();
    let line = error_line(&decrypt(&place, parts(&place)[0].to_str().unwrap(), "clear"), 1);
    assert!(line.contains("clear"), "{line}");
    assert_eq!(fs::read(place.path().join("clear")).unwrap(), b"mine");
}

#[test]
fn a_sealed_snapshot_is_verified_by_its_key() {
    let place = sealed();
    let verified = succeeded(&place.run(["verify", &snapshot(), KEY[0], KEY[1]]));
    assert!(verified.contains("rows      2000") && verified.contains("intact    true"), "{verified}");
    let line = error_line(&place.run(["verify", &snapshot()]), 1);
    assert!(line.ends_with("a sealed snapshot is verified by its key"), "{line}");
}

#[test]
fn a_key_file_that_holds_no_key_is_refused_and_not_repeated() {
    let place = place();
    fs::write(place.path().join("short"), "s3cret").unwrap();
    for (name, message) in [
        ("local:short", "a key file must hold 32 bytes or 64 hex digits"),
        ("local:missing", "reading the key file failed: missing"),
    ] {
        let line = error_line(&export(&place, &["--format", "csv", "--encryption-key", name]), 2);
        assert!(line.starts_with(message) && !line.contains("s3cret"), "{line}");
    }
    let line = error_line(&export(&place, &["--format", "csv", "--encryption", "envelope"]), 2);
    assert_eq!(line, "--encryption: needs --encryption-key");
    assert!(!place.path().join("out").exists());
}
