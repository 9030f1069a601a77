//! The columns of a file as a tree, made once from the Arrow schema (ORC v1 specification, "Type Information").
//!
//! Ids stand in pre-order, the root struct is 0. What ORC cannot hold, or a setting forbids, is refused here. It
//! knows no arrays.
//!
//! Invariant: the children of a node have the ids that follow its own, and every node has a type of ORC.

use arrow::datatypes::{DataType, Field, SchemaRef, TimeUnit};
use orc_rust::proto;
use orc_rust::proto::r#type::Kind as TypeKind;

use super::stats::{Collections, DecimalStats, Doubles, Integers, Of, Stats, TextStats};
use crate::encode::text::node::{join, list_item, map_entry, struct_fields};
use crate::encode::text::scalar::{Scalar, Zone, plain, union_fields};
use crate::error::{Cause, Result};
use crate::settings::{OrcProfile, OrcSettings, OrcTimes, OrcUnsigned64};

/// The most digits of a decimal.
const MAX_PRECISION: i16 = 38;
/// The most children of a union: their number is a byte.
const MAX_CHILDREN: usize = 256;

/// One column or nested field.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: u32,
    /// Its own name, which the field of a struct in a batch must have too.
    pub(super) name: String,
    /// Dotted path from the top, for errors and settings.
    pub(super) path: String,
    pub(super) kind: Kind,
    /// Whether it gets a bloom filter.
    pub(super) has_bloom: bool,
    pub(super) children: Vec<Node>,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One value without parts.
    Scalar(Scalar),
    Struct,
    List,
    Map,
    /// The type ids of the children in Arrow; in ORC they are numbered.
    Union(Vec<i8>),
}

/// All columns of a schema.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) root: Node,
    /// The nodes, the root included.
    pub(super) count: usize,
    /// The zones of timestamps, by path: a type of ORC does not name one.
    pub(super) zones: Vec<(String, String)>,
    types: Vec<proto::Type>,
}

impl Tree {
    /// The tree of a schema.
    ///
    /// # Errors
    ///
    /// When ORC cannot hold a column, two columns have one name, or a bloom filter is wanted where none can be.
    pub(super) fn new(schema: &SchemaRef, settings: &OrcSettings) -> Result<Self> {
        let root = Field::new("", DataType::Struct(schema.fields().clone()), false);
        let mut builder = Builder { settings, types: Vec::new(), zones: Vec::new() };
        let root = builder.node(&root, String::new())?;
        for path in &settings.bloom_columns {
            if !root.any(&|node| node.has_bloom && node.path == *path) {
                return Err(Cause::UnknownColumn { column: path.clone() }.into());
            }
        }
        let Builder { types, zones, .. } = builder;
        Ok(Self { root, count: types.len(), zones, types })
    }

    /// What is said of no values, of each node.
    pub(super) fn empty_stats(&self) -> Vec<Stats> {
        let mut all = Vec::with_capacity(self.count);
        self.root.empty_stats(&mut all);
        all
    }

    /// The types as the footer lists them.
    pub(super) fn types(&self) -> Vec<proto::Type> {
        self.types.clone()
    }
}

impl Node {
    fn empty_stats(&self, out: &mut Vec<Stats>) {
        let of = match &self.kind {
            Kind::Scalar(scalar) => scalar_stats(*scalar),
            Kind::List | Kind::Map => Of::Collections(Collections::default()),
            Kind::Struct | Kind::Union(_) => Of::Rows,
        };
        out.push(Stats { count: 0, has_null: false, of });
        self.children.iter().for_each(|child| child.empty_stats(out));
    }

    fn any(&self, holds: &dyn Fn(&Self) -> bool) -> bool {
        holds(self) || self.children.iter().any(|child| child.any(holds))
    }
}

struct Builder<'a> {
    settings: &'a OrcSettings,
    types: Vec<proto::Type>,
    zones: Vec<(String, String)>,
}

impl Builder<'_> {
    fn node(&mut self, field: &Field, path: String) -> Result<Node> {
        let unsupported = || unsupported(&path, field.data_type());
        let id = u32::try_from(self.types.len()).map_err(|_too_many| unsupported())?;
        self.types.push(proto::Type::default());
        let (kind, mut written) = self.kind(field.data_type()).ok_or_else(unsupported)?;
        let has_bloom = self.settings.bloom_columns.contains(&path);
        if has_bloom && !can_have_bloom(&kind) {
            let rule = format!("names a column that cannot have a bloom filter: column=`{path}`");
            return Err(Cause::Setting { name: "orc.bloom_columns".to_owned(), rule }.into());
        }
        if let DataType::Timestamp(_, Some(zone)) = plain(field.data_type()) {
            self.zones.push((path.clone(), zone.to_string()));
        }
        let fields = children(field.data_type());
        if kind == Kind::Struct {
            written.field_names = names(&fields, &path)?;
        }
        let nodes = fields.iter().map(|(name, field)| self.node(field, join(&path, name)));
        let nodes: Vec<Node> = nodes.collect::<Result<_>>()?;
        written.subtypes = nodes.iter().map(|node| node.id).collect();
        self.types[id as usize] = written;
        Ok(Node { id, name: field.name().clone(), path, kind, has_bloom, children: nodes })
    }

    /// What a type is here and in ORC; `None`: ORC cannot hold it.
    fn kind(&self, data_type: &DataType) -> Option<(Kind, proto::Type)> {
        let of = |kind: TypeKind| proto::Type { kind: Some(kind.into()), ..proto::Type::default() };
        if let Some(scalar) = Scalar::of(data_type) {
            return Some((Kind::Scalar(scalar), self.scalar(scalar, of)?));
        }
        if let Some(fields) = union_fields(data_type) {
            let ids: Vec<i8> = fields.iter().map(|(id, _)| id).collect();
            return (ids.len() <= MAX_CHILDREN).then(|| (Kind::Union(ids), of(TypeKind::Union)));
        }
        if struct_fields(data_type).is_some() {
            return Some((Kind::Struct, of(TypeKind::Struct)));
        }
        if map_entry(data_type).is_some() {
            return Some((Kind::Map, of(TypeKind::Map)));
        }
        list_item(data_type).map(|_item| (Kind::List, of(TypeKind::List)))
    }

    fn scalar(&self, scalar: Scalar, of: impl Fn(TypeKind) -> proto::Type) -> Option<proto::Type> {
        let with_times = self.settings.times == OrcTimes::Integer;
        Some(match scalar {
            // ORC has no type without values; every reader can make a null of any type of a string.
            Scalar::Null | Scalar::String => of(TypeKind::String),
            Scalar::Bool => of(TypeKind::Boolean),
            Scalar::Int8 => of(TypeKind::Byte),
            // Unsigned integers have no type: the next wider signed one holds them.
            Scalar::Int16 | Scalar::UInt8 => of(TypeKind::Short),
            Scalar::Int32 | Scalar::UInt16 => of(TypeKind::Int),
            Scalar::Int64 | Scalar::UInt32 => of(TypeKind::Long),
            Scalar::UInt64 if self.settings.unsigned64 == OrcUnsigned64::Decimal => decimal(20, 0)
                .map(|(precision, scale)| as_decimal(of(TypeKind::Decimal), precision, scale))?,
            Scalar::Float16 | Scalar::Float32 => of(TypeKind::Float),
            Scalar::Float64 => of(TypeKind::Double),
            Scalar::Decimal(precision, scale) => {
                let (precision, scale) = decimal(precision, scale)?;
                as_decimal(of(TypeKind::Decimal), precision, scale)
            }
            Scalar::Binary => of(TypeKind::Binary),
            Scalar::Date32 | Scalar::Date64 => of(TypeKind::Date),
            Scalar::Timestamp(_, Zone::Zoned) if self.settings.profile == OrcProfile::Instant => {
                of(TypeKind::TimestampInstant)
            }
            Scalar::Timestamp(..) => of(TypeKind::Timestamp),
            Scalar::Time(unit) if with_times => of(match unit {
                TimeUnit::Second | TimeUnit::Millisecond => TypeKind::Int,
                TimeUnit::Microsecond | TimeUnit::Nanosecond => TypeKind::Long,
            }),
            Scalar::Duration(_) if with_times => of(TypeKind::Long),
            Scalar::UInt64 | Scalar::Time(_) | Scalar::Duration(_) | Scalar::Interval(_) => return None,
        })
    }
}

/// The precision and scale of a decimal in ORC, whose scale lies between 0 and the precision; `None`: too wide.
pub(super) fn decimal(precision: u8, scale: i8) -> Option<(u32, u32)> {
    let (precision, scale) = (i16::from(precision), i16::from(scale));
    // With a negative scale zeros are written out; with a large one all digits may stand behind the point.
    let precision = (precision - scale.min(0)).max(scale).max(1);
    let in_range = precision <= MAX_PRECISION;
    in_range.then_some((precision.unsigned_abs().into(), scale.max(0).unsigned_abs().into()))
}

fn as_decimal(decimal: proto::Type, precision: u32, scale: u32) -> proto::Type {
    proto::Type { precision: Some(precision), scale: Some(scale), ..decimal }
}

fn scalar_stats(scalar: Scalar) -> Of {
    match scalar {
        Scalar::Null | Scalar::String => Of::Texts(TextStats::default()),
        Scalar::Bool => Of::Booleans(0),
        Scalar::Float16 | Scalar::Float32 | Scalar::Float64 => Of::Doubles(Doubles::default()),
        Scalar::UInt64 | Scalar::Decimal(..) => Of::Decimals(DecimalStats::of(&[], 0)),
        Scalar::Binary => Of::Binary(0),
        Scalar::Date32 | Scalar::Date64 => Of::Dates(None),
        Scalar::Timestamp(..) => Of::Timestamps(None),
        Scalar::Int8
        | Scalar::Int16
        | Scalar::Int32
        | Scalar::Int64
        | Scalar::UInt8
        | Scalar::UInt16
        | Scalar::UInt32
        | Scalar::Time(_)
        | Scalar::Duration(_)
        | Scalar::Interval(_) => Of::Integers(Integers::default()),
    }
}

/// Whether readers use a bloom filter of such a column, and the writers of ORC fill one.
fn can_have_bloom(kind: &Kind) -> bool {
    matches!(kind, Kind::Scalar(scalar) if !matches!(scalar, Scalar::Bool | Scalar::Null))
}

/// The children of a type by name.
fn children(data_type: &DataType) -> Vec<(&str, &Field)> {
    if let Some(fields) = struct_fields(data_type) {
        return fields.iter().map(|field| (field.name().as_str(), field.as_ref())).collect();
    }
    if let Some(fields) = union_fields(data_type) {
        return fields.iter().map(|(_, field)| (field.name().as_str(), field.as_ref())).collect();
    }
    if let Some([key, value]) = map_entry(data_type) {
        return vec![("key", key), ("value", value)];
    }
    list_item(data_type).map(|item| ("item", item)).into_iter().collect()
}

fn names(fields: &[(&str, &Field)], path: &str) -> Result<Vec<String>> {
    let mut sorted: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        let name = join(path, pair[0]);
        return Err(Cause::ColumnClash { first: name.clone(), second: name }.into());
    }
    Ok(fields.iter().map(|(name, _)| (*name).to_owned()).collect())
}

fn unsupported(path: &str, data_type: &DataType) -> Cause {
    Cause::UnsupportedType { format: "ORC", column: path.to_owned(), data_type: data_type.to_string() }
}
