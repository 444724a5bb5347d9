//! Gemini: `POST /v1beta/models/{model}:generateContent`.

use super::{Answer, Ask, Facts, Finish, Kind, Limits, Token, Wire, check_fields, properties, string, tokens};
use serde_json::{Value, json};
use std::time::Duration;

pub struct Google;

impl Wire for Google {
    fn facts(&self) -> &'static Facts {
        &Facts {
            name: "google",
            base_url: ("MUSTER_GOOGLE_BASE_URL", ""),
            key: Some("GEMINI_API_KEY"),
            key_header: "x-goog-api-key",
        }
    }

    fn route(&self, parts: &[&str]) -> Option<Option<String>> {
        let ["v1beta", "models", call] = parts else { return None };
        call.strip_suffix(":generateContent").map(|model| Some(model.to_string()))
    }

    fn statuses(&self) -> (u16, u16) {
        (403, 429)
    }

    fn limits(&self) -> Limits {
        Limits::None
    }

    fn id_header(&self) -> Option<&'static str> {
        None
    }

    /// It stands in the body.
    fn wait_headers(&self, _: Duration) -> Vec<(&'static str, String)> {
        vec![]
    }

    fn parse(&self, model: Option<&str>, body: &Value) -> Result<Ask, String> {
        parse(model.unwrap_or_default(), body)
    }

    fn answer(&self, ask: &Ask, given: &Answer, id: u64) -> Value {
        answer(ask, given, id)
    }

    fn error(&self, status: u16, kind: Kind, message: &str, wait: Duration) -> Value {
        error(status, kind, message, wait)
    }
}

fn parse(model: &str, body: &Value) -> Result<Ask, String> {
    check_fields(
        body,
        &["model", "contents", "systemInstruction", "generationConfig", "safetySettings", "tools", "cachedContent"],
    )?;
    let text = string(body, "/contents/0/parts/0/text")?;
    let system = body.pointer("/systemInstruction/parts/0/text").and_then(Value::as_str).unwrap_or_default();
    let config = body.get("generationConfig").unwrap_or(&Value::Null);
    let schema = config.get("responseSchema").or_else(|| config.get("responseJsonSchema"));
    if schema.is_some() && config.get("responseMimeType") != Some(&json!("application/json")) {
        return Err("a response schema needs responseMimeType application/json".into());
    }
    if let Some(schema) = config.get("responseSchema") {
        let types = properties(schema).map(|(_, property)| property).chain([schema]);
        if types.filter_map(|p| p.get("type")).any(|t| t.as_str().is_none_or(|t| t != t.to_uppercase())) {
            return Err("Invalid value at 'generation_config.response_schema.type'".into());
        }
        if schema.get("additionalProperties").is_some() {
            return Err("Unknown name \"additionalProperties\" at 'generation_config.response_schema'".into());
        }
    }
    Ok(Ask {
        model: model.to_string(),
        input_tokens: tokens(system) + tokens(&text),
        cached_tokens: 0,
        text,
        schema: schema.cloned(),
        tool: None,
        reasoning: config.get("thinkingConfig").is_some(),
        alternatives: (config.get("responseLogprobs") == Some(&json!(true)))
            .then(|| config.get("logprobs").and_then(Value::as_u64).unwrap_or(0)),
    })
}

fn answer(ask: &Ask, answer: &Answer, id: u64) -> Value {
    let mut body = json!({ "modelVersion": answer.model, "responseId": format!("response-{id}") });
    if answer.finish == Finish::Safety {
        body["promptFeedback"] = json!({ "blockReason": "SAFETY" });
    } else {
        let finish = match answer.finish {
            Finish::Stop => "STOP",
            Finish::Length => "MAX_TOKENS",
            Finish::Refusal => "PROHIBITED_CONTENT",
            Finish::Safety => "SAFETY",
            Finish::Spii => "SPII",
        };
        let mut candidate = json!({ "finishReason": finish, "index": 0 });
        if answer.finish == Finish::Length {
            candidate["content"] = json!({ "role": "model" });
        } else if answer.finish == Finish::Stop {
            let mut parts = vec![];
            parts.extend(answer.thought.as_ref().map(|thought| json!({ "text": thought, "thought": true })));
            parts.push(json!({ "text": answer.text }));
            candidate["content"] = json!({ "role": "model", "parts": parts });
        }
        if !answer.tokens.is_empty() {
            candidate["logprobsResult"] = logprobs_result(&answer.tokens);
        }
        body["candidates"] = json!([candidate]);
    }
    if answer.usage {
        let thoughts = if ask.reasoning || answer.thought.is_some() { 40 } else { 0 };
        let output = answer.output_tokens();
        body["usageMetadata"] = json!({
            "promptTokenCount": ask.input_tokens,
            "totalTokenCount": ask.input_tokens + output + thoughts,
        });
        if output > 0 {
            body["usageMetadata"]["candidatesTokenCount"] = json!(output);
        }
        if thoughts > 0 {
            body["usageMetadata"]["thoughtsTokenCount"] = json!(thoughts);
        }
    }
    body
}

/// Tokens that were chosen, and beside them a list of the alternatives of each.
fn logprobs_result(tokens: &[Token]) -> Value {
    let one = |(id, (text, logprob)): (usize, (&str, f64))| json!({ "token": text, "tokenId": id, "logProbability": logprob });
    let chosen = tokens.iter().map(|token| (token.text.as_str(), token.logprob)).enumerate().map(one);
    let top = tokens.iter().map(|token| {
        let candidates =
            token.alternatives.iter().map(|(text, logprob)| (text.as_str(), *logprob)).enumerate().map(one);
        json!({ "candidates": candidates.collect::<Vec<_>>() })
    });
    json!({ "topCandidates": top.collect::<Vec<_>>(), "chosenCandidates": chosen.collect::<Vec<_>>() })
}

/// A 503 comes inside a list, as the real interface does at times.
fn error(status: u16, kind: Kind, message: &str, wait: Duration) -> Value {
    let name = match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        500 => "INTERNAL",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "UNKNOWN",
    };
    let quota = |id: &str| {
        json!({
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{
                "quotaMetric": "generativelanguage.googleapis.com/generate_content_requests",
                "quotaId": id,
                "quotaValue": "250",
            }],
        })
    };
    let retry = |delay: Duration| {
        json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{}s", delay.as_secs_f64()),
        })
    };
    let details = match (status, kind) {
        (429, Kind::Plain) => vec![quota("GenerateRequestsPerMinutePerProjectPerModel"), retry(wait)],
        // the delay that stands beside a quota of the day is short, and waiting so long does not help
        (429, _) => vec![quota("GenerateRequestsPerDayPerProjectPerModel"), retry(Duration::from_secs(31))],
        _ => vec![],
    };
    let mut error = json!({ "code": status, "message": message, "status": name });
    if !details.is_empty() {
        error["details"] = json!(details);
    }
    let body = json!({ "error": error });
    if status == 503 { json!([body]) } else { body }
}
