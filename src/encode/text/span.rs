//! Durations and intervals as text (ISO 8601, `P1Y2M3DT4.5S`).
//!
//! Months, days and units of time are kept apart, as Arrow keeps them: a month has no fixed number of days and
//! a day none of seconds. Twelve months are a year; all time is seconds. Each number has a sign of its own, so
//! that `P1M-2D` can be told; what is zero is left out, and nothing at all is `PT0S`.
//!
//! Invariant: the seconds have the digits of their fraction without zeros at its end.

use arrow::datatypes::{IntervalDayTime, IntervalMonthDayNano};

use crate::encode::text::number::{Text, put};
use crate::encode::text::time::put_fraction;

/// Units of time; `DIGITS` are those of the fraction of a second: 0, 3, 6 or 9.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elapsed<const DIGITS: u32>;

impl<const DIGITS: u32> Text<i64> for Elapsed<DIGITS> {
    /// `PT-`, 19 digits, the point and `S`.
    const MOST: usize = 3 + 19 + 2;

    #[inline]
    fn write(&self, value: i64, room: &mut [u8]) -> usize {
        let mut span = Span::begin(room);
        span.seconds::<DIGITS>(value);
        span.end()
    }
}

/// Months.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Months;

impl Text<i32> for Months {
    /// `P`, a sign, 9 digits and `Y`, a sign, 2 digits and `M`.
    const MOST: usize = 1 + 11 + 4;

    #[inline]
    fn write(&self, value: i32, room: &mut [u8]) -> usize {
        let mut span = Span::begin(room);
        span.months(value);
        span.end()
    }
}

/// Days and milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DaysAndTime;

impl Text<IntervalDayTime> for DaysAndTime {
    /// `P`, a sign, 10 digits and `D`, `T`, a sign, 10 digits, the point and `S`.
    const MOST: usize = 1 + 12 + 14;

    #[inline]
    fn write(&self, value: IntervalDayTime, room: &mut [u8]) -> usize {
        let mut span = Span::begin(room);
        span.part(value.days, b'D');
        span.seconds::<3>(value.milliseconds.into());
        span.end()
    }
}

/// Months, days and nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MonthsDaysAndTime;

impl Text<IntervalMonthDayNano> for MonthsDaysAndTime {
    /// Months as above, a sign, 10 digits and `D`, `T`, a sign, 19 digits, the point and `S`.
    const MOST: usize = Months::MOST + 12 + 23;

    #[inline]
    fn write(&self, value: IntervalMonthDayNano, room: &mut [u8]) -> usize {
        let mut span = Span::begin(room);
        span.months(value.months);
        span.part(value.days, b'D');
        span.seconds::<9>(value.nanoseconds);
        span.end()
    }
}

/// Writes the parts of one text, the longest first.
struct Span<'a> {
    room: &'a mut [u8],
    at: usize,
}

impl<'a> Span<'a> {
    #[inline]
    fn begin(room: &'a mut [u8]) -> Self {
        room[0] = b'P';
        Self { room, at: 1 }
    }

    #[inline]
    fn end(mut self) -> usize {
        if self.at == 1 {
            self.put(b"T0S");
        }
        self.at
    }

    #[inline]
    fn put(&mut self, text: &[u8]) {
        self.at += put(text, &mut self.room[self.at..]);
    }

    /// Years and months: a remainder has the sign of the whole.
    #[inline]
    fn months(&mut self, months: i32) {
        self.part(months / 12, b'Y');
        self.part(months % 12, b'M');
    }

    #[inline]
    fn part(&mut self, count: i32, unit: u8) {
        if count != 0 {
            self.put(itoa::Buffer::new().format(count).as_bytes());
            self.put(&[unit]);
        }
    }

    #[inline]
    fn seconds<const DIGITS: u32>(&mut self, units: i64) {
        if units == 0 {
            return;
        }
        self.put(if units < 0 { b"T-" } else { b"T" });
        let units_a_second = 10_u64.pow(DIGITS);
        let units = units.unsigned_abs();
        self.put(itoa::Buffer::new().format(units / units_a_second).as_bytes());
        let fraction = units % units_a_second;
        if fraction != 0 {
            let mut text = *b".000000000";
            put_fraction(fraction, &mut text[1..=DIGITS as usize]);
            let zeros = text.iter().rev().take_while(|&&digit| digit == b'0').count();
            self.put(&text[..text.len() - zeros]);
        }
        self.put(b"S");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written<V, W: Text<V>>(text: &W, value: V) -> String {
        let mut room = [b'~'; 80];
        let len = text.write(value, &mut room);
        assert!(len <= W::MOST);
        String::from_utf8(room[..len].to_vec()).unwrap()
    }

    #[test]
    fn a_duration_is_seconds_without_zeros_at_its_end() {
        assert_eq!(written(&Elapsed::<0>, 0), "PT0S");
        assert_eq!(written(&Elapsed::<0>, 90), "PT90S");
        assert_eq!(written(&Elapsed::<3>, 1_500), "PT1.5S");
        assert_eq!(written(&Elapsed::<3>, -1), "PT-0.001S");
        assert_eq!(written(&Elapsed::<6>, 2_000_000), "PT2S");
        assert_eq!(written(&Elapsed::<9>, i64::MIN), "PT-9223372036.854775808S");
        assert_eq!(written(&Elapsed::<0>, i64::MIN), "PT-9223372036854775808S");
        assert_eq!(written(&Elapsed::<0>, i64::MAX), "PT9223372036854775807S");
    }

    #[test]
    fn each_number_of_an_interval_has_its_own_sign() {
        let table = [
            ((0, 0, 0), "PT0S"),
            ((14, 3, 4_500_000_000), "P1Y2M3DT4.5S"),
            ((-14, 3, -1), "P-1Y-2M3DT-0.000000001S"),
            ((12, 0, 0), "P1Y"),
            ((-1, 0, 0), "P-1M"),
            ((0, -2, 0), "P-2D"),
            ((1, -2, 0), "P1M-2D"),
            ((i32::MIN, i32::MIN, i64::MIN), "P-178956970Y-8M-2147483648DT-9223372036.854775808S"),
            ((-2_147_483_639, i32::MAX, i64::MAX), "P-178956969Y-11M2147483647DT9223372036.854775807S"),
        ];
        for ((months, days, nanoseconds), text) in table {
            let interval = IntervalMonthDayNano { months, days, nanoseconds };
            assert_eq!(written(&MonthsDaysAndTime, interval), text);
        }
        let interval = IntervalDayTime { days: i32::MIN, milliseconds: i32::MIN };
        assert_eq!(written(&DaysAndTime, interval), "P-2147483648DT-2147483.648S");
        assert_eq!(written(&Months, i32::MIN), "P-178956970Y-8M");
        assert_eq!(written(&Months, 0), "PT0S");
    }
}
