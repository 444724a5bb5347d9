//! The batch interfaces of three providers, kept in memory.
//!
//! A batch ends after it was polled `batch_polls` times, so that no test waits for a clock. Its results come in reverse
//! order; a request with `[[fault:expired]]` expired the first time it came, one with `[[fault:batch_error]]` failed.

use crate::faults::Fault;
use crate::serve::{context, refuse};
use crate::state::{Batch, State};
use crate::wire::{self, Kind, Provider, Reply};
use serde_json::{Value, json};
use std::time::Duration;

/// A provider with batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    Google,
    Anthropic,
    OpenAi,
}

impl Vendor {
    pub fn provider(self) -> Provider {
        match self {
            Vendor::Google => wire::GOOGLE,
            Vendor::Anthropic => wire::ANTHROPIC,
            Vendor::OpenAi => wire::OPENAI,
        }
    }
}

const CREATED: &str = "2026-01-01T00:00:00Z";

/// The status of a request that expired.
const EXPIRED: u16 = 0;

pub fn create(state: &mut State, vendor: Vendor, path_model: Option<&str>, body: &Value) -> Reply {
    let requests = match requests(state, vendor, body) {
        Ok(requests) if requests.is_empty() => return refuse(vendor.provider(), 400, "requests must not be empty"),
        Ok(requests) => requests,
        Err(message) => return refuse(vendor.provider(), 400, &message),
    };
    for (_, body) in &requests {
        // a fault is the request's own affair, a malformed request is the batch's where the interface checks
        if let Err(reply) = wire::parse(vendor.provider(), path_model, body) {
            return *reply;
        }
    }
    let keys: Vec<&str> = requests.iter().filter_map(|(key, _)| key.as_deref()).collect();
    let distinct: std::collections::HashSet<&str> = keys.iter().copied().collect();
    if distinct.len() < keys.len() {
        return refuse(vendor.provider(), 400, "custom_id must be unique in a batch");
    }
    state.batch_items += requests.len() as u64;
    let number = state.id();
    let id = match vendor {
        Vendor::Google => format!("batches/mock-{number}"),
        Vendor::Anthropic => format!("msgbatch_{number}"),
        Vendor::OpenAi => format!("batch_{number}"),
    };
    let model = path_model.unwrap_or_default().to_string();
    state.batches.insert(id.clone(), Batch { vendor, model, requests, polls: 0, results: None });
    Reply::json(200, &report(state, &id, ""))
}

/// Key and body of each request of a new batch.
fn requests(state: &State, vendor: Vendor, body: &Value) -> Result<Vec<(Option<String>, Value)>, String> {
    let list = |pointer: &str| {
        body.pointer(pointer).and_then(Value::as_array).cloned().ok_or_else(|| format!("{pointer} must be a list"))
    };
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_string);
    match vendor {
        Vendor::Google => {
            text(body, "/batch/displayName").ok_or("batch.displayName is required")?;
            let list = list("/batch/inputConfig/requests/requests")?;
            Ok(list.iter().map(|item| (text(item, "/metadata/key"), item["request"].clone())).collect())
        }
        Vendor::Anthropic => list("/requests")?
            .iter()
            .map(|item| {
                let id = text(item, "/custom_id").ok_or("custom_id: Field required")?;
                let fits = (1..=64).contains(&id.len())
                    && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
                if !fits {
                    return Err(format!("custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$', got {id}"));
                }
                Ok((Some(id), item["params"].clone()))
            })
            .collect(),
        Vendor::OpenAi => {
            let endpoint = text(body, "/endpoint").ok_or("endpoint is required")?;
            if body.get("completion_window") != Some(&json!("24h")) {
                return Err("completion_window must be 24h".into());
            }
            let file = text(body, "/input_file_id").and_then(|id| state.files.get(&id)).ok_or("no such input file")?;
            file.lines()
                .map(|line| {
                    let item: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
                    if item["method"] != "POST" || item["url"] != json!(endpoint) {
                        return Err("each line must have method POST and the url of the endpoint".into());
                    }
                    Ok((Some(text(&item, "/custom_id").ok_or("custom_id is required")?), item["body"].clone()))
                })
                .collect()
        }
    }
}

/// A file of the form that `purpose=batch` asks for.
pub fn upload(state: &mut State, content_type: &str, body: &[u8]) -> Reply {
    let refused = |message: &str| refuse(wire::OPENAI, 400, message);
    let Some((_, boundary)) = content_type.split_once("boundary=") else {
        return refused("content-type must be multipart/form-data");
    };
    let whole = String::from_utf8_lossy(body);
    let (mut purpose, mut file) = (None, None);
    for part in whole.split(&format!("--{}", boundary.trim_matches('"'))) {
        let Some((head, content)) = part.split_once("\r\n\r\n") else { continue };
        let content = content.strip_suffix("\r\n").unwrap_or(content);
        if head.contains("name=\"purpose\"") {
            purpose = Some(content.to_string());
        } else if head.contains("name=\"file\"") && head.contains("filename=") {
            file = Some(content.to_string());
        }
    }
    match (purpose.as_deref(), file) {
        (Some("batch"), Some(file)) => {
            let id = format!("file-{}", state.id());
            let answer = json!({
                "id": id, "object": "file", "bytes": file.len(), "created_at": 1_780_000_000,
                "filename": "batch.jsonl", "purpose": "batch", "status": "processed",
            });
            state.files.insert(id, file);
            Reply::json(200, &answer)
        }
        (_, None) => refused("a part named file with a filename is required"),
        _ => refused("purpose must be batch"),
    }
}

pub fn poll(state: &mut State, vendor: Vendor, id: &str, key: &str, host: &str) -> Reply {
    let polls = state.settings.batch_polls;
    let Some(batch) = state.batches.get_mut(id).filter(|batch| batch.vendor == vendor) else {
        return refuse(vendor.provider(), 404, "no such batch");
    };
    batch.polls += 1;
    if batch.polls >= polls && batch.results.is_none() {
        finish(state, id, key);
    }
    Reply::json(200, &report(state, id, host))
}

pub fn list(state: &State, vendor: Vendor, host: &str) -> Reply {
    let ids = state.batches.iter().filter(|(_, batch)| batch.vendor == vendor).map(|(id, _)| id);
    let batches: Vec<Value> = ids.map(|id| report(state, id, host)).collect();
    let body = match vendor {
        Vendor::Google => json!({ "operations": batches }),
        _ => json!({ "data": batches, "has_more": false }),
    };
    Reply::json(200, &body)
}

/// Answers every request of a batch, and makes the files of its results.
fn finish(state: &mut State, id: &str, key: &str) {
    let Some(batch) = state.batches.get(id) else { return };
    let (vendor, model, requests) = (batch.vendor, batch.model.clone(), batch.requests.clone());
    let mut results = Vec::with_capacity(requests.len());
    for (_, body) in &requests {
        results.push(answer(state, vendor, &model, body, key));
    }
    let lines = |wanted: &dyn Fn(u16) -> bool| {
        let chosen = requests.iter().zip(&results).filter(|(_, (status, _))| wanted(*status));
        chosen.rev().map(|((key, _), result)| line(vendor, key.as_deref(), result) + "\n").collect::<String>()
    };
    match vendor {
        Vendor::Google if state.settings.batch_file == 1 => {
            let text = lines(&|_| true);
            state.files.insert(format!("files/{}", id.replace('/', "-")), text);
        }
        Vendor::OpenAi => {
            let (answered, failed) = (lines(&|status| status == 200), lines(&|status| status != 200));
            let files = [("output", answered), ("error", failed)].into_iter().filter(|(_, text)| !text.is_empty());
            state.files.extend(files.map(|(kind, text)| (format!("file-{kind}-{id}"), text)));
        }
        _ => {}
    }
    if let Some(batch) = state.batches.get_mut(id) {
        batch.results = Some(results);
    }
}

/// Status and body for one request of a batch.
fn answer(state: &mut State, vendor: Vendor, path_model: &str, body: &Value, key: &str) -> (u16, Value) {
    let ask = match wire::parse(vendor.provider(), Some(path_model), body) {
        Ok(ask) => ask,
        Err(reply) => return (reply.status, serde_json::from_str(&reply.body).unwrap_or(Value::Null)),
    };
    let times = state.times(&format!("batch {}", ask.model), &ask.text);
    let fault = Fault::of(&ask.text, vendor.provider().name()).filter(|fault| times <= fault.times);
    match fault.as_ref().map(|fault| fault.name.as_str()) {
        Some("expired") => (EXPIRED, Value::Null),
        Some("batch_error") => (500, vendor.provider().error(500, Kind::Plain, "scripted fault", Duration::ZERO)),
        _ => {
            let reply = wire::reply(vendor.provider(), &ask, fault.as_ref(), &context(state, key));
            (reply.status, serde_json::from_str(&reply.body).unwrap_or(Value::Null))
        }
    }
}

/// One line of the results.
fn line(vendor: Vendor, key: Option<&str>, (status, body): &(u16, Value)) -> String {
    let value = match (vendor, *status) {
        (Vendor::Google, EXPIRED) => {
            json!({ "error": { "code": 4, "message": "the request expired", "status": "DEADLINE_EXCEEDED" } })
        }
        (Vendor::Google, 200) => json!({ "response": body }),
        (Vendor::Google, _) => body.get(0).unwrap_or(body).clone(),
        (Vendor::Anthropic, EXPIRED) => json!({ "custom_id": key, "result": { "type": "expired" } }),
        (Vendor::Anthropic, 200) => json!({ "custom_id": key, "result": { "type": "succeeded", "message": body } }),
        (Vendor::Anthropic, _) => json!({ "custom_id": key, "result": { "type": "errored", "error": body } }),
        (_, EXPIRED) => json!({
            "id": "batch_req", "custom_id": key, "response": null,
            "error": { "code": "batch_expired", "message": "This request could not be executed before the completion window expired." },
        }),
        (_, status) => json!({
            "id": "batch_req", "custom_id": key, "error": null,
            "response": { "status_code": status, "request_id": "req_batch", "body": body },
        }),
    };
    match (vendor, key) {
        // within a list the key stands in the metadata, in a file beside the response
        (Vendor::Google, Some(key)) => {
            let mut value = value;
            value["metadata"] = json!({ "key": key });
            value["key"] = json!(key);
            value.to_string()
        }
        _ => value.to_string(),
    }
}

pub fn results(state: &State, id: &str) -> Reply {
    let batch = state.batches.get(id).filter(|batch| batch.vendor == Vendor::Anthropic);
    let Some((batch, results)) = batch.and_then(|batch| Some((batch, batch.results.as_ref()?))) else {
        return refuse(wire::ANTHROPIC, 404, "no results yet");
    };
    let pairs = batch.requests.iter().zip(results).rev();
    let body = pairs.map(|((key, _), result)| line(batch.vendor, key.as_deref(), result) + "\n").collect();
    Reply { body, headers: vec![("content-type", "application/x-jsonl".into())], ..Reply::json(200, &Value::Null) }
}

/// The batch as its provider shows it.
fn report(state: &State, id: &str, host: &str) -> Value {
    let Some(batch) = state.batches.get(id) else { return Value::Null };
    let total = batch.requests.len();
    let ended = batch.results.is_some();
    let count =
        |wanted: &dyn Fn(u16) -> bool| batch.results.iter().flatten().filter(|(status, _)| wanted(*status)).count();
    let (succeeded, expired) = (count(&|status| status == 200), count(&|status| status == EXPIRED));
    let failed = if ended { total - succeeded - expired } else { 0 };
    match batch.vendor {
        Vendor::Google => {
            let name = match (ended, batch.polls) {
                (true, _) => "BATCH_STATE_SUCCEEDED",
                (false, 0) => "BATCH_STATE_PENDING",
                (false, _) => "BATCH_STATE_RUNNING",
            };
            let mut operation = json!({
                "name": id,
                "metadata": {
                    "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
                    "model": format!("models/{}", batch.model),
                    "displayName": "mock",
                    "createTime": CREATED,
                    "batchStats": { "requestCount": total.to_string() },
                    "state": name,
                    "name": id,
                },
            });
            if let Some(results) = &batch.results {
                let output = if state.settings.batch_file == 1 {
                    json!({ "responsesFile": format!("files/{}", id.replace('/', "-")) })
                } else {
                    let pairs = batch.requests.iter().zip(results).rev();
                    let lines = pairs.map(|((key, _), result)| line(batch.vendor, key.as_deref(), result));
                    let mut values: Vec<Value> = lines.filter_map(|line| serde_json::from_str(&line).ok()).collect();
                    for value in &mut values {
                        value.as_object_mut().and_then(|object| object.remove("key"));
                    }
                    json!({ "inlinedResponses": { "inlinedResponses": values } })
                };
                operation["metadata"]["output"] = output.clone();
                operation["response"] = output;
                operation["done"] = json!(true);
            }
            operation
        }
        Vendor::Anthropic => json!({
            "id": id,
            "type": "message_batch",
            "processing_status": if ended { "ended" } else { "in_progress" },
            "request_counts": {
                "processing": if ended { 0 } else { total }, "succeeded": succeeded, "errored": failed,
                "canceled": 0, "expired": expired,
            },
            "ended_at": ended.then_some(CREATED),
            "created_at": CREATED,
            "expires_at": "2026-01-02T00:00:00Z",
            "results_url": ended.then(|| format!("http://{host}/v1/messages/batches/{id}/results")),
        }),
        Vendor::OpenAi => {
            let name = match (ended, batch.polls) {
                (true, _) if expired > 0 => "expired",
                (true, _) => "completed",
                (false, 0) => "validating",
                (false, _) => "in_progress",
            };
            let file = |kind: &str| {
                let file = format!("file-{kind}-{id}");
                state.files.contains_key(&file).then_some(file)
            };
            json!({
                "id": id,
                "object": "batch",
                "endpoint": "/v1/responses",
                "completion_window": "24h",
                "status": name,
                "output_file_id": file("output"),
                "error_file_id": file("error"),
                "created_at": 1_780_000_000,
                "request_counts": { "total": total, "completed": succeeded, "failed": failed + expired },
            })
        }
    }
}
