//! Rows of unusual size: huge cells, many columns, and slow destinations.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use segment_export::{Budget, ErrorKind, Exporter, Format, Settings, Target, verify};

use super::{exporter, sample, small_chunks};
use crate::support::faulty::{FaultyParts, Operation, delay};
use crate::support::stores::{Place, visible};

const MIB: usize = 1 << 20;

/// Rows of three columns, one of whose cells is this long.
fn with_cell(rows: usize, at: usize, len: usize) -> RecordBatch {
    let names: Vec<String> = (0..rows).map(|row| format!("name {row}")).collect();
    let huge = "x".repeat(len);
    let notes: Vec<&str> = (0..rows).map(|row| if row == at { huge.as_str() } else { "-" }).collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("Name", Arc::new(StringArray::from(names.clone()))),
        ("Note", Arc::new(StringArray::from(notes))),
        ("City", Arc::new(StringArray::from(names))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn budget_of(bytes: usize) -> Settings {
    let mut settings = small_chunks();
    settings.memory_budget = bytes as u64;
    settings
}

#[tokio::test]
async fn a_cell_larger_than_the_budget_is_named_by_column_and_row_and_leaves_nothing() {
    for format in [Format::Csv, Format::Jsonl, Format::Orc] {
        let place = Place::memory();
        let export = exporter(&with_cell(100, 73, 200 * MIB), place.open(), format);
        let export = export.with_settings(budget_of(128 * MIB)).build().unwrap();
        let error = export.run().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest, "{error}");
        assert!(error.to_string().ends_with("column=`Note` row=73"), "{format}: {error}");
        assert!(visible(&*place.open()).await.is_empty(), "{format}");
    }
}

#[tokio::test]
async fn a_cell_of_64_mib_fits_a_budget_of_512() {
    for format in [Format::Csv, Format::Jsonl, Format::Orc] {
        let place = Place::memory();
        let export = exporter(&with_cell(20, 7, 64 * MIB), place.open(), format);
        export.with_settings(budget_of(512 * MIB)).build().unwrap().run().await.unwrap();
        let report = verify(place.open()).await.unwrap();
        assert!(report.is_intact() && report.rows() == 20, "{format}");
    }
}

#[tokio::test]
async fn ten_thousand_columns_are_written_within_the_default_budget() {
    let columns = (0..10_000).map(|column| {
        let cells: StringArray = (0..50).map(|row| Some(format!("{column}/{row}"))).collect();
        (format!("column {column}"), Arc::new(cells) as ArrayRef)
    });
    let wide = RecordBatch::try_from_iter(columns).unwrap();
    for format in [Format::Csv, Format::Jsonl, Format::Orc] {
        let place = Place::memory();
        let manifest = exporter(&wide, place.open(), format).build().unwrap().run().await.unwrap();
        assert_eq!((manifest.totals.rows, manifest.columns.len()), (50, 10_000), "{format}");
        assert!(verify(place.open()).await.unwrap().is_intact(), "{format}");
    }
}

/// A destination that takes a part in 20 ms: what waits for it must not grow.
#[tokio::test]
async fn a_slow_destination_holds_the_source_back() {
    let budget = Budget::new(64 << 20);
    let store = FaultyParts::over(
        Place::memory().open(),
        [delay(Operation::PutPart, Duration::from_millis(20)).always()],
    );
    let mut settings = budget_of(64 * MIB);
    (settings.chunk_bytes, settings.upload.part_bytes) = (1 << 20, Some(1 << 20));
    let rows = sample("profiles.parquet");
    let source = super::source(vec![rows.clone(); 40]);
    let export = Exporter::builder(source, Target::parts(store.share()))
        .with_format(Format::Csv)
        .with_settings(settings)
        .with_budget(budget.clone());
    let manifest = export.build().unwrap().run().await.unwrap();
    assert_eq!(manifest.totals.rows, 80_000);
    let peak = budget.peak();
    assert!(peak > 0 && peak <= budget.bytes(), "{peak}");
}
