//! Keyword filters: annotators that say yes where a text has the right words and none of the wrong ones.
//!
//! A filter is a conjunction of clauses over terms:
//!
//!   (some term of any_of) and (for each entry of all_of: it, or if it is a list some term of it) and (no term of none_of)
//!
//! where an absent or empty list asks for nothing. A text of nothing but white space and hyphens is never a yes.
//!
//! A term occurs in a text where both, brought to the same form, agree and the term is not part of a longer word:
//!
//! * Letters are folded by Unicode's simple case folding (the tables of the regex crate, so both kinds of terms agree):
//!   one character stands for one. Final and other sigma are one letter, the Kelvin sign is a k, and ẞ is ß; but ß is
//!   not ss, İ is not i and a ligature is not its letters, which only full folding would say.
//! * A run of white space and hyphens (White_Space, zero-width space, and the dashes Pd) is one space. Runs at the ends of
//!   a term are left out. Soft hyphens, word joiners and byte order marks are taken out.
//! * Where the term begins or ends with a word character (\w: letters, marks, digits, connectors, joiners), its neighbour in
//!   the text must not be one. Where it begins or ends with another, as .NET and C++ do, any neighbour will do.
//!
//! Composed and decomposed letters are different. A term that begins with `regex:` is a regular expression of the regex
//! crate instead. It sees the text as it is, ignores case, and finds parts of words unless it says \b. Such expressions
//! take time in proportion to the text; one that compiles to more than [`EXPRESSION_BYTES`] is refused.
//!
//! All plain terms of all filters are looked for at once (Aho and Corasick 1975); expressions are tried only where the
//! plain terms leave the answer open.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::OnceLock;

/// Prefix that marks a term as a regular expression.
const MARK: &str = "regex:";

/// Maximum size of a compiled regular expression, in bytes.
const EXPRESSION_BYTES: usize = 1 << 20;

/// Maximum size of the description of a call's filters, in bytes: every row of a vector of texts carries it.
const DESCRIPTION_BYTES: usize = 1 << 19;

/// Maximum number of regular expressions of a call: each may take [`EXPRESSION_BYTES`].
const EXPRESSIONS: usize = 1000;

/// Maximum number of bytes of terms whose automaton is a table, which is faster and takes some hundred bytes a byte.
const TABLE_BYTES: usize = 1 << 16;

const FIELDS: [&str; 4] = ["annotator", "any_of", "all_of", "none_of"];

/// Reason why filters cannot be used. Displays as `filters must …, got value`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FilterError {
    #[error("filters must be a list of structs {{annotator, any_of, all_of, none_of}}, got {0}")]
    NotFilters(String),
    #[error("filters must hold at least one filter, got none")]
    Empty,
    #[error("filters must take at most {DESCRIPTION_BYTES} bytes as JSON, got {0}")]
    TooLong(usize),
    #[error("filters must have the fields annotator, any_of, all_of, none_of and no others, got {0}")]
    UnknownField(String),
    #[error("filters must each have an annotator's name, got {0}")]
    NoAnnotator(String),
    #[error("filters must have different annotators, got '{0}' twice")]
    SameAnnotator(String),
    #[error("filters must have a list of terms in {field}, got {value} for '{annotator}'")]
    NotTerms { annotator: String, field: &'static str, value: String },
    #[error("filters must not hold NULL terms, got one in {field} of '{annotator}'")]
    NullTerm { annotator: String, field: &'static str },
    #[error(
        "filters must have terms that are more than white space and hyphens, got '{term}' in {field} of '{annotator}'"
    )]
    EmptyTerm { annotator: String, field: &'static str, term: String },
    #[error("filters must have valid regular expressions, got '{term}' in {field} of '{annotator}': {reason}")]
    Expression { annotator: String, field: &'static str, term: String, reason: String },
    #[error("filters must have at most {EXPRESSIONS} regular expressions, got more")]
    ManyExpressions,
    #[error("filters must have fewer terms, got {terms}: {reason}")]
    ManyTerms { terms: usize, reason: String },
}

/// Role of a character in the form that texts are brought to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Role {
    Word,
    Gap,
    Dropped,
    Other,
}

/// Table of the case folding and the role of every character below `Letters::END`, where all letters with cases and all
/// gaps lie; others are looked at one by one.
struct Letters {
    table: Vec<(char, Role)>,
    /// Forms of the characters of one byte: small letters, a space for gaps.
    ascii: [u8; 128],
}

impl Letters {
    const END: u32 = 0x20000;

    fn get() -> &'static Letters {
        static LETTERS: OnceLock<Letters> = OnceLock::new();
        LETTERS.get_or_init(|| {
            let entry = |code| {
                let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                (fold(c), role(c))
            };
            let table: Vec<(char, Role)> = (0..Letters::END).map(entry).collect();
            let ascii = std::array::from_fn(|code| match table[code] {
                (_, Role::Gap) => b' ',
                (folded, _) => folded as u8,
            });
            Letters { table, ascii }
        })
    }

    fn of(&self, c: char) -> (char, Role) {
        match self.table.get(c as usize) {
            Some(&entry) => entry,
            None => (c, role(c)),
        }
    }

    /// Writes the form in which terms are looked for in a text, as UTF-8, into `out`.
    fn normalise(&self, text: &str, out: &mut Vec<u8>) {
        let bytes = text.as_bytes();
        out.clear();
        // a folded character is at most half as long again; one more for the write that a gap takes back
        out.resize(bytes.len() + bytes.len() / 2 + 4, 0);
        let (mut read, mut written, mut gap) = (0, 0, false);
        while read < bytes.len() {
            let byte = bytes[read];
            if byte < 0x80 {
                // most of most texts: without a branch
                let form = self.ascii[byte as usize];
                out[written] = form;
                written += usize::from(!(gap && form == b' '));
                gap = form == b' ';
                read += 1;
                continue;
            }
            let Some(c) = text[read..].chars().next() else { break };
            read += c.len_utf8();
            let (folded, role) = self.of(c);
            match role {
                Role::Gap => {
                    out[written] = b' ';
                    written += usize::from(!gap);
                    gap = true;
                }
                Role::Dropped => {}
                Role::Word | Role::Other => {
                    written += folded.encode_utf8(&mut out[written..]).len();
                    gap = false;
                }
            }
        }
        out.truncate(written);
    }

    /// Whether the last character of the bytes, which begin anywhere and end with a character, is one of a word.
    fn ends_with_word(&self, bytes: &[u8]) -> bool {
        let start = bytes.iter().rposition(|byte| byte & 0xc0 != 0x80).unwrap_or(0);
        self.starts_with_word(&bytes[start..])
    }

    /// Whether the first character of the bytes, which begin with a character and end anywhere, is one of a word.
    fn starts_with_word(&self, bytes: &[u8]) -> bool {
        let first = &bytes[..bytes.len().min(4)];
        self.is_word(first.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next()))
    }

    fn is_word(&self, c: Option<char>) -> bool {
        c.is_some_and(|c| self.of(c).1 == Role::Word)
    }
}

/// Simple case folding: of all letters that differ in case only the small one that is lowest.
fn fold(c: char) -> char {
    let has_cases =
        |c: char| c.is_lowercase() || c.is_uppercase() || !c.to_lowercase().eq([c]) || !c.to_uppercase().eq([c]);
    if c.is_ascii() || !has_cases(c) {
        return c.to_ascii_lowercase();
    }
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
    class.case_fold_simple();
    let same = || class.iter().flat_map(|range| range.start()..=range.end());
    same().find(|c| c.is_lowercase()).or_else(|| same().next()).unwrap_or(c)
}

fn role(c: char) -> Role {
    const DASHES: [char; 27] = [
        '-',
        '\u{58a}',
        '\u{5be}',
        '\u{1400}',
        '\u{1806}',
        '\u{2010}',
        '\u{2011}',
        '\u{2012}',
        '\u{2013}',
        '\u{2014}',
        '\u{2015}',
        '\u{2e17}',
        '\u{2e1a}',
        '\u{2e3a}',
        '\u{2e3b}',
        '\u{2e40}',
        '\u{2e5d}',
        '\u{301c}',
        '\u{3030}',
        '\u{30a0}',
        '\u{fe31}',
        '\u{fe32}',
        '\u{fe58}',
        '\u{fe63}',
        '\u{ff0d}',
        '\u{10d6e}',
        '\u{10ead}',
    ];
    match c {
        '\u{ad}' | '\u{2060}' | '\u{feff}' => Role::Dropped,
        '\u{200b}' => Role::Gap,
        _ if c.is_whitespace() || DASHES.contains(&c) => Role::Gap,
        _ if regex_syntax::is_word_character(c) => Role::Word,
        _ => Role::Other,
    }
}

/// A term in one of the two tables of [`Filters`].
#[derive(Debug, Clone, Copy)]
enum Term {
    Plain(usize),
    Expression(usize),
}

/// Condition that some term occurs, or with `wanted` false that none does.
#[derive(Debug)]
struct Clause {
    terms: Vec<Term>,
    wanted: bool,
}

/// Whether the first and the last character of a plain term are word characters.
#[derive(Debug, Clone, Copy)]
struct Ends {
    first: bool,
    last: bool,
}

/// Compiled filters.
#[derive(Debug)]
pub struct Filters {
    /// Annotators in the order of their names.
    annotators: Vec<String>,
    clauses: Vec<Vec<Clause>>,
    plain: Option<AhoCorasick>,
    ends: Vec<Ends>,
    expressions: Vec<Regex>,
}

/// Memory in which one thread labels texts, one after the other.
#[derive(Debug, Default)]
pub struct Scratch {
    form: Vec<u8>,
    found: Vec<bool>,
}

/// Terms of all filters while they are read, each distinct one once.
#[derive(Default)]
struct Terms {
    plain: Vec<String>,
    expressions: Vec<Regex>,
    known: HashMap<String, Term>,
}

impl Terms {
    /// The place of a term, which is added where it is new.
    fn add(&mut self, annotator: &str, field: &'static str, term: &str) -> Result<Term, FilterError> {
        let annotator = annotator.to_string();
        if let Some(source) = term.strip_prefix(MARK) {
            if let Some(&known) = self.known.get(term) {
                return Ok(known);
            }
            if self.expressions.len() == EXPRESSIONS {
                return Err(FilterError::ManyExpressions);
            }
            let built = RegexBuilder::new(source).case_insensitive(true).size_limit(EXPRESSION_BYTES).build();
            let regex = built.map_err(|error| FilterError::Expression {
                annotator,
                field,
                term: shortened(term),
                reason: reason(&error),
            })?;
            let new = Term::Expression(self.expressions.len());
            self.expressions.push(regex);
            self.known.insert(term.to_string(), new);
            return Ok(new);
        }
        let mut form = Vec::new();
        Letters::get().normalise(term, &mut form);
        let form = String::from_utf8_lossy(form.trim_ascii());
        if form.is_empty() {
            return Err(FilterError::EmptyTerm { annotator, field, term: term.to_string() });
        }
        // the form has no mark: of a term that has one only behind white space it is a term like others
        let key = format!(" {form}");
        let plain = &mut self.plain;
        Ok(*self.known.entry(key).or_insert_with(|| {
            plain.push(form.to_string());
            Term::Plain(plain.len() - 1)
        }))
    }
}

/// The beginning of a long text.
fn shortened(term: &str) -> String {
    const LONGEST: usize = 60;
    let mut short: String = term.chars().take(LONGEST).collect();
    if short.len() < term.len() {
        short.push('…');
    }
    short
}

/// Reason why a regular expression is refused, on one line.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => format!("it compiles to more than {limit} bytes"),
        other => {
            let text = other.to_string();
            let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            last.trim().trim_start_matches("error: ").to_string()
        }
    }
}

impl Filters {
    /// Filters as JSON: `[{"annotator": …, "any_of": […], "all_of": […], "none_of": […]}, …]`.
    ///
    /// An entry of `all_of` is a term or a list of terms; null and absent lists are empty ones.
    ///
    /// # Errors
    ///
    /// For JSON of another form, for terms without a letter, and for more terms than the limits above allow.
    pub fn parse(json: &str) -> Result<Filters, FilterError> {
        if json.len() > DESCRIPTION_BYTES {
            return Err(FilterError::TooLong(json.len()));
        }
        let not_filters = || FilterError::NotFilters(shortened(json).replace("null", "NULL"));
        let Ok(Value::Array(rows)) = serde_json::from_str(json) else { return Err(not_filters()) };
        if rows.is_empty() {
            return Err(FilterError::Empty);
        }
        let mut terms = Terms::default();
        let mut named: Vec<(String, Vec<Clause>)> = Vec::with_capacity(rows.len());
        for row in &rows {
            let Value::Object(row) = row else { return Err(not_filters()) };
            if let Some(field) = row.keys().find(|key| !FIELDS.contains(&key.as_str())) {
                return Err(FilterError::UnknownField(field.clone()));
            }
            let annotator = match row.get("annotator") {
                Some(Value::String(name)) if !name.is_empty() => name.clone(),
                other => return Err(FilterError::NoAnnotator(shown(other.unwrap_or(&Value::Null)))),
            };
            let clauses = read_clauses(&annotator, row, &mut terms)?;
            named.push((annotator, clauses));
        }
        named.sort_by(|(a, _), (b, _)| a.cmp(b));
        if let Some(pair) = named.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(FilterError::SameAnnotator(pair[0].0.clone()));
        }
        let (annotators, clauses) = named.into_iter().unzip();
        let letters = Letters::get();
        let ends = |term: &String| Ends {
            first: letters.is_word(term.chars().next()),
            last: letters.is_word(term.chars().next_back()),
        };
        Ok(Filters {
            annotators,
            clauses,
            ends: terms.plain.iter().map(ends).collect(),
            plain: automaton(&terms.plain)?,
            expressions: terms.expressions,
        })
    }

    /// Annotators whose labels [`Filters::label`] gives, in the order of names.
    pub(crate) fn annotators(&self) -> &[String] {
        &self.annotators
    }

    /// Appends one label an annotator, in their order, to `labels`.
    pub fn label(&self, text: &str, scratch: &mut Scratch, labels: &mut Vec<bool>) {
        let Scratch { form, found } = scratch;
        Letters::get().normalise(text, form);
        if form.is_empty() || form == b" " {
            labels.extend(self.annotators.iter().map(|_| false));
            return;
        }
        found.clear();
        found.resize(self.ends.len(), false);
        self.find(form, found);
        let occurs = |term: &Term| match *term {
            Term::Plain(i) => found[i],
            Term::Expression(i) => self.expressions[i].is_match(text),
        };
        let is_plain = |term: &&Term| matches!(term, Term::Plain(_));
        let any = |terms: &[Term]| {
            terms.iter().filter(is_plain).any(occurs) || terms.iter().filter(|term| !is_plain(term)).any(occurs)
        };
        labels.extend(self.clauses.iter().map(|clauses| clauses.iter().all(|c| any(&c.terms) == c.wanted)));
    }

    /// Marks the plain terms that occur in a text, given in its form.
    fn find(&self, form: &[u8], found: &mut [bool]) {
        let Some(automaton) = &self.plain else { return };
        let letters = Letters::get();
        for hit in automaton.find_overlapping_iter(form) {
            let term = hit.pattern().as_usize();
            if found[term] {
                continue;
            }
            let Ends { first, last } = self.ends[term];
            let inside_left = first && letters.ends_with_word(&form[..hit.start()]);
            let inside_right = last && letters.starts_with_word(&form[hit.end()..]);
            found[term] = !inside_left && !inside_right;
        }
    }
}

/// The automaton of all plain terms; none where there are none.
fn automaton(terms: &[String]) -> Result<Option<AhoCorasick>, FilterError> {
    if terms.is_empty() {
        return Ok(None);
    }
    let bytes: usize = terms.iter().map(String::len).sum();
    let kind = if bytes > TABLE_BYTES { AhoCorasickKind::ContiguousNFA } else { AhoCorasickKind::DFA };
    let built = AhoCorasick::builder().match_kind(MatchKind::Standard).kind(Some(kind)).build(terms);
    built.map(Some).map_err(|error| FilterError::ManyTerms { terms: terms.len(), reason: error.to_string() })
}

/// The clauses of one filter, whose terms go into `terms`.
fn read_clauses(
    annotator: &str,
    row: &serde_json::Map<String, Value>,
    terms: &mut Terms,
) -> Result<Vec<Clause>, FilterError> {
    let mut clauses = Vec::new();
    let entries = |field: &'static str| match row.get(field) {
        None | Some(Value::Null) => Ok(&[][..]),
        Some(Value::Array(entries)) => Ok(entries.as_slice()),
        Some(other) => Err(FilterError::NotTerms { annotator: annotator.to_string(), field, value: shown(other) }),
    };
    let mut term = |field: &'static str, entry: &Value| match entry {
        Value::String(text) => terms.add(annotator, field, text),
        Value::Null => Err(FilterError::NullTerm { annotator: annotator.to_string(), field }),
        other => Err(FilterError::NotTerms { annotator: annotator.to_string(), field, value: shown(other) }),
    };
    let mut clause = |field: &'static str, entries: &[Value], wanted: bool| -> Result<(), FilterError> {
        let terms = entries.iter().map(|entry| term(field, entry)).collect::<Result<Vec<_>, _>>()?;
        if !terms.is_empty() {
            clauses.push(Clause { terms, wanted });
        }
        Ok(())
    };
    clause("any_of", entries("any_of")?, true)?;
    for entry in entries("all_of")? {
        match entry {
            Value::Array(list) => clause("all_of", list, true)?,
            single => clause("all_of", std::slice::from_ref(single), true)?,
        }
    }
    clause("none_of", entries("none_of")?, false)?;
    Ok(clauses)
}

/// JSON value as SQL users write it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_string(),
        Value::String(text) => format!("'{}'", shortened(text)),
        other => shortened(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(json: &str, text: &str) -> Vec<bool> {
        let mut labels = Vec::new();
        Filters::parse(json).unwrap().label(text, &mut Scratch::default(), &mut labels);
        labels
    }

    #[test]
    fn the_oracles_labels() {
        let oracle = crate::oracle("keyword_filter.json");
        let mut scratch = Scratch::default();
        let mut checked = 0;
        for case in oracle["cases"].as_array().unwrap() {
            let filters = Filters::parse(&format!("[{}]", case["filter"])).unwrap();
            let texts = case["texts"].as_array().unwrap();
            for (text, expected) in texts.iter().zip(case["labels"].as_array().unwrap()) {
                // NULL is the macro's business
                let Some(text) = text.as_str() else { continue };
                let mut labels = Vec::new();
                filters.label(text, &mut scratch, &mut labels);
                assert_eq!(labels, [expected.as_bool().unwrap()], "{} in {text:?}", case["filter"]);
                checked += 1;
            }
        }
        assert!(checked > 6000, "{checked}");
    }

    /// `(?i)` of the regex crate folds simply too: every character must be the same to plain terms and to expressions.
    #[test]
    fn plain_terms_fold_as_expressions_do() {
        let letters = Letters::get();
        let mut same: HashMap<char, Vec<char>> = HashMap::new();
        for c in (0..Letters::END).filter_map(char::from_u32) {
            same.entry(letters.of(c).0).or_default().push(c);
        }
        for c in ('\0'..='\u{10ffff}').filter(|c| *c as u32 >= Letters::END) {
            assert!(c.to_lowercase().eq([c]) && c.to_uppercase().eq([c]), "{c:?}");
        }
        same.retain(|_, group| group.len() > 1);
        assert!(same.len() > 1300, "{}", same.len());
        for group in same.values() {
            let mut class = ClassUnicode::new([ClassUnicodeRange::new(group[0], group[0])]);
            class.case_fold_simple();
            let folded: Vec<char> = class.iter().flat_map(|range| range.start()..=range.end()).collect();
            assert_eq!(&folded, group);
        }
        for pair in [('ς', 'Σ'), ('K', 'k'), ('ẞ', 'ß'), ('ſ', 'S'), ('µ', 'Μ')] {
            assert_eq!(letters.of(pair.0).0, letters.of(pair.1).0, "{pair:?}");
        }
        for pair in [('İ', 'i'), ('ı', 'i'), ('é', 'e')] {
            assert_ne!(letters.of(pair.0).0, letters.of(pair.1).0, "{pair:?}");
        }
    }

    #[test]
    fn gaps_are_white_space_and_dashes() {
        let dash = Regex::new(r"^\p{Pd}$").unwrap();
        for c in (0..0x11_0000).filter_map(char::from_u32) {
            let expected = c.is_whitespace() || c == '\u{200b}' || dash.is_match(c.encode_utf8(&mut [0; 4]));
            assert_eq!(role(c) == Role::Gap, expected, "{c:?}");
        }
    }

    #[test]
    fn annotators_come_by_name() {
        let json =
            r#"[{"annotator":"b","any_of":["x"]},{"annotator":"a","none_of":["x"]},{"annotator":"c","any_of":["y"]}]"#;
        assert_eq!(Filters::parse(json).unwrap().annotators(), ["a", "b", "c"]);
        assert_eq!(label(json, "x"), [false, true, false]);
        assert_eq!(label(json, "y"), [true, false, true]);
    }

    /// Terms within terms are all found, whatever others begin or end with the same letters.
    #[test]
    fn terms_overlap() {
        let terms =
            ["machine", "machine learning", "learning", "learning engineer", "machine learning engineer", "engine"];
        for term in terms {
            let others: Vec<String> =
                terms.iter().map(|t| format!(r#"{{"annotator":"{t}","any_of":["{t}"]}}"#)).collect();
            let filters = Filters::parse(&format!("[{}]", others.join(","))).unwrap();
            let mut labels = Vec::new();
            filters.label(
                "Senior machine-learning engineers and machine learning engineer",
                &mut Scratch::default(),
                &mut labels,
            );
            let at = filters.annotators().iter().position(|name| name == term).unwrap();
            assert_eq!(labels[at], term != "engine", "{term}");
        }
    }

    /// Terms beyond the size of the table are found by the other automaton.
    #[test]
    fn many_terms() {
        let terms: Vec<String> = (0..20_000).map(|i| format!("\"term{i}\"")).collect();
        let json = format!(r#"[{{"annotator":"many","any_of":[{}]}}]"#, terms.join(","));
        assert_eq!(label(&json, "a term 7"), [false]);
        assert_eq!(label(&json, "a Term19999, and more"), [true]);
        assert_eq!(label(&json, "term20000 xterm1 term1x"), [false]);
    }

    #[test]
    fn wrong_filters_are_named() {
        let long = format!(r#"[{{"annotator":"x","any_of":["{}"]}}]"#, "a".repeat(DESCRIPTION_BYTES));
        let expressions: Vec<String> = (0..=EXPRESSIONS).map(|i| format!(r#""regex:a{i}""#)).collect();
        let expressions = format!(r#"[{{"annotator":"x","any_of":[{}]}}]"#, expressions.join(","));
        for (json, message) in [
            ("null", "filters must be a list of structs {annotator, any_of, all_of, none_of}, got NULL"),
            (r#"{"annotator":"x"}"#, r#"none_of}, got {"annotator":"x"}"#),
            ("[1]", "none_of}, got [1]"),
            ("[null]", "none_of}, got [NULL]"),
            (&expressions, "filters must have at most 1000 regular expressions, got more"),
            ("[]", "filters must hold at least one filter, got none"),
            (&long, "filters must take at most 524288 bytes as JSON, got 524321"),
            (r#"[{"annotator":"x","anyof":["a"]}]"#, "none_of and no others, got anyof"),
            (r#"[{"any_of":["a"]}]"#, "filters must each have an annotator's name, got NULL"),
            (r#"[{"annotator":null}]"#, "filters must each have an annotator's name, got NULL"),
            (r#"[{"annotator":""}]"#, "filters must each have an annotator's name, got ''"),
            (r#"[{"annotator":7}]"#, "filters must each have an annotator's name, got 7"),
            (r#"[{"annotator":"x"},{"annotator":"y"},{"annotator":"x"}]"#, "different annotators, got 'x' twice"),
            (r#"[{"annotator":"x","any_of":"a"}]"#, "a list of terms in any_of, got 'a' for 'x'"),
            (r#"[{"annotator":"x","any_of":[["a"]]}]"#, r#"a list of terms in any_of, got ["a"] for 'x'"#),
            (r#"[{"annotator":"x","none_of":[3]}]"#, "a list of terms in none_of, got 3 for 'x'"),
            (
                r#"[{"annotator":"x","all_of":[["a",null]]}]"#,
                "filters must not hold NULL terms, got one in all_of of 'x'",
            ),
            (r#"[{"annotator":"x","all_of":[null]}]"#, "filters must not hold NULL terms, got one in all_of of 'x'"),
            (r#"[{"annotator":"x","any_of":["a",""]}]"#, "white space and hyphens, got '' in any_of of 'x'"),
            (r#"[{"annotator":"x","none_of":[" - "]}]"#, "white space and hyphens, got ' - ' in none_of of 'x'"),
            (r#"[{"annotator":"x","any_of":["regex:(a"]}]"#, "got 'regex:(a' in any_of of 'x': unclosed group"),
            (
                r#"[{"annotator":"x","any_of":["regex:a(?=b)"]}]"#,
                "look-around, including look-ahead and look-behind, is not supported",
            ),
            (r#"[{"annotator":"x","any_of":["regex:(a{1000}){1000}"]}]"#, "it compiles to more than 1048576 bytes"),
        ] {
            let error = Filters::parse(json).unwrap_err().to_string();
            assert!(error.contains(message), "{error}\n{message}");
        }
    }

    /// Expressions that take exponential time elsewhere.
    #[test]
    fn expressions_take_linear_time() {
        let json = r#"[{"annotator":"x","any_of":["regex:(a+)+$","regex:(a|aa)*b","regex:(x+x+)+y"]}]"#;
        let text = "a".repeat(200_000) + "!" + &"x".repeat(200_000);
        assert_eq!(label(json, &text), [false]);
    }

    #[test]
    fn a_text_of_100_megabytes() {
        let json = r#"[{"annotator":"x","any_of":["machine learning"],"none_of":["sales"]}]"#;
        let mut text = "lorem ipsum dolor sit amet ".repeat(100_000_000 / 27);
        assert_eq!(label(json, &text), [false]);
        text.push_str("Machine-Learning");
        assert_eq!(label(json, &text), [true]);
    }
}
