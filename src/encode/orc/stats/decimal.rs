//! The least and the greatest decimal and the sum, as text.

use orc_rust::proto;

/// The least and the greatest unscaled value, and the sum of all.
#[derive(Clone, Copy, Debug)]
pub(in crate::encode::orc) struct DecimalStats {
    range: Option<(i128, i128)>,
    /// `None`: it does not fit the 38 digits of a decimal.
    sum: Option<i128>,
    scale: u32,
}

/// The first number with more than 38 digits.
const TOO_LARGE: u128 = 10_u128.pow(38);

impl DecimalStats {
    pub(in crate::encode::orc) fn of(values: &[i128], scale: u32) -> Self {
        let range = values.iter().min().copied().zip(values.iter().max().copied());
        let sum = values.iter().try_fold(0, |sum, value| added(sum, *value));
        Self { range, sum, scale }
    }

    pub(super) fn merge(&mut self, next: &Self) {
        self.range = super::joined(self.range, next.range);
        self.sum = self.sum.zip(next.sum).and_then(|(own, next)| added(own, next));
    }

    pub(super) fn to_proto(self) -> proto::DecimalStatistics {
        let text = |value| digits(value, self.scale);
        let (minimum, maximum) = self.range.unzip();
        let sum = self.sum.filter(|_| self.range.is_some());
        proto::DecimalStatistics {
            minimum: minimum.map(text),
            maximum: maximum.map(text),
            sum: sum.map(text),
        }
    }
}

fn added(sum: i128, value: i128) -> Option<i128> {
    sum.checked_add(value).filter(|sum| sum.unsigned_abs() < TOO_LARGE)
}

/// A decimal without zeros at the end of its fraction, as readers in Java spell and hash it.
pub(in crate::encode::orc) fn digits(value: i128, scale: u32) -> String {
    let scale = scale as usize;
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let fraction = fraction.trim_end_matches('0');
    let sign = if value < 0 { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_spelled_without_idle_zeros() {
        let cases =
            [(0, 2, "0"), (5, 0, "5"), (-5, 2, "-0.05"), (1500, 3, "1.5"), (-120, 1, "-12"), (100, 0, "100")];
        for (value, scale, text) in cases {
            assert_eq!(digits(value, scale), text);
        }
        assert_eq!(digits(10_i128.pow(38) - 1, 38), format!("0.{}", "9".repeat(38)));
    }

    #[test]
    fn a_sum_of_more_than_38_digits_is_left_out() {
        let most = 10_i128.pow(38) - 1;
        let mut stats = DecimalStats::of(&[most], 0);
        stats.merge(&DecimalStats::of(&[-1], 0));
        assert_eq!(stats.to_proto().sum.unwrap(), (most - 1).to_string());
        stats.merge(&DecimalStats::of(&[2], 0));
        let stats = stats.to_proto();
        assert_eq!((stats.sum, stats.maximum.unwrap()), (None, most.to_string()));
    }
}
