//! The public vectors of the message format: messages of four other SDKs.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use segment_export::seal::{DataKey, MessageReader, OpenLimits};
use serde::Deserialize;

use super::open;

#[derive(Deserialize)]
struct File {
    tests: Vec<Wire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Wire {
    ciphertext: String,
    decrypted_dek: String,
    encryption_context: BTreeMap<String, String>,
    plaintext_frames: Option<Vec<String>>,
    header: String,
    status: bool,
    comment: String,
}

/// A message, its data key, and what must come of it.
pub(super) struct Vector {
    pub(super) name: String,
    pub(super) message: Vec<u8>,
    pub(super) key: DataKey,
    pub(super) plain: Option<Vec<u8>>,
    /// Bytes of its header, the tag included.
    pub(super) header: usize,
    context: BTreeMap<String, String>,
}

impl Vector {
    /// Whether its last byte is in a regular frame, as some SDKs write it.
    pub(super) fn ends_in_an_empty_frame(&self) -> bool {
        let number = |at: usize| u32::from_be_bytes(self.message[at..at + 4].try_into().unwrap());
        // The header ends in the length of frames, the commitment and its tag.
        let frame_bytes = usize::try_from(number(self.header - 16 - 32 - 4)).unwrap();
        if frame_bytes == 0 {
            return false;
        }
        let mut at = self.header;
        while number(at) != u32::MAX {
            at += 4 + 12 + frame_bytes + 16;
        }
        number(at + 4 + 4 + 12) == 0
    }
}

fn decode(text: &str) -> Vec<u8> {
    STANDARD.decode(text.trim()).unwrap()
}

pub(super) fn vectors() -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/vectors/esdk-message-format-v2.json");
    let file: File = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let vector = |wire: Wire| Vector {
        message: decode(&wire.ciphertext),
        key: DataKey::from_slice(&decode(&wire.decrypted_dek)).unwrap(),
        plain: wire.status.then(|| wire.plaintext_frames.unwrap_or_default().concat().into_bytes()),
        header: decode(&wire.header).len(),
        context: wire.encryption_context,
        name: wire.comment,
    };
    file.tests.into_iter().map(vector).collect()
}

#[test]
fn every_public_vector_opens_or_fails_as_stated() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 46);
    for Vector { name, message, key, plain, .. } in vectors {
        for piece in [message.len(), 1, 7] {
            let (found, end) = open(&message, &key, piece);
            if let Some(plain) = &plain {
                end.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(&found, plain, "{name}");
            } else {
                let error = end.unwrap_err().to_string();
                assert!(error.ends_with("does not commit to its data key"), "{name}: {error}");
                assert_eq!(found, b"", "{name}");
            }
        }
    }
}

#[test]
fn the_context_of_every_public_vector_is_read() {
    for vector in vectors() {
        let mut reader = MessageReader::new(OpenLimits::default());
        let header = reader.push(&vector.message).unwrap().unwrap();
        let found: BTreeMap<_, _> =
            header.context().iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        assert_eq!(found, vector.context, "{}", vector.name);
        assert!(!header.wrapped_keys().is_empty(), "{}", vector.name);
    }
}
