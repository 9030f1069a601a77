//! Whether a record fits a schema, told without its values.
//!
//! Against a schema that was guessed a value must be of the very kind of its column. Against one that was
//! given only what the decoder would lose or change in silence is refused; the rest the decoder judges.

use std::cell::RefCell;
use std::fmt;

use arrow::datatypes::{DataType, Fields, Schema};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::source::files::runs::Unfit;
use crate::source::loss::{EXACT, is_of_whole, is_whole, item_type, map_value, position, without_runs};

/// Checks one record.
pub(super) fn record(line: &[u8], schema: &Schema, guessed: bool) -> Result<(), Unfit> {
    let problem = RefCell::new(None);
    let record = Object { fields: schema.fields(), guessed, problem: Some(&problem) };
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    let outcome = deserializer.deserialize_map(record).and_then(|()| deserializer.end());
    outcome.map_err(|_error| problem.into_inner().unwrap_or(Unfit::NoObject))
}

/// The fields of a record or of an object inside one.
#[derive(Clone, Copy)]
struct Object<'a> {
    fields: &'a Fields,
    guessed: bool,
    /// Where the record itself notes what is wrong.
    problem: Option<&'a RefCell<Option<Unfit>>>,
}

impl Object<'_> {
    fn note<E: serde::de::Error>(&self, unfit: Unfit) -> E {
        if let Some(problem) = self.problem {
            problem.borrow_mut().get_or_insert(unfit);
        }
        E::custom("the record does not fit")
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut seen = vec![false; self.fields.len()];
        let mut next = 0;
        while let Some(found) = entries.next_key_seed(Name { fields: self.fields, next })? {
            let Some(index) = found else { return Err(self.note(Unfit::UnknownField)) };
            let (field, guessed) = (&self.fields[index], self.guessed);
            if std::mem::replace(&mut seen[index], true) {
                return Err(self.note(Unfit::Twice { column: field.name().clone() }));
            }
            let data_type = without_runs(field.data_type());
            let value = Value { data_type, guessed, misfit: &RefCell::new(false) };
            let checked = entries.next_value_seed(value);
            if *value.misfit.borrow() {
                let (column, data_type) = (field.name().clone(), field.data_type().to_string());
                return Err(self.note(Unfit::Column { column, data_type }));
            }
            checked?;
            next = index + 1;
        }
        Ok(())
    }
}

/// The index of the field that a key names; most often the one after the last.
struct Name<'a> {
    fields: &'a Fields,
    next: usize,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(position(self.fields, self.next, key))
    }
}

/// A value that must fit a type.
#[derive(Clone, Copy)]
struct Value<'a> {
    data_type: &'a DataType,
    guessed: bool,
    /// Set when it does not, which tells that from JSON that is broken.
    misfit: &'a RefCell<bool>,
}

impl<'a> Value<'a> {
    fn inner(self, data_type: &'a DataType) -> Self {
        Self { data_type: without_runs(data_type), ..self }
    }

    fn require<E: serde::de::Error>(self, fits: bool) -> Result<(), E> {
        if fits {
            return Ok(());
        }
        *self.misfit.borrow_mut() = true;
        Err(E::custom("a value does not fit"))
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.require(!self.guessed || *self.data_type == DataType::Boolean)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        let exact = *self.data_type == DataType::Float64 && value.unsigned_abs() <= EXACT;
        let whole = matches!(self.data_type, DataType::Int64 | DataType::Decimal128(..));
        self.require(!self.guessed || whole || exact)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        let small = *self.data_type == DataType::Int64 && i64::try_from(value).is_ok();
        let exact = *self.data_type == DataType::Float64 && value <= EXACT;
        let whole = matches!(self.data_type, DataType::UInt64 | DataType::Decimal128(..));
        self.require(!self.guessed || whole || small || exact)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        let of_whole =
            is_of_whole(self.data_type) || self.guessed && matches!(self.data_type, DataType::Decimal128(..));
        let fits = !self.guessed || *self.data_type == DataType::Float64;
        self.require(if of_whole { is_whole(value) } else { fits })
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        self.require(!self.guessed || *self.data_type == DataType::Utf8)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Some(item) = item_type(self.data_type) else {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return self.require(!self.guessed);
        };
        while items.next_element_seed(self.inner(item))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        if let DataType::Struct(fields) = self.data_type {
            let object = Object { fields, guessed: self.guessed, problem: None };
            // Inside of a column only the column is named, whatever is wrong.
            return object.visit_map(entries).inspect_err(|_error| *self.misfit.borrow_mut() = true);
        }
        let Some(value) = map_value(self.data_type) else {
            while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return self.require(!self.guessed);
        };
        while entries.next_key::<IgnoredAny>()?.is_some() {
            entries.next_value_seed(self.inner(value))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::Field;

    use super::*;

    fn schema() -> Schema {
        let inner = Fields::from(vec![Field::new("x", DataType::Int64, true)]);
        Schema::new(vec![
            Field::new("i", DataType::Int64, true),
            Field::new("t", DataType::Utf8, true),
            Field::new("f", DataType::Float64, true),
            Field::new("l", DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true))), true),
            Field::new("o", DataType::Struct(inner), true),
        ])
    }

    #[test]
    fn what_fits_fits_in_any_order() {
        for line in [r#"{"t":"x","i":-1}"#, r#"{"o":{"x":null},"l":[1,null,2.0]}"#, "{}", r#"{"i":null}"#] {
            record(line.as_bytes(), &schema(), true).unwrap();
        }
    }

    #[test]
    fn what_does_not_fit_names_its_column_and_no_value() {
        for (line, what) in [
            (r#"{"i":1.5}"#, "column=`i`"),
            (r#"{"i":"secret"}"#, "column=`i`"),
            (r#"{"i":18446744073709551615}"#, "column=`i`"),
            (r#"{"f":9007199254740993}"#, "column=`f`"),
            (r#"{"t":1}"#, "column=`t`"),
            (r#"{"l":[1,"secret"]}"#, "column=`l`"),
            (r#"{"o":{"secret":1}}"#, "column=`o`"),
            (r#"{"i":1,"i":2}"#, "twice: column=`i`"),
            (r#"{"secret":1}"#, "a field that the schema does not have"),
            ("[]", "not a JSON object"),
            (r#"{"i":1"#, "not a JSON object"),
            (r#"{"i":1} {"#, "not a JSON object"),
        ] {
            let text = record(line.as_bytes(), &schema(), true).unwrap_err().to_string();
            assert!(text.contains(what) && !text.contains("secret"), "{line}: {text}");
        }
    }

    #[test]
    fn a_schema_that_was_given_leaves_the_rest_to_the_decoder() {
        record(br#"{"i":"7","t":"x"}"#, &schema(), false).unwrap();
        assert!(record(br#"{"i":1.5}"#, &schema(), false).is_err(), "a fraction would be cut off");
        assert!(record(br#"{"n":1}"#, &schema(), false).is_err(), "a field would be lost");
    }
}
