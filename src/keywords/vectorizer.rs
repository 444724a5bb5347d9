//! Counts of words and phrases by document, as scikit-learn's CountVectorizer makes them.
//!
//! Words and phrases are those of [`tokens`](super::tokens). The vocabulary is sorted by code point, after these cuts:
//!
//! * a term must occur in at least `min_df` and at most `max_df` documents, each a number of documents or a share of them;
//! * of the rest the `max_features` with the most occurrences stay. Among terms with equally many, scikit-learn keeps what
//!   numpy's unstable sort happens to leave in front, which differs between processors; here the first by code point stay.
//!   Wherever no tie stands at the cut, the vocabulary is the same.
//!
//! A phrase cannot occur in more documents than its shorter parts, so phrases are counted by length, and one forms only
//! from two overlapping parts that both reach `min_df`. That keeps the many phrases that occur once out of memory: one
//! hundred thousand CVs and phrases of up to four words take some hundred megabytes.

use super::KeywordError;
use super::tokens::Settings;
use crate::interrupt;
use crate::progress;
use std::collections::HashMap;

/// Maximum number of words of all documents together; each takes 4 bytes a length of phrases, and 4 more.
const MAX_WORDS: usize = 100_000_000;

/// Threshold of documents: a number of them, or a share of all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Frequency {
    Documents(u64),
    /// Share of all documents, from 0 to 1.
    Share(f64),
}

impl Frequency {
    /// Number of documents, of `all`.
    fn documents(self, all: usize) -> f64 {
        match self {
            Frequency::Documents(n) => n as f64,
            Frequency::Share(share) => share * all as f64,
        }
    }

    /// The threshold of an oracle: a whole number counts documents, a decimal one is a share.
    #[cfg(test)]
    pub(crate) fn of_oracle(value: &serde_json::Value) -> Frequency {
        value.as_u64().map_or_else(|| Frequency::Share(value.as_f64().unwrap()), Frequency::Documents)
    }
}

/// Thresholds of the terms that stay in the vocabulary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    pub min_df: Frequency,
    pub max_df: Frequency,
    /// Maximum size of the vocabulary; `None` = any size.
    pub max_features: Option<usize>,
    /// Whether a term that stands in one and the same longer term each time is left out for that one.
    pub merge: bool,
}

impl Default for Limits {
    /// Thresholds that keep all terms, as in scikit-learn.
    fn default() -> Limits {
        Limits { min_df: Frequency::Documents(1), max_df: Frequency::Share(1.0), max_features: None, merge: false }
    }
}

/// Terms of a corpus with their counts in each document: a sparse matrix by rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Counts {
    /// Terms by code point.
    pub(crate) vocabulary: Vec<String>,
    /// Number of documents that each term occurs in.
    pub(crate) documents: Vec<u32>,
    /// `starts[i]..starts[i + 1]` are the entries of document i; one more than there are documents.
    starts: Vec<usize>,
    /// Index of the term and its count, by index within a document.
    entries: Vec<(u32, u32)>,
}

impl Counts {
    /// Number of documents that were counted, those without any term included.
    pub(crate) fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// (index of the term, count) of each term of a document, by index.
    pub(crate) fn row(&self, document: usize) -> &[(u32, u32)] {
        &self.entries[self.starts[document]..self.starts[document + 1]]
    }
}

/// Number that stands for no term.
const NONE: u32 = u32::MAX;

/// Terms of one length. A term is a number within its length.
#[derive(Default)]
struct Level {
    /// The term that begins at each word of the corpus; `NONE` where the document ends or the term is too rare.
    at: Vec<u32>,
    /// The first word of the corpus where a term begins.
    first: Vec<usize>,
    documents: Vec<u32>,
    occurrences: Vec<u64>,
}

impl Level {
    /// The terms of `at` with their counts, whose words belong to the documents that end at `ends`.
    fn new(at: Vec<u32>, terms: usize, ends: &[usize]) -> Level {
        let mut level = Level { at, first: vec![0; terms], documents: vec![0; terms], occurrences: vec![0; terms] };
        let mut last = vec![usize::MAX; terms];
        let mut start = 0;
        for (document, &end) in ends.iter().enumerate() {
            interrupt::check();
            for word in start..end {
                let term = level.at[word];
                if term == NONE {
                    continue;
                }
                let term = term as usize;
                if level.occurrences[term] == 0 {
                    level.first[term] = word;
                }
                level.occurrences[term] += 1;
                if last[term] != document {
                    last[term] = document;
                    level.documents[term] += 1;
                }
            }
            start = end;
        }
        level
    }

    /// Takes the terms of fewer than `least` documents out of the places.
    fn prune(&mut self, least: f64) {
        for term in &mut self.at {
            if *term != NONE && f64::from(self.documents[*term as usize]) < least {
                *term = NONE;
            }
        }
    }

    /// The terms one word longer: those whose beginning and end are both terms of this length.
    fn longer(&self, ends: &[usize]) -> Level {
        let mut known: HashMap<(u32, u32), u32> = HashMap::new();
        let mut at = vec![NONE; self.at.len()];
        let mut start = 0;
        let steps = progress::steps("phrases", ends.len());
        for &end in ends {
            interrupt::check();
            steps.tick();
            for word in start..end.saturating_sub(1) {
                let parts = (self.at[word], self.at[word + 1]);
                if parts.0 != NONE && parts.1 != NONE {
                    let next = known.len() as u32;
                    at[word] = *known.entry(parts).or_insert(next);
                }
            }
            start = end;
        }
        Level::new(at, known.len(), ends)
    }
}

impl Level {
    /// Whether each term stands in one and the same term of `next`, which are one word longer, wherever it occurs.
    fn within(&self, next: &Level) -> Vec<bool> {
        let mut within = vec![false; self.documents.len()];
        for (word, &longer) in next.at.iter().enumerate().filter(|(_, longer)| **longer != NONE) {
            for part in [self.at[word], self.at[word + 1]] {
                if self.occurrences[part as usize] == next.occurrences[longer as usize] {
                    within[part as usize] = true;
                }
            }
        }
        within
    }
}

/// A term that may stay: its length in words (less one) and its number within that length.
type Term = (usize, u32);

/// Counts of the terms of `documents`.
///
/// # Errors
///
/// Where `max_df` allows fewer documents than `min_df` asks for, as in scikit-learn; no term at all is no error. Where there are more
/// than [`MAX_WORDS`] words.
pub fn count<T: AsRef<str>>(documents: &[T], settings: &Settings, limits: &Limits) -> Result<Counts, KeywordError> {
    count_up_to(documents, settings, limits, MAX_WORDS)
}

fn count_up_to<T: AsRef<str>>(
    documents: &[T],
    settings: &Settings,
    limits: &Limits,
    most_words: usize,
) -> Result<Counts, KeywordError> {
    let (least, most) = (limits.min_df.documents(documents.len()), limits.max_df.documents(documents.len()));
    if least > most && !documents.is_empty() {
        let rounded = |number: f64| (1000.0 * number).round() / 1000.0;
        return Err(KeywordError::Frequencies { min: rounded(least), max: rounded(most), documents: documents.len() });
    }
    let mut words: Vec<String> = Vec::new();
    let mut known: HashMap<String, u32> = HashMap::new();
    let mut at = Vec::new();
    let mut ends = Vec::with_capacity(documents.len());
    let steps = progress::steps("texts", documents.len());
    for document in documents {
        interrupt::check();
        steps.tick();
        let read = settings.cut.read(document.as_ref());
        settings.for_each_word(&read, |word| {
            let number = known.get(word).copied().unwrap_or_else(|| {
                let number = words.len() as u32;
                words.push(word.to_string());
                known.insert(word.to_string(), number);
                number
            });
            at.push(number);
        });
        if at.len() > most_words {
            return Err(KeywordError::Words { most: most_words });
        }
        ends.push(at.len());
    }
    drop((known, steps));
    let corpus = at.clone();
    let mut level = Level::new(at, words.len(), &ends);
    let mut levels: Vec<Level> = Vec::new();
    let mut kept: Vec<Term> = Vec::new();
    for n in 0..settings.ngram_max {
        level.prune(least);
        let next = if n + 1 < settings.ngram_max { level.longer(&ends) } else { Level::default() };
        if n + 1 >= settings.ngram_min {
            let within = if limits.merge { level.within(&next) } else { Vec::new() };
            let fits = |term: &u32| {
                let documents = f64::from(level.documents[*term as usize]);
                let merged = within.get(*term as usize).is_some_and(|merged| *merged);
                documents >= least && documents <= most && documents > 0.0 && !merged
            };
            kept.extend((0..level.documents.len() as u32).filter(fits).map(|term| (n, term)));
        }
        levels.push(level);
        if next.documents.is_empty() {
            break;
        }
        level = next;
    }
    let spelled = |(n, term): Term| -> String {
        let first = levels[n].first[term as usize];
        let phrase: Vec<&str> = corpus[first..=first + n].iter().map(|word| words[*word as usize].as_str()).collect();
        phrase.join(" ")
    };
    if let Some(limit) = limits.max_features {
        limit_features(&mut kept, limit, |(n, term)| levels[n].occurrences[term as usize], spelled);
    }
    let mut terms: Vec<(String, Term)> = kept.into_iter().map(|term| (spelled(term), term)).collect();
    terms.sort_unstable();
    let mut columns: Vec<Vec<u32>> = levels.iter().map(|level| vec![NONE; level.documents.len()]).collect();
    for (column, (_, (n, term))) in terms.iter().enumerate() {
        columns[*n][*term as usize] = column as u32;
    }
    let mut counts = Counts {
        documents: terms.iter().map(|(_, (n, term))| levels[*n].documents[*term as usize]).collect(),
        vocabulary: terms.into_iter().map(|(spelled, _)| spelled).collect(),
        starts: vec![0],
        entries: Vec::new(),
    };
    let mut start = 0;
    let mut row: Vec<u32> = Vec::new();
    let steps = progress::steps("texts", ends.len());
    for end in ends {
        interrupt::check();
        steps.tick();
        row.clear();
        for (level, columns) in levels.iter().zip(&columns) {
            let terms = level.at[start..end].iter().filter(|term| **term != NONE);
            row.extend(terms.map(|term| columns[*term as usize]).filter(|column| *column != NONE));
        }
        row.sort_unstable();
        counts.entries.extend(row.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32)));
        counts.starts.push(counts.entries.len());
        start = end;
    }
    Ok(counts)
}

/// Keeps the `limit` terms with the most occurrences, of those at the cut the first by code point.
fn limit_features(
    kept: &mut Vec<Term>,
    limit: usize,
    occurrences: impl Fn(Term) -> u64,
    spelled: impl Fn(Term) -> String,
) {
    if kept.len() <= limit || limit == 0 {
        kept.truncate(limit);
        return;
    }
    let mut numbers: Vec<u64> = kept.iter().map(|term| occurrences(*term)).collect();
    let (_, &mut cut, _) = numbers.select_nth_unstable_by(limit - 1, |a, b| b.cmp(a));
    let mut tied: Vec<(String, Term)> =
        kept.iter().filter(|term| occurrences(**term) == cut).map(|term| (spelled(*term), *term)).collect();
    tied.sort_unstable();
    kept.retain(|term| occurrences(*term) > cut);
    let room = limit - kept.len();
    kept.extend(tied.into_iter().take(room).map(|(_, term)| term));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keywords::tokens::Cut;
    use crate::oracle;
    use serde_json::Value;

    fn settings(case: &Value, stop_words: &[String]) -> Settings {
        let number = |name: &str| case[name].as_u64().unwrap() as usize;
        let stop_words = if case["stop_words"] == "english" { stop_words } else { &[] };
        Settings {
            ngram_min: number("ngram_min"),
            ngram_max: number("ngram_max"),
            cut: Cut::ScikitLearn,
            stop_words: stop_words.iter().cloned().collect(),
            names: Default::default(),
        }
    }

    /// Vocabulary and matrix of every case of the oracle: Unicode torture texts and English ones, all options.
    #[test]
    fn counts_are_those_of_scikit_learn() {
        let oracle = oracle("vectorizer.json");
        let english: Vec<String> = serde_json::from_value(oracle["english_stop_words"].clone()).unwrap();
        let cases = oracle["cases"].as_array().unwrap();
        assert!(cases.len() >= 20);
        for case in cases {
            let texts: Vec<String> =
                serde_json::from_value(oracle["texts"][case["texts"].as_str().unwrap()].clone()).unwrap();
            let limits = Limits {
                min_df: Frequency::of_oracle(&case["min_df"]),
                max_df: Frequency::of_oracle(&case["max_df"]),
                max_features: case["max_features"].as_u64().map(|n| n as usize),
                merge: false,
            };
            let counts = count(&texts, &settings(case, &english), &limits);
            if case["vocabulary"] == "error" {
                assert!(matches!(counts, Err(KeywordError::Frequencies { .. })), "{case}");
                continue;
            }
            let counts = counts.unwrap();
            let vocabulary: Vec<String> = serde_json::from_value(case["vocabulary"].clone()).unwrap();
            assert_eq!(counts.vocabulary, vocabulary, "{}", case["name"]);
            let rows: Vec<Vec<(u32, u32)>> = serde_json::from_value(case["rows"].clone()).unwrap();
            assert_eq!((0..counts.len()).map(|i| counts.row(i).to_vec()).collect::<Vec<_>>(), rows, "{}", case["name"]);
            for (term, documents) in counts.documents.iter().enumerate() {
                let having = rows.iter().filter(|row| row.iter().any(|(column, _)| *column as usize == term)).count();
                assert_eq!(*documents as usize, having);
            }
        }
    }

    fn all(ngram_max: usize) -> Settings {
        Settings {
            ngram_min: 1,
            ngram_max,
            cut: Cut::Unicode,
            stop_words: Default::default(),
            names: Default::default(),
        }
    }

    #[test]
    fn ties_at_the_largest_vocabulary_are_kept_by_code_point() {
        let limits = Limits { max_features: Some(3), ..Limits::default() };
        let counts = count(&["dd cc bb aa dd", "zz"], &all(1), &limits).unwrap();
        assert_eq!(counts.vocabulary, ["aa", "bb", "dd"]);
        assert_eq!(counts.row(0), [(0, 1), (1, 1), (2, 2)]);
        assert_eq!(counts.row(1), []);
    }

    /// Phrases form from parts that are frequent enough; the same terms must stay as when all phrases are counted.
    #[test]
    fn rare_parts_take_no_frequent_phrase_along() {
        let texts = ["aa bb cc dd aa bb", "bb cc dd", "cc dd ee aa bb", "aa", ""];
        for least in 1..=4 {
            let limits = Limits { min_df: Frequency::Documents(least), ..Limits::default() };
            let counts = count(&texts, &all(4), &limits).unwrap();
            let mut expected: Vec<(String, u32)> = Vec::new();
            for phrase in texts.iter().flat_map(|text| all(4).phrases(text)).collect::<std::collections::BTreeSet<_>>()
            {
                let having = texts.iter().filter(|text| all(4).phrases(text).contains(&phrase)).count() as u32;
                expected.extend((u64::from(having) >= least).then_some((phrase, having)));
            }
            let got: Vec<(String, u32)> = counts.vocabulary.into_iter().zip(counts.documents).collect();
            assert_eq!(got, expected, "{least}");
        }
    }

    /// By hand: "doctor" and "of" and their phrases stand in "doctor of philosophy" each time, "philosophy" once alone.
    #[test]
    fn terms_within_longer_ones() {
        let texts = ["doctor of philosophy here", "doctor of philosophy", "philosophy", "x1 doctor of philosophy"];
        let merged = |ngram_max: usize, least: u64| {
            let limits = Limits { min_df: Frequency::Documents(least), merge: true, ..Limits::default() };
            count(&texts, &all(ngram_max), &limits).unwrap().vocabulary
        };
        assert_eq!(merged(3, 2), ["doctor of philosophy", "philosophy"]);
        assert_eq!(merged(2, 2), ["doctor of", "of philosophy", "philosophy"]);
        assert_eq!(
            merged(4, 1),
            ["doctor of philosophy", "doctor of philosophy here", "philosophy", "x1 doctor of philosophy"]
        );
        let twice = count(&["aa aa aa"], &all(2), &Limits { merge: true, ..Limits::default() }).unwrap();
        assert_eq!(twice.vocabulary, ["aa", "aa aa"]);
    }

    #[test]
    fn nothing_to_count() {
        let none =
            count::<&str>(&[], &all(4), &Limits { min_df: Frequency::Documents(2), ..Limits::default() }).unwrap();
        assert!(none.len() == 0 && none.vocabulary.is_empty());
        let silent = count(&["", "a . !"], &all(4), &Limits::default()).unwrap();
        assert_eq!((silent.len(), silent.vocabulary.len(), silent.row(1).len()), (2, 0, 0));
        let many = count_up_to(&["aa bb", "cc"], &all(1), &Limits::default(), 2);
        assert_eq!(many, Err(KeywordError::Words { most: 2 }));
        let few = count(&["aa"], &all(1), &Limits { min_df: Frequency::Documents(2), ..Limits::default() });
        assert_eq!(few, Err(KeywordError::Frequencies { min: 2.0, max: 1.0, documents: 1 }));
    }
}
