//! Whose a snapshot is, what it is made of, and when it exists: claim, receipts, manifest.
//!
//! A snapshot exists when `_manifest.json` does. An export claims the snapshot id first, so that two cannot
//! write one; every object that it writes carries the mark of its attempt, so that a late writer of another
//! attempt can touch nothing of it; the manifest is created last, and only where none is. This module does
//! not know how rows became objects, nor who calls it.
//!
//! Invariants: nothing is deleted that is not of our own attempt, unless its owner is dead and no manifest
//! names it; once the manifest was sent nothing is deleted at all, unless it is certain that it is not there.

mod abort;
mod claim;
mod commit;
mod names;
mod owned;
mod receipt;
mod sealed;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{BoxError, Cause, Error, Result};
use crate::plan::Format;
use crate::upload::PartStore;

pub use self::abort::{Removed, abort_snapshot};
pub use self::claim::{Claim, Ownership, claim};
pub use self::commit::{CommitError, ManifestFiles, commit};
pub use self::names::{CLAIM, MANIFEST, OwnerNonce, SEALED_MANIFEST, part_name};
pub use self::receipt::{Checksum, OpenUpload, PartReceipt, check_coverage};
pub use self::sealed::{Encryption, SealedPart};

/// The version of what is written; readers take any `1.x` and ignore fields that they do not know.
const FORMAT_VERSION: &str = "1.0";

/// What a complete snapshot consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// The version of the manifest, `1.x`.
    pub format_version: String,
    /// When the export began, as RFC 3339.
    pub created: String,
    /// When every row was uploaded, as RFC 3339.
    pub completed: String,
    /// The id of the snapshot: 32 hex digits.
    pub snapshot_id: String,
    /// The domain of the segment, if the export was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The segment, if the export was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// The attempt that wrote the snapshot.
    pub owner: OwnerNonce,
    /// The format of the data objects.
    pub format: Format,
    /// The settings that a reader needs to know.
    #[serde(default)]
    pub settings: ReaderSettings,
    /// The columns, in their order.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// The data objects, in the order of their rows.
    pub parts: Vec<PartReceipt>,
    /// Sums over the data objects.
    pub totals: Totals,
    /// How the data objects are encrypted; none: not by us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// What wrote the snapshot.
    pub software: Software,
}

impl Manifest {
    /// A manifest of an attempt, everything else empty.
    pub fn new(owner: OwnerNonce, format: Format) -> Self {
        Self {
            format_version: FORMAT_VERSION.to_owned(),
            created: String::new(),
            completed: String::new(),
            snapshot_id: String::new(),
            domain: None,
            segment: None,
            owner,
            format,
            settings: ReaderSettings::default(),
            columns: Vec::new(),
            parts: Vec::new(),
            totals: Totals::default(),
            encryption: None,
            software: Software::this(),
        }
    }

    /// Takes the receipts of the data objects, without what only their upload needs, and sums them up.
    #[must_use]
    pub fn with_parts(mut self, receipts: &[PartReceipt]) -> Self {
        self.parts = receipts.iter().map(PartReceipt::without_upload).collect();
        self.totals = Totals {
            parts: self.parts.len() as u64,
            rows: self.parts.iter().map(|part| part.rows).sum(),
            bytes: self.parts.iter().map(|part| part.size).sum(),
        };
        self
    }

    /// The manifest as JSON, the same bytes for the same manifest.
    ///
    /// # Errors
    ///
    /// Never for what [`Manifest`] can hold; the serializer cannot promise it.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        to_json("the manifest", MANIFEST, self)
    }
}

/// A column of the data objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Column {
    /// Its name in the data objects.
    pub name: String,
    /// Its logical type.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether a cell may be NULL.
    pub nullable: bool,
    /// Where its values stand in the source: names of columns and fields, outermost first.
    #[serde(default)]
    pub source: Vec<String>,
}

impl Column {
    /// A column and where its values come from.
    pub fn new(
        name: impl Into<String>,
        data_type: impl Into<String>,
        nullable: bool,
        source: Vec<String>,
    ) -> Self {
        Self { name: name.into(), data_type: data_type.into(), nullable, source }
    }
}

/// Sums over the data objects of a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Totals {
    /// Data objects.
    pub parts: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What wrote a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Software {
    /// The name of the program or crate.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Software {
    /// This crate.
    fn this() -> Self {
        Self { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// Settings as a reader finds them in the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReaderSettings(BTreeMap<String, serde_json::Value>);

impl ReaderSettings {
    /// Notes settings under a name, in their serde form.
    ///
    /// # Errors
    ///
    /// When the settings cannot be written as JSON.
    pub fn insert(&mut self, name: impl Into<String>, settings: &impl Serialize) -> Result<()> {
        let value =
            serde_json::to_value(settings).map_err(|error| malformed("a setting", MANIFEST, error))?;
        self.0.insert(name.into(), value);
        Ok(())
    }

    /// The settings of this name, if they are there and of this type.
    pub fn get<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Option<T> {
        T::deserialize(self.0.get(name)?).ok()
    }
}

/// The manifest of a snapshot; `None` where no snapshot is complete.
///
/// # Errors
///
/// When it cannot be read or understood, or is of another major version.
pub async fn read_manifest(store: &dyn PartStore) -> Result<Option<Manifest>> {
    let Some((bytes, _)) = store.get(MANIFEST).await? else { return Ok(None) };
    parse_manifest(&bytes).map(Some)
}

/// The manifest of these bytes.
pub(crate) fn parse_manifest(json: &[u8]) -> Result<Manifest> {
    let manifest: Manifest =
        serde_json::from_slice(json).map_err(|error| malformed("the manifest", MANIFEST, error))?;
    if manifest.format_version.split('.').next() != FORMAT_VERSION.split('.').next() {
        let problem = format!("its version is {}", manifest.format_version);
        return Err(malformed("the manifest", MANIFEST, problem));
    }
    Ok(manifest)
}

fn malformed(what: &'static str, name: &str, source: impl Into<BoxError>) -> Error {
    Cause::Malformed { what, name: name.to_owned(), source: source.into() }.into()
}

fn to_json(what: &'static str, name: &str, value: &impl Serialize) -> Result<Vec<u8>> {
    let mut json = serde_json::to_vec_pretty(value).map_err(|error| malformed(what, name, error))?;
    json.push(b'\n');
    Ok(json)
}
