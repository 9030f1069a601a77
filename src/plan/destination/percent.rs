//! Percent-encoding of the segments of a URI.

/// Decodes every `%XX`; `None` when an escape is cut short, is not hexadecimal, or makes no UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                bytes.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
                tail
            }
            (b'%', _) => return None,
            (&byte, tail) => {
                bytes.push(byte);
                tail
            }
        };
    }
    String::from_utf8(bytes).ok()
}

/// Encodes what would end a path, begin an escape or not be seen; slashes stay.
pub(super) fn encode(path: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(path.len());
    let mut utf8 = [0; 4];
    for character in path.chars() {
        if !is_encoded(character) {
            encoded.push(character);
            continue;
        }
        for byte in character.encode_utf8(&mut utf8).bytes() {
            encoded.push('%');
            encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    encoded
}

fn is_encoded(character: char) -> bool {
    character.is_whitespace() || character.is_control() || "\"#%<>?[\\]^`{|}".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        for text in ["a b/c", "100%", "%41", "ä?#", "\u{2028}x\u{85}", "\u{1F389}"] {
            assert_eq!(decode(&encode(text)).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_broken_escape_is_refused() {
        for text in ["%", "a%4", "%4g", "%+1", "%ff"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
