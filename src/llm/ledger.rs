//! The books of a run: the price of a request, the money set aside for it, its outcome in the store, and the counts.

use super::error::LlmError;
use super::job::{Job, Outcome, abstained};
use super::lane::Estimate;
use super::model::Model;
use super::prices::Usage;
use super::reply::Reply;
use super::run::Run;
use super::store::{Claim, Entry, now_ms};
use super::sync::lock;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Cost of a request in US dollars, by an estimate of its tokens; `None` without a price.
pub(crate) fn price(model: &Model, estimate: &Estimate) -> Option<f64> {
    let tokens = |guess: f64| Some(guess.ceil() as u64);
    let usage = Usage { input: tokens(estimate.input), output: tokens(estimate.output), ..Usage::default() };
    model.price.and_then(|price| price.cost(&usage, model.batch))
}

/// Sets money aside for a request, and waits for requests in flight where it is not sure that there is enough; the sum.
///
/// # Errors
///
/// The inner error is a row's, the outer one the run's.
pub(crate) async fn admit(run: &Run, model: &Model, estimate: &Estimate) -> Result<Result<f64, String>, LlmError> {
    let Some(budget) = &run.budget else { return Ok(Ok(0.0)) };
    let cost = price(model, estimate).unwrap_or(0.0);
    loop {
        match budget.admit(cost) {
            Ok(Some(())) => return Ok(Ok(cost)),
            Ok(None) => run.unless_halted(tokio::time::sleep(Duration::from_millis(20))).await?,
            Err(refused) => return Ok(Err(refused)),
        }
    }
}

/// Sets money aside for a request of a batch, where there is enough; the sum, or the error of the row. Nothing is
/// waited for: what is in flight does not come back before the batch does.
pub(crate) fn admit_now(run: &Run, model: &Model, estimate: &Estimate) -> Result<f64, String> {
    let Some(budget) = &run.budget else { return Ok(0.0) };
    let cost = price(model, estimate).unwrap_or(0.0);
    match budget.admit(cost)? {
        Some(()) => Ok(cost),
        None => Err(budget.shortage()),
    }
}

/// Books the cost of a request, for which `reserved` was set aside.
pub(crate) fn book(run: &Run, reserved: f64, cost: Option<f64>) {
    let cost = cost.unwrap_or(0.0);
    if let Some(budget) = &run.budget {
        budget.book(reserved, cost);
    }
    run.tally.micro_usd.fetch_add((cost * 1e6).round() as u64, Ordering::Relaxed);
}

/// Outcome that a reply means for its rows, with its cost.
pub(crate) fn outcome(model: &Model, reply: Reply, attempts: u32, batch: bool) -> Outcome {
    let reply = model.redact_reply(reply);
    let mut outcome = Outcome {
        model: reply.model,
        finish: reply.finish,
        request_id: reply.request_id,
        attempts,
        usage: reply.usage,
        cost_usd: model.price.and_then(|price| price.cost(&reply.usage, batch)),
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

/// An outcome to be kept, with the response and the claim of its request where the entry is to hold it.
pub(crate) struct Kept<'k> {
    pub job: &'k Job,
    pub outcome: &'k Outcome,
    pub response: Option<String>,
    pub claim: Option<Claim>,
}

/// Writes outcomes into the store, with the responses as they came but for the key, and remembers failures for the rest of the run.
///
/// # Errors
///
/// Where they cannot be written.
pub(crate) async fn keep(run: &Run, outcomes: Vec<Kept<'_>>) -> Result<(), LlmError> {
    let mut entries = Vec::with_capacity(outcomes.len());
    let mut answered = 0;
    for Kept { job, outcome, response, claim } in outcomes {
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
            response: response.map(|body| run.settings.models[job.model].redact_body(body)),
            at_ms: now_ms(),
            claim,
        });
    }
    run.store.write_all(entries).await?;
    run.tally.answered.fetch_add(answered, Ordering::Relaxed);
    Ok(())
}

/// Counts the rows of a job that has its outcome.
pub(crate) fn count(run: &Run, job: &Job, outcome: &Outcome, cached: bool) {
    if cached {
        run.tally.stored.fetch_add(job.rows, Ordering::Relaxed);
    }
    if cached && let Some(budget) = &run.budget {
        budget.count(&job.hash, outcome.cost_usd.unwrap_or(0.0));
    }
    // an abstention is an answer
    count_rows(run, job.rows, outcome.error.clone().filter(|_| outcome.word.is_none()));
}

/// Counts rows that came out, and ends the run when too many of them are failures.
pub(crate) fn count_rows(run: &Run, rows: u64, failure: Option<String>) {
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
