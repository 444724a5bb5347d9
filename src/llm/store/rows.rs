//! Rows that go into the store, and that come out.

use super::claims::Claim;
use crate::hash::Hash;
use crate::llm::job::Outcome;
use crate::llm::request::Template;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A template with the columns that name its model.
#[derive(Debug)]
pub(crate) struct TemplateRow {
    pub template: Template,
    pub provider: String,
    pub base_url: String,
    pub requested_model: String,
}

/// An outcome on its way into the store.
#[derive(Debug)]
pub(crate) struct Entry {
    pub hash: Hash,
    pub template: Arc<TemplateRow>,
    pub text: Arc<str>,
    pub outcome: Outcome,
    pub response: Option<String>,
    pub at_ms: i64,
    /// Claim of the request, which is given back when the outcome is on disk.
    #[expect(dead_code, reason = "held until it is dropped")]
    pub claim: Option<Claim>,
}

/// A batch that was submitted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Batch {
    pub id: String,
    pub provider: String,
    pub base_url: String,
    pub model: String,
    pub requests: Vec<Hash>,
}

/// One thing to be written.
#[derive(Debug)]
pub(crate) enum Write {
    Outcome(Box<Entry>),
    BatchOpened { batch: Box<Batch>, at_ms: i64 },
    BatchClosed { batch: Box<Batch>, at_ms: i64 },
}

/// One answer of `llm_store`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub request_hash: String,
    pub provider: String,
    pub base_url: String,
    pub requested_model: String,
    pub answered_ms: i64,
    pub request: String,
    pub response: String,
    pub outcome: Outcome,
}

/// One line of `llm_usage`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spent {
    pub provider: String,
    pub base_url: String,
    pub requested_model: String,
    pub model: Option<String>,
    pub answers: i64,
    pub failures: i64,
    pub input_tokens: Option<u64>,
    pub cached_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub reasoning_tokens: Option<u64>,
    pub cost_usd: Option<f64>,
    pub first_ms: i64,
    pub last_ms: i64,
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
