//! The kernels of the diagnostics.

use super::counts::Counted;
use super::kernel::{Kernel, register as kernel};
use super::options::{self, MAX_DRAWS, Options};
use super::rows::{Failure, Rows};
use crate::diagnostics::drift::{self, CompanyDrift, Fit, is_significant};
use crate::diagnostics::evidence::learn_drift;
use crate::diagnostics::gold_drift::{GoldDrift, gold_drift, says_drift};
use crate::diagnostics::predictive::{self, Cell, Check, Checks, Worst};
use crate::diagnostics::sensitivity::sensitivity;
use crate::diagnostics::shared_shift;
use crate::probit::choice;
use crate::probit::estimate::{GoldSampling, Method, Settings};
use crate::probit::study::{MAX_ANNOTATORS, MAX_TABLED, Pattern, Study};
use crate::stats::summary::Summary;
use duckdb::Connection;
use duckdb::arrow::array::RecordBatch;
use duckdb::arrow::datatypes::DataType;

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<CovarianceDiagnostic>(connection)?;
    kernel::<DriftSummary>(connection)?;
    kernel::<PosteriorPredictiveCheck>(connection)?;
    kernel::<PosteriorPredictiveCounts>(connection)?;
    kernel::<PriorSensitivity>(connection)
}

fn arguments() -> Vec<DataType> {
    vec![Counted::data_type(), options::kind()]
}

/// The study of the counts that a call is about, of at most `most` annotators.
fn study(input: &RecordBatch, call: usize, most: usize) -> Result<Study, Failure> {
    let counted = Counted::read(input, call)?;
    Ok(choice::study(&counted.annotators, &counted.counts, most)?)
}

/// `muster_covariance_diagnostic(counts, options)`
struct CovarianceDiagnostic;

/// A company's misfit, with the annotators that it names.
struct Misfit {
    company: String,
    drift: CompanyDrift,
    worst: Option<String>,
    pair: Option<(String, String)>,
}

impl Misfit {
    fn fit(&self, of: fn(&Fit) -> f64) -> Option<f64> {
        self.drift.fit.as_ref().map(of)
    }
}

/// The largest shift and its variance.
fn worst_shift(fit: &Fit) -> (f64, f64) {
    fit.shifts[fit.worst].unwrap_or((f64::NAN, f64::NAN))
}

impl Kernel for CovarianceDiagnostic {
    const NAME: &'static str = "muster_covariance_diagnostic";
    type Row = Misfit;

    fn arguments() -> Vec<DataType> {
        arguments()
    }

    fn rows() -> Rows<Misfit> {
        Rows::new()
            .text("company", |row: &Misfit| Some(&row.company))
            .integer("n", |row| row.drift.people)
            .real("prevalence", |row| row.drift.fit.as_ref().map(|_| row.drift.prevalence))
            .real("statistic", |row| row.fit(|f| f.statistic))
            .integer("df", |row| row.drift.fit.as_ref().map(|f| f.df))
            .real("p_value", |row| row.fit(|f| f.p_value))
            .text("worst_annotator", |row| row.worst.as_deref())
            .real("shift", |row| row.fit(|f| worst_shift(f).0))
            .real("shift_se", |row| row.fit(|f| worst_shift(f).1.sqrt()))
            .text("pair_first", |row| row.pair.as_ref().map(|pair| pair.0.as_str()))
            .text("pair_second", |row| row.pair.as_ref().map(|pair| pair.1.as_str()))
            .real("pair_z", |row| row.fit(|f| f.pair.map_or(f64::NAN, |pair| pair.2)))
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Misfit>, Failure> {
        let options = Options::read(input, 1, call)?;
        let threads = options.threads();
        options.finish()?;
        let study = study(input, call, MAX_TABLED)?;
        let name = |j: usize| study.annotators[j].clone();
        let misfit = |(company, drift): (String, CompanyDrift)| Misfit {
            company,
            worst: drift.fit.as_ref().map(|fit| name(fit.worst)),
            pair: drift.fit.as_ref().and_then(|fit| fit.pair).map(|(j, k, _)| (name(j), name(k))),
            drift,
        };
        let companies = study.companies.iter().map(|company| company.name.clone());
        Ok(companies.zip(drift::companies(&study, threads)?).map(misfit).collect())
    }
}

/// `muster_drift_summary(counts, options)`
struct DriftSummary;

/// Fewest and most permutations of a test.
const PERMUTATIONS: (u64, u64) = (199, 100_000);

/// An annotator's drift.
struct Drift {
    /// `None` for all of them together.
    annotator: Option<String>,
    summary: drift::Summary,
    gold: Gold,
}

/// Drift among gold people.
#[derive(Default)]
struct Gold {
    companies: Option<usize>,
    people: Option<u64>,
    p_value: Option<f64>,
    sd: Option<f64>,
    note: Option<String>,
}

impl Gold {
    /// Of all annotators together.
    fn of_all(found: &Option<GoldDrift>, permutations: usize) -> Gold {
        let Some(found) = found else {
            let note = "no two companies have labelled gold people, so drift of sensitivity cannot be seen: \
                        rate some people of each company, drawn at random";
            return Gold { companies: Some(0), people: Some(0), note: Some(note.to_string()), ..Gold::default() };
        };
        let drifts = says_drift(found.test.p_value).then(|| {
            let floor = 1.0 / (permutations + 1) as f64;
            let as_low = if found.test.p_value <= floor { " (as low as the permutations allow)" } else { "" };
            format!(
                "annotators answer differently about gold people of the same class from company to company: \
                 p = {:.3}{as_low}; the method 'hierarchical' of fit_probit_bootstrap allows for it",
                found.test.p_value
            )
        });
        Gold {
            companies: Some(found.test.companies),
            people: Some(found.test.people),
            p_value: Some(found.test.p_value),
            sd: Some(found.sd),
            note: drifts,
        }
    }

    /// Of annotator j alone.
    fn of_one(found: &Option<GoldDrift>, j: usize) -> Gold {
        Gold { p_value: found.as_ref().map(|found| found.test.p_values[j]), ..Gold::default() }
    }
}

impl Kernel for DriftSummary {
    const NAME: &'static str = "muster_drift_summary";
    type Row = Drift;

    fn arguments() -> Vec<DataType> {
        arguments()
    }

    fn rows() -> Rows<Drift> {
        Rows::new()
            .text("annotator", |row: &Drift| row.annotator.as_deref())
            .integer("companies", |row| row.summary.companies)
            .real("statistic", |row| row.summary.statistic)
            .integer("df", |row| row.summary.df)
            .real("p_value", |row| row.summary.p_value)
            // no degrees of freedom, no verdict
            .boolean("drifts", |row| verdict(row.summary.p_value, is_significant))
            .real("drift_sd", |row| row.summary.sd)
            .real("drift_lower", |row| row.summary.lower)
            .real("drift_upper", |row| row.summary.upper)
            .integer("gold_companies", |row| row.gold.companies)
            .integer("gold_people", |row| row.gold.people)
            .real("gold_p_value", |row| row.gold.p_value)
            .boolean("gold_drifts", |row| row.gold.p_value.and_then(|p| verdict(p, says_drift)))
            .real("gold_sd", |row| row.gold.sd)
            .text("note", |row| row.gold.note.as_deref())
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Drift>, Failure> {
        let mut options = Options::read(input, 1, call)?;
        let (level, seed, threads) = (options.level()?, options.seed()?, options.threads());
        let permutations = options.whole("permutations", PERMUTATIONS.0, PERMUTATIONS.1)? as usize;
        options.finish()?;
        let study = study(input, call, MAX_TABLED)?;
        let gold = gold_drift(&study, permutations, seed, threads)?;
        let drift = |summary: drift::Summary| Drift {
            annotator: summary.annotator.map(|j| study.annotators[j].clone()),
            gold: summary.annotator.map_or_else(|| Gold::of_all(&gold, permutations), |j| Gold::of_one(&gold, j)),
            summary,
        };
        let mut rows: Vec<Drift> = drift::summary(&study, level, threads)?.into_iter().map(drift).collect();
        rows.sort_by(|a, b| a.annotator.cmp(&b.annotator));
        Ok(rows)
    }
}

/// Whether a p-value says drift; `None` where there is none.
fn verdict(p_value: f64, says_drift: fn(f64) -> bool) -> Option<bool> {
    (!p_value.is_nan()).then(|| says_drift(p_value))
}

/// Fewest and most replicates of a posterior predictive check.
const CHECK_DRAWS: (usize, usize) = (20, 10_000);

/// A check with the company it is about, and how its cells are counted.
struct Checked {
    /// `None` for all companies together.
    company: Option<String>,
    counted_by: &'static str,
    people: u64,
    check: Check,
    /// Names of the annotator, and of the second of a pair, and how far off it is; of patterns only.
    worst: Option<(String, Option<String>, f64)>,
    /// Whether the model can produce what is observed; `None` where nothing is tested, or where so few draws could not say no.
    fits: Option<bool>,
    note: Option<String>,
}

/// The verdict on a check, and a note on its p-value.
fn judged(check: &Check, draws: usize) -> (Option<bool>, Option<String>) {
    let Some(off) = verdict(check.p_value, is_significant) else {
        return (None, Some("a single cell holds everybody: nothing is tested".to_string()));
    };
    let as_low = format!("p_value is as low as {draws} draws allow");
    match (check.at_floor, off) {
        (false, _) => (Some(!off), None),
        (true, true) => (Some(false), Some(as_low)),
        (true, false) => (None, Some(format!("{as_low}; a verdict needs at least 100"))),
    }
}

/// The two checks of each company, all companies together first.
fn checked(study: &Study, checks: Vec<Checks>, draws: usize) -> Vec<Checked> {
    let shifted = shared_shift::note(&shared_shift::shared_shifts(study));
    let name = |j: usize| study.annotators[j].clone();
    let named = |worst: Worst| {
        let mut names = [Some(name(worst.annotator)), worst.other.map(name)];
        // a pair in the order of names
        names[..1 + usize::from(worst.other.is_some())].sort();
        let [first, second] = names;
        first.map(|first| (first, second, worst.z))
    };
    let names = study.companies.iter().map(|company| Some(company.name.clone()));
    let mut rows: Vec<(Option<String>, Checks)> = names.chain([None]).zip(checks).collect();
    rows.rotate_right(1);
    let both = |(company, checks): (Option<String>, Checks)| {
        let Checks { people, patterns, bins, worst } = checks;
        let worst = worst.and_then(named);
        [("pattern", patterns, worst), ("bin", bins, None)].map(|(counted_by, check, worst)| {
            let (fits, as_low) = judged(&check, draws);
            // of all companies together, since they share it
            let shifted = shifted.clone().filter(|_| company.is_none() && counted_by == "pattern");
            let notes: Vec<String> = as_low.into_iter().chain(shifted).collect();
            let note = (!notes.is_empty()).then(|| notes.join("; "));
            Checked { company: company.clone(), counted_by, people, check, worst, fits, note }
        })
    };
    rows.into_iter().flat_map(both).collect()
}

/// `muster_posterior_predictive_check(counts, options)`
struct PosteriorPredictiveCheck;

impl Kernel for PosteriorPredictiveCheck {
    const NAME: &'static str = "muster_posterior_predictive_check";
    type Row = Checked;

    fn arguments() -> Vec<DataType> {
        arguments()
    }

    fn rows() -> Rows<Checked> {
        Rows::new()
            .text("company", |row: &Checked| row.company.as_deref())
            .text("counted_by", |row| Some(row.counted_by))
            .integer("n", |row| row.people)
            .integer("cells", |row| row.check.cells.len())
            .real("statistic", |row| row.check.statistic)
            .real("expected", |row| row.check.expected)
            .real("p_value", |row| row.check.p_value)
            .boolean("fits", |row| row.fits)
            .text("annotator", |row| row.worst.as_ref().map(|worst| worst.0.as_str()))
            .text("other", |row| row.worst.as_ref().and_then(|worst| worst.1.as_deref()))
            .real("z", |row| row.worst.as_ref().map(|worst| worst.2))
            .text("note", |row| row.note.as_deref())
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Checked>, Failure> {
        let mut options = Options::read(input, 1, call)?;
        let mut settings = Settings {
            draws: options.draws(CHECK_DRAWS.0, CHECK_DRAWS.1)?,
            seed: options.seed()?,
            gold_sampling: options.choice("gold_sampling", &GoldSampling::ALL)?,
            threads: options.threads(),
            ..Settings::default()
        };
        options.finish()?;
        let study = study(input, call, MAX_TABLED)?;
        learn_drift(&study, &mut settings, None)?;
        let (checks, _) = predictive::check(&study, &settings)?;
        Ok(checked(&study, checks, settings.draws))
    }
}

/// `+gemini -gpt`: who says yes and who says no, by name.
fn pattern_text(study: &Study, pattern: Pattern) -> String {
    let mut named: Vec<(usize, &String)> = study.annotators.iter().enumerate().collect();
    named.sort_by_key(|(_, name)| *name);
    let signed = |(j, name): (usize, &String)| Some(format!("{}{name}", if pattern.label(j)? { '+' } else { '-' }));
    named.into_iter().filter_map(signed).collect::<Vec<_>>().join(" ")
}

/// `muster_posterior_predictive_counts(counts, options)`
struct PosteriorPredictiveCounts;

/// The people in a cell of a check, as observed and as predicted.
struct Counts {
    company: Option<String>,
    counted_by: &'static str,
    cell: String,
    predicted: predictive::Predicted,
}

impl Kernel for PosteriorPredictiveCounts {
    const NAME: &'static str = "muster_posterior_predictive_counts";
    type Row = Counts;

    fn arguments() -> Vec<DataType> {
        arguments()
    }

    fn rows() -> Rows<Counts> {
        Rows::new()
            .text("company", |row: &Counts| row.company.as_deref())
            .text("counted_by", |row| Some(row.counted_by))
            .text("cell", |row| Some(&row.cell))
            .integer("observed", |row| row.predicted.observed as i64)
            .real("expected", |row| row.predicted.expected)
            .real("lower", |row| row.predicted.lower)
            .real("upper", |row| row.predicted.upper)
            .real("z", |row| (row.predicted.observed - row.predicted.expected) / row.predicted.sd)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Counts>, Failure> {
        let mut options = Options::read(input, 1, call)?;
        let mut settings = Settings {
            draws: options.draws(CHECK_DRAWS.0, CHECK_DRAWS.1)?,
            level: options.level()?,
            seed: options.seed()?,
            gold_sampling: options.choice("gold_sampling", &GoldSampling::ALL)?,
            threads: options.threads(),
            ..Settings::default()
        };
        options.finish()?;
        let study = study(input, call, MAX_TABLED)?;
        learn_drift(&study, &mut settings, None)?;
        let (checks, cuts) = predictive::check(&study, &settings)?;
        let text = |cell: &Cell| match cell {
            Cell::Pattern(pattern) => pattern_text(&study, *pattern),
            Cell::Bin(bin) => cuts.text(*bin),
            Cell::Rest => "(rest)".to_string(),
        };
        let mut rows = Vec::new();
        for Checked { company, counted_by, check, .. } in checked(&study, checks, settings.draws) {
            rows.extend(check.cells.into_iter().map(|predicted| Counts {
                company: company.clone(),
                counted_by,
                cell: text(&predicted.cell),
                predicted,
            }));
        }
        Ok(rows)
    }
}

/// `muster_prior_sensitivity(counts, options)`
struct PriorSensitivity;

/// The estimate of a company under a setting of the grid.
struct Sensitivity {
    /// From 1.
    setting: usize,
    method: Method,
    prior: Option<(f64, f64)>,
    drift_sd: Option<f64>,
    /// `None` for all companies together.
    company: Option<String>,
    headcount: u64,
    summary: Summary,
}

/// The name of a method in SQL.
fn method_name(method: Method) -> Option<&'static str> {
    Method::ALL.iter().find(|(_, known)| *known == method).map(|(name, _)| *name)
}

impl Kernel for PriorSensitivity {
    const NAME: &'static str = "muster_prior_sensitivity";
    type Row = Sensitivity;

    fn arguments() -> Vec<DataType> {
        arguments()
    }

    fn rows() -> Rows<Sensitivity> {
        Rows::new()
            .integer("setting", |row: &Sensitivity| row.setting)
            .text("method", |row| method_name(row.method))
            .real("prior_alpha", |row| row.prior.map(|prior| prior.0))
            .real("prior_beta", |row| row.prior.map(|prior| prior.1))
            .real("drift_sd", |row| row.drift_sd)
            .text("company", |row| row.company.as_deref())
            .integer("headcount", |row| row.headcount)
            .real("estimate", |row| row.summary.mean)
            .real("lower", |row| row.summary.lower)
            .real("upper", |row| row.summary.upper)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Sensitivity>, Failure> {
        let mut options = Options::read(input, 1, call)?;
        let mut settings = Settings {
            draws: options.draws(1, MAX_DRAWS)?,
            level: options.level()?,
            seed: options.seed()?,
            gold_sampling: options.choice("gold_sampling", &GoldSampling::ALL)?,
            threads: options.threads(),
            ..Settings::default()
        };
        options.finish()?;
        let study = study(input, call, MAX_ANNOTATORS)?;
        learn_drift(&study, &mut settings, None)?;
        let everybody = study.companies.iter().map(|company| company.headcount).sum::<u64>();
        let mut rows = Vec::new();
        for (setting, found) in (1..).zip(sensitivity(&study, &settings)?) {
            // no company, no total
            let total = (!study.companies.is_empty()).then_some((None, everybody, found.total));
            let names = study.companies.iter().map(|company| (Some(company.name.clone()), company.headcount));
            let each = names.zip(found.companies).map(|((name, headcount), summary)| (name, headcount, summary));
            rows.extend(total.into_iter().chain(each).map(|(company, headcount, summary)| Sensitivity {
                setting,
                method: found.method,
                prior: found.prior,
                drift_sd: found.drift_sd,
                company,
                headcount,
                summary,
            }));
        }
        Ok(rows)
    }
}
