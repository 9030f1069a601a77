//! `KEY=VALUE`, as `--set` takes it: names separated by dots, quoted where they hold dots themselves.

use std::str::FromStr;

/// A setting and the text of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The names that lead to the setting, outermost first.
    pub(crate) names: Vec<String>,
    pub(crate) value: String,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut names, mut rest) = (Vec::new(), text);
        loop {
            let (name, after) = split_name(rest.trim_start())?;
            names.push(name);
            let after = after.trim_start();
            if let Some(value) = after.strip_prefix('=') {
                return Ok(Self { names, value: value.trim().to_owned() });
            }
            rest = after.strip_prefix('.').ok_or("must be KEY=VALUE")?;
        }
    }
}

/// The name that a text begins with, without its quotes, and what stands after it.
fn split_name(text: &str) -> Result<(String, &str), String> {
    const RULE: &str = "must have names separated by dots before `=`";
    let quote = text.chars().next().filter(|first| matches!(first, '"' | '\''));
    let (name, rest) = match quote {
        Some(quote) => text[1..].split_once(quote).ok_or("has a quote without an end")?,
        None => text.split_at(text.find(['.', '=']).unwrap_or(text.len())),
    };
    let name = if quote.is_some() { name } else { name.trim_end() };
    if name.is_empty() {
        return Err(RULE.to_owned());
    }
    Ok((name.to_owned(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_separated_by_dots_and_those_with_dots_are_quoted() {
        for (text, names, value) in [
            ("threads=1", &["threads"][..], "1"),
            (" csv . flatten_separator = = ", &["csv", "flatten_separator"], "="),
            ("csv.map_columns.A=['a=b']", &["csv", "map_columns", "A"], "['a=b']"),
            (r#"csv.map_columns."A.B"=[]"#, &["csv", "map_columns", "A.B"], "[]"),
            ("csv.map_columns.'A=\"B'.c = 1", &["csv", "map_columns", "A=\"B", "c"], "1"),
            ("csv.map_columns.it's=1", &["csv", "map_columns", "it's"], "1"),
        ] {
            let parsed: Assignment = text.parse().unwrap();
            assert_eq!(
                (&*parsed.names, &*parsed.value),
                (&*names.iter().map(ToString::to_string).collect::<Vec<_>>(), value)
            );
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in ["", "=1", "a", ".a=1", "a..b=1", "a.=1", "a.\"\"=1", "a.\"b=1", "a.\"b\"c=1"] {
            assert!(text.parse::<Assignment>().is_err(), "{text}");
        }
    }
}
