//! Hashes as users see them.

/// A SHA-256.
pub(crate) type Hash = [u8; 32];

/// The bytes in lower-case hexadecimal, two digits each.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The hash that 64 hexadecimal digits stand for; `None` for any other text.
pub(crate) fn unhex(text: &str) -> Option<Hash> {
    if text.len() != 64 {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = (digit(0)? << 4 | digit(1)?) as u8;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_and_back() {
        let hash: Hash = std::array::from_fn(|i| (i * 8) as u8);
        assert_eq!(unhex(&hexadecimal(&hash)), Some(hash));
        assert_eq!(unhex(&hexadecimal(&hash).to_uppercase()), Some(hash));
        for text in ["", "ab", &"é".repeat(32), &"+1".repeat(32)] {
            assert_eq!(unhex(text), None, "{text}");
        }
    }
}
