//! The kernels of the probit model.

use super::counts::Counted;
use super::kernel::{Kernel, register as kernel};
use super::options::{self, MAX_DRAWS, Options};
use super::rows::{Failure, Rows};
use crate::diagnostics::evidence::{Evidence, learn_drift};
use crate::diagnostics::shared_shift::{self, shared_shifts};
use crate::probit::choice::{gold_study, study};
use crate::probit::estimate::{Estimate, GoldSampling, Method, Settings, estimate};
use crate::probit::metrics::{Metrics, metrics};
use crate::probit::person::{PersonPrior, posteriors};
use crate::probit::plan::{Goal, plan};
use crate::probit::report::{Agreement, Quantity, agreements, report};
use crate::probit::study::{Company, MAX_ANNOTATORS, Study, survey_weights};
use crate::stats::intervals::Interval;
use crate::stats::summary::Summary;
use duckdb::Connection;
use duckdb::arrow::array::RecordBatch;
use duckdb::arrow::datatypes::DataType;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<FitProbitBootstrap>(connection)?;
    kernel::<ProbitModel>(connection)?;
    kernel::<ProbitPosterior>(connection)?;
    kernel::<RatingPlan>(connection)?;
    kernel::<AnnotatorMetrics>(connection)?;
    kernel::<AnnotatorCorrelations>(connection)
}

/// `muster_fit_probit_bootstrap(counts, options)`
struct FitProbitBootstrap;

/// A company, its estimate, and whether its draws are returned.
struct Fitted {
    company: Company,
    estimate: Estimate,
    keep: bool,
    note: Option<String>,
}

/// Drift of latent means from which on it is worth a note.
const NOTED_DRIFT: f64 = 0.05;

/// Share of draws that no prevalence explains from which on it is worth a note.
const NOTED_UNEXPLAINED: f64 = 0.1;

/// Number of gold non-experts with labels below which estimates are doubted. In 40 studies with gold people from outside, 300 experts among them and
/// 10, 20, 40, 80 or 160 others, totals are .54, .62, .73, .78 and .87 times the truth, and their 80 % intervals hold it .47 to .72 of the time; few gold
/// experts do no such harm.
const FEW_OTHERS: u64 = 100;

/// Doubts about all estimates of a study, none with a semicolon: what stands between two doubts of a note.
fn doubts(study: &Study, evidence: Option<Evidence>, settings: &Settings) -> Vec<String> {
    let mut doubts = Vec::new();
    let no_gold = study.companies.iter().all(|company| company.gold_people.is_empty());
    if let Some(found) = evidence {
        let gold = found.gold_p_value.filter(|_| found.gold_drifts());
        let people = Some(found.drift_sd).filter(|sd| found.people_drift && *sd >= NOTED_DRIFT);
        doubts.extend(gold.map(|p| {
            format!("annotators answer differently about gold people from company to company (p = {p:.3}): the interval allows for it")
        }));
        doubts.extend(people.map(|sd| {
            let allowed = match settings.drift_sd == sd {
                true => "it".to_string(),
                false => format!("a drift_sd of {}, as given", settings.drift_sd),
            };
            format!("annotators answer differently from company to company (drift_sd {sd:.2}): the interval allows for {allowed}")
        }));
        if (gold.is_some() || people.is_some()) && (no_gold || settings.gold_sampling == GoldSampling::ByClass) {
            doubts.push(
                "where experts are rare and annotators drift a total over companies leans upwards, and its interval is too short: gold people \
                 drawn at random inside companies, with gold_sampling := 'at_random', tell by how much"
                    .to_string(),
            );
        }
    }
    if no_gold {
        doubts.push(
            "no company has gold people with labels: drift of sensitivity cannot be seen, so rate some people of each company, drawn at random"
                .to_string(),
        );
    }
    let others = study.n_gold(false);
    if others < FEW_OTHERS {
        doubts.push(format!(
            "only {others} gold non-experts have labels: how often annotators say yes about others is hardly known, estimates tend to be too \
             low, and a total's interval too short"
        ));
    }
    doubts.extend(survey_weights(&study.gold).note(""));
    doubts.extend(shared_shift::note(&shared_shifts(study)));
    doubts
}

/// Doubts about one estimate, those about all after its own; `None` where there is none.
fn note(company: &Company, estimate: &Estimate, settings: &Settings, shared: &[String]) -> Option<String> {
    let (method, sampling) = (settings.method, settings.gold_sampling);
    let mut doubts = Vec::new();
    if !estimate.converged {
        doubts.push("the draws have not converged: take more of them".to_string());
    }
    let unexplained = 1.0 - estimate.explained;
    if unexplained >= NOTED_UNEXPLAINED {
        doubts.push(format!(
            "in {:.0} % of the draws no prevalence explains the labels in companies by those of the gold people, and estimates fall to \
             nothing or rise to everybody: rate some people of each company, drawn at random",
            100.0 * unexplained
        ));
    }
    if company.labelled_not_gold() == 0 && company.headcount > company.gold {
        let whose = match (method, sampling) {
            (Method::Hierarchical, GoldSampling::AtRandom) if company.gold > 0 => {
                "companies like it and of its gold people"
            }
            (Method::Hierarchical, _) => "companies like it",
            _ => "the prior",
        };
        doubts.push(match company.labelled {
            0 => format!("no labels: the estimate is that of {whose}"),
            _ => format!("no labels by calibrated annotators of people who are not gold: the estimate of these is that of {whose}"),
        });
    }
    if company.raised {
        doubts.push("the headcount given is below the people observed, and was raised to them".to_string());
    }
    if method == Method::Hierarchical {
        // whose effects learn from the company's own gold people
        doubts.extend(survey_weights(&company.gold_people).note(" of the company"));
    }
    doubts.extend_from_slice(shared);
    (!doubts.is_empty()).then(|| doubts.join("; "))
}

/// The share of the headcount that a number of experts is.
fn share(row: &Fitted, of: fn(&Summary) -> f64) -> f64 {
    of(&row.estimate.summary) / row.company.headcount as f64
}

impl Kernel for FitProbitBootstrap {
    const NAME: &'static str = "muster_fit_probit_bootstrap";
    type Row = Fitted;

    fn arguments() -> Vec<DataType> {
        vec![Counted::data_type(), options::kind()]
    }

    fn rows() -> Rows<Fitted> {
        Rows::new()
            .text("company", |row: &Fitted| Some(&row.company.name))
            .integer("n_observed", |row| row.company.observed)
            .integer("n_labelled", |row| row.company.labelled)
            .integer("n_gold", |row| row.company.gold)
            .integer("headcount", |row| row.company.headcount)
            .boolean("headcount_raised", |row| row.company.raised)
            .real("estimate", |row| row.estimate.summary.mean)
            .real("median", |row| row.estimate.summary.median)
            .real("sd", |row| row.estimate.summary.sd)
            .real("lower", |row| row.estimate.summary.lower)
            .real("upper", |row| row.estimate.summary.upper)
            .real("share", |row| share(row, |s| s.mean))
            .real("share_lower", |row| share(row, |s| s.lower))
            .real("share_upper", |row| share(row, |s| s.upper))
            .real("detection_floor", |row| row.estimate.detection_floor)
            .boolean("below_floor", |row| row.estimate.summary.mean < row.estimate.detection_floor)
            .text("note", |row| row.note.as_deref())
            .integers("draws", |row| row.keep.then_some(&row.estimate.draws))
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Fitted>, Failure> {
        let mut options = Options::read(input, 1, call)?;
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let mut settings = Settings {
            method: options.choice("method", &Method::ALL)?,
            draws: options.draws(1, MAX_DRAWS)?,
            level: options.level()?,
            seed: options.seed()?,
            prior_alpha: options.number("prior_alpha", "be a positive number", positive)?,
            prior_beta: options.number("prior_beta", "be a positive number", positive)?,
            gold_sampling: options.choice("gold_sampling", &GoldSampling::ALL)?,
            threads: options.threads(),
            ..Settings::default()
        };
        let drift_sd =
            options.optional_number("drift_sd", "be a number from 0 to 2, or NULL", |x| (0.0..=2.0).contains(&x))?;
        let keep = options.boolean("keep_draws")?;
        if let Some(given) = drift_sd.filter(|sd| *sd > 0.0 && settings.method.refits()) {
            let allowed = "be 0 or NULL with the methods 'original' and 'original_by_size', which have no drift";
            return Err(options.invalid("drift_sd", allowed, Some(given.to_string())).into());
        }
        options.finish()?;
        let counted = Counted::read(input, call)?;
        let study = study(&counted.annotators, &counted.counts, MAX_ANNOTATORS)?;
        let found = learn_drift(&study, &mut settings, drift_sd)?;
        let estimates = estimate(&study, &settings)?;
        let shared = doubts(&study, found, &settings);
        let fitted = |(company, estimate): (Company, Estimate)| {
            let note = note(&company, &estimate, &settings, &shared);
            Fitted { company, estimate, keep, note }
        };
        Ok(study.companies.into_iter().zip(estimates).map(fitted).collect())
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
        Ok(report(&study(&counted.annotators, &counted.counts, MAX_ANNOTATORS)?, counted.unknown_ratings)?)
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
        let mut settings = Settings {
            level: options.level()?,
            seed: options.seed()?,
            gold_sampling: options.choice("gold_sampling", &GoldSampling::ALL)?,
            threads: options.threads(),
            ..Settings::default()
        };
        let given = options.optional_number("prior", "lie between 0 and 1, or be NULL", |x| x > 0.0 && x < 1.0)?;
        options.finish()?;
        let counted = Counted::read(input, call)?;
        let study = study(&counted.annotators, &counted.counts, MAX_ANNOTATORS)?;
        let prior = match given {
            Some(pi) => PersonPrior::Fixed(pi),
            None if study.companies.is_empty() => PersonPrior::GoldShare,
            None => PersonPrior::Company,
        };
        let kinds: BTreeSet<_> =
            counted.counts.iter().map(|c| (c.company.clone(), study.pattern(c.seen, c.yes))).collect();
        if prior == PersonPrior::Company {
            learn_drift(&study, &mut settings, None)?;
        }
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

/// `muster_rating_plan(counts, options)`
struct RatingPlan;

/// People of a company with the same labels, and the cell of the plan that they are in.
struct Drawn {
    company: String,
    seen: u64,
    yes: u64,
    stratum: String,
    p_expert: f64,
    chance: f64,
    /// Number of people drawn from the cell.
    drawn: u64,
}

/// Largest number of people that a plan may ask for.
const MAX_BUDGET: u64 = 1 << 53;

impl Kernel for RatingPlan {
    const NAME: &'static str = "muster_rating_plan";
    type Row = Drawn;

    fn arguments() -> Vec<DataType> {
        vec![Counted::data_type(), options::kind()]
    }

    fn rows() -> Rows<Drawn> {
        Rows::new()
            .text("company", |row: &Drawn| Some(&row.company))
            .integer("seen", |row| row.seen)
            .integer("yes", |row| row.yes)
            .text("stratum", |row| Some(&row.stratum))
            .real("p_expert", |row| row.p_expert)
            .real("chance", |row| row.chance)
            .real("weight", |row| 1.0 / row.chance)
            .integer("drawn", |row| row.drawn)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Drawn>, Failure> {
        let mut options = Options::read(input, 1, call)?;
        let budget = options.whole("budget", 0, MAX_BUDGET)?;
        let goal = options.choice("goal", &[("total", Goal::Total), ("companies", Goal::Companies)])?;
        let mut settings = Settings { seed: options.seed()?, threads: options.threads(), ..Settings::default() };
        options.finish()?;
        let counted = Counted::read(input, call)?;
        let study = study(&counted.annotators, &counted.counts, MAX_ANNOTATORS)?;
        learn_drift(&study, &mut settings, None)?;
        let found = plan(&study, budget, goal, &settings)?;
        let cells: BTreeMap<_, _> = found
            .cells
            .iter()
            .map(|cell| ((study.companies[cell.company].name.as_str(), cell.stratum), cell))
            .collect();
        let people = counted.counts.iter().filter(|row| row.truth.is_none());
        let kinds: BTreeSet<_> = people.filter_map(|row| Some((row.company.as_deref()?, row.seen, row.yes))).collect();
        let drawn = |(company, seen, yes): (&str, u64, u64)| {
            let stratum = *found.strata.get(&study.pattern(seen, yes))?;
            let cell = cells.get(&(company, stratum))?;
            Some(Drawn {
                company: company.to_string(),
                seen,
                yes,
                stratum: stratum.map_or_else(|| "(no labels)".to_string(), |bin| found.cuts.text(bin)),
                p_expert: cell.p_expert,
                chance: cell.chance,
                drawn: cell.drawn,
            })
        };
        Ok(kinds.into_iter().filter_map(drawn).collect())
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
