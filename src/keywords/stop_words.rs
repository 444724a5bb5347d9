//! Words that are no keywords: `data/stop_words.csv`, built in.
//!
//! Kind `english` is the list of 318 words that scikit-learn ships; `company`, `job` and `place` are words of CVs that say
//! where somebody works rather than at what: legal forms, titles, months, countries and large cities. `heading` has
//! the headings of CVs.

use std::collections::HashSet;

const TABLE: &str = include_str!("../../data/stop_words.csv");

/// (word, kind) of every word, by kind and word.
pub(crate) fn table() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.lines().skip(1).filter_map(|line| line.split_once(','))
}

/// The English words.
pub fn english() -> HashSet<String> {
    table().filter(|(_, kind)| *kind == "english").map(|(word, _)| word.to_string()).collect()
}

/// The words of all kinds.
pub(crate) fn study() -> HashSet<String> {
    table().map(|(word, _)| word.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle;

    #[test]
    fn english_is_the_list_of_scikit_learn() {
        let expected: HashSet<String> =
            serde_json::from_value(oracle("vectorizer.json")["english_stop_words"].clone()).unwrap();
        assert_eq!(expected.len(), 318);
        assert_eq!(english(), expected);
    }

    #[test]
    fn every_word_stands_once_in_its_kind() {
        let words: Vec<_> = table().collect();
        assert_eq!(study().len(), words.len());
        for (word, kind) in words {
            assert!(["english", "company", "heading", "job", "place"].contains(&kind), "{kind}");
            assert!(word.len() > 1 || kind == "english", "{word}");
            assert_eq!(word, word.to_lowercase());
        }
    }
}
