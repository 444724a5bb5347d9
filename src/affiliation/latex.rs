//! Letters that are written as LaTeX commands: `Universit\'e`, `M{\"u}nchen`, `Stra\ss{}e`.

use unicode_normalization::UnicodeNormalization;

/// The text with its LaTeX letters written out; a backslash that begins none of them stays.
pub(crate) fn decoded(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_string();
    }
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let (mut i, mut found) = (0, false);
    while i < characters.len() {
        match command(&characters[i..]) {
            Some((letters, length)) => {
                out.push_str(&letters);
                i += length;
                found = true;
            }
            None => {
                out.push(characters[i]);
                i += 1;
            }
        }
    }
    // braces hold commands together, and "~" is a blank
    if found { out.replace(['{', '}'], "").replace('~', " ").nfc().collect() } else { text.to_string() }
}

/// Text and length of the command at the beginning of `text`.
fn command(text: &[char]) -> Option<(String, usize)> {
    let at = |i: usize| text.get(i).copied().unwrap_or('\0');
    if at(0) != '\\' {
        return None;
    }
    let c = at(1);
    if "&%#_$".contains(c) {
        return Some((c.to_string(), 2));
    }
    if c == '\\' {
        return Some(("\n".to_string(), 2));
    }
    let name: String = text[1..].iter().take(3).take_while(|c| c.is_ascii_alphabetic()).collect();
    if let Some((_, letter)) = LETTERS.iter().find(|(known, _)| *known == name) {
        let end = 1 + name.len();
        // a blank that ends the name, or "{}"
        let swallowed = if at(end) == ' ' { 1 } else { 2 * usize::from(at(end) == '{' && at(end + 1) == '}') };
        return Some((letter.to_string(), end + swallowed));
    }
    let (_, mark) = ACCENTS.iter().find(|(known, _)| *known == c)?;
    let mut i = 2;
    // an accent named by a letter ends before its own letter
    if c.is_ascii_alphabetic() && !matches!(at(i), ' ' | '{') {
        return None;
    }
    while at(i) == ' ' {
        i += 1;
    }
    let braced = at(i) == '{';
    i += usize::from(braced);
    let dotless = at(i) == '\\' && matches!(at(i + 1), 'i' | 'j');
    i += usize::from(dotless);
    if !at(i).is_alphabetic() {
        return None;
    }
    let letter = at(i);
    i += 1;
    i += usize::from(braced && at(i) == '}');
    Some((format!("{letter}{mark}"), i))
}

const LETTERS: [(&str, &str); 14] = [
    ("ss", "ß"),
    ("ae", "æ"),
    ("AE", "Æ"),
    ("oe", "œ"),
    ("OE", "Œ"),
    ("aa", "å"),
    ("AA", "Å"),
    ("o", "ø"),
    ("O", "Ø"),
    ("l", "ł"),
    ("L", "Ł"),
    ("i", "ı"),
    ("dj", "đ"),
    ("th", "þ"),
];

const ACCENTS: [(char, char); 14] = [
    ('`', '\u{300}'),
    ('\'', '\u{301}'),
    ('^', '\u{302}'),
    ('~', '\u{303}'),
    ('"', '\u{308}'),
    ('=', '\u{304}'),
    ('.', '\u{307}'),
    ('u', '\u{306}'),
    ('v', '\u{30c}'),
    ('H', '\u{30b}'),
    ('c', '\u{327}'),
    ('k', '\u{328}'),
    ('r', '\u{30a}'),
    ('d', '\u{323}'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_written_out() {
        for (text, expected) in [
            (r"Universit\'e de Montr\'{e}al", "Université de Montréal"),
            (r#"M{\"u}nchen, Z\"urich"#, "München, Zürich"),
            (r"Stra\ss{}e", "Straße"),
            (r"K\o benhavn", "København"),
            (r"Bo\u{g}azi\c{c}i, Ko\c c", "Boğaziçi, Koç"),
            (r"Espa\~na, AT\&T", "España, AT&T"),
            (r"Mar\'{\i}a", "María"),
            (r"AC\DC {x}", r"AC\DC {x}"),
            (r"C:\users\", r"C:\users\"),
        ] {
            assert_eq!(decoded(text), expected);
        }
    }
}
