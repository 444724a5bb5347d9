//! The probit model: from gold people and labels to headcounts of experts.
//!
//! `study` sorts the input, `choice` says which annotators it keeps where there are too many, `model` fits correlated annotators to gold people, `bins` calibrates its likelihood ratios, for which `completion` fills in
//! labels that gold people lack,
//! `prevalence` draws a company's share of experts, `estimate` puts the replicates together. `person` gives the
//! probability of a person, `metrics` and `report` show annotators and model. The statistics are those of
//! [`crate::stats`].

pub(crate) mod bins;
pub(crate) mod choice;
pub(crate) mod completion;
pub(crate) mod estimate;
pub(crate) mod metrics;
pub(crate) mod model;
pub(crate) mod person;
pub(crate) mod plan;
pub(crate) mod prevalence;
pub(crate) mod report;
pub(crate) mod study;
