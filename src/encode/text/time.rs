//! Dates and times as text (RFC 3339).
//!
//! A timestamp is a count of units since 1970 in UTC: a zone changes nothing but the `Z` at its end, and no
//! table of zones is needed. Only the years 0000 to 9999 have a text; what lies outside is a problem of the
//! value, since a reader could not take it for a time.
//!
//! Invariant: the fraction has exactly the digits of the unit, none for seconds.

use crate::encode::text::copy::put_array;
use crate::encode::text::number::Text;

const SECONDS_A_DAY: i64 = 86_400;
/// 0000-01-01 and 9999-12-31, in days since 1970.
const FIRST_DAY: i64 = -719_528;
const LAST_DAY: i64 = 2_932_896;

const OUT_OF_YEARS: &str = "a time lies outside the years 0000 to 9999";

/// Days since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Days;

impl Text<i32> for Days {
    const MOST: usize = 10;

    #[inline]
    fn problem(&self, value: i32) -> Option<&'static str> {
        (!(FIRST_DAY..=LAST_DAY).contains(&i64::from(value))).then_some(OUT_OF_YEARS)
    }

    #[inline]
    fn write(&self, value: i32, room: &mut [u8]) -> usize {
        put_date(i64::from(value), put_array(b"0000-00-00", room));
        10
    }
}

/// Days since 1970, counted in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Millidays;

impl Text<i64> for Millidays {
    const MOST: usize = 10;

    #[inline]
    fn problem(&self, value: i64) -> Option<&'static str> {
        let days = value.div_euclid(SECONDS_A_DAY * 1_000);
        if !(FIRST_DAY..=LAST_DAY).contains(&days) {
            return Some(OUT_OF_YEARS);
        }
        (value.rem_euclid(SECONDS_A_DAY * 1_000) != 0).then_some("a date holds a time of day")
    }

    #[inline]
    fn write(&self, value: i64, room: &mut [u8]) -> usize {
        put_date(value.div_euclid(SECONDS_A_DAY * 1_000), put_array(b"0000-00-00", room));
        10
    }
}

/// Units since 1970 in UTC; `DIGITS` are those of the fraction: 0, 3, 6 or 9.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timestamp<const DIGITS: u32> {
    /// Whether the column has a zone.
    pub(crate) zoned: bool,
}

impl<const DIGITS: u32> Timestamp<DIGITS> {
    const UNITS: i64 = 10_i64.pow(DIGITS);
    const FIRST: i64 = (FIRST_DAY * SECONDS_A_DAY).saturating_mul(Self::UNITS);
    /// The last unit of 9999, or the last that 64 bits hold.
    const LAST: i64 =
        ((LAST_DAY + 1) * SECONDS_A_DAY - 1).saturating_mul(Self::UNITS).saturating_add(Self::UNITS - 1);
}

impl<const DIGITS: u32> Text<i64> for Timestamp<DIGITS> {
    const MOST: usize = 30;

    #[inline]
    fn problem(&self, value: i64) -> Option<&'static str> {
        (!(Self::FIRST..=Self::LAST).contains(&value)).then_some(OUT_OF_YEARS)
    }

    #[inline]
    fn write(&self, value: i64, room: &mut [u8]) -> usize {
        let seconds = value.div_euclid(Self::UNITS);
        let text = put_array(b"0000-00-00T00:00:00.000000000Z", room);
        put_date(seconds.div_euclid(SECONDS_A_DAY), text);
        let second = seconds.rem_euclid(SECONDS_A_DAY).unsigned_abs();
        put_clock(second, &mut text[11..19]);
        put_fraction(value.rem_euclid(Self::UNITS).unsigned_abs(), &mut text[20..20 + DIGITS as usize]);
        let mut at = if DIGITS == 0 { 19 } else { 20 + DIGITS as usize };
        if self.zoned {
            text[at] = b'Z';
            at += 1;
        }
        at
    }
}

/// Units since midnight; `DIGITS` are those of the fraction: 0, 3, 6 or 9.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock<const DIGITS: u32>;

impl<const DIGITS: u32> Clock<DIGITS> {
    const UNITS: u64 = 10_u64.pow(DIGITS);
}

impl<V: Copy + Into<i64>, const DIGITS: u32> Text<V> for Clock<DIGITS> {
    const MOST: usize = 18;

    #[inline]
    fn problem(&self, value: V) -> Option<&'static str> {
        let day = 0..SECONDS_A_DAY * 10_i64.pow(DIGITS);
        (!day.contains(&value.into())).then_some("a time of day lies outside of a day")
    }

    #[inline]
    fn write(&self, value: V, room: &mut [u8]) -> usize {
        let value = value.into().unsigned_abs();
        let text = put_array(b"00:00:00.000000000", room);
        put_clock(value / Self::UNITS, text);
        put_fraction(value % Self::UNITS, &mut text[9..9 + DIGITS as usize]);
        if DIGITS == 0 { 8 } else { 9 + DIGITS as usize }
    }
}

/// Writes `HH:MM:SS` of a second of the day.
#[inline]
fn put_clock(second: u64, text: &mut [u8]) {
    // A day has 86,400.
    let second = u32::try_from(second).unwrap_or_default();
    put_pair(second / 3_600, text, 0);
    put_pair(second / 60 % 60, text, 3);
    put_pair(second % 60, text, 6);
}

/// Writes a fraction with all its digits.
#[inline]
pub(crate) fn put_fraction(mut fraction: u64, digits: &mut [u8]) {
    let (rest, pairs) = digits.as_rchunks_mut();
    for pair in pairs.iter_mut().rev() {
        *pair = PAIRS[(fraction % 100) as usize];
        fraction /= 100;
    }
    if let [digit] = rest {
        *digit = b'0' + (fraction % 10) as u8;
    }
}

/// The two digits of each number below a hundred.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut value = 0;
    while value < 100 {
        pairs[value as usize] = [b'0' + value / 10, b'0' + value % 10];
        value += 1;
    }
    pairs
};

/// Writes the two digits of a number below a hundred.
#[inline]
fn put_pair(value: u32, text: &mut [u8], at: usize) {
    put_array(&PAIRS[value as usize], &mut text[at..]);
}

/// Writes `YYYY-MM-DD` of a day in the years 0000 to 9999.
///
/// By Neri and Schneider (Euclidean affine functions and their application to calendar algorithms, 2023): years
/// begin on 1 March, so that the leap day is the last one, and what is left of a division is not multiplied back.
#[expect(clippy::cast_possible_truncation, reason = "the halves of 64 bits")]
#[inline]
fn put_date(day: i64, text: &mut [u8]) {
    // Days since 1 March of the year -400, less than four millions; 146,097 are 400 years.
    let days = u32::try_from(day + 719_468 + 146_097).unwrap_or_default();
    let quarters = 4 * days + 3;
    let century = quarters / 146_097;
    let quarters_of_century = (quarters % 146_097) | 3;
    // 2^32 / 2,939,745 is 1,461 quarters of a day, a year, and so little more that it does not matter in a century.
    let years = 2_939_745 * u64::from(quarters_of_century);
    let day_of_year = (years as u32) / 2_939_745 / 4;
    // 2^16 / 2,141 is the 30.6 days of a month from March on.
    let months = 2_141 * day_of_year + 197_913;
    let january_or_later = day_of_year >= 306;
    let year = 100 * century + (years >> 32) as u32 + u32::from(january_or_later) - 400;
    put_pair(year / 100, text, 0);
    put_pair(year % 100, text, 2);
    put_pair((months >> 16) - if january_or_later { 12 } else { 0 }, text, 5);
    put_pair((months & 0xffff) / 2_141 + 1, text, 8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written<V>(text: &impl Text<V>, value: V) -> String {
        let mut room = [b'~'; 64];
        let len = text.write(value, &mut room);
        String::from_utf8(room[..len].to_vec()).unwrap()
    }

    fn is_leap(year: i64) -> bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    #[test]
    fn every_day_of_the_years_0000_to_9999_is_written() {
        let mut day = i32::try_from(FIRST_DAY).unwrap();
        for year in 0..=9999 {
            let february = if is_leap(year) { 29 } else { 28 };
            for (month, days) in (1..).zip([31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
                for date in 1..=days {
                    let text = format!("{year:04}-{month:02}-{date:02}");
                    assert_eq!(written(&Days, day + date - 1), text);
                    assert!(Days.problem(day + date - 1).is_none());
                }
                day += days;
            }
        }
        assert!(Days.problem(day).is_some());
        assert!(Days.problem(i32::try_from(FIRST_DAY).unwrap() - 1).is_some());
    }

    #[test]
    fn a_time_has_the_digits_of_its_unit() {
        let naive = Timestamp::<0> { zoned: false };
        assert_eq!(written(&naive, -1), "1969-12-31T23:59:59");
        assert_eq!(written(&Timestamp::<3> { zoned: true }, -1), "1969-12-31T23:59:59.999Z");
        assert_eq!(written(&Timestamp::<6> { zoned: false }, 1), "1970-01-01T00:00:00.000001");
        let nanos = Timestamp::<9> { zoned: true };
        assert_eq!(written(&nanos, i64::MAX), "2262-04-11T23:47:16.854775807Z");
        assert_eq!(written(&nanos, i64::MIN), "1677-09-21T00:12:43.145224192Z");
        assert!(nanos.problem(i64::MIN).is_none());
    }

    #[test]
    fn a_time_outside_the_years_is_a_problem() {
        let seconds = Timestamp::<0> { zoned: false };
        assert_eq!(written(&seconds, 253_402_300_799), "9999-12-31T23:59:59");
        assert_eq!(written(&seconds, -62_167_219_200), "0000-01-01T00:00:00");
        for value in [253_402_300_800, -62_167_219_201, i64::MIN, i64::MAX] {
            assert!(seconds.problem(value).is_some());
        }
        let micros = Timestamp::<6> { zoned: false };
        assert_eq!(written(&micros, 253_402_300_799_999_999), "9999-12-31T23:59:59.999999");
        assert!(micros.problem(253_402_300_800_000_000).is_some());
    }

    #[test]
    fn a_time_of_day_has_the_digits_of_its_unit_and_lies_within_a_day() {
        assert_eq!(written(&Clock::<0>, 45_296_i32), "12:34:56");
        assert_eq!(written(&Clock::<3>, 86_399_999_i32), "23:59:59.999");
        assert_eq!(written(&Clock::<6>, 1_i64), "00:00:00.000001");
        assert_eq!(written(&Clock::<9>, 86_399_999_999_999_i64), "23:59:59.999999999");
        assert!(Clock::<0>.problem(86_399_i32).is_none());
        for value in [86_400_i32, -1, i32::MIN, i32::MAX] {
            assert!(Clock::<0>.problem(value).is_some());
        }
        assert!(Clock::<9>.problem(86_400_000_000_000_i64).is_some());
    }

    #[test]
    fn a_date_with_a_time_of_day_is_a_problem() {
        assert_eq!(written(&Millidays, -86_400_000), "1969-12-31");
        assert!(Millidays.problem(0).is_none());
        assert!(Millidays.problem(1).is_some());
        assert!(Millidays.problem(i64::MAX).is_some());
    }
}
