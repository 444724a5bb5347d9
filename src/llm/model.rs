//! One model, and the interface of the provider that it is reached by.
//!
//! A provider is a file of `providers` that implements [`Provider`], and [`Batches`] where it has such an interface;
//! everything else of the engine asks these traits.

use super::confidence::Confidence;
use super::json;
use super::key::Key;
use super::prices::Price;
use super::reply::Reply;
use super::request_error::{self, RequestError};
use super::task::Task;
use crate::env::Variable;
use crate::hash::Hash;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// One annotator: a model with its parameters and limits.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub annotator: String,
    pub provider: &'static dyn Provider,
    pub name: String,
    /// Address without a slash at the end.
    pub base_url: String,
    /// Whether the server is of this machine: reached without a proxy, and without encryption if so given.
    pub loopback: bool,
    pub key: Option<Key>,
    pub temperature: Option<f64>,
    pub reasoning: Option<String>,
    pub max_tokens: Option<u64>,
    /// Way to the confidence of its verdicts, where it is asked for.
    pub confidence: Option<Confidence>,
    pub requests_per_minute: Option<f64>,
    pub tokens_per_minute: Option<f64>,
    pub concurrency: usize,
    pub batch: bool,
    pub price: Option<Price>,
}

impl Model {
    /// `provider:model`
    pub(crate) fn full_name(&self) -> String {
        format!("{}:{}", self.provider.facts().name, self.name)
    }

    /// Whether its answers are to hold the probability of yes.
    pub(crate) fn states_confidence(&self) -> bool {
        self.confidence == Some(Confidence::Stated)
    }

    /// Text that a server sent, without a key that is in no text by chance.
    pub(crate) fn clear(&self, text: String) -> String {
        match self.key.as_ref().filter(|key| key.is_long()) {
            Some(key) => key.redact(&text),
            None => text,
        }
    }

    /// An error of a server without the key.
    pub(crate) fn redact_error(&self, error: RequestError) -> RequestError {
        let message = self.key.as_ref().map(|key| key.redact(&error.message));
        RequestError { message: message.unwrap_or(error.message), ..error }
    }

    /// A body to be stored, without the key: a short one is taken out of the texts of JSON, so that what is left is JSON.
    pub(crate) fn redact_body(&self, body: String) -> String {
        let Some(key) = self.key.as_ref().filter(|key| !key.is_long()) else { return self.clear(body) };
        let Some(mut read) = json::read(&body) else { return key.redact(&body) };
        if redact_texts(key, &mut read) { read.to_string() } else { body }
    }

    /// Reply as a server gave it, without the key. The answer is left as it was read: of its texts a long key
    /// alone is taken out.
    pub(crate) fn redact_reply(&self, mut reply: Reply) -> Reply {
        let Some(key) = &self.key else { return reply };
        reply.said = reply.said.map_err(|problem| key.redact(&problem));
        if key.is_long() {
            let reason = reply.said.as_mut().ok().and_then(|verdict| verdict.reason.as_mut());
            let texts = [reply.model.as_mut(), reply.request_id.as_mut(), reply.finish.as_mut(), reason];
            texts.into_iter().flatten().for_each(|text| *text = key.redact(text));
        }
        reply
    }

    /// Headers of every request; that of the key is marked so that no log shows it.
    pub(crate) fn headers(&self) -> HeaderMap {
        let fixed = self.provider.headers().iter();
        let mut headers: HeaderMap =
            fixed.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
        if let Some(key) = &self.key {
            let (name, text) = self.provider.key_header(key);
            // a key with characters that no header can hold is no key; the server will say that it is missing
            if let Ok(mut value) = HeaderValue::from_str(&text) {
                value.set_sensitive(true);
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        headers
    }
}

/// Takes a short key out of the texts of JSON; whether there was one. What was parsed is no deeper than the parser goes.
fn redact_texts(key: &Key, json: &mut Value) -> bool {
    match json {
        Value::String(text) => {
            let redacted = key.redact(text);
            let changed = redacted != *text;
            *text = redacted;
            changed
        }
        Value::Array(items) => items.iter_mut().fold(false, |changed, item| redact_texts(key, item) | changed),
        Value::Object(fields) => fields.values_mut().fold(false, |changed, item| redact_texts(key, item) | changed),
        _ => false,
    }
}

#[cfg(test)]
impl Model {
    /// A model of a name, at its provider's own address, without limits but for the concurrency.
    pub(crate) fn test(provider: &'static dyn Provider, name: &str) -> Model {
        let (Home::At(base_url) | Home::Various(base_url)) = provider.facts().home;
        Model {
            annotator: String::new(),
            provider,
            name: name.to_string(),
            base_url: base_url.to_string(),
            loopback: false,
            key: None,
            temperature: None,
            reasoning: None,
            max_tokens: None,
            confidence: None,
            requests_per_minute: None,
            tokens_per_minute: None,
            concurrency: 16,
            batch: false,
            price: None,
        }
    }
}

/// Facts about a provider.
#[derive(Debug)]
pub(crate) struct Facts {
    /// Name in SQL.
    pub name: &'static str,
    pub home: Home,
    /// Environment variables, those of one role in the order in which they are tried.
    pub variables: &'static [(Role, Variable)],
    /// Cap on the tokens of an answer, where the interface has no request without one.
    pub max_tokens: Option<u64>,
}

/// Address of a provider.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Home {
    /// The one address, as in the provider's own client.
    At(&'static str),
    /// An address of everybody's own, such as this one.
    Various(&'static str),
}

/// Use of a provider's environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The key. A provider without such a variable needs none.
    Key,
    /// Another address.
    BaseUrl,
    /// A setting of the provider's own.
    Option,
}

impl Facts {
    /// The variables of a role.
    pub(crate) fn variables_of(&self, role: Role) -> impl Iterator<Item = &'static Variable> {
        self.variables.iter().filter(move |(of, _)| *of == role).map(|(_, variable)| variable)
    }
}

/// The interface of a provider.
pub(crate) trait Provider: Sync + std::fmt::Debug {
    fn facts(&self) -> &'static Facts;

    /// Whether its interface has log-probabilities of tokens.
    fn gives_logprobs(&self) -> bool {
        true
    }

    /// Name and value of the header that carries the key.
    fn key_header(&self, key: &Key) -> (&'static str, String);

    /// Fixed headers of every request.
    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Address to which a request for the model goes.
    fn url(&self, model: &Model) -> String;

    /// Body of the request for a text.
    fn body(&self, model: &Model, task: &Task, text: &str) -> Value;

    /// Reads the body of a successful response.
    fn reply(&self, task: &Task, body: &Value) -> Reply;

    /// Adds to `error`, which was read as all providers write it, what this one alone says in the `error` of the body.
    fn refine(&self, _error: &mut RequestError, _body: &Value) {}

    /// Reads a response that is no success.
    fn error(&self, status: u16, headers: &HeaderMap, text: &str) -> RequestError {
        let (mut error, body) = RequestError::read(status, headers, text);
        self.refine(&mut error, &body);
        error
    }

    /// Reads the body of a response with the status of a success, which may hold an error all the same. One that names
    /// no status may pass.
    fn read(&self, task: &Task, headers: &HeaderMap, body: &Value) -> Result<Reply, RequestError> {
        let Some((named, found)) = request_error::within(body) else { return Ok(self.reply(task, body)) };
        let error = self.error(named.unwrap_or(500), headers, &found.to_string());
        let message = match (error.message.strip_prefix("HTTP "), named) {
            (Some(said), Some(_)) => format!("HTTP 200 with error {said}"),
            (Some(said), None) => format!("HTTP 200 with error: {}", said.trim_start_matches("500").trim_start()),
            (None, _) => error.message,
        };
        Err(RequestError { message, ..error })
    }

    /// Reads the error of one request of a batch. Codes below 100 are those of gRPC, and may pass.
    fn error_in_batch(&self, status: u64, body: &Value) -> RequestError {
        let status = if (100..600).contains(&status) { status as u16 } else { 500 };
        let error = self.error(status, &HeaderMap::new(), &body.to_string());
        RequestError { message: format!("in the batch: {}", error.message), ..error }
    }

    /// The batch interface, where there is one.
    fn batches(&self) -> Option<&dyn Batches> {
        None
    }
}

/// One result of a batch: the response to a request, or why there is none.
pub(crate) type Line = (Hash, Result<Value, RequestError>);

/// A file of requests that goes ahead of its batch.
#[derive(Debug)]
pub(crate) struct Upload {
    pub url: String,
    /// JSON, a request a line.
    pub lines: String,
}

/// Results of a batch that has ended.
#[derive(Debug)]
pub(crate) enum Results {
    /// Lines within the report on the batch.
    Inlined(Vec<Line>),
    /// Addresses of files of JSON lines.
    Files(Vec<String>),
}

/// The batch interface of a provider.
pub(crate) trait Batches: Sync {
    /// Maximum number of requests and of bytes of a batch.
    fn limits(&self) -> (usize, usize);

    /// The file to be uploaded first, where the interface takes one.
    fn upload(&self, _model: &Model, _requests: &[(Hash, Value)]) -> Option<Upload> {
        None
    }

    /// Address and body of the request that makes a batch, from the requests or from the id of their file.
    fn order(&self, model: &Model, requests: &[(Hash, Value)], file: &Value) -> (String, Value);

    /// Address of the report on a batch.
    fn report_url(&self, model: &Model, id: &str) -> String;

    /// Whether a batch will not change any more.
    fn has_ended(&self, report: &Value) -> bool;

    /// Results of a batch. Their host is that of the requests, whatever address the report names.
    fn results(&self, model: &Model, id: &str, report: &Value) -> Results;

    /// Reads one line of the results; `None` for one that is about no request of ours.
    fn line(&self, line: &Value) -> Option<Line>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::providers::compatible::Compatible;
    use crate::llm::providers::openai::OpenAi;

    #[test]
    fn a_key_is_taken_out_of_what_is_stored() {
        let of = |key: &str| Model { key: Some(Key::new(key)), ..Model::test(&OpenAi, "m") };
        assert!(!format!("{:?}", of("sk-secret")).contains("secret"));
        let body = r#"{"usage":{"prompt_tokens":10},"content":"1 \"0\" token"}"#;
        assert_eq!(of("10").redact_body(body.to_string()), body, "a number is no text");
        let parsed: Value = serde_json::from_str(&of("token").redact_body(body.to_string())).unwrap();
        assert_eq!((&parsed["content"], &parsed["usage"]["prompt_tokens"]), (&"1 \"0\" [key]".into(), &10.into()));
        let quoted = of("a\"sixteen-letters");
        assert_eq!(quoted.redact_body(r#"{"said":"a\"sixteen-letters"}"#.to_string()), r#"{"said":"[key]"}"#);
        assert_eq!(quoted.redact_body("no JSON: a\"sixteen-letters".to_string()), "no JSON: [key]");
        // of two fields of a name a parser keeps one
        let twice = r#"{"a":"sk-0123456789abcdef","a":"x"}"#;
        assert_eq!(of("sk-0123456789abcdef").redact_body(twice.to_string()), r#"{"a":"[key]","a":"x"}"#);
    }

    #[test]
    fn an_answer_is_left_as_it_was_read() {
        use crate::llm::task::Task;
        use serde_json::json;
        let body = |reason: &str| {
            let content = json!({"evaluation": "ACCEPT", "reason": reason}).to_string();
            json!({"model": "m-1", "choices": [{"message": {"content": content}}], "usage": {"prompt_tokens": 10}})
        };
        let read = |key: &str, reason: &str| {
            let model = Model { key: Some(Key::new(key)), ..Model::test(&Compatible, "m") };
            let reply = model.redact_reply(model.provider.reply(&Task::default(), &body(reason)));
            let verdict = reply.said.unwrap();
            (verdict.label, verdict.reason.unwrap(), reply.usage.input, reply.model.unwrap())
        };
        for key in ["0", "1", "token", "ACCEPT", "evaluation", "m"] {
            let reason = "1 paper, 10 models and a token";
            assert_eq!(read(key, reason), (Some(true), reason.to_string(), Some(10), "m-1".to_string()), "{key}");
        }
        assert_eq!(read("sk-0123456789abcdef", "is sk-0123456789abcdef").1, "is [key]");
    }
}
