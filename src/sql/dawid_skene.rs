//! The kernels behind `dawid_skene`, `dawid_skene_annotators` and `dawid_skene_model`.
//!
//! The macros number items, annotators and labels from 0 on, so that a label is three numbers and no text.

use super::kernel::Kernel;
use super::table::{Column, Failure, Kind, Schema, integer_at, rows, rows_of, text};
use crate::debias::dawid_skene::{Fit, Label, Settings};
use crate::options::Options;
use duckdb::arrow::array::{Array, RecordBatch};
use duckdb::arrow::datatypes::DataType;
use std::collections::HashMap;

/// One row a rating; `label` NULL where it is missing, `gold` the item's class where that is given.
const LABELS: &Schema =
    &[("item", Kind::Integer), ("annotator", Kind::Integer), ("label", Kind::Integer), ("gold", Kind::Integer)];

fn arguments() -> Vec<DataType> {
    vec![rows_of(LABELS), DataType::Utf8]
}

/// What a call gave, counted.
struct Fitted {
    fit: Fit,
    items: usize,
    annotators: usize,
    labels: usize,
    gold: usize,
}

fn fit(caller: &str, input: &RecordBatch, call: usize) -> Result<Fitted, Failure> {
    let mut options = Options::parse(caller, text(input, 1, call))?;
    let settings = Settings {
        max_iterations: options.whole("max_iterations", 1, 1_000_000)? as usize,
        tolerance: options.number("tolerance", "lie between 0 and 1", |x| (0.0..1.0).contains(&x))?,
        threads: options.whole("threads", 1, 1 << 20)? as usize,
    };
    let classes = options.whole("classes", 0, u32::MAX as u64)? as usize;
    options.finish()?;
    let rows = rows(input, 0, call);
    let mut labels = Vec::with_capacity(rows.len());
    let mut gold = HashMap::new();
    let (mut items, mut annotators) = (0, 0);
    for row in 0..rows.len() {
        let number = |field| integer_at(&rows, field, row).and_then(|value| u32::try_from(value).ok());
        let (Some(item), Some(annotator)) = (number(0), number(1)) else {
            return Err(format!("{caller}: at most {} profiles are possible", u32::MAX).into());
        };
        items = items.max(item as usize + 1);
        annotators = annotators.max(annotator as usize + 1);
        if let Some(class) = number(2) {
            labels.push(Label { item, annotator, class });
        }
        if let Some(class) = number(3) {
            gold.insert(item, class);
        }
    }
    let fit = Fit::new(&labels, items, annotators, classes, &gold, &settings)
        .map_err(|error| format!("{caller}: {error}"))?;
    Ok(Fitted { fit, items, annotators, labels: labels.len(), gold: gold.len() })
}

/// `muster_dawid_skene(labels, options)`: one row an item and class.
pub struct DawidSkene;

impl Kernel for DawidSkene {
    const NAME: &'static str = "muster_dawid_skene";
    const COLUMNS: &'static Schema = &[
        ("item", Kind::Integer),
        ("class", Kind::Integer),
        ("probability", Kind::Real),
        ("label", Kind::Integer),
        ("n_labels", Kind::Integer),
    ];

    fn arguments() -> Vec<DataType> {
        arguments()
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let Fitted { fit, items, .. } = fit("dawid_skene", input, call)?;
        let classes = fit.classes;
        let rows = || (0..items * classes).map(|row| (row / classes, row % classes));
        let most_likely: Vec<Option<i64>> = (0..items).map(|item| fit.most_likely(item).map(|l| l as i64)).collect();
        Ok(vec![
            Column::Integer(rows().map(|(item, _)| Some(item as i64)).collect()),
            Column::Integer(rows().map(|(_, class)| Some(class as i64)).collect()),
            Column::Real(fit.posterior.iter().map(|&t| Some(t)).collect()),
            Column::Integer(rows().map(|(item, _)| most_likely[item]).collect()),
            Column::Integer(rows().map(|(item, _)| Some(fit.n_labels[item] as i64)).collect()),
        ])
    }
}

/// `muster_dawid_skene_annotators(labels, options)`: one row an annotator, class and label.
pub struct DawidSkeneAnnotators;

impl Kernel for DawidSkeneAnnotators {
    const NAME: &'static str = "muster_dawid_skene_annotators";
    const COLUMNS: &'static Schema = &[
        ("annotator", Kind::Integer),
        ("class", Kind::Integer),
        ("label", Kind::Integer),
        ("probability", Kind::Real),
        ("n", Kind::Real),
    ];

    fn arguments() -> Vec<DataType> {
        arguments()
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let Fitted { fit, annotators, .. } = fit("dawid_skene_annotators", input, call)?;
        let classes = fit.classes;
        let cells = annotators * classes * classes;
        let place = |of: &dyn Fn(usize) -> usize| Column::Integer((0..cells).map(|c| Some(of(c) as i64)).collect());
        // NaN, and so NULL, where the annotator has no label on items of the class
        let probability = |cell: usize| {
            let row = cell / classes * classes;
            fit.confusion[cell] / fit.confusion[row..row + classes].iter().sum::<f64>()
        };
        Ok(vec![
            place(&|cell| cell / (classes * classes)),
            place(&|cell| cell / classes % classes),
            place(&|cell| cell % classes),
            Column::Real((0..cells).map(|cell| Some(probability(cell))).collect()),
            Column::Real(fit.confusion.iter().map(|&n| Some(n)).collect()),
        ])
    }
}

/// `muster_dawid_skene_model(labels, options)`: one row a number of the model.
pub struct DawidSkeneModel;

impl Kernel for DawidSkeneModel {
    const NAME: &'static str = "muster_dawid_skene_model";
    const COLUMNS: &'static Schema = &[("class", Kind::Integer), ("quantity", Kind::Text), ("value", Kind::Real)];

    fn arguments() -> Vec<DataType> {
        arguments()
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let Fitted { fit, items, annotators, labels, gold } = fit("dawid_skene_model", input, call)?;
        let mut rows: Vec<(Option<i64>, &str, f64)> = vec![
            (None, "profiles", items as f64),
            (None, "gold", gold as f64),
            (None, "annotators", annotators as f64),
            (None, "labels", labels as f64),
            (None, "iterations", fit.iterations as f64),
            (None, "converged", f64::from(u8::from(fit.converged))),
            (None, "log_likelihood", fit.log_likelihood),
        ];
        rows.extend(fit.prevalence.iter().enumerate().map(|(class, &p)| (Some(class as i64), "prevalence", p)));
        Ok(vec![
            Column::Integer(rows.iter().map(|row| row.0).collect()),
            Column::Text(rows.iter().map(|row| Some(row.1.to_string())).collect()),
            Column::Real(rows.iter().map(|row| Some(row.2)).collect()),
        ])
    }
}
