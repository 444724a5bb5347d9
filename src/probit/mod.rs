//! The probit model: from gold people and labels to headcounts of experts.
//!
//! `study` sorts the input, `model` fits correlated annotators to gold people (with `tetrachoric`,
//! `orthant`, `normal` and `quadrature` below it), `bins` calibrates its likelihood ratios, `prevalence`
//! draws a company's share of experts, `estimate` puts the replicates together.

pub mod bins;
pub mod estimate;
pub mod metrics;
pub mod model;
pub mod normal;
pub mod orthant;
pub mod person;
pub mod prevalence;
pub mod quadrature;
pub mod report;
pub mod study;
pub mod summary;
pub mod tetrachoric;
