//! Probability of each person to be an expert.
//!
//! In every replicate the model is fitted to the gold people under Bayesian bootstrap weights, and a
//! person's likelihood ratio meets a prior: the prevalence drawn for the person's company (so the company's other people
//! speak too), a number the user gives, or the share of experts among the gold people. Where companies have effects, they
//! tilt the ratio as they do the rates of the person's bin. Mean and quantiles are over replicates.

use super::bins::BinRates;
use super::estimate::{Likeness, Settings, bins, likenesses};
use super::model::{Model, replicate_points};
use super::prevalence::posterior;
use super::study::{Pattern, Study, StudyError};
use crate::parallel;
use crate::stats::summary::{Summary, summarise};
use std::collections::{BTreeMap, BTreeSet};

/// Number of replicates of the model.
const REPLICATES: usize = 200;

/// Source of the prior of a person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum PersonPrior {
    /// The prevalence of the person's company.
    Company,
    /// One number for everybody, in (0, 1).
    Fixed(f64),
    /// The share of experts among the gold people.
    GoldShare,
}

/// Posterior of the people of one company and pattern.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Posterior {
    pub(crate) company: Option<String>,
    pub(crate) pattern: Pattern,
    pub(crate) summary: Summary,
}

/// Posterior of every (company, pattern) in `kinds`; people without a company have the share of experts among the gold
/// people as prior under [`PersonPrior::Company`].
///
/// # Errors
///
/// Where a class has too few gold people, or the model cannot be fitted.
pub(crate) fn posteriors(
    study: &Study,
    kinds: &BTreeSet<(Option<String>, Pattern)>,
    prior: PersonPrior,
    settings: &Settings,
) -> Result<Vec<Posterior>, StudyError> {
    let settings = Settings { draws: REPLICATES, ..settings.clone() };
    let patterns: BTreeSet<Pattern> = kinds.iter().map(|(_, pattern)| *pattern).collect();
    let bins = bins(study, patterns.iter().copied(), &settings)?;
    let patterns: Vec<Pattern> = patterns.into_iter().collect();
    let rates: Vec<BinRates> = (0..bins.masks.len()).map(|mask| bins.point_rates(mask)).collect();
    // [replicate][pattern]: likelihood ratios under the weights of the replicate
    let ratios = parallel::map(settings.threads, REPLICATES, |r| -> Result<Vec<f64>, StudyError> {
        let model = Model::fit(&study.gold, &bins.weights(r as u64), study.annotators.len());
        Ok(model.log_ratios(&patterns, replicate_points(r))?.into_iter().map(f64::exp).collect())
    });
    let ratios = ratios.into_iter().collect::<Result<Vec<_>, _>>()?;
    let share = study.gold_share();
    let by_company: BTreeMap<&str, Vec<Likeness>> = if prior == PersonPrior::Company {
        let names = study.companies.iter().map(|c| c.name.as_str());
        names.zip(likenesses(&bins, study, &settings)?).collect()
    } else {
        BTreeMap::new()
    };
    let kinds: Vec<&(Option<String>, Pattern)> = kinds.iter().collect();
    Ok(parallel::map(settings.threads, kinds.len(), |k| {
        let (company, pattern) = kinds[k];
        let own = company.as_deref().and_then(|name| by_company.get(name));
        let at = patterns.binary_search(pattern).unwrap_or(0);
        let place = bins.mask_index(pattern.seen).map(|mask| (&rates[mask], bins.person_bin(mask, *pattern)));
        let draw = |r: usize| {
            let likeness = own.map(|own| own[r]);
            let pi = match (prior, likeness) {
                (PersonPrior::Fixed(pi), _) => pi,
                (_, Some(likeness)) => likeness.prevalence,
                _ => share,
            };
            // nobody's labels without a mask
            let Some((rates, bin)) = place else {
                return pi;
            };
            posterior(pi, ratios[r][at] * likeness.map_or(1.0, |likeness| likeness.odds(rates, bin)))
        };
        let draws: Vec<f64> = (0..REPLICATES).map(draw).collect();
        Posterior { company: company.clone(), pattern: *pattern, summary: summarise(&draws, settings.level) }
    }))
}
