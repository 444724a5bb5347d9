//! Google: `POST {base}/v1beta/models/{model}:generateContent`.
//!
//! The answer is held to a schema in Google's dialect of OpenAPI. Thoughts are billed as output and left out of the
//! answer. A prompt that is blocked has no candidates.

use super::{Reply, text, tokens, wait};
use crate::llm::model::Model;
use crate::llm::prices::Usage;
use crate::llm::request::Task;
use serde_json::{Value, json};
use std::time::Duration;

pub fn url(model: &Model) -> String {
    format!("{}/v1beta/models/{}:generateContent", model.base_url, model.name)
}

pub fn body(model: &Model, task: &Task, profile: &str) -> Value {
    let mut config = json!({
        "responseMimeType": "application/json",
        "responseSchema": task.schema.google_schema()
    });
    if let Some(temperature) = model.temperature {
        config["temperature"] = temperature.into();
    }
    if let Some(tokens) = model.max_tokens {
        config["maxOutputTokens"] = tokens.into();
    }
    if let Some(reasoning) = &model.reasoning {
        config["thinkingConfig"] = match reasoning.parse::<i64>() {
            Ok(budget) => json!({ "thinkingBudget": budget }),
            Err(_) => json!({ "thinkingLevel": reasoning }),
        };
    }
    json!({
        "systemInstruction": { "parts": [{ "text": task.prompt }] },
        "contents": [{ "role": "user", "parts": [{ "text": profile }] }],
        "generationConfig": config
    })
}

pub fn reply(task: &Task, body: &Value) -> Reply {
    let candidate = &body["candidates"][0];
    let blocked = text(&body["promptFeedback"]["blockReason"]);
    let finish = text(&candidate["finishReason"]);
    let said = match (&blocked, finish.as_deref()) {
        (Some(reason), _) => Err(format!("prompt blocked: {reason}")),
        (None, Some("STOP") | None) => {
            let parts = candidate["content"]["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
            let spoken = parts.iter().filter(|part| part["thought"].as_bool() != Some(true));
            task.schema.read(&spoken.filter_map(|part| part["text"].as_str()).collect::<String>())
        }
        (None, Some("MAX_TOKENS")) => Err("answer cut off: MAX_TOKENS".to_string()),
        (None, Some(other)) => Err(format!("no answer: {other}")),
    };
    let usage = &body["usageMetadata"];
    let thoughts = tokens(&usage["thoughtsTokenCount"]);
    let candidates = tokens(&usage["candidatesTokenCount"]);
    let prompt = tokens(&usage["promptTokenCount"]);
    Reply {
        model: text(&body["modelVersion"]),
        request_id: text(&body["responseId"]),
        finish: blocked.or(finish),
        usage: Usage {
            input: prompt,
            cached: tokens(&usage["cachedContentTokenCount"]),
            cache_written: 0,
            // a blocked prompt has no count of candidates, and generated nothing
            output: prompt.map(|_| candidates.unwrap_or(0) + thoughts.unwrap_or(0)),
            reasoning: thoughts,
        },
        said,
    }
}

/// The wait that stands in the details of an error.
pub fn retry_delay(error: &Value) -> Option<Duration> {
    let details = error["details"].as_array()?;
    details.iter().find_map(|detail| wait::duration(detail["retryDelay"].as_str()?))
}

/// A quota that is counted by the day.
pub fn is_daily(error: &Value) -> bool {
    let details = error["details"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut violations = details.iter().filter_map(|detail| detail["violations"].as_array()).flatten();
    violations.any(|violation| violation["quotaId"].as_str().is_some_and(|id| id.contains("PerDay")))
}

/// A wrong key, which Google answers with status 400.
pub fn is_bad_key(error: &Value) -> bool {
    let details = error["details"].as_array().map(Vec::as_slice).unwrap_or_default();
    details.iter().any(|detail| detail["reason"].as_str() == Some("API_KEY_INVALID"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::model::Provider;

    #[test]
    fn a_request() {
        let mut model = Model { name: "gemini-x".to_string(), ..Model::new(Provider::Google) };
        let task = Task { prompt: "Judge.".to_string(), ..Task::default() };
        assert_eq!(url(&model), "https://generativelanguage.googleapis.com/v1beta/models/gemini-x:generateContent");
        let schema = json!({
            "type": "OBJECT",
            "properties": {
                "evaluation": {"type": "STRING", "format": "enum", "enum": ["ACCEPT", "REJECT"]},
                "reason": {"type": "STRING"}
            },
            "propertyOrdering": ["evaluation", "reason"],
            "required": ["evaluation", "reason"]
        });
        let expected = json!({
            "systemInstruction": {"parts": [{"text": "Judge."}]},
            "contents": [{"role": "user", "parts": [{"text": "CV"}]}],
            "generationConfig": {"responseMimeType": "application/json", "responseSchema": schema}
        });
        assert_eq!(body(&model, &task, "CV"), expected);
        model.reasoning = Some("0".to_string());
        model.max_tokens = Some(99);
        let config = &body(&model, &task, "CV")["generationConfig"];
        assert_eq!(config["thinkingConfig"], json!({"thinkingBudget": 0}));
        assert_eq!((&config["maxOutputTokens"], &config["temperature"]), (&json!(99), &Value::Null));
    }

    #[test]
    fn an_answer_with_thoughts() {
        let body = json!({
            "candidates": [{"content": {"parts": [
                {"text": "thinking", "thought": true},
                {"text": "{\"evaluation\":\"ACCEPT\","}, {"text": "\"reason\":\"r\"}"}
            ]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 20, "thoughtsTokenCount": 7},
            "modelVersion": "gemini-x-001", "responseId": "id-1"
        });
        let reply = reply(&Task::default(), &body);
        assert_eq!(reply.said.unwrap().label, Some(true));
        assert_eq!((reply.usage.input, reply.usage.output, reply.usage.reasoning), (Some(100), Some(27), Some(7)));
        assert_eq!(reply.model.as_deref(), Some("gemini-x-001"));
    }

    #[test]
    fn what_is_no_answer() {
        let of = |body: Value| {
            let reply = reply(&Task::default(), &body);
            (reply.said.unwrap_err(), reply.finish.unwrap_or_default())
        };
        let blocked = json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9}});
        assert_eq!(of(blocked), ("prompt blocked: SAFETY".to_string(), "SAFETY".to_string()));
        let private = json!({"candidates": [{"finishReason": "SPII"}]});
        assert_eq!(of(private), ("no answer: SPII".to_string(), "SPII".to_string()));
        let full = json!({"evaluation": "REJECT", "reason": ""}).to_string();
        let long = json!({"candidates": [{"finishReason": "MAX_TOKENS", "content": {"parts": [{"text": full}]}}]});
        assert_eq!(of(long), ("answer cut off: MAX_TOKENS".to_string(), "MAX_TOKENS".to_string()));
        assert_eq!(of(json!({"candidates": [{"finishReason": "STOP"}]})).0, "empty answer");
        assert_eq!(of(json!({})).0, "empty answer");
    }
}
