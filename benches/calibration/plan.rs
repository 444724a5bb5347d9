//! What it does to the intervals to rate people of companies, by their number and the way they are chosen.

use crate::case::{Case, Chosen, unweighted};
use crate::measure::{FITS, figures, prepared};
use crate::page::{FIGURES, cells, table};
use crate::simulated::{EDGES, SPECTRUM, study};
use muster::bench::probit::{Goal, plan};
use muster::bench::simulate::Settings;
use std::collections::BTreeMap;

/// Way of choosing people of a study to be rated: name, their number, and what chooses them.
type Choice = (&'static str, usize, fn(&Case, usize) -> Vec<Chosen>);

const CHOICES: [Choice; 8] = [
    ("nobody", 0, over_all),
    ("100 drawn over all", 100, over_all),
    ("100 of `rating_plan`", 100, planned),
    ("100 of `rating_plan`, goal companies", 100, planned_for_companies),
    ("100, one a company in turn", 100, in_turn),
    ("3 a company", 600, in_turn),
    ("10 a company", 2000, in_turn),
    ("30 a company", 6000, in_turn),
];

/// People drawn over all companies.
fn over_all(case: &Case, number: usize) -> Vec<Chosen> {
    case.shuffled(|_| true).into_iter().take(number).map(unweighted).collect()
}

/// People drawn inside companies, as many in each.
fn in_turn(case: &Case, number: usize) -> Vec<Chosen> {
    case.in_turn(number).into_iter().map(unweighted).collect()
}

/// People that `rating_plan` draws.
fn planned(case: &Case, number: usize) -> Vec<Chosen> {
    by_plan(case, number, Goal::Total)
}

/// As [`planned`], for the shares in the companies.
fn planned_for_companies(case: &Case, number: usize) -> Vec<Chosen> {
    by_plan(case, number, Goal::Companies)
}

/// People of a plan, their weights divided by their mean, as docs/model.md has it where gold people are there from before.
fn by_plan(case: &Case, number: usize, goal: Goal) -> Vec<Chosen> {
    let (study, settings) = prepared(case, "hierarchical", None);
    let plan = plan(&study, number as u64, goal, &settings).expect("a study with gold people");
    let mut left: BTreeMap<(usize, Option<usize>), (u64, f64)> =
        plan.cells.iter().map(|cell| ((cell.company, cell.stratum), (cell.drawn, 1.0 / cell.chance))).collect();
    let mut people = Vec::new();
    // companies of the study are those of the case, in its order
    for (company, position) in case.shuffled(|_| true) {
        let person = &case.companies[company].people[position];
        let stratum = plan.strata[&study.pattern(person.pattern.seen.into(), person.pattern.yes.into())];
        let (drawn, weight) = left.get_mut(&(company, stratum)).expect("a cell for everybody");
        if *drawn > 0 {
            *drawn -= 1;
            people.push((company, position, *weight));
        }
    }
    let mean = people.iter().map(|(_, _, weight)| weight).sum::<f64>() / people.len() as f64;
    people.into_iter().map(|(company, at, weight)| (company, at, weight / mean)).collect()
}

pub(crate) fn section(seeds: u64) -> String {
    let mut rows = Vec::new();
    for (drift, spectrum) in [(0.0, 0.0), (0.2, SPECTRUM)] {
        for (name, number, choose) in CHOICES {
            let found = figures(&FITS, seeds, &EDGES, |seed| {
                let case = study(Settings { seed, drift, spectrum, ..Settings::default() });
                let people = choose(&case, number);
                case.chosen(people)
            });
            let head = |way: &str| vec![drift.to_string(), spectrum.to_string(), name.to_string(), way.to_string()];
            rows.extend(found.iter().map(|f| [head(&f.way), cells(f)].concat()));
        }
    }
    format!(
        "{seeds} seeds of `probit6` as above, 585 gold people from outside, and people of companies rated besides.\n\n{}",
        table(&[&["drift", "spectrum", "people rated", "method"][..], &FIGURES[..]].concat(), &rows),
    )
}
