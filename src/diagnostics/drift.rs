//! Drift: differences of the annotators' answers from company to company.
//!
//! The reference (`reference`) says what each company's answers should look like at its own prevalence. Against it
//! stands a shift d_j of each annotator's latent mean in the company. With mixture f = (1 - pi) f0 + pi f1 the scores of a
//! person are
//!
//! * s = (f1 - f0) / f for the prevalence, and
//! * t_j = ((1 - pi) f0 t_0j + pi f1 t_1j) / f for the shift, t_kj = C_kj (y_j - P_k(y_j = 1 | the other labels)):
//!   a shift of j leaves the joint distribution of the others alone, and C_kj makes the rate of j move by
//!   the normal density at its threshold, as in the probit model.
//!
//! U = sum of t - B s, B = cov(t, s) / var(s), is the company's evidence of the shift whatever its
//! prevalence (the efficient score, Neyman's C(alpha)), with variance I under the reference. From it
//!
//! * Q = U' I^-1 U, on as many degrees of freedom as annotators, is the company's statistic. Its mean is exact; its variance
//!   2 J + (E (v' C^-1 v)^2 - J (J + 2)) / n comes from the tables (v one person's score, C its covariance) and a scaled
//!   chi-square with these two moments gives the p-value, for a plain one is far off in small companies;
//! * I^-1 U estimates the company's shifts, with covariance I^-1;
//! * with shifts N(0, tau^2) the eigenvectors of I give independent z ~ N(0, l + tau^2 l^2): tau is the maximum of their
//!   likelihood, its interval that of the likelihood ratio. This tau is what `drift_sd` asks for.
//!
//! Agreement of pairs: the sum of y_j y_k - E, less its regression on all t and s, over its own standard
//! deviation. It is large where two annotators go together otherwise than elsewhere, margins apart.

use super::reference::Reference;
use crate::interrupt;
use crate::parallel;
use crate::probit::study::{Company, Study, StudyError, annotators_in};
use crate::stats::intervals::z;
use crate::stats::logistic::{logistic, logit};
use crate::stats::normal::quantile;
use crate::stats::orthant::marginal;
use nalgebra::{DMatrix, DVector, SymmetricEigen};
use statrs::distribution::{ChiSquared, ContinuousCDF};
use std::collections::{BTreeMap, BTreeSet};

/// Distance of the logits at which scores are computed; a company's are those of the nearest.
const SPACING: f64 = 0.1;

/// Largest standard deviation of shifts that is looked for.
const LARGEST_SD: f64 = 2.0;

/// P-value below which the overall verdict is drift.
const SIGNIFICANT: f64 = 0.01;

/// Drift of one company.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CompanyDrift {
    /// Number of people with labels who are not gold.
    pub(crate) people: u64,
    pub(crate) prevalence: f64,
    pub(crate) fit: Option<Fit>,
}

/// Statistic of a company with labels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fit {
    pub(crate) statistic: f64,
    pub(crate) df: usize,
    /// Variance of the statistic under the reference.
    variance: f64,
    pub(crate) p_value: f64,
    /// Shift of each annotator and its variance; `None` where nobody has the annotator's label.
    pub(crate) shifts: Vec<Option<(f64, f64)>>,
    /// Annotator whose shift is largest against its standard deviation.
    pub(crate) worst: usize,
    /// Pair whose agreement is strangest, with its standardised residual.
    pub(crate) pair: Option<(usize, usize, f64)>,
    /// Eigenvalues of I with the score along each eigenvector.
    directions: Vec<(f64, f64)>,
}

/// Drift over all companies, of one annotator or of all.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Position in the study; `None` for all annotators together.
    pub annotator: Option<usize>,
    pub companies: usize,
    pub statistic: f64,
    pub df: usize,
    pub p_value: f64,
    /// Standard deviation of the shifts, with the limits of its interval.
    pub sd: f64,
    pub lower: f64,
    pub upper: f64,
}

impl Summary {
    /// Whether companies differ by more than chance.
    pub fn drifts(&self) -> bool {
        is_significant(self.p_value)
    }
}

/// Whether a p-value says drift.
pub(crate) fn is_significant(p_value: f64) -> bool {
    p_value < SIGNIFICANT
}

/// Drift of every company of the study, in its order.
///
/// # Errors
///
/// Where a class has too few gold people, or their model cannot be fitted.
pub(crate) fn companies(study: &Study, threads: usize) -> Result<Vec<CompanyDrift>, StudyError> {
    let reference = Reference::fit(study)?;
    let positions: Vec<i64> = reference.prevalence.iter().map(|pi| (logit(*pi) / SPACING).round() as i64).collect();
    let wanted: BTreeSet<(u32, i64)> = study
        .companies
        .iter()
        .zip(&positions)
        .flat_map(|(c, at)| c.people.iter().filter(|(p, _)| p.seen != 0).map(|(p, _)| (p.seen, *at)))
        .collect();
    let wanted: Vec<(u32, i64)> = wanted.into_iter().collect();
    let scores = parallel::map(threads, wanted.len(), |i| {
        let (mask, at) = wanted[i];
        Scores::new(&reference, mask, logistic(at as f64 * SPACING))
    });
    let scores: BTreeMap<(u32, i64), Scores> = wanted.into_iter().zip(scores).collect();
    Ok(parallel::map(threads, study.companies.len(), |c| {
        let company = &study.companies[c];
        CompanyDrift {
            people: company.labelled_not_gold(),
            prevalence: reference.prevalence[c],
            fit: fit(company, reference.annotators, |mask| scores.get(&(mask, positions[c]))),
        }
    }))
}

/// Drift of the whole study: all annotators together first, then each by itself.
///
/// # Errors
///
/// Those of [`companies`].
pub fn summary(study: &Study, level: f64, threads: usize) -> Result<Vec<Summary>, StudyError> {
    let companies = companies(study, threads)?;
    let fits: Vec<&Fit> = companies.iter().filter_map(|c| c.fit.as_ref()).collect();
    let annotators = study.annotators.len();
    let directions: Vec<(f64, f64)> = fits.iter().flat_map(|f| f.directions.iter().copied()).collect();
    let statistic = fits.iter().fold(0.0, |sum, f| sum + f.statistic);
    // the reference is fitted to these companies: it takes a common shift of every annotator away
    let df = fits.iter().map(|f| f.df).sum::<usize>().saturating_sub(annotators);
    let variance: f64 = fits.iter().map(|f| f.variance).sum();
    let mut rows = vec![row(None, fits.len(), statistic, df, variance, &directions, level)];
    for j in 0..annotators {
        let shifts: Vec<(f64, f64, f64)> =
            fits.iter().filter_map(|f| f.shifts[j].map(|(d, v)| (d, v, f.variance / f.df as f64))).collect();
        // a shift d with variance v says what a score d / v with information 1 / v does
        let directions: Vec<(f64, f64)> = shifts.iter().map(|(d, v, _)| (1.0 / v, d / v)).collect();
        let statistic = shifts.iter().fold(0.0, |sum, (d, v, _)| sum + d * d / v);
        let variance = shifts.iter().map(|(_, _, variance)| variance).sum();
        let df = shifts.len().saturating_sub(1);
        rows.push(row(Some(j), shifts.len(), statistic, df, variance, &directions, level));
    }
    Ok(rows)
}

fn row(
    annotator: Option<usize>,
    companies: usize,
    statistic: f64,
    df: usize,
    variance: f64,
    directions: &[(f64, f64)],
    level: f64,
) -> Summary {
    // without degrees of freedom there is nothing to compare
    let (sd, lower, upper) = spread(if df == 0 { &[] } else { directions }, level);
    Summary { annotator, companies, statistic, df, p_value: tail(statistic, df as f64, variance), sd, lower, upper }
}

/// P(X >= x) of a scaled chi-square with the given mean and variance; NaN without degrees of freedom.
fn tail(x: f64, mean: f64, variance: f64) -> f64 {
    let freedom = 2.0 * mean * mean / variance;
    ChiSquared::new(freedom).map_or(f64::NAN, |chi| chi.sf(x * freedom / mean))
}

/// Standard deviation of shifts under which directions (information, score) are likeliest, and its limits; NaN without any.
fn spread(directions: &[(f64, f64)], level: f64) -> (f64, f64, f64) {
    if directions.is_empty() {
        return (f64::NAN, f64::NAN, f64::NAN);
    }
    let likelihood = |sd: f64| -> f64 {
        interrupt::check();
        let term = |(information, score): &(f64, f64)| {
            let variance = information * (1.0 + sd * sd * information);
            -0.5 * (variance.ln() + score * score / variance)
        };
        directions.iter().map(term).sum()
    };
    // golden section
    let (mut low, mut high) = (0.0, LARGEST_SD);
    let ratio = 0.5 * (5f64.sqrt() - 1.0);
    for _ in 0..40 {
        let (a, b) = (high - ratio * (high - low), low + ratio * (high - low));
        if likelihood(a) < likelihood(b) { low = a } else { high = b }
    }
    let middle = 0.5 * (low + high);
    let best = if likelihood(0.0) >= likelihood(middle) { 0.0 } else { middle };
    let drop = z(level).powi(2) / 2.0;
    let floor = likelihood(best) - drop;
    let edge = |mut inside: f64, mut outside: f64| {
        if likelihood(outside) >= floor {
            return outside;
        }
        for _ in 0..40 {
            let next = 0.5 * (inside + outside);
            if likelihood(next) >= floor { inside = next } else { outside = next }
        }
        0.5 * (inside + outside)
    };
    (best, edge(best, 0.0), edge(best, LARGEST_SD))
}

// ---------------------------------------------------------------- one company

/// Scores of all patterns of one mask at one prevalence, and their covariances under the mixture.
struct Scores {
    /// `[yes]`; 0 outside the mask.
    probability: Vec<f64>,
    /// `[yes]`: the shifts of all annotators (0 where not in the mask), then the prevalence.
    score: Vec<DVector<f64>>,
    /// Covariance of the score of one person.
    covariance: DMatrix<f64>,
    /// Pairs: probability of two yes answers, and covariance of the product with the score.
    pairs: Vec<(f64, DVector<f64>)>,
}

impl Scores {
    fn new(reference: &Reference, mask: u32, pi: f64) -> Scores {
        let annotators = reference.annotators;
        let tables = [0, 1].map(|class: usize| marginal(&reference.tables[class], mask));
        let weights = [1.0 - pi, pi];
        let cells = tables[0].len();
        let inside: Vec<usize> = (0..cells).filter(|cell| cell & !(mask as usize) == 0).collect();
        let mut probability = vec![0.0; cells];
        let mut score = vec![DVector::zeros(annotators + 1); cells];
        for &cell in &inside {
            probability[cell] = weights[0] * tables[0][cell] + weights[1] * tables[1][cell];
            score[cell][annotators] = (tables[1][cell] - tables[0][cell]) / probability[cell];
        }
        for j in annotators_in(mask) {
            let bit = 1usize << j;
            for (table, weight) in tables.iter().zip(weights) {
                // yes answers among people alike in the other labels
                let yes = |cell: usize| table[cell | bit] / (table[cell | bit] + table[cell & !bit]);
                let without = inside.iter().filter(|cell| *cell & bit == 0);
                let (mut rate, mut spread) = (0.0, 0.0);
                for &cell in without {
                    let p = yes(cell);
                    rate += table[cell | bit];
                    spread += (table[cell] + table[cell | bit]) * p * (1.0 - p);
                }
                let threshold = quantile(rate);
                let scale = (-0.5 * threshold * threshold).exp() / (2.0 * std::f64::consts::PI).sqrt() / spread;
                for &cell in &inside {
                    let answer = if cell & bit != 0 { 1.0 } else { 0.0 };
                    score[cell][j] += weight * table[cell] / probability[cell] * scale * (answer - yes(cell));
                }
            }
        }
        let mut covariance = DMatrix::zeros(annotators + 1, annotators + 1);
        for &cell in &inside {
            covariance.ger(probability[cell], &score[cell], &score[cell], 1.0);
        }
        let mut pairs = Vec::with_capacity(annotators * annotators.saturating_sub(1) / 2);
        for k in 0..annotators {
            for j in 0..k {
                let both = 1usize << j | 1 << k;
                let mut p = 0.0;
                let mut cross = DVector::zeros(annotators + 1);
                if mask as usize & both == both {
                    for &cell in inside.iter().filter(|cell| *cell & both == both) {
                        p += probability[cell];
                        cross.axpy(probability[cell], &score[cell], 1.0);
                    }
                }
                pairs.push((p, cross));
            }
        }
        Scores { probability, score, covariance, pairs }
    }
}

/// Sums over the people of a company.
struct Sums {
    score: DVector<f64>,
    covariance: DMatrix<f64>,
    /// Pairs: excess of joint yes answers, its variance, covariance with the score.
    pairs: Vec<(f64, f64, DVector<f64>)>,
}

fn fit<'a>(company: &Company, annotators: usize, scores: impl Fn(u32) -> Option<&'a Scores>) -> Option<Fit> {
    let mut sums = Sums {
        score: DVector::zeros(annotators + 1),
        covariance: DMatrix::zeros(annotators + 1, annotators + 1),
        pairs: vec![(0.0, 0.0, DVector::zeros(annotators + 1)); annotators * annotators.saturating_sub(1) / 2],
    };
    let mut masks: BTreeMap<u32, f64> = BTreeMap::new();
    for (pattern, count) in company.evened_people() {
        let Some(of_mask) = scores(pattern.seen) else {
            continue;
        };
        sums.score.axpy(count, &of_mask.score[pattern.yes as usize], 1.0);
        *masks.entry(pattern.seen).or_default() += count;
        let mut at = 0;
        for k in 0..annotators {
            for j in 0..k {
                if (pattern.label(j), pattern.label(k)) == (Some(true), Some(true)) {
                    sums.pairs[at].0 += count;
                }
                at += 1;
            }
        }
    }
    for (mask, count) in &masks {
        let of_mask = scores(*mask)?;
        sums.covariance += &of_mask.covariance * *count;
        for (sum, (p, cross)) in sums.pairs.iter_mut().zip(&of_mask.pairs) {
            sum.0 -= count * p;
            sum.1 += count * p * (1.0 - p);
            sum.2.axpy(*count, cross, 1.0);
        }
    }
    let (common, people) = masks.iter().max_by(|a, b| a.1.total_cmp(b.1))?;
    let total: f64 = masks.values().sum();
    let kurtosis = excess(scores(*common)?, *common, annotators) / total.max(*people);
    sums.fit(annotators, &masks, kurtosis)
}

/// The efficient score's covariance, and the coefficient of the prevalence's score in it.
fn efficient(covariance: &DMatrix<f64>, annotators: &[usize]) -> (DMatrix<f64>, DVector<f64>) {
    let last = covariance.nrows() - 1;
    let own = covariance[(last, last)];
    let slope = DVector::from_fn(annotators.len(), |i, _| covariance[(annotators[i], last)] / own);
    let matrix = DMatrix::from_fn(annotators.len(), annotators.len(), |i, k| {
        covariance[(annotators[i], annotators[k])] - slope[i] * slope[k] * own
    });
    (matrix, slope)
}

/// E (v' C^-1 v)^2 - J (J + 2) of one person's efficient score.
fn excess(scores: &Scores, mask: u32, annotators: usize) -> f64 {
    let used: Vec<usize> = annotators_in(mask).collect();
    let (covariance, slope) = efficient(&scores.covariance, &used);
    let Some(inverse) = covariance.try_inverse() else {
        return 0.0;
    };
    let mut fourth = 0.0;
    for (p, score) in scores.probability.iter().zip(&scores.score).filter(|(p, _)| **p > 0.0) {
        let v = DVector::from_fn(used.len(), |i, _| score[used[i]] - slope[i] * score[annotators]);
        fourth += p * (&inverse * &v).dot(&v).powi(2);
    }
    fourth - (used.len() * (used.len() + 2)) as f64
}

impl Sums {
    fn fit(&self, annotators: usize, masks: &BTreeMap<u32, f64>, kurtosis: f64) -> Option<Fit> {
        let used: Vec<usize> = annotators_in(masks.keys().fold(0, |all, mask| all | mask)).collect();
        let (information, slope) = efficient(&self.covariance, &used);
        let score = DVector::from_fn(used.len(), |i, _| self.score[used[i]] - slope[i] * self.score[annotators]);
        let eigen = SymmetricEigen::new(information);
        let largest = eigen.eigenvalues.max();
        let kept: Vec<usize> = (0..used.len()).filter(|l| eigen.eigenvalues[*l] > 1e-9 * largest).collect();
        if kept.is_empty() {
            return None;
        }
        let directions: Vec<(f64, f64)> =
            kept.iter().map(|&l| (eigen.eigenvalues[l], eigen.eigenvectors.column(l).dot(&score))).collect();
        let statistic = directions.iter().map(|(value, z)| z * z / value).sum();
        let mut shifts = vec![None; annotators];
        for (i, &j) in used.iter().enumerate() {
            let (mut shift, mut variance) = (0.0, 0.0);
            for (&l, (value, z)) in kept.iter().zip(&directions) {
                let part = eigen.eigenvectors[(i, l)];
                shift += part * z / value;
                variance += part * part / value;
            }
            shifts[j] = Some((shift, variance));
        }
        let size = |j: &usize| shifts[*j].map_or(0.0, |(d, v): (f64, f64)| d * d / v);
        let worst = used.iter().copied().max_by(|a, b| size(a).total_cmp(&size(b)))?;
        let df = kept.len();
        // a lower bound keeps the moments possible where the tables are very uneven
        let variance = (2.0 * df as f64 + kurtosis).max(df as f64);
        Some(Fit {
            statistic,
            df,
            variance,
            p_value: tail(statistic, df as f64, variance),
            shifts,
            worst,
            pair: self.pair(annotators, &used),
            directions,
        })
    }

    /// The pair whose agreement differs most from what prevalence and shifts explain.
    fn pair(&self, annotators: usize, used: &[usize]) -> Option<(usize, usize, f64)> {
        let chosen: Vec<usize> = used.iter().copied().chain([annotators]).collect();
        let inverse = self.covariance.select_rows(&chosen).select_columns(&chosen).try_inverse()?;
        let score = self.score.select_rows(&chosen);
        let mut found: Option<(usize, usize, f64)> = None;
        let mut at = 0;
        for k in 0..annotators {
            for j in 0..k {
                let (excess, variance, cross) = &self.pairs[at];
                at += 1;
                let slope = &inverse * cross.select_rows(&chosen);
                let left = variance - slope.dot(&cross.select_rows(&chosen));
                // less than one joint yes answer is expected, or the margins leave nothing open
                if *variance < 1.0 || left < 1e-6 * variance {
                    continue;
                }
                let z = (excess - slope.dot(&score)) / left.sqrt();
                if found.is_none_or(|(_, _, largest)| z.abs() > largest.abs()) {
                    found = Some((j, k, z));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{ANNOTATORS, Settings, Simulator};

    fn study(seed: u64, drift: f64, companies: usize) -> Study {
        let names: Vec<String> = ANNOTATORS.iter().map(|name| name.to_string()).collect();
        let simulator = Simulator::new(Settings { seed, drift, companies, max_observed: 600, ..Settings::default() });
        Study::new(&names, &simulator.study().0).unwrap()
    }

    #[test]
    fn drifting_studies_are_told_from_steady_ones() {
        for seed in 1..=2 {
            let steady = summary(&study(seed, 0.0, 100), 0.8, 2).unwrap();
            let drifting = summary(&study(seed, 0.2, 100), 0.8, 2).unwrap();
            assert!(!steady[0].drifts(), "{:?}", steady[0]);
            assert!(steady[0].sd < 0.08, "{:?}", steady[0]);
            assert!(drifting[0].drifts(), "{:?}", drifting[0]);
            assert!((drifting[0].sd - 0.2).abs() < 0.05, "{:?}", drifting[0]);
            assert_eq!(steady.len(), 7);
            assert!(drifting[1..].iter().all(|row| row.lower <= row.sd && row.sd <= row.upper));
        }
    }

    #[test]
    fn p_values_of_steady_companies_are_even() {
        let companies = companies(&study(3, 0.0, 200), 2).unwrap();
        let p: Vec<f64> = companies.iter().filter_map(|c| c.fit.as_ref().map(|f| f.p_value)).collect();
        for cut in [0.1, 0.5, 0.9] {
            let below = p.iter().filter(|x| **x < cut).count() as f64 / p.len() as f64;
            assert!((below - cut).abs() < 0.12, "{below} below {cut}");
        }
    }

    #[test]
    fn the_spread_of_shifts_is_recovered() {
        // scores 1.2, -1.2 at information 1: 1.44 = 1 + tau^2
        let (sd, lower, upper) = spread(&[(1.0, 1.2), (1.0, -1.2), (1.0, 1.2)], 0.8);
        assert!((sd - 0.44f64.sqrt()).abs() < 1e-6, "{sd}");
        assert!(lower == 0.0 && upper > sd);
        assert_eq!(spread(&[(1.0, 0.5), (4.0, 1.0)], 0.8).0, 0.0);
    }

    #[test]
    fn tails_of_scaled_chi_squares() {
        // chi-square with 2 degrees of freedom: exp(-x / 2)
        assert!((tail(3.0, 2.0, 4.0) - (-1.5f64).exp()).abs() < 1e-12);
        assert!(tail(3.0, 0.0, 0.0).is_nan());
    }
}
