//! Chat Completions, as local servers and gateways speak it: `POST /v1/chat/completions`.

use super::{Answer, Ask, Facts, Finish, Kind, Wire, logprobs, openai, string, tokens};
use serde_json::{Value, json};
use std::time::Duration;

pub struct Compatible;

impl Wire for Compatible {
    fn facts(&self) -> &'static Facts {
        &Facts {
            name: "openai-compatible",
            base_url: ("MUSTER_OPENAI_COMPATIBLE_BASE_URL", "/v1"),
            key: None,
            key_header: "authorization",
        }
    }

    fn route(&self, parts: &[&str]) -> Option<Option<String>> {
        (parts == ["v1", "chat", "completions"]).then_some(None)
    }

    fn parse(&self, _: Option<&str>, body: &Value) -> Result<Ask, String> {
        parse(body)
    }

    fn answer(&self, ask: &Ask, given: &Answer, id: u64) -> Value {
        answer(ask, given, id)
    }

    fn error(&self, status: u16, kind: Kind, message: &str, _: Duration) -> Value {
        // a 404 is a plain string, as Ollama's errors are
        if status == 404 { json!({ "error": message }) } else { openai::error(status, kind, message) }
    }
}

pub fn parse(body: &Value) -> Result<Ask, String> {
    let messages = body.get("messages").and_then(Value::as_array).ok_or("messages must be a list")?;
    let content = |role: &str| {
        let message = messages.iter().rfind(|message| message.get("role") == Some(&json!(role)))?;
        message.get("content")?.as_str()
    };
    let text = content("user").ok_or("messages must have one of the user")?.to_string();
    let format = body.get("response_format");
    if format.is_some_and(|format| format.get("type").is_none()) {
        return Err("response_format must have a type".into());
    }
    if body.get("top_logprobs").is_some() && body.get("logprobs") != Some(&json!(true)) {
        return Err("top_logprobs needs logprobs".into());
    }
    // llama.cpp takes the schema directly
    let schema = format.and_then(|format| format.pointer("/json_schema/schema").or(format.get("schema")));
    Ok(Ask {
        model: string(body, "/model")?,
        input_tokens: tokens(content("system").unwrap_or_default()) + tokens(&text),
        cached_tokens: 0,
        text,
        schema: schema.cloned(),
        tool: None,
        reasoning: false,
        alternatives: (body.get("logprobs") == Some(&json!(true)))
            .then(|| body.get("top_logprobs").and_then(Value::as_u64).unwrap_or(0)),
    })
}

pub fn answer(ask: &Ask, answer: &Answer, id: u64) -> Value {
    let mut message = json!({ "role": "assistant", "content": answer.text });
    let finish = match answer.finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Refusal => {
            message["content"] = Value::Null;
            message["refusal"] = json!("I'm sorry, I can't help with that.");
            "stop"
        }
        Finish::Safety | Finish::Spii => "content_filter",
    };
    // as vLLM does
    if let Some(thought) = &answer.thought {
        message["reasoning_content"] = json!(thought);
    }
    let mut body = json!({
        "id": format!("chatcmpl-{id}"),
        "object": "chat.completion",
        "created": 1_780_000_000,
        "model": answer.model,
        "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
    });
    if !answer.tokens.is_empty() {
        body["choices"][0]["logprobs"] = json!({ "content": logprobs(&answer.tokens), "refusal": null });
    }
    if answer.usage {
        let output = answer.output_tokens();
        body["usage"] = json!({
            "prompt_tokens": ask.input_tokens,
            "completion_tokens": output,
            "total_tokens": ask.input_tokens + output,
        });
    }
    body
}
