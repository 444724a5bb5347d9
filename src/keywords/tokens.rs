//! Words of a text, cut as scikit-learn's vectorizers cut them.
//!
//! The text is lower-cased (full Unicode mapping, final sigma included, like Python's `str.lower`); a word is a run of two
//! or more letters, numbers and underscores, `[\p{L}\p{N}_]{2,}`, which is what Python's `(?u)\b\w\w+\b` finds. Combining
//! marks are no letters there: a decomposed "é" ends a word. Stop words are taken out before phrases form, so a phrase may
//! bridge them: "head of sales" has the phrase "head sales".
//!
//! Python 3.11 knows Unicode 14, this crate a later version: only characters that Unicode 14 had not assigned are cut
//! differently.

use regex::Regex;
use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[\p{L}\p{N}_]{2,}").expect("a constant pattern"));

/// Rule for the words and phrases of a text that count.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Minimum number of words of a phrase, at least 1.
    pub ngram_min: usize,
    /// Maximum number of words of a phrase, at least `ngram_min`.
    pub ngram_max: usize,
    /// Lower-case words that count as absent.
    pub stop_words: HashSet<String>,
}

impl Settings {
    /// Calls `each` with every word of a lower-cased text, in order.
    pub(crate) fn for_each_word<'a>(&self, lower: &'a str, mut each: impl FnMut(&'a str)) {
        for word in WORD.find_iter(lower) {
            if !self.stop_words.contains(word.as_str()) {
                each(word.as_str());
            }
        }
    }

    /// The words of `text`, lower-cased, without stop words.
    pub fn words(&self, text: &str) -> Vec<String> {
        let mut words = Vec::new();
        self.for_each_word(&text.to_lowercase(), |word| words.push(word.to_string()));
        words
    }

    /// The distinct phrases of `text`, words joined by one space, by code point.
    pub(crate) fn phrases(&self, text: &str) -> BTreeSet<String> {
        let words = self.words(text);
        let lengths = self.ngram_min..=self.ngram_max.min(words.len());
        lengths.flat_map(|n| words.windows(n).map(|phrase| phrase.join(" "))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle;

    fn settings(ngram_min: usize, ngram_max: usize, stop_words: &[&str]) -> Settings {
        Settings { ngram_min, ngram_max, stop_words: stop_words.iter().map(|word| word.to_string()).collect() }
    }

    #[test]
    fn phrases_bridge_stop_words() {
        let phrases = settings(1, 2, &["of"]).phrases("Head of Sales, head of R&D");
        let expected: [&str; 4] = ["head", "head sales", "sales", "sales head"];
        assert_eq!(phrases.iter().map(String::as_str).collect::<Vec<_>>(), expected);
        assert_eq!(settings(3, 4, &[]).phrases("two words"), BTreeSet::new());
    }

    /// Ranges of code points that are word characters in Python, among those that its Unicode knows.
    #[test]
    fn word_characters_are_those_of_python() {
        let oracle = oracle("vectorizer.json");
        let ranges =
            |name: &str| -> Vec<(u32, u32)> { serde_json::from_value(oracle["characters"][name].clone()).unwrap() };
        let set =
            |name: &str| -> HashSet<u32> { ranges(name).into_iter().flat_map(|(first, last)| first..=last).collect() };
        let (word, unassigned) = (set("word"), set("unassigned"));
        assert!(word.len() > 100_000);
        for c in ('\0'..=char::MAX).filter(|c| !unassigned.contains(&(*c as u32))) {
            assert_eq!(WORD.is_match(&format!("{c}{c}")), word.contains(&(c as u32)), "{:x}", c as u32);
        }
    }

    /// The lower-case form of every character that has one, and of texts in which context matters.
    #[test]
    fn lower_case_is_that_of_python() {
        let oracle = oracle("vectorizer.json");
        let changed: std::collections::HashMap<char, String> =
            serde_json::from_value(oracle["characters"]["lower"].clone()).unwrap();
        let unassigned: Vec<(u32, u32)> = serde_json::from_value(oracle["characters"]["unassigned"].clone()).unwrap();
        let known = |c: char| !unassigned.iter().any(|(first, last)| (*first..=*last).contains(&(c as u32)));
        assert!(changed.len() > 1_000);
        for c in ('\0'..=char::MAX).filter(|c| known(*c)) {
            let lower = c.to_string().to_lowercase();
            assert_eq!(changed.get(&c).unwrap_or(&c.to_string()), &lower, "{:x}", c as u32);
        }
        let texts: Vec<(String, String)> = serde_json::from_value(oracle["lower"].clone()).unwrap();
        for (text, lower) in texts {
            assert_eq!(text.to_lowercase(), lower, "{text}");
        }
    }
}
