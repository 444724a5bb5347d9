//! OpenAI-compatible servers (vLLM, llama.cpp, Ollama, gateways): `POST {base}/chat/completions`, with the schema under
//! `response_format`. A server that does not know it answers in prose, which is read as far as it holds JSON.

use super::{Reply, text, tokens};
use crate::llm::model::Model;
use crate::llm::prices::Usage;
use crate::llm::request::Task;
use serde_json::{Value, json};

pub fn body(model: &Model, task: &Task, profile: &str) -> Value {
    let mut body = json!({
        "model": model.name,
        "messages": [
            { "role": "system", "content": task.prompt },
            { "role": "user", "content": profile }
        ],
        "response_format": { "type": "json_schema", "json_schema": {
            "name": "evaluation", "strict": true, "schema": task.schema.json_schema()
        } }
    });
    if let Some(temperature) = model.temperature {
        body["temperature"] = temperature.into();
    }
    if let Some(tokens) = model.max_tokens {
        body["max_tokens"] = tokens.into();
    }
    if let Some(reasoning) = &model.reasoning {
        body["reasoning_effort"] = reasoning.as_str().into();
    }
    body
}

pub fn reply(task: &Task, body: &Value) -> Reply {
    let choice = &body["choices"][0];
    let message = &choice["message"];
    let finish = text(&choice["finish_reason"]);
    let said = match (message["refusal"].as_str(), finish.as_deref()) {
        (Some(words), _) if !words.is_empty() => Err(format!("refused: {}", super::shorten(words))),
        (_, Some("stop") | None) => task.schema.read(message["content"].as_str().unwrap_or("")),
        (_, Some("length")) => Err("answer cut off: length".to_string()),
        (_, Some(other)) => Err(format!("no answer: {other}")),
    };
    let usage = &body["usage"];
    Reply {
        model: text(&body["model"]),
        request_id: text(&body["id"]),
        finish,
        usage: Usage {
            input: tokens(&usage["prompt_tokens"]),
            cached: tokens(&usage["prompt_tokens_details"]["cached_tokens"]),
            cache_written: 0,
            output: tokens(&usage["completion_tokens"]),
            reasoning: tokens(&usage["completion_tokens_details"]["reasoning_tokens"]),
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
        let model = Model { name: "llama3:8b".to_string(), max_tokens: Some(300), ..Model::new(Provider::Compatible) };
        let task = Task { prompt: "Judge.".to_string(), ..Task::default() };
        let schema = task.schema.json_schema();
        let expected = json!({
            "model": "llama3:8b",
            "messages": [{"role": "system", "content": "Judge."}, {"role": "user", "content": "CV"}],
            "response_format": {
                "type": "json_schema", "json_schema": {"name": "evaluation", "strict": true, "schema": schema}
            },
            "max_tokens": 300
        });
        assert_eq!(body(&model, &task, "CV"), expected);
    }

    #[test]
    fn answers_and_what_is_none() {
        let of = |choice: Value| reply(&Task::default(), &json!({ "choices": [choice] })).said;
        let content = "Sure: {\"evaluation\":\"REJECT\",\"reason\":\"r\"}";
        let spoken = json!({"finish_reason": "stop", "message": {"content": content, "refusal": null}});
        assert_eq!(of(spoken).unwrap().label, Some(false));
        let reasoning = json!({"finish_reason": "stop", "message": {"content": null, "reasoning_content": "ACCEPT"}});
        assert_eq!(of(reasoning).unwrap_err(), "empty answer");
        assert_eq!(
            of(json!({"finish_reason": "length", "message": {"content": ""}})).unwrap_err(),
            "answer cut off: length"
        );
        assert_eq!(of(json!({"finish_reason": "stop", "message": {"refusal": "no"}})).unwrap_err(), "refused: no");
        assert_eq!(of(json!({"finish_reason": "content_filter"})).unwrap_err(), "no answer: content_filter");
        assert_eq!(reply(&Task::default(), &json!({})).said.unwrap_err(), "empty answer");
    }
}
