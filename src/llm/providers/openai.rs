//! OpenAI: `POST {base}/responses`, with the schema under `text.format`. Nothing is kept by the provider
//! (`store: false`) beyond what its terms say.

use crate::env::Variable;
use crate::hash::{Hash, hexadecimal, unhex};
use crate::llm::confidence::{self, ALTERNATIVES, Confidence};
use crate::llm::key::Key;
use crate::llm::model::{Batches, Facts, Home, Line, Model, Provider, Results, Role, Upload};
use crate::llm::prices::Usage;
use crate::llm::reply::{self, Reply, text, tokens};
use crate::llm::request_error::RequestError;
use crate::llm::schema::shorten;
use crate::llm::task::Task;
use serde_json::{Value, json};

/// The requests of a batch are those of single requests.
const ENDPOINT: &str = "/v1/responses";

#[derive(Debug)]
pub(crate) struct OpenAi;

static FACTS: Facts = Facts {
    name: "openai",
    home: Home::At("https://api.openai.com/v1"),
    variables: &[
        (Role::Key, Variable::new("OPENAI_API_KEY", "key of `openai` models")),
        (Role::BaseUrl, Variable::new("MUSTER_OPENAI_BASE_URL", "address of `openai` models, up to `/v1`")),
    ],
    max_tokens: None,
};

impl Provider for OpenAi {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn key_header(&self, key: &Key) -> (&'static str, String) {
        ("authorization", format!("Bearer {}", key.secret()))
    }

    fn url(&self, model: &Model) -> String {
        format!("{}/responses", model.base_url)
    }

    fn body(&self, model: &Model, task: &Task, text: &str) -> Value {
        let mut body = json!({
            "model": model.name,
            "instructions": task.prompt,
            "input": text,
            "text": { "format": {
                "type": "json_schema", "name": "evaluation", "strict": true, "schema": task.schema.json_schema(model.states_confidence())
            } },
            "store": false
        });
        if model.confidence == Some(Confidence::Logprobs) {
            body["include"] = json!(["message.output_text.logprobs"]);
            body["top_logprobs"] = ALTERNATIVES.into();
        }
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

    fn reply(&self, task: &Task, body: &Value) -> Reply {
        let finish = text(&body["incomplete_details"]["reason"]).or_else(|| text(&body["status"]));
        let output = body["output"].as_array().map(Vec::as_slice).unwrap_or_default();
        let messages = output.iter().filter(|item| item["type"] == "message");
        let content: Vec<&Value> = messages.map(|item| &item["content"]).collect();
        let said = match content.iter().find_map(|content| reply::refusal(content)) {
            Some(words) => Err(format!("refused: {}", shorten(words))),
            None => reply::said(finish.as_deref(), || {
                task.schema.read(&content.iter().map(|content| reply::spoken(content)).collect::<String>())
            }),
        };
        let parts = content.iter().filter_map(|content| content.as_array()).flatten();
        let tokens_of = parts.flat_map(|part| confidence::openai(&part["logprobs"])).collect();
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
            tokens: tokens_of,
            said,
        }
    }

    fn batches(&self) -> Option<&dyn Batches> {
        Some(self)
    }
}

impl Batches for OpenAi {
    fn limits(&self) -> (usize, usize) {
        (50_000, 150_000_000)
    }

    fn upload(&self, model: &Model, requests: &[(Hash, Value)]) -> Option<Upload> {
        let line = |(hash, body): &(Hash, Value)| {
            json!({ "custom_id": hexadecimal(hash), "method": "POST", "url": ENDPOINT, "body": body }).to_string()
                + "\n"
        };
        Some(Upload { url: format!("{}/files", model.base_url), lines: requests.iter().map(line).collect() })
    }

    fn order(&self, model: &Model, _: &[(Hash, Value)], file: &Value) -> (String, Value) {
        let order = json!({ "input_file_id": file, "endpoint": ENDPOINT, "completion_window": "24h" });
        (format!("{}/batches", model.base_url), order)
    }

    fn report_url(&self, model: &Model, id: &str) -> String {
        format!("{}/batches/{id}", model.base_url)
    }

    fn has_ended(&self, report: &Value) -> bool {
        report["status"].as_str().is_some_and(|s| ["completed", "failed", "expired", "cancelled"].contains(&s))
    }

    fn results(&self, model: &Model, _: &str, report: &Value) -> Results {
        let files = ["output_file_id", "error_file_id"].iter().filter_map(|name| report[name].as_str());
        Results::Files(files.map(|file| format!("{}/files/{file}/content", model.base_url)).collect())
    }

    fn line(&self, line: &Value) -> Option<Line> {
        let hash = unhex(line["custom_id"].as_str()?)?;
        let response = &line["response"];
        let outcome = match response["status_code"].as_u64() {
            Some(200..300) => Ok(response["body"].clone()),
            Some(status) => Err(self.error_in_batch(status, &response["body"])),
            None => {
                let kind = line["error"]["code"].as_str().unwrap_or("no result");
                Err(RequestError::lost(format!("{kind} in the batch")))
            }
        };
        Some((hash, outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request() {
        let mut model = Model::test(&OpenAi, "gpt-x");
        let task = Task { prompt: "Judge.".to_string(), ..Task::default() };
        let plain = OpenAi.body(&model, &task, "CV");
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
        let full = OpenAi.body(&model, &task, "CV");
        assert_eq!((&full["temperature"], &full["reasoning"]), (&json!(0.0), &json!({"effort": "low"})));
        model.confidence = Some(Confidence::Logprobs);
        let asking = OpenAi.body(&model, &task, "CV");
        assert_eq!(
            (&asking["include"], &asking["top_logprobs"]),
            (&json!(["message.output_text.logprobs"]), &json!(5))
        );
        model.confidence = Some(Confidence::Stated);
        let stated = OpenAi.body(&model, &task, "CV");
        assert_eq!(stated["text"]["format"]["schema"], task.schema.json_schema(true));
        assert_eq!(stated["include"], Value::Null);
    }

    /// The shape of the reference of Responses.
    #[test]
    fn probabilities_of_tokens() {
        let entry = |token: &str, p: f64| json!({"token": token, "logprob": p.ln(), "bytes": token.as_bytes()});
        let with = |token: &str, p: f64, top: Value| {
            let mut entry = entry(token, p);
            entry["top_logprobs"] = top;
            entry
        };
        let tokens = json!([
            with("{\"evaluation\":", 1.0, json!([])),
            with("\"AC", 0.6, json!([entry("\"AC", 0.6), entry("\"RE", 0.4)])),
            with("CEPT\"}", 1.0, json!([entry("CEPT\"}", 1.0)])),
        ]);
        let part = json!({"type": "output_text", "text": "{\"evaluation\":\"ACCEPT\"}", "logprobs": tokens});
        let output = json!([{"type": "reasoning", "summary": []}, {"type": "message", "content": [part]}]);
        let task = Task::default();
        let reply = OpenAi.reply(&task, &json!({"status": "completed", "output": output}));
        let p = confidence::p_yes(&reply.tokens, &task.schema, &reply.said.unwrap().word).unwrap();
        assert!((p - 0.6).abs() < 1e-12, "{p}");
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
        let reply = OpenAi.reply(&Task::default(), &body);
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
            let reply = OpenAi.reply(&Task::default(), &body);
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

    #[test]
    fn a_batch() {
        let hash: Hash = [0xab; 32];
        let id = hexadecimal(&hash);
        let answer = json!({"x": 1});
        let line = json!({"custom_id": id, "error": null, "response": {"status_code": 200, "body": answer}});
        assert_eq!(OpenAi.line(&line), Some((hash, Ok(answer))));
        let expired = json!({"custom_id": id, "response": null, "error": {"code": "batch_expired", "message": "late"}});
        let error = OpenAi.line(&expired).unwrap().1.unwrap_err();
        assert_eq!((error.message.as_str(), error.retry), ("batch_expired in the batch", true));
        assert!(!OpenAi.has_ended(&json!({"status": "finalizing"})));
        assert!(OpenAi.has_ended(&json!({"status": "expired"})));
    }
}
