//! Words of a text, in one of two readings.
//!
//! [`Cut::ScikitLearn`] is that of scikit-learn's vectorizers. The text is lower-cased (full Unicode mapping, final sigma
//! included, like Python's `str.lower`); a word is a run of two or more letters, numbers and underscores,
//! `[\p{L}\p{N}_]{2,}`, which is what Python's `(?u)\b\w\w+\b` finds. Combining marks are no letters there: a decomposed "é"
//! ends a word, and no word of Hindi or Thai stays whole.
//!
//! [`Cut::Unicode`] differs from it only where a text has such marks or forms, or markup: [`markup`] is cut, the text is
//! brought to its [`form`], and marks, joiners and all connectors belong to words. These are the word characters of
//! [`filter`](super::filter), so each word is found again in its text by a filter, in every script.
//!
//! Stop words and names are taken out before phrases form, so a phrase may bridge them: "head of sales" has the phrase
//! "head sales".
//!
//! Python 3.11 knows Unicode 14, this crate a later version: only characters that Unicode 14 had not assigned are cut
//! differently.

use super::form::small;
use super::markup;
use super::names::Names;
use regex::Regex;
use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

static SCIKIT_LEARN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[\p{L}\p{N}_]{2,}").expect("a constant pattern"));

static UNICODE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[\w\p{N}]{2,}").expect("a constant pattern"));

/// Reading of a text as words.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Cut {
    #[default]
    Unicode,
    ScikitLearn,
}

impl Cut {
    /// Text that words are cut from: in lower case, without markup and in its form.
    pub(crate) fn read(self, text: &str) -> String {
        match self {
            Cut::Unicode => small(&markup::cut(text)),
            Cut::ScikitLearn => text.to_lowercase(),
        }
    }

    /// The words of what was read, in order.
    fn words(self, read: &str) -> impl Iterator<Item = &str> {
        let pattern = match self {
            Cut::Unicode => &UNICODE,
            Cut::ScikitLearn => &SCIKIT_LEARN,
        };
        pattern.find_iter(read).map(|word| word.as_str())
    }

    /// Stop words as they stand among the words of a text: "don't" is "don" there, and "e-mail" "mail".
    pub(crate) fn stop_words<T: AsRef<str>>(self, given: &[T]) -> HashSet<String> {
        given.iter().flat_map(|word| self.cut(word.as_ref())).collect()
    }

    /// Names as they stand among the words of a text.
    pub(crate) fn names<T: AsRef<str>>(self, given: &[T]) -> Names {
        Names::new(given.iter().map(|name| self.cut(name.as_ref())))
    }

    /// The words of a text.
    fn cut(self, text: &str) -> Vec<String> {
        self.words(&self.read(text)).map(str::to_string).collect()
    }
}

/// Rule for the words and phrases of a text that count.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Minimum number of words of a phrase, at least 1.
    pub ngram_min: usize,
    /// Maximum number of words of a phrase, at least `ngram_min`.
    pub ngram_max: usize,
    pub cut: Cut,
    /// Words that count as absent, as they are cut.
    pub stop_words: HashSet<String>,
    /// Runs of words that count as absent.
    pub names: Names,
}

impl Settings {
    /// Calls `each` with every word of what was read of a text, in order, without stop words and names.
    pub(crate) fn for_each_word<'a>(&self, read: &'a str, mut each: impl FnMut(&'a str)) {
        let mut word = |word: &'a str| {
            if !self.stop_words.contains(word) {
                each(word);
            }
        };
        if self.names.is_empty() {
            return self.cut.words(read).for_each(word);
        }
        let words: Vec<&str> = self.cut.words(read).collect();
        let mut at = 0;
        while at < words.len() {
            match self.names.at(&words[at..]) {
                0 => {
                    word(words[at]);
                    at += 1;
                }
                name => at += name,
            }
        }
    }

    /// The words of `text`, without stop words and names.
    pub fn words(&self, text: &str) -> Vec<String> {
        let mut words = Vec::new();
        self.for_each_word(&self.cut.read(text), |word| words.push(word.to_string()));
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
    use crate::keywords::filter::{Filters, Scratch};
    use crate::oracle;
    use proptest::prelude::*;

    fn settings(ngram_min: usize, ngram_max: usize, stop_words: &[&str]) -> Settings {
        Settings {
            ngram_min,
            ngram_max,
            cut: Cut::Unicode,
            stop_words: stop_words.iter().map(|word| word.to_string()).collect(),
            names: Names::default(),
        }
    }

    #[test]
    fn phrases_bridge_stop_words() {
        let phrases = settings(1, 2, &["of"]).phrases("Head of Sales, head of R&D");
        let expected: [&str; 4] = ["head", "head sales", "sales", "sales head"];
        assert_eq!(phrases.iter().map(String::as_str).collect::<Vec<_>>(), expected);
        assert_eq!(settings(3, 4, &[]).phrases("two words"), BTreeSet::new());
    }

    #[test]
    fn words_of_every_script() {
        let words = |cut: Cut, text: &str| -> Vec<String> { settings_of(cut).words(text) };
        let hindi = ["मशीन", "लर्निंग", "इंजीनियर"];
        assert_eq!(words(Cut::Unicode, "मशीन लर्निंग इंजीनियर।"), hindi);
        assert_eq!(words(Cut::ScikitLearn, "मशीन"), ["मश"]);
        assert_eq!(words(Cut::Unicode, "cafe\u{301} ＡＩ"), ["café", "ai"]);
        assert_eq!(words(Cut::ScikitLearn, "cafe\u{301} ＡＩ"), ["cafe", "ａｉ"]);
        assert_eq!(words(Cut::Unicode, "İzmir ma\u{ad}chine"), ["i\u{307}zmir", "machine"]);
        for text in ["C++, R and don't", "Straße, ΟΔΟΣ m²", "我在谷歌 2020年"] {
            assert_eq!(words(Cut::Unicode, text), words(Cut::ScikitLearn, text));
        }
    }

    fn settings_of(cut: Cut) -> Settings {
        Settings { ngram_min: 1, ngram_max: 1, cut, stop_words: HashSet::new(), names: Names::default() }
    }

    #[test]
    fn names_are_taken_out_wherever_they_stand() {
        let names = Cut::Unicode.names(&["Bank of America", "Bank", "J.P. Morgan & Co", "ＡＣＭＥ", "!"]);
        let settings = Settings { ngram_max: 2, names, ..settings(1, 1, &["of", "at"]) };
        let words = |text: &str| settings.words(text);
        assert_eq!(words("Analyst at Bank of America, bank of England"), ["analyst", "england"]);
        assert_eq!(words("Acme: head of sales, ACME Morgan"), ["head", "sales", "morgan"]);
        // a letter is no word, so the name is Morgan Co
        assert_eq!(words("the morgan & co. report of J. P. Morgan"), ["the", "report", "morgan"]);
        assert!(settings.phrases("analyst Acme report").contains("analyst report"));
    }

    #[test]
    fn stop_words_are_cut_as_texts_are() {
        let stop = Cut::Unicode.stop_words(&["don't", "e-mail", "Vice President", "cafe\u{301}", "ＡＩ", "C++", "a"]);
        let expected = ["don", "mail", "vice", "president", "café", "ai"];
        assert_eq!(stop, expected.into_iter().map(str::to_string).collect());
        let settings = Settings { stop_words: stop, ..settings_of(Cut::Unicode) };
        assert_eq!(
            settings.words("I don’t e-mail the vice president of Café AI and C++ people"),
            ["the", "of", "and", "people"]
        );
    }

    fn finds(word: &str, text: &str) -> bool {
        let json = serde_json::json!([{"annotator": "x", "any_of": [word]}]).to_string();
        let mut labels = Vec::new();
        Filters::parse(&json).unwrap().label(text.as_bytes(), &mut Scratch::default(), &mut labels);
        labels == [true]
    }

    #[test]
    fn filters_find_words_in_every_script() {
        for text in [
            "मशीन लर्निंग इंजीनियर",
            "ภาษาไทยและ Python",
            "我在谷歌从事机器学习研究工作",
            "Python開発経験5年",
            "مهندس تعلّم الآلة",
            "மென்பொருள் பொறியாளர்",
            "İSTANBUL",
            "한국어 머신러닝을",
            "Ὀδυσσεύς",
            "e\u{301}cole ﬁnance",
            "نیم\u{200c}فاصله",
            "ⓐⓑ x‿y",
            "\u{10376}\u{fe27}",
            // small letters that differ from capitals: a twin of the apostrophe, and composed ones
            "Ꞌab",
            "J\u{30c}a H\u{331}a",
            "\u{3aa}\u{301}α",
        ] {
            let words = settings_of(Cut::Unicode).words(text);
            assert!(!words.is_empty(), "{text}");
            for word in words {
                assert!(finds(&word, text), "{word} in {text}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn filters_find_the_words_of_any_text(text in r"[\PC\pM\pM\u{ad}\u{200c}İﬁ ]{0,12}") {
            for word in settings_of(Cut::Unicode).words(&text) {
                prop_assert!(finds(&word, &text), "{:?} in {:?}", word, text);
            }
        }
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
            assert_eq!(SCIKIT_LEARN.is_match(&format!("{c}{c}")), word.contains(&(c as u32)), "{:x}", c as u32);
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
