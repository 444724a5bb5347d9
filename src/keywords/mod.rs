//! Keywords of texts: the words and phrases that a document is about.
//!
//! * [`tokens`], [`vectorizer`]: words and n-grams and their counts, as scikit-learn cuts and counts them;
//! * [`stop_words`]: words that are no keywords;
//! * [`tfidf`]: keywords by tf-idf;
//! * [`keybert`]: keywords by the likeness of their embeddings to that of the whole text;
//! * [`discriminative`]: keywords that tell one class of texts from the others;
//! * [`labels`]: a few terms each that say what groups of texts are about;
//! * [`form`]: one form for texts that look the same;
//! * [`markup`]: what is no word of a text from the web;
//! * [`script`]: which scripts write spaces between words;
//! * [`starts`]: terms that begin where words begin;
//! * [`filter`]: annotators that say yes where a text has the right words.

pub(crate) mod discriminative;
pub(crate) mod filter;
pub(crate) mod form;
pub(crate) mod keybert;
pub(crate) mod labels;
pub(crate) mod markup;
pub(crate) mod names;
pub(crate) mod script;
mod starts;
pub(crate) mod stop_words;
pub(crate) mod tfidf;
pub(crate) mod tokens;
pub(crate) mod vectorizer;

/// Reason why keywords cannot be found. Displays as the part of a message behind `function: `.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum KeywordError {
    #[error(
        "max_df must allow at least as many documents as min_df asks for, got min_df {min} and max_df {max} of {documents} documents"
    )]
    Frequencies { min: f64, max: f64, documents: usize },
    #[error("text must have at most {most} words in all texts together; take fewer texts")]
    Words { most: usize },
    #[error(
        "nr_candidates must be at least top_n, {top_n}, with methods 'maxsum' and 'maxsum_greedy', got {nr_candidates}"
    )]
    FewCandidates { nr_candidates: usize, top_n: usize },
    #[error(
        "nr_candidates must be at most {feasible} with top_n {top_n} and method 'maxsum', which compares every choice of \
         top_n candidates, got {nr_candidates}; or use 'maxsum_greedy'"
    )]
    ManyChoices { nr_candidates: usize, top_n: usize, feasible: usize },
    #[error("candidates must hold words that are no stop words, got '{0}'")]
    NoWord(String),
    #[error("candidates must have {min} to {max} words (ngram_min, ngram_max), got '{text}'")]
    Length { text: String, min: usize, max: usize },
}

/// A keyword of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyword {
    pub(crate) term: String,
    pub(crate) score: f64,
}
