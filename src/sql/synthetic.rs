//! The kernels of made people.

use super::kernel::Kernel;
use super::probit::{level, seed, threads};
use super::table::{Column, Failure, Kind, Schema, integer_at, real_at, rows, rows_of, text, text_at};
use crate::options::Options;
use crate::synthetic::{Labels, Pair, SyntheticError, Totals, adjust, correlations, make};
use duckdb::arrow::array::{Array, RecordBatch, StructArray};
use duckdb::arrow::datatypes::DataType;
use std::collections::{BTreeMap, BTreeSet};

/// Rows of totals, as the macro lists them.
const TOTALS: &Schema = &[
    ("company", Kind::Text),
    ("annotator", Kind::Text),
    ("position", Kind::Integer),
    ("value", Kind::Real),
    ("headcount", Kind::Real),
];

/// Real people alike in their labels.
const PATTERNS: &Schema = &[("seen", Kind::Integer), ("yes", Kind::Integer), ("count", Kind::Integer)];

/// `muster_synthetic(totals, patterns, options)`: one row a made person.
pub struct Synthetic;

/// Every company's totals by name, and the number of filters.
fn totals(rows: &StructArray) -> Result<(Vec<Totals>, usize), SyntheticError> {
    let mut found: BTreeMap<String, (Option<f64>, BTreeMap<usize, f64>)> = BTreeMap::new();
    let mut known: BTreeSet<(String, usize)> = BTreeSet::new();
    let mut filters = 0;
    for row in 0..rows.len() {
        let company = text_at(rows, 0, row).unwrap_or_default();
        let annotator = text_at(rows, 1, row).unwrap_or_default();
        let filter = integer_at(rows, 2, row).unwrap_or(0) as usize;
        filters = filters.max(filter + 1);
        if !known.insert((company.clone(), filter)) {
            return Err(SyntheticError::Repeated { company, annotator });
        }
        let (headcount, values) = found.entry(company.clone()).or_default();
        *headcount = [*headcount, real_at(rows, 4, row)].into_iter().flatten().reduce(f64::max);
        match real_at(rows, 3, row) {
            Some(value) if value >= 0.0 && value.is_finite() => {
                values.insert(filter, value);
            }
            Some(value) => return Err(SyntheticError::Value { company, annotator, value }),
            None => {}
        }
    }
    let totals = found.into_iter().map(|(company, (headcount, values))| match headcount {
        Some(n) if n >= 0.0 && n.fract() == 0.0 && n <= (1u64 << 53) as f64 => {
            Ok(Totals { company, headcount: n as u64, values: values.into_iter().collect() })
        }
        other => Err(SyntheticError::Headcount { company, value: other.map_or("NULL".to_string(), |n| n.to_string()) }),
    });
    Ok((totals.collect::<Result<_, _>>()?, filters))
}

impl Kernel for Synthetic {
    const NAME: &'static str = "muster_synthetic";
    const COLUMNS: &'static Schema = &[
        ("company", Kind::Text),
        ("number", Kind::Integer),
        ("headcount", Kind::Integer),
        ("seen", Kind::Integer),
        ("yes", Kind::Integer),
    ];

    fn arguments() -> Vec<DataType> {
        vec![rows_of(TOTALS), rows_of(PATTERNS), DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let json = text(input, 2, call);
        // either of two SQL functions may ask
        let callers = ["synthetic_ratings", "synthetic_profiles"].map(|name| (name, name));
        let caller = Options::parse("synthetic_ratings", json)?.choice("caller", &callers)?;
        let mut options = Options::parse(caller, json)?;
        options.choice("caller", &callers)?;
        let most = options.whole("max_profiles", 1, 100_000)?;
        let seed = seed(&mut options)?;
        let threads = threads(&mut options)?;
        options.finish()?;
        let (totals, filters) = totals(&rows(input, 0, call)).map_err(|e| format!("{caller}: {e}"))?;
        let patterns = rows(input, 1, call);
        let whole = |field, row| integer_at(&patterns, field, row).unwrap_or(0) as u64;
        let mut people: Vec<Labels> = (0..patterns.len())
            .map(|row| Labels { seen: whole(0, row), yes: whole(1, row), count: whole(2, row) })
            .collect();
        // sums of counts do not depend on the order, but nothing should
        people.sort_by_key(|p| (p.seen, p.yes));
        let made = make(&totals, &correlations(&people, filters), most, seed, threads);
        let rows: Vec<(&Totals, usize, u64, u64)> = totals
            .iter()
            .zip(&made)
            .flat_map(|(company, made)| {
                made.yes.iter().enumerate().map(move |(person, yes)| (company, person + 1, made.seen, *yes))
            })
            .collect();
        Ok(vec![
            Column::Text(rows.iter().map(|r| Some(r.0.company.clone())).collect()),
            Column::Integer(rows.iter().map(|r| Some(r.1 as i64)).collect()),
            Column::Integer(rows.iter().map(|r| Some(r.0.headcount as i64)).collect()),
            Column::Integer(rows.iter().map(|r| Some(r.2 as i64)).collect()),
            Column::Integer(rows.iter().map(|r| Some(r.3 as i64)).collect()),
        ])
    }
}

/// Rows of estimates, as the macro lists them.
const ESTIMATES: &Schema = &[
    ("company", Kind::Text),
    ("headcount", Kind::Integer),
    ("synthetic", Kind::Real),
    ("lower", Kind::Real),
    ("upper", Kind::Real),
    ("reference", Kind::Real),
];

/// `muster_synthetic_adjustment(estimates, options)`
pub struct SyntheticAdjustment;

impl Kernel for SyntheticAdjustment {
    const NAME: &'static str = "muster_synthetic_adjustment";
    const COLUMNS: &'static Schema = &[
        ("company", Kind::Text),
        ("headcount", Kind::Integer),
        ("synthetic_estimate", Kind::Real),
        ("real_estimate", Kind::Real),
        ("factor", Kind::Real),
        ("log_factor_se", Kind::Real),
        ("n_companies", Kind::Integer),
        ("estimate", Kind::Real),
        ("lower", Kind::Real),
        ("upper", Kind::Real),
    ];

    fn arguments() -> Vec<DataType> {
        vec![rows_of(ESTIMATES), DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let caller = "synthetic_adjustment";
        let mut options = Options::parse(caller, text(input, 1, call))?;
        let level = level(&mut options)?;
        options.finish()?;
        let listed = rows(input, 0, call);
        let real = |field, row| real_at(&listed, field, row);
        let mut pairs: Vec<Pair> = (0..listed.len())
            .map(|row| Pair {
                company: text_at(&listed, 0, row).unwrap_or_default(),
                headcount: integer_at(&listed, 1, row).map(|n| n as f64),
                synthetic: real(2, row).unwrap_or(f64::NAN),
                lower: real(3, row).unwrap_or(f64::NAN),
                upper: real(4, row).unwrap_or(f64::NAN),
                real: real(5, row),
            })
            .collect();
        pairs.sort_by(|a, b| a.company.cmp(&b.company));
        let (factor, adjusted) = adjust(&pairs, level).map_err(|e| format!("{caller}: {e}"))?;
        let every = |value: f64| Column::Real(pairs.iter().map(|_| Some(value)).collect());
        let limit = |at: usize| Column::Real(adjusted.iter().map(|a| Some(a[at])).collect());
        Ok(vec![
            Column::Text(pairs.iter().map(|p| Some(p.company.clone())).collect()),
            Column::Integer(pairs.iter().map(|p| p.headcount.map(|n| n as i64)).collect()),
            Column::Real(pairs.iter().map(|p| Some(p.synthetic)).collect()),
            Column::Real(pairs.iter().map(|p| p.real).collect()),
            every(factor.mean.exp()),
            every(factor.sd / (factor.companies as f64).sqrt()),
            Column::Integer(pairs.iter().map(|_| Some(factor.companies as i64)).collect()),
            limit(0),
            limit(1),
            limit(2),
        ])
    }
}
