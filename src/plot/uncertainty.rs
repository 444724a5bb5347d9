//! Draws of an estimate as a histogram.

use super::canvas::{INK, LOOKS, Look, Rect};
use super::figure::{Entry, Figure, Key, line_style};
use super::notes::{Head, counted, left_out, named};
use super::picture::{Picture, RowsError};
use super::row::record;
use super::scale::{Axis, Scale, Unit, number, range};
use super::settings::Frame;
use super::spec::channel;
use crate::stats::quantile;
use serde_json::{Value, json};

/// Colour of the bars outside the interval.
const OUTSIDE: &str = "#d4e4f0";

record! {
    /// The draws of one company, or of the sum over companies; a plot has one row.
    Row {
        draws: Vec<Option<f64>>,
        /// Rows of the relation.
        n_estimates: Option<f64>,
        /// Companies that are summed.
        companies: Option<f64>,
        /// Companies among them whose draws were not kept.
        without_draws: Option<f64>,
        /// Least and greatest number of draws of a company.
        fewest: Option<f64>,
        most: Option<f64>,
    }
}

/// Settings of the picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choice {
    /// The company; `None` for the sum of all.
    pub company: Option<String>,
    /// Level of the interval that is set off.
    pub level: f64,
}

/// Draws of one company, or of the sum over companies.
#[derive(Debug)]
pub(crate) struct Uncertainty {
    /// Upwards.
    draws: Vec<f64>,
    level: f64,
    /// Number of companies in the sum.
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
    /// Limits of the interval.
    fn limits(&self) -> (f64, f64) {
        quantile::limits(&self.draws, self.level)
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

/// Checks the row of the chosen companies.
///
/// # Errors
/// A company that is not there or there twice, and draws that cannot be summed.
fn check(row: &Row, company: Option<&str>) -> Result<(), RowsError> {
    let companies = row.companies.unwrap_or(0.0) as usize;
    if let Some(company) = company {
        if companies == 0 && row.n_estimates > Some(0.0) {
            return Err(RowsError::UnknownCompany(company.to_string()));
        }
        if companies > 1 {
            return Err(RowsError::SeveralRows(company.to_string(), companies));
        }
    }
    if row.without_draws > Some(0.0) {
        return Err(RowsError::NoDraws);
    }
    if let (Some(fewest), Some(most)) = (row.fewest, row.most)
        && fewest != most
    {
        return Err(RowsError::UnevenDraws(fewest, most));
    }
    Ok(())
}

impl Picture for Uncertainty {
    type Row = Row;
    type Settings = Choice;

    fn read(rows: Vec<Row>, Choice { company, level }: Choice) -> Result<Uncertainty, RowsError> {
        let (mut draws, mut total, mut companies) = (Vec::new(), 0, 0);
        for row in &rows {
            check(row, company.as_deref())?;
            total += row.draws.len();
            companies += row.companies.unwrap_or(0.0) as usize;
            draws.extend(row.draws.iter().flatten());
        }
        draws.sort_by(f64::total_cmp);
        let notes = left_out(total - draws.len(), "draw", "draws", "without a number").into_iter().collect();
        let company = company.map(|name| named(Some(&name), ""));
        Ok(Uncertainty { draws, level, companies, company, notes })
    }

    fn head(&self) -> Head {
        let title = match &self.company {
            Some(company) => format!("Experts at {company}"),
            None => format!("Experts in {}", counted(self.companies, "company", "companies")),
        };
        if self.draws.is_empty() {
            return Head::new(&title, "", &self.notes);
        }
        let (lower, upper) = self.limits();
        let subtitle = format!(
            "{}: median {}, {} of them between {} and {}",
            counted(self.draws.len(), "draw", "draws"),
            number(quantile::of_sorted(&self.draws, 0.5)),
            Unit::Share.show(self.level),
            number(lower),
            number(upper),
        );
        Head::new(&title, &subtitle, &self.notes)
    }

    fn is_empty(&self) -> bool {
        self.draws.is_empty()
    }

    fn draw(&self, frame: &Frame, head: Head) -> String {
        let name = format!("inside the {} interval", Unit::Share.show(self.level));
        let legend = [
            Entry { name, key: Key::Fill(LOOKS[0].colour.to_string(), LOOKS[0].colour) },
            Entry { name: "outside".to_string(), key: Key::Fill(OUTSIDE.to_string(), LOOKS[0].colour) },
            Entry { name: "median".to_string(), key: Key::Line(Look { colour: INK, ..LOOKS[1] }) },
        ];
        let mut figure = Figure::open(frame, &head, &legend);
        let bars = self.bars();
        let (x, y) = self.axes(&bars);
        let plane = figure.plane(&x, &y, 320.0, 10.0);
        let (lower, upper) = self.limits();
        for bar in bars.iter().filter(|bar| bar.n > 0) {
            let middle = 0.5 * (bar.from + bar.to);
            let colour = if middle >= lower && middle <= upper { LOOKS[0].colour } else { OUTSIDE };
            let rect = Rect {
                left: plane.x(bar.from),
                top: plane.y(bar.n as f64),
                right: plane.x(bar.to),
                bottom: plane.rect.bottom,
            };
            let style = format!("fill=\"{colour}\" stroke=\"#ffffff\" stroke-width=\"0.7\"");
            figure.canvas.rect(&rect, &style, Some(&counted(bar.n, "draw", "draws")));
        }
        let at = plane.x(quantile::of_sorted(&self.draws, 0.5));
        let style = line_style(&Look { colour: INK, ..LOOKS[1] }, 1.8);
        figure.canvas.line((at, plane.rect.top), (at, plane.rect.bottom), &style);
        figure.close()
    }

    fn body(&self, _: &Frame) -> Value {
        let bars = if self.draws.is_empty() { Vec::new() } else { self.bars() };
        let (x, y) = self.axes(&bars);
        let (lower, upper) = if bars.is_empty() { (0.0, 0.0) } else { self.limits() };
        let row = |bar: &Bar| {
            let middle = 0.5 * (bar.from + bar.to);
            json!({"from": bar.from, "to": bar.to, "draws": bar.n, "inside": middle >= lower && middle <= upper})
        };
        let median: Vec<Value> =
            if bars.is_empty() { Vec::new() } else { vec![json!({"median": quantile::of_sorted(&self.draws, 0.5)})] };
        json!({
            "layer": [
                {"data": {"values": bars.iter().map(row).collect::<Vec<_>>()},
                 "mark": {"type": "bar", "tooltip": {"content": "data"}},
                 "encoding": {
                    "x": channel("from", &x), "x2": {"field": "to"},
                    "y": channel("draws", &y), "y2": {"datum": 0},
                    "color": {"field": "inside", "type": "nominal", "title": "Inside the interval",
                        "scale": {"domain": [true, false], "range": [LOOKS[0].colour, OUTSIDE]}}}},
                {"data": {"values": median},
                 "mark": {"type": "rule", "strokeDash": [7, 3]},
                 "encoding": {"x": channel("median", &x)}},
            ],
        })
    }

    #[cfg(test)]
    fn label(spec: &Value, row: &Value) -> String {
        use super::tests::{colour, real};
        let colour = colour(spec, "/layer/0/encoding/color/scale", &row["inside"]);
        format!("{}, {colour}", counted(real(row, "draws") as usize, "draw", "draws"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
