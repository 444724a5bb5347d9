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
//! * Compatibility forms, composed letters and typographic twins are one, and what nobody sees is taken out ([`form`]).
//! * Letters are folded by Unicode's simple case folding (the tables of the regex crate), and ß and ẞ are ss as in full
//!   folding: Straße is STRASSE. What else full folding says in several letters is decomposed before. Final and other
//!   sigma are one letter.
//! * A run of white space and hyphens (White_Space, zero-width space, and the dashes Pd) is one space. Runs at the ends of
//!   a term are left out.
//! * Where the term begins or ends with a word character (\w: letters, marks, digits, connectors, joiners), its neighbour in
//!   the text must not be one of the same word. Where it begins or ends with another, as .NET and C++ do, any neighbour
//!   will do.
//! * Two word characters belong to one word unless a script that writes no spaces has one of them, or they are letters of
//!   two scripts ([`Script`]): 学習 is found in 機械学習研究, Python in Python開発 and in Python을, but not in Pythonic. Digits,
//!   connectors and joiners go with the letters before them, and no mark is cut from its letter.
//!
//! A term that begins with `exact:` is compared letter by letter: of what nobody sees only soft hyphens, word joiners and
//! byte order marks are taken out, the other forms are different, ẞ is ß and not ss, as in regular expressions, and any two word
//! characters belong to one word.
//!
//! A term that begins with `regex:` is a regular expression of the regex crate instead. It sees the text as it is, ignores
//! case, and finds parts of words unless it says \b. Such expressions take time in proportion to the text; one that
//! compiles to more than [`EXPRESSION_BYTES`] is refused.
//!
//! All plain terms of all filters are looked for at once, those that begin with a letter of ASCII at the beginnings of words
//! only ([`Starts`]) and the others by an automaton (Aho and Corasick 1975), until every answer is settled. Expressions are
//! tried only where the plain terms leave the answer open.

use super::form::{is_settled, small};
use super::script::{Script, ranges};
use super::starts::{Starts, gathered};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

/// Prefix that marks a term as a regular expression.
const MARK: &str = "regex:";

/// Prefix of a term that is compared letter by letter.
const EXACT: &str = "exact:";

/// Maximum size of a compiled regular expression, in bytes.
const EXPRESSION_BYTES: usize = 1 << 20;

/// Maximum size of the description of a call's filters, in bytes: every row of a vector of texts carries it.
const DESCRIPTION_BYTES: usize = 1 << 19;

/// Maximum number of regular expressions of a call: each may take [`EXPRESSION_BYTES`].
const EXPRESSIONS: usize = 1000;

/// Maximum number of bytes of terms whose automaton is a table, which is faster and takes some hundred bytes a byte.
const TABLE_BYTES: usize = 1 << 16;

/// Number of bytes that are brought to their form together.
const CHUNK: usize = 16;

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

/// Properties of a character.
#[derive(Debug, Clone, Copy)]
struct Letter {
    folded: char,
    role: Role,
    script: Script,
    is_mark: bool,
    /// Whether it is its own form wherever it stands.
    is_settled: bool,
}

/// Table of every character below `Letters::END`, where all letters with cases and all gaps lie; others are looked at one
/// by one.
struct Letters {
    table: Vec<Letter>,
    /// Forms of the characters of one byte: small letters, a space for gaps.
    ascii: [u8; 128],
}

impl Letters {
    const END: u32 = 0x20000;

    fn get() -> &'static Letters {
        static LETTERS: OnceLock<Letters> = OnceLock::new();
        LETTERS.get_or_init(|| {
            let entry = |(code, script)| {
                let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                Letter { folded: fold(c), role: role(c), script, is_mark: false, is_settled: is_settled(c) }
            };
            let mut table: Vec<Letter> = (0..Letters::END).zip(Script::table(Letters::END)).map(entry).collect();
            for (first, last) in ranges(r"\p{M}") {
                for code in first..=last.min(Letters::END - 1) {
                    table[code as usize].is_mark = true;
                }
            }
            let ascii = std::array::from_fn(|code| match table[code].role {
                Role::Gap => b' ',
                _ => table[code].folded as u8,
            });
            Letters { table, ascii }
        })
    }

    fn of(&self, c: char) -> Letter {
        match self.table.get(c as usize) {
            Some(&letter) => letter,
            // ideographs, and invisible marks that vary them
            None => {
                let is_mark = c >= '\u{e0100}';
                let script = if is_mark { Script::Common } else { Script::Unspaced };
                Letter { folded: c, role: role(c), script, is_mark, is_settled: false }
            }
        }
    }

    /// Writes the form in which terms are looked for in a text, as UTF-8, into `out`.
    fn normalise(&self, bytes: &[u8], reading: Reading, out: &mut Vec<u8>) {
        out.clear();
        out.resize(room(bytes.len()), 0);
        let (mut read, mut to) = (0, Written::default());
        // where the next chunk begins that may be of ASCII
        let mut next = 0;
        while read < bytes.len() {
            if read >= next
                && let Some(chunk) = bytes[read..].first_chunk()
                && let Some(form) = out[to.bytes..].first_chunk_mut()
            {
                next = read + CHUNK;
                if let Some(gaps) = simple(chunk, form) {
                    let repeated = gaps & (gaps << 1 | u64::from(to.gap));
                    to.bytes += squeeze(&mut out[to.bytes..], repeated);
                    to.gap = gaps >> (CHUNK - 1) == 1;
                    read = next;
                    continue;
                }
            }
            let byte = bytes[read];
            if byte < 0x80 {
                // most of the rest: without a branch
                let form = self.ascii[byte as usize];
                out[to.bytes] = form;
                to.bytes += usize::from(!(to.gap && form == b' '));
                to.gap = form == b' ';
                read += 1;
                continue;
            }
            let others = bytes[read..].iter().position(u8::is_ascii).unwrap_or(bytes.len() - read);
            let mut run = readable(&bytes[read..read + others]);
            if reading == Reading::Letters || run.chars().all(|c| self.of(c).is_settled) {
                run.chars().for_each(|c| self.write(c, reading, out, &mut to));
            } else {
                // a mark may go on the character before
                if read > 0 && self.ascii[usize::from(bytes[read - 1])] != b' ' {
                    run = readable(&bytes[read - 1..read + others]);
                    to.bytes -= 1;
                }
                let run = small(&run);
                let wanted = to.bytes + room(run.len()) + room(bytes.len() - read - others);
                out.resize(out.len().max(wanted), 0);
                run.chars().for_each(|c| self.write(c, reading, out, &mut to));
            }
            read += others;
        }
        out.truncate(to.bytes);
    }

    fn write(&self, c: char, reading: Reading, out: &mut [u8], to: &mut Written) {
        let Letter { folded, role, .. } = self.of(c);
        if folded == 'ß' && reading == Reading::Words {
            out[to.bytes..to.bytes + 2].copy_from_slice(b"ss");
            *to = Written { bytes: to.bytes + 2, gap: false };
            return;
        }
        match role {
            Role::Gap => {
                out[to.bytes] = b' ';
                to.bytes += usize::from(!to.gap);
                to.gap = true;
            }
            Role::Dropped => {}
            Role::Word | Role::Other => {
                to.bytes += folded.encode_utf8(&mut out[to.bytes..]).len();
                to.gap = false;
            }
        }
    }

    fn is_word(&self, c: char) -> bool {
        self.of(c).role == Role::Word
    }

    /// The end of a term as its neighbours see it, from its characters, that one first.
    fn end(&self, mut term: impl Iterator<Item = char> + Clone) -> End {
        let script = self.script(term.clone());
        let first = term.next();
        End {
            is_word: first.is_some_and(|c| self.is_word(c)),
            is_common: first.is_some_and(|c| self.of(c).script == Script::Common),
            script,
        }
    }

    /// Script of a word from its characters: that of the first one that has one.
    fn script(&self, characters: impl Iterator<Item = char>) -> Script {
        let word = characters.take(FARTHEST).map(|c| self.of(c)).take_while(|letter| letter.role == Role::Word);
        word.map(|letter| letter.script).find(|script| *script != Script::Common).unwrap_or(Script::Common)
    }

    /// Whether a term that begins like `end` goes on a word that the bytes before it, which begin anywhere and end with a
    /// character, end with.
    fn goes_on(&self, end: End, before: &[u8], reading: Reading) -> bool {
        let mut back = backwards(before);
        let Some(neighbour) = back.clone().next().map(|c| self.of(c)) else { return false };
        if !end.is_word || neighbour.role != Role::Word {
            return false;
        }
        if reading == Reading::Letters || end.is_common && neighbour.script == Script::Common {
            return true;
        }
        end.script.joins(self.script(&mut back))
    }

    /// Whether the bytes behind a term that ends like `end`, which begin with a character and end anywhere, go on its word.
    fn is_gone_on(&self, end: End, behind: &[u8], reading: Reading) -> bool {
        let first = &behind[..behind.len().min(4)];
        let Some(c) = first.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next()) else { return false };
        let neighbour = self.of(c);
        if !end.is_word || neighbour.role != Role::Word {
            return false;
        }
        reading == Reading::Letters
            || neighbour.is_mark
            || end.is_common && neighbour.script == Script::Common
            || end.script.joins(neighbour.script)
    }
}

/// End of what is written of a form.
#[derive(Default)]
struct Written {
    bytes: usize,
    /// Whether the last character is a gap.
    gap: bool,
}

/// Writes the forms of bytes of ASCII, one by one; a bit for each that is a gap, or nothing where others are among them. Written
/// for the compiler, which takes many bytes at once.
fn simple(bytes: &[u8; CHUNK], form: &mut [u8; CHUNK]) -> Option<u64> {
    let mut gaps = [0; CHUNK];
    let mut is_other = 0;
    for i in 0..CHUNK {
        let byte = bytes[i];
        gaps[i] = u8::from((byte == b' ') | (byte == b'-') | (byte.wrapping_sub(b'\t') < 5));
        form[i] = if gaps[i] == 1 { b' ' } else { byte.to_ascii_lowercase() };
        is_other |= byte >> 7;
    }
    (is_other == 0).then(|| gathered(&gaps))
}

/// Takes the bytes whose bits are set out of the chunk that `form` begins with; how many are left.
fn squeeze(form: &mut [u8], mut left_out: u64) -> usize {
    let mut left = CHUNK;
    while left_out != 0 {
        let at = left_out.ilog2() as usize;
        // a whole chunk, which is faster than the number of bytes that is wanted
        form.copy_within(at + 1..at + 1 + CHUNK, at);
        left_out ^= 1 << at;
        left -= 1;
    }
    left
}

/// Bytes as text, replacement characters in the place of what is none. What stands before a character of ASCII, or behind it, is no
/// part of the same character, so parts of a text that are cut there are those of the whole.
fn readable(bytes: &[u8]) -> Cow<'_, str> {
    // several times as fast as the other where all is text
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Room for the form of so many bytes: a folded character is at most half as long again; and for the write that a gap takes
/// back, or a chunk behind the last one.
fn room(bytes: usize) -> usize {
    bytes + bytes / 2 + 4 + CHUNK
}

/// Number of characters that are looked at to find the script of a digit.
const FARTHEST: usize = 40;

/// The characters of bytes that end with one, the last first.
fn backwards(bytes: &[u8]) -> impl Iterator<Item = char> + Clone {
    let mut end = bytes.len();
    std::iter::from_fn(move || {
        let start = bytes[..end].iter().rposition(|byte| byte & 0xc0 != 0x80)?;
        let c = std::str::from_utf8(&bytes[start..end]).ok()?.chars().next();
        end = start;
        c
    })
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

/// Way to compare plain terms with texts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reading {
    /// As words of their scripts.
    Words,
    /// Letter by letter.
    Letters,
}

/// A term in one of the tables of [`Filters`].
#[derive(Debug, Clone, Copy)]
enum Term {
    Word(usize),
    Exact(usize),
    Expression(usize),
}

/// Condition that some term occurs, or with `wanted` false that none does.
#[derive(Debug)]
struct Clause {
    filter: usize,
    wanted: bool,
    /// Its terms that are expressions.
    expressions: Vec<usize>,
}

/// Clauses that a filter asks for.
#[derive(Debug, Default)]
struct Asked {
    /// Its clauses, by their places among all.
    clauses: Vec<usize>,
    /// Number of them that are wanted.
    wanted: usize,
}

/// First or last character of a plain term.
#[derive(Debug, Clone, Copy)]
struct End {
    is_word: bool,
    /// Whether it is a digit or another character of no script.
    is_common: bool,
    /// Script of it, or of the next letter of its word inside the term.
    script: Script,
}

/// A plain term as it is looked for.
#[derive(Debug)]
struct Sought {
    first: End,
    last: End,
    /// Clauses that it belongs to.
    clauses: Vec<usize>,
}

/// Plain terms that are compared in one way.
#[derive(Debug)]
struct Plain {
    reading: Reading,
    terms: Vec<Sought>,
    /// Terms that are looked for at the beginnings of words, with their places; none where there are none.
    starts: Option<(Starts, Vec<usize>)>,
    /// The other terms.
    others: Option<(AhoCorasick, Vec<usize>)>,
}

impl Plain {
    fn new(terms: &[String], clauses: Vec<Vec<usize>>, reading: Reading) -> Result<Plain, FilterError> {
        let letters = Letters::get();
        let sought = |(term, clauses): (&String, Vec<usize>)| Sought {
            first: letters.end(term.chars()),
            last: letters.end(term.chars().rev()),
            clauses,
        };
        let (starting, others): (Vec<usize>, Vec<usize>) =
            (0..terms.len()).partition(|&place| Starts::takes(&terms[place]));
        let of = |places: &[usize]| places.iter().map(|&place| terms[place].as_str()).collect::<Vec<_>>();
        let many =
            |error: aho_corasick::BuildError| FilterError::ManyTerms { terms: terms.len(), reason: error.to_string() };
        let starts = if starting.is_empty() { None } else { Some(Starts::new(&of(&starting)).map_err(many)?) };
        let automaton = if others.is_empty() { None } else { Some(automaton(&of(&others)).map_err(many)?) };
        Ok(Plain {
            reading,
            terms: terms.iter().zip(clauses).map(sought).collect(),
            starts: starts.map(|starts| (starts, starting)),
            others: automaton.map(|automaton| (automaton, others)),
        })
    }

    /// Tells the verdict which terms occur in a text, given in its form, until it is settled.
    fn find(&self, form: &[u8], verdict: &mut Verdict) {
        if let Some((starts, places)) = &self.starts {
            starts.find(form, |term, start, end| self.meet(places[term], form, start, end, verdict));
        }
        if let Some((automaton, places)) = &self.others
            && verdict.open > 0
        {
            for hit in automaton.find_overlapping_iter(form) {
                if self.meet(places[hit.pattern().as_usize()], form, hit.start(), hit.end(), verdict) {
                    return;
                }
            }
        }
    }

    /// A term's letters are there: whether the verdict is settled now.
    fn meet(&self, term: usize, form: &[u8], start: usize, end: usize, verdict: &mut Verdict) -> bool {
        let Sought { first, last, clauses } = &self.terms[term];
        let letters = Letters::get();
        if clauses.iter().any(|&clause| !verdict.holds[clause])
            && !letters.goes_on(*first, &form[..start], self.reading)
            && !letters.is_gone_on(*last, &form[end..], self.reading)
        {
            clauses.iter().for_each(|&clause| verdict.meet(clause));
        }
        verdict.open == 0
    }
}

/// Compiled filters.
#[derive(Debug)]
pub struct Filters {
    /// Annotators in the order of their names, and what each asks for.
    annotators: Vec<String>,
    asked: Vec<Asked>,
    clauses: Vec<Clause>,
    words: Plain,
    exact: Plain,
    expressions: Vec<Regex>,
}

/// Memory in which one thread labels texts, one after the other.
#[derive(Debug, Default)]
pub struct Scratch {
    form: Vec<u8>,
    /// Whether some term of a clause occurs.
    holds: Vec<bool>,
    labels: Vec<Standing>,
}

/// State of a filter's label while a text is read.
#[derive(Debug, Clone, Copy)]
struct Standing {
    /// Number of wanted clauses of which no term has been met.
    missing: usize,
    /// Whether a term has been met that must not be there.
    is_refused: bool,
}

/// State of the labels of a text while it is read.
struct Verdict<'f> {
    filters: &'f Filters,
    holds: &'f mut Vec<bool>,
    labels: &'f mut Vec<Standing>,
    /// Number of filters that another term may still decide.
    open: usize,
}

impl Verdict<'_> {
    fn new<'f>(filters: &'f Filters, holds: &'f mut Vec<bool>, labels: &'f mut Vec<Standing>) -> Verdict<'f> {
        holds.clear();
        holds.resize(filters.clauses.len(), false);
        labels.clear();
        labels.extend(filters.asked.iter().map(|asked| Standing { missing: asked.wanted, is_refused: false }));
        let open = filters.asked.iter().filter(|asked| !asked.clauses.is_empty()).count();
        Verdict { filters, holds, labels, open }
    }

    /// A term of the clause occurs.
    fn meet(&mut self, clause: usize) {
        if std::mem::replace(&mut self.holds[clause], true) {
            return;
        }
        let Clause { filter, wanted, .. } = self.filters.clauses[clause];
        let asked = &self.filters.asked[filter];
        let label = &mut self.labels[filter];
        let was_open = label.is_open(asked);
        if wanted {
            label.missing -= 1;
        } else {
            label.is_refused = true;
        }
        self.open -= usize::from(was_open && !label.is_open(asked));
    }
}

impl Standing {
    fn is_open(self, asked: &Asked) -> bool {
        !self.is_refused && (self.missing > 0 || asked.wanted < asked.clauses.len())
    }
}

/// Terms of all filters while they are read, each distinct one once.
#[derive(Default)]
struct Terms {
    words: Vec<String>,
    exact: Vec<String>,
    expressions: Vec<Regex>,
    known: HashMap<String, Term>,
}

impl Terms {
    /// The place of a term, which is added where it is new.
    fn add(&mut self, annotator: &str, field: &'static str, term: &str) -> Result<Term, FilterError> {
        let annotator = annotator.to_string();
        if let Some(source) = term.strip_prefix(MARK) {
            if source.trim().is_empty() {
                return Err(FilterError::EmptyTerm { annotator, field, term: term.to_string() });
            }
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
        let (exact, written) = match term.strip_prefix(EXACT) {
            Some(written) => (true, written),
            None => (false, term),
        };
        let mut form = Vec::new();
        Letters::get().normalise(written.as_bytes(), if exact { Reading::Letters } else { Reading::Words }, &mut form);
        let form = String::from_utf8_lossy(form.trim_ascii()).into_owned();
        if form.is_empty() {
            return Err(FilterError::EmptyTerm { annotator, field, term: term.to_string() });
        }
        // a form begins with no white space: none is a term that is a regular expression, or one of the other reading
        let key = if exact { format!("  {form}") } else { format!(" {form}") };
        let Terms { words, exact: letters, known, .. } = self;
        Ok(*known.entry(key).or_insert_with(|| {
            let terms = if exact { letters } else { words };
            terms.push(form);
            let place = terms.len() - 1;
            if exact { Term::Exact(place) } else { Term::Word(place) }
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

/// Terms of which one must occur, or none: whether it must.
type List = (Vec<Term>, bool);

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
        let mut named: Vec<(String, Vec<List>)> = Vec::with_capacity(rows.len());
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
        let mut annotators = Vec::with_capacity(named.len());
        let (mut asked, mut clauses) = (Vec::with_capacity(named.len()), Vec::new());
        let mut words = vec![Vec::new(); terms.words.len()];
        let mut exact = vec![Vec::new(); terms.exact.len()];
        for (filter, (annotator, lists)) in named.into_iter().enumerate() {
            annotators.push(annotator);
            let mut asks = Asked::default();
            for (list, wanted) in lists {
                let place = clauses.len();
                let mut clause = Clause { filter, wanted, expressions: Vec::new() };
                for term in list {
                    match term {
                        Term::Word(term) => words[term].push(place),
                        Term::Exact(term) => exact[term].push(place),
                        Term::Expression(term) => clause.expressions.push(term),
                    }
                }
                clauses.push(clause);
                asks.clauses.push(place);
                asks.wanted += usize::from(wanted);
            }
            asked.push(asks);
        }
        Ok(Filters {
            annotators,
            asked,
            clauses,
            words: Plain::new(&terms.words, words, Reading::Words)?,
            exact: Plain::new(&terms.exact, exact, Reading::Letters)?,
            expressions: terms.expressions,
        })
    }

    /// Annotators whose labels [`Filters::label`] gives, in the order of names.
    pub(crate) fn annotators(&self) -> &[String] {
        &self.annotators
    }

    /// Appends one label an annotator, in their order, to `labels`. Of bytes that are no text replacement characters are read.
    pub fn label(&self, text: &[u8], scratch: &mut Scratch, labels: &mut Vec<bool>) {
        let Scratch { form, holds, labels: standings } = scratch;
        Letters::get().normalise(text, Reading::Words, form);
        if form.is_empty() || form == b" " {
            labels.extend(self.annotators.iter().map(|_| false));
            return;
        }
        let mut verdict = Verdict::new(self, holds, standings);
        self.words.find(form, &mut verdict);
        if verdict.open > 0 && !self.exact.terms.is_empty() {
            Letters::get().normalise(text, Reading::Letters, form);
            self.exact.find(form, &mut verdict);
        }
        if verdict.open > 0 && !self.expressions.is_empty() {
            self.match_expressions(&readable(text), &mut verdict);
        }
        labels.extend(standings.iter().map(|label| label.missing == 0 && !label.is_refused));
    }

    /// Tries expressions where the plain terms have left a label open.
    fn match_expressions(&self, text: &str, verdict: &mut Verdict) {
        for (filter, asked) in self.asked.iter().enumerate() {
            for &place in &asked.clauses {
                let clause = &self.clauses[place];
                if verdict.holds[place] || !verdict.labels[filter].is_open(asked) {
                    continue;
                }
                if clause.expressions.iter().any(|&term| self.expressions[term].is_match(text)) {
                    verdict.meet(place);
                } else if clause.wanted {
                    break;
                }
            }
        }
    }
}

/// The automaton of terms.
fn automaton(terms: &[&str]) -> Result<AhoCorasick, aho_corasick::BuildError> {
    let bytes: usize = terms.iter().map(|term| term.len()).sum();
    let kind = if bytes > TABLE_BYTES { AhoCorasickKind::ContiguousNFA } else { AhoCorasickKind::DFA };
    AhoCorasick::builder().match_kind(MatchKind::Standard).kind(Some(kind)).build(terms)
}

/// The clauses of one filter, each with whether it is wanted; their terms go into `terms`.
fn read_clauses(
    annotator: &str,
    row: &serde_json::Map<String, Value>,
    terms: &mut Terms,
) -> Result<Vec<List>, FilterError> {
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
            clauses.push((terms, wanted));
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
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// Any term is an error or a filter, whose label is the same for the same text.
        #[test]
        fn any_term_is_read(
            mark in prop::sample::select(&["", "regex:", "exact:"][..]),
            term in r"([a-z()\[\]{}*+?|^$.\\-]|\\[pPbdwWsSxu]|\{[0-9]{1,4}\}|\(\?[iuxs<:=!]|\PC){0,14}",
            text in any::<String>(),
        ) {
            let json = serde_json::json!([{"annotator": "x", "any_of": [format!("{mark}{term}")]}]).to_string();
            if let Ok(filters) = Filters::parse(&json) {
                let mut scratch = Scratch::default();
                let mut label = || {
                    let mut labels = Vec::new();
                    filters.label(text.as_bytes(), &mut scratch, &mut labels);
                    labels
                };
                let first = label();
                prop_assert_eq!(first.len(), 1);
                prop_assert_eq!(label(), first);
            }
        }

        /// The labels of all plain terms by an automaton over the whole form, and the form by single characters.
        #[test]
        fn labels_by_looking_everywhere(
            terms in prop::collection::vec("(exact:)?[aB机é.0_][ab C机é+\\-0.]{0,4}", 1..5),
            text in "(([aAbB机éc+.0_-]|\u{301}|\u{ad}|  ?|\n\n){1,6} ){0,12}",
        ) {
            let row = |term: &String| serde_json::json!({"annotator": term, "any_of": [term]});
            let distinct: std::collections::BTreeSet<&String> = terms.iter().collect();
            let one = serde_json::json!({
                "annotator": "\u{10ffff}", "all_of": [distinct.iter().take(1).collect::<Vec<_>>()], "none_of": distinct.iter().skip(1).collect::<Vec<_>>()
            });
            let json = serde_json::json!(distinct.iter().map(|term| row(term)).chain([one]).collect::<Vec<_>>()).to_string();
            let expected: Vec<bool> = distinct.iter().map(|term| occurs(term, &text)).collect();
            let last = !blank(&text) && expected[0] && !expected[1..].contains(&true);
            prop_assert_eq!(label(&json, &text), [expected, vec![last]].concat());
        }

        /// The form of chunks is that of single characters.
        #[test]
        fn forms_character_by_character(
            text in "([aB1.,\\x00-\\x7f]{1,20}|[ \\t\\n-]{0,3}|[ßẞéİΣ機\u{301}\u{ad}\u{a0}\u{2013}ＡﬁΑ]{0,3}|\\PC){0,24}",
        ) {
            let mut form = Vec::new();
            for reading in [Reading::Words, Reading::Letters] {
                Letters::get().normalise(text.as_bytes(), reading, &mut form);
                let expected = slow_form(&text, reading);
                prop_assert_eq!(String::from_utf8_lossy(&form), String::from_utf8_lossy(&expected));
            }
        }

        /// Bytes of a text with some of them changed are read as the whole with its replacement characters.
        #[test]
        fn bytes_that_are_no_text(
            parts in prop::collection::vec(prop::sample::select(&["a", "B ", "é", "機", "\u{301}", "- "][..]), 0..40),
            changed in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        ) {
            let mut bytes = parts.concat().into_bytes();
            for (place, byte) in changed {
                if !bytes.is_empty() {
                    let place = place.index(bytes.len());
                    bytes[place] = byte;
                }
            }
            let mut form = Vec::new();
            Letters::get().normalise(&bytes, Reading::Words, &mut form);
            let expected = slow_form(&String::from_utf8_lossy(&bytes), Reading::Words);
            prop_assert_eq!(String::from_utf8_lossy(&form), String::from_utf8_lossy(&expected));
        }

        #[test]
        fn any_json_is_read(json in r#"([\[\]{},:]|"(annotator|any_of|all_of|none_of|[a-z]{0,2})"|null|1|\PC){0,20}"#) {
            let _ = Filters::parse(&json);
        }
    }

    #[test]
    fn terms_of_any_length_are_found() {
        for length in [3, 199, 200, 201, 5000] {
            let term = "ab".repeat(length)[..length].to_string();
            let json = serde_json::json!([{"annotator": "x", "any_of": [&term]}]).to_string();
            for (text, expected) in
                [(format!("of {term}, say"), true), (format!("of {term}c"), false), (format!("of c{term}"), false)]
            {
                assert_eq!(label(&json, &text), [expected], "{length}");
            }
        }
    }

    /// The form of a text, character by character.
    fn slow_form(text: &str, reading: Reading) -> Vec<u8> {
        let letters = Letters::get();
        let text = if reading == Reading::Letters { text.to_string() } else { small(text) };
        let (mut out, mut to) = (vec![0; room(text.len())], Written::default());
        text.chars().for_each(|c| letters.write(c, reading, &mut out, &mut to));
        out.truncate(to.bytes);
        out
    }

    fn blank(text: &str) -> bool {
        matches!(&slow_form(text, Reading::Words)[..], b"" | b" ")
    }

    /// Whether a plain term occurs, by comparing it with every place of the text.
    fn occurs(term: &str, text: &str) -> bool {
        let (written, reading) = match term.strip_prefix(EXACT) {
            Some(written) => (written, Reading::Letters),
            None => (term, Reading::Words),
        };
        let letters = Letters::get();
        let sought = String::from_utf8(slow_form(written, reading).trim_ascii().to_vec()).unwrap();
        let (first, last) = (letters.end(sought.chars()), letters.end(sought.chars().rev()));
        let form = slow_form(text, reading);
        !blank(text)
            && (0..form.len()).filter(|&start| form[start..].starts_with(sought.as_bytes())).any(|start| {
                !letters.goes_on(first, &form[..start], reading)
                    && !letters.is_gone_on(last, &form[start + sought.len()..], reading)
            })
    }

    /// Bytes that are brought to their form together are so one by one.
    #[test]
    fn simple_forms_are_those_of_the_table() {
        let ascii = &Letters::get().ascii;
        for byte in 0..=255 {
            for place in 0..CHUNK {
                let (mut bytes, mut form, mut expected) = ([b'x'; CHUNK], [0; CHUNK], [b'x'; CHUNK]);
                bytes[place] = byte;
                let gaps = simple(&bytes, &mut form);
                match ascii.get(usize::from(byte)) {
                    Some(small) => {
                        expected[place] = *small;
                        assert_eq!((gaps, form), (Some(u64::from(*small == b' ') << place), expected), "{byte}");
                    }
                    None => assert_eq!(gaps, None, "{byte}"),
                }
            }
        }
    }

    #[test]
    fn bytes_are_taken_out_of_a_chunk() {
        let all: Vec<u8> = (0..2 * CHUNK as u8 + 1).collect();
        for left_out in 0..1_u64 << CHUNK {
            let mut form = all.clone();
            let left = squeeze(&mut form, left_out);
            let expected = all[..CHUNK].iter().filter(|byte| left_out >> **byte & 1 == 0);
            assert!(form[..left].iter().eq(expected), "{left_out:b}");
        }
    }

    fn label(json: &str, text: &str) -> Vec<bool> {
        let mut labels = Vec::new();
        Filters::parse(json).unwrap().label(text.as_bytes(), &mut Scratch::default(), &mut labels);
        labels
    }

    /// The filter with its plain terms compared letter by letter.
    fn exact(filter: &Value) -> Value {
        match filter {
            Value::String(term) if !term.starts_with(MARK) => Value::String(format!("{EXACT}{term}")),
            Value::Array(terms) => Value::Array(terms.iter().map(exact).collect()),
            Value::Object(fields) => {
                let field = |(name, value): (&String, &Value)| {
                    (name.clone(), if name == "annotator" { value.clone() } else { exact(value) })
                };
                Value::Object(fields.iter().map(field).collect())
            }
            other => other.clone(),
        }
    }

    #[test]
    fn the_oracles_labels() {
        let oracle = crate::oracle("keyword_filter.json");
        let mut scratch = Scratch::default();
        let mut checked = 0;
        for case in oracle["cases"].as_array().unwrap() {
            let filters = Filters::parse(&format!("[{}]", exact(&case["filter"]))).unwrap();
            let texts = case["texts"].as_array().unwrap();
            for (text, expected) in texts.iter().zip(case["labels"].as_array().unwrap()) {
                // NULL is the macro's business
                let Some(text) = text.as_str() else { continue };
                let mut labels = Vec::new();
                filters.label(text.as_bytes(), &mut scratch, &mut labels);
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
            same.entry(letters.of(c).folded).or_default().push(c);
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
            assert_eq!(letters.of(pair.0).folded, letters.of(pair.1).folded, "{pair:?}");
        }
        for pair in [('İ', 'i'), ('ı', 'i'), ('é', 'e')] {
            assert_ne!(letters.of(pair.0).folded, letters.of(pair.1).folded, "{pair:?}");
        }
    }

    /// A letter that is written as it stands folds as the form of its small letter does.
    #[test]
    fn settled_letters_fold_as_their_forms_do() {
        let letters = Letters::get();
        let is_settled = |c: &char| letters.of(*c).is_settled && letters.of(*c).role == Role::Word;
        for c in ('\0'..=char::MAX).filter(is_settled) {
            let form: Vec<char> = small(&c.to_string()).chars().map(|c| letters.of(c).folded).collect();
            assert_eq!(form, [letters.of(c).folded], "{:x}", c as u32);
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

    /// (term, texts that have it, texts that do not)
    fn check(cases: &[(&str, &[&str], &[&str])]) {
        for (term, yes, no) in cases {
            let json = serde_json::json!([{"annotator": "x", "any_of": [term]}]).to_string();
            yes.iter().for_each(|text| assert_eq!(label(&json, text), [true], "{term} in {text}"));
            no.iter().for_each(|text| assert_eq!(label(&json, text), [false], "{term} in {text}"));
        }
    }

    #[test]
    fn words_end_where_their_script_ends_them() {
        check(&[
            ("机器学习", &["我在谷歌从事机器学习研究工作", "机器学习", "AI机器学习2020"], &["机器 学习"]),
            (
                "Python",
                &["Python開発経験5年", "経験:Python。", "Pythonを3年", "Python을", "ภาษาpythonและ"],
                &["Pythonic", "Python3年"],
            ),
            ("PyTorch", &["PyTorchを使って", "用PyTorch训练"], &["PyTorch2を"]),
            ("Python3", &["Python3を", "Python3은"], &["Python38を", "xPython3"]),
            ("5年", &["Python開発経験5年", "5年間"], &["15年"]),
            ("開発", &["Python開発経験", "2020開発", "開発2020", "開発x"], &[]),
            ("データ", &["ビッグデータ分析"], &["デタ"]),
            ("ภาษา", &["เรียนภาษาไทย"], &[]),
            // no mark is cut off
            ("กา", &["การ"], &["กาํ"]),
            // scripts that write spaces
            ("머신", &["머신 러닝", "AI머신", "머신AI"], &["머신러닝", "머신2"]),
            ("한국", &["Python3한국"], &["2한국"]),
            ("лог", &["log лог", "logлог"], &["лога", "блог"]),
            ("हिन्", &[], &["हिन्दी"]),
            ("μ", &["5 μ", "μ,"], &["αμ", "5μ", "μm"]),
            ("3D", &["한국3D", "用3D技术"], &["한국33D", "3Dx"]),
            ("C++", &["精通C++编程"], &["精通C+编程"]),
            // letter by letter
            ("exact:机器学习", &["机器学习", "从事 机器学习"], &["我在谷歌从事机器学习研究工作"]),
            ("exact:Python", &["Python!"], &["Python開発"]),
            ("exact:python", &["PYTHON"], &[]),
        ]);
    }

    #[test]
    fn what_looks_the_same_is_the_same() {
        check(&[
            (
                "Master's degree",
                &["a Master’s degree", "MASTER‘S, master´s degree", "Masterʼs‑degree"],
                &["Masters degree"],
            ),
            ("master’s degree", &["Master's Degree"], &[]),
            (
                "AI",
                &["ＡＩ", "（ＡＩ）", "𝐀𝐈", "AI™", "AI²", "①AI", "A\u{ad}I", "\u{200e}AI\u{200f}"],
                &["ＡＩＳ", "xＡＩ"],
            ),
            ("ＡＩ", &["ai"], &[]),
            ("finance", &["ﬁnance", "ＦＩＮＡＮＣＥ"], &["reﬁnance"]),
            ("café", &["cafe\u{301}", "CAFE\u{301}", "Café"], &["cafe"]),
            ("cafe", &["cafe"], &["cafe\u{301}", "café"]),
            ("e", &["e"], &["e\u{ad}\u{301}"]),
            ("R&D", &["Ｒ＆Ｄ", "r﹠d"], &[]),
            ("データ", &["ﾃﾞｰﾀ分析"], &[]),
            ("machine learning", &["machine−learning", "ｍａｃｈｉｎｅ　ｌｅａｒｎｉｎｇ"], &[]),
            ("İzmir", &["İZMIR", "i\u{307}zmir", "I\u{307}zmir"], &["izmir"]),
            ("한국", &["\u{1112}\u{1161}\u{11ab}국"], &[]),
            ("Straße", &["STRASSE", "STRAßE", "STRAẞE", "Strasse", "strasſe"], &["Strase", "Straßen"]),
            ("strasse", &["Straße", "STRASSE"], &["straxe"]),
            ("ß", &["SS", "ẞ"], &["s", "aß", "ssa"]),
            ("exact:Straße", &["Straße"], &["STRASSE", "Strasse"]),
            ("regex:^Straße$", &["STRAẞE"], &["STRASSE"]),
            ("exact:cafe", &["cafe"], &["cafe\u{301}"]),
            ("exact:AI", &["AI"], &["ＡＩ"]),
        ]);
        // the form of one character may be many times as long
        let json = r#"[{"annotator":"x","any_of":["end"]}]"#;
        assert_eq!(label(json, &("\u{fdfa}".repeat(1000) + " Straße" + &"ẞ".repeat(1000) + " end")), [true]);
    }

    /// A digit far behind its letter costs no time.
    #[test]
    fn long_runs_of_digits() {
        let text = "한".to_string() + &"1한".repeat(3) + &"1".repeat(1_000_000) + &"7x".repeat(100_000);
        check(&[("x", &[], &[&text])]);
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
                b"Senior machine-learning engineers and machine learning engineer",
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
            (r#"[{"annotator":"x","any_of":["regex:"]}]"#, "white space and hyphens, got 'regex:' in any_of of 'x'"),
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
