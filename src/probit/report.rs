//! The fitted model as rows of one number each.

use super::model::{ClassCounts, Model};
use super::study::{Gold, Study, StudyError};

/// One number of the model, with what it is about.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Quantity {
    /// The class it belongs to: experts (true) or others.
    pub class: Option<bool>,
    pub annotator: Option<String>,
    pub other: Option<String>,
    pub quantity: &'static str,
    pub value: Option<f64>,
    pub note: Option<String>,
}

/// The model fitted to the gold people of a study: annotators, what was dropped and why, rates, thresholds
/// and correlations of both classes.
pub fn report(study: &Study, unknown_ratings: u64) -> Result<Vec<Quantity>, StudyError> {
    study.require_gold()?;
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
        study.gold_unlabelled,
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
    let weights: Vec<f64> = study.gold.iter().map(|r| r.count as f64).collect();
    let model = Model::fit(&study.gold, &weights, study.annotators.len())?;
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
    rows.push(row("gold", study.gold_in(class) as f64));
    rows.push(row("smallest_eigenvalue", fitted.smallest_eigenvalue));
    for (j, name) in study.annotators.iter().enumerate() {
        for (quantity, value) in [
            ("labels", counts.seen[j]),
            ("yes", counts.yes[j]),
            ("rate", fitted.rates[j]),
            // a latent standard normal above it says yes
            ("threshold", -super::normal::quantile(fitted.rates[j])),
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
                ("correlation", fitted.correlation[(i, j)]),
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

/// How two annotators agree on the gold people of a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    pub class: bool,
    pub annotator: String,
    pub other: String,
    pub phi: Option<f64>,
    pub tetrachoric: Option<f64>,
    /// Gold people of the class with both labels.
    pub n: u64,
}

/// Every pair of annotators, dropped ones too, in both classes; `names` in the order of the rows' bits.
pub fn agreements(names: &[String], gold: &[Gold]) -> Vec<Agreement> {
    let weights: Vec<f64> = gold.iter().map(|r| r.count as f64).collect();
    let mut rows = Vec::new();
    for class in [true, false] {
        let counts = ClassCounts::new(gold, &weights, class, names.len());
        let mut at = 0;
        for j in 0..names.len() {
            for i in 0..j {
                let [a, b, c, d] = counts.pairs[at];
                at += 1;
                rows.push(Agreement {
                    class,
                    annotator: names[i].clone(),
                    other: names[j].clone(),
                    phi: super::tetrachoric::phi(a, b, c, d),
                    tetrachoric: super::tetrachoric::tetrachoric(a, b, c, d),
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
