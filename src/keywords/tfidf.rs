//! Weights of terms by tf-idf, as scikit-learn's TfidfVectorizer computes them by default.
//!
//! The idf of a term that occurs in d of n documents is ln((1 + n) / (1 + d)) + 1; the weight of a term in a document is its
//! count there times its idf, and the weights of a document are divided by their Euclidean length. So a weight lies
//! between 0 and 1 and is high for what one document says often and few others say.

use super::Keyword;
use super::vectorizer::Counts;
use crate::parallel;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The idf of each term of the vocabulary.
pub fn idf(counts: &Counts) -> Vec<f64> {
    let n = counts.len() as f64;
    counts.documents.iter().map(|d| ((1.0 + n) / (1.0 + f64::from(*d))).ln() + 1.0).collect()
}

/// (index of the term, weight) of each term of a document, by index.
pub fn weights(counts: &Counts, idf: &[f64], document: usize) -> Vec<(u32, f64)> {
    let row = counts.row(document);
    let mut weights: Vec<(u32, f64)> =
        row.iter().map(|(term, count)| (*term, f64::from(*count) * idf[*term as usize])).collect();
    let length = weights.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
    for (_, weight) in &mut weights {
        *weight /= length;
    }
    weights
}

/// A weight that orders: finite, since every count is at least 1.
#[derive(PartialEq, PartialOrd)]
struct Weight(f64);

impl Eq for Weight {}

impl Ord for Weight {
    fn cmp(&self, other: &Weight) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// The `top_n` terms of each document with the highest weights, highest first, ties by code point.
pub fn keywords(counts: &Counts, top_n: usize, threads: usize) -> Vec<Vec<Keyword>> {
    let idf = idf(counts);
    parallel::map(threads, counts.len(), |document| {
        let mut best: BinaryHeap<Reverse<(Weight, Reverse<u32>)>> = BinaryHeap::new();
        for (term, weight) in weights(counts, &idf, document) {
            best.push(Reverse((Weight(weight), Reverse(term))));
            if best.len() > top_n {
                best.pop();
            }
        }
        let sorted = best.into_sorted_vec().into_iter();
        let keyword =
            |Reverse((Weight(score), Reverse(term)))| Keyword { term: counts.vocabulary[term as usize].clone(), score };
        sorted.map(keyword).collect()
    })
}
