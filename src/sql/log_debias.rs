//! The kernel behind `log_debias_estimate`.

use super::kernel::{Kernel, register as kernel};
use super::options::{self, Options};
use super::rows::{Failure, Listed, Rows, list, listed};
use crate::debias::calibrated::calibrated;
use crate::debias::consensus::consensus;
use crate::debias::table::{Band, Entry, Estimate, Table};
use duckdb::Connection;
use duckdb::arrow::array::RecordBatch;
use duckdb::arrow::datatypes::DataType;

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<LogDebiasEstimate>(connection)
}

listed! {
    /// A company's count by an annotator.
    struct Count<'l> {
        company: &'l str,
        annotator: &'l str,
        value: Option<f64>,
        headcount: Option<f64>,
        truth: Option<f64>,
    }
}

#[derive(Clone, Copy)]
enum Method {
    Consensus,
    Calibrated,
}

/// `muster_log_debias_estimate(counts, options)`
struct LogDebiasEstimate;

fn band(row: &Estimate, of: fn(&Band) -> f64) -> Option<f64> {
    row.band.as_ref().map(of)
}

impl Kernel for LogDebiasEstimate {
    const NAME: &'static str = "muster_log_debias_estimate";
    type Row = Estimate;

    fn arguments() -> Vec<DataType> {
        vec![Count::data_type(), options::kind()]
    }

    fn rows() -> Rows<Estimate> {
        Rows::new()
            .text("company", |row: &Estimate| Some(&row.company))
            .real("estimate", |row| band(row, |b| b.estimate))
            .real("lower", |row| band(row, |b| b.lower))
            .real("upper", |row| band(row, |b| b.upper))
            .real("share", |row| row.share(|b| b.estimate))
            .real("share_lower", |row| row.share(|b| b.lower))
            .real("share_upper", |row| row.share(|b| b.upper))
            .real("uncertainty_factor", |row| band(row, |b| b.uncertainty_factor))
            .integer("n_annotators", |row| row.annotators)
            .boolean("outlier", |row| row.band.map(|b| b.outlier))
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Estimate>, Failure> {
        let mut options = Options::read(input, 1, call)?;
        let methods = [("consensus", Method::Consensus), ("calibrated", Method::Calibrated)];
        let method = options.choice("method", &methods)?;
        let level = options.level()?;
        options.finish()?;
        let list = list(input, 0, call);
        let entry = |count: Count| Entry {
            company: count.company.to_string(),
            annotator: count.annotator.to_string(),
            value: count.value,
            headcount: count.headcount,
            truth: count.truth,
        };
        let entries: Vec<Entry> = Count::rows(&list)?.into_iter().map(entry).collect();
        let table = Table::new(&entries)?;
        Ok(match method {
            Method::Consensus => consensus(&table, level),
            Method::Calibrated => calibrated(&table, level)?,
        })
    }
}
