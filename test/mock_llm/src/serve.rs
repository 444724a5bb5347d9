//! Routes: who is asked, what is counted, and when the answer goes out.

use crate::batches::{self, Vendor};
use crate::faults::Fault;
use crate::state::{Left, State};
use crate::wire::{self, Ask, Context, End, Kind, Limits, Provider, Reply};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::{HeaderMap, Request, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::io::Error;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;

type Shared = Rc<RefCell<State>>;
type Body = BoxBody<Bytes, Error>;

/// What a request is for.
#[derive(Debug, Clone, PartialEq)]
enum Route {
    Generate(Provider, Option<String>),
    CreateBatch(Vendor, Option<String>),
    PollBatch(Vendor, String),
    ListBatches(Vendor),
    BatchResults(String),
    CreateFile,
    ReadFile(String),
    Redirected,
    Unknown,
}

impl Route {
    fn of(method: &str, path: &str) -> Route {
        use Vendor::{Anthropic, Google, OpenAi};
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let mut providers = wire::ALL.into_iter();
        if method == "POST"
            && let Some(route) = providers.find_map(|of| Some(Route::Generate(of, of.route(&parts)?)))
        {
            return route;
        }
        match (method, parts.as_slice()) {
            ("POST", ["v1beta", "models", call]) => match call.strip_suffix(":batchGenerateContent") {
                Some(model) => Route::CreateBatch(Google, Some(model.to_string())),
                None => Route::Unknown,
            },
            ("POST", ["v1", "messages", "batches"]) => Route::CreateBatch(Anthropic, None),
            ("POST", ["v1", "batches"]) => Route::CreateBatch(OpenAi, None),
            ("GET", ["v1", "messages", "batches"]) => Route::ListBatches(Anthropic),
            ("GET", ["v1", "batches"]) => Route::ListBatches(OpenAi),
            ("GET", ["v1beta", "batches"]) => Route::ListBatches(Google),
            ("GET", ["v1", "messages", "batches", id]) => Route::PollBatch(Anthropic, id.to_string()),
            ("GET", ["v1", "batches", id]) => Route::PollBatch(OpenAi, id.to_string()),
            ("GET", ["v1beta", "batches", id]) => Route::PollBatch(Google, format!("batches/{id}")),
            ("GET", ["v1", "messages", "batches", id, "results"]) => Route::BatchResults(id.to_string()),
            ("POST", ["v1", "files"]) => Route::CreateFile,
            ("GET", ["v1", "files", id, "content"]) => Route::ReadFile(id.to_string()),
            ("GET", ["download", "v1beta", "files", id]) => {
                Route::ReadFile(format!("files/{}", id.trim_end_matches(":download")))
            }
            (_, ["__redirected", ..]) => Route::Redirected,
            _ => Route::Unknown,
        }
    }

    fn provider(&self) -> Option<Provider> {
        match self {
            Route::Generate(provider, _) => Some(*provider),
            Route::CreateBatch(vendor, _) | Route::PollBatch(vendor, _) | Route::ListBatches(vendor) => {
                Some(vendor.provider())
            }
            Route::BatchResults(_) => Some(wire::ANTHROPIC),
            Route::ReadFile(id) if id.starts_with("files/") => Some(wire::GOOGLE),
            Route::CreateFile | Route::ReadFile(_) => Some(wire::OPENAI),
            Route::Redirected | Route::Unknown => None,
        }
    }

    /// The name in `/__stats`: ids are left out, so that all requests of a kind count together.
    fn label(&self, method: &str, path: &str) -> String {
        match self {
            Route::PollBatch(Vendor::Google, _) => "GET /v1beta/batches/ID".into(),
            Route::PollBatch(Vendor::Anthropic, _) => "GET /v1/messages/batches/ID".into(),
            Route::PollBatch(_, _) => "GET /v1/batches/ID".into(),
            Route::BatchResults(_) => "GET /v1/messages/batches/ID/results".into(),
            Route::ReadFile(id) if id.starts_with("files/") => "GET /download/v1beta/files/ID".into(),
            Route::ReadFile(_) => "GET /v1/files/ID/content".into(),
            _ => format!("{method} {path}"),
        }
    }
}

/// Counts a request while it lives: a client that goes away ends it too.
struct InFlight {
    state: Shared,
    label: String,
    model: Option<String>,
    status: String,
}

impl InFlight {
    fn start(state: &Shared, label: String, model: Option<String>, tokens: u64) -> InFlight {
        let now = Instant::now();
        {
            let mut state = state.borrow_mut();
            state.total.start(now, tokens);
            state.routes.entry(label.clone()).or_default().start(now, tokens);
            if let Some(model) = &model {
                state.models.entry(model.clone()).or_default().start(now, tokens);
            }
        }
        InFlight { state: state.clone(), label, model, status: "gone".into() }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.state.borrow_mut();
        state.total.end(&self.status);
        if let Some(counter) = state.routes.get_mut(&self.label) {
            counter.end(&self.status);
        }
        if let Some(counter) = self.model.as_ref().and_then(|model| state.models.get_mut(model)) {
            counter.end(&self.status);
        }
    }
}

/// Counts a request that is held while it is.
struct Held(Shared);

impl Held {
    fn start(state: &Shared) -> Held {
        state.borrow_mut().held += 1;
        Held(state.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.0.borrow_mut();
        state.held = state.held.saturating_sub(1);
    }
}

pub async fn serve(state: Shared, request: Request<Incoming>) -> Result<Response<Body>, Error> {
    let (head, body) = request.into_parts();
    let (method, path) = (head.method.as_str().to_string(), head.uri.path().to_string());
    let query = head.uri.query().unwrap_or_default();
    match path.as_str() {
        "/__stats" => return respond(Reply::json(200, &state.borrow().report())),
        "/__reset" => {
            let done = state.borrow_mut().reset(query);
            return respond(control(done));
        }
        "/__set" => {
            let done = state.borrow_mut().set(query);
            return respond(control(done));
        }
        _ => {}
    }
    let body = body.collect().await.map_err(Error::other)?.to_bytes();
    let route = Route::of(&method, &path);
    let json: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let model = match &route {
        Route::Generate(provider, model) => {
            let named = model.as_deref().or_else(|| json.get("model").and_then(Value::as_str)).unwrap_or_default();
            Some(format!("{}:{named}", provider.name()))
        }
        _ => None,
    };
    let digest: [u8; 32] = Sha256::new().chain_update(&path).chain_update(&body).finalize().into();
    let tokens = wire::tokens(&String::from_utf8_lossy(&body));
    let mut in_flight = InFlight::start(&state, route.label(&method, &path), model.clone(), tokens);
    state.borrow_mut().saw(head.headers.keys().map(ToString::to_string), digest);

    let name = format!("{method} {path}");
    if is_held(&state, &name) {
        let _held = Held::start(&state);
        while is_held(&state, &name) {
            sleep(Duration::from_millis(5)).await;
        }
    }
    let latency = state.borrow().settings.latency_ms;
    if latency > 0 {
        sleep(Duration::from_millis(latency)).await;
    }
    let sent = Sent { headers: &head.headers, query, json: &json, body: &body };
    let reply = decide(&mut state.borrow_mut(), &route, &sent, model.as_deref());
    match reply.end {
        End::Send => {
            if reply.status == 200 && matches!(route, Route::Generate(..)) {
                state.borrow_mut().answered(digest);
            }
            in_flight.status = reply.status.to_string();
            respond(reply)
        }
        End::Hang => {
            std::future::pending::<()>().await;
            respond(reply)
        }
        End::Drop => {
            in_flight.status = "dropped".into();
            Err(Error::other("scripted fault"))
        }
        End::Cut => {
            in_flight.status = "cut".into();
            cut(&reply)
        }
    }
}

fn is_held(state: &Shared, request: &str) -> bool {
    let state = state.borrow();
    !state.settings.hold.is_empty() && request.starts_with(&state.settings.hold)
}

fn control(done: Result<(), String>) -> Reply {
    match done {
        Ok(()) => Reply::json(200, &json!({})),
        Err(message) => Reply::json(400, &json!({ "error": message })),
    }
}

fn respond(reply: Reply) -> Result<Response<Body>, Error> {
    let mut response = Response::builder().status(reply.status);
    if !reply.headers.iter().any(|(name, _)| *name == "content-type") {
        response = response.header("content-type", "application/json");
    }
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    let body = Full::new(Bytes::from(reply.body)).map_err(|never| match never {}).boxed();
    response.body(body).map_err(Error::other)
}

/// Half of the body, and then the end of the connection.
fn cut(reply: &Reply) -> Result<Response<Body>, Error> {
    let half = Bytes::from(reply.body[..reply.body.len() / 2].to_string());
    Response::builder()
        .header("content-type", "application/json")
        .header("content-length", reply.body.len())
        .body(BodyExt::boxed(Half { data: Some(half), flushed: false }))
        .map_err(Error::other)
}

/// A body that ends in an error.
struct Half {
    data: Option<Bytes>,
    flushed: bool,
}

impl hyper::body::Body for Half {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        // what was given before goes out while a body waits
        if !std::mem::replace(&mut self.flushed, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(Error::other("scripted fault"))))
    }
}

/// A request as it came.
struct Sent<'a> {
    headers: &'a HeaderMap,
    query: &'a str,
    json: &'a Value,
    body: &'a [u8],
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn decide(state: &mut State, route: &Route, sent: &Sent, model: Option<&str>) -> Reply {
    let Some(provider) = route.provider() else {
        let status = if *route == Route::Redirected { 200 } else { 404 };
        return Reply::json(status, &json!({ "error": { "message": "mock_llm has no such route" } }));
    };
    let key = header(sent.headers, provider.facts().key_header).trim_start_matches("Bearer ").to_string();
    if !key.is_empty() {
        state.saw_key(provider);
    } else if provider.facts().key.is_some() {
        return refuse(provider, provider.statuses().0, "no API key was sent");
    }
    if let Err(message) = provider.check(sent.headers, sent.query) {
        return refuse(provider, 400, &message);
    }
    match route {
        Route::Generate(_, path_model) => {
            if !header(sent.headers, "content-type").starts_with("application/json") {
                return refuse(provider, 400, "content-type must be application/json");
            }
            match wire::parse(provider, path_model.as_deref(), sent.json) {
                Ok(ask) => generate(state, provider, &ask, &key, model.unwrap_or_default()),
                Err(reply) => *reply,
            }
        }
        Route::CreateBatch(vendor, model) => batches::create(state, *vendor, model.as_deref(), sent.json),
        Route::PollBatch(vendor, id) => batches::poll(state, *vendor, id, &key, header(sent.headers, "host")),
        Route::ListBatches(vendor) => batches::list(state, *vendor, header(sent.headers, "host")),
        Route::BatchResults(id) => batches::results(state, id),
        Route::CreateFile => batches::upload(state, header(sent.headers, "content-type"), sent.body),
        Route::ReadFile(id) => match state.files.get(id) {
            Some(text) => Reply { body: text.clone(), ..Reply::json(200, &Value::Null) },
            None => refuse(provider, 404, "no such file"),
        },
        Route::Redirected | Route::Unknown => refuse(provider, 404, "no such route"),
    }
}

pub fn refuse(provider: Provider, status: u16, message: &str) -> Reply {
    Reply::json(status, &provider.error(status, Kind::Plain, message, Duration::ZERO))
}

/// The answer to one request, under the limits and with the fault that its text asks for.
fn generate(state: &mut State, provider: Provider, ask: &Ask, key: &str, model: &str) -> Reply {
    let limits = state.allow(model, ask.input_tokens, Instant::now());
    let mut reply = match &limits {
        Some((false, requests, tokens)) => {
            let wait = requests.reset.max(tokens.reset);
            let body = provider.error(429, Kind::Plain, "the limit of this minute is reached", wait);
            Reply { headers: provider.wait_headers(wait), ..Reply::json(429, &body) }
        }
        _ => {
            let times = state.times(model, &ask.text);
            let fault = Fault::of(&ask.text, provider.name()).filter(|fault| times <= fault.times);
            wire::reply(provider, ask, fault.as_ref(), &context(state, key))
        }
    };
    if let Some((_, requests, tokens)) = limits {
        reply.headers.extend(limit_headers(provider, requests, tokens));
    }
    if let Some(name) = provider.id_header() {
        reply.headers.push((name, format!("req_{}", state.id())));
    }
    reply
}

pub fn context(state: &mut State, key: &str) -> Context {
    let wait = Duration::from_millis(state.settings.wait_ms);
    Context { id: state.id(), wait, key: key.to_string(), port: state.port }
}

/// Headers of a provider about its limits. A limit that is not set is absent.
fn limit_headers(provider: Provider, requests: Left, tokens: Left) -> Vec<(&'static str, String)> {
    let mut headers = vec![];
    let mut put = |left: Left, names: [&'static str; 3], reset: String| {
        if left.limit > 0 {
            let values = [left.limit.to_string(), left.remaining.to_string(), reset];
            headers.extend(names.into_iter().zip(values));
        }
    };
    let seconds = |left: Left| format!("{}ms", left.reset.as_millis());
    match provider.limits() {
        Limits::None => {}
        Limits::Anthropic => {
            let time = |left: Left| {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                rfc3339((now + left.reset).as_secs())
            };
            let names = [
                "anthropic-ratelimit-requests-limit",
                "anthropic-ratelimit-requests-remaining",
                "anthropic-ratelimit-requests-reset",
            ];
            put(requests, names, time(requests));
            let names = [
                "anthropic-ratelimit-input-tokens-limit",
                "anthropic-ratelimit-input-tokens-remaining",
                "anthropic-ratelimit-input-tokens-reset",
            ];
            put(tokens, names, time(tokens));
        }
        Limits::XRateLimit => {
            let names = ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
            put(requests, names, seconds(requests));
            let names = ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];
            put(tokens, names, seconds(tokens));
        }
    }
    headers
}

/// Seconds since 1970 as `2026-01-02T03:04:05Z`. Days to a date by the civil calendar of 400 years with March first.
fn rfc3339(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_767_225_599), "2025-12-31T23:59:59Z");
    }

    #[test]
    fn routes() {
        let google = Route::of("POST", "/v1beta/models/gemini-3-flash:generateContent");
        assert_eq!(google, Route::Generate(wire::GOOGLE, Some("gemini-3-flash".into())));
        let poll = Route::of("GET", "/v1beta/batches/7");
        assert_eq!(poll.label("GET", "/v1beta/batches/7"), "GET /v1beta/batches/ID");
        assert_eq!(Route::of("GET", "/v1/messages"), Route::Unknown);
    }
}
