use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

fn window(bytes: &[u8], ranges: Vec<Range<u64>>) -> (Window, Arc<AtomicU64>, DropGuard) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let blob = Blob::open_file(file.path()).unwrap();
    let read = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&read);
    let on_read = move |bytes| {
        counter.fetch_add(bytes, Ordering::Relaxed);
    };
    let (session, guard) = Session::begin(on_read);
    (Window::new(blob, session, ranges, 16), read, guard)
}

fn bytes() -> Vec<u8> {
    (0..200).collect()
}

#[test]
fn reads_that_go_forwards_touch_each_byte_once() {
    let (window, read, _guard) = window(&bytes(), vec![10..60, 80..100]);
    assert_eq!(window.read(10, 5).unwrap(), bytes()[10..15]);
    assert_eq!(window.read(15, 40).unwrap(), bytes()[15..55]);
    assert_eq!(window.read(55, 5).unwrap(), bytes()[55..60]);
    assert_eq!(window.read(80, 20).unwrap(), bytes()[80..100]);
    assert_eq!(read.load(Ordering::Relaxed), 70);
}

#[test]
fn reads_that_go_backwards_or_outside_of_the_ranges_are_right_too() {
    let (window, _, _guard) = window(&bytes(), std::iter::once(10..60).collect());
    for start in [50, 10, 120, 0, 40] {
        let end = start + 30;
        assert_eq!(window.read(start as u64, 30).unwrap(), bytes()[start..end]);
    }
}

#[test]
fn the_end_of_the_blob_ends_a_read() {
    let (window, _, _guard) = window(&bytes(), std::iter::once(150..900).collect());
    assert_eq!(window.read(190, 1 << 40).unwrap(), bytes()[190..]);
    assert!(window.from(200).unwrap().is_empty());
    assert!(window.from(u64::MAX).unwrap().is_empty());
}

#[test]
fn the_piece_after_the_last_byte_of_a_range_begins_the_next_one() {
    let (window, _, _guard) = window(&bytes(), vec![10..30, 30..40, 5..10]);
    let after: Vec<_> = [0, 20, 30, 40, 10].map(|offset| window.piece_after(offset)).into();
    assert_eq!(after, [10..26, 20..30, 30..40, 5..10, 10..26]);
}
