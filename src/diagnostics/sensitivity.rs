//! Sensitivity of an estimate to method and prior: the same study under a grid of settings.

use crate::probit::estimate::{Method, Prior, Settings, bins, experts_by, original_experts};
use crate::probit::study::{Study, StudyError};
use crate::progress;
use crate::stats::summary::{Summary, summarise_counts};

/// Setting with its estimates.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    pub(crate) method: Method,
    /// Parameters of the Beta prior; method `Original` only.
    pub(crate) prior: Option<(f64, f64)>,
    /// Drift; methods `Company` and `Hierarchical` only.
    pub(crate) drift_sd: Option<f64>,
    /// Summary of each company of the study, in its order.
    pub(crate) companies: Vec<Summary>,
    /// Summary of each replicate's sum over companies.
    pub(crate) total: Summary,
}

/// Standard deviations of drift that are tried.
const DRIFT_SDS: [f64; 3] = [0.0, 0.1, 0.2];

/// Beta priors of the original study's method: its own, uniform, Jeffreys, and one of a few per cent.
const PRIORS: [(f64, f64); 4] = [(2.0, 10.0), (1.0, 1.0), (0.5, 0.5), (1.0, 30.0)];

/// Estimates of the study under every setting; draws, level, seed and threads are those of `settings`.
///
/// # Errors
///
/// Those of [`estimate`].
pub(crate) fn sensitivity(study: &Study, settings: &Settings) -> Result<Vec<Setting>, StudyError> {
    let steps = progress::steps("settings", 2 * DRIFT_SDS.len() + 1);
    let bins = bins(study, [], settings)?;
    let mut found = Vec::new();
    for method in [Method::Company, Method::Hierarchical] {
        for drift_sd in DRIFT_SDS {
            let experts = experts_by(&bins, study, &Settings { method, drift_sd, ..settings.clone() })?;
            found.push(Setting { drift_sd: Some(drift_sd), ..setting(method, &experts, settings) });
            steps.tick();
        }
    }
    let [a, b, c, d] = PRIORS.map(|(alpha, beta)| Prior::Common(alpha, beta));
    let mut by_prior = original_experts(study, &[a, b, c, d, Prior::BySize], settings)?.into_iter();
    for (prior, experts) in PRIORS.into_iter().zip(&mut by_prior) {
        found.push(Setting { prior: Some(prior), ..setting(Method::Original, &experts, settings) });
    }
    for experts in by_prior {
        found.push(setting(Method::OriginalBySize, &experts, settings));
    }
    steps.tick();
    Ok(found)
}

/// Setting of a method without prior and drift, from the experts of every company in every replicate.
fn setting(method: Method, experts: &[Vec<u64>], settings: &Settings) -> Setting {
    let sums: Vec<f64> = (0..settings.draws).map(|r| experts.iter().map(|drawn| drawn[r] as f64).sum()).collect();
    let company = |drawn: &Vec<u64>| {
        summarise_counts(&drawn.iter().map(|experts| *experts as f64).collect::<Vec<_>>(), settings.level)
    };
    Setting {
        method,
        prior: None,
        drift_sd: None,
        companies: experts.iter().map(company).collect(),
        total: summarise_counts(&sums, settings.level),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probit::estimate::estimate;
    use crate::simulate::{ANNOTATORS, Settings as Simulation, Simulator};

    #[test]
    fn every_setting_is_the_estimate_with_it() {
        let names: Vec<String> = ANNOTATORS.iter().map(|name| name.to_string()).collect();
        let simulator = Simulator::new(Simulation { companies: 5, max_observed: 100, ..Simulation::default() });
        let study = Study::new(&names, &simulator.study().0).unwrap();
        let settings = Settings { method: Method::Company, draws: 50, ..Settings::default() };
        let rows = sensitivity(&study, &settings).unwrap();
        assert_eq!(rows.len(), 11);
        let (uniform, by_size) = (Method::Original, Method::OriginalBySize);
        for (at, method) in [(0, Method::Company), (3, Method::Hierarchical), (7, uniform), (10, by_size)] {
            let settings = Settings { method, prior_alpha: 1.0, prior_beta: 1.0, ..settings.clone() };
            let own = estimate(&study, &settings).unwrap();
            let summaries: Vec<Summary> = own.iter().map(|e| e.summary).collect();
            assert_eq!((rows[at].method, &rows[at].companies), (method, &summaries));
        }
        for row in &rows {
            let sum: f64 = row.companies.iter().map(|s| s.mean).sum();
            assert!((row.total.mean - sum).abs() < 1e-6 * sum);
        }
    }
}
