//! The list of SQL functions: what each is, said once, in the header of its file in `sql/`.
//!
//! Everything a user reads is made from it: the comments in the catalog, `muster.functions()`,
//! `docs/functions.md` and `extension_config/function_descriptions.csv`.
//!
//! A header is a comment: `name: summary`, `section: …`, prose, then the blocks `arguments:`, `columns:` and
//! `example:`. A line of a block that is indented further goes on with the line before. The signature is taken from the statement itself.
//!
//! The options of a call reach its kernel from the signature too: [`options`] puts them in the place of a marker.

mod options;
mod plots;

/// Every file of `sql/` but those of plots, of which [`plots`] makes two functions each: helpers first, then by section.
const FILES: &[&str] = &[
    include_str!("../sql/_muster_option.sql"),
    include_str!("../sql/_muster_boolean.sql"),
    include_str!("../sql/_muster_people.sql"),
    include_str!("../sql/_muster_counts.sql"),
    include_str!("../sql/_muster_quantile.sql"),
    include_str!("../sql/_muster_labels.sql"),
    include_str!("../sql/_muster_whole.sql"),
    include_str!("../sql/_muster_share.sql"),
    include_str!("../sql/_muster_synthetic.sql"),
    include_str!("../sql/_muster_clusters.sql"),
    include_str!("../sql/check_inputs.sql"),
    include_str!("../sql/fit_probit_bootstrap.sql"),
    include_str!("../sql/headcount_total.sql"),
    include_str!("../sql/probit_posterior.sql"),
    include_str!("../sql/probit_model.sql"),
    include_str!("../sql/log_debias_counts.sql"),
    include_str!("../sql/log_debias_estimate.sql"),
    include_str!("../sql/rogan_gladen_interval.sql"),
    include_str!("../sql/rogan_gladen.sql"),
    include_str!("../sql/majority_vote.sql"),
    include_str!("../sql/dawid_skene.sql"),
    include_str!("../sql/dawid_skene_annotators.sql"),
    include_str!("../sql/dawid_skene_model.sql"),
    include_str!("../sql/annotator_metrics.sql"),
    include_str!("../sql/annotator_correlations.sql"),
    include_str!("../sql/covariance_diagnostic.sql"),
    include_str!("../sql/drift_summary.sql"),
    include_str!("../sql/posterior_predictive_check.sql"),
    include_str!("../sql/posterior_predictive_counts.sql"),
    include_str!("../sql/prior_sensitivity.sql"),
    include_str!("../sql/filter_ratings.sql"),
    include_str!("../sql/synthetic_ratings.sql"),
    include_str!("../sql/synthetic_profiles.sql"),
    include_str!("../sql/synthetic_adjustment.sql"),
    include_str!("../sql/filter_affiliations.sql"),
    include_str!("../sql/simulate_profiles.sql"),
    include_str!("../sql/simulate_ratings.sql"),
    include_str!("../sql/simulate_truth.sql"),
    include_str!("../sql/embed.sql"),
    include_str!("../sql/keybert_keywords.sql"),
    include_str!("../sql/tfidf_keywords.sql"),
    include_str!("../sql/stop_words.sql"),
    include_str!("../sql/discriminative_keywords.sql"),
    include_str!("../sql/keyword_lists.sql"),
    include_str!("../sql/keyword_scores.sql"),
    include_str!("../sql/keyword_filter.sql"),
    include_str!("../sql/study_filters.sql"),
    include_str!("../sql/cluster_keywords.sql"),
    include_str!("../sql/cluster_profiles.sql"),
    include_str!("../sql/cluster_map.sql"),
    include_str!("../sql/llm_annotate.sql"),
    include_str!("../sql/llm_plan.sql"),
    include_str!("../sql/llm_usage.sql"),
    include_str!("../sql/llm_store.sql"),
    include_str!("../sql/llm_import.sql"),
    include_str!("../sql/llm_agreement.sql"),
    include_str!("../sql/sparkline.sql"),
    include_str!("../sql/lineage.sql"),
    include_str!("../sql/orthant.sql"),
    include_str!("../sql/tetrachoric.sql"),
    include_str!("../sql/functions.sql"),
    include_str!("../sql/version.sql"),
];

/// The section of macros that other macros use.
pub const HELPERS: &str = "Helpers";

/// The section of plots.
const PLOTS: &str = "Plots";

/// One SQL function.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    pub name: String,
    pub section: String,
    /// Whether it stands behind FROM.
    pub table: bool,
    /// `name(argument, option := default, …)`
    pub signature: String,
    /// One sentence.
    pub description: String,
    /// Prose, arguments and columns, as in the header.
    pub details: String,
    /// Statements to try; empty for helpers.
    pub example: String,
    /// The statement that makes it.
    pub sql: String,
    /// Whether it needs DuckDB's json extension.
    pub json: bool,
}

impl Function {
    /// The statement that makes it where the json extension is missing: a macro that is an error.
    pub fn without_json(&self) -> String {
        let error = format!(
            "SELECT error('{}: the json extension of DuckDB is missing; INSTALL json and LOAD json before LOAD muster')",
            self.name
        );
        let body = if self.table { format!("AS TABLE {error}") } else { format!("AS ({error})") };
        format!("CREATE MACRO muster.main.{} {body};", self.signature)
    }
}

/// All functions, in the order of `FILES`; plots open their section.
pub fn functions() -> Vec<Function> {
    let mut functions: Vec<Function> = FILES.iter().map(|file| parse(file)).collect();
    let at = functions.iter().position(|f| f.section == PLOTS).unwrap_or(functions.len());
    functions.splice(at..at, plots::files().iter().map(|file| parse(file)));
    // a macro is bound when it is made, with those that it calls
    for at in 0..functions.len() {
        let (made, rest) = functions.split_at_mut(at);
        let calls = |called: &&Function| rest[0].sql.contains(&format!("muster.main.{}(", called.name));
        rest[0].json = rest[0].sql.contains("json") || made.iter().filter(calls).any(|called| called.json);
    }
    functions
}

fn parse(file: &str) -> Function {
    let start = file.find("CREATE MACRO").unwrap_or(file.len());
    let (header, sql) = file.split_at(start);
    let mut lines = header.lines().map(|line| line.trim_start_matches("--").strip_prefix(' ').unwrap_or(""));
    let (name, description) = lines.next().and_then(|line| line.split_once(": ")).unwrap_or_default();
    let section = lines.next().and_then(|line| line.strip_prefix("section: ")).unwrap_or_default();
    let rest: Vec<&str> = lines.collect();
    let cut = rest.iter().position(|line| *line == "example:").unwrap_or(rest.len());
    let example: Vec<&str> = rest[cut..].iter().skip(1).map(|line| line.trim_start_matches("  ")).collect();
    let (signature, details) = (signature(sql), rest[..cut].join("\n").trim().to_string());
    Function {
        name: name.to_string(),
        section: section.to_string(),
        table: sql.contains(") AS TABLE"),
        description: description.to_string(),
        example: example.join("\n").trim().to_string(),
        sql: options::expand(sql, name, &signature, &details),
        json: false,
        signature,
        details,
    }
}

/// The name and the parenthesis behind it, on one line.
fn signature(sql: &str) -> String {
    let text = sql.trim_start_matches("CREATE MACRO muster.main.");
    let end = text.find(") AS").map_or(text.len(), |at| at + 1);
    let words: Vec<&str> = text[..end].split_whitespace().collect();
    words.join(" ").replace("( ", "(").replace(" )", ")")
}

/// The versions of this extension and of the libraries that fix its numbers, from the lock file.
///
/// A library that the lock file holds twice is listed there by its version too where a package depends on it, so the
/// extension's own dependencies say which of them it is built with.
pub fn versions() -> Vec<(String, String)> {
    const NUMERIC: [&str; 9] =
        ["rand", "rand_chacha", "rand_distr", "sha2", "nalgebra", "statrs", "tokenizers", "gemm", "candle-core"];
    let lock = include_str!("../Cargo.lock");
    let package = |name: &str| lock.split("[[package]]").find(|part| part.contains(&format!("\nname = \"{name}\"\n")));
    let quoted = |part: &'static str| part.split('"').skip(1).step_by(2);
    let own: Vec<&str> = package("muster").map(quoted).into_iter().flatten().collect();
    let built_with = |name: &str| {
        let version = own.iter().find_map(|dependency| dependency.strip_prefix(name)?.strip_prefix(' '));
        version.or_else(|| quoted(package(name)?).nth(1)).map(str::to_string)
    };
    let mut versions = vec![("muster".to_string(), env!("CARGO_PKG_VERSION").to_string())];
    versions.extend(NUMERIC.iter().filter_map(|name| Some((name.to_string(), built_with(name)?))));
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_listed_and_complete() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sql");
        let mut on_disk: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".sql").map(str::to_string))
            .collect();
        on_disk.sort();
        let functions = functions();
        let mut listed: Vec<String> = functions.iter().map(|f| f.name.clone()).collect();
        // a plot and its specification are one file
        listed.retain(|name| !name.starts_with("plot_") || !name.ends_with("_spec"));
        listed.sort();
        assert_eq!(on_disk, listed);
        for f in &functions {
            assert!(f.sql.starts_with(&format!("CREATE MACRO muster.main.{}(", f.name)), "{}", f.name);
            assert!(f.description.ends_with('.'), "{}: {}", f.name, f.description);
            assert!(!f.section.is_empty(), "{}", f.name);
            assert_eq!(f.section == HELPERS, f.name.starts_with("_muster_"), "{}", f.name);
            if f.section != HELPERS {
                assert!(f.example.ends_with(';'), "{}: no example", f.name);
                assert!(!f.table || f.details.contains("columns:"), "{}: no columns", f.name);
            }
        }
    }

    #[test]
    fn every_argument_is_described() {
        for f in functions().iter().filter(|f| f.section != HELPERS) {
            let described: Vec<&str> = options::described(&f.details).map(|(name, _)| name).collect();
            assert_eq!(described, options::parameters(&f.signature), "{}", f.name);
        }
    }

    #[test]
    fn functions_that_need_json_are_few() {
        let functions = functions();
        let needed: Vec<&Function> = functions.iter().filter(|f| f.json && !f.sql.contains("plot")).collect();
        let names: Vec<&str> = needed.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "filter_affiliations",
                "keyword_scores",
                "keyword_filter",
                "llm_annotate",
                "llm_plan",
                "llm_import",
                "lineage"
            ]
        );
        assert_eq!(
            needed[2].without_json(),
            "CREATE MACRO muster.main.keyword_filter(docs, text, filters) AS TABLE SELECT error('keyword_filter: \
             the json extension of DuckDB is missing; INSTALL json and LOAD json before LOAD muster');"
        );
    }

    #[test]
    fn every_parameter_is_used() {
        for f in functions() {
            let body = f.sql.split_once(") AS").unwrap().1;
            let word = |c: char| c.is_alphanumeric() || c == '_';
            for name in options::parameters(&f.signature) {
                let used = body.match_indices(name).any(|(at, _)| {
                    let (before, after) = (body[..at].chars().next_back(), body[at + name.len()..].chars().next());
                    !before.is_some_and(word) && !after.is_some_and(word)
                });
                assert!(used, "{}: {name}", f.name);
            }
        }
    }

    #[test]
    fn versions_are_those_of_the_manifest() {
        let found = versions();
        assert_eq!(found.len(), 10);
        // pinned exactly there, and in the lock file twice
        let manifest = include_str!("../Cargo.toml");
        for name in ["rand", "rand_chacha", "rand_distr"] {
            let (_, version) = found.iter().find(|(component, _)| component == name).unwrap();
            assert!(manifest.contains(&format!("{name} = {{ version = \"={version}\"")), "{name} {version}");
        }
    }
}
