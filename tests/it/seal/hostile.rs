//! Messages that were tampered with: each is refused, and no byte that was not authenticated is given out.

use segment_export::seal::{
    DataKey, EncryptionContext, Message, MessageId, MessageReader, OpenLimits, WrappedKey,
};

use super::open;
use super::vectors::{Vector, vectors};

const FRAME: usize = 16;
const REGULAR: usize = 4 + 12 + FRAME + 16;

/// A message of ours in frames of 16 bytes, its header's length, and its bytes in clear.
fn ours(len: usize) -> (Vec<u8>, usize, Vec<u8>, DataKey) {
    let key = DataKey::from_slice(&[9; 32]).unwrap();
    let wrapped = WrappedKey { provider: "test".into(), info: b"key".to_vec(), ciphertext: vec![1; 48] };
    let context = EncryptionContext::new([("object", "a")]).unwrap();
    let message =
        Message::with_key(key.clone(), vec![wrapped], MessageId::new([3; 32]), &context, 16).unwrap();
    let plain: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let mut sealed = Vec::new();
    message.seal(&plain, &mut sealed).unwrap();
    let regular = len.saturating_sub(1) / FRAME;
    let last = len - regular * FRAME;
    let header = sealed.len() - regular * REGULAR - (4 + 4 + 12 + 4 + last + 16);
    (sealed, header, plain, key)
}

/// Refused, and what was given out is a start of what was sealed, whole frames of it, never its end.
fn assert_refused(message: &[u8], key: &DataKey, plain: &[u8], what: &str) {
    assert!(given_out(message, key, plain, what) < plain.len() || plain.is_empty(), "{what}: all of it");
}

/// As [`assert_refused`]; a vector whose final frame is empty has its last byte in a regular frame.
fn assert_vector_refused(message: &[u8], vector: &Vector, what: &str) {
    let plain = vector.plain.as_deref().unwrap();
    let most = if vector.ends_in_an_empty_frame() { plain.len() } else { plain.len() - 1 };
    assert!(given_out(message, &vector.key, plain, what) <= most, "{} {what}: all of it", vector.name);
}

/// Bytes that are given out of a message that must be refused.
fn given_out(message: &[u8], key: &DataKey, plain: &[u8], what: &str) -> usize {
    let found = [message.len().max(1), 5].map(|piece| {
        let (found, end) = open(message, key, piece);
        assert!(end.is_err(), "{what} was taken");
        assert!(plain.starts_with(&found), "{what}: bytes that nobody sealed were given out");
        found.len()
    });
    found[0].max(found[1])
}

/// The vectors that open.
fn whole() -> impl Iterator<Item = Vector> {
    vectors().into_iter().filter(|vector| vector.plain.is_some())
}

#[test]
fn a_vector_that_is_cut_short_anywhere_is_refused() {
    for vector in whole() {
        for len in 0..vector.message.len() {
            assert_vector_refused(&vector.message[..len], &vector, &format!("cut to {len}"));
        }
    }
}

#[test]
fn a_vector_with_a_flipped_bit_anywhere_is_refused() {
    for vector in whole() {
        for at in 0..vector.message.len() {
            let mut broken = vector.message.clone();
            broken[at] ^= 1 << (at % 8);
            assert_vector_refused(&broken, &vector, &format!("flipped at {at}"));
        }
    }
}

#[test]
fn a_vector_with_bytes_after_its_end_is_refused() {
    for vector in whole() {
        for more in [&b"\0"[..], &vector.message] {
            assert_vector_refused(&[&vector.message[..], more].concat(), &vector, "with more");
        }
    }
}

#[test]
fn a_vector_without_its_body_or_under_another_key_gives_nothing() {
    let other = DataKey::from_slice(&[0xee; 32]).unwrap();
    for Vector { name, message, key, header, .. } in vectors() {
        for (what, message, key) in [("cut", &message[..header], &key), ("other key", &message[..], &other)] {
            let (found, end) = open(message, key, message.len());
            assert!(end.is_err() && found.is_empty(), "{name}: {what}");
        }
    }
}

#[test]
fn frames_that_are_swapped_doubled_or_dropped_are_refused() {
    let (message, header, plain, key) = ours(5 * FRAME);
    open(&message, &key, 5).1.unwrap();
    let body = &message[header..];
    let frames: Vec<&[u8]> = body[..4 * REGULAR].chunks(REGULAR).chain([&body[4 * REGULAR..]]).collect();
    let orders: [(&str, &[usize]); 8] = [
        ("swapped", &[1, 0, 2, 3, 4]),
        ("doubled", &[0, 0, 1, 2, 3, 4]),
        ("dropped first", &[1, 2, 3, 4]),
        ("dropped inside", &[0, 1, 3, 4]),
        ("dropped before the final one", &[0, 1, 2, 4]),
        ("dropped final one", &[0, 1, 2, 3]),
        ("final one doubled", &[0, 1, 2, 3, 4, 4]),
        ("final one early", &[0, 1, 4, 2, 3]),
    ];
    for (what, order) in orders {
        let body: Vec<u8> = order.iter().flat_map(|frame| frames[*frame]).copied().collect();
        assert_refused(&[&message[..header], &body].concat(), &key, &plain, what);
    }
}

#[test]
fn frames_of_another_message_of_the_same_key_are_refused() {
    let (message, header, plain, key) = ours(3 * FRAME);
    let wrapped = WrappedKey { provider: "test".into(), info: b"key".to_vec(), ciphertext: vec![1; 48] };
    let context = EncryptionContext::new([("object", "a")]).unwrap();
    let other = Message::with_key(key.clone(), vec![wrapped], MessageId::new([4; 32]), &context, 16).unwrap();
    let mut sealed = Vec::new();
    other.seal(&plain, &mut sealed).unwrap();
    assert_eq!(sealed.len(), message.len());
    let mixed = [&message[..header], &sealed[header..]].concat();
    assert_refused(&mixed, &key, &plain, "a body of another message");
}

#[test]
fn a_regular_frame_is_not_taken_for_the_final_one() {
    let (message, header, plain, key) = ours(2 * FRAME);
    let frame = &message[header..header + REGULAR];
    // The same ciphertext and tag, dressed as a final frame.
    let dressed = [&[0xff; 4][..], &frame[..16], &16_u32.to_be_bytes(), &frame[16..]].concat();
    assert_refused(&[&message[..header], &dressed].concat(), &key, &plain, "a dressed frame");
}

#[test]
fn lengths_beyond_the_limits_are_refused_before_anything_is_held() {
    let (message, header, _, _) = ours(FRAME);
    let limits = OpenLimits::default();
    let refused = |bytes: &[u8], what: &str| {
        let error = MessageReader::new(limits).push(bytes).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = message.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    let frame_bytes_at = header - 16 - 32 - 4;
    refused(&with(frame_bytes_at, &(limits.frame_bytes + 1).to_be_bytes()), "its frames are longer");
    refused(&with(frame_bytes_at, &[0; 4]), "how its body is cut");
    let keys_at = 1 + 2 + 32 + 2 + (2 + 2 + 6 + 2 + 1);
    refused(&with(keys_at, &[0, 0]), "no data key");
    refused(&with(keys_at, &[0xff, 0xff]), "more data keys");
    refused(&with(1, &0x0178_u16.to_be_bytes()), "algorithm suite");
    refused(&with(0, &[1]), "format version 2");
}

#[test]
fn a_final_frame_that_says_more_than_a_frame_is_refused_at_once() {
    let (message, header, _, key) = ours(4);
    let mut broken = message[..header + 4 + 4 + 12].to_vec();
    broken.extend_from_slice(&u32::MAX.to_be_bytes());
    let (found, end) = open(&broken, &key, broken.len());
    assert!(end.unwrap_err().to_string().contains("longer than its frames"));
    assert_eq!(found, b"");
}
