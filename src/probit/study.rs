//! Study: the people of an estimate, sorted and checked.
//!
//! It is made from counts of people alike in company, truth, which labels they have and which of these say yes, and of
//! gold people in their gold weight.
//! Annotators get an order of their own, those that the others imply are dropped, and people are sorted, so that
//! nothing after this depends on row order or on names.

use std::collections::{BTreeMap, BTreeSet};

/// Maximum number of annotators: the bits of a mask.
pub(crate) const MAX_ANNOTATORS: usize = u32::BITS as usize;

/// Maximum number of annotators for what needs the probabilities of all their patterns.
pub(crate) const MAX_TABLED: usize = crate::stats::orthant::MAX_TABLE;

/// Maximum headcount of a company: above it a number is not told from the next.
pub(crate) const MAX_HEADCOUNT: u64 = 1 << 53;

/// Maximum number of people: the counts of a study are exact as numbers.
const MAX_PEOPLE: u64 = 1 << 53;

/// Largest survey weight, beside a mean of 1: rarer choices would let a handful of gold people speak for all.
const MAX_WEIGHT: f64 = 20.0;

/// Minimum number of gold people with labels in each class.
pub(crate) const MIN_GOLD: u64 = 10;

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
    /// Labels of the annotators at `positions`, in that order, of masks of all labels.
    pub fn of(seen: u64, yes: u64, positions: &[usize]) -> Pattern {
        let mut pattern = Pattern::default();
        for (bit, &position) in positions.iter().enumerate() {
            if let Some(yes) = label(seen, yes, position) {
                pattern.add_label(bit, yes);
            }
        }
        pattern
    }

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
    pub fn within(self, mask: u32) -> Pattern {
        Pattern { seen: self.seen & mask, yes: self.yes & mask }
    }

    /// Patterns with all labels of `mask`, and no others, that agree with this one.
    pub(crate) fn completions(self, mask: u32) -> impl Iterator<Item = Pattern> {
        subsets(mask & !self.seen).map(move |yes| Pattern { seen: mask, yes: self.yes & mask | yes })
    }
}

/// Subsets of a mask, upwards.
pub(crate) fn subsets(mask: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(0u32), move |subset| Some(subset.wrapping_sub(mask) & mask).filter(|next| *next != 0))
}

/// `count` people alike; bits in the order of the names given.
#[derive(Debug, Clone, PartialEq)]
pub struct Count {
    pub company: Option<String>,
    /// `None` of people who are not gold.
    pub truth: Option<bool>,
    pub seen: u64,
    pub yes: u64,
    /// 0 = nobody: such a count is passed over.
    pub count: u64,
    /// Inverse of the chance with which each of these gold people was chosen to be rated; 1 of people who are not gold.
    pub gold_weight: f64,
    /// The largest headcount any of them states.
    pub headcount: Option<f64>,
}

impl Count {
    /// The labels of the annotators at `positions`, in that order.
    fn pattern(&self, positions: &[usize]) -> Pattern {
        Pattern::of(self.seen, self.yes, positions)
    }
}

/// `count` gold people of the same class, pattern and gold weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GoldPeople {
    pub truth: bool,
    pub pattern: Pattern,
    pub count: u64,
    /// Gold weight of each of them, above 0.
    pub weight: f64,
}

/// Survey weights of gold people: Horvitz and Thompson's, relative to the class.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SurveyWeights {
    /// Weight of each person of each row: gold weights with a mean of 1 over the people of a class, so that their scale
    /// does not matter, none above [`MAX_WEIGHT`] before the mean is made 1 again.
    pub(crate) each: Vec<f64>,
    /// Number of people of each class whose weight was cut, non-experts first.
    pub(crate) trimmed: [u64; 2],
}

impl SurveyWeights {
    /// Sentence that says how many people's weights were cut, and what to do; `None` where nobody's was.
    ///
    /// `place`: of which gold people, " of the company" or nothing.
    pub(crate) fn note(&self, place: &str) -> Option<String> {
        let cut: u64 = self.trimmed.iter().sum();
        let whose = match cut {
            0 => return None,
            1 => format!("gold weight of 1 gold person{place} was more than {MAX_WEIGHT} times the mean of its class"),
            _ => format!(
                "gold weights of {cut} gold people{place} were more than {MAX_WEIGHT} times the mean of their class"
            ),
        };
        Some(format!(
            "the {whose} and trimmed to that: draw gold people from coarser strata, or with chances that are less unequal"
        ))
    }
}

/// The survey weights of rows of gold people.
pub(crate) fn survey_weights(gold: &[GoldPeople]) -> SurveyWeights {
    let mut weights = SurveyWeights { each: relative_weights(gold), trimmed: [0; 2] };
    for class in [false, true] {
        let mut rows: Vec<(u64, &mut f64)> =
            gold.iter().zip(&mut weights.each).filter(|(r, _)| r.truth == class).map(|(r, w)| (r.count, w)).collect();
        scale(&mut rows);
        for (count, weight) in rows.iter_mut().filter(|(_, weight)| **weight > MAX_WEIGHT) {
            **weight = MAX_WEIGHT;
            weights.trimmed[class as usize] += *count;
        }
        scale(&mut rows);
    }
    weights
}

/// Gold weights with a mean of 1 over all the people, whatever their class.
pub(crate) fn mean_weights(gold: &[GoldPeople]) -> Vec<f64> {
    let largest = gold.iter().map(|row| row.weight).fold(0.0, f64::max);
    let mut weights: Vec<f64> = gold.iter().map(|row| row.weight / largest).collect();
    scale(&mut gold.iter().map(|row| row.count).zip(&mut weights).collect::<Vec<_>>());
    weights
}

/// Scales weights to a mean of 1 over the people they belong to.
fn scale(rows: &mut [(u64, &mut f64)]) {
    let people: f64 = rows.iter().map(|(count, _)| *count as f64).sum();
    let mean = rows.iter().map(|(count, weight)| *count as f64 * **weight).sum::<f64>() / people;
    rows.iter_mut().for_each(|(_, weight)| **weight /= mean);
}

/// Gold weights beside the largest one of the class, so that equal ones are 1 and no sum overflows.
fn relative_weights(gold: &[GoldPeople]) -> Vec<f64> {
    let largest =
        [false, true].map(|class| gold.iter().filter(|r| r.truth == class).map(|r| r.weight).fold(0.0, f64::max));
    gold.iter().map(|row| row.weight / largest[row.truth as usize]).collect()
}

/// Non-experts and experts among the gold people of each company, as many as an equally weighted sample of all of them that knows as much: gold
/// weights in the counts, scaled to Kish's effective size (1965, Survey Sampling). People whose labels the model does not have count too.
pub(crate) fn weighted_truths(companies: &[Company]) -> Vec<[f64; 2]> {
    let gold = || companies.iter().flat_map(|company| &company.gold_people);
    let largest = gold().map(|g| g.weight).fold(0.0, f64::max);
    let sum_of = |power: i32| gold().map(|g| g.count as f64 * (g.weight / largest).powi(power)).sum::<f64>();
    let (sum, squares) = (sum_of(1), sum_of(2));
    let scale = if squares > 0.0 { sum / squares } else { 0.0 };
    let of_company = |company: &Company| {
        let of_class = |truth: bool| {
            let all = if truth { company.gold_experts } else { company.gold - company.gold_experts };
            let labelled = || company.gold_people.iter().filter(|g| g.truth == truth);
            let unlabelled = all - labelled().map(|g| g.count).sum::<u64>();
            labelled().map(|g| g.count as f64 * (g.weight / largest)).sum::<f64>() * scale + unlabelled as f64
        };
        [of_class(false), of_class(true)]
    };
    companies.iter().map(of_company).collect()
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
    /// Non-experts and experts among the gold people, by their weights beside each other.
    pub(crate) fn weighted_truths(&self) -> [f64; 2] {
        weighted_truths(std::slice::from_ref(self))[0]
    }

    /// Patterns that people who are not gold lack because gold people were drawn by their labels, and how many people; below 0 where they have too many.
    ///
    /// Where chances follow labels, those who are left are no mixture of the classes, as a whole company is. So each gold person with a label stands
    /// among them too, by 1 less its weight. `weights` of the rows of gold people have a mean of 1, so that people stay as many; equal ones make none.
    pub(crate) fn lacking(&self, weights: Vec<f64>) -> impl Iterator<Item = (Pattern, f64)> {
        let lacking = |(row, weight): (&GoldPeople, f64)| (row.pattern, row.count as f64 * (1.0 - weight));
        self.gold_people.iter().zip(weights).filter(|(_, weight)| *weight != 1.0).map(lacking)
    }

    /// People who are not gold by pattern, with those of the class that they lack.
    pub(crate) fn evened_people(&self) -> Vec<(Pattern, f64)> {
        let mut people: BTreeMap<Pattern, f64> = self.people.iter().map(|(pattern, n)| (*pattern, *n as f64)).collect();
        for (pattern, n) in self.lacking(survey_weights(&self.gold_people).each) {
            *people.entry(pattern).or_default() += n;
        }
        people.into_iter().map(|(pattern, n)| (pattern, n.max(0.0))).collect()
    }

    /// Number of people who are not gold and have a label of the model's annotators.
    pub(crate) fn labelled_not_gold(&self) -> u64 {
        labelled(&self.people)
    }
}

/// Number of the people who have a label of the model's annotators.
pub(crate) fn labelled(people: &[(Pattern, u64)]) -> u64 {
    people.iter().filter(|(pattern, _)| pattern.seen != 0).map(|(_, n)| n).sum()
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
        "at most {most} annotators are possible, ratings has {got}; leave some out by a WHERE on annotator{}",
        proposal(leave)
    )]
    TooManyAnnotators {
        most: usize,
        got: usize,
        /// Those that had better go; none where nothing speaks against any.
        leave: Vec<String>,
    },
    #[error(
        "needs at least {MIN_GOLD} gold {class} with labels to calibrate the annotators, got {got}; {}",
        match without {
            0 => "a gold person is a profile whose truth is not NULL".to_string(),
            _ => format!("{without} more have none: see check_inputs"),
        }
    )]
    TooFewGoldPeople {
        class: &'static str,
        got: u64,
        /// Gold people of the class without a label.
        without: u64,
    },
    #[error("headcount must be a whole number from 0 to {MAX_HEADCOUNT}, got {value} for company '{company}'")]
    Headcount { company: String, value: f64 },
    #[error("weight must add up to at most {MAX_PEOPLE} people, got more")]
    TooManyPeople,
    #[error("at most {max} gold people in companies are possible, got {got}")]
    TooManyGoldPeople { max: u64, got: u64 },
    #[error(transparent)]
    Orthant(#[from] crate::stats::orthant::OrthantError),
}

/// The proposal to leave out some annotators, as the end of a sentence.
fn proposal(leave: &[String]) -> String {
    if leave.is_empty() {
        return String::new();
    }
    let names: Vec<String> = leave.iter().map(|name| format!("'{}'", name.replace('\'', "''"))).collect();
    format!(
        "; the labels of these tell least of the truth of gold people beyond what the others tell: WHERE annotator NOT IN ({})",
        names.join(", ")
    )
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
    /// Gold people without any such label, non-experts first.
    pub gold_unlabelled: [u64; 2],
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
    /// Where there are too many annotators or people, or a headcount is no whole number.
    pub fn new(names: &[String], counts: &[Count]) -> Result<Study, StudyError> {
        if names.len() > MAX_ANNOTATORS {
            return Err(StudyError::TooManyAnnotators { most: MAX_ANNOTATORS, got: names.len(), leave: Vec::new() });
        }
        let counts: Vec<&Count> = counts.iter().filter(|row| row.count > 0).collect();
        if counts.iter().fold(0u64, |sum, row| sum.saturating_add(row.count)) > MAX_PEOPLE {
            return Err(StudyError::TooManyPeople);
        }
        let mut study = Study::default();
        let order = canonical_order(names, &counts);
        let gold = merge_gold(&counts, &order);
        study.dropped = implied(&order.iter().map(|&p| names[p].clone()).collect::<Vec<_>>(), &gold);
        study.positions =
            order.into_iter().filter(|&p| !study.dropped.iter().any(|(name, _)| *name == names[p])).collect();
        study.annotators = study.positions.iter().map(|&p| names[p].clone()).collect();
        for row in merge_gold(&counts, &study.positions) {
            if row.pattern.seen == 0 {
                study.gold_unlabelled[row.truth as usize] += row.count;
            } else {
                study.gold.push(row);
            }
        }
        study.companies = companies(&counts, &study.positions)?;
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
                let without = self.gold_unlabelled[class as usize];
                return Err(StudyError::TooFewGoldPeople { class: name, got, without });
            }
        }
        Ok(())
    }

    /// Number of gold people of a class that have a label.
    pub(crate) fn n_gold(&self, class: bool) -> u64 {
        self.gold.iter().filter(|r| r.truth == class).map(|r| r.count).sum()
    }

    /// Non-experts and experts among the gold people with labels, each as heavy as the gold weight; the unit is that of the heaviest.
    pub(crate) fn gold_sums(&self) -> [f64; 2] {
        let largest = self.gold.iter().map(|r| r.weight).fold(0.0, f64::max);
        [false, true].map(|class| {
            self.gold.iter().filter(|r| r.truth == class).map(|r| r.count as f64 * (r.weight / largest)).sum()
        })
    }

    /// Share of experts among the gold people with labels, each as heavy as the gold weight.
    pub(crate) fn gold_share(&self) -> f64 {
        let [others, experts] = self.gold_sums();
        experts / (others + experts)
    }

    /// Pattern of the model's annotators from masks in the order of the names given.
    pub fn pattern(&self, seen: u64, yes: u64) -> Pattern {
        Pattern::of(seen, yes, &self.positions)
    }

    /// Labels that people who are not gold have.
    pub(crate) fn patterns(&self) -> BTreeSet<Pattern> {
        self.companies.iter().flat_map(|company| company.people.iter().map(|(pattern, _)| *pattern)).collect()
    }

    /// Sets of labels that people who are not gold have; sorted, without the empty set.
    pub(crate) fn masks(&self) -> Vec<u32> {
        let masks: BTreeSet<u32> =
            self.companies.iter().flat_map(|c| c.people.iter().map(|(p, _)| p.seen)).filter(|&m| m != 0).collect();
        masks.into_iter().collect()
    }
}

/// Positions of the annotators by their counts on gold people (yes and labels in either class), ties by name.
fn canonical_order(names: &[String], counts: &[&Count]) -> Vec<usize> {
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

/// Gold people by class, pattern and gold weight, sorted: the bits of positive numbers are in their order.
#[derive(Default)]
struct Merged(BTreeMap<(bool, Pattern, u64), u64>);

impl Merged {
    fn add(&mut self, truth: bool, pattern: Pattern, row: &Count) {
        *self.0.entry((truth, pattern, row.gold_weight.to_bits())).or_default() += row.count;
    }

    fn rows(self) -> impl Iterator<Item = GoldPeople> {
        self.0.into_iter().map(|((truth, pattern, weight), count)| GoldPeople {
            truth,
            pattern,
            count,
            weight: f64::from_bits(weight),
        })
    }
}

/// Gold people who have a label of any annotator, by class and gold weight; sorted, without their labels.
pub(crate) fn labelled_gold(counts: &[Count]) -> Vec<GoldPeople> {
    let labelled: Vec<&Count> = counts.iter().filter(|row| row.count > 0 && row.seen != 0).collect();
    merge_gold(&labelled, &[])
}

fn merge_gold(counts: &[&Count], positions: &[usize]) -> Vec<GoldPeople> {
    let mut merged = Merged::default();
    for row in counts {
        if let Some(truth) = row.truth {
            merged.add(truth, row.pattern(positions), row);
        }
    }
    merged.rows().collect()
}

fn companies(counts: &[&Count], positions: &[usize]) -> Result<Vec<Company>, StudyError> {
    let mut grouped: BTreeMap<&str, Vec<&Count>> = BTreeMap::new();
    for row in counts {
        if let Some(name) = &row.company {
            grouped.entry(name).or_default().push(row);
        }
    }
    let mut companies = Vec::with_capacity(grouped.len());
    for (name, rows) in grouped {
        let mut people: BTreeMap<Pattern, u64> = BTreeMap::new();
        let mut labelled_gold = Merged::default();
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
                    let pattern = row.pattern(positions);
                    if pattern.seen != 0 {
                        labelled_gold.add(truth, pattern, row);
                    }
                }
                None => *people.entry(row.pattern(positions)).or_default() += row.count,
            }
            if let Some(value) = row.headcount {
                if !(value >= 0.0 && value.fract() == 0.0 && value <= MAX_HEADCOUNT as f64) {
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
            gold_people: labelled_gold.rows().collect(),
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
        Count { company: None, truth: Some(truth), seen, yes, count, gold_weight: 1.0, headcount: None }
    }

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("a{i}")).collect()
    }

    #[test]
    fn weighted_truths_are_as_many_as_they_are_worth() {
        let row = |truth, count, weight| GoldPeople { truth, pattern: Pattern { seen: 1, yes: 0 }, count, weight };
        let company = |gold_people, gold, gold_experts| Company {
            name: String::new(),
            observed: gold,
            labelled: gold,
            gold,
            gold_experts,
            headcount: gold,
            raised: false,
            people: Vec::new(),
            gold_people,
        };
        // equal weights count heads, whatever their size; two experts have no label
        let plain = company(vec![row(false, 6, 2.5), row(true, 3, 2.5)], 11, 5);
        assert_eq!(plain.weighted_truths(), [6.0, 5.0]);
        // 4 people of weight 1 and 2 of weight 4: sums 4 and 8, worth 12² / 36 = 4 of equal weight
        let uneven = company(vec![row(false, 4, 1.0), row(true, 2, 4.0)], 6, 2).weighted_truths();
        assert!((uneven[0] - 4.0 / 3.0).abs() < 1e-12 && (uneven[1] - 8.0 / 3.0).abs() < 1e-12, "{uneven:?}");
        // the same people in two companies are beside each other what they are in one, and by themselves heads
        let apart = [company(vec![row(false, 4, 1.0)], 4, 0), company(vec![row(true, 2, 4.0)], 2, 2)];
        let beside = weighted_truths(&apart);
        assert!((beside[0][0] - 4.0 / 3.0).abs() < 1e-12 && (beside[1][1] - 8.0 / 3.0).abs() < 1e-12, "{beside:?}");
        assert_eq!((beside[0][1], beside[1][0]), (0.0, 0.0));
        assert_eq!(apart.map(|company| company.weighted_truths()), [[4.0, 0.0], [0.0, 2.0]]);
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
        let error = StudyError::TooFewGoldPeople { class: "non-experts", got: 0, without: 30 };
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
        let row = |truth, seen, count, headcount| Count {
            company: Some("c".into()),
            truth,
            seen,
            yes: 0,
            count,
            gold_weight: 1.0,
            headcount,
        };
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
        let message =
            "headcount must be a whole number from 0 to 9007199254740992, got 9000000000000000000 for company 'c'";
        assert_eq!(error, message);
        for bad in [-1.0, 2.5, f64::NAN, f64::INFINITY] {
            assert!(matches!(with(&[row(None, 1, 5, Some(bad))]), Err(StudyError::Headcount { .. })));
        }
    }

    #[test]
    fn survey_weights_have_a_mean_of_one_in_each_class() {
        let row = |truth, yes, count, weight| GoldPeople { truth, pattern: Pattern { seen: 1, yes }, count, weight };
        // others: three of weight 2 and one of 6 have a mean of 3; experts weigh the same
        let gold = [row(false, 0, 3, 2.0), row(false, 1, 1, 6.0), row(true, 0, 7, 0.1), row(true, 1, 2, 0.1)];
        let weights = survey_weights(&gold);
        assert!((weights.each[0] - 2.0 / 3.0).abs() < 1e-15 && (weights.each[1] - 2.0).abs() < 1e-15);
        assert_eq!((&weights.each[2..], weights.trimmed), ([1.0, 1.0].as_slice(), [0, 0]));
        // among 99 of weight 1 one of 1000 has 1000 / 10.99 times the mean: cut to 20, then 20 / (.2 + .99 / 10.99)
        let gold = [row(true, 0, 99, 1.0), row(true, 1, 1, 1000.0)];
        let weights = survey_weights(&gold);
        assert_eq!(weights.trimmed, [0, 1]);
        let note = weights.note("").unwrap();
        assert!(
            note.starts_with(
                "the gold weight of 1 gold person was more than 20 times the mean of its class and trimmed"
            )
        );
        let both = SurveyWeights { trimmed: [2, 3], ..weights.clone() };
        assert!(
            both.note(" of the company")
                .unwrap()
                .starts_with("the gold weights of 5 gold people of the company were more")
        );
        assert_eq!(SurveyWeights { trimmed: [0, 0], ..weights.clone() }.note(""), None);
        let mean = 0.2 + 0.99 / 10.99;
        assert!((weights.each[1] - 20.0 / mean).abs() < 1e-12);
        assert!((weights.each[0] - 1.0 / 10.99 / mean).abs() < 1e-12);
        // neither the largest number nor the smallest does any harm
        let gold = [row(true, 0, 1, f64::MAX), row(true, 1, 3, f64::MAX), row(false, 0, 2, f64::MIN_POSITIVE)];
        assert_eq!(survey_weights(&gold).each, [1.0; 3]);
    }

    /// By hand: weights 1, 1, 4 of three people have a mean of 2.
    #[test]
    fn those_who_are_left_lack_the_labels_that_were_drawn() {
        let row = |yes, count, weight| GoldPeople { truth: true, pattern: Pattern { seen: 1, yes }, count, weight };
        let company = |gold_people| Company {
            name: String::new(),
            observed: 13,
            labelled: 13,
            gold: 3,
            gold_experts: 3,
            headcount: 13,
            raised: false,
            people: vec![(Pattern { seen: 1, yes: 0 }, 10)],
            gold_people,
        };
        let uneven = company(vec![row(0, 1, 4.0), row(1, 2, 1.0)]);
        let lacking: Vec<(u32, f64)> =
            uneven.lacking(mean_weights(&uneven.gold_people)).map(|(pattern, n)| (pattern.yes, n)).collect();
        assert_eq!(lacking, [(0, -1.0), (1, 1.0)]);
        let yes = Pattern { seen: 1, yes: 1 };
        assert_eq!(uneven.evened_people(), [(Pattern { seen: 1, yes: 0 }, 9.0), (yes, 1.0)]);
        let even = company(vec![row(0, 1, 0.3), row(1, 2, 0.3)]);
        assert_eq!(even.lacking(mean_weights(&even.gold_people)).count(), 0);
        assert_eq!(even.evened_people(), [(Pattern { seen: 1, yes: 0 }, 10.0)]);
    }

    #[test]
    fn gold_people_of_several_weights_are_several_rows() {
        let weighted = |gold_weight, count| Count { gold_weight, ..gold(true, 1, 1, count) };
        let counts = [weighted(2.0, 4), weighted(1.0, 5), weighted(2.0, 6), weighted(8.0, 0), gold(false, 1, 0, 30)];
        let study = Study::new(&names(1), &counts).unwrap();
        let rows: Vec<(bool, u64, f64)> = study.gold.iter().map(|row| (row.truth, row.count, row.weight)).collect();
        assert_eq!(rows, [(false, 30, 1.0), (true, 5, 1.0), (true, 10, 2.0)]);
        assert_eq!(study.n_gold(true), 15);
        // in people of weight 2: 30 / 2 and 5 / 2 + 10, and 25 of 55
        assert_eq!(study.gold_sums(), [15.0, 12.5]);
        assert!((study.gold_share() - 25.0 / 55.0).abs() < 1e-15);
        let many = [gold(false, 1, 0, MAX_PEOPLE), gold(true, 1, 0, 1)];
        assert_eq!(Study::new(&names(1), &many), Err(StudyError::TooManyPeople));
    }

    #[test]
    fn too_few_gold_people_and_too_many_annotators_are_errors() {
        let study = Study::new(&names(1), &[gold(true, 1, 1, 12), gold(false, 1, 0, 9)]).unwrap();
        let error = StudyError::TooFewGoldPeople { class: "non-experts", got: 9, without: 0 };
        assert_eq!(study.require_gold_people(), Err(error));
        let too_many = StudyError::TooManyAnnotators { most: 32, got: 33, leave: vec![] };
        assert_eq!(Study::new(&names(33), &[]), Err(too_many));
    }
}
