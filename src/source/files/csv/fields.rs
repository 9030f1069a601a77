//! Where records and fields end.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use crate::source::files::runs::{Ends, Unfit};

/// A field: `None` is one without anything, not even quotes.
pub(super) type Field<'a> = Option<Cow<'a, str>>;

/// Finds the line feeds that are not inside of quotes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Quotes {
    /// At the beginning of a field.
    #[default]
    Start,
    /// In a field that does not begin with a quote; a quote means nothing there.
    Plain,
    /// In quotes.
    Quoted,
    /// After a quote in quotes: the end of them, or the first of two that stand for one.
    Closing,
}

impl Ends for Quotes {
    fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let (skip, state) = match self {
                Self::Quoted => match memchr(b'"', rest) {
                    Some(quote) => (quote, Self::Closing),
                    None => return None,
                },
                Self::Plain => match memchr2(b',', b'\n', rest) {
                    Some(end) => (end, Self::Start),
                    None => return None,
                },
                Self::Start | Self::Closing => match rest[0] {
                    b'"' => (0, Self::Quoted),
                    b',' | b'\n' => (0, Self::Start),
                    _ => (0, Self::Plain),
                },
            };
            *self = state;
            at += skip + 1;
            if bytes[at - 1] == b'\n' && matches!(self, Self::Start) {
                return Some(at);
            }
        }
        None
    }

    fn is_blank(line: &[u8]) -> bool {
        line.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
    }
}

/// The records of a text, without their line ends; blank lines are none.
pub(super) fn records(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut rest, mut quotes) = (text, Quotes::default());
    let lines = std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (line, after) = rest.split_at(quotes.find(rest).unwrap_or(rest.len()));
        rest = after;
        Some(line)
    });
    lines.filter(|line| !Quotes::is_blank(line)).map(|line| {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        line.strip_suffix(b"\r").unwrap_or(line)
    })
}

/// The number of fields of a record.
pub(super) fn count(record: &[u8]) -> usize {
    let (mut fields, mut at) = (1, 0);
    while let Some(end) = end_of_field(record, at) {
        fields += 1;
        at = end + 1;
    }
    fields
}

/// The fields of a record, which must be so many.
pub(super) fn split(record: &[u8], expected: usize) -> Result<Vec<Field<'_>>, Unfit> {
    let record = std::str::from_utf8(record).map_err(|_invalid| Unfit::NoUtf8)?;
    let mut fields = Vec::with_capacity(expected);
    let mut at = 0;
    loop {
        let end = end_of_field(record.as_bytes(), at);
        fields.push(field(&record[at..end.unwrap_or(record.len())])?);
        match end {
            Some(end) => at = end + 1,
            None => break,
        }
    }
    if fields.len() == expected {
        return Ok(fields);
    }
    Err(Unfit::FieldCount { expected, found: fields.len() })
}

/// Where the comma after a field is; `None`: it is the last one.
fn end_of_field(record: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    if record.get(at) == Some(&b'"') {
        at += 1;
        loop {
            at += memchr(b'"', record.get(at..)?)? + 1;
            if record.get(at) != Some(&b'"') {
                break;
            }
            at += 1;
        }
    }
    memchr(b',', record.get(at..)?).map(|comma| at + comma)
}

fn field(text: &str) -> Result<Field<'_>, Unfit> {
    let Some(quoted) = text.strip_prefix('"') else {
        return Ok((!text.is_empty()).then_some(Cow::Borrowed(text)));
    };
    let inner = quoted.strip_suffix('"').ok_or(Unfit::Quotes)?;
    if !inner.contains('"') {
        return Ok(Some(Cow::Borrowed(inner)));
    }
    let single = inner.replace("\"\"", "");
    if single.contains('"') {
        return Err(Unfit::Quotes);
    }
    Ok(Some(Cow::Owned(inner.replace("\"\"", "\""))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records of a text that comes in pieces of this size.
    fn cut(text: &[u8], piece: usize) -> Vec<usize> {
        let mut quotes = Quotes::default();
        let (mut ends, mut offset) = (Vec::new(), 0);
        for piece in text.chunks(piece) {
            let mut at = 0;
            while let Some(len) = quotes.find(&piece[at..]) {
                at += len;
                ends.push(offset + at);
            }
            offset += piece.len();
        }
        ends
    }

    #[test]
    fn records_end_at_line_feeds_outside_of_quotes_however_they_come() {
        let text = b"a,b\r\n\"x\ny\",\"\"\"\n\"\n5\" pipe,2\n\"\",\n,\"a\"\"\nb\"\nlast";
        let whole = cut(text, text.len());
        assert_eq!(whole.len(), 5);
        for piece in 1..text.len() {
            assert_eq!(cut(text, piece), whole, "{piece}");
        }
    }

    #[test]
    fn an_empty_text_is_not_null() {
        let fields = split(b"\"\",,a", 3).unwrap();
        assert_eq!(fields, [Some("".into()), None, Some("a".into())]);
    }

    #[test]
    fn quotes_are_taken_off() {
        let fields = split(b"\"a,b\",\"say \"\"hi\"\"\",5\" pipe,\"\"\"\"", 4).unwrap();
        let texts: Vec<_> = fields.iter().map(|field| field.as_deref().unwrap()).collect();
        assert_eq!(texts, ["a,b", "say \"hi\"", "5\" pipe", "\""]);
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for record in [&b"\"a\"b,c"[..], b"\"a,b", b"\"a\" ,c", b"\"a\"b\",c"] {
            assert!(split(record, 2).is_err(), "{record:?}");
        }
        assert!(matches!(split(b"a,b,c", 2), Err(Unfit::FieldCount { expected: 2, found: 3 })));
        assert!(matches!(split(b"\xff,b", 2), Err(Unfit::NoUtf8)));
    }
}
