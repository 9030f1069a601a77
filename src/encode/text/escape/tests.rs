use super::*;
use crate::encode::text::cells::Cells;

fn written(style: impl Style, text: &[u8]) -> String {
    let mut cells = Cells::new();
    cells.room(text.len() * 6 + 2, 1);
    let mut pen = cells.pen();
    style.write(text, &mut pen);
    pen.finish();
    String::from_utf8(cells.text().to_vec()).unwrap()
}

fn is_asked(style: impl Style, text: &[u8]) -> bool {
    let (first, last) = (text.first().copied().unwrap_or(0), text.last().copied().unwrap_or(0));
    is_any(style, text) || style.is_odd(Ends { len: text.len(), first, last })
}

fn is_any<S: Style>(_style: S, text: &[u8]) -> bool {
    is_any_special::<S>(text)
}

#[test]
fn a_special_byte_is_found_wherever_it_stands() {
    for len in 0..200 {
        let plain = vec![b'a'; len];
        assert_eq!(find::<Json<false>>(&plain, 0), len);
        assert!(!is_any_special::<Csv>(&plain));
        for at in 0..len {
            let mut text = plain.clone();
            text[at] = b'"';
            assert!(is_any_special::<Csv>(&text), "{len} {at}");
            for from in [0, at / 2, at] {
                assert_eq!(find::<Csv>(&text, from), at, "{len} {from}");
            }
            assert_eq!(find::<Csv>(&text, at + 1), len, "{len} {at}");
        }
    }
}

#[test]
fn the_special_bytes_are_those_of_the_format() {
    for byte in 0..=u8::MAX {
        let text = [b'x', byte];
        let json = byte < 0x20 || byte == b'"' || byte == b'\\';
        assert_eq!(find::<Json<false>>(&text, 0), if json { 1 } else { 2 }, "{byte}");
        let csv = matches!(byte, b',' | b'"' | b'\n' | b'\r');
        assert_eq!(find::<Csv>(&text, 0), if csv { 1 } else { 2 }, "{byte}");
    }
}

#[test]
fn every_byte_is_escaped_as_json_wants_it() {
    for byte in 0..=127_u8 {
        let text = [b'x', byte, b'y'];
        let json = format!("\"{}\"", written(Json::<false>, &text));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap().as_bytes(), text);
        assert_eq!(json, serde_json::to_string(std::str::from_utf8(&text).unwrap()).unwrap());
    }
}

#[test]
fn escapes_of_any_number_stand_wherever_they_must() {
    for len in 0..80 {
        for step in 1..10 {
            let text: String = (0..len)
                .map(|at| if at % step == 0 { ['"', '\n', '\u{1}', '\\'][at % 4] } else { 'é' })
                .collect();
            let json = format!("\"{}\"", written(Json::<false>, text.as_bytes()));
            assert_eq!(json, serde_json::to_string(&text).unwrap());
            let cell = format!("\"{}\"", text.replace('"', "\"\""));
            assert_eq!(written(Csv { lone: false }, text.as_bytes()), if len == 0 { "\"\"" } else { &cell });
        }
    }
}

#[test]
fn json_in_a_cell_is_what_a_reader_of_csv_makes_json_of() {
    for len in 0..80 {
        for step in 1..10 {
            let text: String = (0..len)
                .map(|at| if at % step == 0 { ['"', '\\', '"', '\n', ','][at % 5] } else { 'é' })
                .collect();
            let json = written(Json::<false>, text.as_bytes());
            assert_eq!(written(Json::<true>, text.as_bytes()), json.replace('"', "\"\""));
        }
    }
}

#[test]
fn a_text_is_quoted_only_where_a_reader_needs_it() {
    let table = [
        ("", "\"\""),
        ("a b", "a b"),
        ("a,b", "\"a,b\""),
        ("a\"b", "\"a\"\"b\""),
        ("a\rb", "\"a\rb\""),
        ("a\nb", "\"a\nb\""),
        (" a", "\" a\""),
        ("a\t", "\"a\t\""),
        ("#a", "\"#a\""),
        ("a#", "a#"),
        ("!a", "!a"),
        ("NULL", "NULL"),
        ("a\0b", "a\0b"),
        ("'a'", "'a'"),
    ];
    for (text, cell) in table {
        let style = Csv { lone: false };
        assert_eq!(written(style, text.as_bytes()), cell);
        assert!(is_asked(style, text.as_bytes()) || text == cell);
    }
    assert_eq!(written(Csv { lone: true }, b"NULL"), "\"NULL\"");
    assert!(is_asked(Csv { lone: true }, b"NULL"));
}

#[test]
fn quotes_are_doubled_wherever_they_stand() {
    for len in 1..50 {
        for at in 0..len {
            let mut text = vec![b'a'; len];
            text[at] = b'"';
            let text = String::from_utf8(text).unwrap();
            let cell = format!("\"{}\"", text.replace('"', "\"\""));
            assert_eq!(written(Csv { lone: false }, text.as_bytes()), cell);
        }
    }
}
