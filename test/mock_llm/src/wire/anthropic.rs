//! Anthropic Messages: `POST /v1/messages`.

use super::{Answer, Ask, Facts, Finish, Kind, Limits, Wire, check_fields, check_strict, string, tokens};
use hyper::HeaderMap;
use serde_json::{Value, json};
use std::time::Duration;

pub struct Anthropic;

impl Wire for Anthropic {
    fn facts(&self) -> &'static Facts {
        &Facts {
            name: "anthropic",
            base_url: ("MUSTER_ANTHROPIC_BASE_URL", ""),
            key: Some("ANTHROPIC_API_KEY"),
            key_header: "x-api-key",
        }
    }

    fn route(&self, parts: &[&str]) -> Option<Option<String>> {
        (parts == ["v1", "messages"]).then_some(None)
    }

    fn check(&self, headers: &HeaderMap, _: &str) -> Result<(), String> {
        let version = headers.get("anthropic-version").is_some_and(|version| version == "2023-06-01");
        if version { Ok(()) } else { Err("anthropic-version: header is required".into()) }
    }

    fn statuses(&self) -> (u16, u16) {
        (401, 400)
    }

    fn limits(&self) -> Limits {
        Limits::Anthropic
    }

    fn id_header(&self) -> Option<&'static str> {
        Some("request-id")
    }

    fn wait_headers(&self, wait: Duration) -> Vec<(&'static str, String)> {
        vec![("retry-after", wait.as_secs_f64().ceil().to_string()), ("x-should-retry", "true".into())]
    }

    fn parse(&self, _: Option<&str>, body: &Value) -> Result<Ask, String> {
        parse(body)
    }

    fn answer(&self, ask: &Ask, given: &Answer, id: u64) -> Value {
        answer(ask, given, id)
    }

    fn error(&self, status: u16, kind: Kind, message: &str, _: Duration) -> Value {
        error(status, kind, message)
    }
}

fn parse(body: &Value) -> Result<Ask, String> {
    check_fields(
        body,
        &[
            "model",
            "max_tokens",
            "system",
            "messages",
            "tools",
            "tool_choice",
            "output_config",
            "temperature",
            "thinking",
            "metadata",
            "service_tier",
        ],
    )?;
    if body.get("max_tokens").and_then(Value::as_u64).is_none_or(|most| most == 0) {
        return Err("max_tokens: Field required".into());
    }
    if body.pointer("/messages/0/role") != Some(&json!("user")) {
        return Err("messages: first message must use the user role".into());
    }
    let content = body.pointer("/messages/0/content").unwrap_or(&Value::Null);
    let text = match content {
        Value::String(text) => text.clone(),
        Value::Array(_) => string(content, "/0/text")?,
        _ => return Err("messages.0.content: Field required".into()),
    };
    let (system, cached) = match body.get("system") {
        Some(Value::String(system)) => (system.clone(), false),
        Some(blocks) => (string(blocks, "/0/text")?, blocks.pointer("/0/cache_control").is_some()),
        None => (String::new(), false),
    };
    let tool = body.pointer("/tool_choice/name").and_then(Value::as_str).map(str::to_string);
    let schema = match &tool {
        Some(tool) => {
            let tools = body.get("tools").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let named = tools.iter().find(|candidate| candidate.get("name") == Some(&json!(tool)));
            let schema = named.and_then(|tool| tool.get("input_schema")).ok_or("tool_choice: tool not found")?;
            if body.get("thinking").is_some() {
                return Err("Thinking may not be enabled when tool_choice forces tool use.".into());
            }
            Some(schema.clone())
        }
        None => body.pointer("/output_config/format/schema").cloned(),
    };
    let format = body.pointer("/output_config/format");
    if format.is_some_and(|format| format.get("type") != Some(&json!("json_schema"))) {
        return Err("output_config.format.type: must be json_schema".into());
    }
    if let Some(schema) = &schema {
        check_strict(schema, false)?;
    }
    Ok(Ask {
        model: string(body, "/model")?,
        input_tokens: tokens(&text) + if cached { 0 } else { tokens(&system) },
        cached_tokens: if cached { tokens(&system) } else { 0 },
        text,
        schema,
        tool,
        reasoning: body.get("thinking").is_some(),
        alternatives: None,
    })
}

fn answer(ask: &Ask, answer: &Answer, id: u64) -> Value {
    let mut content = vec![];
    content.extend(
        answer.thought.as_ref().map(|thought| json!({ "type": "thinking", "thinking": thought, "signature": "s" })),
    );
    let mut stop = match answer.finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Refusal | Finish::Safety | Finish::Spii => "refusal",
    };
    match (&ask.tool, serde_json::from_str::<Value>(&answer.text)) {
        (Some(tool), Ok(input)) if answer.finish == Finish::Stop => {
            content.push(json!({ "type": "tool_use", "id": format!("toolu_{id}"), "name": tool, "input": input }));
            stop = "tool_use";
        }
        _ if answer.text.is_empty() => {}
        _ => content.push(json!({ "type": "text", "text": answer.text })),
    }
    let mut body = json!({
        "id": format!("msg_{id}"),
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": null,
    });
    if answer.usage {
        body["usage"] = json!({
            "input_tokens": ask.input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": ask.cached_tokens,
            "output_tokens": answer.output_tokens(),
        });
    }
    body
}

fn error(status: u16, kind: Kind, message: &str) -> Value {
    let name = match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    };
    let message = match kind {
        Kind::InsufficientQuota => "Your credit balance is too low to access the Anthropic API.",
        Kind::Plain | Kind::PerDay | Kind::Blocked => message,
    };
    json!({ "type": "error", "error": { "type": name, "message": message }, "request_id": "req_mock" })
}
