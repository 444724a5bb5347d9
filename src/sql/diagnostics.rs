//! The kernels of the diagnostics.

use super::counts::{COUNTS, Counted};
use super::kernel::Kernel;
use super::probit::{MAX_DRAWS, level, seed, threads};
use super::table::{Column, Failure, Kind, Schema, rows_of, text};
use crate::diagnostics::drift::{self, CompanyDrift, Fit};
use crate::diagnostics::predictive::{self, Cell, Check, Checks};
use crate::diagnostics::sensitivity::{Setting, sensitivity};
use crate::options::Options;
use crate::probit::bins::CUTS;
use crate::probit::estimate::{Method, Settings};
use crate::probit::study::{Pattern, Study};
use crate::stats::summary::Summary;
use duckdb::arrow::array::RecordBatch;
use duckdb::arrow::datatypes::DataType;

/// `muster_covariance_diagnostic(counts, options)`
pub struct CovarianceDiagnostic;

impl Kernel for CovarianceDiagnostic {
    const NAME: &'static str = "muster_covariance_diagnostic";
    const COLUMNS: &'static Schema = &[
        ("company", Kind::Text),
        ("n", Kind::Integer),
        ("prevalence", Kind::Real),
        ("statistic", Kind::Real),
        ("df", Kind::Integer),
        ("p_value", Kind::Real),
        ("worst_annotator", Kind::Text),
        ("shift", Kind::Real),
        ("shift_se", Kind::Real),
        ("pair_first", Kind::Text),
        ("pair_second", Kind::Text),
        ("pair_z", Kind::Real),
    ];

    fn arguments() -> Vec<DataType> {
        vec![rows_of(COUNTS), DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let caller = "covariance_diagnostic";
        let mut options = Options::parse(caller, text(input, 1, call))?;
        let threads = threads(&mut options)?;
        options.finish()?;
        let counted = Counted::read(caller, input, 0, call);
        let study = counted.study()?;
        let rows = drift::companies(&study, threads).map_err(|e| counted.failure(e))?;
        let name = |j: usize| study.annotators[j].clone();
        let fitted = |row: &CompanyDrift, of: &dyn Fn(&Fit) -> f64| row.fit.as_ref().map(of);
        let real = |of: &dyn Fn(&Fit) -> f64| Column::Real(rows.iter().map(|r| fitted(r, of)).collect());
        let worst = |f: &Fit| f.shifts[f.worst].unwrap_or((f64::NAN, f64::NAN));
        let pair = |of: &dyn Fn((usize, usize, f64)) -> usize| {
            Column::Text(rows.iter().map(|r| Some(name(of(r.fit.as_ref()?.pair?)))).collect())
        };
        Ok(vec![
            Column::Text(study.companies.iter().map(|c| Some(c.name.clone())).collect()),
            Column::Integer(rows.iter().map(|r| Some(r.people as i64)).collect()),
            Column::Real(rows.iter().map(|r| r.fit.as_ref().map(|_| r.prevalence)).collect()),
            real(&|f| f.statistic),
            Column::Integer(rows.iter().map(|r| r.fit.as_ref().map(|f| f.df as i64)).collect()),
            real(&|f| f.p_value),
            Column::Text(rows.iter().map(|r| r.fit.as_ref().map(|f| name(f.worst))).collect()),
            real(&|f| worst(f).0),
            real(&|f| worst(f).1.sqrt()),
            pair(&|p| p.0),
            pair(&|p| p.1),
            real(&|f| f.pair.map_or(f64::NAN, |p| p.2)),
        ])
    }
}

/// `muster_drift_summary(counts, options)`
pub struct DriftSummary;

impl Kernel for DriftSummary {
    const NAME: &'static str = "muster_drift_summary";
    const COLUMNS: &'static Schema = &[
        ("annotator", Kind::Text),
        ("companies", Kind::Integer),
        ("statistic", Kind::Real),
        ("df", Kind::Integer),
        ("p_value", Kind::Real),
        ("drifts", Kind::Boolean),
        ("drift_sd", Kind::Real),
        ("drift_lower", Kind::Real),
        ("drift_upper", Kind::Real),
    ];

    fn arguments() -> Vec<DataType> {
        vec![rows_of(COUNTS), DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let caller = "drift_summary";
        let mut options = Options::parse(caller, text(input, 1, call))?;
        let level = level(&mut options)?;
        let threads = threads(&mut options)?;
        options.finish()?;
        let counted = Counted::read(caller, input, 0, call);
        let study = counted.study()?;
        let mut rows = drift::summary(&study, level, threads).map_err(|e| counted.failure(e))?;
        let name = |row: &drift::Summary| row.annotator.map(|j| study.annotators[j].clone());
        rows.sort_by_key(name);
        let real = |of: &dyn Fn(&drift::Summary) -> f64| Column::Real(rows.iter().map(|r| Some(of(r))).collect());
        Ok(vec![
            Column::Text(rows.iter().map(name).collect()),
            Column::Integer(rows.iter().map(|r| Some(r.companies as i64)).collect()),
            real(&|r| r.statistic),
            Column::Integer(rows.iter().map(|r| Some(r.df as i64)).collect()),
            real(&|r| r.p_value),
            // no degrees of freedom, no verdict
            Column::Boolean(rows.iter().map(|r| (!r.p_value.is_nan()).then(|| r.drifts())).collect()),
            real(&|r| r.sd),
            real(&|r| r.lower),
            real(&|r| r.upper),
        ])
    }
}

fn draws(options: &mut Options) -> Result<usize, Failure> {
    Ok(options.whole("draws", 20, 10_000)? as usize)
}

/// The checks with the company they are about: all together first.
fn named<'a>(study: &'a Study, checks: &'a [Checks]) -> Vec<(Option<String>, &'a Checks)> {
    let names = study.companies.iter().map(|c| Some(c.name.clone()));
    let mut rows: Vec<(Option<String>, &Checks)> = names.chain([None]).zip(checks).collect();
    rows.rotate_right(1);
    rows
}

/// Each company's two checks, one after the other.
fn by_pattern_and_bin<'a>(
    rows: &[(Option<String>, &'a Checks)],
) -> Vec<(Option<String>, u64, &'static str, &'a Check)> {
    let both = |(company, checks): &(Option<String>, &'a Checks)| {
        [("pattern", &checks.patterns), ("bin", &checks.bins)]
            .map(|(counted_by, check)| (company.clone(), checks.people, counted_by, check))
    };
    rows.iter().flat_map(both).collect()
}

/// `muster_posterior_predictive_check(counts, options)`
pub struct PosteriorPredictiveCheck;

impl Kernel for PosteriorPredictiveCheck {
    const NAME: &'static str = "muster_posterior_predictive_check";
    const COLUMNS: &'static Schema = &[
        ("company", Kind::Text),
        ("counted_by", Kind::Text),
        ("n", Kind::Integer),
        ("cells", Kind::Integer),
        ("statistic", Kind::Real),
        ("expected", Kind::Real),
        ("p_value", Kind::Real),
    ];

    fn arguments() -> Vec<DataType> {
        vec![rows_of(COUNTS), DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let caller = "posterior_predictive_check";
        let mut options = Options::parse(caller, text(input, 1, call))?;
        let settings = Settings {
            draws: draws(&mut options)?,
            seed: seed(&mut options)?,
            threads: threads(&mut options)?,
            ..Settings::default()
        };
        options.finish()?;
        let counted = Counted::read(caller, input, 0, call);
        let study = counted.study()?;
        let checks = predictive::check(&study, &settings).map_err(|e| counted.failure(e))?;
        let rows = by_pattern_and_bin(&named(&study, &checks));
        let real = |of: fn(&Check) -> f64| Column::Real(rows.iter().map(|r| Some(of(r.3))).collect());
        Ok(vec![
            Column::Text(rows.iter().map(|r| r.0.clone()).collect()),
            Column::Text(rows.iter().map(|r| Some(r.2.to_string())).collect()),
            Column::Integer(rows.iter().map(|r| Some(r.1 as i64)).collect()),
            Column::Integer(rows.iter().map(|r| Some(r.3.cells.len() as i64)).collect()),
            real(|c| c.statistic),
            real(|c| c.expected),
            real(|c| c.p_value),
        ])
    }
}

/// `+gemini -gpt`: who says yes and who says no, by name.
fn pattern_text(study: &Study, pattern: Pattern) -> String {
    let mut named: Vec<(usize, &String)> = study.annotators.iter().enumerate().collect();
    named.sort_by_key(|(_, name)| *name);
    let answers = named.iter().filter(|(j, _)| pattern.seen >> j & 1 == 1);
    let signed = answers.map(|(j, name)| format!("{}{name}", if pattern.yes >> j & 1 == 1 { '+' } else { '-' }));
    signed.collect::<Vec<_>>().join(" ")
}

/// The likelihood ratios of a bin, to two digits.
fn bin_text(bin: usize) -> String {
    let edge = |cut: usize| format!("{:.2}", 10f64.powf(CUTS[cut]));
    match bin {
        0 => format!("ratio below {}", edge(0)),
        _ if bin == CUTS.len() => format!("ratio above {}", edge(bin - 1)),
        _ => format!("ratio {} to {}", edge(bin - 1), edge(bin)),
    }
}

/// `muster_posterior_predictive_counts(counts, options)`
pub struct PosteriorPredictiveCounts;

impl Kernel for PosteriorPredictiveCounts {
    const NAME: &'static str = "muster_posterior_predictive_counts";
    const COLUMNS: &'static Schema = &[
        ("company", Kind::Text),
        ("counted_by", Kind::Text),
        ("cell", Kind::Text),
        ("observed", Kind::Integer),
        ("expected", Kind::Real),
        ("lower", Kind::Real),
        ("upper", Kind::Real),
        ("z", Kind::Real),
    ];

    fn arguments() -> Vec<DataType> {
        vec![rows_of(COUNTS), DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let caller = "posterior_predictive_counts";
        let mut options = Options::parse(caller, text(input, 1, call))?;
        let settings = Settings {
            draws: draws(&mut options)?,
            level: level(&mut options)?,
            seed: seed(&mut options)?,
            threads: threads(&mut options)?,
            ..Settings::default()
        };
        options.finish()?;
        let counted = Counted::read(caller, input, 0, call);
        let study = counted.study()?;
        let checks = predictive::check(&study, &settings).map_err(|e| counted.failure(e))?;
        let checked = by_pattern_and_bin(&named(&study, &checks));
        let rows: Vec<_> = checked
            .iter()
            .flat_map(|(company, _, counted_by, check)| {
                check.cells.iter().map(move |cell| (company, *counted_by, cell))
            })
            .collect();
        let text = |cell: &Cell| match cell {
            Cell::Pattern(pattern) => pattern_text(&study, *pattern),
            Cell::Bin(bin) => bin_text(*bin),
            Cell::Rest => "(rest)".to_string(),
        };
        Ok(vec![
            Column::Text(rows.iter().map(|r| r.0.clone()).collect()),
            Column::Text(rows.iter().map(|r| Some(r.1.to_string())).collect()),
            Column::Text(rows.iter().map(|r| Some(text(&r.2.cell))).collect()),
            Column::Integer(rows.iter().map(|r| Some(r.2.observed as i64)).collect()),
            Column::Real(rows.iter().map(|r| Some(r.2.expected)).collect()),
            Column::Real(rows.iter().map(|r| Some(r.2.lower)).collect()),
            Column::Real(rows.iter().map(|r| Some(r.2.upper)).collect()),
            Column::Real(rows.iter().map(|r| Some((r.2.observed - r.2.expected) / r.2.sd)).collect()),
        ])
    }
}

/// `muster_prior_sensitivity(counts, options)`
pub struct PriorSensitivity;

impl Kernel for PriorSensitivity {
    const NAME: &'static str = "muster_prior_sensitivity";
    const COLUMNS: &'static Schema = &[
        ("setting", Kind::Integer),
        ("method", Kind::Text),
        ("prior_alpha", Kind::Real),
        ("prior_beta", Kind::Real),
        ("drift_sd", Kind::Real),
        ("company", Kind::Text),
        ("headcount", Kind::Integer),
        ("estimate", Kind::Real),
        ("lower", Kind::Real),
        ("upper", Kind::Real),
    ];

    fn arguments() -> Vec<DataType> {
        vec![rows_of(COUNTS), DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let caller = "prior_sensitivity";
        let mut options = Options::parse(caller, text(input, 1, call))?;
        let settings = Settings {
            draws: options.whole("draws", 1, MAX_DRAWS)? as usize,
            level: level(&mut options)?,
            seed: seed(&mut options)?,
            threads: threads(&mut options)?,
            ..Settings::default()
        };
        options.finish()?;
        let counted = Counted::read(caller, input, 0, call);
        let study = counted.study()?;
        let grid = sensitivity(&study, &settings).map_err(|e| counted.failure(e))?;
        let everybody = study.companies.iter().map(|c| c.headcount).sum::<u64>();
        // (number, setting, company, headcount, summary)
        let mut rows: Vec<(usize, &Setting, Option<String>, u64, &Summary)> = Vec::new();
        for (at, setting) in grid.iter().enumerate() {
            // no company, no total
            if !study.companies.is_empty() {
                rows.push((at + 1, setting, None, everybody, &setting.total));
            }
            for (company, summary) in study.companies.iter().zip(&setting.companies) {
                rows.push((at + 1, setting, Some(company.name.clone()), company.headcount, summary));
            }
        }
        let method = |m: Method| Method::ALL.iter().find(|(_, other)| *other == m).map(|(name, _)| name.to_string());
        Ok(vec![
            Column::Integer(rows.iter().map(|r| Some(r.0 as i64)).collect()),
            Column::Text(rows.iter().map(|r| method(r.1.method)).collect()),
            Column::Real(rows.iter().map(|r| r.1.prior.map(|p| p.0)).collect()),
            Column::Real(rows.iter().map(|r| r.1.prior.map(|p| p.1)).collect()),
            Column::Real(rows.iter().map(|r| r.1.drift_sd).collect()),
            Column::Text(rows.iter().map(|r| r.2.clone()).collect()),
            Column::Integer(rows.iter().map(|r| Some(r.3 as i64)).collect()),
            Column::Real(rows.iter().map(|r| Some(r.4.mean)).collect()),
            Column::Real(rows.iter().map(|r| Some(r.4.lower)).collect()),
            Column::Real(rows.iter().map(|r| Some(r.4.upper)).collect()),
        ])
    }
}
