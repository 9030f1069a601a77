//! Compressed text: the bytes of an export as they are, in members and frames of their own.

use std::io::Read;
use std::sync::Arc;

use ::bytes::Bytes;
use flate2::read::MultiGzDecoder;
use object_store::path::Path;
use object_store::{Attribute, ObjectStoreExt};
use segment_export::plan::destination::Location;
use segment_export::{Compression, Error, ErrorKind, Exporter, Format, Settings, StoreOptions, verify};

use super::{exporter, run, sample, small_chunks, source};
use crate::support::s3::{BUCKET, S3Server, quick};
use crate::support::stores::Place;

const CODECS: [Compression; 4] = [
    Compression::Gzip { level: 1 },
    Compression::Gzip { level: 12 },
    Compression::Zstd { level: 1 },
    Compression::Zstd { level: 19 },
];

fn settings(compression: Compression) -> Settings {
    let mut settings = small_chunks();
    (settings.part_rows, settings.compression) = (Some(700), compression);
    settings
}

async fn export(format: Format, settings: Settings) -> Result<Vec<Bytes>, Error> {
    let store = Place::memory().open();
    let export = exporter(&sample("profiles.parquet"), Arc::clone(&store), format).with_settings(settings);
    let objects = run(export, &*store).await?;
    assert!(verify(store).await?.is_intact());
    Ok(objects)
}

fn decompressed(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match compression {
        Compression::Gzip { .. } => MultiGzDecoder::new(bytes).read_to_end(&mut out).unwrap(),
        Compression::Zstd { .. } => zstd::Decoder::new(bytes).unwrap().read_to_end(&mut out).unwrap(),
        _ => panic!("{compression} compresses nothing"),
    };
    out
}

#[tokio::test]
async fn compressed_objects_hold_the_bytes_of_plain_ones() {
    for format in [Format::Csv, Format::Jsonl] {
        let plain = export(format, settings(Compression::None)).await.unwrap();
        for codec in CODECS {
            let compressed = export(format, settings(codec)).await.unwrap();
            let back: Vec<_> = compressed.iter().map(|object| decompressed(codec, object)).collect();
            assert!(back == plain, "{format} {codec}");
            let sizes = [&plain, &compressed].map(|objects| objects.iter().map(Bytes::len).sum::<usize>());
            assert!(sizes[1] * 2 < sizes[0], "{format} {codec}: {sizes:?}");
        }
    }
}

#[tokio::test]
async fn a_single_frame_holds_the_bytes_of_a_plain_object() {
    for format in [Format::Csv, Format::Jsonl] {
        let plain = export(format, settings(Compression::None)).await.unwrap();
        let codec = Compression::Zstd { level: 3 };
        let mut settings = settings(codec);
        (settings.single_frame, settings.threads) = (true, 1);
        let one = export(format, settings.clone()).await.unwrap();
        let back: Vec<_> = one.iter().map(|object| decompressed(codec, object)).collect();
        assert!(back == plain, "{format}");
        for object in &one {
            assert_eq!(
                zstd::zstd_safe::find_frame_compressed_size(object).unwrap(),
                object.len(),
                "{format}"
            );
        }
        settings.threads = 8;
        assert!(export(format, settings).await.unwrap() == one, "{format}: threads change no byte");
    }
}

#[tokio::test]
async fn the_limit_of_an_object_in_one_frame_is_about_its_text() {
    let mut settings = settings(Compression::None);
    (settings.part_rows, settings.part_bytes) = (None, Some(200_000));
    let plain = export(Format::Csv, settings.clone()).await.unwrap();
    (settings.compression, settings.single_frame) = (Compression::Zstd { level: 1 }, true);
    let framed = export(Format::Csv, settings).await.unwrap();
    assert!(plain.len() > 2);
    let back: Vec<_> = framed.iter().map(|object| decompressed(CODECS[2], object)).collect();
    assert!(back == plain);
}

#[tokio::test]
async fn the_number_of_threads_changes_no_compressed_byte() {
    for codec in CODECS {
        let mut settings = settings(codec);
        settings.threads = 1;
        let one = export(Format::Jsonl, settings.clone()).await.unwrap();
        settings.threads = 8;
        assert!(export(Format::Jsonl, settings).await.unwrap() == one, "{codec}");
    }
}

#[tokio::test]
async fn names_and_manifest_tell_the_codec() {
    let cases = [(Compression::Gzip { level: 6 }, ".csv.gz"), (Compression::Zstd { level: 3 }, ".csv.zst")];
    for (codec, suffix) in cases {
        let store = Place::local().open();
        let export = exporter(&sample("profiles.parquet"), store, Format::Csv).with_settings(settings(codec));
        let manifest = export.build().unwrap().run().await.unwrap();
        assert!(manifest.parts.iter().all(|part| part.name.ends_with(suffix)), "{:?}", manifest.parts);
        assert_eq!(manifest.settings.get::<Compression>("compression"), Some(codec));
    }
}

#[tokio::test]
async fn an_export_without_rows_is_a_compressed_file_all_the_same() {
    let none = sample("profiles.parquet").slice(0, 0);
    for (format, codec) in [Format::Csv, Format::Jsonl].into_iter().flat_map(|f| CODECS.map(|c| (f, c))) {
        let store = Place::memory().open();
        let export = exporter(&none, Arc::clone(&store), format).with_settings(settings(codec));
        let objects = run(export, &*store).await.unwrap();
        assert!(objects.len() == 1 && !objects[0].is_empty(), "{format} {codec}");
        let text = decompressed(codec, &objects[0]);
        assert_eq!(text.is_empty(), format == Format::Jsonl, "{format} {codec}");
        assert!(verify(store).await.unwrap().is_intact());
    }
}

#[tokio::test]
async fn orc_and_levels_that_are_not_there_are_refused_before_anything_is_written() {
    let error = export(Format::Orc, settings(Compression::Gzip { level: 6 })).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    assert!(error.to_string().contains("compression"), "{error}");
    for codec in
        [Compression::Gzip { level: 0 }, Compression::Gzip { level: 13 }, Compression::Zstd { level: 20 }]
    {
        let error = export(Format::Csv, settings(codec)).await.unwrap_err();
        assert!(error.to_string().contains("compression"), "{codec}: {error}");
    }
}

#[tokio::test]
async fn a_single_frame_of_another_codec_or_of_a_high_level_is_refused() {
    for codec in [Compression::None, Compression::Gzip { level: 6 }, Compression::Zstd { level: 10 }] {
        let mut settings = settings(codec);
        settings.single_frame = true;
        let error = export(Format::Csv, settings).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        assert!(error.to_string().contains("single_frame"), "{codec}: {error}");
    }
}

#[tokio::test]
async fn objects_have_the_content_type_of_their_last_suffix_and_no_content_encoding() {
    let server = S3Server::start().await;
    let client = server.client(BUCKET, 1);
    let cases = [
        (Compression::None, "text/csv"),
        (Compression::Gzip { level: 6 }, "application/gzip"),
        (Compression::Zstd { level: 3 }, "application/zstd"),
    ];
    for (codec, content_type) in cases {
        let mut settings = settings(codec);
        settings.retry = quick();
        let export = Exporter::builder(
            source(vec![sample("profiles.parquet")]),
            "s3://bucket/exports".parse::<Location>().unwrap(),
        );
        let export = export
            .with_format(Format::Csv)
            .with_store_options(StoreOptions::from_pairs(server.options()))
            .with_settings(settings);
        let manifest = export.build().unwrap().run().await.unwrap();
        let key = format!("exports/{}/{}", manifest.snapshot_id, manifest.parts[0].name);
        let found = client.get(&Path::from(key)).await.unwrap().attributes;
        assert_eq!(found.get(&Attribute::ContentType).map(AsRef::as_ref), Some(content_type));
        assert_eq!(found.get(&Attribute::ContentEncoding), None);
    }
}
