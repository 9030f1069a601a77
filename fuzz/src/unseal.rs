//! Messages that nobody vouches for: no panic, and no byte that was not sealed is given out.

use segment_export::Error;
use segment_export::seal::{
    DataKey, EncryptionContext, Message, MessageId, MessageReader, OpenLimits, WrappedKey,
};

const FRAME_BYTES: u32 = 16;

/// Opens the input as it is, and then a message of ours that the input was written into at `at`.
pub fn check(at: u8, piece: u8, input: &[u8]) {
    let key = DataKey::from_slice(&[9; 32]).unwrap();
    let mut given_out = Vec::new();
    let end = open(input, &key, piece, &mut given_out);
    assert!(end.is_err() && given_out.is_empty(), "nobody can seal under this key");

    let plain: Vec<u8> = (0..100).collect();
    let sealed = seal(&key, &plain);
    let mut changed = sealed.clone();
    let at = usize::from(at).min(changed.len());
    let end = (at + input.len()).min(changed.len());
    changed[at..end].copy_from_slice(&input[..end - at]);
    changed.extend_from_slice(&input[end - at..]);
    given_out.clear();
    let end = open(&changed, &key, piece, &mut given_out);
    assert!(plain.starts_with(&given_out), "bytes that nobody sealed");
    assert_eq!(end.is_ok(), changed == sealed, "only the message itself opens");
    assert_eq!(end.is_ok(), given_out.len() == plain.len(), "the last frame is held back");
}

fn seal(key: &DataKey, plain: &[u8]) -> Vec<u8> {
    let wrapped = WrappedKey { provider: "fuzz".into(), info: b"key".to_vec(), ciphertext: vec![1; 48] };
    let context = EncryptionContext::new([("object", "a")]).unwrap();
    let id = MessageId::new([3; 32]);
    let message = Message::with_key(key.clone(), vec![wrapped], id, &context, FRAME_BYTES).unwrap();
    let mut sealed = Vec::new();
    message.seal(plain, &mut sealed).unwrap();
    sealed
}

fn open(message: &[u8], key: &DataKey, piece: u8, plain: &mut Vec<u8>) -> Result<(), Error> {
    let mut pieces = message.chunks(usize::from(piece) + 1);
    let mut reader = MessageReader::new(OpenLimits::default());
    let header = loop {
        let Some(piece) = pieces.next() else { return Err(reader.finish()) };
        if let Some(header) = reader.push(piece)? {
            break header;
        }
    };
    let mut opener = header.open(key)?;
    for piece in pieces {
        opener.push(piece, plain)?;
    }
    opener.finish(plain)
}
