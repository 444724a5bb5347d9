//! The map of clusters: items by their two main directions, named where their clusters are.

use super::canvas::{LOOKS, Look, Shape, outline};
use super::figure::{Entry, Figure, Key, Labels};
use super::notes::{Head, counted, left_out, named, unnamed};
use super::picture::{Picture, RowsError};
use super::row::record;
use super::scale::{Axis, Scale, Unit};
use super::settings::{Frame, Top};
use super::spec::channel;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BTreeMap;

record! {
    /// An item at its place; without a cluster it is noise.
    Row {
        item: Option<String>,
        cluster: Option<String>,
        representative: Option<String>,
        x: Option<f64>,
        y: Option<f64>,
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Item {
    name: String,
    /// Index in `Clusters::clusters`; `None` for noise.
    cluster: Option<usize>,
    x: f64,
    y: f64,
}

/// Items by cluster, noise last.
#[derive(Debug)]
pub(crate) struct Clusters {
    items: Vec<Item>,
    /// Number and representative of each.
    clusters: Vec<(String, String)>,
    top: usize,
    notes: Vec<String>,
}

const NOISE: Look = Look { colour: "#8a8a8a", shape: Shape::Cross, dash: "" };

/// Look of a cluster, or of noise.
fn look(cluster: Option<usize>) -> Look {
    // crosses are noise: the other seven shapes and colours in turn, never the same pair within 56 clusters
    const TURN: [usize; 7] = [0, 1, 2, 3, 4, 5, 7];
    match cluster {
        Some(at) => Look { shape: LOOKS[TURN[(at + at / 7) % 7]].shape, ..LOOKS[TURN[at % 7]] },
        None => NOISE,
    }
}

impl Clusters {
    const TITLE: &'static str = "Map of clusters";

    fn axes(&self) -> (Axis, Axis) {
        let x = Scale::linear(self.items.iter().map(|item| item.x), None);
        let y = Scale::linear(self.items.iter().map(|item| item.y), None);
        (Axis::new("First component", x, Unit::Number), Axis::new("Second component", y, Unit::Number))
    }

    /// Number and representative of a cluster, or "noise".
    fn title(&self, cluster: Option<usize>) -> String {
        match cluster {
            Some(at) => format!("{} {}", self.clusters[at].0, self.clusters[at].1),
            None => "noise".to_string(),
        }
    }
}

impl Picture for Clusters {
    type Row = Row;
    type Settings = Top;

    fn read(rows: Vec<Row>, Top(top): Top) -> Result<Clusters, RowsError> {
        let total = rows.len();
        let mut found: BTreeMap<(i64, String), String> = BTreeMap::new();
        // numbers in their order, other names behind them
        let key = |cluster: &str| (cluster.parse::<i64>().unwrap_or(i64::MAX), cluster.to_string());
        for row in &rows {
            if let Some(cluster) = &row.cluster {
                let name = row.representative.as_deref().map(|name| named(Some(name), "")).unwrap_or_default();
                let known = found.entry(key(cluster)).or_default();
                if known.is_empty() || (!name.is_empty() && name < *known) {
                    *known = name;
                }
            }
        }
        let places: BTreeMap<(i64, String), usize> =
            found.keys().enumerate().map(|(at, key)| (key.clone(), at)).collect();
        let item = |row: &Row| {
            Some(Item {
                name: named(row.item.as_deref(), "(no item)"),
                cluster: row.cluster.as_deref().and_then(|cluster| places.get(&key(cluster)).copied()),
                x: row.x?,
                y: row.y?,
            })
        };
        let mut items: Vec<Item> = rows.iter().filter_map(item).collect();
        items.sort_by(|a, b| {
            let place = |item: &Item| item.cluster.unwrap_or(usize::MAX);
            place(a)
                .cmp(&place(b))
                .then_with(|| a.name.cmp(&b.name))
                .then(a.x.total_cmp(&b.x))
                .then(a.y.total_cmp(&b.y))
        });
        let mut notes = Vec::new();
        notes.extend(left_out(total - items.len(), "item", "items", "without a place"));
        let clusters: Vec<(String, String)> =
            found.into_iter().map(|((_, number), name)| (named(Some(&number), ""), name)).collect();
        if clusters.len() > top {
            notes.push(format!("Names are given to the first {top} clusters only."));
        }
        Ok(Clusters { items, clusters, top, notes })
    }

    fn head(&self) -> Head {
        let items = counted(self.items.len(), "item", "items");
        let clusters = counted(self.clusters.len(), "cluster", "clusters");
        let subtitle = format!("{items} in {clusters}, by the first two principal components");
        Head::new(Clusters::TITLE, &subtitle, &self.notes)
    }

    fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn draw(&self, frame: &Frame, head: Head) -> String {
        let noise = self.items.iter().any(|item| item.cluster.is_none());
        let in_legend = if self.clusters.len() <= 12 { self.clusters.len() } else { 0 };
        let mut legend: Vec<Entry> = (0..in_legend)
            .map(|at| Entry { name: self.title(Some(at)), key: Key::Mark(look(Some(at)), true) })
            .collect();
        if noise {
            legend.push(Entry { name: "noise".to_string(), key: Key::Mark(NOISE, true) });
        }
        let mut figure = Figure::open(frame, &head, &legend);
        let (x, y) = self.axes();
        let plane = figure.plane(&x, &y, 460.0, 8.0);
        let n = self.items.len();
        let radius = if n <= 100 {
            4.0
        } else if n <= 1000 {
            2.8
        } else {
            1.8
        };
        let mut centres: Vec<(f64, f64, f64)> = vec![(0.0, 0.0, 0.0); self.clusters.len()];
        // beyond some thousand items the marks of a cluster are one path
        let whole = n <= 2000;
        let mut paths: BTreeMap<Reverse<usize>, String> = BTreeMap::new();
        // noise below the others
        for item in self.items.iter().rev() {
            let at = plane.at(item.x, item.y);
            let (mark, size) = (look(item.cluster), if item.cluster.is_none() { 0.7 * radius } else { radius });
            if whole {
                let title = format!("{} ({})", item.name, self.title(item.cluster));
                figure.canvas.mark(&mark, at, size, true, Some(&title));
            } else {
                *paths.entry(Reverse(item.cluster.unwrap_or(usize::MAX))).or_default() +=
                    &outline(mark.shape, at, size);
            }
            if let Some(cluster) = item.cluster {
                let centre = &mut centres[cluster];
                *centre = (centre.0 + at.0, centre.1 + at.1, centre.2 + 1.0);
            }
        }
        for (Reverse(cluster), steps) in &paths {
            let mark = look((*cluster < usize::MAX).then_some(*cluster));
            let style = if matches!(mark.shape, Shape::Plus | Shape::Cross | Shape::Ring) {
                "fill=\"none\" stroke"
            } else {
                "fill"
            };
            figure.canvas.path(steps, &format!("{style}=\"{}\"", mark.colour), None);
        }
        // names lie over marks, with a rim, but not over each other
        let mut labels = Labels::new(plane.rect);
        let mut nameless = 0;
        for (at, (sum_x, sum_y, n)) in centres.iter().enumerate().take(self.top) {
            if *n > 0.0 {
                let placed = labels.place_upon(&mut figure.canvas, (sum_x / n, sum_y / n), &self.title(Some(at)));
                // the legend names few
                nameless += usize::from(!placed && in_legend == 0);
            }
        }
        let beyond = centres.iter().skip(self.top).filter(|(_, _, n)| *n > 0.0 && in_legend == 0).count();
        if let Some(head) = figure.note(unnamed(nameless + beyond, "cluster", "clusters"), &head) {
            return self.draw(frame, head);
        }
        figure.close()
    }

    fn body(&self, _: &Frame) -> Value {
        let (x, y) = self.axes();
        let row =
            |item: &Item| json!({"item": item.name, "cluster": self.title(item.cluster), "x": item.x, "y": item.y});
        let mut domain: Vec<String> = (0..self.clusters.len()).map(|at| self.title(Some(at))).collect();
        let mut range: Vec<&str> = (0..self.clusters.len()).map(|at| look(Some(at)).colour).collect();
        domain.push("noise".to_string());
        range.push(NOISE.colour);
        json!({
            "data": {"values": self.items.iter().map(row).collect::<Vec<_>>()},
            "mark": {"type": "point", "filled": true, "tooltip": {"content": "data"}},
            "encoding": {
                "x": channel("x", &x),
                "y": channel("y", &y),
                "color": {"field": "cluster", "type": "nominal", "title": "Cluster",
                    "scale": {"domain": domain, "range": range}},
                "shape": {"field": "cluster", "type": "nominal", "title": "Cluster", "scale": {"domain": domain}},
            },
        })
    }

    #[cfg(test)]
    fn label(_: &Value, row: &Value) -> String {
        use super::tests::text;
        format!("{} ({})", text(row, "item"), text(row, "cluster"))
    }
}
