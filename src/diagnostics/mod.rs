//! Checks of an estimate: whether the annotator model carries over, whether it can produce the data, and how
//! much the answer owes to the settings.
//!
//! `reference` fits class tables to all companies at once, `drift` asks whether companies differ from each other
//! by more than prevalence and chance, `gold_drift` the same of gold people, whose class is known, `predictive` whether the gold people's model can produce what is
//! observed, `shared_shift` which annotators have rates in companies that no prevalence explains, `sensitivity` estimates again under other methods and priors.

pub(crate) mod drift;
pub(crate) mod evidence;
pub(crate) mod gold_drift;
pub(crate) mod predictive;
mod reference;
pub(crate) mod sensitivity;
pub(crate) mod shared_shift;
