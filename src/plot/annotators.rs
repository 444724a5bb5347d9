//! Two rates of each annotator against each other, with intervals in both directions: sensitivity against specificity,
//! or bias against accuracy.

use super::canvas::{GREY, LOOKS, Look, Shape};
use super::figure::{Figure, Labels, interval, line_style};
use super::notes::{Head, counted, left_out, named, unnamed};
use super::picture::{Picture, RowsError};
use super::row::record;
use super::scale::{Axis, Scale, Unit};
use super::settings::Frame;
use super::spec::channel;
use serde_json::{Value, json};
use std::marker::PhantomData;

/// Maximum number of annotators whose intervals are drawn.
const WITH_INTERVALS: usize = 60;

record! {
    /// Two rates of an annotator.
    Row {
        annotator: Option<String>,
        x: Option<f64>,
        x_lower: Option<f64>,
        x_upper: Option<f64>,
        y: Option<f64>,
        y_lower: Option<f64>,
        y_upper: Option<f64>,
    }
}

/// A number and its limits.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rate {
    value: f64,
    limits: Option<(f64, f64)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Annotator {
    name: String,
    x: Rate,
    y: Rate,
}

/// Two rates, with the words and scales of their picture.
pub(crate) trait Pair {
    const TITLE: &'static str;

    /// Subtitle of a picture of annotators, counted in words.
    fn subtitle(annotators: &str) -> String;

    fn axes(annotators: &[Annotator]) -> (Axis, Axis);

    /// `false` for numbers that these rates cannot be.
    fn possible(x: f64, y: f64) -> bool;
}

/// Sensitivity against specificity.
#[derive(Debug)]
pub(crate) struct SensitivityAndSpecificity;

impl Pair for SensitivityAndSpecificity {
    const TITLE: &'static str = "What annotators find, and what they leave alone";

    fn subtitle(annotators: &str) -> String {
        format!("Rates of {annotators} on the gold people, with intervals; the better, the further up and to the right")
    }

    fn axes(annotators: &[Annotator]) -> (Axis, Axis) {
        let (x, y) = (share(annotators, |a| a.x), share(annotators, |a| a.y));
        (Axis::new("Specificity", x, Unit::Share), Axis::new("Sensitivity", y, Unit::Share))
    }

    fn possible(x: f64, y: f64) -> bool {
        (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y)
    }
}

/// Bias against accuracy.
#[derive(Debug)]
pub(crate) struct BiasAndAccuracy;

impl Pair for BiasAndAccuracy {
    const TITLE: &'static str = "Bias and accuracy of annotators";

    fn subtitle(annotators: &str) -> String {
        format!(
            "{annotators} on the gold people, with intervals; right of zero are those that call too many people experts"
        )
    }

    fn axes(annotators: &[Annotator]) -> (Axis, Axis) {
        let x = Scale::linear(values(annotators, |a| a.x), Some(0.0));
        let y = share(annotators, |a| a.y);
        (
            Axis::new("Bias: share called experts minus share of experts", x, Unit::Share),
            Axis::new("Accuracy", y, Unit::Share),
        )
    }

    fn possible(x: f64, y: f64) -> bool {
        (-1.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y)
    }
}

/// All values and limits of a rate.
fn values(annotators: &[Annotator], of: fn(&Annotator) -> Rate) -> Vec<f64> {
    let all = |rate: Rate| [rate.value].into_iter().chain(rate.limits.into_iter().flat_map(|(low, high)| [low, high]));
    annotators.iter().flat_map(|a| all(of(a))).collect()
}

/// A scale over shares, within 0 and 1 unless a value is beyond.
fn share(annotators: &[Annotator], of: fn(&Annotator) -> Rate) -> Scale {
    let values = values(annotators, of);
    let scale = Scale::linear(values.iter().copied(), None);
    if values.iter().all(|x| (0.0..=1.0).contains(x)) {
        return Scale::between(scale.low.max(0.0), scale.high.min(1.0));
    }
    scale
}

/// Annotators by name.
#[derive(Debug)]
pub(crate) struct Rates<P> {
    annotators: Vec<Annotator>,
    notes: Vec<String>,
    pair: PhantomData<P>,
}

pub(crate) type Annotators = Rates<SensitivityAndSpecificity>;
pub(crate) type Bias = Rates<BiasAndAccuracy>;

/// One look for each annotator, in turn; the model is black.
fn looks(annotators: &[Annotator]) -> Vec<Look> {
    let mut turn = LOOKS[..6].iter().copied().cycle();
    let model = Look { shape: Shape::Diamond, ..LOOKS[6] };
    annotators.iter().map(|a| if a.name == "(model)" { model } else { turn.next().unwrap_or(model) }).collect()
}

impl<P: Pair> Picture for Rates<P> {
    type Row = Row;
    type Settings = ();

    fn read(rows: Vec<Row>, _: ()) -> Result<Rates<P>, RowsError> {
        let total = rows.len();
        let rate = |value, lower: Option<f64>, upper| Rate { value, limits: lower.zip(upper) };
        let annotator = |row: Row| {
            Some(Annotator {
                name: named(row.annotator.as_deref(), "(no name)"),
                x: rate(row.x?, row.x_lower, row.x_upper),
                y: rate(row.y?, row.y_lower, row.y_upper),
            })
        };
        let mut annotators: Vec<Annotator> = rows.into_iter().filter_map(annotator).collect();
        annotators.sort_by(|a, b| {
            let key = |a: &Annotator| (a.x.value, a.y.value, a.x.limits, a.y.limits);
            a.name.cmp(&b.name).then_with(|| key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal))
        });
        let mut notes = Vec::new();
        notes.extend(left_out(total - annotators.len(), "annotator", "annotators", "without both numbers"));
        let impossible = annotators.iter().filter(|a| !P::possible(a.x.value, a.y.value)).count();
        if impossible > 0 {
            let which = counted(impossible, "annotator", "annotators");
            notes.push(format!("{which} with a rate that no share can have: below 0 or above 100 %."));
        }
        Ok(Rates { annotators, notes, pair: PhantomData })
    }

    fn head(&self) -> Head {
        let n = counted(self.annotators.len(), "annotator", "annotators");
        Head::new(P::TITLE, &P::subtitle(&n), &self.notes)
    }

    fn is_empty(&self) -> bool {
        self.annotators.is_empty()
    }

    fn draw(&self, frame: &Frame, head: Head) -> String {
        let few = self.annotators.len() <= WITH_INTERVALS;
        let mut said = head.clone();
        if !few {
            said.notes.push(format!("Intervals are drawn for up to {WITH_INTERVALS} annotators."));
        }
        let mut figure = Figure::open(frame, &said, &[]);
        let (x, y) = P::axes(&self.annotators);
        let plane = figure.plane(&x, &y, 420.0, 10.0);
        let mut labels = Labels::new(plane.rect);
        if x.scale.low < 0.0 && x.scale.high > 0.0 {
            let at = plane.x(0.0);
            labels.keep_line_free((at, plane.rect.top), (at, plane.rect.bottom));
            let style = line_style(&Look { colour: GREY, ..LOOKS[1] }, 1.0);
            figure.canvas.line((at, plane.rect.top), (at, plane.rect.bottom), &style);
        }
        let place = |a: &Annotator| plane.at(a.x.value, a.y.value);
        let looks = looks(&self.annotators);
        for (a, look) in self.annotators.iter().zip(&looks).filter(|_| few) {
            let (cx, cy) = place(a);
            let across = a.x.limits.map(|(low, high)| ((plane.x(low), cy), (plane.x(high), cy)));
            let upright = a.y.limits.map(|(low, high)| ((cx, plane.y(low)), (cx, plane.y(high))));
            for (from, to) in [across, upright].into_iter().flatten() {
                labels.keep_line_free(from, to);
                interval(&mut figure.canvas, from, to, look.colour, 1.2);
            }
        }
        let radius = if few { 5.0 } else { 3.0 };
        for (a, look) in self.annotators.iter().zip(&looks) {
            labels.keep_free(place(a), radius + 1.0);
            let whole =
                format!("{}: {} {}, {} {}", a.name, x.title, x.unit.show(a.x.value), y.title, y.unit.show(a.y.value));
            figure.canvas.mark(look, place(a), radius, true, Some(&whole));
        }
        let mut named = 0;
        for a in self.annotators.iter().take(200) {
            named += usize::from(labels.place(&mut figure.canvas, place(a), radius + 1.0, &a.name, few));
        }
        if let Some(head) = figure.note(unnamed(self.annotators.len() - named, "annotator", "annotators"), &head) {
            return self.draw(frame, head);
        }
        figure.close()
    }

    fn body(&self, _: &Frame) -> Value {
        let row = |a: &Annotator| {
            let (low, high) = a.x.limits.unzip();
            let (left, right) = a.y.limits.unzip();
            json!({"annotator": a.name, "x": a.x.value, "x_lower": low, "x_upper": high,
                   "y": a.y.value, "y_lower": left, "y_upper": right})
        };
        let (x, y) = P::axes(&self.annotators);
        json!({
            "data": {"values": self.annotators.iter().map(row).collect::<Vec<_>>()},
            "encoding": {"color": {"field": "annotator", "type": "nominal", "title": "Annotator"}},
            "layer": [
                {"mark": "rule", "encoding":
                    {"x": channel("x_lower", &x), "x2": {"field": "x_upper"}, "y": channel("y", &y)}},
                {"mark": "rule", "encoding":
                    {"x": channel("x", &x), "y": channel("y_lower", &y), "y2": {"field": "y_upper"}}},
                {"mark": {"type": "point", "filled": true, "size": 70, "tooltip": {"content": "data"}},
                 "encoding": {"x": channel("x", &x), "y": channel("y", &y),
                    "shape": {"field": "annotator", "type": "nominal", "legend": null}}},
            ],
        })
    }

    #[cfg(test)]
    fn label(spec: &Value, row: &Value) -> String {
        use super::tests::{real, text};
        let titled = |axis: &str| {
            let title = spec.pointer(&format!("/layer/2/encoding/{axis}/title")).and_then(Value::as_str);
            format!("{} {}", title.unwrap(), Unit::Share.show(real(row, axis)))
        };
        format!("{}: {}, {}", text(row, "annotator"), titled("x"), titled("y"))
    }
}
