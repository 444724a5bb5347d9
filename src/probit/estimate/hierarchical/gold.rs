//! Common rates, from gold people whose companies have effects of their own.
//!
//! A gold person of company c is a draw from f_k(b) exp(u_ck x_b) / Z_ck: a sample of f that a known function biases. With samples of
//! several biases the maximum likelihood f gives each person of bin b a mass of 1 / sum over c of n_ck exp(u_ck x_b) / Z_ck (Vardi 1985,
//! Annals of Statistics 13, 178-203); Z depends on f, and both are found in turn. Here people come with bootstrap weights.

use super::effects::tilts;
use crate::probit::bins::{BINS, BinRates, Bins, rate_weight};
use crate::probit::study::{Pattern, Study};
use crate::random::{Purpose, Stream};
use std::collections::BTreeMap;

/// Number of turns in which masses and their sums are found.
const TURNS: usize = 6;

/// Part of a person that each bin has anyhow, so that no sum is empty.
const LEAST: f64 = 0.25;

/// A company, or none, and the number of people from there.
type Origin = (Option<usize>, u64);

/// Gold people alike in class, pattern, weight and company.
struct Alike {
    /// Row of the bins.
    row: usize,
    class: usize,
    count: f64,
    /// Survey weight of each.
    weight: f64,
    /// Shares in the bins under their own labels.
    shares: [f64; BINS],
}

impl Alike {
    /// Mass of one of them once the effects that thin out the bins are taken out.
    fn lifted(&self, thinning: &[f64; BINS]) -> f64 {
        self.shares.iter().zip(thinning).map(|(share, thinning)| share / thinning).sum()
    }
}

/// Gold people of a study by company.
pub(super) struct GoldSet {
    people: Vec<Alike>,
    rows: usize,
    /// `[class][company]`: number of gold people there.
    inside: [Vec<f64>; 2],
    /// Number of gold people of each class without a company.
    outside: [f64; 2],
}

impl GoldSet {
    /// The gold people of a study; `bins` have all their masks.
    pub(super) fn new(study: &Study, bins: &Bins) -> Self {
        // where the people of each class, pattern and weight come from, in the order of the study
        let mut origins: BTreeMap<(bool, Pattern, u64), Vec<Origin>> = BTreeMap::new();
        for (c, company) in study.companies.iter().enumerate() {
            for people in &company.gold_people {
                let key = (people.truth, people.pattern, people.weight.to_bits());
                origins.entry(key).or_default().push((Some(c), people.count));
            }
        }
        let companies = study.companies.len();
        let mut set = GoldSet {
            people: Vec::new(),
            rows: bins.gold().len(),
            inside: [vec![0.0; companies], vec![0.0; companies]],
            outside: [0.0; 2],
        };
        for (at, (gold, weight)) in bins.gold().iter().zip(bins.survey()).enumerate() {
            let from = origins.entry((gold.truth, gold.pattern, gold.weight.to_bits())).or_default();
            let class = usize::from(gold.truth);
            // people without labels count with the lowest bin
            let shares =
                bins.mask_index(gold.pattern.seen).map_or([1.0, 0.0, 0.0, 0.0], |mask| bins.row_shares(mask, at));
            let mut left = gold.count;
            while left > 0 {
                // those that no company claims have none
                let taken = match from.last_mut() {
                    Some((company, there)) => {
                        let taken = left.min(*there);
                        *there -= taken;
                        if let Some(c) = *company {
                            set.inside[class][c] += taken as f64;
                        }
                        if *there == 0 {
                            from.pop();
                        }
                        taken
                    }
                    None => {
                        set.outside[class] += left as f64;
                        left
                    }
                };
                set.people.push(Alike { row: at, class, count: taken as f64, weight: *weight, shares });
                left -= taken;
            }
        }
        set
    }

    /// Whether most gold people of the class are in companies.
    pub(super) fn mostly_inside(&self, class: usize) -> bool {
        self.inside[class].iter().sum::<f64>() > self.outside[class]
    }

    /// Weights of one replicate of the rates, times the survey weight.
    pub(super) fn weights(&self, seed: u64, replicate: u64) -> Vec<f64> {
        let mut generator = Stream::new(seed, Purpose::Weights, 2).replicate(replicate);
        self.people.iter().map(|people| rate_weight(people.count, &mut generator) * people.weight).collect()
    }

    /// Common rates of all masks, the companies' `effects` taken out.
    pub(super) fn rates(
        &self,
        bins: &Bins,
        weights: &[f64],
        pseudo: &[BinRates],
        effects: &[[f64; 2]],
    ) -> Vec<BinRates> {
        let mut rows = vec![0.0; self.rows];
        for class in 0..2 {
            let of_class = || self.people.iter().zip(weights).filter(move |(people, _)| people.class == class);
            let thinning = self.thinning(class, of_class(), effects);
            let total: f64 = of_class().map(|(_, w)| w).sum();
            let thinned: f64 = of_class().map(|(people, w)| w * people.lifted(&thinning)).sum();
            for (people, w) in of_class() {
                rows[people.row] += w * total / thinned * people.lifted(&thinning);
            }
        }
        pseudo.iter().enumerate().map(|(mask, pseudo)| bins.rates(mask, &rows, pseudo)).collect()
    }

    /// Factors that the companies' effects make of the mass of each bin, on average over gold people.
    fn thinning<'a>(
        &self,
        class: usize,
        people: impl Iterator<Item = (&'a Alike, &'a f64)>,
        effects: &[[f64; 2]],
    ) -> [f64; BINS] {
        let inside: Vec<(f64, [f64; BINS])> = self.inside[class]
            .iter()
            .zip(effects)
            .filter(|(n, _)| **n > 0.0)
            .map(|(n, effects)| (*n, tilts(effects[class])))
            .collect();
        let mut thinning = [1.0; BINS];
        if inside.is_empty() {
            return thinning;
        }
        let mut counts = [LEAST; BINS];
        for (alike, weight) in people {
            counts.iter_mut().zip(alike.shares).for_each(|(count, share)| *count += weight * share);
        }
        let number = self.outside[class] + inside.iter().map(|(n, _)| n).sum::<f64>();
        for _ in 0..TURNS {
            let mass: [f64; BINS] = std::array::from_fn(|b| counts[b] / thinning[b]);
            let all: f64 = mass.iter().sum();
            let mut next = [self.outside[class]; BINS];
            for (n, tilts) in &inside {
                let z = (0..BINS).map(|b| mass[b] * tilts[b]).sum::<f64>() / all;
                for b in 0..BINS {
                    next[b] += n * tilts[b] / z;
                }
            }
            thinning = next.map(|sum| sum / number);
        }
        thinning
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probit::study::{Company, GoldPeople};

    const SHARES: [f64; BINS] = [0.6, 0.25, 0.1, 0.05];
    const EFFECTS: [f64; 3] = [-1.5, 0.2, 1.0];
    const PEOPLE: [f64; 3] = [40_000.0, 10_000.0, 90_000.0];

    /// Non-experts of three companies whose effects tilt the shares, and experts without a company.
    fn study() -> Study {
        let row = |truth, bin: usize, count| GoldPeople {
            truth,
            pattern: Pattern { seen: 3, yes: bin as u32 },
            count,
            weight: 1.0,
        };
        let mut study = Study::default();
        let mut sums = [0; BINS];
        for (c, (effect, people)) in EFFECTS.iter().zip(PEOPLE).enumerate() {
            let tilted: [f64; BINS] = std::array::from_fn(|b| SHARES[b] * tilts(*effect)[b]);
            let all: f64 = tilted.iter().sum();
            let counts = tilted.map(|mass| (people * mass / all).round() as u64);
            (0..BINS).for_each(|b| sums[b] += counts[b]);
            study.companies.push(Company {
                name: format!("c{c}"),
                observed: 0,
                labelled: 0,
                gold: counts.iter().sum(),
                gold_experts: 0,
                headcount: 0,
                raised: false,
                people: Vec::new(),
                gold_people: (0..BINS).map(|b| row(false, b, counts[b])).collect(),
            });
        }
        study.gold = (0..BINS).map(|b| row(false, b, sums[b])).chain((0..BINS).map(|b| row(true, b, 25))).collect();
        study
    }

    #[test]
    fn effects_are_taken_out_of_the_rates() {
        let study = study();
        let bins = Bins::given(&study.gold, 1);
        let set = GoldSet::new(&study, &bins);
        assert_eq!(set.outside, [0.0, 100.0]);
        let counts: Vec<f64> = set.people.iter().map(|people| people.count).collect();
        let rates = |effects: &[[f64; 2]]| set.rates(&bins, &counts, &[[[0.0; 2]; BINS]], effects).remove(0);
        let without = rates(&EFFECTS.map(|effect| [effect, 0.0]));
        for (bin, share) in SHARES.iter().enumerate() {
            // as far as six turns lead with effects as far apart as these
            assert!((without[bin][0] - share).abs() < 5e-3, "{without:?}");
            assert!((without[bin][1] - 0.25).abs() < 1e-12);
        }
        // with the effects in them they are those of the mixture of companies
        let all: f64 = PEOPLE.iter().sum();
        let mixed = study.gold.iter().take(BINS).map(|row| row.count as f64 / all);
        let plain = rates(&[[0.0; 2]; 3]);
        mixed.zip(&plain).for_each(|(share, rate)| assert!((share - rate[0]).abs() < 1e-3));
        assert!((plain[3][0] - SHARES[3]).abs() > 0.05);
    }
}
