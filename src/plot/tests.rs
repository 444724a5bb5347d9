//! Properties of every picture, whatever the rows are: XML that parses, texts apart from each other and inside, the
//! same bytes for the same rows in any order.

use super::canvas::{Anchor, Font, Rect};
use super::correlations::Measure;
use super::picture::Picture;
use super::row::{Field, Kind, Record, Source};
use super::settings::{Frame, Top};
use super::uncertainty::Choice;
use proptest::prelude::*;
use serde_json::Value;

/// Settings of each plot, of the greatest number that is shown.
trait Given {
    fn given(top: usize) -> Self;
}

impl Given for () {
    fn given(_: usize) {}
}

impl Given for Top {
    fn given(top: usize) -> Top {
        Top(top)
    }
}

impl Given for Measure {
    fn given(_: usize) -> Measure {
        Measure::Tetrachoric
    }
}

impl Given for Choice {
    fn given(_: usize) -> Choice {
        Choice { company: Some("Ångström & Söhne".to_string()), level: 0.8 }
    }
}

/// Texts, numbers and a truth; a plot's fields of each kind take them in their order.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    pub texts: Vec<Option<String>>,
    pub numbers: Vec<Option<f64>>,
    pub truth: Option<bool>,
}

/// The cells as the row of a plot.
struct Named<'a> {
    cells: &'a Cells,
    fields: &'static [Field],
}

impl Named<'_> {
    fn place(&self, field: &str) -> usize {
        let at = self.fields.iter().position(|(name, _)| *name == field).unwrap();
        self.fields[..at].iter().filter(|(_, kind)| *kind == self.fields[at].1).count()
    }
}

impl Source for Named<'_> {
    fn text(&self, field: &str) -> Option<String> {
        self.cells.texts.get(self.place(field))?.clone()
    }

    fn number(&self, field: &str) -> Option<f64> {
        // of `plot_uncertainty`, which has one row: one company with all its draws
        match field {
            "n_estimates" | "companies" => Some(1.0),
            "without_draws" => Some(0.0),
            "fewest" | "most" => Some(self.cells.numbers.len() as f64),
            _ => *self.cells.numbers.get(self.place(field))?,
        }
    }

    fn truth(&self, _: &str) -> Option<bool> {
        self.cells.truth
    }

    fn numbers(&self, _: &str) -> Option<Vec<Option<f64>>> {
        Some(self.cells.numbers.clone())
    }
}

/// Both renderings.
pub(super) struct Both {
    pub svg: String,
    pub spec: Value,
    pub label: fn(&Value, &Value) -> String,
}

/// A text of a row of data.
pub(super) fn text(row: &Value, field: &str) -> String {
    row[field].as_str().unwrap().to_string()
}

/// A number of a row of data.
pub(super) fn real(row: &Value, field: &str) -> f64 {
    row[field].as_f64().unwrap()
}

/// The colour that the scale at this place of a specification gives to a value.
pub(super) fn colour(spec: &Value, scale: &str, value: &Value) -> String {
    let scale = spec.pointer(scale).unwrap();
    let at = scale["domain"].as_array().unwrap().iter().position(|known| known == value).unwrap();
    scale["range"][at].as_str().unwrap().to_string()
}

type Draw = fn(&[Cells], &Frame, usize) -> Both;

fn both<P: Picture<Settings: Given>>(cells: &[Cells], frame: &Frame, top: usize) -> Both {
    let fields = P::Row::FIELDS;
    // draws are one row
    let one: Vec<Cells> = if fields.iter().any(|(_, kind)| *kind == Kind::Numbers) {
        let numbers = cells.iter().flat_map(|cells| cells.numbers.clone()).collect();
        vec![Cells { texts: Vec::new(), numbers, truth: None }]
    } else {
        cells.to_vec()
    };
    let rows = one.iter().map(|cells| P::Row::read(&Named { cells, fields })).collect();
    let picture = P::read(rows, P::Settings::given(top)).unwrap();
    Both { svg: picture.svg(frame), spec: picture.spec(frame), label: P::label }
}

macro_rules! drawn {
    ($($name:ident: $module:ident::$plot:ident,)*) => {
        &[$((stringify!($name), both::<super::$module::$plot> as Draw)),*]
    };
}

/// The plots by the names of their functions.
pub(super) const PLOTS: &[(&str, Draw)] = super::plots!(drawn);

fn frame(width: u32, height: Option<u32>) -> Frame {
    Frame { title: None, subtitle: None, width: f64::from(width), height: height.map(f64::from) }
}

/// The usual frame.
pub(super) fn usual() -> Frame {
    frame(720, None)
}

/// The SVG that a plot draws.
fn plot(name: &str, cells: &[Cells], top: usize) -> String {
    let (_, draw) = PLOTS.iter().find(|(known, _)| *known == name).unwrap();
    draw(cells, &usual(), top).svg
}

/// Every text of a picture with its bounds, and the bounds of the picture.
fn texts(svg: &str) -> (Vec<(String, Rect)>, Rect) {
    let document = roxmltree::Document::parse(svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
    let root = document.root_element();
    let number = |node: &roxmltree::Node, name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
    let size: Vec<f64> = root.attribute("viewBox").unwrap().split(' ').map(|part| part.parse().unwrap()).collect();
    let page = Rect { left: 0.0, top: 0.0, right: size[2], bottom: size[3] };
    let mut found = Vec::new();
    for node in root.descendants().filter(|node| node.has_tag_name("text")) {
        let shown: String = node.children().filter(|child| child.is_text()).filter_map(|child| child.text()).collect();
        let anchor = match node.attribute("text-anchor") {
            None => Anchor::Start,
            Some("middle") => Anchor::Middle,
            Some("end") => Anchor::End,
            Some(other) => panic!("{other}"),
        };
        let size = number(&node, "font-size");
        let font = Font::new(size).anchor(anchor);
        let font = if node.attribute("font-weight").is_some() { font.bold() } else { font };
        let bounds = font.bounds(number(&node, "x"), number(&node, "y") - 0.36 * size, &shown);
        found.push((shown, bounds));
    }
    (found, page)
}

fn check(svg: &str) -> Result<(), TestCaseError> {
    let (texts, page) = texts(svg);
    // places are rounded to two decimals
    let page =
        Rect { left: page.left - 0.02, top: page.top - 0.02, right: page.right + 0.02, bottom: page.bottom + 0.02 };
    let document = roxmltree::Document::parse(svg).unwrap();
    for node in document.descendants().filter(|node| node.has_tag_name("rect") && node.has_attribute("x")) {
        let number = |name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
        let (left, top) = (number("x"), number("y"));
        let rect = Rect { left, top, right: left + number("width"), bottom: top + number("height") };
        prop_assert!(page.holds(&rect), "outside: {rect:?} of {page:?}\n{svg}");
    }
    for (i, (text, bounds)) in texts.iter().enumerate() {
        prop_assert!(page.holds(bounds), "outside: {text} {bounds:?} of {page:?}\n{svg}");
        let inner = Rect {
            left: bounds.left + 0.02,
            top: bounds.top + 0.02,
            right: bounds.right - 0.02,
            bottom: bounds.bottom - 0.02,
        };
        for (other, there) in &texts[..i] {
            prop_assert!(!inner.meets(there), "overlap: {text} {bounds:?} and {other} {there:?}\n{svg}");
        }
    }
    Ok(())
}

fn name() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        1 => Just(None),
        3 => "[a-z]{1,12}".prop_map(Some),
        2 => "[A-Za-z &<>\"'_.-]{0,60}".prop_map(Some),
        2 => any::<String>().prop_map(Some),
        1 => prop_oneof![
            Just("(model)"), Just(""), Just("\u{0}\u{1b}[31m"), Just("]]><script>alert(1)</script>"), Just("&amp;&#0;"),
            Just("株式会社デンソー人工知能研究所"), Just("شركة الذكاء الاصطناعي المحدودة"), Just("\u{202e}evil\u{202c}"),
            Just("👩\u{200d}🔬👩\u{200d}🔬👩\u{200d}🔬"), Just("\u{fdfd}\u{fdfd}"), Just("e\u{301}\u{301}\u{301}"), Just("\u{ffff}"),
        ].prop_map(|text| Some(text.to_string())),
    ]
}

fn amount() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        1 => Just(None),
        3 => (0f64..1.0).prop_map(Some),
        3 => (-3f64..5.0).prop_map(|power| Some(10f64.powf(power))),
        2 => (0i64..500).prop_map(|n| Some(n as f64)),
        1 => any::<f64>().prop_map(Some),
        1 => prop_oneof![
            Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(0.0), Just(-0.0), Just(-1.0), Just(5e-324), Just(1e15),
            Just(1e300),
        ].prop_map(Some),
    ]
}

pub(super) fn row() -> impl Strategy<Value = Cells> {
    (prop::collection::vec(name(), 3), prop::collection::vec(amount(), 6), any::<Option<bool>>())
        .prop_map(|(texts, numbers, truth)| Cells { texts, numbers, truth })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn pictures_are_sound(
        rows in prop_oneof![prop::collection::vec(row(), 0..4), prop::collection::vec(row(), 0..60)],
        width in prop_oneof![Just(720u32), 240u32..2000],
        height in prop::option::of(120u32..900),
        top in prop_oneof![Just(40usize), 1usize..100],
        title in prop::option::of(any::<String>()),
        seed in any::<u64>(),
    ) {
        for (name, draw) in PLOTS {
            let frame = Frame { title: title.clone(), subtitle: title.clone(), ..frame(width, height) };
            let Both { svg, spec, .. } = draw(&rows, &frame, top);
            check(&svg).map_err(|error| TestCaseError::fail(format!("{name}: {error}")))?;
            prop_assert_eq!(spec["$schema"].as_str(), Some("https://vega.github.io/schema/vega-lite/v5.json"));
            // any order of the rows
            let mut mixed = rows.clone();
            for i in (1..mixed.len()).rev() {
                mixed.swap(i, (seed.wrapping_mul(i as u64 + 7) % (i as u64 + 1)) as usize);
            }
            let again = draw(&mixed, &frame, top);
            prop_assert_eq!(&again.svg, &svg, "{}", name);
            prop_assert_eq!(&again.spec.to_string(), &spec.to_string(), "{}", name);
        }
    }
}

#[test]
fn large_relations() {
    let number = |i: usize, at: usize| ((i * 7919 + at * 104_729) % 9_973) as f64 / 9_973.0;
    for n in [1, 12, 500, 10_000] {
        let rows: Vec<Cells> = (0..n)
            .map(|i| Cells {
                texts: vec![Some(format!("Company {i}")), Some(format!("Group {}", i % 37)), Some("Other".to_string())],
                numbers: (0..6).map(|at| Some(number(i, at))).collect(),
                truth: Some(false),
            })
            .collect();
        for (name, draw) in PLOTS {
            let svg = draw(&rows, &usual(), 40).svg;
            check(&svg).unwrap();
            assert!(texts(&svg).0.len() < 1000, "{name}: {} texts", texts(&svg).0.len());
        }
    }
}

#[test]
fn nothing_to_show_is_a_picture() {
    let empty = Cells { texts: vec![None; 3], numbers: vec![Some(f64::NAN); 6], truth: None };
    for (name, draw) in PLOTS {
        for rows in [vec![], vec![empty.clone(), empty.clone()]] {
            let svg = draw(&rows, &usual(), 40).svg;
            let shown: Vec<String> = texts(&svg).0.into_iter().map(|(text, _)| text).collect();
            assert!(shown.contains(&"Nothing to show".to_string()), "{name}: {shown:?}");
        }
    }
}

#[test]
fn what_is_left_out_is_counted() {
    let row = |name: &str, x: f64| Cells {
        texts: vec![Some(name.to_string())],
        numbers: vec![Some(x), Some(0.5), None, None],
        truth: None,
    };
    let rows =
        vec![row("a", 3.0), row("b", f64::NAN), row("c", f64::INFINITY), row("d", 0.0), row("e", -2.0), row("f", 7.0)];
    let notes = |name: &str, top: usize| -> Vec<String> {
        let svg = plot(name, &rows, top);
        texts(&svg).0.into_iter().map(|(text, _)| text).filter(|text| text.contains("not shown")).collect()
    };
    assert_eq!(
        notes("plot_landscape", 40),
        [
            "2 rows without an estimate or a share are not shown.",
            "2 companies with an estimate of zero or less, which has no place on a logarithmic axis, are not shown.",
        ]
    );
    assert_eq!(
        notes("plot_headcounts", 1),
        ["2 rows without an estimate are not shown.", "3 more companies with smaller estimates are not shown."]
    );
}

#[test]
fn a_long_name_is_whole_in_its_title() {
    let name = "A company whose name is much too long for any label of any picture that has other companies beside it";
    let row = Cells { texts: vec![Some(name.to_string())], numbers: vec![Some(3.0), Some(0.5)], truth: None };
    let svg = plot("plot_headcounts", &[row], 40);
    let document = roxmltree::Document::parse(&svg).unwrap();
    let label = document.descendants().find(|node| node.has_tag_name("text") && node.text_of().contains('…')).unwrap();
    let title = label.children().find(|child| child.has_tag_name("title")).unwrap();
    assert_eq!(title.text(), Some(name));
}

/// Texts of a picture.
fn said(svg: &str) -> Vec<String> {
    texts(svg).0.into_iter().map(|(text, _)| text).collect()
}

#[test]
fn names_that_begin_alike_are_told_apart() {
    let name = |n: usize| format!("openai-compatible:a-laboratory-of-some-length/a-model-of-some-length-2025-{n:02}");
    for (plot_name, every) in [("plot_headcounts", true), ("plot_methods", true), ("plot_annotators", false)] {
        let row = |n: usize| Cells {
            texts: vec![Some(name(n)), Some("method".to_string())],
            numbers: vec![Some(0.2 + 0.03 * n as f64), None, None, Some(0.9 - 0.03 * n as f64), None, None],
            truth: None,
        };
        let rows: Vec<Cells> = (0..25).map(row).collect();
        let cut: Vec<String> =
            said(&plot(plot_name, &rows, 40)).into_iter().filter(|text| text.contains('…')).collect();
        let different: std::collections::BTreeSet<&String> = cut.iter().collect();
        assert_eq!(cut.len(), different.len(), "{plot_name}: {cut:?}");
        assert!(cut.iter().all(|text| text.starts_with("openai")), "{plot_name}: {cut:?}");
        assert!(!every || cut.len() == 25, "{plot_name}: {cut:?}");
    }
}

#[test]
fn marks_without_a_name_are_counted() {
    // all at one place: only some find room around it
    let row = |n: usize| Cells {
        texts: vec![Some(format!("annotator {n}"))],
        numbers: vec![Some(0.5), None, None, Some(0.5), None, None],
        truth: None,
    };
    let rows: Vec<Cells> = (0..90).map(row).collect();
    for (name, one) in [("plot_annotators", "annotator"), ("plot_bias", "annotator"), ("plot_landscape", "company")] {
        let rows: Vec<Cells> = match one {
            "company" => rows.iter().map(|row| Cells { numbers: vec![Some(5.0), Some(0.5)], ..row.clone() }).collect(),
            _ => rows.clone(),
        };
        let texts = said(&plot(name, &rows, 100));
        let named = texts.iter().filter(|text| text.starts_with("annotator ")).count();
        let many = if one == "company" { "companies" } else { "annotators" };
        let note = format!("{} {many} are drawn without a name.", 90 - named);
        assert!(named < 90 && texts.contains(&note), "{name}: {note} {texts:?}");
    }
    // lines that are too near for a name each
    let (_, draw) = PLOTS.iter().find(|(known, _)| *known == "plot_headcounts").unwrap();
    let row = |n: usize| Cells {
        texts: vec![Some(format!("annotator {n}"))],
        numbers: vec![Some(1.0 + n as f64), None, None],
        truth: None,
    };
    let rows: Vec<Cells> = (0..60).map(row).collect();
    let texts = said(&draw(&rows, &frame(720, Some(300)), 60).svg);
    let named = texts.iter().filter(|text| text.starts_with("annotator ")).count();
    assert!(texts.contains(&format!("{} companies are drawn without a name.", 60 - named)), "{named} {texts:?}");
}

#[test]
fn open_marks_are_below_the_floor() {
    for name in ["plot_headcounts", "plot_methods", "plot_landscape"] {
        let row = |n: usize, below: bool| Cells {
            texts: vec![Some(format!("company {n}")), Some(format!("method {n}"))],
            numbers: vec![Some(10.0 + n as f64), Some(0.01), None, None],
            truth: Some(below),
        };
        let svg = plot(name, &[row(1, false), row(2, true)], 40);
        let marks = |fill: &str| {
            svg.lines().filter(|l| l.starts_with("<path") && l.contains(fill) && l.contains("<title>")).count()
        };
        assert_eq!(marks("fill=\"#ffffff\""), 1, "{name}: {svg}");
        assert!(said(&svg).contains(&"below its detection floor: cannot be told from none".to_string()), "{name}");
        let none = plot(name, &[row(1, false)], 40);
        assert!(!none.contains("detection floor"), "{name}");
    }
    // shapes without an inside have a ring
    let row = |n: usize, below: bool| Cells {
        texts: vec![Some("company".to_string()), Some(format!("method {n}"))],
        numbers: vec![Some(10.0), None, None],
        truth: Some(below),
    };
    for at in 0..8 {
        let rows = |below: bool| (0..8).map(|n| row(n, below && n == at)).collect::<Vec<Cells>>();
        assert_ne!(marks_of(&plot("plot_methods", &rows(true), 40)), marks_of(&plot("plot_methods", &rows(false), 40)));
    }
}

/// Marks with a title.
fn marks_of(svg: &str) -> Vec<&str> {
    svg.lines().filter(|line| line.starts_with("<path") && line.contains("<title>")).collect()
}

#[test]
fn shares_above_one_are_said() {
    let row = |n: usize, share: f64| Cells {
        texts: vec![Some(format!("company {n}"))],
        numbers: vec![Some(10.0), Some(share)],
        truth: None,
    };
    let note = |shares: &[f64]| -> Vec<String> {
        let rows: Vec<Cells> = shares.iter().enumerate().map(|(n, share)| row(n, *share)).collect();
        said(&plot("plot_landscape", &rows, 40)).into_iter().filter(|text| text.contains("above 100 %")).collect()
    };
    assert_eq!(note(&[1.0, 0.5]), Vec::<String>::new());
    assert_eq!(note(&[2.0, 0.5]), ["1 company has a share above 100 %: more experts than employees."]);
    assert_eq!(note(&[2.0, 1.5]), ["2 companies have a share above 100 %: more experts than employees."]);
    let annotator = Cells {
        texts: vec![Some("a".to_string())],
        numbers: vec![Some(2.0), None, None, Some(0.5), None, None],
        truth: None,
    };
    let text = said(&plot("plot_annotators", &[annotator], 40)).join(" ");
    assert!(text.contains("1 annotator with a rate that no share can have: below 0 or above 100 %."), "{text}");
}

trait Shown {
    fn text_of(&self) -> String;
}

impl Shown for roxmltree::Node<'_, '_> {
    /// The text itself, without that of its title.
    fn text_of(&self) -> String {
        self.children().filter(|child| child.is_text()).filter_map(|child| child.text()).collect()
    }
}

#[test]
fn arrows_cross_no_box() {
    // every box against every point of every arrow, taken along its curves
    let edge = |a: &str, b: &str| Cells {
        texts: vec![Some(a.to_string()), Some(b.to_string()), None],
        numbers: vec![],
        truth: None,
    };
    for n in [5usize, 30, 80] {
        let mut rows = Vec::new();
        for i in 1..n {
            rows.push(edge(&format!("table_{}", (i * 7 + 3) % i), &format!("table_{i}")));
            rows.push(edge(&format!("table_{}", (i * 5 + 1) % i), &format!("table_{i}")));
        }
        // and some cycles
        rows.push(edge(&format!("table_{}", n - 1), "table_0"));
        rows.push(edge("table_3", "table_1"));
        let svg = plot("plot_lineage", &rows, 40);
        let document = roxmltree::Document::parse(&svg).unwrap();
        let boxes: Vec<Rect> = document
            .descendants()
            .filter(|node| node.has_tag_name("rect") && node.attribute("rx").is_some())
            .map(|node| {
                let number = |name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
                let (left, top) = (number("x"), number("y"));
                Rect { left, top, right: left + number("width"), bottom: top + number("height") }
            })
            .collect();
        assert_eq!(boxes.len(), n);
        for (i, one) in boxes.iter().enumerate() {
            assert!(boxes[..i].iter().all(|other| !one.meets(other)));
        }
        let mut arrows = 0;
        for node in
            document.descendants().filter(|node| node.has_tag_name("path") && node.attribute("fill") == Some("none"))
        {
            arrows += 1;
            for (x, y) in along(node.attribute("d").unwrap()) {
                let inside = |b: &&Rect| x > b.left + 0.1 && x < b.right - 0.1 && y > b.top + 0.1 && y < b.bottom - 0.1;
                assert!(boxes.iter().find(inside).is_none(), "({x}, {y}) in {:?}", boxes.iter().find(inside));
            }
        }
        assert!(arrows >= n);
    }
}

/// Points of a path of lines and curves.
fn along(steps: &str) -> Vec<(f64, f64)> {
    let mut out: Vec<(f64, f64)> = Vec::new();
    let spaced = steps.replace('M', " M ").replace('L', " L ").replace('C', " C ");
    let mut words = spaced.split_whitespace().peekable();
    while let Some(step) = words.next() {
        let mut numbers = Vec::new();
        while let Some(number) = words.peek().and_then(|word| word.parse::<f64>().ok()) {
            numbers.push(number);
            words.next();
        }
        let from = out.last().copied().unwrap_or_default();
        match step {
            "M" => out.push((numbers[0], numbers[1])),
            "L" => out.extend((1..=20).map(|i| {
                let t = f64::from(i) / 20.0;
                (from.0 + t * (numbers[0] - from.0), from.1 + t * (numbers[1] - from.1))
            })),
            _ => out.extend((1..=40).map(|i| {
                let t = f64::from(i) / 40.0;
                let mix = |a: f64, b: f64, c: f64, d: f64| {
                    let s = 1.0 - t;
                    s * s * s * a + 3.0 * s * s * t * b + 3.0 * s * t * t * c + t * t * t * d
                };
                (mix(from.0, numbers[0], numbers[2], numbers[4]), mix(from.1, numbers[1], numbers[3], numbers[5]))
            })),
        }
    }
    out
}
