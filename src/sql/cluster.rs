//! The kernel behind `cluster_keywords`, `cluster_profiles` and `cluster_map`: texts in, and of each its cluster, its
//! place in it, its place on the map.

use super::embed::{device, store};
use super::kernel::Kernel;
use super::keywords::stop_word_list;
use super::table::{Column, Failure, Kind, Schema, rows, rows_of, text};
use crate::cluster::{self, Method, Settings, hdbscan, map::map, points::Points};
use crate::embed::{self, Dtype};
use crate::keywords::labels::labels;
use crate::options::Options;
use crate::progress::Line;
use duckdb::arrow::array::{Array, AsArray, RecordBatch};
use duckdb::arrow::datatypes::{DataType, Int64Type};
use std::collections::HashSet;
use std::fmt::Display;

/// The texts that the macro hands over, by number.
const TEXTS: &Schema = &[("position", Kind::Integer), ("text", Kind::Text)];

/// Texts that are embedded, and put into the store, together.
const CHUNK: usize = 4096;

/// Limits of the options. Memory grows with `MIN_SAMPLES`, time with `K`.
const K: f64 = 1_000.0;
const MIN_SAMPLES: u64 = 200;

/// What a call asks for.
struct Asked {
    settings: Settings,
    model: embed::Settings,
    /// Most terms of a label, and words that are none.
    label_terms: usize,
    stop_words: HashSet<String>,
    map: bool,
    threads: usize,
}

fn asked(caller: &str, json: &str) -> Result<Asked, Failure> {
    let mut options = Options::parse(caller, json)?;
    let methods = [("auto", Method::Auto), ("hdbscan", Method::Hdbscan), ("kmeans", Method::Kmeans)];
    let method = options.choice("method", &methods)?;
    let k = options.optional_number("k", "be a whole number from 1 to 1000, or NULL", |x| {
        (1.0..=K).contains(&x) && x.fract() == 0.0
    })?;
    if let (Method::Hdbscan, Some(k)) = (method, k) {
        return Err(options.invalid("k", "be NULL with method 'hdbscan'", Some(k.to_string())).into());
    }
    let hdbscan = hdbscan::Settings {
        min_cluster_size: options.whole("min_cluster_size", 2, cluster::MAX_POINTS as u64)? as usize,
        min_samples: options.whole("min_samples", 1, MIN_SAMPLES)? as usize,
    };
    let seed = options.whole("seed", 0, i64::MAX as u64)?;
    let model = embed::Settings {
        model: options.required_text("model", "name a model")?,
        device: device(&mut options)?,
        dtype: Dtype::F32,
        store: store(&mut options)?,
    };
    let label_terms = options.whole("label_terms", 0, 100)? as usize;
    let stop_words = stop_word_list(&mut options)?;
    let map = options.boolean("map")?;
    let threads = options.whole("threads", 1, 1 << 20)? as usize;
    options.finish()?;
    let settings = Settings { method, k: k.map(|k| k as usize), hdbscan, seed };
    Ok(Asked { settings, model, label_terms, stop_words, map, threads })
}

/// `muster_cluster(texts, caller, options)`
pub struct Cluster;

impl Kernel for Cluster {
    const NAME: &'static str = "muster_cluster";
    const COLUMNS: &'static Schema = &[
        ("position", Kind::Integer),
        ("cluster", Kind::Integer),
        ("place", Kind::Integer),
        ("silhouette", Kind::Real),
        ("method", Kind::Text),
        ("x", Kind::Real),
        ("y", Kind::Real),
        ("label", Kind::Texts),
    ];

    fn arguments() -> Vec<DataType> {
        vec![rows_of(TEXTS), DataType::Utf8, DataType::Utf8]
    }

    /// One row a text. Places begin with 1, those of noise too; the label stands at place 1.
    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let caller = text(input, 1, call);
        let failed = |error: &dyn Display| -> Failure { format!("{caller}: {error}").into() };
        let asked = asked(caller, text(input, 2, call))?;
        let listed = rows(input, 0, call);
        cluster::check(listed.len()).map_err(|error| failed(&error))?;
        let positions = listed.column(0).as_primitive::<Int64Type>();
        let texts = listed.column(1).as_string::<i32>();
        let mut order: Vec<usize> = (0..listed.len()).collect();
        order.sort_unstable_by_key(|row| (texts.value(*row), positions.value(*row)));
        let texts: Vec<&str> = order.iter().map(|row| texts.value(*row)).collect();
        let points = embedded(&texts, &asked).map_err(|error| failed(&error))?;
        let found = cluster::cluster(&points, &asked.settings, asked.threads).map_err(|error| failed(&error))?;
        let labels = match asked.label_terms {
            0 => Vec::new(),
            most => labels(&texts, &found.clusters, asked.stop_words, most).map_err(|error| failed(&error))?,
        };
        let method = if found.method == Method::Kmeans { "kmeans" } else { "hdbscan" };
        let mut noise = 0..;
        let places: Vec<Option<usize>> = found.places.iter().map(|place| place.or_else(|| noise.next())).collect();
        let label = |i: usize| {
            let cluster = found.clusters[i].filter(|_| places[i] == Some(0))?;
            labels.get(cluster).cloned()
        };
        let placed: Vec<Option<(f64, f64)>> = match asked.map {
            true => map(&points, asked.threads).into_iter().map(Some).collect(),
            false => vec![None; points.len()],
        };
        let counted = |numbers: &[Option<usize>]| numbers.iter().map(|n| n.map(|n| n as i64 + 1)).collect();
        Ok(vec![
            Column::Integer(order.iter().map(|row| Some(positions.value(*row))).collect()),
            Column::Integer(counted(&found.clusters)),
            Column::Integer(counted(&places)),
            Column::Real(found.silhouettes.clone()),
            Column::Names(vec![method; points.len()]),
            Column::Real(placed.iter().map(|at| at.map(|(x, _)| x)).collect()),
            Column::Real(placed.iter().map(|at| at.map(|(_, y)| y)).collect()),
            Column::Texts((0..points.len()).map(label).collect()),
        ])
    }
}

/// The directions of the texts' vectors.
fn embedded(texts: &[&str], asked: &Asked) -> Result<Points, Failure> {
    if texts.is_empty() {
        return Ok(Points::new(0, Vec::new()));
    }
    let embedder = embed::open(&asked.model)?;
    let line = Line::new("embeddings", texts.len());
    let mut vectors = Vec::with_capacity(texts.len());
    for chunk in texts.chunks(CHUNK) {
        vectors.extend(embedder.embed(chunk, asked.threads)?);
        line.set(vectors.len());
    }
    let wide = |vector: std::sync::Arc<[f32]>| vector.iter().map(|x| f64::from(*x)).collect::<Vec<f64>>();
    Ok(Points::unit(vectors.into_iter().map(wide))?)
}
