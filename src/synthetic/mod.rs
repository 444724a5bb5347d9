//! Synthetic people for companies of which only totals by filter are known, and the correction of their estimates.
//!
//! A Gaussian copula: person i has normals z_i ~ N(0, R), R the tetrachoric correlations of the filters
//! among real people (gold or not, since a company's people are a mixture too). Filter j says yes to
//! the K_j people with the largest z_ij, so a company's totals come out exactly and only how filters
//! overlap is made up.
//!
//! The correction: over k companies with both estimates, the log ratio real : synthetic has mean m and standard deviation s.
//! The adjusted estimate is synthetic * e^m, and the distance to a limit on the log scale grows from w to
//! sqrt(w^2 + t^2 s^2 (1 + 1/k)), as for a new observation.

use crate::parallel;
use crate::probit::study::{MAX_HEADCOUNT, label};
use crate::random::{Purpose, Stream};
use crate::stats::orthant::Correlation;
use crate::stats::tetrachoric::{pair_cell, tetrachoric};
use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Error in totals or estimates; the message is to follow the name of the function called.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum SyntheticError {
    #[error("headcount must be a whole number from 0 to {MAX_HEADCOUNT}, got {value} for company '{company}'")]
    Headcount { company: String, value: String },
    #[error(
        "value must be a number of at least 0 or NULL, got {value} for company '{company}' and annotator '{annotator}'"
    )]
    Value { company: String, annotator: String, value: f64 },
    #[error("totals must have one row a company and annotator, company '{company}' has several of '{annotator}'")]
    Repeated { company: String, annotator: String },
    #[error("needs at least 2 companies with a real and a synthetic estimate above 0, got {0}")]
    TooFewCompanies(usize),
    #[error("a company must stand once in synthetic and once in reference, '{0}' has several rows")]
    RepeatedCompany(String),
}

/// Group of `count` real people with the same labels; bit j stands for filter j.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Labels {
    pub(crate) seen: u64,
    pub(crate) yes: u64,
    pub(crate) count: u64,
}

impl Labels {
    fn label(&self, filter: usize) -> Option<bool> {
        label(self.seen, self.yes, filter)
    }
}

/// Totals of a company: headcount, and the number of people each filter says yes to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Totals {
    pub(crate) company: String,
    pub(crate) headcount: u64,
    pub(crate) values: Vec<(usize, f64)>,
}

/// Synthetic people of a company: the filters that have a total, and each person's yes answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) seen: u64,
    pub(crate) yes: Vec<u64>,
}

/// Tetrachoric correlations of the filters, 0 where nobody has both labels; definite.
pub(crate) fn correlations(people: &[Labels], filters: usize) -> Correlation {
    let mut measured = DMatrix::identity(filters, filters);
    for k in 0..filters {
        for j in 0..k {
            let mut table = [0.0; 4];
            for group in people {
                if let (Some(first), Some(second)) = (group.label(j), group.label(k)) {
                    table[pair_cell(first, second)] += group.count as f64;
                }
            }
            let rho = tetrachoric(table[0], table[1], table[2], table[3]).unwrap_or(0.0);
            measured[(j, k)] = rho;
            measured[(k, j)] = rho;
        }
    }
    Correlation::unshrunk(&measured)
}

/// Synthetic people of every company, at most `most` of them.
pub(crate) fn make(totals: &[Totals], correlations: &Correlation, most: u64, seed: u64, threads: usize) -> Vec<Made> {
    let filters = correlations.dimensions();
    let factor = correlations.factor();
    parallel::map(threads, totals.len(), |c| {
        let company = &totals[c];
        let mut generator = Stream::named(seed, Purpose::Synthetic, &company.company).replicate(0);
        let people = company.headcount.min(most) as usize;
        let latent: Vec<DVector<f64>> = (0..people)
            .map(|_| {
                let noise =
                    DVector::from_fn(filters, |_, _| Distribution::<f64>::sample(&StandardNormal, &mut generator));
                &factor * noise
            })
            .collect();
        let mut made = Made { seen: 0, yes: vec![0; people] };
        for &(filter, value) in &company.values {
            made.seen |= 1 << filter;
            let share = (value / company.headcount.max(1) as f64).min(1.0);
            let wanted = share * people as f64;
            let count = wanted.floor() as usize + usize::from(generator.random::<f64>() < wanted.fract());
            let mut order: Vec<usize> = (0..people).collect();
            order.sort_by(|a, b| latent[*b][filter].total_cmp(&latent[*a][filter]));
            for &person in &order[..count.min(people)] {
                made.yes[person] |= 1 << filter;
            }
        }
        made
    })
}

/// Estimates of one company from synthetic and from real people.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pair {
    pub(crate) company: String,
    pub(crate) headcount: Option<f64>,
    pub(crate) synthetic: f64,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) real: Option<f64>,
}

/// Factor between synthetic and real estimates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Factor {
    /// Mean and standard deviation of ln(real / synthetic).
    pub(crate) mean: f64,
    pub(crate) sd: f64,
    pub(crate) companies: usize,
}

/// Adjusted estimate, lower and upper limit.
pub(crate) type Adjusted = [f64; 3];

/// The factor, and every company's adjusted estimate; `pairs` sorted by company.
///
/// # Errors
///
/// Where a company stands there twice, or fewer than two have both estimates.
pub(crate) fn adjust(pairs: &[Pair], level: f64) -> Result<(Factor, Vec<Adjusted>), SyntheticError> {
    if let Some(twice) = pairs.windows(2).find(|two| two[0].company == two[1].company) {
        return Err(SyntheticError::RepeatedCompany(twice[0].company.clone()));
    }
    let ratio = |p: &Pair| Some((p.real? / p.synthetic).ln()).filter(|x| x.is_finite());
    let ratios: Vec<f64> = pairs.iter().filter_map(ratio).collect();
    let k = ratios.len() as f64;
    if ratios.len() < 2 {
        return Err(SyntheticError::TooFewCompanies(ratios.len()));
    }
    let mean = ratios.iter().sum::<f64>() / k;
    let variance = ratios.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (k - 1.0);
    let student = StudentsT::new(0.0, 1.0, k - 1.0).map_or(f64::NAN, |t| t.inverse_cdf(0.5 * (1.0 + level)));
    let spread = student * student * variance * (1.0 + 1.0 / k);
    let adjusted = |p: &Pair| {
        let centre = p.synthetic * mean.exp();
        let most = p.headcount.unwrap_or(f64::INFINITY);
        // a limit of 0 stays 0, whatever the factor
        let away = |limit: f64| ((limit / p.synthetic).ln().powi(2) + spread).sqrt();
        let (lower, upper) = if p.synthetic > 0.0 {
            (centre * (-away(p.lower.min(p.synthetic))).exp(), centre * away(p.upper.max(p.synthetic)).exp())
        } else {
            (0.0, p.upper * (mean + spread.sqrt()).exp())
        };
        [centre.min(most), lower.min(most), upper.min(most)]
    };
    let factor = Factor { mean, sd: variance.sqrt(), companies: ratios.len() };
    Ok((factor, pairs.iter().map(adjusted).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(headcount: u64) -> Totals {
        Totals { company: "a".to_string(), headcount, values: vec![(0, 300.0), (1, 100.0), (2, 2_000.0)] }
    }

    #[test]
    fn totals_come_out_and_overlaps_follow_the_correlation() {
        let r = DMatrix::from_row_slice(3, 3, &[1.0, 0.7, 0.0, 0.7, 1.0, 0.0, 0.0, 0.0, 1.0]);
        let made = &make(&[totals(1000)], &Correlation::new(r).unwrap(), 5000, 1, 1)[0];
        let count = |mask: u64| made.yes.iter().filter(|yes| *yes & mask == mask).count();
        assert_eq!((made.seen, made.yes.len()), (7, 1000));
        // a total above the headcount is everybody
        assert_eq!([count(1), count(2), count(4)], [300, 100, 1000]);
        let both = count(3) as f64;
        let rho = tetrachoric(both, 300.0 - both, 100.0 - both, 600.0 + both).unwrap();
        assert!((rho - 0.7).abs() < 0.15, "{rho}");
    }

    #[test]
    fn totals_are_scaled_to_the_people_made() {
        let independent = Correlation::new(DMatrix::identity(3, 3)).unwrap();
        let made = &make(&[totals(10_000)], &independent, 500, 1, 1)[0];
        let count = |filter: u64| made.yes.iter().filter(|yes| *yes >> filter & 1 == 1).count();
        assert_eq!([count(0), count(1), count(2)], [15, 5, 100]);
        let nobody = &make(&[totals(0)], &independent, 500, 1, 1)[0];
        assert!(nobody.yes.is_empty());
    }

    #[test]
    fn correlations_are_those_of_the_people() {
        let people = [(3, 40), (1, 10), (2, 20), (0, 30)].map(|(yes, count)| Labels { seen: 3, yes, count });
        assert!((correlations(&people, 2).matrix()[(0, 1)] - 0.607073).abs() < 1e-6);
        // nobody has both labels
        assert_eq!(correlations(&people, 3).matrix()[(0, 2)], 0.0);
    }

    fn pair(company: &str, synthetic: f64, real: Option<f64>) -> Pair {
        Pair {
            company: company.to_string(),
            headcount: Some(100.0),
            synthetic,
            lower: synthetic / 2.0,
            upper: synthetic * 2.0,
            real,
        }
    }

    #[test]
    fn the_factor_is_a_geometric_mean_and_widens_the_interval() {
        let pairs = [pair("a", 10.0, Some(20.0)), pair("b", 5.0, Some(40.0)), pair("c", 3.0, None)];
        let (factor, adjusted) = adjust(&pairs, 0.8).unwrap();
        // ratios 2 and 8: ln 4 and a standard deviation of ln 4 / sqrt 2
        assert!((factor.mean - 4f64.ln()).abs() < 1e-12 && (factor.sd - 4f64.ln() / 2f64.sqrt()).abs() < 1e-12);
        assert!((adjusted[2][0] - 12.0).abs() < 1e-9);
        // t on one degree of freedom at .9 is tan(.4 pi) = 3.0777
        let away = (2f64.ln().powi(2) + (3.0776835f64 * factor.sd).powi(2) * 1.5).sqrt();
        assert!((adjusted[2][1] / (12.0 * (-away).exp()) - 1.0).abs() < 1e-6);
        assert_eq!(adjusted[2][2], 100.0);
        assert_eq!(adjust(&pairs[1..], 0.8), Err(SyntheticError::TooFewCompanies(1)));
        assert!(adjust(&[pairs[0].clone(), pairs[0].clone()], 0.8).is_err());
    }
}
