//! What the library warns of, on standard error: uploads that stay open, though the command goes on.

use std::io::stderr;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// Shows warnings about uploads from here on. Other warnings come before an error that says the same, and those of
/// other crates may say what must not be shown.
pub(crate) fn show() {
    let layer = tracing_subscriber::fmt::layer()
        .compact()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(stderr)
        .with_filter(Targets::new().with_target("segment_export::upload", LevelFilter::WARN));
    tracing_subscriber::registry().with(layer).init();
}
