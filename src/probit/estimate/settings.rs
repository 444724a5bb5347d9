//! Method and settings of an estimate.

use crate::probit::study::{GoldPeople, mean_weights};

/// Model of the prevalence; see [the module](super).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Company,
    Hierarchical,
    Original,
    OriginalBySize,
}

impl Method {
    /// Every method with its name.
    pub const ALL: [(&'static str, Method); 4] = [
        ("company", Method::Company),
        ("hierarchical", Method::Hierarchical),
        ("original", Method::Original),
        ("original_by_size", Method::OriginalBySize),
    ];

    /// Whether the model is fitted again in every replicate, as in the original study.
    pub(crate) fn refits(self) -> bool {
        matches!(self, Method::Original | Method::OriginalBySize)
    }
}

/// Way in which the gold people of companies were chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoldSampling {
    /// With a look at the truth: they tell nothing of the prevalence.
    ByClass,
    /// Without one, with chances in proportion to the inverse of their gold weights.
    AtRandom,
}

impl GoldSampling {
    /// Every way with its name.
    pub const ALL: [(&'static str, GoldSampling); 2] =
        [("by_class", GoldSampling::ByClass), ("at_random", GoldSampling::AtRandom)];

    /// Weights of the rows of a company's gold people, with a mean of 1, by which they differ from those whom they were chosen from.
    ///
    /// By class, weights that are the same for all of a class say that chances followed nothing else, and there is no such difference.
    pub(crate) fn weights(self, gold: &[GoldPeople]) -> Vec<f64> {
        let alike = |class: bool| {
            let mut weights = gold.iter().filter(|row| row.truth == class).map(|row| row.weight);
            weights.next().is_none_or(|first| weights.all(|weight| weight == first))
        };
        match self {
            GoldSampling::ByClass if alike(false) && alike(true) => vec![1.0; gold.len()],
            _ => mean_weights(gold),
        }
    }
}

/// Settings of an estimate.
#[derive(Debug, Clone)]
pub struct Settings {
    pub method: Method,
    /// Number of replicates, at least 1.
    pub draws: usize,
    /// Level of the interval, in (0, 1).
    pub level: f64,
    pub seed: u64,
    /// Beta prior of the prevalence; [`Method::Original`] only.
    pub prior_alpha: f64,
    pub prior_beta: f64,
    /// Standard deviation between companies of annotators' latent means; not with methods that refit.
    pub drift_sd: f64,
    /// Whether the drift of annotators is learned from gold people; [`Method::Hierarchical`] only, like the next.
    pub gold_drifts: bool,
    pub gold_sampling: GoldSampling,
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            method: Method::Hierarchical,
            draws: 1000,
            level: 0.8,
            seed: 42,
            prior_alpha: 2.0,
            prior_beta: 10.0,
            drift_sd: 0.0,
            gold_drifts: false,
            gold_sampling: GoldSampling::ByClass,
            threads: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probit::study::Pattern;

    /// Weights that differ between classes alone are no sign of labels by class, and are one at random.
    #[test]
    fn chances_by_class_are_not_taken_for_chances_by_label() {
        let row = |truth, weight| GoldPeople { truth, pattern: Pattern::default(), count: 1, weight };
        let by_class = [row(false, 6.0), row(true, 2.0)];
        assert_eq!(GoldSampling::ByClass.weights(&by_class), [1.0, 1.0]);
        assert_eq!(GoldSampling::AtRandom.weights(&by_class), [1.5, 0.5]);
        let by_label = [row(false, 6.0), row(false, 1.0), row(true, 2.0)];
        assert_eq!(GoldSampling::ByClass.weights(&by_label), GoldSampling::AtRandom.weights(&by_label));
        assert_eq!(GoldSampling::ByClass.weights(&by_label), [2.0, 1.0 / 3.0, 2.0 / 3.0]);
    }
}
