//! One form for texts that look the same: what filters compare and what words are cut from.
//!
//! * Compatibility forms become what they stand for (NFKC): full-width ＡＩ, the ligature ﬁ, mathematical 𝐀𝐈, half-width
//!   katakana. Numbers and symbols stay (categories No, So and Sk), since they stand beside a word and are no part of it:
//!   the footnote of Python², ™, ①, ½.
//! * Letters are composed: e and U+0301 are é.
//! * Typographic twins are one character: curly and straight quotes, primes and accents in their place, minus and
//!   hyphen, the fraction's and the usual slash.
//! * What nobody sees is left out: soft hyphens, joiners of words, marks of direction, variation selectors, kashida.
//! * İ is i and a dot, as its small letter is in the tables of Unicode.

use super::script::ranges;
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;

/// Ranges of the characters that are no compatibility forms here, by code point.
static KEPT: LazyLock<Vec<(u32, u32)>> = LazyLock::new(|| ranges(r"[\p{No}\p{So}\p{Sk}]"));

/// Whether a character is there for the layout only.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{640}' | '\u{180b}'..='\u{180f}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// The character that stands for all that look like it.
fn twin(c: char) -> char {
    match c {
        '‘' | '’' | '‛' | '′' | '‵' | 'ʹ' | 'ʻ' | 'ʼ' | 'ʽ' | '´' | '՚' | 'Ꞌ' | 'ꞌ' => '\'',
        '“' | '”' | '„' | '‟' | 'ʺ' => '"',
        '−' | '˗' | '⁃' => '-',
        '⁄' | '∕' => '/',
        other => other,
    }
}

fn is_kept(c: char) -> bool {
    let code = c as u32;
    let next = KEPT.partition_point(|(_, last)| *last < code);
    KEPT.get(next).is_some_and(|(first, _)| *first <= code)
}

/// The form of a text. It is its own form.
pub(crate) fn form(text: &str) -> String {
    if text.is_ascii() {
        return text.to_string();
    }
    let mut wide = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_unseen(*c)) {
        let same = twin(c);
        if same != c || c.is_ascii() || is_kept(c) {
            wide.push(same);
        } else {
            wide.extend(std::iter::once(c).nfkd().filter(|c| !is_unseen(*c)).map(twin));
        }
    }
    // a sign of its own may be composed to a twin: the Greek oxia to the acute accent
    let composed: String = wide.nfc().map(twin).collect();
    if composed.contains('İ') {
        // the dot goes behind marks that stand lower
        composed.replace('İ', "i\u{307}").nfc().collect()
    } else {
        composed
    }
}

/// The form of a text in small letters, which is its own: a small letter may be composed with a mark where no capital is, as J
/// and U+030C.
pub(crate) fn small(text: &str) -> String {
    let formed = form(text);
    let small = formed.to_lowercase();
    if small == formed { small } else { form(&small) }
}

/// Whether the character is its own form wherever it stands; marks are not, which may change places with each other.
pub(crate) fn is_settled(c: char) -> bool {
    use unicode_normalization::{IsNormalized, char::canonical_combining_class, is_nfc_quick};
    c.is_ascii()
        || (canonical_combining_class(c) == 0
            && is_nfc_quick(std::iter::once(c)) == IsNormalized::Yes
            && form(c.encode_utf8(&mut [0; 4])).chars().eq([c]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms_by_hand() {
        for (text, expected) in [
            ("Master’s degree", "Master's degree"),
            ("ＡＩ　Ｒ＆Ｄ", "AI R&D"),
            ("ﬁnance, ﬂow, oﬃce", "finance, flow, office"),
            ("𝐌𝐚𝐜𝐡𝐢𝐧𝐞 𝗟𝗲𝗮𝗿𝗻𝗶𝗻𝗴", "Machine Learning"),
            ("cafe\u{301}", "café"),
            ("ﾊﾟﾝﾀﾞ", "パンダ"),
            ("Python™, Python², ½, ①", "Python™, Python², ½, ①"),
            ("ma\u{ad}chine\u{200e}", "machine"),
            ("“AI” − x", "\"AI\" - x"),
            ("İzmir", "i\u{307}zmir"),
            ("İ\u{a4d}", "i\u{a4d}\u{307}"),
            ("Ⅳ", "IV"),
            ("한국", "한국"),
            ("\u{1112}\u{1161}\u{11ab}", "한"),
            ("ŉ", "'n"),
            ("\u{1ffd}", "'"),
            ("Ꞌa ꞌa", "'a 'a"),
        ] {
            assert_eq!(form(text), expected);
        }
    }

    #[test]
    fn small_letters_are_composed() {
        for (text, expected) in [
            ("J\u{30c}", "\u{1f0}"),
            ("H\u{331}T\u{308}", "\u{1e96}\u{1e97}"),
            ("\u{3aa}\u{301}", "\u{390}"),
            ("CAFE\u{301}", "café"),
            ("ΟΔΟΣ", "οδος"),
        ] {
            assert_eq!(small(text), expected);
        }
    }

    /// No character changes its form with its case.
    #[test]
    fn small_letters_keep_their_form() {
        for c in '\0'..=char::MAX {
            let once = form(&c.to_string());
            let lower = once.to_lowercase();
            assert_eq!(form(&lower), lower, "{:x}", c as u32);
            assert_eq!(lower.to_lowercase(), lower, "{:x}", c as u32);
        }
    }

    #[test]
    fn settled_characters() {
        assert!("aé機'日ßΣ😀".chars().all(is_settled));
        assert!("Ａ’\u{301}\u{ad}İﬁ\u{1161}\u{212b}".chars().all(|c| !is_settled(c)));
    }

    proptest! {
        #[test]
        fn a_form_is_its_own_form(text in any::<String>()) {
            let once = form(&text);
            prop_assert_eq!(form(&once), once);
        }

        #[test]
        fn a_small_text_is_its_own(text in any::<String>()) {
            let once = small(&text);
            prop_assert_eq!(&small(&once), &once);
            prop_assert_eq!(once.to_lowercase(), once);
        }

        #[test]
        fn settled_texts_are_their_own_forms(text in any::<String>()) {
            let settled: String = text.chars().filter(|c| is_settled(*c)).collect();
            prop_assert_eq!(form(&settled), settled);
        }
    }
}
