//! Settings of the functions of language models, from their options: everything is checked here, before any work.

use super::options::{OptionError, Options};
use crate::env;
use crate::hosts::{Address, Allowed, HostError};
use crate::llm::call::Settings;
use crate::llm::confidence::Confidence;
use crate::llm::error::LlmError;
use crate::llm::key::Key;
use crate::llm::model::{Home, Model, Provider, Role};
use crate::llm::prices::Prices;
use crate::llm::providers;
use crate::llm::schema::{PROBABILITY, Schema, is_blank, shorten};
use crate::llm::task::Task;
use crate::store::{self, StoreError};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// Error of a function of language models.
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingsError {
    #[error(transparent)]
    Option(#[from] OptionError),
    #[error(transparent)]
    Engine(#[from] LlmError),
    #[error("{name} must {allowed}, got {value}")]
    Argument { name: &'static str, allowed: String, value: String },
    #[error(
        "model '{model}' needs a key in the environment variable {variable}; \
         set it before the process starts (SQL never carries a key)"
    )]
    NoKey { model: String, variable: String },
    #[error(
        "model '{model}' has the base URL {url}, which is not encrypted; use https, or allow_http := true \
         (a server of this machine needs neither)"
    )]
    NotEncrypted { model: String, url: String },
    #[error("host {host} of model '{model}' {problem}")]
    NotAllowed { model: String, host: String, problem: HostError },
    #[error(
        "api_key_env must be a provider's own variable, be named MUSTER_…_KEY, or stand in the environment variable \
         MUSTER_KEY_VARIABLES, got '{variable}'"
    )]
    NoKeyVariable { variable: String },
    #[error(
        "model '{model}' would send the key in {variable} to {server}, which is not its own host; allow it by {ways}, set \
         before the process starts"
    )]
    KeyNotAllowed { model: String, variable: String, server: String, ways: String },
    #[error("max_cost_usd needs the price of model '{model}'; give it in prices, or leave max_cost_usd out")]
    NoPrice { model: String },
    #[error(
        "max_cost_usd needs max_tokens of model '{model}' in a batch, whose requests are all sent before one answer says \
         what they cost"
    )]
    NoCap { model: String },
}

impl From<StoreError> for SettingsError {
    fn from(error: StoreError) -> SettingsError {
        SettingsError::Engine(LlmError::Store(error))
    }
}

/// Limits of a call, which a model's own replace.
struct Defaults {
    concurrency: usize,
    requests_per_minute: Option<f64>,
    tokens_per_minute: Option<f64>,
    batch: bool,
    /// Whether the confidence of verdicts is asked for.
    confidence: bool,
}

/// Rules beyond the arguments; read once a call.
struct Rules {
    allow_http: bool,
    allowed: Allowed,
    /// Whether anything is sent, and needs a key.
    sends: bool,
}

/// An argument that is not as it must be.
fn wrong(name: &'static str, allowed: impl Into<String>, value: impl Into<String>) -> SettingsError {
    SettingsError::Argument { name, allowed: allowed.into(), value: value.into() }
}

/// The settings of a call. Where it `sends`, keys must be there (unless answers are replayed).
///
/// # Errors
///
/// Where an argument, or an environment variable that takes the place of one, is not as it must be.
pub(super) fn settings(mut options: Options, sends: bool) -> Result<Settings, SettingsError> {
    let positive = |x: f64| x > 0.0 && x.is_finite();
    let replay = options.boolean("replay")?;
    let defaults = Defaults {
        concurrency: options.whole("concurrency", 1, 1024)? as usize,
        requests_per_minute: options.optional_number("requests_per_minute", "be positive", positive)?,
        tokens_per_minute: options.optional_number("tokens_per_minute", "be positive", positive)?,
        batch: options.boolean("batch")?,
        confidence: options.boolean("confidence")?,
    };
    let max_cost_usd = options.optional_number("max_cost_usd", "be positive", positive)?;
    let max_error_ratio = options.number("max_error_ratio", "lie between 0 and 1", |x| (0.0..=1.0).contains(&x))?;
    let timeout = options.number("timeout_s", "lie between 1 and 3600", |x| (1.0..=3600.0).contains(&x))?;
    let max_attempts = options.whole("max_attempts", 1, 100)? as u32;
    let max_text_chars = options.whole("max_text_chars", 1, 10_000_000)? as usize;
    let rules = Rules {
        allow_http: options.boolean("allow_http")?,
        allowed: Allowed::from_environment(),
        sends: sends && !replay,
    };
    let mut task = Task::default();
    if let Some(prompt) = options.text("prompt") {
        if is_blank(&prompt) {
            return Err(wrong("prompt", "not be empty", "''"));
        }
        task.prompt = prompt;
    }
    let mut nested = |name: &str| options.json(name).filter(|text| text != "null");
    if let Some(schema) = nested("schema") {
        let json = embedded_json(&schema);
        task.schema = Schema::parse(&json).map_err(|allowed| wrong("schema", allowed, shorten(&schema)))?;
    }
    let prices = prices(nested("prices"))?;
    let listed = nested("models");
    let store = store::path(options.text("store").as_deref())?;
    let documents = options.text("rows").and_then(|rows| rows.parse().ok());
    options.finish()?;

    let list = match listed.as_deref().map(embedded_json) {
        Some(Value::Array(list)) if !list.is_empty() => list,
        Some(one @ (Value::String(_) | Value::Object(_))) => vec![one],
        _ => {
            let allowed = "be a list of 'provider:model' or of structs with provider and model";
            return Err(wrong("models", allowed, listed.map_or("NULL".to_string(), |given| shorten(&given))));
        }
    };
    let models: Vec<Model> = list
        .iter()
        .map(|given| {
            let mut model = model(given, &defaults, &rules)?;
            model.price = prices.find(model.provider.facts().name, &model.name);
            if max_cost_usd.is_some() && model.price.is_none() {
                return Err(SettingsError::NoPrice { model: model.full_name() });
            }
            if max_cost_usd.is_some() && model.batch && model.max_tokens.is_none() {
                return Err(SettingsError::NoCap { model: model.full_name() });
            }
            Ok(model)
        })
        .collect::<Result<_, SettingsError>>()?;
    if task.schema.field == PROBABILITY && models.iter().any(Model::states_confidence) {
        let allowed = "have another field where a model states its confidence under that name";
        return Err(wrong("schema", allowed, format!("'{PROBABILITY}'")));
    }
    for (at, model) in models.iter().enumerate() {
        if models[..at].iter().any(|before| before.annotator == model.annotator) {
            let allowed = "have a different annotator each (name them in structs)";
            return Err(wrong("models", allowed, format!("'{}' twice", shorten(&model.annotator))));
        }
    }
    Ok(Settings {
        models,
        task,
        replay,
        max_cost_usd,
        max_error_ratio,
        timeout: Duration::from_secs_f64(timeout),
        max_attempts,
        max_text_chars,
        store,
        documents,
    })
}

/// JSON that a text holds, or the text as a JSON string; one that is a string with JSON in it is read again.
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
fn prices(given: Option<String>) -> Result<Prices, SettingsError> {
    let mut prices = Prices::default();
    if let Some(text) = given {
        let shown = shorten(&text);
        prices = Prices::from_json(&embedded_json(&text)).map_err(|allowed| wrong("prices", allowed, shown))?;
    }
    if let Some(path) = env::PRICES.path() {
        let name = env::PRICES.name;
        let shown = PathBuf::from(&path).display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|error| wrong(name, format!("be a file that can be read ({error})"), shown.as_str()))?;
        let table = Prices::from_csv(&text)
            .map_err(|problem| wrong(name, format!("be a table of prices, and it {problem}"), shown))?;
        prices = prices.or(table);
    }
    Ok(prices.or(Prices::embedded()))
}

/// One entry of `models`.
fn model(given: &Value, defaults: &Defaults, rules: &Rules) -> Result<Model, SettingsError> {
    let wrong = |allowed: &str, value: String| wrong("models", allowed, value);
    let shown = || shorten(&given.to_string());
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
        value => value.to_string(),
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
    let provider = providers::by_name(&provider).ok_or_else(|| {
        let names = providers::ALL.map(|provider| format!("'{}'", provider.facts().name));
        wrong(&format!("have a provider that is one of {}", names.join(", ")), format!("'{provider}'"))
    })?;
    let name = take("model").map(text).filter(|name| !is_blank(name));
    let name = name.ok_or_else(|| wrong("have a model name", shown()))?;
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/@+".contains(c)) || name.contains("..") {
        return Err(wrong("have model names of letters, digits and - _ . : / @ +", format!("'{name}'")));
    }
    let annotator = take("annotator").map(text).unwrap_or_else(|| format!("{}:{name}", provider.facts().name));
    let (base_url, address) = base_url(provider, &name, take("base_url").map(text), rules)?;
    let key = key(provider, &name, take("api_key_env").map(text), &address, rules)?;
    let positive = |x: f64| x > 0.0 && x.is_finite();
    let whole = |high: f64| move |x: f64| (1.0..=high).contains(&x) && x.fract() == 0.0;
    let temperature = number("temperature", take("temperature"), &|x| (0.0..=2.0).contains(&x), "from 0 to 2")?;
    let max_tokens = number("max_tokens", take("max_tokens"), &whole(1e6), "a whole number from 1 to 1000000")?;
    let requests = number("requests_per_minute", take("requests_per_minute"), &positive, "positive")?;
    let tokens = number("tokens_per_minute", take("tokens_per_minute"), &positive, "positive")?;
    let concurrency = number("concurrency", take("concurrency"), &whole(1024.0), "a whole number from 1 to 1024")?;
    let reasoning = take("reasoning").map(text);
    let confidence = match take("confidence").map(text) {
        // models that reason have no log-probabilities
        None if provider.gives_logprobs() && reasoning.is_none() => defaults.confidence.then_some(Confidence::Logprobs),
        None => defaults.confidence.then_some(Confidence::Stated),
        Some(name) => Some(confidence(provider, &name)?),
    };
    let batch = match take("batch") {
        None => defaults.batch,
        Some(Value::Bool(batch)) => batch,
        Some(value) => return Err(wrong("have a batch that is true or false", value.to_string())),
    };
    if batch && provider.batches().is_none() {
        let allowed = format!("have no batch for '{}', which has no such interface", provider.facts().name);
        return Err(wrong(&allowed, format!("'{name}'")));
    }
    if let Some((unknown, _)) = fields.first() {
        return Err(wrong(
            "have no other fields than annotator, provider, model, base_url, api_key_env, temperature, reasoning, \
             max_tokens, confidence, requests_per_minute, tokens_per_minute, concurrency, batch",
            format!("'{unknown}'"),
        ));
    }
    Ok(Model {
        annotator,
        provider,
        name,
        base_url,
        loopback: address.is_loopback(),
        key,
        temperature,
        reasoning,
        max_tokens: max_tokens.map(|tokens| tokens as u64).or(provider.facts().max_tokens),
        confidence,
        requests_per_minute: requests.or(defaults.requests_per_minute),
        tokens_per_minute: tokens.or(defaults.tokens_per_minute),
        concurrency: concurrency.map_or(defaults.concurrency, |n| n as usize),
        batch,
        price: None,
    })
}

/// The way to confidence that a model names.
fn confidence(provider: &dyn Provider, name: &str) -> Result<Confidence, SettingsError> {
    let shown = || format!("'{}'", shorten(name));
    match Confidence::ALL.into_iter().find(|way| way.name() == name) {
        Some(Confidence::Logprobs) if !provider.gives_logprobs() => {
            let allowed =
                format!("have no confidence '{name}' for '{}', which has no such interface", provider.facts().name);
            Err(wrong("models", allowed, shown()))
        }
        Some(way) => Ok(way),
        None => Err(wrong("models", "have a confidence that is 'logprobs' or 'stated'", shown())),
    }
}

/// Address of the model, as it is written and as it is read.
fn base_url(
    provider: &dyn Provider,
    name: &str,
    given: Option<String>,
    rules: &Rules,
) -> Result<(String, Address), SettingsError> {
    let facts = provider.facts();
    let model = || format!("{}:{name}", facts.name);
    let wrong = |allowed: &str, value: &str| wrong("models", format!("have a base_url {allowed}"), value);
    let given = given.or_else(|| facts.variables_of(Role::BaseUrl).find_map(env::Variable::text));
    let text = match (given, facts.home) {
        (Some(text), _) => text,
        (None, Home::At(address)) => address.to_string(),
        (None, Home::Various(example)) => {
            return Err(wrong(&format!("for '{}', such as '{example}'", facts.name), "none"));
        }
    };
    let text = text.trim().trim_end_matches('/').to_string();
    let shown = format!("'{text}'");
    let address = Address::parse(&text).ok_or_else(|| wrong("that is an http or https address", &shown))?;
    if address.has_credentials() {
        return Err(wrong("without user name and password", "one with them"));
    }
    if address.has_query() {
        return Err(wrong("without query", &shown));
    }
    if !address.is_encrypted() && !address.is_loopback() && !rules.allow_http {
        return Err(SettingsError::NotEncrypted { model: model(), url: text });
    }
    match rules.allowed.check(&address) {
        Ok(()) => Ok((text, address)),
        Err(problem) => Err(SettingsError::NotAllowed { model: model(), host: address.host().to_string(), problem }),
    }
}

/// The provider that a variable is a key of.
fn owner(variable: &str) -> Option<&'static dyn Provider> {
    let has = |provider: &&dyn Provider| provider.facts().variables_of(Role::Key).any(|own| own.name == variable);
    providers::ALL.into_iter().find(has)
}

/// The key of the variable named, else of the provider's own; `None` where none is sent.
fn key(
    provider: &'static dyn Provider,
    name: &str,
    variable: Option<String>,
    address: &Address,
    rules: &Rules,
) -> Result<Option<Key>, SettingsError> {
    let asked: Vec<String> = match variable {
        Some(variable) if owner(&variable).is_some() || env::may_hold_key(&variable) => vec![variable],
        Some(variable) => return Err(SettingsError::NoKeyVariable { variable: shorten(&variable) }),
        None => provider.facts().variables_of(Role::Key).map(|variable| variable.name.to_string()).collect(),
    };
    if asked.is_empty() || !rules.sends {
        return Ok(None);
    }
    let model = format!("{}:{name}", provider.facts().name);
    let Some((variable, key)) = asked.iter().find_map(|variable| Some((variable, env::secret(variable)?))) else {
        return Err(SettingsError::NoKey { model, variable: asked.join(" or ") });
    };
    let owner = owner(variable).unwrap_or(provider);
    if !may_have_key(owner, address, &rules.allowed) {
        let own = owner.facts().variables_of(Role::BaseUrl).map(|variable| variable.name);
        let ways: Vec<&str> = [env::ALLOWED_HOSTS.name].into_iter().chain(own).collect();
        let (server, ways) = (address.server(), ways.join(" or "));
        return Err(SettingsError::KeyNotAllowed { model, variable: variable.clone(), server, ways });
    }
    Ok(Some(Key::new(&key)))
}

/// Whether a key of a provider may go to an address: the provider's own server, that of its address in the environment, or
/// one of the hosts that the environment lists, which unencrypted must be this machine. SQL alone cannot send it elsewhere.
fn may_have_key(owner: &dyn Provider, address: &Address, allowed: &Allowed) -> bool {
    let home = match owner.facts().home {
        Home::At(home) => Some(home.to_string()),
        Home::Various(_) => None,
    };
    let set = owner.facts().variables_of(Role::BaseUrl).filter_map(env::Variable::text);
    let mut own = home.into_iter().chain(set).filter_map(|own| Address::parse(own.trim()));
    own.any(|own| own.is_server_of(address))
        || (address.is_encrypted() || address.is_loopback()) && allowed.lists(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Options as the macro makes them, with `models` and some changed.
    fn parse(models: &str, changed: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let mut values: Vec<(&str, Option<&str>)> = vec![
            ("models", Some(models)),
            ("replay", Some("true")),
            ("batch", Some("false")),
            ("confidence", Some("false")),
            ("concurrency", Some("16")),
            ("requests_per_minute", None),
            ("tokens_per_minute", None),
            ("max_cost_usd", None),
            ("max_error_ratio", Some("1.0")),
            ("timeout_s", Some("120")),
            ("max_attempts", Some("6")),
            ("max_text_chars", Some("1000")),
            ("allow_http", Some("false")),
            ("store", Some("s.sqlite")),
        ];
        // of two values the later counts
        values.extend(changed.iter().map(|(name, value)| (*name, Some(*value))));
        settings(Options::of(&values), false)
    }

    #[test]
    fn models_as_texts_and_structs() {
        let settings = parse(r#"["openai:gpt-5-mini","anthropic:claude-haiku-4-5"]"#, &[]).unwrap();
        let names: Vec<String> = settings.models.iter().map(|m| m.annotator.clone()).collect();
        assert_eq!(names, ["openai:gpt-5-mini", "anthropic:claude-haiku-4-5"]);
        assert_eq!(settings.models[0].max_tokens, None);
        assert_eq!(settings.models[1].max_tokens, Some(1024));
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
    fn confidence_by_provider_and_by_model() {
        let of = |models: &str, asked: &str| {
            let settings = parse(models, &[("confidence", asked)]).unwrap();
            settings.models.iter().map(|model| model.confidence.map(Confidence::name)).collect::<Vec<_>>()
        };
        let models = r#"["openai:m","google:m","anthropic:m",{"provider":"openai","model":"n","reasoning":"low"},
                       {"provider":"openai","model":"o","confidence":"stated"}]"#;
        assert_eq!(of(models, "false"), [None, None, None, None, Some("stated")]);
        let all = ["logprobs", "logprobs", "stated", "stated", "stated"].map(Some);
        assert_eq!(of(models, "true"), all);
        let error = |models: &str, changed: &[(&str, &str)]| parse(models, changed).unwrap_err().to_string();
        assert_eq!(
            error(r#"[{"provider":"openai","model":"m","confidence":"high"}]"#, &[]),
            "models must have a confidence that is 'logprobs' or 'stated', got 'high'"
        );
        assert_eq!(
            error(r#"[{"provider":"anthropic","model":"m","confidence":"logprobs"}]"#, &[]),
            "models must have no confidence 'logprobs' for 'anthropic', which has no such interface, got 'logprobs'"
        );
        let schema = ("schema", r#"{"field":"probability","yes":"high","no":"low"}"#);
        assert!(parse(r#"["openai:m"]"#, &[schema, ("confidence", "true")]).is_ok());
        assert_eq!(
            error(r#"["anthropic:m"]"#, &[schema, ("confidence", "true")]),
            "schema must have another field where a model states its confidence under that name, got 'probability'"
        );
    }

    #[test]
    fn keys_go_to_their_own_hosts() {
        let openai = providers::by_name("openai").unwrap();
        let local = providers::by_name("openai-compatible").unwrap();
        for (owner, address, list, may) in [
            (openai, "https://api.openai.com/v1", None, true),
            (openai, "https://API.OPENAI.com:443/other", None, true),
            (openai, "http://api.openai.com/v1", Some("api.openai.com"), false),
            (openai, "https://api.openai.com:8443/v1", None, false),
            (openai, "https://api.openai.com.evil.example/v1", None, false),
            (openai, "https://api.openai.com@evil.example/v1", None, false),
            (openai, "https://gateway.example/v1", None, false),
            (openai, "https://gateway.example/v1", Some("gateway.example"), true),
            (openai, "https://other.example/v1", Some("gateway.example"), false),
            (local, "http://127.0.0.1:8000/v1", None, false),
            (local, "http://127.0.0.1:8000/v1", Some("127.0.0.1:8000"), true),
            (local, "https://api.openai.com/v1", None, false),
        ] {
            let allowed = list.map_or_else(Allowed::default, Allowed::of);
            assert_eq!(may_have_key(owner, &Address::parse(address).unwrap(), &allowed), may, "{address} {list:?}");
        }
    }

    #[test]
    fn wrong_models_are_errors() {
        for (models, message) in [
            ("[]", "models must be a list of 'provider:model'"),
            // NULL as DuckDB writes it in a list
            ("[null]", "models must be 'provider:model' or a struct with provider and model, got null"),
            (r#"["gpt-5"]"#, "models must be written 'provider:model', got 'gpt-5'"),
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
            assert!(error.contains(message), "{models}: {error}");
        }
        let secret = r#"[{"provider":"openai","model":"m","api_key_env":"AWS_SECRET_ACCESS_KEY"}]"#;
        let error = parse(secret, &[]).unwrap_err().to_string();
        assert!(error.contains("MUSTER_KEY_VARIABLES, got 'AWS_SECRET_ACCESS_KEY'"), "{error}");
        let batch = parse(r#"["openai:gpt-5-mini"]"#, &[("max_cost_usd", "1"), ("batch", "true")]).unwrap_err();
        assert!(batch.to_string().contains("max_cost_usd needs max_tokens of model 'openai:gpt-5-mini'"), "{batch}");
        let names = providers::ALL.map(|provider| format!("'{}'", provider.facts().name)).join(", ");
        let nobody = parse(r#"["nobody:gpt-5"]"#, &[]).unwrap_err().to_string();
        assert_eq!(nobody, format!("models must have a provider that is one of {names}, got 'nobody'"));
        let plain = r#"[{"provider":"openai","model":"m","base_url":"http://host/v1"}]"#;
        assert!(parse(plain, &[("allow_http", "true")]).is_ok());
        let unknown = parse(r#"["openai:nobody-knows-it"]"#, &[("max_cost_usd", "1")]).unwrap_err().to_string();
        assert!(unknown.contains("max_cost_usd needs the price of model 'openai:nobody-knows-it'"), "{unknown}");
    }
}
