//! The look of a name: what spellings that the eye takes for one have in common.
//!
//! Compatibility forms (full width, ligatures), composed and decomposed letters, case (ß and ss, σ and ς), white space of any
//! kind and length, characters without a width, quotes and dashes, and Cyrillic and Greek letters that are drawn like Latin
//! ones. For comparison only: nothing is shown or counted by it.

use unicode_normalization::UnicodeNormalization;

/// Characters that are not seen: soft hyphen, joiners, marks of direction, variation selectors, blank letters.
fn unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || (c.is_control() && !c.is_whitespace())
}

/// Blank to the eye, though no white space to Unicode.
fn blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{2800}'
}

/// The plain sign, or the Latin letter, that a folded character looks like.
fn twin(c: char) -> char {
    match c {
        '‘' | '’' | '‚' | '‛' | '′' | '`' | '´' | 'ʹ' | 'ʻ' | 'ʼ' | 'ˈ' => '\'',
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' => '"',
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '⁃' | '﹣' => '-',
        '⁄' | '∕' => '/',
        'ς' => 'σ',
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'е' | 'ε' => 'e',
        'н' | 'η' => 'h',
        'і' | 'ι' | 'ı' => 'i',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'м' | 'μ' => 'm',
        'ν' => 'n',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'х' | 'χ' => 'x',
        'у' | 'υ' => 'y',
        'ζ' => 'z',
        c => c,
    }
}

/// The look of a name; empty where there is nothing to see.
pub(crate) fn look(name: &str) -> String {
    let seen: String = name.nfkc().filter(|c| !unseen(*c)).collect();
    // up and down again is the full folding: ß is SS, and each sigma σ
    let folded = seen.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc();
    let plain: String = folded.filter(|c| !unseen(*c)).map(|c| if blank(c) { ' ' } else { twin(c) }).collect();
    plain.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_alike_is_alike() {
        for (one, other) in [
            ("Café Nero", "Cafe\u{301} Nero"),
            ("Acme Labs", "Acme  Labs"),
            ("Acme Labs", "\tAcme\u{a0}Labs\r\n"),
            ("Acme", "Ac\u{200b}me\u{feff}"),
            ("Acme", "Ac\u{ad}me"),
            ("Acme Labs", "ＡＣＭＥ\u{3000}Ｌａｂｓ"),
            ("ΟΔΟΣ", "οδος"),
            ("Groß", "GROSS"),
            ("Ofﬁce", "OFFICE"),
            ("Moody's", "Moody’s"),
            ("A-B", "A–B"),
            ("Acme", "Асме"),
            ("İş", "i\u{307}ş"),
        ] {
            assert_eq!(look(one), look(other), "{one} {other}");
        }
        for (one, other) in [("Acme", "Acne"), ("Müller", "Muller"), ("A B", "AB"), ("A1", "A2"), ("機械", "機戒")]
        {
            assert_ne!(look(one), look(other));
        }
    }

    #[test]
    fn blank_is_blank_to_the_eye() {
        for name in ["", " ", "\t\n", "\u{a0}", "\u{3000}", "\u{200b}", "\u{feff} \u{2060}", "\u{2800}", "\u{3164}"] {
            assert_eq!(look(name), "", "{name:?}");
        }
    }
}
