//! Relations in a query as DuckDB serialises it. The JSON of 1.5 and of 2.0 differs in the names of some fields.

use super::relations::Parameters;
use super::statements::{Part, Role, relation_name, variable_name};
use super::tokens::{Kind, tokens, unquoted};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Maximum depth of JSON that is read: every level is scanned once for each level above it.
const DEEPEST: usize = 1000;

/// Functions that read the file of their first argument, beside those whose names begin with `read_`.
const READERS: &[&str] =
    &["parquet_metadata", "parquet_schema", "sniff_csv", "iceberg_metadata", "iceberg_snapshots", "shapefile_meta"];

/// Functions whose arguments are a connection, which may hold a password, a schema and a table.
const CONNECTED: &[&str] = &["postgres_scan", "postgres_scan_pushdown", "mysql_scan"];

/// Whether a table function reads what its first argument names: a file, or a database that is attached.
fn reads(name: &str) -> bool {
    name.starts_with("read_")
        || name.starts_with("st_read")
        || name.ends_with("_scan")
        || name.ends_with("_query")
        || READERS.contains(&name)
}

/// Relations and values of a query.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// Relations that it reads.
    pub(crate) sources: BTreeSet<String>,
    /// Texts that its first expression stands for.
    pub(crate) values: Vec<String>,
}

/// Definitions of a script so far.
pub(crate) struct Reader<'a> {
    functions: &'a BTreeMap<String, Parameters>,
    macros: BTreeMap<String, Macro>,
    /// Texts of constant variables.
    variables: BTreeMap<String, Vec<String>>,
    /// Variables whose value was read from a relation.
    derived: BTreeSet<String>,
    /// Relations as first written, by their name in lower case.
    spellings: BTreeMap<String, String>,
}

#[derive(Default)]
struct Macro {
    /// Whether its body reads relations that are not parameters.
    reads: bool,
    parameters: Parameters,
}

/// Common table expressions that a place sees.
type Scope = Option<Rc<Link>>;

struct Link {
    name: String,
    next: Scope,
}

/// Whether `name`, in lower case, is a common table expression of `scope`.
fn sees(scope: &Scope, name: &str) -> bool {
    let mut at = scope;
    while let Some(link) = at {
        if link.name == name {
            return true;
        }
        at = &link.next;
    }
    false
}

/// The scope with one more common table expression.
fn with(scope: &Scope, name: &str) -> Scope {
    Some(Rc::new(Link { name: name.to_lowercase(), next: scope.clone() }))
}

type Object<'j> = BTreeMap<String, &'j RawValue>;

fn object(json: &RawValue) -> Option<Object<'_>> {
    json.get().starts_with('{').then(|| serde_json::from_str(json.get()).ok()).flatten()
}

fn array(json: &RawValue) -> Vec<&RawValue> {
    if json.get().starts_with('[') { serde_json::from_str(json.get()).unwrap_or_default() } else { Vec::new() }
}

fn string(json: Option<&&RawValue>) -> String {
    json.and_then(|json| serde_json::from_str(json.get()).ok()).unwrap_or_default()
}

fn strings(json: Option<&&RawValue>) -> Vec<String> {
    json.and_then(|json| serde_json::from_str(json.get()).ok()).unwrap_or_default()
}

/// Name of a relation or function in parts; `last` is the field of its last part in 1.5.
fn path(node: &Object, last: &str) -> Vec<String> {
    let qualified = node.get("qualified_name").and_then(|json| object(json)).map(|name| strings(name.get("path")));
    match qualified {
        Some(path) if !path.is_empty() => path,
        _ => {
            let fields = ["catalog_name", "catalog", "schema_name", "schema", last];
            fields.iter().map(|field| string(node.get(*field))).filter(|part| !part.is_empty()).collect()
        }
    }
}

/// Arguments of a function, with their names, which may be empty.
fn arguments<'j>(node: &Object<'j>) -> Vec<(String, &'j RawValue)> {
    if let Some(list) = node.get("arguments") {
        let argument = |json: &'j RawValue| {
            let argument = object(json)?;
            Some((string(argument.get("name")).to_lowercase(), *argument.get("expression")?))
        };
        return array(list).into_iter().filter_map(argument).collect();
    }
    let named = |json: &'j RawValue| {
        (object(json).map(|node| string(node.get("alias")).to_lowercase()).unwrap_or_default(), json)
    };
    node.get("children").map(|list| array(list).into_iter().map(named).collect()).unwrap_or_default()
}

/// Name of a relation in a text, such as `main."my table"`, in parts; a text that is no such name is one part: a file.
fn named(text: String) -> Vec<String> {
    let tokens = tokens(&text);
    let is_name = tokens.iter().enumerate().all(|(at, token)| match at % 2 {
        0 => matches!(token.kind, Kind::Word | Kind::Quoted),
        _ => &text[token.start..token.end] == ".",
    });
    if !is_name || tokens.len().is_multiple_of(2) {
        return vec![text];
    }
    tokens.iter().step_by(2).map(|token| unquoted(&text[token.start..token.end])).collect()
}

/// Depth of a text of JSON.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

impl<'a> Reader<'a> {
    pub(crate) fn new(functions: &'a BTreeMap<String, Parameters>) -> Reader<'a> {
        let (macros, variables) = (BTreeMap::new(), BTreeMap::new());
        Reader { functions, macros, variables, spellings: BTreeMap::new(), derived: BTreeSet::new() }
    }

    /// Relations and values of the query of a part, from the JSON of DuckDB's parser; the part's definitions are kept for
    /// those that follow.
    ///
    /// # Errors
    ///
    /// Where the JSON is not that of a query, or is nested too deep; the parser's own message where it has one.
    pub(crate) fn read(&mut self, part: &Part, json: &str) -> Result<Read, String> {
        if depth(json) > DEEPEST {
            return Err("nested too deep to be read".to_string());
        }
        let unreadable = || "DuckDB's parser gave no answer".to_string();
        let root: Object = serde_json::from_str(json).map_err(|_| unreadable())?;
        if root.get("error").is_none_or(|error| error.get() != "false") {
            return Err(string(root.get("error_message")).lines().next().map_or_else(unreadable, str::to_string));
        }
        let parameters = match &part.role {
            Role::Macro(names) => names.iter().map(|name| (name.clone(), false)).collect(),
            _ => Vec::new(),
        };
        let mut walk = Walk { reader: &*self, parameters, sources: BTreeSet::new(), todo: Vec::new() };
        let statements = root.get("statements").map(|list| array(list)).unwrap_or_default();
        walk.todo.extend(statements.iter().rev().map(|statement| (*statement, None)));
        walk.run();
        let values = walk.first_values(&statements, part.role == Role::Target);
        let (sources, parameters) = (walk.sources, walk.parameters);
        self.remember(part, &sources, parameters, &values);
        let sources = sources.into_iter().map(|source| self.spelled(source)).collect();
        Ok(Read { sources, values: values.unwrap_or_default() })
    }

    /// Keeps the variable or the macro that a part defines.
    fn remember(
        &mut self,
        part: &Part,
        sources: &BTreeSet<String>,
        parameters: Parameters,
        values: &Option<Vec<String>>,
    ) {
        match (&part.role, &part.target) {
            (Role::Variable(name), _) => {
                self.variables.remove(name);
                self.derived.remove(name);
                if !sources.is_empty() {
                    self.derived.insert(name.clone());
                } else if let Some(values) = values {
                    self.variables.insert(name.clone(), values.clone());
                }
            }
            (Role::Macro(_), Some(name)) => {
                let known = self.macros.entry(name.to_lowercase()).or_default();
                known.reads |= !sources.is_empty();
                // of several sets of parameters, the longest one
                if parameters.len() >= known.parameters.len() {
                    known.parameters = parameters;
                }
            }
            _ => {}
        }
    }

    /// Relation as it was first written: DuckDB's names have no case, files have.
    pub(crate) fn spelled(&mut self, name: String) -> String {
        if name.contains(['/', '\\', '*']) {
            return name;
        }
        self.spellings.entry(name.to_lowercase()).or_insert(name).clone()
    }
}

/// Walk through the JSON of a query.
struct Walk<'r, 'a, 'j> {
    reader: &'r Reader<'a>,
    /// Parameters of the macro whose body this is.
    parameters: Parameters,
    sources: BTreeSet<String>,
    todo: Vec<(&'j RawValue, Scope)>,
}

impl<'j> Walk<'_, '_, 'j> {
    fn run(&mut self) {
        while let Some((json, scope)) = self.todo.pop() {
            if let Some(node) = object(json) {
                self.node(&node, scope);
            } else {
                self.todo.extend(array(json).into_iter().map(|child| (child, scope.clone())));
            }
        }
    }

    fn node(&mut self, node: &Object<'j>, scope: Scope) {
        let mut scope = scope;
        match string(node.get("type")).as_str() {
            "BASE_TABLE" => self.relation(path(node, "table_name"), &scope),
            "TABLE_FUNCTION" => {
                if let Some(function) = node.get("function").and_then(|json| object(json)) {
                    self.table_function(&function, &scope);
                }
            }
            "FUNCTION" => self.scalar_function(node),
            "RECURSIVE_CTE_NODE" => scope = with(&scope, &string(node.get("cte_name"))),
            _ => {}
        }
        let expressions = node.get("cte_map").and_then(|json| object(json)).and_then(|map| map.get("map").copied());
        for entry in expressions.map(array).unwrap_or_default() {
            let Some(entry) = object(entry) else { continue };
            if let Some(value) = entry.get("value") {
                self.todo.push((value, scope.clone()));
            }
            scope = with(&scope, &string(entry.get("key")));
        }
        let children = node.iter().filter(|(name, _)| *name != "cte_map" && *name != "qualified_name");
        self.todo.extend(children.map(|(_, child)| (*child, scope.clone())));
    }

    /// Adds the relation of that name, unless it is a common table expression.
    fn relation(&mut self, path: Vec<String>, scope: &Scope) {
        if let [name] = path.as_slice()
            && sees(scope, &name.to_lowercase())
        {
            return;
        }
        if !path.is_empty() {
            self.sources.insert(relation_name(&path));
        }
    }

    fn table_function(&mut self, function: &Object<'j>, scope: &Scope) {
        let path = path(function, "function_name");
        let Some(name) = path.last().map(|name| name.to_lowercase()) else { return };
        let arguments = arguments(function);
        let own_macro = self.reader.macros.contains_key(&relation_name(&path).to_lowercase());
        if !own_macro && CONNECTED.contains(&name.as_str()) {
            let parts: Vec<String> = arguments
                .iter()
                .filter(|(given, _)| given.is_empty())
                .skip(1)
                .take(2)
                .map(|(_, part)| self.values(part).concat())
                .collect();
            self.sources.insert(relation_name(&parts));
        } else if !own_macro && reads(&name) {
            if let Some((_, first)) = arguments.first() {
                let files = self.values(first);
                self.sources.extend(files);
            }
        } else if name == "query_table" {
            if let Some((_, first)) = arguments.first() {
                self.argument(first, scope);
            }
        } else {
            let reader = self.reader;
            let known = reader.macros.get(&relation_name(&path).to_lowercase());
            let own = known.map(|own| &own.parameters).or_else(|| reader.functions.get(&name));
            if known.is_some_and(|own| own.reads) {
                self.sources.insert(relation_name(&path));
            }
            for (at, (given, argument)) in arguments.iter().enumerate() {
                let parameter = own.and_then(|own| match given.as_str() {
                    "" => own.get(at),
                    given => own.iter().find(|(name, _)| name == given),
                });
                if parameter.is_some_and(|(_, relation)| *relation) {
                    self.argument(argument, scope);
                }
            }
        }
    }

    /// Adds the relations that an argument names.
    fn argument(&mut self, argument: &'j RawValue, scope: &Scope) {
        let Some(node) = object(argument) else { return };
        if string(node.get("type")) == "COLUMN_REF" {
            let path = strings(node.get("column_names"));
            if let [name] = path.as_slice()
                && let Some(own) = self.parameters.iter_mut().find(|(own, _)| *own == name.to_lowercase())
            {
                own.1 = true;
                return;
            }
            return self.relation(path, scope);
        }
        for name in self.values(argument) {
            self.relation(named(name), scope);
        }
    }

    fn scalar_function(&mut self, function: &Object<'j>) {
        let path = path(function, "function_name");
        let Some(name) = path.last().map(|name| name.to_lowercase()) else { return };
        if self.reader.macros.get(&relation_name(&path).to_lowercase()).is_some_and(|own| own.reads) {
            self.sources.insert(relation_name(&path));
        }
        if name == "getvariable" {
            let variable = self.variable(function).filter(|name| self.reader.derived.contains(name));
            self.sources.extend(variable.map(|name| variable_name(&name)));
        }
    }

    /// Name of the variable that a call of `getvariable` is for.
    fn variable(&self, function: &Object<'j>) -> Option<String> {
        let (_, first) = arguments(function).into_iter().next()?;
        Some(constant(&object(first)?)?.to_lowercase())
    }

    /// Texts that an expression stands for: of a list each. Unknown ones are written `{variable}` or `…`.
    fn values(&self, expression: &'j RawValue) -> Vec<String> {
        self.constants(expression, true).unwrap_or_else(|| vec!["…".to_string()])
    }

    /// Texts that an expression stands for; `None` where one is unknown and may not be written so.
    fn constants(&self, expression: &'j RawValue, guess: bool) -> Option<Vec<String>> {
        let node = object(expression)?;
        if string(node.get("class")) == "CONSTANT" {
            return constant(&node).map(|text| vec![text]);
        }
        if string(node.get("class")) == "CAST" {
            return self.constants(node.get("child")?, guess);
        }
        let unknown = || guess.then(|| vec!["…".to_string()]);
        let function = path(&node, "function_name").last().cloned().unwrap_or_default().to_lowercase();
        match function.as_str() {
            "getvariable" => {
                let name = self.variable(&node)?;
                let known = self.reader.variables.get(&name).cloned();
                known.or_else(|| guess.then(|| vec![variable_name(&name)]))
            }
            "||" | "concat" => {
                let mut whole = vec![String::new()];
                for (_, argument) in arguments(&node) {
                    let parts = self.constants(argument, guess).or_else(unknown)?;
                    let [part] = parts.as_slice() else { return unknown() };
                    whole[0].push_str(part);
                }
                Some(whole)
            }
            "list_value" => {
                let items = arguments(&node).into_iter().map(|(_, item)| self.constants(item, guess).or_else(unknown));
                Some(items.collect::<Option<Vec<_>>>()?.concat())
            }
            _ => unknown(),
        }
    }

    /// Texts of the first expression of a query.
    fn first_values(&self, statements: &[&'j RawValue], guess: bool) -> Option<Vec<String>> {
        let node = object(object(statements.first()?)?.get("node")?)?;
        let list = array(node.get("select_list")?);
        self.constants(list.first()?, guess)
    }
}

/// Text of a constant; `None` for NULL.
fn constant(node: &Object) -> Option<String> {
    let text = |json: &RawValue| serde_json::from_str(json.get()).unwrap_or_else(|_| json.get().to_string());
    if let Some(literal) = node.get("literal").and_then(|json| object(json)) {
        return literal.get("text").map(|json| text(json));
    }
    let value = node.get("value").and_then(|json| object(json))?;
    value.get("value").map(|json| text(json))
}
