//! Messages of ours: each length comes back, on any key, in any pieces.

use proptest::prelude::*;
use segment_export::seal::{
    DataKey, EncryptionContext, Keys, LocalKey, Message, MessageId, MessageReader, OpenLimits, Suite,
    WrappedKey,
};

use super::open;

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at * 31 % 256).unwrap()).collect()
}

fn local(byte: u8) -> LocalKey {
    LocalKey::new(&[byte; 32]).unwrap()
}

fn wrapped() -> Vec<WrappedKey> {
    vec![WrappedKey { provider: "test".into(), info: Vec::new(), ciphertext: vec![0; 48] }]
}

fn fixed(id: u8, frame_bytes: u32) -> (Message, DataKey) {
    let key = DataKey::from_slice(&[id; 32]).unwrap();
    let context = EncryptionContext::default();
    let message = Message::with_key(key.clone(), wrapped(), MessageId::new([id; 32]), &context, frame_bytes);
    (message.unwrap(), key)
}

async fn opened_by(sealed: &[u8], keys: &Keys) -> Result<Vec<u8>, segment_export::Error> {
    let header = MessageReader::new(OpenLimits::default()).push(sealed)?.unwrap();
    let key = keys.open(header.wrapped_keys(), header.context()).await?;
    let mut plain = Vec::new();
    header.open(&key)?.finish(&mut plain)?;
    Ok(plain)
}

#[tokio::test]
async fn every_length_around_the_borders_of_frames_comes_back() {
    const FRAME: usize = 64;
    let keys = Keys::new(local(1));
    let context = EncryptionContext::new([("object", "a"), ("domain", "shop")]).unwrap();
    for suite in [Suite::Committing, Suite::Signed] {
        for len in [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME - 1, 2 * FRAME, 2 * FRAME + 1, 50 * FRAME] {
            let message = Message::begin(&keys, &context, suite, 64).await.unwrap();
            let mut sealed = Vec::new();
            message.seal(&bytes(len), &mut sealed).unwrap();
            assert_eq!(opened_by(&sealed, &keys).await.unwrap(), bytes(len), "{suite} {len}");
        }
    }
}

#[tokio::test]
async fn each_of_several_keys_alone_opens_a_message() {
    let keys = Keys::new(local(1)).with_further(local(2)).with_further(local(3));
    let context = EncryptionContext::new([("object", "a")]).unwrap();
    let message = Message::begin(&keys, &context, Suite::Committing, 16).await.unwrap();
    let mut sealed = Vec::new();
    message.seal(&bytes(100), &mut sealed).unwrap();
    for byte in [1, 2, 3] {
        assert_eq!(opened_by(&sealed, &Keys::new(local(byte))).await.unwrap(), bytes(100));
    }
    let error = opened_by(&sealed, &Keys::new(local(4))).await.unwrap_err();
    assert!(error.to_string().ends_with("sealed for other keys"), "{error}");
}

#[tokio::test]
async fn two_messages_of_one_content_have_nothing_in_common() {
    let keys = Keys::new(local(1));
    let mut sealed = Vec::new();
    for _ in 0..2 {
        let message = Message::begin(&keys, &EncryptionContext::default(), Suite::Committing, 16).await;
        let mut out = Vec::new();
        message.unwrap().seal(&bytes(64), &mut out).unwrap();
        sealed.push(out);
    }
    let id = |message: &[u8]| message[3..35].to_vec();
    assert_ne!(id(&sealed[0]), id(&sealed[1]));
    let end = sealed[0].len() - 64;
    assert_ne!(sealed[0][end..], sealed[1][end..]);
}

#[test]
fn the_same_key_id_and_bytes_give_the_same_message() {
    let sealed = || {
        let mut out = Vec::new();
        fixed(5, 16).0.seal(&bytes(100), &mut out).unwrap();
        out
    };
    assert_eq!(sealed(), sealed());
}

#[test]
fn an_empty_message_is_one_empty_final_frame() {
    let mut sealed = Vec::new();
    fixed(5, 16).0.seal(b"", &mut sealed).unwrap();
    let frame = &sealed[sealed.len() - 40..];
    assert_eq!(frame[..8], [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1]);
    assert_eq!(frame[20..24], [0; 4]);
}

#[test]
fn a_full_frame_at_the_end_is_the_final_one() {
    let mut sealed = Vec::new();
    fixed(5, 16).0.seal(&bytes(32), &mut sealed).unwrap();
    let last = &sealed[sealed.len() - 40 - 16..];
    assert_eq!(last[..8], [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2]);
}

proptest! {
    #[test]
    fn whatever_is_sealed_comes_back(
        plain in proptest::collection::vec(any::<u8>(), 0..600),
        frame_bytes in 1_u32..80,
        piece in 1_usize..700,
    ) {
        let (message, key) = fixed(7, frame_bytes);
        let mut sealed = Vec::new();
        message.seal(&plain, &mut sealed).unwrap();
        let (found, end) = open(&sealed, &key, piece);
        prop_assert!(end.is_ok());
        prop_assert_eq!(found, plain);
    }

    #[test]
    fn bytes_that_are_no_message_give_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0_usize..200) {
        let (message, key) = fixed(7, 16);
        let mut sealed = Vec::new();
        message.seal(&[1; 50], &mut sealed).unwrap();
        sealed.truncate(cut.min(sealed.len() - 1));
        sealed.extend_from_slice(&bytes);
        let (found, end) = open(&sealed, &key, 64);
        prop_assert!(end.is_err());
        prop_assert!([1; 50].starts_with(&found) && found.len() < 50);
    }
}
