//! The kernels behind `dawid_skene`, `dawid_skene_annotators` and `dawid_skene_model`.
//!
//! The macros number items, annotators and labels from 0 on, so that a label is three numbers and no text.

use super::kernel::{Kernel, register as kernel};
use super::options::{self, Options};
use super::rows::{Failure, Listed, Rows, list, listed};
use crate::debias::dawid_skene::{Fit, Label, Settings};
use duckdb::Connection;
use duckdb::arrow::array::RecordBatch;
use duckdb::arrow::datatypes::DataType;
use std::collections::HashMap;

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<DawidSkene>(connection)?;
    kernel::<DawidSkeneAnnotators>(connection)?;
    kernel::<DawidSkeneModel>(connection)
}

listed! {
    /// A rating; `label` is NULL where it is missing, `gold` the item's class where that is given.
    struct Rating {
        item: Option<i64>,
        annotator: Option<i64>,
        label: Option<i64>,
        gold: Option<i64>,
    }
}

fn arguments() -> Vec<DataType> {
    vec![Rating::data_type(), options::kind()]
}

/// The model fitted in a call, and the size of its data.
struct Fitted {
    fit: Fit,
    items: usize,
    annotators: usize,
    labels: usize,
    gold: usize,
}

fn fit(input: &RecordBatch, call: usize) -> Result<Fitted, Failure> {
    let mut options = Options::read(input, 1, call)?;
    let settings = Settings {
        max_iterations: options.whole("max_iterations", 1, 1_000_000)? as usize,
        tolerance: options.number("tolerance", "lie between 0 and 1", |x| (0.0..1.0).contains(&x))?,
        threads: options.threads(),
    };
    let classes = options.whole("classes", 0, u32::MAX as u64)? as usize;
    options.finish()?;
    let number = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok());
    let mut labels = Vec::new();
    let mut gold = HashMap::new();
    let (mut items, mut annotators) = (0, 0);
    for rating in Rating::rows(&list(input, 0, call))? {
        let (Some(item), Some(annotator)) = (number(rating.item), number(rating.annotator)) else {
            return Err(format!("at most {} profiles are possible", u32::MAX).into());
        };
        items = items.max(item as usize + 1);
        annotators = annotators.max(annotator as usize + 1);
        if let Some(class) = number(rating.label) {
            labels.push(Label { item, annotator, class });
        }
        if let Some(class) = number(rating.gold) {
            gold.insert(item, class);
        }
    }
    let fit = Fit::new(&labels, items, annotators, classes, &gold, &settings)?;
    Ok(Fitted { fit, items, annotators, labels: labels.len(), gold: gold.len() })
}

/// `muster_dawid_skene(labels, options)`
struct DawidSkene;

/// The posterior of a class of an item.
struct Posterior {
    item: usize,
    class: usize,
    probability: f64,
    most_likely: Option<u64>,
    labels: usize,
}

impl Kernel for DawidSkene {
    const NAME: &'static str = "muster_dawid_skene";
    type Row = Posterior;

    fn arguments() -> Vec<DataType> {
        arguments()
    }

    fn rows() -> Rows<Posterior> {
        Rows::new()
            .integer("item", |row: &Posterior| row.item)
            .integer("class", |row| row.class)
            .real("probability", |row| row.probability)
            .integer("label", |row| row.most_likely)
            .integer("n_labels", |row| row.labels)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Posterior>, Failure> {
        let Fitted { fit, items, .. } = fit(input, call)?;
        let of_item = |item: usize| {
            let most_likely = fit.most_likely(item).map(|label| label as u64);
            let (labels, classes) = (fit.n_labels[item], fit.classes);
            let posterior = fit.posterior[item * classes..(item + 1) * classes].iter().enumerate();
            posterior.map(move |(class, &probability)| Posterior { item, class, probability, most_likely, labels })
        };
        Ok((0..items).flat_map(of_item).collect())
    }
}

/// `muster_dawid_skene_annotators(labels, options)`
struct DawidSkeneAnnotators;

/// The share of a label in an annotator's labels of a class.
struct Confusion {
    annotator: usize,
    class: usize,
    label: usize,
    /// NaN, and so NULL, where the annotator has no label on items of the class.
    probability: f64,
    labels: f64,
}

impl Kernel for DawidSkeneAnnotators {
    const NAME: &'static str = "muster_dawid_skene_annotators";
    type Row = Confusion;

    fn arguments() -> Vec<DataType> {
        arguments()
    }

    fn rows() -> Rows<Confusion> {
        Rows::new()
            .integer("annotator", |row: &Confusion| row.annotator)
            .integer("class", |row| row.class)
            .integer("label", |row| row.label)
            .real("probability", |row| row.probability)
            .real("n", |row| row.labels)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Confusion>, Failure> {
        let Fitted { fit, annotators, .. } = fit(input, call)?;
        let classes = fit.classes;
        let confusion = |cell: usize| {
            let row = cell / classes * classes;
            let all: f64 = fit.confusion[row..row + classes].iter().sum();
            Confusion {
                annotator: cell / (classes * classes),
                class: cell / classes % classes,
                label: cell % classes,
                probability: fit.confusion[cell] / all,
                labels: fit.confusion[cell],
            }
        };
        Ok((0..annotators * classes * classes).map(confusion).collect())
    }
}

/// `muster_dawid_skene_model(labels, options)`: one row a number of the model.
struct DawidSkeneModel;

/// A number of the model, and the class it is about.
type Quantity = (Option<usize>, &'static str, f64);

impl Kernel for DawidSkeneModel {
    const NAME: &'static str = "muster_dawid_skene_model";
    type Row = Quantity;

    fn arguments() -> Vec<DataType> {
        arguments()
    }

    fn rows() -> Rows<Quantity> {
        Rows::new()
            .integer("class", |row: &Quantity| row.0)
            .text("quantity", |row| Some(row.1))
            .real("value", |row| row.2)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Quantity>, Failure> {
        let Fitted { fit, items, annotators, labels, gold } = fit(input, call)?;
        let mut rows: Vec<Quantity> = vec![
            (None, "profiles", items as f64),
            (None, "gold", gold as f64),
            (None, "annotators", annotators as f64),
            (None, "labels", labels as f64),
            (None, "iterations", fit.iterations as f64),
            (None, "converged", f64::from(u8::from(fit.converged))),
            (None, "log_likelihood", fit.log_likelihood),
        ];
        rows.extend(fit.prevalence.iter().enumerate().map(|(class, &p)| (Some(class), "prevalence", p)));
        Ok(rows)
    }
}
