//! Parameters of our own table functions that are relations: those that reach `query_table`, in the function's own
//! statement or through another function of ours that it hands them to.

use super::tokens::{Kind, tokens};
use crate::functions::Function;
use std::collections::BTreeMap;

/// Parameters of a table function, in order, with whether each is a relation.
pub(crate) type Parameters = Vec<(String, bool)>;

/// Parameters of every function by its name.
pub(crate) fn parameters(functions: &[Function]) -> BTreeMap<String, Parameters> {
    let bodies: Vec<(&str, Vec<&str>)> = functions.iter().map(|f| (f.name.as_str(), words(&f.sql))).collect();
    let mut known: BTreeMap<String, Parameters> =
        bodies.iter().map(|(name, body)| (name.to_string(), declared(body))).collect();
    known.insert("query_table".to_string(), vec![("relation".to_string(), true)]);
    // until nothing is learnt any more: a function may stand before one that it calls
    loop {
        let mut learnt = Vec::new();
        for (name, body) in &bodies {
            for (call, rest) in calls(body, &known) {
                for (argument, (_, relation)) in arguments(rest).into_iter().zip(call) {
                    let own = known[*name].iter().position(|(own, known)| [own.as_str()] == *argument && !known);
                    learnt.extend(own.filter(|_| *relation).map(|at| (name.to_string(), at)));
                }
            }
        }
        if learnt.is_empty() {
            break;
        }
        for (name, at) in learnt {
            if let Some(parameters) = known.get_mut(&name) {
                parameters[at].1 = true;
            }
        }
    }
    known.remove("query_table");
    known
}

/// Tokens of a statement but for space and comments.
fn words(sql: &str) -> Vec<&str> {
    tokens(sql).iter().filter(|t| t.kind != Kind::Space).map(|t| &sql[t.start..t.end]).collect()
}

/// Names of the parameters, the first word of each, of `CREATE MACRO muster.main.name(…)`.
fn declared(body: &[&str]) -> Parameters {
    let open = body.iter().position(|word| *word == "(").map_or(body.len(), |at| at + 1);
    arguments(&body[open..]).iter().filter_map(|words| Some((words.first()?.to_string(), false))).collect()
}

/// Calls of known functions in a body: the parameters of each, and the words behind its opening parenthesis.
fn calls<'a>(body: &'a [&'a str], known: &'a BTreeMap<String, Parameters>) -> Vec<(&'a Parameters, &'a [&'a str])> {
    let start = body.iter().position(|word| *word == "AS").unwrap_or(body.len());
    (start..body.len().saturating_sub(1))
        .filter(|at| body[at + 1] == "(")
        .filter_map(|at| Some((known.get(body[at])?, &body[at + 2..])))
        .collect()
}

/// Words of each argument, up to the parenthesis that closes the list.
fn arguments<'a>(words: &'a [&'a str]) -> Vec<&'a [&'a str]> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, word) in words.iter().enumerate() {
        match *word {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth > 0 => depth -= 1,
            ")" => {
                found.push(&words[start..at]);
                break;
            }
            "," if depth == 0 => {
                found.push(&words[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::{HELPERS, functions};

    fn relations(of: &str) -> Vec<String> {
        parameters(&functions())[of].iter().filter(|(_, relation)| *relation).map(|(name, _)| name.clone()).collect()
    }

    #[test]
    fn relations_are_found_directly_and_through_helpers() {
        assert_eq!(relations("keyword_scores"), ["docs", "lists"]);
        assert_eq!(relations("fit_probit_bootstrap"), ["ratings", "profiles"]);
        assert_eq!(relations("synthetic_ratings"), ["totals", "ratings"]);
        assert!(relations("simulate_profiles").is_empty());
        let parameters = parameters(&functions());
        let names: Vec<&str> = parameters["headcount_total"].iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["estimates", "stratum", "level"]);
    }

    /// Parameters that the headers call relations are some.
    #[test]
    fn headers_agree() {
        for f in functions().iter().filter(|f| f.section != HELPERS && f.table) {
            let arguments = f.details.split("columns:").next().unwrap_or_default().lines();
            for line in arguments.filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
                let (name, text) = line.trim().split_once(' ').unwrap_or_default();
                if text.trim().starts_with("relation ") {
                    assert!(relations(&f.name).iter().any(|r| r == name), "{}: {name}", f.name);
                }
            }
        }
    }
}
