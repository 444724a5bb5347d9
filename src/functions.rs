//! The list of SQL functions: what each is, said once, in the header of its file in `sql/`.
//!
//! Everything a user reads is made from it: the comments in the catalog, `muster.functions()`,
//! `docs/functions.md` and `extension_config/function_descriptions.csv`.
//!
//! A header is a comment: `name: summary`, `section: …`, prose, then the blocks `arguments:`, `columns:` and
//! `example:`. A line of a block that is indented further goes on with the line before. The signature is taken from the statement itself.
//!
//! The options of a call reach its kernel from the signature too: [`options`] puts them in the place of a marker. At LOAD the names of
//! built-in functions become full ones ([`qualified`]).

mod options;
mod plots;
mod qualified;

pub(crate) use qualified::qualified;

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The section of macros that other macros use.
pub(crate) const HELPERS: &str = "Helpers";

/// Sections in the order of the reference.
const SECTIONS: [&str; 18] = [
    HELPERS,
    "Inputs",
    "Estimates",
    "Annotators",
    "Debiasing",
    "Truth without gold people",
    "Diagnostics",
    "Synthetic data",
    "Affiliations",
    "Simulation",
    "Texts",
    "Keywords",
    "Clusters",
    "Language models",
    "Plots",
    "Lineage",
    "Numbers",
    "About",
];

/// One SQL function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Function {
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
    pub(crate) fn without_json(&self) -> String {
        let error = format!(
            "SELECT error('{}: the json extension of DuckDB is missing; INSTALL json; LOAD json; before LOAD muster')",
            self.name
        );
        let body = if self.table { format!("AS TABLE {error}") } else { format!("AS ({error})") };
        format!("CREATE MACRO muster.main.{} {body};", self.signature)
    }
}

/// All functions, by section and name; [`plots`] makes two of the file of a plot.
pub(crate) fn functions() -> Vec<Function> {
    let own = FILES.iter().filter(|file| !file.starts_with("-- plot_")).map(|file| parse(file));
    let mut functions: Vec<Function> = own.chain(plots::files().iter().map(|file| parse(file))).collect();
    let section = |function: &Function| SECTIONS.iter().position(|section| *section == function.section);
    functions.sort_by(|a, b| (section(a), &a.name).cmp(&(section(b), &b.name)));
    // a macro is bound when it is made, with those that it calls
    let calls = calls(&functions);
    for at in in_order_of_calls(&calls) {
        functions[at].json =
            functions[at].sql.contains("json") || calls[at].iter().any(|called| functions[*called].json);
    }
    functions
}

/// The functions so that each stands behind those that it calls.
pub(crate) fn in_order_of_calls(calls: &[Vec<usize>]) -> Vec<usize> {
    fn visit(at: usize, calls: &[Vec<usize>], order: &mut Vec<usize>) {
        if order.contains(&at) {
            return;
        }
        calls[at].iter().for_each(|called| visit(*called, calls, order));
        order.push(at);
    }
    let mut order = Vec::with_capacity(calls.len());
    (0..calls.len()).for_each(|at| visit(at, calls, &mut order));
    order
}

/// The functions that each function calls, by their places in the list. No function calls itself.
pub(crate) fn calls(functions: &[Function]) -> Vec<Vec<usize>> {
    let called = |function: &Function| {
        let names = function.sql.split("muster.main.").skip(1).map(|rest| rest.split('(').next().unwrap_or_default());
        let places = names.filter_map(|name| functions.iter().position(|f| f.name == name && name != function.name));
        places.collect()
    };
    functions.iter().map(called).collect()
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
pub(crate) fn versions() -> Vec<(String, String)> {
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
    fn every_file_is_complete() {
        let functions = functions();
        for f in &functions {
            assert!(f.sql.starts_with(&format!("CREATE MACRO muster.main.{}(", f.name)), "{}", f.name);
            assert!(f.description.ends_with('.'), "{}: {}", f.name, f.description);
            assert!(SECTIONS.contains(&f.section.as_str()), "{}: {}", f.name, f.section);
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
        let needed: Vec<&Function> = functions.iter().filter(|f| f.json).collect();
        let names: Vec<&str> = needed.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["lineage"]);
        assert_eq!(
            needed[0].without_json(),
            "CREATE MACRO muster.main.lineage(script) AS TABLE SELECT error('lineage: the json extension of DuckDB is \
             missing; INSTALL json; LOAD json; before LOAD muster');"
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
