//! Plain words of a text.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Word of a text, `text[start..end]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Word {
    /// Plain form: decomposed, without marks and dots, in lower case.
    pub(crate) plain: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Words of `text`: runs of letters and digits. A dot behind a single letter belongs to the word when a letter
/// follows, so "S.p.A." is one word, "Amazon.com" two.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut start = None;
    let mut end = 0;
    // letters since the word's start or its last dot
    let mut letters = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let next = characters.peek().map(|(_, c)| *c);
        if c.is_alphanumeric() || (start.is_some() && is_combining_mark(c)) {
            start.get_or_insert(at);
            letters += usize::from(!is_combining_mark(c));
            end = at + c.len_utf8();
        } else if c == '.' && letters == 1 && start.is_some() && next.is_some_and(char::is_alphabetic) {
            letters = 0;
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

/// Plain form of a word: letters and digits without marks, in lower case.
fn plain(word: &str) -> String {
    let letters: String = word.nfkd().filter(|c| c.is_alphanumeric() && !is_combining_mark(*c)).collect();
    // lower-casing may bring a mark of its own: "İ"
    letters.to_lowercase().chars().filter(|c| !is_combining_mark(*c)).collect()
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
        // composed and decomposed letters are the same word
        assert_eq!(plain_words("Universita\u{300}"), plain_words("Università"));
    }

    #[test]
    fn positions_are_those_of_the_text() {
        let text = "Zürich: ETH";
        let found: Vec<&str> = words(text).iter().map(|word| &text[word.start..word.end]).collect();
        assert_eq!(found, ["Zürich", "ETH"]);
    }
}
