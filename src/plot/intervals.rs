//! Estimates with their intervals, a row a company: one method, or several beside each other.

use super::canvas::{Anchor, Canvas, GREY, LOOKS, Look, Rect};
use super::figure::{Axis, Entry, Figure, Key, MARGIN, NAME, TICK};
use super::scale::{Scale, Unit, count, number, range};
use super::spec::{channel, colours, specification};
use super::{Frame, Plot, Row, counted, descending, left_out, named, top};
use crate::options::{OptionError, Options};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// An estimate with what is known of its interval.
#[derive(Debug, Clone, PartialEq)]
struct Estimate {
    name: String,
    method: String,
    value: f64,
    lower: Option<f64>,
    upper: Option<f64>,
    below_floor: bool,
}

impl Estimate {
    fn order(&self, other: &Estimate) -> std::cmp::Ordering {
        descending(self.value, other.value)
            .then_with(|| self.name.cmp(&other.name))
            .then_with(|| self.method.cmp(&other.method))
            .then_with(|| self.key().partial_cmp(&other.key()).unwrap_or(std::cmp::Ordering::Equal))
    }

    fn key(&self) -> (Option<f64>, Option<f64>, bool) {
        (self.lower, self.upper, self.below_floor)
    }

    fn shown(&self) -> String {
        match (self.lower, self.upper) {
            (Some(lower), Some(upper)) => format!("{} ({} to {})", number(self.value), number(lower), number(upper)),
            _ => number(self.value),
        }
    }

    fn draw(&self, canvas: &mut Canvas, look: &Look, y: f64, axis: &Axis, rect: &Rect, radius: f64) {
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

fn scale(estimates: &[&Estimate]) -> Scale {
    let (low, high) = range(estimates.iter().map(|e| e.value)).unwrap_or((0.0, 1.0));
    let limits = |e: &&Estimate| [Some(e.value), e.lower, e.upper].into_iter().flatten().collect::<Vec<f64>>();
    let all = estimates.iter().flat_map(limits);
    if low > 0.0 && high / low > 50.0 {
        // a limit near 0 must not take the room
        Scale::log(all.filter(|x| *x >= low / 20.0))
    } else {
        Scale::linear(all, Some(0.0))
    }
}

fn data(estimates: &[&Estimate]) -> Value {
    let row = |e: &&Estimate| {
        json!({"company": e.name, "method": e.method, "estimate": e.value, "lower": e.lower, "upper": e.upper,
               "below_floor": e.below_floor})
    };
    json!({"values": estimates.iter().map(row).collect::<Vec<_>>()})
}

/// Companies, largest first.
#[derive(Debug)]
pub struct Headcounts {
    shown: Vec<Estimate>,
    companies: usize,
    notes: Vec<String>,
}

impl Headcounts {
    fn heading(&self) -> (&str, String) {
        let all = self.shown.len() == self.companies;
        let which = if all { String::new() } else { format!("the {} largest of ", self.shown.len()) };
        (
            "Experts by company",
            format!("Estimate and interval, {which}{}", counted(self.companies, "company", "companies")),
        )
    }
}

impl Plot for Headcounts {
    /// Texts: company. Numbers: estimate, lower, upper, below_floor.
    fn read(rows: Vec<Row>, options: &mut Options) -> Result<Headcounts, OptionError> {
        let top = top(options)?;
        let total = rows.len();
        let mut shown: Vec<Estimate> = rows
            .iter()
            .filter_map(|row| {
                Some(Estimate {
                    name: named(row.text(0), "(no company)"),
                    method: String::new(),
                    value: row.number(0)?,
                    lower: row.number(1),
                    upper: row.number(2),
                    below_floor: row.number(3) == Some(1.0),
                })
            })
            .collect();
        shown.sort_by(Estimate::order);
        let companies = shown.len();
        let mut notes = Vec::new();
        notes.extend(left_out(total - companies, "row", "rows", "without an estimate"));
        notes.extend(left_out(
            companies.saturating_sub(top),
            "more company",
            "more companies",
            "with smaller estimates",
        ));
        shown.truncate(top);
        Ok(Headcounts { shown, companies, notes })
    }

    fn svg(&self, frame: &Frame) -> String {
        let (title, subtitle) = self.heading();
        if self.shown.is_empty() {
            return Figure::open(frame, title, "", &[], &self.notes).nothing();
        }
        let mut legend = Vec::new();
        if self.shown.iter().any(|e| e.below_floor) {
            legend.push(Entry { name: "estimate".to_string(), key: Key::Mark(LOOKS[0], true) });
            let name = "below its detection floor: cannot be told from none".to_string();
            legend.push(Entry { name, key: Key::Mark(LOOKS[0], false) });
        }
        let mut figure = Figure::open(frame, title, &subtitle, &legend, &self.notes);
        let rows = self.shown.len() as f64;
        let natural = if rows <= 60.0 { 19.0 * rows } else { (1140.0f64).max(3.0 * rows) };
        let (top, bottom) = figure.body(natural, 4.0, 44.0);
        let room = figure.width - 2.0 * MARGIN;
        let widest = self.shown.iter().map(|e| NAME.width(&e.name)).fold(0.0, f64::max).min(0.32 * room);
        let numbers =
            if room > 420.0 { self.shown.iter().map(|e| TICK.width(&e.shown())).fold(0.0, f64::max) } else { 0.0 };
        let numbers = if numbers > 0.35 * room { 0.0 } else { numbers };
        let gap = if numbers > 0.0 { numbers + 12.0 } else { 6.0 };
        let rect = Rect { left: MARGIN + widest + 10.0, top, right: figure.width - MARGIN - gap, bottom };
        let all: Vec<&Estimate> = self.shown.iter().collect();
        let axis = Axis::new("Experts", scale(&all), Unit::Number);
        figure.x_axis(&axis, rect);
        let pitch = (bottom - top) / rows;
        let every = (13.5 / pitch).ceil().max(1.0) as usize;
        for (i, estimate) in self.shown.iter().enumerate() {
            let y = top + (i as f64 + 0.5) * pitch;
            estimate.draw(&mut figure.canvas, &LOOKS[0], y, &axis, &rect, (0.3 * pitch).clamp(1.2, 4.2));
            if i % every == 0 {
                figure.canvas.text(rect.left - 8.0, y, NAME.anchor(Anchor::End), &estimate.name, widest);
                if numbers > 0.0 {
                    let font = TICK.anchor(Anchor::End);
                    figure.canvas.text(figure.width - MARGIN, y, font, &estimate.shown(), numbers + 1.0);
                }
            }
        }
        figure.close()
    }

    fn spec(&self, frame: &Frame) -> Value {
        let (title, subtitle) = self.heading();
        let all: Vec<&Estimate> = self.shown.iter().collect();
        let scale = scale(&all);
        let y = json!({"field": "company", "type": "nominal", "sort": null, "title": null});
        let body = json!({
            "data": data(&all),
            "height": frame.height.unwrap_or(60.0 + 19.0 * self.shown.len() as f64),
            "encoding": {"y": y},
            "layer": [
                {"mark": {"type": "rule", "strokeWidth": 1.5, "color": LOOKS[0].colour},
                 "encoding": {"x": channel("lower", "Experts", &scale, false), "x2": {"field": "upper"}}},
                {"mark": {"type": "point", "size": 50, "color": LOOKS[0].colour, "tooltip": {"content": "data"}},
                 "encoding": {"x": channel("estimate", "Experts", &scale, false),
                    "fillOpacity": {"condition": {"test": "datum.below_floor", "value": 0}, "value": 1},
                    "fill": {"value": LOOKS[0].colour}}},
            ],
        });
        specification(frame, title, &subtitle, &self.notes, body)
    }
}

/// Companies with an estimate of each method.
#[derive(Debug)]
pub struct Methods {
    /// Companies in the order of their largest estimates.
    groups: Vec<(String, Vec<Estimate>)>,
    methods: Vec<String>,
    companies: usize,
    notes: Vec<String>,
}

impl Methods {
    fn heading(&self) -> (&str, String) {
        let (shown, all) = (self.groups.len(), self.companies);
        let which = if shown == all { String::new() } else { format!("the {} largest of ", count(shown)) };
        ("Estimates by method", format!("Experts with intervals, {which}{}", counted(all, "company", "companies")))
    }

    fn look(&self, method: &str) -> (usize, Look) {
        let at = self.methods.iter().position(|m| m == method).unwrap_or(0);
        (at, LOOKS[at % LOOKS.len()])
    }
}

impl Plot for Methods {
    /// Texts: company, method. Numbers: estimate, lower, upper.
    fn read(rows: Vec<Row>, options: &mut Options) -> Result<Methods, OptionError> {
        let top = top(options)?;
        let total = rows.len();
        let read = |row: &Row| {
            Some(Estimate {
                name: named(row.text(0), "(all companies)"),
                method: named(row.text(1), "(no method)"),
                value: row.number(0)?,
                lower: row.number(1),
                upper: row.number(2),
                below_floor: false,
            })
        };
        let mut estimates: Vec<Estimate> = rows.iter().filter_map(read).collect();
        estimates.sort_by(Estimate::order);
        let mut notes = Vec::new();
        notes.extend(left_out(total - estimates.len(), "row", "rows", "without an estimate"));
        let methods: BTreeSet<String> = estimates.iter().map(|e| e.method.clone()).collect();
        notes.extend(left_out(
            methods.len().saturating_sub(LOOKS.len()),
            "method",
            "methods",
            "beyond the first eight by name",
        ));
        let methods: Vec<String> = methods.into_iter().take(LOOKS.len()).collect();
        estimates.retain(|e| methods.contains(&e.method));
        let mut groups: Vec<(String, Vec<Estimate>)> = Vec::new();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for estimate in estimates {
            let at = *known.entry(estimate.name.clone()).or_insert_with(|| {
                groups.push((estimate.name.clone(), Vec::new()));
                groups.len() - 1
            });
            groups[at].1.push(estimate);
        }
        let companies = groups.len();
        notes.extend(left_out(
            companies.saturating_sub(top),
            "more company",
            "more companies",
            "with smaller estimates",
        ));
        groups.truncate(top);
        Ok(Methods { groups, methods, companies, notes })
    }

    fn svg(&self, frame: &Frame) -> String {
        let (title, subtitle) = self.heading();
        if self.groups.is_empty() {
            return Figure::open(frame, title, "", &[], &self.notes).nothing();
        }
        let legend: Vec<Entry> =
            self.methods.iter().map(|m| Entry { name: m.clone(), key: Key::Mark(self.look(m).1, true) }).collect();
        let mut figure = Figure::open(frame, title, &subtitle, &legend, &self.notes);
        let slots = self.methods.len() as f64;
        let natural = self.groups.len() as f64 * (11.0 * slots + 10.0).max(19.0);
        let (top, bottom) = figure.body(natural.min(40_000.0), 4.0, 44.0);
        let room = figure.width - 2.0 * MARGIN;
        let widest = self.groups.iter().map(|(name, _)| NAME.width(name)).fold(0.0, f64::max).min(0.32 * room);
        let rect = Rect { left: MARGIN + widest + 10.0, top, right: figure.width - MARGIN - 6.0, bottom };
        let all: Vec<&Estimate> = self.groups.iter().flat_map(|(_, estimates)| estimates).collect();
        let axis = Axis::new("Experts", scale(&all), Unit::Number);
        let pitch = (bottom - top) / self.groups.len() as f64;
        let every = (13.5 / pitch).ceil().max(1.0) as usize;
        for i in (1..self.groups.len()).step_by(2) {
            let y = top + i as f64 * pitch;
            let band = Rect { left: MARGIN, top: y, right: rect.right, bottom: y + pitch };
            figure.canvas.rect(&band, "fill=\"#f5f5f5\"", None);
        }
        figure.x_axis(&axis, rect);
        let slot = (pitch - 6.0).max(0.7 * pitch) / slots;
        for (i, (name, estimates)) in self.groups.iter().enumerate() {
            let middle = top + (i as f64 + 0.5) * pitch;
            if i % every == 0 {
                figure.canvas.text(rect.left - 8.0, middle, NAME.anchor(Anchor::End), name, widest);
            }
            for estimate in estimates {
                let (at, look) = self.look(&estimate.method);
                let y = middle + (at as f64 - 0.5 * (slots - 1.0)) * slot;
                estimate.draw(&mut figure.canvas, &look, y, &axis, &rect, (0.4 * slot).clamp(1.2, 4.0));
            }
        }
        figure.canvas.line((rect.left, rect.top), (rect.left, rect.bottom), &format!("stroke=\"{GREY}\""));
        figure.close()
    }

    fn spec(&self, frame: &Frame) -> Value {
        let (title, subtitle) = self.heading();
        let all: Vec<&Estimate> = self.groups.iter().flat_map(|(_, estimates)| estimates).collect();
        let scale = scale(&all);
        let names: Vec<&str> = self.groups.iter().map(|(name, _)| name.as_str()).collect();
        let method = json!({"field": "method", "type": "nominal", "title": "Method",
            "scale": {"domain": self.methods, "range": colours()}});
        let body = json!({
            "data": data(&all),
            "height": frame.height.unwrap_or(60.0 + (11.0 * self.methods.len() as f64 + 10.0) * names.len() as f64),
            "encoding": {
                "y": {"field": "company", "type": "nominal", "sort": names, "title": null},
                "yOffset": {"field": "method", "type": "nominal", "sort": self.methods},
                "color": method,
            },
            "layer": [
                {"mark": {"type": "rule", "strokeWidth": 1.5},
                 "encoding": {"x": channel("lower", "Experts", &scale, false), "x2": {"field": "upper"}}},
                {"mark": {"type": "point", "filled": true, "size": 45, "tooltip": {"content": "data"}},
                 "encoding": {"x": channel("estimate", "Experts", &scale, false),
                    "shape": {"field": "method", "type": "nominal", "legend": null}}},
            ],
        });
        specification(frame, title, &subtitle, &self.notes, body)
    }
}
