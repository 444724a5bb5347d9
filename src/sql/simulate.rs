//! The kernel behind `simulate_profiles`, `simulate_ratings` and `simulate_truth`.

use super::kernel::Kernel;
use super::table::{Column, Failure, Kind, Schema, text};
use crate::options::Options;
use crate::simulate::{ANNOTATORS, Person, Settings, Simulator, TruthModel, company_name};
use duckdb::arrow::array::{Array, AsArray, RecordBatch};
use duckdb::arrow::datatypes::{DataType, Int64Type};

/// Ids of a company's people begin here times the company's number, which begins at 1; rated people at 0.
const BLOCK: i64 = 10_000_000;

/// `muster_simulate(company, options)`: the people of a company, or the rated people for company -1.
///
/// One row an observed person. `options` has `what`: 'profiles', 'ratings' or 'truth'; the rows carry the
/// columns of all three, those that are not asked for NULL.
pub struct Simulate;

fn settings(options: &mut Options) -> Result<Settings, Failure> {
    let share = |options: &mut Options, name: &str| options.number(name, "lie between 0 and 1", |x| (0.0..=1.0).contains(&x));
    Ok(Settings {
        companies: options.whole("companies", 1, 1_000_000)? as usize,
        seed: options.whole("seed", 0, i64::MAX as u64)?,
        drift: options.number("drift", "be a number from 0 to 2", |x| (0.0..=2.0).contains(&x))?,
        truth_model: options.choice("truth_model", &TruthModel::ALL)?,
        max_observed: options.whole("max_observed", 1, BLOCK as u64)?,
        rated_experts: options.whole("rated_experts", 0, BLOCK as u64 / 2)?,
        rated_others: options.whole("rated_others", 0, BLOCK as u64 / 2)?,
        missing: share(options, "missing")?,
        models_missing: share(options, "models_missing")?,
    })
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Profiles,
    Ratings,
    Truth,
}

#[derive(Default)]
struct Rows {
    profile: Vec<Option<i64>>,
    company: Vec<Option<String>>,
    headcount: Vec<Option<i64>>,
    expert: Vec<Option<bool>>,
    annotator: Vec<Option<String>>,
    label: Vec<Option<bool>>,
    observed: Vec<Option<i64>>,
    prevalence: Vec<Option<f64>>,
    experts: Vec<Option<i64>>,
}

impl Rows {
    fn push(&mut self, profile: Option<i64>, company: Option<&str>, headcount: Option<i64>, expert: Option<bool>) {
        self.profile.push(profile);
        self.company.push(company.map(str::to_string));
        self.headcount.push(headcount);
        self.expert.push(expert);
        self.annotator.push(None);
        self.label.push(None);
        self.observed.push(None);
        self.prevalence.push(None);
        self.experts.push(None);
    }

    fn rating(&mut self, profile: i64, annotator: usize, label: bool) {
        self.push(Some(profile), None, None, None);
        let last = self.profile.len() - 1;
        self.annotator[last] = Some(ANNOTATORS[annotator].to_string());
        self.label[last] = Some(label);
    }
}

impl Kernel for Simulate {
    const NAME: &'static str = "muster_simulate";
    const VOLATILE: bool = true;
    const COLUMNS: &'static Schema = &[
        ("profile_id", Kind::Integer),
        ("company", Kind::Text),
        ("headcount", Kind::Integer),
        ("is_expert", Kind::Boolean),
        ("annotator", Kind::Text),
        ("label", Kind::Boolean),
        ("n_observed", Kind::Integer),
        ("prevalence", Kind::Real),
        ("experts", Kind::Integer),
    ];

    fn arguments() -> Vec<DataType> {
        vec![DataType::Int64, DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let choices =
            [("profiles", What::Profiles), ("ratings", What::Ratings), ("truth", What::Truth)];
        let json = text(input, 1, call);
        // the caller's name is `simulate_` and what is asked for
        let what = Options::parse("simulate", json)?.choice("what", &choices)?;
        let caller = choices.iter().find(|(_, w)| *w == what).map_or("simulate", |(name, _)| name);
        let mut options = Options::parse(&format!("simulate_{caller}"), json)?;
        options.choice("what", &choices)?;
        let simulator = Simulator::new(settings(&mut options)?);
        options.finish()?;
        let numbers = input.column(0).as_primitive::<Int64Type>();
        let number = if numbers.is_null(call) { -1 } else { numbers.value(call) };
        let mut rows = Rows::default();
        let people = |rows: &mut Rows, people: &[Person], company: Option<(&str, u64)>| {
            for (at, person) in people.iter().enumerate() {
                let id = (number + 1) * BLOCK + at as i64;
                if what == What::Profiles {
                    let expert = company.is_none().then_some(person.expert);
                    rows.push(Some(id), company.map(|c| c.0), company.map(|c| c.1 as i64), expert);
                } else {
                    for annotator in (0..ANNOTATORS.len()).filter(|a| person.pattern.seen >> a & 1 == 1) {
                        rows.rating(id, annotator, person.pattern.yes >> annotator & 1 == 1);
                    }
                }
            }
        };
        if number < 0 {
            if what != What::Truth {
                people(&mut rows, &simulator.rated(), None);
            }
        } else {
            let name = company_name(number as usize);
            let company = simulator.company(number as usize);
            if what == What::Truth {
                rows.push(None, Some(&name), Some(company.headcount as i64), None);
                rows.observed[0] = Some(company.people.len() as i64);
                rows.prevalence[0] = Some(company.prevalence);
                rows.experts[0] = Some(company.experts as i64);
            } else {
                people(&mut rows, &company.people, Some((&name, company.headcount)));
            }
        }
        Ok(vec![
            Column::Integer(rows.profile),
            Column::Text(rows.company),
            Column::Integer(rows.headcount),
            Column::Boolean(rows.expert),
            Column::Text(rows.annotator),
            Column::Boolean(rows.label),
            Column::Integer(rows.observed),
            Column::Real(rows.prevalence),
            Column::Integer(rows.experts),
        ])
    }
}
