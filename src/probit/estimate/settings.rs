//! Method and settings of an estimate.

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
