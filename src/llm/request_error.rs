//! A request without a successful response: what the server said, and whether to ask again.

use super::schema::shorten;
use super::wait;
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::time::Duration;

/// Reason why there is no response, and the way to go on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RequestError {
    pub message: String,
    /// Status of the response, where there was one.
    pub status: Option<u16>,
    /// Whether asking again may help, after `wait` where the server says so.
    pub retry: bool,
    pub wait: Option<Duration>,
    /// Whether the server has too much to do, or we have sent too much.
    pub overloaded: bool,
    /// Whether no further request to this model can succeed now: a daily quota, an unpaid bill, a key or model unknown.
    pub stop: bool,
}

impl RequestError {
    /// An error without a status, which asking again may mend.
    pub(crate) fn lost(message: String) -> RequestError {
        RequestError { message, status: None, retry: true, wait: None, overloaded: false, stop: false }
    }

    /// Ends the requests to this model.
    pub(crate) fn stop(&mut self) {
        self.stop = true;
        self.retry = false;
    }

    /// Reads a response that is no success, as far as all providers write it alike, with its `error` in the body.
    pub(crate) fn read(status: u16, headers: &HeaderMap, text: &str) -> (RequestError, Value) {
        let error = RequestError { status: Some(status), ..RequestError::lost(String::new()) };
        if (300..400).contains(&status) {
            let target = headers.get("location").and_then(|value| value.to_str().ok());
            let host = target
                .and_then(|target| reqwest::Url::parse(target).ok())
                .and_then(|url| url.host_str().map(str::to_string));
            let message =
                format!("HTTP {status}: redirect to {} is not followed", host.as_deref().unwrap_or("another address"));
            return (RequestError { message, retry: false, stop: true, ..error }, Value::Null);
        }
        let mut body: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        // Google wraps an error in a list at times
        if body.is_array() {
            body = body.get_mut(0).map(Value::take).unwrap_or_default();
        }
        let inner = &body["error"];
        let word = |name: &str| inner[name].as_str();
        let kind = word("status").or(word("code")).or(word("type")).unwrap_or("");
        let said = shorten(word("message").or(inner.as_str()).or(body["message"].as_str()).unwrap_or(text.trim()));
        let detail: Vec<&str> = [kind, &said].into_iter().filter(|part| !part.is_empty()).collect();
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
        let wait = wait::from_headers(headers).or_else(|| wait::from_details(inner));
        let unpaid = ["insufficient_quota", "billing_hard_limit_reached"];
        let stop = matches!(status, 401..=404)
            || unpaid.iter().any(|unpaid| [word("code"), word("type")].contains(&Some(*unpaid)))
            || wait.is_some_and(|wait| wait > wait::LONGEST);
        let overloaded = matches!(status, 429 | 529) || status == 503 && wait.is_some();
        let inner = body.get_mut("error").map(Value::take).unwrap_or_default();
        (RequestError { message, retry: retry && !stop, wait, overloaded, stop, ..error }, inner)
    }
}
