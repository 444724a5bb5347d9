//! Nominal against actual coverage of intervals.

use super::canvas::{GREY, LOOKS, Look};
use super::figure::{Axis, Entry, Figure, Key, interval, line_style};
use super::scale::{Scale, Unit};
use super::spec::{channel, colours, specification};
use super::{Frame, Plot, Row, left_out, named};
use crate::options::{OptionError, Options};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const NO_METHOD: &str = "(no method)";

#[derive(Debug, Clone, PartialEq)]
struct Point {
    method: String,
    level: f64,
    coverage: f64,
    limits: Option<(f64, f64)>,
}

#[derive(Debug)]
pub struct Calibration {
    points: Vec<Point>,
    methods: Vec<String>,
    notes: Vec<String>,
}

impl Calibration {
    const TITLE: &'static str = "Do the intervals hold what they promise?";
    const SUBTITLE: &'static str =
        "Share of true numbers inside the interval, against its level; on the diagonal both are the same";

    /// All shares, so that the diagonal goes from corner to corner.
    fn axes(&self) -> (Axis, Axis) {
        (
            Axis::new("Level of the interval", Scale::between(0.0, 1.0), Unit::Share),
            Axis::new("Coverage", Scale::between(0.0, 1.0), Unit::Share),
        )
    }
}

impl Plot for Calibration {
    /// Texts: method. Numbers: level, coverage, lower, upper.
    fn read(rows: Vec<Row>, _: &mut Options) -> Result<Calibration, OptionError> {
        let total = rows.len();
        let within = |x: &f64| (0.0..=1.0).contains(x);
        let mut points: Vec<Point> = rows
            .iter()
            .filter_map(|row| {
                Some(Point {
                    method: named(row.text(0), NO_METHOD),
                    level: row.number(0).filter(within)?,
                    coverage: row.number(1).filter(within)?,
                    limits: row.number(2).zip(row.number(3)),
                })
            })
            .collect();
        let mut notes = Vec::new();
        notes.extend(left_out(total - points.len(), "row", "rows", "without a level and a coverage between 0 and 1"));
        points.sort_by(|a, b| {
            let key = |p: &Point| (p.level, p.coverage, p.limits);
            a.method.cmp(&b.method).then_with(|| key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal))
        });
        let methods: BTreeSet<String> = points.iter().map(|p| p.method.clone()).collect();
        notes.extend(left_out(methods.len().saturating_sub(8), "method", "methods", "beyond the first eight by name"));
        let methods: Vec<String> = methods.into_iter().take(8).collect();
        points.retain(|p| methods.contains(&p.method));
        Ok(Calibration { points, methods, notes })
    }

    fn svg(&self, frame: &Frame) -> String {
        if self.points.is_empty() {
            return Figure::open(frame, Calibration::TITLE, "", &[], &self.notes).nothing();
        }
        let mut legend = Vec::new();
        // one method without a name needs no legend
        if self.methods.len() > 1 || self.methods[0] != NO_METHOD {
            for (method, look) in self.methods.iter().zip(LOOKS) {
                legend.push(Entry { name: method.clone(), key: Key::Both(look) });
            }
        }
        let mut figure = Figure::open(frame, Calibration::TITLE, Calibration::SUBTITLE, &legend, &self.notes);
        let (x, y) = self.axes();
        let plane = figure.plane(&x, &y, 420.0, 10.0);
        let diagonal = Look { colour: GREY, ..LOOKS[0] };
        figure.canvas.curve(&[plane.at(0.0, 0.0), plane.at(1.0, 1.0)], &line_style(&diagonal, 1.0));
        for (method, look) in self.methods.iter().zip(LOOKS) {
            let points: Vec<&Point> = self.points.iter().filter(|p| p.method == *method).collect();
            let places: Vec<(f64, f64)> = points.iter().map(|p| plane.at(p.level, p.coverage)).collect();
            for (point, (cx, _)) in points.iter().zip(&places) {
                if let Some((low, high)) = point.limits {
                    interval(&mut figure.canvas, (*cx, plane.y(low)), (*cx, plane.y(high)), look.colour, 1.2);
                }
            }
            figure.canvas.curve(&places, &line_style(&look, 1.6));
            for (point, place) in points.iter().zip(&places) {
                let shown = |x: f64| Unit::Share.show(x);
                let whole = format!("{method}: {} of {} intervals", shown(point.coverage), shown(point.level));
                figure.canvas.mark(&look, *place, 4.5, true, Some(&whole));
            }
        }
        figure.close()
    }

    fn spec(&self, frame: &Frame) -> Value {
        let (x, y) = self.axes();
        let row = |p: &Point| {
            let (lower, upper) = p.limits.unzip();
            json!({"method": p.method, "level": p.level, "coverage": p.coverage, "lower": lower, "upper": upper})
        };
        let method = json!({"field": "method", "type": "nominal", "title": "Method",
            "scale": {"domain": self.methods, "range": colours()}});
        let level = channel("level", &x.title, &x.scale, true);
        let body = json!({
            "layer": [
                {"data": {"values": [{"level": 0, "coverage": 0}, {"level": 1, "coverage": 1}]},
                 "mark": {"type": "line", "color": GREY, "strokeWidth": 1},
                 "encoding": {"x": level, "y": channel("coverage", &y.title, &y.scale, true)}},
                {"data": {"values": self.points.iter().map(row).collect::<Vec<_>>()},
                 "encoding": {"color": method},
                 "layer": [
                    {"mark": "rule", "encoding": {"x": level, "y": channel("lower", &y.title, &y.scale, true), "y2": {"field": "upper"}}},
                    {"mark": "line", "encoding": {"x": level, "y": channel("coverage", &y.title, &y.scale, true),
                        "strokeDash": {"field": "method", "type": "nominal", "legend": null}}},
                    {"mark": {"type": "point", "filled": true, "size": 60, "tooltip": {"content": "data"}},
                     "encoding": {"x": level, "y": channel("coverage", &y.title, &y.scale, true),
                        "shape": {"field": "method", "type": "nominal", "legend": null}}},
                 ]},
            ],
        });
        specification(frame, Calibration::TITLE, Calibration::SUBTITLE, &self.notes, body)
    }
}
