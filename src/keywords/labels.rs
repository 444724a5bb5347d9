//! Labels of groups of texts: a few words and phrases each that are much commoner in the group than in all other texts.
//!
//! Words and phrases of two words count that occur in two texts or more. Each has the log-odds of its group against all
//! others, over their standard deviation, as in [`discriminative`](super::discriminative); the highest are taken, of equal
//! ones the phrase first, then by code point. In the place of a word that stands in one phrase at least every second time,
//! the phrase is taken. Numbers are no words of labels, and a term that shares a word with one taken before is passed
//! over: "neural networks" says what "neural" and "networks" say. Only positive log-odds count; where a group has all the
//! texts there are no others, and its commonest terms are taken.

use super::KeywordError;
use super::discriminative::log_odds;
use super::tokens::{Cut, Settings as Words};
use super::vectorizer::{Frequency, Limits, count};
use std::collections::{BTreeMap, HashSet};

/// Weight of the prior of the log-odds, in occurrences of terms.
const PRIOR: f64 = 500.0;

/// A term of a group.
struct Term<'a> {
    /// Number that terms are ordered by: log-odds, or occurrences where there are no others.
    weight: f64,
    /// Number of occurrences in the group.
    times: f64,
    words: Vec<&'a str>,
}

impl Term<'_> {
    fn is_label(&self) -> bool {
        self.weight > 0.0 && self.words.iter().all(|word| word.contains(char::is_alphabetic))
    }

    fn shares(&self, words: &HashSet<&str>) -> bool {
        self.words.iter().any(|word| words.contains(word))
    }

    /// Whether this is a phrase that `word` stands in at least every second time.
    fn says_more_than(&self, word: &Term) -> bool {
        self.words.len() > 1
            && word.words.len() == 1
            && self.words.contains(&word.words[0])
            && 2.0 * self.times >= word.times
    }
}

/// Labels of the groups, at most `most` terms each, best first. A text whose group is `None` is one of the others of all
/// groups.
///
/// # Errors
///
/// Those of [`count`].
pub(crate) fn labels(
    texts: &[&str],
    groups: &[Option<usize>],
    stop_words: HashSet<String>,
    most: usize,
) -> Result<Vec<Vec<String>>, KeywordError> {
    let words = Words { ngram_min: 1, ngram_max: 2, cut: Cut::Unicode, stop_words, names: Default::default() };
    let least = texts.len().min(2) as u64;
    let limits = Limits { min_df: Frequency::Documents(least), ..Limits::default() };
    let counts = count(texts, &words, &limits)?;
    let mut all = vec![0.0; counts.vocabulary.len()];
    let mut own: Vec<BTreeMap<u32, f64>> =
        vec![BTreeMap::new(); groups.iter().flatten().max().map_or(0, |last| last + 1)];
    for (text, group) in groups.iter().enumerate() {
        for (term, times) in counts.row(text) {
            all[*term as usize] += f64::from(*times);
            if let Some(group) = group {
                *own[*group].entry(*term).or_default() += f64::from(*times);
            }
        }
    }
    let total: f64 = all.iter().sum();
    let label = |own: &BTreeMap<u32, f64>| {
        let own_total: f64 = own.values().sum();
        let alone = own_total == total;
        let term = |(term, times): (&u32, &f64)| {
            let z = log_odds((*times, own_total), (all[*term as usize], total), PRIOR).1;
            let words: Vec<&str> = counts.vocabulary[*term as usize].split(' ').collect();
            Term { weight: if alone { *times } else { z }, times: *times, words }
        };
        let mut terms: Vec<Term> = own.iter().map(term).filter(Term::is_label).collect();
        terms.sort_by(|a, b| {
            let by_weight = b.weight.total_cmp(&a.weight).then(b.words.len().cmp(&a.words.len()));
            by_weight.then_with(|| a.words.cmp(&b.words))
        });
        let mut used: HashSet<&str> = HashSet::new();
        let mut taken = Vec::new();
        for term in &terms {
            if taken.len() == most {
                break;
            }
            if term.shares(&used) {
                continue;
            }
            let phrase = terms.iter().find(|phrase| phrase.says_more_than(term) && !phrase.shares(&used));
            let words = &phrase.unwrap_or(term).words;
            used.extend(words);
            taken.push(words.join(" "));
        }
        taken
    };
    Ok(own.iter().map(label).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keywords::discriminative::{Counting, Settings, discriminative};
    use crate::keywords::stop_words;

    const TEXTS: [&str; 8] = [
        "neural networks for vision",
        "vision by neural networks",
        "neural networks and robots",
        "office sales",
        "sales of office furniture 2021",
        "sales and robots 2021",
        "law and robots",
        "the of",
    ];

    fn shown(groups: &[Option<usize>], most: usize) -> Vec<Vec<String>> {
        labels(&TEXTS[..groups.len()], groups, stop_words::english(), most).unwrap()
    }

    #[test]
    fn terms_of_a_group() {
        let (a, b) = (Some(0), Some(1));
        let groups = [a, a, a, b, b, b, None, Some(2)];
        // "robots" is commoner among the others of either group, "furniture" occurs once, "2021" is a number, and
        // group 2 has no word
        let expected = [vec!["neural networks", "vision"], vec!["sales", "office"], vec![]];
        assert_eq!(shown(&groups, 9), expected);
        assert_eq!(shown(&groups, 1), [vec!["neural networks"], vec!["sales"], vec![]]);
        assert_eq!(shown(&groups, 0), [vec![""; 0], vec![], vec![]]);
    }

    #[test]
    fn a_phrase_in_the_place_of_its_word() {
        let texts = ["key account", "key account", "account", "account in law", "law", "law", "sea", "sea"];
        let (a, b) = (Some(0), Some(1));
        let groups = [a, a, a, a, b, b, b, b];
        // "account" has four occurrences, two of them in "key account"; "law" three, one of them in "account law"
        let found = labels(&texts, &groups, stop_words::english(), 1).unwrap();
        assert_eq!(found, [["key account"], ["sea"]]);
    }

    #[test]
    fn a_group_without_others_has_its_commonest_terms() {
        assert_eq!(shown(&[Some(0); 3], 2), [["neural networks", "vision"]]);
        assert_eq!(shown(&[Some(0)], 1), [["networks vision"]]);
        assert_eq!(shown(&[], 2), Vec::<Vec<String>>::new());
        assert_eq!(shown(&[None, None], 2), Vec::<Vec<String>>::new());
    }

    /// The first term is the one with the highest z of `discriminative`, which is held against an oracle.
    #[test]
    fn the_first_term_is_the_most_distinctive() {
        let texts: Vec<String> =
            serde_json::from_value(crate::oracle("keybert_keywords.json")["texts"].clone()).unwrap();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let groups: Vec<Option<usize>> = (0..texts.len()).map(|i| Some(i % 3)).collect();
        let found = labels(&texts, &groups, stop_words::english(), 3).unwrap();
        let settings = Settings {
            words: Words {
                ngram_min: 1,
                ngram_max: 2,
                cut: Cut::Unicode,
                stop_words: stop_words::english(),
                names: Default::default(),
            },
            limits: Limits { min_df: Frequency::Documents(2), ..Limits::default() },
            counting: Counting::Rate,
            prior: PRIOR,
            top_n: None,
        };
        let documents = texts.iter().zip(&groups).map(|(text, group)| (format!("{group:?}"), text.to_string()));
        let rows = discriminative(documents.collect(), &settings).unwrap();
        for (group, terms) in found.iter().enumerate() {
            let own = rows.iter().filter(|row| row.label == format!("{:?}", Some(group)));
            let highest = own.clone().map(|row| row.log_odds_z).fold(f64::MIN, f64::max);
            let words: Vec<&str> = terms[0].split(' ').collect();
            let within = |keyword: &str| keyword.split(' ').all(|word| words.contains(&word));
            assert_eq!(terms.len(), 3);
            assert!(own.into_iter().any(|row| row.log_odds_z == highest && within(&row.keyword)), "{terms:?}");
        }
    }
}
