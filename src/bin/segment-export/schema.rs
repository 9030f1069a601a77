//! The file of `--source-schema`: columns of text sources, with their types as arrow writes them.
//!
//! It is the form that a manifest has for its columns, so that a manifest will do as well.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::Deserialize;

use crate::failure::Failure;

/// A list of columns, or a manifest.
#[derive(Deserialize)]
#[serde(untagged, expecting = "it must be a list of columns, each with `name` and `type`, or a manifest")]
enum Columns {
    List(Vec<Column>),
    Manifest { columns: Vec<Column> },
}

#[derive(Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
    #[serde(default = "nullable")]
    nullable: bool,
}

fn nullable() -> bool {
    true
}

/// The schema in a file.
pub(crate) fn read(path: &Path) -> Result<SchemaRef, Failure> {
    let argument = format!("--source-schema {}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
    text.and_then(|text| parse(&text)).map_err(|problem| Failure::bad_argument(&argument, problem))
}

fn parse(text: &str) -> Result<SchemaRef, String> {
    let columns: Columns = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let (Columns::List(columns) | Columns::Manifest { columns }) = columns;
    let mut fields: Vec<Field> = Vec::with_capacity(columns.len());
    for Column { name, data_type, nullable } in columns {
        let Ok(known) = data_type.parse::<DataType>() else {
            return Err(format!("no such type: column=`{name}` type=`{data_type}`"));
        };
        if fields.iter().any(|field| *field.name() == name) {
            return Err(format!("two columns have one name: column=`{name}`"));
        }
        fields.push(Field::new(name, known, nullable));
    }
    Ok(Arc::new(Schema::new(fields)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_read_as_arrow_writes_it() {
        let item = Field::new("item", DataType::Int8, false);
        let types = [
            DataType::Decimal128(10, 2),
            DataType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, Some("Europe/Berlin".into())),
            DataType::List(Arc::new(item.clone())),
            DataType::Struct(vec![item, Field::new("at home", DataType::Utf8, true)].into()),
        ];
        for data_type in types {
            let column = serde_json::json!([{ "name": "a", "type": data_type.to_string(), "more": 1 }]);
            assert_eq!(*parse(&column.to_string()).unwrap().field(0), Field::new("a", data_type, true));
        }
    }

    #[test]
    fn what_is_no_schema_says_why() {
        for (text, problem) in [
            (r#"[{"name":"a","type":"Int65"}]"#, "no such type: column=`a` type=`Int65`"),
            (r#"[{"name":"a","type":"Utf8"},{"name":"a","type":"Utf8"}]"#, "one name: column=`a`"),
            (r#"{"a":"Int64"}"#, "it must be a list of columns"),
            ("[", "EOF"),
        ] {
            let found = parse(text).unwrap_err();
            assert!(found.contains(problem), "{text}: {found}");
        }
    }
}
