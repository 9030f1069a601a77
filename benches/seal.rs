//! How fast bytes are sealed and opened, by length of frames and by threads.
//!
//! One message is 16 MiB, and buffers are used again, as an export does it. Throughput counts bytes in clear.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run stops")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rayon::ThreadPoolBuilder;
use rayon::iter::{IntoParallelRefMutIterator, ParallelIterator};
use segment_export::seal::{
    DataKey, EncryptionContext, Keys, LocalKey, Message, MessageId, MessageReader, OpenLimits, Suite,
    WrappedKey,
};

/// Bytes of a message.
const BYTES: usize = 16 << 20;

fn message(frame_bytes: u32) -> Message {
    let key = DataKey::from_slice(&[7; 32]).unwrap();
    let wrapped = WrappedKey { provider: "bench".to_owned(), info: Vec::new(), ciphertext: vec![0; 48] };
    let id = MessageId::random().unwrap();
    Message::with_key(key, vec![wrapped], id, &EncryptionContext::default(), frame_bytes).unwrap()
}

/// One message after the other.
fn one_thread(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("seal");
    group.throughput(Throughput::Bytes(BYTES as u64));
    let plain = vec![0x5a; BYTES];
    let mut sealed = Vec::new();
    for frame_bytes in [4 << 10, 64 << 10, 1 << 20] {
        group.bench_function(BenchmarkId::from_parameter(frame_bytes), |bencher| {
            bencher.iter(|| {
                sealed.clear();
                message(frame_bytes).seal(black_box(&plain), &mut sealed).unwrap();
            });
        });
    }
    group.finish();
}

/// A message on each of so many threads.
fn threads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("seal on threads");
    let plain = vec![0x5a; BYTES];
    for count in [1, 2, 4] {
        let pool = ThreadPoolBuilder::new().num_threads(count).build().unwrap();
        let mut buffers = vec![Vec::new(); count];
        group.throughput(Throughput::Bytes((BYTES * count) as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            let seal = |sealed: &mut Vec<u8>| {
                sealed.clear();
                message(64 << 10).seal(black_box(&plain), sealed).unwrap();
            };
            bencher.iter(|| pool.install(|| buffers.par_iter_mut().for_each(seal)));
        });
    }
    group.finish();
}

/// A signed message, whose hash is computed by one thread.
fn signed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("seal signed");
    group.throughput(Throughput::Bytes(BYTES as u64));
    group.sample_size(10);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let keys = Keys::new(LocalKey::new(&[7; 32]).unwrap());
    let context = EncryptionContext::default();
    let plain = vec![0x5a; BYTES];
    let mut sealed = Vec::new();
    group.bench_function(BenchmarkId::from_parameter(64 << 10), |bencher| {
        bencher.iter(|| {
            sealed.clear();
            let begun = runtime.block_on(Message::begin(&keys, &context, Suite::Signed, 64 << 10));
            begun.unwrap().seal(black_box(&plain), &mut sealed).unwrap();
        });
    });
    group.finish();
}

/// A message as `decrypt` reads it, in pieces of 1 MiB.
fn open(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("open");
    group.throughput(Throughput::Bytes(BYTES as u64));
    let mut sealed = Vec::new();
    message(64 << 10).seal(&vec![0x5a; BYTES], &mut sealed).unwrap();
    let key = DataKey::from_slice(&[7; 32]).unwrap();
    let mut plain = Vec::new();
    group.bench_function(BenchmarkId::from_parameter(64 << 10), |bencher| {
        bencher.iter(|| {
            let mut pieces = sealed.chunks(1 << 20);
            let mut reader = MessageReader::new(OpenLimits::default());
            let header = pieces.find_map(|piece| reader.push(piece).unwrap()).unwrap();
            let mut opener = header.open(&key).unwrap();
            for piece in pieces {
                plain.clear();
                opener.push(black_box(piece), &mut plain).unwrap();
            }
            opener.finish(&mut plain).unwrap();
        });
    });
    group.finish();
}

criterion_group!(benches, one_thread, threads, signed, open);
criterion_main!(benches);
