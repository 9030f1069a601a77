//! The ranks of the modules: a module imports lower ranks only.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Lowest first; modules of one line do not know each other.
const RANKS: [&[&str]; 10] = [
    &["error"],
    &["api", "settings", "budget", "progress", "compress"],
    &["plan"],
    &["store"],
    &["source", "shape", "batch", "stage", "encode", "seal", "upload"],
    &["manifest", "access"],
    &["export", "verify"],
    &["snapshot"],
    &["lib"],
    &["bin"],
];

fn rust_files(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The files of the library and of the program, and the module at the top that each belongs to.
fn modules() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let top = |path: &Path| {
        let first = path.strip_prefix(&root).unwrap().components().next().unwrap();
        first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
    };
    files.iter().map(|path| (top(path), fs::read_to_string(path).unwrap())).collect()
}

/// What stands before the tests of a file: they may use what they test with.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap()
}

/// The modules at the top that a text imports.
fn imports(text: &str) -> Vec<String> {
    let names = |rest: &str| -> Vec<String> {
        let name = |text: &str| {
            text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
        };
        match rest.strip_prefix('{') {
            Some(list) => list.split(',').map(name).collect(),
            None => vec![name(rest)],
        }
    };
    without_tests(text)
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1).flat_map(names).collect::<Vec<_>>())
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn no_module_imports_one_of_its_own_rank_or_above() {
    let rank: BTreeMap<&str, usize> = RANKS
        .iter()
        .enumerate()
        .flat_map(|(rank, names)| names.iter().map(move |name| (*name, rank)))
        .collect();
    let mut edges = 0;
    for (module, text) in modules() {
        let own = *rank.get(module.as_str()).unwrap_or_else(|| panic!("the module {module} has no rank"));
        for import in imports(&text) {
            // Names that are no module are what the crate re-exports at its root, for the program.
            let Some(other) = rank.get(import.as_str()) else {
                assert!(
                    import.starts_with(char::is_uppercase) || module == "bin",
                    "{module} imports {import}"
                );
                continue;
            };
            edges += usize::from(import != module);
            assert!(import == module || *other < own || module == "bin", "{module} imports {import}");
        }
    }
    assert!(edges > 50, "the imports were found: {edges}");
}

#[test]
fn rayon_is_named_by_the_stage_by_those_who_take_a_pool_and_by_encoders() {
    let named: BTreeSet<String> = modules()
        .into_iter()
        .filter(|(_, text)| {
            without_tests(text).lines().any(|line| line.trim_start().starts_with("use rayon"))
        })
        .map(|(module, _)| module)
        .collect();
    let expected = ["encode", "export", "snapshot", "stage"].map(str::to_owned).into();
    assert_eq!(
        named, expected,
        "`export` and `snapshot` take a pool of the caller's, `stage` runs on it, `encode` divides a chunk where it runs"
    );
}

#[test]
fn encoders_know_no_clock_no_randomness_and_no_files() {
    for (module, text) in modules().iter().filter(|(module, _)| module == "encode" || module == "batch") {
        for forbidden in ["std::time", "std::fs", "std::env", "tokio", "uuid", "tracing", "HashMap"] {
            assert!(!without_tests(text).contains(forbidden), "{module} uses {forbidden}");
        }
    }
}
