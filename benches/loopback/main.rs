//! The same export to local disk and to an S3 server in another process on loopback.
//!
//! The sample file is read many times over. The server is this program once more, and keeps what it gets on the same
//! disk. Both have the threads of the machine to share: the ratio of the times is what uploading costs. Throughput
//! counts rows.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run stops")]

mod server;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use criterion::{BatchSize, Criterion, Throughput};
use segment_export::plan::destination::Location;
use segment_export::source::ParquetSource;
use segment_export::{Exporter, Format, RetrySettings, Settings, StoreOptions};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// Rows of the sample.
const SAMPLE_ROWS: usize = 2_000;
/// How many times it is read, and how many times when the bench is only tried.
const FILES: usize = 256;
const FILES_OF_TRIAL: usize = 4;

/// With this variable the program is the server, and keeps what it gets in the directory that it names.
const SERVE: &str = "LOOPBACK_SERVE";

/// The server, which ends when it is dropped.
struct Server {
    process: Child,
    endpoint: String,
    /// The directory goes when the server is gone.
    _root: TempDir,
}

impl Server {
    fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(SERVE, root.path()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut endpoint = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut endpoint).unwrap();
        Self { process, endpoint: endpoint.trim_end().to_owned(), _root: root }
    }

    fn options(&self) -> StoreOptions {
        StoreOptions::from_pairs([
            ("aws_endpoint", self.endpoint.as_str()),
            ("aws_allow_http", "true"),
            // As S3 itself is asked: a checksum is signed instead of the payload.
            ("aws_checksum_algorithm", "crc64nvme"),
            ("aws_unsigned_payload", "true"),
            ("aws_region", "us-east-1"),
            ("aws_access_key_id", server::ACCESS_KEY),
            ("aws_secret_access_key", server::SECRET_KEY),
        ])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn files() -> usize {
    if std::env::args().any(|argument| argument == "--test") { FILES_OF_TRIAL } else { FILES }
}

fn export(runtime: &Runtime, format: Format, destination: Location, options: StoreOptions) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/profiles_flat.parquet");
    let mut settings = Settings::default();
    settings.threads = 2;
    let manifest = runtime.block_on(async {
        let files = vec![Location::from(&*file); files()];
        let source =
            ParquetSource::open(files, &StoreOptions::default(), &RetrySettings::default()).await.unwrap();
        let exporter = Exporter::builder(source, destination)
            .with_format(format)
            .with_settings(settings)
            .with_store_options(options);
        exporter.build().unwrap().run().await.unwrap()
    });
    assert_eq!(manifest.totals.rows, (files() * SAMPLE_ROWS) as u64);
}

fn loopback(c: &mut Criterion) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for format in [Format::Csv, Format::Jsonl, Format::Orc] {
        let mut group = c.benchmark_group(format!("loopback_{format}"));
        group.throughput(Throughput::Elements((files() * SAMPLE_ROWS) as u64)).sample_size(10);
        group.bench_function("disk", |b| {
            // The directory goes back out of the measured part, where it is removed.
            let once = |out: TempDir| {
                export(&runtime, format, Location::from(out.path()), StoreOptions::default());
                out
            };
            b.iter_batched(|| tempfile::tempdir().unwrap(), once, BatchSize::PerIteration);
        });
        group.bench_function("s3", |b| {
            let once = |server: Server| {
                let bucket = format!("s3://{}/exports", server::BUCKET).parse().unwrap();
                export(&runtime, format, bucket, server.options());
                server
            };
            b.iter_batched(Server::start, once, BatchSize::PerIteration);
        });
        group.finish();
    }
}

fn main() {
    if let Some(root) = std::env::var_os(SERVE) {
        return server::serve(root.into());
    }
    let mut criterion = Criterion::default().configure_from_args();
    loopback(&mut criterion);
    criterion.final_summary();
}
