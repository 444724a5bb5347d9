//! Companies as the sampler sees them, and what it draws of them.

use super::effects::MaskCounts;
use crate::probit::bins::{BINS, Bins};
use crate::probit::estimate::settings::{GoldSampling, Settings};
use crate::probit::study::{Company, survey_weights};
use crate::random::multinomial;

/// Weight of a company's people who are not gold in its effects, as a number of people, where half of them are experts. Where one class is
/// rare they tell the effects from the prevalence less, and the weight falls with the variance of the class.
pub(super) const VOICES: f64 = 100.0;

/// Size of the effects in terms of the drift of latent means, measured on simulated studies.
const SIZE_OF_DRIFT: f64 = 0.8;

/// Size of the effects that is allowed for where no drift is found.
const UNSEEN_SIZE: f64 = 0.07;

/// Smallest size of the effects, given the drift that people who are not gold show.
pub(super) fn smallest_size(drift_sd: f64) -> f64 {
    (SIZE_OF_DRIFT * drift_sd).max(UNSEEN_SIZE)
}

/// Company as the sampler sees it.
pub(super) struct Member {
    /// People by mask and bin.
    pub(super) masks: Vec<MaskCounts>,
    /// The same of gold people only.
    pub(super) gold: Vec<MaskCounts>,
    /// Non-experts and experts among gold people who speak about the prevalence.
    pub(super) truths: [f64; 2],
    /// Log headcount about its mean.
    pub(super) size: f64,
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
        // as many voices as there are people, each as loud as the survey weight, and each in one bin: shares would scatter less than people do,
        // and hide effects
        let weights = survey_weights(&company.gold_people).each;
        for (people, weight) in company.gold_people.iter().zip(&weights) {
            let Some(mask) = bins.mask_index(people.pattern.seen) else {
                continue;
            };
            let shares = bins.gold_shares(mask, people.truth, people.pattern);
            let gold = &mut MaskCounts::of(&mut masks, mask).gold[usize::from(people.truth)];
            multinomial(people.count, &shares, &mut judges, |bin, dealt| gold[bin] += dealt as f64 * weight);
        }
        masks.sort_unstable_by_key(|counts| counts.mask);
        let gold = masks
            .iter()
            .filter(|m| m.has_gold())
            .map(|m| MaskCounts { people: [0; BINS], judged: [0.0; BINS], ..m.clone() })
            .collect();
        let truths = match settings.gold_sampling {
            GoldSampling::ByClass => [0.0; 2],
            GoldSampling::AtRandom => company.weighted_truths(),
        };
        Member { masks, gold, truths, size, rest: blank + company.headcount - company.observed }
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
