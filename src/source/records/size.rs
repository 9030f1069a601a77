//! How much memory a record takes, about: its serde fields are walked and only counted.
//!
//! A record's strings and lists lie outside of it, where `size_of` does not see them; without this count a
//! run of large records would be gathered as if they were small.

use std::fmt;

use serde::Serialize;
use serde::ser::{
    self, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// The bytes of a record; as far as it could be walked when it does not serialize.
pub(super) fn of<T: Serialize>(record: &T) -> u64 {
    let mut size = Size(size_of::<T>() as u64);
    // What does not serialize is told by the conversion, with its row.
    drop(record.serialize(&mut size));
    size.0
}

/// What a value takes in the converter's tape besides its text.
const VALUE_BYTES: u64 = 16;

struct Size(u64);

impl Size {
    fn add(&mut self, bytes: usize) {
        self.0 += bytes as u64 + VALUE_BYTES;
    }
}

/// A record that does not serialize.
#[derive(Debug)]
struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the record does not serialize")
    }
}

impl std::error::Error for Failed {}

impl ser::Error for Failed {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

macro_rules! count_values {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, _: $type) -> Result<(), Failed> {
            self.add(0);
            Ok(())
        })*
    };
}

impl Serializer for &mut Size {
    type Ok = ();
    type Error = Failed;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    count_values! {
        serialize_bool: bool, serialize_char: char,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
        serialize_f32: f32, serialize_f64: f64,
        serialize_unit_struct: &'static str
    }

    fn serialize_str(self, text: &str) -> Result<(), Failed> {
        self.add(text.len());
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Failed> {
        self.add(bytes.len());
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Failed> {
        self.add(0);
        Ok(())
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), Failed> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Failed> {
        self.add(0);
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<(), Failed> {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Failed> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<(), Failed> {
        self.add(name.len());
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Failed> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Failed> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Failed> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Failed> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Failed> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Failed> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Failed> {
        Ok(self)
    }
}

macro_rules! count_items {
    ($($of:ident::$method:ident),*) => {
        $(impl $of for &mut Size {
            type Ok = ();
            type Error = Failed;

            fn $method<T: ?Sized + Serialize>(&mut self, item: &T) -> Result<(), Failed> {
                item.serialize(&mut **self)
            }

            fn end(self) -> Result<(), Failed> {
                Ok(())
            }
        })*
    };
}

count_items!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! count_fields {
    ($($of:ident),*) => {
        $(impl $of for &mut Size {
            type Ok = ();
            type Error = Failed;

            fn serialize_field<T: ?Sized + Serialize>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Failed> {
                self.add(name.len());
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), Failed> {
                Ok(())
            }
        })*
    };
}

count_fields!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for &mut Size {
    type Ok = ();
    type Error = Failed;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), Failed> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Failed> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Failed> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Serialize)]
    struct Record {
        text: Option<String>,
        map: BTreeMap<String, Vec<u64>>,
    }

    #[test]
    fn what_lies_outside_of_a_record_is_counted() {
        let small = Record { text: None, map: BTreeMap::new() };
        let large =
            Record { text: Some("x".repeat(1_000_000)), map: [("key".to_owned(), vec![1; 1000])].into() };
        assert!(of(&small) < 200);
        assert!(of(&large) > 1_000_000 + 8 * 1000);
    }
}
