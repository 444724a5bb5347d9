//! Requests to the hub, and what its answers may do.
//!
//! The client is our own, since that of the hub (hf-hub 0.5) takes paths and sizes from the answers as they are. This one
//! speaks https but to a hub of this machine, asks the one policy (`hosts`) about every host that the hub sends it on to,
//! and shows the user's token to the hub's own server alone. Of what the hub says nothing becomes a path but plain names of
//! files and a plain commit. No answer may be longer than it was announced or than its kind is, and none silent for long.

use super::places::Places;
use crate::hash::hexadecimal;
use crate::hosts::{Address, Allowed};
use crate::web::{client, explain};
use reqwest::header::{AUTHORIZATION, CONTENT_RANGE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Response, StatusCode};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Time within which an answer must begin, and then bring [`STEP`] bytes more or end.
const PATIENCE: Duration = Duration::from_secs(60);
const STEP: usize = 16 << 10;

/// Maximum number of times that the hub may send a request on.
const REDIRECTS: usize = 5;

/// Maximum size of an answer that is not a file, and of one whose size is not announced.
const LONGEST_LIST: u64 = 8 << 20;
const LONGEST_UNANNOUNCED: u64 = 128 << 20;

/// A client of one hub.
pub(super) struct Client {
    http: reqwest::Client,
    hub: Address,
    /// Address of the hub without a slash at the end.
    base: String,
    token: Option<HeaderValue>,
    allowed: Allowed,
    patience: Duration,
}

impl Client {
    /// The client of the hub at `hub`.
    ///
    /// # Errors
    ///
    /// Where that is not encrypted, or no address for it.
    pub(super) fn new(hub: &Address, places: &Places) -> Result<Client, String> {
        if !hub.is_encrypted() && !hub.is_loopback() {
            return Err("HF_ENDPOINT must be an https address (but for a hub of this machine)".to_string());
        }
        if hub.has_credentials() || hub.has_query() {
            return Err("HF_ENDPOINT must be an address without user name, password and query".to_string());
        }
        let token = places.token.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        let token = token.and_then(|token| bearer(token.trim()));
        let base = hub.as_str().trim_end_matches('/').to_string();
        let http = client(hub.is_loopback())?;
        Ok(Client { http, hub: hub.clone(), base, token, allowed: places.allowed.clone(), patience: PATIENCE })
    }

    /// The client with less patience.
    #[cfg(test)]
    pub(super) fn impatient(self, patience: Duration) -> Client {
        Client { patience, ..self }
    }

    /// Whether a request may go to an address.
    fn check(&self, address: &Address) -> Result<(), String> {
        if self.hub.is_loopback() != address.is_loopback() || (!address.is_encrypted() && !self.hub.is_loopback()) {
            return Err(format!("redirect to {} is not followed", address.server()));
        }
        self.allowed.check(address).map_err(|problem| format!("the host {} {problem}", address.host()))
    }

    /// The answer to a request for `path`, wherever the hub sends it on to. The hub's own answers must be about `commit`.
    async fn get(&self, path: &str, commit: Option<&str>) -> Result<Response, String> {
        let mut address = Address::parse(&format!("{}/{path}", self.base)).ok_or("no address")?;
        for _ in 0..=REDIRECTS {
            self.check(&address)?;
            let is_hub = address.is_server_of(&self.hub);
            let mut request = self.http.get(address.as_str());
            if let Some(token) = self.token.as_ref().filter(|_| is_hub) {
                request = request.header(AUTHORIZATION, token);
            }
            let response = timeout_at(Instant::now() + self.patience, request.send()).await;
            let response = response.map_err(|_| self.silence())?.map_err(|error| explain(&error))?;
            let other = |header: &HeaderValue| commit.is_some_and(|commit| header.as_bytes() != commit.as_bytes());
            if is_hub && response.headers().get("x-repo-commit").is_some_and(other) {
                return Err("the model has changed meanwhile; try again".to_string());
            }
            if !response.status().is_redirection() {
                return match response.status() {
                    StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(response),
                    status => Err(format!("HTTP {status}")),
                };
            }
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let target = location.and_then(|location| address.redirected(location));
            address = target.ok_or("redirect to no address")?;
        }
        Err(format!("more than {REDIRECTS} redirects"))
    }

    fn silence(&self) -> String {
        format!("timeout: less than {} KiB within {} s", STEP >> 10, self.patience.as_secs_f64())
    }

    /// Hands the bytes of an answer of at most `longest` bytes to `take`, which is told their number first, where it is known.
    async fn read(
        &self,
        mut response: Response,
        longest: u64,
        mut take: impl FnMut(Part) -> Result<(), String>,
    ) -> Result<(), String> {
        let announced = length(&response)?;
        let most = match announced {
            Some(bytes) if bytes > longest => return Err(format!("{bytes} bytes are more than {longest}")),
            announced => announced.unwrap_or(longest.min(LONGEST_UNANNOUNCED)),
        };
        take(Part::Length(announced))?;
        let (mut received, mut step, mut due) = (0, 0, Instant::now() + self.patience);
        loop {
            let part = timeout_at(due, response.chunk()).await.map_err(|_| self.silence())?;
            let Some(part) = part.map_err(|error| explain(&error))? else { break };
            received += part.len() as u64;
            if received > most {
                return Err(format!("more than {most} bytes"));
            }
            step += part.len();
            if step >= STEP {
                (step, due) = (0, Instant::now() + self.patience);
            }
            take(Part::Bytes(&part))?;
        }
        match announced {
            Some(bytes) if bytes != received => Err(format!("{received} bytes instead of {bytes}")),
            _ => Ok(()),
        }
    }

    /// JSON at `path`.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub(super) async fn json(&self, path: &str) -> Result<serde_json::Value, String> {
        let response = self.get(path, None).await?;
        let mut body = Vec::new();
        let take = |part: Part| {
            if let Part::Bytes(bytes) = part {
                body.extend_from_slice(bytes);
            }
            Ok(())
        };
        self.read(response, LONGEST_LIST, take).await?;
        serde_json::from_slice(&body).map_err(|_| "the answer is not JSON".to_string())
    }

    /// Writes what is at `path` of `commit` into `file`, a new one of at most `longest` bytes; its SHA-256. `progress` is told
    /// of the bytes that are expected, and of those that have come.
    ///
    /// # Errors
    ///
    /// Where it does not come whole, or cannot be written.
    pub(super) async fn save(
        &self,
        path: &str,
        commit: &str,
        longest: u64,
        file: &Path,
        mut progress: impl FnMut(Option<u64>, usize),
    ) -> Result<String, String> {
        let response = self.get(path, Some(commit)).await?;
        let mut written = File::create_new(file).map_err(|error| error.to_string())?;
        let mut hash = Sha256::new();
        let take = |part: Part| match part {
            Part::Length(bytes) => {
                progress(bytes, 0);
                Ok(())
            }
            Part::Bytes(bytes) => {
                progress(None, bytes.len());
                hash.update(bytes);
                written.write_all(bytes).map_err(|error| error.to_string())
            }
        };
        self.read(response, longest, take).await?;
        written.sync_all().map_err(|error| error.to_string())?;
        Ok(hexadecimal(&hash.finalize()))
    }
}

/// A part of an answer.
enum Part<'a> {
    Length(Option<u64>),
    Bytes(&'a [u8]),
}

/// The header of a token, which no log shows.
fn bearer(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok().filter(|_| !token.is_empty())?;
    value.set_sensitive(true);
    Some(value)
}

/// Number of bytes of the whole that an answer brings; `None` where it does not say.
fn length(response: &Response) -> Result<Option<u64>, String> {
    if response.status() == StatusCode::OK {
        return Ok(response.content_length());
    }
    // a part was not asked for, and can be the whole alone
    let range = content_range(response.headers()).ok_or("a part of the file instead of the whole")?;
    match response.content_length() {
        Some(bytes) if bytes != range => Err(format!("{bytes} bytes instead of {range}")),
        _ => Ok(Some(range)),
    }
}

/// Number of bytes of `bytes 0-…/…` where that is the whole.
fn content_range(headers: &HeaderMap) -> Option<u64> {
    let (last, size) = headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes 0-")?.split_once('/')?;
    let (last, size): (u64, u64) = (last.parse().ok()?, size.parse().ok()?);
    (size.checked_sub(1) == Some(last)).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_the_whole_or_nothing() {
        let of = |range: &'static str| {
            content_range(&[(CONTENT_RANGE, HeaderValue::from_static(range))].into_iter().collect())
        };
        assert_eq!(of("bytes 0-9/10"), Some(10));
        let others = ["bytes 1-9/10", "bytes 0-8/10", "bytes 0-9/*", "bytes 0-0/0", "bytes */10", "", "items 0-9/10"];
        for range in others.into_iter().chain(["bytes 0-18446744073709551615/18446744073709551616"]) {
            assert_eq!(of(range), None, "{range}");
        }
    }

    #[test]
    fn tokens_are_not_shown() {
        assert!(bearer("").is_none() && bearer("two\nlines").is_none());
        assert_eq!(format!("{:?}", bearer("hf_secret").unwrap()), "Sensitive");
    }
}
