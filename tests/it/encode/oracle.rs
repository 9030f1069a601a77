//! The simple encoders: row by row, value by value, obviously right.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::model::{Case, Parts, Rules, Type, Value};

/// The text, or the first problem as the error says it.
pub(crate) type Written = Result<String, String>;

/// A column and what is wrong with its value.
type Problem = (String, &'static str);

/// The header row of CSV.
pub(crate) fn csv_header(case: &Case) -> String {
    let mut names = Vec::new();
    for (name, of) in &case.fields {
        header(name, of, chosen(case, of), &mut names);
    }
    line(&names.into_iter().map(Some).collect::<Vec<_>>())
}

/// The keys that become columns, if a column is a map of texts.
pub(crate) fn chosen<'a>(case: &'a Case, of: &Type) -> &'a [String] {
    match of {
        Type::Map(entry) if matches!(entry[0], Type::Text) => &case.keys,
        _ => &[],
    }
}

fn header(name: &str, of: &Type, keys: &[String], names: &mut Vec<String>) {
    match of {
        Type::Map(entry) if !keys.is_empty() => {
            for key in keys {
                header(&format!("{name}.{key}"), &entry[1], &[], names);
            }
        }
        Type::Struct(fields) if !fields.is_empty() => {
            for (field, of) in fields {
                header(&format!("{name}.{field}"), of, &[], names);
            }
        }
        _ => names.push(name.to_owned()),
    }
}

/// The rows of CSV without their header.
pub(crate) fn csv(case: &Case, first_row: usize) -> Written {
    let lines = case.rows.iter().enumerate().map(|(row, values)| {
        let (cells, texts) = csv_row(case, values).map_err(|problem| message(&problem, first_row + row))?;
        Ok(match &cells[..] {
            [None] if texts => "NULL\n".to_owned(),
            [None] => "\"\"\n".to_owned(),
            [Some(text)] if text == "NULL" => "\"NULL\"\n".to_owned(),
            _ => line(&cells),
        })
    });
    lines.collect()
}

/// The cells of a row as a reader must see them, and whether the last column holds texts.
pub(crate) fn csv_row(case: &Case, values: &[Value]) -> Result<(Vec<Option<String>>, bool), Problem> {
    let mut cells = Vec::new();
    let mut texts = false;
    for ((name, of), value) in case.fields.iter().zip(values) {
        texts = match of {
            Type::Map(entry) if !chosen(case, of).is_empty() => {
                csv_keys((name, &entry[1]), value, case, &mut cells)?
            }
            _ => csv_cells(name, of, value, case.rules, &mut cells)?,
        };
    }
    Ok((cells, texts))
}

/// The cells of the chosen keys of a map.
fn csv_keys(
    (path, of): (&str, &Type),
    map: &Value,
    case: &Case,
    cells: &mut Vec<Option<String>>,
) -> Result<bool, Problem> {
    let entries = if let Value::Map(entries) = map { &entries[..] } else { &[] };
    let with = |key: &str| -> Vec<_> {
        entries.iter().filter(|entry| entry[0] == Value::Text(key.to_owned())).collect()
    };
    if case.keys.iter().any(|key| with(key).len() > 1) {
        return Err((path.to_owned(), "a map holds a key twice"));
    }
    let mut texts = false;
    for key in &case.keys {
        let value = with(key).first().map_or(&Value::Null, |entry| &entry[1]);
        texts = csv_cells(&format!("{path}.{key}"), of, value, case.rules, cells)?;
    }
    Ok(texts)
}

fn csv_cells(
    path: &str,
    of: &Type,
    value: &Value,
    rules: Rules,
    cells: &mut Vec<Option<String>>,
) -> Result<bool, Problem> {
    match of {
        Type::Struct(fields) if !fields.is_empty() => {
            let mut texts = false;
            for (index, (name, of)) in fields.iter().enumerate() {
                let value = if let Value::Struct(values) = value { &values[index] } else { &Value::Null };
                texts = csv_cells(&format!("{path}.{name}"), of, value, rules, cells)?;
            }
            return Ok(texts);
        }
        _ if *value == Value::Null => cells.push(None),
        Type::Union(_) if !is_plain(of) => {
            let json = json(path, of, value, rules)?;
            cells.push((json != "null").then_some(json));
        }
        Type::Struct(_) | Type::List(_) | Type::Map(_) => cells.push(Some(json(path, of, value, rules)?)),
        Type::Union(children) => {
            let Value::Union(active, value) = value else { unreachable!("{value:?}") };
            let (name, of) = &children[*active];
            csv_cells(&format!("{path}.{name}"), of, value, rules, cells)?;
        }
        _ => cells.push(Some(text(path, of, value)?)),
    }
    Ok(has_texts(of))
}

/// Whether a type has no parts, or is a union of such types.
fn is_plain(of: &Type) -> bool {
    match of {
        Type::Struct(_) | Type::List(_) | Type::Map(_) => false,
        Type::Union(children) => children.iter().all(|(_, of)| is_plain(of)),
        _ => true,
    }
}

fn has_texts(of: &Type) -> bool {
    match of {
        Type::Text | Type::Bytes => true,
        Type::Union(children) => is_plain(of) && children.iter().any(|(_, of)| has_texts(of)),
        _ => false,
    }
}

fn line(cells: &[Option<String>]) -> String {
    let cells = cells.iter().map(|cell| match cell {
        None => String::new(),
        Some(text) if is_quoted(text) => format!("\"{}\"", text.replace('"', "\"\"")),
        Some(text) => text.clone(),
    });
    cells.collect::<Vec<_>>().join(",") + "\n"
}

fn is_quoted(text: &str) -> bool {
    const BLANK: [char; 4] = [' ', '\t', '\u{b}', '\u{c}'];
    text.is_empty()
        || text.contains([',', '"', '\n', '\r'])
        || text.starts_with('#')
        || text.starts_with(BLANK)
        || text.ends_with(BLANK)
}

/// The rows of JSON lines.
pub(crate) fn jsonl(case: &Case, first_row: usize) -> Written {
    let lines = case.rows.iter().enumerate().map(|(row, values)| {
        let object = object("", &case.fields, values, case.rules);
        object.map(|object| object + "\n").map_err(|problem| message(&problem, first_row + row))
    });
    lines.collect()
}

fn message((column, what): &Problem, row: usize) -> String {
    format!("{what}: column=`{column}` row={row}")
}

fn object(path: &str, fields: &[(String, Type)], values: &[Value], rules: Rules) -> Result<String, Problem> {
    let mut members = Vec::new();
    for ((name, of), value) in fields.iter().zip(values) {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let value = json(&path, of, value, rules)?;
        if value != "null" || rules.explicit_nulls {
            members.push(format!("{}:{value}", string(name)));
        }
    }
    Ok(format!("{{{}}}", members.join(",")))
}

fn string(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn json(path: &str, of: &Type, value: &Value, rules: Rules) -> Result<String, Problem> {
    Ok(match (of, value) {
        (_, Value::Null) => "null".to_owned(),
        (Type::Struct(fields), Value::Struct(values)) => object(path, fields, values, rules)?,
        (Type::List(item), Value::List(items)) => {
            let items = items.iter().map(|value| json(&format!("{path}.item"), item, value, rules));
            format!("[{}]", items.collect::<Result<Vec<_>, _>>()?.join(","))
        }
        (Type::Map(entry), Value::Map(entries)) => {
            let mut texts: Vec<(String, String)> = Vec::new();
            for [key, value] in entries {
                let key = text(&format!("{path}.key"), &entry[0], key)?;
                texts.push((string(&key), json(&format!("{path}.value"), &entry[1], value, rules)?));
            }
            let twin = |index: usize| texts[..index].iter().any(|(key, _)| *key == texts[index].0);
            if (0..texts.len()).any(twin) {
                return Err((path.to_owned(), "a map holds a key twice"));
            }
            let members: Vec<_> = texts.into_iter().map(|(key, value)| format!("{key}:{value}")).collect();
            format!("{{{}}}", members.join(","))
        }
        (Type::Union(children), Value::Union(active, value)) => {
            let (name, of) = &children[*active];
            json(&format!("{path}.{name}"), of, value, rules)?
        }
        (Type::Float(_), Value::Float(float)) if !float.is_finite() => {
            if !rules.non_finite_is_null {
                return Err((path.to_owned(), "JSON cannot hold a number that is not finite"));
            }
            "null".to_owned()
        }
        (Type::Int(64, _) | Type::Decimal(..), _) if rules.wide_strings => string(&text(path, of, value)?),
        (Type::Bool | Type::Float(_) | Type::Int(..) | Type::Decimal(..), _) => text(path, of, value)?,
        _ => string(&text(path, of, value)?),
    })
}

/// The text of a value without parts.
fn text(path: &str, of: &Type, value: &Value) -> Result<String, Problem> {
    let years = || (path.to_owned(), "a time lies outside the years 0000 to 9999");
    Ok(match (of, value) {
        (_, Value::Bool(value)) => value.to_string(),
        (_, Value::Text(text)) => text.clone(),
        (_, Value::Bytes(bytes)) => STANDARD.encode(bytes),
        (Type::Float(bits), Value::Float(value)) => float(*bits, *value),
        (Type::Decimal(_, scale), Value::Int(value)) => decimal(*value, *scale),
        (Type::Date32, Value::Int(days)) => date(*days).ok_or_else(years)?,
        (Type::Date64, Value::Int(millis)) => {
            let date = date(millis.div_euclid(86_400_000)).ok_or_else(years)?;
            if millis.rem_euclid(86_400_000) != 0 {
                return Err((path.to_owned(), "a date holds a time of day"));
            }
            date
        }
        (Type::Time(digits, zoned), Value::Int(value)) => {
            let units = 10_i128.pow(*digits);
            let (seconds, fraction) = (value.div_euclid(units), value.rem_euclid(units));
            let date = date(seconds.div_euclid(86_400)).ok_or_else(years)?;
            let clock = clock(seconds.rem_euclid(86_400), fraction, *digits);
            format!("{date}T{clock}{}", if *zoned { "Z" } else { "" })
        }
        (Type::Clock(digits), Value::Int(value)) => {
            let units = 10_i128.pow(*digits);
            if !(0..86_400 * units).contains(value) {
                return Err((path.to_owned(), "a time of day lies outside of a day"));
            }
            clock(value / units, value % units, *digits)
        }
        (Type::Elapsed(digits), Value::Int(value)) => span(&[], &seconds(*value, *digits)),
        (Type::Interval(parts), Value::Interval(months, days, units)) => {
            let digits = if *parts == Parts::DaysAndMillis { 3 } else { 9 };
            let parts = [(months / 12, 'Y'), (months % 12, 'M'), (*days, 'D')];
            span(&parts, &seconds((*units).into(), digits))
        }
        (_, Value::Int(value)) => value.to_string(),
        _ => unreachable!("{of:?} {value:?}"),
    })
}

fn clock(second: i128, fraction: i128, digits: u32) -> String {
    let width = digits as usize;
    let fraction = if width == 0 { String::new() } else { format!(".{fraction:0width$}") };
    format!("{:02}:{:02}:{:02}{fraction}", second / 3600, second / 60 % 60, second % 60)
}

/// Units as seconds, without zeros at the end of their fraction.
fn seconds(value: i128, digits: u32) -> String {
    let (units, width) = (10_i128.pow(digits), digits as usize);
    let sign = if value < 0 { "-" } else { "" };
    let text = format!("{sign}{}.{:0width$}", value.abs() / units, value.abs() % units);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn span(parts: &[(i32, char)], seconds: &str) -> String {
    let parts = parts.iter().filter(|(count, _)| *count != 0);
    let text = parts.fold("P".to_owned(), |text, (count, unit)| format!("{text}{count}{unit}"));
    if seconds == "0" && text != "P" { text } else { format!("{text}T{seconds}S") }
}

fn float(bits: u8, value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    #[expect(clippy::cast_possible_truncation, reason = "drawn to be exact")]
    if bits == 64 {
        zmij::Buffer::new().format(value).to_owned()
    } else {
        zmij::Buffer::new().format(value as f32).to_owned()
    }
}

fn decimal(value: i128, scale: i8) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let scale_digits = usize::from(scale.unsigned_abs());
    if scale <= 0 {
        return if value == 0 { "0".to_owned() } else { format!("{value}{}", "0".repeat(scale_digits)) };
    }
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale_digits + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale_digits);
    format!("{sign}{whole}.{fraction}")
}

/// The date of a day since 1970, year by year and month by month.
fn date(day: i128) -> Option<String> {
    if !(-1_000_000..4_000_000).contains(&day) {
        return None;
    }
    let leap = |year: i32| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in = |year| if leap(year) { 366 } else { 365 };
    let (mut year, mut rest) = (1970, day);
    while rest < 0 {
        year -= 1;
        rest += days_in(year);
    }
    while rest >= days_in(year) {
        rest -= days_in(year);
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if rest < days {
            break;
        }
        rest -= days;
        month += 1;
    }
    (0..=9999).contains(&year).then(|| format!("{year:04}-{month:02}-{:02}", rest + 1))
}
