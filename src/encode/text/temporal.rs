//! Columns of dates, times and spans: which loop writes them, by unit.

use arrow::array::ArrayRef;
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};

use crate::encode::text::column::BoxColumn;
use crate::encode::text::node::Node;
use crate::encode::text::plain::numbers;
use crate::encode::text::scalar::Zone;
use crate::encode::text::span::{DaysAndTime, Elapsed, Months, MonthsDaysAndTime};
use crate::encode::text::time::{Clock, Timestamp};

/// The writer of timestamps.
pub(crate) fn timestamps<'p>(
    node: &'p Node,
    array: &ArrayRef,
    nulls: Option<NullBuffer>,
    (unit, zone): (TimeUnit, Zone),
) -> BoxColumn<'p> {
    let zoned = zone == Zone::Zoned;
    match unit {
        TimeUnit::Second => numbers::<TimestampSecondType, _>(node, array, nulls, Timestamp::<0> { zoned }),
        TimeUnit::Millisecond => {
            numbers::<TimestampMillisecondType, _>(node, array, nulls, Timestamp::<3> { zoned })
        }
        TimeUnit::Microsecond => {
            numbers::<TimestampMicrosecondType, _>(node, array, nulls, Timestamp::<6> { zoned })
        }
        TimeUnit::Nanosecond => {
            numbers::<TimestampNanosecondType, _>(node, array, nulls, Timestamp::<9> { zoned })
        }
    }
}

/// The writer of times of day.
pub(crate) fn clocks<'p>(
    node: &'p Node,
    array: &ArrayRef,
    nulls: Option<NullBuffer>,
    unit: TimeUnit,
) -> BoxColumn<'p> {
    match unit {
        TimeUnit::Second => numbers::<Time32SecondType, _>(node, array, nulls, Clock::<0>),
        TimeUnit::Millisecond => numbers::<Time32MillisecondType, _>(node, array, nulls, Clock::<3>),
        TimeUnit::Microsecond => numbers::<Time64MicrosecondType, _>(node, array, nulls, Clock::<6>),
        TimeUnit::Nanosecond => numbers::<Time64NanosecondType, _>(node, array, nulls, Clock::<9>),
    }
}

/// The writer of durations.
pub(crate) fn durations<'p>(
    node: &'p Node,
    array: &ArrayRef,
    nulls: Option<NullBuffer>,
    unit: TimeUnit,
) -> BoxColumn<'p> {
    match unit {
        TimeUnit::Second => numbers::<DurationSecondType, _>(node, array, nulls, Elapsed::<0>),
        TimeUnit::Millisecond => numbers::<DurationMillisecondType, _>(node, array, nulls, Elapsed::<3>),
        TimeUnit::Microsecond => numbers::<DurationMicrosecondType, _>(node, array, nulls, Elapsed::<6>),
        TimeUnit::Nanosecond => numbers::<DurationNanosecondType, _>(node, array, nulls, Elapsed::<9>),
    }
}

/// The writer of intervals.
pub(crate) fn intervals<'p>(
    node: &'p Node,
    array: &ArrayRef,
    nulls: Option<NullBuffer>,
    unit: IntervalUnit,
) -> BoxColumn<'p> {
    match unit {
        IntervalUnit::YearMonth => numbers::<IntervalYearMonthType, _>(node, array, nulls, Months),
        IntervalUnit::DayTime => numbers::<IntervalDayTimeType, _>(node, array, nulls, DaysAndTime),
        IntervalUnit::MonthDayNano => {
            numbers::<IntervalMonthDayNanoType, _>(node, array, nulls, MonthsDaysAndTime)
        }
    }
}
