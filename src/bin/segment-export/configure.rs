//! Settings from a file, from `--set` and from arguments: the later ones win.

use std::path::Path;

use segment_export::Settings;
use toml::{Table, Value};

use crate::args::{ExportArgs, FormatArg};
use crate::assignment::Assignment;
use crate::failure::Failure;

/// The settings of an export.
pub(crate) fn settings(args: &ExportArgs) -> Result<Settings, Failure> {
    let mut table = args.settings.as_deref().map(read).transpose()?.unwrap_or_default();
    for assignment in &args.set {
        assign(&mut table, assignment).map_err(|problem| {
            Failure::bad_argument(&format!("--set {}", assignment.names.join(".")), problem)
        })?;
    }
    let settings = parse(&table).map_err(|problem| Failure::bad_argument("--settings", problem))?;
    with_arguments(settings, args)
}

fn with_arguments(mut settings: Settings, args: &ExportArgs) -> Result<Settings, Failure> {
    settings.threads = args.threads.unwrap_or(settings.threads);
    settings.part_rows = args.part_rows.or(settings.part_rows);
    settings.part_bytes = args.part_bytes.or(settings.part_bytes);
    settings.single_part |= args.single_part;
    settings.columns = args.columns.clone().or(settings.columns);
    let unknown = || Failure::bad_argument("--compression", "the format has no such codec");
    match (args.format, &args.compression) {
        (_, None) => {}
        (FormatArg::Orc, Some(codec)) => settings.orc.compression = Some(codec.orc.ok_or_else(unknown)?),
        (FormatArg::Csv | FormatArg::Jsonl, Some(codec)) => {
            settings.compression = codec.text.ok_or_else(unknown)?;
        }
    }
    Ok(settings)
}

fn read(path: &Path) -> Result<Table, Failure> {
    let bad = |problem: String| Failure::bad_argument(&format!("--settings {}", path.display()), problem);
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    let at_line = |error: &toml::de::Error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        bad(format!("line {line}: {}", error.message()))
    };
    let table: Table = toml::from_str(&text).map_err(|error| at_line(&error))?;
    toml::from_str::<Settings>(&text).map_err(|error| at_line(&error))?;
    Ok(table)
}

fn parse(table: &Table) -> Result<Settings, String> {
    table.clone().try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}

/// Sets one key; a value that is no TOML, or not of the type that the setting has, is taken as text.
fn assign(table: &mut Table, assignment: &Assignment) -> Result<(), String> {
    let mut accepted = Err(String::new());
    for value in readings(&assignment.value) {
        let mut candidate = table.clone();
        insert(&mut candidate, &assignment.names, value)?;
        let outcome = parse(&candidate).map(|_valid| candidate);
        if outcome.is_ok() || accepted.as_ref().is_err_and(String::is_empty) {
            accepted = outcome;
        }
        if accepted.is_ok() {
            break;
        }
    }
    *table = accepted?;
    Ok(())
}

/// What a text may mean, the most likely first.
fn readings(text: &str) -> impl Iterator<Item = Value> {
    let typed = toml::from_str::<Table>(&format!("value = {text}")).ok();
    let typed = typed.filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
    typed.into_iter().chain([Value::String(text.to_owned())])
}

fn insert(table: &mut Table, names: &[String], value: Value) -> Result<(), String> {
    match names {
        [] => Ok(()),
        [name] => {
            table.insert(name.clone(), value);
            Ok(())
        }
        [name, rest @ ..] => {
            let next = table.entry(name.as_str()).or_insert_with(|| Value::Table(Table::new()));
            let next = next.as_table_mut().ok_or_else(|| format!("`{name}` holds no settings"))?;
            insert(next, rest, value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(assignments: &[&str]) -> Result<Settings, String> {
        let mut table = Table::new();
        for assignment in assignments {
            assign(&mut table, &assignment.parse()?)?;
        }
        parse(&table)
    }

    #[test]
    fn values_are_toml_and_else_text() {
        let settings = after(&[
            "memory_budget=67_108_864",
            "jsonl.explicit_nulls = true",
            "jsonl.wide_numbers=string",
            "csv.flatten_separator=1",
            "columns=[\"a,b\", 'c']",
        ])
        .unwrap();
        assert_eq!((settings.memory_budget, settings.jsonl.explicit_nulls), (64 << 20, true));
        assert_eq!(settings.csv.flatten_separator, "1");
        assert_eq!(settings.columns.unwrap(), ["a,b", "c"]);
    }

    #[test]
    fn a_quoted_name_is_one_name() {
        let settings = after(&[r#"csv.map_columns."A.B"=["x"]"#, "csv.map_columns.C=[]"]).unwrap();
        let maps: Vec<_> = settings.csv.map_columns.into_iter().collect();
        assert_eq!(maps, [("A.B".to_owned(), vec!["x".to_owned()]), ("C".to_owned(), vec![])]);
    }

    #[test]
    fn the_last_assignment_wins() {
        assert_eq!(after(&["threads=1", "threads=2"]).unwrap().threads, 2);
    }

    #[test]
    fn what_is_no_setting_is_refused_by_name() {
        let cases = [
            ("chunk_byte=1", "unknown field `chunk_byte`"),
            ("csv.nope=1", "unknown field `nope`"),
            ("threads.more=1", "invalid type"),
            ("threads=many", "invalid type"),
            ("threads=1\nsingle_part=true", "invalid type"),
        ];
        for (assignment, problem) in cases {
            let error = after(&[assignment]).unwrap_err();
            assert!(error.contains(problem), "{assignment}: {error}");
        }
        assert_eq!(after(&["threads=1", "threads.more=1"]).unwrap_err(), "`threads` holds no settings");
    }
}
