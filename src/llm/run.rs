//! A run: one execution of a statement, whose calls (one for each vector of rows, several at once) share limits,
//! a budget, and what has stopped.
//!
//! Limits live for each provider, base URL and model. A model that cannot be reached today (a daily quota, an unpaid
//! bill, a key that is refused) is stopped for the rest of the run. Runs are found by the id that the statement makes.

use super::budget::Budget;
use super::call::Settings;
use super::error::LlmError;
use super::job::Outcome;
use super::lane::Lane;
use super::model::Model;
use super::progress::{Progress, Tally};
use super::request::Template;
use super::store::{self, Store, TemplateRow};
use super::sync::lock;
use crate::hash::Hash;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use tokio::sync::watch;

/// Reason why a run ends before its rows are done.
#[derive(Debug, Clone)]
pub(crate) enum Halt {
    Interrupted,
    TooManyErrors {
        failed: u64,
        done: u64,
        last: String,
    },
    /// A call of the run failed, for the reason given.
    Broken(String),
}

/// State that the calls of one statement share.
pub(crate) struct Run {
    pub settings: Settings,
    pub store: Arc<Store>,
    /// Lane of each model, shared by models that are the same but for their parameters.
    pub lanes: Vec<Arc<Lane>>,
    pub templates: Vec<Arc<TemplateRow>>,
    pub tally: Tally,
    pub progress: Progress,
    pub budget: Option<Budget>,
    /// Failures of this run, which are not asked for again in it.
    failures: Mutex<HashMap<Hash, Outcome>>,
    pub last_failure: Mutex<String>,
    halted: watch::Sender<Option<Halt>>,
}

/// Number of runs that are remembered; the oldest are forgotten first.
const REMEMBERED: usize = 64;

/// The run of a statement, made from `settings` at its first call. `key` stands for the settings: the same id with
/// another key is another run.
///
/// # Errors
///
/// That of `settings`, and where the store cannot be opened.
pub(crate) fn find<E: From<LlmError>>(
    id: &str,
    key: &str,
    settings: impl FnOnce() -> Result<Settings, E>,
) -> Result<Arc<Run>, E> {
    type Runs = VecDeque<(String, String, Arc<Run>)>;
    static RUNS: OnceLock<Mutex<Runs>> = OnceLock::new();
    let mut runs = lock(RUNS.get_or_init(Mutex::default));
    if let Some((_, _, run)) = runs.iter().find(|(run_id, run_key, _)| run_id == id && run_key == key) {
        return Ok(run.clone());
    }
    let run = Arc::new(Run::new(settings()?)?);
    if runs.len() == REMEMBERED {
        runs.pop_front();
    }
    runs.push_back((id.to_string(), key.to_string(), run.clone()));
    Ok(run)
}

impl Run {
    fn new(settings: Settings) -> Result<Run, LlmError> {
        let store = store::open(&settings.store)?;
        let mut known: HashMap<_, Arc<Lane>> = HashMap::new();
        let lane = |model: &Model| {
            let key = (model.provider.facts().name, model.base_url.clone(), model.name.clone());
            known.entry(key).or_insert_with(|| Arc::new(Lane::new(model))).clone()
        };
        let lanes = settings.models.iter().map(lane).collect();
        let template = |model: &Model| {
            Arc::new(TemplateRow {
                template: Template::new(model, &settings.task),
                provider: model.provider.facts().name.to_string(),
                base_url: model.base_url.clone(),
                requested_model: model.name.clone(),
            })
        };
        let templates = settings.models.iter().map(template).collect();
        let total = settings.documents.map(|documents| documents * settings.models.len() as u64);
        Ok(Run {
            budget: settings.max_cost_usd.map(Budget::new),
            settings,
            store,
            lanes,
            templates,
            tally: Tally::new(total),
            progress: Progress::of_environment(),
            failures: Mutex::default(),
            last_failure: Mutex::default(),
            halted: watch::Sender::new(None),
        })
    }

    /// A number that tells the store from others of the process.
    pub(crate) fn store_number(&self) -> usize {
        Arc::as_ptr(&self.store) as usize
    }

    /// Ends the run: nothing more is sent.
    pub(crate) fn halt(&self, halt: Halt) {
        self.halted.send_if_modified(|state| {
            let first = state.is_none();
            if first {
                *state = Some(halt);
            }
            first
        });
    }

    /// Reason to end the run where more rows failed than the user allows.
    pub(crate) fn too_many_errors(&self) -> Option<Halt> {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let (done, failed) = (get(&self.tally.done), get(&self.tally.failed));
        let many = failed as f64 > self.settings.max_error_ratio * done as f64;
        many.then(|| Halt::TooManyErrors { failed, done, last: lock(&self.last_failure).clone() })
    }

    /// Error of a run that was ended.
    pub(crate) fn halted(&self) -> Option<LlmError> {
        let halt = self.halted.borrow().clone()?;
        let answered = self.tally.answered.load(Ordering::Relaxed);
        Some(match halt {
            Halt::Interrupted => LlmError::Interrupted { answered },
            Halt::Broken(message) => LlmError::Broken { message },
            Halt::TooManyErrors { failed, done, last } => {
                LlmError::TooManyErrors { failed, done, ratio: self.settings.max_error_ratio, last }
            }
        })
    }

    /// Waits for the end of the run. What the channel shows is let go at once: held any longer, it would keep whoever
    /// ends the run waiting.
    pub(crate) async fn until_halted(&self) {
        let mut halted = self.halted.subscribe();
        drop(halted.wait_for(Option::is_some).await);
    }

    /// Waits for `future`, or for the end of the run.
    pub(crate) async fn unless_halted<T>(&self, future: impl Future<Output = T>) -> Result<T, LlmError> {
        tokio::select! {
            biased;
            () = self.until_halted() => Err(self.halted().unwrap_or(LlmError::Interrupted { answered: 0 })),
            value = future => Ok(value),
        }
    }

    pub(crate) fn failure(&self, hash: &Hash) -> Option<Outcome> {
        lock(&self.failures).get(hash).cloned()
    }

    pub(crate) fn remember_failure(&self, hash: Hash, outcome: Outcome) {
        lock(&self.failures).insert(hash, outcome);
    }
}
