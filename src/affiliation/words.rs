//! Plain words of a text.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Word of a text, `text[start..end]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Word {
    /// Plain form: without accents and dots, case folded.
    pub(crate) plain: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Words of `text`: runs of letters and digits. A dot behind a single letter belongs to the word when a letter
/// follows, also behind a blank when that is an initial too, so "S.p.A." and "I. A. S." are one word, "Amazon.com"
/// two. So does the "s" behind an apostrophe. What cannot be seen divides nothing.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut start = None;
    let mut end = 0;
    // letters since the word's start or its last dot
    let mut letters = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let next = characters.peek().map(|(_, c)| *c);
        if is_invisible(c) {
            continue;
        } else if c.is_alphanumeric() || (start.is_some() && is_combining_mark(c)) {
            start.get_or_insert(at);
            letters += usize::from(!is_combining_mark(c));
            end = at + c.len_utf8();
        } else if c == '.' && letters == 1 && start.is_some() && next.is_some_and(char::is_alphabetic) {
            letters = 0;
        } else if c == '.' && letters == 1 && start.is_some() && is_initial(&text[at + 1..]) {
            letters = 0;
            characters.next_if(|(_, c)| c.is_whitespace());
        } else if is_apostrophe(c) && start.is_some() && is_genitive(&text[at + c.len_utf8()..]) {
            letters += 1;
        } else if let Some(start) = start.take() {
            found.push(Word { plain: plain(&text[start..end]), start, end });
            letters = 0;
        }
    }
    if let Some(start) = start {
        found.push(Word { plain: plain(&text[start..end]), start, end });
    }
    found.retain(|word| !word.plain.is_empty());
    found
}

/// Whether what follows the dot of an initial is one blank and another initial, as in "I. A. S.".
fn is_initial(rest: &str) -> bool {
    let mut rest = rest.chars();
    let blank = rest.next().is_some_and(char::is_whitespace);
    blank && rest.next().is_some_and(char::is_alphabetic) && rest.next() == Some('.')
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | 'ʼ' | '´' | '`' | '＇')
}

/// Whether what follows an apostrophe is the "s" at the end of a word: "Macy's" is written "Macys" too.
fn is_genitive(rest: &str) -> bool {
    let mut rest = rest.chars();
    matches!(rest.next(), Some('s' | 'S')) && !rest.next().is_some_and(char::is_alphanumeric)
}

/// Plain form of a word: letters and digits without accents, case folded in full ("ß" is "ss"). A mark is an accent
/// on Latin, Greek and Cyrillic letters only; elsewhere it tells words apart ("パン" and "ハン") and stays.
pub(super) fn plain(word: &str) -> String {
    let mut letters = String::with_capacity(word.len());
    let mut accents = false;
    for c in word.nfkd() {
        if is_combining_mark(c) {
            if !accents {
                letters.push(c);
            }
        } else if c.is_alphanumeric() {
            accents = takes_accents(c);
            letters.push(c);
        }
    }
    let upper = letters.chars().flat_map(char::to_lowercase).flat_map(char::to_uppercase);
    upper.flat_map(char::to_lowercase).nfc().collect()
}

/// Whether marks on a decomposed letter are accents: Latin, Greek and Cyrillic.
fn takes_accents(letter: char) -> bool {
    matches!(letter,
        'a'..='z' | 'A'..='Z' | '\u{aa}'..='\u{2ff}' | '\u{1d00}'..='\u{1dbf}' | '\u{1e00}'..='\u{1eff}'
        | '\u{2c60}'..='\u{2c7f}' | '\u{a720}'..='\u{a7ff}' | '\u{ab30}'..='\u{ab6f}'
        | '\u{370}'..='\u{52f}' | '\u{1f00}'..='\u{1fff}' | '\u{1c80}'..='\u{1c8f}' | '\u{a640}'..='\u{a69f}')
}

/// Whether a character is no more than a hint for typesetting: soft hyphen, zero-width space, joiner, direction.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// Plain forms of the words of `text`.
pub(crate) fn plain_words(text: &str) -> Vec<String> {
    words(text).into_iter().map(|word| word.plain).collect()
}

/// Plain forms of words with one space between.
pub(crate) fn joined(words: &[Word]) -> String {
    words.iter().map(|word| word.plain.as_str()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_plain() {
        assert_eq!(plain_words("Université de Montréal"), ["universite", "de", "montreal"]);
        assert_eq!(plain_words("İstanbul ÜNİVERSİTESİ"), ["istanbul", "universitesi"]);
        assert_eq!(plain_words("L'Oréal S.p.A., U.S. Army"), ["l", "oreal", "spa", "us", "army"]);
        assert_eq!(plain_words("Amazon.com, Inc."), ["amazon", "com", "inc"]);
        assert_eq!(plain_words("J.P. Morgan & Co."), ["jp", "morgan", "co"]);
        assert_eq!(plain_words("ＩＢＭ 東京大学 3M"), ["ibm", "東京大学", "3m"]);
        assert_eq!(plain_words(" .,;- "), [""; 0]);
        assert_eq!(plain_words("I. A. S., S. p. A., J. P. Morgan"), ["ias", "spa", "jp", "morgan"]);
        assert_eq!(plain_words("Macy's, MACY’S 's L'Sud"), ["macys", "macys", "s", "l", "sud"]);
        assert_eq!(plain_words("Groß GROSS GROẞ ΟΔΟΣ οδος"), ["gross", "gross", "gross", "οδοσ", "οδοσ"]);
        assert_eq!(plain_words("Ac\u{ad}me\u{200b} \u{feff}Oy"), ["acme", "oy"]);
        // composed and decomposed letters are the same word
        assert_eq!(plain_words("Universita\u{300}"), plain_words("Università"));
    }

    #[test]
    fn marks_are_dropped_where_they_are_accents() {
        for (one, other) in [("Société", "SOCIETE"), ("Λάμδα", "λαμδα"), ("Алёна", "алена"), ("Đ\u{1ea1}i", "đai")]
        {
            assert_eq!(plain_words(one), plain_words(other));
        }
        for (one, other) in [("टाटा", "टीटी"), ("パンダ", "ハンダ"), ("กา", "กี"), ("বাটা", "বীটা"), ("כֹּל", "כל")]
        {
            assert_ne!(plain_words(one), plain_words(other));
        }
        // one letter, whole and in parts, wide and narrow
        assert_eq!(plain_words("ハ\u{309a}ンダ"), plain_words("パンダ"));
        assert_eq!(plain_words("ﾊﾟﾝﾀﾞ"), plain_words("パンダ"));
    }

    #[test]
    fn positions_are_those_of_the_text() {
        let text = "Zürich: ETH";
        let found: Vec<&str> = words(text).iter().map(|word| &text[word.start..word.end]).collect();
        assert_eq!(found, ["Zürich", "ETH"]);
    }
}
