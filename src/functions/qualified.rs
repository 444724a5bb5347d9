//! Built-in functions by their full names, so that a user's macro of the same name does not take their place.
//!
//! DuckDB looks for an unqualified function in the user's schemas first, also where a macro of another catalog calls it. Functions
//! stand in lower case in `sql/`, words of the grammar in capitals: `* REPLACE (…)` is none. What the grammar itself turns into
//! calls (`[…]`, `{…}`, `||`) has no name to qualify; a macro named `list_value` breaks all of SQL, not only muster.

/// The statement in which each call of a function that `is_built_in` goes to `system.main`.
pub(crate) fn qualified(sql: &str, is_built_in: impl Fn(&str) -> bool) -> String {
    let mut out = String::with_capacity(sql.len() + sql.len() / 8);
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let end = match first {
            '\'' | '"' => rest[1..].find(first).map_or(rest.len(), |at| at + 2),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            c if word(c) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, behind) = rest.split_at(end);
        if behind.starts_with('(') && !out.ends_with('.') && is_built_in(token) {
            out.push_str("system.main.");
        }
        out.push_str(token);
        rest = behind;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_qualified_and_nothing_else() {
        let built_in = |name: &str| ["sum", "list", "replace", "query_table"].contains(&name);
        for (sql, expected) in [
            (
                "SELECT sum(list(x)) FROM query_table(t)",
                "SELECT system.main.sum(system.main.list(x)) FROM system.main.query_table(t)",
            ),
            ("SELECT sum FROM list", "SELECT sum FROM list"),
            (
                "SELECT 'sum(x)', \"sum\"(x), mine.sum(x) -- sum(x)\n",
                "SELECT 'sum(x)', \"sum\"(x), mine.sum(x) -- sum(x)\n",
            ),
            ("SELECT 'it''s sum(1)' || sum(1)", "SELECT 'it''s sum(1)' || system.main.sum(1)"),
            ("SELECT * REPLACE (1 AS x), my_sum(1)", "SELECT * REPLACE (1 AS x), my_sum(1)"),
        ] {
            assert_eq!(qualified(sql, built_in), expected);
        }
    }
}
