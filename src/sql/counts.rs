//! The counted people that the macro `_muster_counts` hands to the kernels of the probit model.

use super::rows::{Failure, Listed, list, listed};
use crate::probit::study::Count;
use duckdb::arrow::array::RecordBatch;
use duckdb::arrow::datatypes::DataType;

listed! {
    /// A row of `_muster_counts`, of one of three kinds: `annotator` (its name, and its bit in `seen`), `unknown` (the
    /// number of ratings of people who are not in profiles), and `person` (people alike in company,
    /// truth, labels and gold weight).
    struct Row<'l> {
        kind: &'l str,
        name: Option<&'l str>,
        truth: Option<bool>,
        seen: u64,
        yes: u64,
        count: u64,
        gold_weight: Option<f64>,
        headcount: Option<f64>,
    }
}

/// The counted people of one call.
#[derive(Debug)]
pub(super) struct Counted {
    /// Bit j of the masks stands for `annotators[j]`.
    pub annotators: Vec<String>,
    pub unknown_ratings: u64,
    pub counts: Vec<Count>,
}

impl Counted {
    /// The type of the argument.
    pub(super) fn data_type() -> DataType {
        Row::data_type()
    }

    /// The people in the first argument of a call.
    ///
    /// # Errors
    ///
    /// Where the argument lacks a column.
    pub(super) fn read(input: &RecordBatch, call: usize) -> Result<Counted, Failure> {
        let list = list(input, 0, call);
        let mut annotators: Vec<(u64, String)> = Vec::new();
        let mut counted = Counted { annotators: Vec::new(), unknown_ratings: 0, counts: Vec::new() };
        for row in Row::rows(&list)? {
            let name = row.name.map(str::to_string);
            match row.kind {
                "annotator" => annotators.push((row.seen, name.unwrap_or_default())),
                "unknown" => counted.unknown_ratings += row.count,
                _ => counted.counts.push(Count {
                    company: name,
                    truth: row.truth,
                    seen: row.seen,
                    yes: row.yes,
                    count: row.count,
                    gold_weight: row.gold_weight.unwrap_or(1.0),
                    headcount: row.headcount,
                }),
            }
        }
        annotators.sort();
        counted.annotators = annotators.into_iter().map(|(_, name)| name).collect();
        Ok(counted)
    }
}
