//! Words around the marks of a picture: its head, names, counts, and notes on what is left out.

use super::scale::count;
use super::text::clean;

/// Title, subtitle and notes, the same in both renderings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Head {
    pub title: String,
    pub subtitle: String,
    /// Sentences on what is not shown.
    pub notes: Vec<String>,
}

impl Head {
    pub(crate) fn new(title: &str, subtitle: &str, notes: &[String]) -> Head {
        Head { title: title.to_string(), subtitle: subtitle.to_string(), notes: notes.to_vec() }
    }
}

/// The name, or `otherwise` for a row without one.
pub(crate) fn named(name: Option<&str>, otherwise: &str) -> String {
    clean(name.unwrap_or(otherwise))
}

/// "3 companies without an estimate are not shown.", where there are any.
pub(crate) fn left_out(n: usize, one: &str, many: &str, which: &str) -> Option<String> {
    match n {
        0 => None,
        1 => Some(format!("1 {one} {which} is not shown.")),
        _ => Some(format!("{} {many} {which} are not shown.", count(n))),
    }
}

/// "1 company", "12 companies"
pub(crate) fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}
