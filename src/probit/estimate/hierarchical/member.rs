//! Companies as the sampler sees them, and what it draws of them.

use super::effects::{GoldCounts, MaskCounts};
use crate::probit::bins::{BINS, Bins};
use crate::probit::estimate::settings::{GoldSampling, Settings};
use crate::probit::study::{Company, survey_weights};
use crate::random::multinomial;
use rand_chacha::ChaCha8Rng;

/// Weight of a company's people who are not gold in its effects, as a number of people, where half of them are experts. Where one class is
/// rare they tell the effects from the prevalence less, and the weight falls with the variance of the class.
pub(super) const VOICES: f64 = 100.0;

/// Power, in a company's effects, of the probability of how many of its people lie in the upper bins, the prevalence integrated out. Voices
/// alone leave the effects about as wide as their prior where experts are rare; what does not fit them is then taken for prevalence, the
/// variance about the line grows to three times the truth in studies with a drift of .5, and intervals with it. With 0, .4 and 1 the 80 %
/// intervals of 20 simulated studies with a drift of .2, gold people from outside, hold the truth in .80, .76 and .66 of companies, and those of
/// 20 with a drift of .5, gold people drawn at random inside, in .86, .85 and .77 with scores of .207, .182 and .180.
pub(super) const UPPER: f64 = 0.4;

/// Size of the effects in terms of the drift of latent means: in simulated studies with a drift of .2 the 80 % intervals hold the truth in
/// .79 of companies with .5, in .82 with .8 and in .85 with 1.2, and estimates are 1.23, 1.29 and 1.45 times the truth (40 studies).
const SIZE_OF_DRIFT: f64 = 0.65;

/// Size of the effects that is allowed for where no drift is found. In simulated studies without drift the 80 % intervals hold the truth in .81
/// of companies with .04 and in .83 with .07 (40 studies), with the same scores; where gold people show drift, as on real labels, it hardly matters.
const UNSEEN_SIZE: f64 = 0.05;

/// Smallest size of the effects, given the drift that people who are not gold show.
pub(super) fn smallest_size(drift_sd: f64) -> f64 {
    (SIZE_OF_DRIFT * drift_sd).max(UNSEEN_SIZE)
}

/// Gold people of a company alike in class, pattern and weight.
pub(super) struct GoldKind {
    mask: usize,
    class: usize,
    count: u64,
    /// Survey weight of each.
    weight: f64,
    /// Chances of each to lie in the bins.
    shares: [f64; BINS],
}

/// Company as the sampler sees it.
pub(super) struct Member {
    /// People who are not gold, by mask and bin.
    pub(super) masks: Vec<MaskCounts>,
    /// Gold people with labels, by mask.
    pub(super) gold: Vec<GoldKind>,
    /// Non-experts and experts among gold people who speak about the prevalence.
    pub(super) truths: [f64; 2],
    /// Log headcount about its mean.
    pub(super) size: f64,
    /// Number of people who are seen and without labels.
    pub(super) blank: u64,
    /// Number of people without labels, seen and unseen.
    pub(super) rest: u64,
}

impl Member {
    pub(super) fn new(company: &Company, bins: &Bins, size: f64, settings: &Settings) -> Self {
        let mut masks: Vec<MaskCounts> = Vec::new();
        let mut blank = 0;
        let mut judges = bins.judges(&company.name);
        for &(pattern, count) in &company.people {
            match bins.mask_index(pattern.seen) {
                Some(mask) => {
                    let dealt = bins.dealt(pattern, count, &mut judges);
                    let counts = MaskCounts::of(&mut masks, mask);
                    let shares = bins.shares(pattern);
                    for b in 0..BINS {
                        counts.people[b] += dealt[b];
                        counts.judged[b] += count as f64 * shares[b];
                    }
                }
                None => blank += count,
            }
        }
        for (pattern, lacking) in company.lacking(settings.gold_sampling.weights(&company.gold_people)) {
            if let Some(mask) = bins.mask_index(pattern.seen) {
                let judged = &mut MaskCounts::of(&mut masks, mask).judged;
                judged.iter_mut().zip(bins.shares(pattern)).for_each(|(sum, share)| *sum += lacking * share);
            }
        }
        masks.iter_mut().flat_map(|counts| &mut counts.judged).for_each(|judged| *judged = judged.max(0.0));
        masks.sort_unstable_by_key(|counts| counts.mask);
        // as many voices as there are people, each as loud as the survey weight
        let weights = survey_weights(&company.gold_people).each;
        let kinds = company.gold_people.iter().zip(weights).filter_map(|(people, weight)| {
            let mask = bins.mask_index(people.pattern.seen)?;
            let shares = bins.gold_shares(mask, people.truth, people.pattern);
            Some(GoldKind { mask, class: usize::from(people.truth), count: people.count, weight, shares })
        });
        let mut gold: Vec<GoldKind> = kinds.collect();
        gold.sort_by_key(|kind| kind.mask);
        let truths = match settings.gold_sampling {
            GoldSampling::ByClass => [0.0; 2],
            GoldSampling::AtRandom => company.weighted_truths(),
        };
        Member { masks, gold, truths, size, blank, rest: blank + company.headcount - company.observed }
    }

    /// Gold people by mask and bin, each in one bin: shares would scatter less than people do, and hide effects.
    pub(super) fn deal_gold(&self, dealt: &mut Vec<GoldCounts>, generator: &mut ChaCha8Rng) {
        dealt.clear();
        for kinds in self.gold.chunk_by(|a, b| a.mask == b.mask) {
            let mut counts = GoldCounts { mask: kinds[0].mask, weights: [[0.0; BINS]; 2] };
            for kind in kinds {
                let weights = &mut counts.weights[kind.class];
                multinomial(kind.count, &kind.shares, generator, |bin, n| weights[bin] += n as f64 * kind.weight);
            }
            dealt.push(counts);
        }
    }
}

/// Draws of a company in one replicate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) prevalence: f64,
    pub(super) effects: [f64; 2],
    /// Experts among the people who are not gold, seen and unseen.
    pub(super) experts: u64,
    /// Experts that the observed people would be given if none of them were one.
    pub(super) false_experts: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    /// Whole people in every deal, with the means and variances of multinomials over all deals.
    #[test]
    fn gold_people_lie_in_one_bin_each() {
        let kind = |mask, class, count, weight| GoldKind { mask, class, count, weight, shares: [0.6, 0.0, 0.3, 0.1] };
        let gold = vec![kind(0, 0, 1, 1.0), kind(0, 1, 5, 1.0), kind(0, 1, 3, 2.0), kind(2, 1, 20, 0.5)];
        let member = Member { masks: Vec::new(), gold, truths: [0.0; 2], size: 0.0, blank: 0, rest: 0 };
        let mut generator = Stream::new(9, Purpose::Simulation, 0).replicate(0);
        let n = 20_000;
        let mut dealt = Vec::new();
        let mut sums = [[0.0; 2]; BINS];
        for _ in 0..n {
            member.deal_gold(&mut dealt, &mut generator);
            assert_eq!(dealt.iter().map(|counts| counts.mask).collect::<Vec<_>>(), [0, 2]);
            let of = |at: usize, class: usize| dealt[at].weights[class].iter().sum::<f64>();
            assert_eq!([of(0, 0), of(0, 1), of(1, 0), of(1, 1)], [1.0, 11.0, 0.0, 10.0]);
            assert!(dealt[0].weights[0].contains(&1.0) && dealt[0].weights[0][1] == 0.0);
            for (sum, weight) in sums.iter_mut().zip(dealt[0].weights[1]) {
                *sum = [sum[0] + weight, sum[1] + weight * weight];
            }
        }
        // of 5 people who weigh 1 and 3 who weigh 2: mean 11 p, variance (5 + 12) p (1 - p)
        for (sum, p) in sums.iter().zip([0.6, 0.0, 0.3, 0.1]) {
            let mean = sum[0] / n as f64;
            let (wanted, variance) = (11.0 * p, 17.0 * p * (1.0 - p));
            assert!((mean - wanted).abs() <= 4.0 * (variance / n as f64).sqrt(), "{sums:?}");
            assert!((sum[1] / n as f64 - mean * mean - variance).abs() <= 0.05 * variance, "{sums:?}");
        }
    }
}
