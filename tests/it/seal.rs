//! Sealed messages: what any reader makes of ours, what we make of others', and what is refused.

mod hostile;
mod messages;
mod vectors;

use segment_export::Error;
use segment_export::seal::{DataKey, MessageReader, OpenLimits};

/// Opens a message that comes in pieces of so many bytes; with what was given out, also before a failure.
pub(crate) fn open(message: &[u8], key: &DataKey, piece: usize) -> (Vec<u8>, Result<(), Error>) {
    let mut plain = Vec::new();
    let end = open_into(message, key, piece, &mut plain);
    (plain, end)
}

fn open_into(message: &[u8], key: &DataKey, piece: usize, plain: &mut Vec<u8>) -> Result<(), Error> {
    let mut pieces = message.chunks(piece);
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

#[cfg(feature = "fips")]
#[test]
fn the_cryptography_is_that_of_the_validated_module() {
    aws_lc_rs::try_fips_mode().unwrap();
}
