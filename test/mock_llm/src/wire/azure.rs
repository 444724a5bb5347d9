//! Azure OpenAI: `POST /openai/deployments/{deployment}/chat/completions?api-version=…`.

use super::{Answer, Ask, Facts, Finish, Kind, Wire, check_fields, check_strict, compatible, openai};
use hyper::HeaderMap;
use serde_json::{Value, json};
use std::time::Duration;

pub struct Azure;

impl Wire for Azure {
    fn facts(&self) -> &'static Facts {
        &Facts {
            name: "azure",
            base_url: ("MUSTER_AZURE_BASE_URL", ""),
            key: Some("AZURE_OPENAI_API_KEY"),
            key_header: "api-key",
        }
    }

    fn route(&self, parts: &[&str]) -> Option<Option<String>> {
        let ["openai", "deployments", deployment, "chat", "completions"] = parts else { return None };
        Some(Some(deployment.to_string()))
    }

    fn check(&self, headers: &HeaderMap, query: &str) -> Result<(), String> {
        if headers.contains_key("authorization") {
            return Err("a key belongs into the header api-key".into());
        }
        match query.split('&').find_map(|pair| pair.strip_prefix("api-version=")) {
            Some("2024-10-21" | "2025-04-01-preview") => Ok(()),
            Some(version) => Err(format!("API version {version} is not supported")),
            None => Err("Missing required query parameter: api-version".into()),
        }
    }

    fn parse(&self, deployment: Option<&str>, body: &Value) -> Result<Ask, String> {
        check_fields(
            body,
            &[
                "model",
                "messages",
                "response_format",
                "temperature",
                "max_tokens",
                "max_completion_tokens",
                "reasoning_effort",
                "logprobs",
                "top_logprobs",
                "seed",
            ],
        )?;
        let ask = compatible::parse(body)?;
        let format = body.get("response_format").unwrap_or(&Value::Null);
        if !format.is_null() && format["type"] != "json_schema" {
            return Err("response_format.type must be json_schema".into());
        }
        if let Some(schema) = &ask.schema {
            check_strict(schema, true)?;
        }
        Ok(Ask { model: deployment.unwrap_or_default().to_string(), ..ask })
    }

    fn answer(&self, ask: &Ask, answer: &Answer, id: u64) -> Value {
        let results = |filtered: bool| {
            let severity = if filtered { "high" } else { "safe" };
            json!({
                "hate": { "filtered": false, "severity": "safe" },
                "violence": { "filtered": filtered, "severity": severity },
            })
        };
        let mut body = compatible::answer(ask, answer, id);
        // the model behind the deployment
        body["model"] = openai::dated(&answer.model).into();
        body["prompt_filter_results"] = json!([{ "prompt_index": 0, "content_filter_results": results(false) }]);
        body["choices"][0]["content_filter_results"] = results(answer.finish == Finish::Spii);
        body
    }

    fn error(&self, status: u16, kind: Kind, message: &str, _: Duration) -> Value {
        let error = |code: &str, message: &str| json!({ "error": { "code": code, "message": message } });
        match (status, kind) {
            (_, Kind::Blocked) => json!({ "error": {
                "message": message, "type": null, "param": "prompt", "code": "content_filter", "status": status,
                "innererror": {
                    "code": "ResponsibleAIPolicyViolation",
                    "content_filter_result": {
                        "hate": { "filtered": false, "severity": "safe" },
                        "violence": { "filtered": true, "severity": "medium" },
                    },
                },
            } }),
            (_, Kind::InsufficientQuota) | (400, _) => openai::error(status, kind, message),
            (404, _) => error("DeploymentNotFound", "The API deployment for this resource does not exist."),
            _ => error(&status.to_string(), message),
        }
    }

    fn blocked(&self) -> Option<u16> {
        Some(400)
    }
}
