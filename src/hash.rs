//! Hashes as users see them.

/// A SHA-256.
pub(crate) type Hash = [u8; 32];

/// The bytes in lower-case hexadecimal, two digits each.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash that 64 hexadecimal digits stand for; `None` for any other text.
pub(crate) fn unhex(text: &str) -> Option<Hash> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut hash = [0; 32];
    for (i, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
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
