//! Experts of each company with their intervals, the largest first.

use super::canvas::{Anchor, LOOKS, Rect};
use super::estimate::{Estimate, axis, data, open_mark};
use super::figure::{Entry, Figure, Key, MARGIN, NAME, TICK};
use super::notes::{Head, counted, left_out, named, unnamed};
use super::picture::{Picture, RowsError};
use super::row::record;
use super::settings::{Frame, Top};
use super::spec::channel;
use serde_json::{Value, json};

record! {
    /// The estimate of a company.
    Row {
        company: Option<String>,
        estimate: Option<f64>,
        lower: Option<f64>,
        upper: Option<f64>,
        below_floor: Option<bool>,
    }
}

/// Companies, largest first.
#[derive(Debug)]
pub(crate) struct Headcounts {
    shown: Vec<Estimate>,
    companies: usize,
    notes: Vec<String>,
}

impl Picture for Headcounts {
    type Row = Row;
    type Settings = Top;

    fn read(rows: Vec<Row>, Top(top): Top) -> Result<Headcounts, RowsError> {
        let total = rows.len();
        let estimate = |row: Row| {
            Some(Estimate {
                name: named(row.company.as_deref(), "(no company)"),
                method: String::new(),
                value: row.estimate?,
                lower: row.lower,
                upper: row.upper,
                below_floor: row.below_floor == Some(true),
            })
        };
        let mut shown: Vec<Estimate> = rows.into_iter().filter_map(estimate).collect();
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

    fn head(&self) -> Head {
        let all = self.shown.len() == self.companies;
        let which = if all { String::new() } else { format!("the {} largest of ", self.shown.len()) };
        let companies = counted(self.companies, "company", "companies");
        Head::new("Experts by company", &format!("Estimate and interval, {which}{companies}"), &self.notes)
    }

    fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    fn draw(&self, frame: &Frame, head: Head) -> String {
        let mut legend = Vec::new();
        if self.shown.iter().any(|e| e.below_floor) {
            legend.push(Entry { name: "estimate".to_string(), key: Key::Mark(LOOKS[0], true) });
            legend.push(open_mark());
        }
        let mut figure = Figure::open(frame, &head, &legend);
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
        let axis = axis(&all);
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
        let named = self.shown.len().div_ceil(every);
        if let Some(head) = figure.note(unnamed(self.shown.len() - named, "company", "companies"), &head) {
            return self.draw(frame, head);
        }
        figure.close()
    }

    fn body(&self, frame: &Frame) -> Value {
        let all: Vec<&Estimate> = self.shown.iter().collect();
        let axis = axis(&all);
        let y = json!({"field": "company", "type": "nominal", "sort": null, "title": null});
        json!({
            "data": data(&all),
            "height": frame.height.unwrap_or(60.0 + 19.0 * self.shown.len() as f64),
            "encoding": {"y": y},
            "layer": [
                {"mark": {"type": "rule", "strokeWidth": 1.5, "color": LOOKS[0].colour},
                 "encoding": {"x": channel("lower", &axis), "x2": {"field": "upper"}}},
                {"mark": {"type": "point", "size": 50, "color": LOOKS[0].colour, "tooltip": {"content": "data"}},
                 "encoding": {"x": channel("estimate", &axis),
                    "fillOpacity": {"condition": {"test": "datum.below_floor", "value": 0}, "value": 1},
                    "fill": {"value": LOOKS[0].colour}}},
            ],
        })
    }

    #[cfg(test)]
    fn label(_: &Value, row: &Value) -> String {
        use super::estimate::specified;
        format!("{}, open: {}", specified(row), row["below_floor"])
    }
}
