//! From texts to rows: what is stored is taken from the store, equal requests are joined, the rest is asked.
//!
//! One call gets the rows of one vector. All its requests are in flight together as far as the limits let them, and it
//! comes back when each has its outcome in the store.

use super::ask::ask;
use super::batch;
use super::engine::engine;
use super::error::LlmError;
use super::flight::{Claim, Claimed};
use super::job::{Done, Job, Outcome};
use super::ledger;
use super::run::{Halt, Run};
use super::task::readable;
use crate::hash::{Hash, hexadecimal};
use crate::interrupt;
use std::borrow::Borrow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Time for which requests in flight are still waited for after an interrupt.
const GRACE: Duration = Duration::from_millis(1200);

/// One row: the verdict of a model on a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Annotated {
    pub annotator: String,
    pub requested_model: String,
    pub outcome: Outcome,
    /// Whether it cost nothing here: it was in the store, or another row asked.
    pub cached: bool,
    /// `None` where there was nothing to ask.
    pub request_hash: Option<String>,
}

/// The rows of `texts`, document by document, each with all models in their order.
///
/// # Errors
///
/// Where the run ends early, by Ctrl-C, by too many failures or since answers cannot be stored.
pub(crate) fn annotate(run: &Arc<Run>, texts: &[Option<&str>]) -> Result<Vec<Annotated>, LlmError> {
    if let Some(error) = run.halted() {
        return Err(error);
    }
    let asked = Asked::new(run, texts);
    run.progress.begin();
    let outcomes = outcomes(run, &asked.jobs);
    run.progress.end();
    let outcomes = outcomes?;
    // a small relation may never have the rows after which the ratio is watched
    match run.too_many_errors() {
        Some(halt) => {
            run.halt(halt);
            Err(run.halted().unwrap_or(LlmError::Interrupted { answered: 0 }))
        }
        None => Ok(asked.rows(run, outcomes)),
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
                            Entry::Occupied(at) => asked.jobs[*at.get()].rows += 1,
                            Entry::Vacant(free) => {
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
            ledger::count_rows(run, 1, Some(problem.clone()));
        }
        asked
    }

    fn rows(self, run: &Run, mut outcomes: HashMap<Hash, Done>) -> Vec<Annotated> {
        let models = &run.settings.models;
        let mut seen = HashSet::new();
        // mostly no two rows have the same request
        let all_differ = self.jobs.iter().all(|job| job.rows == 1);
        let row = |(at, asked): (usize, Result<Hash, String>)| {
            let model = &models[at % models.len()];
            let (outcome, cached, request_hash) = match asked {
                Err(problem) => (Outcome::failed(0, problem), false, None),
                Ok(hash) => {
                    let done = if all_differ { outcomes.remove(&hash) } else { outcomes.get(&hash).cloned() };
                    let (outcome, cached) = match done {
                        Some(done) => (done.outcome, done.cached),
                        None => (Outcome::failed(0, "no outcome".to_string()), false),
                    };
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

/// The outcomes of all jobs.
fn outcomes(run: &Arc<Run>, jobs: &[Job]) -> Result<HashMap<Hash, Done>, LlmError> {
    let mut outcomes = HashMap::with_capacity(jobs.len());
    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    // an answer that is stored stays so, and needs no claim
    let hashes: Vec<Hash> = jobs.iter().map(|job| job.hash).collect();
    let mut answers = run.store.lookup(&hashes)?;
    for job in jobs {
        if let Some(outcome) = answers.remove(&job.hash) {
            ledger::count(run, job, &outcome, true);
            outcomes.insert(job.hash, Done { hash: job.hash, outcome, cached: true });
            continue;
        }
        match Claimed::of(run.store_number(), job.hash) {
            Claimed::Mine(claim) => mine.push((job, claim)),
            Claimed::Theirs(answers) => theirs.push((job, answers)),
        }
    }
    // unless it was stored meanwhile
    let (stored, missing) = if mine.is_empty() { Default::default() } else { stored(run, mine)? };
    for (job, done) in stored {
        ledger::count(run, job, &done.outcome, true);
        outcomes.insert(done.hash, done);
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
    if !missing.is_empty() || !theirs.is_empty() {
        run.store.prepare()?;
    }
    if let Some(budget) = &run.budget {
        let hashes: Vec<Hash> = missing.iter().map(|(job, _)| job.hash).collect();
        let failed = run.store.failed_costs(&hashes)?;
        for hash in &hashes {
            budget.count(hash, failed.get(hash).copied().unwrap_or(0.0));
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
                        outcomes.extend(done.into_iter().map(|done| (done.hash, done)));
                    }
                    // of several errors the first is the cause
                    Some(Ok(Err(problem))) => run.halt(Halt::Broken(problem.to_string())),
                    Some(Err(problem)) => run.halt(Halt::Broken(problem.to_string())),
                },
                () = interrupted(), if deadline.is_none() => {
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

/// Requests with their answers, and requests with their claims.
type Split<J> = (Vec<(J, Done)>, Vec<(J, Claim)>);

/// Claimed requests whose answer is in the store, and those that are to be asked; to be looked up only after the claim, so that
/// an answer that came before it is found, and one that comes after it is the claim's own.
fn stored<J: Borrow<Job>>(run: &Run, claimed: Vec<(J, Claim)>) -> Result<Split<J>, LlmError> {
    let hashes: Vec<Hash> = claimed.iter().map(|(job, _)| job.borrow().hash).collect();
    let mut answers = run.store.lookup(&hashes)?;
    let (mut stored, mut missing) = (Vec::new(), Vec::new());
    for (job, claim) in claimed {
        let hash = job.borrow().hash;
        match answers.remove(&hash) {
            Some(outcome) => {
                claim.hand_out(&outcome);
                stored.push((job, Done { hash, outcome, cached: true }));
            }
            None => missing.push((job, claim)),
        }
    }
    Ok((stored, missing))
}

/// One request, counted as soon as it has its outcome.
async fn outcome_of(run: Arc<Run>, job: Job, claimed: Claimed) -> Result<Vec<Done>, LlmError> {
    let done = obtain(&run, &job, claimed).await?;
    ledger::count(&run, &job, &done.outcome, done.cached);
    Ok(vec![done])
}

/// Time between two looks whether another process has read its batch.
const LOOK: Duration = Duration::from_millis(250);

/// A vector's requests to one model, by the provider's batches. Those that another process has in a batch are waited
/// for when the others have their answers.
async fn outcomes_of(run: Arc<Run>, model: usize, jobs: Vec<(Job, Claim)>) -> Result<Vec<Done>, LlmError> {
    let asked: HashMap<Hash, Job> = jobs.iter().map(|(job, _)| (job.hash, job.clone())).collect();
    let mut done = Vec::with_capacity(jobs.len());
    let mut waiting = jobs;
    run.store.written(asked.keys()).await?;
    while !waiting.is_empty() {
        let (mut mine, mut theirs, mut claims) = (Vec::new(), Vec::new(), Vec::new());
        for (job, claim) in waiting {
            match run.store.claim(&job.hash)? {
                Some(among_processes) => {
                    claims.push(among_processes);
                    mine.push((job, claim));
                }
                None => theirs.push((job, claim)),
            }
        }
        let (stored, missing) = stored(&run, mine)?;
        done.extend(stored.into_iter().map(|(_, done)| done));
        if !missing.is_empty() {
            done.extend(batch::ask(&run, model, missing).await?);
        }
        drop(claims);
        if !theirs.is_empty() {
            run.unless_halted(tokio::time::sleep(LOOK)).await?;
        }
        waiting = theirs;
    }
    for done in &done {
        if let Some(job) = asked.get(&done.hash) {
            ledger::count(&run, job, &done.outcome, done.cached);
        }
    }
    Ok(done)
}

/// Waits for an interrupt; on the thread of the call.
async fn interrupted() {
    while !interrupt::came() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The outcome of a job: asked for, or waited for where somebody else asks.
async fn obtain(run: &Run, job: &Job, mut claimed: Claimed) -> Result<Done, LlmError> {
    loop {
        match claimed {
            Claimed::Mine(claim) => {
                let done = ask(run, job).await?;
                claim.hand_out(&done.outcome);
                return Ok(done);
            }
            Claimed::Theirs(mut answers) => {
                let waited =
                    run.unless_halted(async { answers.wait_for(Option::is_some).await.ok().and_then(|o| o.clone()) });
                if let Some(outcome) = waited.await? {
                    return Ok(Done { hash: job.hash, outcome, cached: true });
                }
                // they gave up, or have just stored it
                claimed = Claimed::of(run.store_number(), job.hash);
                if let Claimed::Mine(_) = claimed
                    && let Some(outcome) = run.store.lookup(&[job.hash])?.remove(&job.hash)
                {
                    if let Claimed::Mine(claim) = claimed {
                        claim.hand_out(&outcome);
                    }
                    return Ok(Done { hash: job.hash, outcome, cached: true });
                }
            }
        }
    }
}
