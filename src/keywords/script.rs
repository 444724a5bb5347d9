//! Scripts of characters: which of them write spaces between words, and where one changes into another.
//!
//! Chinese, Japanese, Thai and some more write no spaces: only a dictionary says where a word ends, so any place between two
//! of their letters may be one. In all other scripts a word ends where its letters end. Digits, connectors and joiners are
//! common to all scripts and go with the letters before them.

use regex_syntax::hir::{Class, HirKind};

/// Script of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    /// Of no script: digits, connectors, and marks that go on letters of any script.
    Common,
    /// One of those that write no spaces between words.
    Unspaced,
    /// One that writes spaces, by its place in [`SPACED`]; all that are not there have the number after the last.
    Spaced(u8),
}

/// Characters of scripts without spaces, the mark of long vowels in Katakana among them.
const UNSPACED: &str = concat!(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\x{30FC}\x{FF70}\p{Bopomofo}\p{Yi}\p{Tangut}\p{Nushu}",
    r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tai_Le}\p{New_Tai_Lue}\p{Tai_Tham}\p{Tai_Viet}\p{Javanese}\p{Balinese}]"
);

const SPACED: [&str; 30] = [
    "Latin",
    "Greek",
    "Cyrillic",
    "Armenian",
    "Hebrew",
    "Arabic",
    "Syriac",
    "Thaana",
    "Nko",
    "Devanagari",
    "Bengali",
    "Gurmukhi",
    "Gujarati",
    "Oriya",
    "Tamil",
    "Telugu",
    "Kannada",
    "Malayalam",
    "Sinhala",
    "Tibetan",
    "Georgian",
    "Hangul",
    "Ethiopic",
    "Cherokee",
    "Canadian_Aboriginal",
    "Mongolian",
    "Tifinagh",
    "Vai",
    "Adlam",
    "Coptic",
];

impl Script {
    /// Scripts of the characters below `end`, by code point.
    pub(crate) fn table(end: u32) -> Vec<Script> {
        let mut table = vec![Script::Spaced(SPACED.len() as u8); end as usize];
        let mut set = |class: &str, script: Script| {
            for (first, last) in ranges(class) {
                for code in first..=last.min(end.saturating_sub(1)) {
                    table[code as usize] = script;
                }
            }
        };
        for (number, name) in (0..).zip(SPACED) {
            set(&format!(r"\p{{{name}}}"), Script::Spaced(number));
        }
        set(r"[\p{Common}\p{Inherited}]", Script::Common);
        set(UNSPACED, Script::Unspaced);
        set(r"\p{Nd}", Script::Common);
        table
    }

    /// Whether letters of the two scripts side by side belong to one word.
    pub(crate) fn joins(self, other: Script) -> bool {
        match (self, other) {
            (Script::Unspaced, _) | (_, Script::Unspaced) => false,
            (Script::Common, _) | (_, Script::Common) => true,
            (one, other) => one == other,
        }
    }
}

/// Ranges of code points of a class of characters in the syntax of the regex crate, in order.
pub(crate) fn ranges(class: &str) -> Vec<(u32, u32)> {
    match regex_syntax::parse(class).map(regex_syntax::hir::Hir::into_kind) {
        Ok(HirKind::Class(Class::Unicode(class))) => {
            class.iter().map(|range| (range.start() as u32, range.end() as u32)).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_of_characters() {
        let table = Script::table(0x20000);
        let of = |c: char| table[c as usize];
        for c in "我機械のカーฉันລາວខ្មែរမြန်".chars() {
            assert_eq!(of(c), Script::Unspaced, "{c:?}");
        }
        for c in "0_9\u{301}\u{200d}٣".chars() {
            assert_eq!(of(c), Script::Common, "{c:?}");
        }
        for word in ["aZéß", "αΣς", "дЙ", "हिन्दी", "한글", "عرب", "שלום"] {
            let scripts: Vec<Script> = word.chars().map(of).collect();
            assert!(
                scripts.iter().all(|script| matches!(script, Script::Spaced(_)) && *script == scripts[0]),
                "{word}"
            );
        }
        for name in SPACED {
            assert!(!ranges(&format!(r"\p{{{name}}}")).is_empty(), "{name}");
        }
        assert_ne!(of('a'), of('а'));
    }

    #[test]
    fn letters_that_join() {
        let (latin, hangul) = (Script::Spaced(0), Script::Spaced(21));
        assert!(latin.joins(latin) && latin.joins(Script::Common) && Script::Common.joins(Script::Common));
        assert!(!latin.joins(hangul) && !latin.joins(Script::Unspaced));
        assert!(!Script::Unspaced.joins(Script::Unspaced) && !Script::Common.joins(Script::Unspaced));
    }
}
