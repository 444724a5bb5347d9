//! The counted people that the macro `_muster_counts` hands to the kernels of the probit model.
//!
//! One list holds rows of three kinds: `annotator` (its name, and its bit in `seen`), `unknown` (how many
//! ratings are of people who are not in profiles), and `person` (people alike in company, truth and labels).

use super::table::{Failure, Kind, Schema, boolean_at, integer_at, real_at, rows, text_at};
use crate::probit::study::{Count, Study, StudyError};
use duckdb::arrow::array::{Array, RecordBatch};

/// The columns of `_muster_counts`.
pub const COUNTS: &Schema = &[
    ("kind", Kind::Text),
    ("name", Kind::Text),
    ("truth", Kind::Boolean),
    ("seen", Kind::Integer),
    ("yes", Kind::Integer),
    ("count", Kind::Integer),
    ("headcount", Kind::Real),
];

/// The counted people of one call.
#[derive(Debug)]
pub struct Counted {
    /// The SQL function that errors name.
    caller: &'static str,
    /// Bit j of the masks stands for `annotators[j]`.
    pub annotators: Vec<String>,
    pub unknown_ratings: u64,
    pub counts: Vec<Count>,
}

impl Counted {
    /// Reads argument `argument` of a call.
    pub fn read(caller: &'static str, input: &RecordBatch, argument: usize, call: usize) -> Counted {
        let rows = rows(input, argument, call);
        let mut annotators: Vec<(u64, String)> = Vec::new();
        let mut counted = Counted { caller, annotators: Vec::new(), unknown_ratings: 0, counts: Vec::new() };
        for row in 0..rows.len() {
            let whole = |field| integer_at(&rows, field, row).unwrap_or(0) as u64;
            let name = text_at(&rows, 1, row);
            match text_at(&rows, 0, row).as_deref() {
                Some("annotator") => annotators.push((whole(3), name.unwrap_or_default())),
                Some("unknown") => counted.unknown_ratings += whole(5),
                _ => counted.counts.push(Count {
                    company: name,
                    truth: boolean_at(&rows, 2, row),
                    seen: whole(3),
                    yes: whole(4),
                    count: whole(5),
                    headcount: real_at(&rows, 6, row),
                }),
            }
        }
        annotators.sort();
        counted.annotators = annotators.into_iter().map(|(_, name)| name).collect();
        counted
    }

    /// The study in its own order; errors carry the caller's name.
    pub fn study(&self) -> Result<Study, Failure> {
        Study::new(&self.annotators, &self.counts).map_err(|e| self.failure(e))
    }

    /// An error of the engine as the user sees it.
    pub fn failure(&self, error: StudyError) -> Failure {
        format!("{}: {error}", self.caller).into()
    }
}
