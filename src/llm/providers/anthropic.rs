//! Anthropic: `POST {base}/v1/messages`.
//!
//! The answer is held to a schema by a tool that the model has to call, which models of every age can do. A model
//! that reasons cannot be forced to call a tool: with `reasoning` the schema goes as `output_config.format`.

use super::{Reply, text, tokens};
use crate::llm::model::{ANTHROPIC_MAX_TOKENS, Model};
use crate::llm::prices::Usage;
use crate::llm::request::Task;
use serde_json::{Value, json};

const TOOL: &str = "evaluate";

pub fn body(model: &Model, task: &Task, profile: &str) -> Value {
    let schema = task.schema.json_schema();
    let mut body = json!({
        "model": model.name,
        "max_tokens": model.max_tokens.unwrap_or(ANTHROPIC_MAX_TOKENS),
        "system": [{ "type": "text", "text": task.prompt }],
        "messages": [{ "role": "user", "content": profile }]
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

pub fn reply(task: &Task, body: &Value) -> Reply {
    let finish = text(&body["stop_reason"]);
    let content = body["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    let said = match finish.as_deref() {
        Some("end_turn" | "tool_use" | "stop_sequence") | None => {
            match content.iter().find(|block| block["type"] == "tool_use") {
                Some(block) => task.schema.read_object(&block["input"]),
                None => {
                    let spoken = content.iter().filter(|block| block["type"] == "text");
                    task.schema.read(&spoken.filter_map(|block| block["text"].as_str()).collect::<String>())
                }
            }
        }
        Some("max_tokens") => Err("answer cut off: max_tokens".to_string()),
        Some("refusal") => Err("refused".to_string()),
        Some(other) => Err(format!("no answer: {other}")),
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
        said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::model::Provider;

    #[test]
    fn a_request() {
        let mut model = Model { name: "claude-x".to_string(), ..Model::new(Provider::Anthropic) };
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
        assert_eq!(body(&model, &task, "CV"), expected);
        model.reasoning = Some("high".to_string());
        let body = body(&model, &task, "CV");
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
        let by_tool = reply(&Task::default(), &tool);
        assert_eq!(by_tool.said.unwrap().label, Some(false));
        let usage = by_tool.usage;
        assert_eq!((usage.input, usage.cached, usage.output), (Some(1110), Some(1000), Some(5)));
        let plain = json!({
            "stop_reason": "end_turn",
            "content": [{"type": "thinking", "thinking": "…"}, {"type": "text", "text": input.to_string()}]
        });
        assert_eq!(reply(&Task::default(), &plain).said.unwrap().reason.as_deref(), Some("sells"));
    }

    #[test]
    fn what_is_no_answer() {
        let of = |body: Value| reply(&Task::default(), &body).said.unwrap_err();
        assert_eq!(of(json!({"stop_reason": "refusal", "content": []})), "refused");
        let cut =
            json!({"stop_reason": "max_tokens", "content": [{"type": "tool_use", "input": {"evaluation": "ACCEPT"}}]});
        assert_eq!(of(cut), "answer cut off: max_tokens");
        assert_eq!(of(json!({"stop_reason": "end_turn", "content": []})), "empty answer");
        assert_eq!(of(json!({"stop_reason": "pause_turn", "content": []})), "no answer: pause_turn");
    }
}
