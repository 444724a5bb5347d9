//! Report of the fitted model, one number a row.

use super::model::{ClassCounts, Model, head_counts};
use super::study::{Count, Study, StudyError, label, survey_weights};
use crate::stats::normal::quantile;
use crate::stats::tetrachoric::{PairTable, pair_cell, phi, tetrachoric};

/// Quantity of the model: one number, and the class and annotators it belongs to.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Quantity {
    /// Experts (true) or non-experts.
    pub(crate) class: Option<bool>,
    pub(crate) annotator: Option<String>,
    pub(crate) other: Option<String>,
    pub(crate) quantity: &'static str,
    pub(crate) value: Option<f64>,
    pub(crate) note: Option<String>,
}

/// Quantities of the model fitted to the gold people of a study: annotators, those dropped and why, rates, thresholds
/// and correlations of both classes.
///
/// # Errors
///
/// Where a class has too few gold people, or the model cannot be fitted.
pub(crate) fn report(study: &Study, unknown_ratings: u64) -> Result<Vec<Quantity>, StudyError> {
    study.require_gold_people()?;
    let mut rows = Vec::new();
    let overall = |quantity, value: u64, note: &str| Quantity {
        quantity,
        value: Some(value as f64),
        note: Some(note.to_string()),
        ..Quantity::default()
    };
    rows.push(overall("annotators", study.annotators.len() as u64, "annotators in the model"));
    rows.push(overall(
        "unknown_profiles",
        unknown_ratings,
        "ratings of people who are not in profiles; they are left out",
    ));
    rows.push(overall(
        "gold_unlabelled",
        study.gold_unlabelled.iter().sum(),
        "gold people without a label of the model's annotators; they are left out",
    ));
    for (name, reason) in &study.dropped {
        rows.push(Quantity {
            annotator: Some(name.clone()),
            quantity: "dropped",
            note: Some(reason.to_string()),
            ..Quantity::default()
        });
    }
    let weights = head_counts(&study.gold);
    let model = Model::fit(&study.gold, &weights, study.annotators.len());
    for class in [true, false] {
        class_rows(study, &model, &weights, class, &mut rows);
    }
    Ok(rows)
}

fn class_rows(study: &Study, model: &Model, weights: &[f64], class: bool, rows: &mut Vec<Quantity>) {
    let counts = ClassCounts::new(&study.gold, weights, class, study.annotators.len());
    let fitted = model.class(class);
    let row =
        |quantity, value: f64| Quantity { class: Some(class), quantity, value: Some(value), ..Quantity::default() };
    rows.push(row("gold", study.n_gold(class) as f64));
    let trimmed = survey_weights(&study.gold).trimmed[class as usize];
    if trimmed > 0 {
        let note = "gold people whose weight was cut to 20 times the mean of their class";
        rows.push(Quantity { note: Some(note.to_string()), ..row("trimmed", trimmed as f64) });
    }
    rows.push(row("smallest_eigenvalue", fitted.smallest_eigenvalue));
    for (j, name) in study.annotators.iter().enumerate() {
        for (quantity, value) in [
            ("labels", counts.seen[j]),
            ("yes", counts.yes[j]),
            ("rate", fitted.rates[j]),
            // a latent standard normal above it says yes
            ("threshold", -quantile(fitted.rates[j])),
        ] {
            rows.push(Quantity { annotator: Some(name.clone()), ..row(quantity, value) });
        }
    }
    let mut at = 0;
    for j in 0..study.annotators.len() {
        for i in 0..j {
            let common: f64 = counts.pairs[at].iter().sum();
            at += 1;
            for (quantity, value) in [
                ("pairs", common),
                ("tetrachoric", fitted.tetrachoric[(i, j)]),
                ("correlation", fitted.correlation.matrix()[(i, j)]),
            ] {
                rows.push(Quantity {
                    annotator: Some(study.annotators[i].clone()),
                    other: Some(study.annotators[j].clone()),
                    note: (common == 0.0).then(|| "no gold person has both labels".to_string()),
                    ..row(quantity, value)
                });
            }
        }
    }
}

/// Agreement of two annotators on the gold people of a class.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Agreement {
    pub(crate) class: bool,
    pub(crate) annotator: String,
    pub(crate) other: String,
    pub(crate) phi: Option<f64>,
    pub(crate) tetrachoric: Option<f64>,
    /// Gold people of the class with both labels.
    pub(crate) n: u64,
}

/// Agreements of every pair of annotators, dropped ones too, in both classes; bit j of the masks stands for `names[j]`.
pub(crate) fn agreements(names: &[String], counts: &[Count]) -> Vec<Agreement> {
    let mut rows = Vec::new();
    for class in [true, false] {
        let gold: Vec<&Count> = counts.iter().filter(|row| row.truth == Some(class)).collect();
        for j in 0..names.len() {
            for i in 0..j {
                let [a, b, c, d] = pair_table(&gold, i, j);
                rows.push(Agreement {
                    class,
                    annotator: names[i].clone(),
                    other: names[j].clone(),
                    phi: phi(a, b, c, d),
                    tetrachoric: tetrachoric(a, b, c, d),
                    n: (a + b + c + d) as u64,
                });
            }
        }
    }
    rows.sort_by(|x, y| {
        (!x.class, &x.annotator, &x.other)
            .partial_cmp(&(!y.class, &y.annotator, &y.other))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    rows
}

/// People with both labels, by what these are.
fn pair_table(people: &[&Count], i: usize, j: usize) -> PairTable {
    let mut table = [0.0; 4];
    for row in people {
        if let (Some(first), Some(second)) = (label(row.seen, row.yes, i), label(row.seen, row.yes, j)) {
            table[pair_cell(first, second)] += row.count as f64;
        }
    }
    table
}
