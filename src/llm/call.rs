//! Settings of a call, checked.

use super::model::Model;
use super::task::Task;
use std::path::PathBuf;
use std::time::Duration;

/// Arguments of a call, checked and complete.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Models, at least one, each with an annotator's name of its own.
    pub models: Vec<Model>,
    pub task: Task,
    /// Whether answers come from the store alone.
    pub replay: bool,
    pub max_cost_usd: Option<f64>,
    pub max_error_ratio: f64,
    /// Deadline of one request.
    pub timeout: Duration,
    pub max_attempts: u32,
    pub max_text_chars: usize,
    pub store: PathBuf,
    /// Number of documents of the statement, where it could tell.
    pub documents: Option<u64>,
}
