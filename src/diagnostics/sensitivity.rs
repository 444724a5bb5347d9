//! Sensitivity of an estimate to method and prior: the same study under a grid of settings.

use crate::probit::estimate::{Method, Settings, estimate};
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
    let drifting = [Method::Company, Method::Hierarchical].map(|method| DRIFT_SDS.map(|sd| (method, None, Some(sd))));
    let original = PRIORS.map(|prior| (Method::Original, Some(prior), None));
    let by_size = (Method::OriginalBySize, None, None);
    let grid = drifting.into_iter().flatten().chain(original).chain([by_size]);
    let steps = progress::steps("settings", 2 * DRIFT_SDS.len() + PRIORS.len() + 1);
    grid.map(|(method, prior, drift_sd)| {
        let (prior_alpha, prior_beta) = prior.unwrap_or((settings.prior_alpha, settings.prior_beta));
        let settings =
            Settings { method, prior_alpha, prior_beta, drift_sd: drift_sd.unwrap_or(0.0), ..settings.clone() };
        let estimates = estimate(study, &settings)?;
        steps.tick();
        let sums: Vec<f64> = (0..settings.draws).map(|r| estimates.iter().map(|e| e.draws[r] as f64).sum()).collect();
        Ok(Setting {
            method,
            prior,
            drift_sd,
            companies: estimates.iter().map(|e| e.summary).collect(),
            total: summarise_counts(&sums, settings.level),
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{ANNOTATORS, Settings as Simulation, Simulator};

    #[test]
    fn every_setting_is_the_estimate_with_it() {
        let names: Vec<String> = ANNOTATORS.iter().map(|name| name.to_string()).collect();
        let simulator = Simulator::new(Simulation { companies: 5, max_observed: 100, ..Simulation::default() });
        let study = Study::new(&names, &simulator.study().0).unwrap();
        let settings = Settings { method: Method::Company, draws: 50, ..Settings::default() };
        let rows = sensitivity(&study, &settings).unwrap();
        assert_eq!(rows.len(), 11);
        let own = estimate(&study, &settings).unwrap();
        let summaries: Vec<Summary> = own.iter().map(|e| e.summary).collect();
        assert_eq!(rows[0].companies, summaries);
        for row in &rows {
            let sum: f64 = row.companies.iter().map(|s| s.mean).sum();
            assert!((row.total.mean - sum).abs() < 1e-6 * sum);
        }
    }
}
