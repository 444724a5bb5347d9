//! Clients for HTTP: what requests to providers of language models and to the hub of embedding models share.
//!
//! Redirects are never followed by themselves, so nothing goes to a host that was not checked. TLS is rustls.

use reqwest::{Client, redirect};
use std::time::Duration;

/// Time within which a connection must be there.
const CONNECT: Duration = Duration::from_secs(20);

/// A client; one for servers of this machine goes without the proxy that the environment may name.
///
/// # Errors
///
/// Where the TLS library cannot be had.
pub(crate) fn client(loopback: bool) -> Result<Client, String> {
    let builder = Client::builder()
        .redirect(redirect::Policy::none())
        .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .tcp_nodelay(true);
    let builder = if loopback { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| explain(&error))
}

/// Fault of a connection, without the address, whose path may be long.
pub(crate) fn explain(error: &reqwest::Error) -> String {
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
        Some(text) => format!("{kind}: {text}"),
        None => kind.to_string(),
    }
}
