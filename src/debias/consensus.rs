//! Log debiasing by consensus: annotators' biases and companies' counts from nothing but the counts.
//!
//! With X_ij the logarithm of annotator j's count of company i (zero counts as one half), m_i = median_j X_ij and
//! alpha_j = median_i (X_ij - m_i), the debiased Y_ij = X_ij - alpha_j give the company's
//!
//!   estimate  exp(median_j Y_ij)
//!   limits    exp of the linear quantiles of Y_i. at (1 - level) / 2 and (1 + level) / 2
//!
//! over the annotators that have a count. It uses no truth: a bias that all annotators share stays in the estimate, and the
//! limits say how far annotators agree, not how accurate they are. The study's own method.

use super::table::{Band, Company, Estimate, Table, has_outlier};
use crate::stats::quantile;

/// Estimate of every company, in the table's order; numbers are whole.
pub(crate) fn consensus(table: &Table, level: f64) -> Vec<Estimate> {
    let middles: Vec<Option<f64>> =
        table.companies.iter().map(|company| median(company.present().map(|(_, log)| log).collect())).collect();
    let alphas: Vec<f64> = (0..table.annotators.len())
        .map(|j| {
            let deviations = table.companies.iter().zip(&middles).filter_map(|(c, m)| Some(c.logs[j]? - (*m)?));
            median(deviations.collect()).unwrap_or(0.0)
        })
        .collect();
    let estimate = |company: &Company| {
        let mut logs: Vec<f64> = company.present().map(|(j, log)| log - alphas[j]).collect();
        logs.sort_unstable_by(f64::total_cmp);
        Estimate {
            company: company.name.clone(),
            band: band(&logs, level),
            headcount: company.headcount,
            annotators: logs.len(),
        }
    };
    table.companies.iter().map(estimate).collect()
}

/// Band of debiased logarithms, sorted upwards; `None` of none.
fn band(sorted: &[f64], level: f64) -> Option<Band> {
    if sorted.is_empty() {
        return None;
    }
    let centre = quantile::of_sorted(sorted, 0.5);
    let (lower, upper) = quantile::limits(sorted, level);
    let (lower, upper) = (lower.exp(), upper.exp());
    Some(Band {
        estimate: whole(centre.exp()),
        lower: whole(lower),
        upper: whole(upper),
        uncertainty_factor: upper / lower,
        outlier: has_outlier(sorted.iter().copied(), centre),
    })
}

/// Median; `None` of none.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    (!values.is_empty()).then(|| quantile::of_sorted(&values, 0.5))
}

/// The number rounded to nine decimals, so that a last bit decides nothing, then to a whole number, half to even.
fn whole(x: f64) -> f64 {
    ((x * 1e9).round_ties_even() / 1e9).round_ties_even()
}

#[cfg(test)]
mod tests {
    use super::super::table::Entry;
    use super::super::table::tests::entry;
    use super::*;

    fn run(entries: &[Entry], level: f64) -> Vec<Estimate> {
        consensus(&Table::new(entries).unwrap(), level)
    }

    #[test]
    fn one_thousand_tables_of_the_oracle() {
        let oracle = crate::oracle("log_debias.json");
        let tables = oracle["tables"].as_array().unwrap();
        assert_eq!(tables.len(), 1000);
        for (number, table) in tables.iter().enumerate() {
            let mut entries = Vec::new();
            for (i, row) in table["x"].as_array().unwrap().iter().enumerate() {
                for (j, value) in row.as_array().unwrap().iter().enumerate() {
                    entries.push(Entry {
                        headcount: table["headcount"][i].as_f64(),
                        ..entry(&format!("c{i:02}"), &format!("a{j}"), value.as_f64())
                    });
                }
            }
            // the oracle keeps the columns in their order; here neither it nor the order of rows matters
            if number % 2 == 1 {
                entries.reverse();
            }
            let estimates = run(&entries, table["level"].as_f64().unwrap());
            let expected = table["result"].as_array().unwrap();
            assert_eq!(estimates.len(), expected.len());
            for (got, want) in estimates.iter().zip(expected) {
                let what = format!("table {number}, company {}", got.company);
                assert_eq!(got.annotators as u64, want["n"].as_u64().unwrap(), "{what}");
                assert_eq!(got.band.map(|b| b.estimate), want["estimate"].as_f64(), "{what}");
                assert_eq!(got.band.map(|b| b.lower), want["lower"].as_f64(), "{what}");
                assert_eq!(got.band.map(|b| b.upper), want["upper"].as_f64(), "{what}");
                assert_eq!(got.band.map(|b| b.outlier), want["outlier"].as_bool(), "{what}");
                // numbers that are not whole: the JSON parser itself may be a last bit off
                let numbers = [
                    (got.band.map(|b| b.uncertainty_factor), want["factor"].as_f64()),
                    (got.share(|b| b.estimate), want["share"].as_f64()),
                ];
                for (got, want) in numbers {
                    assert_eq!(got.is_some(), want.is_some(), "{what}");
                    if let (Some(got), Some(want)) = (got, want) {
                        assert!((got - want).abs() <= 1e-12 * want.abs(), "{what}: {got} {want}");
                    }
                }
            }
        }
    }

    #[test]
    fn one_annotator_is_its_own_consensus() {
        // alpha is 0: the count comes back, half a person for none rounds to the even zero
        let estimates = run(&[entry("a", "x", 12.0), entry("b", "x", 0.0)], 0.8);
        let bands: Vec<Band> = estimates.iter().map(|e| e.band.unwrap()).collect();
        assert_eq!((bands[0].estimate, bands[0].lower, bands[0].upper), (12.0, 12.0, 12.0));
        assert_eq!((bands[1].estimate, bands[1].uncertainty_factor), (0.0, 1.0));
    }

    #[test]
    fn one_company_has_no_deviations_left() {
        // alpha takes up the whole deviation of each annotator: sqrt(4 * 25) = 10 for both
        let band = run(&[entry("a", "x", 4.0), entry("a", "y", 25.0)], 0.8)[0].band.unwrap();
        assert_eq!((band.estimate, band.lower, band.upper, band.outlier), (10.0, 10.0, 10.0, false));
    }

    #[test]
    fn half_goes_to_even_although_logarithms_are_inexact() {
        // 2.5 = sqrt(1 * 6.25) and 3.5 = sqrt(3.5 * 3.5)
        let middle = |x, y| run(&[entry("a", "x", x), entry("a", "y", y)], 0.8)[0].band.unwrap().estimate;
        assert_eq!(middle(1.0, 6.25), 2.0);
        assert_eq!(middle(3.5, 3.5), 4.0);
    }

    #[test]
    fn three_times_is_no_outlier_and_more_is() {
        // two more companies without deviations fix alpha at 0
        let rows = |x| {
            let mut rows = vec![entry("a", "x", 10.0), entry("a", "y", 10.0), entry("a", "z", x)];
            for company in ["b", "c"] {
                rows.extend(["x", "y", "z"].map(|annotator| entry(company, annotator, 50.0)));
            }
            run(&rows, 0.8)[0].band.unwrap().outlier
        };
        assert!(!rows(30.0));
        assert!(rows(31.0));
        assert!(rows(3.0));
    }

    #[test]
    fn nothing_known_is_said_so() {
        let estimates = run(&[entry("a", "x", None)], 0.8);
        assert_eq!((estimates[0].band, estimates[0].annotators), (None, 0));
        assert!(run(&[], 0.8).is_empty());
    }
}
