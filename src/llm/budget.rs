//! Budget of a statement, `max_cost_usd`.

use super::sync::lock;
use crate::hash::Hash;
use std::collections::HashSet;
use std::sync::Mutex;

/// Maximum cost of the answers of a statement together, those in the store included.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: f64,
    state: Mutex<Spending>,
}

#[derive(Debug, Default)]
struct Spending {
    spent: f64,
    /// Money set aside for requests in flight.
    reserved: f64,
    /// Requests whose cost from the store has been counted.
    counted: HashSet<Hash>,
}

impl Budget {
    pub(crate) fn new(limit: f64) -> Budget {
        Budget { limit, state: Mutex::default() }
    }

    /// Counts the cost of a stored answer, or of failures before; once for each request.
    pub(crate) fn count(&self, hash: &Hash, cost: f64) {
        let mut state = lock(&self.state);
        if state.counted.insert(*hash) {
            state.spent += cost;
        }
    }

    /// Sets `cost` aside, `None` where requests in flight must first come back; the error is that of the row.
    pub(crate) fn admit(&self, cost: f64) -> Result<Option<()>, String> {
        let mut state = lock(&self.state);
        if state.spent + cost > self.limit {
            return Err(format!(
                "not sent: max_cost_usd := {} is reached, {:.6} USD are spent; run again with more to go on",
                self.limit, state.spent
            ));
        }
        if state.spent + state.reserved + cost > self.limit {
            return Ok(None);
        }
        state.reserved += cost;
        Ok(Some(()))
    }

    /// Error of a row for which there may not be enough.
    pub(crate) fn shortage(&self) -> String {
        let state = lock(&self.state);
        format!(
            "not sent: max_cost_usd := {} may be reached, {:.6} USD are spent and {:.6} USD set aside for requests in flight",
            self.limit, state.spent, state.reserved
        )
    }

    /// Turns money that was set aside into money spent.
    pub(crate) fn book(&self, reserved: f64, spent: f64) {
        let mut state = lock(&self.state);
        state.reserved -= reserved;
        state.spent += spent;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_not_overdrawn() {
        let budget = Budget::new(1.0);
        let hash = [7; 32];
        budget.count(&hash, 0.25);
        budget.count(&hash, 0.25);
        assert_eq!(budget.admit(0.5), Ok(Some(())));
        // room only if the one in flight turns out cheaper
        assert_eq!(budget.admit(0.5), Ok(None));
        budget.book(0.5, 0.25);
        assert_eq!(budget.admit(0.5), Ok(Some(())));
        budget.book(0.5, 0.5);
        let refused = budget.admit(0.125).unwrap_err();
        assert!(refused.contains("max_cost_usd := 1 is reached, 1.000000 USD"), "{refused}");
    }
}
