//! The options of `filter_affiliations`, handed over as JSON: which categories to keep, and terms of the user.

use super::terms::{Category, Term, Terms};
use serde_json::Value;

/// A wrong option. Displays as `caller: name must …, got value`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{caller}: {name} {problem}")]
pub struct OptionsError {
    caller: String,
    name: &'static str,
    problem: String,
}

/// The options, checked. What is kept is chosen in SQL, after spellings have been put together.
#[derive(Debug, Clone)]
pub struct Options {
    pub terms: Terms,
}

impl Options {
    /// `json` is `{"keep": ["company", …], "terms": [{"category", "kind", "term"}, …] or null}`.
    pub fn parse(caller: &str, json: &str) -> Result<Options, OptionsError> {
        let error = |name, problem: String| OptionsError { caller: caller.to_string(), name, problem };
        let value: Value = serde_json::from_str(json).map_err(|e| error("options", format!("must be JSON: {e}")))?;
        let keep = value["keep"]
            .as_array()
            .ok_or_else(|| error("keep", format!("must be a list of categories, got {}", shown(&value["keep"]))))?;
        for category in keep {
            if category.as_str().and_then(Category::of).is_none() {
                let names = Category::ALL.map(|(name, _)| format!("'{name}'")).join(", ");
                return Err(error("keep", format!("must hold only {names}, got {}", shown(category))));
            }
        }
        let mut terms = Terms::standard().clone();
        match &value["terms"] {
            Value::Null => {}
            Value::Array(list) => {
                for (i, item) in list.iter().enumerate() {
                    let text = |field: &str| {
                        item[field].as_str().ok_or_else(|| {
                            let must = "must be a list of {category, kind, term}, all texts";
                            error("terms", format!("{must}, got {} as number {}", shown(item), i + 1))
                        })
                    };
                    let term = Term { category: text("category")?, kind: text("kind")?, term: text("term")? };
                    terms.add(&term).map_err(|problem| error("terms", format!("number {}: {problem}", i + 1)))?;
                }
            }
            other => {
                let must = "must be a list of {category, kind, term}";
                return Err(error("terms", format!("{must}, got {}", shown(other))));
            }
        }
        Ok(Options { terms })
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_string(),
        Value::String(text) => format!("'{text}'"),
        other => other.to_string(),
    }
}
