//! `segment-export export`.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Instant;

use segment_export::manifest::Manifest;
use segment_export::plan::destination::Location;
use segment_export::source::{FileOptions, FileSource, ProfileSource};
use segment_export::{Exporter, ExporterBuilder};
use tokio_util::sync::CancellationToken;

use crate::args::ExportArgs;
use crate::failure::Failure;
use crate::progress::Bar;
use crate::{configure, environment, interrupt, keys, output, schema};

/// Exports a segment and prints what came of it.
pub(crate) async fn run(args: ExportArgs) -> Result<(), Failure> {
    refuse_what_comes_later(&args)?;
    let begun = Instant::now();
    let settings = configure::settings(&args)?;
    let destination = location("--destination", &args.destination)?;
    let access = keys::access(&args, &destination).await?;
    let sources = args.source.iter().map(|source| location("--source", source));
    let sources = sources.collect::<Result<Vec<_>, _>>()?;
    let options = environment::store_options();
    let mut files = FileOptions::default();
    files.schema = args.source_schema.as_deref().map(schema::read).transpose()?;
    let source = FileSource::open(sources, &options, &settings.retry, &files).await;
    let source = source.map_err(|error| Failure::before(&error))?;

    let bar = Bar::new(args.progress, source.size_hint().rows)?;
    let cancelled = CancellationToken::new();
    let builder = Exporter::builder(source, destination.clone())
        .with_format(args.format.into())
        .with_settings(settings)
        .with_store_options(options)
        .with_access(access)
        .with_takeover(args.takeover)
        .with_observer(bar.observer())
        .with_cancellation(cancelled.clone());
    let exporter = with_names(builder, &args).build().map_err(|error| Failure::usage(&error))?;
    let watch = tokio::spawn(interrupt::watch(cancelled, bar.say()));
    let outcome = exporter.start().wait().await;
    watch.abort();
    drop(bar);
    let manifest = outcome.map_err(|error| Failure::failed(&error))?;
    if args.json { output::print_json(&manifest) } else { summary(&manifest, &destination, begun) }
}

fn with_names(mut builder: ExporterBuilder, args: &ExportArgs) -> ExporterBuilder {
    if let Some(id) = args.snapshot_id {
        builder = builder.with_snapshot_id(id);
    }
    if let Some(domain) = &args.domain {
        builder = builder.with_domain(domain.clone());
    }
    if let Some(segment) = &args.segment {
        builder = builder.with_segment(segment.clone());
    }
    builder
}

fn refuse_what_comes_later(args: &ExportArgs) -> Result<(), Failure> {
    if args.resume { Err(Failure::not_available("--resume")) } else { Ok(()) }
}

/// The place that an argument names; what is not UTF-8 can only be a path.
pub(crate) fn location(argument: &str, text: &OsStr) -> Result<Location, Failure> {
    let Some(text) = text.to_str() else { return Ok(Location::from(Path::new(text))) };
    Location::parse(text).map_err(|error| Failure::bad_argument(argument, error.to_string()))
}

fn summary(manifest: &Manifest, destination: &Location, begun: Instant) -> Result<(), Failure> {
    let id = &manifest.snapshot_id;
    let place = if let Location::Local(path) = destination {
        path.join(id).display().to_string()
    } else {
        format!("{destination}/{id}")
    };
    output::print_facts(&[
        ("snapshot", id.clone()),
        ("rows", manifest.totals.rows.to_string()),
        ("parts", manifest.totals.parts.to_string()),
        ("bytes", manifest.totals.bytes.to_string()),
        ("seconds", format!("{:.3}", begun.elapsed().as_secs_f64())),
        ("place", place),
    ])
}
