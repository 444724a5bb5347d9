//! Keywords as bars, one group below the other for each class of texts.

use super::canvas::{Anchor, LOOKS, Rect};
use super::figure::{Figure, MARGIN, NAME, TICK};
use super::notes::{Head, counted, left_out, named, unnamed};
use super::picture::{Picture, RowsError};
use super::row::record;
use super::scale::{Axis, Scale, Unit, number};
use super::settings::{Frame, Top};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Maximum number of groups.
const GROUPS: usize = 8;

record! {
    /// A keyword of a label; `texts` is the number of texts that have it.
    Row {
        label: Option<String>,
        keyword: Option<String>,
        score: Option<f64>,
        texts: Option<f64>,
    }
}

/// Keywords by label, those with the largest numbers first.
#[derive(Debug)]
pub(crate) struct Keywords {
    /// Label, empty for none, and its keywords with their numbers.
    groups: Vec<(String, Vec<(String, f64)>)>,
    /// `true` where the numbers are those of texts, not scores.
    texts: bool,
    notes: Vec<String>,
}

impl Keywords {
    fn axis(&self) -> Axis {
        let all = self.groups.iter().flat_map(|(_, keywords)| keywords.iter().map(|(_, value)| *value));
        let title = if self.texts { "Texts" } else { "Score" };
        Axis::new(title, Scale::linear(all, Some(0.0)), Unit::Number)
    }
}

impl Picture for Keywords {
    type Row = Row;
    type Settings = Top;

    fn read(rows: Vec<Row>, Top(top): Top) -> Result<Keywords, RowsError> {
        let total = rows.len();
        let texts = rows.iter().any(|row| row.texts.is_some());
        let mut groups: BTreeMap<Option<String>, Vec<(String, f64)>> = BTreeMap::new();
        let mut kept = 0;
        for row in rows {
            let value = if texts { row.texts } else { row.score };
            if let (Some(keyword), Some(value)) = (row.keyword, value) {
                kept += 1;
                groups.entry(row.label).or_default().push((named(Some(&keyword), ""), value));
            }
        }
        let mut notes = Vec::new();
        notes.extend(left_out(total - kept, "row", "rows", "without a keyword and a number"));
        notes.extend(left_out(groups.len().saturating_sub(GROUPS), "label", "labels", "beyond the first eight"));
        let mut more = 0;
        let mut shown = Vec::new();
        for (label, mut keywords) in groups.into_iter().take(GROUPS) {
            keywords.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            more += keywords.len().saturating_sub(top);
            keywords.truncate(top);
            shown.push((label.map(|label| named(Some(&label), "")).unwrap_or_default(), keywords));
        }
        notes.extend(left_out(more, "more keyword", "more keywords", "with smaller numbers"));
        Ok(Keywords { groups: shown, texts, notes })
    }

    fn head(&self) -> Head {
        let n: usize = self.groups.iter().map(|(_, keywords)| keywords.len()).sum();
        let by = if self.texts { "number of texts that have it" } else { "score" };
        Head::new("Keywords", &format!("{} by {by}", counted(n, "keyword", "keywords")), &self.notes)
    }

    fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    fn draw(&self, frame: &Frame, head: Head) -> String {
        let mut figure = Figure::open(frame, &head, &[]);
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
        let mut nameless = 0;
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
                } else {
                    nameless += 1;
                }
                y += pitch;
            }
        }
        if let Some(head) = figure.note(unnamed(nameless, "keyword", "keywords"), &head) {
            return self.draw(frame, head);
        }
        figure.close()
    }

    fn body(&self, frame: &Frame) -> Value {
        let mut values = Vec::new();
        for (label, keywords) in &self.groups {
            values.extend(keywords.iter().map(|(k, v)| json!({"label": label, "keyword": k, "value": v})));
        }
        let inner = json!({
            "width": (frame.width - 220.0).max(100.0),
            "mark": {"type": "bar", "tooltip": {"content": "data"}},
            "encoding": {
                "y": {"field": "keyword", "type": "nominal", "sort": null, "title": null},
                "x": {"field": "value", "type": "quantitative", "title": self.axis().title},
                "color": {"field": "label", "type": "nominal", "legend": null},
            },
        });
        json!({
            "data": {"values": values},
            "facet": {"row": {"field": "label", "type": "nominal", "title": null,
                "header": {"labelAngle": 0, "labelAlign": "left"}}},
            "resolve": {"scale": {"y": "independent"}},
            "spec": inner,
        })
    }

    #[cfg(test)]
    fn label(_: &Value, row: &Value) -> String {
        use super::tests::{real, text};
        format!("{}: {}", text(row, "keyword"), number(real(row, "value")))
    }
}
