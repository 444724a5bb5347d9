//! A key, and the spellings of it in which a server may send it back.
//!
//! What a server says is cleared of the key when it comes in, before it is read, cut, shown or stored. A character of the
//! key counts as found in every spelling that leads back to it: as it is, in upper or lower case, escaped as in JSON and
//! other languages (once or several times), percent-encoded, as a character reference of HTML, over several lines or in
//! UTF-16. The same holds for the key in base64 and in hexadecimal digits, alone or within more that was encoded with it. The
//! beginning of a key is enough, since whoever cut it may have left most of it.
//!
//! A key that is shorter than those of providers may be a part of a text by chance. It is taken out of errors and stored
//! texts where it stands by itself.

use crate::hash::hexadecimal;
use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use std::sync::Arc;

/// Text that stands where a key was.
const SHOWN: &str = "[key]";

/// Number of characters from which on a key is in no text by chance, and neither is its beginning of that length.
const LONG: usize = 16;

/// A secret: it is never shown, not even by `{:?}`.
#[derive(Clone, PartialEq)]
pub(crate) struct Key {
    secret: String,
    /// Texts to be found; none for a short key.
    forms: Arc<[Form]>,
}

/// A text that gives the key away.
#[derive(PartialEq)]
struct Form {
    text: Vec<u8>,
    /// Whether upper and lower case are the same.
    folded: bool,
}

impl Key {
    pub(crate) fn new(text: &str) -> Key {
        let mut forms = Vec::new();
        if text.len() >= LONG {
            forms.push(Form { text: text.into(), folded: true });
            forms.push(Form { text: hexadecimal(text.as_bytes()).into(), folded: true });
            for alphabet in [&STANDARD, &URL_SAFE] {
                forms.extend((0..3).map(|before| Form { text: base64(text, before, alphabet), folded: false }));
            }
        }
        Key { secret: text.to_string(), forms: forms.into() }
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// Whether it is as long as the keys of providers are, and so in no text by chance.
    pub(crate) fn is_long(&self) -> bool {
        !self.forms.is_empty()
    }

    /// The text without the key: without any spelling of a long one, and without a short one that stands by itself, so that
    /// the key `1` leaves `HTTP 401` as it is.
    pub(crate) fn redact(&self, text: &str) -> String {
        match () {
            () if self.secret.is_empty() => text.to_string(),
            () if self.is_long() => self.redact_spellings(text),
            () => self.redact_words(text),
        }
    }

    fn redact_words(&self, text: &str) -> String {
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let (mut redacted, mut from) = (String::with_capacity(text.len()), 0);
        for (at, _) in text.match_indices(&self.secret) {
            let end = at + self.secret.len();
            if !is_part(text[..at].chars().next_back()) && !is_part(text[end..].chars().next()) {
                redacted.push_str(&text[from..at]);
                redacted.push_str(SHOWN);
                from = end;
            }
        }
        redacted + &text[from..]
    }

    fn redact_spellings(&self, text: &str) -> String {
        let bytes = text.as_bytes();
        let mut begins = [false; 256];
        for byte in self.forms.iter().flat_map(|form| form.text.first()).chain(b"\\%&") {
            begins[usize::from(byte.to_ascii_lowercase())] = true;
            begins[usize::from(byte.to_ascii_uppercase())] = true;
        }
        let (mut redacted, mut from, mut at) = (Vec::with_capacity(bytes.len()), 0, 0);
        while at < bytes.len() {
            let found = match begins[usize::from(bytes[at])] {
                true => self.forms.iter().filter_map(|form| form.at(bytes, at)).max(),
                false => None,
            };
            match found {
                Some(end) => {
                    redacted.extend_from_slice(&bytes[from..at]);
                    redacted.extend_from_slice(SHOWN.as_bytes());
                    (from, at) = (end, end);
                }
                None => at += 1,
            }
        }
        redacted.extend_from_slice(&bytes[from..]);
        String::from_utf8_lossy(&redacted).into_owned()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(SHOWN)
    }
}

impl Form {
    /// End of the form in `text` from `at`, or of so much of its beginning that it gives the key away.
    fn at(&self, text: &[u8], at: usize) -> Option<usize> {
        let (mut end, mut found) = (at, 0);
        for byte in &self.text {
            let next = if found == 0 { end } else { end + gap(&text[end..]) };
            let length = [end, next].into_iter().find_map(|from| Some(from + self.spelled(&text[from..], *byte)?));
            match length {
                Some(next) => (end, found) = (next, found + 1),
                None => break,
            }
        }
        (found >= LONG.min(self.text.len())).then_some(end)
    }

    /// Length of what stands for `byte` at the beginning of a text; `None` where something else does.
    fn spelled(&self, text: &[u8], byte: u8) -> Option<usize> {
        let is = |other: u32| match self.folded {
            true => u8::try_from(other).is_ok_and(|other| other.eq_ignore_ascii_case(&byte)),
            false => other == u32::from(byte),
        };
        let first = *text.first()?;
        if is(u32::from(first)) {
            return Some(1);
        }
        let (value, length) = match first {
            b'\\' => escape(text)?,
            b'%' => percent(text)?,
            b'&' => reference(text)?,
            _ => return None,
        };
        is(value).then_some(length)
    }
}

/// Number that so many digits stand for.
fn number(digits: Option<&[u8]>, radix: u32) -> Option<u32> {
    let digits = std::str::from_utf8(digits?).ok()?;
    let plain = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    plain.then(|| u32::from_str_radix(digits, radix).ok())?
}

/// `\u0073`, `\U00000073`, `\u{73}`, `\x73`, and a backslash before the character itself; of several backslashes each
/// escapes the next.
fn escape(text: &[u8]) -> Option<(u32, usize)> {
    let slashes = text.iter().take_while(|byte| **byte == b'\\').count();
    let rest = &text[slashes..];
    let fixed = |digits: usize| Some((number(rest.get(1..1 + digits), 16)?, slashes + 1 + digits));
    let braced = || {
        let end = rest.iter().take(12).position(|byte| *byte == b'}')?;
        Some((number(rest.get(2..end), 16)?, slashes + end + 1))
    };
    let coded = match *rest.first()? {
        b'u' if rest.get(1) == Some(&b'{') => braced(),
        b'u' => fixed(4),
        b'U' => fixed(8),
        b'x' => fixed(2),
        _ => None,
    };
    coded.or_else(|| Some((u32::from(*rest.first()?), slashes + 1)))
}

/// `%73`, and `%2573`, which is that encoded again.
fn percent(text: &[u8]) -> Option<(u32, usize)> {
    let mut at = 1;
    while text.get(at..at + 2) == Some(b"25") && text.get(at + 2).is_some_and(u8::is_ascii_hexdigit) {
        at += 2;
    }
    Some((number(text.get(at..at + 2), 16)?, at + 2))
}

/// `&#115;` and `&#x73;`
fn reference(text: &[u8]) -> Option<(u32, usize)> {
    let end = text.iter().take(12).position(|byte| *byte == b';')?;
    let digits = text.get(..end)?.strip_prefix(b"&#")?;
    let value = match digits.strip_prefix(b"x").or(digits.strip_prefix(b"X")) {
        Some(digits) => number(Some(digits), 16)?,
        None => number(Some(digits), 10)?,
    };
    Some((value, end + 1))
}

/// Length of what may stand within a key at the beginning of a text: line breaks, as they are or escaped, and the zeros of
/// UTF-16.
fn gap(text: &[u8]) -> usize {
    let mut length = 0;
    loop {
        length += match &text[length..] {
            [b'\r' | b'\n' | 0, ..] => 1,
            [b'\\', b'r' | b'n', ..] => 2,
            _ => return length,
        }
    }
}

/// The characters of the base64 of a text that the text alone determines, with `before` bytes before it modulo 3.
fn base64(text: &str, before: usize, alphabet: &Alphabet) -> Vec<u8> {
    let bytes = [&[0; 2][..before], text.as_bytes()].concat();
    let encoded = GeneralPurpose::new(alphabet, NO_PAD).encode(&bytes).into_bytes();
    encoded[(8 * before).div_ceil(6)..8 * bytes.len() / 6].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

    const SECRET: &str = "sk-Pr0j/9?a+b~0123456789";

    fn each(spell: impl Fn(char) -> String) -> String {
        SECRET.chars().map(spell).collect()
    }

    #[test]
    fn keys_are_never_shown() {
        assert_eq!(format!("{:?}", Key::new("sk-secret")), SHOWN);
        assert_eq!(format!("{:?}", Key::new(SECRET)), SHOWN);
    }

    /// A key that is a part of an answer by chance takes nothing from it.
    #[test]
    fn short_keys_stand_by_themselves() {
        let of = |key: &str, text: &str| Key::new(key).redact(text);
        assert_eq!(of("1", "HTTP 401: key 1 is wrong, 1"), "HTTP 401: key [key] is wrong, [key]");
        assert_eq!(of("token", "tokens, a token, prompt_tokens"), "tokens, a [key], prompt_tokens");
        assert_eq!(of("sk-secret", "bad key sk-secret"), "bad key [key]");
        assert_eq!(of("", "a"), "a");
    }

    #[test]
    fn every_spelling_is_found() {
        let unicode = each(|c| format!("\\u{:04x}", u32::from(c)));
        let spellings = [
            SECRET.to_string(),
            SECRET.to_uppercase(),
            unicode.clone(),
            unicode.to_uppercase().replace("\\U", "\\u"),
            unicode.replace('\\', "\\\\"),
            each(|c| if c == 'r' { "\\u0072".to_string() } else { c.to_string() }),
            SECRET.replace('/', "\\/"),
            each(|c| format!("\\x{:02x}", u32::from(c))),
            each(|c| format!("\\u{{{:x}}}", u32::from(c))),
            each(|c| format!("%{:02X}", u32::from(c))),
            each(|c| format!("%25{:02x}", u32::from(c))),
            SECRET.replace('/', "%2F").replace('+', "%2b").replace('?', "%3F"),
            each(|c| format!("&#{};", u32::from(c))),
            each(|c| format!("{c}\0")).trim_end_matches('\0').to_string(),
            each(|c| format!("&#x{:x};", u32::from(c))),
            hexadecimal(SECRET.as_bytes()).to_uppercase(),
        ];
        let key = Key::new(SECRET);
        for spelling in spellings {
            assert_eq!(key.redact(&format!("é <{spelling}> é")), "é <[key]> é", "{spelling}");
        }
    }

    /// Whatever was encoded with it, none of the characters that the key determines is left, but for less than one.
    #[test]
    fn base64_is_found_within_more() {
        let key = Key::new(SECRET);
        for before in ["", "B", "Be", "Bearer "] {
            for after in ["", "x", "xy"] {
                let text = format!("{before}{SECRET}{after}");
                for encoded in [BASE64_STANDARD.encode(&text), BASE64_URL_SAFE_NO_PAD.encode(&text)] {
                    let wrapped = format!("{}\n{}\\n{}", &encoded[..9], &encoded[9..20], &encoded[20..]);
                    for shown in [&encoded, &wrapped, &encoded.replace('/', "\\/").replace('+', "%2B")] {
                        let redacted = key.redact(shown);
                        let left = redacted.replace(SHOWN, "").trim_end_matches('=').len();
                        assert!(redacted.contains(SHOWN) && left <= (8 * before.len()).div_ceil(6) + 5, "{redacted}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_beginning_of_a_key_is_enough() {
        let key = Key::new(SECRET);
        assert_eq!(key.redact(&format!("got {}…", &SECRET[..LONG])), "got [key]…");
        assert_eq!(key.redact(&format!("got {}", &SECRET[..LONG - 1])), format!("got {}", &SECRET[..LONG - 1]));
        assert_eq!(key.redact(&SECRET[..2].repeat(40)), SECRET[..2].repeat(40));
        assert_eq!(key.redact(&format!("sk-Pr0{SECRET}{SECRET}x")), "sk-Pr0[key][key]x");
    }

    /// JSON without the key is JSON.
    #[test]
    fn json_stays_json() {
        let secret = "a\"sixteen\\letters-long";
        let key = Key::new(secret);
        let body = serde_json::json!({ "said": secret, secret: 1, "twice": serde_json::json!(secret).to_string() });
        let clean: serde_json::Value = serde_json::from_str(&key.redact(&body.to_string())).unwrap();
        assert_eq!((&clean["said"], &clean["[key]"]), (&"[key]".into(), &1.into()));
        assert!(!clean.to_string().contains("sixteen"), "{clean}");
        let escapes = r#"{"said":"\\\u0061\\\"sixteen","n":"\\","m":"%","k":"&amp;"}"#;
        assert_eq!(key.redact(escapes), escapes);
    }
}
