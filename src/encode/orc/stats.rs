//! What is said of the values of a row group, a stripe and a file, so that readers can skip them (ORC v1
//! specification, "Column Statistics").
//!
//! Statistics of row groups are made by the writers of columns and merged upwards. The message of the type is
//! always written, also without a value, and so is whether there are nulls: readers take them for granted.
//!
//! Invariant: merging is by what is there, never by how it was encoded; a minimum is never above its maximum.

mod decimal;
mod text;

use orc_rust::proto;

pub(super) use self::decimal::{DecimalStats, digits};
pub(super) use self::text::TextStats;

/// The statistics of some values of one column.
#[derive(Clone, Debug)]
pub(super) struct Stats {
    /// Values, not counting nulls.
    pub(super) count: u64,
    pub(super) has_null: bool,
    pub(super) of: Of,
}

/// What is said by type.
#[derive(Clone, Debug)]
pub(super) enum Of {
    Integers(Integers),
    Doubles(Doubles),
    Texts(TextStats),
    /// How many are true.
    Booleans(u64),
    /// The first and the last day.
    Dates(Option<(i32, i32)>),
    /// The first and the last instant: milliseconds since 1970 and the nanoseconds on top of them.
    Timestamps(Option<[(i64, i32); 2]>),
    Decimals(DecimalStats),
    /// The bytes of all values.
    Binary(u64),
    Collections(Collections),
    /// Structs and unions: nothing but how many.
    Rows,
}

/// The least and the greatest integer, and the sum of all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Integers {
    pub(super) range: Option<(i64, i64)>,
    pub(super) sum: i128,
}

/// The least and the greatest number, NaN left out, and the sum of all, NaN included.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doubles {
    pub(super) range: Option<(f64, f64)>,
    pub(super) sum: f64,
}

/// How many children lists and maps have.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Collections {
    pub(super) range: Option<(u64, u64)>,
    pub(super) total: u64,
}

impl Stats {
    /// Takes in the statistics of the values that come next.
    pub(super) fn merge(&mut self, next: &Self) {
        self.count += next.count;
        self.has_null |= next.has_null;
        match (&mut self.of, &next.of) {
            (Of::Integers(own), Of::Integers(next)) => {
                own.range = joined(own.range, next.range);
                own.sum += next.sum;
            }
            (Of::Doubles(own), Of::Doubles(next)) => own.merge(*next),
            (Of::Texts(own), Of::Texts(next)) => own.merge(next),
            (Of::Dates(own), Of::Dates(next)) => *own = joined(*own, *next),
            (Of::Timestamps(own), Of::Timestamps(next)) => {
                let pair = |range: Option<[(i64, i32); 2]>| range.map(|[first, last]| (first, last));
                *own = joined(pair(*own), pair(*next)).map(|(first, last)| [first, last]);
            }
            (Of::Decimals(own), Of::Decimals(next)) => own.merge(next),
            (Of::Booleans(own), Of::Booleans(next)) | (Of::Binary(own), Of::Binary(next)) => *own += next,
            (Of::Collections(own), Of::Collections(next)) => {
                own.range = joined(own.range, next.range);
                own.total += next.total;
            }
            // A column has one type in all its row groups.
            _ => {}
        }
    }

    /// The statistics of several row groups, or stripes, of one column.
    pub(super) fn of_all<'a>(mut all: impl Iterator<Item = &'a Self>) -> Option<Self> {
        let mut merged = all.next()?.clone();
        all.for_each(|next| merged.merge(next));
        Some(merged)
    }

    /// As the format has it; strings longer than `text_bytes` become bounds.
    pub(super) fn to_proto(&self, text_bytes: usize) -> proto::ColumnStatistics {
        let mut stats = proto::ColumnStatistics {
            number_of_values: Some(self.count),
            has_null: Some(self.has_null),
            ..proto::ColumnStatistics::default()
        };
        match &self.of {
            Of::Integers(of) => stats.int_statistics = Some(of.to_proto()),
            Of::Doubles(of) => stats.double_statistics = Some(of.to_proto()),
            Of::Texts(of) => stats.string_statistics = Some(of.to_proto(text_bytes)),
            Of::Booleans(count) => {
                stats.bucket_statistics = Some(proto::BucketStatistics { count: vec![*count] });
            }
            Of::Dates(range) => {
                let (minimum, maximum) = range.unzip();
                stats.date_statistics = Some(proto::DateStatistics { minimum, maximum });
            }
            Of::Timestamps(range) => stats.timestamp_statistics = Some(timestamps(*range)),
            Of::Decimals(of) => stats.decimal_statistics = Some(of.to_proto()),
            Of::Binary(sum) => {
                let sum = i64::try_from(*sum).ok();
                stats.binary_statistics = Some(proto::BinaryStatistics { sum });
            }
            Of::Collections(of) => {
                let (min_children, max_children) = of.range.unzip();
                stats.collection_statistics = Some(proto::CollectionStatistics {
                    min_children,
                    max_children,
                    total_children: Some(of.total),
                });
            }
            Of::Rows => {}
        }
        stats
    }
}

impl Integers {
    pub(super) fn of(values: &[i64]) -> Self {
        let range = values.iter().copied().min().zip(values.iter().copied().max());
        Self { range, sum: values.iter().map(|value| i128::from(*value)).sum() }
    }

    /// A sum that does not fit is left out.
    fn to_proto(self) -> proto::IntegerStatistics {
        let (minimum, maximum) = self.range.unzip();
        let sum = i64::try_from(self.sum).ok().filter(|_| self.range.is_some());
        proto::IntegerStatistics { minimum, maximum, sum }
    }
}

impl Doubles {
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut stats = Self::default();
        for value in values {
            stats.sum += value;
            if !value.is_nan() {
                let (low, high) = stats.range.unwrap_or((value, value));
                stats.range = Some((lesser(low, value), greater(high, value)));
            }
        }
        stats
    }

    fn merge(&mut self, next: Self) {
        self.sum += next.sum;
        self.range = match (self.range, next.range) {
            (Some(own), Some(next)) => Some((lesser(own.0, next.0), greater(own.1, next.1))),
            (own, next) => own.or(next),
        };
    }

    fn to_proto(self) -> proto::DoubleStatistics {
        let (minimum, maximum) = self.range.unzip();
        proto::DoubleStatistics { minimum, maximum, sum: Some(self.sum) }
    }
}

/// The lesser by the order in which -0.0 comes before 0.0: readers compare by it.
fn lesser(one: f64, other: f64) -> f64 {
    if other.total_cmp(&one).is_lt() { other } else { one }
}

fn greater(one: f64, other: f64) -> f64 {
    if other.total_cmp(&one).is_gt() { other } else { one }
}

fn joined<T: Ord>(own: Option<(T, T)>, next: Option<(T, T)>) -> Option<(T, T)> {
    match (own, next) {
        (Some(own), Some(next)) => Some((own.0.min(next.0), own.1.max(next.1))),
        (own, next) => own.or(next),
    }
}

/// Milliseconds, and the nanoseconds plus one where they are not the least or greatest there can be.
fn timestamps(range: Option<[(i64, i32); 2]>) -> proto::TimestampStatistics {
    const LAST_NANO: i32 = 999_999;
    let Some([first, last]) = range else { return proto::TimestampStatistics::default() };
    proto::TimestampStatistics {
        minimum_utc: Some(first.0),
        maximum_utc: Some(last.0),
        minimum_nanos: (first.1 != 0).then_some(first.1 + 1),
        maximum_nanos: (last.1 != LAST_NANO).then_some(last.1 + 1),
        ..proto::TimestampStatistics::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubles(values: &[f64]) -> proto::DoubleStatistics {
        Doubles::of(values.iter().copied()).to_proto()
    }

    #[test]
    fn zeros_are_ordered_by_their_sign() {
        let both = doubles(&[0.0, -0.0]);
        let bits = |value: Option<f64>| value.map(f64::to_bits);
        assert_eq!(bits(both.minimum), bits(Some(-0.0)));
        assert_eq!(bits(both.maximum), bits(Some(0.0)));
    }

    #[test]
    fn a_nan_spoils_the_sum_and_not_the_range() {
        let stats = doubles(&[1.0, f64::NAN, -2.0]);
        assert_eq!((stats.minimum, stats.maximum), (Some(-2.0), Some(1.0)));
        assert!(stats.sum.unwrap().is_nan());
        assert_eq!(doubles(&[f64::NAN]).minimum, None);
    }

    #[test]
    fn a_sum_that_overflows_is_left_out_and_one_that_comes_back_is_not() {
        let stats =
            |values: &[i64]| Stats { count: 0, has_null: false, of: Of::Integers(Integers::of(values)) };
        let mut all = stats(&[i64::MAX, i64::MAX]);
        assert_eq!(all.to_proto(9).int_statistics.unwrap().sum, None);
        all.merge(&stats(&[-i64::MAX]));
        let of = all.to_proto(9).int_statistics.unwrap();
        assert_eq!((of.minimum, of.maximum, of.sum), (Some(-i64::MAX), Some(i64::MAX), Some(i64::MAX)));
    }

    #[test]
    fn nothing_is_said_of_no_values_but_that_there_are_none() {
        for of in [Of::Integers(Integers::default()), Of::Dates(None), Of::Timestamps(None), Of::Booleans(0)]
        {
            let stats = Stats { count: 0, has_null: true, of }.to_proto(9);
            assert_eq!((stats.number_of_values, stats.has_null), (Some(0), Some(true)));
            let bucket = stats.bucket_statistics.map(|bucket| bucket.count);
            assert!(bucket.is_none_or(|count| count == [0]));
            assert_eq!(stats.int_statistics.and_then(|of| of.sum.or(of.minimum)), None);
        }
    }

    #[test]
    fn nanoseconds_are_written_where_they_say_something() {
        let of = timestamps(Some([(5, 0), (6, 999_999)]));
        assert_eq!((of.minimum_nanos, of.maximum_nanos), (None, None));
        let of = timestamps(Some([(-1, 999_999), (6, 0)]));
        assert_eq!(
            (of.minimum_utc, of.minimum_nanos, of.maximum_nanos),
            (Some(-1), Some(1_000_000), Some(1))
        );
    }
}
