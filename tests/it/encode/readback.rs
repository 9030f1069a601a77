//! Reads the output with other people's readers and compares value by value.
//!
//! The oracle pins bytes; this shows that the bytes mean the values.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::model::{Case, Type, Value};
use super::oracle;

/// Checks that the `csv` crate reads every cell as its text; the header row comes first.
pub(crate) fn check_csv(case: &Case, text: &[u8]) {
    let mut reader = csv::ReaderBuilder::new().from_reader(text);
    let read: Vec<Vec<String>> =
        reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect();
    assert_eq!(read.len(), case.rows.len());
    for (read, row) in read.iter().zip(&case.rows) {
        let (cells, texts) = oracle::csv_row(case, row).unwrap();
        let lone_null = if texts { "NULL" } else { "" };
        let null = if cells.len() == 1 { lone_null } else { "" };
        let cells: Vec<_> = cells.iter().map(|cell| cell.as_deref().unwrap_or(null)).collect();
        assert_eq!(*read, cells);
    }
}

/// Checks that `serde_json` reads every line as the values of its row.
pub(crate) fn check_jsonl(case: &Case, text: &[u8]) {
    let text = std::str::from_utf8(text).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    let lines: Vec<_> = text.split_terminator('\n').collect();
    assert_eq!(lines.len(), case.rows.len());
    for (line, row) in lines.iter().zip(&case.rows) {
        check(&Type::Struct(case.fields.clone()), &Value::Struct(row.clone()), line, case);
    }
}

/// The members of an object in order, as raw JSON.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        std::iter::from_fn(|| map.next_entry().transpose()).collect::<Result<_, _>>().map(Members)
    }
}

fn members(json: &str) -> Vec<(String, Box<RawValue>)> {
    serde_json::from_str::<Members>(json).unwrap().0
}

fn check(of: &Type, value: &Value, json: &str, case: &Case) {
    match (of, value) {
        (_, Value::Null) => assert_eq!(json, "null"),
        (Type::Struct(fields), Value::Struct(values)) => {
            let mut members = members(json).into_iter().peekable();
            for ((name, of), value) in fields.iter().zip(values) {
                match members.next_if(|(key, _)| key == name) {
                    Some((_, json)) => check(of, value, json.get(), case),
                    None => assert!(is_null(value, case) && !case.rules.explicit_nulls, "{name} is missing"),
                }
            }
            assert!(members.next().is_none());
        }
        (Type::List(of), Value::List(values)) => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(json).unwrap();
            assert_eq!(items.len(), values.len());
            items.iter().zip(values).for_each(|(json, value)| check(of, value, json.get(), case));
        }
        (Type::Map(of), Value::Map(entries)) => {
            let members = members(json);
            assert_eq!(members.len(), entries.len());
            for ((key, json), [key_value, value]) in members.iter().zip(entries) {
                if let Value::Text(text) = key_value {
                    assert_eq!(key, text);
                }
                check(&of[1], value, json.get(), case);
            }
        }
        (Type::Union(children), Value::Union(active, value)) => {
            check(&children[*active].1, value, json, case);
        }
        _ => check_scalar(of, value, json),
    }
}

fn check_scalar(of: &Type, value: &Value, json: &str) {
    match (of, value) {
        (_, Value::Text(text)) => assert_eq!(serde_json::from_str::<String>(json).unwrap(), *text),
        (Type::Int(..), Value::Int(value)) => {
            assert_eq!(json.trim_matches('"').parse::<i128>().unwrap(), *value);
        }
        (Type::Float(_), Value::Float(value)) if !value.is_finite() => assert_eq!(json, "null"),
        (Type::Float(64), Value::Float(value)) => {
            assert_eq!(serde_json::from_str::<f64>(json).unwrap().to_bits(), value.to_bits());
        }
        (Type::Float(_), Value::Float(value)) => {
            assert_eq!(f64::from(json.parse::<f32>().unwrap()).to_bits(), value.to_bits());
        }
        // Their spelling is the oracle's matter; here it is enough that they are JSON.
        _ => assert!(serde_json::from_str::<serde_json::Value>(json).is_ok(), "not JSON"),
    }
}

fn is_null(value: &Value, case: &Case) -> bool {
    match value {
        Value::Null => true,
        Value::Union(_, value) => is_null(value, case),
        Value::Float(value) => !value.is_finite() && case.rules.non_finite_is_null,
        _ => false,
    }
}
