//! The frame that all pictures share: title, subtitle and legend above, axes around, notes below, and labels that find
//! a free place.

use super::canvas::{Anchor, Canvas, Font, GREY, GRID, Look, Rect};
use super::notes::Head;
use super::scale::{Axis, Unit};
use super::settings::Frame;
use super::text::{clean, wrap};

pub(crate) const MARGIN: f64 = 14.0;
pub(crate) const TITLE: Font = Font::new(16.0).bold();
pub(crate) const SUBTITLE: Font = Font::new(12.0).colour(GREY);
pub(crate) const NAME: Font = Font::new(11.0);
pub(crate) const TICK: Font = Font::new(10.5).colour(GREY);
pub(crate) const NOTE: Font = Font::new(10.5).colour(GREY);
const LABEL: Font = Font::new(10.5).rim();

/// An entry of the legend.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub name: String,
    pub key: Key,
}

/// Mark of an entry of the legend.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    Mark(Look, bool),
    /// A line with its dash.
    Line(Look),
    /// A mark on a line.
    Both(Look),
    /// A filled square with a border.
    Fill(String, &'static str),
}

/// The plane between two axes.
#[derive(Debug)]
pub(crate) struct Plane<'a> {
    pub rect: Rect,
    pub x: &'a Axis,
    pub y: &'a Axis,
}

impl Plane<'_> {
    pub(super) fn x(&self, x: f64) -> f64 {
        self.rect.left + self.x.scale.at(x) * self.rect.width()
    }

    pub(super) fn y(&self, y: f64) -> f64 {
        self.rect.bottom - self.y.scale.at(y) * self.rect.height()
    }

    pub(super) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x(x), self.y(y))
    }
}

/// A picture whose head is drawn; the rest goes below it.
#[derive(Debug)]
pub(crate) struct Figure {
    pub canvas: Canvas,
    /// The inner width: all places are in it.
    pub width: f64,
    shown_width: f64,
    /// Beginning of what is drawn next.
    pub top: f64,
    bottom: f64,
    height: Option<f64>,
    title: String,
    notes: Vec<String>,
    reserved: usize,
}

impl Figure {
    /// Draws title, subtitle and legend, of the frame where it has its own.
    pub(super) fn open(frame: &Frame, head: &Head, legend: &[Entry]) -> Figure {
        Figure::open_wide(frame, frame.width, head, legend)
    }

    /// [`Figure::open`] with an inner width other than that of the frame: the picture is shown smaller.
    pub(super) fn open_wide(frame: &Frame, width: f64, head: &Head, legend: &[Entry]) -> Figure {
        let title = clean(frame.title.as_deref().unwrap_or(&head.title));
        let subtitle = frame.subtitle.as_deref().unwrap_or(&head.subtitle);
        let room = width - 2.0 * MARGIN;
        let notes = head.notes.iter().flat_map(|note| lines(note, room)).collect();
        let height = frame.height.map(|height| height * width / frame.width);
        let canvas = Canvas::default();
        let mut figure = Figure {
            canvas,
            width,
            shown_width: frame.width,
            top: 10.0,
            bottom: 0.0,
            height,
            title,
            notes,
            reserved: head.reserved,
        };
        let title = figure.title.clone();
        // an empty text means none
        let lines = if given(frame.title.as_deref()) { 3 } else { 0 };
        for line in wrap(&title, TITLE.size, true, room, lines) {
            figure.canvas.text(MARGIN, figure.top + 11.0, TITLE, &line, room);
            figure.top += 21.0;
        }
        if !subtitle.trim().is_empty() {
            for line in wrap(&clean(subtitle), SUBTITLE.size, false, room, 4) {
                figure.canvas.text(MARGIN, figure.top + 9.0, SUBTITLE, &line, room);
                figure.top += 16.0;
            }
        }
        figure.top += 6.0;
        figure.legend(legend);
        figure
    }

    fn legend(&mut self, entries: &[Entry]) {
        if entries.is_empty() {
            return;
        }
        let room = self.width - 2.0 * MARGIN;
        let (mut x, mut y) = (MARGIN, self.top + 9.0);
        for entry in entries {
            let key = if matches!(entry.key, Key::Line(_) | Key::Both(_)) { 36.0 } else { 18.0 };
            let name = self.canvas.shown(NAME, &entry.name, (room - key).min(420.0));
            let needed = key + NAME.width(&name) + 16.0;
            if x > MARGIN && x + needed - 16.0 > MARGIN + room {
                x = MARGIN;
                y += 18.0;
            }
            match &entry.key {
                Key::Mark(look, filled) => self.canvas.mark(look, (x + 7.0, y), 4.5, *filled, None),
                Key::Line(look) => self.canvas.curve(&[(x, y), (x + 28.0, y)], &line_style(look, 2.0)),
                Key::Both(look) => {
                    self.canvas.curve(&[(x, y), (x + 28.0, y)], &line_style(look, 1.6));
                    self.canvas.mark(look, (x + 14.0, y), 4.5, true, None);
                }
                Key::Fill(colour, border) => {
                    let rect = Rect { left: x, top: y - 6.0, right: x + 13.0, bottom: y + 6.0 };
                    self.canvas.rect(&rect, &format!("fill=\"{colour}\" stroke=\"{border}\""), None);
                }
            }
            self.canvas.text(x + key, y, NAME, &entry.name, (room - key).min(420.0));
            x += needed;
        }
        self.top = y + 18.0;
    }

    /// Takes the height of the body, `natural` where the caller has not said how high the picture is; `above` and
    /// `below` are for the axes. Returns its top and its bottom without those.
    pub(super) fn body(&mut self, natural: f64, above: f64, below: f64) -> (f64, f64) {
        let foot = 14.0 * (self.notes.len() + self.reserved) as f64 + 12.0;
        let body = match self.height {
            // texts need what they need
            Some(height) => (height - self.top - above - below - foot).max(60.0),
            None => natural,
        };
        let top = self.top + above;
        self.bottom = top + body + below;
        (top, top + body)
    }

    /// [`Figure::body`] without axes, at least `least` high.
    pub(super) fn body_of(&mut self, natural: f64, least: f64) -> (f64, f64) {
        let (top, bottom) = self.body(natural, 0.0, 0.0);
        self.bottom = bottom.max(top + least);
        (top, self.bottom)
    }

    /// Draws the axes and their grid. `right` is kept free beside the plane.
    pub(super) fn plane<'a>(&mut self, x: &'a Axis, y: &'a Axis, natural: f64, right: f64) -> Plane<'a> {
        let (top, bottom) = self.body(natural, 24.0, 44.0);
        let y_ticks = y.scale.ticks(((bottom - top) / 45.0) as usize);
        let widest = y_ticks.iter().map(|tick| TICK.width(&y.unit.show(*tick))).fold(0.0, f64::max);
        let room = self.width - 2.0 * MARGIN;
        self.canvas.text(MARGIN, top - 16.0, NAME.bold(), &y.heading(), room);
        let rect =
            Rect { left: MARGIN + widest.min(0.4 * room) + 8.0, top, right: self.width - MARGIN - right, bottom };
        let plane = Plane { rect, x, y };
        let mut last = f64::INFINITY;
        for tick in y_ticks {
            let at = plane.y(tick);
            self.canvas.line((rect.left, at), (rect.right, at), &format!("stroke=\"{GRID}\""));
            if at + 7.0 <= last {
                self.canvas.text(rect.left - 6.0, at, TICK.anchor(Anchor::End), &y.unit.show(tick), widest.max(1.0));
                last = at - 7.0;
            }
        }
        self.x_axis(x, rect);
        plane
    }

    /// Ticks below `rect`, lines through it, and the axis title.
    pub(super) fn x_axis(&mut self, x: &Axis, rect: Rect) {
        let mut ticks = x.scale.ticks((rect.width() / 75.0) as usize);
        ticks.retain(|tick| x.unit != Unit::Whole || tick.fract() == 0.0);
        let mut last = f64::NEG_INFINITY;
        for tick in ticks {
            let at = rect.left + x.scale.at(tick) * rect.width();
            self.canvas.line((at, rect.top), (at, rect.bottom), &format!("stroke=\"{GRID}\""));
            let text = x.unit.show(tick);
            let font = TICK.anchor(Anchor::Middle);
            let half = 0.5 * font.width(&text);
            // at the edge of the picture a tick's number moves inwards
            let middle = at.max(MARGIN + half).min(self.width - MARGIN - half);
            if middle - half >= last + 6.0 {
                self.canvas.text(middle, rect.bottom + 15.0, font, &text, f64::INFINITY);
                last = middle + half;
            }
        }
        self.canvas.line((rect.left, rect.bottom), (rect.right, rect.bottom), &format!("stroke=\"{GREY}\""));
        let font = NAME.bold().anchor(Anchor::End);
        self.canvas.text(rect.right, rect.bottom + 32.0, font, &x.heading(), rect.right - MARGIN);
    }

    /// The sentence of an empty picture instead of a body.
    pub(super) fn nothing(mut self) -> String {
        let (top, bottom) = self.body(120.0, 0.0, 0.0);
        let rect = Rect { left: MARGIN, top, right: self.width - MARGIN, bottom };
        self.canvas.rect(&rect, "fill=\"#f6f6f6\"", None);
        let font = Font::new(13.0).colour(GREY).anchor(Anchor::Middle);
        self.canvas.text(0.5 * self.width, 0.5 * (top + bottom), font, "Nothing to show", rect.width());
        self.close()
    }

    /// Adds a sentence to the notes: what is known only when the marks are drawn. Where the picture has a given height,
    /// which has no room for it, the head of one that has.
    pub(super) fn note(&mut self, sentence: Option<String>, head: &Head) -> Option<Head> {
        let room = self.width - 2.0 * MARGIN;
        let lines: Vec<String> = sentence.iter().flat_map(|note| lines(note, room)).collect();
        let needed = lines.len();
        self.notes.extend(lines);
        (self.height.is_some() && needed > self.reserved).then(|| Head { reserved: needed, ..head.clone() })
    }

    /// Writes the notes and returns the document.
    pub(super) fn close(mut self) -> String {
        let mut y = self.bottom + 8.0;
        for note in std::mem::take(&mut self.notes) {
            self.canvas.text(MARGIN, y + 4.0, NOTE, &note, self.width - 2.0 * MARGIN);
            y += 14.0;
        }
        let height = (y + 4.0).max(self.height.unwrap_or(0.0));
        self.canvas.document(self.width, height, self.shown_width, &self.title)
    }
}

/// Lines of a note.
fn lines(note: &str, room: f64) -> Vec<String> {
    wrap(&clean(note), NOTE.size, false, room, 4)
}

/// `true` unless the text is empty, which means none.
fn given(text: Option<&str>) -> bool {
    text.is_none_or(|text| !text.trim().is_empty())
}

/// Attributes of a line of this look.
pub(crate) fn line_style(look: &Look, width: f64) -> String {
    let dash = if look.dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{}\"", look.dash) };
    format!("stroke=\"{}\" stroke-width=\"{width}\"{dash}", look.colour)
}

/// Labels beside points, none over another nor over a point.
#[derive(Debug)]
pub(crate) struct Labels {
    bounds: Rect,
    taken: Vec<Rect>,
}

impl Labels {
    /// Labels within `bounds`.
    pub(super) fn new(bounds: Rect) -> Labels {
        Labels { bounds, taken: Vec::new() }
    }

    /// Keeps a mark free of text.
    pub(super) fn keep_free(&mut self, at: (f64, f64), radius: f64) {
        let (x, y) = at;
        self.taken.push(Rect { left: x - radius, top: y - radius, right: x + radius, bottom: y + radius });
    }

    /// Keeps a line, upright or level, free of text.
    pub(super) fn keep_line_free(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.taken.push(Rect {
            left: from.0.min(to.0) - 1.5,
            top: from.1.min(to.1) - 1.5,
            right: from.0.max(to.0) + 1.5,
            bottom: from.1.max(to.1) + 1.5,
        });
    }

    /// Takes the rectangle; `false` where it is not free.
    pub(super) fn claim(&mut self, rect: Rect) -> bool {
        let free = self.bounds.holds(&rect) && !self.taken.iter().any(|taken| taken.meets(&rect));
        if free {
            self.taken.push(rect);
        }
        free
    }

    /// Writes the text over what is drawn at a place or near it, on a ground of its own; `false` where there is no room.
    pub(super) fn place_upon(&mut self, canvas: &mut Canvas, at: (f64, f64), text: &str) -> bool {
        let font = Font { rim: false, ..LABEL.bold().anchor(Anchor::Middle) };
        let shown = canvas.shown(font, text, 150.0);
        for step in [0.0, -15.0, 15.0, -30.0, 30.0] {
            let bounds = font.bounds(at.0, at.1 + step, &shown);
            let ground = Rect { left: bounds.left - 2.0, right: bounds.right + 2.0, ..bounds };
            if self.claim(ground) {
                canvas.rect(&ground, "fill=\"#ffffff\" fill-opacity=\"0.82\" rx=\"2\"", None);
                canvas.text(at.0, at.1 + step, font, text, 150.0);
                return true;
            }
        }
        false
    }

    /// Writes the text beside a mark that has been kept free, with `far` also at some distance with a line to the mark;
    /// `false` where there is no room.
    pub(super) fn place(&mut self, canvas: &mut Canvas, at: (f64, f64), radius: f64, text: &str, far: bool) -> bool {
        let shown = canvas.shown(LABEL, text, 150.0);
        let rings: &[f64] = if far { &[0.0, 12.0, 24.0, 40.0, 60.0, 85.0] } else { &[0.0] };
        for ring in rings {
            let r = radius + ring;
            let (beside, high) = (r + 3.0, r + 0.6 * LABEL.size + 0.5);
            for (dx, dy, anchor) in [
                // beside, above and below, then the corners
                (beside, 0.0, Anchor::Start),
                (-beside, 0.0, Anchor::End),
                (0.0, -high, Anchor::Middle),
                (0.0, high, Anchor::Middle),
                (0.7 * r, -0.7 * high, Anchor::Start),
                (0.7 * r, 0.7 * high, Anchor::Start),
                (-0.7 * r, -0.7 * high, Anchor::End),
                (-0.7 * r, 0.7 * high, Anchor::End),
            ] {
                let font = LABEL.anchor(anchor);
                let bounds = font.bounds(at.0 + dx, at.1 + dy, &shown);
                if !self.bounds.holds(&bounds) || self.taken.iter().any(|taken| taken.meets(&bounds)) {
                    continue;
                }
                if *ring > 0.0 {
                    let near = (at.0.clamp(bounds.left, bounds.right), at.1.clamp(bounds.top, bounds.bottom));
                    canvas.line(at, near, &format!("stroke=\"{GREY}\" stroke-width=\"0.7\""));
                }
                canvas.text(at.0 + dx, at.1 + dy, font, text, 150.0);
                self.taken.push(bounds);
                return true;
            }
        }
        false
    }
}

/// A vertical or horizontal interval with caps.
pub(crate) fn interval(canvas: &mut Canvas, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
    let style = format!("stroke=\"{colour}\" stroke-width=\"{width}\"");
    canvas.line(from, to, &style);
    let upright = (from.0 - to.0).abs() < (from.1 - to.1).abs();
    for (x, y) in [from, to] {
        let (a, b) = if upright { ((x - 3.0, y), (x + 3.0, y)) } else { ((x, y - 3.0), (x, y + 3.0)) };
        canvas.line(a, b, &style);
    }
}
