//! Dates and timestamps (ORC v1 specification, "Date Columns", "Timestamp Columns").
//!
//! Seconds are counted from 2015 in UTC, the zone of the writer, and rounded down; a timestamp before 1970 with a
//! fraction of a millisecond or more has one second more, which readers take back (ORC-306, ORC-346, ORC-763). A
//! value in the last second before 1970 with such a fraction cannot be told from one a second later.

use arrow::datatypes::{
    Date32Type, Date64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use orc_rust::proto::column_encoding::Kind as EncodingKind;
use orc_rust::proto::stream::Kind;

use super::bloom;
use super::column::{Failure, Pen, Written};
use super::number::gathered;
use super::slots::Values;
use super::stats::Of;
use super::tree::Node;

/// 2015-01-01 00:00:00 UTC in seconds since 1970.
const BASE_SECONDS: i64 = 1_420_070_400;
const NANOS_A_SECOND: i64 = 1_000_000_000;
const NANOS_A_MILLI: i64 = 1_000_000;
const MILLIS_A_DAY: i64 = 86_400_000;

/// DATE, from days.
pub(super) fn days(node: &Node, values: &Values, pen: &Pen) -> Written {
    dates(node, &gathered::<Date32Type, i32>(values, |day| day), values, pen)
}

/// DATE, from milliseconds.
pub(super) fn millidays(node: &Node, values: &Values, pen: &Pen) -> Result<Written, Failure> {
    let millis = gathered::<Date64Type, i64>(values, |millis| millis);
    let day = |millis: &i64| i32::try_from(millis / MILLIS_A_DAY).ok().filter(|_| millis % MILLIS_A_DAY == 0);
    let days = millis.iter().map(day).collect::<Option<Vec<_>>>();
    let problem = "ORC cannot hold this date, or it holds a time of day";
    let days = days.ok_or_else(|| Failure::Value { problem, column: node.path.clone() })?;
    Ok(dates(node, &days, values, pen))
}

fn dates(node: &Node, days: &[i32], values: &Values, pen: &Pen) -> Written {
    let data = pen.signed_runs(Kind::Data, days, &values.bounds);
    let range = |group: &[usize]| {
        let days = &days[group[0]..group[1]];
        days.iter().copied().min().zip(days.iter().copied().max())
    };
    let stats = values.bounds.windows(2).map(|group| Of::Dates(range(group))).collect();
    let mut written = Written::new(EncodingKind::DirectV2, vec![data], stats);
    written.blooms = pen.blooms(node, &values.bounds, |group, add| {
        days[group].iter().for_each(|day| add(bloom::of_integer((*day).into())));
    });
    written
}

/// TIMESTAMP, and TIMESTAMP with local time zone.
pub(super) fn timestamps(
    node: &Node,
    values: &Values,
    pen: &Pen,
    unit: TimeUnit,
) -> Result<Written, Failure> {
    let (instants, nanos_a_unit) = match unit {
        TimeUnit::Second => (gathered::<TimestampSecondType, i64>(values, |value| value), NANOS_A_SECOND),
        TimeUnit::Millisecond => {
            (gathered::<TimestampMillisecondType, i64>(values, |value| value), NANOS_A_MILLI)
        }
        TimeUnit::Microsecond => (gathered::<TimestampMicrosecondType, i64>(values, |value| value), 1_000),
        TimeUnit::Nanosecond => (gathered::<TimestampNanosecondType, i64>(values, |value| value), 1),
    };
    let units = Units { a_second: NANOS_A_SECOND / nanos_a_unit, nanos: nanos_a_unit };
    let mut seconds = Vec::with_capacity(instants.len());
    let mut fractions = Vec::with_capacity(instants.len());
    for instant in &instants {
        let (second, nanos) = units.split(*instant);
        let stored = stored_second(second, nanos).ok_or_else(|| Failure::Value {
            problem: "ORC cannot hold this timestamp",
            column: node.path.clone(),
        })?;
        seconds.push(stored);
        fractions.push(stored_fraction(nanos));
    }
    let streams = vec![
        pen.signed_runs(Kind::Data, &seconds, &values.bounds),
        pen.unsigned_runs(Kind::Secondary, &fractions, &values.bounds),
    ];
    let range = |group: &[usize]| {
        let instants = &instants[group[0]..group[1]];
        let (low, high) = instants.iter().copied().min().zip(instants.iter().copied().max())?;
        Some([units.millis(low), units.millis(high)])
    };
    let stats = values.bounds.windows(2).map(|group| Of::Timestamps(range(group))).collect();
    let mut written = Written::new(EncodingKind::DirectV2, streams, stats);
    written.blooms = pen.blooms(node, &values.bounds, |group, add| {
        instants[group].iter().for_each(|instant| add(bloom::of_integer(units.millis(*instant).0)));
    });
    Ok(written)
}

/// The unit of timestamps.
#[derive(Clone, Copy)]
struct Units {
    a_second: i64,
    nanos: i64,
}

impl Units {
    /// Seconds since 1970, rounded down, and nanoseconds on top of them.
    fn split(self, instant: i64) -> (i64, i64) {
        (instant.div_euclid(self.a_second), instant.rem_euclid(self.a_second) * self.nanos)
    }

    /// Milliseconds since 1970, rounded down, and nanoseconds on top of them.
    fn millis(self, instant: i64) -> (i64, i32) {
        let (second, nanos) = self.split(instant);
        // A second that is stored is far from the ends of what a number can be, but for seconds themselves.
        (second.saturating_mul(1_000).saturating_add(nanos / NANOS_A_MILLI), (nanos % NANOS_A_MILLI) as i32)
    }
}

/// Seconds since 2015 as they are stored; `None`: no reader would give the value back.
fn stored_second(second: i64, nanos: i64) -> Option<i64> {
    let has_fraction = nanos > 999_999;
    if second == -1 && has_fraction {
        return None;
    }
    let second = if second < 0 && has_fraction { second + 1 } else { second };
    second.checked_sub(BASE_SECONDS)
}

/// Nanoseconds without their zeros; how many there were stands in the low three bits.
fn stored_fraction(nanos: i64) -> i64 {
    if nanos == 0 {
        return 0;
    }
    if nanos % 100 != 0 {
        return nanos << 3;
    }
    let (mut rest, mut zeros) = (nanos / 100, 1);
    while rest % 10 == 0 && zeros < 7 {
        rest /= 10;
        zeros += 1;
    }
    rest << 3 | zeros
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_lose_their_zeros() {
        let cases = [
            (0, 0),
            (1, 1 << 3),
            (1_000, 1 << 3 | 2),
            (100_000, 1 << 3 | 4),
            (900_000_000, 9 << 3 | 7),
            (123_456_700, 1_234_567 << 3 | 1),
            (999_999_990, 999_999_990 << 3),
        ];
        for (nanos, stored) in cases {
            assert_eq!(stored_fraction(nanos), stored, "{nanos}");
            // As the specification has it read.
            let zeros = stored & 7;
            let read =
                (stored >> 3) * if zeros == 0 { 1 } else { 10_i64.pow(u32::try_from(zeros).unwrap() + 1) };
            assert_eq!(read, nanos);
        }
    }

    #[test]
    fn only_the_last_second_before_1970_is_lost() {
        assert_eq!(stored_second(-1, 1_000_000), None);
        assert_eq!(stored_second(-1, 999_999), Some(-1 - BASE_SECONDS));
        assert_eq!(stored_second(-2, 1_000_000), Some(-1 - BASE_SECONDS));
        assert_eq!(stored_second(0, 999_999_999), Some(-BASE_SECONDS));
        assert_eq!(stored_second(i64::MIN, 0), None);
    }

    #[test]
    fn an_instant_is_split_downwards() {
        let micros = Units { a_second: 1_000_000, nanos: 1_000 };
        assert_eq!(micros.split(-1), (-1, 999_999_000));
        assert_eq!(micros.millis(-1), (-1, 999_000));
        assert_eq!(micros.millis(1_500_001), (1_500, 1_000));
    }
}
