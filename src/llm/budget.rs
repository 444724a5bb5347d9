//! Budget of a statement, `max_cost_usd`.
//!
//! Nobody knows what an answer costs before it is there, and requests in flight cannot be called back. So each of them is
//! covered or not. For a covered one money is set aside: twice the cost of the dearest answer of its model so far. All that
//! is set aside and all that is spent stay within the limit together. Of those that are not covered one alone is in flight,
//! among all models: the first request of a model, and the last ones, when twice as much is not left. So what is spent
//! exceeds the limit by one answer at most, as long as no answer costs more than twice as much as the dearest that was there
//! when it was asked for; one request at a time (`concurrency := 1`, one model) needs no such condition.
//!
//! A model starts slowly: of its covered requests one more may be in flight than it has given answers. The requests of a
//! batch are all sent before one answer is there, so they are covered by the cap on their tokens.

use super::sync::lock;
use crate::hash::Hash;
use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;
use tokio::sync::Notify;

/// Factor between the dearest answer so far and the money set aside for the next.
const MARGIN: f64 = 2.0;

/// Share of the limit by which sums may be off for rounding.
const ROUNDING: f64 = 1e-9;

/// Maximum cost of the answers of a statement together, those in the store included.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: f64,
    state: Mutex<Spending>,
    returned: Notify,
}

/// A request that asks for money. Costs are in US dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bid {
    /// Position of the model in the run.
    pub model: usize,
    /// Cost by the mean of the answers before it.
    pub expected: f64,
    /// Maximum cost of what is sent.
    pub input: f64,
    pub terms: Terms,
}

/// Terms on which a model answers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Terms {
    /// Cost of a token of an answer.
    pub per_token: f64,
    /// Cap on the tokens of an answer.
    pub cap: Option<u64>,
}

/// Cost of an answer, and the number of tokens in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bill {
    pub cost: f64,
    pub output_tokens: u64,
}

/// Cover of a request that was admitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reserved(Cover);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Cover {
    None,
    /// Covered by the dearest answer, whatever that is by now; holds the maximum cost of what was sent.
    Dearest(f64),
    /// Covered by a sum that stays.
    Sum(f64),
}

#[derive(Debug, Default)]
struct Spending {
    spent: f64,
    /// Requests whose cost from the store has been counted.
    counted: HashSet<Hash>,
    models: BTreeMap<usize, Experience>,
    /// Whether a request that is not covered is in flight.
    uncovered: bool,
    /// Money set aside for batches.
    batches: f64,
}

/// Answers of a model so far, and its covered requests in flight.
#[derive(Debug, Default)]
struct Experience {
    terms: Terms,
    answers: usize,
    /// Cost and tokens of the dearest answer.
    cost: f64,
    output_tokens: u64,
    in_flight: usize,
    /// Maximum cost of what was sent for these.
    input: f64,
}

impl Experience {
    /// Money for the requests in flight, and for `more` others with an `input`.
    fn most(&self, more: usize, input: f64) -> f64 {
        let requests = (self.in_flight + more) as f64;
        let tokens = MARGIN * self.output_tokens as f64;
        // a cap that an answer has exceeded is none
        let tokens = match self.terms.cap {
            Some(cap) if self.output_tokens <= cap => tokens.min(cap as f64),
            _ => tokens,
        };
        let by_tokens = self.input + input + requests * self.terms.per_token * tokens;
        by_tokens.max(requests * MARGIN * self.cost)
    }
}

impl Spending {
    /// Money set aside for covered requests, with `bid` as one of them where there is one.
    fn aside(&self, bid: Option<&Bid>) -> f64 {
        let of = |(model, known): (&usize, &Experience)| match bid.filter(|bid| bid.model == *model) {
            Some(bid) => known.most(1, bid.input),
            None => known.most(0, 0.0),
        };
        self.batches + self.models.iter().map(of).sum::<f64>()
    }
}

impl Budget {
    pub(crate) fn new(limit: f64) -> Budget {
        Budget { limit, state: Mutex::default(), returned: Notify::new() }
    }

    fn exceeds(&self, sum: f64) -> bool {
        sum > self.limit * (1.0 + ROUNDING)
    }

    /// Counts the cost of a stored answer, or of failures before; once for each request.
    pub(crate) fn count(&self, hash: &Hash, cost: f64) {
        let mut state = lock(&self.state);
        if state.counted.insert(*hash) {
            state.spent += cost;
        }
    }

    /// Admits a request, `None` where others must first come back; the error is that of the row.
    pub(crate) fn admit(&self, bid: &Bid) -> Result<Option<Reserved>, String> {
        let mut state = lock(&self.state);
        self.refuse(&state, bid)?;
        let known = state.models.entry(bid.model).or_default();
        known.terms = bid.terms;
        let slow = known.answers == 0 || known.in_flight > known.answers;
        let cover = if !slow && !self.exceeds(state.spent + state.aside(Some(bid))) {
            if let Some(known) = state.models.get_mut(&bid.model) {
                known.in_flight += 1;
                known.input += bid.input;
            }
            Cover::Dearest(bid.input)
        } else if !state.uncovered && !self.exceeds(state.spent + state.aside(None) + bid.expected) {
            state.uncovered = true;
            Cover::None
        } else {
            return Ok(None);
        };
        Ok(Some(Reserved(cover)))
    }

    /// Admits a request of a batch, which is covered by the cap on its tokens or not admitted; the error is that of the row.
    pub(crate) fn admit_to_batch(&self, bid: &Bid) -> Result<Reserved, String> {
        let mut state = lock(&self.state);
        self.refuse(&state, bid)?;
        let most = bid.terms.cap.map_or(f64::INFINITY, |cap| bid.input + bid.terms.per_token * cap as f64);
        let aside = state.aside(None);
        if self.exceeds(state.spent + aside + most) {
            return Err(format!(
                "not sent: max_cost_usd := {} may be reached, {:.6} USD are spent, {aside:.6} USD set aside for requests in \
                 flight, and this one may cost {most:.6} USD; run again for the rest",
                self.limit, state.spent
            ));
        }
        state.batches += most;
        Ok(Reserved(Cover::Sum(most)))
    }

    fn refuse(&self, state: &Spending, bid: &Bid) -> Result<(), String> {
        if self.exceeds(state.spent + bid.expected) {
            return Err(format!(
                "not sent: max_cost_usd := {} is reached, {:.6} USD are spent; run again with more to go on",
                self.limit, state.spent
            ));
        }
        Ok(())
    }

    /// Waits until `admit` may say something else than before `returned` was called.
    pub(crate) fn returned(&self) -> impl Future<Output = ()> {
        self.returned.notified()
    }

    /// Books a request to `model` that is back: with its bill, or without where it cost nothing that is known. `reserved` is
    /// `None` where it was sent by an earlier statement.
    pub(crate) fn book(&self, model: usize, reserved: Option<Reserved>, bill: Option<Bill>) {
        let mut state = lock(&self.state);
        match reserved.map(|reserved| reserved.0) {
            None => {}
            Some(Cover::None) => state.uncovered = false,
            Some(Cover::Sum(sum)) => state.batches -= sum,
            Some(Cover::Dearest(input)) => {
                let known = state.models.entry(model).or_default();
                known.in_flight -= 1;
                // without a remainder of sums
                known.input = if known.in_flight == 0 { 0.0 } else { known.input - input };
            }
        }
        if let Some(bill) = bill {
            state.spent += bill.cost;
            let known = state.models.entry(model).or_default();
            known.answers += 1;
            known.cost = known.cost.max(bill.cost);
            known.output_tokens = known.output_tokens.max(bill.output_tokens);
        }
        drop(state);
        self.returned.notify_waiters();
    }

    /// Bill of the dearest answer of a model, where there is one.
    pub(crate) fn dearest(&self, model: usize) -> Option<Bill> {
        let state = lock(&self.state);
        let known = state.models.get(&model).filter(|known| known.answers > 0)?;
        Some(Bill { cost: known.cost, output_tokens: known.output_tokens })
    }

    /// The limit, as an error names it.
    pub(crate) fn limit(&self) -> f64 {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bid(model: usize, expected: f64, cap: Option<u64>) -> Bid {
        Bid { model, expected, input: 0.0, terms: Terms { per_token: 1e-6, cap } }
    }

    fn bill(cost: f64) -> Option<Bill> {
        Some(Bill { cost, output_tokens: (cost * 1e6).round() as u64 })
    }

    /// Course of a run.
    #[derive(Debug)]
    struct Course {
        spent: f64,
        dearest: f64,
        /// Most requests in flight at once.
        most: usize,
    }

    /// A run of `requests` requests, `concurrency` of them at once, whose answers come back in turn. `cost` gives the cost of
    /// an answer by its number and the dearest that was there when it was asked for, and the first is guessed at 0.0001.
    fn run(limit: f64, concurrency: usize, requests: usize, cost: impl Fn(usize, f64) -> f64) -> Course {
        let budget = Budget::new(limit);
        let mut flying = std::collections::VecDeque::new();
        let (mut course, mut answers, mut next) = (Course { spent: 0.0, dearest: 0.0, most: 0 }, 0, 0);
        while next < requests || !flying.is_empty() {
            let mean = if answers == 0 { 1e-4 } else { course.spent / f64::from(answers) };
            let room = next < requests && flying.len() < concurrency;
            match if room { budget.admit(&bid(0, mean, None)) } else { Ok(None) } {
                Err(_) => next += 1,
                Ok(Some(reserved)) => {
                    flying.push_back((reserved, cost(next, course.dearest)));
                    course.most = course.most.max(flying.len());
                    next += 1;
                }
                Ok(None) => {
                    let (reserved, cost) = flying.pop_front().expect("a request waits for others");
                    budget.book(0, Some(reserved), bill(cost));
                    course.spent += cost;
                    course.dearest = course.dearest.max(cost);
                    answers += 1;
                }
            }
        }
        course
    }

    #[test]
    fn the_limit_holds_at_any_concurrency() {
        for concurrency in [1, 2, 16, 64, 1024] {
            let spent = |limit: f64| run(limit, concurrency, 500, |_, _| 1.0).spent;
            assert_eq!((spent(3.0), spent(2.5), spent(0.5)), (3.0, 2.0, 1.0), "{concurrency}");
            // costs that differ, that rise at every occasion, and that fall
            let mixed = run(100.0, concurrency, 2000, |i, _| [0.25, 0.5, 0.125, 1.0][i % 4]);
            assert!(mixed.spent >= 98.0, "{concurrency}: {mixed:?}");
            let rising = run(20.0, concurrency, 2000, |_, dearest| (2.0 * dearest).max(0.01));
            let slowly = run(20.0, concurrency, 2000, |_, dearest| (1.05 * dearest).max(0.01));
            let falling = run(20.0, concurrency, 2000, |i, _| 1.0 / (i + 1) as f64);
            for (limit, course) in [(100.0, mixed), (20.0, rising), (20.0, slowly), (20.0, falling)] {
                assert!(course.spent <= limit + course.dearest, "{concurrency}: {course:?}");
            }
        }
        // one at a time it holds whatever they cost
        let jump = run(3.0, 1, 500, |i, _| if i < 20 { 0.01 } else { 10.0 });
        assert!(jump.spent <= 13.0, "{jump:?}");
    }

    #[test]
    fn requests_widen_as_answers_teach() {
        let course = run(1e9, 64, 500, |_, _| 1.0);
        assert_eq!((course.spent, course.most), (500.0, 64));
        let budget = Budget::new(100.0);
        let admit = || budget.admit(&bid(0, 1.0, None)).unwrap();
        let first = admit().unwrap();
        assert_eq!(admit(), None, "nothing is known yet");
        budget.book(0, Some(first), bill(1.0));
        let wave: Vec<Reserved> = std::iter::from_fn(admit).collect();
        // two that are covered, and the one that is not
        assert_eq!(wave.len(), 3);
        for reserved in wave {
            budget.book(0, Some(reserved), bill(1.0));
        }
        assert_eq!(std::iter::from_fn(admit).count(), 6);
    }

    /// Models share the one request that is not covered.
    #[test]
    fn several_models_start_one_after_the_other() {
        let budget = Budget::new(1.0);
        let one = budget.admit(&bid(0, 0.1, None)).unwrap().unwrap();
        assert_eq!(budget.admit(&bid(1, 0.1, None)), Ok(None));
        // an error cost nothing and taught nothing
        budget.book(0, Some(one), None);
        let two = budget.admit(&bid(1, 0.1, None)).unwrap().unwrap();
        budget.book(1, Some(two), bill(0.25));
        let beside = budget.admit(&bid(1, 0.25, None)).unwrap();
        assert!(beside.is_some() && budget.admit(&bid(0, 0.1, None)).unwrap().is_some());
    }

    #[test]
    fn the_error_says_what_is_spent() {
        let budget = Budget::new(1.0);
        let hash = [7; 32];
        budget.count(&hash, 0.75);
        budget.count(&hash, 0.75);
        let refused = budget.admit(&bid(0, 0.5, None)).unwrap_err();
        assert!(refused.contains("max_cost_usd := 1 is reached, 0.750000 USD"), "{refused}");
        assert!(budget.admit(&bid(0, 0.25, None)).unwrap().is_some());
    }

    #[test]
    fn batches_are_covered_by_their_caps() {
        let budget = Budget::new(1.0);
        let ask = |cap| budget.admit_to_batch(&bid(0, 0.01, cap));
        assert!(ask(None).unwrap_err().contains("may cost inf USD"));
        let admitted: Vec<Reserved> = std::iter::from_fn(|| ask(Some(250_000)).ok()).collect();
        assert_eq!(admitted.len(), 4);
        budget.book(0, Some(admitted[0]), bill(0.125));
        assert!(ask(Some(250_000)).unwrap_err().contains("0.125000 USD are spent, 0.750000 USD set aside"));
        assert!(ask(Some(125_000)).is_ok());
    }

    #[test]
    fn answers_of_earlier_statements_count() {
        let budget = Budget::new(10.0);
        assert_eq!(budget.dearest(0), None);
        budget.book(0, None, bill(4.0));
        assert_eq!((budget.dearest(0), budget.dearest(1)), (bill(4.0), None));
        assert!(budget.admit(&bid(0, 6.5, None)).unwrap_err().contains("4.000000 USD are spent"));
    }
}
