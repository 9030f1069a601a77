//! The least and the greatest string, cut short where they are long.

use orc_rust::proto;

/// Strings are cut to so many bytes where nobody asks for less, as other writers do.
const MOST_BYTES: usize = 1024;

/// The least and the greatest string, and the bytes of all.
#[derive(Clone, Debug, Default)]
pub(in crate::encode::orc) struct TextStats {
    range: Option<[Bound; 2]>,
    sum: u64,
}

/// A string, or what lies below or above one that was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bound {
    /// `None`: no string can be said to lie above.
    text: Option<String>,
    is_exact: bool,
}

impl TextStats {
    /// Of the least and the greatest value, if there is one, and the bytes of all.
    pub(in crate::encode::orc) fn new(range: Option<[&[u8]; 2]>, sum: u64) -> Self {
        let text = |value| str::from_utf8(value).ok();
        let range = range
            .and_then(|[low, high]| Some([lower(text(low)?, MOST_BYTES), upper(text(high)?, MOST_BYTES)]));
        Self { range, sum }
    }

    pub(super) fn merge(&mut self, next: &Self) {
        self.sum += next.sum;
        let Some([next_low, next_high]) = &next.range else { return };
        let Some([low, high]) = &mut self.range else {
            self.range.clone_from(&next.range);
            return;
        };
        // Of two equal texts the exact one is nearer to the values.
        if (&next_low.text, !next_low.is_exact) < (&low.text, !low.is_exact) {
            low.clone_from(next_low);
        }
        // No text at all lies above every other.
        let above = |bound: &Bound| (bound.text.is_none(), bound.text.clone(), bound.is_exact);
        if above(next_high) > above(high) {
            high.clone_from(next_high);
        }
    }

    pub(super) fn to_proto(&self, text_bytes: usize) -> proto::StringStatistics {
        let mut stats = proto::StringStatistics {
            sum: i64::try_from(self.sum).ok(),
            ..proto::StringStatistics::default()
        };
        if let Some([low, high]) = &self.range {
            let low = low.cut(text_bytes, lower);
            let high = high.cut(text_bytes, upper);
            *(if low.is_exact { &mut stats.minimum } else { &mut stats.lower_bound }) = low.text;
            *(if high.is_exact { &mut stats.maximum } else { &mut stats.upper_bound }) = high.text;
        }
        stats
    }
}

impl Bound {
    fn exact(text: &str) -> Self {
        Self { text: Some(text.to_owned()), is_exact: true }
    }

    fn cut(&self, text_bytes: usize, cut: impl Fn(&str, usize) -> Self) -> Self {
        let Some(text) = &self.text else { return self.clone() };
        let cut = cut(text, text_bytes);
        Self { is_exact: self.is_exact && cut.is_exact, text: cut.text }
    }
}

/// The text, or the start of it, which lies below.
fn lower(text: &str, text_bytes: usize) -> Bound {
    if text.len() <= text_bytes {
        return Bound::exact(text);
    }
    Bound { text: Some(start(text, text_bytes).to_owned()), is_exact: false }
}

/// The text, or the start of it with its last character raised, which lies above.
fn upper(text: &str, text_bytes: usize) -> Bound {
    if text.len() <= text_bytes {
        return Bound::exact(text);
    }
    let mut start = start(text, text_bytes);
    let raised = loop {
        let Some(last) = start.chars().next_back() else { break None };
        start = &start[..start.len() - last.len_utf8()];
        if let Some(next) = next_character(last) {
            break Some(format!("{start}{next}"));
        }
    };
    Bound { text: raised, is_exact: false }
}

/// As much of a text as so many bytes hold, whole characters only.
fn start(text: &str, text_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(text_bytes)]
}

/// The character behind this one: no text stands between those that end in them.
fn next_character(character: char) -> Option<char> {
    const LAST_BEFORE_SURROGATES: char = '\u{d7ff}';
    if character == LAST_BEFORE_SURROGATES {
        Some('\u{e000}')
    } else {
        char::from_u32(u32::from(character) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(low: &str, high: &str) -> TextStats {
        TextStats::new(Some([low.as_bytes(), high.as_bytes()]), 0)
    }

    #[test]
    fn long_strings_are_cut_at_characters_and_the_upper_one_raised() {
        let of = stats("añb", "zñ\u{d7ff}x").to_proto(3);
        assert_eq!((of.minimum, of.lower_bound.as_deref()), (None, Some("añ")));
        assert_eq!((of.maximum, of.upper_bound.as_deref()), (None, Some("zò")));
        let of = stats("", "zñ\u{d7ff}x").to_proto(6);
        assert_eq!((of.minimum.as_deref(), of.upper_bound.as_deref()), (Some(""), Some("zñ\u{e000}")));
    }

    #[test]
    fn nothing_lies_above_the_last_characters() {
        let last = "\u{10ffff}".repeat(4);
        let of = stats("a", &last).to_proto(8);
        assert_eq!((of.maximum, of.upper_bound), (None, None));
        let of = stats("a", &format!("b{last}")).to_proto(9);
        assert_eq!(of.upper_bound.as_deref(), Some("c"));
    }

    #[test]
    fn no_more_than_1024_bytes_are_kept() {
        for (len, exact) in [(1024, true), (1025, false)] {
            let of = stats("a", &"x".repeat(len)).to_proto(usize::MAX);
            assert_eq!(of.maximum.is_some(), exact);
            assert_eq!(of.upper_bound.map(|text| text.len()), (!exact).then_some(1024));
        }
    }

    #[test]
    fn merging_keeps_what_lies_outside() {
        let long = |head: &str| format!("{head}{}", "m".repeat(2000));
        let mut all = stats("b", "c");
        all.merge(&stats(&long("a"), &long("c")));
        let of = all.to_proto(2000);
        assert_eq!(of.lower_bound.unwrap(), long("a")[..1024]);
        assert!(of.upper_bound.unwrap() > long("c"));
        all.merge(&stats("a", "d"));
        let of = all.to_proto(2000);
        assert_eq!((of.minimum.as_deref(), of.maximum.as_deref()), (Some("a"), Some("d")));
        all.merge(&stats("b", &"\u{10ffff}".repeat(300)));
        let of = all.to_proto(2000);
        assert_eq!((of.maximum, of.upper_bound), (None, None));
    }
}
