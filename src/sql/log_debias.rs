//! The kernel behind `log_debias_estimate`.

use super::kernel::Kernel;
use super::table::{Column, Failure, Kind, Schema, real_at, rows, rows_of, text, text_at};
use crate::debias::calibrated::calibrated;
use crate::debias::consensus::consensus;
use crate::debias::table::{Band, Entry, Estimate, Table};
use crate::options::Options;
use duckdb::arrow::array::{Array, RecordBatch};
use duckdb::arrow::datatypes::DataType;

/// The company counts that the macro hands over.
const COUNTS: &Schema = &[
    ("company", Kind::Text),
    ("annotator", Kind::Text),
    ("value", Kind::Real),
    ("headcount", Kind::Real),
    ("truth", Kind::Real),
];

#[derive(Clone, Copy)]
enum Method {
    Consensus,
    Calibrated,
}

/// `muster_log_debias_estimate(counts, options)`
pub struct LogDebiasEstimate;

impl Kernel for LogDebiasEstimate {
    const NAME: &'static str = "muster_log_debias_estimate";
    const COLUMNS: &'static Schema = &[
        ("company", Kind::Text),
        ("estimate", Kind::Real),
        ("lower", Kind::Real),
        ("upper", Kind::Real),
        ("share", Kind::Real),
        ("share_lower", Kind::Real),
        ("share_upper", Kind::Real),
        ("uncertainty_factor", Kind::Real),
        ("n_annotators", Kind::Integer),
        ("outlier", Kind::Boolean),
    ];

    fn arguments() -> Vec<DataType> {
        vec![rows_of(COUNTS), DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let caller = "log_debias_estimate";
        let mut options = Options::parse(caller, text(input, 1, call))?;
        let methods = [("consensus", Method::Consensus), ("calibrated", Method::Calibrated)];
        let method = options.choice("method", &methods)?;
        let level = options.number("level", "lie between 0 and 1", |x| x > 0.0 && x < 1.0)?;
        options.finish()?;
        let rows = rows(input, 0, call);
        let entries: Vec<Entry> = (0..rows.len())
            .map(|row| Entry {
                company: text_at(&rows, 0, row).unwrap_or_default(),
                annotator: text_at(&rows, 1, row).unwrap_or_default(),
                value: real_at(&rows, 2, row),
                headcount: real_at(&rows, 3, row),
                truth: real_at(&rows, 4, row),
            })
            .collect();
        let table = Table::new(&entries);
        let estimates = table.and_then(|table| match method {
            Method::Consensus => Ok(consensus(&table, level)),
            Method::Calibrated => calibrated(&table, level),
        });
        let estimates = estimates.map_err(|error| format!("{caller}: {error}"))?;
        let number = |of: fn(&Band) -> f64| Column::Real(estimates.iter().map(|e| e.band.as_ref().map(of)).collect());
        let share = |of: fn(&Band) -> f64| Column::Real(estimates.iter().map(|e: &Estimate| e.share(of)).collect());
        Ok(vec![
            Column::Text(estimates.iter().map(|e| Some(e.company.clone())).collect()),
            number(|b| b.estimate),
            number(|b| b.lower),
            number(|b| b.upper),
            share(|b| b.estimate),
            share(|b| b.lower),
            share(|b| b.upper),
            number(|b| b.uncertainty_factor),
            Column::Integer(estimates.iter().map(|e| Some(e.annotators as i64)).collect()),
            Column::Boolean(estimates.iter().map(|e| e.band.map(|b| b.outlier)).collect()),
        ])
    }
}
