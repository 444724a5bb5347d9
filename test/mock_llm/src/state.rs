//! What the server remembers: counters of what was asked, batches and files. `/__stats` shows the counters.

use crate::batches::Vendor;
use crate::wire::Provider;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// What the command line or `/__reset` sets.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long an answer takes.
    pub latency_ms: u64,
    /// How long a 429 asks to wait.
    pub wait_ms: u64,
    /// Enforced for each model over any 60 seconds, and announced in the headers; 0 = no limit.
    pub requests_per_minute: u64,
    pub tokens_per_minute: u64,
    /// How often a batch must be polled before it has ended.
    pub batch_polls: u64,
    /// 1: results of a Gemini batch come as a file.
    pub batch_file: u64,
    /// Requests whose `METHOD path` begins so are received and held until this changes; nothing is done about them.
    pub hold: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            latency_ms: 0,
            wait_ms: 200,
            requests_per_minute: 0,
            tokens_per_minute: 0,
            batch_polls: 2,
            batch_file: 0,
            hold: String::new(),
        }
    }
}

impl Settings {
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        if name == "hold" {
            self.hold = value.replace('+', " ").replace("%20", " ").replace("%2F", "/").replace("%3A", ":");
            return Ok(());
        }
        let number = value.parse().map_err(|_| format!("mock_llm: {name} must be a whole number, got {value}"))?;
        match name {
            "latency_ms" => self.latency_ms = number,
            "wait_ms" => self.wait_ms = number,
            "requests_per_minute" => self.requests_per_minute = number,
            "tokens_per_minute" => self.tokens_per_minute = number,
            "batch_polls" => self.batch_polls = number,
            "batch_file" => self.batch_file = number,
            _ => return Err(format!("mock_llm: setting {name} is not known")),
        }
        Ok(())
    }
}

/// Requests of a route or of a model.
#[derive(Debug, Default)]
pub struct Counter {
    requests: u64,
    in_flight: u64,
    highest: u64,
    statuses: BTreeMap<String, u64>,
    /// When, and of how many tokens, in the last 60 seconds.
    recent: VecDeque<(Instant, u64)>,
    recent_tokens: u64,
    minute: u64,
    minute_tokens: u64,
}

impl Counter {
    pub fn start(&mut self, now: Instant, tokens: u64) {
        self.requests += 1;
        self.in_flight += 1;
        self.highest = self.highest.max(self.in_flight);
        self.forget(now);
        self.recent.push_back((now, tokens));
        self.recent_tokens += tokens;
        self.minute = self.minute.max(self.recent.len() as u64);
        self.minute_tokens = self.minute_tokens.max(self.recent_tokens);
    }

    pub fn end(&mut self, status: &str) {
        // a request that was in flight at a reset is not counted after it
        self.in_flight = self.in_flight.saturating_sub(1);
        *self.statuses.entry(status.to_string()).or_default() += 1;
    }

    fn forget(&mut self, now: Instant) {
        while self.recent.front().is_some_and(|first| now.duration_since(first.0) >= MINUTE) {
            self.recent_tokens -= self.recent.pop_front().map_or(0, |first| first.1);
        }
    }

    fn report(&self) -> Value {
        json!({
            "requests": self.requests,
            "in_flight": self.in_flight,
            "highest_in_flight": self.highest,
            "per_minute": self.minute,
            "tokens_per_minute": self.minute_tokens,
            "statuses": self.statuses,
        })
    }
}

/// What a limit leaves, for the headers.
#[derive(Debug, Clone, Copy)]
pub struct Left {
    pub limit: u64,
    pub remaining: u64,
    pub reset: Duration,
}

/// A batch, from its creation on.
#[derive(Debug)]
pub struct Batch {
    pub vendor: Vendor,
    pub model: String,
    /// Key and body of each request.
    pub requests: Vec<(Option<String>, Value)>,
    pub polls: u64,
    /// Status and body of each request, made when the batch ends. Status 0 = expired.
    pub results: Option<Vec<(u16, Value)>>,
}

#[derive(Debug)]
pub struct State {
    pub settings: Settings,
    defaults: Settings,
    pub port: u16,
    pub total: Counter,
    pub routes: BTreeMap<String, Counter>,
    pub models: BTreeMap<String, Counter>,
    bodies: HashSet<[u8; 32]>,
    answered: HashMap<[u8; 32], u64>,
    headers: BTreeSet<String>,
    /// Requests with a header that carries a key, by provider.
    keyed: BTreeMap<String, u64>,
    /// How often each text was sent to each model, for faults that end.
    sent: HashMap<(String, String), u64>,
    allowed: HashMap<String, VecDeque<(Instant, u64)>>,
    pub files: BTreeMap<String, String>,
    pub batches: BTreeMap<String, Batch>,
    pub batch_items: u64,
    /// Requests held now.
    pub held: u64,
    next: u64,
}

impl State {
    pub fn new(settings: Settings, port: u16) -> State {
        State {
            defaults: settings.clone(),
            settings,
            port,
            total: Counter::default(),
            routes: BTreeMap::new(),
            models: BTreeMap::new(),
            bodies: HashSet::new(),
            answered: HashMap::new(),
            headers: BTreeSet::new(),
            keyed: BTreeMap::new(),
            sent: HashMap::new(),
            allowed: HashMap::new(),
            files: BTreeMap::new(),
            batches: BTreeMap::new(),
            batch_items: 0,
            held: 0,
            next: 0,
        }
    }

    /// Forgets everything and goes back to the settings of the command line, changed by `query`.
    pub fn reset(&mut self, query: &str) -> Result<(), String> {
        let mut settings = self.defaults.clone();
        apply(&mut settings, query)?;
        *self = State { defaults: self.defaults.clone(), ..State::new(settings, self.port) };
        Ok(())
    }

    /// Changes settings and forgets nothing.
    pub fn set(&mut self, query: &str) -> Result<(), String> {
        apply(&mut self.settings, query)
    }

    /// A number for an id, new at each call.
    pub fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub fn saw(&mut self, names: impl Iterator<Item = String>, body: [u8; 32]) {
        self.headers.extend(names);
        self.bodies.insert(body);
    }

    pub fn saw_key(&mut self, provider: Provider) {
        *self.keyed.entry(provider.name().to_string()).or_default() += 1;
    }

    pub fn answered(&mut self, body: [u8; 32]) {
        *self.answered.entry(body).or_default() += 1;
    }

    /// How often this text came to this model, this time included.
    pub fn times(&mut self, model: &str, text: &str) -> u64 {
        let times = self.sent.entry((model.to_string(), text.to_string())).or_default();
        *times += 1;
        *times
    }

    /// Whether a request of so many tokens is within the limits, and what they leave. None = no limit is set.
    pub fn allow(&mut self, model: &str, tokens: u64, now: Instant) -> Option<(bool, Left, Left)> {
        let (requests, most) = (self.settings.requests_per_minute, self.settings.tokens_per_minute);
        if requests == 0 && most == 0 {
            return None;
        }
        let recent = self.allowed.entry(model.to_string()).or_default();
        while recent.front().is_some_and(|first| now.duration_since(first.0) >= MINUTE) {
            recent.pop_front();
        }
        let used = recent.iter().map(|r| r.1).sum::<u64>();
        let fits = (requests == 0 || (recent.len() as u64) < requests) && (most == 0 || used + tokens <= most);
        if fits {
            recent.push_back((now, tokens));
        }
        let used = recent.iter().map(|r| r.1).sum::<u64>();
        let reset = recent.front().map_or(Duration::ZERO, |first| MINUTE.saturating_sub(now.duration_since(first.0)));
        let left = |limit: u64, used: u64| Left { limit, remaining: limit.saturating_sub(used), reset };
        Some((fits, left(requests, recent.len() as u64), left(most, used)))
    }

    pub fn report(&self) -> Value {
        let counters = |map: &BTreeMap<String, Counter>| -> Value {
            map.iter().map(|(name, counter)| (name.clone(), counter.report())).collect::<serde_json::Map<_, _>>().into()
        };
        json!({
            "requests": self.total.requests,
            "in_flight": self.total.in_flight,
            "highest_in_flight": self.total.highest,
            "held": self.held,
            "statuses": self.total.statuses,
            "routes": counters(&self.routes),
            "models": counters(&self.models),
            "unique_bodies": self.bodies.len(),
            "answered_bodies": self.answered.len(),
            "answered_twice": self.answered.values().filter(|times| **times > 1).count(),
            "batches": self.batches.len(),
            "batch_items": self.batch_items,
            "files": self.files.len(),
            "headers": self.headers,
            "with_key": self.keyed,
        })
    }
}

fn apply(settings: &mut Settings, query: &str) -> Result<(), String> {
    query.split('&').filter(|pair| !pair.is_empty()).try_for_each(|pair| {
        let (name, value) = pair.split_once('=').ok_or_else(|| format!("mock_llm: {pair} is not name=value"))?;
        settings.set(name, value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_over_any_minute() {
        let mut state = State::new(Settings { requests_per_minute: 3, ..Settings::default() }, 0);
        let start = Instant::now();
        let ok = |state: &mut State, second: u64| state.allow("m", 1, start + Duration::from_secs(second)).unwrap().0;
        assert_eq!([0, 1, 2, 3].map(|s| ok(&mut state, s)), [true, true, true, false]);
        assert_eq!([59, 60, 60, 61].map(|s| ok(&mut state, s)), [false, true, false, true]);
        state.reset("tokens_per_minute=10").unwrap();
        assert!(state.allow("m", 10, start).unwrap().0);
        assert!(!state.allow("m", 1, start).unwrap().0);
        assert_eq!(State::new(Settings::default(), 0).allow("m", 1, start).map(|a| a.0), None);
    }

    #[test]
    fn settings_are_checked() {
        let mut state = State::new(Settings::default(), 0);
        assert!(state.reset("latency_ms=abc").is_err());
        assert!(state.reset("colour=3").is_err());
        state.reset("latency_ms=7&hold=POST+/v1").unwrap();
        assert_eq!((state.settings.latency_ms, state.settings.hold.as_str()), (7, "POST /v1"));
    }
}
