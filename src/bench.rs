//! Items of the engine that the benches use; the crate has no other public items.

pub mod cluster {
    pub mod hdbscan {
        pub use crate::cluster::hdbscan::{MAX_EXACT, Settings, hdbscan};
    }
    pub use crate::cluster::kmeans::kmeans;
    pub use crate::cluster::map::map;
    pub use crate::cluster::points::Points;
    pub use crate::cluster::silhouette::silhouettes;
}

pub mod diagnostics {
    pub mod evidence {
        pub use crate::diagnostics::evidence::learn_drift;
    }
    pub mod drift {
        pub use crate::diagnostics::drift::summary;
    }
    pub mod gold_drift {
        pub use crate::diagnostics::gold_drift::{gold_drift, says_drift};
    }
    pub mod predictive {
        pub use crate::diagnostics::predictive::check;
    }
    pub mod shared_shift {
        pub use crate::diagnostics::shared_shift::{outside, shared_shifts};
    }
}

pub mod embed {
    pub use crate::embed::{Chunks, Device, Dtype, Settings, open};
}

pub mod keywords {
    pub use crate::keywords::filter::{Filters, Scratch};
    pub use crate::keywords::tokens::{Cut, Settings};
    pub use crate::keywords::vectorizer::{Frequency, Limits, count};
    pub mod keybert {
        pub use crate::keywords::keybert::{Method, Settings, extract};
    }
    pub mod stop_words {
        pub use crate::keywords::stop_words::english;
    }
    pub mod tfidf {
        pub use crate::keywords::tfidf::keywords;
    }
}

pub mod parallel {
    pub use crate::parallel::map;
}

pub mod probit {
    pub use crate::probit::estimate::{Estimate, GoldSampling, Method, Settings, estimate};
    pub use crate::probit::plan::{Goal, plan};
    pub use crate::probit::study::{Count, Pattern, Study};
}

pub mod random {
    pub use crate::random::{Purpose, Stream, beta, binomial};
}

pub mod simulate {
    pub use crate::simulate::{ANNOTATORS, Company, Person, Settings, Simulator, TruthModel, company_name};
}

pub mod stats {
    pub use crate::stats::orthant::{Correlation, orthant_table};
    pub use crate::stats::summary::{Summary, summarise_counts};
}
