//! The kernel behind `cluster_keywords`, `cluster_profiles` and `cluster_map`: texts in, and of each its cluster, its
//! place in it, its place on the map.

use super::embed::model;
use super::kernel::{Kernel, register as kernel};
use super::keywords::stop_word_list;
use super::options::{self, Options};
use super::rows::{Failure, Listed, Rows, list, listed};
use crate::cluster::{
    self, ClusterError, Method, Settings, hdbscan,
    map::map,
    points::{Points, Units},
};
use crate::embed::{self, Chunks, Dtype};
use crate::keywords::labels::labels;
use crate::keywords::tokens::Cut;
use crate::progress;
use duckdb::Connection;
use duckdb::arrow::array::RecordBatch;
use duckdb::arrow::datatypes::DataType;
use std::collections::HashSet;

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<Cluster>(connection)
}

listed! {
    /// A text by number.
    struct Text<'l> {
        position: u64,
        text: &'l str,
    }
}

/// Number of texts that are embedded, and put into the store, together.
const CHUNK: usize = 4096;

/// Maximum number of clusters; time grows with it.
const MAX_K: f64 = 1_000.0;

/// Maximum of `min_samples`; memory grows with it.
const MAX_MIN_SAMPLES: u64 = 200;

/// The options of a call.
struct Asked {
    settings: Settings,
    model: embed::Settings,
    /// Maximum number of terms of a label.
    label_terms: usize,
    /// Words that are no terms.
    stop_words: HashSet<String>,
    map: bool,
    threads: usize,
}

fn asked(mut options: Options) -> Result<Asked, Failure> {
    let methods = [
        ("auto", (Method::Auto, true)),
        ("hdbscan", (Method::Hdbscan, true)),
        ("hdbscan_approximate", (Method::Hdbscan, false)),
        ("kmeans", (Method::Kmeans, true)),
    ];
    let (method, exact) = options.choice("method", &methods)?;
    let k = options.optional_number("k", "be a whole number from 1 to 1000, or NULL", |x| {
        (1.0..=MAX_K).contains(&x) && x.fract() == 0.0
    })?;
    if let (Method::Hdbscan, Some(k)) = (method, k) {
        let allowed = if exact { "be NULL with method 'hdbscan'" } else { "be NULL with method 'hdbscan_approximate'" };
        return Err(options.invalid("k", allowed, Some(k.to_string())).into());
    }
    let hdbscan = hdbscan::Settings {
        min_cluster_size: options.whole("min_cluster_size", 2, cluster::MAX_POINTS as u64)? as usize,
        min_samples: options.whole("min_samples", 1, MAX_MIN_SAMPLES)? as usize,
        exact,
    };
    let seed = options.seed()?;
    let model = model(&mut options, Dtype::F32, Chunks::First)?;
    let label_terms = options.whole("label_terms", 0, 100)? as usize;
    let stop_words = stop_word_list(&mut options, Cut::Unicode)?;
    let map = options.boolean("map")?;
    let threads = options.threads();
    options.finish()?;
    let settings = Settings { method, k: k.map(|k| k as usize), hdbscan, seed };
    Ok(Asked { settings, model, label_terms, stop_words, map, threads })
}

/// `muster_cluster(texts, options)`: one row a text.
struct Cluster;

/// A text with its cluster and places.
struct Placed {
    position: u64,
    /// From 1; `None` for noise.
    cluster: Option<usize>,
    /// In the cluster, or in the noise, from 1.
    place: usize,
    silhouette: Option<f64>,
    method: &'static str,
    /// On the map.
    at: Option<(f64, f64)>,
    /// Of the cluster, at place 1.
    label: Option<Vec<String>>,
}

impl Kernel for Cluster {
    const NAME: &'static str = "muster_cluster";
    type Row = Placed;

    fn arguments() -> Vec<DataType> {
        vec![Text::data_type(), options::kind()]
    }

    fn rows() -> Rows<Placed> {
        Rows::new()
            .integer("position", |row: &Placed| row.position)
            .integer("cluster", |row| row.cluster)
            .integer("place", |row| row.place)
            .real("silhouette", |row| row.silhouette)
            .text("method", |row| Some(row.method))
            .real("x", |row| row.at.map(|at| at.0))
            .real("y", |row| row.at.map(|at| at.1))
            .texts("label", |row| row.label.as_deref())
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Placed>, Failure> {
        let asked = asked(Options::read(input, 1, call)?)?;
        let list = list(input, 0, call);
        let mut given = Text::rows(&list)?;
        cluster::check(given.len())?;
        given.sort_unstable_by_key(|row| (row.text, row.position));
        let texts: Vec<&str> = given.iter().map(|row| row.text).collect();
        let Embedded { points, directed } = embedded(&texts, &asked)?;
        let found = cluster::cluster(&points, &asked.settings, asked.threads)?;
        let clusters = of_all(&directed, found.clusters);
        let places = of_all(&directed, found.places);
        let silhouettes = of_all(&directed, found.silhouettes);
        let mut labels = match asked.label_terms {
            0 => Vec::new(),
            most => labels(&texts, &clusters, asked.stop_words, most)?,
        };
        let method = match (found.method == Method::Kmeans, found.approximate) {
            (true, false) => "kmeans",
            (true, true) => "kmeans_approximate",
            (false, false) => "hdbscan",
            (false, true) => "hdbscan_approximate",
        };
        let at: Vec<Option<(f64, f64)>> = match asked.map {
            true => of_all(&directed, map(&points, asked.threads).into_iter().map(Some).collect()),
            false => vec![None; texts.len()],
        };
        let mut noise = 0..;
        let mut rows = Vec::with_capacity(given.len());
        for (i, (text, at)) in given.iter().zip(at).enumerate() {
            let (cluster, place) = (clusters[i], places[i].or_else(|| noise.next()).unwrap_or_default());
            let first = cluster.filter(|_| place == 0);
            rows.push(Placed {
                position: text.position,
                cluster: cluster.map(|cluster| cluster + 1),
                place: place + 1,
                silhouette: silhouettes[i],
                method,
                at,
                label: first.and_then(|cluster| labels.get_mut(cluster)).map(std::mem::take),
            });
        }
        Ok(rows)
    }
}

/// Points of the texts whose vectors have a direction, and of each text whether its vector has one. A static model that knows no word of
/// a text gives it a vector of zeros: it is near to nothing.
struct Embedded {
    points: Points,
    directed: Vec<bool>,
}

/// Values of the points as values of all texts.
fn of_all<T>(directed: &[bool], found: Vec<Option<T>>) -> Vec<Option<T>> {
    let mut found = found.into_iter();
    directed.iter().map(|directed| if *directed { found.next().flatten() } else { None }).collect()
}

fn embedded(texts: &[&str], asked: &Asked) -> Result<Embedded, Failure> {
    let mut units = Units::new(texts.len());
    let mut directed = Vec::with_capacity(texts.len());
    if !texts.is_empty() {
        let embedder = embed::open(&asked.model)?;
        let steps = progress::steps("embeddings", texts.len());
        for (number, chunk) in texts.chunks(CHUNK).enumerate() {
            for vector in embedder.embed(chunk, asked.threads)? {
                match units.push(&vector.iter().map(|x| f64::from(*x)).collect::<Vec<f64>>()) {
                    Ok(()) => directed.push(true),
                    Err(ClusterError::Zero) => directed.push(false),
                    Err(error) => return Err(error.into()),
                }
            }
            steps.set(number * CHUNK + chunk.len());
        }
    }
    Ok(Embedded { points: units.points(), directed })
}
