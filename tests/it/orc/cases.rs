//! Cases for ORC: types that it can hold, nested deeper than those of the text encoders, and settings.

use segment_export::{OrcCompression, OrcDictionary, OrcProfile, OrcTimes, Settings};

use super::model::{Case, Draw, Rules, Type, Value, draw_value};

/// Seconds around 1970 of which 64 bits hold the nanoseconds, which is how the reader reads.
const SECONDS: i128 = 9_000_000_000;
const DEPTH: usize = 4;

/// Columns and rows. Times that ORC cannot hold are drawn in one case of eight.
pub(crate) fn draw(draw: &mut Draw<'_>) -> Case {
    let bad = draw.one_in(8);
    let count = 1 + draw.below(3);
    let fields: Vec<_> = (0..count).map(|index| (format!("c{index}"), draw_type(DEPTH, draw))).collect();
    let count = draw.below(12);
    let row = |draw: &mut Draw<'_>| {
        let values = fields.iter().map(|(_, of)| {
            let value = draw_value(of, false, draw);
            storable(of, value, bad, draw)
        });
        values.collect()
    };
    let rows = (0..count).map(|_| row(draw)).collect();
    Case { fields, rows, rules: Rules::default(), keys: Vec::new() }
}

/// Settings that decide bytes.
pub(crate) fn settings(draw: &mut Draw<'_>) -> Settings {
    let mut settings = Settings::default();
    let codecs = [
        OrcCompression::None,
        OrcCompression::Snappy,
        OrcCompression::Lz4,
        OrcCompression::Zlib { level: 6 },
        OrcCompression::Zstd { level: 1 },
    ];
    settings.orc.compression = Some(draw.pick(&codecs));
    settings.orc.block_bytes = draw.pick(&[4096, 65_536, 262_144]);
    settings.orc.row_index_stride = draw.pick(&[1_000, 10_000, 0]);
    settings.orc.dictionary = draw.pick(&[OrcDictionary::Auto, OrcDictionary::Always, OrcDictionary::Never]);
    settings.orc.profile = draw.pick(&[OrcProfile::Lake, OrcProfile::Instant]);
    settings.orc.times = OrcTimes::Integer;
    settings.orc.patched_base = draw.one_in(2);
    settings
}

fn draw_type(depth: usize, draw: &mut Draw<'_>) -> Type {
    let kinds = if depth == 0 { 13 } else { 21 };
    match draw.below(kinds) {
        0 | 1 => Type::Text,
        2 => Type::Null,
        3 => Type::Bool,
        4 => Type::Int(draw.pick(&[8, 16, 32, 64]), draw.one_in(2)),
        5 => Type::Float(draw.pick(&[16, 32, 64])),
        6 => Type::Decimal(draw.pick(&[32, 64, 128]), draw.pick(&[0, 2, 9])),
        7 => Type::Bytes,
        8 => Type::Date32,
        9 => Type::Date64,
        10 => Type::Time(draw.pick(&[0, 3, 6, 9]), draw.one_in(2)),
        11 => Type::Clock(draw.pick(&[0, 3, 6, 9])),
        12 => Type::Elapsed(draw.pick(&[0, 3, 6, 9])),
        // The reader cannot make structs without fields.
        13..=15 => Type::Struct(draw_children(depth, draw)),
        16..=18 => Type::List(Box::new(draw_type(depth - 1, draw))),
        19 => Type::Union(draw_children(depth, draw)),
        _ => {
            let keys = [Type::Text, Type::Int(64, true), Type::Bytes, Type::Date32, Type::Decimal(128, 2)];
            Type::Map(Box::new([draw.pick(&keys), draw_type(depth - 1, draw)]))
        }
    }
}

fn draw_children(depth: usize, draw: &mut Draw<'_>) -> Vec<(String, Type)> {
    let count = 1 + draw.below(3);
    (0..count).map(|index| (format!("f{index}"), draw_type(depth - 1, draw))).collect()
}

/// The value, with every float that there is, and times in the reach of the reader.
fn storable(of: &Type, value: Value, bad: bool, draw: &mut Draw<'_>) -> Value {
    match (of, value) {
        (Type::Float(_), Value::Float(value)) => {
            Value::Float(draw.pick(&[value, value, value, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]))
        }
        (Type::Time(digits, _), Value::Int(count)) => {
            let count = count % (SECONDS * 10_i128.pow(*digits));
            Value::Int(if !bad && is_lost(count, *digits) { 0 } else { count })
        }
        (Type::Struct(fields), Value::Struct(values)) => {
            let fields = fields.iter().zip(values);
            Value::Struct(fields.map(|((_, of), value)| storable(of, value, bad, draw)).collect())
        }
        (Type::List(of), Value::List(values)) => {
            Value::List(values.into_iter().map(|value| storable(of, value, bad, draw)).collect())
        }
        (Type::Map(of), Value::Map(entries)) => {
            let entries = entries.into_iter();
            Value::Map(entries.map(|[key, value]| [key, storable(&of[1], value, bad, draw)]).collect())
        }
        (Type::Union(children), Value::Union(active, value)) => {
            Value::Union(active, Box::new(storable(&children[active].1, *value, bad, draw)))
        }
        (_, value) => value,
    }
}

/// Whether a time lies in the last second before 1970, behind its first millisecond: readers would add a second.
fn is_lost(count: i128, digits: u32) -> bool {
    let nanoseconds = count * 10_i128.pow(9 - digits);
    (-999_000_000..0).contains(&nanoseconds)
}

/// Whether the value or one inside it is a time that ORC cannot hold.
pub(crate) fn holds_lost_time(of: &Type, value: &Value) -> bool {
    match (of, value) {
        (Type::Time(digits, _), Value::Int(count)) => is_lost(*count, *digits),
        (Type::Struct(fields), Value::Struct(values)) => {
            fields.iter().zip(values).any(|((_, of), value)| holds_lost_time(of, value))
        }
        (Type::List(of), Value::List(values)) => values.iter().any(|value| holds_lost_time(of, value)),
        (Type::Map(of), Value::Map(entries)) => {
            entries.iter().any(|[_, value]| holds_lost_time(&of[1], value))
        }
        (Type::Union(children), Value::Union(active, value)) => holds_lost_time(&children[*active].1, value),
        _ => false,
    }
}
