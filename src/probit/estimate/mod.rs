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
//! * `Hierarchical`: the same with a logit-normal prior whose mean is linear in log headcount; the
//!   hyperparameters are drawn in each replicate by Gibbs sweeps over all companies (`hierarchy`).
//! * `Original`: one prevalence from a Beta prior for all companies, never updated (the original study).
//! * `OriginalBySize`: the same with a prior by headcount (the original study's program). Both in `original`.

mod company;
mod hierarchy;
mod original;
mod replicates;
mod settings;
#[cfg(test)]
mod tests;

pub use replicates::Estimate;
pub use settings::{Method, Settings};

use super::study::{Study, StudyError};

/// Estimates of every company of a study, in the study's order.
///
/// # Errors
///
/// Where a class has too few gold people, or a model cannot be fitted.
pub fn estimate(study: &Study, settings: &Settings) -> Result<Vec<Estimate>, StudyError> {
    study.require_gold_people()?;
    if settings.method.refits() { original::estimate(study, settings) } else { company::estimate(study, settings) }
}

/// Prevalence of every company in every replicate, `[company][replicate]`; methods `Company` and `Hierarchical`.
///
/// # Errors
///
/// Those of [`estimate`].
pub(crate) fn prevalences(study: &Study, settings: &Settings) -> Result<Vec<Vec<f64>>, StudyError> {
    study.require_gold_people()?;
    company::prevalences(study, settings)
}
