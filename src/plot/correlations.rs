//! Correlations of annotators within each class: a triangle of cells a class, the name of a column on the diagonal.

use super::canvas::{Anchor, Font, Rect};
use super::figure::{Entry, Figure, Key, MARGIN, NAME};
use super::notes::{Head, left_out, named, unnamed};
use super::picture::{Picture, RowsError};
use super::row::record;
use super::settings::Frame;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Maximum number of annotators: cells of more could not be read.
const MOST: usize = 40;
/// Maximum number of classes.
const CLASSES: usize = 4;
/// Minimum width of the cells of two triangles beside each other.
const CELL: f64 = 40.0;

record! {
    /// The correlation of two annotators within a class.
    Row {
        class: Option<String>,
        annotator: Option<String>,
        other: Option<String>,
        tetrachoric: Option<f64>,
        phi: Option<f64>,
    }
}

/// Measure of correlation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Measure {
    Tetrachoric,
    Phi,
}

impl Measure {
    fn name(self) -> &'static str {
        match self {
            Measure::Tetrachoric => "Tetrachoric",
            Measure::Phi => "Phi",
        }
    }
}

/// The correlation of a pair of annotators, the first by name in front.
type Pairs = BTreeMap<(String, String), f64>;

/// Correlations by class.
#[derive(Debug)]
pub(crate) struct Correlations {
    classes: Vec<(String, Pairs)>,
    annotators: Vec<String>,
    measure: Measure,
    notes: Vec<String>,
}

/// Colour of a correlation, from blue over white to orange: all eyes tell the ends apart, and the sign stands in the
/// cell.
fn colour(x: f64) -> String {
    let end: [f64; 3] = if x < 0.0 { [0.0, 90.0, 160.0] } else { [200.0, 85.0, 0.0] };
    let part = |end: f64| (255.0 + (end - 255.0) * x.abs().min(1.0)).round() as u8;
    format!("#{:02x}{:02x}{:02x}", part(end[0]), part(end[1]), part(end[2]))
}

/// "−0.25"
fn shown(x: f64) -> String {
    let text = format!("{x:.2}");
    let text = if text == "-0.00" { "0.00".to_string() } else { text };
    text.replace('-', "−")
}

impl Correlations {
    const TITLE: &'static str = "How annotators err together";
}

impl Picture for Correlations {
    type Row = Row;
    type Settings = Measure;

    fn read(rows: Vec<Row>, measure: Measure) -> Result<Correlations, RowsError> {
        let (mut nameless, mut without) = (0, 0);
        let mut classes: BTreeMap<String, Pairs> = BTreeMap::new();
        let mut annotators = BTreeSet::new();
        for row in &rows {
            let (Some(one), Some(other)) = (&row.annotator, &row.other) else {
                nameless += 1;
                continue;
            };
            let (one, other) = (named(Some(one), ""), named(Some(other), ""));
            let class = match row.class.as_deref() {
                Some("true") => "Experts".to_string(),
                Some("false") => "Others".to_string(),
                class => named(class, "(no class)"),
            };
            annotators.extend([one.clone(), other.clone()]);
            let pairs = classes.entry(class).or_default();
            let value = match measure {
                Measure::Tetrachoric => row.tetrachoric,
                Measure::Phi => row.phi,
            };
            match value {
                Some(value) if one != other => {
                    let pair = if one < other { (one, other) } else { (other, one) };
                    // of several rows of a pair the greatest counts, in any order of rows
                    let kept = pairs.entry(pair).or_insert(value);
                    *kept = kept.max(value);
                }
                Some(_) => {}
                None => without += 1,
            }
        }
        let mut notes = Vec::new();
        notes.extend(left_out(nameless, "row", "rows", "without two annotators"));
        notes.extend(left_out(without, "pair", "pairs", "without a correlation"));
        notes.extend(left_out(
            annotators.len().saturating_sub(MOST),
            "annotator",
            "annotators",
            "beyond the first 40 by name",
        ));
        notes.extend(left_out(classes.len().saturating_sub(CLASSES), "class", "classes", "beyond the first four"));
        let annotators: Vec<String> = annotators.into_iter().take(MOST).collect();
        let mut classes: Vec<(String, Pairs)> = classes.into_iter().take(CLASSES).collect();
        let kept = |name: &String| annotators.binary_search(name).is_ok();
        for (_, pairs) in &mut classes {
            pairs.retain(|(one, other), _| kept(one) && kept(other));
        }
        Ok(Correlations { classes, annotators, measure, notes })
    }

    fn head(&self) -> Head {
        let subtitle = format!("{} correlation of each pair within each class of gold people", self.measure.name());
        Head::new(Correlations::TITLE, &subtitle, &self.notes)
    }

    fn is_empty(&self) -> bool {
        self.annotators.len() < 2
    }

    fn draw(&self, frame: &Frame, head: Head) -> String {
        let k = self.annotators.len();
        let legend: Vec<Entry> = [-1.0, -0.5, 0.0, 0.5, 1.0]
            .iter()
            .map(|x| Entry { name: shown(*x), key: Key::Fill(colour(*x), "#999999") })
            .collect();
        let mut figure = Figure::open(frame, &head, &legend);
        let room = figure.width - 2.0 * MARGIN;
        let longest = self.annotators.iter().map(|name| NAME.width(name)).fold(0.0, f64::max);
        // a triangle needs its row names, its cells, and the last column's name
        let side = |width: f64| {
            let names = longest.min(0.28 * width);
            let room = width - names - 8.0;
            // the last column's name begins with its cell and may go on beyond it
            let named = (room - names - 8.0) / (k as f64 - 2.0).max(1.0);
            (names, named.min(room / (k - 1) as f64).min(64.0))
        };
        let beside = self.classes.len() == 2 && side(0.5 * (room - 24.0)).1 >= CELL;
        let width = if beside { 0.5 * (room - 24.0) } else { room };
        let (names, cell) = side(width);
        let panels_down = if beside { 1 } else { self.classes.len() };
        let natural_cell = cell.clamp(14.0, 30.0);
        let natural = panels_down as f64 * (k as f64 * natural_cell + 30.0);
        let (top, bottom) = figure.body_of(natural, 54.0 * panels_down as f64);
        let panel = (bottom - top) / panels_down as f64;
        let height = (panel - 30.0) / k as f64;
        let every = (13.5 / height).ceil().max(1.0) as usize;
        for (at, (class, pairs)) in self.classes.iter().enumerate() {
            let left = if beside { MARGIN + at as f64 * (width + 24.0) } else { MARGIN };
            let top = if beside { top } else { top + at as f64 * panel };
            figure.canvas.text(left, top + 7.0, NAME.bold(), class, width);
            let (x0, y0) = (left + names + 8.0, top + 22.0);
            for (row, name) in self.annotators.iter().enumerate() {
                let y = y0 + row as f64 * height;
                let middle = y + 0.5 * height;
                if row > 0 && row % every == 0 {
                    figure.canvas.text(x0 - 6.0, middle, NAME.anchor(Anchor::End), name, names);
                }
                for (column, other) in self.annotators[..row].iter().enumerate() {
                    let x = x0 + column as f64 * cell;
                    let rect = Rect { left: x, top: y, right: x + cell, bottom: y + height };
                    let value = pairs.get(&(other.clone(), name.clone()));
                    let fill = value.map_or("#ffffff".to_string(), |value| colour(*value));
                    let whole = value.map_or("no correlation".to_string(), |value| shown(*value));
                    let title = format!("{other}, {name}: {whole}");
                    figure.canvas.rect(
                        &rect,
                        &format!("fill=\"{fill}\" stroke=\"#c4c4c4\" stroke-width=\"0.6\""),
                        Some(&title),
                    );
                    let Some(value) = value else { continue };
                    let size = (0.3 * cell).min(0.62 * height).min(11.0);
                    if size >= 7.0 {
                        let ink = if value.abs() > 0.72 { "#ffffff" } else { "#111111" };
                        let font = Font::new(size).colour(ink).anchor(Anchor::Middle);
                        figure.canvas.text(x + 0.5 * cell, middle, font, &shown(*value), cell);
                    }
                }
                // the name of the column whose cells begin below
                if row + 1 < k && row % every == 0 {
                    let x = x0 + row as f64 * cell + 4.0;
                    figure.canvas.text(x, middle, NAME, name, left + width - x);
                }
            }
        }
        if let Some(head) = figure.note(unnamed(k - k.div_ceil(every), "annotator", "annotators"), &head) {
            return self.draw(frame, head);
        }
        figure.close()
    }

    fn body(&self, frame: &Frame) -> Value {
        let mut values = Vec::new();
        for (class, pairs) in &self.classes {
            values.extend(pairs.iter().map(
                |((one, other), value)| json!({"class": class, "annotator": one, "other": other, "correlation": value}),
            ));
        }
        let inner = json!({
            "width": (0.5 * (frame.width - 220.0)).max(100.0),
            "height": frame.height.unwrap_or(28.0 * self.annotators.len() as f64),
            "encoding": {
                "x": {"field": "annotator", "type": "nominal", "title": null},
                "y": {"field": "other", "type": "nominal", "title": null},
            },
            "layer": [
                {"mark": {"type": "rect", "tooltip": {"content": "data"}},
                 "encoding": {"color": {"field": "correlation", "type": "quantitative", "title": self.measure.name(),
                    "scale": {"domain": [-1, 0, 1], "range": [colour(-1.0), colour(0.0), colour(1.0)]}}}},
                {"mark": {"type": "text", "fontSize": 10},
                 "encoding": {"text": {"field": "correlation", "type": "quantitative", "format": ".2f"}}},
            ],
        });
        json!({
            "data": {"values": values},
            "facet": {"column": {"field": "class", "type": "nominal", "title": null}},
            "spec": inner,
        })
    }

    #[cfg(test)]
    fn label(_: &Value, row: &Value) -> String {
        use super::tests::{real, text};
        format!("{}, {}: {}", text(row, "annotator"), text(row, "other"), shown(real(row, "correlation")))
    }
}
