//! The store as seen, planned and passed on: `llm_plan`, `llm_import`, and the notes of `llm_usage`.

use super::call::Settings;
use super::error::LlmError;
use super::job::{Outcome, abstained};
use super::lane::guess;
use super::ledger::price;
use super::prices::{Usage, same_but_for_version};
use super::request::{Template, schema, split};
use super::store::{self, Entry, Import, TemplateRow};
use super::sync::lock;
use super::task::readable;
use crate::hash::{Hash, hexadecimal};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

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
    let found = store.answered(&asked)?;
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
                stored: hash.is_some_and(|hash| found.contains(&hash)),
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

/// Imports under way by the statement's id; one that was refused stays as nothing.
type Imports = VecDeque<(String, Arc<Mutex<Option<Import>>>)>;

/// Number of imports that are remembered; the oldest is forgotten, and its file removed, first.
const IMPORTS: usize = 64;

fn imports() -> &'static Mutex<Imports> {
    static UNDER_WAY: OnceLock<Mutex<Imports>> = OnceLock::new();
    UNDER_WAY.get_or_init(Mutex::default)
}

/// Takes rows of `llm_store`, as JSON texts, into the import of a statement; whether each of them is new to the store at
/// `path`. Nothing is there before [`end_import`].
///
/// # Errors
///
/// Where a row is none of `llm_store`, was changed or contradicts itself, and where the store cannot be written.
pub(crate) fn import(path: &Path, id: &str, rows: &[&str]) -> Result<Vec<bool>, LlmError> {
    let store = store::open(path)?;
    let import = {
        let mut imports = lock(imports());
        match imports.iter().find(|(known, _)| known == id) {
            Some((_, import)) => import.clone(),
            None => {
                let import = Arc::new(Mutex::new(Some(store.import()?)));
                if imports.len() == IMPORTS {
                    imports.pop_front();
                }
                imports.push_back((id.to_string(), import.clone()));
                import
            }
        }
    };
    let mut import = lock(&import);
    let Some(mut under_way) = import.take() else { return Err(LlmError::ImportRefused) };
    let entries = rows.iter().map(|row| entry(row)).collect::<Result<Vec<_>, _>>()?;
    let hashes: Vec<Hash> = entries.iter().map(|entry| entry.hash).collect();
    let known = store.answered(&hashes)?;
    let added = entries.into_iter().map(|entry| Ok(!known.contains(&entry.hash) && under_way.add(entry)?));
    let added = added.collect::<Result<_, LlmError>>()?;
    *import = Some(under_way);
    Ok(added)
}

/// Ends the import of a statement whose rows have all been taken.
///
/// # Errors
///
/// Where a row was refused, and where the store cannot be written.
pub(crate) fn end_import(id: &str) -> Result<(), LlmError> {
    let import = {
        let mut imports = lock(imports());
        let at = imports.iter().position(|(known, _)| known == id);
        at.and_then(|at| imports.remove(at))
    };
    // none, where there was no row
    let Some((_, import)) = import else { return Ok(()) };
    let import = lock(&import).take().ok_or(LlmError::ImportRefused)?;
    Ok(import.publish()?)
}

/// The answer in a row. The hash must be that of the request, and the label what the answer stands for.
fn entry(row: &str) -> Result<Entry, LlmError> {
    let wrong = |row: Option<&str>, message: String| LlmError::Import {
        row: row.unwrap_or("without request_hash").to_string(),
        message,
    };
    let json: Value = serde_json::from_str(row).map_err(|error| wrong(None, format!("not to be read: {error}")))?;
    read_entry(&json).map_err(|message| wrong(json["request_hash"].as_str(), message))
}

fn read_entry(json: &Value) -> Result<Entry, String> {
    let given = |name: &str| match &json[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        value => Err(format!("{name} must be a text, got {value}")),
    };
    let need = |name: &str| given(name)?.ok_or(format!("{name} is missing; give rows of muster.llm_store()"));
    let between = |name: &str, least: f64, most: f64| match &json[name] {
        Value::Null => Ok(None),
        value => match value.as_f64().filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(format!("{name} must be a number between {least} and {most}, got {value}")),
        },
    };
    let whole = |name: &str, least: f64, most: f64| match between(name, least, most)? {
        Some(number) if number.fract() != 0.0 => Err(format!("{name} must be a whole number, got {number}")),
        number => Ok(number),
    };
    let tokens = |name: &str| Ok::<_, String>(whole(name, 0.0, 1e12)?.map(|number| number as u64));
    let request = need("request")?;
    let (head, text) = split(&request).ok_or("request is not a canonical request of version 1")?;
    let hash: Hash = Sha256::digest(request.as_bytes()).into();
    if hexadecimal(&hash) != need("request_hash")? {
        return Err("request_hash is not the hash of request: the row was changed".to_string());
    }
    let asked: Value = serde_json::from_str(&request).unwrap_or(Value::Null);
    let schema = schema(&asked).ok_or("request has no schema")?;
    let asked_text = |name: &str| asked[name].as_str().unwrap_or("").to_string();
    let (word, shown) =
        (need("answer")?, |label: Option<bool>| label.map_or("NULL".to_string(), |label| label.to_string()));
    let meant = schema.meaning(&word).ok_or(format!("answer must be a word of the request's schema, got '{word}'"))?;
    let label = match &json["label"] {
        Value::Null => None,
        Value::Bool(label) => Some(*label),
        value => return Err(format!("label must be true, false or NULL, got {value}")),
    };
    if label != meant {
        return Err(format!("label must be {}, as answer is '{word}', got {}", shown(meant), shown(label)));
    }
    let p_yes = between("p_yes", 0.0, 1.0)?;
    if p_yes.is_some() && asked["parameters"]["confidence"].is_null() {
        return Err("p_yes must be NULL, as the request asks for no confidence".to_string());
    }
    let batch = match &json["batch"] {
        Value::Null => false,
        Value::Bool(batch) => *batch,
        value => return Err(format!("batch must be true, false or NULL, got {value}")),
    };
    // milliseconds of the years 1 to 9999
    let answered = whole("answered_ms", -62_135_596_800_000.0, 253_402_300_799_999.0)?;
    let outcome = Outcome {
        label,
        p_yes,
        error: abstained(label, &word),
        word: Some(word),
        model: given("model")?,
        reason: given("reason")?,
        finish: given("finish")?,
        request_id: given("request_id")?,
        attempts: whole("attempts", 1.0, 1e6)?.unwrap_or(1.0) as u32,
        usage: Usage {
            input: tokens("input_tokens")?,
            cached: tokens("cached_tokens")?,
            cache_written: 0,
            output: tokens("output_tokens")?,
            reasoning: tokens("reasoning_tokens")?,
        },
        cost_usd: between("cost_usd", 0.0, 1e6)?,
        batch,
    };
    let template = TemplateRow {
        template: Template::from_head(head),
        provider: asked_text("provider"),
        base_url: asked_text("base_url"),
        requested_model: asked_text("model"),
    };
    Ok(Entry {
        hash,
        template: Arc::new(template),
        text: text.into(),
        outcome,
        response: Some(given("response")?.unwrap_or_default()),
        at_ms: answered.ok_or("answered_at is missing; give rows of muster.llm_store()")? as i64,
        claim: None,
    })
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

    const HEAD: &str = concat!(
        r#"{"base_url":"b","model":"m","parameters":{},"prompt":"p","provider":"openai","#,
        r#""schema":{"abstain":["UNCLEAR"],"field":"evaluation","no":["REJECT"],"yes":["ACCEPT"]},"text":"#
    );

    /// A row as `llm_store` gives it, but for what `change` does to it.
    fn row(change: impl FnOnce(&mut Value)) -> String {
        row_of(HEAD, change)
    }

    fn row_of(head: &str, change: impl FnOnce(&mut Value)) -> String {
        let request = super::super::request::request(head, "CV");
        let hash: Hash = Sha256::digest(request.as_bytes()).into();
        let mut row = serde_json::json!({
            "request_hash": hexadecimal(&hash), "request": request, "answer": "ACCEPT", "label": true, "answered_ms": 7,
            "attempts": 2.0, "cost_usd": 0.5, "input_tokens": 100,
        });
        change(&mut row);
        row.to_string()
    }

    #[test]
    fn rows_are_read_as_they_are_meant() {
        let read = entry(&row(|_| ())).unwrap();
        assert_eq!((read.template.provider.as_str(), read.template.requested_model.as_str()), ("openai", "m"));
        assert_eq!((read.outcome.label, read.outcome.attempts, read.at_ms), (Some(true), 2, 7));
        let asking = |p: f64| {
            let head = HEAD.replace(r#""parameters":{}"#, r#""parameters":{"confidence":"logprobs"}"#);
            entry(&row_of(&head, |row| row["p_yes"] = p.into()))
        };
        assert_eq!((read.outcome.p_yes, asking(0.25).unwrap().outcome.p_yes), (None, Some(0.25)));
        assert!(asking(1.5).unwrap_err().to_string().contains("p_yes must be a number between 0 and 1, got 1.5"));
        let abstained = entry(&row(|row| (row["answer"], row["label"]) = ("UNCLEAR".into(), Value::Null))).unwrap();
        assert_eq!(abstained.outcome.error.as_deref(), Some("abstained: UNCLEAR"));
    }

    #[test]
    fn changed_rows_are_not_imported() {
        let wrong: [(&str, Value, &str); 16] = [
            ("request", "{}".into(), "request is not a canonical request"),
            ("request", Value::Null, "request is missing"),
            ("request_hash", "0".repeat(64).into(), "the row was changed"),
            ("answer", "MAYBE".into(), "answer must be a word of the request's schema, got 'MAYBE'"),
            ("answer", "REJECT".into(), "label must be false, as answer is 'REJECT', got true"),
            ("label", Value::Null, "label must be true, as answer is 'ACCEPT', got NULL"),
            ("label", "true".into(), "label must be true, false or NULL, got \"true\""),
            ("cost_usd", (-1).into(), "cost_usd must be a number between 0 and 1000000, got -1"),
            ("p_yes", 0.5.into(), "p_yes must be NULL, as the request asks for no confidence"),
            ("p_yes", "0.5".into(), "p_yes must be a number between 0 and 1, got \"0.5\""),
            ("attempts", 1e18.into(), "attempts must be a number between 1 and 1000000, got 1e+18"),
            ("attempts", 1.5.into(), "attempts must be a whole number, got 1.5"),
            ("input_tokens", (-3).into(), "input_tokens must be a number between 0"),
            ("answered_ms", Value::Null, "answered_at is missing"),
            ("model", 5.into(), "model must be a text, got 5"),
            ("batch", 1.into(), "batch must be true, false or NULL, got 1"),
        ];
        for (name, value, says) in wrong {
            let message = entry(&row(|row| row[name] = value)).unwrap_err().to_string();
            assert!(message.contains(says), "{name}: {message}");
        }
        assert!(entry("{").unwrap_err().to_string().starts_with("row without request_hash: not to be read"));
    }
}
