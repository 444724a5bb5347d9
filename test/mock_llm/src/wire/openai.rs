//! OpenAI Responses: `POST /v1/responses`.

use super::{Answer, Ask, Facts, Finish, Kind, Wire, check_fields, check_strict, logprobs, string, tokens};
use serde_json::{Value, json};
use std::time::Duration;

pub struct OpenAi;

impl Wire for OpenAi {
    fn facts(&self) -> &'static Facts {
        &Facts {
            name: "openai",
            base_url: ("MUSTER_OPENAI_BASE_URL", "/v1"),
            key: Some("OPENAI_API_KEY"),
            key_header: "authorization",
        }
    }

    fn route(&self, parts: &[&str]) -> Option<Option<String>> {
        (parts == ["v1", "responses"]).then_some(None)
    }

    fn wait_headers(&self, wait: Duration) -> Vec<(&'static str, String)> {
        let seconds = wait.as_secs_f64().ceil().to_string();
        vec![("retry-after-ms", wait.as_millis().to_string()), ("retry-after", seconds)]
    }

    fn parse(&self, _: Option<&str>, body: &Value) -> Result<Ask, String> {
        parse(body)
    }

    fn answer(&self, ask: &Ask, given: &Answer, id: u64) -> Value {
        answer(ask, given, id)
    }

    fn error(&self, status: u16, kind: Kind, message: &str, _: Duration) -> Value {
        error(status, kind, message)
    }
}

fn parse(body: &Value) -> Result<Ask, String> {
    check_fields(
        body,
        &[
            "model",
            "instructions",
            "input",
            "text",
            "reasoning",
            "max_output_tokens",
            "store",
            "temperature",
            "seed",
            "service_tier",
            "metadata",
            "include",
            "top_logprobs",
        ],
    )?;
    let model = string(body, "/model")?;
    let include = body.get("include").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let includes = include.iter().any(|name| name == "message.output_text.logprobs");
    if includes && is_reasoning(&model) {
        return Err("logprobs are not supported with reasoning models.".into());
    }
    if body.get("temperature").is_some() && is_reasoning(&model) {
        return Err("Unsupported parameter: 'temperature' is not supported with this model.".into());
    }
    let input = body.get("input").unwrap_or(&Value::Null);
    let text = match input {
        Value::String(text) => text.clone(),
        _ => input
            .as_array()
            .and_then(|items| items.iter().rfind(|item| item.get("role") == Some(&json!("user"))))
            .and_then(|item| item.get("content").and_then(Value::as_str).or(item.pointer("/content/0/text")?.as_str()))
            .ok_or("input must have a text of the user")?
            .to_string(),
    };
    let format = body.pointer("/text/format");
    let schema = format.and_then(|format| format.get("schema"));
    let is_named = |format: &Value| format.get("name").is_some_and(Value::is_string);
    if format.is_some_and(|format| format.get("type") != Some(&json!("json_schema")) || !is_named(format)) {
        return Err("Missing required parameter: 'text.format.name'.".into());
    }
    if let Some(schema) = schema {
        check_strict(schema, true)?;
    }
    let system = body.get("instructions").and_then(Value::as_str).unwrap_or_default();
    Ok(Ask {
        reasoning: is_reasoning(&model),
        alternatives: includes.then(|| body.get("top_logprobs").and_then(Value::as_u64).unwrap_or(0)),
        model,
        input_tokens: tokens(system) + tokens(&text),
        cached_tokens: 0,
        text,
        schema: schema.cloned(),
        tool: None,
    })
}

fn is_reasoning(model: &str) -> bool {
    model.starts_with("gpt-5") || model.starts_with("gpt-6") || model.starts_with('o')
}

fn answer(ask: &Ask, answer: &Answer, id: u64) -> Value {
    let mut output = vec![];
    if ask.reasoning || answer.thought.is_some() {
        let summary = answer.thought.iter().map(|text| json!({ "type": "summary_text", "text": text }));
        output.push(json!({ "id": format!("rs_{id}"), "type": "reasoning", "summary": summary.collect::<Vec<_>>() }));
    }
    let logprobs = logprobs(&answer.tokens);
    let part = match answer.finish {
        Finish::Stop => {
            Some(json!({ "type": "output_text", "text": answer.text, "annotations": [], "logprobs": logprobs }))
        }
        Finish::Refusal => Some(json!({ "type": "refusal", "refusal": "I'm sorry, I can't help with that." })),
        Finish::Length | Finish::Safety | Finish::Spii => None,
    };
    output.extend(part.map(|part| {
        json!({
            "id": format!("msg_{id}"),
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        })
    }));
    let reason = match answer.finish {
        Finish::Stop | Finish::Refusal => None,
        Finish::Length => Some("max_output_tokens"),
        Finish::Safety | Finish::Spii => Some("content_filter"),
    };
    let mut body = json!({
        "id": format!("resp_{id}"),
        "object": "response",
        "status": if reason.is_some() { "incomplete" } else { "completed" },
        "error": null,
        "incomplete_details": reason.map(|reason| json!({ "reason": reason })),
        "model": dated(&answer.model),
        "output": output,
    });
    if answer.usage {
        let thoughts = if ask.reasoning { 64 } else { 0 };
        let written = answer.output_tokens() + thoughts;
        body["usage"] = json!({
            "input_tokens": ask.input_tokens,
            "input_tokens_details": { "cached_tokens": ask.cached_tokens },
            "output_tokens": written,
            "output_tokens_details": { "reasoning_tokens": thoughts },
            "total_tokens": ask.input_tokens + written,
        });
    }
    body
}

/// The name of the snapshot that answered.
pub fn dated(model: &str) -> String {
    if model.starts_with("gpt-") { format!("{model}-2026-05-07") } else { model.to_string() }
}

pub fn error(status: u16, kind: Kind, message: &str) -> Value {
    let (name, code) = match (status, kind) {
        (_, Kind::InsufficientQuota) => ("insufficient_quota", json!("insufficient_quota")),
        (401, _) => ("invalid_request_error", json!("invalid_api_key")),
        (404, _) => ("invalid_request_error", json!("model_not_found")),
        (429, Kind::PerDay) => ("requests", json!("rate_limit_exceeded")),
        (429, _) => ("tokens", json!("rate_limit_exceeded")),
        (400..500, _) => ("invalid_request_error", Value::Null),
        _ => ("server_error", Value::Null),
    };
    let message = match kind {
        Kind::PerDay => "Rate limit reached on requests per day (RPD): Limit 250, Used 250, Requested 1.",
        Kind::Plain | Kind::InsufficientQuota | Kind::Blocked => message,
    };
    json!({ "error": { "message": message, "type": name, "param": null, "code": code } })
}
