//! The kernels behind `simulate_profiles`, `simulate_ratings` and `simulate_truth`.
//!
//! Each takes a company's number, from 0, or -1 for the gold people, and options as JSON.

use super::kernel::Kernel;
use super::table::{Column, Failure, Kind, Schema, text};
use crate::options::Options;
use crate::simulate::{ANNOTATORS, Person, Settings, Simulator, TruthModel, company_name};
use duckdb::arrow::array::{Array, AsArray, RecordBatch};
use duckdb::arrow::datatypes::{DataType, Int64Type};

/// Ids of a company's people begin at this times its number plus 1; those of gold people at 0.
const BLOCK: i64 = 10_000_000;

fn settings(options: &mut Options) -> Result<Settings, Failure> {
    let share = |x: f64| (0.0..=1.0).contains(&x);
    Ok(Settings {
        companies: options.whole("companies", 1, 1_000_000)? as usize,
        seed: options.whole("seed", 0, i64::MAX as u64)?,
        drift: options.number("drift", "be a number from 0 to 2", |x| (0.0..=2.0).contains(&x))?,
        truth_model: options.choice("truth_model", &TruthModel::ALL)?,
        max_observed: options.whole("max_observed", 1, BLOCK as u64)?,
        gold_experts: options.whole("gold_experts", 0, BLOCK as u64 / 2)?,
        gold_others: options.whole("gold_others", 0, BLOCK as u64 / 2)?,
        missing: options.number("missing", "lie between 0 and 1", share)?,
        models_missing: options.number("models_missing", "lie between 0 and 1", share)?,
    })
}

/// The simulator of a call, and the number of its company, `None` for the gold people.
fn read(caller: &str, input: &RecordBatch, call: usize) -> Result<(Simulator, Option<usize>), Failure> {
    let mut options = Options::parse(caller, text(input, 1, call))?;
    let simulator = Simulator::new(settings(&mut options)?);
    options.finish()?;
    let numbers = input.column(0).as_primitive::<Int64Type>();
    let number = numbers.is_valid(call).then(|| numbers.value(call));
    Ok((simulator, number.and_then(|n| usize::try_from(n).ok())))
}

/// Ids of the people of a company, or of the gold people.
fn ids(company: Option<usize>) -> impl Iterator<Item = i64> {
    company.map_or(0, |number| (number as i64 + 1) * BLOCK)..
}

fn arguments() -> Vec<DataType> {
    vec![DataType::Int64, DataType::Utf8]
}

/// `muster_simulate_profiles(company, options)`
pub struct SimulateProfiles;

impl Kernel for SimulateProfiles {
    const NAME: &'static str = "muster_simulate_profiles";
    const VOLATILE: bool = true;
    const COLUMNS: &'static Schema = &[
        ("profile_id", Kind::Integer),
        ("company", Kind::Text),
        ("headcount", Kind::Integer),
        ("is_expert", Kind::Boolean),
    ];

    fn arguments() -> Vec<DataType> {
        arguments()
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let (simulator, number) = read("simulate_profiles", input, call)?;
        let (name, headcount, people) = match number {
            Some(number) => {
                let company = simulator.company(number);
                (Some(company_name(number)), Some(company.headcount as i64), company.people)
            }
            None => (None, None, simulator.gold()),
        };
        Ok(vec![
            Column::Integer(ids(number).take(people.len()).map(Some).collect()),
            Column::Text(vec![name; people.len()]),
            Column::Integer(vec![headcount; people.len()]),
            Column::Boolean(people.iter().map(|p| number.is_none().then_some(p.expert)).collect()),
        ])
    }
}

/// `muster_simulate_ratings(company, options)`
pub struct SimulateRatings;

impl Kernel for SimulateRatings {
    const NAME: &'static str = "muster_simulate_ratings";
    const VOLATILE: bool = true;
    const COLUMNS: &'static Schema =
        &[("profile_id", Kind::Integer), ("annotator", Kind::Text), ("label", Kind::Boolean)];

    fn arguments() -> Vec<DataType> {
        arguments()
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let (simulator, number) = read("simulate_ratings", input, call)?;
        let people: Vec<Person> = number.map_or_else(|| simulator.gold(), |number| simulator.company(number).people);
        let rows = || {
            ids(number).zip(&people).flat_map(|(id, person)| {
                let labels = (0..ANNOTATORS.len()).filter(|a| person.pattern.seen >> a & 1 == 1);
                labels.map(move |a| (id, ANNOTATORS[a], person.pattern.yes >> a & 1 == 1))
            })
        };
        Ok(vec![
            Column::Integer(rows().map(|row| Some(row.0)).collect()),
            Column::Names(rows().map(|row| row.1).collect()),
            Column::Boolean(rows().map(|row| Some(row.2)).collect()),
        ])
    }
}

/// `muster_simulate_truth(company, options)`
pub struct SimulateTruth;

impl Kernel for SimulateTruth {
    const NAME: &'static str = "muster_simulate_truth";
    const VOLATILE: bool = true;
    const COLUMNS: &'static Schema = &[
        ("company", Kind::Text),
        ("headcount", Kind::Integer),
        ("n_observed", Kind::Integer),
        ("prevalence", Kind::Real),
        ("experts", Kind::Integer),
    ];

    fn arguments() -> Vec<DataType> {
        arguments()
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let (simulator, number) = read("simulate_truth", input, call)?;
        let company = number.map(|number| (company_name(number), simulator.company(number)));
        let of = |value: fn(&crate::simulate::Company) -> u64| {
            Column::Integer(company.iter().map(|(_, c)| Some(value(c) as i64)).collect())
        };
        Ok(vec![
            Column::Text(company.iter().map(|(name, _)| Some(name.clone())).collect()),
            of(|c| c.headcount),
            of(|c| c.people.len() as u64),
            Column::Real(company.iter().map(|(_, c)| Some(c.prevalence)).collect()),
            of(|c| c.experts),
        ])
    }
}
