//! Share of experts against their number, both on logarithmic axes.
//!
//! A company of a given size lies on a rising diagonal, so the bands of size are stripes. Above 2,000 companies the
//! plane is cut into small squares, shaded by how many companies lie in each.

use super::canvas::{Anchor, GREY, LOOKS, Look, place};
use super::estimate::open_mark;
use super::figure::{Entry, Figure, Key, Labels, Plane, TICK};
use super::notes::{Head, counted, left_out, named, unnamed};
use super::picture::{Picture, RowsError};
use super::row::record;
use super::scale::{Axis, Scale, Unit, number};
use super::settings::{Frame, Top};
use super::spec::{channel, open_where_below};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Numbers of employees at which the bands begin.
const BANDS: [f64; 4] = [0.0, 100.0, 1_000.0, 10_000.0];
const BAND_NAMES: [&str; 4] = ["below 100 employees", "100 to 999", "1,000 to 9,999", "10,000 and more"];
/// Maximum number of companies with a mark each: more are drawn as squares.
const MANY: usize = 2_000;
/// Maximum number of companies whose intervals are drawn.
const WITH_INTERVALS: usize = 40;
const SQUARE: f64 = 6.0;
/// Colours of squares, and the numbers of companies at which they begin.
const SHADES: [&str; 5] = ["#c6dbef", "#8fbfe0", "#4a97c9", "#1f6cab", "#08306b"];
const SHADE_FROM: [usize; 5] = [1, 3, 10, 30, 100];

record! {
    /// The estimate of a company and its share of all employees.
    Row {
        company: Option<String>,
        estimate: Option<f64>,
        share: Option<f64>,
        lower: Option<f64>,
        upper: Option<f64>,
        below_floor: Option<bool>,
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Company {
    name: String,
    estimate: f64,
    share: f64,
    lower: Option<f64>,
    upper: Option<f64>,
    below_floor: bool,
}

impl Company {
    fn headcount(&self) -> f64 {
        self.estimate / self.share
    }

    /// Index of its band of size.
    fn band(&self) -> usize {
        // the division may be off in the last digit
        let headcount = self.headcount() * (1.0 + 1e-9);
        BANDS.iter().rposition(|from| headcount >= *from).unwrap_or(0)
    }
}

/// Companies, those with the largest estimates first.
#[derive(Debug)]
pub(crate) struct Landscape {
    companies: Vec<Company>,
    top: usize,
    notes: Vec<String>,
}

impl Landscape {
    const TITLE: &'static str = "Where the experts are";

    fn axes(&self) -> (Axis, Axis) {
        let few = self.companies.len() <= WITH_INTERVALS;
        // intervals belong into the plane, but a limit near 0 must not take the room
        let limits = move |c: &Company| {
            let limits = [c.lower.map(|x| x.max(0.2 * c.estimate)), c.upper.map(|x| x.min(5.0 * c.estimate))];
            limits.into_iter().flatten().filter(|_| few).map(|x| x / c.estimate).chain([1.0]).collect::<Vec<f64>>()
        };
        let of = |value: fn(&Company) -> f64| {
            Scale::log(self.companies.iter().flat_map(|c| limits(c).into_iter().map(move |x| x * value(c))))
        };
        let mut share = of(|c| c.share);
        if self.companies.iter().all(|c| c.share <= 1.0) {
            share.high = share.high.min(1.0);
        }
        (Axis::new("Experts", of(|c| c.estimate), Unit::Number), Axis::new("Share of employees", share, Unit::Share))
    }

    /// Draws the lines of equal size.
    fn diagonals(&self, figure: &mut Figure, plane: &Plane) {
        for size in &BANDS[1..] {
            let Some((from, to)) = diagonal(plane, *size) else { continue };
            figure.canvas.line(from, to, &format!("stroke=\"{GREY}\" stroke-width=\"0.8\" stroke-dasharray=\"1 3\""));
        }
    }

    /// Writes the names of those lines where they have room.
    fn sizes(&self, figure: &mut Figure, plane: &Plane, labels: &mut Labels) {
        for size in &BANDS[1..] {
            let Some((_, to)) = diagonal(plane, *size) else { continue };
            let text = format!("{} employees", number(*size));
            let font = TICK.rim().anchor(Anchor::End);
            let bounds = font.bounds(to.0 - 6.0, to.1 + 8.0, &text);
            if labels.claim(bounds) {
                figure.canvas.text(to.0 - 6.0, to.1 + 8.0, font, &text, f64::INFINITY);
            }
        }
    }

    /// Draws squares, shaded by how many companies lie in each.
    fn squares(&self, figure: &mut Figure, plane: &Plane, labels: &mut Labels) {
        let mut squares: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for company in &self.companies {
            let (x, y) = plane.at(company.estimate, company.share);
            let cell = (((x - plane.rect.left) / SQUARE) as usize, ((y - plane.rect.top) / SQUARE) as usize);
            *squares.entry(cell).or_default() += 1;
        }
        let mut shades = vec![String::new(); SHADES.len()];
        for ((column, row), n) in &squares {
            let left = plane.rect.left + *column as f64 * SQUARE;
            let top = plane.rect.top + *row as f64 * SQUARE;
            let shade = SHADE_FROM.iter().rposition(|from| n >= from).unwrap_or(0);
            shades[shade] += &format!("M{} {}h{SQUARE}v{SQUARE}h-{SQUARE}Z", place(left), place(top));
            labels.keep_free((left + 0.5 * SQUARE, top + 0.5 * SQUARE), 0.5 * SQUARE);
        }
        for (steps, shade) in shades.iter().zip(SHADES) {
            if !steps.is_empty() {
                figure.canvas.path(steps, &format!("fill=\"{shade}\""), None);
            }
        }
    }

    /// Draws the marks, and the intervals of few companies.
    fn marks(&self, figure: &mut Figure, plane: &Plane, labels: &mut Labels) {
        let n = self.companies.len();
        let radius = mark_size(n);
        if n <= WITH_INTERVALS {
            for company in &self.companies {
                if let (Some(lower), Some(upper)) = (company.lower, company.upper) {
                    // along the line of the company's size
                    let size = company.headcount();
                    let low = lower.max(plane.x.scale.low).max(plane.y.scale.low * size);
                    let high = upper.min(plane.x.scale.high).min(plane.y.scale.high * size);
                    let colour = LOOKS[company.band()].colour;
                    if low < high {
                        let style = format!("stroke=\"{colour}\" stroke-width=\"1.2\" stroke-opacity=\"0.55\"");
                        figure.canvas.line(plane.at(low, low / size), plane.at(high, high / size), &style);
                    }
                }
            }
        }
        // the largest last, above the others
        for company in self.companies.iter().rev() {
            let at = plane.at(company.estimate, company.share);
            labels.keep_free(at, radius);
            let whole =
                format!("{}: {} experts, {}", company.name, number(company.estimate), Unit::Share.show(company.share));
            let whole = (n <= 500).then_some(whole);
            figure.canvas.mark(&LOOKS[company.band()], at, radius, !company.below_floor, whole.as_deref());
        }
    }
}

/// Beginning and end of the line of companies of `size`; `None` where it is outside.
fn diagonal(plane: &Plane, size: f64) -> Option<((f64, f64), (f64, f64))> {
    let low = plane.x.scale.low.max(size * plane.y.scale.low);
    let high = plane.x.scale.high.min(size * plane.y.scale.high);
    (low < high).then(|| (plane.at(low, low / size), plane.at(high, high / size)))
}

fn mark_size(companies: usize) -> f64 {
    match companies {
        ..=40 => 5.0,
        41..=200 => 4.0,
        201..=600 => 3.0,
        _ => 2.2,
    }
}

impl Picture for Landscape {
    type Row = Row;
    type Settings = Top;

    fn read(rows: Vec<Row>, Top(top): Top) -> Result<Landscape, RowsError> {
        let (mut without, mut zero) = (0, 0);
        let mut companies = Vec::new();
        for row in &rows {
            match (row.estimate, row.share) {
                (Some(estimate), Some(share)) if estimate > 0.0 && share > 0.0 => companies.push(Company {
                    name: named(row.company.as_deref(), "(no company)"),
                    estimate,
                    share,
                    lower: row.lower,
                    upper: row.upper,
                    below_floor: row.below_floor == Some(true),
                }),
                (Some(_), Some(_)) => zero += 1,
                _ => without += 1,
            }
        }
        companies.sort_by(|a, b| {
            let descending = |of: fn(&Company) -> f64| of(b).total_cmp(&of(a));
            descending(|c| c.estimate)
                .then_with(|| descending(|c| c.share))
                .then_with(|| a.name.cmp(&b.name))
                .then_with(|| (a.lower, a.upper).partial_cmp(&(b.lower, b.upper)).unwrap_or(std::cmp::Ordering::Equal))
                .then_with(|| a.below_floor.cmp(&b.below_floor))
        });
        let mut notes = Vec::new();
        notes.extend(left_out(without, "row", "rows", "without an estimate or a share"));
        notes.extend(left_out(
            zero,
            "company",
            "companies",
            "with an estimate of zero or less, which has no place on a logarithmic axis,",
        ));
        let over = companies.iter().filter(|c| c.share > 1.0).count();
        if over > 0 {
            let have = if over == 1 { "has" } else { "have" };
            let companies = counted(over, "company", "companies");
            notes.push(format!("{companies} {have} a share above 100 %: more experts than employees."));
        }
        let n = companies.len();
        if n > top {
            notes.push(format!("Names are given to at most {} of the companies, the largest that have room.", top));
        }
        Ok(Landscape { companies, top, notes })
    }

    fn head(&self) -> Head {
        let companies = counted(self.companies.len(), "company", "companies");
        Head::new(Landscape::TITLE, &format!("Experts and their share of all employees, {companies}"), &self.notes)
    }

    fn is_empty(&self) -> bool {
        self.companies.is_empty()
    }

    fn draw(&self, frame: &Frame, head: Head) -> String {
        let many = self.companies.len() > MANY;
        let mut legend: Vec<Entry> = if many {
            let name = |i: usize| match SHADE_FROM.get(i + 1) {
                Some(next) => format!("{} to {} companies", SHADE_FROM[i], next - 1),
                None => format!("{} and more", SHADE_FROM[i]),
            };
            let entry = |i| Entry { name: name(i), key: Key::Fill(SHADES[i].to_string(), GREY) };
            (0..SHADES.len()).map(entry).collect()
        } else {
            let entry = |i: usize| Entry { name: BAND_NAMES[i].to_string(), key: Key::Mark(LOOKS[i], true) };
            (0..BANDS.len()).map(entry).collect()
        };
        if self.companies.iter().take(if many { self.top } else { MANY }).any(|c| c.below_floor) {
            legend.push(open_mark());
        }
        let mut figure = Figure::open(frame, &head, &legend);
        let (x, y) = self.axes();
        let plane = figure.plane(&x, &y, 460.0, 8.0);
        let mut labels = Labels::new(plane.rect);
        if many {
            self.squares(&mut figure, &plane, &mut labels);
            self.diagonals(&mut figure, &plane);
        } else {
            self.diagonals(&mut figure, &plane);
            self.marks(&mut figure, &plane, &mut labels);
        }
        self.sizes(&mut figure, &plane, &mut labels);
        let radius = if many { 3.5 } else { mark_size(self.companies.len()) };
        let tried = &self.companies[..self.companies.len().min(self.top)];
        // among many companies lines to names would cross the marks of others
        let far = if self.companies.len() <= 60 { 15 } else { 5 };
        let mut named = 0;
        for (i, company) in tried.iter().enumerate() {
            let at = plane.at(company.estimate, company.share);
            let placed = labels.place(&mut figure.canvas, at, radius, &company.name, i < far);
            named += usize::from(placed);
            if placed && many {
                let look = Look { colour: LOOKS[1].colour, ..LOOKS[company.band()] };
                figure.canvas.mark(&look, at, radius, !company.below_floor, Some(&company.name));
            }
        }
        if let Some(head) =
            figure.note(unnamed(self.companies.len() - named, "company", "companies").filter(|_| !many), &head)
        {
            return self.draw(frame, head);
        }
        figure.close()
    }

    fn body(&self, _: &Frame) -> Value {
        let (x, y) = self.axes();
        let floors = self.companies.iter().any(|c| c.below_floor);
        let row = |c: &Company| {
            let mut row = json!({"company": c.name, "estimate": c.estimate, "share": c.share, "lower": c.lower,
                   "upper": c.upper, "size": BAND_NAMES[c.band()]});
            if floors {
                row["below_floor"] = json!(c.below_floor);
            }
            row
        };
        let many = self.companies.len() > 500;
        let size = json!({"field": "size", "type": "nominal", "title": "Size",
            "scale": {"domain": BAND_NAMES, "range": LOOKS[..4].iter().map(|l| l.colour).collect::<Vec<_>>()}});
        let shape = json!({"field": "size", "type": "nominal", "title": "Size",
            "scale": {"domain": BAND_NAMES, "range": ["circle", "square", "triangle-up", "diamond"]}});
        let opacity = if many { 0.4 } else { 0.9 };
        let mut spec = json!({
            "data": {"values": self.companies.iter().map(row).collect::<Vec<_>>()},
            "mark": {"type": "point", "filled": true, "tooltip": {"content": "data"},
                "size": if many { 20 } else { 60 }, "opacity": opacity},
            "encoding": {
                "x": channel("estimate", &x),
                "y": channel("share", &y),
                "color": size,
                "shape": shape,
            },
        });
        if floors {
            let fill = spec["encoding"]["color"].clone();
            open_where_below(&mut spec, fill, opacity);
        }
        spec
    }

    #[cfg(test)]
    fn label(_: &Value, row: &Value) -> String {
        use super::tests::{real, text};
        format!(
            "{}: {} experts, {}, open: {}",
            text(row, "company"),
            number(real(row, "estimate")),
            Unit::Share.show(real(row, "share")),
            row["below_floor"] == true
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_begin_at_their_numbers() {
        for (headcount, band) in [(99.0, 0), (100.0, 1), (999.0, 1), (1_000.0, 2), (10_000.0, 3), (1e6, 3)] {
            let estimate = 7.3;
            let company = Company {
                name: String::new(),
                estimate,
                share: estimate / headcount,
                lower: None,
                upper: None,
                below_floor: false,
            };
            assert_eq!(company.band(), band, "{headcount}");
        }
    }
}
