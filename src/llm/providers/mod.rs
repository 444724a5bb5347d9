//! The four wire formats. Each file says how a request is written and how an answer is read; this one holds what
//! they share: errors, waits and rate limits as they stand in headers and bodies.
//!
//! Sources: the reference pages of the interfaces (Gemini API v1beta, Anthropic Messages 2023-06-01, OpenAI
//! Responses and Chat Completions).

pub mod anthropic;
pub mod compatible;
pub mod google;
pub mod openai;
pub mod wait;

use super::model::{Model, Provider};
use super::prices::Usage;
use super::request::Task;
use super::schema::{Verdict, shorten};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::time::Duration;

/// What a model answered, as far as it did.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The model that answered, as the server names it.
    pub model: Option<String>,
    pub request_id: Option<String>,
    /// Why it stopped, in the provider's own word.
    pub finish: Option<String>,
    pub usage: Usage,
    /// What it said, or why that is no answer.
    pub said: Result<Verdict, String>,
}

/// Why a server did not answer, and what to do about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub message: String,
    /// Of the response, where there was one.
    pub status: Option<u16>,
    /// Asking again may help, after `wait` where the server says so.
    pub retry: bool,
    pub wait: Option<Duration>,
    /// The server has too much to do, or we have sent too much.
    pub crowded: bool,
    /// No further request to this model can succeed now: a daily quota, an unpaid bill, a key or model unknown.
    pub stop: bool,
}

/// A server that asks for a longer wait than this is not waited for.
pub const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Where a request to the model goes.
pub fn url(model: &Model) -> String {
    match model.provider {
        Provider::Google => google::url(model),
        Provider::Anthropic => format!("{}/v1/messages", model.base_url),
        Provider::OpenAi => format!("{}/responses", model.base_url),
        Provider::Compatible => format!("{}/chat/completions", model.base_url),
    }
}

/// The headers that carry the key, marked so that no log shows them.
pub fn headers(model: &Model) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if model.provider == Provider::Anthropic {
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    if let Some(key) = &model.key {
        let (name, text) = match model.provider {
            Provider::Google => ("x-goog-api-key", key.secret().to_string()),
            Provider::Anthropic => ("x-api-key", key.secret().to_string()),
            Provider::OpenAi | Provider::Compatible => ("authorization", format!("Bearer {}", key.secret())),
        };
        // a key with characters that no header can hold is no key; the server will say that it is missing
        if let Ok(mut value) = HeaderValue::from_str(&text) {
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
}

/// The body of the request for a text.
pub fn body(model: &Model, task: &Task, text: &str) -> Value {
    match model.provider {
        Provider::Google => google::body(model, task, text),
        Provider::Anthropic => anthropic::body(model, task, text),
        Provider::OpenAi => openai::body(model, task, text),
        Provider::Compatible => compatible::body(model, task, text),
    }
}

/// Reads the body of a successful response.
pub fn reply(provider: Provider, task: &Task, body: &Value) -> Reply {
    match provider {
        Provider::Google => google::reply(task, body),
        Provider::Anthropic => anthropic::reply(task, body),
        Provider::OpenAi => openai::reply(task, body),
        Provider::Compatible => compatible::reply(task, body),
    }
}

/// Reads a response that is no success.
pub fn refusal(provider: Provider, status: u16, headers: &HeaderMap, text: &str) -> Refusal {
    if (300..400).contains(&status) {
        let target = headers.get("location").and_then(|value| value.to_str().ok());
        let host = target
            .and_then(|target| reqwest::Url::parse(target).ok())
            .and_then(|url| url.host_str().map(str::to_string));
        let message =
            format!("HTTP {status}: redirect to {} is not followed", host.as_deref().unwrap_or("another address"));
        return Refusal { message, status: Some(status), retry: false, wait: None, crowded: false, stop: true };
    }
    let body: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    // Google wraps an error in a list at times
    let body = if body.is_array() { &body[0] } else { &body };
    let error = &body["error"];
    let word = |name: &str| error[name].as_str();
    let kind = word("status").or(word("code")).or(word("type")).unwrap_or("");
    let said = word("message").or(error.as_str()).or(body["message"].as_str()).unwrap_or(text.trim());
    let detail = [kind, shorten(said).as_str()]
        .iter()
        .filter(|part| !part.is_empty())
        .map(|s| s.to_string())
        .collect::<Vec<_>>();
    let message = match detail.is_empty() {
        true => format!("HTTP {status}"),
        false => format!("HTTP {status} {}", detail.join(": ")),
    };

    let mut retry = matches!(status, 408 | 409 | 429) || status >= 500;
    match headers.get("x-should-retry").and_then(|value| value.to_str().ok()) {
        Some("true") => retry = true,
        Some("false") => retry = false,
        _ => {}
    }
    let wait = wait::from_headers(headers).or_else(|| google::retry_delay(error));
    let stop = matches!(status, 401..=404)
        || ["insufficient_quota", "billing_hard_limit_reached"]
            .iter()
            .any(|w| word("code") == Some(w) || word("type") == Some(w))
        || provider == Provider::Google && (google::is_daily(error) || google::is_bad_key(error))
        || provider == Provider::Anthropic && said.contains("credit balance is too low")
        || wait.is_some_and(|wait| wait > LONGEST_WAIT);
    let crowded = matches!(status, 429 | 529) || status == 503 && wait.is_some();
    Refusal { message, status: Some(status), retry: retry && !stop, wait, crowded, stop }
}

/// A number of tokens in a body.
fn tokens(value: &Value) -> Option<u64> {
    value.as_u64()
}

/// A text in a body.
fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn headers_of(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn check(
        provider: Provider,
        status: u16,
        pairs: &[(&'static str, &'static str)],
        body: Value,
        expected: (&str, bool, Option<u64>, bool),
    ) {
        let refusal = refusal(provider, status, &headers_of(pairs), &body.to_string());
        let got = (refusal.message.as_str(), refusal.retry, refusal.wait.map(|w| w.as_millis() as u64), refusal.stop);
        assert_eq!(got, expected);
    }

    #[test]
    fn each_provider_says_wait_in_its_own_way() {
        let google = json!([{"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED", "details": [
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "31.5s"}]}}]);
        check(Provider::Google, 429, &[], google, ("HTTP 429 RESOURCE_EXHAUSTED: slow", true, Some(31_500), false));
        let anthropic = json!({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}});
        check(
            Provider::Anthropic,
            429,
            &[("retry-after", "7")],
            anthropic,
            ("HTTP 429 rate_limit_error: slow", true, Some(7000), false),
        );
        let openai = json!({"error": {"message": "slow", "type": "requests", "code": "rate_limit_exceeded"}});
        let pairs = [("retry-after", "2"), ("retry-after-ms", "1250")];
        check(Provider::OpenAi, 429, &pairs, openai, ("HTTP 429 rate_limit_exceeded: slow", true, Some(1250), false));
    }

    #[test]
    fn what_will_not_pass_today_stops_the_model() {
        let daily = json!({"error": {"status": "RESOURCE_EXHAUSTED", "message": "quota", "details": [
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [
                {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]}});
        check(Provider::Google, 429, &[], daily, ("HTTP 429 RESOURCE_EXHAUSTED: quota", false, None, true));
        let unpaid = json!({"error": {"message": "pay", "type": "insufficient_quota", "code": "insufficient_quota"}});
        check(Provider::OpenAi, 429, &[], unpaid, ("HTTP 429 insufficient_quota: pay", false, None, true));
        let retired = json!({"type": "error", "error": {"type": "not_found_error", "message": "model: x"}});
        check(Provider::Anthropic, 404, &[], retired, ("HTTP 404 not_found_error: model: x", false, None, true));
        let long = json!({"error": "later"});
        check(
            Provider::Compatible,
            503,
            &[("retry-after", "7200")],
            long,
            ("HTTP 503 later", false, Some(7_200_000), true),
        );
    }

    #[test]
    fn errors_of_every_shape_are_read() {
        check(
            Provider::Compatible,
            400,
            &[],
            json!({"error": "no such model"}),
            ("HTTP 400 no such model", false, None, false),
        );
        let overloaded = json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}});
        check(Provider::Anthropic, 529, &[], overloaded, ("HTTP 529 overloaded_error: busy", true, None, false));
        check(Provider::Anthropic, 529, &[("x-should-retry", "false")], json!({}), ("HTTP 529 {}", false, None, false));
        let plain = refusal(Provider::OpenAi, 502, &HeaderMap::new(), "<html>Bad gateway</html>");
        assert_eq!((plain.message.as_str(), plain.retry), ("HTTP 502 <html>Bad gateway</html>", true));
        let moved = refusal(Provider::OpenAi, 307, &headers_of(&[("location", "https://evil.example/x?y")]), "");
        assert_eq!((moved.message.as_str(), moved.stop), ("HTTP 307: redirect to evil.example is not followed", true));
    }

    #[test]
    fn keys_are_marked_in_headers() {
        for provider in Provider::ALL {
            let mut model = Model::new(provider);
            assert_eq!(headers(&model).iter().filter(|(_, value)| value.is_sensitive()).count(), 0);
            model.key = Some(crate::llm::model::Key::new("k-1"));
            let shown = format!("{:?}", headers(&model));
            assert!(shown.contains("Sensitive") && !shown.contains("k-1"), "{shown}");
        }
    }
}
