//! Estimates with their intervals, each at a height of its own on a common axis.

use super::canvas::{Canvas, LOOKS, Look, Rect};
use super::figure::{Entry, Key};
use super::scale::{Axis, Scale, Unit, number, range};
use serde_json::{Value, json};

/// Entry of the legend for open marks.
pub(crate) fn open_mark() -> Entry {
    let name = "below its detection floor: cannot be told from none".to_string();
    Entry { name, key: Key::Mark(LOOKS[0], false) }
}

/// An estimate of a company, with its interval where there is one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Estimate {
    pub name: String,
    pub method: String,
    pub value: f64,
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    pub below_floor: bool,
}

impl Estimate {
    /// Order by value, downwards, then by name and method.
    pub(super) fn order(&self, other: &Estimate) -> std::cmp::Ordering {
        other
            .value
            .total_cmp(&self.value)
            .then_with(|| self.name.cmp(&other.name))
            .then_with(|| self.method.cmp(&other.method))
            .then_with(|| self.key().partial_cmp(&other.key()).unwrap_or(std::cmp::Ordering::Equal))
    }

    fn key(&self) -> (Option<f64>, Option<f64>, bool) {
        (self.lower, self.upper, self.below_floor)
    }

    /// "100 (50 to 200)"
    pub(super) fn shown(&self) -> String {
        match (self.lower, self.upper) {
            (Some(lower), Some(upper)) => format!("{} ({} to {})", number(self.value), number(lower), number(upper)),
            _ => number(self.value),
        }
    }

    /// Draws the interval and the mark, which is open where the estimate is below its floor.
    pub(super) fn draw(&self, canvas: &mut Canvas, look: &Look, y: f64, axis: &Axis, rect: &Rect, radius: f64) {
        let x = |value: f64| rect.left + axis.scale.at(value) * rect.width();
        if let (Some(lower), Some(upper)) = (self.lower, self.upper) {
            let style = format!("stroke=\"{}\" stroke-width=\"1.5\"", look.colour);
            canvas.line((x(lower), y), (x(upper), y), &style);
            // a limit beyond the axis has no cap
            for limit in [lower, upper] {
                if radius > 2.0 && limit >= axis.scale.low && limit <= axis.scale.high {
                    canvas.line((x(limit), y - 3.0), (x(limit), y + 3.0), &style);
                }
            }
        }
        canvas.mark(
            look,
            (x(self.value), y),
            radius,
            !self.below_floor,
            Some(&format!("{}: {}", self.name, self.shown())),
        );
    }
}

/// The axis of these estimates: logarithmic where they differ by more than a factor of 50.
pub(crate) fn axis(estimates: &[&Estimate]) -> Axis {
    let (low, high) = range(estimates.iter().map(|e| e.value)).unwrap_or((0.0, 1.0));
    let limits = |e: &&Estimate| [Some(e.value), e.lower, e.upper].into_iter().flatten().collect::<Vec<f64>>();
    let all = estimates.iter().flat_map(limits);
    let scale = if low > 0.0 && high / low > 50.0 {
        // a limit near 0 must not take the room
        Scale::log(all.filter(|x| *x >= low / 20.0))
    } else {
        Scale::linear(all, Some(0.0))
    };
    Axis::new("Experts", scale, Unit::Number)
}

/// The estimates as data of a specification.
pub(crate) fn data(estimates: &[&Estimate]) -> Value {
    let row = |e: &&Estimate| {
        json!({"company": e.name, "method": e.method, "estimate": e.value, "lower": e.lower, "upper": e.upper,
               "below_floor": e.below_floor})
    };
    json!({"values": estimates.iter().map(row).collect::<Vec<_>>()})
}

/// Label of a mark, from a row of that data.
#[cfg(test)]
pub(crate) fn specified(row: &Value) -> String {
    use super::tests::{real, text};
    let value = format!("{}: {}", text(row, "company"), number(real(row, "estimate")));
    match (row["lower"].as_f64(), row["upper"].as_f64()) {
        (Some(lower), Some(upper)) => format!("{value} ({} to {})", number(lower), number(upper)),
        _ => value,
    }
}
