//! Numbers as text: integers, floats, decimals and booleans.
//!
//! One spelling for every format: integers by itoa, floats by zmij (the shortest digits that read back,
//! `1.0`, `1e+16`), decimals with all digits of their scale and never an exponent. Quotes around a number
//! are the frame's.
//!
//! Invariant: a writer uses at most [`Text::MOST`] bytes.

use arrow::datatypes::i256;

/// Writes values of one type as text.
pub(crate) trait Text<V>: Send + Sync {
    /// The most bytes of a value.
    const MOST: usize;

    /// Why a value cannot be written; `None` for nearly all.
    #[inline]
    fn problem(&self, _value: V) -> Option<&'static str> {
        None
    }

    /// Writes a value that has no problem and returns its length.
    fn write(&self, value: V, room: &mut [u8]) -> usize;
}

/// Copies a text and returns its length.
#[inline]
pub(crate) fn put(text: &[u8], room: &mut [u8]) -> usize {
    room[..text.len()].copy_from_slice(text);
    text.len()
}

/// Integers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Integer;

impl<V: itoa::Integer> Text<V> for Integer {
    const MOST: usize = V::MAX_STR_LEN;

    #[inline]
    fn write(&self, value: V, room: &mut [u8]) -> usize {
        put(itoa::Buffer::new().format(value).as_bytes(), room)
    }
}

/// Booleans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bool;

impl Text<bool> for Bool {
    const MOST: usize = 5;

    #[inline]
    fn write(&self, value: bool, room: &mut [u8]) -> usize {
        room[..5].copy_from_slice(if value { b"true " } else { b"false" });
        5 - usize::from(value)
    }
}

/// Floats: `NaN`, `Infinity` and `-Infinity` are words, or a problem.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Float {
    /// Whether only finite values can be written.
    pub(crate) finite: bool,
}

/// A float, whatever its width.
pub(crate) trait AnyFloat: Copy {
    /// Whether it is a number.
    fn is_number(self) -> bool;
    /// Writes a number and returns its length.
    fn number(self, room: &mut [u8]) -> usize;
    /// The word for what is no number.
    fn word(self) -> &'static [u8];
}

macro_rules! any_float {
    ($float:ty) => {
        impl AnyFloat for $float {
            #[inline]
            fn is_number(self) -> bool {
                self.is_finite()
            }

            #[inline]
            fn number(self, room: &mut [u8]) -> usize {
                put(zmij::Buffer::new().format_finite(self).as_bytes(), room)
            }

            fn word(self) -> &'static [u8] {
                if self.is_nan() {
                    b"NaN"
                } else if self > 0.0 {
                    b"Infinity"
                } else {
                    b"-Infinity"
                }
            }
        }
    };
}

any_float!(f32);
any_float!(f64);

impl<V: AnyFloat> Text<V> for Float {
    const MOST: usize = 24;

    #[inline]
    fn problem(&self, value: V) -> Option<&'static str> {
        (self.finite && !value.is_number()).then_some("JSON cannot hold a number that is not finite")
    }

    #[inline]
    fn write(&self, value: V, room: &mut [u8]) -> usize {
        if value.is_number() { value.number(room) } else { put(value.word(), room) }
    }
}

/// Decimals: an integer and where its point is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal {
    /// Digits after the point; below zero, zeros after the integer.
    pub(crate) scale: i8,
}

/// 78 digits of a 256-bit integer, or the 127 that the largest scale asks for, or 128 zeros after the
/// digits; the sign, the point and the zero before it.
const DECIMAL_MOST: usize = 78 + 128 + 3;

impl Decimal {
    #[inline]
    fn point(self, negative: bool, digits: &[u8], room: &mut [u8]) -> usize {
        let mut at = 0;
        if negative {
            room[0] = b'-';
            at = 1;
        }
        let scale = usize::from(self.scale.unsigned_abs());
        if self.scale <= 0 {
            at += put(digits, &mut room[at..]);
            // Zero has no digit to be multiplied.
            let zeros = if digits == b"0" { 0 } else { scale };
            room[at..at + zeros].fill(b'0');
            return at + zeros;
        }
        let whole = digits.len().saturating_sub(scale);
        at += put(if whole == 0 { b"0" } else { &digits[..whole] }, &mut room[at..]);
        room[at] = b'.';
        at += 1;
        let zeros = scale - (digits.len() - whole);
        room[at..at + zeros].fill(b'0');
        at += zeros;
        at + put(&digits[whole..], &mut room[at..])
    }
}

macro_rules! decimal {
    ($int:ty) => {
        impl Text<$int> for Decimal {
            const MOST: usize = DECIMAL_MOST;

            #[inline]
            fn write(&self, value: $int, room: &mut [u8]) -> usize {
                let digits = value.unsigned_abs();
                self.point(value < 0, itoa::Buffer::new().format(digits).as_bytes(), room)
            }
        }
    };
}

decimal!(i32);
decimal!(i64);

impl Text<i128> for Decimal {
    const MOST: usize = DECIMAL_MOST;

    #[inline]
    fn write(&self, value: i128, room: &mut [u8]) -> usize {
        let mut buffer = itoa::Buffer::new();
        // Nearly all values fit 64 bits, whose digits are found much faster.
        let digits = match u64::try_from(value.unsigned_abs()) {
            Ok(digits) => buffer.format(digits),
            Err(_) => buffer.format(value.unsigned_abs()),
        };
        self.point(value < 0, digits.as_bytes(), room)
    }
}

impl Text<i256> for Decimal {
    const MOST: usize = DECIMAL_MOST;

    fn write(&self, value: i256, room: &mut [u8]) -> usize {
        if let Some(value) = value.to_i128() {
            return self.write(value, room);
        }
        let text = value.to_string();
        let digits = text.strip_prefix('-').unwrap_or(&text);
        self.point(value.is_negative(), digits.as_bytes(), room)
    }
}

#[cfg(test)]
mod tests {
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
}
