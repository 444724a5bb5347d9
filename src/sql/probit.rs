//! The kernels of the probit model.

use super::counts::{COUNTS, Counted};
use super::kernel::Kernel;
use super::table::{Column, Failure, Kind, Schema, rows_of, text};
use crate::options::Options;
use crate::probit::estimate::{Method, Settings, estimate};
use crate::probit::metrics::metrics;
use crate::probit::person::{PersonPrior, posteriors};
use crate::probit::report::{agreements, report};
use crate::probit::study::gold_people;
use crate::stats::intervals::Interval;
use duckdb::arrow::array::RecordBatch;
use duckdb::arrow::datatypes::DataType;
use std::collections::BTreeSet;

/// Most replicates: what 200 companies keep of them takes 160 MB.
pub(crate) const MAX_DRAWS: u64 = 100_000;

pub(crate) fn level(options: &mut Options) -> Result<f64, Failure> {
    Ok(options.number("level", "lie between 0 and 1", |x| x > 0.0 && x < 1.0)?)
}

pub(crate) fn seed(options: &mut Options) -> Result<u64, Failure> {
    Ok(options.whole("seed", 0, i64::MAX as u64)?)
}

pub(crate) fn threads(options: &mut Options) -> Result<usize, Failure> {
    Ok(options.whole("threads", 1, 1 << 20)? as usize)
}

/// `muster_fit_probit_bootstrap(counts, options)`
pub struct FitProbitBootstrap;

impl Kernel for FitProbitBootstrap {
    const NAME: &'static str = "muster_fit_probit_bootstrap";
    const COLUMNS: &'static Schema = &[
        ("company", Kind::Text),
        ("n_observed", Kind::Integer),
        ("n_labelled", Kind::Integer),
        ("headcount", Kind::Integer),
        ("headcount_raised", Kind::Boolean),
        ("estimate", Kind::Real),
        ("median", Kind::Real),
        ("sd", Kind::Real),
        ("lower", Kind::Real),
        ("upper", Kind::Real),
        ("share", Kind::Real),
        ("share_lower", Kind::Real),
        ("share_upper", Kind::Real),
        ("detection_floor", Kind::Real),
        ("below_floor", Kind::Boolean),
        ("draws", Kind::Integers),
    ];

    fn arguments() -> Vec<DataType> {
        vec![rows_of(COUNTS), DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let caller = "fit_probit_bootstrap";
        let mut options = Options::parse(caller, text(input, 1, call))?;
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let settings = Settings {
            method: options.choice("method", &Method::ALL)?,
            draws: options.whole("draws", 1, MAX_DRAWS)? as usize,
            level: level(&mut options)?,
            seed: seed(&mut options)?,
            prior_alpha: options.number("prior_alpha", "be a positive number", positive)?,
            prior_beta: options.number("prior_beta", "be a positive number", positive)?,
            drift_sd: options.number("drift_sd", "be a number from 0 to 2", |x| (0.0..=2.0).contains(&x))?,
            threads: threads(&mut options)?,
        };
        let keep = options.boolean("keep_draws")?;
        if settings.drift_sd > 0.0 && settings.method.refits() {
            let allowed = "be 0 with the methods 'original' and 'original_by_size', which have no drift";
            return Err(options.invalid("drift_sd", allowed, Some(settings.drift_sd.to_string())).into());
        }
        options.finish()?;
        let counted = Counted::read(caller, input, 0, call);
        let study = counted.study()?;
        let estimates = estimate(&study, &settings).map_err(|e| counted.failure(e))?;
        let rows = || study.companies.iter().zip(&estimates);
        let share = |of: fn(&crate::stats::summary::Summary) -> f64| {
            Column::Real(rows().map(|(c, e)| Some(of(&e.summary) / c.headcount as f64)).collect())
        };
        Ok(vec![
            Column::Text(rows().map(|(c, _)| Some(c.name.clone())).collect()),
            Column::Integer(rows().map(|(c, _)| Some(c.observed as i64)).collect()),
            Column::Integer(rows().map(|(c, _)| Some(c.labelled as i64)).collect()),
            Column::Integer(rows().map(|(c, _)| Some(c.headcount as i64)).collect()),
            Column::Boolean(rows().map(|(c, _)| Some(c.raised)).collect()),
            Column::Real(rows().map(|(_, e)| Some(e.summary.mean)).collect()),
            Column::Real(rows().map(|(_, e)| Some(e.summary.median)).collect()),
            Column::Real(rows().map(|(_, e)| e.summary.sd).collect()),
            Column::Real(rows().map(|(_, e)| Some(e.summary.lower)).collect()),
            Column::Real(rows().map(|(_, e)| Some(e.summary.upper)).collect()),
            share(|s| s.mean),
            share(|s| s.lower),
            share(|s| s.upper),
            Column::Real(rows().map(|(_, e)| Some(e.detection_floor)).collect()),
            Column::Boolean(rows().map(|(_, e)| Some(e.summary.mean < e.detection_floor)).collect()),
            Column::Integers(rows().map(|(_, e)| keep.then(|| e.draws.iter().map(|d| *d as i64).collect())).collect()),
        ])
    }
}

/// `muster_probit_model(counts)`
pub struct ProbitModel;

impl Kernel for ProbitModel {
    const NAME: &'static str = "muster_probit_model";
    const COLUMNS: &'static Schema = &[
        ("class", Kind::Boolean),
        ("annotator", Kind::Text),
        ("other", Kind::Text),
        ("quantity", Kind::Text),
        ("value", Kind::Real),
        ("note", Kind::Text),
    ];

    fn arguments() -> Vec<DataType> {
        vec![rows_of(COUNTS)]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let counted = Counted::read("probit_model", input, 0, call);
        let rows = report(&counted.study()?, counted.unknown_ratings).map_err(|e| counted.failure(e))?;
        Ok(vec![
            Column::Boolean(rows.iter().map(|r| r.class).collect()),
            Column::Text(rows.iter().map(|r| r.annotator.clone()).collect()),
            Column::Text(rows.iter().map(|r| r.other.clone()).collect()),
            Column::Text(rows.iter().map(|r| Some(r.quantity.to_string())).collect()),
            Column::Real(rows.iter().map(|r| r.value).collect()),
            Column::Text(rows.iter().map(|r| r.note.clone()).collect()),
        ])
    }
}

/// `muster_probit_posterior(counts, options)`: one row a kind of person, joined to people by the macro.
pub struct ProbitPosterior;

impl Kernel for ProbitPosterior {
    const NAME: &'static str = "muster_probit_posterior";
    const COLUMNS: &'static Schema = &[
        ("company", Kind::Text),
        ("seen", Kind::Integer),
        ("yes", Kind::Integer),
        ("p_expert", Kind::Real),
        ("lower", Kind::Real),
        ("upper", Kind::Real),
    ];

    fn arguments() -> Vec<DataType> {
        vec![rows_of(COUNTS), DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let caller = "probit_posterior";
        let mut options = Options::parse(caller, text(input, 1, call))?;
        let settings = Settings {
            level: level(&mut options)?,
            seed: seed(&mut options)?,
            threads: threads(&mut options)?,
            ..Settings::default()
        };
        let given = options.optional_number("prior", "lie between 0 and 1, or be NULL", |x| x > 0.0 && x < 1.0)?;
        options.finish()?;
        let counted = Counted::read(caller, input, 0, call);
        let study = counted.study()?;
        let prior = match given {
            Some(pi) => PersonPrior::Fixed(pi),
            None if study.companies.is_empty() => PersonPrior::GoldShare,
            None => PersonPrior::Company,
        };
        let kinds: BTreeSet<_> =
            counted.counts.iter().map(|c| (c.company.clone(), study.pattern(c.seen, c.yes))).collect();
        let found = posteriors(&study, &kinds, prior, &settings).map_err(|e| counted.failure(e))?;
        // back to the bits of the names given: dropped annotators make several kinds share a posterior
        let position = |company: &Option<String>, pattern| {
            found.binary_search_by(|p| (&p.company, p.pattern).cmp(&(company, pattern))).ok()
        };
        let kinds: BTreeSet<_> = counted.counts.iter().map(|c| (c.company.clone(), c.seen, c.yes)).collect();
        let rows: Vec<_> = kinds
            .iter()
            .filter_map(|(company, seen, yes)| {
                position(company, study.pattern(*seen, *yes)).map(|at| (company, seen, yes, &found[at].summary))
            })
            .collect();
        Ok(vec![
            Column::Text(rows.iter().map(|r| r.0.clone()).collect()),
            Column::Integer(rows.iter().map(|r| Some(*r.1 as i64)).collect()),
            Column::Integer(rows.iter().map(|r| Some(*r.2 as i64)).collect()),
            Column::Real(rows.iter().map(|r| Some(r.3.mean)).collect()),
            Column::Real(rows.iter().map(|r| Some(r.3.lower)).collect()),
            Column::Real(rows.iter().map(|r| Some(r.3.upper)).collect()),
        ])
    }
}

/// `muster_annotator_metrics(counts, options)`
pub struct AnnotatorMetrics;

impl Kernel for AnnotatorMetrics {
    const NAME: &'static str = "muster_annotator_metrics";
    const COLUMNS: &'static Schema = &[
        ("annotator", Kind::Text),
        ("tp", Kind::Integer),
        ("fp", Kind::Integer),
        ("tn", Kind::Integer),
        ("fn", Kind::Integer),
        ("missing", Kind::Integer),
        ("sensitivity", Kind::Real),
        ("sensitivity_lower", Kind::Real),
        ("sensitivity_upper", Kind::Real),
        ("specificity", Kind::Real),
        ("specificity_lower", Kind::Real),
        ("specificity_upper", Kind::Real),
        ("accuracy", Kind::Real),
        ("accuracy_lower", Kind::Real),
        ("accuracy_upper", Kind::Real),
        ("bias", Kind::Real),
        ("bias_lower", Kind::Real),
        ("bias_upper", Kind::Real),
    ];

    fn arguments() -> Vec<DataType> {
        vec![rows_of(COUNTS), DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let caller = "annotator_metrics";
        let mut options = Options::parse(caller, text(input, 1, call))?;
        let level = level(&mut options)?;
        let threads = threads(&mut options)?;
        options.finish()?;
        let counted = Counted::read(caller, input, 0, call);
        let study = counted.study()?;
        let gold = gold_people(&counted.counts, counted.annotators.len());
        let rows = metrics(&counted.annotators, &gold, &study, level, threads).map_err(|e| counted.failure(e))?;
        let whole = |of: fn(&crate::probit::metrics::Confusion) -> u64| {
            Column::Integer(rows.iter().map(|r| Some(of(&r.confusion) as i64)).collect())
        };
        let mut columns = vec![
            Column::Text(rows.iter().map(|r| Some(r.annotator.clone())).collect()),
            whole(|c| c.tp),
            whole(|c| c.fp),
            whole(|c| c.tn),
            whole(|c| c.fn_),
            whole(|c| c.missing),
        ];
        let rates: [fn(&crate::probit::metrics::Metrics) -> Option<Interval>; 4] =
            [|m| m.sensitivity, |m| m.specificity, |m| m.accuracy, |m| m.bias];
        for rate in rates {
            columns.push(Column::Real(rows.iter().map(|r| rate(r).map(|i| i.value)).collect()));
            columns.push(Column::Real(rows.iter().map(|r| rate(r).map(|i| i.lower)).collect()));
            columns.push(Column::Real(rows.iter().map(|r| rate(r).map(|i| i.upper)).collect()));
        }
        Ok(columns)
    }
}

/// `muster_annotator_correlations(counts)`
pub struct AnnotatorCorrelations;

impl Kernel for AnnotatorCorrelations {
    const NAME: &'static str = "muster_annotator_correlations";
    const COLUMNS: &'static Schema = &[
        ("class", Kind::Boolean),
        ("annotator", Kind::Text),
        ("other", Kind::Text),
        ("phi", Kind::Real),
        ("tetrachoric", Kind::Real),
        ("n", Kind::Integer),
    ];

    fn arguments() -> Vec<DataType> {
        vec![rows_of(COUNTS)]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let counted = Counted::read("annotator_correlations", input, 0, call);
        counted.study()?;
        let gold = gold_people(&counted.counts, counted.annotators.len());
        let rows = agreements(&counted.annotators, &gold);
        Ok(vec![
            Column::Boolean(rows.iter().map(|r| Some(r.class)).collect()),
            Column::Text(rows.iter().map(|r| Some(r.annotator.clone())).collect()),
            Column::Text(rows.iter().map(|r| Some(r.other.clone())).collect()),
            Column::Real(rows.iter().map(|r| r.phi).collect()),
            Column::Real(rows.iter().map(|r| r.tetrachoric).collect()),
            Column::Integer(rows.iter().map(|r| Some(r.n as i64)).collect()),
        ])
    }
}
