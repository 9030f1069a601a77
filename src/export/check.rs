//! The rules of the settings, and how the memory budget is shared out.

use crate::batch::ChunkLimits;
use crate::budget::Budget;
use crate::error::{Cause, Error, Result};
use crate::plan::Format;
use crate::settings::{Compression, OrcCompression, OrcSettings, Settings};
use crate::source::ProfileSource;
use crate::upload::{PartStore, part_bytes};

const TEXT_PART_BYTES: u64 = 256 << 20;
const ORC_PART_BYTES: u64 = 512 << 20;

/// More threads than any machine has: a typing error.
const MOST_THREADS: usize = 4096;

/// A reader holds a frame as a whole, and ours takes no larger one.
const MOST_FRAME_BYTES: u32 = 16 << 20;

/// How the memory budget is shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shares {
    /// For pages, read-ahead and batches on their way.
    pub(super) reader: u64,
    /// For the end of a chunk that waits for the rest of its upload part.
    pub(super) remainder: u64,
    /// For chunks that wait whole for the rest of their upload part.
    pub(super) waiting: u64,
    /// For one chunk of the usual size.
    pub(super) chunk: u64,
}

impl Shares {
    /// `carried_bytes`: of a sealed object that wait for the rest of their frame.
    pub(super) fn new(
        settings: &Settings,
        format: Format,
        budget: u64,
        store: &dyn PartStore,
        carried_bytes: u64,
    ) -> Self {
        let part = part_bytes(&settings.upload, budget, &store.traits());
        Self {
            reader: budget / 4,
            remainder: part + carried_bytes,
            waiting: part + part / 4,
            chunk: chunk_cost(format, chunk_limits(settings, format).bytes),
        }
    }

    /// What an export must be able to hold to get on.
    pub(super) fn floor(&self) -> u64 {
        self.reserve() + self.chunk
    }

    /// What is not there for the chunks that are encoded.
    pub(super) fn reserve(&self) -> u64 {
        self.reader + self.remainder + self.waiting
    }
}

/// The bytes that an export plans with: of a budget that it shares no more than its own settings say.
///
/// Else each export's fixed shares would be of the whole budget, and a larger one could hold no more exports.
pub(super) fn planned_bytes(settings: &Settings, budget: &Budget) -> u64 {
    settings.memory_budget.min(budget.bytes())
}

/// The bytes that a chunk of so many logical bytes takes while it is encoded.
///
/// For text its rows and its output, which the names of columns make longer; for ORC its rows, the streams of the
/// columns at work, and the stripe, compressed.
pub(super) fn chunk_cost(format: Format, logical_bytes: u64) -> u64 {
    let times = match format {
        Format::Csv | Format::Jsonl => 4,
        Format::Orc => 2,
    };
    logical_bytes.saturating_mul(times)
}

/// When a chunk of this format is full: never larger than a part may be.
pub(super) fn chunk_limits(settings: &Settings, format: Format) -> ChunkLimits {
    let (bytes, rows) = match format {
        Format::Csv | Format::Jsonl => (settings.chunk_bytes, settings.chunk_rows),
        Format::Orc => (settings.stripe_bytes, settings.stripe_rows),
    };
    ChunkLimits { bytes: bytes.min(part_limit(settings, format)), rows, part_rows: settings.part_rows }
}

/// Bytes of a data object at most.
pub(super) fn part_limit(settings: &Settings, format: Format) -> u64 {
    let usual = match format {
        Format::Csv | Format::Jsonl => TEXT_PART_BYTES,
        Format::Orc => ORC_PART_BYTES,
    };
    if settings.single_part { u64::MAX } else { settings.part_bytes.unwrap_or(usual) }
}

/// Checks each setting for itself.
pub(crate) fn settings(settings: &Settings, format: Format) -> Result<()> {
    let upload = &settings.upload;
    let retry = &settings.retry;
    let positive = [
        ("chunk_bytes", settings.chunk_bytes),
        ("chunk_rows", settings.chunk_rows),
        ("stripe_bytes", settings.stripe_bytes),
        ("stripe_rows", settings.stripe_rows),
        ("part_bytes", settings.part_bytes.unwrap_or(1)),
        ("part_rows", settings.part_rows.unwrap_or(1)),
        ("upload.part_bytes", upload.part_bytes.unwrap_or(1)),
        ("upload.concurrency", upload.concurrency as u64),
        ("upload.complete_concurrency", upload.complete_concurrency as u64),
        ("retry.attempts", u64::from(retry.attempts)),
        ("retry.timeout_ms", retry.timeout_ms),
        ("retry.connect_timeout_ms", retry.connect_timeout_ms),
    ];
    if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
        return Err(broken(name, "must be at least 1"));
    }
    if settings.threads > MOST_THREADS {
        return Err(broken("threads", "must be at most 4096; 0 means as many as the machine has"));
    }
    if settings.single_part && (settings.part_rows.is_some() || settings.part_bytes.is_some()) {
        return Err(broken("single_part", "cannot go with part_rows or part_bytes"));
    }
    if !settings.compression.is_valid() {
        return Err(broken("compression", Compression::RULE));
    }
    if settings.single_frame && !matches!(settings.compression, Compression::Zstd { level: ..=9 }) {
        return Err(broken("single_frame", "is for zstd up to level 9"));
    }
    if format == Format::Orc && settings.compression != Compression::None {
        return Err(broken("compression", "is for CSV and JSONL: ORC has `orc.compression`"));
    }
    if format == Format::Orc {
        orc(&settings.orc)?;
    }
    if !(1..=MOST_FRAME_BYTES).contains(&settings.seal.frame_bytes) {
        return Err(broken("seal.frame_bytes", "must be from 1 to 16777216"));
    }
    if format == Format::Csv && settings.csv.flatten_separator.contains(['\n', '\r', '"', ',']) {
        return Err(broken("csv.flatten_separator", "must not hold a comma, a quote or a line end"));
    }
    Ok(())
}

/// Checks the settings of ORC; whether a column can have a bloom filter is known to the encoder.
fn orc(settings: &OrcSettings) -> Result<()> {
    // Below, readers say that the block is too small; 2^23 does not fit the header of a chunk (ORC-238).
    const BLOCK_BYTES: std::ops::Range<u64> = 4 << 10..1 << 23;
    if !settings.codec().is_valid() {
        return Err(broken("orc.compression", OrcCompression::RULE));
    }
    if !BLOCK_BYTES.contains(&settings.block_bytes) {
        return Err(broken("orc.block_bytes", "must be from 4096 to 8388607"));
    }
    if settings.row_index_stride != 0 && !(1_000..=1_000_000_000).contains(&settings.row_index_stride) {
        return Err(broken("orc.row_index_stride", "must be 0, or from 1000 to 1000000000"));
    }
    if !(settings.bloom_false_positives > 0.0 && settings.bloom_false_positives < 1.0) {
        return Err(broken("orc.bloom_false_positives", "must lie between 0 and 1"));
    }
    if settings.user_metadata.keys().any(|name| name.starts_with("segment-export.")) {
        return Err(broken("orc.user_metadata", "must not hold names that begin with `segment-export.`"));
    }
    if !settings.bloom_columns.is_empty() && settings.row_index_stride == 0 {
        return Err(broken("orc.bloom_columns", "needs a row index"));
    }
    Ok(())
}

/// Checks the settings against the budget and the store.
pub(super) fn sizes(
    settings: &Settings,
    format: Format,
    budget: &Budget,
    store: &dyn PartStore,
    carried_bytes: u64,
) -> Result<()> {
    let planned = planned_bytes(settings, budget);
    if Shares::new(settings, format, planned, store, carried_bytes).floor() > planned {
        let least = least_budget(settings, format, store, carried_bytes);
        let rule = format!("must be at least {least} bytes with these settings");
        return Err(Cause::Setting { name: "memory_budget".to_owned(), rule }.into());
    }
    Ok(())
}

/// Checks that one data object can hold the whole output, where it must.
pub(super) fn single_part(
    settings: &Settings,
    budget: &Budget,
    store: &dyn PartStore,
    source: &dyn ProfileSource,
) -> Result<()> {
    let planned = planned_bytes(settings, budget);
    let traits = store.traits();
    let part = part_bytes(&settings.upload, planned, &traits);
    // The source's own size is the least guess that can be made of the output's.
    let parts = source.size_hint().bytes.map_or(0, |bytes| bytes / part);
    if settings.single_part && parts > traits.max_parts {
        return Err(Cause::TooManyParts { parts }.into());
    }
    Ok(())
}

/// The least budget, to the MiB, whose shares fit into it.
fn least_budget(settings: &Settings, format: Format, store: &dyn PartStore, carried_bytes: u64) -> u64 {
    let shares = |budget| Shares::new(settings, format, budget, store, carried_bytes);
    let fits = |mib: &u64| shares(mib << 20).floor() <= mib << 20;
    let most = shares(u64::MAX >> 2);
    let bound = ((most.remainder + most.waiting + most.chunk) >> 20) * 2 + 2;
    let mut low = 1;
    let mut high = bound;
    while low < high {
        let middle = low + (high - low) / 2;
        if fits(&middle) { high = middle } else { low = middle + 1 }
    }
    high << 20
}

fn broken(name: &str, rule: &str) -> Error {
    Cause::Setting { name: name.to_owned(), rule: rule.to_owned() }.into()
}
