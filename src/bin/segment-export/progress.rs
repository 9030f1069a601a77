//! The progress bar: on a terminal, on standard error.

use std::fmt;
use std::io::IsTerminal;
use std::sync::Arc;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use segment_export::{Observer, Progress};

use crate::args::ProgressMode;
use crate::failure::Failure;

const KNOWN: &str = "{msg:10} [{bar:30}] {percent:>3}% {human_pos} rows, {rate}, {prefix}, eta {eta}";
const UNKNOWN: &str = "{msg:10} {spinner} {human_pos} rows, {rate}, {prefix}";

/// A bar that is gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar, hidden where there is no terminal to show it on.
    pub(crate) fn new(mode: ProgressMode, rows: Option<u64>) -> Result<Self, Failure> {
        let shown = mode == ProgressMode::Auto && std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let template = if rows.is_some() { KNOWN } else { UNKNOWN };
        let style = ProgressStyle::with_template(template).map_err(|error| Failure::failed(&error))?;
        let style = style.with_key("rate", rate).progress_chars("=> ");
        Ok(Self(ProgressBar::with_draw_target(rows, target).with_style(style)))
    }

    /// What moves the bar.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        let bar = self.0.clone();
        Arc::new(move |progress: &Progress| {
            bar.set_message(progress.stage.to_string());
            bar.set_prefix(format!(
                "{}, parts {}",
                HumanBytes(progress.bytes_written),
                HumanCount(progress.parts)
            ));
            bar.set_position(progress.rows);
        })
    }

    /// Prints a line above the bar; says nothing where there is none.
    pub(crate) fn say(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let bar = self.0.clone();
        move |line| bar.println(line)
    }
}

fn rate(state: &ProgressState, into: &mut dyn fmt::Write) {
    // A bar that cannot be drawn is no reason to fail.
    let _ = write!(into, "{:.0} rows/s", state.per_sec());
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_without_a_terminal_takes_progress_all_the_same() {
        for rows in [None, Some(1)] {
            let Ok(bar) = Bar::new(ProgressMode::Never, rows) else { panic!("a template is wrong") };
            bar.observer().on_progress(&Progress::default());
            assert_eq!((bar.0.length(), bar.0.message().as_str()), (rows, "claiming"));
        }
    }
}
