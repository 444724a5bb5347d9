//! The store as seen, planned and passed on: `llm_plan`, `llm_import`, and the notes of `llm_usage`.

use super::call::Settings;
use super::error::LlmError;
use super::job::{Outcome, abstained};
use super::lane::guess;
use super::ledger::price;
use super::prices::{Usage, same_but_for_version};
use super::request::{Template, split};
use super::store::{self, Record};
use super::task::readable;
use crate::hash::{Hash, hexadecimal};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;

/// Request that one text would make to one model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planned {
    /// Position of the model in the list.
    pub position: usize,
    pub annotator: String,
    pub provider: &'static str,
    pub model: String,
    /// `None` for a text that is not sent.
    pub request_hash: Option<String>,
    pub stored: bool,
    pub input_tokens: f64,
    pub output_tokens: f64,
    pub cost_usd: Option<f64>,
    pub requests_per_minute: Option<f64>,
    pub tokens_per_minute: Option<f64>,
    pub concurrency: usize,
}

/// The requests of texts, document by document, each with all models. Nothing is sent.
///
/// # Errors
///
/// Where the store cannot be read.
pub(crate) fn plan(settings: &Settings, texts: &[Option<&str>]) -> Result<Vec<Planned>, LlmError> {
    let store = store::open(&settings.store)?;
    let readable: Vec<Option<&str>> = texts.iter().map(|text| readable(*text, settings.max_text_chars).ok()).collect();
    let templates: Vec<Template> = settings.models.iter().map(|model| Template::new(model, &settings.task)).collect();
    let hashes: Vec<Option<Hash>> = readable
        .iter()
        .flat_map(|text| templates.iter().map(move |template| text.map(|text| template.request_hash(text))))
        .collect();
    let asked: Vec<Hash> = hashes.iter().flatten().copied().collect();
    let found = store.lookup(&asked)?;
    let mut planned = Vec::with_capacity(hashes.len());
    for (text, hashes) in readable.iter().zip(hashes.chunks(settings.models.len())) {
        let mut estimate = guess(&settings.task.prompt, text.unwrap_or(""));
        for (position, (model, hash)) in settings.models.iter().zip(hashes).enumerate() {
            if let Some(cap) = model.max_tokens {
                estimate.output = estimate.output.min(cap as f64);
            }
            planned.push(Planned {
                position,
                annotator: model.annotator.clone(),
                provider: model.provider.facts().name,
                model: model.name.clone(),
                request_hash: hash.as_ref().map(|hash| hexadecimal(hash)),
                stored: hash.is_some_and(|hash| found.contains_key(&hash)),
                input_tokens: estimate.input.ceil(),
                output_tokens: estimate.output.ceil(),
                cost_usd: price(model, &estimate),
                requests_per_minute: model.requests_per_minute,
                tokens_per_minute: model.tokens_per_minute,
                concurrency: model.concurrency,
            });
        }
    }
    Ok(planned)
}

/// Whether another model answered than the one that was asked for, other than a dated version of it.
pub(crate) fn is_substitute(requested: &str, answered: Option<&str>) -> bool {
    // some servers put the folder or the provider before the name
    let bare = |name: &str| name.rsplit('/').next().unwrap_or(name).to_lowercase();
    answered.is_some_and(|answered| !same_but_for_version(&bare(requested), &bare(answered)))
}

/// Takes rows of `llm_store`, as JSON texts, into the store at `path`; whether each of them was new.
///
/// # Errors
///
/// Where a row is none of `llm_store`, or was changed, and where the store cannot be written.
pub(crate) fn import(path: &Path, rows: &[&str]) -> Result<Vec<bool>, LlmError> {
    let records = rows.iter().map(|row| record(row)).collect::<Result<Vec<_>, _>>()?;
    store::open(path)?.import(&records)
}

/// A record with its hash, and the head and text of its request; the hash must be that of the request.
fn record(row: &str) -> Result<(Record, Hash, String, String), LlmError> {
    let json: Value = serde_json::from_str(row).unwrap_or(Value::Null);
    let given = |name: &str| json[name].as_str().map(str::to_string);
    let wrong = |message: &str| LlmError::Import {
        row: given("request_hash").unwrap_or_else(|| "without request_hash".to_string()),
        message: message.to_string(),
    };
    let need =
        |name: &str| given(name).ok_or_else(|| wrong(&format!("{name} is missing; give rows of muster.llm_store()")));
    let request = need("request")?;
    let (head, text) = split(&request).ok_or_else(|| wrong("request is not a canonical request of version 1"))?;
    let hash: Hash = Sha256::digest(request.as_bytes()).into();
    let request_hash = need("request_hash")?;
    if hexadecimal(&hash) != request_hash {
        return Err(wrong("request_hash is not the hash of request: the row was changed"));
    }
    let asked: Value = serde_json::from_str(&request).unwrap_or(Value::Null);
    let asked_text = |name: &str| asked[name].as_str().unwrap_or("").to_string();
    let count = |name: &str| json[name].as_u64();
    let label = json["label"].as_bool();
    let word = need("answer")?;
    let outcome = Outcome {
        label,
        error: abstained(label, &word),
        word: Some(word),
        model: given("model"),
        reason: given("reason"),
        finish: given("finish"),
        request_id: given("request_id"),
        attempts: count("attempts").unwrap_or(1) as u32,
        usage: Usage {
            input: count("input_tokens"),
            cached: count("cached_tokens"),
            cache_written: 0,
            output: count("output_tokens"),
            reasoning: count("reasoning_tokens"),
        },
        cost_usd: json["cost_usd"].as_f64(),
        batch: json["batch"].as_bool().unwrap_or(false),
    };
    let record = Record {
        request_hash,
        provider: asked_text("provider"),
        base_url: asked_text("base_url"),
        requested_model: asked_text("model"),
        answered_ms: json["answered_ms"].as_i64().unwrap_or(0),
        request,
        response: given("response").unwrap_or_default(),
        outcome,
    };
    Ok((record, hash, head, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_models_are_told_from_versions() {
        for (requested, answered, other) in [
            ("gpt-5-mini", Some("gpt-5-mini-2025-08-07"), false),
            ("gemini-2.5-flash", Some("models/gemini-2.5-flash"), false),
            ("gemini-2.5-flash", Some("gemini-3-flash"), true),
            ("llama3:8b", Some("llama3:8b"), false),
            ("m", None, false),
        ] {
            assert_eq!(is_substitute(requested, answered), other, "{requested} {answered:?}");
        }
    }

    #[test]
    fn changed_rows_are_not_imported() {
        let of = |row: Value| record(&row.to_string()).unwrap_err().to_string();
        assert!(of(serde_json::json!({})).contains("row without request_hash: request is missing"));
        let head =
            r#"{"base_url":"b","model":"m","parameters":{},"prompt":"p","provider":"openai","schema":{},"text":"#;
        let request = super::super::request::request(head, "CV");
        let hash: Hash = Sha256::digest(request.as_bytes()).into();
        let hash = hexadecimal(&hash);
        let good = serde_json::json!({"request_hash": hash, "request": request, "answer": "ACCEPT", "label": true});
        let (record, ..) = record(&good.to_string()).unwrap();
        assert_eq!((record.provider.as_str(), record.requested_model.as_str()), ("openai", "m"));
        let mut changed = good.clone();
        changed["request"] = request.replace("CV", "VC").into();
        assert!(of(changed).contains("the row was changed"));
    }
}
