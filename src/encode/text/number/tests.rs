use super::*;

fn written<V>(text: &impl Text<V>, value: V) -> String {
    let mut room = [b'~'; 300];
    let len = text.write(value, &mut room);
    String::from_utf8(room[..len].to_vec()).unwrap()
}

#[test]
fn a_decimal_has_all_digits_of_its_scale_and_no_exponent() {
    let table = [
        (0, 0, "0"),
        (0, 2, "0.00"),
        (0, -2, "0"),
        (5, 2, "0.05"),
        (-5, 2, "-0.05"),
        (-50, 1, "-5.0"),
        (123, 2, "1.23"),
        (123, 3, "0.123"),
        (-123, -3, "-123000"),
        (7, 10, "0.0000000007"),
    ];
    for (value, scale, text) in table {
        assert_eq!(written(&Decimal { scale }, i128::from(value)), text);
        assert_eq!(written(&Decimal { scale }, value), text);
        assert_eq!(written(&Decimal { scale }, i256::from(i128::from(value))), text);
    }
}

#[test]
fn a_decimal_split_by_its_scale_is_spelled_like_one_whose_digits_are_moved() {
    let values = [0, 1, 9, 10, 99, 12_345, 10_u64.pow(18), 10_u64.pow(19), u64::MAX];
    for scale in 1..=19 {
        for (digits, negative) in values.iter().flat_map(|&digits| [(digits, false), (digits, true)]) {
            let (mut split_room, mut moved_room) = ([b'~'; 60], [b'~'; 60]);
            let len = split(negative, digits, scale, &mut split_room);
            let decimal = Decimal { scale: i8::try_from(scale).unwrap() };
            let moved = decimal.point(negative, digits.to_string().as_bytes(), &mut moved_room);
            assert_eq!(split_room[..len], moved_room[..moved], "{digits} {scale}");
        }
    }
}

#[test]
fn a_text_of_any_length_is_put_whole() {
    let text: Vec<u8> = (b'a'..=b'z').collect();
    for len in 0..=text.len() {
        let mut room = [b'~'; 30];
        assert_eq!(put(&text[..len], &mut room), len);
        assert_eq!((&room[..len], room[len]), (&text[..len], b'~'));
    }
}

#[test]
fn the_longest_decimals_fit() {
    for scale in [i8::MIN, -1, 0, 1, 76, i8::MAX] {
        for value in [i256::MIN, i256::MAX, i256::MINUS_ONE] {
            assert!(written(&Decimal { scale }, value).len() <= DECIMAL_MOST);
        }
    }
    assert_eq!(written(&Decimal { scale: 0 }, i256::MIN), i256::MIN.to_string());
    assert_eq!(written(&Decimal { scale: 0 }, i128::MIN), i128::MIN.to_string());
    assert_eq!(written(&Decimal { scale: 0 }, i64::MIN), i64::MIN.to_string());
}

#[test]
fn floats_read_back_and_keep_their_spelling() {
    let table = [(0.0, "0.0"), (-0.0, "-0.0"), (1.0, "1.0"), (0.1, "0.1"), (1e15, "1000000000000000.0")];
    for (value, text) in table {
        assert_eq!(written(&Float { finite: true }, value), text);
    }
    for value in [1e16, 1e300, 1e-7, f64::MIN_POSITIVE, f64::MAX, 5e-324] {
        let text = written(&Float { finite: true }, value);
        assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{text}");
    }
    assert_eq!(written(&Float { finite: false }, f64::NAN), "NaN");
    assert_eq!(written(&Float { finite: false }, f32::NEG_INFINITY), "-Infinity");
    assert_eq!(written(&Float { finite: false }, f32::INFINITY), "Infinity");
}
