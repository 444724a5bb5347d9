//! Counts and truth without a model of the annotators' correlations.
//!
//! `table` checks company counts by annotator, `consensus` and `calibrated` estimate from them; `dawid_skene` finds the
//! truth behind labels without gold people, `rogan_gladen` corrects one annotator's prevalence.

pub mod calibrated;
pub mod consensus;
pub mod dawid_skene;
pub mod rogan_gladen;
pub mod table;
