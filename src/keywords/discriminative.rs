//! Discriminative keywords: words and phrases that tell one class of texts from the others.
//!
//! With d_c(k) the documents of class c that have keyword k, n_c the documents of c, and t_c(k) the mean tf-idf weight of k in
//! the documents of c, a keyword's score for c is the mean of two shares:
//!
//!   frequency share   f_c(k) / sum over classes j of f_j(k),   f_c(k) = d_c(k) / n_c, or d_c(k) with raw counts
//!   tf-idf share      t_c(k) / (t_c(k) + mean over other classes j of t_j(k))
//!
//! Raw counts favour large classes: of two classes with 153 and 432 documents, a keyword in half of the first and a quarter of
//! the second has .41 of the raw count, and .67 of the rates.
//!
//! Beside the score, which knows nothing of chance, there are log-odds with an informative Dirichlet prior (Monroe, Colaresi &
//! Quinn 2008), of class c against all others together, in natural logarithms. With y the occurrences of k, n those of all
//! keywords, and a prior of weight A that is spread like the whole corpus, a = A y / n:
//!
//!   delta = ln((y_c + a) / (n_c + A - y_c - a)) - ln((y_o + a) / (n_o + A - y_o - a))
//!   z     = delta / sqrt(1 / (y_c + a) + 1 / (y_o + a))
//!
//! and p, the probability that as many documents as c has, drawn from all, have k at least as often (Fisher's exact test,
//! one-sided), with q, the p-values of the keywords of a class adjusted by Benjamini & Hochberg (1995).
//!
//! Documents are sorted first, so that the order in which they come changes no bit.

use super::tokens::Settings as Words;
use super::vectorizer::{Limits, count};
use super::{KeywordError, tfidf};
use crate::interrupt;
use crate::progress::{self, Steps};
use statrs::function::factorial::ln_factorial;

/// Maximum number of classes: tables have a row for each.
pub(crate) const MAX_CLASSES: usize = 1000;

/// Reason why there are no discriminative keywords.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum DiscriminativeError {
    #[error("label must have at least two classes among the texts, got {0}")]
    FewClasses(String),
    #[error("label must have at most {MAX_CLASSES} classes, got {0}")]
    ManyClasses(usize),
    #[error(transparent)]
    Keywords(#[from] KeywordError),
}

/// Measure of how often a class has a keyword.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Counting {
    /// Share of the class's documents.
    Rate,
    /// Number of documents.
    Raw,
}

/// Settings of [`discriminative`].
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) words: Words,
    pub(crate) limits: Limits,
    pub(crate) counting: Counting,
    /// Weight of the Dirichlet prior of the log-odds, in occurrences of keywords.
    pub(crate) prior: f64,
    /// Maximum number of keywords of a class; `None` = all.
    pub(crate) top_n: Option<usize>,
}

/// A keyword of a class.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) keyword: String,
    pub(crate) n_documents: u32,
    pub(crate) frequency_share: f64,
    pub(crate) tfidf_share: f64,
    pub(crate) score: f64,
    pub(crate) log_odds: f64,
    pub(crate) log_odds_z: f64,
    pub(crate) p_value: f64,
    pub(crate) q_value: f64,
    /// Rank by score, 1 = best; ties by documents, then by code point.
    pub(crate) rank: usize,
}

/// Counts of a class, keyword by keyword.
struct Class {
    label: String,
    size: usize,
    documents: Vec<u32>,
    occurrences: Vec<f64>,
    tfidf: Vec<f64>,
}

/// Keywords of every class among (label, text) pairs, by label and rank. A class has the keywords that occur in it.
///
/// # Errors
///
/// For fewer than two classes or more than [`MAX_CLASSES`], and those of [`count`].
pub(crate) fn discriminative(
    mut documents: Vec<(String, String)>,
    settings: &Settings,
) -> Result<Vec<Row>, DiscriminativeError> {
    documents.sort_unstable();
    let mut classes: Vec<Class> = documents
        .chunk_by(|a, b| a.0 == b.0)
        .map(|same| Class {
            label: same[0].0.clone(),
            size: same.len(),
            documents: Vec::new(),
            occurrences: Vec::new(),
            tfidf: Vec::new(),
        })
        .collect();
    match classes.as_slice() {
        [] => return Err(DiscriminativeError::FewClasses("none".to_string())),
        [one] => return Err(DiscriminativeError::FewClasses(format!("'{}' only", one.label))),
        many if many.len() > MAX_CLASSES => return Err(DiscriminativeError::ManyClasses(many.len())),
        _ => {}
    }
    let texts: Vec<&str> = documents.iter().map(|(_, text)| text.as_str()).collect();
    let counts = count(&texts, &settings.words, &settings.limits)?;
    let idf = tfidf::idf(&counts);
    let terms = counts.vocabulary.len();
    let mut document = 0;
    let steps = progress::steps("texts", documents.len());
    for class in &mut classes {
        class.documents = vec![0; terms];
        class.occurrences = vec![0.0; terms];
        class.tfidf = vec![0.0; terms];
        for _ in 0..class.size {
            interrupt::check();
            steps.tick();
            for (term, times) in counts.row(document) {
                class.documents[*term as usize] += 1;
                class.occurrences[*term as usize] += f64::from(*times);
            }
            for (term, weight) in tfidf::weights(&counts, &idf, document) {
                class.tfidf[term as usize] += weight / class.size as f64;
            }
            document += 1;
        }
    }
    drop(steps);
    let corpus = Corpus::new(&classes, &counts.documents, documents.len(), settings);
    let steps = progress::steps("keywords", classes.len() * terms);
    let rows = (0..classes.len()).flat_map(|c| corpus.keywords(c, &counts.vocabulary, settings.top_n, &steps));
    Ok(rows.collect())
}

/// Classes, and their sums.
struct Corpus<'a> {
    classes: &'a [Class],
    /// Number of documents.
    size: usize,
    /// Number of documents that have each keyword.
    documents: &'a [u32],
    /// Sums over classes, by keyword.
    frequencies: Vec<f64>,
    tfidf: Vec<f64>,
    occurrences: Vec<f64>,
    all_occurrences: f64,
    counting: Counting,
    prior: f64,
}

impl<'a> Corpus<'a> {
    fn new(classes: &'a [Class], documents: &'a [u32], size: usize, settings: &Settings) -> Self {
        let sum = |of: &dyn Fn(&Class, usize) -> f64| -> Vec<f64> {
            (0..documents.len()).map(|term| classes.iter().map(|class| of(class, term)).sum()).collect()
        };
        let occurrences = sum(&|class, term| class.occurrences[term]);
        Corpus {
            classes,
            size,
            documents,
            frequencies: sum(&|class, term| frequency(class, term, settings.counting)),
            tfidf: sum(&|class, term| class.tfidf[term]),
            all_occurrences: occurrences.iter().sum(),
            occurrences,
            counting: settings.counting,
            prior: settings.prior,
        }
    }

    /// The keywords of class `c` by rank.
    fn keywords(&self, c: usize, vocabulary: &[String], top_n: Option<usize>, steps: &Steps) -> Vec<Row> {
        let class = &self.classes[c];
        let own_occurrences: f64 = class.occurrences.iter().sum();
        let others = (self.classes.len() - 1) as f64;
        let row = |term: usize| {
            interrupt::check();
            let frequency_share = frequency(class, term, self.counting) / self.frequencies[term];
            let own = class.tfidf[term];
            let tfidf_share = own / (own + ((self.tfidf[term] - own) / others).max(0.0));
            let (log_odds, log_odds_z) = self.log_odds(class, term, own_occurrences);
            Row {
                label: class.label.clone(),
                keyword: vocabulary[term].clone(),
                n_documents: class.documents[term],
                frequency_share,
                tfidf_share,
                score: 0.5 * (frequency_share + tfidf_share),
                log_odds,
                log_odds_z,
                p_value: fisher(class.documents[term], self.documents[term], class.size, self.size),
                q_value: f64::NAN,
                rank: 0,
            }
        };
        let own = |term: &usize| {
            steps.tick();
            class.documents[*term] > 0
        };
        let mut rows: Vec<Row> = (0..vocabulary.len()).filter(own).map(row).collect();
        adjust(&mut rows);
        rows.sort_by(|a, b| {
            let by_score = b.score.total_cmp(&a.score).then(b.n_documents.cmp(&a.n_documents));
            by_score.then_with(|| a.keyword.cmp(&b.keyword))
        });
        rows.truncate(top_n.unwrap_or(usize::MAX));
        rows.iter_mut().enumerate().for_each(|(at, row)| row.rank = at + 1);
        rows
    }

    /// Log-odds of the class against the others, and these over their standard deviation.
    fn log_odds(&self, class: &Class, term: usize, own_occurrences: f64) -> (f64, f64) {
        let all = (self.occurrences[term], self.all_occurrences);
        log_odds((class.occurrences[term], own_occurrences), all, self.prior)
    }
}

/// Log-odds of a term in one class against all others, and these over their standard deviation, from (the term's
/// occurrences, those of all terms) in the class and everywhere.
pub(crate) fn log_odds(own: (f64, f64), all: (f64, f64), prior: f64) -> (f64, f64) {
    let a = prior * all.0 / all.1;
    let logit = |y: f64, n: f64| ((y + a) / (n + prior - y - a)).ln();
    let rest = all.0 - own.0;
    let delta = logit(own.0, own.1) - logit(rest, all.1 - own.1);
    (delta, delta / (1.0 / (own.0 + a) + 1.0 / (rest + a)).sqrt())
}

/// Measure of how often `class` has a keyword.
fn frequency(class: &Class, term: usize, counting: Counting) -> f64 {
    let documents = f64::from(class.documents[term]);
    match counting {
        Counting::Rate => documents / class.size as f64,
        Counting::Raw => documents,
    }
}

/// Probability that at least `hits` of `having` documents are among `drawn` of `all` (hypergeometric).
fn fisher(hits: u32, having: u32, drawn: usize, all: usize) -> f64 {
    let (hits, having, drawn, all) = (u64::from(hits), u64::from(having), drawn as u64, all as u64);
    let least = (having + drawn).saturating_sub(all);
    let mode = (having + 1) * (drawn + 1) / (all + 2);
    let choose = |n: u64, k: u64| ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
    let at = |x: u64| (choose(having, x) + choose(all - having, drawn - x) - choose(all, drawn)).exp();
    // P(X = x + 1) / P(X = x)
    let ratio = |x: u64| {
        let left = (having - x) as f64 * (drawn - x) as f64;
        left / ((x + 1) as f64 * (all + x + 1 - having - drawn) as f64)
    };
    // away from the mode, where terms only fall: one that is too small for a double adds nothing
    if hits > mode {
        let mut term = at(hits);
        let mut sum = term;
        for x in hits..having.min(drawn) {
            term *= ratio(x);
            sum += term;
        }
        return sum.min(1.0);
    }
    let mut below = 0.0;
    if hits > least {
        let mut term = at(hits - 1);
        below = term;
        for x in (least..hits - 1).rev() {
            term /= ratio(x);
            below += term;
        }
    }
    (1.0 - below).max(0.0)
}

/// Fills in the q-values: the least of p_j m / j over all p_j that are not smaller, j the place of p_j among m.
fn adjust(rows: &mut [Row]) {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| rows[*a].p_value.total_cmp(&rows[*b].p_value));
    let m = rows.len() as f64;
    let mut least = 1.0_f64;
    for (place, at) in order.into_iter().enumerate().rev() {
        least = least.min(rows[at].p_value * m / (place + 1) as f64);
        rows[at].q_value = least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keywords::tokens::Cut;
    use crate::keywords::vectorizer::Frequency;
    use proptest::prelude::*;

    fn settings(json: &serde_json::Value) -> Settings {
        Settings {
            words: Words {
                ngram_min: 1,
                ngram_max: json["ngram_max"].as_u64().unwrap() as usize,
                cut: Cut::ScikitLearn,
                stop_words: crate::keywords::stop_words::english(),
                names: Default::default(),
            },
            limits: Limits {
                min_df: Frequency::Documents(2),
                max_df: Frequency::Share(0.85),
                max_features: json["max_features"].as_u64().map(|n| n as usize),
                merge: false,
            },
            counting: if json["counts"] == "raw" { Counting::Raw } else { Counting::Rate },
            prior: json["prior"].as_f64().unwrap(),
            top_n: None,
        }
    }

    fn close(a: f64, b: f64, tolerance: f64) -> bool {
        (a - b).abs() <= tolerance * b.abs().max(1e-300)
    }

    /// Sample CVs and three classes of made texts, against scikit-learn and scipy.
    #[test]
    fn the_oracles_keywords() {
        let oracle = crate::oracle("discriminative.json");
        for case in oracle["cases"].as_array().unwrap() {
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_string();
            let documents = case["documents"].as_array().unwrap();
            let documents = documents.iter().map(|d| (text(&d[0]), text(&d[1]))).collect();
            let mut rows = discriminative(documents, &settings(&case["settings"])).unwrap();
            for pair in rows.windows(2).filter(|pair| pair[0].label == pair[1].label) {
                assert!(pair[0].score >= pair[1].score && pair[0].rank + 1 == pair[1].rank, "{pair:?}");
            }
            rows.sort_by(|a, b| (&a.label, &a.keyword).cmp(&(&b.label, &b.keyword)));
            let expected = case["rows"].as_array().unwrap();
            assert_eq!(rows.len(), expected.len());
            for (row, expected) in rows.iter().zip(expected) {
                let number = |column: usize| expected[column].as_f64().unwrap();
                assert_eq!([&row.label, &row.keyword], [&text(&expected[0]), &text(&expected[1])]);
                assert_eq!(u64::from(row.n_documents), expected[2].as_u64().unwrap());
                let got = [row.frequency_share, row.tfidf_share, row.score, row.log_odds, row.log_odds_z];
                for (column, value) in got.into_iter().enumerate() {
                    assert!((value - number(3 + column)).abs() < 1e-9, "{row:?} {expected}");
                }
                assert!(close(row.p_value, number(8), 1e-8), "{row:?} {expected}");
                assert!(close(row.q_value, number(9), 1e-8), "{row:?} {expected}");
            }
        }
    }

    fn documents() -> Vec<(String, String)> {
        let pair = |label: &str, text: &str| (label.to_string(), text.to_string());
        let mut all = vec![pair("a", "apple pear"), pair("a", "apple plum"), pair("a", "apple cherry pear")];
        all.extend(["pear", "plum cherry", "plum", "plum pear", "cherry", "apple plum"].map(|text| pair("b", text)));
        all
    }

    fn plain(counting: Counting) -> Settings {
        Settings {
            words: Words {
                ngram_min: 1,
                ngram_max: 1,
                cut: Cut::Unicode,
                stop_words: Default::default(),
                names: Default::default(),
            },
            limits: Limits::default(),
            counting,
            prior: 10.0,
            top_n: None,
        }
    }

    /// By hand: apple is in 3 of 3 and 1 of 6 documents, pear in 2 of 3 and 2 of 6.
    #[test]
    fn shares_correct_for_the_size_of_classes() {
        let share = |counting, keyword: &str| {
            let rows = discriminative(documents(), &plain(counting)).unwrap();
            rows.into_iter().find(|row| row.label == "a" && row.keyword == keyword).unwrap().frequency_share
        };
        assert!((share(Counting::Rate, "apple") - 6.0 / 7.0).abs() < 1e-15);
        assert!((share(Counting::Raw, "apple") - 3.0 / 4.0).abs() < 1e-15);
        assert!((share(Counting::Rate, "pear") - 2.0 / 3.0).abs() < 1e-15);
        assert!((share(Counting::Raw, "pear") - 1.0 / 2.0).abs() < 1e-15);
    }

    /// By hand: 3 of the 4 with apple among 3 drawn of 9: 4 / 84; at least 2 of 4 with pear: (6 * 5 + 4) / 84.
    #[test]
    fn fisher_by_hand() {
        assert!(close(fisher(3, 4, 3, 9), 4.0 / 84.0, 1e-13));
        assert!(close(fisher(2, 4, 3, 9), 34.0 / 84.0, 1e-13));
        assert_eq!(fisher(0, 0, 3, 9), 1.0);
        assert_eq!(fisher(0, 4, 3, 9), 1.0);
    }

    /// Terms that are too small for a double: half of 20,000 documents have the keyword, and half are of the class.
    #[test]
    fn fisher_far_from_the_mode() {
        assert_eq!(fisher(1, 10_000, 10_000, 20_000), 1.0);
        assert_eq!(fisher(10_000, 10_000, 10_000, 20_000), 0.0);
        // symmetric about 5,000
        let (upper, above) = (fisher(5000, 10_000, 10_000, 20_000), fisher(5001, 10_000, 10_000, 20_000));
        assert!(close(upper + above, 1.0, 1e-8), "{upper} {above}");
    }

    #[test]
    fn top_n_leaves_the_rest_as_it_is() {
        let all = discriminative(documents(), &plain(Counting::Rate)).unwrap();
        let few = discriminative(documents(), &Settings { top_n: Some(2), ..plain(Counting::Rate) }).unwrap();
        let expected: Vec<Row> = all.into_iter().filter(|row| row.rank <= 2).collect();
        assert_eq!(few, expected);
        assert_eq!(few.len(), 4);
    }

    #[test]
    fn too_few_or_too_many_classes() {
        let run = |documents| discriminative(documents, &plain(Counting::Rate)).unwrap_err().to_string();
        assert_eq!(run(vec![]), "label must have at least two classes among the texts, got none");
        let one = vec![("x".to_string(), "a text".to_string())];
        assert_eq!(run(one), "label must have at least two classes among the texts, got 'x' only");
        let many = (0..1001).map(|i| (i.to_string(), "a text".to_string())).collect();
        assert_eq!(run(many), "label must have at most 1000 classes, got 1001");
    }

    proptest! {
        /// Order changes no bit.
        #[test]
        fn order_does_not_matter(keys in prop::collection::vec(any::<u32>(), 9)) {
            let expected = discriminative(documents(), &plain(Counting::Rate)).unwrap();
            let mut keyed: Vec<_> = keys.into_iter().zip(documents()).collect();
            keyed.sort();
            let shuffled = keyed.into_iter().map(|(_, document)| document).collect();
            prop_assert_eq!(discriminative(shuffled, &plain(Counting::Rate)).unwrap(), expected);
        }

        /// The tail is a probability, and one minus the other tail.
        #[test]
        fn tails_add_up(all in 2_u32..60, a in 0.0..1.0, b in 0.0..1.0, c in 0.0..1.0) {
            let part = |share: f64, of: u32| (share * f64::from(of + 1)).floor().min(f64::from(of)) as u32;
            let (having, drawn) = (part(a, all), part(b, all));
            let least = (having + drawn).saturating_sub(all);
            let hits = least + part(c, having.min(drawn) - least);
            let upper = fisher(hits, having, drawn as usize, all as usize);
            prop_assert!(upper > 0.0 && upper <= 1.0);
            // at most hits - 1 with the keyword is at least drawn - hits + 1 without it
            if hits > least {
                let lower = fisher(drawn - hits + 1, all - having, drawn as usize, all as usize);
                prop_assert!((upper + lower - 1.0).abs() < 1e-9);
            }
        }
    }
}
