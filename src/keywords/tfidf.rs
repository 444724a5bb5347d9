//! Weights of terms by tf-idf, as scikit-learn's TfidfVectorizer computes them by default.
//!
//! The idf of a term that occurs in d of n documents is ln((1 + n) / (1 + d)) + 1; the weight of a term in a document is its
//! count there times its idf, and the weights of a document are divided by their Euclidean length. So a weight lies
//! between 0 and 1 and is high for terms that one document has often and few others have.

use super::Keyword;
use super::vectorizer::Counts;
use crate::parallel;

/// The idf of each term of the vocabulary.
pub(crate) fn idf(counts: &Counts) -> Vec<f64> {
    let n = counts.len() as f64;
    counts.documents.iter().map(|d| ((1.0 + n) / (1.0 + f64::from(*d))).ln() + 1.0).collect()
}

/// Weights of the terms of a document as (index of the term, weight), by index.
pub(crate) fn weights(counts: &Counts, idf: &[f64], document: usize) -> Vec<(u32, f64)> {
    let row = counts.row(document);
    let mut weights: Vec<(u32, f64)> =
        row.iter().map(|(term, count)| (*term, f64::from(*count) * idf[*term as usize])).collect();
    let length = weights.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
    for (_, weight) in &mut weights {
        *weight /= length;
    }
    weights
}

/// The `top_n` terms of each document with the highest weights, highest first, ties by code point.
pub fn keywords(counts: &Counts, top_n: usize, threads: usize) -> Vec<Vec<Keyword>> {
    let idf = idf(counts);
    parallel::map(threads, counts.len(), |document| {
        let mut best = weights(counts, &idf, document);
        // a stable sort: what weighs the same stays by code point
        best.sort_by(|a, b| b.1.total_cmp(&a.1));
        best.truncate(top_n);
        let keyword = |(term, score): (u32, f64)| Keyword { term: counts.vocabulary[term as usize].clone(), score };
        best.into_iter().map(keyword).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keywords::stop_words;
    use crate::keywords::tokens::{Cut, Settings};
    use crate::keywords::vectorizer::{Frequency, Limits, count};
    use crate::oracle;

    #[test]
    fn weights_are_those_of_scikit_learn() {
        let texts: Vec<String> = serde_json::from_value(oracle("keybert_keywords.json")["texts"].clone()).unwrap();
        let oracle = oracle("tfidf_keywords.json");
        let cases = oracle["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 3);
        for case in cases {
            let number = |name: &str| case[name].as_u64().unwrap() as usize;
            let settings = Settings {
                ngram_min: number("ngram_min"),
                ngram_max: number("ngram_max"),
                cut: Cut::ScikitLearn,
                stop_words: stop_words::english(),
                names: Default::default(),
            };
            let limits = Limits {
                min_df: Frequency::of_oracle(&case["min_df"]),
                max_df: Frequency::of_oracle(&case["max_df"]),
                max_features: None,
                merge: false,
            };
            let counts = count(&texts[..number("documents")], &settings, &limits).unwrap();
            let vocabulary: Vec<String> = serde_json::from_value(case["vocabulary"].clone()).unwrap();
            assert_eq!(counts.vocabulary, vocabulary);
            let rows: Vec<Vec<(u32, f64)>> = serde_json::from_value(case["rows"].clone()).unwrap();
            assert_eq!(rows.len(), counts.len());
            let idf = idf(&counts);
            for (document, expected) in rows.iter().enumerate() {
                let got = weights(&counts, &idf, document);
                assert_eq!(got.len(), expected.len());
                for ((term, weight), (expected_term, expected_weight)) in got.iter().zip(expected) {
                    assert_eq!(term, expected_term);
                    assert!((weight - expected_weight).abs() < 1e-12, "{weight} {expected_weight}");
                }
            }
        }
    }

    /// By hand: the idf of a word in d of three texts is ln(4 / (1 + d)) + 1.
    #[test]
    fn keywords_by_hand() {
        let settings = Settings {
            ngram_min: 1,
            ngram_max: 1,
            cut: Cut::Unicode,
            stop_words: Default::default(),
            names: Default::default(),
        };
        let counts = count(&["aa bb bb", "aa cc dd", ""], &settings, &Limits::default()).unwrap();
        let rare = (4.0f64 / 2.0).ln() + 1.0;
        let common = (4.0f64 / 3.0).ln() + 1.0;
        let length = (common * common + 4.0 * rare * rare).sqrt();
        let found = keywords(&counts, 2, 1);
        let shown = |document: usize| found[document].iter().map(|k| k.term.as_str()).collect::<Vec<_>>();
        assert_eq!((shown(0), shown(1), shown(2)), (vec!["bb", "aa"], vec!["cc", "dd"], vec![]));
        assert!((found[0][0].score - 2.0 * rare / length).abs() < 1e-15);
        assert!((found[0][1].score - common / length).abs() < 1e-15);
        assert_eq!(found, keywords(&counts, 2, 7));
    }
}
