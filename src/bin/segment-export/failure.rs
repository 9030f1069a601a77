//! How the program ends when it does not succeed: one line on standard error, and an exit code.

use std::error::Error as StdError;
use std::io::Write;
use std::process::ExitCode;

use segment_export::{Error, ErrorKind};

/// Bad usage: the same command fails again, and nothing was begun.
const USAGE: u8 = 2;

/// The command was understood and failed.
const FAILED: u8 = 1;

/// One line for the user, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// What was asked for cannot be done, whatever the circumstances.
    pub(crate) fn usage(error: &(dyn StdError + 'static)) -> Self {
        Self { code: USAGE, message: chain(error) }
    }

    pub(crate) fn bad_argument(argument: &str, problem: impl AsRef<str>) -> Self {
        Self { code: USAGE, message: format!("{argument}: {}", problem.as_ref()) }
    }

    pub(crate) fn not_available(what: &str) -> Self {
        Self { code: USAGE, message: format!("{what} is not available yet") }
    }

    #[cfg(not(feature = "kms"))]
    pub(crate) fn without_feature(what: &str, feature: &str) -> Self {
        Self { code: USAGE, message: format!("{what} need the feature `{feature}` of the program") }
    }

    pub(crate) fn failed(error: &(dyn StdError + 'static)) -> Self {
        Self { code: FAILED, message: chain(error) }
    }

    /// The snapshot is not what its manifest says.
    pub(crate) fn not_intact(message: String) -> Self {
        Self { code: FAILED, message }
    }

    /// An error before an export begins: what the caller can mend is bad usage.
    pub(crate) fn before(error: &Error) -> Self {
        let mendable = matches!(error.kind(), ErrorKind::BadRequest | ErrorKind::ResourceNotFound);
        Self { code: if mendable { USAGE } else { FAILED }, message: chain(error) }
    }

    /// What clap refuses: its message without the lines on usage.
    pub(crate) fn arguments(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        let lines: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        let message = lines.join(" ");
        Self { code: USAGE, message: message.trim_start_matches("error: ").to_owned() }
    }

    /// Prints the line and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let line: String = self.message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        // Where standard error is closed there is nobody to tell.
        drop(writeln!(std::io::stderr(), "error: {line}"));
        ExitCode::from(self.code)
    }
}

/// The messages of an error and its sources; one that repeats what was said is left out.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut message = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let text = source.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        next = source.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn the_chain_says_nothing_twice() {
        let inner = io::Error::other("the disk is gone");
        let outer = Error::from_source(io::Error::other(Error::from_source(inner)));
        assert_eq!(chain(&outer), "the source failed: the disk is gone");
    }

    #[test]
    fn what_clap_refuses_is_one_line() {
        use clap::Parser;
        let error = crate::args::Cli::try_parse_from(["segment-export", "export"]).unwrap_err();
        let failure = Failure::arguments(&error);
        assert_eq!(
            failure.message,
            "the following required arguments were not provided: --source <PATH_OR_URI>... \
             --destination <PATH_OR_URI> --format <FORMAT>"
        );
    }
}
