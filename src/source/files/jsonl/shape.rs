//! What records look like: the types of their fields, guessed from some of them.
//!
//! A guess never changes a value: whole numbers stay whole, and dates and times stay text.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::error::{Cause, Result};
use crate::source::files::runs::Unfit;

/// Digits of the largest number of 64 bits.
const DIGITS: u8 = 20;

/// What one value may look like.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// Nothing but null was seen.
    Null,
    Boolean,
    /// Whole numbers: whether one is below zero, and whether one is too large for an `i64`.
    Integer {
        negative: bool,
        large: bool,
    },
    Float,
    Text,
    List(Box<Shape>),
    Object(Vec<(String, Shape)>),
}

/// Two shapes that no type holds both of.
#[derive(Debug)]
struct Conflict;

impl Shape {
    fn merge(&mut self, other: Self) -> Result<(), Conflict> {
        match (&mut *self, other) {
            (_, Self::Null)
            | (Self::Boolean, Self::Boolean)
            | (Self::Float, Self::Float | Self::Integer { .. })
            | (Self::Text, Self::Text) => {}
            (Self::Null, other) => *self = other,
            (Self::Integer { .. }, Self::Float) => *self = Self::Float,
            (Self::Integer { negative, large }, Self::Integer { negative: below, large: above }) => {
                *negative |= below;
                *large |= above;
            }
            (Self::List(one), Self::List(other)) => one.merge(*other)?,
            (Self::Object(fields), Self::Object(others)) => {
                for (name, shape) in others {
                    add(fields, name, shape)?;
                }
            }
            _ => return Err(Conflict),
        }
        Ok(())
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Null | Self::Text => DataType::Utf8,
            Self::Boolean => DataType::Boolean,
            Self::Integer { large: false, .. } => DataType::Int64,
            Self::Integer { negative: false, .. } => DataType::UInt64,
            Self::Integer { .. } => DataType::Decimal128(DIGITS, 0),
            Self::Float => DataType::Float64,
            Self::List(item) => DataType::List(Arc::new(Field::new_list_field(item.data_type(), true))),
            Self::Object(fields) => DataType::Struct(to_fields(fields)),
        }
    }
}

fn add(fields: &mut Vec<(String, Shape)>, name: String, shape: Shape) -> Result<(), Conflict> {
    if let Some((_, known)) = fields.iter_mut().find(|(known, _)| *known == name) {
        return known.merge(shape);
    }
    fields.push((name, shape));
    Ok(())
}

fn to_fields(fields: &[(String, Shape)]) -> Fields {
    fields.iter().map(|(name, shape)| Field::new(name, shape.data_type(), true)).collect()
}

/// The fields of some records of one file, in the order in which they were first seen.
#[derive(Debug, Default)]
pub(in crate::source::files) struct Sample {
    fields: Vec<(String, Shape)>,
}

impl Sample {
    /// Adds a record.
    pub(super) fn add(&mut self, line: &[u8]) -> Result<(), Unfit> {
        let Ok(Shape::Object(record)) = serde_json::from_slice(line) else { return Err(Unfit::NoObject) };
        for (name, shape) in record {
            if add(&mut self.fields, name.clone(), shape).is_err() {
                let known = self.fields.iter().find(|(known, _)| *known == name);
                let data_type = known.map_or(DataType::Null, |(_, shape)| shape.data_type()).to_string();
                return Err(Unfit::Column { column: name, data_type });
            }
        }
        Ok(())
    }
}

/// The fields of all files.
#[derive(Debug, Default)]
pub(in crate::source::files) struct Shapes {
    fields: Vec<(String, Shape)>,
}

impl Shapes {
    /// Adds the sample of a file.
    pub(in crate::source::files) fn add(&mut self, path: &str, sample: Sample) -> Result<()> {
        for (name, shape) in sample.fields {
            let found = shape.data_type();
            if add(&mut self.fields, name.clone(), shape).is_err() {
                let known = self.fields.iter().find(|(known, _)| *known == name);
                let expected = known.map_or(DataType::Null, |(_, shape)| shape.data_type());
                return Err(Cause::SchemaMismatch {
                    path: path.to_owned(),
                    column: name,
                    expected: expected.to_string(),
                    found: found.to_string(),
                }
                .into());
            }
        }
        Ok(())
    }

    /// The schema that holds all of them.
    pub(in crate::source::files) fn finish(&self) -> SchemaRef {
        Arc::new(Schema::new(to_fields(&self.fields)))
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value whose parts are alike")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Boolean)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Shape, E> {
        Ok(Shape::Integer { negative: value < 0, large: false })
    }

    fn visit_u64<E>(self, value: u64) -> Result<Shape, E> {
        Ok(Shape::Integer { negative: false, large: i64::try_from(value).is_err() })
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Float)
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        let mut shape = Shape::Null;
        while let Some(item) = items.next_element()? {
            shape.merge(item).map_err(|Conflict| serde::de::Error::custom("items differ"))?;
        }
        Ok(Shape::List(Box::new(shape)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Shape, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, shape)) = entries.next_entry()? {
            add(&mut fields, name, shape).map_err(|Conflict| serde::de::Error::custom("fields differ"))?;
        }
        Ok(Shape::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(lines: &[&str]) -> Result<String, Unfit> {
        let mut sample = Sample::default();
        lines.iter().try_for_each(|line| sample.add(line.as_bytes()))?;
        let fields = to_fields(&sample.fields);
        Ok(fields.iter().map(|f| format!("{} {}", f.name(), f.data_type())).collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn types_hold_all_that_was_seen() {
        let cases: [(&[&str], &str); 8] = [
            (&[r#"{"b":1,"a":true}"#, r#"{"c":"x"}"#], "b Int64, a Boolean, c Utf8"),
            (&[r#"{"a":1}"#, r#"{"a":1.5}"#, r#"{"a":2}"#], "a Float64"),
            (&[r#"{"a":18446744073709551615}"#], "a UInt64"),
            (&[r#"{"a":18446744073709551615}"#, r#"{"a":-1}"#], "a Decimal128(20, 0)"),
            (&[r#"{"a":null}"#, r#"{"a":7}"#], "a Int64"),
            (&[r#"{"a":null}"#], "a Utf8"),
            (&[r#"{"a":"2024-01-01"}"#], "a Utf8"),
            (&[r#"{"a":[]}"#, r#"{"a":[1]}"#], "a List(Int64)"),
        ];
        for (lines, expected) in cases {
            assert_eq!(guess(lines).unwrap(), expected);
        }
    }

    #[test]
    fn what_no_type_holds_is_refused() {
        for lines in [[r#"{"a":1}"#, r#"{"a":"x"}"#], [r#"{"a":{}}"#, r#"{"a":[]}"#]] {
            assert!(matches!(guess(&lines), Err(Unfit::Column { .. })));
        }
        for line in ["[1]", "1", "{", "null"] {
            assert!(matches!(guess(&[line]), Err(Unfit::NoObject)), "{line}");
        }
    }
}
