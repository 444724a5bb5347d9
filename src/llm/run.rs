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

/// Runs of the process. DuckDB does not say when a statement ends, so a run in whose call nobody is may be over or not.
#[derive(Default)]
struct Runs(VecDeque<Known>);

/// A run, by the id of its statement and the settings.
struct Known {
    id: String,
    key: String,
    run: Arc<Run>,
}

impl Runs {
    /// Number of runs at rest that are remembered after all their rows came out; more would come only where a plan asks twice.
    const ENDED: usize = 64;

    /// Number of other runs at rest that are remembered: statements that were given up, and those whose reader takes time.
    const RESTING: usize = 4096;

    /// The run of a statement, which is the last one used from now on.
    fn find(&mut self, id: &str, key: &str) -> Option<Arc<Run>> {
        let at = self.0.iter().position(|known| known.id == id && known.key == key)?;
        let known = self.0.remove(at)?;
        let run = known.run.clone();
        self.0.push_back(known);
        Some(run)
    }

    fn add(&mut self, id: &str, key: &str, run: &Arc<Run>) {
        self.0.push_back(Known { id: id.to_string(), key: key.to_string(), run: run.clone() });
        // the last one used is looked at first
        let (mut ended, mut resting) = (0, 0);
        let mut known = std::mem::take(&mut self.0);
        while let Some(one) = known.pop_back() {
            let (count, most) = match one.run.has_ended() {
                true => (&mut ended, Runs::ENDED),
                false => (&mut resting, Runs::RESTING),
            };
            // whoever is in a call has the run too
            let in_call = Arc::strong_count(&one.run) > 1;
            *count += usize::from(!in_call);
            if in_call || *count <= most {
                self.0.push_front(one);
            }
        }
    }
}

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
    static RUNS: OnceLock<Mutex<Runs>> = OnceLock::new();
    let mut runs = lock(RUNS.get_or_init(Mutex::default));
    if let Some(run) = runs.find(id, key) {
        return Ok(run);
    }
    let run = Arc::new(Run::new(settings()?)?);
    runs.add(id, key, &run);
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

    /// Whether all rows of the statement have come out, as far as it could tell their number.
    fn has_ended(&self) -> bool {
        self.tally.total.is_some_and(|total| self.tally.done.load(Ordering::Relaxed) >= total)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::providers::openai::OpenAi;
    use crate::llm::task::Task;
    use std::time::Duration;

    /// Runs of statements with a document each, which share one store.
    fn run(folder: &std::path::Path) -> Arc<Run> {
        let settings = Settings {
            models: vec![Model::test(&OpenAi, "m")],
            task: Task::default(),
            replay: false,
            max_cost_usd: Some(1.0),
            max_error_ratio: 1.0,
            timeout: Duration::from_secs(1),
            max_attempts: 1,
            max_text_chars: 10,
            store: folder.join("store.sqlite"),
            documents: Some(1),
        };
        Arc::new(Run::new(settings).unwrap())
    }

    #[test]
    fn a_run_that_may_go_on_is_not_forgotten() {
        // nothing is asked there, so nothing is made
        let folder = std::env::temp_dir().join(format!("muster-runs-{}", std::process::id()));
        let mut runs = Runs::default();
        let paused = run(&folder);
        runs.add("paused", "k", &paused);
        let called = run(&folder);
        called.tally.done.store(1, Ordering::Relaxed);
        runs.add("called", "k", &called);
        // what is known of it, without being in its call
        let paused = Arc::downgrade(&paused);
        for i in 0..500 {
            let ended = run(&folder);
            ended.tally.done.store(1, Ordering::Relaxed);
            runs.add(&i.to_string(), "k", &ended);
        }
        assert!(Arc::ptr_eq(&runs.find("paused", "k").unwrap(), &paused.upgrade().unwrap()));
        assert!(Arc::ptr_eq(&runs.find("called", "k").unwrap(), &called));
        assert!(runs.find("paused", "other").is_none());
        // the latest of those that have ended, and these two
        let last = run(&folder);
        runs.add("last", "k", &last);
        assert!(runs.find("0", "k").is_none() && runs.find("499", "k").is_some());
        assert_eq!(runs.0.len(), Runs::ENDED + 3);
    }
}
