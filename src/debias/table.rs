//! Company counts by annotator, checked and put into an order of their own.
//!
//! Companies are sorted by name. Annotators are sorted by their counts, company after company, and by name only
//! where all their counts are equal, so that neither the order of rows nor the annotators' names
//! change a byte of what is computed from the table.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

/// Stand-in for a count of zero, whose logarithm does not exist.
pub(crate) const ZERO: f64 = 0.5;

/// Factor by which an outlier is off the company's estimate, at least.
const OUTLIER_FACTOR: f64 = 3.0;

/// Difference below which logarithms are the same: a last bit decides nothing.
const SAME: f64 = 1e-9;

/// Count of one company by one annotator.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Entry {
    pub(crate) company: String,
    pub(crate) annotator: String,
    /// `None`: the annotator says nothing about the company.
    pub(crate) value: Option<f64>,
    pub(crate) headcount: Option<f64>,
    /// Gold count: the company's true count, where there is one.
    pub(crate) truth: Option<f64>,
}

/// Error in the counts; the message is to follow the name of the function called.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum DebiasError {
    #[error(
        "value must be a number of at least 0, or NULL, got {value} for company '{company}', annotator '{annotator}'"
    )]
    Value { company: String, annotator: String, value: f64 },
    #[error(
        "counts must have one row a company and annotator, company '{company}' has several of annotator '{annotator}'"
    )]
    Duplicate { company: String, annotator: String },
    #[error("headcount must be a whole number of at least 0, got {value} for company '{company}'")]
    Headcount { company: String, value: f64 },
    #[error(
        "truth must be a number of at least 0, or NULL where there is no gold count, got {value} for company '{company}'"
    )]
    Truth { company: String, value: f64 },
    #[error("truth must be the same in all rows of a company, got {first} and {second} for company '{company}'")]
    Truths { company: String, first: f64, second: f64 },
    #[error(
        "method 'calibrated' needs at least {needed} gold companies (companies whose truth is not NULL, with a count), \
         got {got}; method 'consensus' needs none"
    )]
    TooFewGoldCompanies { needed: usize, got: usize },
    #[error(
        "method 'calibrated' needs counts of at least {needed} gold companies of every annotator, {annotator} has {got}; \
         count experts by hand in more companies, or leave the annotator out by a WHERE"
    )]
    TooFewGoldCounts { annotator: String, needed: usize, got: usize },
}

/// Counts of one company.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Company {
    pub(crate) name: String,
    /// The largest value any row states.
    pub(crate) headcount: Option<f64>,
    pub(crate) truth: Option<f64>,
    /// Natural logarithms of the counts by annotator.
    pub(crate) logs: Vec<Option<f64>>,
}

/// Companies by annotators.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Table {
    /// Annotators with at least one count.
    pub(crate) annotators: Vec<String>,
    pub(crate) companies: Vec<Company>,
}

/// Estimate of one company; the band is there where it has a count.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) company: String,
    pub(crate) band: Option<Band>,
    pub(crate) headcount: Option<f64>,
    pub(crate) annotators: usize,
}

/// Estimate with its limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Band {
    pub(crate) estimate: f64,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    /// Upper over lower limit, before rounding and before the headcount caps them.
    pub(crate) uncertainty_factor: f64,
    /// Whether an annotator's count is off the estimate by more than a factor of three after its bias is taken out.
    pub(crate) outlier: bool,
}

impl Estimate {
    /// Number of the band over the headcount.
    pub(crate) fn share(&self, of: fn(&Band) -> f64) -> Option<f64> {
        let headcount = self.headcount.filter(|&h| h > 0.0)?;
        Some(of(self.band.as_ref()?) / headcount)
    }
}

/// Logarithm of a count, zero counting as one half.
pub(crate) fn log_count(count: f64) -> f64 {
    if count > 0.0 { count.ln() } else { ZERO.ln() }
}

/// Whether one of the logarithms is off the centre by more than a factor of three.
pub(crate) fn has_outlier(logs: impl IntoIterator<Item = f64>, centre: f64) -> bool {
    logs.into_iter().any(|log| (log - centre).abs() > OUTLIER_FACTOR.ln() + SAME)
}

impl Table {
    /// The table of the rows, checked and sorted.
    ///
    /// # Errors
    ///
    /// Where a number is out of range, a count is there twice, or a company has two truths.
    pub(crate) fn new(entries: &[Entry]) -> Result<Table, DebiasError> {
        let mut names: Vec<&str> = entries.iter().map(|e| e.annotator.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let columns: HashMap<&str, usize> = names.iter().enumerate().map(|(column, name)| (*name, column)).collect();
        let mut companies: BTreeMap<&str, (Company, Vec<bool>)> = BTreeMap::new();
        for entry in entries {
            let (company, seen) = companies.entry(&entry.company).or_insert_with(|| {
                let company = Company {
                    name: entry.company.clone(),
                    headcount: None,
                    truth: None,
                    logs: vec![None; names.len()],
                };
                (company, vec![false; names.len()])
            });
            let column = columns[entry.annotator.as_str()];
            if std::mem::replace(&mut seen[column], true) {
                return Err(DebiasError::Duplicate {
                    company: entry.company.clone(),
                    annotator: entry.annotator.clone(),
                });
            }
            company.add(entry, column)?;
        }
        let mut table = Table {
            annotators: names.iter().map(|name| name.to_string()).collect(),
            companies: companies.into_values().map(|(company, _)| company).collect(),
        };
        table.reorder();
        Ok(table)
    }

    /// Puts annotators into the order of their counts, without those that have none.
    fn reorder(&mut self) {
        let by_counts = |a: &usize, b: &usize| {
            let mut order = Ordering::Equal;
            for company in &self.companies {
                let key = |column: usize| company.logs[column].unwrap_or(f64::NEG_INFINITY);
                order = order.then_with(|| key(*a).total_cmp(&key(*b)));
                if order.is_ne() {
                    break;
                }
            }
            order
        };
        let mut order: Vec<usize> = (0..self.annotators.len())
            .filter(|&column| self.companies.iter().any(|company| company.logs[column].is_some()))
            .collect();
        // stable, and the names are sorted: equal columns stay in the order of their names
        order.sort_by(by_counts);
        self.annotators = order.iter().map(|&column| self.annotators[column].clone()).collect();
        for company in &mut self.companies {
            company.logs = order.iter().map(|&column| company.logs[column]).collect();
        }
    }
}

impl Company {
    fn add(&mut self, entry: &Entry, column: usize) -> Result<(), DebiasError> {
        let count = |value: f64| value >= 0.0 && value.is_finite();
        if let Some(value) = entry.value {
            if !count(value) {
                return Err(DebiasError::Value {
                    company: entry.company.clone(),
                    annotator: entry.annotator.clone(),
                    value,
                });
            }
            self.logs[column] = Some(log_count(value));
        }
        if let Some(value) = entry.headcount {
            if !(count(value) && value.fract() == 0.0) {
                return Err(DebiasError::Headcount { company: entry.company.clone(), value });
            }
            self.headcount = Some(self.headcount.map_or(value, |stated| stated.max(value)));
        }
        if let Some(value) = entry.truth {
            if !count(value) {
                return Err(DebiasError::Truth { company: entry.company.clone(), value });
            }
            match self.truth.replace(value) {
                Some(first) if first != value => {
                    // in an order that the order of rows does not change
                    return Err(DebiasError::Truths {
                        company: entry.company.clone(),
                        first: first.min(value),
                        second: first.max(value),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Positions and logarithms of the counts that are there.
    pub(crate) fn present(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.logs.iter().enumerate().filter_map(|(column, log)| Some((column, (*log)?)))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A row without headcount and truth.
    pub(crate) fn entry(company: &str, annotator: &str, value: impl Into<Option<f64>>) -> Entry {
        Entry {
            company: company.to_string(),
            annotator: annotator.to_string(),
            value: value.into(),
            ..Entry::default()
        }
    }

    fn message(entries: &[Entry]) -> String {
        Table::new(entries).unwrap_err().to_string()
    }

    #[test]
    fn companies_by_name_and_annotators_by_counts() {
        let rows = [
            entry("b", "x", 0.0),
            entry("a", "x", 7.0),
            entry("a", "y", 2.0),
            entry("b", "y", None),
            entry("b", "silent", None),
        ];
        let table = Table::new(&rows).unwrap();
        assert_eq!(table.annotators, ["y", "x"]);
        let logs: Vec<_> = table.companies.iter().map(|c| (c.name.as_str(), c.logs.clone())).collect();
        assert_eq!(logs[0], ("a", vec![Some(2f64.ln()), Some(7f64.ln())]));
        assert_eq!(logs[1], ("b", vec![None, Some(0.5f64.ln())]));
    }

    #[test]
    fn wrong_rows_are_shown() {
        for (value, shown) in [(-3.0, "-3"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
            assert_eq!(
                message(&[entry("acme", "gpt", value)]),
                format!(
                    "value must be a number of at least 0, or NULL, got {shown} for company 'acme', annotator 'gpt'"
                )
            );
        }
        assert_eq!(
            message(&[entry("acme", "gpt", 1.0), entry("acme", "gpt", None)]),
            "counts must have one row a company and annotator, company 'acme' has several of annotator 'gpt'"
        );
        let headcount = Entry { headcount: Some(10.5), ..entry("acme", "gpt", 1.0) };
        assert_eq!(
            message(&[headcount]),
            "headcount must be a whole number of at least 0, got 10.5 for company 'acme'"
        );
        let truth = |annotator, truth| Entry { truth: Some(truth), ..entry("acme", annotator, 1.0) };
        assert_eq!(
            message(&[truth("b", 5.0), truth("a", 4.0)]),
            "truth must be the same in all rows of a company, got 4 and 5 for company 'acme'"
        );
        assert!(message(&[truth("a", -1.0)]).starts_with("truth must be a number of at least 0"));
    }
}
