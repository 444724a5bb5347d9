//! A run: one execution of a statement, whose calls (one for each vector of rows, several at once) share limits,
//! a budget, and what has stopped.
//!
//! Limits live for each provider, base URL and model. A model that cannot be reached today (a daily quota, an unpaid
//! bill, a key that is refused) is stopped for the rest of the run. Runs are found by the id that the statement makes.

use super::error::LlmError;
use super::http::Clients;
use super::interrupt;
use super::limits::{Gate, Pacer, lock};
use super::model::{Model, Settings};
use super::prices::Usage;
use super::progress::{Progress, Tally};
use super::request::Hash;
use super::store::{Outcome, Store, TemplateRow};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, watch};

/// What the process has once: threads for waiting, connections to servers, an ear for Ctrl-C.
pub struct Engine {
    pub runtime: Runtime,
    pub clients: Clients,
    pub interrupts: watch::Receiver<u64>,
}

/// The engine, started at first use.
pub fn engine() -> Result<&'static Engine, LlmError> {
    static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();
    let start = || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("muster-llm")
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Engine { runtime, clients: Clients::new()?, interrupts: interrupt::watch() })
    };
    ENGINE.get_or_init(start).as_ref().map_err(|message| LlmError::Start { message: message.clone() })
}

/// Why a run ends before its rows are done.
#[derive(Debug, Clone)]
pub enum Halt {
    Interrupted,
    TooManyErrors {
        failed: u64,
        done: u64,
        last: String,
    },
    /// A call of the run failed, for the reason given.
    Broken(String),
}

pub struct Run {
    pub settings: Settings,
    pub store: Arc<Store>,
    /// One for each model, shared by models that are the same but for their parameters.
    pub lanes: Vec<Arc<Lane>>,
    pub templates: Vec<Arc<TemplateRow>>,
    pub tally: Tally,
    pub progress: Progress,
    pub budget: Option<Budget>,
    /// What failed in this run is not asked for again in it.
    failures: Mutex<HashMap<Hash, Outcome>>,
    pub last_failure: Mutex<String>,
    halted: watch::Sender<Option<Halt>>,
}

/// So many runs are remembered; the oldest are forgotten first.
const REMEMBERED: usize = 64;

/// The run of a statement, made at its first call.
pub fn find(id: &str, options: &str) -> Result<Arc<Run>, LlmError> {
    type Runs = VecDeque<(String, String, Arc<Run>)>;
    static RUNS: OnceLock<Mutex<Runs>> = OnceLock::new();
    let mut runs = lock(RUNS.get_or_init(Mutex::default));
    if let Some((_, _, run)) = runs.iter().find(|(known, json, _)| known == id && json == options) {
        return Ok(run.clone());
    }
    let run = Arc::new(Run::new(options)?);
    if runs.len() == REMEMBERED {
        runs.pop_front();
    }
    runs.push_back((id.to_string(), options.to_string(), run.clone()));
    Ok(run)
}

impl Run {
    fn new(options: &str) -> Result<Run, LlmError> {
        let (settings, rows) = Settings::parse("llm_annotate", options, true)?;
        let store = super::store::open(&settings.store)?;
        let mut known: HashMap<_, Arc<Lane>> = HashMap::new();
        let lane = |model: &Model| {
            let key = (model.provider, model.base_url.clone(), model.name.clone());
            known.entry(key).or_insert_with(|| Arc::new(Lane::new(model))).clone()
        };
        let lanes = settings.models.iter().map(lane).collect();
        let row = |(model, template): (&Model, &super::request::Template)| {
            Arc::new(TemplateRow {
                template: template.clone(),
                provider: model.provider.name().to_string(),
                base_url: model.base_url.clone(),
                requested_model: model.name.clone(),
            })
        };
        let templates = settings.models.iter().zip(&settings.templates).map(row).collect();
        let total = rows.map(|rows| rows * settings.models.len() as u64);
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

    /// Ends the run: nothing more is sent.
    pub fn halt(&self, halt: Halt) {
        self.halted.send_if_modified(|state| {
            let first = state.is_none();
            if first {
                *state = Some(halt);
            }
            first
        });
    }

    /// More rows failed than the user allows.
    pub fn too_many_errors(&self) -> Option<Halt> {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let (done, failed) = (get(&self.tally.done), get(&self.tally.failed));
        let many = failed as f64 > self.settings.max_error_ratio * done as f64;
        many.then(|| Halt::TooManyErrors { failed, done, last: lock(&self.last_failure).clone() })
    }

    /// The error of a run that was ended.
    pub fn halted(&self) -> Option<LlmError> {
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
    pub async fn until_halted(&self) {
        let mut halted = self.halted.subscribe();
        drop(halted.wait_for(Option::is_some).await);
    }

    /// Waits for `future`, or for the end of the run.
    pub async fn unless_halted<T>(&self, future: impl Future<Output = T>) -> Result<T, LlmError> {
        tokio::select! {
            biased;
            () = self.until_halted() => Err(self.halted().unwrap_or(LlmError::Interrupted { answered: 0 })),
            value = future => Ok(value),
        }
    }

    pub fn failure(&self, hash: &Hash) -> Option<Outcome> {
        lock(&self.failures).get(hash).cloned()
    }

    pub fn remember_failure(&self, hash: Hash, outcome: Outcome) {
        lock(&self.failures).insert(hash, outcome);
    }
}

/// The road to one model: its limits, and what was learned of it.
#[derive(Debug)]
pub struct Lane {
    gate: Gate,
    requests: Option<Pacer>,
    tokens: Option<Pacer>,
    held: Mutex<Option<Instant>>,
    stopped: OnceLock<String>,
    learned: Mutex<Learned>,
}

/// Tokens of answers so far, against what was guessed.
#[derive(Debug, Default)]
struct Learned {
    guessed_input: f64,
    input: f64,
    output: f64,
    answers: f64,
}

/// Guesses before anything is known: four characters a token, and a verdict with two sentences.
const CHARS_PER_TOKEN: f64 = 4.0;
const OUTPUT_TOKENS: f64 = 120.0;

/// Tokens that a request may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// By the count of characters alone.
    pub plain_input: f64,
    pub input: f64,
    pub output: f64,
}

/// A guess without experience.
pub fn guess(prompt: &str, text: &str) -> Estimate {
    let input = (prompt.chars().count() + text.chars().count()) as f64 / CHARS_PER_TOKEN + 20.0;
    Estimate { plain_input: input, input, output: OUTPUT_TOKENS }
}

impl Lane {
    fn new(model: &Model) -> Lane {
        Lane {
            gate: Gate::new(model.concurrency),
            requests: model.requests_per_minute.map(Pacer::new),
            tokens: model.tokens_per_minute.map(Pacer::new),
            held: Mutex::default(),
            stopped: OnceLock::new(),
            learned: Mutex::default(),
        }
    }

    /// Waits until a request may go out.
    pub async fn enter(&self, estimate: &Estimate) -> Option<OwnedSemaphorePermit> {
        let permit = self.gate.enter().await?;
        loop {
            while let Some(until) = self.held_until() {
                tokio::time::sleep_until(until.into()).await;
            }
            let now = Instant::now();
            let by_requests = self.requests.as_ref().map(|pacer| pacer.reserve(1.0, now));
            let by_tokens = self.tokens.as_ref().map(|pacer| pacer.reserve(estimate.input + estimate.output, now));
            let slot = by_requests.max(by_tokens).unwrap_or(now);
            if slot > now {
                tokio::time::sleep_until(slot.into()).await;
            }
            // a wait that began meanwhile makes the slot void
            if self.held_until().is_none() {
                return Some(permit);
            }
        }
    }

    pub fn leave(&self, permit: OwnedSemaphorePermit, success: bool) {
        self.gate.leave(permit, success);
    }

    /// The server is busy: fewer at once, and none before it says.
    pub fn slow_down(&self, wait: Option<Duration>) {
        self.gate.narrow(Instant::now());
        if let Some(wait) = wait {
            self.hold(wait);
        }
    }

    /// Nothing goes out for so long.
    pub fn hold(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut held = lock(&self.held);
        *held = Some(held.map_or(until, |known| known.max(until)));
    }

    fn held_until(&self) -> Option<Instant> {
        let mut held = lock(&self.held);
        if held.is_some_and(|until| until <= Instant::now()) {
            *held = None;
        }
        *held
    }

    /// Nothing goes out any more in this run; the first reason stays.
    pub fn stop(&self, reason: &str) {
        let _ = self.stopped.set(reason.to_string());
    }

    pub fn stopped(&self) -> Option<&str> {
        self.stopped.get().map(String::as_str)
    }

    /// What a request will take, by the requests before it.
    pub fn estimate(&self, prompt: &str, text: &str, max_tokens: Option<u64>) -> Estimate {
        let mut estimate = guess(prompt, text);
        let learned = lock(&self.learned);
        if learned.guessed_input > 0.0 && learned.answers > 0.0 {
            estimate.input *= learned.input / learned.guessed_input;
            estimate.output = learned.output / learned.answers;
        }
        if let Some(cap) = max_tokens {
            estimate.output = estimate.output.min(cap as f64);
        }
        estimate
    }

    /// Learns what a request took.
    pub fn learn(&self, estimate: &Estimate, usage: &Usage) {
        let (Some(input), Some(output)) = (usage.input, usage.output) else { return };
        let (input, output) = (input as f64, output as f64);
        if let Some(pacer) = &self.tokens {
            pacer.correct(input + output - estimate.input - estimate.output);
        }
        let mut learned = lock(&self.learned);
        learned.guessed_input += estimate.plain_input;
        learned.input += input;
        learned.output += output;
        learned.answers += 1.0;
    }
}

/// What the answers of a statement may cost together, those in the store included.
#[derive(Debug)]
pub struct Budget {
    limit: f64,
    state: Mutex<Spending>,
}

#[derive(Debug, Default)]
struct Spending {
    spent: f64,
    /// For requests in flight.
    reserved: f64,
    /// Requests whose cost from the store has been counted.
    counted: HashSet<Hash>,
}

impl Budget {
    fn new(limit: f64) -> Budget {
        Budget { limit, state: Mutex::default() }
    }

    /// Counts what a stored answer, or failures before, cost.
    pub fn count(&self, hash: &Hash, cost: f64) {
        let mut state = lock(&self.state);
        if state.counted.insert(*hash) {
            state.spent += cost;
        }
    }

    /// Sets `cost` aside, `None` where requests in flight must first come back; the error is that of the row.
    pub fn admit(&self, cost: f64) -> Result<Option<()>, String> {
        let mut state = lock(&self.state);
        if state.spent + cost > self.limit {
            return Err(format!(
                "not sent: max_cost_usd := {} is reached, {:.6} USD are spent; run again with more to go on",
                self.limit, state.spent
            ));
        }
        if state.spent + state.reserved + cost > self.limit {
            return Ok(None);
        }
        state.reserved += cost;
        Ok(Some(()))
    }

    /// The error of a row for which there may not be enough.
    pub fn reserved(&self) -> String {
        let state = lock(&self.state);
        format!(
            "not sent: max_cost_usd := {} may be reached, {:.6} USD are spent and {:.6} USD set aside for requests in flight",
            self.limit, state.spent, state.reserved
        )
    }

    /// Turns what was set aside into what was spent.
    pub fn settle(&self, reserved: f64, spent: f64) {
        let mut state = lock(&self.state);
        state.reserved -= reserved;
        state.spent += spent;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::model::Provider;

    #[test]
    fn estimates_learn() {
        let lane = Lane::new(&Model::new(Provider::OpenAi));
        let (prompt, text) = ("p".repeat(400), "t".repeat(3520));
        let first = lane.estimate(&prompt, &text, None);
        assert_eq!((first.input, first.output), (1000.0, OUTPUT_TOKENS));
        lane.learn(&first, &Usage { input: Some(1500), output: Some(40), ..Usage::default() });
        let second = lane.estimate(&prompt, &text, None);
        assert_eq!((second.input, second.output, second.plain_input), (1500.0, 40.0, 1000.0));
        assert_eq!(lane.estimate(&prompt, &text, Some(10)).output, 10.0);
    }

    #[test]
    fn a_budget_is_not_overdrawn() {
        let budget = Budget::new(1.0);
        let hash = [7; 32];
        budget.count(&hash, 0.25);
        budget.count(&hash, 0.25);
        assert_eq!(budget.admit(0.5), Ok(Some(())));
        // room only if the one in flight turns out cheaper
        assert_eq!(budget.admit(0.5), Ok(None));
        budget.settle(0.5, 0.25);
        assert_eq!(budget.admit(0.5), Ok(Some(())));
        budget.settle(0.5, 0.5);
        let refused = budget.admit(0.125).unwrap_err();
        assert!(refused.contains("max_cost_usd := 1 is reached, 1.000000 USD"), "{refused}");
    }

    #[test]
    fn a_stop_keeps_its_first_reason() {
        let lane = Lane::new(&Model::new(Provider::Google));
        assert_eq!(lane.stopped(), None);
        lane.stop("daily quota");
        lane.stop("later");
        assert_eq!(lane.stopped(), Some("daily quota"));
    }
}
