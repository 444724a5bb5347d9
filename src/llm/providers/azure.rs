//! Azure OpenAI: `POST {base}/openai/deployments/{deployment}/chat/completions?api-version=…`, Chat Completions under the
//! name that a deployment was given. Every resource has an address of its own.
//!
//! Azure filters prompts and answers. A prompt that is blocked is an error with status 400 whose `innererror` says for
//! what; a filtered answer ends with `content_filter`.

use super::chat;
use crate::env::Variable;
use crate::llm::key::Key;
use crate::llm::model::{Facts, Home, Model, Provider, Role};
use crate::llm::reply::Reply;
use crate::llm::request_error::RequestError;
use crate::llm::task::Task;
use reqwest::Url;
use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Azure;

static FACTS: Facts = Facts {
    name: "azure",
    home: Home::Various("https://my-resource.openai.azure.com"),
    variables: &[
        (Role::Key, Variable::new("AZURE_OPENAI_API_KEY", "key of `azure` deployments")),
        (
            Role::BaseUrl,
            Variable::new("MUSTER_AZURE_BASE_URL", "address of the resource of `azure` deployments, without a path"),
        ),
        (Role::BaseUrl, Variable::new("AZURE_OPENAI_ENDPOINT", "the same, where `MUSTER_AZURE_BASE_URL` is not set")),
        (Role::Option, API_VERSION),
    ],
    max_tokens: None,
};

const API_VERSION: Variable =
    Variable::new("MUSTER_AZURE_API_VERSION", "version of the interface of `azure` deployments; default `2024-10-21`");

/// The first stable version whose answers can be held to a schema.
const DEFAULT_API_VERSION: &str = "2024-10-21";

/// Address of a deployment's requests. A slash in a name would lead to another path.
fn url(model: &Model, version: &str) -> String {
    let deployment = model.name.replace('/', "%2F");
    let address = format!("{}/openai/deployments/{deployment}/chat/completions", model.base_url);
    Url::parse_with_params(&address, [("api-version", version)]).map_or(address, String::from)
}

impl Provider for Azure {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn key_header(&self, key: &Key) -> (&'static str, String) {
        ("api-key", key.secret().to_string())
    }

    fn url(&self, model: &Model) -> String {
        url(model, API_VERSION.text().as_deref().map_or(DEFAULT_API_VERSION, str::trim))
    }

    fn body(&self, model: &Model, task: &Task, text: &str) -> Value {
        // models that reason refuse the one, older models the other
        let cap = if model.reasoning.is_some() { "max_completion_tokens" } else { "max_tokens" };
        chat::body(model, task, text, cap)
    }

    fn reply(&self, task: &Task, body: &Value) -> Reply {
        chat::reply(task, body)
    }

    fn refine(&self, error: &mut RequestError, body: &Value) {
        if body["code"] != "content_filter" {
            return;
        }
        let found = body["innererror"]["content_filter_result"].as_object();
        let blocked = found.into_iter().flatten().filter(|(_, result)| result["filtered"] == true);
        let reasons: Vec<String> = blocked
            .map(|(category, result)| match result["severity"].as_str() {
                Some(severity) => format!("{category} ({severity})"),
                None => category.clone(),
            })
            .collect();
        let reasons = if reasons.is_empty() { "content_filter".to_string() } else { reasons.join(", ") };
        error.message = format!("prompt blocked: {reasons}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
    use serde_json::json;
    use std::time::Duration;

    fn model() -> Model {
        Model { base_url: "https://r.openai.azure.com".to_string(), ..Model::test(&Azure, "judge") }
    }

    #[test]
    fn a_request() {
        let model = Model { key: Some(Key::new("k-1")), max_tokens: Some(300), temperature: Some(0.0), ..model() };
        let address = "https://r.openai.azure.com/openai/deployments/judge/chat/completions?api-version=";
        assert_eq!(url(&model, DEFAULT_API_VERSION), format!("{address}2024-10-21"));
        // whatever the variable holds stays within the query
        assert_eq!(url(&model, "x&y=z#w"), format!("{address}x%26y%3Dz%23w"));
        let slash = Model { name: "a/b".to_string(), ..model.clone() };
        assert!(url(&slash, "v").contains("/deployments/a%2Fb/chat/"));

        let headers = model.headers();
        assert_eq!(headers.get("api-key").map(HeaderValue::as_bytes), Some(&b"k-1"[..]));
        assert!(headers.get("authorization").is_none());

        let task = Task { prompt: "Judge.".to_string(), ..Task::default() };
        let schema = task.schema.json_schema(false);
        let expected = json!({
            "model": "judge",
            "messages": [{"role": "system", "content": "Judge."}, {"role": "user", "content": "CV"}],
            "response_format": {
                "type": "json_schema", "json_schema": {"name": "evaluation", "strict": true, "schema": schema}
            },
            "temperature": 0.0,
            "max_tokens": 300
        });
        assert_eq!(Azure.body(&model, &task, "CV"), expected);
        let reasons = Model { reasoning: Some("low".to_string()), ..model };
        let body = Azure.body(&reasons, &task, "CV");
        assert_eq!((&body["reasoning_effort"], &body["max_completion_tokens"]), (&json!("low"), &json!(300)));
        assert_eq!(body["max_tokens"], Value::Null);
    }

    #[test]
    fn an_answer_and_a_filtered_one() {
        let answer = json!({
            "id": "chatcmpl-1", "model": "gpt-4o-2024-11-20",
            "choices": [{
                "finish_reason": "stop",
                "message": {"content": "{\"evaluation\":\"ACCEPT\",\"reason\":\"r\"}"},
                "content_filter_results": {"hate": {"filtered": false, "severity": "safe"}}
            }],
            "usage": {"prompt_tokens": 100, "completion_tokens": 30,
                "prompt_tokens_details": {"cached_tokens": 40}, "completion_tokens_details": {"reasoning_tokens": 12}}
        });
        let reply = Azure.reply(&Task::default(), &answer);
        assert_eq!((reply.said.unwrap().label, reply.model.as_deref()), (Some(true), Some("gpt-4o-2024-11-20")));
        let usage = reply.usage;
        assert_eq!(
            (usage.input, usage.cached, usage.output, usage.reasoning),
            (Some(100), Some(40), Some(30), Some(12))
        );
        let filtered = json!({"choices": [{
            "finish_reason": "content_filter", "message": {},
            "content_filter_results": {"violence": {"filtered": true, "severity": "high"}}
        }]});
        assert_eq!(Azure.reply(&Task::default(), &filtered).said.unwrap_err(), "no answer: content_filter");
    }

    #[test]
    fn errors() {
        let of = |status: u16, body: Value| {
            let error = Azure.error(status, &HeaderMap::new(), &body.to_string());
            (error.message, error.retry, error.stop)
        };
        let safe = json!({"filtered": false, "severity": "safe"});
        let blocked = json!({"error": {
            "code": "content_filter", "type": null, "status": 400, "param": "prompt", "message": "The response was filtered",
            "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {
                "hate": safe, "jailbreak": {"filtered": true, "detected": true},
                "violence": {"filtered": true, "severity": "medium"}
            }}
        }});
        assert_eq!(of(400, blocked), ("prompt blocked: jailbreak, violence (medium)".to_string(), false, false));
        let bare = json!({"error": {"code": "content_filter", "message": "filtered"}});
        assert_eq!(of(400, bare), ("prompt blocked: content_filter".to_string(), false, false));
        let unknown = json!({"error": {"code": "DeploymentNotFound", "message": "It does not exist."}});
        assert_eq!(of(404, unknown), ("HTTP 404 DeploymentNotFound: It does not exist.".to_string(), false, true));
        let pair = (HeaderName::from_static("retry-after"), HeaderValue::from_static("6"));
        let busy = json!({"error": {"code": "429", "message": "slow"}}).to_string();
        let busy = Azure.error(429, &[pair].into_iter().collect(), &busy);
        assert_eq!((busy.retry, busy.overloaded, busy.wait), (true, true, Some(Duration::from_secs(6))));
    }
}
