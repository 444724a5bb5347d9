//! Distributions: draws of an estimate as a histogram, Beta priors as curves.

use super::canvas::{INK, LOOKS, Look, Rect};
use super::figure::{Axis, Entry, Figure, Key, line_style};
use super::scale::{Scale, Unit, number, range};
use super::spec::{channel, colours, specification};
use super::{Frame, Plot, Row, counted, left_out, named};
use crate::options::{OptionError, Options};
use serde_json::{Value, json};
use statrs::function::gamma::ln_gamma;

/// The draws of one company, or of the sum over companies.
#[derive(Debug)]
pub struct Uncertainty {
    /// Upwards.
    draws: Vec<f64>,
    level: f64,
    /// Companies in the sum, or the one.
    companies: usize,
    company: Option<String>,
    notes: Vec<String>,
}

/// One bar of a histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bar {
    from: f64,
    to: f64,
    n: usize,
}

impl Uncertainty {
    /// Linear between the draws, as everywhere.
    fn quantile(&self, p: f64) -> f64 {
        let at = p * (self.draws.len() - 1) as f64;
        let (low, high) = (self.draws[at.floor() as usize], self.draws[at.ceil() as usize]);
        low + (high - low) * at.fract()
    }

    fn limits(&self) -> (f64, f64) {
        (self.quantile(0.5 * (1.0 - self.level)), self.quantile(0.5 * (1.0 + self.level)))
    }

    fn heading(&self) -> (String, String) {
        let title = match &self.company {
            Some(company) => format!("Experts at {company}"),
            None => format!("Experts in {}", counted(self.companies, "company", "companies")),
        };
        if self.draws.is_empty() {
            return (title, String::new());
        }
        let (lower, upper) = self.limits();
        let subtitle = format!(
            "{}: median {}, {} of them between {} and {}",
            counted(self.draws.len(), "draw", "draws"),
            number(self.quantile(0.5)),
            Unit::Share.show(self.level),
            number(lower),
            number(upper),
        );
        (title, subtitle)
    }

    /// Bars of equal width that hold all draws; whole numbers lie in the middle of theirs.
    fn bars(&self) -> Vec<Bar> {
        let (low, high) = (self.draws[0], self.draws[self.draws.len() - 1]);
        let wanted = (2.0 * (self.draws.len() as f64).cbrt()).clamp(5.0, 60.0);
        let whole = self.draws.iter().all(|x| x.fract() == 0.0);
        let (start, width) = if whole {
            (low - 0.5, ((high - low + 1.0) / wanted).ceil().max(1.0))
        } else {
            (low, ((high - low) / wanted).max(low.abs().max(1.0) * 1e-9))
        };
        let bars = (((high - start) / width).floor() + 1.0).clamp(1.0, 200.0) as usize;
        let mut bars: Vec<Bar> = (0..bars)
            .map(|i| Bar { from: start + i as f64 * width, to: start + (i + 1) as f64 * width, n: 0 })
            .collect();
        let last = bars.len() - 1;
        for draw in &self.draws {
            bars[(((draw - start) / width) as usize).min(last)].n += 1;
        }
        bars
    }

    fn axes(&self, bars: &[Bar]) -> (Axis, Axis) {
        let x = range(bars.iter().flat_map(|bar| [bar.from, bar.to])).unwrap_or((0.0, 1.0));
        let x = Scale::between(x.0, x.1);
        let most = bars.iter().map(|bar| bar.n).max().unwrap_or(1) as f64;
        (
            Axis::new("Experts", x, Unit::Whole),
            Axis::new("Draws", Scale::linear([1.05 * most], Some(0.0)), Unit::Number),
        )
    }
}

impl Plot for Uncertainty {
    /// Numbers of the only row: the draws. Without a row nothing is known.
    fn read(rows: Vec<Row>, options: &mut Options) -> Result<Uncertainty, OptionError> {
        let level = options.number("level", "lie between 0 and 1", |x| x > 0.0 && x < 1.0)?;
        let companies = options.whole("companies", 0, u64::MAX)? as usize;
        let company = options.text("company").map(|name| named(Some(&name), ""));
        let total: usize = rows.iter().map(|row| row.numbers.len()).sum();
        let mut draws: Vec<f64> =
            rows.iter().flat_map(|row| (0..row.numbers.len()).filter_map(|at| row.number(at))).collect();
        draws.sort_by(f64::total_cmp);
        let notes = left_out(total - draws.len(), "draw", "draws", "without a number").into_iter().collect();
        Ok(Uncertainty { draws, level, companies, company, notes })
    }

    fn svg(&self, frame: &Frame) -> String {
        let (title, subtitle) = self.heading();
        if self.draws.is_empty() {
            return Figure::open(frame, &title, "", &[], &self.notes).nothing();
        }
        let name = format!("inside the {} interval", Unit::Share.show(self.level));
        let legend = [
            Entry { name, key: Key::Fill(LOOKS[0].colour.to_string(), LOOKS[0].colour) },
            Entry { name: "outside".to_string(), key: Key::Fill("#d4e4f0".to_string(), LOOKS[0].colour) },
            Entry { name: "median".to_string(), key: Key::Line(Look { colour: INK, ..LOOKS[1] }) },
        ];
        let mut figure = Figure::open(frame, &title, &subtitle, &legend, &self.notes);
        let bars = self.bars();
        let (x, y) = self.axes(&bars);
        let plane = figure.plane(&x, &y, 320.0, 10.0);
        let (lower, upper) = self.limits();
        for bar in bars.iter().filter(|bar| bar.n > 0) {
            let middle = 0.5 * (bar.from + bar.to);
            let colour = if middle >= lower && middle <= upper { LOOKS[0].colour } else { "#d4e4f0" };
            let rect = Rect {
                left: plane.x(bar.from),
                top: plane.y(bar.n as f64),
                right: plane.x(bar.to),
                bottom: plane.rect.bottom,
            };
            let style = format!("fill=\"{colour}\" stroke=\"#ffffff\" stroke-width=\"0.7\"");
            figure.canvas.rect(&rect, &style, Some(&counted(bar.n, "draw", "draws")));
        }
        let at = plane.x(self.quantile(0.5));
        let style = line_style(&Look { colour: INK, ..LOOKS[1] }, 1.8);
        figure.canvas.line((at, plane.rect.top), (at, plane.rect.bottom), &style);
        figure.close()
    }

    fn spec(&self, frame: &Frame) -> Value {
        let (title, subtitle) = self.heading();
        let bars = if self.draws.is_empty() { Vec::new() } else { self.bars() };
        let (x, y) = self.axes(&bars);
        let (lower, upper) = if bars.is_empty() { (0.0, 0.0) } else { self.limits() };
        let row = |bar: &Bar| {
            let middle = 0.5 * (bar.from + bar.to);
            json!({"from": bar.from, "to": bar.to, "draws": bar.n, "inside": middle >= lower && middle <= upper})
        };
        let median: Vec<Value> = if bars.is_empty() { Vec::new() } else { vec![json!({"median": self.quantile(0.5)})] };
        let body = json!({
            "layer": [
                {"data": {"values": bars.iter().map(row).collect::<Vec<_>>()},
                 "mark": {"type": "bar", "tooltip": {"content": "data"}},
                 "encoding": {
                    "x": channel("from", "Experts", &x.scale, false), "x2": {"field": "to"},
                    "y": channel("draws", "Draws", &y.scale, false), "y2": {"datum": 0},
                    "color": {"field": "inside", "type": "nominal", "title": "Inside the interval",
                        "scale": {"domain": [true, false], "range": [LOOKS[0].colour, "#d4e4f0"]}}}},
                {"data": {"values": median},
                 "mark": {"type": "rule", "strokeDash": [7, 3]},
                 "encoding": {"x": channel("median", "Experts", &x.scale, false)}},
            ],
        });
        specification(frame, &title, &subtitle, &self.notes, body)
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

    /// Of a share, or of the decimal logarithm of a share.
    fn density(&self, x: f64, log: bool) -> f64 {
        let (a, b) = (self.alpha, self.beta);
        let norm = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b);
        let power = if log { a } else { a - 1.0 };
        let value = (norm + power * x.ln() + (b - 1.0) * (-x).ln_1p()).exp();
        if log { value * std::f64::consts::LN_10 } else { value }
    }

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

/// Beta distributions of a share.
#[derive(Debug)]
pub struct Priors {
    priors: Vec<Prior>,
    notes: Vec<String>,
}

const POINTS: usize = 240;

impl Priors {
    const TITLE: &'static str = "Prior of the share of experts";

    fn log(&self) -> bool {
        let least = self.priors.iter().map(Prior::mean).fold(1.0, f64::min);
        let most = self.priors.iter().map(Prior::mean).fold(0.0, f64::max);
        most > 8.0 * least || most < 0.02
    }

    fn subtitle(&self) -> String {
        let kind = if self.log() { "per unit of its decimal logarithm" } else { "of the share" };
        format!("{}, density {kind}", counted(self.priors.len(), "Beta distribution", "Beta distributions"))
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

impl Plot for Priors {
    /// Texts: name. Numbers: alpha, beta.
    fn read(rows: Vec<Row>, _: &mut Options) -> Result<Priors, OptionError> {
        let total = rows.len();
        let positive = |x: &f64| *x > 0.0;
        let read = |row: &Row| {
            let (alpha, beta) = (row.number(0).filter(positive)?, row.number(1).filter(positive)?);
            Some(Prior { name: named(row.text(0), "(no name)"), alpha, beta })
        };
        let mut priors: Vec<Prior> = rows.iter().filter_map(read).collect();
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

    fn svg(&self, frame: &Frame) -> String {
        if self.priors.is_empty() {
            return Figure::open(frame, Priors::TITLE, "", &[], &self.notes).nothing();
        }
        let entry = |(prior, look): (&Prior, _)| Entry { name: prior.shown(), key: Key::Line(look) };
        let legend: Vec<Entry> = self.priors.iter().zip(LOOKS).map(entry).collect();
        let mut figure = Figure::open(frame, Priors::TITLE, &self.subtitle(), &legend, &self.notes);
        let grid = self.grid();
        let (x, y) = self.axes(&grid);
        let plane = figure.plane(&x, &y, 320.0, 14.0);
        for (prior, look) in self.priors.iter().zip(LOOKS) {
            let points: Vec<(f64, f64)> = grid.iter().map(|x| plane.at(*x, prior.density(*x, self.log()))).collect();
            figure.canvas.curve(&points, &line_style(&look, 2.0));
        }
        figure.close()
    }

    fn spec(&self, frame: &Frame) -> Value {
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
        let body = json!({
            "data": {"values": values},
            "mark": {"type": "line", "clip": true},
            "encoding": {
                "x": channel("share", "Share of experts", &x.scale, true),
                "y": channel("density", "Density", &y.scale, false),
                "color": prior(json!({"scale": {"range": colours()}})),
                "strokeDash": prior(json!({})),
            },
        });
        specification(frame, Priors::TITLE, &self.subtitle(), &self.notes, body)
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

    #[test]
    fn bars_hold_every_draw_once() {
        for draws in [vec![5.0], vec![0.0, 0.0, 1.0, 7.0], vec![0.25, 3.75, 1e6], (0..1000).map(f64::from).collect()] {
            let n = draws.len();
            let plot = Uncertainty { draws, level: 0.8, companies: 1, company: None, notes: Vec::new() };
            let bars = plot.bars();
            assert_eq!(bars.iter().map(|bar| bar.n).sum::<usize>(), n);
            for bar in &bars {
                let inside = |x: &&f64| **x >= bar.from && **x < bar.to;
                let last = bar == bars.last().unwrap();
                assert!(last || plot.draws.iter().filter(inside).count() == bar.n);
            }
        }
    }
}
