//! The kernels of the probit model.

use super::counts::Counted;
use super::kernel::{Kernel, register as kernel};
use super::options::{self, MAX_DRAWS, Options};
use super::rows::{Failure, Rows};
use crate::probit::choice::{gold_study, study};
use crate::probit::estimate::{Estimate, Method, Settings, estimate};
use crate::probit::metrics::{Metrics, metrics};
use crate::probit::person::{PersonPrior, posteriors};
use crate::probit::report::{Agreement, Quantity, agreements, report};
use crate::probit::study::Company;
use crate::stats::intervals::Interval;
use crate::stats::summary::Summary;
use duckdb::Connection;
use duckdb::arrow::array::RecordBatch;
use duckdb::arrow::datatypes::DataType;
use std::collections::BTreeSet;

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<FitProbitBootstrap>(connection)?;
    kernel::<ProbitModel>(connection)?;
    kernel::<ProbitPosterior>(connection)?;
    kernel::<AnnotatorMetrics>(connection)?;
    kernel::<AnnotatorCorrelations>(connection)
}

/// `muster_fit_probit_bootstrap(counts, options)`
struct FitProbitBootstrap;

/// A company, its estimate, and whether its draws are returned.
type Fitted = (Company, Estimate, bool);

/// The share of the headcount that a number of experts is.
fn share(row: &Fitted, of: fn(&Summary) -> f64) -> f64 {
    of(&row.1.summary) / row.0.headcount as f64
}

impl Kernel for FitProbitBootstrap {
    const NAME: &'static str = "muster_fit_probit_bootstrap";
    type Row = Fitted;

    fn arguments() -> Vec<DataType> {
        vec![Counted::data_type(), options::kind()]
    }

    fn rows() -> Rows<Fitted> {
        Rows::new()
            .text("company", |row: &Fitted| Some(&row.0.name))
            .integer("n_observed", |row| row.0.observed)
            .integer("n_labelled", |row| row.0.labelled)
            .integer("headcount", |row| row.0.headcount)
            .boolean("headcount_raised", |row| row.0.raised)
            .real("estimate", |row| row.1.summary.mean)
            .real("median", |row| row.1.summary.median)
            .real("sd", |row| row.1.summary.sd)
            .real("lower", |row| row.1.summary.lower)
            .real("upper", |row| row.1.summary.upper)
            .real("share", |row| share(row, |s| s.mean))
            .real("share_lower", |row| share(row, |s| s.lower))
            .real("share_upper", |row| share(row, |s| s.upper))
            .real("detection_floor", |row| row.1.detection_floor)
            .boolean("below_floor", |row| row.1.summary.mean < row.1.detection_floor)
            .integers("draws", |row| row.2.then_some(&row.1.draws))
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Fitted>, Failure> {
        let mut options = Options::read(input, 1, call)?;
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let settings = Settings {
            method: options.choice("method", &Method::ALL)?,
            draws: options.draws(1, MAX_DRAWS)?,
            level: options.level()?,
            seed: options.seed()?,
            prior_alpha: options.number("prior_alpha", "be a positive number", positive)?,
            prior_beta: options.number("prior_beta", "be a positive number", positive)?,
            drift_sd: options.number("drift_sd", "be a number from 0 to 2", |x| (0.0..=2.0).contains(&x))?,
            threads: options.threads(),
        };
        let keep = options.boolean("keep_draws")?;
        if settings.drift_sd > 0.0 && settings.method.refits() {
            let allowed = "be 0 with the methods 'original' and 'original_by_size', which have no drift";
            return Err(options.invalid("drift_sd", allowed, Some(settings.drift_sd.to_string())).into());
        }
        options.finish()?;
        let counted = Counted::read(input, call)?;
        let study = study(&counted.annotators, &counted.counts)?;
        let estimates = estimate(&study, &settings)?;
        Ok(study.companies.into_iter().zip(estimates).map(|(company, found)| (company, found, keep)).collect())
    }
}

/// `muster_probit_model(counts)`
struct ProbitModel;

impl Kernel for ProbitModel {
    const NAME: &'static str = "muster_probit_model";
    type Row = Quantity;

    fn arguments() -> Vec<DataType> {
        vec![Counted::data_type()]
    }

    fn rows() -> Rows<Quantity> {
        Rows::new()
            .boolean("class", |row: &Quantity| row.class)
            .text("annotator", |row| row.annotator.as_deref())
            .text("other", |row| row.other.as_deref())
            .text("quantity", |row| Some(row.quantity))
            .real("value", |row| row.value)
            .text("note", |row| row.note.as_deref())
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Quantity>, Failure> {
        let counted = Counted::read(input, call)?;
        Ok(report(&study(&counted.annotators, &counted.counts)?, counted.unknown_ratings)?)
    }
}

/// `muster_probit_posterior(counts, options)`: one row a kind of person, joined to people by the macro.
struct ProbitPosterior;

/// The people of a company with the same labels.
struct Alike {
    company: Option<String>,
    seen: u64,
    yes: u64,
    posterior: Summary,
}

impl Kernel for ProbitPosterior {
    const NAME: &'static str = "muster_probit_posterior";
    type Row = Alike;

    fn arguments() -> Vec<DataType> {
        vec![Counted::data_type(), options::kind()]
    }

    fn rows() -> Rows<Alike> {
        Rows::new()
            .text("company", |row: &Alike| row.company.as_deref())
            .integer("seen", |row| row.seen)
            .integer("yes", |row| row.yes)
            .real("p_expert", |row| row.posterior.mean)
            .real("lower", |row| row.posterior.lower)
            .real("upper", |row| row.posterior.upper)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Alike>, Failure> {
        let mut options = Options::read(input, 1, call)?;
        let settings = Settings {
            level: options.level()?,
            seed: options.seed()?,
            threads: options.threads(),
            ..Settings::default()
        };
        let given = options.optional_number("prior", "lie between 0 and 1, or be NULL", |x| x > 0.0 && x < 1.0)?;
        options.finish()?;
        let counted = Counted::read(input, call)?;
        let study = study(&counted.annotators, &counted.counts)?;
        let prior = match given {
            Some(pi) => PersonPrior::Fixed(pi),
            None if study.companies.is_empty() => PersonPrior::GoldShare,
            None => PersonPrior::Company,
        };
        let kinds: BTreeSet<_> =
            counted.counts.iter().map(|c| (c.company.clone(), study.pattern(c.seen, c.yes))).collect();
        let found = posteriors(&study, &kinds, prior, &settings)?;
        // back to the bits of the names given: dropped annotators make several kinds share a posterior
        let kinds: BTreeSet<_> = counted.counts.iter().map(|c| (c.company.clone(), c.seen, c.yes)).collect();
        let alike = |(company, seen, yes): (Option<String>, u64, u64)| {
            let pattern = study.pattern(seen, yes);
            let at = found.binary_search_by(|p| (&p.company, p.pattern).cmp(&(&company, pattern))).ok()?;
            Some(Alike { company, seen, yes, posterior: found[at].summary })
        };
        Ok(kinds.into_iter().filter_map(alike).collect())
    }
}

/// `muster_annotator_metrics(counts, options)`
struct AnnotatorMetrics;

/// The value and limits of an interval.
pub(super) fn limits(interval: Option<Interval>) -> Option<[f64; 3]> {
    interval.map(|i| [i.value, i.lower, i.upper])
}

impl Kernel for AnnotatorMetrics {
    const NAME: &'static str = "muster_annotator_metrics";
    type Row = Metrics;

    fn arguments() -> Vec<DataType> {
        vec![Counted::data_type(), options::kind()]
    }

    fn rows() -> Rows<Metrics> {
        Rows::new()
            .text("annotator", |row: &Metrics| Some(&row.annotator))
            .integer("tp", |row| row.confusion.tp)
            .integer("fp", |row| row.confusion.fp)
            .integer("tn", |row| row.confusion.tn)
            .integer("fn", |row| row.confusion.fn_)
            .integer("missing", |row| row.confusion.missing)
            .interval("sensitivity", |row| limits(row.sensitivity))
            .interval("specificity", |row| limits(row.specificity))
            .interval("accuracy", |row| limits(row.accuracy))
            .interval("bias", |row| limits(row.bias))
            .text("note", |row| row.note.as_deref())
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Metrics>, Failure> {
        let mut options = Options::read(input, 1, call)?;
        let (level, threads) = (options.level()?, options.threads());
        options.finish()?;
        let counted = Counted::read(input, call)?;
        let study = gold_study(&counted.annotators, &counted.counts)?;
        Ok(metrics(&counted.annotators, &counted.counts, &study, level, threads)?)
    }
}

/// `muster_annotator_correlations(counts)`
struct AnnotatorCorrelations;

impl Kernel for AnnotatorCorrelations {
    const NAME: &'static str = "muster_annotator_correlations";
    type Row = Agreement;

    fn arguments() -> Vec<DataType> {
        vec![Counted::data_type()]
    }

    fn rows() -> Rows<Agreement> {
        Rows::new()
            .boolean("class", |row: &Agreement| row.class)
            .text("annotator", |row| Some(&row.annotator))
            .text("other", |row| Some(&row.other))
            .real("phi", |row| row.phi)
            .real("tetrachoric", |row| row.tetrachoric)
            .integer("n", |row| row.n)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Agreement>, Failure> {
        let counted = Counted::read(input, call)?;
        Ok(agreements(&counted.annotators, &counted.counts))
    }
}
