//! Options as they come from SQL: one JSON object of texts, checked by name, type and range.
//!
//! The macros cast every option to text, so that NaN, decimals and what a user mistook for a number all
//! arrive and can be shown in the error.

use serde_json::Value;
use std::collections::BTreeMap;

/// A wrong option. Displays as `caller: name must …, got value`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OptionError {
    #[error("{caller}: {name} must {allowed}, got {value}")]
    Invalid { caller: String, name: String, allowed: String, value: String },
    #[error("{caller}: unknown option {name}")]
    Unknown { caller: String, name: String },
    #[error("{caller}: options must be a JSON object of texts")]
    Malformed { caller: String },
}

/// The options of one call, taken one after the other.
#[derive(Debug)]
pub struct Options {
    caller: String,
    values: BTreeMap<String, Option<String>>,
}

impl Options {
    /// `caller` is the SQL function whose name errors carry.
    pub fn parse(caller: &str, json: &str) -> Result<Options, OptionError> {
        let values = serde_json::from_str(json).map_err(|_| OptionError::Malformed { caller: caller.to_string() })?;
        Ok(Options { caller: caller.to_string(), values })
    }

    /// The option as a number for which `check` holds; `allowed` completes "must …".
    pub fn number(&mut self, name: &str, allowed: &str, check: impl Fn(f64) -> bool) -> Result<f64, OptionError> {
        let text = self.text(name);
        match text.as_deref().and_then(|t| t.trim().parse::<f64>().ok()) {
            Some(number) if check(number) => Ok(number),
            _ => Err(self.invalid(name, allowed, text)),
        }
    }

    /// As [`Options::number`], `None` for NULL.
    pub fn optional_number(
        &mut self,
        name: &str,
        allowed: &str,
        check: impl Fn(f64) -> bool,
    ) -> Result<Option<f64>, OptionError> {
        if matches!(self.values.get(name), Some(None) | None) {
            self.values.remove(name);
            return Ok(None);
        }
        self.number(name, allowed, check).map(Some)
    }

    /// The option as a whole number from `low` to `high`.
    pub fn whole(&mut self, name: &str, low: u64, high: u64) -> Result<u64, OptionError> {
        let allowed = format!("be a whole number from {low} to {high}");
        let text = self.text(name);
        let parsed = text.as_deref().map(str::trim).and_then(|t| {
            // integers exactly, and numbers such as 1000.0 or 1e3
            let float = || t.parse::<f64>().ok().filter(|x| x.fract() == 0.0 && *x >= 0.0 && *x < 9e15);
            t.parse::<u64>().ok().or_else(|| float().map(|x| x as u64))
        });
        match parsed {
            Some(number) if (low..=high).contains(&number) => Ok(number),
            _ => Err(self.invalid(name, &allowed, text)),
        }
    }

    /// The option as true or false.
    pub fn boolean(&mut self, name: &str) -> Result<bool, OptionError> {
        let text = self.text(name);
        match text.as_deref() {
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            _ => Err(self.invalid(name, "be true or false", text)),
        }
    }

    /// The option as text; an error where it is NULL or empty.
    pub fn required_text(&mut self, name: &str, allowed: &str) -> Result<String, OptionError> {
        match self.text(name) {
            Some(text) if !text.is_empty() => Ok(text),
            text => Err(self.invalid(name, allowed, text.map(|text| format!("'{text}'")))),
        }
    }

    /// The option as text, `None` for NULL; an error where it is empty.
    pub fn optional_text(&mut self, name: &str, allowed: &str) -> Result<Option<String>, OptionError> {
        if matches!(self.values.get(name), Some(None) | None) {
            self.values.remove(name);
            return Ok(None);
        }
        self.required_text(name, allowed).map(Some)
    }

    /// The option as one of the names of `choices`.
    pub fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Result<T, OptionError> {
        let text = self.text(name);
        match choices.iter().find(|(choice, _)| Some(*choice) == text.as_deref()) {
            Some((_, value)) => Ok(*value),
            None => {
                let names: Vec<String> = choices.iter().map(|(choice, _)| format!("'{choice}'")).collect();
                Err(self.invalid(name, &format!("be one of {}", names.join(", ")), text.map(|t| format!("'{t}'"))))
            }
        }
    }

    /// The option as it came, unchecked; `None` for NULL.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.values.remove(name).flatten()
    }

    /// The option, which the macro hands over as JSON because it may be a list; `None` for NULL.
    pub fn optional_json(&mut self, name: &str, allowed: &str) -> Result<Option<Value>, OptionError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match serde_json::from_str(&text) {
            Ok(Value::Null) => Ok(None),
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(self.invalid(name, allowed, Some(text))),
        }
    }

    /// The option as a list of texts, none of them NULL; `None` for NULL. The macro hands it over as JSON.
    pub fn optional_texts(&mut self, name: &str) -> Result<Option<Vec<String>>, OptionError> {
        let allowed = "be a list of texts without NULL";
        let Some(value) = self.optional_json(name, allowed)? else { return Ok(None) };
        texts(&value).map(Some).ok_or_else(|| self.invalid(name, allowed, Some(value.to_string())))
    }

    /// An error unless every option has been taken.
    pub fn finish(self) -> Result<(), OptionError> {
        match self.values.into_keys().next() {
            Some(name) => Err(OptionError::Unknown { caller: self.caller, name }),
            None => Ok(()),
        }
    }

    /// The error for a combination that is not possible.
    pub fn invalid(&self, name: &str, allowed: &str, value: Option<String>) -> OptionError {
        OptionError::Invalid {
            caller: self.caller.clone(),
            name: name.to_string(),
            allowed: allowed.to_string(),
            value: value.unwrap_or_else(|| "NULL".to_string()),
        }
    }
}

/// The texts of a JSON list; `None` for anything else.
pub fn texts(list: &Value) -> Option<Vec<String>> {
    list.as_array()?.iter().map(|text| text.as_str().map(str::to_string)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(json: &str) -> Options {
        Options::parse("f", json).unwrap()
    }

    #[test]
    fn numbers_are_checked() {
        let level = |json: &str| options(json).number("level", "lie between 0 and 1", |x| x > 0.0 && x < 1.0);
        assert_eq!(level(r#"{"level":"0.8"}"#), Ok(0.8));
        for (json, shown) in [
            (r#"{"level":"80"}"#, "80"),
            (r#"{"level":"nan"}"#, "nan"),
            (r#"{"level":null}"#, "NULL"),
            (r#"{"level":"high"}"#, "high"),
        ] {
            let message = level(json).unwrap_err().to_string();
            assert_eq!(message, format!("f: level must lie between 0 and 1, got {shown}"));
        }
    }

    #[test]
    fn whole_numbers_booleans_and_choices() {
        assert_eq!(options(r#"{"draws":"1000.0"}"#).whole("draws", 1, 5000), Ok(1000));
        assert_eq!(options(r#"{"seed":"9223372036854775807"}"#).whole("seed", 0, i64::MAX as u64), Ok(i64::MAX as u64));
        assert!(options(r#"{"draws":"2.5"}"#).whole("draws", 1, 5000).is_err());
        assert!(options(r#"{"draws":"-3"}"#).whole("draws", 1, 5000).is_err());
        assert_eq!(options(r#"{"keep":"true"}"#).boolean("keep"), Ok(true));
        assert!(options(r#"{"keep":"maybe"}"#).boolean("keep").is_err());
        let message = options(r#"{"m":"x"}"#).choice("m", &[("a", 1), ("b", 2)]).unwrap_err().to_string();
        assert_eq!(message, "f: m must be one of 'a', 'b', got 'x'");
    }

    #[test]
    fn lists_come_as_json() {
        let list = |json: &str| options(json).optional_texts("words").map_err(|error| error.to_string());
        let given = |words: &[&str]| Ok(Some(words.iter().map(|word| word.to_string()).collect::<Vec<_>>()));
        assert_eq!(list(r#"{"words":"[\"a\",\"b, c\"]"}"#), given(&["a", "b, c"]));
        assert_eq!(list(r#"{"words":"[]"}"#), given(&[]));
        assert_eq!(list(r#"{"words":null}"#), Ok(None));
        assert_eq!(list(r#"{"words":"null"}"#), Ok(None));
        for wrong in [r#"[\"a\",null]"#, "[1]", r#"\"a\""#, "7"] {
            let message = list(&format!(r#"{{"words":"{wrong}"}}"#)).unwrap_err();
            let shown = wrong.replace('\\', "");
            assert_eq!(message, format!("f: words must be a list of texts without NULL, got {shown}"));
        }
    }

    #[test]
    fn texts() {
        assert_eq!(options(r#"{"m":"x"}"#).required_text("m", "name a model"), Ok("x".to_string()));
        for (json, shown) in [(r#"{"m":""}"#, "''"), (r#"{"m":null}"#, "NULL"), ("{}", "NULL")] {
            let message = options(json).required_text("m", "name a model").unwrap_err().to_string();
            assert_eq!(message, format!("f: m must name a model, got {shown}"));
        }
        assert_eq!(options(r#"{"m":null}"#).optional_text("m", "name a file"), Ok(None));
        assert!(options(r#"{"m":""}"#).optional_text("m", "name a file").is_err());
    }

    #[test]
    fn unknown_options_and_other_json_are_errors() {
        assert_eq!(options(r#"{"levle":"1"}"#).finish().unwrap_err().to_string(), "f: unknown option levle");
        assert!(Options::parse("f", "[1]").is_err());
        assert!(Options::parse("f", r#"{"a":{}}"#).is_err());
    }
}
