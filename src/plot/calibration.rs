//! Nominal against actual coverage of intervals.

use super::canvas::{GREY, LOOKS, Look};
use super::figure::{Entry, Figure, Key, interval, line_style};
use super::notes::{Head, left_out, named};
use super::picture::{Picture, RowsError};
use super::row::record;
use super::scale::{Axis, Scale, Unit};
use super::settings::Frame;
use super::spec::{channel, colours};
use serde_json::{Value, json};
use std::collections::BTreeSet;

record! {
    /// The coverage of intervals of a level.
    Row {
        method: Option<String>,
        level: Option<f64>,
        coverage: Option<f64>,
        lower: Option<f64>,
        upper: Option<f64>,
    }
}

const NO_METHOD: &str = "(no method)";

#[derive(Debug, Clone, PartialEq)]
struct Point {
    method: String,
    level: f64,
    coverage: f64,
    limits: Option<(f64, f64)>,
}

/// Points by method, level and coverage.
#[derive(Debug)]
pub(crate) struct Calibration {
    points: Vec<Point>,
    methods: Vec<String>,
    notes: Vec<String>,
}

impl Calibration {
    const TITLE: &'static str = "Do the intervals hold what they promise?";
    const SUBTITLE: &'static str =
        "Share of true numbers inside the interval, against its level; on the diagonal both are the same";

    /// Axes from 0 to 1, so that the diagonal goes from corner to corner.
    fn axes(&self) -> (Axis, Axis) {
        (
            Axis::new("Level of the interval", Scale::between(0.0, 1.0), Unit::Share),
            Axis::new("Coverage", Scale::between(0.0, 1.0), Unit::Share),
        )
    }
}

impl Picture for Calibration {
    type Row = Row;
    type Settings = ();

    fn read(rows: Vec<Row>, _: ()) -> Result<Calibration, RowsError> {
        let total = rows.len();
        let within = |x: &f64| (0.0..=1.0).contains(x);
        let point = |row: Row| {
            Some(Point {
                method: named(row.method.as_deref(), NO_METHOD),
                level: row.level.filter(within)?,
                coverage: row.coverage.filter(within)?,
                limits: row.lower.zip(row.upper),
            })
        };
        let mut points: Vec<Point> = rows.into_iter().filter_map(point).collect();
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

    fn head(&self) -> Head {
        Head::new(Calibration::TITLE, Calibration::SUBTITLE, &self.notes)
    }

    fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    fn draw(&self, frame: &Frame, head: Head) -> String {
        let mut legend = Vec::new();
        // one method without a name needs no legend
        if self.methods.len() > 1 || self.methods[0] != NO_METHOD {
            for (method, look) in self.methods.iter().zip(LOOKS) {
                legend.push(Entry { name: method.clone(), key: Key::Both(look) });
            }
        }
        let mut figure = Figure::open(frame, &head, &legend);
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

    fn body(&self, _: &Frame) -> Value {
        let (x, y) = self.axes();
        let row = |p: &Point| {
            let (lower, upper) = p.limits.unzip();
            json!({"method": p.method, "level": p.level, "coverage": p.coverage, "lower": lower, "upper": upper})
        };
        let method = json!({"field": "method", "type": "nominal", "title": "Method",
            "scale": {"domain": self.methods, "range": colours()}});
        let level = channel("level", &x);
        json!({
            "layer": [
                {"data": {"values": [{"level": 0, "coverage": 0}, {"level": 1, "coverage": 1}]},
                 "mark": {"type": "line", "color": GREY, "strokeWidth": 1},
                 "encoding": {"x": level, "y": channel("coverage", &y)}},
                {"data": {"values": self.points.iter().map(row).collect::<Vec<_>>()},
                 "encoding": {"color": method},
                 "layer": [
                    {"mark": "rule", "encoding": {"x": level, "y": channel("lower", &y), "y2": {"field": "upper"}}},
                    {"mark": "line", "encoding": {"x": level, "y": channel("coverage", &y),
                        "strokeDash": {"field": "method", "type": "nominal", "legend": null}}},
                    {"mark": {"type": "point", "filled": true, "size": 60, "tooltip": {"content": "data"}},
                     "encoding": {"x": level, "y": channel("coverage", &y),
                        "shape": {"field": "method", "type": "nominal", "legend": null}}},
                 ]},
            ],
        })
    }

    #[cfg(test)]
    fn label(spec: &Value, row: &Value) -> String {
        use super::tests::{colour, real, text};
        let (coverage, level) = (Unit::Share.show(real(row, "coverage")), Unit::Share.show(real(row, "level")));
        let colour = colour(spec, "/layer/1/encoding/color/scale", &row["method"]);
        format!("{}: {coverage} of {level} intervals, {colour}", text(row, "method"))
    }
}
