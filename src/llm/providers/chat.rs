//! Chat Completions, as compatible servers and Azure speak it: the schema stands under `response_format`. A server that
//! does not know it answers in prose, of which one fenced block of JSON is read.

use crate::llm::confidence::{self, ALTERNATIVES, Confidence};
use crate::llm::model::Model;
use crate::llm::prices::Usage;
use crate::llm::reply::{self, Reply, text, tokens};
use crate::llm::schema::shorten;
use crate::llm::task::Task;
use serde_json::{Value, json};

/// Body of a request; `cap` is the field that holds the cap on tokens, where there is one.
pub(crate) fn body(model: &Model, task: &Task, text: &str, cap: &str) -> Value {
    let mut body = json!({
        "model": model.name,
        "messages": [
            { "role": "system", "content": task.prompt },
            { "role": "user", "content": text }
        ],
        "response_format": { "type": "json_schema", "json_schema": {
            "name": "evaluation", "strict": true, "schema": task.schema.json_schema(model.states_confidence())
        } }
    });
    if model.confidence == Some(Confidence::Logprobs) {
        body["logprobs"] = true.into();
        body["top_logprobs"] = ALTERNATIVES.into();
    }
    if let Some(temperature) = model.temperature {
        body["temperature"] = temperature.into();
    }
    if let Some(tokens) = model.max_tokens {
        body[cap] = tokens.into();
    }
    if let Some(reasoning) = &model.reasoning {
        body["reasoning_effort"] = reasoning.as_str().into();
    }
    body
}

/// Reads the body of a successful response.
pub(crate) fn reply(task: &Task, body: &Value) -> Reply {
    let choice = &body["choices"][0];
    let message = &choice["message"];
    let finish = text(&choice["finish_reason"]);
    let content = &message["content"];
    let said = match reply::refusal(message).or(reply::refusal(content)) {
        Some(words) => Err(format!("refused: {}", shorten(words))),
        None => reply::said(finish.as_deref(), || task.schema.read(&reply::spoken(content))),
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
        tokens: confidence::openai(&choice["logprobs"]["content"]).collect(),
        said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shape of the reference of Chat Completions.
    #[test]
    fn probabilities_of_tokens() {
        let entry = |token: &str, logprob: f64| json!({"token": token, "logprob": logprob, "bytes": token.as_bytes()});
        let with = |token: &str, logprob: f64, top: Value| {
            let mut entry = entry(token, logprob);
            entry["top_logprobs"] = top;
            entry
        };
        let content = json!([
            with("{\"", 0.0, json!([])),
            with("evaluation", 0.0, json!([])),
            with("\":\"", 0.0, json!([])),
            with("REJECT", 0.75f64.ln(), json!([entry("REJECT", 0.75f64.ln()), entry("ACCEPT", 0.25f64.ln())])),
            with("\"}", 0.0, json!([])),
        ]);
        let message = json!({"content": "{\"evaluation\":\"REJECT\"}"});
        let body = json!({"choices": [{
            "finish_reason": "stop", "message": message, "logprobs": {"content": content, "refusal": null}
        }]});
        let task = Task::default();
        let reply = reply(&task, &body);
        let p = confidence::p_yes(&reply.tokens, &task.schema, &reply.said.unwrap().word).unwrap();
        assert!((p - 0.25).abs() < 1e-12, "{p}");
    }

    #[test]
    fn answers_and_what_is_none() {
        let of = |choice: Value| reply(&Task::default(), &json!({ "choices": [choice] })).said;
        let content = "Sure:\n```json\n{\"evaluation\":\"REJECT\",\"reason\":\"r\"}\n```";
        let spoken = json!({"finish_reason": "stop", "message": {"content": content, "refusal": null}});
        assert_eq!(of(spoken).unwrap().label, Some(false));
        let reasoning = json!({"finish_reason": "stop", "message": {"content": null, "reasoning_content": "ACCEPT"}});
        assert_eq!(of(reasoning).unwrap_err(), "empty answer");
        assert_eq!(
            of(json!({"finish_reason": "length", "message": {"content": ""}})).unwrap_err(),
            "answer cut off: length"
        );
        assert_eq!(of(json!({"finish_reason": "stop", "message": {"refusal": "no"}})).unwrap_err(), "refused: no");
        for finish in [json!("eos"), json!("eos_token"), json!(""), Value::Null] {
            let ended = json!({"finish_reason": finish, "message": {"content": "{\"evaluation\":\"ACCEPT\"}"}});
            assert_eq!(of(ended).unwrap().label, Some(true));
        }
        let thought =
            json!({"type": "thinking", "thinking": [{"type": "text", "text": "{\"evaluation\":\"ACCEPT\"}"}]});
        let parts =
            json!([thought, {"type": "text", "text": "{\"evaluation\":"}, {"type": "text", "text": "\"REJECT\"}"}]);
        assert_eq!(of(json!({"message": {"content": parts}})).unwrap().label, Some(false));
        let refused = json!({"message": {"content": [{"type": "refusal", "refusal": "no"}]}});
        assert_eq!(of(refused).unwrap_err(), "refused: no");
        assert_eq!(of(json!({"finish_reason": "content_filter"})).unwrap_err(), "no answer: content_filter");
        assert_eq!(reply(&Task::default(), &json!({})).said.unwrap_err(), "empty answer");
    }
}
