//! From counts of equal people to a study the estimators can work on.
//!
//! The database hands over how many people there are of each kind: (company, truth, which labels are there,
//! which of them say yes). Here annotators get their own order, those that the others imply are dropped,
//! and people are sorted, so that nothing after this depends on row order or on names.

use std::collections::{BTreeMap, BTreeSet};

/// Most annotators a study may have.
pub const MAX_ANNOTATORS: usize = super::orthant::MAX_DIMENSIONS;

/// Fewest gold people with labels that each class needs.
pub const MIN_GOLD: u64 = 10;

/// Which labels a person has, and which of them say yes; bit j stands for annotator j.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Pattern {
    pub seen: u32,
    pub yes: u32,
}

impl Pattern {
    /// The pattern with all labels outside `mask` hidden.
    pub fn within(self, mask: u32) -> Pattern {
        Pattern { seen: self.seen & mask, yes: self.yes & mask }
    }
}

/// `count` people of the same kind, as the database counted them; bits in the order of the names given.
#[derive(Debug, Clone, PartialEq)]
pub struct Count {
    pub company: Option<String>,
    /// NULL where nobody rated them.
    pub truth: Option<bool>,
    pub seen: u64,
    pub yes: u64,
    pub count: u64,
    /// The largest headcount any of them states.
    pub headcount: Option<f64>,
}

/// `count` gold people of the same class and pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gold {
    pub truth: bool,
    pub pattern: Pattern,
    pub count: u64,
}

/// The people of one company.
#[derive(Debug, Clone, PartialEq)]
pub struct Company {
    pub name: String,
    /// Everybody observed there.
    pub observed: u64,
    /// Those with at least one label, of any annotator.
    pub labelled: u64,
    /// Those whose truth is known, and how many of them are experts.
    pub gold: u64,
    pub gold_experts: u64,
    pub headcount: u64,
    /// Whether the headcount given was below the number observed, and raised to it.
    pub raised: bool,
    /// The people without a known truth, by pattern; sorted. Those without labels have `seen` 0.
    pub people: Vec<(Pattern, u64)>,
}

/// Why an annotator takes no part in the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// No label on a gold person of the class.
    NoGold { class: bool },
    /// In every gold person with both labels it equals the other.
    Duplicate { other: String },
    /// It is the opposite of the other.
    Opposite { other: String },
    /// It is the AND of the two others.
    And { first: String, second: String },
    /// It is the OR of the two others.
    Or { first: String, second: String },
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reason::NoGold { class } => {
                let class = if *class { "expert" } else { "non-expert" };
                write!(f, "no label on any gold {class}")
            }
            Reason::Duplicate { other } => write!(f, "the same as {other} in every gold person with both labels"),
            Reason::Opposite { other } => write!(f, "the opposite of {other} in every gold person with both labels"),
            Reason::And { first, second } => {
                write!(f, "{first} AND {second} in every gold person with the three labels")
            }
            Reason::Or { first, second } => {
                write!(f, "{first} OR {second} in every gold person with the three labels")
            }
        }
    }
}

/// What is wrong with the data; the message follows the name of the SQL function.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StudyError {
    #[error(
        "at most {MAX_ANNOTATORS} annotators are possible, ratings has {0}; leave some out by a WHERE on annotator"
    )]
    TooManyAnnotators(usize),
    #[error(
        "needs at least {MIN_GOLD} gold {class} with labels to calibrate the annotators, got {got}; \
         a gold person is a profile whose truth is not NULL"
    )]
    TooFewGold { class: &'static str, got: u64 },
    #[error("headcount must be a whole number of at least 0, got {value} for company {company}")]
    Headcount { company: String, value: f64 },
    #[error(transparent)]
    Orthant(#[from] super::orthant::OrthantError),
}

/// A study in its canonical order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Study {
    /// The annotators of the model, ordered by their counts on gold people, ties by name.
    pub annotators: Vec<String>,
    /// Where each of them stood in the names given.
    pub positions: Vec<usize>,
    pub dropped: Vec<(String, Reason)>,
    /// Gold people with at least one label of the model's annotators; sorted.
    pub gold: Vec<Gold>,
    /// Gold people without any such label.
    pub gold_unlabelled: u64,
    /// Sorted by name.
    pub companies: Vec<Company>,
}

impl Study {
    /// Sorts, merges and checks. `names`: the annotators, bit j of the masks stands for `names[j]`.
    ///
    /// Does not ask for a minimum of gold people: see [`Study::require_gold`].
    pub fn new(names: &[String], counts: &[Count]) -> Result<Study, StudyError> {
        if names.len() > MAX_ANNOTATORS {
            return Err(StudyError::TooManyAnnotators(names.len()));
        }
        let mut study = Study::default();
        let order = canonical_order(names, counts);
        let gold = merge_gold(counts, &order);
        study.dropped = implied(&order.iter().map(|&p| names[p].clone()).collect::<Vec<_>>(), &gold);
        study.positions =
            order.into_iter().filter(|&p| !study.dropped.iter().any(|(name, _)| *name == names[p])).collect();
        study.annotators = study.positions.iter().map(|&p| names[p].clone()).collect();
        for row in merge_gold(counts, &study.positions) {
            if row.pattern.seen == 0 {
                study.gold_unlabelled += row.count;
            } else {
                study.gold.push(row);
            }
        }
        study.companies = companies(counts, &study.positions)?;
        Ok(study)
    }

    /// An error unless both classes have [`MIN_GOLD`] gold people with labels.
    pub fn require_gold(&self) -> Result<(), StudyError> {
        for (class, name) in [(true, "experts"), (false, "non-experts")] {
            let got = self.gold_in(class);
            if got < MIN_GOLD {
                return Err(StudyError::TooFewGold { class: name, got });
            }
        }
        Ok(())
    }

    /// Gold people of a class that have a label.
    pub fn gold_in(&self, class: bool) -> u64 {
        self.gold.iter().filter(|r| r.truth == class).map(|r| r.count).sum()
    }

    /// The model's pattern of masks in the order of the names given.
    pub fn pattern(&self, seen: u64, yes: u64) -> Pattern {
        remap(seen, yes, &self.positions)
    }

    /// Every set of labels that people without a known truth have; sorted, without the empty set.
    pub fn masks(&self) -> Vec<u32> {
        let masks: BTreeSet<u32> =
            self.companies.iter().flat_map(|c| c.people.iter().map(|(p, _)| p.seen)).filter(|&m| m != 0).collect();
        masks.into_iter().collect()
    }
}

/// The gold people by class and pattern, bits in the order of the names given, dropped annotators too.
pub fn gold_people(counts: &[Count], annotators: usize) -> Vec<Gold> {
    merge_gold(counts, &(0..annotators).collect::<Vec<_>>())
}

fn remap(seen: u64, yes: u64, positions: &[usize]) -> Pattern {
    let mut pattern = Pattern::default();
    for (bit, &position) in positions.iter().enumerate() {
        pattern.seen |= ((seen >> position & 1) as u32) << bit;
        pattern.yes |= ((yes >> position & 1) as u32) << bit;
    }
    pattern
}

/// Annotators by their counts on gold people (yes and labels in either class), ties by name.
fn canonical_order(names: &[String], counts: &[Count]) -> Vec<usize> {
    let mut keyed: Vec<([u64; 4], &String, usize)> = names
        .iter()
        .enumerate()
        .map(|(position, name)| {
            let mut key = [0; 4];
            for row in counts {
                if let Some(truth) = row.truth {
                    let class = if truth { 0 } else { 2 };
                    key[class] += (row.yes >> position & 1) * row.count;
                    key[class + 1] += (row.seen >> position & 1) * row.count;
                }
            }
            (key, name, position)
        })
        .collect();
    keyed.sort();
    keyed.into_iter().map(|(_, _, position)| position).collect()
}

fn merge_gold(counts: &[Count], positions: &[usize]) -> Vec<Gold> {
    let mut merged: BTreeMap<(bool, Pattern), u64> = BTreeMap::new();
    for row in counts {
        if let Some(truth) = row.truth {
            *merged.entry((truth, remap(row.seen, row.yes, positions))).or_default() += row.count;
        }
    }
    merged.into_iter().map(|((truth, pattern), count)| Gold { truth, pattern, count }).collect()
}

fn companies(counts: &[Count], positions: &[usize]) -> Result<Vec<Company>, StudyError> {
    let mut grouped: BTreeMap<&str, Vec<&Count>> = BTreeMap::new();
    for row in counts {
        if let Some(name) = &row.company {
            grouped.entry(name).or_default().push(row);
        }
    }
    let mut companies = Vec::with_capacity(grouped.len());
    for (name, rows) in grouped {
        let mut people: BTreeMap<Pattern, u64> = BTreeMap::new();
        let (mut observed, mut labelled, mut gold, mut gold_experts) = (0, 0, 0, 0);
        let mut stated: Option<f64> = None;
        for row in rows {
            observed += row.count;
            if row.seen != 0 {
                labelled += row.count;
            }
            match row.truth {
                Some(truth) => {
                    gold += row.count;
                    gold_experts += if truth { row.count } else { 0 };
                }
                None => *people.entry(remap(row.seen, row.yes, positions)).or_default() += row.count,
            }
            if let Some(value) = row.headcount {
                if !(value >= 0.0 && value.fract() == 0.0 && value <= (1u64 << 53) as f64) {
                    return Err(StudyError::Headcount { company: name.to_string(), value });
                }
                stated = Some(stated.map_or(value, |s| s.max(value)));
            }
        }
        let stated = stated.map(|s| s as u64);
        companies.push(Company {
            name: name.to_string(),
            observed,
            labelled,
            gold,
            gold_experts,
            headcount: stated.unwrap_or(observed).max(observed),
            raised: stated.is_some_and(|s| s < observed),
            people: people.into_iter().collect(),
        });
    }
    Ok(companies)
}

/// Annotators that gold people show to be determined by others, in the order of `names`.
///
/// An annotator must have said both yes and no, three times each for AND and OR, which small samples
/// show by chance.
fn implied(names: &[String], gold: &[Gold]) -> Vec<(String, Reason)> {
    let mut dropped: BTreeMap<usize, Reason> = BTreeMap::new();
    for j in 0..names.len() {
        for class in [true, false] {
            let mut labels = gold.iter().filter(|r| r.truth == class).map(|r| r.pattern.seen).filter(|&seen| seen != 0);
            // where nobody of a class has a label, the people are missing and not the annotators
            if labels.clone().next().is_some() && !labels.any(|seen| seen >> j & 1 == 1) {
                dropped.insert(j, Reason::NoGold { class });
            }
        }
    }
    // does `j` equal `rule` of the others in every row where all are seen?
    let follows = |j: usize, others: &[usize], least: u64, rule: &dyn Fn(&[bool]) -> bool| {
        let needed = others.iter().fold(1u32 << j, |mask, o| mask | 1 << o);
        let (mut yes, mut no) = (0, 0);
        for row in gold.iter().filter(|r| r.pattern.seen & needed == needed) {
            let answer = |k: &usize| row.pattern.yes >> k & 1 == 1;
            if rule(&others.iter().map(answer).collect::<Vec<_>>()) != answer(&j) {
                return false;
            }
            if answer(&j) { yes += row.count } else { no += row.count }
        }
        yes >= least && no >= least
    };
    for j in 1..names.len() {
        for i in 0..j {
            if dropped.contains_key(&i) || dropped.contains_key(&j) {
                continue;
            }
            let other = names[i].clone();
            if follows(j, &[i], 1, &|x| x[0]) {
                dropped.insert(j, Reason::Duplicate { other });
            } else if follows(j, &[i], 1, &|x| !x[0]) {
                dropped.insert(j, Reason::Opposite { other });
            }
        }
    }
    for j in 0..names.len() {
        for b in 1..names.len() {
            for a in 0..b {
                if a == j || b == j || [a, b, j].iter().any(|k| dropped.contains_key(k)) {
                    continue;
                }
                let (first, second) = (names[a].clone(), names[b].clone());
                if follows(j, &[a, b], 3, &|x| x[0] && x[1]) {
                    dropped.insert(j, Reason::And { first, second });
                } else if follows(j, &[a, b], 3, &|x| x[0] || x[1]) {
                    dropped.insert(j, Reason::Or { first, second });
                }
            }
        }
    }
    dropped.into_iter().map(|(j, reason)| (names[j].clone(), reason)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gold(truth: bool, seen: u64, yes: u64, count: u64) -> Count {
        Count { company: None, truth: Some(truth), seen, yes, count, headcount: None }
    }

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("a{i}")).collect()
    }

    #[test]
    fn an_annotator_that_is_the_and_of_two_others_is_dropped() {
        // a2 = a0 AND a1
        let mut counts = Vec::new();
        for truth in [false, true] {
            for (yes, n) in [(0b000, 9), (0b001, 5), (0b010, 6), (0b111, 7)] {
                counts.push(gold(truth, 0b111, yes, n));
            }
            counts.push(gold(truth, 0b101, 0b001, 3));
        }
        let study = Study::new(&names(3), &counts).unwrap();
        let [(name, Reason::And { first, second })] = &study.dropped[..] else {
            panic!("dropped: {:?}", study.dropped);
        };
        // which part comes first is a matter of their counts
        let parts = BTreeSet::from([first.as_str(), second.as_str()]);
        assert_eq!((name.as_str(), parts), ("a2", BTreeSet::from(["a0", "a1"])));
        assert_eq!(study.annotators.len(), 2);
    }

    #[test]
    fn a_class_that_nobody_gold_is_named() {
        let counts = [gold(true, 0b11, 0b01, 20), gold(true, 0b11, 0b11, 9), gold(false, 0, 0, 30)];
        let study = Study::new(&names(2), &counts).unwrap();
        assert_eq!(study.dropped, []);
        let error = StudyError::TooFewGold { class: "non-experts", got: 0 };
        assert_eq!(study.require_gold(), Err(error));
    }

    #[test]
    fn duplicates_opposites_and_unrated_annotators_are_dropped() {
        let mut counts = Vec::new();
        for truth in [false, true] {
            // a1 repeats a0, a2 contradicts it, a3 has labels on experts only
            let third = if truth { 0b1000 } else { 0 };
            counts.push(gold(truth, 0b0111 | third, 0b0011, 12));
            counts.push(gold(truth, 0b0111 | third, 0b0100 | third, 5));
        }
        let study = Study::new(&names(4), &counts).unwrap();
        let dropped: BTreeMap<_, _> = study.dropped.into_iter().collect();
        assert_eq!(dropped.len(), 3);
        assert_eq!(dropped["a3"], Reason::NoGold { class: false });
        assert_eq!(study.annotators.len(), 1);
    }

    #[test]
    fn names_and_positions_change_nothing() {
        let counts = [
            gold(true, 0b11, 0b01, 20),
            gold(true, 0b11, 0b11, 5),
            gold(false, 0b11, 0b00, 20),
            gold(false, 0b11, 0b10, 3),
        ];
        let swapped: Vec<Count> =
            counts.iter().rev().map(|c| Count { yes: (c.yes >> 1) | (c.yes & 1) << 1, ..c.clone() }).collect();
        let one = Study::new(&["x".into(), "y".into()], &counts).unwrap();
        let other = Study::new(&["y".into(), "x".into()], &swapped).unwrap();
        assert_eq!(one.gold, other.gold);
        assert_eq!(one.annotators, other.annotators);
        let renamed = Study::new(&["q".into(), "p".into()], &counts).unwrap();
        assert_eq!(one.gold, renamed.gold);
    }

    #[test]
    fn companies_are_counted_and_headcounts_checked() {
        let row =
            |truth, seen, count, headcount| Count { company: Some("c".into()), truth, seen, yes: 0, count, headcount };
        let labels = [gold(true, 1, 1, 12), gold(false, 1, 0, 12)];
        let with = |rows: &[Count]| Study::new(&names(1), &[&labels, rows].concat());
        let study = with(&[row(None, 1, 5, Some(3.0)), row(None, 0, 2, None), row(Some(true), 1, 1, None)]).unwrap();
        let company = &study.companies[0];
        assert_eq!((company.observed, company.labelled, company.gold, company.gold_experts), (8, 6, 1, 1));
        assert_eq!((company.headcount, company.raised), (8, true));
        assert_eq!(company.people.iter().map(|(_, n)| n).sum::<u64>(), 7);
        let study = with(&[row(None, 1, 5, Some(30.0)), row(None, 1, 1, Some(40.0))]).unwrap();
        assert_eq!((study.companies[0].headcount, study.companies[0].raised), (40, false));
        for bad in [-1.0, 2.5, f64::NAN, f64::INFINITY] {
            assert!(matches!(with(&[row(None, 1, 5, Some(bad))]), Err(StudyError::Headcount { .. })));
        }
    }

    #[test]
    fn too_few_gold_people_and_too_many_annotators_are_errors() {
        let study = Study::new(&names(1), &[gold(true, 1, 1, 12), gold(false, 1, 0, 9)]).unwrap();
        assert_eq!(study.require_gold(), Err(StudyError::TooFewGold { class: "non-experts", got: 9 }));
        assert_eq!(Study::new(&names(13), &[]), Err(StudyError::TooManyAnnotators(13)));
    }
}
