//! The SVG itself: shapes and texts with two decimals, so that the same picture is the same bytes.

use super::text::{clean, escape, shorten_name, width};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Fonts, the likeliest on a reader's machine first.
const FONTS: &str = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";

pub(crate) const INK: &str = "#222222";
pub(crate) const GREY: &str = "#595959";
pub(crate) const GRID: &str = "#e3e3e3";

/// Eight looks that differ in colour (Okabe and Ito), in shape and in dash: in print without colour the latter two are
/// left.
pub(crate) const LOOKS: [Look; 8] = [
    Look { colour: "#0072B2", shape: Shape::Circle, dash: "" },
    Look { colour: "#D55E00", shape: Shape::Square, dash: "7 3" },
    Look { colour: "#009E73", shape: Shape::Triangle, dash: "2 3" },
    Look { colour: "#CC79A7", shape: Shape::Diamond, dash: "9 3 2 3" },
    Look { colour: "#E69F00", shape: Shape::Down, dash: "12 4" },
    Look { colour: "#56B4E9", shape: Shape::Plus, dash: "4 2 1 2" },
    Look { colour: "#000000", shape: Shape::Cross, dash: "1 4" },
    Look { colour: "#7A7A7A", shape: Shape::Ring, dash: "5 5" },
];

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Look {
    pub colour: &'static str,
    pub shape: Shape,
    pub dash: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    Circle,
    Square,
    Triangle,
    Diamond,
    Down,
    Plus,
    Cross,
    Ring,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A rectangle, of a text above all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Rect {
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    pub(super) fn meets(&self, other: &Rect) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    pub(super) fn holds(&self, other: &Rect) -> bool {
        self.left <= other.left && self.top <= other.top && other.right <= self.right && other.bottom <= self.bottom
    }
}

/// Font and anchor of a text, whose `y` is its middle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Font {
    pub size: f64,
    pub bold: bool,
    pub colour: &'static str,
    pub anchor: Anchor,
    /// `true` for a white rim that sets it off from what is below.
    pub rim: bool,
}

impl Font {
    pub(super) const fn new(size: f64) -> Font {
        Font { size, bold: false, colour: INK, anchor: Anchor::Start, rim: false }
    }

    pub(super) const fn bold(self) -> Font {
        Font { bold: true, ..self }
    }

    pub(super) const fn colour(self, colour: &'static str) -> Font {
        Font { colour, ..self }
    }

    pub(super) const fn anchor(self, anchor: Anchor) -> Font {
        Font { anchor, ..self }
    }

    pub(super) const fn rim(self) -> Font {
        Font { rim: true, ..self }
    }

    pub(super) fn width(&self, text: &str) -> f64 {
        width(text, self.size, self.bold)
    }

    /// Bounds of a text at most.
    pub(super) fn bounds(&self, x: f64, y: f64, text: &str) -> Rect {
        let width = self.width(text);
        let left = match self.anchor {
            Anchor::Start => x,
            Anchor::Middle => x - 0.5 * width,
            Anchor::End => x - width,
        };
        Rect { left, top: y - 0.6 * self.size, right: left + width, bottom: y + 0.6 * self.size }
    }
}

/// A coordinate as it is written.
pub(crate) fn place(x: f64) -> String {
    if !x.is_finite() {
        return "0".to_string();
    }
    let text = format!("{x:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" || text.is_empty() { "0".to_string() } else { text.to_string() }
}

/// Picture that is being drawn.
#[derive(Debug, Default)]
pub(crate) struct Canvas {
    body: String,
    /// Names as they were cut, and the whole of each.
    cut: BTreeMap<String, String>,
}

impl Canvas {
    /// An element with its attributes, and a title that a browser shows under the pointer.
    fn element(&mut self, open: &str, title: Option<&str>) {
        let name = open.split(' ').next().unwrap_or_default();
        match title {
            Some(title) => {
                let _ = writeln!(self.body, "<{open}><title>{}</title></{name}>", escape(&clean(title)));
            }
            None => {
                let _ = writeln!(self.body, "<{open}/>");
            }
        }
    }

    /// Group of all that `inside` draws, with one title.
    pub(super) fn group(&mut self, title: &str, inside: impl FnOnce(&mut Canvas)) {
        let _ = writeln!(self.body, "<g><title>{}</title>", escape(&clean(title)));
        inside(self);
        self.body.push_str("</g>\n");
    }

    /// A straight line; `style` holds further attributes.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), style: &str) {
        let (x1, y1, x2, y2) = (place(from.0), place(from.1), place(to.0), place(to.1));
        self.element(&format!("line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" {style}"), None);
    }

    pub(super) fn rect(&mut self, rect: &Rect, style: &str, title: Option<&str>) {
        let (x, y, w, h) = (place(rect.left), place(rect.top), place(rect.width()), place(rect.height()));
        self.element(&format!("rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" {style}"), title);
    }

    pub(super) fn path(&mut self, steps: &str, style: &str, title: Option<&str>) {
        self.element(&format!("path d=\"{steps}\" {style}"), title);
    }

    /// A line through points.
    pub(super) fn curve(&mut self, points: &[(f64, f64)], style: &str) {
        if !points.is_empty() {
            self.path(&steps(points), &format!("fill=\"none\" {style}"), None);
        }
    }

    /// A mark around a point. Without `filled` it is open.
    pub(super) fn mark(&mut self, look: &Look, at: (f64, f64), radius: f64, filled: bool, title: Option<&str>) {
        let line = matches!(look.shape, Shape::Plus | Shape::Cross);
        // shapes without an inside carry a small ring where others are open
        let open_is_seen = filled || !(line || look.shape == Shape::Ring);
        let filled = filled && !line && look.shape != Shape::Ring;
        let fill = if filled {
            look.colour
        } else if line {
            "none"
        } else {
            "#ffffff"
        };
        let stroke = if filled { "#ffffff" } else { look.colour };
        let width = if filled { 0.6 } else { 1.5 };
        let mut steps = outline(look.shape, at, radius);
        if !open_is_seen {
            steps += &outline(Shape::Circle, at, 0.5 * radius);
        }
        self.path(&steps, &format!("fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"{width}\""), title);
    }

    /// The text as it is written into `room`: two that differ are not cut to the same.
    pub(super) fn shown(&mut self, font: Font, text: &str, room: f64) -> String {
        let whole = clean(text);
        let free = |cut: &str| self.cut.get(cut).is_none_or(|known| *known == whole);
        let shown = shorten_name(&whole, font.size, font.bold, room, free);
        if shown != whole {
            self.cut.entry(shown.clone()).or_insert(whole);
        }
        shown
    }

    /// The text, shortened to `room`; the whole of it then stands in its title. Returns its bounds.
    pub(super) fn text(&mut self, x: f64, y: f64, font: Font, text: &str, room: f64) -> Rect {
        let whole = clean(text);
        let shown = self.shown(font, text, room);
        let bounds = font.bounds(x, y, &shown);
        if shown.is_empty() {
            return bounds;
        }
        let anchor = match font.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if font.bold { " font-weight=\"bold\"" } else { "" };
        let rim = if font.rim {
            " stroke=\"#ffffff\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\""
        } else {
            ""
        };
        let title = if shown == whole { String::new() } else { format!("<title>{}</title>", escape(&whole)) };
        let _ = writeln!(
            self.body,
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{}\"{anchor}{weight}{rim}>{title}{}</text>",
            place(x),
            // capitals are 0.72 high
            place(y + 0.36 * font.size),
            place(font.size),
            font.colour,
            escape(&shown),
        );
        bounds
    }

    /// The whole document, `width` by `height` on a page of `shown_width`.
    pub(super) fn document(self, width: f64, height: f64, shown_width: f64, title: &str) -> String {
        let shown_height = height * shown_width / width;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" font-family=\"{FONTS}\">\n\
             <title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{}</svg>\n",
            place(shown_width),
            place(shown_height),
            place(width),
            place(height),
            escape(&clean(title)),
            self.body
        )
    }
}

/// A path through points.
pub(crate) fn steps(points: &[(f64, f64)]) -> String {
    let mut out = String::new();
    for (i, (x, y)) in points.iter().enumerate() {
        let _ = write!(out, "{}{} {}", if i == 0 { "M" } else { "L" }, place(*x), place(*y));
    }
    out
}

/// The outline of a mark; all have about the same area.
pub(crate) fn outline(shape: Shape, (x, y): (f64, f64), r: f64) -> String {
    let polygon = |corners: &[(f64, f64)]| {
        let corners: Vec<(f64, f64)> = corners.iter().map(|(dx, dy)| (x + dx * r, y + dy * r)).collect();
        steps(&corners) + "Z"
    };
    let stroke = |a: (f64, f64), b: (f64, f64)| steps(&[(x + a.0 * r, y + a.1 * r), (x + b.0 * r, y + b.1 * r)]);
    match shape {
        Shape::Circle | Shape::Ring => {
            let (left, d) = (place(x - r), place(2.0 * r));
            let r = place(r);
            format!("M{left} {}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0Z", place(y))
        }
        Shape::Square => polygon(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
        Shape::Triangle => polygon(&[(0.0, -1.25), (1.15, 0.8), (-1.15, 0.8)]),
        Shape::Diamond => polygon(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]),
        Shape::Down => polygon(&[(0.0, 1.25), (1.15, -0.8), (-1.15, -0.8)]),
        Shape::Plus => stroke((-1.2, 0.0), (1.2, 0.0)) + &stroke((0.0, -1.2), (0.0, 1.2)),
        Shape::Cross => stroke((-0.9, -0.9), (0.9, 0.9)) + &stroke((-0.9, 0.9), (0.9, -0.9)),
    }
}
