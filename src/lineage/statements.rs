//! Statements of a script: the relation that each writes, and queries with the same sources as the statement.

use super::tokens::{Kind, Token, pieces, tokens, unquoted};

/// Maximum depth of brackets in a statement that is read: parsers are recursive.
const DEEPEST: usize = 500;

/// Purpose of the query of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    /// The relations of the query are sources.
    Source,
    /// The value of the query is the name of the file that the next part writes to.
    Target,
    /// The value of the query is that of this variable.
    Variable(String),
    /// The query is the body of a macro with these parameters.
    Macro(Vec<String>),
}

/// Query of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Number of the statement in the script, from 1.
    pub(crate) statement: i64,
    /// Line of the statement in the script, from 1.
    pub(crate) line: i64,
    /// Kind of statement; `None` for a query of its own, which writes to nothing.
    pub(crate) kind: Option<&'static str>,
    /// Relation that the statement writes.
    pub(crate) target: Option<String>,
    pub(crate) role: Role,
    pub(crate) sql: String,
    /// Reason why there is nothing to parse.
    pub(crate) error: Option<String>,
}

/// First words of statements that move no rows from one relation to another.
const WITHOUT_EDGES: &str = "
    abort analyze attach begin call checkpoint comment commit deallocate desc describe detach drop end
    execute explain export force import install load pragma reset rollback show start summarize truncate use vacuum";

/// Queries of all statements of a script.
pub(crate) fn parts(script: &str) -> Vec<Part> {
    let mut all = Vec::new();
    for (number, piece) in pieces(script).into_iter().filter(|piece| !piece.tokens.is_empty()).enumerate() {
        let mut frame = Frame {
            text: piece.text,
            tokens: &piece.tokens,
            with: "",
            statement: number as i64 + 1,
            line: piece.line,
            parts: Vec::new(),
        };
        if piece.tokens.iter().any(|token| token.depth > DEEPEST) {
            frame.fail(None, None, format!("nested more than {DEEPEST} brackets deep"));
        } else {
            frame.statement(0);
        }
        all.extend(frame.parts);
    }
    all
}

/// Statement that is taken apart. Places are numbers of tokens.
struct Frame<'a> {
    text: &'a str,
    tokens: &'a [Token],
    /// Common table expressions before INSERT, UPDATE, DELETE or MERGE.
    with: &'a str,
    statement: i64,
    line: i64,
    parts: Vec<Part>,
}

impl<'a> Frame<'a> {
    fn token(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |t| &self.text[t.start..t.end])
    }

    /// Word at a place in lower case; empty where there is something else.
    fn word(&self, at: usize) -> String {
        match self.tokens.get(at) {
            Some(token) if token.kind == Kind::Word => self.token(at).to_lowercase(),
            _ => String::new(),
        }
    }

    fn is(&self, at: usize, words: &[&str]) -> bool {
        words.contains(&self.word(at).as_str())
    }

    /// Text from one place to before another.
    fn slice(&self, from: usize, to: usize) -> &'a str {
        match (self.tokens.get(from), self.tokens.get(to.wrapping_sub(1))) {
            (Some(first), Some(last)) if from < to => &self.text[first.start..last.end],
            _ => "",
        }
    }

    fn end(&self) -> usize {
        self.tokens.len()
    }

    /// Place of the first of some words outside of brackets, or the end.
    fn find(&self, from: usize, words: &[&str]) -> usize {
        let outside = |at: &usize| self.tokens[*at].depth == 0 && self.is(*at, words);
        (from..self.end()).find(outside).unwrap_or(self.end())
    }

    /// Place behind the bracket that closes the one at a place.
    fn close(&self, at: usize) -> usize {
        let depth = self.tokens.get(at).map_or(0, |t| t.depth);
        let closing = |i: &usize| self.tokens[*i].depth == depth && matches!(self.token(*i), ")" | "]" | "}");
        (at + 1..self.end()).find(closing).map_or(self.end(), |i| i + 1)
    }

    /// Name that may be qualified, and the place behind it.
    fn name(&self, at: usize) -> Option<(String, usize)> {
        let (mut words, mut at) = (Vec::new(), at);
        loop {
            match self.tokens.get(at)?.kind {
                Kind::Word | Kind::Quoted | Kind::Text => words.push(unquoted(self.token(at))),
                _ => return None,
            }
            at += 1;
            if self.token(at) != "." {
                return Some((relation_name(&words), at));
            }
            at += 1;
        }
    }

    /// First place from `at` on with none of some words.
    fn skip(&self, at: usize, words: &[&str]) -> usize {
        (at..self.end()).find(|i| !self.is(*i, words)).unwrap_or(self.end())
    }

    /// Adds a part.
    fn add(&mut self, kind: Option<&'static str>, target: Option<&str>, role: Role, sql: String) {
        let target = target.map(str::to_string);
        let sql = without_pivots(&sql);
        self.parts.push(Part { statement: self.statement, line: self.line, kind, target, role, sql, error: None });
    }

    /// Adds a part whose relations are sources of `target`.
    fn source(&mut self, kind: &'static str, target: &str, sql: String) {
        self.add(Some(kind), Some(target), Role::Source, sql);
    }

    /// Adds a part that says why there is nothing to parse.
    fn fail(&mut self, kind: Option<&'static str>, target: Option<&str>, error: String) {
        self.add(kind, target, Role::Source, "SELECT 1".to_string());
        if let Some(part) = self.parts.last_mut() {
            part.error = Some(error);
        }
    }

    /// Query behind the common table expressions of the statement.
    fn within(&self, query: &str) -> String {
        if self.with.is_empty() { query.to_string() } else { format!("{}\nSELECT * FROM (\n{query}\n)", self.with) }
    }

    fn starts_query(&self, at: usize) -> bool {
        self.is(at, &["select", "from", "with", "values", "table", "pivot", "pivot_wider", "unpivot", "pivot_longer"])
    }

    /// Adds every query in brackets between two places as a part.
    fn subqueries(&mut self, kind: &'static str, target: &str, from: usize, to: usize) {
        let mut at = from;
        while at < to {
            if self.token(at) == "(" && self.starts_query(at + 1) {
                let end = self.close(at);
                self.source(kind, target, self.within(self.slice(at + 1, end - 1)));
                at = end;
            } else {
                at += 1;
            }
        }
    }

    /// Adds the parts of the statement that begins at a place.
    fn statement(&mut self, at: usize) {
        let mut at = at;
        loop {
            at = match self.word(at).as_str() {
                // runs the statement
                "explain" if self.is(at + 1, &["analyze"]) => at + 2,
                "prepare" => self.find(at, &["as"]) + 1,
                _ => break,
            };
        }
        match self.word(at).as_str() {
            "with" => {
                let body = self.behind_with(at);
                if self.is(body, &["insert", "update", "delete", "merge"]) {
                    self.with = self.slice(at, body);
                    self.statement(body);
                } else {
                    self.add(None, None, Role::Source, self.slice(at, self.end()).to_string());
                }
            }
            "create" => self.create(at),
            "insert" => self.insert(at),
            "update" => self.update(at),
            "delete" => self.delete(at),
            "merge" => self.merge(at),
            "copy" => self.copy(at),
            "alter" => self.alter(at),
            "set" if self.is(at + 1, &["variable"]) => {
                let value = self.slice(at + 4, self.end());
                let name = unquoted(self.token(at + 2)).to_lowercase();
                let shown = variable_name(&name);
                self.add(Some("set variable"), Some(&shown), Role::Variable(name), format!("SELECT {value}"));
            }
            "set" => {}
            word if WITHOUT_EDGES.split_whitespace().any(|known| known == word) => {}
            // a query, or what the parser will say is none
            _ => self.add(None, None, Role::Source, self.slice(at, self.end()).to_string()),
        }
    }

    /// Place behind `WITH a AS (…), b(x) AS MATERIALIZED (…)`.
    fn behind_with(&self, at: usize) -> usize {
        let key =
            |at: usize| if self.is(at, &["using"]) && self.is(at + 1, &["key"]) { self.close(at + 2) } else { at };
        let mut at = self.skip(at + 1, &["recursive"]);
        loop {
            at += 1; // the name
            at = if self.token(at) == "(" { self.close(at) } else { at };
            at = key(at);
            if !self.is(at, &["as"]) {
                return at;
            }
            at = self.skip(at + 1, &["not", "materialized"]);
            if self.token(at) != "(" {
                return at;
            }
            at = key(self.close(at));
            if self.token(at) != "," {
                return at;
            }
            at += 1;
        }
    }

    fn create(&mut self, at: usize) {
        const BEFORE: &[&str] = &[
            "or",
            "replace",
            "temp",
            "temporary",
            "local",
            "global",
            "persistent",
            "unlogged",
            "recursive",
            "materialized",
        ];
        let at = self.skip(at + 1, BEFORE);
        let object = self.word(at);
        let kind = match object.as_str() {
            "table" => "create table",
            "view" => "create view",
            "macro" | "function" => "create macro",
            _ => return,
        };
        let Some((target, behind)) = self.name(self.skip(at + 1, &["if", "not", "exists"])) else {
            return self.fail(Some(kind), None, format!("no name behind CREATE {}", object.to_uppercase()));
        };
        if kind == "create macro" {
            return self.create_macro(behind, &target);
        }
        let query = self.find(behind, &["as"]) + 1;
        if query >= self.end() {
            return; // columns only
        }
        // WITH DATA, WITH NO DATA
        let end = (query..self.end()).rev().find(|at| self.is(*at, &["with"])).filter(|at| {
            let data = self.skip(at + 1, &["no"]);
            self.is(data, &["data"]) && data + 1 == self.end()
        });
        let end = end.unwrap_or(self.end());
        self.source(kind, &target, self.slice(query, end).to_string());
    }

    /// Adds the parts of `(a, b := 1) AS TABLE query, (a) AS TABLE query`, or of `(a) AS expression, …`.
    fn create_macro(&mut self, at: usize, target: &str) {
        let mut at = at;
        while self.token(at) == "(" {
            let close = self.close(at);
            let begins = |i: &usize| {
                matches!(self.token(i - 1), "(" | ",") && self.tokens[i - 1].depth <= 1 && self.token(*i) != ")"
            };
            let names = (at + 1..close).filter(begins);
            let names = names.map(|i| unquoted(self.token(i)).to_lowercase()).collect();
            if !self.is(close, &["as"]) {
                break;
            }
            let table = self.is(close + 1, &["table"]);
            let start = close + 1 + usize::from(table);
            // another set of parameters follows a comma
            let more = |i: &usize| {
                let behind = self.close(*i + 1);
                self.tokens[*i].depth == 0
                    && self.token(*i) == ","
                    && self.token(*i + 1) == "("
                    && self.is(behind, &["as"])
                    && (!table || self.is(behind + 1, &["table"]))
            };
            let end = (start..self.end()).find(more).unwrap_or(self.end());
            let body = self.slice(start, end);
            let sql = if table { body.to_string() } else { format!("SELECT {body}") };
            self.add(Some("create macro"), Some(target), Role::Macro(names), sql);
            at = end + 1;
        }
    }

    fn insert(&mut self, at: usize) {
        let into = self.find(at, &["into"]);
        let Some((target, mut at)) = self.name(into + 1) else {
            return self.fail(Some("insert"), None, "no name behind INSERT INTO".to_string());
        };
        if self.is(at, &["as"]) {
            at += 2;
        }
        if self.token(at) == "(" && !self.starts_query(at + 1) && self.token(at + 1) != "(" {
            at = self.close(at);
        }
        if self.is(at, &["by"]) {
            at += 2;
        }
        let returning = self.find(at, &["returning"]);
        let conflict = |i: &usize| self.tokens[*i].depth == 0 && self.is(*i, &["on"]) && self.is(*i + 1, &["conflict"]);
        let end = (at..returning).find(conflict).unwrap_or(returning);
        if !self.is(at, &["default"]) {
            self.source("insert", &target, self.within(self.slice(at, end)));
        }
        self.subqueries("insert", &target, end, self.end());
    }

    fn update(&mut self, at: usize) {
        let set = self.find(at, &["set"]);
        match self.name(at + 1) {
            Some((target, _)) if set < self.end() => {
                let rest = self.slice(set + 1, self.find(set, &["returning"]));
                // the assignments are comparisons then, with the same sources
                self.source("update", &target, format!("{}\nSELECT {rest}", self.with));
            }
            _ if self.is(at + 1, &["extensions"]) => {}
            _ => self.fail(Some("update"), None, "no name and SET behind UPDATE".to_string()),
        }
    }

    fn delete(&mut self, at: usize) {
        let Some((target, behind)) = self.name(at + 2) else {
            return self.fail(Some("delete"), None, "no name behind DELETE FROM".to_string());
        };
        let end = self.find(behind, &["returning"]);
        let using = self.find(behind, &["using"]).min(end);
        let rest = if using < end {
            format!("FROM {}", self.slice(using + 1, end))
        } else {
            self.slice(self.find(behind, &["where"]).min(end), end).to_string()
        };
        if !rest.is_empty() {
            self.source("delete", &target, format!("{}\nSELECT 1 {rest}", self.with));
        }
    }

    fn merge(&mut self, at: usize) {
        let using = self.find(at, &["using"]);
        let behind = self.find(using + 1, &["on", "using"]);
        match self.name(at + 2) {
            Some((target, _)) if behind < self.end() => {
                let source = self.slice(using + 1, behind);
                self.source("merge", &target, format!("{}\nSELECT 1 FROM {source}", self.with));
                self.subqueries("merge", &target, behind, self.end());
            }
            _ => self.fail(Some("merge"), None, "no name, USING and ON behind MERGE INTO".to_string()),
        }
    }

    fn copy(&mut self, at: usize) {
        if self.is(at + 1, &["from"]) {
            return; // a whole database
        }
        let (from, direction) = if self.token(at + 1) == "(" {
            let end = self.close(at + 1);
            (Some((None, self.slice(at + 2, end - 1).to_string())), end)
        } else {
            let named = self.name(at + 1);
            let query = named.as_ref().map(|(_, end)| format!("FROM {}", self.slice(at + 1, *end)));
            let end = named.as_ref().map_or(at + 1, |(_, end)| *end);
            let behind = if self.token(end) == "(" { self.close(end) } else { end };
            (named.map(|(name, _)| Some(name)).zip(query), behind)
        };
        let path = self.path(direction + 1);
        match (from, self.word(direction).as_str(), path) {
            (Some((_, query)), "to", Some(Path::Name(path))) => {
                self.source("copy to", &path, query);
            }
            (Some((_, query)), "to", Some(Path::Expression(value))) => {
                self.add(Some("copy to"), None, Role::Target, format!("SELECT {value}"));
                self.add(Some("copy to"), None, Role::Source, query);
            }
            (Some((Some(target), _)), "from", Some(Path::Name(path))) => {
                let path = path.replace('\'', "''");
                self.source("copy from", &target, format!("FROM read_csv('{path}')"));
            }
            (Some((Some(target), _)), "from", Some(Path::Expression(value))) => {
                self.source("copy from", &target, format!("FROM read_csv({value})"));
            }
            (_, direction, _) => {
                let kind = if direction == "from" { "copy from" } else { "copy to" };
                self.fail(Some(kind), None, "no relation, TO or FROM, and file behind COPY".to_string());
            }
        }
    }

    /// File name that COPY has at a place.
    fn path(&self, at: usize) -> Option<Path<'a>> {
        let token = self.tokens.get(at)?;
        Some(match token.kind {
            Kind::Word if self.token(at + 1) == "(" => Path::Expression(self.slice(at, self.close(at + 1))),
            Kind::Word => Path::Name(self.word(at)),
            Kind::Text | Kind::Quoted => Path::Name(unquoted(self.token(at))),
            _ if self.token(at) == "(" => Path::Expression(self.slice(at, self.close(at))),
            _ => Path::Expression(self.token(at)),
        })
    }

    fn alter(&mut self, at: usize) {
        if !self.is(at + 1, &["table", "view"]) {
            return;
        }
        let Some((source, end)) = self.name(self.skip(at + 2, &["if", "exists"])) else { return };
        if self.is(end, &["rename"])
            && self.is(end + 1, &["to"])
            && let Some((target, _)) = self.name(end + 2)
        {
            self.source("rename", &target, format!("FROM query_table('{}')", source.replace('\'', "''")));
        }
    }
}

/// File name of a COPY.
enum Path<'a> {
    Name(String),
    Expression(&'a str),
}

/// Name of a relation as it is shown: without `main` and `temp`, where names without a schema are found.
pub(crate) fn relation_name(words: &[String]) -> String {
    let mut rest = words;
    while let [first, behind @ ..] = rest {
        if behind.is_empty() || !["main", "temp"].contains(&first.to_lowercase().as_str()) {
            break;
        }
        rest = behind;
    }
    rest.iter().map(|part| quoted(part, rest.len() > 1)).collect::<Vec<_>>().join(".")
}

/// Ends of the names of files that are read and written.
const FILES: &str = "
    arrow avro bz2 csv db ddb duckdb feather fgb geojson gpkg gz htm html ipc json jsonl kml lance md ndjson orc parquet
    shp sql sqlite sqlite3 svg tsv txt vgz xls xlsx xml yaml yml zst";

/// Part of a name, in quotes where a dot in it would make two parts of it; a file has dots of its own.
fn quoted(part: &str, qualified: bool) -> String {
    let extension = part.rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
    let is_file = || {
        part.contains(['/', '\\', '*', '?', '{', '…', ':'])
            || extension.as_ref().is_some_and(|extension| FILES.split_whitespace().any(|known| known == extension))
    };
    match &extension {
        Some(_) if qualified || !is_file() => format!("\"{}\"", part.replace('"', "\"\"")),
        _ => part.to_string(),
    }
}

/// Name of a variable as it is shown.
pub(crate) fn variable_name(name: &str) -> String {
    format!("{{{name}}}")
}

/// Query with every `PIVOT t ON …` replaced by `FROM t`, and the queries in its brackets: without values to look for
/// DuckDB makes several statements of it, which it does not serialise.
fn without_pivots(sql: &str) -> String {
    let tokens: Vec<Token> = tokens(sql).into_iter().filter(|token| token.kind != Kind::Space).collect();
    let frame = Frame { text: sql, tokens: &tokens, with: "", statement: 0, line: 0, parts: Vec::new() };
    if !(0..tokens.len()).any(|at| frame.is(at, PIVOT)) {
        return sql.to_string();
    }
    let mut out = String::new();
    frame.write_without_pivots(0, tokens.len(), &mut out);
    out
}

const PIVOT: &[&str] = &["pivot", "pivot_wider"];
const SET_OPERATIONS: &[&str] = &["union", "except", "intersect"];

impl Frame<'_> {
    fn write_without_pivots(&self, from: usize, to: usize, out: &mut String) {
        let mut at = from;
        let mut copied = from;
        while at < to {
            if !self.begins_pivot(at) {
                at += 1;
                continue;
            }
            out.push_str(self.slice(copied, at));
            let depth = self.tokens[at].depth;
            let inside = |i: &usize| {
                self.tokens[*i].depth < depth || self.tokens[*i].depth == depth && self.is(*i, SET_OPERATIONS)
            };
            let end = (at + 1..to).find(inside).unwrap_or(to);
            let clause = |i: &usize| self.tokens[*i].depth == depth && self.is(*i, &["on", "using", "group"]);
            let source = (at + 1..end).find(clause).unwrap_or(end);
            out.push_str(" FROM ");
            self.write_without_pivots(at + 1, source, out);
            let mut i = source;
            while i < end {
                if self.token(i) == "(" && self.starts_query(i + 1) {
                    let close = self.close(i).min(end);
                    out.push_str(", ");
                    self.write_without_pivots(i, close, out);
                    i = close;
                } else {
                    i += 1;
                }
            }
            out.push(' ');
            (at, copied) = (end, end);
        }
        out.push_str(self.slice(copied, to));
    }

    /// Whether a statement of its own or in brackets begins with PIVOT here: `FROM t PIVOT (…)` is another thing.
    fn begins_pivot(&self, at: usize) -> bool {
        if !self.is(at, PIVOT) {
            return false;
        }
        match at.checked_sub(1).map(|before| self.token(before)) {
            None | Some("(") => true,
            Some(")") => {
                let depth = self.tokens[at].depth;
                let open = (0..at).rev().find(|i| self.tokens[*i].depth < depth).map_or(0, |i| i + 1);
                self.is(open, &["with"]) && self.behind_with(open) == at
            }
            Some(_) => self.is(at - 1, SET_OPERATIONS) || self.is(at - 1, &["all", "distinct", "name"]),
        }
    }
}
