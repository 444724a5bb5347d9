//! The kernels of made people.

use super::kernel::{Kernel, register as kernel};
use super::options::{self, Options};
use super::rows::{Failure, Listed, Rows, list, listed};
use crate::probit::study::MAX_HEADCOUNT;
use crate::synthetic::{Adjusted, Factor, Labels, Pair, SyntheticError, Totals, adjust, correlations, make};
use duckdb::Connection;
use duckdb::arrow::array::RecordBatch;
use duckdb::arrow::datatypes::DataType;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<Synthetic>(connection)?;
    kernel::<SyntheticAdjustment>(connection)
}

listed! {
    /// A filter's total of a company; `position` is the filter's number.
    struct Total<'l> {
        company: &'l str,
        annotator: &'l str,
        position: u64,
        value: Option<f64>,
        headcount: Option<f64>,
    }
}

listed! {
    /// Real people alike in their labels.
    struct Alike {
        seen: u64,
        yes: u64,
        count: u64,
    }
}

/// Every company's totals by name, and the number of filters.
fn totals(rows: Vec<Total>) -> Result<(Vec<Totals>, usize), SyntheticError> {
    let mut found: BTreeMap<String, (Option<f64>, BTreeMap<usize, f64>)> = BTreeMap::new();
    let mut known: BTreeSet<(String, usize)> = BTreeSet::new();
    let mut filters = 0;
    for row in rows {
        let (company, annotator) = (row.company.to_string(), row.annotator.to_string());
        let filter = row.position as usize;
        filters = filters.max(filter + 1);
        if !known.insert((company.clone(), filter)) {
            return Err(SyntheticError::Repeated { company, annotator });
        }
        let (headcount, values) = found.entry(company.clone()).or_default();
        *headcount = [*headcount, row.headcount].into_iter().flatten().reduce(f64::max);
        match row.value {
            Some(value) if value >= 0.0 && value.is_finite() => {
                values.insert(filter, value);
            }
            Some(value) => return Err(SyntheticError::Value { company, annotator, value }),
            None => {}
        }
    }
    let totals = found.into_iter().map(|(company, (headcount, values))| match headcount {
        Some(n) if n >= 0.0 && n.fract() == 0.0 && n <= MAX_HEADCOUNT as f64 => {
            Ok(Totals { company, headcount: n as u64, values: values.into_iter().collect() })
        }
        wrong => Err(SyntheticError::Headcount { company, value: wrong.map_or("NULL".to_string(), |n| n.to_string()) }),
    });
    Ok((totals.collect::<Result<_, _>>()?, filters))
}

/// `muster_synthetic(totals, patterns, options)`
struct Synthetic;

/// A made person.
struct Person {
    company: Arc<str>,
    /// In the company, from 1.
    number: usize,
    headcount: u64,
    seen: u64,
    yes: u64,
}

impl Kernel for Synthetic {
    const NAME: &'static str = "muster_synthetic";
    type Row = Person;

    fn arguments() -> Vec<DataType> {
        vec![Total::data_type(), Alike::data_type(), options::kind()]
    }

    fn rows() -> Rows<Person> {
        Rows::new()
            .text("company", |row: &Person| Some(&row.company))
            .integer("number", |row| row.number)
            .integer("headcount", |row| row.headcount)
            .integer("seen", |row| row.seen)
            .integer("yes", |row| row.yes)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Person>, Failure> {
        let mut options = Options::read(input, 2, call)?;
        let most = options.whole("max_profiles", 1, 100_000)?;
        let (seed, threads) = (options.seed()?, options.threads());
        options.finish()?;
        let (totals, filters) = totals(Total::rows(&list(input, 0, call))?)?;
        let alike = Alike::rows(&list(input, 1, call))?;
        let mut people: Vec<Labels> =
            alike.into_iter().map(|Alike { seen, yes, count }| Labels { seen, yes, count }).collect();
        // sums of counts do not depend on the order, but nothing should
        people.sort_by_key(|p| (p.seen, p.yes));
        let made = make(&totals, &correlations(&people, filters), most, seed, threads);
        let mut rows = Vec::new();
        for (Totals { company, headcount, .. }, made) in totals.into_iter().zip(made) {
            let (company, seen): (Arc<str>, _) = (company.into(), made.seen);
            let person = |(number, yes)| Person { company: company.clone(), number, headcount, seen, yes };
            rows.extend((1..).zip(made.yes).map(person));
        }
        Ok(rows)
    }
}

listed! {
    /// A company's estimate from made people, and that from real ones.
    struct Estimates<'l> {
        company: &'l str,
        headcount: Option<i64>,
        synthetic: Option<f64>,
        lower: Option<f64>,
        upper: Option<f64>,
        reference: Option<f64>,
    }
}

/// `muster_synthetic_adjustment(estimates, options)`
struct SyntheticAdjustment;

/// A company's estimates, the factor that all have, and the adjusted estimate.
type Row = (Pair, Factor, Adjusted);

impl Kernel for SyntheticAdjustment {
    const NAME: &'static str = "muster_synthetic_adjustment";
    type Row = Row;

    fn arguments() -> Vec<DataType> {
        vec![Estimates::data_type(), options::kind()]
    }

    fn rows() -> Rows<Row> {
        Rows::new()
            .text("company", |row: &Row| Some(&row.0.company))
            .integer("headcount", |row| row.0.headcount.map(|n| n as i64))
            .real("synthetic_estimate", |row| row.0.synthetic)
            .real("real_estimate", |row| row.0.real)
            .real("factor", |row| row.1.mean.exp())
            .real("log_factor_se", |row| row.1.sd / (row.1.companies as f64).sqrt())
            .integer("n_companies", |row| row.1.companies)
            .real("estimate", |row| row.2[0])
            .real("lower", |row| row.2[1])
            .real("upper", |row| row.2[2])
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Row>, Failure> {
        let mut options = Options::read(input, 1, call)?;
        let level = options.level()?;
        options.finish()?;
        let pair = |row: Estimates| Pair {
            company: row.company.to_string(),
            headcount: row.headcount.map(|n| n as f64),
            synthetic: row.synthetic.unwrap_or(f64::NAN),
            lower: row.lower.unwrap_or(f64::NAN),
            upper: row.upper.unwrap_or(f64::NAN),
            real: row.reference,
        };
        let list = list(input, 0, call);
        let mut pairs: Vec<Pair> = Estimates::rows(&list)?.into_iter().map(pair).collect();
        pairs.sort_by(|a, b| a.company.cmp(&b.company));
        let (factor, adjusted) = adjust(&pairs, level)?;
        Ok(pairs.into_iter().zip(adjusted).map(|(pair, adjusted)| (pair, factor, adjusted)).collect())
    }
}
