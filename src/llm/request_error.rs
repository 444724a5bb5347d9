//! A request without a successful response: what the server said, and whether to ask again.

use super::json;
use super::schema::shorten;
use super::wait;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
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
        let mut body: Value = json::read(text).unwrap_or(Value::Null);
        // Google wraps an error in a list at times
        if body.is_array() {
            body = body.get_mut(0).map(Value::take).unwrap_or_default();
        }
        let inner = &body["error"];
        let word = |name: &str| inner[name].as_str();
        let repeated = status.to_string();
        let mut kinds = ["status", "code", "type"].into_iter().filter_map(word);
        let kind = kinds.find(|kind| *kind != repeated).unwrap_or("");
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
        let wait = wait::from_headers(headers).max(wait::from_details(inner));
        let unpaid = ["insufficient_quota", "billing_hard_limit_reached"];
        let stop = matches!(status, 401..=404)
            || unpaid.iter().any(|unpaid| [word("code"), word("type")].contains(&Some(*unpaid)))
            || wait.is_some_and(|wait| wait > wait::LONGEST);
        let overloaded = matches!(status, 429 | 529) || status == 503 && wait.is_some();
        let inner = body.get_mut("error").map(Value::take).unwrap_or_default();
        (RequestError { message, retry: retry && !stop, wait, overloaded, stop, ..error }, inner)
    }
}

/// The error in a body that came with the status of a success, and the status that it names: what gateways pass on
/// from the server behind them, after they had begun to answer.
pub(crate) fn within(body: &Value) -> Option<(Option<u16>, Value)> {
    let said = |error: &Value| match error {
        Value::String(text) => !text.trim().is_empty(),
        Value::Object(fields) => {
            fields.values().any(|value| ![json!(null), json!(""), json!(0), json!(false)].contains(value))
        }
        _ => false,
    };
    let body = if body.is_array() { &body[0] } else { body };
    let whole = body["object"] == "error" || body["type"] == "error";
    let places = [&body["error"], &body["choices"][0]["error"]].into_iter().chain(whole.then_some(body));
    let error = places.into_iter().find(|error| said(error))?;
    Some((named_status(error), json!({ "error": error })))
}

/// The status that an error names by its number or its kind.
fn named_status(error: &Value) -> Option<u16> {
    let fields = || ["code", "status", "status_code", "type"].into_iter().map(|name| &error[name]);
    let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
    let is_status = |number: &u64| (400..600).contains(number);
    if let Some(status) = fields().filter_map(number).find(is_status) {
        return Some(status as u16);
    }
    const KINDS: [(&str, u16); 18] = [
        ("insufficient_quota", 429),
        ("rate_limit", 429),
        ("resource_exhausted", 429),
        ("too_many_requests", 429),
        ("overloaded", 529),
        ("unavailable", 503),
        ("timeout", 504),
        ("deadline_exceeded", 504),
        ("authentication", 401),
        ("unauthenticated", 401),
        ("invalid_api_key", 401),
        ("permission", 403),
        ("not_found", 404),
        ("too_large", 413),
        ("content_filter", 400),
        ("invalid", 400),
        ("bad_request", 400),
        ("badrequest", 400),
    ];
    let kinds: Vec<String> = fields().filter_map(Value::as_str).map(str::to_lowercase).collect();
    KINDS.iter().find(|(part, _)| kinds.iter().any(|kind| kind.contains(part))).map(|(_, status)| *status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_within_successes() {
        let of = |body: Value| within(&body).map(|(status, _)| status);
        for body in [
            json!({"choices": []}),
            json!({"error": null, "status": "completed"}),
            json!({"error": {}}),
            json!({"error": {"message": "", "code": null}}),
            json!({"error": {"message": "", "code": 0}}),
            json!({"error": ""}),
            json!([]),
            json!(7),
        ] {
            assert_eq!(of(body.clone()), None, "{body}");
        }
        for (body, status) in [
            (json!({"error": {"message": "slow", "code": 429}}), Some(429)),
            (json!({"error": {"message": "slow", "code": "503"}}), Some(503)),
            (json!([{"error": {"code": 8, "status": "RESOURCE_EXHAUSTED"}}]), Some(429)),
            (json!({"type": "error", "error": {"type": "overloaded_error"}}), Some(529)),
            (json!({"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow"}}), Some(429)),
            (json!({"object": "error", "message": "no", "type": "BadRequestError", "code": 40001}), Some(400)),
            (json!({"choices": [{"finish_reason": "error", "error": {"code": 502, "message": "up"}}]}), Some(502)),
            (json!({"error": "model is loading"}), None),
            (json!({"error": {"code": "server_error"}}), None),
        ] {
            assert_eq!(of(body.clone()), Some(status), "{body}");
        }
    }
}
