//! Evidence of drift, as the hierarchical method takes it.

use super::drift::summary;
use super::gold_drift::{gold_test, says_drift};
use crate::probit::estimate::{Method, Settings};
use crate::probit::study::{Study, StudyError};

/// Number of permutations of the test on gold people, and the largest p-value at which drift is allowed for: with few gold people it is
/// there more often than it shows, and to allow for none costs more than for too much.
const PERMUTATIONS: usize = 199;
const POSSIBLE: f64 = 0.2;

/// Largest number of annotators for which the people who are not gold are asked: the reference has a table of all patterns.
const MOST_ANNOTATORS: usize = 8;

/// Largest number of gold people in companies that are dealt out in the test; more tell the size of the drift well enough for it to
/// be learned without asking whether there is any.
const MOST_GOLD: u64 = 20_000;

/// Level of an interval that is not looked at.
const LEVEL: f64 = 0.8;

/// Evidence of drift in a study.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Evidence {
    /// Standard deviation between companies of annotators' latent means, from people who are not gold; 0 where there is no sign of any.
    pub(crate) drift_sd: f64,
    /// Whether that is more than chance.
    pub(crate) people_drift: bool,
    /// P-value of the test on gold people; `None` where fewer than two companies have any, or nothing can be compared.
    pub(crate) gold_p_value: Option<f64>,
    /// Whether there are so many gold people that they were not tested.
    many: bool,
}

impl Evidence {
    /// Whether gold people show drift.
    pub(crate) fn gold_drifts(&self) -> bool {
        self.many || self.gold_p_value.is_some_and(says_drift)
    }

    /// Whether drift is to be learned from gold people.
    fn gold_may_drift(&self) -> bool {
        self.many || self.gold_p_value.is_some_and(|p| p <= POSSIBLE)
    }
}

/// Fills in what the hierarchical method asks of a study: the drift that is `given`, else its evidence, which is returned.
/// Other methods allow for the drift that is given.
///
/// # Errors
///
/// Where a class has too few gold people, or their model cannot be fitted.
pub fn learn_drift(study: &Study, settings: &mut Settings, given: Option<f64>) -> Result<Option<Evidence>, StudyError> {
    settings.drift_sd = given.unwrap_or(0.0);
    if settings.method != Method::Hierarchical {
        return Ok(None);
    }
    study.require_gold_people()?;
    let found = evidence(study, settings.seed, settings.threads)?;
    settings.drift_sd = given.unwrap_or(found.drift_sd);
    settings.gold_drifts = found.gold_may_drift();
    Ok(Some(found))
}

/// Evidence of a study.
///
/// # Errors
///
/// Where a class has too few gold people, or their model cannot be fitted.
fn evidence(study: &Study, seed: u64, threads: usize) -> Result<Evidence, StudyError> {
    let people = study.companies.iter().any(|company| company.labelled_not_gold() > 0);
    let (drift_sd, people_drift) = if people && study.annotators.len() <= MOST_ANNOTATORS {
        let all = summary(study, LEVEL, threads)?.into_iter().next().filter(|all| all.sd.is_finite());
        all.map_or((0.0, false), |all| (all.sd, all.drifts()))
    } else {
        (0.0, false)
    };
    let gold: u64 = study.companies.iter().flat_map(|company| &company.gold_people).map(|people| people.count).sum();
    let many = gold > MOST_GOLD;
    let tested = if many { None } else { gold_test(study, PERMUTATIONS, seed, threads)? };
    let gold_p_value = tested.map(|found| found.p_value).filter(|p| p.is_finite());
    Ok(Evidence { drift_sd, people_drift, gold_p_value, many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{ANNOTATORS, Settings as Simulation, Simulator};

    #[test]
    fn drift_is_seen_where_it_is() {
        let names: Vec<String> = ANNOTATORS.iter().map(|name| name.to_string()).collect();
        let of = |drift| {
            let simulator = Simulator::new(Simulation { companies: 60, drift, ..Simulation::default() });
            evidence(&Study::new(&names, &simulator.study().0).unwrap(), 1, 2).unwrap()
        };
        // gold people have no company there
        assert!(of(0.0).drift_sd < 0.05 && of(0.0).gold_p_value.is_none());
        let drifted = of(0.3);
        assert!((0.2..0.4).contains(&drifted.drift_sd) && !drifted.gold_drifts(), "{drifted:?}");
        assert_eq!(evidence(&Study { gold: Vec::new(), ..Study::default() }, 1, 2).ok(), None);
    }
}
