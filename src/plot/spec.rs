//! Frame and channels that all Vega-Lite specifications have.

use super::canvas::{GREY, GRID, INK, LOOKS};
use super::notes::Head;
use super::scale::{Axis, Unit};
use super::settings::Frame;
use serde_json::{Value, json};

/// `body` with schema, title and style. A body with one view gets the size of the frame.
pub(crate) fn specification(frame: &Frame, head: &Head, body: Value) -> Value {
    let mut lines: Vec<&str> = vec![frame.subtitle.as_deref().unwrap_or(&head.subtitle)];
    lines.extend(head.notes.iter().map(String::as_str));
    lines.retain(|line| !line.is_empty());
    let mut spec = json!({
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": {
            "text": frame.title.as_deref().unwrap_or(&head.title),
            "subtitle": lines,
            "anchor": "start",
        },
        "background": "#ffffff",
        "config": {
            "title": {"fontSize": 16, "subtitleFontSize": 12, "subtitleColor": GREY, "color": INK},
            "axis": {"gridColor": GRID, "labelColor": GREY, "titleColor": INK, "labelLimit": 180},
            "view": {"stroke": null},
            "range": {"category": colours()},
        },
    });
    let single = body.get("mark").is_some() || body.get("layer").is_some();
    if let (Some(spec), Value::Object(body)) = (spec.as_object_mut(), body) {
        if single {
            spec.insert("width".to_string(), json!(frame.width));
            spec.insert("height".to_string(), json!(frame.height.unwrap_or(420.0)));
            spec.insert("autosize".to_string(), json!({"type": "fit", "contains": "padding"}));
        }
        spec.extend(body);
    }
    spec
}

/// Colours of the looks, in their order.
pub(crate) fn colours() -> Vec<&'static str> {
    LOOKS.iter().map(|look| look.colour).collect()
}

/// Makes the marks of a view open where the estimate is below its floor; `fill` is the channel of their colour.
pub(crate) fn open_where_below(view: &mut Value, mut fill: Value, opacity: f64) {
    view["mark"]["filled"] = json!(false);
    fill["legend"] = Value::Null;
    view["encoding"]["fill"] = fill;
    view["encoding"]["fillOpacity"] = json!({"condition": {"test": "datum.below_floor", "value": 0}, "value": opacity});
}

/// A quantitative channel on this axis.
pub(crate) fn channel(field: &str, axis: &Axis) -> Value {
    let kind = if axis.scale.log { "log" } else { "linear" };
    let shown = if axis.unit == Unit::Share { json!({"format": "~%"}) } else { json!({}) };
    json!({
        "field": field,
        "type": "quantitative",
        "title": axis.title,
        "scale": {"type": kind, "domain": [axis.scale.low, axis.scale.high], "nice": false, "clamp": true},
        "axis": shown,
    })
}
