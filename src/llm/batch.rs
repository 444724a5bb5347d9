//! The batch interfaces of Google, Anthropic and OpenAI: half the price, and a wait of minutes to a day.
//!
//! The id of a batch is recorded before anything else, so a run that was killed takes its batches up again where they
//! are, and pays nothing twice (unless it ended between the server's taking a batch and the arrival of its id). Results come in any order. What expired or failed in passing goes into another
//! batch, up to `max_attempts`. With `batch := true` up to 20,000 documents make a batch of a model, several
//! where a limit of the provider's (requests, bytes) asks for it; with a model's own `batch` each vector of rows makes one.

use super::annotate::{Claim, Done, Job, failed, keep_all, outcome, price, settle, stopped};
use super::error::LlmError;
use super::http::{self, Response};
use super::model::{Model, Provider};
use super::providers::{self, Refusal};
use super::request::Hash;
use super::run::{Run, engine};
use super::schema::shorten;
use crate::hash::hexadecimal;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

/// A batch that was submitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    pub id: String,
    pub provider: String,
    pub base_url: String,
    pub model: String,
    pub requests: Vec<Hash>,
}

/// Whole batches and their results are long transfers: so long they may take at least.
const TRANSFER: Duration = Duration::from_secs(600);

/// A result: a response, or why there is none.
type Line = (Hash, Result<Value, Refusal>);

/// Requests that are not settled yet, with the attempts made and what each has set aside.
struct Waiting {
    job: Job,
    claim: Claim,
    attempts: u32,
    reserved: f64,
    problem: String,
}

/// Seconds between two looks at a batch; `MUSTER_BATCH_POLL_MS` sets it in milliseconds.
fn poll_interval() -> Duration {
    let given = std::env::var("MUSTER_BATCH_POLL_MS").ok().and_then(|ms| ms.trim().parse().ok());
    Duration::from_millis(given.unwrap_or(30_000)).max(Duration::from_millis(1))
}

/// The outcomes of a vector's requests to one model.
pub async fn ask(run: &Run, model: usize, jobs: Vec<(Job, Claim)>) -> Result<Vec<Done>, LlmError> {
    let mut done = Vec::with_capacity(jobs.len());
    let mut waiting = HashMap::new();
    for (job, claim) in jobs {
        match run.failure(&job.hash) {
            Some(outcome) => {
                claim.settle(&outcome);
                done.push((job.hash, outcome, false));
            }
            None => {
                let waiter = Waiting { job, claim, attempts: 0, reserved: 0.0, problem: String::new() };
                waiting.insert(waiter.job.hash, waiter);
            }
        }
    }
    let settings = &run.settings.models[model];
    let mut open = run.store.open_batches(settings.provider.name(), &settings.base_url, &settings.name)?;
    open.retain(|batch| batch.requests.iter().any(|hash| waiting.contains_key(hash)));
    loop {
        for batch in &open {
            collect(run, model, batch, &mut waiting, &mut done).await?;
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
        open = submit_all(run, model, &mut waiting, &mut done).await?;
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
        settle(run, waiter.reserved, None);
        let outcome = failed(waiter.attempts, problem);
        if sent {
            keep_all(run, vec![(&waiter.job, &outcome, None)]).await?;
        }
        waiter.claim.settle(&outcome);
        done.push((*hash, outcome, false));
    }
    Ok(())
}

/// Submits everything that waits, in as many batches as the provider's limits ask for.
async fn submit_all(
    run: &Run,
    model: usize,
    waiting: &mut HashMap<Hash, Waiting>,
    done: &mut Vec<Done>,
) -> Result<Vec<Batch>, LlmError> {
    let (settings, lane) = (&run.settings.models[model], &run.lanes[model]);
    let (most, bytes) = match settings.provider {
        Provider::Google => (10_000, 15_000_000),
        _ => (50_000, 150_000_000),
    };
    // the order of hashes is as good as any, and the same in every run
    let mut hashes: Vec<Hash> = waiting.keys().copied().collect();
    hashes.sort_unstable();
    let mut parts: Vec<Vec<(Hash, Value)>> = Vec::new();
    let mut room = 0;
    for hash in hashes {
        let Some(waiter) = waiting.get_mut(&hash) else { continue };
        let estimate = lane.estimate(&run.settings.task.prompt, &waiter.job.text, settings.max_tokens);
        if waiter.attempts == 0
            && let Some(budget) = &run.budget
        {
            let cost = price(run, model, &estimate);
            // nothing that is in flight comes back before the batch does
            match budget.admit(cost).and_then(|free| free.ok_or_else(|| budget.reserved())) {
                Ok(()) => waiter.reserved = cost,
                Err(problem) => {
                    give_up(run, &hash, problem, false, waiting, done).await?;
                    continue;
                }
            }
        }
        let body = providers::body(settings, &run.settings.task, &waiter.job.text);
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
        match submit(run, settings, part).await? {
            Ok(id) => {
                let batch = Batch {
                    id,
                    provider: settings.provider.name().to_string(),
                    base_url: settings.base_url.clone(),
                    model: settings.name.clone(),
                    requests,
                };
                run.store.batch_opened(&batch).await?;
                open.push(batch);
            }
            Err(refusal) => {
                if refusal.stop {
                    lane.stop(&refusal.message);
                }
                for hash in requests {
                    give_up(run, &hash, refusal.message.clone(), true, waiting, done).await?;
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

/// Sends a request of the batch interface, again where that may help and `may_repeat` has nothing against it.
async fn exchange(
    run: &Run,
    model: &Model,
    request: impl Fn(&reqwest::Client) -> RequestBuilder,
    may_repeat: fn(&Refusal) -> bool,
) -> Result<Result<Response, Refusal>, LlmError> {
    let client = engine()?.clients.of(model);
    let timeout = run.settings.timeout.max(TRANSFER);
    let mut attempts = 0;
    loop {
        attempts += 1;
        match http::send(model, request(client), timeout).await {
            Err(refusal) if refusal.retry && may_repeat(&refusal) && attempts < run.settings.max_attempts => {
                let wait = refusal.wait.unwrap_or_else(|| super::limits::backoff(attempts, &[attempts as u8; 32]));
                run.unless_halted(tokio::time::sleep(wait)).await?;
            }
            result => return Ok(result),
        }
    }
}

/// The JSON of a response.
fn parsed(response: Result<Response, Refusal>) -> Result<Value, Refusal> {
    let body = response?.body;
    serde_json::from_str(&body).map_err(|_| lost(format!("response is not JSON: {}", shorten(&body))))
}

/// A refusal that another batch may mend.
fn lost(message: String) -> Refusal {
    Refusal { message, status: None, retry: true, wait: None, crowded: false, stop: false }
}

/// Submits one batch; its id.
async fn submit(run: &Run, model: &Model, part: Vec<(Hash, Value)>) -> Result<Result<String, Refusal>, LlmError> {
    let base = &model.base_url;
    let (url, body) = match model.provider {
        Provider::Google => {
            let requests: Vec<Value> = part
                .into_iter()
                .map(|(hash, body)| json!({ "request": body, "metadata": { "key": hexadecimal(&hash) } }))
                .collect();
            let batch = json!({ "displayName": "muster", "inputConfig": { "requests": { "requests": requests } } });
            (format!("{base}/v1beta/models/{}:batchGenerateContent", model.name), json!({ "batch": batch }))
        }
        Provider::Anthropic => {
            let requests: Vec<Value> = part
                .into_iter()
                .map(|(hash, body)| json!({ "custom_id": hexadecimal(&hash), "params": body }))
                .collect();
            (format!("{base}/v1/messages/batches"), json!({ "requests": requests }))
        }
        Provider::OpenAi | Provider::Compatible => {
            let line = |(hash, body): (Hash, Value)| {
                json!({ "custom_id": hexadecimal(&hash), "method": "POST", "url": "/v1/responses", "body": body })
                    .to_string()
                    + "\n"
            };
            let lines: String = part.into_iter().map(line).collect();
            let url = format!("{base}/files");
            let upload = exchange(
                run,
                model,
                |client| {
                    let file = reqwest::multipart::Part::text(lines.clone()).file_name("muster.jsonl");
                    let form = reqwest::multipart::Form::new().text("purpose", "batch").part("file", file);
                    client.post(&url).multipart(form)
                },
                |_| true,
            );
            let file = match parsed(upload.await?) {
                Ok(body) => body["id"].clone(),
                Err(refusal) => return Ok(Err(refusal)),
            };
            let order = json!({ "input_file_id": file, "endpoint": "/v1/responses", "completion_window": "24h" });
            (format!("{base}/batches"), order)
        }
    };
    // a response that was lost may stand for a batch that was made: only what the server has refused is repeated
    let refused = |refusal: &Refusal| refusal.status.is_some();
    let response = exchange(run, model, |client| client.post(&url).json(&body), refused).await?;
    Ok(parsed(response).and_then(|body| {
        let id = body["id"].as_str().or(body["name"].as_str());
        let id =
            id.filter(|id| id.chars().all(|c| c.is_ascii_alphanumeric() || "-_/.".contains(c)) && !id.contains(".."));
        id.map(str::to_string).ok_or_else(|| lost(format!("batch without id: {}", shorten(&body.to_string()))))
    }))
}

/// Waits for the end of a batch, and settles what it answered.
async fn collect(
    run: &Run,
    model: usize,
    batch: &Batch,
    waiting: &mut HashMap<Hash, Waiting>,
    done: &mut Vec<Done>,
) -> Result<(), LlmError> {
    let settings = &run.settings.models[model];
    let (ours, others): (Vec<Hash>, Vec<Hash>) = batch.requests.iter().partition(|hash| waiting.contains_key(*hash));
    let mut lines = match results(run, settings, batch).await? {
        Ok(lines) => lines,
        Err(refusal) => {
            // the batch stays open: another run may be able to read it
            if refusal.stop {
                run.lanes[model].stop(&refusal.message);
            }
            for hash in ours {
                give_up(run, &hash, refusal.message.clone(), true, waiting, done).await?;
            }
            return Ok(());
        }
    };
    let mut settled = Vec::new();
    for hash in ours {
        let Some(mut waiter) = waiting.remove(&hash) else { continue };
        waiter.attempts += 1;
        match lines.remove(&hash).unwrap_or_else(|| Err(lost("no result in the batch".to_string()))) {
            Err(refusal) if refusal.retry => {
                waiter.problem = refusal.message;
                waiting.insert(hash, waiter);
            }
            Err(refusal) => {
                let outcome = failed(waiter.attempts, refusal.message);
                settled.push((waiter, outcome, None));
            }
            Ok(body) => {
                let reply = providers::reply(settings.provider, &run.settings.task, &body);
                let outcome = outcome(run, model, reply, waiter.attempts, true);
                settled.push((waiter, outcome, Some(body.to_string())));
            }
        }
    }
    let entries = settled.iter_mut().map(|(waiter, outcome, response)| (&waiter.job, &*outcome, response.take()));
    keep_all(run, entries.collect()).await?;
    for (waiter, outcome, _) in settled {
        settle(run, waiter.reserved, outcome.cost_usd);
        waiter.claim.settle(&outcome);
        done.push((waiter.job.hash, outcome, false));
    }
    // another vector of rows may still have to read its part
    if run.store.are_settled(&others)? {
        run.store.batch_closed(batch).await?;
    }
    Ok(())
}

type Lines = HashMap<Hash, Result<Value, Refusal>>;

/// Waits for the end of a batch; what it says of each request. A batch that is gone says nothing.
async fn results(run: &Run, model: &Model, batch: &Batch) -> Result<Result<Lines, Refusal>, LlmError> {
    let (base, id) = (&model.base_url, &batch.id);
    let status = match model.provider {
        Provider::Google => format!("{base}/v1beta/{id}"),
        Provider::Anthropic => format!("{base}/v1/messages/batches/{id}"),
        Provider::OpenAi | Provider::Compatible => format!("{base}/batches/{id}"),
    };
    let report = loop {
        match parsed(exchange(run, model, |client| client.get(&status), |_| true).await?) {
            Ok(report) if has_ended(model.provider, &report) => break report,
            Ok(_) => run.unless_halted(tokio::time::sleep(poll_interval())).await?,
            Err(refusal) if refusal.status == Some(404) => return Ok(Ok(Lines::new())),
            Err(refusal) => return Ok(Err(refusal)),
        }
    };
    // results are read from the host that the requests went to, whatever address the report names
    let files: Vec<String> = match model.provider {
        Provider::Google => match inlined(&report) {
            Some(list) => return Ok(Ok(list.iter().filter_map(google_line).collect())),
            None => ["/metadata/output/responsesFile", "/response/responsesFile", "/output/responsesFile"]
                .iter()
                .filter_map(|place| report.pointer(place)?.as_str())
                .take(1)
                .map(|file| format!("{base}/download/v1beta/{file}:download?alt=media"))
                .collect(),
        },
        Provider::Anthropic => vec![format!("{status}/results")],
        Provider::OpenAi | Provider::Compatible => ["output_file_id", "error_file_id"]
            .iter()
            .filter_map(|name| report[name].as_str())
            .map(|file| format!("{base}/files/{file}/content"))
            .collect(),
    };
    let mut lines = Lines::new();
    for url in files {
        match exchange(run, model, |client| client.get(&url), |_| true).await? {
            Ok(response) => {
                let values = response.body.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
                lines.extend(values.filter_map(|line| match model.provider {
                    Provider::Google => google_line(&line),
                    Provider::Anthropic => anthropic_line(&line),
                    Provider::OpenAi | Provider::Compatible => openai_line(&line),
                }));
            }
            Err(refusal) => return Ok(Err(refusal)),
        }
    }
    Ok(Ok(lines))
}

/// Whether a batch will not change any more.
fn has_ended(provider: Provider, report: &Value) -> bool {
    match provider {
        Provider::Google => {
            let state = report["metadata"]["state"].as_str().or(report["state"].as_str()).unwrap_or("");
            let ended = ["SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"].iter().any(|end| state.ends_with(end));
            ended || report["done"].as_bool() == Some(true)
        }
        Provider::Anthropic => report["processing_status"] == "ended",
        Provider::OpenAi | Provider::Compatible => {
            report["status"].as_str().is_some_and(|s| ["completed", "failed", "expired", "cancelled"].contains(&s))
        }
    }
}

/// Google's results within the report.
fn inlined(report: &Value) -> Option<&Vec<Value>> {
    let places = ["/metadata/output/inlinedResponses", "/response/inlinedResponses", "/output/inlinedResponses"];
    places.iter().find_map(|place| {
        let found = report.pointer(place)?;
        found.as_array().or_else(|| found["inlinedResponses"].as_array())
    })
}

fn google_line(line: &Value) -> Option<Line> {
    let hash = unhex(line["metadata"]["key"].as_str().or(line["key"].as_str())?)?;
    if line["response"].is_object() {
        return Some((hash, Ok(line["response"].clone())));
    }
    let status = line["error"]["code"].as_u64().unwrap_or(0);
    Some((hash, Err(refused(Provider::Google, status, line))))
}

fn anthropic_line(line: &Value) -> Option<Line> {
    let hash = unhex(line["custom_id"].as_str()?)?;
    let result = &line["result"];
    let outcome = match result["type"].as_str() {
        Some("succeeded") => Ok(result["message"].clone()),
        Some("errored") => {
            // the status that the same error has outside of a batch
            let status = match result["error"]["error"]["type"].as_str() {
                Some("invalid_request_error") => 400,
                Some("authentication_error") => 401,
                Some("permission_error") => 403,
                Some("not_found_error") => 404,
                Some("request_too_large") => 413,
                Some("rate_limit_error") => 429,
                Some("overloaded_error") => 529,
                _ => 500,
            };
            Err(refused(Provider::Anthropic, status, &result["error"]))
        }
        Some(other) => Err(lost(format!("{other} in the batch"))),
        None => Err(lost("no result in the batch".to_string())),
    };
    Some((hash, outcome))
}

fn openai_line(line: &Value) -> Option<Line> {
    let hash = unhex(line["custom_id"].as_str()?)?;
    let response = &line["response"];
    let outcome = match response["status_code"].as_u64() {
        Some(200..300) => Ok(response["body"].clone()),
        Some(status) => Err(refused(Provider::OpenAi, status, &response["body"])),
        None => Err(lost(format!("{} in the batch", line["error"]["code"].as_str().unwrap_or("no result")))),
    };
    Some((hash, outcome))
}

/// The error of one request of a batch. Codes below 100 are those of gRPC, and may pass.
fn refused(provider: Provider, status: u64, body: &Value) -> Refusal {
    let status = if (100..600).contains(&status) { status as u16 } else { 500 };
    let mut refusal = providers::refusal(provider, status, &reqwest::header::HeaderMap::new(), &body.to_string());
    refusal.message = format!("in the batch: {}", refusal.message);
    refusal
}

fn unhex(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (i, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: Hash = [0xab; 32];

    #[test]
    fn results_of_each_provider() {
        let id = hexadecimal(&HASH);
        assert_eq!(unhex(&id), Some(HASH));
        assert_eq!(unhex("ab"), None);
        let body = json!({"x": 1});
        let google = json!({"metadata": {"key": id}, "response": body});
        assert_eq!(google_line(&google), Some((HASH, Ok(body.clone()))));
        let anthropic = json!({"custom_id": id, "result": {"type": "succeeded", "message": body}});
        assert_eq!(anthropic_line(&anthropic), Some((HASH, Ok(body.clone()))));
        let openai = json!({"custom_id": id, "error": null, "response": {"status_code": 200, "body": body}});
        assert_eq!(openai_line(&openai), Some((HASH, Ok(body))));
    }

    #[test]
    fn what_expired_is_asked_again_and_what_is_wrong_is_not() {
        let id = hexadecimal(&HASH);
        let of = |line: Option<Line>| {
            let refusal = line.unwrap().1.unwrap_err();
            (refusal.message, refusal.retry)
        };
        let expired = json!({"custom_id": id, "result": {"type": "expired"}});
        assert_eq!(of(anthropic_line(&expired)), ("expired in the batch".to_string(), true));
        let wrong = json!({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}});
        let wrong = json!({"custom_id": id, "result": {"type": "errored", "error": wrong}});
        let message = "in the batch: HTTP 400 invalid_request_error: no".to_string();
        assert_eq!(of(anthropic_line(&wrong)), (message, false));
        let expired = json!({"custom_id": id, "response": null, "error": {"code": "batch_expired", "message": "late"}});
        assert_eq!(of(openai_line(&expired)), ("batch_expired in the batch".to_string(), true));
        let expired = json!({"key": id, "error": {"code": 4, "message": "late", "status": "DEADLINE_EXCEEDED"}});
        assert_eq!(of(google_line(&expired)), ("in the batch: HTTP 500 DEADLINE_EXCEEDED: late".to_string(), true));
    }

    #[test]
    fn ends() {
        for (provider, report, ended) in [
            (Provider::Google, json!({"metadata": {"state": "BATCH_STATE_RUNNING"}}), false),
            (Provider::Google, json!({"metadata": {"state": "BATCH_STATE_EXPIRED"}}), true),
            (Provider::Anthropic, json!({"processing_status": "canceling"}), false),
            (Provider::Anthropic, json!({"processing_status": "ended"}), true),
            (Provider::OpenAi, json!({"status": "finalizing"}), false),
            (Provider::OpenAi, json!({"status": "expired"}), true),
        ] {
            assert_eq!(has_ended(provider, &report), ended, "{report}");
        }
    }
}
