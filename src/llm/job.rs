//! One request to be made, and its outcome.

use super::prices::Usage;
use crate::hash::Hash;
use std::sync::Arc;

/// A request to be made.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub hash: Hash,
    /// Position of the model in the run.
    pub model: usize,
    pub text: Arc<str>,
    /// Number of rows that wait for it.
    pub rows: u64,
}

/// Outcome of a request: an answer, or a failure where `error` says why.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Outcome {
    pub label: Option<bool>,
    /// Probability that the answer is yes, where it was asked for and is known.
    pub p_yes: Option<f64>,
    /// The word of the schema that was answered.
    pub word: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    pub reason: Option<String>,
    pub error: Option<String>,
    pub finish: Option<String>,
    pub request_id: Option<String>,
    pub attempts: u32,
    pub usage: Usage,
    pub cost_usd: Option<f64>,
    pub batch: bool,
}

impl Outcome {
    /// A failure after `attempts` requests.
    pub(crate) fn failed(attempts: u32, error: String) -> Outcome {
        Outcome { error: Some(error), attempts, ..Outcome::default() }
    }
}

/// Error of a request that is not sent, since its model was stopped.
pub(crate) fn stopped(reason: &str) -> String {
    format!("not sent: the model was stopped by {reason}")
}

/// Outcome of a job.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    pub hash: Hash,
    pub outcome: Outcome,
    /// Whether it cost nothing here: it was in the store, or another call asked.
    pub cached: bool,
}

/// Error of an answer that gives no label.
pub(crate) fn abstained(label: Option<bool>, word: &str) -> Option<String> {
    label.is_none().then(|| format!("abstained: {word}"))
}
