//! The logical type of a column with everything that is the same for all rows.
//!
//! A [`Node`] is made once, when the encoder is made: what a format cannot hold is refused here. It knows no
//! arrays: a batch may bring a column in any physical form of the same [`Scalar`], list, struct or union.
//!
//! Invariant: the children of a struct are in the order of its fields, and their JSON keys differ.

use std::iter;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields};

use crate::encode::text::cells::Cells;
use crate::encode::text::escape::{Csv, Json, Style};
use crate::encode::text::frame::{Affix, Frame};
use crate::encode::text::memo::{Memo, Room};
use crate::encode::text::scalar::{Scalar, plain, union_fields};
use crate::error::{Cause, Result};
use crate::settings::{JsonlSettings, NonFinite};

/// One column or nested field.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its own name, which a batch must have too when it is the field of a struct.
    pub(crate) name: String,
    /// Dotted path from the top, for errors.
    pub(crate) path: String,
    /// What it holds.
    pub(crate) kind: Kind,
    /// What surrounds its values.
    pub(crate) frame: Frame,
    /// How its values are spelled.
    pub(crate) spelling: Spelling,
    /// What is kept of its dictionaries.
    pub(crate) memo: Memo,
}

/// The logical type.
#[derive(Debug)]
pub(crate) enum Kind {
    /// One value without parts.
    Scalar(Scalar),
    /// The fields of a struct.
    Struct(Vec<Node>),
    /// The items of a list.
    List(Box<Node>),
    /// The keys and the values of a map.
    Map(Box<[Node; 2]>),
    /// The children of a union and their type ids; each has the frame of a value in the union's place.
    Union(Vec<(i8, Node)>),
}

/// How the values of a node are spelled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spelling {
    /// How strings are made safe.
    pub(crate) quoting: Quoting,
    /// What becomes of floats that are not finite.
    pub(crate) floats: Floats,
}

/// How strings are made safe.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Quoting {
    /// By JSON escapes, maybe within a cell of CSV that is quoted.
    Json { in_csv: bool },
    /// By CSV quotes.
    Csv(Csv),
}

/// What becomes of floats that are not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Floats {
    /// `NaN`, `Infinity`, `-Infinity`.
    Words,
    /// An error.
    Finite,
    /// A null.
    OrNull,
}

/// Where a JSON value stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// Alone.
    Root,
    /// In an object, under this key.
    Member(&'a str),
    /// In an array.
    Item,
    /// As the key of a map.
    Key,
    /// As the value of a map, after its key.
    Value,
}

/// Makes the nodes of JSON values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonNodes<'a> {
    /// The format whose name stands in errors.
    pub(crate) format: &'static str,
    /// Whether all of it stands in quoted cells of CSV.
    pub(crate) in_csv: bool,
    /// How JSON is written.
    pub(crate) settings: &'a JsonlSettings,
    /// Where the nodes keep what they wrote.
    pub(crate) room: &'a Room,
}

impl JsonNodes<'_> {
    /// The node of a field at a place.
    pub(crate) fn node(self, field: &Field, path: String, place: Place<'_>) -> Result<Node> {
        let kind = self.kind(field.data_type(), &path, place)?;
        if matches!((place, &kind), (Place::Key, Kind::Scalar(Scalar::Null))) {
            return Err(unsupported(self.format, path, field.data_type()));
        }
        let frame = self.frame(&kind, place);
        let floats = match (place, self.settings.non_finite) {
            (Place::Key, _) => Floats::Words,
            (_, NonFinite::Error) => Floats::Finite,
            (_, NonFinite::Null) => Floats::OrNull,
        };
        Ok(Node {
            name: field.name().clone(),
            path,
            kind,
            frame,
            spelling: Spelling { quoting: Quoting::Json { in_csv: self.in_csv }, floats },
            memo: Memo::new(self.room),
        })
    }

    /// The nodes of the fields of an object.
    pub(crate) fn members(self, fields: &Fields, path: &str) -> Result<Vec<Node>> {
        let nodes = fields.iter().map(|field| {
            let path = join(path, field.name());
            self.node(field, path, Place::Member(field.name()))
        });
        let nodes = nodes.collect::<Result<Vec<_>>>()?;
        let mut names: Vec<_> = fields.iter().map(|field| field.name()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let name = join(path, pair[0]);
            return Err(Cause::ColumnClash { first: name.clone(), second: name }.into());
        }
        Ok(nodes)
    }

    fn kind(self, data_type: &DataType, path: &str, place: Place<'_>) -> Result<Kind> {
        if let Some(scalar) = Scalar::of(data_type) {
            return Ok(Kind::Scalar(scalar));
        }
        if let Some(fields) = struct_fields(data_type) {
            return Ok(Kind::Struct(self.members(fields, path)?));
        }
        if let Some(item) = list_item(data_type) {
            let path = join(path, item.name());
            return Ok(Kind::List(Box::new(self.node(item, path, Place::Item)?)));
        }
        if let Some(children) = union_fields(data_type) {
            let child =
                |(id, child): (i8, &Arc<Field>)| Ok((id, self.node(child, join(path, child.name()), place)?));
            return Ok(Kind::Union(children.iter().map(child).collect::<Result<_>>()?));
        }
        let Some([key, value]) = map_entry(data_type) else {
            return Err(unsupported(self.format, path.to_owned(), data_type));
        };
        if Scalar::of(key.data_type()).is_none() {
            return Err(unsupported(self.format, join(path, key.name()), key.data_type()));
        }
        let key = self.node(key, join(path, key.name()), Place::Key)?;
        let value = self.node(value, join(path, value.name()), Place::Value)?;
        Ok(Kind::Map(Box::new([key, value])))
    }

    /// A fixed text of JSON, as it is written where it stands.
    fn affix(self, json: &[u8]) -> Affix {
        let times = |byte| if self.in_csv && byte == b'"' { 2 } else { 1 };
        let text = json.iter().flat_map(|&byte| iter::repeat_n(byte, times(byte)));
        Affix::new(&text.collect::<Vec<_>>())
    }

    fn frame(self, kind: &Kind, place: Place<'_>) -> Frame {
        let key = match place {
            Place::Member(name) => key_text(name),
            Place::Item | Place::Key => b",".to_vec(),
            Place::Root | Place::Value => Vec::new(),
        };
        let null: &[u8] = match place {
            Place::Member(_) if self.settings.explicit_nulls => b"null",
            Place::Item | Place::Value => b"null",
            Place::Member(_) | Place::Root | Place::Key => b"",
        };
        let null = if null.is_empty() { Vec::new() } else { [&key[..], null].concat() };
        let close = match (kind, place) {
            (Kind::Scalar(_), Place::Key) => "\":",
            (Kind::Scalar(scalar), _) if scalar.is_quoted(self.settings.wide_numbers) => "\"",
            // Each child of a union has the frame of its own kind.
            (Kind::Scalar(_) | Kind::Union(_), _) => "",
            (Kind::Struct(_) | Kind::Map(_), _) => "}",
            (Kind::List(_), _) => "]",
        };
        // Brackets open by replacing the comma of their first item, quotes open here.
        let open = if close.starts_with('"') { "\"" } else { "" };
        Frame {
            prefix: self.affix(&[&key[..], open.as_bytes()].concat()),
            suffix: self.affix(close.as_bytes()),
            null: self.affix(&null),
        }
    }
}

impl Node {
    /// How many levels of [`Cells`] the values need below their own.
    pub(crate) fn depth(&self) -> usize {
        match &self.kind {
            Kind::Scalar(_) => 0,
            Kind::Struct(fields) => 1 + fields.iter().map(Self::depth).max().unwrap_or(0),
            Kind::List(item) => 1 + item.depth(),
            Kind::Map(entry) => 1 + entry.iter().map(Self::depth).max().unwrap_or(0),
            Kind::Union(children) => 1 + children.iter().map(|(_, child)| child.depth()).max().unwrap_or(0),
        }
    }
}

/// `,"name":`
fn key_text(name: &str) -> Vec<u8> {
    let mut cells = Cells::new();
    cells.room(name.len() * Json::<false>::GROWTH + 4, 0);
    let mut pen = cells.pen();
    pen.slice(b",\"");
    Json::<false>.write(name.as_bytes(), &mut pen);
    pen.slice(b"\":");
    pen.finish();
    cells.text().to_vec()
}

/// A dotted path.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The fields of a struct, also behind a dictionary or runs.
pub(crate) fn struct_fields(data_type: &DataType) -> Option<&Fields> {
    if let DataType::Struct(fields) = plain(data_type) { Some(fields) } else { None }
}

/// The item of a list of any form, also behind a dictionary or runs.
pub(crate) fn list_item(data_type: &DataType) -> Option<&Field> {
    if let DataType::List(item)
    | DataType::LargeList(item)
    | DataType::ListView(item)
    | DataType::LargeListView(item)
    | DataType::FixedSizeList(item, _) = plain(data_type)
    {
        Some(item)
    } else {
        None
    }
}

/// Key and value of a map, also behind a dictionary or runs.
pub(crate) fn map_entry(data_type: &DataType) -> Option<[&Field; 2]> {
    if let DataType::Map(entries, _) = plain(data_type)
        && let DataType::Struct(fields) = entries.data_type()
        && let [key, value] = &fields[..]
    {
        Some([key, value])
    } else {
        None
    }
}

fn unsupported(format: &'static str, column: String, data_type: &DataType) -> crate::error::Error {
    Cause::UnsupportedType { format, column, data_type: data_type.to_string() }.into()
}
