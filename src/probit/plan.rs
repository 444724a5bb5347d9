//! Whom to rate next: how likely each person is to be drawn so that the ratings shrink an interval most.
//!
//! People who are not gold are put into cells, a company and a stratum of labels each: the bins of the likelihood ratio,
//! and those without labels. A cell of N people of whom n are rated at random leaves the variance N² S² / n - N S² of its number of experts,
//! S² = mean of p (1 - p), p the probability that a person is an expert. With cells that weigh w in what is to be known,
//! the sum of w² N² S² / n is least for a given number of ratings where n is proportional to w N S (Neyman 1934): where each
//! person's chance n / N is proportional to w S. The people of a company who are observed stand for all its employees, so w is
//! headcount / observed for the total, and 1 / observed for the companies' shares.
//!
//! The p are a model's, and an expert found where nobody expected one must not weigh too much: nobody's chance is
//! below half of that of a plain draw, as long as that is below 1 / [`HEAVIEST`].
//!
//! The number of people drawn from a cell is a whole one, n rounded up or down by one random start for all cells
//! (systematic sampling, Madow 1949): it is n on average, so that the chances are what they are said to be.

use super::bins::Cuts;
use super::estimate::Settings;
use super::model::{Model, Ratios};
use super::person::{PersonPrior, posteriors};
use super::study::{Company, Pattern, Study, StudyError};
use crate::random::{Purpose, Stream};
use rand::RngExt;
use std::collections::{BTreeMap, BTreeSet};

/// Largest inverse of a chance where the budget allows for it.
const HEAVIEST: f64 = 20.0;

/// Smallest variance of a person, so that some chance is left for those a model is sure of.
const LEAST_VARIANCE: f64 = 1e-12;

/// Quantity that ratings are to make known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// The number of experts in all companies together.
    Total,
    /// The share of experts in each of them.
    Companies,
}

/// Stratum of labels: the bin of the likelihood ratio; `None` without a label of the model's annotators.
pub(crate) type Stratum = Option<usize>;

/// People of one company and stratum who are not gold.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Position of the company in the study.
    pub company: usize,
    pub stratum: Stratum,
    pub(crate) people: u64,
    /// Mean probability to be an expert.
    pub(crate) p_expert: f64,
    /// Chance of each of the people to be drawn.
    pub chance: f64,
    /// Number of people drawn.
    pub drawn: u64,
}

/// Plan of ratings.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// By stratum, then by company.
    pub cells: Vec<Cell>,
    pub strata: BTreeMap<Pattern, Stratum>,
    /// Cuts between the strata.
    pub cuts: Cuts,
}

/// The plan of `budget` ratings, or of as many as there are people.
///
/// # Errors
///
/// Where a class has too few gold people, or the model cannot be fitted.
pub fn plan(study: &Study, budget: u64, goal: Goal, settings: &Settings) -> Result<Plan, StudyError> {
    study.require_gold_people()?;
    let model = Model::point(&study.gold, study.annotators.len());
    let tables = model.tables_if_small()?;
    let ratios = Ratios::new(&model, tables.as_ref(), study.patterns());
    let cuts = Cuts::new(&study.gold, &model, tables.as_ref());
    let mut strata: BTreeMap<Pattern, Stratum> = BTreeMap::new();
    let mut kinds: BTreeSet<(Option<String>, Pattern)> = BTreeSet::new();
    for company in &study.companies {
        for (pattern, _) in &company.people {
            strata.entry(*pattern).or_insert_with(|| (pattern.seen != 0).then(|| cuts.bin(ratios.of(*pattern))));
            kinds.insert((Some(company.name.clone()), *pattern));
        }
    }
    // sorted, like the companies and their people
    let mut found = posteriors(study, &kinds, PersonPrior::Company, settings)?.into_iter();
    let mut sums: BTreeMap<(Stratum, usize), (u64, f64, f64)> = BTreeMap::new();
    for (at, company) in study.companies.iter().enumerate() {
        for ((pattern, people), posterior) in company.people.iter().zip(&mut found) {
            let (n, p) = (*people as f64, posterior.summary.mean);
            let sum = sums.entry((strata[pattern], at)).or_default();
            *sum = (sum.0 + people, sum.1 + n * p, sum.2 + n * p * (1.0 - p));
        }
    }
    let mut cells = Vec::new();
    let mut groups = Vec::new();
    for ((stratum, company), (people, experts, variance)) in sums {
        let n = people as f64;
        groups.push((people, weight(&study.companies[company], goal) * (variance / n).max(LEAST_VARIANCE).sqrt()));
        cells.push(Cell { company, stratum, people, p_expert: experts / n, chance: 0.0, drawn: 0 });
    }
    let chances = chances(&groups, budget);
    let mut generator = Stream::new(settings.seed, Purpose::Plan, 0).replicate(0);
    let drawn = round(&groups, &chances, budget, generator.random());
    for ((cell, chance), drawn) in cells.iter_mut().zip(chances).zip(drawn) {
        (cell.chance, cell.drawn) = (chance, drawn);
    }
    Ok(Plan { cells, strata, cuts })
}

/// Weight of a person of the company in what is to be known.
fn weight(company: &Company, goal: Goal) -> f64 {
    match goal {
        Goal::Total => company.headcount as f64 / company.observed as f64,
        Goal::Companies => 1.0 / company.observed as f64,
    }
}

/// Chances of the people of each group (people, importance of each): proportional to importance between the least chance and
/// 1, so that the budget is what is drawn on average.
fn chances(groups: &[(u64, f64)], budget: u64) -> Vec<f64> {
    let people: u64 = groups.iter().map(|group| group.0).sum();
    if budget >= people {
        return vec![1.0; groups.len()];
    }
    let plain = budget as f64 / people as f64;
    let least = (plain / 2.0).min(1.0 / HEAVIEST);
    // groups at the least chance and at 1 are set aside until the others lie between
    let mut fixed: Vec<Option<f64>> = vec![None; groups.len()];
    loop {
        let (mut left, mut open) = (budget as f64, 0.0);
        for ((n, importance), fixed) in groups.iter().zip(&fixed) {
            match fixed {
                Some(chance) => left -= *n as f64 * chance,
                None => open += *n as f64 * importance,
            }
        }
        let scale = left / open;
        let chance = |importance: f64| importance * scale;
        // what the groups below take from the budget, and those above leave
        let (mut below, mut above) = (0.0, 0.0);
        for ((n, importance), _) in groups.iter().zip(&fixed).filter(|(_, fixed)| fixed.is_none()) {
            below += *n as f64 * (least - chance(*importance)).max(0.0);
            above += *n as f64 * (chance(*importance) - 1.0).max(0.0);
        }
        if below == 0.0 && above == 0.0 {
            return groups.iter().zip(&fixed).map(|(group, fixed)| fixed.unwrap_or_else(|| chance(group.1))).collect();
        }
        for ((_, importance), fixed) in groups.iter().zip(&mut fixed).filter(|(_, fixed)| fixed.is_none()) {
            // the larger of the two violations stays one whatever becomes of the other
            if below >= above && chance(*importance) < least {
                *fixed = Some(least);
            } else if above > below && chance(*importance) > 1.0 {
                *fixed = Some(1.0);
            }
        }
    }
}

/// Numbers of people drawn from each group, `budget` in all: the rounded sums of people times chance, from a start in [0, 1).
fn round(groups: &[(u64, f64)], chances: &[f64], budget: u64, start: f64) -> Vec<u64> {
    let people: u64 = groups.iter().map(|group| group.0).sum();
    let budget = budget.min(people);
    let (mut sum, mut taken) = (0.0, 0);
    let mut drawn = Vec::with_capacity(groups.len());
    for (number, ((n, _), chance)) in groups.iter().zip(chances).enumerate() {
        sum += *n as f64 * chance;
        // a sum that is whole but for its last bits is whole
        let whole = if (sum - sum.round()).abs() < 1e-9 * sum.max(1.0) { sum.round() } else { sum };
        let upto = if number + 1 == groups.len() { budget } else { ((whole + start).floor() as u64).min(budget) };
        drawn.push((upto - taken).min(*n));
        taken = upto;
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probit::study::Count;
    use proptest::prelude::*;

    #[test]
    fn chances_are_proportional_to_the_spread() {
        // p of .5 and .1: S of .5 and .3; N S of 50 and 90, so 28 ratings are 10 and 18
        let found = chances(&[(100, 0.5), (300, 0.3)], 28);
        assert!((found[0] - 0.1).abs() < 1e-12 && (found[1] - 0.06).abs() < 1e-12, "{found:?}");
        // all of the first: 500 - 10 are left for 990
        let found = chances(&[(10, 0.5), (990, 0.1)], 500);
        assert!((found[0] - 1.0).abs() < 1e-12 && (found[1] - 490.0 / 990.0).abs() < 1e-12, "{found:?}");
        // half of a plain draw's .01, the rest for the others: 10 - 900 · .005 = 5.5 of 100
        let found = chances(&[(100, 0.5), (900, 0.001)], 10);
        assert!((found[0] - 0.055).abs() < 1e-12 && (found[1] - 0.005).abs() < 1e-12, "{found:?}");
        // never above 20: 200 - 900 · .05 = 155 of 100, so that all are taken and 100 left for 900
        let found = chances(&[(100, 0.5), (900, 0.001)], 200);
        assert!((found[0] - 1.0).abs() < 1e-12 && (found[1] - 1.0 / 9.0).abs() < 1e-12, "{found:?}");
        let found = chances(&[(1000, 0.5), (900, 0.001)], 200);
        assert!((found[0] - 0.155).abs() < 1e-12 && (found[1] - 0.05).abs() < 1e-12, "{found:?}");
        assert_eq!(chances(&[(3, 0.5), (4, 0.1)], 7), [1.0, 1.0]);
        assert_eq!(chances(&[(3, 0.5), (4, 0.1)], 0), [0.0, 0.0]);
    }

    #[test]
    fn whole_numbers_are_drawn_whatever_the_start() {
        let groups = [(100, 0.5), (300, 0.3)];
        for start in [0.0, 0.3, 0.999] {
            assert_eq!(round(&groups, &chances(&groups, 28), 28, start), [10, 18]);
        }
        // a quarter and three quarters of a person: the first in a quarter of the starts
        let groups = [(5, 0.1), (15, 0.1)];
        let starts = (0..100).map(|start| f64::from(start) / 100.0 + 0.001);
        let first: u64 = starts.map(|start| round(&groups, &chances(&groups, 1), 1, start)[0]).sum();
        assert_eq!(first, 25);
    }

    /// One company of gold people aside, two of others: 40 with a yes and 160 with a no, 20 and 380.
    fn study() -> Study {
        let row = |company: &str, truth, yes, count, headcount| Count {
            company: Some(company.to_string()),
            truth,
            seen: 1,
            yes,
            count,
            gold_weight: 1.0,
            headcount,
        };
        let counts = [
            row("gold", Some(true), 1, 70, None),
            row("gold", Some(true), 0, 30, None),
            row("gold", Some(false), 1, 10, None),
            row("gold", Some(false), 0, 290, None),
            row("a", None, 1, 40, Some(600.0)),
            row("a", None, 0, 160, Some(600.0)),
            row("b", None, 1, 20, None),
            row("b", None, 0, 380, None),
            Count { seen: 0, ..row("b", None, 0, 100, None) },
        ];
        Study::new(&["x".to_string()], &counts).unwrap()
    }

    #[test]
    fn a_plan_follows_the_posterior_and_the_goal() {
        let study = study();
        let of = |goal| plan(&study, 60, goal, &Settings::default()).unwrap();
        let total = of(Goal::Total);
        assert_eq!(total.cells.iter().map(|cell| cell.people).sum::<u64>(), 700);
        assert_eq!(total.cells.iter().map(|cell| cell.drawn).sum::<u64>(), 60);
        let expected: f64 = total.cells.iter().map(|cell| cell.people as f64 * cell.chance).sum();
        assert!((expected - 60.0).abs() < 1e-9);
        let chance = |plan: &Plan, company: &str, stratum: Stratum| {
            let at = study.companies.iter().position(|c| c.name == company).unwrap();
            plan.cells.iter().find(|cell| (cell.company, cell.stratum) == (at, stratum)).unwrap().chance
        };
        // yes is a ratio of .698 / .035 = 20 (the last bin), no of .31 (the first)
        let (yes, no) = (Some(3), Some(0));
        assert_eq!(total.strata[&Pattern { seen: 1, yes: 1 }], yes);
        assert_eq!(total.strata[&Pattern { seen: 1, yes: 0 }], no);
        assert_eq!(total.strata[&Pattern::default()], None);
        assert!(chance(&total, "a", yes) > chance(&total, "a", no));
        assert!(chance(&total, "b", yes) > chance(&total, "b", no));
        let companies = of(Goal::Companies);
        let ratio = |plan: &Plan| chance(plan, "a", yes) / chance(plan, "b", yes);
        // a person of a stands for three employees, one of b for one; their shares of those observed are 1/200 and 1/500
        assert!((ratio(&total) / ratio(&companies) - 3.0 / 2.5).abs() < 1e-9);
        // nothing of a company without people who are not gold
        assert!(total.cells.iter().all(|cell| study.companies[cell.company].name != "gold"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn chances_spend_the_budget(
            groups in prop::collection::vec((1..500u64, 1e-6..0.5f64), 1..30),
            share in 0.0..1.2f64,
            start in 0.0..1.0f64,
        ) {
            let people: u64 = groups.iter().map(|group| group.0).sum();
            let budget = (people as f64 * share) as u64;
            let found = chances(&groups, budget);
            let spent: f64 = groups.iter().zip(&found).map(|((n, _), chance)| *n as f64 * chance).sum();
            prop_assert!((spent - budget.min(people) as f64).abs() < 1e-6 * (1.0 + budget as f64));
            let least = (budget as f64 / people as f64 / 2.0).min(1.0 / HEAVIEST);
            prop_assert!(found.iter().all(|chance| (least - 1e-12..=1.0 + 1e-12).contains(chance)));
            let drawn = round(&groups, &found, budget, start);
            prop_assert_eq!(drawn.iter().sum::<u64>(), budget.min(people));
            for ((drawn, (n, _)), chance) in drawn.iter().zip(&groups).zip(&found) {
                prop_assert!((*drawn as f64 - *n as f64 * chance).abs() < 1.0 + 1e-6);
            }
        }
    }
}
