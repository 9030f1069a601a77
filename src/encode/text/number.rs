//! Numbers as text: integers, floats, decimals and booleans.
//!
//! One spelling for every format: integers by itoa, floats by zmij (the shortest digits that read back,
//! `1.0`, `1e+16`), decimals with all digits of their scale and never an exponent. Quotes around a number
//! are the frame's.
//!
//! Invariant: a writer uses at most [`Text::MOST`] bytes.

use arrow::datatypes::i256;

use crate::encode::text::copy::put_array;
use crate::encode::text::time::put_fraction;

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
    let len = text.len();
    let room = &mut room[..len];
    // Two copies of one size that meet or overlap: a call would cost more than a number has bytes.
    match len {
        8..=16 => put_ends::<8>(text, room),
        4..=7 => put_ends::<4>(text, room),
        2..=3 => put_ends::<2>(text, room),
        _ => room.copy_from_slice(text),
    }
    len
}

/// Copies the first and the last `N` bytes.
#[inline]
fn put_ends<const N: usize>(text: &[u8], room: &mut [u8]) {
    let last = text.len() - N;
    if let (Some(begin), Some(end)) = (text.first_chunk::<N>(), text.last_chunk::<N>()) {
        put_array(begin, room);
        put_array(end, &mut room[last..]);
    }
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
        put_array(if value { b"true " } else { b"false" }, room);
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
    /// The digits after the point, if there are some and 64 bits can hold a one before as many zeros.
    #[inline]
    fn fraction_digits(self) -> Option<usize> {
        usize::try_from(self.scale).ok().filter(|scale| (1..=19).contains(scale))
    }

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

/// Writes the whole and the fraction of a decimal, each for itself: its digits need not be moved.
#[inline]
fn split(negative: bool, digits: u64, scale: usize, room: &mut [u8]) -> usize {
    const POWERS: [u64; 20] = {
        let mut powers = [1; 20];
        let mut exponent = 1;
        while exponent < powers.len() {
            powers[exponent] = powers[exponent - 1] * 10;
            exponent += 1;
        }
        powers
    };
    let one = POWERS[scale];
    room[0] = b'-';
    let mut at = usize::from(negative);
    at += put(itoa::Buffer::new().format(digits / one).as_bytes(), &mut room[at..]);
    room[at] = b'.';
    put_fraction(digits % one, &mut room[at + 1..at + 1 + scale]);
    at + 1 + scale
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
        let digits = value.unsigned_abs();
        // Nearly all values fit 64 bits, whose digits are found much faster.
        let Ok(digits) = u64::try_from(digits) else {
            return self.point(value < 0, itoa::Buffer::new().format(digits).as_bytes(), room);
        };
        match self.fraction_digits() {
            Some(scale) => split(value < 0, digits, scale, room),
            None => self.point(value < 0, itoa::Buffer::new().format(digits).as_bytes(), room),
        }
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
mod tests;
