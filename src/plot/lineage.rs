//! The graph of which table is made from which, in layers from left to right (Sugiyama, Tagawa and Toda 1981).
//!
//! Edges that close a cycle are turned around for the layout. A table stands in the layer behind the last of those it
//! is made from; an edge over several layers gets a place in each of them, so that curves run only in the gaps between
//! layers and none crosses a box. Within a layer tables are ordered by the mean place of their neighbours, in sweeps to
//! both sides; then each is moved as near to that mean as the distances between boxes allow (least squares: pooled
//! adjacent violators).

use super::canvas::{Anchor, Canvas, Font, GREY, Rect, place, steps};
use super::figure::{Entry, Figure, Key, MARGIN};
use super::notes::{Head, counted, left_out, named};
use super::picture::{Picture, RowsError};
use super::row::record;
use super::settings::Frame;
use super::text::{fitting, shorten_name, width};
use crate::interrupt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Maximum number of tables.
const MOST: usize = 400;
const NAME: Font = Font::new(10.5).anchor(Anchor::Middle);
const PADDING: f64 = 7.0;
const LINE: f64 = 13.0;
/// Minimum distance of layers.
const GAP: f64 = 42.0;
/// Maximum widths of boxes, where there is room and where there is little.
const WIDEST: f64 = 150.0;
const NARROWEST: f64 = 92.0;
const SWEEPS: usize = 12;
/// Maximum number of arrows.
const ARROWS: usize = 4_000;
/// Maximum number of steps from a layer to the next of all arrows together.
const CROSSED: usize = 20_000;

/// An edge, and its ends in the layout.
type Turned = ((usize, usize), (usize, usize));

record! {
    /// An arrow from a table to one that is made from it. A table that is made from none has no source.
    Row {
        source: Option<String>,
        target: Option<String>,
        kind: Option<String>,
    }
}

/// Tables and arrows between them.
#[derive(Debug)]
pub(crate) struct Lineage {
    /// Names, in their order.
    tables: Vec<String>,
    /// Kinds of each arrow by source and target; no loops.
    edges: BTreeMap<(usize, usize), BTreeSet<String>>,
    loops: usize,
    notes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Role {
    Input,
    Step,
    Result,
}

/// Roles with their names, fills, borders and widths of borders.
const ROLES: [(Role, &str, &str, &str, f64); 3] = [
    (Role::Input, "input", "#fdf1da", "#b97a00", 1.0),
    (Role::Step, "made and used", "#eaf2f9", "#0072B2", 1.0),
    (Role::Result, "result", "#ffffff", "#000000", 2.0),
];

/// A box, or the place of a long edge in a layer between its ends.
#[derive(Debug, Clone)]
struct Place {
    table: Option<usize>,
    layer: usize,
    /// Middle of its height.
    y: f64,
    height: f64,
    before: Vec<usize>,
    after: Vec<usize>,
}

#[derive(Debug)]
struct Layout {
    places: Vec<Place>,
    /// Places by layer, from top to bottom.
    layers: Vec<Vec<usize>>,
    /// Edges with their places from left to right; `true` where one was turned around.
    paths: Vec<((usize, usize), Vec<usize>, bool)>,
}

impl Lineage {
    const TITLE: &'static str = "Lineage of tables";

    fn role(&self, table: usize) -> Role {
        let from = self.edges.keys().any(|(source, _)| *source == table);
        let to = self.edges.keys().any(|(_, target)| *target == table);
        match (to, from) {
            (false, true) => Role::Input,
            (true, true) => Role::Step,
            (_, false) => Role::Result,
        }
    }

    /// The edges that close a cycle: those that lead back to a table whose descendants are being looked at.
    fn closing(&self) -> BTreeSet<(usize, usize)> {
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); self.tables.len()];
        let mut made = vec![false; self.tables.len()];
        for (source, target) in self.edges.keys() {
            after[*source].push(*target);
            made[*target] = true;
        }
        let mut closing = BTreeSet::new();
        // 0: not seen, 1: open, 2: done
        let mut state = vec![0u8; self.tables.len()];
        let inputs = (0..self.tables.len()).filter(|table| !made[*table]);
        for start in inputs.chain(0..self.tables.len()).collect::<Vec<_>>() {
            if state[start] > 0 {
                continue;
            }
            let mut open = vec![(start, 0)];
            state[start] = 1;
            while let Some((table, next)) = open.last_mut() {
                let table = *table;
                match after[table].get(*next).copied() {
                    Some(target) => {
                        *next += 1;
                        match state[target] {
                            0 => {
                                state[target] = 1;
                                open.push((target, 0));
                            }
                            1 => {
                                closing.insert((table, target));
                            }
                            _ => {}
                        }
                    }
                    None => {
                        state[table] = 2;
                        open.pop();
                    }
                }
            }
        }
        closing
    }

    /// The picture with layers from top to bottom. `room` is what a name may take.
    fn draw_down(&self, frame: &Frame, head: Head, layout: &Layout, room: impl Fn(usize) -> f64) -> String {
        let rows = |table: usize| lines(&self.tables[table], room(table));
        let high = |table: usize| LINE * rows(table).len() as f64 + 9.0;
        let deepest =
            |layer: &Vec<usize>| layer.iter().filter_map(|at| layout.places[*at].table).map(high).fold(0.0, f64::max);
        let depths: Vec<f64> = layout.layers.iter().map(deepest).collect();
        let inner = (layout.height() + 2.0 * MARGIN).ceil().max(frame.width);
        let mut figure = self.open(frame, head, inner);
        let gaps = GAP * (depths.len() - 1) as f64;
        let high = depths.iter().sum::<f64>() + gaps + 12.0;
        let (top, _) = figure.body_of(high, high);
        let starts = starts(top + 6.0, &depths, GAP);
        let sheet = Sheet { layout, starts, depths, shift: 0.5 * (inner - layout.height()), down: true };
        self.draw_on(&mut figure.canvas, &sheet, rows);
        figure.close()
    }

    /// The head of the picture, with notes on how it is drawn.
    fn open(&self, frame: &Frame, mut head: Head, inner: f64) -> Figure {
        let notes = &mut head.notes;
        match self.closing().len() {
            0 => {}
            1 => notes.push("The dashed arrow closes a cycle.".to_string()),
            _ => notes.push("Dashed arrows close cycles.".to_string()),
        }
        if inner > frame.width {
            notes.push(format!("The graph is {inner} pixels wide: with width := {inner} the names are of usual size."));
        }
        let present = |role: &Role| (0..self.tables.len()).any(|table| self.role(table) == *role);
        let entry =
            |name: &str, fill: &str, stroke| Entry { name: name.to_string(), key: Key::Fill(fill.to_string(), stroke) };
        let legend: Vec<Entry> = ROLES
            .iter()
            .filter(|(role, ..)| present(role))
            .map(|(_, name, fill, stroke, _)| entry(name, fill, stroke))
            .collect();
        Figure::open_wide(frame, inner, &head, &legend)
    }

    /// Draws arrows and boxes; `rows` are the lines of a table's name.
    fn draw_on(&self, canvas: &mut Canvas, sheet: &Sheet, rows: impl Fn(usize) -> Vec<String>) {
        for ((source, target), path, turned) in &sheet.layout.paths {
            let mut curve = String::new();
            let last = path.len() - 2;
            for (i, pair) in path.windows(2).enumerate() {
                let (from, to) = (sheet.side(pair[0], true), sheet.side(pair[1], false));
                // the line ends where the arrow begins
                let from = if *turned && i == 0 { (from.0 + 6.0, from.1) } else { from };
                let to = if !*turned && i == last { (to.0 - 6.0, to.1) } else { to };
                let middle = 0.5 * (from.0 + to.0);
                let point = |at| {
                    let (x, y) = sheet.point(at);
                    format!("{} {}", place(x), place(y))
                };
                curve += &format!("{}{}", if i == 0 { "M" } else { "L" }, point(from));
                curve += &format!("C{} {} {}", point((middle, from.1)), point((middle, to.1)), point(to));
            }
            let kinds =
                self.edges.get(&(*source, *target)).map(|kinds| kinds.iter().cloned().collect::<Vec<_>>().join(", "));
            let kinds = kinds.filter(|kinds| !kinds.is_empty()).map_or(String::new(), |kinds| format!(" ({kinds})"));
            let title = format!("{} to {}{kinds}", self.tables[*source], self.tables[*target]);
            let dash = if *turned { " stroke-dasharray=\"5 3\"" } else { "" };
            let style = format!("fill=\"none\" stroke=\"{GREY}\" stroke-width=\"1.1\"{dash}");
            canvas.path(&curve, &style, Some(&title));
            let (tip, towards) = if *turned {
                (sheet.side(path[0], true), -1.0)
            } else {
                (sheet.side(path[path.len() - 1], false), 1.0)
            };
            let back = tip.0 - 7.0 * towards;
            let corners = [tip, (back, tip.1 - 3.2), (back, tip.1 + 3.2)].map(|at| sheet.point(at));
            canvas.path(&(steps(&corners) + "Z"), &format!("fill=\"{GREY}\""), None);
        }
        for (table, name) in self.tables.iter().enumerate() {
            let rect = sheet.rect(table);
            let role = self.role(table);
            let (fill, stroke, thick) = ROLES
                .iter()
                .find(|(known, ..)| *known == role)
                .map_or(("#ffffff", "#000000", 1.0), |(_, _, fill, stroke, thick)| (*fill, *stroke, *thick));
            let texts = rows(table);
            canvas.group(name, |canvas| {
                let style = format!("fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"{thick}\" rx=\"3\"");
                canvas.rect(&rect, &style, None);
                let (x, y) = (0.5 * (rect.left + rect.right), 0.5 * (rect.top + rect.bottom));
                for (i, text) in texts.iter().enumerate() {
                    let y = y + (i as f64 - 0.5 * (texts.len() - 1) as f64) * LINE;
                    canvas.text(x, y, NAME, text, f64::INFINITY);
                }
            });
        }
    }

    /// The layer of each table, from its edges with those that close a cycle turned around.
    fn layers(&self, edges: &[Turned]) -> Vec<usize> {
        let n = self.tables.len();
        // the longest way from an input
        let mut layer = vec![0usize; n];
        let mut waiting = vec![0usize; n];
        for (_, (_, to)) in edges {
            waiting[*to] += 1;
        }
        let mut ready: Vec<usize> = (0..n).filter(|table| waiting[*table] == 0).collect();
        while let Some(table) = ready.pop() {
            for (_, (from, to)) in edges {
                if *from == table {
                    layer[*to] = layer[*to].max(layer[table] + 1);
                    waiting[*to] -= 1;
                    if waiting[*to] == 0 {
                        ready.push(*to);
                    }
                }
            }
        }
        // inputs stand next to where they are used first
        for table in 0..n {
            let made = edges.iter().any(|(_, (_, to))| *to == table);
            let used = edges.iter().filter(|(_, (from, _))| *from == table).map(|(_, (_, to))| layer[*to]).min();
            if let (false, Some(used)) = (made, used) {
                layer[table] = used - 1;
            }
        }
        layer
    }

    /// All edges, each with its ends as the layout has them: those that close a cycle are turned around.
    fn turned(&self, closing: &BTreeSet<(usize, usize)>) -> Vec<Turned> {
        let turned = |edge: &(usize, usize)| if closing.contains(edge) { (edge.1, edge.0) } else { *edge };
        self.edges.keys().map(|edge| (*edge, turned(edge))).collect()
    }

    /// Drops the arrows over the most layers where there are more than can be told apart, and says so in a note.
    fn drop_arrows(&mut self) {
        let edges = self.turned(&self.closing());
        let layer = self.layers(&edges);
        let mut spans: Vec<(usize, (usize, usize))> =
            edges.iter().map(|(edge, (from, to))| (layer[*to] - layer[*from], *edge)).collect();
        spans.sort_unstable();
        let mut crossed = 0;
        let kept = spans.iter().take(ARROWS).take_while(|(span, _)| {
            crossed += span;
            crossed <= CROSSED
        });
        let kept = kept.count();
        self.notes.extend(left_out(spans.len() - kept, "more arrow", "more arrows", "over more layers"));
        for (_, edge) in &spans[kept..] {
            self.edges.remove(edge);
        }
    }

    /// Layers, places and paths of tables with these heights.
    fn layout(&self, height: impl Fn(usize) -> f64) -> Layout {
        let n = self.tables.len();
        let closing = self.closing();
        let edges = self.turned(&closing);
        let layer = self.layers(&edges);
        let place_of = |table| Place {
            table: Some(table),
            layer: layer[table],
            y: 0.0,
            height: height(table),
            before: Vec::new(),
            after: Vec::new(),
        };
        let mut places: Vec<Place> = (0..n).map(place_of).collect();
        let mut paths = Vec::new();
        for (edge, (from, to)) in edges {
            let mut path = vec![from];
            for between in layer[from] + 1..layer[to] {
                places.push(Place {
                    table: None,
                    layer: between,
                    y: 0.0,
                    height: 2.0,
                    before: Vec::new(),
                    after: Vec::new(),
                });
                path.push(places.len() - 1);
            }
            path.push(to);
            for pair in path.windows(2) {
                places[pair[0]].after.push(pair[1]);
                places[pair[1]].before.push(pair[0]);
            }
            paths.push((edge, path, closing.contains(&edge)));
        }
        let depth = places.iter().map(|place| place.layer + 1).max().unwrap_or(0);
        let mut layers: Vec<Vec<usize>> = vec![Vec::new(); depth];
        for (at, place) in places.iter().enumerate() {
            layers[place.layer].push(at);
        }
        let mut layout = Layout { places, layers, paths };
        layout.order();
        layout.align();
        layout
    }
}

impl Layout {
    /// Orders the layers by the mean place of the neighbours.
    fn order(&mut self) {
        let mut rank = vec![0.0; self.places.len()];
        for layer in &self.layers {
            for (i, at) in layer.iter().enumerate() {
                rank[*at] = i as f64 / layer.len() as f64;
            }
        }
        for sweep in 0..SWEEPS {
            let order: Vec<usize> =
                if sweep % 2 == 0 { (0..self.layers.len()).collect() } else { (0..self.layers.len()).rev().collect() };
            for layer in order {
                interrupt::check();
                let mean = |at: usize| {
                    let place = &self.places[at];
                    let near = if sweep % 2 == 0 { &place.before } else { &place.after };
                    if near.is_empty() {
                        return rank[at];
                    }
                    near.iter().map(|other| rank[*other]).sum::<f64>() / near.len() as f64
                };
                let mut means: Vec<(f64, f64, usize)> =
                    self.layers[layer].iter().map(|at| (mean(*at), rank[*at], *at)).collect();
                means.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
                let n = means.len() as f64;
                for (i, (_, _, at)) in means.iter().enumerate() {
                    rank[*at] = (i as f64 + 0.5) / n;
                }
                self.layers[layer] = means.into_iter().map(|(_, _, at)| at).collect();
            }
        }
    }

    /// Moves places near to their neighbours, and apart from each other.
    fn align(&mut self) {
        for layer in &self.layers {
            let mut y = 0.0;
            for at in layer {
                y += 0.5 * self.places[*at].height;
                self.places[*at].y = y;
                y += 0.5 * self.places[*at].height + 12.0;
            }
        }
        for sweep in 0..2 * SWEEPS {
            let order: Vec<usize> =
                if sweep % 2 == 0 { (0..self.layers.len()).collect() } else { (0..self.layers.len()).rev().collect() };
            for layer in order {
                interrupt::check();
                let wanted: Vec<f64> = self.layers[layer]
                    .iter()
                    .map(|at| {
                        let place = &self.places[*at];
                        let near: Vec<f64> =
                            place.before.iter().chain(&place.after).map(|other| self.places[*other].y).collect();
                        if near.is_empty() { place.y } else { near.iter().sum::<f64>() / near.len() as f64 }
                    })
                    .collect();
                let heights: Vec<f64> = self.layers[layer].iter().map(|at| self.places[*at].height).collect();
                for (at, y) in self.layers[layer].iter().zip(apart(&wanted, &heights)) {
                    self.places[*at].y = y;
                }
            }
        }
        let top = self.places.iter().map(|place| place.y - 0.5 * place.height).fold(f64::INFINITY, f64::min);
        for place in &mut self.places {
            place.y -= top;
        }
    }

    fn height(&self) -> f64 {
        self.places.iter().map(|place| place.y + 0.5 * place.height).fold(0.0, f64::max)
    }
}

/// The places nearest to the wanted ones (least squares) at which things of these heights, in this order, are 12 apart.
fn apart(wanted: &[f64], heights: &[f64]) -> Vec<f64> {
    let mut offset = 0.0;
    let mut offsets = Vec::with_capacity(wanted.len());
    // pools of neighbours that touch: sum of what they want, and how many they are
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (i, (want, height)) in wanted.iter().zip(heights).enumerate() {
        if i > 0 {
            offset += 0.5 * (heights[i - 1] + height) + 12.0;
        }
        offsets.push(offset);
        pools.push((want - offset, 1));
        while let [.., (a, n), (b, m)] = pools[..] {
            if a / n as f64 <= b / m as f64 {
                break;
            }
            pools.pop();
            if let Some(last) = pools.last_mut() {
                *last = (a + b, n + m);
            }
        }
    }
    let means = pools.into_iter().flat_map(|(sum, n)| std::iter::repeat_n(sum / n as f64, n));
    means.zip(offsets).map(|(mean, offset)| mean + offset).collect()
}

/// A name on one line or two, cut behind a separator where there is one.
fn lines(name: &str, room: f64) -> Vec<String> {
    if width(name, NAME.size, false) <= room {
        return vec![name.to_string()];
    }
    let fitting = fitting(name, NAME.size, false, room);
    let separator = |(_, c): &(usize, char)| matches!(c, '_' | '.' | ' ' | '-' | '/');
    let behind = fitting.char_indices().rfind(separator).map(|(at, c)| at + c.len_utf8());
    let cut = behind.or((!fitting.is_empty()).then_some(fitting.len()));
    match cut {
        Some(cut) if cut < name.len() => {
            vec![name[..cut].trim_end().to_string(), shorten_name(&name[cut..], NAME.size, false, room, |_| true)]
        }
        _ => vec![shorten_name(name, NAME.size, false, room, |_| true)],
    }
}

/// A layout at its place in the picture.
struct Sheet<'a> {
    layout: &'a Layout,
    /// Beginning and depth of each layer.
    starts: Vec<f64>,
    depths: Vec<f64>,
    /// Shift of the places within their layers.
    shift: f64,
    /// `true` where layers follow each other downwards, not to the right.
    down: bool,
}

impl Sheet<'_> {
    /// Point (x, y) of a place (across layers, along a layer).
    fn point(&self, at: (f64, f64)) -> (f64, f64) {
        if self.down { (at.1, at.0) } else { at }
    }

    /// Point at which arrows leave a place, or reach it.
    fn side(&self, at: usize, leave: bool) -> (f64, f64) {
        let place = &self.layout.places[at];
        let start = self.starts[place.layer];
        (if leave { start + self.depths[place.layer] } else { start }, place.y + self.shift)
    }

    fn rect(&self, table: usize) -> Rect {
        let half = 0.5 * self.layout.places[table].height;
        let ((from, middle), (to, _)) = (self.side(table, false), self.side(table, true));
        let ((left, top), (right, bottom)) = (self.point((from, middle - half)), self.point((to, middle + half)));
        Rect { left, top, right, bottom }
    }
}

/// Beginnings of layers of these depths.
fn starts(first: f64, depths: &[f64], gap: f64) -> Vec<f64> {
    let mut at = first;
    let next = |depth: &f64| {
        let start = at;
        at += depth + gap;
        start
    };
    depths.iter().map(next).collect()
}

impl Picture for Lineage {
    type Row = Row;
    type Settings = ();

    fn read(rows: Vec<Row>, _: ()) -> Result<Lineage, RowsError> {
        let mut without = 0;
        let mut degree: BTreeMap<String, usize> = BTreeMap::new();
        let mut named_edges: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        let name = |name: Option<String>| name.map(|name| named(Some(&name), ""));
        for row in rows {
            match (name(row.source), name(row.target)) {
                (Some(source), Some(target)) => {
                    *degree.entry(source.clone()).or_default() += 1;
                    *degree.entry(target.clone()).or_default() += 1;
                    named_edges.entry((source, target)).or_default().extend(name(row.kind));
                }
                (None, Some(target)) => {
                    degree.entry(target).or_default();
                }
                _ => without += 1,
            }
        }
        let mut notes = Vec::new();
        notes.extend(left_out(without, "row", "rows", "without a target"));
        notes.extend(left_out(degree.len().saturating_sub(MOST), "more table", "more tables", "with fewer arrows"));
        let mut kept: Vec<(usize, String)> = degree.into_iter().map(|(name, n)| (n, name)).collect();
        kept.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        kept.truncate(MOST);
        let mut tables: Vec<String> = kept.into_iter().map(|(_, name)| name).collect();
        tables.sort();
        let place = |name: &String| tables.binary_search(name).ok();
        let mut loops = 0;
        let mut edges = BTreeMap::new();
        for ((source, target), kinds) in &named_edges {
            match (place(source), place(target)) {
                (Some(source), Some(target)) if source == target => loops += 1,
                (Some(source), Some(target)) => {
                    edges.insert((source, target), kinds.clone());
                }
                _ => {}
            }
        }
        if loops > 0 {
            notes.push(format!(
                "{} from itself: no arrow is drawn.",
                if loops == 1 { "1 table is made".to_string() } else { format!("{loops} tables are made") }
            ));
        }
        let mut lineage = Lineage { tables, edges, loops, notes };
        lineage.drop_arrows();
        Ok(lineage)
    }

    fn head(&self) -> Head {
        let tables = counted(self.tables.len(), "table", "tables");
        let arrows = counted(self.edges.len() + self.loops, "arrow", "arrows");
        let subtitle = format!("{tables}, {arrows} from a table to one that is made from it");
        Head::new(Lineage::TITLE, &subtitle, &self.notes)
    }

    fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    fn draw(&self, frame: &Frame, head: Head) -> String {
        let natural = |table: usize| width(&self.tables[table], NAME.size, false) + 2.0 * PADDING + 1.0;
        // layers do not depend on heights: a first layout finds how many there are and how wide
        let plan = self.layout(|_| 24.0);
        let columns = |cap: f64| -> Vec<f64> {
            let widest = |layer: &Vec<usize>| {
                layer.iter().filter_map(|at| plan.places[*at].table).map(natural).fold(0.0, f64::max)
            };
            plan.layers.iter().map(|layer| widest(layer).min(cap)).collect()
        };
        let gaps = GAP * (plan.layers.len() - 1) as f64;
        let total = |columns: &[f64]| columns.iter().sum::<f64>() + gaps + 2.0 * MARGIN;
        let caps = [WIDEST, 130.0, 110.0, NARROWEST];
        let fitting = caps.into_iter().find(|cap| total(&columns(*cap)) <= frame.width);
        let wide = total(&columns(110.0));
        if fitting.is_none() {
            // layers below each other may be narrower
            let room = |table: usize| (natural(table) - 2.0 * PADDING).min(104.0);
            let down = self.layout(|table| room(table) + 2.0 * PADDING);
            if down.height() + 2.0 * MARGIN <= wide.max(frame.width) {
                return self.draw_down(frame, head, &down, room);
            }
        }
        let columns = columns(fitting.unwrap_or(110.0));
        let inner = total(&columns).ceil().max(frame.width);
        let rows = |table: usize| lines(&self.tables[table], columns[plan.places[table].layer] - 2.0 * PADDING);
        let layout = self.layout(|table| LINE * rows(table).len() as f64 + 9.0);
        // what is left goes into the gaps
        let spare = (inner - total(&columns)) / (columns.len() as f64 - 1.0).max(1.0);
        let mut figure = self.open(frame, head, inner);
        let high = layout.height() + 12.0;
        let (top, bottom) = figure.body_of(high, high);
        let sheet = Sheet {
            layout: &layout,
            starts: starts(MARGIN, &columns, (GAP + spare).min(130.0)),
            depths: columns.clone(),
            shift: 0.5 * (top + bottom - layout.height()),
            down: false,
        };
        self.draw_on(&mut figure.canvas, &sheet, rows);
        figure.close()
    }

    /// Names at the places of a layout to the right, joined by straight lines: Vega-Lite lays out no graphs.
    fn body(&self, frame: &Frame) -> Value {
        let layout = self.layout(|_| 24.0);
        let at = |table: usize| (layout.places[table].layer, layout.places[table].y);
        let tables: Vec<Value> = (0..self.tables.len())
            .map(|table| json!({"table": self.tables[table], "layer": at(table).0, "y": at(table).1}))
            .collect();
        let edges: Vec<Value> = self
            .edges
            .iter()
            .map(|((source, target), kinds)| {
                json!({"source": self.tables[*source], "target": self.tables[*target], "kind": kinds,
                       "layer": at(*source).0, "y": at(*source).1, "layer2": at(*target).0, "y2": at(*target).1})
            })
            .collect();
        let x = |field: &str| json!({"field": field, "type": "quantitative", "axis": null, "scale": {"padding": 60}});
        let y = json!({"field": "y", "type": "quantitative", "axis": null, "scale": {"reverse": true, "zero": false}});
        json!({
            // names need room beside each other
            "width": frame.width.max(130.0 * layout.layers.len() as f64),
            "height": frame.height.unwrap_or(layout.height().max(120.0) + 40.0),
            "layer": [
                {"data": {"values": edges},
                 "mark": {"type": "rule", "color": GREY, "tooltip": {"content": "data"}},
                 "encoding": {"x": x("layer"), "x2": {"field": "layer2"}, "y": y, "y2": {"field": "y2"}}},
                {"data": {"values": tables},
                 "mark": {"type": "text", "fontSize": 10, "stroke": "#ffffff", "strokeWidth": 4},
                 "encoding": {"x": x("layer"), "y": y, "text": {"field": "table"}}},
                {"data": {"values": tables},
                 "mark": {"type": "text", "fontSize": 10},
                 "encoding": {"x": x("layer"), "y": y, "text": {"field": "table"}}},
            ],
        })
    }

    #[cfg(test)]
    fn label(_: &Value, row: &Value) -> String {
        use super::tests::text;
        let kinds: Vec<&str> = row["kind"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
        format!("{} to {}{kinds}", text(row, "source"), text(row, "target"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn things_are_apart_and_near(wanted in prop::collection::vec(-100f64..100.0, 1..12)) {
            let heights: Vec<f64> = wanted.iter().enumerate().map(|(i, _)| 10.0 + i as f64).collect();
            let found = apart(&wanted, &heights);
            for i in 1..found.len() {
                let least = 0.5 * (heights[i - 1] + heights[i]) + 12.0;
                prop_assert!(found[i] - found[i - 1] >= least - 1e-9);
            }
            // least squares keep the mean
            let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
            prop_assert!((mean(&found) - mean(&wanted)).abs() < 1e-9);
        }
    }
}
