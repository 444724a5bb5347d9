//! Headcounts of experts by company: replicates of weights, model, prevalence and counts.
//!
//! A replicate draws, in this order, how the annotators answer (weights of the gold people), the prevalence
//! of each company, and the number of experts: gold people as they are, a Binomial for
//! each group of observed people alike, and Binomial(headcount - observed, prevalence) for the people
//! nobody has seen. People are never looped over: a sum of Bernoullis with one probability is a Binomial.
//!
//! The methods differ in the prevalence:
//!
//! * `Company`: one prevalence a company, Jeffreys prior, updated by the company's own labels through bins (`company`).
//! * `Hierarchical`: companies learn from each other, and differ in how annotators see their people (`hierarchical`).
//! * `Original`: one prevalence from a Beta prior for all companies, never updated (the original study).
//! * `OriginalBySize`: the same with a prior by headcount (the original study's program). Both in `original`.

mod answers;
mod company;
mod hierarchical;
mod original;
mod replicates;
mod settings;
#[cfg(test)]
mod tests;

pub(crate) use original::Prior;
pub use replicates::Estimate;
pub use settings::{GoldSampling, Method, Settings};

use super::bins::{BINS, BinRates, Bins, CrossFit};
use super::study::{Pattern, Study, StudyError};

/// Estimates of every company of a study, in the study's order.
///
/// # Errors
///
/// Where a class has too few gold people, or a model cannot be fitted.
pub fn estimate(study: &Study, settings: &Settings) -> Result<Vec<Estimate>, StudyError> {
    study.require_gold_people()?;
    match settings.method {
        Method::Company | Method::Hierarchical => estimate_by(&bins(study, [], settings)?, study, settings),
        Method::Original => {
            original::estimates(study, Prior::Common(settings.prior_alpha, settings.prior_beta), settings)
        }
        Method::OriginalBySize => original::estimates(study, Prior::BySize, settings),
    }
}

/// Bins by which the methods `Company` and `Hierarchical` judge the people of a study, and people with `more` labels. Draws, level
/// and drift have no part in them.
///
/// # Errors
///
/// Where a class has too few gold people, or a model cannot be fitted.
pub(crate) fn bins(
    study: &Study,
    more: impl IntoIterator<Item = Pattern>,
    settings: &Settings,
) -> Result<Bins, StudyError> {
    study.require_gold_people()?;
    let fit = CrossFit::new(&study.gold, study.annotators.len(), settings.threads);
    let mut people = study.patterns();
    people.extend(study.gold.iter().map(|people| people.pattern));
    people.extend(more);
    Ok(Bins::new(&fit, &people, settings.seed)?)
}

/// Estimates of every company by the [`bins`] of the study; methods `Company` and `Hierarchical`.
///
/// # Errors
///
/// Those of [`estimate`].
fn estimate_by(bins: &Bins, study: &Study, settings: &Settings) -> Result<Vec<Estimate>, StudyError> {
    match settings.method {
        Method::Company => company::Plan::new(bins, study, settings).estimate(study),
        _ => Ok(hierarchical::estimate(bins, study, settings)),
    }
}

/// Experts of every company in every replicate, `[company][replicate]`, as [`estimate`] draws them, by the [`bins`] of the study; methods
/// `Company` and `Hierarchical`. What only detection floors need is left out where that is a work of its own.
///
/// # Errors
///
/// Those of [`estimate`].
pub(crate) fn experts_by(bins: &Bins, study: &Study, settings: &Settings) -> Result<Vec<Vec<u64>>, StudyError> {
    match settings.method {
        Method::Company => company::Plan::new(bins, study, settings).experts(study),
        _ => Ok(hierarchical::estimate(bins, study, settings).into_iter().map(|estimate| estimate.draws).collect()),
    }
}

/// Experts of every company in every replicate by the original study's methods under each prior, `[prior][company][replicate]`: as
/// [`estimate`] draws them, at less than the cost of one. Method and prior of the settings are not looked at.
///
/// # Errors
///
/// Those of [`estimate`].
pub(crate) fn original_experts<const N: usize>(
    study: &Study,
    priors: &[Prior; N],
    settings: &Settings,
) -> Result<Vec<Vec<Vec<u64>>>, StudyError> {
    study.require_gold_people()?;
    original::experts(study, priors, settings)
}

/// State of a company in one replicate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Likeness {
    pub(crate) prevalence: f64,
    /// Effects on non-experts and on experts.
    effects: [f64; 2],
}

impl Likeness {
    /// Odds by which the company's effects make a person in a bin of a mask with these rates more likely to be an expert.
    pub(crate) fn odds(&self, rates: &BinRates, bin: usize) -> f64 {
        if self.effects == [0.0; 2] { 1.0 } else { hierarchical::odds(rates, bin, self.effects) }
    }

    /// Factors by which the company changes the chances of people of each class to fall into each bin, `[class][bin]`, not
    /// normalised; `None` where it has no effects.
    pub(crate) fn tilts(&self) -> Option<[[f64; BINS]; 2]> {
        (self.effects != [0.0; 2]).then(|| hierarchical::tilts(self.effects))
    }

    /// The rates of a mask in the company.
    pub(crate) fn rates(&self, rates: &BinRates) -> BinRates {
        if self.effects == [0.0; 2] { *rates } else { hierarchical::rates(rates, self.effects) }
    }
}

/// Likeness of every company in every replicate, `[company][replicate]`, by the [`bins`] of the study; methods `Company` and
/// `Hierarchical`.
///
/// # Errors
///
/// Those of [`estimate`].
pub(crate) fn likenesses(bins: &Bins, study: &Study, settings: &Settings) -> Result<Vec<Vec<Likeness>>, StudyError> {
    if settings.method == Method::Company {
        let all = company::Plan::new(bins, study, settings).prevalences()?;
        let plain = |prevalence| Likeness { prevalence, effects: [0.0; 2] };
        return Ok(all.into_iter().map(|draws| draws.into_iter().map(plain).collect()).collect());
    }
    let all = hierarchical::states(bins, study, settings);
    let likeness = |(prevalence, effects)| Likeness { prevalence, effects };
    Ok(all.into_iter().map(|draws| draws.into_iter().map(likeness).collect()).collect())
}
