//! Which columns a CSV file has: structs flattened, names that differ, the header row.
//!
//! It sees the schema only, never rows.
//!
//! Invariant: the last leaf, and no other, ends the row; every leaf has a header cell of its own.

use std::sync::Arc;

use arrow::datatypes::{Field, SchemaRef, UnionFields};

use crate::encode::text::cells::{Affix, Cells, Frame};
use crate::encode::text::escape::{Csv, LONE_NULL, Style};
use crate::encode::text::node::{
    Floats, JsonNodes, Kind, Node, Place, Quoting, Spelling, join, struct_fields,
};
use crate::encode::text::scalar::{Scalar, union_fields};
use crate::error::{Cause, Result};
use crate::settings::Settings;

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
}

/// One cell.
#[derive(Debug)]
pub(super) enum Leaf {
    /// A value without parts, or a union of such values.
    Scalar(Node),
    /// A map, a list or a union of such as JSON text, in the frame of its cell.
    Json(Node, Frame),
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
            Self::Struct { fields, .. } => fields.iter().map(|(_, field)| field.depth()).max().unwrap_or(0),
        }
    }
}

/// The columns and the header row of a schema.
pub(super) fn plan(schema: &SchemaRef, settings: &Settings) -> Result<(Vec<Shape>, Vec<u8>)> {
    let leaves = schema.fields().iter().map(|field| leaf_count(field)).sum();
    if leaves == 0 {
        let rule = "must leave at least one column for CSV".to_owned();
        return Err(Cause::Setting { name: "columns".to_owned(), rule }.into());
    }
    let mut planner = Planner { settings, leaves, names: Vec::with_capacity(leaves) };
    let fields = schema.fields().iter();
    let shapes = fields.map(|field| planner.shape(field, &[])).collect::<Result<_>>()?;
    planner.check_names()?;
    Ok((shapes, planner.header()))
}

/// The cells that a field becomes; a struct without fields is one cell, so that its nulls are not lost.
fn leaf_count(field: &Field) -> usize {
    match struct_fields(field.data_type()) {
        Some(fields) if !fields.is_empty() => fields.iter().map(|field| leaf_count(field)).sum(),
        _ => 1,
    }
}

struct Planner<'a> {
    settings: &'a Settings,
    leaves: usize,
    /// The header cell of each leaf, and the names that lead to it.
    names: Vec<(String, Vec<String>)>,
}

impl Planner<'_> {
    fn shape(&mut self, field: &Field, above: &[String]) -> Result<Shape> {
        let mut names = above.to_vec();
        names.push(field.name().clone());
        let path = names.iter().fold(String::new(), |path, name| join(&path, name));
        if let Some(fields) = struct_fields(field.data_type())
            && !fields.is_empty()
        {
            let fields = fields.iter().map(|field| Ok((field.name().clone(), self.shape(field, &names)?)));
            return Ok(Shape::Struct { path, fields: fields.collect::<Result<_>>()? });
        }
        self.names.push((names.join(&self.settings.csv.flatten_separator), names));
        Ok(Shape::Leaf(self.leaf(field, path)?))
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
            let nodes = JsonNodes { format: "CSV", settings: &self.settings.jsonl };
            return Ok(Leaf::Json(nodes.node(field, path, Place::Root)?, frame));
        }
        let spelling = Spelling { quoting: Quoting::Csv(Csv { lone }), floats: Floats::Words };
        Ok(Leaf::Scalar(text_cell(field, path, &frame, spelling)))
    }

    fn check_names(&self) -> Result<()> {
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_by_key(|(name, _)| name);
        let Some(pair) = names.windows(2).find(|pair| pair[0].0 == pair[1].0) else { return Ok(()) };
        // The message has the outer backticks: a field of a struct reads `Address`.`City`.
        let [first, second] = [pair[0], pair[1]].map(|(_, path)| path.join("`.`"));
        Err(Cause::ColumnClash { first, second }.into())
    }

    fn header(&self) -> Vec<u8> {
        let mut cells = Cells::new();
        let most = self.names.iter().map(|(name, _)| name.len() * Csv::GROWTH + Csv::AROUND + 1).sum();
        cells.room(most, 0);
        let mut pen = cells.pen();
        for (index, (name, _)) in self.names.iter().enumerate() {
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
fn text_cell(field: &Field, path: String, frame: &Frame, spelling: Spelling) -> Node {
    let child =
        |(id, child): (i8, &Arc<Field>)| (id, text_cell(child, join(&path, child.name()), frame, spelling));
    let kind = match Scalar::of(field.data_type()) {
        Some(scalar) => Kind::Scalar(scalar),
        None => Kind::Union(
            union_fields(field.data_type()).into_iter().flat_map(UnionFields::iter).map(child).collect(),
        ),
    };
    Node { name: field.name().clone(), path, kind, frame: frame.clone(), spelling }
}
