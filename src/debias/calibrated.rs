//! Log debiasing calibrated on gold companies, those whose true count is given.
//!
//! The logarithm of annotator j's count of company i is X_ij = ln t_i + alpha_j + e_ij, with t_i the true count (zero as
//! one half), alpha_j the annotator's bias and e_i. ~ N(0, S): annotators that err together have correlated errors. From the
//! gold companies
//!
//!   alpha_j = mean of X_ij - ln t_i
//!   S       = covariance of what is left (n - 1 in the denominator), its correlations shrunk by .1 toward 0
//!
//! and for every company, with the rows and columns of S that belong to the annotators it has (1 = a vector of ones),
//!
//!   mu_i  = 1'S^-1 (X_i - alpha) / 1'S^-1 1      (generalised least squares)
//!   sd_i² = 1 / 1'S^-1 1 * (1 + 1 / n)           (n gold companies behind the alphas)
//!   estimate exp(mu_i), limits exp(mu_i ± z sd_i), none of them above the headcount.
//!
//! A gold company is estimated like any other: its own truth is not put in its place. S is taken as known: with few
//! gold companies the weights fit them too well and the limits cover less than their level.

use super::table::{Band, Company, DebiasError, Estimate, Table, has_outlier, log_count};
use crate::stats::intervals::z;
use nalgebra::{DMatrix, DVector};

/// Share by which correlations are shrunk toward 0.
const SHRINKAGE: f64 = 0.1;

/// Minimum number of gold companies; and one more than there are annotators, or their covariance is singular.
const MIN_GOLD: usize = 3;

/// Smallest variance of an annotator's logarithms: one that always hits the truth would have weight infinity.
const MIN_VARIANCE: f64 = 1e-12;

/// Biases and errors of the annotators on gold companies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Calibration {
    /// Bias of each annotator on the logarithmic scale.
    pub(crate) alphas: Vec<f64>,
    /// Covariance of the annotators' errors.
    pub(crate) covariance: DMatrix<f64>,
    /// Number of gold companies each annotator has counts of.
    pub(crate) gold: Vec<usize>,
}

impl Calibration {
    /// The calibration on the gold companies of a table.
    ///
    /// # Errors
    ///
    /// Where there are too few of them, or an annotator has counts of too few.
    pub(crate) fn new(table: &Table) -> Result<Calibration, DebiasError> {
        let size = table.annotators.len();
        let errors: Vec<Vec<Option<f64>>> = table.companies.iter().filter_map(errors).collect();
        let needed = MIN_GOLD.max(size + 1);
        if errors.len() < needed {
            return Err(DebiasError::TooFewGoldCompanies { needed, got: errors.len() });
        }
        let mut calibration = Calibration {
            alphas: Vec::with_capacity(size),
            covariance: DMatrix::zeros(size, size),
            gold: Vec::with_capacity(size),
        };
        for (j, annotator) in table.annotators.iter().enumerate() {
            let errors: Vec<f64> = errors.iter().filter_map(|row| row[j]).collect();
            if errors.len() < needed {
                return Err(DebiasError::TooFewGoldCounts { annotator: annotator.clone(), needed, got: errors.len() });
            }
            calibration.alphas.push(errors.iter().sum::<f64>() / errors.len() as f64);
            calibration.gold.push(errors.len());
        }
        calibration.covariance = covariance(&errors, &calibration.alphas);
        Ok(calibration)
    }

    /// Band of the company; `None` without a count.
    fn band(&self, company: &Company, z: f64) -> Option<Band> {
        let (there, logs): (Vec<usize>, Vec<f64>) = company.present().map(|(j, log)| (j, log - self.alphas[j])).unzip();
        let gold = there.iter().map(|&j| self.gold[j]).min()?;
        let part = DMatrix::from_fn(there.len(), there.len(), |a, b| self.covariance[(there[a], there[b])]);
        // positive definite by construction, and so is every part of it
        let weights = part.cholesky()?.solve(&DVector::repeat(there.len(), 1.0));
        let precision = weights.sum();
        let mu = weights.iter().zip(&logs).map(|(w, log)| w * log).sum::<f64>() / precision;
        let sd = ((1.0 + 1.0 / gold as f64) / precision).sqrt();
        let most = company.headcount.unwrap_or(f64::INFINITY);
        Some(Band {
            estimate: mu.exp().min(most),
            lower: (mu - z * sd).exp().min(most),
            upper: (mu + z * sd).exp().min(most),
            uncertainty_factor: (2.0 * z * sd).exp(),
            outlier: has_outlier(logs, mu),
        })
    }
}

/// Estimate of every company, in the table's order; none without companies.
///
/// # Errors
///
/// Those of [`Calibration::new`].
pub(crate) fn calibrated(table: &Table, level: f64) -> Result<Vec<Estimate>, DebiasError> {
    if table.companies.is_empty() {
        return Ok(Vec::new());
    }
    let calibration = Calibration::new(table)?;
    let z = z(level);
    let estimate = |company: &Company| Estimate {
        company: company.name.clone(),
        band: calibration.band(company, z),
        headcount: company.headcount,
        annotators: company.present().count(),
    };
    Ok(table.companies.iter().map(estimate).collect())
}

/// Errors X_ij - ln t_i of a gold company that has a count.
fn errors(company: &Company) -> Option<Vec<Option<f64>>> {
    let truth = log_count(company.truth?);
    company.present().next()?;
    Some(company.logs.iter().map(|log| log.map(|log| log - truth)).collect())
}

/// Covariance of the errors, from the companies that have both annotators of a pair.
///
/// With gaps the correlations of pairs need not fit together: negative eigenvalues are set to 0 and the diagonal
/// to 1 again before shrinkage, after which the smallest eigenvalue is at least `SHRINKAGE`.
fn covariance(errors: &[Vec<Option<f64>>], alphas: &[f64]) -> DMatrix<f64> {
    let size = alphas.len();
    let moment = |j: usize, k: usize| {
        let products = || errors.iter().filter_map(|row| Some((row[j]? - alphas[j]) * (row[k]? - alphas[k])));
        let n = products().count();
        if n > 1 { products().sum::<f64>() / (n - 1) as f64 } else { 0.0 }
    };
    let sds: Vec<f64> = (0..size).map(|j| moment(j, j).max(MIN_VARIANCE).sqrt()).collect();
    let mut correlations = DMatrix::from_fn(size, size, |j, k| {
        if j == k { 1.0 } else { (moment(j.min(k), j.max(k)) / (sds[j] * sds[k])).clamp(-1.0, 1.0) }
    });
    let eigen = correlations.clone().symmetric_eigen();
    if eigen.eigenvalues.iter().any(|&value| value < 0.0) {
        let lifted = DMatrix::from_diagonal(&eigen.eigenvalues.map(|value| value.max(0.0)));
        let product = &eigen.eigenvectors * lifted * eigen.eigenvectors.transpose();
        let scale = |j: usize| product[(j, j)].max(MIN_VARIANCE).sqrt();
        correlations = DMatrix::from_fn(size, size, |j, k| product[(j, k)] / (scale(j) * scale(k)));
    }
    DMatrix::from_fn(size, size, |j, k| {
        let kept = if j == k { 1.0 } else { 1.0 - SHRINKAGE };
        sds[j] * sds[k] * kept * correlations[(j, k)]
    })
}

#[cfg(test)]
mod tests {
    use super::super::table::Entry;
    use super::super::table::tests::entry;
    use super::*;
    use crate::random::{Purpose, Stream};
    use rand_distr::{Distribution, StandardNormal};

    fn gold(company: &str, annotator: &str, value: f64, truth: f64) -> Entry {
        Entry { truth: Some(truth), ..entry(company, annotator, value) }
    }

    fn run(entries: &[Entry], level: f64) -> Vec<Estimate> {
        calibrated(&Table::new(entries).unwrap(), level).unwrap()
    }

    #[test]
    fn two_annotators_by_hand() {
        // ln errors of x: 1, 1, -1, -1 around ln 2; of y: 2, -2, 2, -2 around 0. They are uncorrelated, variances
        // 4/3 and 16/3, so the weights are 4 to 1 and the precision is 3/4 + 3/16 = 15/16
        let mut rows = Vec::new();
        for (company, (x, y)) in [(1.0, 2.0), (1.0, -2.0), (-1.0, 2.0), (-1.0, -2.0)].into_iter().enumerate() {
            let name = format!("gold {company}");
            rows.push(gold(&name, "x", 100.0 * 2.0 * f64::exp(x), 100.0));
            rows.push(gold(&name, "y", 100.0 * f64::exp(y), 100.0));
        }
        rows.push(entry("new", "x", 80.0));
        rows.push(entry("new", "y", 10.0));
        rows.push(entry("only y", "y", 7.0));
        rows.push(Entry { headcount: Some(9.0), ..entry("small", "y", 7.0) });
        let estimates = run(&rows, 0.8);
        let z = 1.2815515655446004;
        let check = |estimate: &Estimate, mu: f64, sd: f64| {
            let band = estimate.band.unwrap();
            for (got, want) in [(band.estimate, mu), (band.lower, mu - z * sd), (band.upper, mu + z * sd)] {
                assert!((got.ln() - want).abs() < 1e-9, "{}: {band:?}", estimate.company);
            }
        };
        let named = |name: &str| estimates.iter().find(|e| e.company == name).unwrap();
        check(named("new"), 0.8 * 40f64.ln() + 0.2 * 10f64.ln(), (16.0 / 15.0 * 1.25f64).sqrt());
        check(named("only y"), 7f64.ln(), (16.0 / 3.0 * 1.25f64).sqrt());
        let small = named("small").band.unwrap();
        assert_eq!((small.upper, small.estimate.round()), (9.0, 7.0));
        assert!((small.uncertainty_factor.ln() - 2.0 * z * (16.0 / 3.0 * 1.25f64).sqrt()).abs() < 1e-9);
    }

    #[test]
    fn coverage_of_simulated_companies() {
        // 300 studies of 40 gold and 20 other companies and five annotators. ln t ~ N(4, 1.2²); X = ln t + alpha + e,
        // alphas from -1 to 1, e normal with standard deviations of .3 to .7, correlated .5 by a common factor;
        // a tenth of the counts is missing. Counts are taken as they come, without rounding, as the model has them.
        let alphas = [-1.0, -0.3, 0.0, 0.6, 1.0];
        let sds = [0.3, 0.4, 0.5, 0.6, 0.7];
        let (mut inside, mut all) = (0, 0);
        for study in 0..300 {
            let mut generator = Stream::new(7, Purpose::Simulation, study).replicate(0);
            let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
            let (mut rows, mut truths) = (Vec::new(), Vec::new());
            for company in 0..60 {
                let name = format!("{company:02}");
                let (log_truth, common) = (4.0 + 1.2 * normal(), normal());
                for (j, (alpha, sd)) in alphas.iter().zip(sds).enumerate() {
                    let error = sd * (0.5f64.sqrt() * common + 0.5f64.sqrt() * normal());
                    // a standard normal is above 1.2816 one time in ten
                    let missing = normal() > 1.2816;
                    rows.push(Entry {
                        truth: (company < 40).then(|| log_truth.exp()),
                        ..entry(&name, &format!("a{j}"), (!missing).then(|| (log_truth + alpha + error).exp()))
                    });
                }
                truths.push(log_truth.exp());
            }
            for (estimate, truth) in run(&rows, 0.8).iter().zip(truths).skip(40) {
                if let Some(band) = estimate.band {
                    all += 1;
                    inside += usize::from(band.lower <= truth && truth <= band.upper);
                }
            }
        }
        let coverage = inside as f64 / all as f64;
        println!("coverage of 80 % limits: {coverage:.3} of {all}");
        assert!(all > 5900 && (0.74..=0.86).contains(&coverage), "{coverage} of {all}");
    }

    #[test]
    fn names_and_row_order_change_no_byte() {
        let mut generator = Stream::new(3, Purpose::Simulation, 0).replicate(0);
        let mut rows = Vec::new();
        for company in 0..12 {
            for annotator in ["a", "b", "c", "d"] {
                let noise: f64 = StandardNormal.sample(&mut generator);
                rows.push(Entry {
                    truth: (company < 8).then_some(50.0 + company as f64),
                    ..entry(&format!("{company:02}"), annotator, (noise > -1.0).then(|| (50.0 * noise.exp()).round()))
                });
            }
        }
        let renamed: Vec<Entry> = rows
            .iter()
            .rev()
            .map(|row| Entry {
                annotator: ["d", "a", "c", "b"][(row.annotator.as_bytes()[0] - b'a') as usize].to_string(),
                ..row.clone()
            })
            .collect();
        assert_eq!(run(&rows, 0.8), run(&renamed, 0.8));
    }

    #[test]
    fn too_few_gold_companies() {
        let rows = |companies: usize, of_y: usize| {
            let mut rows = Vec::new();
            for company in 0..companies {
                let name = company.to_string();
                rows.push(gold(&name, "x", 10.0 + company as f64, 12.0));
                rows.push(entry(&name, "y", (company < of_y).then_some(9.0)));
            }
            calibrated(&Table::new(&rows).unwrap(), 0.8)
        };
        assert_eq!(rows(2, 2).unwrap_err(), DebiasError::TooFewGoldCompanies { needed: 3, got: 2 });
        let annotator = "y".to_string();
        assert_eq!(rows(5, 1).unwrap_err(), DebiasError::TooFewGoldCounts { annotator, needed: 3, got: 1 });
        assert!(rows(3, 3).is_ok());
        assert!(calibrated(&Table::default(), 0.8).unwrap().is_empty());
    }

    #[test]
    fn an_annotator_that_is_always_right_decides() {
        let mut rows = Vec::new();
        for company in 0..4 {
            rows.push(gold(&company.to_string(), "x", 10.0, 10.0));
            rows.push(gold(&company.to_string(), "y", 3.0 + company as f64, 10.0));
        }
        rows.extend([entry("new", "x", 77.0), entry("new", "y", 2.0)]);
        let band = run(&rows, 0.8)[4].band.unwrap();
        assert!((band.estimate - 77.0).abs() < 1e-3, "{band:?}");
    }
}
