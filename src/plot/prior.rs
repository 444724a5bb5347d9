//! Beta priors of a share as curves of their densities.

use super::canvas::LOOKS;
use super::figure::{Entry, Figure, Key, line_style};
use super::notes::{Head, counted, left_out, named};
use super::picture::{Picture, RowsError};
use super::row::record;
use super::scale::{Axis, Scale, Unit, number};
use super::settings::Frame;
use super::spec::{channel, colours};
use serde_json::{Value, json};
use statrs::function::gamma::ln_gamma;

record! {
    /// A Beta distribution with its name.
    Row {
        name: Option<String>,
        alpha: Option<f64>,
        beta: Option<f64>,
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Prior {
    name: String,
    alpha: f64,
    beta: f64,
}

impl Prior {
    fn mean(&self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }

    /// Density of a share `x`, or of its decimal logarithm.
    fn density(&self, x: f64, log: bool) -> f64 {
        let (a, b) = (self.alpha, self.beta);
        let norm = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b);
        let power = if log { a } else { a - 1.0 };
        let value = (norm + power * x.ln() + (b - 1.0) * (-x).ln_1p()).exp();
        if log { value * std::f64::consts::LN_10 } else { value }
    }

    /// "name: Beta(2, 10), mean 16.7 %"
    fn shown(&self) -> String {
        format!(
            "{}: Beta({}, {}), mean {}",
            self.name,
            number(self.alpha),
            number(self.beta),
            Unit::Share.show(self.mean())
        )
    }
}

/// Beta distributions of a share, by name.
#[derive(Debug)]
pub(crate) struct Priors {
    priors: Vec<Prior>,
    notes: Vec<String>,
}

/// Number of points of a curve.
pub(crate) const POINTS: usize = 240;

impl Priors {
    const TITLE: &'static str = "Prior of the share of experts";

    /// `true` where the axis is logarithmic: the means are far apart, or small.
    fn log(&self) -> bool {
        let least = self.priors.iter().map(Prior::mean).fold(1.0, f64::min);
        let most = self.priors.iter().map(Prior::mean).fold(0.0, f64::max);
        most > 8.0 * least || most < 0.02
    }

    /// The shares at which densities are taken, without both ends of the unit interval.
    fn grid(&self) -> Vec<f64> {
        let at = |i: usize| (i as f64 + 0.5) / POINTS as f64;
        if self.log() {
            let least = self.priors.iter().map(Prior::mean).fold(1.0, f64::min);
            let low = (least / 30.0).max(1e-9).ln();
            (0..POINTS).map(|i| (low * (1.0 - at(i))).exp()).collect()
        } else {
            (0..POINTS).map(at).collect()
        }
    }

    fn axes(&self, grid: &[f64]) -> (Axis, Axis) {
        let log = self.log();
        // densities that go to infinity at an end do not set the scale
        let peak = |prior: &Prior| grid.iter().map(|x| prior.density(*x, log)).fold(0.0, f64::max).min(1e9);
        let most = self.priors.iter().map(peak).fold(0.0, f64::max);
        let low = if log { grid.first().copied().unwrap_or(1e-3) } else { 0.0 };
        let x = Scale { low, high: 1.0, log };
        (
            Axis::new("Share of experts", x, Unit::Share),
            Axis::new("Density", Scale::linear([1.05 * most], Some(0.0)), Unit::Number),
        )
    }
}

impl Picture for Priors {
    type Row = Row;
    type Settings = ();

    fn read(rows: Vec<Row>, _: ()) -> Result<Priors, RowsError> {
        let total = rows.len();
        let positive = |x: &f64| *x > 0.0;
        let prior = |row: Row| {
            let (alpha, beta) = (row.alpha.filter(positive)?, row.beta.filter(positive)?);
            Some(Prior { name: named(row.name.as_deref(), "(no name)"), alpha, beta })
        };
        let mut priors: Vec<Prior> = rows.into_iter().filter_map(prior).collect();
        let mut notes = Vec::new();
        notes.extend(left_out(total - priors.len(), "prior", "priors", "without alpha and beta above 0"));
        priors.sort_by(|a, b| a.name.cmp(&b.name).then(a.alpha.total_cmp(&b.alpha)).then(a.beta.total_cmp(&b.beta)));
        notes.extend(left_out(
            priors.len().saturating_sub(LOOKS.len()),
            "prior",
            "priors",
            "beyond the first eight by name",
        ));
        priors.truncate(LOOKS.len());
        Ok(Priors { priors, notes })
    }

    fn head(&self) -> Head {
        let n = counted(self.priors.len(), "Beta distribution", "Beta distributions");
        let kind = if self.log() { "per unit of its decimal logarithm" } else { "of the share" };
        Head::new(Priors::TITLE, &format!("{n}, density {kind}"), &self.notes)
    }

    fn is_empty(&self) -> bool {
        self.priors.is_empty()
    }

    fn draw(&self, frame: &Frame, head: Head) -> String {
        let entry = |(prior, look): (&Prior, _)| Entry { name: prior.shown(), key: Key::Line(look) };
        let legend: Vec<Entry> = self.priors.iter().zip(LOOKS).map(entry).collect();
        let mut figure = Figure::open(frame, &head, &legend);
        let grid = self.grid();
        let (x, y) = self.axes(&grid);
        let plane = figure.plane(&x, &y, 320.0, 14.0);
        for (prior, look) in self.priors.iter().zip(LOOKS) {
            let points: Vec<(f64, f64)> = grid.iter().map(|x| plane.at(*x, prior.density(*x, self.log()))).collect();
            figure.canvas.curve(&points, &line_style(&look, 2.0));
        }
        figure.close()
    }

    fn body(&self, _: &Frame) -> Value {
        let grid = self.grid();
        let (x, y) = self.axes(&grid);
        let log = self.log();
        let mut values = Vec::new();
        for prior in &self.priors {
            values.extend(
                grid.iter()
                    .map(|x| json!({"prior": prior.shown(), "share": x, "density": prior.density(*x, log).min(1e9)})),
            );
        }
        let prior = |more: Value| {
            let mut channel = json!({"field": "prior", "type": "nominal", "title": "Prior"});
            if let (Some(channel), Value::Object(more)) = (channel.as_object_mut(), more) {
                channel.extend(more);
            }
            channel
        };
        json!({
            "data": {"values": values},
            "mark": {"type": "line", "clip": true},
            "encoding": {
                "x": channel("share", &x),
                "y": channel("density", &y),
                "color": prior(json!({"scale": {"range": colours()}})),
                "strokeDash": prior(json!({})),
            },
        })
    }

    #[cfg(test)]
    fn label(_: &Value, row: &Value) -> String {
        use super::tests::text;
        text(row, "prior")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn densities_integrate_to_one() {
        for (alpha, beta) in [(2.0, 10.0), (1.0, 999.0), (0.5, 2.0), (30.0, 3.0)] {
            let prior = Prior { name: String::new(), alpha, beta };
            // over the logarithm, where no density of these is infinite; the tail below 1e-12 is left
            let n = 200_000;
            let width = 12.0 / n as f64;
            let sum: f64 =
                (0..n).map(|i| prior.density(10f64.powf(-12.0 + (i as f64 + 0.5) * width), true) * width).sum();
            assert!((sum - 1.0).abs() < 2e-3, "{alpha} {beta}: {sum}");
            // the two densities differ by the derivative of the logarithm
            let x = 0.3;
            let ratio = prior.density(x, true) / prior.density(x, false);
            assert!((ratio - x * std::f64::consts::LN_10).abs() < 1e-9);
        }
    }
}
