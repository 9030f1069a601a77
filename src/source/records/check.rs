//! Whether arrow's decoder keeps all that a record holds: its serde fields are walked beside their types.
//!
//! Only what the decoder would lose in silence is refused here: the rest it judges itself. Values whose type
//! loses nothing are not walked.

use std::fmt;

use arrow::datatypes::{DataType, Fields};
use serde::Serialize;
use serde::ser::{
    self, Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, SerializeTupleStruct,
    Serializer,
};

use crate::source::loss::{is_of_whole, is_whole, item_type, map_value, position, without_runs};

/// Checks that a record loses nothing as a row of these fields.
pub(super) fn record<T: Serialize>(record: &T, fields: &Fields) -> Result<(), Loss> {
    record.serialize(Walk::Object(fields)).map(drop)
}

/// What would be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// A fraction, or a field of an object inside.
    Value,
    /// The first of two fields of one name.
    Twice,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the record would lose something")
    }
}

impl std::error::Error for Loss {}

impl ser::Error for Loss {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Value
    }
}

/// Where the walk is.
#[derive(Clone, Copy)]
enum Walk<'a> {
    /// At a record, or at an object inside one.
    Object(&'a Fields),
    /// At a value of a type.
    Value(&'a DataType),
    /// At the name of a field, most often this one.
    Name(&'a Fields, usize),
    /// At what the decoder refuses, or cannot lose.
    Ignored,
}

impl<'a> Walk<'a> {
    /// The walk to a value of this type.
    fn to(data_type: &'a DataType) -> Self {
        let data_type = without_runs(data_type);
        if let DataType::Struct(fields) = data_type {
            Self::Object(fields)
        } else if data_type.is_nested() || is_of_whole(data_type) {
            Self::Value(data_type)
        } else {
            Self::Ignored
        }
    }

    fn entries(self) -> Entries<'a> {
        let fields = if let Self::Object(fields) = self { Some(fields) } else { None };
        let values = if let Self::Value(data_type) = self { map_value(data_type) } else { None };
        let seen = vec![false; fields.map_or(0, |fields| fields.len())];
        Entries { fields, seen, next: 0, values: values.map_or(Self::Ignored, Self::to) }
    }

    fn items(self) -> Items<'a> {
        let item = if let Self::Value(data_type) = self { item_type(data_type) } else { None };
        Items(item.map_or(Self::Ignored, Self::to))
    }
}

/// The index of the field that a name has.
type Found = Option<usize>;

macro_rules! keep {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, _: $type) -> Result<Found, Loss> {
            Ok(None)
        })*
    };
}

impl<'a> Serializer for Walk<'a> {
    type Ok = Found;
    type Error = Loss;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Impossible<Found, Loss>;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = Entries<'a>;
    type SerializeStructVariant = Impossible<Found, Loss>;

    keep! {
        serialize_bool: bool, serialize_bytes: &[u8], serialize_unit_struct: &'static str,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128
    }

    fn serialize_f32(self, value: f32) -> Result<Found, Loss> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<Found, Loss> {
        let is_cut = matches!(self, Self::Value(data_type) if is_of_whole(data_type)) && !is_whole(value);
        if is_cut { Err(Loss::Value) } else { Ok(None) }
    }

    fn serialize_char(self, value: char) -> Result<Found, Loss> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<Found, Loss> {
        Ok(if let Self::Name(fields, next) = self { position(fields, next, text) } else { None })
    }

    fn serialize_none(self) -> Result<Found, Loss> {
        Ok(None)
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<Found, Loss> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Found, Loss> {
        Ok(None)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<Found, Loss> {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Found, Loss> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<Found, Loss> {
        let mut entry = self.entries();
        SerializeStruct::serialize_field(&mut entry, name, value)?;
        Ok(None)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>, Loss> {
        Ok(self.items())
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'a>, Loss> {
        Ok(self.items())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items<'a>, Loss> {
        Ok(self.items())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Loss> {
        Err(Loss::Value)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'a>, Loss> {
        Ok(self.entries())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Entries<'a>, Loss> {
        Ok(self.entries())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Loss> {
        Err(Loss::Value)
    }
}

/// The items of a list.
struct Items<'a>(Walk<'a>);

macro_rules! walk_items {
    ($($of:ident::$method:ident),*) => {
        $(impl $of for Items<'_> {
            type Ok = Found;
            type Error = Loss;

            fn $method<T: ?Sized + Serialize>(&mut self, item: &T) -> Result<(), Loss> {
                if matches!(self.0, Walk::Ignored) { Ok(()) } else { inner(item, self.0) }
            }

            fn end(self) -> Result<Found, Loss> {
                Ok(None)
            }
        })*
    };
}

walk_items!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field
);

/// Walks a value inside a column, of which only the column is told.
fn inner<T: ?Sized + Serialize>(value: &T, walk: Walk<'_>) -> Result<(), Loss> {
    value.serialize(walk).map(drop).map_err(|_lost| Loss::Value)
}

/// The fields of an object or the entries of a map.
struct Entries<'a> {
    fields: Option<&'a Fields>,
    seen: Vec<bool>,
    /// The field after the last one.
    next: usize,
    /// What the next value is.
    values: Walk<'a>,
}

impl Entries<'_> {
    /// Takes the field that the name has; one that there is not the decoder refuses.
    fn take(&mut self, found: Found) -> Result<(), Loss> {
        let (Some(fields), Some(index)) = (self.fields, found) else {
            self.values = if self.fields.is_some() { Walk::Ignored } else { self.values };
            return Ok(());
        };
        if std::mem::replace(&mut self.seen[index], true) {
            return Err(Loss::Twice);
        }
        self.next = index + 1;
        self.values = Walk::to(fields[index].data_type());
        Ok(())
    }
}

impl SerializeMap for Entries<'_> {
    type Ok = Found;
    type Error = Loss;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), Loss> {
        let Some(fields) = self.fields else { return Ok(()) };
        let found = key.serialize(Walk::Name(fields, self.next))?;
        self.take(found)
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Loss> {
        if matches!(self.values, Walk::Ignored) { Ok(()) } else { inner(value, self.values) }
    }

    fn end(self) -> Result<Found, Loss> {
        Ok(None)
    }
}

impl SerializeStruct for Entries<'_> {
    type Ok = Found;
    type Error = Loss;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, name: &'static str, value: &T) -> Result<(), Loss> {
        SerializeMap::serialize_key(self, name)?;
        SerializeMap::serialize_value(self, value)
    }

    fn end(self) -> Result<Found, Loss> {
        Ok(None)
    }
}
