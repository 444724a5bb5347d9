//! Agreement of the two renderings: of the same rows SVG and specification show the same marks, in the same order, with
//! the same labels, and say the same of what is left out.

use super::prior::POINTS;
use super::tests::{Both, Cells, PLOTS, row, text, usual};
use super::text::clean;
use proptest::prelude::*;
use roxmltree::{Document, Node};
use serde_json::Value;

/// Labels of the marks of a picture in the order in which they are drawn: titles of shapes, and of curves the legend.
fn drawn(name: &str, svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap();
    let titled = |node: &Node| node.is_element() && !node.has_tag_name("svg") && !node.has_tag_name("text");
    let title = |node: Node| {
        let title = node.children().find(|child| child.has_tag_name("title"))?;
        Some(title.text().unwrap_or_default().to_string())
    };
    let mut labels = Vec::new();
    for node in document.descendants().filter(titled) {
        let Some(label) = title(node) else { continue };
        let fill = node.attribute("fill").unwrap_or_default();
        let open = fill == "#ffffff" || fill == "none";
        labels.push(match name {
            "plot_headcounts" | "plot_landscape" => format!("{label}, open: {open}"),
            "plot_uncertainty" => format!("{label}, {fill}"),
            "plot_methods" | "plot_calibration" => {
                format!("{label}, {}", if open { node.attribute("stroke").unwrap_or_default() } else { fill })
            }
            _ => label,
        });
    }
    match name {
        "plot_prior" => {
            let texts = document.descendants().filter(|node| node.has_tag_name("text"));
            let texts = texts.map(|node| title(node).unwrap_or(node.text().unwrap_or_default().to_string()));
            labels = texts.filter(|text| text.contains(": Beta(") && text.contains(", mean ")).collect();
            // each with a line in the legend and a curve
            let curves = document.descendants().filter(|node| node.attribute("fill") == Some("none")).count();
            assert_eq!(curves, 2 * labels.len());
        }
        // the last lies above the others
        "plot_landscape" | "plot_clusters" => labels.reverse(),
        // cells go by row in the picture, and by pair in the data
        "plot_correlations" => {
            labels.retain(|label| !label.ends_with(": no correlation"));
            labels.sort();
        }
        _ => {}
    }
    labels
}

/// The same labels, of the data of a specification.
fn specified(name: &str, Both { spec, label, .. }: &Both) -> Vec<String> {
    let list = |path: &str| spec.pointer(path).and_then(Value::as_array).unwrap().clone();
    let rows = match name {
        "plot_uncertainty" | "plot_lineage" => list("/layer/0/data/values"),
        "plot_calibration" => list("/layer/1/data/values"),
        _ => list("/data/values"),
    };
    let empty_bar = |row: &&Value| name != "plot_uncertainty" || row["draws"] != 0;
    let mut labels: Vec<String> = rows.iter().filter(empty_bar).map(|row| clean(&label(spec, row))).collect();
    match name {
        // a curve has many points
        "plot_prior" => labels = labels.into_iter().step_by(POINTS).collect(),
        "plot_correlations" => labels.sort(),
        "plot_lineage" => labels.extend(list("/layer/1/data/values").iter().map(|row| text(row, "table"))),
        _ => {}
    }
    labels
}

/// Lines of the specification's heading that the picture must have too.
fn unsaid(svg: &str, spec: &Value) -> Vec<String> {
    let document = Document::parse(svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    let said = texts.filter_map(|node| node.text()).collect::<Vec<_>>().join(" ");
    // an empty picture has no subtitle
    let empty = said.contains("Nothing to show");
    let subtitle = spec["title"]["subtitle"].as_array().unwrap().iter();
    let lines = subtitle.map(|line| clean(line.as_str().unwrap()));
    lines.filter(|line| !said.contains(line) && (!empty || line.contains("not shown"))).collect()
}

/// Cells of few names and few numbers, so that rows are equal in some of them.
fn tied() -> impl Strategy<Value = Cells> {
    let name = prop::option::weighted(0.9, prop_oneof![Just("a"), Just("b"), Just("(model)"), Just("true"), Just("7")]);
    let amount = prop_oneof![
        1 => Just(None),
        6 => prop_oneof![Just(0.0), Just(0.5), Just(0.25), Just(1.0), Just(3.0), Just(f64::NAN)].prop_map(Some),
    ];
    let names = prop::collection::vec(name.prop_map(|name| name.map(str::to_string)), 3);
    (names, prop::collection::vec(amount, 6), any::<Option<bool>>()).prop_map(|(texts, numbers, truth)| Cells {
        texts,
        numbers,
        truth,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn both_show_the_same(
        rows in prop_oneof![prop::collection::vec(row(), 0..60), prop::collection::vec(tied(), 0..30)],
        top in prop_oneof![Just(40usize), 1usize..6],
    ) {
        for (name, draw) in PLOTS {
            let both = draw(&rows, &usual(), top);
            prop_assert_eq!(drawn(name, &both.svg), specified(name, &both), "{}", name);
            prop_assert_eq!(unsaid(&both.svg, &both.spec), Vec::<String>::new(), "{}", name);
        }
    }
}

#[test]
fn both_show_something() {
    let cell = |i: usize| Cells {
        texts: ["a", "b", "c"].map(|name| Some(format!("{name}{}", i % 3))).to_vec(),
        numbers: (0..6).map(|at| Some(((3 * i + at) % 7 + 1) as f64 / 8.0)).collect(),
        truth: Some(i.is_multiple_of(2)),
    };
    let rows: Vec<Cells> = (0..8).map(cell).collect();
    for (name, draw) in PLOTS {
        let both = draw(&rows, &usual(), 2);
        let labels = drawn(name, &both.svg);
        assert!(labels.len() >= 2, "{name}: {labels:?}");
        assert_eq!(labels, specified(name, &both), "{name}");
    }
}
