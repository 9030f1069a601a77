//! STAND-IN: replaced at the merge by the source work.

use arrow::datatypes::SchemaRef;

use super::{BatchStream, ProfileSource, ReadOptions};
use crate::error::{Cause, Result};
use crate::plan::destination::Location;
use crate::settings::RetrySettings;
use crate::store::StoreOptions;

/// Stand-in.
#[derive(Debug)]
pub struct ParquetSource {
    schema: SchemaRef,
}

impl ParquetSource {
    /// Stand-in.
    ///
    /// # Errors
    ///
    /// When a path is missing.
    #[expect(clippy::unused_async, reason = "a stand-in")]
    pub async fn open(
        locations: Vec<Location>,
        options: &StoreOptions,
        retry: &RetrySettings,
    ) -> Result<Self> {
        let _ = (options, retry);
        for location in &locations {
            if !matches!(location, Location::Local(path) if path.exists()) {
                return Err(Cause::SourceMissing { path: location.to_string() }.into());
            }
        }
        Ok(Self { schema: SchemaRef::new(arrow::datatypes::Schema::empty()) })
    }
}

impl ProfileSource for ParquetSource {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn open(&self, partition: usize, from_row: u64, options: &ReadOptions) -> Result<BatchStream> {
        let _ = (partition, from_row, options);
        Err(Cause::SourceSpent.into())
    }
}
