//! Two rates of each annotator against each other, with intervals in both directions.

use super::canvas::{GREY, LOOKS, Look};
use super::figure::{Axis, Figure, Labels, interval, line_style};
use super::scale::{Scale, Unit};
use super::spec::{channel, specification};
use super::{Frame, Plot, Row, counted, left_out, named};
use crate::options::{OptionError, Options};
use serde_json::{Value, json};

/// A number and its limits.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rate {
    value: f64,
    limits: Option<(f64, f64)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Annotator {
    name: String,
    x: Rate,
    y: Rate,
}

/// Texts: annotator. Numbers: x, lower, upper, y, lower, upper. Sorted; with notes on what is left out.
fn read(rows: Vec<Row>) -> (Vec<Annotator>, Vec<String>) {
    let total = rows.len();
    let rate = |row: &Row, at: usize| {
        Some(Rate { value: row.number(at)?, limits: row.number(at + 1).zip(row.number(at + 2)) })
    };
    let mut annotators: Vec<Annotator> = rows
        .iter()
        .filter_map(|row| Some(Annotator { name: named(row.text(0), "(no name)"), x: rate(row, 0)?, y: rate(row, 3)? }))
        .collect();
    annotators.sort_by(|a, b| {
        let key = |a: &Annotator| (a.x.value, a.y.value, a.x.limits, a.y.limits);
        a.name.cmp(&b.name).then_with(|| key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal))
    });
    let notes =
        left_out(total - annotators.len(), "annotator", "annotators", "without both numbers").into_iter().collect();
    (annotators, notes)
}

fn values(annotators: &[Annotator], of: fn(&Annotator) -> Rate) -> Vec<f64> {
    let all = |rate: Rate| [rate.value].into_iter().chain(rate.limits.into_iter().flat_map(|(low, high)| [low, high]));
    annotators.iter().flat_map(|a| all(of(a))).collect()
}

/// A scale over rates, which does not go beyond `least` and `most` for nothing.
fn rates(annotators: &[Annotator], of: fn(&Annotator) -> Rate, least: f64, most: f64) -> Scale {
    let scale = Scale::linear(values(annotators, of), None);
    // rates that are none are shown where they are
    if values(annotators, of).iter().all(|x| (least..=most).contains(x)) {
        return Scale::between(scale.low.max(least), scale.high.min(most));
    }
    scale
}

fn look(i: usize, model: bool) -> Look {
    // the model is black
    if model { Look { shape: super::canvas::Shape::Diamond, ..LOOKS[6] } } else { LOOKS[[0, 1, 2, 3, 4, 5][i % 6]] }
}

fn svg(
    frame: &Frame,
    title: &str,
    subtitle: &str,
    annotators: &[Annotator],
    notes: &[String],
    x: &Axis,
    y: &Axis,
) -> String {
    if annotators.is_empty() {
        return Figure::open(frame, title, "", &[], notes).nothing();
    }
    let labelled = 60;
    let mut notes = notes.to_vec();
    if annotators.len() > labelled {
        notes.push(format!("Intervals are drawn for up to {labelled} annotators."));
    }
    let mut figure = Figure::open(frame, title, subtitle, &[], &notes);
    let plane = figure.plane(x, y, 420.0, 10.0);
    let mut labels = Labels::new(plane.rect);
    if x.scale.low < 0.0 && x.scale.high > 0.0 {
        let at = plane.x(0.0);
        labels.keep_line_free((at, plane.rect.top), (at, plane.rect.bottom));
        let style = line_style(&Look { colour: GREY, ..LOOKS[1] }, 1.0);
        figure.canvas.line((at, plane.rect.top), (at, plane.rect.bottom), &style);
    }
    let places: Vec<(f64, f64)> = annotators.iter().map(|a| plane.at(a.x.value, a.y.value)).collect();
    let mut others = 0;
    let looks: Vec<Look> = annotators
        .iter()
        .map(|a| {
            let model = a.name == "(model)";
            let look = look(others, model);
            others += usize::from(!model);
            look
        })
        .collect();
    if annotators.len() <= labelled {
        for (a, (look, (cx, cy))) in annotators.iter().zip(looks.iter().zip(&places)) {
            if let Some((low, high)) = a.x.limits {
                labels.keep_line_free((plane.x(low), *cy), (plane.x(high), *cy));
                interval(&mut figure.canvas, (plane.x(low), *cy), (plane.x(high), *cy), look.colour, 1.2);
            }
            if let Some((low, high)) = a.y.limits {
                labels.keep_line_free((*cx, plane.y(low)), (*cx, plane.y(high)));
                interval(&mut figure.canvas, (*cx, plane.y(low)), (*cx, plane.y(high)), look.colour, 1.2);
            }
        }
    }
    let radius = if annotators.len() <= labelled { 5.0 } else { 3.0 };
    for (a, (look, place)) in annotators.iter().zip(looks.iter().zip(&places)) {
        labels.keep_free(*place, radius + 1.0);
        let whole =
            format!("{}: {} {}, {} {}", a.name, x.title, x.unit.show(a.x.value), y.title, y.unit.show(a.y.value));
        figure.canvas.mark(look, *place, radius, true, Some(&whole));
    }
    for (a, place) in annotators.iter().zip(&places).take(200) {
        labels.place(&mut figure.canvas, *place, radius + 1.0, &a.name, annotators.len() <= labelled);
    }
    figure.close()
}

fn spec(
    frame: &Frame,
    title: &str,
    subtitle: &str,
    annotators: &[Annotator],
    notes: &[String],
    x: &Axis,
    y: &Axis,
) -> Value {
    let row = |a: &Annotator| {
        let (low, high) = a.x.limits.unzip();
        let (left, right) = a.y.limits.unzip();
        json!({"annotator": a.name, "x": a.x.value, "x_lower": low, "x_upper": high,
               "y": a.y.value, "y_lower": left, "y_upper": right})
    };
    let on = |field: &str, axis: &Axis| channel(field, &axis.title, &axis.scale, axis.unit == Unit::Share);
    let body = json!({
        "data": {"values": annotators.iter().map(row).collect::<Vec<_>>()},
        "encoding": {"color": {"field": "annotator", "type": "nominal", "title": "Annotator"}},
        "layer": [
            {"mark": "rule", "encoding": {"x": on("x_lower", x), "x2": {"field": "x_upper"}, "y": on("y", y)}},
            {"mark": "rule", "encoding": {"x": on("x", x), "y": on("y_lower", y), "y2": {"field": "y_upper"}}},
            {"mark": {"type": "point", "filled": true, "size": 70, "tooltip": {"content": "data"}},
             "encoding": {"x": on("x", x), "y": on("y", y), "shape": {"field": "annotator", "type": "nominal", "legend": null}}},
        ],
    });
    specification(frame, title, subtitle, notes, body)
}

/// Sensitivity against specificity.
#[derive(Debug)]
pub struct Annotators {
    annotators: Vec<Annotator>,
    notes: Vec<String>,
}

impl Annotators {
    const TITLE: &'static str = "What annotators find, and what they leave alone";

    fn subtitle(&self) -> String {
        let n = counted(self.annotators.len(), "annotator", "annotators");
        format!("Rates of {n} on the gold people, with intervals; the better, the further up and to the right")
    }

    fn axes(&self) -> (Axis, Axis) {
        let x = rates(&self.annotators, |a| a.x, 0.0, 1.0);
        let y = rates(&self.annotators, |a| a.y, 0.0, 1.0);
        (Axis::new("Specificity", x, Unit::Share), Axis::new("Sensitivity", y, Unit::Share))
    }
}

impl Plot for Annotators {
    fn read(rows: Vec<Row>, _: &mut Options) -> Result<Annotators, OptionError> {
        let (annotators, notes) = read(rows);
        Ok(Annotators { annotators, notes })
    }

    fn svg(&self, frame: &Frame) -> String {
        let (x, y) = self.axes();
        svg(frame, Annotators::TITLE, &self.subtitle(), &self.annotators, &self.notes, &x, &y)
    }

    fn spec(&self, frame: &Frame) -> Value {
        let (x, y) = self.axes();
        spec(frame, Annotators::TITLE, &self.subtitle(), &self.annotators, &self.notes, &x, &y)
    }
}

/// Bias against accuracy.
#[derive(Debug)]
pub struct Bias {
    annotators: Vec<Annotator>,
    notes: Vec<String>,
}

impl Bias {
    const TITLE: &'static str = "Bias and accuracy of annotators";

    fn subtitle(&self) -> String {
        let n = counted(self.annotators.len(), "annotator", "annotators");
        format!("{n} on the gold people, with intervals; right of zero are those that call too many people experts")
    }

    fn axes(&self) -> (Axis, Axis) {
        let x = Scale::linear(values(&self.annotators, |a| a.x), Some(0.0));
        let y = rates(&self.annotators, |a| a.y, 0.0, 1.0);
        (
            Axis::new("Bias: share called experts minus share of experts", x, Unit::Share),
            Axis::new("Accuracy", y, Unit::Share),
        )
    }
}

impl Plot for Bias {
    fn read(rows: Vec<Row>, _: &mut Options) -> Result<Bias, OptionError> {
        let (annotators, notes) = read(rows);
        Ok(Bias { annotators, notes })
    }

    fn svg(&self, frame: &Frame) -> String {
        let (x, y) = self.axes();
        svg(frame, Bias::TITLE, &self.subtitle(), &self.annotators, &self.notes, &x, &y)
    }

    fn spec(&self, frame: &Frame) -> Value {
        let (x, y) = self.axes();
        spec(frame, Bias::TITLE, &self.subtitle(), &self.annotators, &self.notes, &x, &y)
    }
}
