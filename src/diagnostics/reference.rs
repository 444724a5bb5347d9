//! Reference of the drift statistics: class tables fitted to all companies and the gold people at once.
//!
//! Company c's answers are a mixture pi_c f1 + (1 - pi_c) f0 of two tables over all 2^J patterns that every
//! company shares, and a gold person comes from the table of the person's class. The tables are free
//! (no probit form) and found by the EM algorithm (Dempster, Laird & Rubin 1977), missing labels summed
//! out. So whatever the gold people and the companies have in common, also a common misfit of
//! the gold people's model, is in the reference; what is left between companies is drift.
//!
//! A little of the gold people's probit model ([`PRIOR_PEOPLE`] in each class) keeps cells nobody fell into above 0 and the
//! classes apart; [`PRIOR_PREVALENCE`] people at the overall share keep small companies off the boundary.

use crate::interrupt;
use crate::probit::model::Model;
use crate::probit::study::{Company, Pattern, Study, StudyError};
use crate::stats::orthant::marginal;
use std::collections::BTreeMap;

/// Weight of the probit tables, in people a class.
const PRIOR_PEOPLE: f64 = 10.0;

/// Weight of the overall share of experts in each company's prevalence, in people.
const PRIOR_PREVALENCE: f64 = 4.0;

/// Maximum number of iterations.
const MAX_ITERATIONS: usize = 400;

/// Largest move of a prevalence that ends the iteration.
const CONVERGED: f64 = 1e-6;

/// Class tables, and the prevalence of each company under them.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    pub(crate) annotators: usize,
    /// `[class][pattern]` over complete patterns, bit j of the index annotator j; non-experts first.
    pub(crate) tables: [Vec<f64>; 2],
    /// Prevalence of each company of the study.
    pub(crate) prevalence: Vec<f64>,
}

/// People with one set of labels: `[yes]` indexes tables as long as the complete one.
struct MaskTable {
    /// Gold people of each class.
    gold: [Vec<f64>; 2],
    /// Probabilities of the visible answers in each class.
    probability: [Vec<f64>; 2],
    /// People assigned to each class in this iteration.
    assigned: [Vec<f64>; 2],
}

impl Reference {
    /// The reference of a study.
    ///
    /// # Errors
    ///
    /// Where a class has too few gold people, or their model cannot be fitted.
    pub(crate) fn fit(study: &Study) -> Result<Reference, StudyError> {
        study.require_gold_people()?;
        let annotators = study.annotators.len();
        let model = Model::point(&study.gold, annotators);
        let prior = [model.non_expert.table()?, model.expert.table()?];
        let mut reference =
            Reference { annotators, tables: prior.clone(), prevalence: vec![0.05; study.companies.len()] };
        let people: Vec<Vec<(Pattern, f64)>> = study.companies.iter().map(Company::evened_people).collect();
        let mut masks = mask_tables(study, 1 << annotators);
        for _ in 0..MAX_ITERATIONS {
            for (mask, table) in &mut masks {
                interrupt::check();
                for class in 0..2 {
                    table.probability[class] = marginal(&reference.tables[class], *mask);
                    table.assigned[class].clone_from(&table.gold[class]);
                }
            }
            let moved = reference.assign(study, &people, &mut masks);
            for (class, (table, prior)) in reference.tables.iter_mut().zip(&prior).enumerate() {
                *table = reassemble(table, prior, &masks, class);
            }
            if moved < CONVERGED {
                break;
            }
        }
        Ok(reference)
    }

    /// The expectation step over the evened `people` of each company, and the new prevalences; gives the largest move of one of them.
    fn assign(&mut self, study: &Study, people: &[Vec<(Pattern, f64)>], masks: &mut BTreeMap<u32, MaskTable>) -> f64 {
        let sizes: Vec<f64> = study.companies.iter().map(|c| c.labelled_not_gold() as f64).collect();
        let total: f64 = sizes.iter().sum();
        let experts: f64 = self.prevalence.iter().zip(&sizes).map(|(pi, n)| pi * n).sum();
        let share = if total > 0.0 { experts / total } else { 0.05 };
        let mut moved = 0.0f64;
        for ((people, prevalence), size) in people.iter().zip(&mut self.prevalence).zip(&sizes) {
            interrupt::check();
            let pi = *prevalence;
            let mut sum = 0.0;
            for &(pattern, count) in people {
                let Some(table) = masks.get_mut(&pattern.seen) else {
                    continue;
                };
                let cell = pattern.yes as usize;
                let expert = pi * table.probability[1][cell];
                let non_expert = (1.0 - pi) * table.probability[0][cell];
                let responsibility = expert / (expert + non_expert);
                sum += count * responsibility;
                table.assigned[1][cell] += count * responsibility;
                table.assigned[0][cell] += count * (1.0 - responsibility);
            }
            *prevalence = (sum + PRIOR_PREVALENCE * share) / (size + PRIOR_PREVALENCE);
            moved = moved.max((*prevalence - pi).abs());
        }
        moved
    }
}

/// Tables of every set of labels in the study, with its gold people.
fn mask_tables(study: &Study, cells: usize) -> BTreeMap<u32, MaskTable> {
    let empty = || MaskTable {
        gold: [vec![0.0; cells], vec![0.0; cells]],
        probability: [Vec::new(), Vec::new()],
        assigned: [vec![0.0; cells], vec![0.0; cells]],
    };
    let mut masks: BTreeMap<u32, MaskTable> = study.masks().into_iter().map(|mask| (mask, empty())).collect();
    for row in &study.gold {
        let table = masks.entry(row.pattern.seen).or_insert_with(empty);
        table.gold[row.truth as usize][row.pattern.yes as usize] += row.count as f64;
    }
    masks
}

/// The maximisation step: everybody assigned to the class, spread over the complete patterns that fit.
fn reassemble(table: &[f64], prior: &[f64], masks: &BTreeMap<u32, MaskTable>, class: usize) -> Vec<f64> {
    let mut weight = vec![0.0; table.len()];
    for (mask, counts) in masks {
        interrupt::check();
        for (cell, weight) in weight.iter_mut().enumerate() {
            let visible = cell & *mask as usize;
            let people = counts.assigned[class][visible];
            if people > 0.0 {
                *weight += people / counts.probability[class][visible];
            }
        }
    }
    let mut next: Vec<f64> =
        table.iter().zip(&weight).zip(prior).map(|((p, w), prior)| p * w + PRIOR_PEOPLE * prior).collect();
    let total: f64 = next.iter().sum();
    next.iter_mut().for_each(|p| *p /= total);
    next
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probit::study::Count;
    use crate::simulate::{ANNOTATORS, Settings, Simulator};

    #[test]
    fn tables_and_prevalences_are_recovered() {
        let names: Vec<String> = ANNOTATORS.iter().map(|name| name.to_string()).collect();
        let simulator = Simulator::new(Settings { companies: 60, ..Settings::default() });
        let (counts, companies) = simulator.study();
        let study = Study::new(&names, &counts).unwrap();
        let reference = Reference::fit(&study).unwrap();
        for table in &reference.tables {
            assert!((table.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            assert!(table.iter().all(|p| *p > 0.0));
        }
        // what non-experts say is known from many thousand people: sonnet's false positives are .025
        let sonnet = study.annotators.iter().position(|name| name == "sonnet").unwrap();
        let rate = |class: usize| -> f64 {
            let yes = reference.tables[class].iter().enumerate().filter(|(cell, _)| cell >> sonnet & 1 == 1);
            yes.map(|(_, p)| p).sum()
        };
        assert!((rate(0) - 0.025).abs() < 0.006, "{}", rate(0));
        assert!((rate(1) - 0.588).abs() < 0.08, "{}", rate(1));
        let observed = |c: usize| companies[c].people.len() as f64;
        let experts: f64 = (0..60).map(|c| reference.prevalence[c] * observed(c)).sum();
        let truth: usize = companies.iter().map(|c| c.people.iter().filter(|p| p.expert).count()).sum();
        assert!((experts / truth as f64 - 1.0).abs() < 0.25, "{experts} against {truth}");
    }

    #[test]
    fn a_study_without_companies_gives_the_gold_tables() {
        let row = |truth, yes, count| Count {
            company: None,
            truth: Some(truth),
            seen: 1,
            yes,
            count,
            gold_weight: 1.0,
            headcount: None,
        };
        let counts = [row(true, 1, 30), row(true, 0, 10), row(false, 1, 5), row(false, 0, 45)];
        let reference = Reference::fit(&Study::new(&["a".to_string()], &counts).unwrap()).unwrap();
        // 30 of 40, and 10 people at the smoothed rate 30.5 / 41
        assert!((reference.tables[1][1] - (30.0 + 10.0 * 30.5 / 41.0) / 50.0).abs() < 1e-9);
    }
}
