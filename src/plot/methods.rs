//! Estimates of several methods side by side, a group of marks a company.

use super::canvas::{Anchor, GREY, LOOKS, Look, Rect};
use super::estimate::{Estimate, axis, data, open_mark};
use super::figure::{Entry, Figure, Key, MARGIN, NAME};
use super::notes::{Head, counted, left_out, named, unnamed};
use super::picture::{Picture, RowsError};
use super::row::record;
use super::scale::count;
use super::settings::{Frame, Top};
use super::spec::{channel, colours, open_where_below};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

record! {
    /// The estimate of a company by a method.
    Row {
        company: Option<String>,
        method: Option<String>,
        estimate: Option<f64>,
        lower: Option<f64>,
        upper: Option<f64>,
        below_floor: Option<bool>,
    }
}

/// Companies with an estimate of each method.
#[derive(Debug)]
pub(crate) struct Methods {
    /// Companies in the order of their largest estimates.
    groups: Vec<(String, Vec<Estimate>)>,
    methods: Vec<String>,
    companies: usize,
    notes: Vec<String>,
}

impl Methods {
    /// Place and look of a method.
    fn look(&self, method: &str) -> (usize, Look) {
        let at = self.methods.iter().position(|m| m == method).unwrap_or(0);
        (at, LOOKS[at % LOOKS.len()])
    }
}

impl Picture for Methods {
    type Row = Row;
    type Settings = Top;

    fn read(rows: Vec<Row>, Top(top): Top) -> Result<Methods, RowsError> {
        let total = rows.len();
        let estimate = |row: Row| {
            Some(Estimate {
                name: named(row.company.as_deref(), "(all companies)"),
                method: named(row.method.as_deref(), "(no method)"),
                value: row.estimate?,
                lower: row.lower,
                upper: row.upper,
                below_floor: row.below_floor == Some(true),
            })
        };
        let mut estimates: Vec<Estimate> = rows.into_iter().filter_map(estimate).collect();
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

    fn head(&self) -> Head {
        let (shown, all) = (self.groups.len(), self.companies);
        let which = if shown == all { String::new() } else { format!("the {} largest of ", count(shown)) };
        let companies = counted(all, "company", "companies");
        Head::new("Estimates by method", &format!("Experts with intervals, {which}{companies}"), &self.notes)
    }

    fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    fn draw(&self, frame: &Frame, head: Head) -> String {
        let mut legend: Vec<Entry> =
            self.methods.iter().map(|m| Entry { name: m.clone(), key: Key::Mark(self.look(m).1, true) }).collect();
        if self.groups.iter().flat_map(|(_, estimates)| estimates).any(|e| e.below_floor) {
            legend.push(open_mark());
        }
        let mut figure = Figure::open(frame, &head, &legend);
        let slots = self.methods.len() as f64;
        let natural = self.groups.len() as f64 * (11.0 * slots + 10.0).max(19.0);
        let (top, bottom) = figure.body(natural.min(40_000.0), 4.0, 44.0);
        let room = figure.width - 2.0 * MARGIN;
        let widest = self.groups.iter().map(|(name, _)| NAME.width(name)).fold(0.0, f64::max).min(0.32 * room);
        let rect = Rect { left: MARGIN + widest + 10.0, top, right: figure.width - MARGIN - 6.0, bottom };
        let all: Vec<&Estimate> = self.groups.iter().flat_map(|(_, estimates)| estimates).collect();
        let axis = axis(&all);
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
        let named = self.groups.len().div_ceil(every);
        if let Some(head) = figure.note(unnamed(self.groups.len() - named, "company", "companies"), &head) {
            return self.draw(frame, head);
        }
        figure.close()
    }

    fn body(&self, frame: &Frame) -> Value {
        let all: Vec<&Estimate> = self.groups.iter().flat_map(|(_, estimates)| estimates).collect();
        let axis = axis(&all);
        let names: Vec<&str> = self.groups.iter().map(|(name, _)| name.as_str()).collect();
        let method = json!({"field": "method", "type": "nominal", "title": "Method",
            "scale": {"domain": self.methods, "range": colours()}});
        let mut spec = json!({
            "data": data(&all),
            "height": frame.height.unwrap_or(60.0 + (11.0 * self.methods.len() as f64 + 10.0) * names.len() as f64),
            "encoding": {
                "y": {"field": "company", "type": "nominal", "sort": names, "title": null},
                "yOffset": {"field": "method", "type": "nominal", "sort": self.methods},
                "color": method,
            },
            "layer": [
                {"mark": {"type": "rule", "strokeWidth": 1.5},
                 "encoding": {"x": channel("lower", &axis), "x2": {"field": "upper"}}},
                {"mark": {"type": "point", "filled": true, "size": 45, "tooltip": {"content": "data"}},
                 "encoding": {"x": channel("estimate", &axis),
                    "shape": {"field": "method", "type": "nominal", "legend": null}}},
            ],
        });
        if all.iter().any(|e| e.below_floor) {
            let fill = spec["encoding"]["color"].clone();
            open_where_below(&mut spec["layer"][1], fill, 1.0);
        }
        spec
    }

    #[cfg(test)]
    fn label(spec: &Value, row: &Value) -> String {
        use super::estimate::specified;
        use super::tests::colour;
        format!("{}, {}", specified(row), colour(spec, "/encoding/color/scale", &row["method"]))
    }
}
