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
    /// Lines kept free in a picture of a given height, for notes that are known when its marks are drawn.
    pub reserved: usize,
}

impl Head {
    pub(crate) fn new(title: &str, subtitle: &str, notes: &[String]) -> Head {
        Head { title: title.to_string(), subtitle: subtitle.to_string(), notes: notes.to_vec(), reserved: 0 }
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

/// "3 companies are drawn without a name.", where there are any.
pub(crate) fn unnamed(n: usize, one: &str, many: &str) -> Option<String> {
    let are = if n == 1 { "is" } else { "are" };
    (n > 0).then(|| format!("{} {are} drawn without a name.", counted(n, one, many)))
}

/// "1 company", "12 companies"
pub(crate) fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}
