//! Looks at a snapshot after the fact: whether each object that its manifest names is there and whole.
//!
//! It reads every byte and trusts nothing but the manifest. It changes nothing, it does not compare the
//! rows with their source, and it does not judge the manifest itself.
//!
//! Invariant: reads are ranges of at most [`BLOCK_BYTES`], so that memory does not grow with the size of an
//! object; only an ORC stripe and a single text row are held as a whole.

mod object;
mod report;
mod rows;
mod sealed;

use std::collections::BTreeSet;
use std::io::BufRead;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use self::object::{Bytewise, Object};
pub use self::report::{ObjectReport, Problem, VerifyReport};
use self::sealed::{Opened, read_sealed_manifest};
use crate::error::{Cause, Error, Result};
use crate::manifest::{Checksum, Encryption, MANIFEST, Manifest, PartReceipt, SealedPart, read_manifest};
use crate::plan::Format;
use crate::seal::Keys;
use crate::upload::PartStore;

/// Bytes of one ranged read: large enough for a store's latency, small enough to hold a few.
const BLOCK_BYTES: u64 = 8 << 20;

/// Objects read at once, so that one is counted while another is fetched.
const OBJECTS_AT_ONCE: usize = 4;

/// Reads a snapshot and says what is wrong with it, if anything is.
///
/// Checks for each data object of the manifest that it is there, its size, its checksum and its number of
/// rows; rows are counted by foreign readers (csv, JSON, orc-rust). Call it in a tokio runtime; the reading
/// is done on its blocking threads and ends soon after the future is dropped.
///
/// # Errors
///
/// When there is no manifest or it cannot be understood, or when the store fails. What is wrong with an
/// object is no error but a [`Problem`] in the report.
pub async fn verify(store: Arc<dyn PartStore>) -> Result<VerifyReport> {
    let manifest = read_manifest(&*store).await?;
    let manifest = manifest.ok_or_else(|| Cause::NoSnapshot { name: MANIFEST.to_owned() })?;
    if manifest.encryption.as_ref().is_some_and(Encryption::is_envelope) {
        return Err(Cause::Sealed { problem: "a sealed snapshot is verified by its key" }.into());
    }
    check_all(store, manifest, None).await
}

/// Reads a sealed snapshot and says what is wrong with it, if anything is.
///
/// Checks besides what [`verify`] does that the manifest is the one that was sealed, and that each data object is
/// sealed as the object of its name in this snapshot; its rows are those of its opened bytes.
///
/// # Errors
///
/// When there is no manifest, it is not sealed or not the one that was sealed, or when the store or a key fails.
pub async fn verify_sealed(store: Arc<dyn PartStore>, keys: &Keys) -> Result<VerifyReport> {
    let manifest = read_sealed_manifest(&*store, keys).await?;
    check_all(store, manifest, Some(keys)).await
}

async fn check_all(
    store: Arc<dyn PartStore>,
    manifest: Manifest,
    keys: Option<&Keys>,
) -> Result<VerifyReport> {
    let cancelled = CancellationToken::new();
    let _guard = cancelled.clone().drop_guard();
    let checks = manifest.parts.into_iter().map(|receipt| {
        let check = Check { format: manifest.format, receipt, keys: keys.cloned() };
        check.run(Arc::clone(&store), cancelled.clone())
    });
    let objects: Vec<_> = stream::iter(checks).buffered(OBJECTS_AT_ONCE).try_collect().await?;
    let unlisted = unlisted(&*store, &objects).await?;
    Ok(VerifyReport { snapshot_id: manifest.snapshot_id, format: manifest.format, objects, unlisted })
}

/// One object that is to be checked.
struct Check {
    format: Format,
    receipt: PartReceipt,
    keys: Option<Keys>,
}

impl Check {
    async fn run(self, store: Arc<dyn PartStore>, cancelled: CancellationToken) -> Result<ObjectReport> {
        let PartReceipt { name, size, rows, .. } = &self.receipt;
        let (name, size, rows) = (name.clone(), *size, *rows);
        let problems = match store.head(&name).await? {
            None => vec![Problem::Missing],
            Some(info) if info.size != size => vec![Problem::Size { expected: size, found: info.size }],
            Some(_) => {
                let object = Object::new(store, name.clone(), size, Handle::current(), cancelled);
                let read = tokio::task::spawn_blocking(move || self.read(&Arc::new(object)));
                read.await.map_err(|ended| {
                    Error::from(if ended.is_panic() { Cause::Panicked } else { Cause::Cancelled })
                })??
            }
        };
        Ok(ObjectReport { name, size, rows, problems })
    }

    /// Reads the object on a thread that may block.
    fn read(&self, object: &Arc<Object>) -> Result<Vec<Problem>> {
        let mut bytes = object.bytes_from(0);
        if let Some(keys) = &self.keys {
            return self.read_sealed(object, bytes, keys);
        }
        let counted = self.count_text(&mut bytes);
        let found = bytes.checksum();
        object.failure()?;
        let mut problems = Vec::new();
        problems.extend(self.compare_checksum(found)?);
        // ORC is read out of order, so it is read again, and only when its bytes are those that were written:
        // its reader is not made for broken files.
        let counted = match counted {
            None if problems.is_empty() => Some(rows::orc(object)),
            counted => counted,
        };
        object.failure()?;
        problems.extend(counted.and_then(|counted| self.compare_rows(&counted)));
        Ok(problems)
    }

    /// Reads a sealed object: all of it is opened, whatever its rows are.
    fn read_sealed(&self, object: &Arc<Object>, stored: Bytewise, keys: &Keys) -> Result<Vec<Problem>> {
        let Some(SealedPart { context, plain_size, .. }) = &self.receipt.sealed else {
            return Ok(vec![Problem::Sealed]);
        };
        let mut opened = Opened::new(stored, keys, context);
        let counted = self.count_text(&mut opened);
        let end = opened.finish();
        object.failure()?;
        let mut problems: Vec<_> = self.compare_checksum(end.checksum)?.into_iter().collect();
        match end.failure {
            Some(error) if matches!(error.cause(), Cause::Sealed { .. }) => problems.push(Problem::Sealed),
            Some(error) => return Err(error),
            None if end.size != *plain_size => problems.push(Problem::Sealed),
            None => {}
        }
        if !problems.is_empty() {
            return Ok(problems);
        }
        let counted = match (counted, end.frames) {
            (None, Some(frames)) => {
                let plain = Arc::new(object.opened(frames, end.size));
                let counted = rows::orc(&plain);
                plain.failure()?;
                Some(counted)
            }
            (counted, _) => counted,
        };
        Ok(counted.and_then(|counted| self.compare_rows(&counted)).into_iter().collect())
    }

    /// The rows of a text; `None` for ORC, which is not read in its order.
    fn count_text(&self, bytes: &mut impl BufRead) -> Option<Result<u64, rows::Unreadable>> {
        let name = self.receipt.name.strip_suffix(".encrypted").unwrap_or(&self.receipt.name);
        match self.format {
            Format::Csv => Some(rows::of_text(name, bytes, |text| rows::csv(text))),
            Format::Jsonl => Some(rows::of_text(name, bytes, |text| rows::jsonl(text))),
            Format::Orc => None,
        }
    }

    fn compare_checksum(&self, found: u64) -> Result<Option<Problem>> {
        let expected = &self.receipt.checksum;
        let found = Checksum::crc64_nvme(found);
        if expected.algorithm != found.algorithm {
            return Err(Cause::NotAvailable { what: "this algorithm of checksums".to_owned() }.into());
        }
        let problem = || Problem::Checksum { expected: expected.value.clone(), found: found.value.clone() };
        Ok((expected.value != found.value).then(problem))
    }

    fn compare_rows(&self, counted: &Result<u64, rows::Unreadable>) -> Option<Problem> {
        let expected = self.receipt.rows;
        match *counted {
            Err(rows::Unreadable { rows }) => Some(Problem::Unreadable { rows }),
            Ok(found) => (found != expected).then_some(Problem::Rows { expected, found }),
        }
    }
}

/// The visible data objects that are not among those of the manifest.
async fn unlisted(store: &dyn PartStore, objects: &[ObjectReport]) -> Result<Vec<String>> {
    let in_manifest: BTreeSet<_> = objects.iter().map(|object| object.name.as_str()).collect();
    let names = store.list().await?.into_iter().map(|info| info.name);
    Ok(names.filter(|name| is_data(name) && !in_manifest.contains(name.as_str())).collect())
}

/// Whether a reader that lists would take the object for data.
fn is_data(name: &str) -> bool {
    let name = name.strip_suffix(".encrypted").unwrap_or(name);
    let name = [".gz", ".zst"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
    [Format::Csv, Format::Jsonl, Format::Orc]
        .iter()
        .any(|format| name.strip_suffix(format.suffix()).is_some_and(|stem| stem.ends_with('.')))
}
