//! The people of all companies together, who tell which common rates cannot be.

use super::member::Member;
use crate::probit::bins::{BINS, BinRates};

/// People of all companies who are not gold, `[mask][bin]`.
pub(super) struct Together(Vec<[f64; BINS]>);

impl Together {
    /// The people of companies with so many masks.
    pub(super) fn new(members: &[Member], masks: usize) -> Self {
        let mut people = vec![[0.0; BINS]; masks];
        for counts in members.iter().flat_map(|member| &member.masks) {
            people[counts.mask].iter_mut().zip(counts.judged).for_each(|(sum, judged)| *sum += judged);
        }
        Together(people)
    }

    /// Whether common rates explain them with a prevalence between 0 and 1: whether the likelihood of their bins, one prevalence for all, rises
    /// from both ends.
    pub(super) fn explained_by(&self, rates: &[BinRates]) -> bool {
        // slope of the log likelihood where nobody, and where everybody is an expert, each toward the other end
        let slope = |class: usize| -> f64 {
            let of_mask = |(people, rates): (&[f64; BINS], &BinRates)| -> f64 {
                let of_bin = |(n, rate): (&f64, &[f64; 2])| n * (rate[1 - class] / rate[class].max(1e-300) - 1.0);
                people.iter().zip(rates).map(of_bin).sum()
            };
            self.0.iter().zip(rates).map(of_mask).sum()
        };
        slope(0) >= 0.0 && slope(1) >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: [[f64; 2]; BINS] = [[0.7, 0.1], [0.2, 0.2], [0.07, 0.3], [0.03, 0.4]];

    /// 1,000 people in each of two masks, as many experts as the share says.
    fn people(share: f64) -> Together {
        Together(vec![RATES.map(|[other, expert]| 1000.0 * (other + share * (expert - other))); 2])
    }

    #[test]
    fn a_mixture_is_explained_and_what_lies_beyond_its_classes_is_not() {
        for (share, explained) in [(-0.02, false), (0.02, true), (0.5, true), (0.98, true), (1.02, false)] {
            assert_eq!(people(share).explained_by(&[RATES; 2]), explained, "{share}");
        }
        // nobody contradicts nothing, and no rate is asked of a bin that nobody is in
        assert!(Together(vec![[0.0; BINS]]).explained_by(&[RATES]));
        let mut none = RATES;
        none[3] = [0.0; 2];
        assert!(Together(vec![[300.0, 400.0, 300.0, 0.0]]).explained_by(&[none]));
    }
}
