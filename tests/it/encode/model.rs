//! Rows as plain values, drawn from bytes: what the encoders are checked against.
//!
//! It knows nothing of Arrow. The fuzz targets use it too, so it draws from bytes and not from a strategy:
//! fewer bytes are a smaller case, which is how both shrink.

/// Bytes to draw from; zeros when they are used up.
pub(crate) struct Draw<'a>(pub(crate) &'a [u8]);

impl Draw<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    pub(crate) fn int(&mut self) -> i64 {
        i64::from_le_bytes([(); 8].map(|()| self.byte()))
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// The logical type of a column.
#[derive(Clone, Debug)]
pub(crate) enum Type {
    Null,
    Bool,
    /// Bits and whether it is signed.
    Int(u8, bool),
    /// Bits.
    Float(u8),
    /// Bits and scale.
    Decimal(u16, i8),
    Text,
    Bytes,
    Date32,
    Date64,
    /// Digits of the fraction and whether it has a zone.
    Time(u32, bool),
    /// A time of day, with the digits of the fraction.
    Clock(u32),
    /// A duration, with the digits of the fraction.
    Elapsed(u32),
    Interval(Parts),
    Struct(Vec<(String, Type)>),
    List(Box<Type>),
    Map(Box<[Type; 2]>),
    /// Never without a child.
    Union(Vec<(String, Type)>),
}

/// What an interval is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parts {
    Months,
    DaysAndMillis,
    MonthsDaysAndNanos,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// Integers, unscaled decimals, days, milliseconds and units since 1970, since midnight or of a duration.
    Int(i128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Struct(Vec<Value>),
    List(Vec<Value>),
    Map(Vec<[Value; 2]>),
    /// Months, days, and milliseconds or nanoseconds; what the type does not have is zero.
    Interval(i32, i32, i64),
    /// The active child and its value.
    Union(usize, Box<Value>),
}

/// How nulls, floats and wide numbers are written in JSON.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) explicit_nulls: bool,
    pub(crate) non_finite_is_null: bool,
    pub(crate) wide_strings: bool,
}

/// Columns, rows and rules.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) fields: Vec<(String, Type)>,
    pub(crate) rows: Vec<Vec<Value>>,
    pub(crate) rules: Rules,
    /// In CSV, the keys of every map of texts that are columns; if none, the map is one cell.
    pub(crate) keys: Vec<String>,
}

impl Case {
    pub(crate) fn draw(draw: &mut Draw<'_>) -> Self {
        let bits = draw.byte();
        let rules = Rules {
            explicit_nulls: bits & 1 != 0,
            non_finite_is_null: bits & 2 != 0,
            wide_strings: bits & 4 != 0,
        };
        // Values that cannot be written are drawn in one case of eight, or nothing else would be tested.
        let bad = bits & 0x38 == 0x38;
        let count = 1 + draw.below(4);
        let fields =
            names(count, draw).into_iter().map(|name| (name, draw_type(2, draw))).collect::<Vec<_>>();
        let count = draw.below(12);
        let row = |draw: &mut Draw<'_>| fields.iter().map(|(_, of)| draw_value(of, bad, draw)).collect();
        let rows = (0..count).map(|_| row(draw)).collect();
        let count = draw.below(4);
        let mut keys: Vec<_> = (0..count).map(|_| draw_text(draw)).collect();
        keys.sort_by(|one, other| other.cmp(one));
        keys.dedup();
        Self { fields, rows, rules, keys }
    }
}

fn names(count: usize, draw: &mut Draw<'_>) -> Vec<String> {
    const NAMES: [&str; 6] =
        ["a", "First Name", "q\"uo\\te", "c,d", "é\n", "a name of more than thirty-two bytes, so no window"];
    let first = draw.byte();
    (0..count).map(|index| format!("{}{index}", NAMES[(usize::from(first) + index) % NAMES.len()])).collect()
}

fn draw_type(depth: usize, draw: &mut Draw<'_>) -> Type {
    let kinds = if depth == 0 { 14 } else { 19 };
    match draw.below(kinds) {
        0 | 1 => Type::Text,
        2 => Type::Null,
        3 => Type::Bool,
        4 => Type::Int(draw.pick(&[8, 16, 32, 64]), draw.one_in(2)),
        5 => Type::Float(draw.pick(&[16, 32, 64])),
        6 => Type::Decimal(draw.pick(&[32, 64, 128, 256]), draw.pick(&[0, 2, 9, -2])),
        7 => Type::Bytes,
        8 => Type::Date32,
        9 => Type::Date64,
        10 => Type::Time(draw.pick(&[0, 3, 6, 9]), draw.one_in(2)),
        11 => Type::Clock(draw.pick(&[0, 3, 6, 9])),
        12 => Type::Elapsed(draw.pick(&[0, 3, 6, 9])),
        13 => Type::Interval(draw.pick(&[Parts::Months, Parts::DaysAndMillis, Parts::MonthsDaysAndNanos])),
        14 | 15 => {
            let count = draw.below(4);
            Type::Struct(
                names(count, draw).into_iter().map(|name| (name, draw_type(depth - 1, draw))).collect(),
            )
        }
        16 => Type::List(Box::new(draw_type(depth - 1, draw))),
        17 => {
            let count = 1 + draw.below(3);
            Type::Union(
                names(count, draw).into_iter().map(|name| (name, draw_type(depth - 1, draw))).collect(),
            )
        }
        _ => {
            let keys = [
                Type::Text,
                Type::Bool,
                Type::Int(64, true),
                Type::Float(64),
                Type::Decimal(128, 2),
                Type::Bytes,
                Type::Date32,
                Type::Time(3, true),
                Type::Clock(6),
                Type::Elapsed(3),
                Type::Interval(Parts::MonthsDaysAndNanos),
            ];
            Type::Map(Box::new([draw.pick(&keys), draw_type(depth - 1, draw)]))
        }
    }
}

/// A value of a type, null in one case of four.
pub(crate) fn draw_value(of: &Type, bad: bool, draw: &mut Draw<'_>) -> Value {
    if draw.one_in(4) { Value::Null } else { draw_some(of, bad, draw) }
}

/// A value of a type that is not null, unless it is of no type.
pub(crate) fn draw_some(of: &Type, bad: bool, draw: &mut Draw<'_>) -> Value {
    match of {
        Type::Null => Value::Null,
        Type::Bool => Value::Bool(draw.one_in(2)),
        Type::Int(bits, signed) => Value::Int(draw_int(*bits, *signed, draw)),
        Type::Float(bits) => Value::Float(draw_float(*bits, bad, draw)),
        Type::Decimal(bits, _) => {
            let most = 10_i128.pow(match bits {
                32 => 9,
                64 => 18,
                _ => 38,
            }) - 1;
            let wide = i128::from(draw.int()) * i128::from(draw.int());
            Value::Int(draw.pick(&[0, 5, -5, 123_456, most, -most, wide % most]))
        }
        Type::Text => Value::Text(draw_text(draw)),
        Type::Bytes => {
            let count = draw.below(8);
            // Three bytes that read `NULL` in base64.
            let null = vec![0x35, 0x42, 0xcb];
            Value::Bytes(if count == 7 { null } else { (0..count).map(|_| draw.byte()).collect() })
        }
        Type::Date32 => Value::Int(draw_days(bad, draw)),
        Type::Date64 => {
            let part = i128::from(bad && draw.one_in(4));
            Value::Int(draw_days(bad, draw) * 86_400_000 + part)
        }
        Type::Time(digits, _) => {
            let units = 10_i128.pow(*digits);
            let part = i128::from(draw.int()).rem_euclid(86_400 * units);
            let time = draw_days(bad, draw) * 86_400 * units + part;
            Value::Int(time.clamp(i64::MIN.into(), i64::MAX.into()))
        }
        Type::Struct(fields) => {
            Value::Struct(fields.iter().map(|(_, of)| draw_value(of, bad, draw)).collect())
        }
        Type::List(item) => {
            let count = draw.below(4);
            Value::List((0..count).map(|_| draw_value(item, bad, draw)).collect())
        }
        Type::Map(entry) => draw_map(entry, bad, draw),
        Type::Clock(digits) => {
            let units = 10_i128.pow(*digits);
            let day = 86_400 * units;
            let any = i128::from(draw.int()).rem_euclid(day);
            let outside = bad && draw.one_in(4);
            Value::Int(if outside {
                draw.pick(&[-1, day])
            } else {
                draw.pick(&[0, 45_296 * units, day - 1, any])
            })
        }
        Type::Elapsed(_) => Value::Int(draw_int(64, true, draw)),
        Type::Interval(parts) => draw_interval(*parts, draw),
        Type::Union(children) => {
            let active = draw.below(children.len());
            Value::Union(active, Box::new(draw_value(&children[active].1, bad, draw)))
        }
    }
}

fn draw_map([key, value]: &[Type; 2], bad: bool, draw: &mut Draw<'_>) -> Value {
    let count = if draw.one_in(16) { 20 } else { draw.below(4) };
    let mut entries: Vec<[Value; 2]> = Vec::new();
    for _ in 0..count {
        let key = draw_some(key, bad, draw);
        // Compared as they are shown, since NaN is not equal to itself.
        let shown = format!("{key:?}");
        if bad || entries.iter().all(|[other, _]| format!("{other:?}") != shown) {
            entries.push([key, draw_value(value, bad, draw)]);
        }
    }
    Value::Map(entries)
}

fn draw_interval(parts: Parts, draw: &mut Draw<'_>) -> Value {
    let mut part = || i32::try_from(draw_int(32, true, draw)).unwrap();
    match parts {
        Parts::Months => Value::Interval(part(), 0, 0),
        Parts::DaysAndMillis => Value::Interval(0, part(), part().into()),
        Parts::MonthsDaysAndNanos => {
            let (months, days) = (part(), part());
            Value::Interval(months, days, i64::try_from(draw_int(64, true, draw)).unwrap())
        }
    }
}

fn draw_int(bits: u8, signed: bool, draw: &mut Draw<'_>) -> i128 {
    let (min, max) = if signed {
        (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1)
    } else {
        (0, (1_i128 << bits) - 1)
    };
    let any = i128::from(draw.int()).clamp(min, max);
    draw.pick(&[7, 0, 42, any, min, max])
}

fn draw_float(bits: u8, bad: bool, draw: &mut Draw<'_>) -> f64 {
    if bad && draw.one_in(4) {
        return draw.pick(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
    }
    // Quarters are exact in half a float, too.
    let quarter = f64::from(draw.byte()) / 4.0;
    match bits {
        16 => draw.pick(&[1.0, -0.0, quarter]),
        32 => f64::from(draw.pick(&[0.1_f32, -0.0, 1e16, f32::MAX, f32::MIN_POSITIVE])),
        _ => draw.pick(&[0.1, -0.0, 1e15, 1e16, 1e-7, f64::MAX, f64::MIN_POSITIVE, quarter]),
    }
}

/// Days since 1970 in the years 0000 to 9999; others, too, when they may be bad.
fn draw_days(bad: bool, draw: &mut Draw<'_>) -> i128 {
    if bad && draw.one_in(4) {
        return draw.pick(&[-719_529, 2_932_897, -(1 << 31), (1 << 31) - 1]);
    }
    let any = i128::from(draw.int()).rem_euclid(2_932_896 + 719_529) - 719_528;
    draw.pick(&[0, -1, 11_016, -719_528, 2_932_896, any])
}

fn draw_text(draw: &mut Draw<'_>) -> String {
    const PIECES: [&str; 25] = [
        "a",
        "John",
        " ",
        ",",
        "\"",
        "\n",
        "\r",
        "\t",
        "\\",
        "#",
        "NULL",
        "null",
        "\0",
        "\u{1f}",
        "\u{7f}",
        "é",
        "😀",
        "\u{2028}",
        "\u{feff}",
        "=1+1",
        "'",
        "!",
        "\u{b}",
        "exactly thirty-two bytes of text",
        "more than twelve",
    ];
    let count = draw.below(4);
    let text = (0..count).map(|_| draw.pick(&PIECES)).collect::<String>();
    if draw.one_in(8) { text.repeat(9) } else { text }
}
