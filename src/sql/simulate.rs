//! The kernels behind `simulate_profiles`, `simulate_ratings` and `simulate_truth`.
//!
//! Each takes a company's number, from 0, or -1 for the gold people, and options.

use super::kernel::{Kernel, register as kernel};
use super::options::{self, Options};
use super::rows::{Failure, Rows};
use crate::simulate::{ANNOTATORS, Person, Settings, Simulator, TruthModel, company_name};
use duckdb::Connection;
use duckdb::arrow::array::{Array, AsArray, RecordBatch};
use duckdb::arrow::datatypes::{DataType, Int64Type};
use std::sync::Arc;

/// Ids of a company's people begin at this times its number plus 1; those of gold people at 0.
const BLOCK: i64 = 10_000_000;

/// Maximum number of gold people of a class, who are made in one call.
const MOST_GOLD: u64 = 1_000_000;

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<SimulateProfiles>(connection)?;
    kernel::<SimulateRatings>(connection)?;
    kernel::<SimulateTruth>(connection)
}

/// The simulator of a call, and the number of its company, `None` for the gold people.
fn read(input: &RecordBatch, call: usize) -> Result<(Simulator, Option<usize>), Failure> {
    let share = |x: f64| (0.0..=1.0).contains(&x);
    let mut options = Options::read(input, 1, call)?;
    let settings = Settings {
        companies: options.whole("companies", 1, 1_000_000)? as usize,
        seed: options.seed()?,
        drift: options.number("drift", "be a number from 0 to 2", |x| (0.0..=2.0).contains(&x))?,
        truth_model: options.choice("truth_model", &TruthModel::ALL)?,
        max_observed: options.whole("max_observed", 1, BLOCK as u64)?,
        gold_experts: options.whole("gold_experts", 0, MOST_GOLD)?,
        gold_others: options.whole("gold_others", 0, MOST_GOLD)?,
        missing: options.number("missing", "lie between 0 and 1", share)?,
        models_missing: options.number("models_missing", "lie between 0 and 1", share)?,
        ..Settings::default()
    };
    options.finish()?;
    let numbers = input.column(0).as_primitive::<Int64Type>();
    let number = numbers.is_valid(call).then(|| numbers.value(call));
    Ok((Simulator::new(settings), number.and_then(|n| usize::try_from(n).ok())))
}

/// Ids of the people of a company, or of the gold people.
fn ids(company: Option<usize>) -> impl Iterator<Item = i64> {
    company.map_or(0, |number| (number as i64 + 1) * BLOCK)..
}

fn arguments() -> Vec<DataType> {
    vec![DataType::Int64, options::kind()]
}

/// `muster_simulate_profiles(company, options)`
struct SimulateProfiles;

/// A person; the truth is that of gold people.
struct Profile {
    id: i64,
    company: Option<Arc<str>>,
    headcount: Option<u64>,
    truth: Option<bool>,
}

impl Kernel for SimulateProfiles {
    const NAME: &'static str = "muster_simulate_profiles";
    const VOLATILE: bool = true;
    type Row = Profile;

    fn arguments() -> Vec<DataType> {
        arguments()
    }

    fn rows() -> Rows<Profile> {
        Rows::new()
            .integer("profile_id", |row: &Profile| row.id)
            .text("company", |row| row.company.as_deref())
            .integer("headcount", |row| row.headcount)
            .boolean("is_expert", |row| row.truth)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Profile>, Failure> {
        let (simulator, number) = read(input, call)?;
        let (company, headcount, people): (Option<Arc<str>>, _, _) = match number {
            Some(number) => {
                let company = simulator.company(number);
                (Some(company_name(number).into()), Some(company.headcount), company.people)
            }
            None => (None, None, simulator.gold()),
        };
        let profile = |(id, person): (i64, Person)| Profile {
            id,
            company: company.clone(),
            headcount,
            truth: number.is_none().then_some(person.expert),
        };
        Ok(ids(number).zip(people).map(profile).collect())
    }
}

/// `muster_simulate_ratings(company, options)`
struct SimulateRatings;

/// A person's id, an annotator and its label.
type Rating = (i64, &'static str, bool);

impl Kernel for SimulateRatings {
    const NAME: &'static str = "muster_simulate_ratings";
    const VOLATILE: bool = true;
    type Row = Rating;

    fn arguments() -> Vec<DataType> {
        arguments()
    }

    fn rows() -> Rows<Rating> {
        Rows::new()
            .integer("profile_id", |row: &Rating| row.0)
            .text("annotator", |row| Some(row.1))
            .boolean("label", |row| row.2)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Rating>, Failure> {
        let (simulator, number) = read(input, call)?;
        let people: Vec<Person> = number.map_or_else(|| simulator.gold(), |number| simulator.company(number).people);
        let labels = |(id, person): (i64, &Person)| {
            let pattern = person.pattern;
            let seen = (0..ANNOTATORS.len()).filter(move |a| pattern.seen >> a & 1 == 1);
            seen.map(move |a| (id, ANNOTATORS[a], pattern.yes >> a & 1 == 1))
        };
        Ok(ids(number).zip(&people).flat_map(labels).collect())
    }
}

/// `muster_simulate_truth(company, options)`
struct SimulateTruth;

/// The truth of a company, without its people.
struct Truth {
    company: String,
    headcount: u64,
    observed: usize,
    prevalence: f64,
    experts: u64,
}

impl Kernel for SimulateTruth {
    const NAME: &'static str = "muster_simulate_truth";
    const VOLATILE: bool = true;
    type Row = Truth;

    fn arguments() -> Vec<DataType> {
        arguments()
    }

    fn rows() -> Rows<Truth> {
        Rows::new()
            .text("company", |row: &Truth| Some(&row.company))
            .integer("headcount", |row| row.headcount)
            .integer("n_observed", |row| row.observed)
            .real("prevalence", |row| row.prevalence)
            .integer("experts", |row| row.experts)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Truth>, Failure> {
        let (simulator, number) = read(input, call)?;
        let truth = |number: usize| {
            let company = simulator.company(number);
            Truth {
                company: company_name(number),
                headcount: company.headcount,
                observed: company.people.len(),
                prevalence: company.prevalence,
                experts: company.experts,
            }
        };
        Ok(number.map(truth).into_iter().collect())
    }
}
