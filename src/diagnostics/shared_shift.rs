//! Shift that all companies share: annotators whose yes rate in companies no prevalence explains.
//!
//! At any prevalence an annotator's yes rate lies between its rates among others and among experts. Where the people of
//! companies, gold or not, have a rate outside both, by more than chance, gold people and employees are not one
//! population for this annotator: its rates among gold people do not hold in companies. The distance is measured from the
//! nearer rate, in standard errors: the variance of a rate is that of Beta(k + 1/2, n - k + 1/2), which is above 0 where
//! k = 0, and gold people of unequal weights count for (sum w)² / sum w² people (Kish 1965, Survey Sampling).

use crate::probit::study::{Study, survey_weights};

/// Standard errors that make a rate lie outside: in a study of six annotators chance names one at most in 1 of 25.
/// `sql/check_inputs.sql` has the same numbers.
const FAR: f64 = 2.5;

/// Standard errors that do where another annotator's rate lies farther than [`FAR`]: a study that has a shift is likely to have more of it, and
/// chance names a sound annotator in at most 1 of 25.
const FAR_TOO: f64 = 1.75;

/// Labels of one annotator among some people.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Labels {
    weights: f64,
    squares: f64,
    yes: f64,
}

impl Labels {
    fn add(&mut self, label: Option<bool>, people: u64, weight: f64) {
        if let Some(yes) = label {
            let people = people as f64;
            self.weights += people * weight;
            self.squares += people * weight * weight;
            self.yes += if yes { people * weight } else { 0.0 };
        }
    }

    /// Yes rate and its variance; `None` without a label.
    fn rate(&self) -> Option<(f64, f64)> {
        if self.squares <= 0.0 {
            return None;
        }
        let rate = self.yes / self.weights;
        let people = self.weights * self.weights / self.squares;
        let smoothed = (rate * people + 0.5) / (people + 1.0);
        Some((rate, smoothed * (1.0 - smoothed) / (people + 2.0)))
    }
}

/// Yes rates of one annotator, which has labels of everybody concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedShift {
    pub annotator: String,
    /// Among people of companies who are not gold.
    pub(crate) companies: f64,
    /// Among gold people of each class.
    pub(crate) others: f64,
    pub(crate) experts: f64,
    /// Standard error of the difference to the nearer of the two class rates, and that difference in such errors, below 0
    /// where companies have the lower rate; 0 between the two.
    pub(crate) se: f64,
    pub(crate) z: f64,
}

impl SharedShift {
    fn new(annotator: &str, companies: (f64, f64), others: (f64, f64), experts: (f64, f64)) -> Self {
        let (low, high) = if experts.0 < others.0 { (experts, others) } else { (others, experts) };
        let nearer = if (companies.0 - low.0).abs() <= (companies.0 - high.0).abs() { low } else { high };
        let se = (companies.1 + nearer.1).sqrt();
        let between = (low.0..=high.0).contains(&companies.0);
        SharedShift {
            annotator: annotator.to_string(),
            companies: companies.0,
            others: others.0,
            experts: experts.0,
            se,
            z: if between { 0.0 } else { (companies.0 - nearer.0) / se },
        }
    }
}

/// Those whose rate in companies is outside both class rates by more than chance.
pub fn outside(shifts: &[SharedShift]) -> Vec<&SharedShift> {
    let farthest = shifts.iter().map(|shift| shift.z.abs()).fold(0.0, f64::max);
    let far = if farthest > FAR { FAR_TOO } else { FAR };
    shifts.iter().filter(|shift| shift.z.abs() > far).collect()
}

/// Rates of the model's annotators that have labels in companies and of gold people of both classes, in the study's order.
pub fn shared_shifts(study: &Study) -> Vec<SharedShift> {
    let weights = survey_weights(&study.gold).each;
    let rates = |j: usize| {
        let (mut companies, mut classes) = (Labels::default(), [Labels::default(); 2]);
        for company in &study.companies {
            let gold = company.gold_people.iter().map(|row| (row.pattern, row.count));
            let people = company.people.iter().copied().chain(gold);
            people.for_each(|(pattern, count)| companies.add(pattern.label(j), count, 1.0));
        }
        for (row, weight) in study.gold.iter().zip(&weights) {
            classes[row.truth as usize].add(row.pattern.label(j), row.count, *weight);
        }
        Some(SharedShift::new(&study.annotators[j], companies.rate()?, classes[0].rate()?, classes[1].rate()?))
    };
    (0..study.annotators.len()).filter_map(rates).collect()
}

/// Note that names the annotators outside and says what to do; `None` where there is none.
pub(crate) fn note(shifts: &[SharedShift]) -> Option<String> {
    let mut outside = outside(shifts);
    outside.sort_by(|a, b| a.annotator.cmp(&b.annotator));
    let percent = |rate: f64| format!("{:.1} %", 100.0 * rate);
    let named: Vec<String> = outside
        .iter()
        .map(|shift| {
            let (companies, others, experts) =
                (percent(shift.companies), percent(shift.others), percent(shift.experts));
            format!(
                "{} ({companies} in companies, {others} of gold others, {experts} of gold experts, standard error {})",
                shift.annotator,
                percent(shift.se)
            )
        })
        .collect();
    (!named.is_empty()).then(|| {
        format!(
            "no prevalence explains how often annotators say yes in companies: {}, so leave them out, or rate people of \
             the companies, drawn at random",
            named.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probit::study::Count;

    /// People alike, with labels of two annotators: (company, truth, yes, people, gold weight).
    type Alike = (Option<&'static str>, Option<bool>, u64, u64, f64);

    fn study(rows: &[Alike]) -> Study {
        let counts: Vec<Count> = rows
            .iter()
            .map(|&(company, truth, yes, count, gold_weight)| Count {
                company: company.map(str::to_string),
                truth,
                seen: 3,
                yes,
                count,
                gold_weight,
                headcount: None,
            })
            .collect();
        Study::new(&["a".into(), "b".into()], &counts).unwrap()
    }

    #[test]
    fn a_rate_below_both_class_rates_is_outside() {
        // a: 18 of 200 others, 12 of 20 experts, 8 of 1005 in companies, five of them experts; b: 20, 15 and 105
        let study = study(&[
            (None, Some(false), 0b11, 9, 1.0),
            (None, Some(false), 0b01, 9, 1.0),
            (None, Some(false), 0b10, 11, 1.0),
            (None, Some(false), 0b00, 171, 1.0),
            (None, Some(true), 0b11, 10, 1.0),
            (None, Some(true), 0b01, 2, 1.0),
            (Some("x"), Some(true), 0b10, 5, 1.0),
            (None, Some(true), 0b00, 3, 1.0),
            (Some("x"), None, 0b01, 8, 1.0),
            (Some("x"), None, 0b10, 60, 1.0),
            (Some("y"), None, 0b10, 40, 1.0),
            (Some("y"), None, 0b00, 892, 1.0),
        ]);
        let mut shifts = shared_shifts(&study);
        shifts.sort_by(|one, two| one.annotator.cmp(&two.annotator));
        let [a, b] = &shifts[..] else { panic!("{shifts:?}") };
        assert_eq!((a.companies, a.others, a.experts), (8.0 / 1005.0, 0.09, 0.6));
        // variances of Beta(18.5, 182.5) and Beta(8.5, 997.5)
        let se = (18.5f64 * 182.5 / (201.0 * 201.0 * 202.0) + 8.5 * 997.5 / (1006.0 * 1006.0 * 1007.0)).sqrt();
        assert!((a.se - se).abs() < 1e-12 && (a.z - (8.0 / 1005.0 - 0.09) / se).abs() < 1e-9);
        assert_eq!((b.companies, b.others, b.experts, b.z), (105.0 / 1005.0, 0.1, 0.75, 0.0));
        assert_eq!(outside(&shifts), [a]);
        let note = note(&shifts).unwrap();
        assert!(
            note.contains(
                "a (0.8 % in companies, 9.0 % of gold others, 60.0 % of gold experts, standard error 2.1 %), so leave"
            ),
            "{note}"
        );
        assert!(!note.contains("b ("), "{note}");
    }

    #[test]
    fn a_rate_above_both_is_outside_and_chance_is_not() {
        let with = |yes: u64| {
            study(&[
                (None, Some(false), 0b01, 10, 1.0),
                (None, Some(false), 0b10, 90, 1.0),
                (None, Some(true), 0b01, 50, 1.0),
                (None, Some(true), 0b00, 40, 1.0),
                (None, Some(true), 0b11, 10, 1.0),
                (Some("x"), None, 0b01, yes, 1.0),
                (Some("x"), None, 0b00, 100 - yes, 1.0),
            ])
        };
        // 60 of 100 experts: standard error of the difference .069
        let of = |study: &Study| shared_shifts(study).into_iter().find(|shift| shift.annotator == "a").unwrap();
        let [inside, near, far] = [30, 75, 95].map(|yes| of(&with(yes)));
        assert!(near.z > 2.0 && near.z < FAR && far.z > 5.0);
        assert_eq!(note(&[inside.clone(), near.clone()]), None);
        // beside one that is far outside, two standard errors are enough
        assert_eq!(outside(&[inside, near.clone(), far.clone()]), [&near, &far]);
    }

    #[test]
    fn gold_people_of_unequal_weights_count_for_fewer() {
        // others: 100 no of weight 1 and 20 yes of weight 10: two thirds yes, of 300² / 2100 = 42.857 people
        let study = study(&[
            (None, Some(false), 0b10, 100, 1.0),
            (None, Some(false), 0b01, 20, 10.0),
            (None, Some(true), 0b01, 40, 1.0),
            (None, Some(true), 0b11, 5, 1.0),
            (Some("x"), None, 0b00, 400, 1.0),
        ]);
        let shift = shared_shifts(&study).into_iter().find(|shift| shift.annotator == "a").unwrap();
        assert!((shift.others - 2.0 / 3.0).abs() < 1e-12);
        let (k, n) = (200.0 / 3.0 * 300.0 * 3.0 / 2100.0 + 0.5, 300.0 * 300.0 / 2100.0 + 1.0);
        let variance = |k: f64, n: f64| k * (n - k) / (n * n * (n + 1.0));
        let se = (variance(k, n) + variance(0.5, 401.0)).sqrt();
        assert!((shift.se - se).abs() < 1e-12, "{} {se}", shift.se);
        // nobody in companies, nothing to compare
        assert!(shared_shifts(&Study { companies: Vec::new(), ..study }).is_empty());
    }
}
