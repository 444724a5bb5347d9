//! The models that a call names, and what it allows them: everything is checked here, before any work.

use super::error::LlmError;
use super::prices::{Price, Prices};
use super::request::{Task, Template};
use super::schema::Schema;
use crate::options::Options;
use crate::store;
use reqwest::Url;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// Whose interface a model is reached by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    Google,
    Anthropic,
    OpenAi,
    /// Chat Completions: vLLM, llama.cpp, Ollama, gateways.
    Compatible,
}

impl Provider {
    pub const ALL: [Provider; 4] = [Provider::Google, Provider::Anthropic, Provider::OpenAi, Provider::Compatible];

    pub fn name(self) -> &'static str {
        match self {
            Provider::Google => "google",
            Provider::Anthropic => "anthropic",
            Provider::OpenAi => "openai",
            Provider::Compatible => "openai-compatible",
        }
    }

    pub fn from_name(name: &str) -> Option<Provider> {
        Provider::ALL.into_iter().find(|provider| provider.name() == name)
    }

    /// The address of the provider itself, as its own client has it.
    fn home(self) -> Option<&'static str> {
        match self {
            Provider::Google => Some("https://generativelanguage.googleapis.com"),
            Provider::Anthropic => Some("https://api.anthropic.com"),
            Provider::OpenAi => Some("https://api.openai.com/v1"),
            Provider::Compatible => None,
        }
    }

    fn base_url_variable(self) -> &'static str {
        match self {
            Provider::Google => "MUSTER_GOOGLE_BASE_URL",
            Provider::Anthropic => "MUSTER_ANTHROPIC_BASE_URL",
            Provider::OpenAi => "MUSTER_OPENAI_BASE_URL",
            Provider::Compatible => "MUSTER_OPENAI_COMPATIBLE_BASE_URL",
        }
    }

    fn key_variables(self) -> &'static [&'static str] {
        match self {
            Provider::Google => &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
            Provider::Anthropic => &["ANTHROPIC_API_KEY"],
            Provider::OpenAi => &["OPENAI_API_KEY"],
            Provider::Compatible => &[],
        }
    }
}

/// A secret: it is never shown, not even by `{:?}`.
#[derive(Clone, PartialEq)]
pub struct Key(String);

impl Key {
    pub fn new(text: &str) -> Key {
        Key(text.to_string())
    }

    pub fn secret(&self) -> &str {
        &self.0
    }

    /// The text without the key, should a server have echoed it.
    pub fn redact(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_string() } else { text.replace(&self.0, "[key]") }
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[key]")
    }
}

/// Anthropic's interface has no request without a cap; a verdict and its reason take some hundred tokens.
pub const ANTHROPIC_MAX_TOKENS: u64 = 1024;

/// One annotator: a model with its parameters and limits.
#[derive(Debug, Clone)]
pub struct Model {
    pub annotator: String,
    pub provider: Provider,
    pub name: String,
    /// Without a slash at the end.
    pub base_url: String,
    /// A server of this machine: reached without a proxy, and without encryption if so given.
    pub loopback: bool,
    pub key: Option<Key>,
    pub temperature: Option<f64>,
    pub reasoning: Option<String>,
    pub max_tokens: Option<u64>,
    pub requests_per_minute: Option<f64>,
    pub tokens_per_minute: Option<f64>,
    pub concurrency: usize,
    pub batch: bool,
    pub price: Option<Price>,
}

impl Model {
    /// A model without a name yet, and without limits but for the default concurrency.
    pub fn new(provider: Provider) -> Model {
        Model {
            annotator: String::new(),
            provider,
            name: String::new(),
            base_url: provider.home().unwrap_or("").to_string(),
            loopback: false,
            key: None,
            temperature: None,
            reasoning: None,
            max_tokens: None,
            requests_per_minute: None,
            tokens_per_minute: None,
            concurrency: 16,
            batch: false,
            price: None,
        }
    }

    /// `provider:model`
    pub fn full_name(&self) -> String {
        format!("{}:{}", self.provider.name(), self.name)
    }
}

/// Everything that a call asks for.
#[derive(Debug)]
pub struct Settings {
    pub models: Vec<Model>,
    /// One for each model.
    pub templates: Vec<Template>,
    pub task: Task,
    pub replay: bool,
    pub max_cost_usd: Option<f64>,
    pub max_error_ratio: f64,
    pub timeout: Duration,
    pub max_attempts: u32,
    pub max_text_chars: usize,
    pub store: PathBuf,
}

/// Limits of a call, which a model's own replace.
struct Defaults {
    concurrency: usize,
    requests_per_minute: Option<f64>,
    tokens_per_minute: Option<f64>,
    batch: bool,
}

/// What is allowed beyond the arguments; read once a call.
struct Rules {
    caller: &'static str,
    allow_http: bool,
    allowed_hosts: Option<String>,
    needs_keys: bool,
}

impl Settings {
    /// From the JSON text that the macros make, with the number of documents where that was given. With `sends`, keys
    /// must be there (unless answers are replayed).
    pub fn parse(caller: &'static str, json: &str, sends: bool) -> Result<(Settings, Option<u64>), LlmError> {
        let mut options = Options::parse(caller, json)?;
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let replay = options.boolean("replay")?;
        let defaults = Defaults {
            concurrency: options.whole("concurrency", 1, 1024)? as usize,
            requests_per_minute: options.optional_number("requests_per_minute", "be positive", positive)?,
            tokens_per_minute: options.optional_number("tokens_per_minute", "be positive", positive)?,
            batch: options.boolean("batch")?,
        };
        let max_cost_usd = options.optional_number("max_cost_usd", "be positive", positive)?;
        let max_error_ratio = options.number("max_error_ratio", "lie between 0 and 1", |x| (0.0..=1.0).contains(&x))?;
        let timeout = options.number("timeout_s", "lie between 1 and 3600", |x| (1.0..=3600.0).contains(&x))?;
        let max_attempts = options.whole("max_attempts", 1, 100)? as u32;
        let max_text_chars = options.whole("max_text_chars", 1, 10_000_000)? as usize;
        let rules = Rules {
            caller,
            allow_http: options.boolean("allow_http")?,
            allowed_hosts: std::env::var("MUSTER_ALLOWED_HOSTS").ok().filter(|hosts| !hosts.trim().is_empty()),
            needs_keys: sends && !replay,
        };
        let mut given = |name: &str| options.text(name).filter(|text| text != "null");
        let argument = |name, allowed: String, value: &str| LlmError::Argument {
            caller,
            name,
            allowed,
            value: super::schema::shorten(value),
        };
        let mut task = Task::default();
        if let Some(prompt) = given("prompt") {
            if prompt.trim().is_empty() {
                return Err(argument("prompt", "not be empty".to_string(), "''"));
            }
            task.prompt = prompt;
        }
        if let Some(schema) = given("schema") {
            let json = embedded_json(&schema);
            task.schema = Schema::parse(&json).map_err(|allowed| argument("schema", allowed, &schema))?;
        }
        let prices = prices(caller, given("prices"))?;
        let store = store::path(given("store").as_deref())?;
        let listed = given("models").unwrap_or_default();
        let rows = given("rows").and_then(|rows| rows.parse().ok());
        options.finish()?;

        let list = match embedded_json(&listed) {
            Value::Array(list) if !list.is_empty() => list,
            Value::String(one) => vec![Value::String(one)],
            Value::Object(one) => vec![Value::Object(one)],
            _ => {
                let allowed = "be a list of 'provider:model' or of structs with provider and model".to_string();
                return Err(argument("models", allowed, if listed.is_empty() { "NULL" } else { &listed }));
            }
        };
        let models: Vec<Model> = list
            .iter()
            .map(|given| {
                let mut model = model(given, &defaults, &rules)?;
                model.price = prices.find(model.provider.name(), &model.name);
                if max_cost_usd.is_some() && model.price.is_none() {
                    return Err(LlmError::NoPrice { caller, model: model.full_name() });
                }
                Ok(model)
            })
            .collect::<Result<_, _>>()?;
        for (at, model) in models.iter().enumerate() {
            if models[..at].iter().any(|other| other.annotator == model.annotator) {
                let allowed = "have a different annotator each (name them in structs)".to_string();
                return Err(argument("models", allowed, &format!("'{}' twice", model.annotator)));
            }
        }
        let templates = models.iter().map(|model| Template::new(model, &task)).collect();
        let settings = Settings {
            models,
            templates,
            task,
            replay,
            max_cost_usd,
            max_error_ratio,
            timeout: Duration::from_secs_f64(timeout),
            max_attempts,
            max_text_chars,
            store,
        };
        Ok((settings, rows))
    }
}

/// A text that holds JSON, or is meant as a JSON string; one that is a string with JSON in it is read again.
fn embedded_json(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::String(inner)) => match serde_json::from_str(&inner) {
            Ok(json @ (Value::Object(_) | Value::Array(_))) => json,
            _ => Value::String(inner),
        },
        Ok(json) => json,
        Err(_) => Value::String(text.to_string()),
    }
}

/// The prices given, then those of the file `MUSTER_PRICES`, then our own.
fn prices(caller: &'static str, given: Option<String>) -> Result<Prices, LlmError> {
    let argument = |name, allowed, value: &str| LlmError::Argument { caller, name, allowed, value: value.to_string() };
    let mut prices = Prices::default();
    if let Some(text) = given {
        let shown = super::schema::shorten(&text);
        prices = Prices::from_json(&embedded_json(&text)).map_err(|allowed| argument("prices", allowed, &shown))?;
    }
    if let Some(path) = std::env::var_os("MUSTER_PRICES").filter(|path| !path.is_empty()) {
        let shown = PathBuf::from(&path).display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|error| argument("MUSTER_PRICES", format!("be a file that can be read ({error})"), &shown))?;
        let table = Prices::from_csv(&text)
            .map_err(|problem| argument("MUSTER_PRICES", format!("be a table of prices, and it {problem}"), &shown))?;
        prices = prices.or(table);
    }
    Ok(prices.or(Prices::embedded()))
}

/// One entry of `models`.
fn model(given: &Value, defaults: &Defaults, rules: &Rules) -> Result<Model, LlmError> {
    let caller = rules.caller;
    let wrong = |allowed: &str, value: String| LlmError::Argument {
        caller,
        name: "models",
        allowed: allowed.to_string(),
        value,
    };
    let shown = || super::schema::shorten(&given.to_string());
    let fields = match given {
        Value::String(name) => {
            let (provider, model) =
                name.split_once(':').ok_or_else(|| wrong("be written 'provider:model'", format!("'{name}'")))?;
            let mut fields = serde_json::Map::new();
            fields.insert("provider".to_string(), provider.into());
            fields.insert("model".to_string(), model.into());
            fields
        }
        Value::Object(fields) => fields.clone(),
        _ => return Err(wrong("be 'provider:model' or a struct with provider and model", shown())),
    };
    let mut fields: Vec<(String, Value)> = fields.into_iter().filter(|(_, value)| !value.is_null()).collect();
    let mut take = |name: &str| {
        let at = fields.iter().position(|(field, _)| field == name)?;
        Some(fields.swap_remove(at).1)
    };
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let number = |name: &str, value: Option<Value>, check: &dyn Fn(f64) -> bool, allowed: &str| match value {
        None => Ok(None),
        Some(value) => {
            let text = text(value);
            match text.trim().parse::<f64>() {
                Ok(number) if check(number) => Ok(Some(number)),
                _ => Err(wrong(&format!("have a {name} that is {allowed}"), text)),
            }
        }
    };
    let provider = take("provider").map(text).unwrap_or_default();
    let provider = Provider::from_name(&provider).ok_or_else(|| {
        wrong(
            "have a provider that is one of 'google', 'anthropic', 'openai', 'openai-compatible'",
            format!("'{provider}'"),
        )
    })?;
    let name = take("model").map(text).filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| wrong("have a model name", shown()))?;
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/@+".contains(c)) || name.contains("..") {
        return Err(wrong("have model names of letters, digits and - _ . : / @ +", format!("'{name}'")));
    }
    let annotator = take("annotator").map(text).unwrap_or_else(|| format!("{}:{name}", provider.name()));
    let (base_url, loopback) = base_url(provider, &name, take("base_url").map(text), rules)?;
    let key = key(provider, &name, take("api_key_env").map(text), rules)?;
    let positive = |x: f64| x > 0.0 && x.is_finite();
    let whole = |high: f64| move |x: f64| (1.0..=high).contains(&x) && x.fract() == 0.0;
    let temperature = number("temperature", take("temperature"), &|x| (0.0..=2.0).contains(&x), "from 0 to 2")?;
    let max_tokens = number("max_tokens", take("max_tokens"), &whole(1e6), "a whole number from 1 to 1000000")?;
    let requests = number("requests_per_minute", take("requests_per_minute"), &positive, "positive")?;
    let tokens = number("tokens_per_minute", take("tokens_per_minute"), &positive, "positive")?;
    let concurrency = number("concurrency", take("concurrency"), &whole(1024.0), "a whole number from 1 to 1024")?;
    let reasoning = take("reasoning").map(text);
    let batch = match take("batch") {
        None => defaults.batch,
        Some(Value::Bool(batch)) => batch,
        Some(other) => return Err(wrong("have a batch that is true or false", other.to_string())),
    };
    if batch && provider == Provider::Compatible {
        return Err(wrong("have no batch for 'openai-compatible', which has no such interface", format!("'{name}'")));
    }
    if let Some((unknown, _)) = fields.first() {
        return Err(wrong(
            "have no other fields than annotator, provider, model, base_url, api_key_env, temperature, reasoning, \
             max_tokens, requests_per_minute, tokens_per_minute, concurrency, batch",
            format!("'{unknown}'"),
        ));
    }
    let default_tokens = (provider == Provider::Anthropic).then_some(ANTHROPIC_MAX_TOKENS);
    Ok(Model {
        annotator,
        provider,
        name,
        base_url,
        loopback,
        key,
        temperature,
        reasoning,
        max_tokens: max_tokens.map(|tokens| tokens as u64).or(default_tokens),
        requests_per_minute: requests.or(defaults.requests_per_minute),
        tokens_per_minute: tokens.or(defaults.tokens_per_minute),
        concurrency: concurrency.map_or(defaults.concurrency, |n| n as usize),
        batch,
        price: None,
    })
}

/// Where the model is reached, and whether that is this machine.
fn base_url(provider: Provider, name: &str, given: Option<String>, rules: &Rules) -> Result<(String, bool), LlmError> {
    let caller = rules.caller;
    let model = || format!("{}:{name}", provider.name());
    let wrong = |allowed: &str, value: String| LlmError::Argument {
        caller,
        name: "models",
        allowed: format!("have a base_url {allowed}"),
        value,
    };
    let variable = std::env::var(provider.base_url_variable()).ok().filter(|url| !url.trim().is_empty());
    let text = given
        .or(variable)
        .or(provider.home().map(str::to_string))
        .ok_or_else(|| wrong("for 'openai-compatible', such as 'http://localhost:11434/v1'", "none".to_string()))?;
    let text = text.trim().trim_end_matches('/').to_string();
    let shown = || format!("'{text}'");
    let url = Url::parse(&text).map_err(|_| wrong("that is an http or https address", shown()))?;
    if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none() {
        return Err(wrong("that is an http or https address", shown()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("without user name and password", "one with them".to_string()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("without query", shown()));
    }
    let host = url.host_str().unwrap_or("").to_lowercase();
    let loopback = is_loopback(&host);
    if url.scheme() == "http" && !loopback && !rules.allow_http {
        return Err(LlmError::NotEncrypted { caller, model: model(), url: text });
    }
    if let Some(allowed) = &rules.allowed_hosts {
        let with_port = format!("{host}:{}", url.port_or_known_default().unwrap_or(0));
        let listed = allowed.split(',').map(|h| h.trim().to_lowercase()).any(|h| h == host || h == with_port);
        if !listed {
            return Err(LlmError::NotAllowed { caller, model: model(), host, allowed: allowed.clone() });
        }
    }
    Ok((text, loopback))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The key of the variable named, else of the provider's own.
fn key(provider: Provider, name: &str, variable: Option<String>, rules: &Rules) -> Result<Option<Key>, LlmError> {
    let read = |name: &str| std::env::var(name).ok().map(|key| key.trim().to_string()).filter(|key| !key.is_empty());
    let own = provider.key_variables();
    let (key, asked) = match &variable {
        Some(variable) => (read(variable), variable.clone()),
        None => (own.iter().find_map(|name| read(name)), own.join(" or ")),
    };
    if key.is_none() && !asked.is_empty() && rules.needs_keys {
        let model = format!("{}:{name}", provider.name());
        return Err(LlmError::NoKey { caller: rules.caller, model, variable: asked });
    }
    Ok(key.map(Key))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Options as the macro makes them, with `models` and some changed.
    fn parse(models: &str, changed: &[(&str, &str)]) -> Result<Settings, LlmError> {
        let mut options = serde_json::json!({
            "models": models, "replay": "true", "batch": "false", "concurrency": "16", "requests_per_minute": null,
            "tokens_per_minute": null, "max_cost_usd": null, "max_error_ratio": "1.0", "timeout_s": "120",
            "max_attempts": "6", "max_text_chars": "1000", "allow_http": "false", "store": "s.sqlite",
        });
        for (name, value) in changed {
            options[*name] = Value::from(*value);
        }
        Settings::parse("llm_annotate", &options.to_string(), false).map(|(settings, _)| settings)
    }

    #[test]
    fn models_as_texts_and_structs() {
        let settings = parse(r#"["openai:gpt-5-mini","anthropic:claude-haiku-4-5"]"#, &[]).unwrap();
        let names: Vec<String> = settings.models.iter().map(|m| m.annotator.clone()).collect();
        assert_eq!(names, ["openai:gpt-5-mini", "anthropic:claude-haiku-4-5"]);
        assert_eq!(settings.models[0].max_tokens, None);
        assert_eq!(settings.models[1].max_tokens, Some(ANTHROPIC_MAX_TOKENS));
        assert!(settings.models[0].price.is_some());

        let text = r#"[{"annotator":"local","provider":"openai-compatible","model":"llama3:8b","temperature":0,
                       "base_url":"http://localhost:11434/v1/","concurrency":2,"batch":null}]"#;
        let local = parse(text, &[("requests_per_minute", "90")]).unwrap().models.remove(0);
        assert_eq!((local.annotator.as_str(), local.name.as_str()), ("local", "llama3:8b"));
        assert_eq!((local.base_url.as_str(), local.loopback), ("http://localhost:11434/v1", true));
        assert_eq!((local.concurrency, local.requests_per_minute), (2, Some(90.0)));
        assert_eq!((local.temperature, local.price), (Some(0.0), None));
    }

    #[test]
    fn wrong_models_are_errors() {
        for (models, message) in [
            ("[]", "models must be a list of 'provider:model'"),
            (r#"["gpt-5"]"#, "models must be written 'provider:model', got 'gpt-5'"),
            (
                r#"["azure:gpt-5"]"#,
                "have a provider that is one of 'google', 'anthropic', 'openai', 'openai-compatible', got 'azure'",
            ),
            (r#"["openai:"]"#, "models must have a model name"),
            (r#"["openai:a?b"]"#, "models must have model names of letters"),
            (r#"["openai-compatible:m"]"#, "models must have a base_url for 'openai-compatible'"),
            (r#"["openai:m","openai:m"]"#, "different annotator each (name them in structs), got 'openai:m' twice"),
            (r#"[{"provider":"openai","model":"m","temprature":1}]"#, "got 'temprature'"),
            (r#"[{"provider":"openai","model":"m","temperature":3}]"#, "a temperature that is from 0 to 2, got 3"),
            (r#"[{"provider":"openai","model":"m","base_url":"ftp://x"}]"#, "an http or https address, got 'ftp://x'"),
            (r#"[{"provider":"openai","model":"m","base_url":"https://u:p@x"}]"#, "got one with them"),
            (
                r#"[{"provider":"openai","model":"m","base_url":"http://host/v1"}]"#,
                "not encrypted; use https, or allow_http",
            ),
        ] {
            let error = parse(models, &[]).unwrap_err().to_string();
            assert!(error.starts_with("llm_annotate: ") && error.contains(message), "{models}: {error}");
        }
        let plain = r#"[{"provider":"openai","model":"m","base_url":"http://host/v1"}]"#;
        assert!(parse(plain, &[("allow_http", "true")]).is_ok());
        let unknown = parse(r#"["openai:nobody-knows-it"]"#, &[("max_cost_usd", "1")]).unwrap_err().to_string();
        assert!(unknown.contains("max_cost_usd needs the price of model 'openai:nobody-knows-it'"), "{unknown}");
    }

    #[test]
    fn keys_are_never_shown() {
        let key = Key::new("sk-secret");
        assert_eq!(format!("{key:?}"), "[key]");
        assert_eq!(key.redact("bad key sk-secret"), "bad key [key]");
        let model = Model { key: Some(key), ..Model::new(Provider::OpenAi) };
        assert!(!format!("{model:?}").contains("secret"));
    }

    #[test]
    fn loopback_is_this_machine_only() {
        for (host, loopback) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("[::1]", true),
            ("127.0.0.1.evil.org", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(host), loopback, "{host}");
        }
    }
}
