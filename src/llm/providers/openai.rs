//! OpenAI: `POST {base}/responses`, with the schema under `text.format`. Nothing is kept by the provider
//! (`store: false`) beyond what its terms say.

use super::{Reply, text, tokens};
use crate::llm::model::Model;
use crate::llm::prices::Usage;
use crate::llm::request::Task;
use serde_json::{Value, json};

pub fn body(model: &Model, task: &Task, profile: &str) -> Value {
    let mut body = json!({
        "model": model.name,
        "instructions": task.prompt,
        "input": profile,
        "text": { "format": {
            "type": "json_schema", "name": "evaluation", "strict": true, "schema": task.schema.json_schema()
        } },
        "store": false
    });
    if let Some(temperature) = model.temperature {
        body["temperature"] = temperature.into();
    }
    if let Some(tokens) = model.max_tokens {
        body["max_output_tokens"] = tokens.into();
    }
    if let Some(reasoning) = &model.reasoning {
        body["reasoning"] = json!({ "effort": reasoning });
    }
    body
}

pub fn reply(task: &Task, body: &Value) -> Reply {
    let finish = text(&body["incomplete_details"]["reason"]).or_else(|| text(&body["status"]));
    let output = body["output"].as_array().map(Vec::as_slice).unwrap_or_default();
    let messages = output.iter().filter(|item| item["type"] == "message");
    let content: Vec<&Value> = messages.filter_map(|item| item["content"].as_array()).flatten().collect();
    let refusal = content.iter().find_map(|part| part["refusal"].as_str());
    let said = match (refusal, finish.as_deref()) {
        (Some(words), _) => Err(format!("refused: {}", super::shorten(words))),
        (None, Some("completed") | None) => {
            let spoken = content.iter().filter(|part| part["type"] == "output_text");
            task.schema.read(&spoken.filter_map(|part| part["text"].as_str()).collect::<String>())
        }
        (None, Some("max_output_tokens")) => Err("answer cut off: max_output_tokens".to_string()),
        (None, Some(other)) => match body["error"]["message"].as_str() {
            Some(message) => Err(format!("no answer: {other}: {}", super::shorten(message))),
            None => Err(format!("no answer: {other}")),
        },
    };
    let usage = &body["usage"];
    Reply {
        model: text(&body["model"]),
        request_id: text(&body["id"]),
        finish,
        usage: Usage {
            input: tokens(&usage["input_tokens"]),
            cached: tokens(&usage["input_tokens_details"]["cached_tokens"]),
            cache_written: 0,
            output: tokens(&usage["output_tokens"]),
            reasoning: tokens(&usage["output_tokens_details"]["reasoning_tokens"]),
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
        let mut model = Model { name: "gpt-x".to_string(), ..Model::new(Provider::OpenAi) };
        let task = Task { prompt: "Judge.".to_string(), ..Task::default() };
        let plain = body(&model, &task, "CV");
        let keys: Vec<&str> = plain.as_object().unwrap().keys().map(String::as_str).collect();
        // nothing that was not asked for: gpt-5 models refuse a temperature, and a cap may leave no room for an answer
        assert_eq!(keys.len(), 5);
        assert_eq!(
            (&plain["model"], &plain["instructions"], &plain["input"]),
            (&json!("gpt-x"), &json!("Judge."), &json!("CV"))
        );
        assert_eq!((&plain["store"], &plain["text"]["format"]["strict"]), (&json!(false), &json!(true)));
        model.temperature = Some(0.0);
        model.reasoning = Some("low".to_string());
        let full = body(&model, &task, "CV");
        assert_eq!((&full["temperature"], &full["reasoning"]), (&json!(0.0), &json!({"effort": "low"})));
    }

    #[test]
    fn an_answer_behind_reasoning() {
        let answer = json!({"evaluation": "ACCEPT", "reason": "r"}).to_string();
        let body = json!({
            "id": "resp_1", "model": "gpt-x-2026-01-01", "status": "completed", "error": null, "incomplete_details": null,
            "output": [
                {"type": "reasoning", "summary": []},
                {"type": "message", "content": [{"type": "output_text", "text": answer}]}
            ],
            "usage": {
                "input_tokens": 100, "input_tokens_details": {"cached_tokens": 40},
                "output_tokens": 30, "output_tokens_details": {"reasoning_tokens": 12}
            }
        });
        let reply = reply(&Task::default(), &body);
        assert_eq!(reply.said.unwrap().label, Some(true));
        let usage = reply.usage;
        assert_eq!(
            (usage.input, usage.cached, usage.output, usage.reasoning),
            (Some(100), Some(40), Some(30), Some(12))
        );
        assert_eq!(reply.finish.as_deref(), Some("completed"));
    }

    #[test]
    fn what_is_no_answer() {
        let of = |body: Value| {
            let reply = reply(&Task::default(), &body);
            (reply.said.unwrap_err(), reply.finish.unwrap_or_default())
        };
        let refused = json!({"status": "completed", "output": [
            {"type": "message", "content": [{"type": "refusal", "refusal": "I cannot"}]}]});
        assert_eq!(of(refused), ("refused: I cannot".to_string(), "completed".to_string()));
        let cut = json!({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []});
        assert_eq!(of(cut), ("answer cut off: max_output_tokens".to_string(), "max_output_tokens".to_string()));
        let filtered = json!({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}});
        assert_eq!(of(filtered), ("no answer: content_filter".to_string(), "content_filter".to_string()));
        assert_eq!(of(json!({"status": "completed", "output": []})).0, "empty answer");
    }
}
