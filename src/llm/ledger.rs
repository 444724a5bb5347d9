//! The books of a run: the price of a request, the money set aside for it, its outcome in the store, and the counts.

use super::budget::{Bid, Bill, Reserved, Terms};
use super::confidence::{self, Confidence};
use super::error::LlmError;
use super::job::{Job, Outcome, abstained};
use super::lane::Estimate;
use super::model::Model;
use super::prices::Usage;
use super::reply::Reply;
use super::run::Run;
use super::store::{Claim, Entry, now_ms};
use super::sync::lock;
use super::task::Task;
use std::sync::atomic::Ordering;

/// Cost of a request in US dollars, by an estimate of its tokens; `None` without a price.
pub(crate) fn price(model: &Model, estimate: &Estimate) -> Option<f64> {
    let tokens = |guess: f64| Some(guess.ceil() as u64);
    let usage = Usage { input: tokens(estimate.input), output: tokens(estimate.output), ..Usage::default() };
    model.price.and_then(|price| price.cost(&usage, model.batch))
}

/// Bytes of a token, on average, of texts that take the most tokens.
const BYTES_PER_TOKEN: f64 = 2.0;

/// Tokens of the schema and of what a provider adds.
const ADDED_TOKENS: f64 = 1000.0;

/// Factor on the price of input that is written to a provider's cache.
const CACHE_WRITTEN: f64 = 1.25;

/// The request of a job as the budget sees it now.
fn bid(run: &Run, job: &Job) -> Bid {
    let (model, prompt) = (&run.settings.models[job.model], &run.settings.task.prompt);
    let estimate = run.lanes[job.model].estimate(prompt, &job.text, model.max_tokens);
    let of = |input: f64, output: f64| price(model, &Estimate { input, output, ..estimate }).unwrap_or(0.0);
    let input = (prompt.len() + job.text.len()) as f64 / BYTES_PER_TOKEN + ADDED_TOKENS;
    Bid {
        model: job.model,
        expected: of(estimate.input, estimate.output),
        input: of(input, 0.0) * CACHE_WRITTEN,
        terms: Terms { per_token: of(0.0, 1e6) / 1e6, cap: model.max_tokens },
    }
}

/// Lets the request of a job go as far as the budget is concerned, and waits for requests in flight where it is not sure
/// that there is enough; `None` without a budget.
///
/// # Errors
///
/// The inner error is a row's, the outer one the run's.
pub(crate) async fn admit(run: &Run, job: &Job) -> Result<Result<Option<Reserved>, String>, LlmError> {
    let Some(budget) = &run.budget else { return Ok(Ok(None)) };
    loop {
        let returned = budget.returned();
        match budget.admit(&bid(run, job)) {
            Ok(Some(reserved)) => return Ok(Ok(Some(reserved))),
            Ok(None) => run.unless_halted(returned).await?,
            Err(refused) => return Ok(Err(refused)),
        }
    }
}

/// Lets the request of a job go into a batch as far as the budget is concerned, or gives the error of the row. Nothing is
/// waited for: what is in flight does not come back before the batch does.
pub(crate) fn admit_to_batch(run: &Run, job: &Job) -> Result<Option<Reserved>, String> {
    run.budget.as_ref().map(|budget| budget.admit_to_batch(&bid(run, job))).transpose()
}

/// Books the request of a job that is back, with its outcome where there was a response. A model whose answers say nothing
/// of their tokens cannot be held to a budget, and is stopped.
pub(crate) fn book(run: &Run, job: &Job, reserved: Option<Reserved>, outcome: Option<&Outcome>) {
    let cost = outcome.and_then(|outcome| outcome.cost_usd);
    if let Some(budget) = &run.budget {
        let output_tokens = outcome.and_then(|outcome| outcome.usage.output).unwrap_or(0);
        let bill = match cost {
            Some(cost) => Some(Bill { cost, output_tokens }),
            None if outcome.is_some_and(|outcome| outcome.word.is_some()) => {
                let dearest = budget.dearest(job.model);
                if dearest.is_none() {
                    let limit = budget.limit();
                    run.lanes[job.model].stop(&format!("max_cost_usd := {limit}: its server does not count tokens"));
                }
                dearest
            }
            None => None,
        };
        budget.book(job.model, reserved, bill);
    }
    run.tally.micro_usd.fetch_add((cost.unwrap_or(0.0) * 1e6).round() as u64, Ordering::Relaxed);
}

/// Outcome that a reply to a task means for its rows, with its cost.
pub(crate) fn outcome(model: &Model, task: &Task, reply: Reply, attempts: u32, batch: bool) -> Outcome {
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
            outcome.p_yes = match model.confidence {
                Some(Confidence::Logprobs) => confidence::p_yes(&reply.tokens, &task.schema, &verdict.word),
                Some(Confidence::Stated) => verdict.stated,
                None => None,
            };
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
