//! Batches: half the price, and a wait of minutes to a day.
//!
//! The id of a batch is recorded before anything else, so a run that was killed takes its batches up again where they
//! are, and pays nothing twice (unless it ended between the server's taking a batch and the arrival of its id). Results
//! come in any order. What expired or failed in passing goes into another batch, up to `max_attempts`. With
//! `batch := true` up to 20,000 documents make a batch of a model, several where a limit of the provider's (requests,
//! bytes) asks for it; with a model's own `batch` each vector of rows makes one.

use super::budget::Reserved;
use super::engine::engine;
use super::error::LlmError;
use super::flight::Claim;
use super::http::{self, Response};
use super::job::{Done, Job, Outcome, stopped};
use super::json;
use super::ledger::{self, Kept};
use super::model::{Batches, Line, Model, Results};
use super::request_error::RequestError;
use super::retry;
use super::run::Run;
use super::schema::shorten;
use super::store::Batch;
use crate::env;
use crate::hash::Hash;
use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;

/// Minimum deadline of a transfer: whole batches and their results are long.
const TRANSFER: Duration = Duration::from_secs(600);

/// A request without an outcome yet, with the attempts made and what the budget has set aside.
struct Waiting {
    job: Job,
    claim: Claim,
    attempts: u32,
    reserved: Option<Reserved>,
    problem: String,
}

/// Time between two looks at a batch.
fn poll_interval() -> Duration {
    let given = env::BATCH_POLL_MS.text().and_then(|ms| ms.trim().parse().ok());
    Duration::from_millis(given.unwrap_or(30_000)).max(Duration::from_millis(1))
}

/// The outcomes of a vector's requests to one model.
pub(crate) async fn ask(run: &Run, model: usize, jobs: Vec<(Job, Claim)>) -> Result<Vec<Done>, LlmError> {
    let settings = &run.settings.models[model];
    let Some(interface) = settings.provider.batches() else {
        return Err(LlmError::Broken { message: format!("{} has no batches", settings.full_name()) });
    };
    let mut done = Vec::with_capacity(jobs.len());
    let mut waiting = HashMap::new();
    for (job, claim) in jobs {
        match run.failure(&job.hash) {
            Some(outcome) => {
                claim.hand_out(&outcome);
                done.push(Done { hash: job.hash, outcome, cached: false });
            }
            None => {
                let waiter = Waiting { job, claim, attempts: 0, reserved: None, problem: String::new() };
                waiting.insert(waiter.job.hash, waiter);
            }
        }
    }
    let mut open = run.store.open_batches(settings.provider.facts().name, &settings.base_url, &settings.name)?;
    open.retain(|batch| batch.requests.iter().any(|hash| waiting.contains_key(hash)));
    loop {
        for batch in &open {
            collect(run, model, interface, batch, &mut waiting, &mut done).await?;
        }
        let spent: Vec<Hash> =
            waiting.values().filter(|w| w.attempts >= run.settings.max_attempts).map(|w| w.job.hash).collect();
        for hash in spent {
            let problem = waiting.get(&hash).map(|w| w.problem.clone()).unwrap_or_default();
            give_up(run, &hash, problem, true, &mut waiting, &mut done).await?;
        }
        if waiting.is_empty() {
            return Ok(done);
        }
        open = submit_all(run, model, interface, &mut waiting, &mut done).await?;
    }
}

/// Ends a request with a failure, which is logged if anything was sent for it.
async fn give_up(
    run: &Run,
    hash: &Hash,
    problem: String,
    sent: bool,
    waiting: &mut HashMap<Hash, Waiting>,
    done: &mut Vec<Done>,
) -> Result<(), LlmError> {
    if let Some(waiter) = waiting.remove(hash) {
        ledger::book(run, &waiter.job, waiter.reserved, None);
        let outcome = Outcome::failed(waiter.attempts, problem);
        if sent {
            let kept = Kept { job: &waiter.job, outcome: &outcome, response: None, claim: None };
            ledger::keep(run, vec![kept]).await?;
        }
        waiter.claim.hand_out(&outcome);
        done.push(Done { hash: *hash, outcome, cached: false });
    }
    Ok(())
}

/// Submits everything that waits, in as many batches as the provider's limits ask for.
async fn submit_all(
    run: &Run,
    model: usize,
    interface: &dyn Batches,
    waiting: &mut HashMap<Hash, Waiting>,
    done: &mut Vec<Done>,
) -> Result<Vec<Batch>, LlmError> {
    let (settings, lane) = (&run.settings.models[model], &run.lanes[model]);
    let (most, bytes) = interface.limits();
    // the order of hashes is as good as any, and the same in every run
    let mut hashes: Vec<Hash> = waiting.keys().copied().collect();
    hashes.sort_unstable();
    let mut parts: Vec<Vec<(Hash, Value)>> = Vec::new();
    let mut room = 0;
    for hash in hashes {
        let Some(waiter) = waiting.get_mut(&hash) else { continue };
        if waiter.attempts == 0 {
            match ledger::admit_to_batch(run, &waiter.job) {
                Ok(reserved) => waiter.reserved = reserved,
                Err(problem) => {
                    give_up(run, &hash, problem, false, waiting, done).await?;
                    continue;
                }
            }
        }
        let body = settings.provider.body(settings, &run.settings.task, &waiter.job.text);
        let size = body.to_string().len() + 200;
        match parts.last_mut().filter(|part| part.len() < most && size <= room) {
            Some(part) => {
                part.push((hash, body));
                room -= size;
            }
            None => {
                parts.push(vec![(hash, body)]);
                room = usize::saturating_sub(bytes, size);
            }
        }
    }
    let mut open = Vec::new();
    for part in parts {
        let requests: Vec<Hash> = part.iter().map(|(hash, _)| *hash).collect();
        match submit(run, settings, interface, part).await? {
            Ok(id) => {
                let batch = Batch {
                    id,
                    provider: settings.provider.facts().name.to_string(),
                    base_url: settings.base_url.clone(),
                    model: settings.name.clone(),
                    requests,
                };
                run.store.batch_opened(&batch).await?;
                open.push(batch);
            }
            Err(error) => {
                if error.stop {
                    lane.stop(&error.message);
                }
                for hash in requests {
                    give_up(run, &hash, error.message.clone(), true, waiting, done).await?;
                }
            }
        }
        if let Some(reason) = lane.stopped() {
            let rest: Vec<Hash> =
                waiting.keys().filter(|hash| !open.iter().any(|b| b.requests.contains(hash))).copied().collect();
            for hash in rest {
                give_up(run, &hash, stopped(reason), false, waiting, done).await?;
            }
            break;
        }
    }
    Ok(open)
}

/// Sends a request of the batch interface, again where that may help and `may_repeat` has nothing against it; `seed`
/// spreads the waits.
async fn exchange(
    run: &Run,
    model: &Model,
    seed: &Hash,
    request: impl Fn(&reqwest::Client) -> RequestBuilder,
    may_repeat: fn(&RequestError) -> bool,
) -> Result<Result<Response, RequestError>, LlmError> {
    let client = engine()?.clients.of(model);
    let timeout = run.settings.timeout.max(TRANSFER);
    let mut attempts = 0;
    loop {
        attempts += 1;
        let result = http::send(model, request(client), timeout, http::LONGEST).await;
        let error = result.as_ref().err().filter(|error| may_repeat(error));
        match error.and_then(|error| retry::wait(error, attempts, run.settings.max_attempts, seed)) {
            Some(wait) => run.unless_halted(tokio::time::sleep(wait)).await?,
            None => return Ok(result),
        }
    }
}

/// The JSON of a response.
fn parsed(model: &Model, response: Result<Response, RequestError>) -> Result<Value, RequestError> {
    let body = response?.body;
    let broken = || RequestError::lost(format!("response is not JSON: {}", shorten(&body)));
    json::read(&body).ok_or_else(|| model.redact_error(broken()))
}

/// Submits one batch; its id.
async fn submit(
    run: &Run,
    model: &Model,
    interface: &dyn Batches,
    part: Vec<(Hash, Value)>,
) -> Result<Result<String, RequestError>, LlmError> {
    let seed = part.first().map_or([0; 32], |(hash, _)| *hash);
    let mut file = Value::Null;
    if let Some(upload) = interface.upload(model, &part) {
        let request = |client: &reqwest::Client| {
            let lines = reqwest::multipart::Part::text(upload.lines.clone()).file_name("muster.jsonl");
            let form = reqwest::multipart::Form::new().text("purpose", "batch").part("file", lines);
            client.post(&upload.url).multipart(form)
        };
        match parsed(model, exchange(run, model, &seed, request, |_| true).await?) {
            Ok(body) => file = body["id"].clone(),
            Err(error) => return Ok(Err(error)),
        }
    }
    let (url, body) = interface.order(model, &part, &file);
    // a response that was lost may stand for a batch that was made: only what the server has refused is repeated
    let refused = |error: &RequestError| error.status.is_some();
    let response = exchange(run, model, &seed, |client| client.post(&url).json(&body), refused).await?;
    Ok(parsed(model, response).and_then(|body| {
        let id = body["id"].as_str().or(body["name"].as_str());
        let id =
            id.filter(|id| id.chars().all(|c| c.is_ascii_alphanumeric() || "-_/.".contains(c)) && !id.contains(".."));
        let unknown =
            || model.redact_error(RequestError::lost(format!("batch without id: {}", shorten(&body.to_string()))));
        id.map(str::to_string).ok_or_else(unknown)
    }))
}

/// Waits for the end of a batch, and keeps what it answered.
async fn collect(
    run: &Run,
    model: usize,
    interface: &dyn Batches,
    batch: &Batch,
    waiting: &mut HashMap<Hash, Waiting>,
    done: &mut Vec<Done>,
) -> Result<(), LlmError> {
    let settings = &run.settings.models[model];
    let (ours, rest): (Vec<Hash>, Vec<Hash>) = batch.requests.iter().partition(|hash| waiting.contains_key(*hash));
    let mut lines = match results(run, settings, interface, batch).await? {
        Ok(lines) => lines,
        Err(error) => {
            // the batch stays open: another run may be able to read it
            if error.stop {
                run.lanes[model].stop(&error.message);
            }
            for hash in ours {
                give_up(run, &hash, error.message.clone(), true, waiting, done).await?;
            }
            return Ok(());
        }
    };
    let mut ended = Vec::new();
    for hash in ours {
        let Some(mut waiter) = waiting.remove(&hash) else { continue };
        waiter.attempts += 1;
        let line = lines.remove(&hash).unwrap_or_else(|| Err(RequestError::lost("no result in the batch".to_string())));
        let read = line.and_then(|body| {
            let reply = settings.provider.read(&run.settings.task, &HeaderMap::new(), &body)?;
            Ok((reply, body))
        });
        match read.map_err(|error| settings.redact_error(error)) {
            Err(error) if error.retry => {
                waiter.problem = error.message;
                waiting.insert(hash, waiter);
            }
            Err(error) => {
                let outcome = Outcome::failed(waiter.attempts, error.message);
                ended.push((waiter, outcome, None));
            }
            Ok((reply, body)) => {
                let outcome = ledger::outcome(settings, &run.settings.task, reply, waiter.attempts, true);
                ended.push((waiter, outcome, Some(body.to_string())));
            }
        }
    }
    let entries = ended.iter_mut().map(|(waiter, outcome, response)| {
        let response = response.take();
        Kept { job: &waiter.job, outcome, response, claim: None }
    });
    ledger::keep(run, entries.collect()).await?;
    for (waiter, outcome, _) in ended {
        ledger::book(run, &waiter.job, waiter.reserved, Some(&outcome));
        waiter.claim.hand_out(&outcome);
        done.push(Done { hash: waiter.job.hash, outcome, cached: false });
    }
    // another vector of rows may still have to read its part
    if run.store.are_settled(&rest)? {
        run.store.batch_closed(batch).await?;
    }
    Ok(())
}

/// Results of a batch by request.
type Lines = HashMap<Hash, Result<Value, RequestError>>;

/// Waits for the end of a batch; its results. A batch that is gone has none.
async fn results(
    run: &Run,
    model: &Model,
    interface: &dyn Batches,
    batch: &Batch,
) -> Result<Result<Lines, RequestError>, LlmError> {
    let seed = batch.requests.first().copied().unwrap_or_default();
    let get = async |url: &str| exchange(run, model, &seed, |client| client.get(url), |_| true).await;
    let url = interface.report_url(model, &batch.id);
    let report = loop {
        match parsed(model, get(&url).await?) {
            Ok(report) if interface.has_ended(&report) => break report,
            Ok(_) => run.unless_halted(tokio::time::sleep(poll_interval())).await?,
            Err(error) if error.status == Some(404) => return Ok(Ok(Lines::new())),
            Err(error) => return Ok(Err(error)),
        }
    };
    let files = match interface.results(model, &batch.id, &report) {
        Results::Inlined(lines) => return Ok(Ok(lines.into_iter().collect())),
        Results::Files(files) => files,
    };
    let mut lines = Lines::new();
    for url in files {
        match get(&url).await? {
            Ok(response) => {
                let values = response.body.lines().filter_map(json::read);
                lines.extend(values.filter_map(|line| -> Option<Line> { interface.line(&line) }));
            }
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(lines))
}
