//! One request over HTTP: sent, read to its end within a deadline, and judged.
//!
//! Redirects are never followed, so nothing goes to a host that was not named. TLS is rustls. What comes is cleared of the
//! key before anybody reads it; of a key that is so short that it may be a part of a text by chance, when it has been read.

use super::model::Model;
use super::request_error::RequestError;
use super::schema::shorten;
use super::wait;
use crate::web;
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder};
use std::time::Duration;

/// Maximum size of an answer, thought included: models say some hundred kilobytes at most.
pub(crate) const LONGEST_ANSWER: usize = 16 << 20;

/// Maximum size of any other response: results of a batch of 20,000 profiles have some tens of megabytes.
pub(crate) const LONGEST: usize = 256 << 20;

/// A response that is a success.
#[derive(Debug)]
pub(crate) struct Response {
    pub headers: HeaderMap,
    pub body: String,
    pub request_id: Option<String>,
    /// Time for which nothing more should be sent, by the server's account of its limits.
    pub pause: Option<Duration>,
}

/// The clients of a process: connections are kept open between calls.
#[derive(Debug)]
pub(crate) struct Clients {
    outside: Client,
    /// Client without the proxy that the environment may name.
    loopback: Client,
}

impl Clients {
    pub(crate) fn new() -> Result<Clients, String> {
        Ok(Clients { outside: web::client(false)?, loopback: web::client(true)? })
    }

    pub(crate) fn of(&self, model: &Model) -> &Client {
        if model.loopback { &self.loopback } else { &self.outside }
    }
}

/// Sends a request and reads the response, of at most `longest` bytes.
///
/// # Errors
///
/// Where there is no response in time, or it is no success.
pub(crate) async fn send(
    model: &Model,
    request: RequestBuilder,
    timeout: Duration,
    longest: usize,
) -> Result<Response, RequestError> {
    let failed = |message: String| model.redact_error(RequestError::lost(message));
    let exchange = async {
        let response = request.headers(model.headers()).send().await?;
        let status = response.status();
        let headers = response.headers().clone();
        Ok::<_, reqwest::Error>((status, headers, read(response, longest).await?))
    };
    let (status, headers, body) = match tokio::time::timeout(timeout, exchange).await {
        Err(_) => return Err(failed(format!("timeout: no response within {} s", timeout.as_secs_f64()))),
        Ok(Err(error)) => return Err(failed(shorten(&model.clear(web::explain(&error))))),
        Ok(Ok((_, _, None))) => {
            let message = format!("the response is longer than {} MiB", longest >> 20);
            return Err(RequestError { retry: false, ..failed(message) });
        }
        Ok(Ok((status, headers, Some(body)))) => (status, headers, body),
    };
    if status.is_success() {
        let named = ["x-request-id", "request-id"].iter().find_map(|name| header(&headers, name));
        let request_id = named.map(|id| shorten(&model.clear(id)));
        return Ok(Response { body: model.clear(body), request_id, pause: wait::exhausted(&headers), headers });
    }
    let body = model.redact_body(body);
    Err(model.redact_error(model.provider.error(status.as_u16(), &headers, &body)))
}

/// The body of a response; `None` when it has more than `longest` bytes, of which no more are read.
async fn read(mut response: reqwest::Response, longest: usize) -> reqwest::Result<Option<String>> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await? {
        if part.len() > longest - body.len() {
            return Ok(None);
        }
        body.extend_from_slice(&part);
    }
    Ok(Some(String::from_utf8_lossy(&body).into_owned()))
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    /// A body of ten bytes, read with several limits.
    #[test]
    fn no_more_is_read_than_may_be() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            for _ in 0..3 {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 1024]).unwrap();
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\n0123456789")
                    .unwrap();
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        let bodies: Vec<Option<String>> = [9, 10, LONGEST]
            .into_iter()
            .map(|longest| {
                runtime.block_on(async { read(client.get(&url).send().await.unwrap(), longest).await.unwrap() })
            })
            .collect();
        server.join().unwrap();
        let whole = Some("0123456789".to_string());
        assert_eq!(bodies, [None, whole.clone(), whole]);
    }
}
