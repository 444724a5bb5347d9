//! Study: the people of an estimate, sorted and checked.
//!
//! It is made from counts of people alike in company, truth, which labels they have and which of these say yes.
//! Annotators get an order of their own, those that the others imply are dropped, and people are sorted, so that
//! nothing after this depends on row order or on names.

use std::collections::{BTreeMap, BTreeSet};

/// Maximum number of annotators.
pub(crate) const MAX_ANNOTATORS: usize = crate::stats::orthant::MAX_DIMENSIONS;

/// Maximum headcount of a company: above it a number is not told from the next.
const MAX_HEADCOUNT: f64 = (1u64 << 53) as f64;

/// Minimum number of gold people with labels in each class.
const MIN_GOLD: u64 = 10;

/// Labels of a person: those that are there, and those that say yes; bit j stands for annotator j.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Pattern {
    pub seen: u32,
    pub yes: u32,
}

/// Label of annotator j in masks of labels that are there and of those that say yes; `None` where it is missing.
pub(crate) fn label(seen: u64, yes: u64, j: usize) -> Option<bool> {
    (seen >> j & 1 == 1).then_some(yes >> j & 1 == 1)
}

/// Positions of the annotators in a mask, upwards.
pub(crate) fn annotators_in(mask: u32) -> impl Iterator<Item = usize> {
    (0..u32::BITS as usize).filter(move |j| mask >> j & 1 == 1)
}

impl Pattern {
    /// Label of annotator j; `None` where it is missing.
    pub fn label(self, j: usize) -> Option<bool> {
        label(self.seen.into(), self.yes.into(), j)
    }

    /// Adds a label of annotator j, who has none yet.
    pub(crate) fn add_label(&mut self, j: usize, yes: bool) {
        self.seen |= 1 << j;
        self.yes |= u32::from(yes) << j;
    }

    /// The pattern with all labels outside `mask` hidden.
    pub(crate) fn within(self, mask: u32) -> Pattern {
        Pattern { seen: self.seen & mask, yes: self.yes & mask }
    }
}

/// `count` people alike; bits in the order of the names given.
#[derive(Debug, Clone, PartialEq)]
pub struct Count {
    pub company: Option<String>,
    /// `None` of people who are not gold.
    pub truth: Option<bool>,
    pub seen: u64,
    pub yes: u64,
    pub count: u64,
    /// The largest headcount any of them states.
    pub headcount: Option<f64>,
}

impl Count {
    /// The labels of the annotators at `positions`, in that order.
    fn pattern(&self, positions: &[usize]) -> Pattern {
        pattern(self.seen, self.yes, positions)
    }
}

/// `count` gold people of the same class and pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoldPeople {
    pub truth: bool,
    pub pattern: Pattern,
    pub count: u64,
}

/// The people of one company.
#[derive(Debug, Clone, PartialEq)]
pub struct Company {
    pub name: String,
    /// Number of people observed.
    pub observed: u64,
    /// Number of people with at least one label, of any annotator.
    pub labelled: u64,
    /// Number of gold people, and of experts among them.
    pub gold: u64,
    pub gold_experts: u64,
    pub headcount: u64,
    /// Whether the headcount given was below the number observed, and raised to it.
    pub raised: bool,
    /// The people who are not gold, by pattern; sorted. Those without labels have `seen` 0.
    pub people: Vec<(Pattern, u64)>,
    /// The gold people with a label of the model's annotators; sorted.
    pub gold_people: Vec<GoldPeople>,
}

impl Company {
    /// Number of people who are not gold and have a label of the model's annotators.
    pub(crate) fn labelled_not_gold(&self) -> u64 {
        self.people.iter().filter(|(pattern, _)| pattern.seen != 0).map(|(_, n)| n).sum()
    }
}

/// Reason why an annotator takes no part in the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// No label on a gold person of the class.
    NoLabel { class: bool },
    /// Equal to the other in every gold person with both labels.
    Duplicate { other: String },
    /// Opposite of the other.
    Opposite { other: String },
    /// AND of the two others.
    And { first: String, second: String },
    /// OR of the two others.
    Or { first: String, second: String },
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reason::NoLabel { class } => {
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

/// Error in the data of a study; the message is to follow the name of the function called.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StudyError {
    #[error(
        "at most {MAX_ANNOTATORS} annotators are possible, ratings has {got}; leave some out by a WHERE on annotator{}",
        proposal(keep)
    )]
    TooManyAnnotators {
        got: usize,
        /// Those that had better stay; none where nothing speaks for any.
        keep: Vec<String>,
    },
    #[error(
        "needs at least {MIN_GOLD} gold {class} with labels to calibrate the annotators, got {got}; \
         a gold person is a profile whose truth is not NULL"
    )]
    TooFewGoldPeople { class: &'static str, got: u64 },
    #[error(
        "headcount must be a whole number of at least 0, got {value} for company {company}{}",
        if *value > MAX_HEADCOUNT { format!("; it may be at most {MAX_HEADCOUNT}") } else { String::new() }
    )]
    Headcount { company: String, value: f64 },
    #[error(transparent)]
    Orthant(#[from] crate::stats::orthant::OrthantError),
}

/// The proposal to keep some annotators, as the end of a sentence.
fn proposal(keep: &[String]) -> String {
    if keep.is_empty() {
        return String::new();
    }
    let names: Vec<String> = keep.iter().map(|name| format!("'{}'", name.replace('\'', "''"))).collect();
    format!("; gold people are told apart best by WHERE annotator IN ({})", names.join(", "))
}

/// Study in its canonical order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Study {
    /// Names of the model's annotators, ordered by their counts on gold people, ties by name.
    pub annotators: Vec<String>,
    /// Position of each of them in the names given.
    pub positions: Vec<usize>,
    pub dropped: Vec<(String, Reason)>,
    /// Gold people with at least one label of the model's annotators; sorted.
    pub gold: Vec<GoldPeople>,
    /// Gold people without any such label.
    pub gold_unlabelled: u64,
    /// Sorted by name.
    pub companies: Vec<Company>,
}

impl Study {
    /// The study of the people counted; bit j of their masks stands for annotator `names[j]`.
    ///
    /// Does not ask for a minimum of gold people: see [`Study::require_gold_people`].
    ///
    /// # Errors
    ///
    /// Where there are too many annotators, or a headcount is no whole number.
    pub fn new(names: &[String], counts: &[Count]) -> Result<Study, StudyError> {
        if names.len() > MAX_ANNOTATORS {
            return Err(StudyError::TooManyAnnotators { got: names.len(), keep: Vec::new() });
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

    /// Asks both classes for [`MIN_GOLD`] gold people with labels.
    ///
    /// # Errors
    ///
    /// Where a class has fewer.
    pub(crate) fn require_gold_people(&self) -> Result<(), StudyError> {
        for (class, name) in [(true, "experts"), (false, "non-experts")] {
            let got = self.n_gold(class);
            if got < MIN_GOLD {
                return Err(StudyError::TooFewGoldPeople { class: name, got });
            }
        }
        Ok(())
    }

    /// Number of gold people of a class that have a label.
    pub(crate) fn n_gold(&self, class: bool) -> u64 {
        self.gold.iter().filter(|r| r.truth == class).map(|r| r.count).sum()
    }

    /// Pattern of the model's annotators from masks in the order of the names given.
    pub(crate) fn pattern(&self, seen: u64, yes: u64) -> Pattern {
        pattern(seen, yes, &self.positions)
    }

    /// Sets of labels that people who are not gold have; sorted, without the empty set.
    pub(crate) fn masks(&self) -> Vec<u32> {
        let masks: BTreeSet<u32> =
            self.companies.iter().flat_map(|c| c.people.iter().map(|(p, _)| p.seen)).filter(|&m| m != 0).collect();
        masks.into_iter().collect()
    }
}

/// The labels of the annotators at `positions` of the masks, in that order.
fn pattern(seen: u64, yes: u64, positions: &[usize]) -> Pattern {
    let mut pattern = Pattern::default();
    for (bit, &position) in positions.iter().enumerate() {
        if let Some(yes) = label(seen, yes, position) {
            pattern.add_label(bit, yes);
        }
    }
    pattern
}

/// Positions of the annotators by their counts on gold people (yes and labels in either class), ties by name.
fn canonical_order(names: &[String], counts: &[Count]) -> Vec<usize> {
    let mut keyed: Vec<([u64; 4], &String, usize)> = names
        .iter()
        .enumerate()
        .map(|(position, name)| {
            let mut key = [0; 4];
            for row in counts {
                if let (Some(truth), Some(yes)) = (row.truth, label(row.seen, row.yes, position)) {
                    let class = if truth { 0 } else { 2 };
                    key[class] += if yes { row.count } else { 0 };
                    key[class + 1] += row.count;
                }
            }
            (key, name, position)
        })
        .collect();
    keyed.sort();
    keyed.into_iter().map(|(_, _, position)| position).collect()
}

fn merge_gold(counts: &[Count], positions: &[usize]) -> Vec<GoldPeople> {
    let mut merged: BTreeMap<(bool, Pattern), u64> = BTreeMap::new();
    for row in counts {
        if let Some(truth) = row.truth {
            *merged.entry((truth, row.pattern(positions))).or_default() += row.count;
        }
    }
    merged.into_iter().map(|((truth, pattern), count)| GoldPeople { truth, pattern, count }).collect()
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
        let mut labelled_gold: BTreeMap<(bool, Pattern), u64> = BTreeMap::new();
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
                    *labelled_gold.entry((truth, row.pattern(positions))).or_default() += row.count;
                }
                None => *people.entry(row.pattern(positions)).or_default() += row.count,
            }
            if let Some(value) = row.headcount {
                if !(value >= 0.0 && value.fract() == 0.0 && value <= MAX_HEADCOUNT) {
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
            gold_people: labelled_gold
                .into_iter()
                .filter(|((_, pattern), _)| pattern.seen != 0)
                .map(|((truth, pattern), count)| GoldPeople { truth, pattern, count })
                .collect(),
        });
    }
    Ok(companies)
}

/// Annotators that gold people show to be determined by others, in the order of `names`.
///
/// An annotator must have said both yes and no, three times each for AND and OR, which small samples
/// show by chance.
fn implied(names: &[String], gold: &[GoldPeople]) -> Vec<(String, Reason)> {
    let mut dropped: BTreeMap<usize, Reason> = BTreeMap::new();
    for j in 0..names.len() {
        for class in [true, false] {
            let mut labelled = gold.iter().filter(|r| r.truth == class && r.pattern.seen != 0);
            // where nobody of a class has a label, the people are missing and not the annotators
            if labelled.clone().next().is_some() && !labelled.any(|r| r.pattern.label(j).is_some()) {
                dropped.insert(j, Reason::NoLabel { class });
            }
        }
    }
    // whether `j` equals `rule` of the others in every row with all their labels
    let follows = |j: usize, others: &[usize], least: u64, rule: &dyn Fn(&[bool]) -> bool| {
        let (mut yes, mut no) = (0, 0);
        for row in gold {
            let labels = others.iter().map(|&other| row.pattern.label(other)).collect::<Option<Vec<bool>>>();
            let (Some(own), Some(labels)) = (row.pattern.label(j), labels) else {
                continue;
            };
            if rule(&labels) != own {
                return false;
            }
            if own { yes += row.count } else { no += row.count }
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
    fn a_class_without_labelled_gold_people_is_named() {
        let counts = [gold(true, 0b11, 0b01, 20), gold(true, 0b11, 0b11, 9), gold(false, 0, 0, 30)];
        let study = Study::new(&names(2), &counts).unwrap();
        assert_eq!(study.dropped, []);
        let error = StudyError::TooFewGoldPeople { class: "non-experts", got: 0 };
        assert_eq!(study.require_gold_people(), Err(error));
    }

    #[test]
    fn duplicates_opposites_and_annotators_without_gold_labels_are_dropped() {
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
        assert_eq!(dropped["a3"], Reason::NoLabel { class: false });
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
        let error = with(&[row(None, 1, 5, Some(9e18))]).unwrap_err().to_string();
        assert!(
            error.ends_with("got 9000000000000000000 for company c; it may be at most 9007199254740992"),
            "{error}"
        );
        for bad in [-1.0, 2.5, f64::NAN, f64::INFINITY] {
            assert!(matches!(with(&[row(None, 1, 5, Some(bad))]), Err(StudyError::Headcount { .. })));
        }
    }

    #[test]
    fn too_few_gold_people_and_too_many_annotators_are_errors() {
        let study = Study::new(&names(1), &[gold(true, 1, 1, 12), gold(false, 1, 0, 9)]).unwrap();
        assert_eq!(study.require_gold_people(), Err(StudyError::TooFewGoldPeople { class: "non-experts", got: 9 }));
        assert_eq!(Study::new(&names(13), &[]), Err(StudyError::TooManyAnnotators { got: 13, keep: vec![] }));
    }
}
