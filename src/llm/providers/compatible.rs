//! OpenAI-compatible servers (vLLM, llama.cpp, Ollama, gateways): `POST {base}/chat/completions`. They have addresses of
//! their own, and are sent no key unless a variable is named for it.

use super::chat;
use crate::env::Variable;
use crate::llm::key::Key;
use crate::llm::model::{Facts, Home, Model, Provider, Role};
use crate::llm::reply::Reply;
use crate::llm::task::Task;
use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Compatible;

static FACTS: Facts = Facts {
    name: "openai-compatible",
    home: Home::Various("http://localhost:11434/v1"),
    variables: &[(
        Role::BaseUrl,
        Variable::new("MUSTER_OPENAI_COMPATIBLE_BASE_URL", "address of `openai-compatible` models, up to `/v1`"),
    )],
    max_tokens: None,
};

impl Provider for Compatible {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn key_header(&self, key: &Key) -> (&'static str, String) {
        ("authorization", format!("Bearer {}", key.secret()))
    }

    fn url(&self, model: &Model) -> String {
        format!("{}/chat/completions", model.base_url)
    }

    fn body(&self, model: &Model, task: &Task, text: &str) -> Value {
        chat::body(model, task, text, "max_tokens")
    }

    fn reply(&self, task: &Task, body: &Value) -> Reply {
        chat::reply(task, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::confidence::Confidence;
    use serde_json::json;

    #[test]
    fn a_request() {
        let model = Model { max_tokens: Some(300), ..Model::test(&Compatible, "llama3:8b") };
        let task = Task { prompt: "Judge.".to_string(), ..Task::default() };
        let schema = task.schema.json_schema(false);
        let expected = json!({
            "model": "llama3:8b",
            "messages": [{"role": "system", "content": "Judge."}, {"role": "user", "content": "CV"}],
            "response_format": {
                "type": "json_schema", "json_schema": {"name": "evaluation", "strict": true, "schema": schema}
            },
            "max_tokens": 300
        });
        assert_eq!(Compatible.body(&model, &task, "CV"), expected);
        let asking =
            |confidence| Compatible.body(&Model { confidence: Some(confidence), ..model.clone() }, &task, "CV");
        let probabilities = asking(Confidence::Logprobs);
        assert_eq!((&probabilities["logprobs"], &probabilities["top_logprobs"]), (&json!(true), &json!(5)));
        let stated = asking(Confidence::Stated);
        assert_eq!(stated["response_format"]["json_schema"]["schema"], task.schema.json_schema(true));
        assert_eq!(stated["logprobs"], Value::Null);
    }
}
