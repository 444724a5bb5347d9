//! Options as they come from SQL: names and values, checked by name, type and range.
//!
//! The macros hand them over as a list of {name, kind, value, texts}, made by `_muster_option`: the option's name, its
//! type, its value as text, and as a list of texts where it can be one. So NaN, decimals and what a user mistook for a
//! number all arrive and can be shown in the error, and 'english' is not ['english']. With them come the SQL function
//! that asks, for the name before errors, the threads that the database may use, and whether it may reach outside.

use super::json;
use super::rows::{Failure, Listed, list, listed};
use duckdb::arrow::array::{Array, AsArray, RecordBatch, StructArray};
use duckdb::arrow::datatypes::DataType;
use serde_json::json;
use std::collections::BTreeMap;
use std::ops::Range;

/// A wrong option. Displays as `name must …, got value`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum OptionError {
    #[error("{name} must {allowed}, got {value}")]
    Invalid { name: String, allowed: String, value: String },
    #[error("unknown option {name}")]
    Unknown { name: String },
    #[error("enable_external_access must be true for what reads or writes files or asks servers, got false")]
    Closed,
}

listed! {
    /// One option, or one of `FUNCTION`, `THREADS` and `ACCESS`.
    struct Entry<'l> {
        name: &'l str,
        kind: &'l str,
        value: Option<&'l str>,
        texts: Option<Vec<Option<String>>>,
    }
}

/// The name of the entry that holds the SQL function's name.
const FUNCTION: &str = "function";

/// The name of the entry that holds the number of threads.
const THREADS: &str = "threads";

/// The name of the entry that says whether the database may reach files and the network.
const ACCESS: &str = "enable_external_access";

/// Maximum number of replicates: what 200 companies keep of them takes 160 MB.
pub(super) const MAX_DRAWS: usize = 100_000;

/// The type of an argument that holds options.
pub(super) fn kind() -> DataType {
    Entry::data_type()
}

/// The SQL function that the options in an argument come from.
pub(super) fn function(input: &RecordBatch, argument: usize) -> Option<String> {
    let list = (input.num_rows() > 0).then(|| list(input, argument, 0))?;
    let entries = Entry::rows(&list).ok()?;
    entries.iter().find(|entry| entry.name == FUNCTION)?.value.map(str::to_string)
}

/// The calls of a vector, taken apart where the options change: mostly all of them.
pub(super) fn runs(input: &RecordBatch, argument: usize) -> Vec<Range<usize>> {
    let lists = input.column(argument).as_list::<i32>();
    let entries = lists.values().as_struct();
    let range = |call: usize| lists.value_offsets()[call] as usize..lists.value_offsets()[call + 1] as usize;
    let mut runs: Vec<Range<usize>> = Vec::new();
    for call in 0..input.num_rows() {
        match runs.last_mut() {
            Some(run) if same(entries, range(run.start), range(call)) => run.end = call + 1,
            _ => runs.push(call..call + 1),
        }
    }
    runs
}

/// Whether two ranges of entries are equal.
fn same(entries: &StructArray, one: Range<usize>, two: Range<usize>) -> bool {
    one.len() == two.len()
        && entries.columns().iter().all(|column| match column.as_string_opt::<i32>() {
            Some(texts) => one.clone().zip(two.clone()).all(|(a, b)| {
                texts.is_valid(a) == texts.is_valid(b) && (texts.is_null(a) || texts.value(a) == texts.value(b))
            }),
            // lists of texts: mostly NULL
            None => one.clone().zip(two.clone()).all(|(a, b)| {
                (column.is_null(a) && column.is_null(b)) || column.slice(a, 1).as_ref() == column.slice(b, 1).as_ref()
            }),
        })
}

/// An option as the caller gave it.
#[derive(Debug, Clone, PartialEq)]
struct Given {
    /// The name that DuckDB gives its type.
    kind: String,
    value: Option<String>,
    /// The value as a list of texts, where it can be one.
    texts: Option<Vec<Option<String>>>,
}

impl Given {
    /// The value as JSON, for errors about lists.
    fn shown(&self) -> String {
        match (&self.value, &self.texts) {
            (_, Some(texts)) if self.is_list() => json!(texts).to_string(),
            (_, Some(texts)) if self.kind.ends_with(']') => {
                let plain: Vec<&str> = texts.iter().map(|text| text.as_deref().unwrap_or("null")).collect();
                format!("[{}]", plain.join(","))
            }
            (Some(text), _) if self.kind == "VARCHAR" => json!(text).to_string(),
            (value, _) => value.clone().unwrap_or_else(|| "null".to_string()),
        }
    }

    /// Whether it is a list whose elements are texts, or none at all.
    fn is_list(&self) -> bool {
        let element = self.kind.trim_end_matches(|c: char| c.is_ascii_digit() || "[]".contains(c));
        element.len() < self.kind.len() && (["VARCHAR", "\"NULL\""].contains(&element) || element.starts_with("ENUM("))
    }

    /// The texts of a list without NULL.
    fn list(&self) -> Option<Vec<String>> {
        self.texts.as_ref().filter(|_| self.is_list())?.iter().cloned().collect()
    }
}

/// Texts, or the name of a list of texts.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum NameOrList {
    Name(String),
    List(Vec<String>),
}

/// The options of one call, taken one after the other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Options {
    threads: usize,
    /// Whether files and the network may be used; not without a word.
    access: bool,
    values: BTreeMap<String, Given>,
}

impl Options {
    /// The options in an argument of one call.
    ///
    /// # Errors
    ///
    /// Where the argument has no such columns.
    pub(super) fn read(input: &RecordBatch, argument: usize, call: usize) -> Result<Options, Failure> {
        let mut options = Options { threads: 1, access: false, values: BTreeMap::new() };
        for entry in Entry::rows(&list(input, argument, call))? {
            match (entry.name, entry.value) {
                (FUNCTION, _) => {}
                (ACCESS, value) => options.access = value == Some("true"),
                (THREADS, value) => options.threads = value.and_then(|text| text.parse().ok()).unwrap_or(1).max(1),
                (name, value) => {
                    let (kind, value) = (entry.kind.to_string(), value.map(str::to_string));
                    options.values.insert(name.to_string(), Given { kind, value, texts: entry.texts });
                }
            }
        }
        Ok(options)
    }

    /// Options that are texts.
    #[cfg(test)]
    pub(super) fn of(values: &[(&str, Option<&str>)]) -> Options {
        let given =
            |value: &Option<&str>| Given { kind: "VARCHAR".to_string(), value: value.map(str::to_string), texts: None };
        Options {
            threads: 1,
            access: true,
            values: values.iter().map(|(name, value)| (name.to_string(), given(value))).collect(),
        }
    }

    /// A text that other options do not have.
    pub(super) fn key(&self) -> String {
        let given: Vec<_> =
            self.values.iter().map(|(name, given)| json!([name, given.kind, given.value, given.texts])).collect();
        json!([self.threads, given]).to_string()
    }

    /// The threads that the database may use.
    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// An error where the database is closed to files and the network: to be called before either is used.
    pub(super) fn outside(&self) -> Result<(), OptionError> {
        if self.access { Ok(()) } else { Err(OptionError::Closed) }
    }

    /// The option `level`: the coverage of intervals.
    pub(super) fn level(&mut self) -> Result<f64, OptionError> {
        self.number("level", "lie between 0 and 1", |x| x > 0.0 && x < 1.0)
    }

    /// The option `seed`.
    pub(super) fn seed(&mut self) -> Result<u64, OptionError> {
        self.whole("seed", 0, i64::MAX as u64)
    }

    /// The option `draws`: a number of replicates from `low` to `high`.
    pub(super) fn draws(&mut self, low: usize, high: usize) -> Result<usize, OptionError> {
        Ok(self.whole("draws", low as u64, high as u64)? as usize)
    }

    /// The option as a number for which `check` holds; `allowed` completes "must …".
    pub(super) fn number(
        &mut self,
        name: &str,
        allowed: &str,
        check: impl Fn(f64) -> bool,
    ) -> Result<f64, OptionError> {
        let text = self.text(name);
        match text.as_deref().and_then(|t| t.trim().parse::<f64>().ok()) {
            Some(number) if check(number) => Ok(number),
            _ => Err(self.invalid(name, allowed, text)),
        }
    }

    /// As [`Options::number`], `None` for NULL.
    pub(super) fn optional_number(
        &mut self,
        name: &str,
        allowed: &str,
        check: impl Fn(f64) -> bool,
    ) -> Result<Option<f64>, OptionError> {
        if self.is_null(name) {
            return Ok(None);
        }
        self.number(name, allowed, check).map(Some)
    }

    /// The option as a whole number from `low` to `high`.
    pub(super) fn whole(&mut self, name: &str, low: u64, high: u64) -> Result<u64, OptionError> {
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
    pub(super) fn boolean(&mut self, name: &str) -> Result<bool, OptionError> {
        let text = self.text(name);
        match text.as_deref() {
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            _ => Err(self.invalid(name, "be true or false", text)),
        }
    }

    /// The option as text; an error where it is NULL or empty.
    pub(super) fn required_text(&mut self, name: &str, allowed: &str) -> Result<String, OptionError> {
        match self.text(name) {
            Some(text) if !text.is_empty() => Ok(text),
            text => Err(self.invalid(name, allowed, text.map(|text| format!("'{text}'")))),
        }
    }

    /// The option as text, `None` for NULL; an error where it is empty.
    pub(super) fn optional_text(&mut self, name: &str, allowed: &str) -> Result<Option<String>, OptionError> {
        if self.is_null(name) {
            return Ok(None);
        }
        self.required_text(name, allowed).map(Some)
    }

    /// The option as one of the names of `choices`.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Result<T, OptionError> {
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
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.values.remove(name)?.value
    }

    /// The option as the text of JSON; `None` for NULL.
    pub(super) fn json(&mut self, name: &str) -> Option<String> {
        let given = self.given(name)?;
        Some(json::json(&given.kind, given.value.as_deref()?))
    }

    /// The option as a list of texts, none of them NULL; `None` for NULL.
    pub(super) fn optional_texts(&mut self, name: &str) -> Result<Option<Vec<String>>, OptionError> {
        let Some(given) = self.given(name) else { return Ok(None) };
        let list = given.list();
        list.map(Some).ok_or_else(|| self.invalid(name, "be a list of texts without NULL", Some(given.shown())))
    }

    /// The option as the name of a list, or as a list of texts, none of them NULL; `None` for NULL.
    pub(super) fn name_or_list(&mut self, name: &str, allowed: &str) -> Result<Option<NameOrList>, OptionError> {
        let Some(given) = self.given(name) else { return Ok(None) };
        match (&given.value, given.list()) {
            (_, Some(list)) => Ok(Some(NameOrList::List(list))),
            (Some(text), _) if given.kind == "VARCHAR" => Ok(Some(NameOrList::Name(text.clone()))),
            _ => Err(self.invalid(name, allowed, Some(given.shown()))),
        }
    }

    /// Takes an option out; `None` where it is NULL or not there.
    fn given(&mut self, name: &str) -> Option<Given> {
        self.values.remove(name).filter(|given| given.value.is_some())
    }

    fn is_null(&mut self, name: &str) -> bool {
        let null = self.values.get(name).is_none_or(|given| given.value.is_none());
        if null {
            self.values.remove(name);
        }
        null
    }

    /// An error unless every option has been taken.
    pub(super) fn finish(self) -> Result<(), OptionError> {
        match self.values.into_keys().next() {
            Some(name) => Err(OptionError::Unknown { name }),
            None => Ok(()),
        }
    }

    /// The error for a value, or a combination of values, that is not possible.
    pub(super) fn invalid(&self, name: &str, allowed: &str, value: Option<String>) -> OptionError {
        OptionError::Invalid {
            name: name.to_string(),
            allowed: allowed.to_string(),
            value: value.unwrap_or_else(|| "NULL".to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::rows::Rows;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Any value is an error that names the option, or one within its bounds.
        #[test]
        fn any_value_is_read(value in prop::option::of(r"[ +-]?([0-9]{0,20}(\.[0-9]{0,3})?(e[+-]?[0-9]{0,3})?|inf|nan|true|\PC{0,5})")) {
            let given = || Options::of(&[("level", value.as_deref()), ("draws", value.as_deref()), ("seed", value.as_deref())]);
            match given().level() {
                Ok(level) => prop_assert!(level > 0.0 && level < 1.0),
                Err(error) => prop_assert!(error.to_string().starts_with("level must ")),
            }
            match given().draws(1, 5000) {
                Ok(draws) => prop_assert!((1..=5000).contains(&draws)),
                Err(error) => prop_assert!(error.to_string().starts_with("draws must ")),
            }
            match given().seed() {
                Ok(seed) => prop_assert!(i64::try_from(seed).is_ok()),
                Err(error) => prop_assert!(error.to_string().starts_with("seed must ")),
            }
            let _ = (given().boolean("level"), given().choice("draws", &[("a", 1)]), given().optional_texts("seed"));
        }
    }

    /// An option as `_muster_option` makes it of a value of the type `kind`.
    type Made = (&'static str, &'static str, Option<&'static str>);

    fn input(calls: &[&[Made]]) -> RecordBatch {
        let list = |row: &Made| -> Option<Vec<String>> {
            let inside = row.2.filter(|_| row.1.ends_with(']'))?.trim_matches(['[', ']']);
            Some(inside.split(", ").filter(|text| !text.is_empty()).map(str::to_string).collect())
        };
        let rows: Vec<(Made, Option<Vec<String>>)> =
            calls.iter().flat_map(|call| call.iter().map(|row| (*row, list(row)))).collect();
        let entries = Rows::new()
            .text("name", |row: &(Made, Option<Vec<String>>)| Some(row.0.0))
            .text("kind", |row| Some(row.0.1))
            .text("value", |row| row.0.2)
            .texts("texts", |row| row.1.as_deref());
        let lists = entries.lists(calls.iter().map(|call| call.len()).collect(), &rows).unwrap();
        assert_eq!(lists.data_type(), &kind());
        RecordBatch::try_from_iter([("options", lists)]).unwrap()
    }

    fn options(made: &[Made]) -> Options {
        Options::read(&input(&[made]), 0, 0).unwrap()
    }

    /// One option, a text.
    fn text(name: &str, value: &str) -> Options {
        Options::of(&[(name, Some(value))])
    }

    #[test]
    fn numbers_are_checked() {
        let level = |value| options(&[("level", "DOUBLE", value)]).level();
        assert_eq!(level(Some("0.8")), Ok(0.8));
        for (value, shown) in [(Some("80"), "80"), (Some("nan"), "nan"), (None, "NULL"), (Some("high"), "high")] {
            assert_eq!(level(value).unwrap_err().to_string(), format!("level must lie between 0 and 1, got {shown}"));
        }
        assert_eq!(options(&[]).level().unwrap_err().to_string(), "level must lie between 0 and 1, got NULL");
    }

    #[test]
    fn whole_numbers_booleans_and_choices() {
        assert_eq!(text("draws", "1000.0").draws(1, 5000), Ok(1000));
        assert_eq!(text("seed", "9223372036854775807").seed(), Ok(i64::MAX as u64));
        assert!(text("draws", "2.5").draws(1, 5000).is_err());
        assert!(text("draws", "-3").draws(1, 5000).is_err());
        assert_eq!(text("keep", "true").boolean("keep"), Ok(true));
        assert!(text("keep", "maybe").boolean("keep").is_err());
        let message = text("m", "x").choice("m", &[("a", 1), ("b", 2)]).unwrap_err().to_string();
        assert_eq!(message, "m must be one of 'a', 'b', got 'x'");
    }

    #[test]
    fn lists_are_not_texts() {
        let list = |kind, value| options(&[("words", kind, value)]).optional_texts("words").map_err(|e| e.to_string());
        let given = |words: &[&str]| Ok(Some(words.iter().map(|word| word.to_string()).collect::<Vec<_>>()));
        assert_eq!(list("VARCHAR[]", Some("[a, b]")), given(&["a", "b"]));
        assert_eq!(list("VARCHAR[2]", Some("[a, b]")), given(&["a", "b"]));
        assert_eq!(list("\"NULL\"[]", Some("[]")), given(&[]));
        assert_eq!(list("\"NULL\"", None), Ok(None));
        for (kind, value, shown) in [
            ("INTEGER[]", "[1]", "[1]"),
            ("VARCHAR", "a", "\"a\""),
            ("VARCHAR", "[a]", "\"[a]\""),
            ("BIGINT", "7", "7"),
        ] {
            let message = list(kind, Some(value)).unwrap_err();
            assert_eq!(message, format!("words must be a list of texts without NULL, got {shown}"));
        }
        let null = Given {
            kind: "VARCHAR[]".to_string(),
            value: Some("[a, NULL]".to_string()),
            texts: Some(vec![Some("a".to_string()), None]),
        };
        assert_eq!((null.list(), null.shown().as_str()), (None, "[\"a\",null]"));
    }

    #[test]
    fn names_of_lists_and_lists() {
        let words = |kind, value| options(&[("words", kind, value)]).name_or_list("words", "be words");
        assert_eq!(words("VARCHAR", Some("english")), Ok(Some(NameOrList::Name("english".to_string()))));
        assert_eq!(words("VARCHAR[]", Some("[english]")), Ok(Some(NameOrList::List(vec!["english".to_string()]))));
        assert_eq!(words("VARCHAR", None), Ok(None));
        assert_eq!(words("INTEGER", Some("7")).unwrap_err().to_string(), "words must be words, got 7");
    }

    #[test]
    fn texts() {
        assert_eq!(text("m", "x").required_text("m", "name a model"), Ok("x".to_string()));
        for (given, shown) in [(Some(""), "''"), (None, "NULL")] {
            let message = options(&[("m", "VARCHAR", given)]).required_text("m", "name a model").unwrap_err();
            assert_eq!(message.to_string(), format!("m must name a model, got {shown}"));
        }
        assert_eq!(options(&[("m", "VARCHAR", None)]).optional_text("m", "name a file"), Ok(None));
        assert!(text("m", "").optional_text("m", "name a file").is_err());
    }

    #[test]
    fn function_and_threads_come_with_the_options() {
        let made: &[Made] = &[(FUNCTION, "VARCHAR", Some("f")), (THREADS, "BIGINT", Some("3"))];
        assert_eq!(function(&input(&[made]), 0), Some("f".to_string()));
        assert_eq!(function(&input(&[]), 0), None);
        let options = options(made);
        assert_eq!((options.threads(), options.outside()), (3, Err(OptionError::Closed)), "closed without a word");
        assert_eq!(options.finish(), Ok(()));
        assert_eq!(text("levle", "1").finish().unwrap_err().to_string(), "unknown option levle");
    }

    #[test]
    fn a_closed_database_is_closed() {
        let outside = |value| options(&[(ACCESS, "BOOLEAN", value)]).outside();
        assert_eq!(outside(Some("true")), Ok(()));
        for closed in [Some("false"), Some("TRUE "), None] {
            assert_eq!(outside(closed), Err(OptionError::Closed));
        }
        assert_eq!(options(&[(ACCESS, "BOOLEAN", Some("true"))]).finish(), Ok(()));
    }

    #[test]
    fn calls_are_taken_apart_where_options_change() {
        let a: &[Made] = &[("m", "VARCHAR", Some("x")), ("words", "VARCHAR[]", Some("[a]"))];
        let b: &[Made] = &[("m", "VARCHAR", Some("x")), ("words", "VARCHAR[]", Some("[a, b]"))];
        let c: &[Made] = &[("m", "VARCHAR", None), ("words", "VARCHAR[]", Some("[a]"))];
        let input = input(&[a, a, b, b, b, c, a]);
        assert_eq!(runs(&input, 0), [0..2, 2..5, 5..6, 6..7]);
        let key = |call| Options::read(&input, 0, call).unwrap().key();
        assert_eq!(key(0), key(6));
        assert!(key(0) != key(2) && key(0) != key(5));
    }
}
