//! Keywords of texts, and what texts say by their words.

pub mod filter;
