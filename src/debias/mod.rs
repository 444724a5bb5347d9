//! Estimates of counts and truth without a model of the annotators' correlations.
//!
//! `table` checks company counts by annotator, `consensus` and `calibrated` estimate from them; `dawid_skene` finds the
//! truth behind labels without gold people, `rogan_gladen` corrects one annotator's prevalence.

pub(crate) mod calibrated;
pub(crate) mod consensus;
pub(crate) mod dawid_skene;
pub(crate) mod rogan_gladen;
pub(crate) mod table;
