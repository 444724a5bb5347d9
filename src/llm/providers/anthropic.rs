//! Anthropic: `POST {base}/v1/messages`.
//!
//! The answer is held to a schema by a tool that the model has to call, which models of every age can do. A model
//! that reasons cannot be forced to call a tool: with `reasoning` the schema goes as `output_config.format`.

use crate::env::Variable;
use crate::hash::{Hash, hexadecimal, unhex};
use crate::llm::key::Key;
use crate::llm::model::{Batches, Facts, Home, Line, Model, Provider, Results, Role};
use crate::llm::prices::Usage;
use crate::llm::reply::{self, Reply, text, tokens};
use crate::llm::request_error::RequestError;
use crate::llm::task::Task;
use serde_json::{Value, json};

const TOOL: &str = "evaluate";

/// The interface has no request without a cap; a verdict and its reason take some hundred tokens.
const MAX_TOKENS: u64 = 1024;

#[derive(Debug)]
pub(crate) struct Anthropic;

static FACTS: Facts = Facts {
    name: "anthropic",
    home: Home::At("https://api.anthropic.com"),
    variables: &[
        (Role::Key, Variable::new("ANTHROPIC_API_KEY", "key of `anthropic` models")),
        (Role::BaseUrl, Variable::new("MUSTER_ANTHROPIC_BASE_URL", "address of `anthropic` models, without a path")),
    ],
    max_tokens: Some(MAX_TOKENS),
};

impl Provider for Anthropic {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn gives_logprobs(&self) -> bool {
        false
    }

    fn key_header(&self, key: &Key) -> (&'static str, String) {
        ("x-api-key", key.secret().to_string())
    }

    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        &[("anthropic-version", "2023-06-01")]
    }

    fn url(&self, model: &Model) -> String {
        format!("{}/v1/messages", model.base_url)
    }

    fn body(&self, model: &Model, task: &Task, text: &str) -> Value {
        let schema = task.schema.json_schema(model.states_confidence());
        let mut body = json!({
            "model": model.name,
            "max_tokens": model.max_tokens.unwrap_or(MAX_TOKENS),
            "system": [{ "type": "text", "text": task.prompt }],
            "messages": [{ "role": "user", "content": text }]
        });
        match &model.reasoning {
            None => {
                let description = "Reports the evaluation of the profile.";
                body["tools"] = json!([{ "name": TOOL, "description": description, "input_schema": schema }]);
                body["tool_choice"] = json!({ "type": "tool", "name": TOOL });
            }
            Some(reasoning) => {
                body["output_config"] = json!({ "format": { "type": "json_schema", "schema": schema } });
                match reasoning.parse::<u64>() {
                    Ok(budget) => body["thinking"] = json!({ "type": "enabled", "budget_tokens": budget }),
                    Err(_) => {
                        body["thinking"] = json!({ "type": "adaptive" });
                        body["output_config"]["effort"] = reasoning.as_str().into();
                    }
                }
            }
        }
        if let Some(temperature) = model.temperature {
            body["temperature"] = temperature.into();
        }
        body
    }

    fn reply(&self, task: &Task, body: &Value) -> Reply {
        let finish = text(&body["stop_reason"]);
        let content = body["content"].as_array().map(Vec::as_slice).unwrap_or_default();
        let said = match finish.as_deref() {
            Some("refusal") => Err("refused".to_string()),
            finish => reply::said(finish, || {
                let calls: Vec<&Value> = content.iter().filter(|block| block["type"] == "tool_use").collect();
                let spoken = reply::spoken(&body["content"]);
                match calls[..] {
                    [] => task.schema.read(&spoken),
                    [call] => task.schema.read_object(&call["input"]).and_then(|verdict| {
                        // what is said beside a call is no answer, unless it would be one
                        match task.schema.read(&spoken) {
                            Ok(other) if other.word != verdict.word => {
                                Err(format!("answer has two verdicts: {} and {}", verdict.word, other.word))
                            }
                            _ => Ok(verdict),
                        }
                    }),
                    _ => Err(format!("answer has two verdicts: {} calls of {TOOL}", calls.len())),
                }
            }),
        };
        let usage = &body["usage"];
        let read = tokens(&usage["cache_read_input_tokens"]);
        let written = tokens(&usage["cache_creation_input_tokens"]).unwrap_or(0);
        Reply {
            model: text(&body["model"]),
            request_id: text(&body["id"]),
            finish,
            usage: Usage {
                // the three parts of the prompt are counted apart
                input: tokens(&usage["input_tokens"]).map(|fresh| fresh + read.unwrap_or(0) + written),
                cached: read,
                cache_written: written,
                output: tokens(&usage["output_tokens"]),
                reasoning: None,
            },
            tokens: Vec::new(),
            said,
        }
    }

    fn refine(&self, error: &mut RequestError, body: &Value) {
        if body["message"].as_str().is_some_and(|said| said.contains("credit balance is too low")) {
            error.stop();
        }
    }

    fn batches(&self) -> Option<&dyn Batches> {
        Some(self)
    }
}

impl Batches for Anthropic {
    fn limits(&self) -> (usize, usize) {
        (50_000, 150_000_000)
    }

    fn order(&self, model: &Model, requests: &[(Hash, Value)], _: &Value) -> (String, Value) {
        let requests: Vec<Value> =
            requests.iter().map(|(hash, body)| json!({ "custom_id": hexadecimal(hash), "params": body })).collect();
        (format!("{}/v1/messages/batches", model.base_url), json!({ "requests": requests }))
    }

    fn report_url(&self, model: &Model, id: &str) -> String {
        format!("{}/v1/messages/batches/{id}", model.base_url)
    }

    fn has_ended(&self, report: &Value) -> bool {
        report["processing_status"] == "ended"
    }

    fn results(&self, model: &Model, id: &str, _: &Value) -> Results {
        Results::Files(vec![format!("{}/results", self.report_url(model, id))])
    }

    fn line(&self, line: &Value) -> Option<Line> {
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
                Err(self.error_in_batch(status, &result["error"]))
            }
            Some(kind) => Err(RequestError::lost(format!("{kind} in the batch"))),
            None => Err(RequestError::lost("no result in the batch".to_string())),
        };
        Some((hash, outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::confidence::Confidence;

    #[test]
    fn a_request() {
        let mut model = Model::test(&Anthropic, "claude-x");
        let task = Task { prompt: "Judge.".to_string(), ..Task::default() };
        let schema = json!({
            "type": "object",
            "properties": {
                "evaluation": {"type": "string", "enum": ["ACCEPT", "REJECT"]},
                "reason": {"type": "string"}
            },
            "required": ["evaluation", "reason"],
            "additionalProperties": false
        });
        let expected = json!({
            "model": "claude-x",
            "max_tokens": 1024,
            "system": [{"type": "text", "text": "Judge."}],
            "messages": [{"role": "user", "content": "CV"}],
            "tools": [{
                "name": "evaluate", "description": "Reports the evaluation of the profile.", "input_schema": schema
            }],
            "tool_choice": {"type": "tool", "name": "evaluate"}
        });
        assert_eq!(Anthropic.body(&model, &task, "CV"), expected);
        model.confidence = Some(Confidence::Stated);
        let stated = Anthropic.body(&model, &task, "CV");
        assert_eq!(stated["tools"][0]["input_schema"], task.schema.json_schema(true));
        model.confidence = None;
        model.reasoning = Some("high".to_string());
        let body = Anthropic.body(&model, &task, "CV");
        assert_eq!(body["output_config"]["effort"], "high");
        assert_eq!(body["output_config"]["format"]["schema"], schema);
        assert_eq!(body["tool_choice"], Value::Null);
    }

    #[test]
    fn answers_by_tool_and_by_text() {
        let input = json!({"evaluation": "REJECT", "reason": "sells"});
        let usage = json!({
            "input_tokens": 10, "output_tokens": 5, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 1000
        });
        let tool = json!({
            "id": "msg_1", "model": "claude-x-20260101", "stop_reason": "tool_use", "usage": usage,
            "content": [{"type": "text", "text": "Let me see."}, {"type": "tool_use", "name": "evaluate", "input": input}]
        });
        let by_tool = Anthropic.reply(&Task::default(), &tool);
        assert_eq!(by_tool.said.unwrap().label, Some(false));
        let usage = by_tool.usage;
        assert_eq!((usage.input, usage.cached, usage.output), (Some(1110), Some(1000), Some(5)));
        let plain = json!({
            "stop_reason": "end_turn",
            "content": [{"type": "thinking", "thinking": "…"}, {"type": "text", "text": input.to_string()}]
        });
        assert_eq!(Anthropic.reply(&Task::default(), &plain).said.unwrap().reason.as_deref(), Some("sells"));
    }

    #[test]
    fn two_verdicts_are_none() {
        let call = |word: &str| json!({"type": "tool_use", "name": "evaluate", "input": {"evaluation": word}});
        let said = |word: &str| json!({"type": "text", "text": json!({"evaluation": word}).to_string()});
        let of = |content: Value| {
            Anthropic.reply(&Task::default(), &json!({"stop_reason": "tool_use", "content": content})).said
        };
        let two = of(json!([call("ACCEPT"), call("REJECT")]));
        assert_eq!(two.unwrap_err(), "answer has two verdicts: 2 calls of evaluate");
        let beside = of(json!([said("REJECT"), call("ACCEPT")]));
        assert_eq!(beside.unwrap_err(), "answer has two verdicts: ACCEPT and REJECT");
        assert_eq!(of(json!([said("ACCEPT"), call("ACCEPT")])).unwrap().label, Some(true));
    }

    #[test]
    fn what_is_no_answer() {
        let of = |body: Value| Anthropic.reply(&Task::default(), &body).said.unwrap_err();
        assert_eq!(of(json!({"stop_reason": "refusal", "content": []})), "refused");
        let cut =
            json!({"stop_reason": "max_tokens", "content": [{"type": "tool_use", "input": {"evaluation": "ACCEPT"}}]});
        assert_eq!(of(cut), "answer cut off: max_tokens");
        assert_eq!(of(json!({"stop_reason": "end_turn", "content": []})), "empty answer");
        assert_eq!(of(json!({"stop_reason": "pause_turn", "content": []})), "no answer: pause_turn");
    }

    #[test]
    fn a_batch() {
        let hash: Hash = [0xab; 32];
        let id = hexadecimal(&hash);
        let answer = json!({"x": 1});
        let line = json!({"custom_id": id, "result": {"type": "succeeded", "message": answer}});
        assert_eq!(Anthropic.line(&line), Some((hash, Ok(answer))));
        let of = |line: Value| {
            let error = Anthropic.line(&line).unwrap().1.unwrap_err();
            (error.message, error.retry)
        };
        let expired = json!({"custom_id": id, "result": {"type": "expired"}});
        assert_eq!(of(expired), ("expired in the batch".to_string(), true));
        let wrong = json!({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}});
        let wrong = json!({"custom_id": id, "result": {"type": "errored", "error": wrong}});
        assert_eq!(of(wrong), ("in the batch: HTTP 400 invalid_request_error: no".to_string(), false));
        assert!(!Anthropic.has_ended(&json!({"processing_status": "canceling"})));
        assert!(Anthropic.has_ended(&json!({"processing_status": "ended"})));
    }
}
