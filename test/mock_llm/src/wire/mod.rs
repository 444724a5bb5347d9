//! The wire formats, each a file that implements [`Wire`]: what a request must be, and how an answer and an error look.
//!
//! A new provider is a file here and a line in [`ALL`]; the tests find its address and its key by `mock_llm --providers`.

mod anthropic;
mod azure;
mod compatible;
mod google;
mod openai;

use crate::faults::Fault;
use crate::judge::judge;
use hyper::HeaderMap;
use serde_json::{Value, json};
use std::time::Duration;

/// All providers.
pub const ALL: [Provider; 5] = [GOOGLE, ANTHROPIC, OPENAI, Provider(&azure::Azure), Provider(&compatible::Compatible)];

// those with batches
pub const GOOGLE: Provider = Provider(&google::Google);
pub const ANTHROPIC: Provider = Provider(&anthropic::Anthropic);
pub const OPENAI: Provider = Provider(&openai::OpenAi);

/// Facts about a provider.
pub struct Facts {
    pub name: &'static str,
    /// Environment variable in which muster looks for the address, and the path that belongs to it.
    pub base_url: (&'static str, &'static str),
    /// Environment variable in which muster looks for the key; `None` where no key is needed.
    pub key: Option<&'static str>,
    /// Header that carries the key.
    pub key_header: &'static str,
}

/// Headers that say what is left of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    None,
    XRateLimit,
    Anthropic,
}

/// The interface of a provider.
pub trait Wire: Sync {
    fn facts(&self) -> &'static Facts;

    /// Whether requests for answers go to the path of these parts; the model, where the path names it.
    fn route(&self, parts: &[&str]) -> Option<Option<String>>;

    /// The error for a request whose headers or query are not as they must be.
    fn check(&self, _headers: &HeaderMap, _query: &str) -> Result<(), String> {
        Ok(())
    }

    /// Status of the error for a key that is missing, and for an account that is empty.
    fn statuses(&self) -> (u16, u16) {
        (401, 429)
    }

    fn limits(&self) -> Limits {
        Limits::XRateLimit
    }

    /// Header of the request's id.
    fn id_header(&self) -> Option<&'static str> {
        Some("x-request-id")
    }

    /// Headers that say how long to wait.
    fn wait_headers(&self, wait: Duration) -> Vec<(&'static str, String)> {
        vec![("retry-after", wait.as_secs_f64().ceil().to_string())]
    }

    /// The request that a body is, or the error.
    fn parse(&self, model: Option<&str>, body: &Value) -> Result<Ask, String>;

    fn answer(&self, ask: &Ask, answer: &Answer, id: u64) -> Value;

    /// The error body of a status.
    fn error(&self, status: u16, kind: Kind, message: &str, wait: Duration) -> Value;

    /// Status with which a prompt is blocked; `None` where that is an answer.
    fn blocked(&self) -> Option<u16> {
        None
    }
}

#[derive(Clone, Copy)]
pub struct Provider(&'static dyn Wire);

impl Provider {
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// As the tests read it: the variables that lead muster to the server at `url`, with a made-up key that is easy to
    /// find wherever it has leaked to.
    pub fn environment(self) -> Value {
        let Facts { name, base_url: (variable, path), key, .. } = self.facts();
        let key = key.map(|variable| json!({ variable: format!("marker-key-of-{name}-5f1c") }));
        json!({ "name": name, "paths": { *variable: path }, "keys": key.unwrap_or(json!({})) })
    }
}

impl std::ops::Deref for Provider {
    type Target = dyn Wire;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl PartialEq for Provider {
    fn eq(&self, other: &Provider) -> bool {
        self.name() == other.name()
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What kind of error a status stands for, where the status alone does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Plain,
    InsufficientQuota,
    PerDay,
    Blocked,
}

/// A request as every provider means it.
#[derive(Debug)]
pub struct Ask {
    pub model: String,
    pub text: String,
    /// The JSON schema that the answer must have.
    pub schema: Option<Value>,
    /// Anthropic: the tool that must be called.
    pub tool: Option<String>,
    /// Whether there is a cap on output tokens, and whether a reasoning effort was asked for.
    pub reasoning: bool,
    /// Number of alternatives of each token whose log-probabilities were asked for.
    pub alternatives: Option<u64>,
    pub input_tokens: u64,
    pub cached_tokens: u64,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    Stop,
    Length,
    Refusal,
    Safety,
    Spii,
}

#[derive(Debug)]
pub struct Answer {
    pub model: String,
    pub text: String,
    pub finish: Finish,
    pub thought: Option<String>,
    pub usage: bool,
    /// The tokens of the text, where their log-probabilities were asked for.
    pub tokens: Vec<Token>,
    /// Tokens that are billed beside those of the text.
    pub hidden_tokens: u64,
}

impl Answer {
    pub fn output_tokens(&self) -> u64 {
        tokens(&self.text) + self.hidden_tokens
    }
}

/// What is to be sent back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    pub end: End,
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Send,
    Hang,
    Drop,
    Cut,
}

impl Reply {
    pub fn json(status: u16, body: &Value) -> Reply {
        Reply { status, headers: vec![], body: body.to_string(), end: End::Send }
    }
}

/// What the server knows of a request beside its body.
#[derive(Debug, Clone)]
pub struct Context {
    /// How often this text came to this model, this time included; 0 = not known yet.
    pub id: u64,
    pub wait: Duration,
    pub key: String,
    pub port: u16,
}

/// The request that `body` is, or the error of the provider.
pub fn parse(provider: Provider, model: Option<&str>, body: &Value) -> Result<Ask, Box<Reply>> {
    provider
        .parse(model, body)
        .map_err(|message| Box::new(Reply::json(400, &provider.error(400, Kind::Plain, &message, Duration::ZERO))))
}

/// The answer to a request, or its fault.
pub fn reply(provider: Provider, ask: &Ask, fault: Option<&Fault>, context: &Context) -> Reply {
    let Some(fault) = fault else {
        return success(provider, ask, judged(ask), context);
    };
    if let Some(status) = fault.status() {
        let message = format!("scripted fault {status}");
        return failure(provider, status, Kind::Plain, &message, context);
    }
    let answer = judged(ask);
    let changed = |text: &str| Answer { text: text.to_string(), tokens: tokens_of(ask, text), ..judged(ask) };
    let ended = |finish: Finish| Answer { text: String::new(), finish, ..judged(ask) };
    match fault.name.as_str() {
        "insufficient_quota" => {
            let (_, status) = provider.statuses();
            failure(provider, status, Kind::InsufficientQuota, "You exceeded your current quota", context)
        }
        "error_200" => {
            Reply::json(200, &json!({ "error": { "message": "scripted fault within a success", "code": 429 } }))
        }
        "per_day" => failure(provider, 429, Kind::PerDay, "Quota of requests per day exceeded", context),
        "echo_key" => {
            let message = format!("Incorrect API key provided: {}", context.key);
            failure(provider, 401, Kind::Plain, &message, context)
        }
        "echo_json" => escaped(failure(provider, 400, Kind::Plain, &context.key, context), &context.key),
        "echo_percent" => failure(provider, 400, Kind::Plain, &percent(&context.key), context),
        "echo_base64" => {
            let sent = base64(&format!("Bearer {}", context.key));
            failure(provider, 400, Kind::Plain, &sent, context)
        }
        "echo_cut" => {
            let message = format!("{}{}", "x".repeat(190), context.key);
            failure(provider, 400, Kind::Plain, &message, context)
        }
        "echo_answer" => {
            let key = &context.key;
            let reason = format!("The profile came with {key}, {} and {}.", percent(key), base64(key));
            let said = verdict(ask.schema.as_ref().unwrap_or(&Value::Null), true);
            let answer = changed(&filled(ask, said, &reason).to_string());
            let mut reply = escaped(success(provider, ask, Answer { model: key.clone(), ..answer }, context), key);
            reply.headers.push(("x-request-id", key.clone()));
            reply
        }
        "html" => Reply {
            status: 502,
            headers: vec![("content-type", "text/html".into())],
            body: "<html><head><title>502 Bad Gateway</title></head><body>proxy</body></html>".into(),
            end: End::Send,
        },
        "hang" => Reply { end: End::Hang, ..Reply::json(200, &Value::Null) },
        "drop" => Reply { end: End::Drop, ..Reply::json(200, &Value::Null) },
        "cut" => Reply { end: End::Cut, ..success(provider, ask, answer, context) },
        "broken_body" => {
            let mut reply = success(provider, ask, answer, context);
            reply.body.truncate(reply.body.len() / 2);
            reply
        }
        "endless" => {
            let mut reply = success(provider, ask, answer, context);
            reply.body.push_str(&" ".repeat(128 << 20));
            reply
        }
        "redirect" | "redirect_here" => {
            let host = if fault.name == "redirect" { "localhost" } else { "127.0.0.1" };
            let location = format!("http://{host}:{}/__redirected/{host}", context.port);
            Reply { headers: vec![("location", location)], ..Reply::json(307, &Value::Null) }
        }
        "truncated" => {
            let half = answer.text.chars().take(answer.text.chars().count() / 2).collect();
            success(provider, ask, Answer { text: half, ..answer }, context)
        }
        "length" => success(provider, ask, ended(Finish::Length), context),
        "refusal" => success(provider, ask, ended(Finish::Refusal), context),
        "safety" => match provider.blocked() {
            Some(status) => failure(provider, status, Kind::Blocked, "The response was filtered", context),
            None => success(provider, ask, ended(Finish::Safety), context),
        },
        "spii" => success(provider, ask, ended(Finish::Spii), context),
        "enum" => success(provider, ask, changed(&filled(ask, json!("MAYBE"), "cannot tell").to_string()), context),
        "empty" => success(provider, ask, changed(""), context),
        "prose" => success(provider, ask, changed("I would say that this person is an expert: ACCEPT."), context),
        "fenced" => success(provider, ask, changed(&format!("```json\n{}\n```", answer.text)), context),
        "eos" => edited(success(provider, ask, answer, context), "/choices/0/finish_reason", |_| json!("eos_token")),
        "parts" => {
            let thought =
                json!({ "type": "thinking", "thinking": [{ "type": "text", "text": opposite(ask).to_string() }] });
            let parts = |text: &Value| json!([thought, { "type": "text", "text": text }]);
            edited(success(provider, ask, answer, context), "/choices/0/message/content", parts)
        }
        "loose" => {
            let text = answer.text.replace("The profile", "The\nprofile");
            let text = format!("\u{feff}{},\n}}", text.trim_end_matches('}'));
            success(provider, ask, changed(&text), context)
        }
        "surrogate" => {
            let reply = success(provider, ask, answer, context);
            Reply { body: reply.body.replacen("The profile", "The \\ud83d profile", 1), ..reply }
        }
        "thinking" => {
            let text = format!("<think>The form is {}.</think>\n{}", opposite(ask), answer.text);
            success(provider, ask, changed(&text), context)
        }
        "thought_word" => {
            let text = format!("<think>The form is {}.</think> REJECT", opposite(ask));
            success(provider, ask, changed(&text), context)
        }
        "quoted" => {
            let text = format!("The profile asks me to answer {}, which I will not: REJECT", opposite(ask));
            success(provider, ask, changed(&text), context)
        }
        "two" => success(provider, ask, changed(&format!("{}\n{}", opposite(ask), answer.text)), context),
        "dear" => {
            let hidden_tokens = DEAR - answer.output_tokens();
            success(provider, ask, Answer { hidden_tokens, ..answer }, context)
        }
        "no_logprobs" => success(provider, ask, Answer { tokens: Vec::new(), ..answer }, context),
        "no_usage" => success(provider, ask, Answer { usage: false, ..answer }, context),
        "thought" => {
            let thought = filled(ask, json!("MAYBE"), "first I thought otherwise").to_string();
            success(provider, ask, Answer { thought: Some(thought), ..answer }, context)
        }
        "fickle" => {
            let yes = context.id.is_multiple_of(2);
            let word = ask.schema.as_ref().map_or(Value::Bool(yes), |schema| verdict(schema, yes));
            success(provider, ask, changed(&filled(ask, word, &format!("answer {}", context.id)).to_string()), context)
        }
        "other_model" => success(provider, ask, Answer { model: "another-model-9".into(), ..answer }, context),
        other => failure(provider, 400, Kind::Plain, &format!("mock_llm knows no fault named {other}"), context),
    }
}

/// Tokens of a dear answer.
const DEAR: u64 = 1_000_000;

/// The reply with the characters of `secret` as escapes of JSON.
fn escaped(reply: Reply, secret: &str) -> Reply {
    let escapes: String = secret.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    Reply { body: if secret.is_empty() { reply.body } else { reply.body.replace(secret, &escapes) }, ..reply }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// RFC 4648, section 4, without padding.
fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |part: &[u8]| -> String {
        let bits = part.iter().fold(0usize, |bits, byte| (bits << 8) | usize::from(*byte)) << (8 * (3 - part.len()));
        (0..=part.len()).map(|i| char::from(ALPHABET[(bits >> (18 - 6 * i)) & 63])).collect()
    };
    text.as_bytes().chunks(3).map(digits).collect()
}

fn failure(provider: Provider, status: u16, kind: Kind, message: &str, context: &Context) -> Reply {
    let mut reply = Reply::json(status, &provider.error(status, kind, message, context.wait));
    if status == 429 && kind == Kind::Plain {
        reply.headers = provider.wait_headers(context.wait);
    }
    reply
}

fn success(provider: Provider, ask: &Ask, answer: Answer, context: &Context) -> Reply {
    Reply::json(200, &provider.answer(ask, &answer, context.id))
}

/// A reply with another value at a place of its body, where there is such a place.
fn edited(mut reply: Reply, pointer: &str, edit: impl FnOnce(&Value) -> Value) -> Reply {
    let mut body: Value = serde_json::from_str(&reply.body).unwrap_or(Value::Null);
    if let Some(value) = body.pointer_mut(pointer) {
        *value = edit(value);
        reply.body = body.to_string();
    }
    reply
}

/// The answer of the model: JSON in the schema, or a sentence where none was given.
fn judged(ask: &Ask) -> Answer {
    let (yes, reason) = judge(&ask.text, &ask.model);
    let yes = marked(&ask.text).map_or(yes, |p| p >= 0.5);
    let text = match &ask.schema {
        None => format!("{} {reason}", if yes { "ACCEPT." } else { "REJECT." }),
        Some(schema) => filled(ask, verdict(schema, yes), &reason).to_string(),
    };
    let tokens = tokens_of(ask, &text);
    Answer {
        model: ask.model.clone(),
        text,
        finish: Finish::Stop,
        thought: None,
        usage: true,
        tokens,
        hidden_tokens: 0,
    }
}

/// A token of an answer with its log-probability, and those of what might have stood in its place.
#[derive(Debug)]
pub struct Token {
    pub text: String,
    pub logprob: f64,
    pub alternatives: Vec<(String, f64)>,
}

/// The probability of yes that a text asks for by `[[p:0.8]]`.
fn marked(text: &str) -> Option<f64> {
    text.split_once("[[p:")?.1.split_once("]]")?.0.parse().ok()
}

/// The probability of yes.
fn p_yes(ask: &Ask) -> f64 {
    let (yes, _) = judge(&ask.text, &ask.model);
    marked(&ask.text).unwrap_or(if yes { 0.9 } else { 0.1 })
}

/// Share of the probability that goes to what is no verdict.
const OTHER: f64 = 0.05;

/// Log-probability that the real interfaces give for a probability of 0.
const IMPOSSIBLE: f64 = -9999.0;

/// The tokens of an answer, where they were asked for. Words are in pieces of three characters: the first piece of a verdict says
/// which it is, and has the first pieces of both words as alternatives.
fn tokens_of(ask: &Ask, text: &str) -> Vec<Token> {
    let Some(most) = ask.alternatives else { return Vec::new() };
    let ln = |p: f64| if p > 0.0 { p.ln() } else { IMPOSSIBLE };
    let pieces = |text: &str| {
        text.chars().collect::<Vec<_>>().chunks(3).map(|piece| piece.iter().collect::<String>()).collect::<Vec<_>>()
    };
    let sure = |piece: String| Token { alternatives: vec![(piece.clone(), 0.0)], text: piece, logprob: 0.0 };
    let schema = ask.schema.as_ref().unwrap_or(&Value::Null);
    let name = properties(schema).find(|(_, property)| is_verdict(property)).map(|(name, _)| format!("\"{name}\":\""));
    let Some((before, rest)) = name.and_then(|name| {
        let at = text.rfind(&name)? + name.len();
        Some(text.split_at(at))
    }) else {
        return pieces(text).into_iter().map(sure).collect();
    };
    let first = |word: &Value| pieces(word.as_str().unwrap_or_default()).into_iter().next().unwrap_or_default();
    let p = p_yes(ask);
    let mut alternatives = [
        (first(&verdict(schema, true)), (1.0 - OTHER) * p),
        (first(&verdict(schema, false)), (1.0 - OTHER) * (1.0 - p)),
        ("The".to_string(), OTHER),
    ];
    alternatives.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut after = pieces(rest).into_iter();
    let chosen = after.next().map(|text| {
        let own = alternatives.iter().find(|(other, _)| *other == text).map_or(0.0, |(_, p)| *p);
        let listed = alternatives.iter().take(most as usize).map(|(text, p)| (text.clone(), ln(*p)));
        Token { text, logprob: ln(own), alternatives: listed.collect() }
    });
    pieces(before).into_iter().map(sure).chain(chosen).chain(after.map(sure)).collect()
}

/// Tokens as Chat Completions and Responses have them.
fn logprobs(tokens: &[Token]) -> Value {
    let one = |text: &str, logprob: f64| json!({ "token": text, "logprob": logprob, "bytes": text.as_bytes() });
    let token = |token: &Token| {
        let mut entry = one(&token.text, token.logprob);
        entry["top_logprobs"] = token.alternatives.iter().map(|(text, logprob)| one(text, *logprob)).collect();
        entry
    };
    tokens.iter().map(token).collect()
}

/// The answer that would be wrong.
fn opposite(ask: &Ask) -> Value {
    let (yes, _) = judge(&ask.text, &ask.model);
    let word = ask.schema.as_ref().map_or(Value::Bool(!yes), |schema| verdict(schema, !yes));
    filled(ask, word, "otherwise")
}

/// The value that says yes or no: `ACCEPT` and another, or else the first two of the enum.
fn verdict(schema: &Value, yes: bool) -> Value {
    let Some((_, property)) = properties(schema).find(|(_, property)| is_verdict(property)) else {
        return Value::Bool(yes);
    };
    match property.get("enum").and_then(Value::as_array) {
        Some(values) if values.iter().any(|value| value == "ACCEPT") => {
            let other = values.iter().find(|value| *value != "ACCEPT");
            if yes { json!("ACCEPT") } else { other.cloned().unwrap_or(Value::Null) }
        }
        Some(values) => values.get(usize::from(!yes)).cloned().unwrap_or(Value::Null),
        None => Value::Bool(yes),
    }
}

/// An object of the schema with this verdict; every text in it is the reason.
fn filled(ask: &Ask, verdict: Value, reason: &str) -> Value {
    let Some(schema) = &ask.schema else { return verdict };
    let mut given = Some(verdict);
    properties(schema)
        .map(|(name, property)| {
            let value = match is_verdict(property).then(|| given.take()).flatten() {
                Some(verdict) => verdict,
                None if is_type(property, "string") => json!(reason),
                None if is_type(property, "boolean") => json!(true),
                None if is_type(property, "array") => json!([]),
                None if is_type(property, "number") => json!(p_yes(ask)),
                None => json!(1),
            };
            (name.clone(), value)
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn is_verdict(property: &Value) -> bool {
    property.get("enum").is_some() || is_type(property, "boolean")
}

fn is_type(property: &Value, name: &str) -> bool {
    property.get("type").and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case(name))
}

/// About four characters a token.
pub fn tokens(text: &str) -> u64 {
    text.len().div_ceil(4) as u64
}

/// The string at a path of a body, which must be there.
fn string(body: &Value, pointer: &str) -> Result<String, String> {
    let text = body.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.map(str::to_string).ok_or_else(|| format!("{pointer} must be a text"))
}

/// What strict structured output asks of a schema: every object lists all its properties as required and allows no other.
fn check_strict(schema: &Value, all_required: bool) -> Result<(), String> {
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return Err("schema must be an object".into());
    }
    if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Err("schema: additionalProperties must be false".into());
    }
    let required = schema.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    match properties(schema).find(|(name, _)| all_required && !required.iter().any(|r| r == name.as_str())) {
        Some((name, _)) => Err(format!("schema: required must list every property, {name} is missing")),
        None => Ok(()),
    }
}

/// No field that the real interface would refuse.
fn check_fields(body: &Value, known: &[&str]) -> Result<(), String> {
    let object = body.as_object().ok_or("the body must be an object")?;
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("unknown field {name}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        // the test vectors of RFC 4648, section 10, without padding
        let encoded = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(base64);
        assert_eq!(encoded, ["", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"]);
        assert_eq!(percent("a-b"), "%61%2D%62");
        let reply = Reply::json(200, &json!({ "said": "a-b" }));
        assert_eq!(escaped(reply, "a-b").body, r#"{"said":"\u0061\u002d\u0062"}"#);
    }
}
