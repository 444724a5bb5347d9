//! One request over HTTP: sent, read to its end within a deadline, and judged.
//!
//! Redirects are never followed, so nothing goes to a host that was not named. TLS is rustls. Texts that come back are
//! cleared of the key before anything else sees them.

use super::model::Model;
use super::providers::{self, Refusal, wait};
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, redirect};
use std::time::Duration;

/// A response that is a success.
#[derive(Debug)]
pub struct Response {
    pub body: String,
    pub request_id: Option<String>,
    /// How long nothing more should be sent, by the server's account of its limits.
    pub pause: Option<Duration>,
}

/// The clients of a process: connections are kept open between calls.
#[derive(Debug)]
pub struct Clients {
    outside: Client,
    /// Without the proxy that the environment may name.
    loopback: Client,
}

impl Clients {
    pub fn new() -> Result<Clients, String> {
        let client = || {
            Client::builder()
                .redirect(redirect::Policy::none())
                .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(Duration::from_secs(20))
                .tcp_nodelay(true)
        };
        let build = |builder: reqwest::ClientBuilder| builder.build().map_err(|error| explain(&error));
        Ok(Clients { outside: build(client())?, loopback: build(client().no_proxy())? })
    }

    pub fn of(&self, model: &Model) -> &Client {
        if model.loopback { &self.loopback } else { &self.outside }
    }
}

/// Sends a request and reads the response.
pub async fn send(model: &Model, request: RequestBuilder, timeout: Duration) -> Result<Response, Refusal> {
    let redact = |text: &str| model.key.as_ref().map_or_else(|| text.to_string(), |key| key.redact(text));
    let failed = |message: String| Refusal {
        message: redact(&message),
        status: None,
        retry: true,
        wait: None,
        crowded: false,
        stop: false,
    };
    let exchange = async {
        let response = request.headers(providers::headers(model)).send().await?;
        let status = response.status();
        let headers = response.headers().clone();
        Ok::<_, reqwest::Error>((status, headers, response.text().await?))
    };
    let (status, headers, body) = match tokio::time::timeout(timeout, exchange).await {
        Err(_) => return Err(failed(format!("timeout: no response within {} s", timeout.as_secs_f64()))),
        Ok(Err(error)) => return Err(failed(explain(&error))),
        Ok(Ok(received)) => received,
    };
    if status.is_success() {
        let request_id = ["x-request-id", "request-id"].iter().find_map(|name| header(&headers, name));
        return Ok(Response { body: redact(&body), request_id, pause: wait::exhausted(&headers) });
    }
    let mut refusal = providers::refusal(model.provider, status.as_u16(), &headers, &body);
    refusal.message = redact(&refusal.message);
    Err(refusal)
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_string)
}

/// What is wrong with a connection, without the address, whose path may be long.
fn explain(error: &reqwest::Error) -> String {
    let kind = if error.is_connect() {
        "no connection"
    } else if error.is_body() || error.is_decode() {
        "response broken off"
    } else {
        "request failed"
    };
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    let mut last = None;
    while let Some(inner) = cause {
        last = Some(inner.to_string());
        cause = inner.source();
    }
    match last {
        Some(text) => format!("{kind}: {}", super::schema::shorten(&text)),
        None => kind.to_string(),
    }
}
