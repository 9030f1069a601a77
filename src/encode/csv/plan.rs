//! Which columns a CSV file has: structs flattened, names that differ, the header row.
//!
//! It sees the schema only, never rows.
//!
//! Invariant: the last leaf, and no other, ends the row; every leaf has a header cell of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, SchemaRef, UnionFields};

use crate::encode::text::cells::Cells;
use crate::encode::text::escape::{Csv, LONE_NULL, Style};
use crate::encode::text::frame::{Affix, Frame};
use crate::encode::text::memo::{Memo, Room};
use crate::encode::text::node::{
    Floats, JsonNodes, Kind, Node, Place, Quoting, Spelling, join, map_entry, struct_fields,
};
use crate::encode::text::scalar::{Scalar, union_fields};
use crate::error::{Cause, Error, Result};
use crate::settings::Settings;

const MAP_COLUMNS: &str = "csv.map_columns";

/// A column of the source and the cells that it becomes.
#[derive(Debug)]
pub(super) enum Shape {
    /// One cell.
    Leaf(Leaf),
    /// The cells of the fields of a struct.
    Struct {
        /// Dotted path, for errors.
        path: String,
        /// The name of each field, and its cells.
        fields: Vec<(String, Shape)>,
    },
    /// The cells of chosen keys of a map.
    Keys {
        /// Dotted path, for errors.
        path: String,
        /// Each key, and its cells.
        keys: Vec<(String, Shape)>,
    },
}

/// One cell.
#[derive(Debug)]
pub(super) enum Leaf {
    /// A value without parts, or a union of such values.
    Scalar(Node),
    /// A map, a list or a union of such as JSON text whose quotes are doubled, in the frame of its cell.
    Json(Node, Box<Frame>),
}

impl Leaf {
    /// How many levels of cells it needs below its own.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Scalar(node) => node.depth(),
            Self::Json(node, _) => 1 + node.depth(),
        }
    }
}

impl Shape {
    /// How many levels of cells its leaves need below their own.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Leaf(leaf) => leaf.depth(),
            Self::Struct { fields, .. } | Self::Keys { keys: fields, .. } => {
                fields.iter().map(|(_, field)| field.depth()).max().unwrap_or(0)
            }
        }
    }

    /// How many keys of maps are columns in it.
    pub(super) fn keys(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::Struct { fields, .. } => fields.iter().map(|(_, field)| field.keys()).sum(),
            Self::Keys { keys, .. } => keys.len(),
        }
    }
}

/// A cell of the header, and what stands below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeaderCell {
    /// What the header says.
    pub(crate) name: String,
    /// The names that lead to it: the column, then fields of structs and keys of maps.
    pub(crate) path: Vec<String>,
    /// The type of its values.
    pub(crate) data_type: DataType,
    /// Whether it can be null, by itself or with what is around it.
    pub(crate) is_nullable: bool,
}

/// The cells of the header of a schema.
///
/// # Errors
///
/// As [`plan`].
pub(crate) fn header(schema: &SchemaRef, settings: &Settings) -> Result<Vec<HeaderCell>> {
    let mut planner = Planner::new(settings, 0);
    planner.shapes(schema)?;
    Ok(planner.names)
}

/// The columns and the header row of a schema.
pub(super) fn plan(schema: &SchemaRef, settings: &Settings) -> Result<(Vec<Shape>, Vec<u8>)> {
    // Once to count: how a leaf is framed depends on how many there are.
    let mut count = Planner::new(settings, 0);
    count.shapes(schema)?;
    if count.names.is_empty() {
        return Err(broken("columns", "must leave at least one column for CSV".to_owned()));
    }
    count.check_maps()?;
    count.check_names()?;
    let mut planner = Planner::new(settings, count.names.len());
    let shapes = planner.shapes(schema)?;
    Ok((shapes, planner.header()))
}

fn broken(name: &str, rule: String) -> Error {
    Cause::Setting { name: name.to_owned(), rule }.into()
}

struct Planner<'a> {
    settings: &'a Settings,
    leaves: usize,
    /// The header cell of each leaf.
    names: Vec<HeaderCell>,
    /// The maps whose keys became columns.
    maps: BTreeSet<String>,
    room: Room,
}

impl<'a> Planner<'a> {
    fn new(settings: &'a Settings, leaves: usize) -> Self {
        Self { settings, leaves, names: Vec::with_capacity(leaves), maps: BTreeSet::new(), room: Room::new() }
    }

    fn shapes(&mut self, schema: &SchemaRef) -> Result<Vec<Shape>> {
        schema.fields().iter().map(|field| self.shape(field, &[], false)).collect()
    }

    /// The cells of a field; a struct without fields is one cell, so that its nulls are not lost.
    fn shape(&mut self, field: &Field, above: &[String], null_above: bool) -> Result<Shape> {
        let is_nullable = null_above || field.is_nullable();
        let mut names = above.to_vec();
        names.push(field.name().clone());
        let path = names.iter().fold(String::new(), |path, name| join(&path, name));
        let name = names.join(&self.settings.csv.flatten_separator);
        if let Some(keys) = self.settings.csv.map_columns.get(&name) {
            self.maps.insert(name);
            return Ok(Shape::Keys { keys: self.keys(field, &names, keys)?, path });
        }
        if let Some(fields) = struct_fields(field.data_type())
            && !fields.is_empty()
        {
            let fields = fields
                .iter()
                .map(|field| Ok((field.name().clone(), self.shape(field, &names, is_nullable)?)));
            return Ok(Shape::Struct { path, fields: fields.collect::<Result<_>>()? });
        }
        let data_type = field.data_type().clone();
        self.names.push(HeaderCell { name, path: names, data_type, is_nullable });
        Ok(Shape::Leaf(self.leaf(field, path)?))
    }

    /// The cells of chosen keys of a map: each is a field of the type of its values.
    fn keys(&mut self, map: &Field, names: &[String], keys: &[String]) -> Result<Vec<(String, Shape)>> {
        let is_text = |[key, _]: &[&Field; 2]| Scalar::of(key.data_type()) == Some(Scalar::String);
        let Some([_, value]) = map_entry(map.data_type()).filter(is_text).filter(|_| !keys.is_empty()) else {
            let rule =
                format!("must list keys of a map whose keys are texts: column=`{}`", names.join("`.`"));
            return Err(broken(MAP_COLUMNS, rule));
        };
        let cells = |key: &String| {
            let field = Field::new(key, value.data_type().clone(), true);
            Ok((key.clone(), self.shape(&field, names, true)?))
        };
        keys.iter().map(cells).collect()
    }

    fn leaf(&self, field: &Field, path: String) -> Result<Leaf> {
        let lone = self.leaves == 1;
        let scalars = Scalar::all_of(field.data_type());
        let texts = [Scalar::String, Scalar::Binary];
        let has_texts = scalars.iter().flatten().any(|scalar| texts.contains(scalar));
        let suffix: &[u8] = if self.names.len() == self.leaves { b"\n" } else { b"," };
        let null: &[u8] = match (lone, has_texts) {
            (false, _) => b"",
            (true, true) => LONE_NULL,
            (true, false) => b"\"\"",
        };
        let null = Affix::new(&[null, suffix].concat());
        let frame = Frame { prefix: Affix::new(b""), suffix: Affix::new(suffix), null };
        if scalars.is_none() {
            let (settings, room) = (&self.settings.jsonl, &self.room);
            let nodes = JsonNodes { format: "CSV", in_csv: true, settings, room };
            return Ok(Leaf::Json(nodes.node(field, path, Place::Root)?, frame.into()));
        }
        let spelling = Spelling { quoting: Quoting::Csv(Csv { lone }), floats: Floats::Words };
        Ok(Leaf::Scalar(text_cell(field, path, (&frame, spelling), &self.room)))
    }

    fn check_maps(&self) -> Result<()> {
        match self.settings.csv.map_columns.keys().find(|name| !self.maps.contains(*name)) {
            Some(name) => Err(broken(MAP_COLUMNS, format!("names no column: column=`{name}`"))),
            None => Ok(()),
        }
    }

    fn check_names(&self) -> Result<()> {
        let without_case = self.settings.csv.case_insensitive_names;
        let compared = |name: &String| if without_case { name.to_lowercase() } else { name.clone() };
        let mut names: Vec<_> = self.names.iter().map(|cell| (compared(&cell.name), &cell.path)).collect();
        names.sort_by(|one, other| one.0.cmp(&other.0));
        let Some(pair) = names.windows(2).find(|pair| pair[0].0 == pair[1].0) else { return Ok(()) };
        // The message has the outer backticks: a field of a struct reads `Address`.`City`.
        let [first, second] = [&pair[0], &pair[1]].map(|(_, path)| path.join("`.`"));
        Err(Cause::ColumnClash { first, second }.into())
    }

    fn header(&self) -> Vec<u8> {
        let mut cells = Cells::new();
        let most = self.names.iter().map(|cell| cell.name.len() * Csv::GROWTH + Csv::AROUND + 1).sum();
        cells.room(most, 0);
        let mut pen = cells.pen();
        for (index, HeaderCell { name, .. }) in self.names.iter().enumerate() {
            if index > 0 {
                pen.byte(b',');
            }
            // A byte order mark in a name must not be the first thing in the file.
            if index == 0 && name.starts_with('\u{feff}') {
                Csv::quote(name.as_bytes(), &mut pen);
            } else {
                Csv { lone: false }.write(name.as_bytes(), &mut pen);
            }
        }
        pen.byte(b'\n');
        pen.finish();
        cells.text().to_vec()
    }
}

/// A value without parts, or of a union of such values, as text.
fn text_cell(field: &Field, path: String, form: (&Frame, Spelling), room: &Room) -> Node {
    let child =
        |(id, child): (i8, &Arc<Field>)| (id, text_cell(child, join(&path, child.name()), form, room));
    let kind = match Scalar::of(field.data_type()) {
        Some(scalar) => Kind::Scalar(scalar),
        None => Kind::Union(
            union_fields(field.data_type()).into_iter().flat_map(UnionFields::iter).map(child).collect(),
        ),
    };
    let (frame, spelling) = form;
    let (name, frame, memo) = (field.name().clone(), frame.clone(), Memo::new(room));
    Node { name, path, kind, frame, spelling, memo }
}
