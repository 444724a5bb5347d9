//! Google: `POST {base}/v1beta/models/{model}:generateContent`.
//!
//! The answer is held to a schema in Google's dialect of OpenAPI. Thoughts are billed as output and left out of the
//! answer. A prompt that is blocked has no candidates.

use crate::env::Variable;
use crate::hash::{Hash, hexadecimal, unhex};
use crate::llm::confidence::{self, ALTERNATIVES, Confidence};
use crate::llm::key::Key;
use crate::llm::model::{Batches, Facts, Home, Line, Model, Provider, Results, Role};
use crate::llm::prices::Usage;
use crate::llm::reply::{self, Reply, text, tokens};
use crate::llm::request_error::RequestError;
use crate::llm::task::Task;
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct Google;

static FACTS: Facts = Facts {
    name: "google",
    home: Home::At("https://generativelanguage.googleapis.com"),
    variables: &[
        (Role::Key, Variable::new("GEMINI_API_KEY", "key of `google` models")),
        (Role::Key, Variable::new("GOOGLE_API_KEY", "the same, where `GEMINI_API_KEY` is not set")),
        (Role::BaseUrl, Variable::new("MUSTER_GOOGLE_BASE_URL", "address of `google` models, without a path")),
    ],
    max_tokens: None,
};

impl Provider for Google {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn key_header(&self, key: &Key) -> (&'static str, String) {
        ("x-goog-api-key", key.secret().to_string())
    }

    fn url(&self, model: &Model) -> String {
        format!("{}/v1beta/models/{}:generateContent", model.base_url, model.name)
    }

    fn body(&self, model: &Model, task: &Task, text: &str) -> Value {
        let mut config = json!({
            "responseMimeType": "application/json",
            "responseSchema": task.schema.google_schema(model.states_confidence())
        });
        if model.confidence == Some(Confidence::Logprobs) {
            config["responseLogprobs"] = true.into();
            config["logprobs"] = ALTERNATIVES.into();
        }
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
            "contents": [{ "role": "user", "parts": [{ "text": text }] }],
            "generationConfig": config
        })
    }

    fn reply(&self, task: &Task, body: &Value) -> Reply {
        let candidate = &body["candidates"][0];
        let blocked = text(&body["promptFeedback"]["blockReason"]);
        let finish = text(&candidate["finishReason"]);
        let said = match &blocked {
            Some(reason) => Err(format!("prompt blocked: {reason}")),
            None => reply::said(finish.as_deref(), || task.schema.read(&reply::spoken(&candidate["content"]["parts"]))),
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
            tokens: confidence::google(&candidate["logprobsResult"]),
            said,
        }
    }

    fn refine(&self, error: &mut RequestError, body: &Value) {
        if is_daily(body) || is_bad_key(body) {
            error.stop();
        }
    }

    fn batches(&self) -> Option<&dyn Batches> {
        Some(self)
    }
}

impl Batches for Google {
    fn limits(&self) -> (usize, usize) {
        (10_000, 15_000_000)
    }

    fn order(&self, model: &Model, requests: &[(Hash, Value)], _: &Value) -> (String, Value) {
        let requests: Vec<Value> = requests
            .iter()
            .map(|(hash, body)| json!({ "request": body, "metadata": { "key": hexadecimal(hash) } }))
            .collect();
        let batch = json!({ "displayName": "muster", "inputConfig": { "requests": { "requests": requests } } });
        (format!("{}/v1beta/models/{}:batchGenerateContent", model.base_url, model.name), json!({ "batch": batch }))
    }

    fn report_url(&self, model: &Model, id: &str) -> String {
        format!("{}/v1beta/{id}", model.base_url)
    }

    fn has_ended(&self, report: &Value) -> bool {
        let state = report["metadata"]["state"].as_str().or(report["state"].as_str()).unwrap_or("");
        let ended = ["SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"].iter().any(|end| state.ends_with(end));
        ended || report["done"].as_bool() == Some(true)
    }

    fn results(&self, model: &Model, _: &str, report: &Value) -> Results {
        // where the output stands has moved between versions of the interface
        let output = |name: &str| {
            let mut places = ["/metadata/output", "/response", "/output"].iter();
            places.find_map(|place| report.pointer(&format!("{place}/{name}")))
        };
        let list = output("inlinedResponses")
            .and_then(|found| found.as_array().or_else(|| found["inlinedResponses"].as_array()));
        if let Some(list) = list {
            return Results::Inlined(list.iter().filter_map(|line| self.line(line)).collect());
        }
        let file = output("responsesFile").and_then(Value::as_str);
        let address = |file| format!("{}/download/v1beta/{file}:download?alt=media", model.base_url);
        Results::Files(file.map(address).into_iter().collect())
    }

    fn line(&self, line: &Value) -> Option<Line> {
        let hash = unhex(line["metadata"]["key"].as_str().or(line["key"].as_str())?)?;
        if line["response"].is_object() {
            return Some((hash, Ok(line["response"].clone())));
        }
        let status = line["error"]["code"].as_u64().unwrap_or(0);
        Some((hash, Err(self.error_in_batch(status, line))))
    }
}

/// Whether it is a quota that is counted by the day.
fn is_daily(error: &Value) -> bool {
    let details = error["details"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut violations = details.iter().filter_map(|detail| detail["violations"].as_array()).flatten();
    violations.any(|violation| violation["quotaId"].as_str().is_some_and(|id| id.contains("PerDay")))
}

/// Whether the key is wrong, which Google answers with status 400.
fn is_bad_key(error: &Value) -> bool {
    let details = error["details"].as_array().map(Vec::as_slice).unwrap_or_default();
    details.iter().any(|detail| detail["reason"].as_str() == Some("API_KEY_INVALID"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request() {
        let mut model = Model::test(&Google, "gemini-x");
        let task = Task { prompt: "Judge.".to_string(), ..Task::default() };
        assert_eq!(
            Google.url(&model),
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-x:generateContent"
        );
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
        assert_eq!(Google.body(&model, &task, "CV"), expected);
        model.reasoning = Some("0".to_string());
        model.max_tokens = Some(99);
        let config = &Google.body(&model, &task, "CV")["generationConfig"];
        assert_eq!(config["thinkingConfig"], json!({"thinkingBudget": 0}));
        assert_eq!((&config["maxOutputTokens"], &config["temperature"]), (&json!(99), &Value::Null));
        model.confidence = Some(Confidence::Logprobs);
        let config = &Google.body(&model, &task, "CV")["generationConfig"];
        assert_eq!((&config["responseLogprobs"], &config["logprobs"]), (&json!(true), &json!(5)));
        model.confidence = Some(Confidence::Stated);
        let config = &Google.body(&model, &task, "CV")["generationConfig"];
        assert_eq!((&config["responseLogprobs"], &config["logprobs"]), (&Value::Null, &Value::Null));
        assert_eq!(config["responseSchema"], task.schema.google_schema(true));
    }

    /// The shape of `LogprobsResult` in the reference of the Gemini API.
    #[test]
    fn probabilities_of_tokens() {
        let entry = |token: &str, p: f64| json!({"token": token, "tokenId": 7, "logProbability": p.ln()});
        let top = |list: Value| json!({"candidates": list});
        let result = json!({
            "chosenCandidates": [entry("{\"evaluation\": \"", 1.0), entry("ACCEPT", 0.9), entry("\"}", 1.0)],
            "topCandidates": [
                top(json!([entry("{\"evaluation\": \"", 1.0)])),
                top(json!([entry("ACCEPT", 0.9), entry("REJECT", 0.06), entry("MAYBE", 0.04)])),
                top(json!([entry("\"}", 1.0)]))
            ]
        });
        let content = json!({"parts": [{"text": "{\"evaluation\": \"ACCEPT\"}"}]});
        let body = json!({"candidates": [{"finishReason": "STOP", "content": content, "logprobsResult": result}]});
        let task = Task::default();
        let reply = Google.reply(&task, &body);
        let p = confidence::p_yes(&reply.tokens, &task.schema, &reply.said.unwrap().word).unwrap();
        assert!((p - 0.9 / 0.96).abs() < 1e-12, "{p}");
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
        let reply = Google.reply(&Task::default(), &body);
        assert_eq!(reply.said.unwrap().label, Some(true));
        assert_eq!((reply.usage.input, reply.usage.output, reply.usage.reasoning), (Some(100), Some(27), Some(7)));
        assert_eq!(reply.model.as_deref(), Some("gemini-x-001"));
    }

    #[test]
    fn what_is_no_answer() {
        let of = |body: Value| {
            let reply = Google.reply(&Task::default(), &body);
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

    #[test]
    fn a_batch() {
        let hash: Hash = [0xab; 32];
        let id = hexadecimal(&hash);
        let answer = json!({"x": 1});
        let line = json!({"metadata": {"key": id}, "response": answer});
        assert_eq!(Google.line(&line), Some((hash, Ok(answer.clone()))));
        let expired = json!({"key": id, "error": {"code": 4, "message": "late", "status": "DEADLINE_EXCEEDED"}});
        let error = Google.line(&expired).unwrap().1.unwrap_err();
        assert_eq!((error.message.as_str(), error.retry), ("in the batch: HTTP 500 DEADLINE_EXCEEDED: late", true));
        assert!(!Google.has_ended(&json!({"metadata": {"state": "BATCH_STATE_RUNNING"}})));
        assert!(Google.has_ended(&json!({"metadata": {"state": "BATCH_STATE_EXPIRED"}})));

        let model = Model::test(&Google, "gemini-x");
        let inlined = json!({"response": {"inlinedResponses": {"inlinedResponses": [line, {"key": "none"}]}}});
        let Results::Inlined(lines) = Google.results(&model, "batches/1", &inlined) else { panic!() };
        assert_eq!(lines, [(hash, Ok(answer))]);
        let file = json!({"metadata": {"output": {"responsesFile": "files/f"}}});
        let Results::Files(files) = Google.results(&model, "batches/1", &file) else { panic!() };
        let home = "https://generativelanguage.googleapis.com";
        assert_eq!(files, [format!("{home}/download/v1beta/files/f:download?alt=media")]);
    }
}
