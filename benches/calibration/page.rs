//! The page docs/calibration.md: sections, tables and lists of what was asked for.

use crate::measure::{Figures, shown};
use std::fmt::Write;

/// Table in Markdown.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = format!("| {} |\n|{}\n", header.join(" | "), " --- |".repeat(header.len()));
    for row in rows {
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
    out
}

/// Columns that the tables of all sections share.
pub(crate) const FIGURES: [&str; 9] = [
    "coverage",
    "sd between",
    "PIT",
    "width / headcount",
    "interval score",
    "coverage of the total",
    "its width / truth",
    "estimates / truth",
    "sd between",
];

/// Cells of [`FIGURES`].
pub(crate) fn cells(f: &Figures) -> Vec<String> {
    vec![
        format!("**{:.3}**", f.coverage),
        format!("{:.3}", f.between),
        format!("{:.3}", f.pit),
        format!("{:.3}", f.width),
        format!("{:.3}", f.score),
        format!("{:.2}", f.total),
        format!("{:.2}", f.total_width),
        format!("{:.2}", f.ratio),
        format!("{:.2}", f.ratio_between),
    ]
}

/// Columns of coverage in bins.
pub(crate) const BINS: [&str; 3] = ["by headcount", "by estimated share", "by true prevalence"];

/// Cells of [`BINS`].
pub(crate) fn bins(f: &Figures) -> Vec<String> {
    vec![shown(&f.by_headcount), shown(&f.by_estimate), shown(&f.by_prevalence)]
}

/// Bounds that were asked for, each with whether it was met.
#[derive(Default)]
pub(crate) struct Verdicts(String);

impl Verdicts {
    pub(crate) fn say(&mut self, met: bool, text: String) {
        let _ = writeln!(self.0, "* {}: {text}", if met { "met" } else { "**not met**" });
    }

    pub(crate) fn within(&mut self, name: &str, of: &str, value: f64, low: f64, high: f64) {
        self.say((low..=high).contains(&value), format!("{name}: {of} {low} to {high}, {value:.3}"));
    }

    pub(crate) fn at_most(&mut self, name: &str, of: &str, value: f64, most: f64) {
        self.say(value <= most, format!("{name}: {of} at most {most:.3}, {value:.3}"));
    }

    pub(crate) fn at_least(&mut self, name: &str, of: &str, value: f64, least: f64) {
        self.say(value >= least, format!("{name}: {of} at least {least}, {value:.3}"));
    }

    /// Coverage of every bin that has companies enough, by what can be seen.
    pub(crate) fn every_bin(&mut self, name: &str, f: &Figures, low: f64, high: f64) {
        let counted = f.counted();
        if counted.is_empty() {
            return;
        }
        let least = counted.iter().map(|bin| bin.coverage).fold(f64::INFINITY, f64::min);
        let most = counted.iter().map(|bin| bin.coverage).fold(0.0, f64::max);
        self.say(
            least >= low && most <= high,
            format!("{name}: coverage {low} to {high} in every bin by headcount and by estimated share, {least:.2} to {most:.2}"),
        );
    }

    pub(crate) fn list(self) -> String {
        format!("Asked and measured:\n\n{}", self.0)
    }
}

/// The page with some of its sections, heading and text each, put in the place of those it has.
pub(crate) fn with_sections(page: &str, head: &str, order: &[&str], new: &[(&str, String)]) -> String {
    let section = |heading: &str| {
        let made = new.iter().find(|(name, _)| *name == heading).map(|(_, text)| format!("{}\n", text.trim_end()));
        let kept = || {
            let start = page.find(&format!("## {heading}\n"))? + heading.len() + 4;
            let end = page[start..].find("\n## ").map_or(page.len(), |at| start + at);
            Some(format!("{}\n", page[start..end].trim()))
        };
        made.or_else(kept).map(|text| format!("\n## {heading}\n\n{text}"))
    };
    head.to_string() + &order.iter().filter_map(|heading| section(heading)).collect::<String>()
}
