//! The types of columns, guessed from some of their texts.
//!
//! A guess never changes a value: `007` and `1.0.2` are texts, and so are dates and times.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

/// Digits that a float keeps, whatever they are.
const EXACT_DIGITS: usize = 15;

/// What the texts of a column may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source::files) enum Guess {
    /// No text was seen.
    Nothing,
    Boolean,
    Integer,
    Float,
    Text,
}

impl Guess {
    fn of(text: &str) -> Self {
        if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
            Self::Boolean
        } else if is_integer(text) {
            Self::Integer
        } else if is_float(text) {
            Self::Float
        } else {
            Self::Text
        }
    }

    /// Adds a text; `None` is NULL and tells nothing.
    pub(super) fn add(&mut self, text: Option<&str>) {
        if *self != Self::Text
            && let Some(text) = text
        {
            self.merge(Self::of(text));
        }
    }

    fn merge(&mut self, other: Self) {
        *self = match (*self, other) {
            (one, Self::Nothing) => one,
            (Self::Nothing, other) => other,
            (one, other) if one == other => one,
            (Self::Integer | Self::Float, Self::Integer | Self::Float) => Self::Float,
            _ => Self::Text,
        };
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Nothing | Self::Text => DataType::Utf8,
        }
    }
}

/// Whether a text is of the very kind of a type that was guessed.
pub(super) fn fits(text: &str, data_type: &DataType) -> bool {
    if *data_type == DataType::Boolean {
        return Guess::of(text) == Guess::Boolean;
    }
    let (whole, float) = (*data_type == DataType::Int64, *data_type == DataType::Float64);
    (!whole || is_integer(text)) && (!float || is_float(text))
}

/// A whole number as programs write it, without zeros in front.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = is_whole(digits) && text != "-0";
    plain && text.parse::<i64>().is_ok()
}

/// A number that a float holds without losing digits.
fn is_float(text: &str) -> bool {
    let (number, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(n, e)| (n, Some(e)));
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_whole(whole) || !fraction.is_none_or(are_digits) || !exponent.is_none_or(are_digits) {
        return false;
    }
    let Ok(value) = text.parse::<f64>() else { return false };
    let digits = whole.len() + fraction.map_or(0, str::len);
    // More digits are kept where they are those that the float itself is written with.
    value.is_finite() && (digits <= EXACT_DIGITS || value.to_string() == text)
}

fn is_whole(digits: &str) -> bool {
    let are_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    are_digits && (digits.len() == 1 || !digits.starts_with('0'))
}

/// The columns of all files, in the order in which they were first seen.
#[derive(Debug, Default)]
pub(in crate::source::files) struct Guesses {
    columns: Vec<(String, Guess)>,
}

impl Guesses {
    /// Adds the columns of a file. The text of any column is a text: no two guesses contradict each other.
    pub(in crate::source::files) fn add(&mut self, columns: Vec<(String, Guess)>) {
        for (name, guess) in columns {
            match self.columns.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => known.merge(guess),
                None => self.columns.push((name, guess)),
            }
        }
    }

    /// The schema that holds all of them.
    pub(in crate::source::files) fn finish(self) -> SchemaRef {
        let field = |(name, guess): (String, Guess)| Field::new(name, guess.data_type(), true);
        Arc::new(Schema::new(self.columns.into_iter().map(field).collect::<Vec<_>>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_number_only_if_nothing_of_it_would_be_lost() {
        for (text, guess) in [
            ("0", Guess::Integer),
            ("-12", Guess::Integer),
            ("9223372036854775807", Guess::Integer),
            ("9223372036854775808", Guess::Text),
            ("007", Guess::Text),
            ("-0", Guess::Float),
            ("+1", Guess::Text),
            ("1.5", Guess::Float),
            ("-0.25e-3", Guess::Float),
            ("1e400", Guess::Text),
            ("0.30000000000000004", Guess::Float),
            ("0.123456789012345678901", Guess::Text),
            ("01.5", Guess::Text),
            ("1.", Guess::Text),
            (".5", Guess::Text),
            ("1.0.2", Guess::Text),
            ("NaN", Guess::Text),
            ("TRUE", Guess::Boolean),
            ("yes", Guess::Text),
            ("", Guess::Text),
            ("2024-02-29", Guess::Text),
        ] {
            assert_eq!(Guess::of(text), guess, "{text}");
        }
    }

    #[test]
    fn guesses_give_way_to_what_holds_both() {
        let guess = |texts: &[Option<&str>]| {
            let mut guess = Guess::Nothing;
            for text in texts {
                guess.add(*text);
            }
            guess
        };
        assert_eq!(guess(&[None, Some("1"), None]), Guess::Integer);
        assert_eq!(guess(&[Some("1"), Some("1.5")]), Guess::Float);
        assert_eq!(guess(&[Some("1"), Some("true")]), Guess::Text);
        assert_eq!(guess(&[None]).data_type(), DataType::Utf8);
    }
}
