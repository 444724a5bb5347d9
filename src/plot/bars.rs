//! Keywords as bars, one group below the other for each class of texts.

use super::canvas::{Anchor, LOOKS, Rect};
use super::figure::{Axis, Figure, MARGIN, NAME, TICK};
use super::scale::{Scale, Unit, number};
use super::spec::specification;
use super::{Frame, Plot, Row, counted, descending, left_out, named, top};
use crate::options::{OptionError, Options};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// So many groups at most.
const GROUPS: usize = 8;

#[derive(Debug)]
pub struct Keywords {
    /// Label and its keywords with their numbers, largest first.
    groups: Vec<(String, Vec<(String, f64)>)>,
    /// Whether the number is one of texts, not a score.
    texts: bool,
    notes: Vec<String>,
}

impl Keywords {
    fn heading(&self) -> (&str, String) {
        let n: usize = self.groups.iter().map(|(_, keywords)| keywords.len()).sum();
        let what = if self.texts { "number of texts that have it" } else { "score" };
        ("Keywords", format!("{} by {what}", counted(n, "keyword", "keywords")))
    }

    fn axis(&self) -> Axis {
        let all = self.groups.iter().flat_map(|(_, keywords)| keywords.iter().map(|(_, value)| *value));
        let title = if self.texts { "Texts" } else { "Score" };
        Axis::new(title, Scale::linear(all, Some(0.0)), Unit::Number)
    }
}

impl Plot for Keywords {
    /// Texts: label, keyword. Numbers: score, number of texts. One row a label and keyword.
    fn read(rows: Vec<Row>, options: &mut Options) -> Result<Keywords, OptionError> {
        let top = top(options)?;
        let total = rows.len();
        let texts = rows.iter().any(|row| row.number(1).is_some());
        let mut groups: BTreeMap<Option<String>, Vec<(String, f64)>> = BTreeMap::new();
        let mut kept = 0;
        for row in &rows {
            let value = if texts { row.number(1) } else { row.number(0) };
            if let (Some(keyword), Some(value)) = (row.text(1), value) {
                kept += 1;
                groups.entry(row.text(0).map(str::to_string)).or_default().push((named(Some(keyword), ""), value));
            }
        }
        let mut notes = Vec::new();
        notes.extend(left_out(total - kept, "row", "rows", "without a keyword and a number"));
        notes.extend(left_out(groups.len().saturating_sub(GROUPS), "label", "labels", "beyond the first eight"));
        let mut more = 0;
        let mut shown = Vec::new();
        for (label, mut keywords) in groups.into_iter().take(GROUPS) {
            keywords.sort_by(|a, b| descending(a.1, b.1).then_with(|| a.0.cmp(&b.0)));
            more += keywords.len().saturating_sub(top);
            keywords.truncate(top);
            shown.push((label.map(|label| named(Some(&label), "")).unwrap_or_default(), keywords));
        }
        notes.extend(left_out(more, "more keyword", "more keywords", "with smaller numbers"));
        Ok(Keywords { groups: shown, texts, notes })
    }

    fn svg(&self, frame: &Frame) -> String {
        let (title, subtitle) = self.heading();
        if self.groups.is_empty() {
            return Figure::open(frame, title, "", &[], &self.notes).nothing();
        }
        let mut figure = Figure::open(frame, title, &subtitle, &[], &self.notes);
        let headed = |label: &str| if label.is_empty() { 0.0 } else { 1.3 };
        let lines: f64 = self.groups.iter().map(|(label, keywords)| keywords.len() as f64 + headed(label)).sum();
        let (top, bottom) = figure.body(17.0 * lines, 4.0, 44.0);
        let pitch = (bottom - top) / lines;
        let room = figure.width - 2.0 * MARGIN;
        let all = || self.groups.iter().flat_map(|(_, keywords)| keywords);
        let widest = all().map(|(keyword, _)| NAME.width(keyword)).fold(0.0, f64::max).min(0.4 * room);
        let numbers = all().map(|(_, value)| TICK.width(&number(*value))).fold(0.0, f64::max) + 8.0;
        let rect = Rect { left: MARGIN + widest + 10.0, top, right: figure.width - MARGIN - numbers, bottom };
        let axis = self.axis();
        figure.x_axis(&axis, rect);
        let x = |value: f64| rect.left + axis.scale.at(value) * rect.width();
        // where the last text stands: with little room only some are written
        let (mut y, mut last) = (top, f64::NEG_INFINITY);
        for (at, (label, keywords)) in self.groups.iter().enumerate() {
            if !label.is_empty() {
                let height = headed(label) * pitch;
                let middle = y + 0.55 * height;
                if middle >= last + 13.5 {
                    figure.canvas.text(MARGIN, middle, NAME.bold().rim(), label, room);
                    last = middle;
                }
                y += height;
            }
            for (keyword, value) in keywords {
                let middle = y + 0.5 * pitch;
                let (from, to) = (x(0.0).min(x(*value)), x(0.0).max(x(*value)));
                let bar = Rect { left: from, top: middle - 0.36 * pitch, right: to, bottom: middle + 0.36 * pitch };
                let style = format!("fill=\"{}\"", LOOKS[at % LOOKS.len()].colour);
                figure.canvas.rect(&bar, &style, Some(&format!("{keyword}: {}", number(*value))));
                if middle >= last + 13.5 {
                    last = middle;
                    figure.canvas.text(rect.left - 8.0, middle, NAME.anchor(Anchor::End), keyword, widest);
                    figure.canvas.text(to + 5.0, middle, TICK.rim(), &number(*value), f64::INFINITY);
                }
                y += pitch;
            }
        }
        figure.close()
    }

    fn spec(&self, frame: &Frame) -> Value {
        let (title, subtitle) = self.heading();
        let mut values = Vec::new();
        for (label, keywords) in &self.groups {
            values.extend(keywords.iter().map(|(k, v)| json!({"label": label, "keyword": k, "value": v})));
        }
        let name = if self.texts { "Texts" } else { "Score" };
        let inner = json!({
            "width": (frame.width - 220.0).max(100.0),
            "mark": {"type": "bar", "tooltip": {"content": "data"}},
            "encoding": {
                "y": {"field": "keyword", "type": "nominal", "sort": null, "title": null},
                "x": {"field": "value", "type": "quantitative", "title": name},
                "color": {"field": "label", "type": "nominal", "legend": null},
            },
        });
        let body = json!({
            "data": {"values": values},
            "facet": {"row": {"field": "label", "type": "nominal", "title": null, "header": {"labelAngle": 0, "labelAlign": "left"}}},
            "resolve": {"scale": {"y": "independent"}},
            "spec": inner,
        });
        specification(frame, title, &subtitle, &self.notes, body)
    }
}
