//! Pace of the requests to one model: its limits, and the tokens that its requests were seen to take.

use super::limits::{Gate, Pacer};
use super::model::Model;
use super::prices::Usage;
use super::sync::lock;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::OwnedSemaphorePermit;

/// Rate limits and token statistics of one model.
#[derive(Debug)]
pub(crate) struct Lane {
    gate: Gate,
    requests: Option<Pacer>,
    tokens: Option<Pacer>,
    held: Mutex<Option<Instant>>,
    stopped: OnceLock<String>,
    learned: Mutex<Learned>,
}

/// Sums over the answers so far, with what was guessed for them.
#[derive(Debug, Default)]
struct Learned {
    guessed_input: f64,
    input: f64,
    output: f64,
    answers: f64,
}

/// Guesses before anything is known: four characters a token, and a verdict with two sentences.
const CHARS_PER_TOKEN: f64 = 4.0;
const OUTPUT_TOKENS: f64 = 120.0;

/// Tokens that a request may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    /// Guess by the count of characters alone.
    pub plain_input: f64,
    pub input: f64,
    pub output: f64,
}

/// Tokens of a request by its length alone.
pub(crate) fn guess(prompt: &str, text: &str) -> Estimate {
    let input = (prompt.chars().count() + text.chars().count()) as f64 / CHARS_PER_TOKEN + 20.0;
    Estimate { plain_input: input, input, output: OUTPUT_TOKENS }
}

impl Lane {
    pub(crate) fn new(model: &Model) -> Lane {
        Lane {
            gate: Gate::new(model.concurrency),
            requests: model.requests_per_minute.map(Pacer::new),
            tokens: model.tokens_per_minute.map(Pacer::new),
            held: Mutex::default(),
            stopped: OnceLock::new(),
            learned: Mutex::default(),
        }
    }

    /// Waits until one more request may be in flight.
    pub(crate) async fn enter(&self) -> Option<OwnedSemaphorePermit> {
        self.gate.enter().await
    }

    /// Waits until a request that has entered may go out.
    pub(crate) async fn pace(&self, estimate: &Estimate) {
        loop {
            while let Some(until) = self.held_until() {
                tokio::time::sleep_until(until.into()).await;
            }
            let now = Instant::now();
            let by_requests = self.requests.as_ref().map(|pacer| pacer.reserve(1.0, now));
            let by_tokens = self.tokens.as_ref().map(|pacer| pacer.reserve(estimate.input + estimate.output, now));
            let slot = by_requests.max(by_tokens).unwrap_or(now);
            if slot > now {
                tokio::time::sleep_until(slot.into()).await;
            }
            // a wait that began meanwhile makes the slot void
            if self.held_until().is_none() {
                return;
            }
        }
    }

    pub(crate) fn leave(&self, permit: OwnedSemaphorePermit, success: bool) {
        self.gate.leave(permit, success);
    }

    /// Lets fewer requests go at once, and none for `wait`: the server is busy.
    pub(crate) fn slow_down(&self, wait: Option<Duration>) {
        self.gate.narrow(Instant::now());
        if let Some(wait) = wait {
            self.hold(wait);
        }
    }

    /// Lets no request go for `wait`.
    pub(crate) fn hold(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut held = lock(&self.held);
        *held = Some(held.map_or(until, |known| known.max(until)));
    }

    fn held_until(&self) -> Option<Instant> {
        let mut held = lock(&self.held);
        if held.is_some_and(|until| until <= Instant::now()) {
            *held = None;
        }
        *held
    }

    /// Lets no request go any more in this run; the first reason stays.
    pub(crate) fn stop(&self, reason: &str) {
        let _ = self.stopped.set(reason.to_string());
    }

    pub(crate) fn stopped(&self) -> Option<&str> {
        self.stopped.get().map(String::as_str)
    }

    /// Tokens of a request, by its length and the requests before it.
    pub(crate) fn estimate(&self, prompt: &str, text: &str, max_tokens: Option<u64>) -> Estimate {
        let mut estimate = guess(prompt, text);
        let learned = lock(&self.learned);
        if learned.guessed_input > 0.0 && learned.answers > 0.0 {
            estimate.input *= learned.input / learned.guessed_input;
            estimate.output = learned.output / learned.answers;
        }
        if let Some(cap) = max_tokens {
            estimate.output = estimate.output.min(cap as f64);
        }
        estimate
    }

    /// Learns the tokens that a request took.
    pub(crate) fn learn(&self, estimate: &Estimate, usage: &Usage) {
        let (Some(input), Some(output)) = (usage.input, usage.output) else { return };
        let (input, output) = (input as f64, output as f64);
        if let Some(pacer) = &self.tokens {
            pacer.correct(input + output - estimate.input - estimate.output);
        }
        let mut learned = lock(&self.learned);
        learned.guessed_input += estimate.plain_input;
        learned.input += input;
        learned.output += output;
        learned.answers += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::providers::openai::OpenAi;

    #[test]
    fn estimates_learn() {
        let lane = Lane::new(&Model::test(&OpenAi, "m"));
        let (prompt, text) = ("p".repeat(400), "t".repeat(3520));
        let first = lane.estimate(&prompt, &text, None);
        assert_eq!((first.input, first.output), (1000.0, OUTPUT_TOKENS));
        lane.learn(&first, &Usage { input: Some(1500), output: Some(40), ..Usage::default() });
        let second = lane.estimate(&prompt, &text, None);
        assert_eq!((second.input, second.output, second.plain_input), (1500.0, 40.0, 1000.0));
        assert_eq!(lane.estimate(&prompt, &text, Some(10)).output, 10.0);
    }

    #[test]
    fn a_stop_keeps_its_first_reason() {
        let lane = Lane::new(&Model::test(&OpenAi, "m"));
        assert_eq!(lane.stopped(), None);
        lane.stop("daily quota");
        lane.stop("later");
        assert_eq!(lane.stopped(), Some("daily quota"));
    }
}
