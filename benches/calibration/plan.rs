//! What it does to the intervals to rate people of companies, by their number and the way they are chosen.

use crate::case::{Case, Chosen, unweighted};
use crate::measure::{FITS, figures};
use crate::page::{FIGURES, cells, table};
use crate::simulated::{EDGES, SPECTRUM, study};
use muster::bench::simulate::Settings;

/// Way of choosing people of a study to be rated: name, their number, and what chooses them.
type Choice = (&'static str, usize, fn(&Case, usize) -> Vec<Chosen>);

const CHOICES: [Choice; 6] = [
    ("nobody", 0, over_all),
    ("100 drawn over all", 100, over_all),
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
