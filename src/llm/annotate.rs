//! From texts to rows: what is stored is taken from the store, equal requests are joined, the rest is asked.
//!
//! One call gets the rows of one vector. All its requests are in flight together as far as the limits let them, and it
//! comes back when each has its outcome in the store. Calls of other threads, and other statements of the process,
//! that need the same answer at the same time wait for it instead of asking too (single flight).

use super::batch;
use super::error::LlmError;
use super::http;
use super::interrupt::{Active, GRACE};
use super::limits::{backoff, lock};
use super::prices::Usage;
use super::providers::{self, Reply};
use super::request::Hash;
use super::run::{Estimate, Halt, Run, engine, find};
use super::store::{Entry, Outcome, abstained};
use crate::hash::hexadecimal;
use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// One row: what a model said of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotated {
    pub annotator: String,
    pub requested_model: String,
    pub outcome: Outcome,
    /// It cost nothing here: it was in the store, or another row asked.
    pub cached: bool,
    /// NULL where there was nothing to ask.
    pub request_hash: Option<String>,
}

/// A request to be made.
#[derive(Debug, Clone)]
pub struct Job {
    pub hash: Hash,
    /// Which model of the run.
    pub model: usize,
    pub text: Arc<str>,
    /// Rows that wait for it.
    pub rows: u64,
}

/// What became of a job, and whether it was somebody else's.
pub type Done = (Hash, Outcome, bool);

/// The rows of `texts`, document by document, each with all models in their order.
pub fn annotate(run_id: &str, options: &str, texts: &[Option<&str>]) -> Result<Vec<Annotated>, LlmError> {
    let engine = engine()?;
    let mut interrupts = engine.interrupts.clone();
    interrupts.mark_unchanged();
    let run = find(run_id, options)?;
    if let Some(error) = run.halted() {
        return Err(error);
    }
    let asked = Asked::new(&run, texts);
    run.progress.begin();
    let _active = Active::begin();
    let outcomes = resolve(&run, &asked.jobs, interrupts);
    run.progress.end();
    let outcomes = outcomes?;
    // a small relation may never have the rows after which the ratio is watched
    match run.too_many_errors() {
        Some(halt) => {
            run.halt(halt);
            Err(run.halted().unwrap_or(LlmError::Interrupted { answered: 0 }))
        }
        None => Ok(asked.rows(&run, &outcomes)),
    }
}

/// The rows asked for, and the requests behind them.
struct Asked {
    rows: Vec<Result<Hash, String>>,
    jobs: Vec<Job>,
}

impl Asked {
    fn new(run: &Run, texts: &[Option<&str>]) -> Asked {
        let models = run.settings.models.len();
        let mut asked = Asked { rows: Vec::with_capacity(texts.len() * models), jobs: Vec::new() };
        let mut known: HashMap<Hash, usize> = HashMap::new();
        for text in texts {
            match readable(*text, run.settings.max_text_chars) {
                Err(problem) => asked.rows.extend((0..models).map(|_| Err(problem.clone()))),
                Ok(text) => {
                    let text: Arc<str> = Arc::from(text);
                    for (model, template) in run.templates.iter().enumerate() {
                        let hash = template.template.request_hash(&text);
                        asked.rows.push(Ok(hash));
                        match known.entry(hash) {
                            Slot::Occupied(at) => asked.jobs[*at.get()].rows += 1,
                            Slot::Vacant(free) => {
                                free.insert(asked.jobs.len());
                                asked.jobs.push(Job { hash, model, text: text.clone(), rows: 1 });
                            }
                        }
                    }
                }
            }
        }
        run.tally.asked.fetch_add(asked.rows.len() as u64, Ordering::Relaxed);
        for problem in asked.rows.iter().filter_map(|row| row.as_ref().err()) {
            count(run, 1, Some(problem.clone()));
        }
        asked
    }

    fn rows(self, run: &Run, outcomes: &HashMap<Hash, (Outcome, bool)>) -> Vec<Annotated> {
        let models = &run.settings.models;
        let mut seen = std::collections::HashSet::new();
        let row = |(at, asked): (usize, Result<Hash, String>)| {
            let model = &models[at % models.len()];
            let lost = || (failed(0, "no outcome".to_string()), false);
            let (outcome, cached, request_hash) = match asked {
                Err(problem) => (failed(0, problem), false, None),
                Ok(hash) => {
                    let (outcome, cached) = outcomes.get(&hash).cloned().unwrap_or_else(lost);
                    // of rows with the same request, one has paid
                    let cached = cached || !seen.insert(hash) && outcome.word.is_some();
                    (outcome, cached, Some(hexadecimal(&hash)))
                }
            };
            Annotated {
                annotator: model.annotator.clone(),
                requested_model: model.name.clone(),
                outcome,
                cached,
                request_hash,
            }
        };
        self.rows.into_iter().enumerate().map(row).collect()
    }
}

/// The text as it is sent, or why it is not.
pub fn readable(text: Option<&str>, max_chars: usize) -> Result<&str, String> {
    let Some(text) = text else { return Err("text is NULL".to_string()) };
    if text.trim().is_empty() {
        return Err("text is empty".to_string());
    }
    // counting is only needed where bytes leave a doubt
    if text.len() > max_chars {
        let chars = text.chars().count();
        if chars > max_chars {
            return Err(format!("text has {chars} characters, more than max_text_chars := {max_chars}"));
        }
    }
    Ok(text)
}

/// A failure without an answer.
pub fn failed(attempts: u32, error: String) -> Outcome {
    Outcome { error: Some(error), attempts, ..Outcome::default() }
}

/// Counts rows that came out, and ends the run when too many of them are failures.
fn count(run: &Run, rows: u64, failure: Option<String>) {
    let done = run.tally.done.fetch_add(rows, Ordering::Relaxed) + rows;
    let Some(last) = failure else { return };
    run.tally.failed.fetch_add(rows, Ordering::Relaxed);
    *lock(&run.last_failure) = last;
    // the first rows say little of the rest
    if done >= 20
        && let Some(halt) = run.too_many_errors()
    {
        run.halt(halt);
    }
}

type Key = (usize, Hash);
type Answers = watch::Receiver<Option<Outcome>>;

fn flights() -> &'static Mutex<HashMap<Key, Answers>> {
    static FLIGHTS: OnceLock<Mutex<HashMap<Key, Answers>>> = OnceLock::new();
    FLIGHTS.get_or_init(Mutex::default)
}

/// The right to ask: whoever else needs the answer waits until it is given, or the claim dropped.
#[derive(Debug)]
pub struct Claim {
    key: Key,
    answer: watch::Sender<Option<Outcome>>,
}

enum Claimed {
    Mine(Claim),
    Theirs(Answers),
}

impl Claimed {
    fn of(run: &Run, hash: Hash) -> Claimed {
        let key = (Arc::as_ptr(&run.store) as usize, hash);
        match lock(flights()).entry(key) {
            Slot::Occupied(entry) => Claimed::Theirs(entry.get().clone()),
            Slot::Vacant(entry) => {
                let (answer, answers) = watch::channel(None);
                entry.insert(answers);
                Claimed::Mine(Claim { key, answer })
            }
        }
    }
}

impl Claim {
    /// Hands the outcome, which is in the store by now, to all who wait.
    pub fn settle(self, outcome: &Outcome) {
        self.answer.send_replace(Some(outcome.clone()));
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(flights()).remove(&self.key);
    }
}

/// The outcomes of all jobs.
fn resolve(
    run: &Arc<Run>,
    jobs: &[Job],
    mut interrupts: watch::Receiver<u64>,
) -> Result<HashMap<Hash, (Outcome, bool)>, LlmError> {
    let mut outcomes = HashMap::with_capacity(jobs.len());
    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    for job in jobs {
        match Claimed::of(run, job.hash) {
            Claimed::Mine(claim) => mine.push((job, claim)),
            Claimed::Theirs(answers) => theirs.push((job, answers)),
        }
    }
    // only after the claim: an answer that came before it is found, one that comes after it is ours
    let hashes: Vec<Hash> = mine.iter().map(|(job, _)| job.hash).collect();
    let mut stored = run.store.lookup(&hashes)?;
    let mut missing = Vec::new();
    for (job, claim) in mine {
        match stored.remove(&job.hash) {
            Some(outcome) => {
                claim.settle(&outcome);
                finish(run, job, &outcome, true);
                outcomes.insert(job.hash, (outcome, true));
            }
            None => missing.push((job, claim)),
        }
    }
    if run.settings.replay
        && let Some((first, _)) = missing.first()
    {
        return Err(LlmError::NotStored {
            missing: missing.len(),
            asked: jobs.len(),
            store: run.store.path().display().to_string(),
            hash: hexadecimal(&first.hash),
            model: run.settings.models[first.model].full_name(),
        });
    }
    if let Some(budget) = &run.budget {
        for (job, _) in &missing {
            budget.count(&job.hash, run.store.failed_cost(&[job.hash])?);
        }
    }

    engine()?.runtime.block_on(async {
        let mut tasks: JoinSet<Result<Vec<Done>, LlmError>> = JoinSet::new();
        let mut batches: HashMap<usize, Vec<(Job, Claim)>> = HashMap::new();
        for (job, claim) in missing {
            if run.settings.models[job.model].batch {
                batches.entry(job.model).or_default().push((job.clone(), claim));
                continue;
            }
            tasks.spawn(outcome_of(run.clone(), job.clone(), Claimed::Mine(claim)));
        }
        for (model, jobs) in batches {
            tasks.spawn(outcomes_of(run.clone(), model, jobs));
        }
        for (job, answers) in theirs {
            tasks.spawn(outcome_of(run.clone(), job.clone(), Claimed::Theirs(answers)));
        }
        let mut deadline: Option<Instant> = None;
        let mut redraw = tokio::time::interval(Duration::from_millis(250));
        loop {
            tokio::select! {
                done = tasks.join_next() => match done {
                    None => break,
                    Some(Ok(Ok(done))) => {
                        outcomes.extend(done.into_iter().map(|(hash, outcome, cached)| (hash, (outcome, cached))));
                    }
                    // of several errors the first is the cause
                    Some(Ok(Err(problem))) => run.halt(Halt::Broken(problem.to_string())),
                    Some(Err(problem)) => run.halt(Halt::Broken(format!("llm_annotate: {problem}"))),
                },
                _ = next(&mut interrupts), if deadline.is_none() => {
                    run.halt(Halt::Interrupted);
                    deadline = Some(Instant::now() + GRACE);
                }
                () = run.until_halted(), if deadline.is_none() => deadline = Some(Instant::now() + GRACE),
                _ = tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => break,
                _ = redraw.tick() => run.progress.update(&run.tally),
            }
        }
        // what is still in flight after the grace ends here
        drop(tasks);
        run.halted().map_or(Ok(()), Err)
    })?;
    Ok(outcomes)
}

/// One request, counted as soon as it has its outcome.
async fn outcome_of(run: Arc<Run>, job: Job, claimed: Claimed) -> Result<Vec<Done>, LlmError> {
    let done = obtain(&run, &job, claimed).await?;
    finish(&run, &job, &done.1, done.2);
    Ok(vec![done])
}

/// A vector's requests to one model, by the provider's batches.
async fn outcomes_of(run: Arc<Run>, model: usize, jobs: Vec<(Job, Claim)>) -> Result<Vec<Done>, LlmError> {
    let asked: HashMap<Hash, Job> = jobs.iter().map(|(job, _)| (job.hash, job.clone())).collect();
    let done = batch::ask(&run, model, jobs).await?;
    for (hash, outcome, cached) in &done {
        if let Some(job) = asked.get(hash) {
            finish(&run, job, outcome, *cached);
        }
    }
    Ok(done)
}

/// The next interrupt; never, where there is no ear for it.
async fn next(interrupts: &mut watch::Receiver<u64>) {
    if interrupts.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Counts a job that has its outcome.
fn finish(run: &Run, job: &Job, outcome: &Outcome, cached: bool) {
    if cached {
        run.tally.stored.fetch_add(job.rows, Ordering::Relaxed);
    }
    if cached && let Some(budget) = &run.budget {
        budget.count(&job.hash, outcome.cost_usd.unwrap_or(0.0));
    }
    // an abstention is an answer
    count(run, job.rows, outcome.error.clone().filter(|_| outcome.word.is_none()));
}

/// The outcome of a job: asked for, or waited for where somebody else asks.
async fn obtain(run: &Run, job: &Job, mut claimed: Claimed) -> Result<Done, LlmError> {
    loop {
        match claimed {
            Claimed::Mine(claim) => {
                let outcome = ask(run, job).await?;
                claim.settle(&outcome);
                return Ok((job.hash, outcome, false));
            }
            Claimed::Theirs(mut answers) => {
                let waited =
                    run.unless_halted(async { answers.wait_for(Option::is_some).await.ok().and_then(|o| o.clone()) });
                if let Some(outcome) = waited.await? {
                    return Ok((job.hash, outcome, true));
                }
                // they gave up, or have just stored it
                claimed = Claimed::of(run, job.hash);
                if let Claimed::Mine(_) = claimed
                    && let Some(outcome) = run.store.lookup(&[job.hash])?.remove(&job.hash)
                {
                    if let Claimed::Mine(claim) = claimed {
                        claim.settle(&outcome);
                    }
                    return Ok((job.hash, outcome, true));
                }
            }
        }
    }
}

/// Asks until there is an answer, a failure that no repetition mends, or no attempt left.
async fn ask(run: &Run, job: &Job) -> Result<Outcome, LlmError> {
    if let Some(outcome) = run.failure(&job.hash) {
        return Ok(outcome);
    }
    let (model, lane) = (&run.settings.models[job.model], &run.lanes[job.model]);
    let client = engine()?.clients.of(model);
    let url = providers::url(model);
    let mut attempts = 0;
    loop {
        let estimate = lane.estimate(&run.settings.task.prompt, &job.text, model.max_tokens);
        if let Some(reason) = lane.stopped() {
            return Ok(failed(attempts, stopped(reason)));
        }
        let Some(permit) = run.unless_halted(lane.enter(&estimate)).await? else {
            return Ok(failed(attempts, "not sent".to_string()));
        };
        if let Some(reason) = lane.stopped() {
            lane.leave(permit, false);
            return Ok(failed(attempts, stopped(reason)));
        }
        let reserved = match admit(run, job.model, &estimate).await? {
            Ok(reserved) => reserved,
            Err(refused) => {
                lane.leave(permit, false);
                return Ok(failed(attempts, refused));
            }
        };
        attempts += 1;
        let body = providers::body(model, &run.settings.task, &job.text);
        let sent = http::send(model, client.post(&url).json(&body), run.settings.timeout).await;
        let read = sent.and_then(|response| match serde_json::from_str(&response.body) {
            Ok(json) => Ok((providers::reply(model.provider, &run.settings.task, &json), response)),
            Err(_) => Err(providers::Refusal {
                message: format!("response is not JSON: {}", super::schema::shorten(&response.body)),
                status: None,
                retry: true,
                wait: None,
                crowded: false,
                stop: false,
            }),
        });
        lane.leave(permit, read.is_ok());
        match read {
            Ok((mut reply, response)) => {
                if let Some(pause) = response.pause {
                    lane.hold(pause.min(providers::LONGEST_WAIT));
                }
                lane.learn(&estimate, &reply.usage);
                reply.request_id = response.request_id.or(reply.request_id);
                let outcome = outcome(run, job.model, reply, attempts, false);
                settle(run, reserved, outcome.cost_usd);
                keep_all(run, vec![(job, &outcome, Some(response.body))]).await?;
                return Ok(outcome);
            }
            Err(refusal) => {
                settle(run, reserved, None);
                if refusal.crowded {
                    lane.slow_down(refusal.wait);
                }
                if refusal.stop {
                    lane.stop(&refusal.message);
                }
                if !refusal.retry || attempts >= run.settings.max_attempts {
                    let outcome = failed(attempts, refusal.message);
                    keep_all(run, vec![(job, &outcome, None)]).await?;
                    return Ok(outcome);
                }
                let wait = refusal.wait.unwrap_or_else(|| backoff(attempts, &job.hash));
                run.unless_halted(tokio::time::sleep(wait)).await?;
            }
        }
    }
}

pub fn stopped(reason: &str) -> String {
    format!("not sent: the model was stopped by {reason}")
}

/// What a request may cost, in US dollars; 0 without a price.
pub fn price(run: &Run, model: usize, estimate: &Estimate) -> f64 {
    let model = &run.settings.models[model];
    let tokens = |guess: f64| Some(guess.ceil() as u64);
    let usage = Usage { input: tokens(estimate.input), output: tokens(estimate.output), ..Usage::default() };
    model.price.and_then(|price| price.cost(&usage, model.batch)).unwrap_or(0.0)
}

/// Sets money aside for a request, and waits for requests in flight where it is not sure that there is enough.
/// The inner error is a row's, the outer one the run's.
async fn admit(run: &Run, model: usize, estimate: &Estimate) -> Result<Result<f64, String>, LlmError> {
    let Some(budget) = &run.budget else { return Ok(Ok(0.0)) };
    let cost = price(run, model, estimate);
    loop {
        match budget.admit(cost) {
            Ok(Some(())) => return Ok(Ok(cost)),
            Ok(None) => run.unless_halted(tokio::time::sleep(Duration::from_millis(20))).await?,
            Err(refused) => return Ok(Err(refused)),
        }
    }
}

/// Books what a request cost.
pub fn settle(run: &Run, reserved: f64, cost: Option<f64>) {
    if let Some(budget) = &run.budget {
        budget.settle(reserved, cost.unwrap_or(0.0));
    }
    let micro = (cost.unwrap_or(0.0) * 1e6).round() as u64;
    run.tally.micro_usd.fetch_add(micro, Ordering::Relaxed);
}

/// What a reply means for its row.
pub fn outcome(run: &Run, model: usize, reply: Reply, attempts: u32, batch: bool) -> Outcome {
    let cost_usd = run.settings.models[model].price.and_then(|price| price.cost(&reply.usage, batch));
    let mut outcome = Outcome {
        model: reply.model,
        finish: reply.finish,
        request_id: reply.request_id,
        attempts,
        usage: reply.usage,
        cost_usd,
        batch,
        ..Outcome::default()
    };
    match reply.said {
        Ok(verdict) => {
            outcome.error = abstained(verdict.label, &verdict.word);
            outcome.label = verdict.label;
            outcome.word = Some(verdict.word);
            outcome.reason = verdict.reason;
        }
        Err(problem) => outcome.error = Some(problem),
    }
    outcome
}

/// Writes outcomes into the store, with what was received, and remembers failures for the rest of the run.
pub async fn keep_all(run: &Run, outcomes: Vec<(&Job, &Outcome, Option<String>)>) -> Result<(), LlmError> {
    let mut entries = Vec::with_capacity(outcomes.len());
    let mut answered = 0;
    for (job, outcome, response) in outcomes {
        if outcome.word.is_some() {
            answered += 1;
        } else {
            run.remember_failure(job.hash, outcome.clone());
        }
        entries.push(Entry {
            hash: job.hash,
            template: run.templates[job.model].clone(),
            text: job.text.clone(),
            outcome: outcome.clone(),
            response,
        });
    }
    run.store.write_all(entries).await?;
    run.tally.answered.fetch_add(answered, Ordering::Relaxed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_cannot_be_judged() {
        assert_eq!(readable(None, 9), Err("text is NULL".to_string()));
        assert_eq!(readable(Some(" \n"), 9), Err("text is empty".to_string()));
        // characters, not bytes
        assert_eq!(readable(Some("ééééé"), 5), Ok("ééééé"));
        assert_eq!(
            readable(Some("éééééé"), 5),
            Err("text has 6 characters, more than max_text_chars := 5".to_string())
        );
    }
}
