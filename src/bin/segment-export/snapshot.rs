//! `segment-export verify` and `segment-export abort`: what is done to a snapshot that is there.

use std::sync::Arc;
use std::time::Instant;

use segment_export::plan::SnapshotId;
use segment_export::plan::destination::Location;
use segment_export::upload::{self, PartStore};
use segment_export::{Problem, RetrySettings, VerifyReport};

use crate::args::{AbortArgs, VerifyArgs};
use crate::export::location;
use crate::failure::Failure;
use crate::{environment, keys, output};

const SNAPSHOT: &str = "DESTINATION/SNAPSHOT";

/// Faulty objects that the error names; the report names all.
const NAMED: usize = 3;

/// Reads a snapshot and prints what is wrong with it; anything wrong is a failure.
pub(crate) async fn verify(args: VerifyArgs) -> Result<(), Failure> {
    let keys = keys::keys(&args.encryption_key).await?;
    let begun = Instant::now();
    let store = open(&location(SNAPSHOT, &args.snapshot)?)?;
    let report = match keys {
        Some(keys) => segment_export::verify_sealed(store, &keys).await,
        None => segment_export::verify(store).await,
    };
    let report = report.map_err(|error| Failure::failed(&error))?;
    if args.json {
        output::print_json(&report)?;
    } else {
        summary(&report, begun)?;
    }
    intact(&report)
}

/// Removes what an export left that did not complete.
pub(crate) async fn abort(args: AbortArgs) -> Result<(), Failure> {
    let snapshot = location(SNAPSHOT, &args.snapshot)?;
    // It deletes: a slip of the hand must not name a whole destination.
    if snapshot.name().is_none_or(|name| name.parse::<SnapshotId>().is_err()) {
        return Err(Failure::bad_argument(SNAPSHOT, "must end in a snapshot id"));
    }
    let removed = segment_export::abort(open(&snapshot)?).await.map_err(|error| Failure::failed(&error))?;
    let count = |names: Option<&Vec<String>>| names.map_or(0, Vec::len).to_string();
    output::print_facts(&[
        ("removed objects", count(removed.as_ref().map(|removed| &removed.objects))),
        ("ended uploads", count(removed.as_ref().map(|removed| &removed.uploads))),
    ])
}

fn open(snapshot: &Location) -> Result<Arc<dyn PartStore>, Failure> {
    let store = upload::open(snapshot, &environment::store_options(), &RetrySettings::default());
    store.map_err(|error| Failure::before(&error))
}

fn summary(report: &VerifyReport, begun: Instant) -> Result<(), Failure> {
    let mut facts = vec![
        ("snapshot", report.snapshot_id.clone()),
        ("rows", report.rows().to_string()),
        ("parts", report.objects.len().to_string()),
        ("bytes", report.bytes().to_string()),
        ("seconds", format!("{:.3}", begun.elapsed().as_secs_f64())),
    ];
    facts.extend(
        report
            .faults()
            .flat_map(|object| object.problems.iter().map(|problem| (problem.as_str(), object.name.clone()))),
    );
    facts.extend(report.unlisted.iter().map(|name| ("not in the manifest", name.clone())));
    facts.push(("intact", report.is_intact().to_string()));
    output::print_facts(&facts)
}

fn intact(report: &VerifyReport) -> Result<(), Failure> {
    let faulty = report.faults().count();
    if faulty == 0 {
        return Ok(());
    }
    let named = report.faults().take(NAMED).map(|object| {
        let problems: Vec<_> = object.problems.iter().map(Problem::as_str).collect();
        format!("{} ({})", object.name, problems.join(", "))
    });
    let more = (faulty > NAMED).then(|| format!("{} more", faulty - NAMED));
    let named: Vec<_> = named.chain(more).collect();
    Err(Failure::not_intact(format!("the snapshot is not intact: {}", named.join(", "))))
}
