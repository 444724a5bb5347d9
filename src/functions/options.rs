//! The marker `muster_options()` of the files in `sql/`: in its place comes the list of a call's options, from the signature.
//!
//! Each option goes with its name and value through the macro `_muster_option`; before them go the function's own name,
//! the threads that the database may use, and whether it may reach files and the network. An argument is an option
//! unless its description begins with "relation" or "expression over". Where that does not suffice the marker says so:
//! `-name` leaves an argument out, `name: value` adds one or gives another value.

const MARKER: &str = "muster_options(";

/// Settings of the database that go with the options, by a name that no macro of a user's can take.
const SETTINGS: [(&str, &str); 2] = [
    ("threads", "system.main.current_setting('threads')"),
    ("enable_external_access", "system.main.current_setting('enable_external_access')"),
];

/// The statement with the options in the place of the marker.
pub(super) fn expand(sql: &str, function: &str, signature: &str, details: &str) -> String {
    let Some((before, rest)) = sql.split_once(MARKER) else { return sql.to_string() };
    let end = closing(rest);
    let said: Vec<&str> = split(&rest[..end]);
    let (left_out, given): (Vec<&str>, Vec<&str>) = said.into_iter().partition(|entry| entry.starts_with('-'));
    let given: Vec<(&str, &str)> =
        given.iter().filter_map(|entry| entry.split_once(':')).map(|(name, value)| (name, value.trim())).collect();
    let is_option = |name: &&str| {
        let text = described(details).find(|(known, _)| known == name).map_or("", |(_, text)| text);
        let is_data = ["relation", "expression over"].iter().any(|word| text.starts_with(word));
        !is_data && !left_out.iter().any(|out| out[1..] == **name) && !given.iter().any(|(known, _)| known == name)
    };
    let literal = format!("'{function}'");
    let mut entries = vec![("function", literal.as_str())];
    entries.extend(SETTINGS);
    entries.extend(parameters(signature).into_iter().filter(is_option).map(|name| (name, name)));
    entries.extend(given);
    let option = |(name, value): (&str, &str)| format!("muster.main._muster_option('{name}', {value})");
    let options: Vec<String> = entries.into_iter().map(option).collect();
    format!("{before}[{}]{}", options.join(", "), expand(&rest[end + 1..], function, signature, details))
}

/// The parameters of a signature.
pub(super) fn parameters(signature: &str) -> Vec<&str> {
    let inside = signature.split_once('(').map_or("", |(_, rest)| &rest[..closing(rest)]);
    split(inside).into_iter().filter_map(|parameter| parameter.split_whitespace().next()).collect()
}

/// The arguments that a header describes, and how each description begins.
pub(super) fn described(details: &str) -> impl Iterator<Item = (&str, &str)> {
    let block = details.lines().skip_while(|line| *line != "arguments:").skip(1);
    let lines = block.take_while(|line| line.starts_with("  "));
    // what stands further to the right goes on with the line before
    let first = lines.filter(|line| !line.starts_with("   ")).map(str::trim_start);
    first.map(|line| line.split_once(' ').map_or((line, ""), |(name, text)| (name, text.trim_start())))
}

/// The place of the parenthesis that ends a text; its length where there is none.
fn closing(text: &str) -> usize {
    places(text).find(|(_, c, depth)| *c == ')' && *depth < 0).map_or(text.len(), |(at, ..)| at)
}

/// The parts between the commas that are in no bracket and no quotes.
fn split(text: &str) -> Vec<&str> {
    let commas = places(text).filter(|(_, c, depth)| *c == ',' && *depth == 0).map(|(at, ..)| at);
    let mut from = 0;
    let mut parts: Vec<&str> = Vec::new();
    for at in commas.chain([text.len()]) {
        parts.push(text[from..at].trim());
        from = (at + 1).min(text.len());
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Each character out of quotes, with its place and the number of brackets that are open behind it.
fn places(text: &str) -> impl Iterator<Item = (usize, char, i32)> {
    let (mut depth, mut quoted) = (0, false);
    text.char_indices().filter_map(move |(at, c)| {
        quoted ^= c == '\'';
        match c {
            _ if quoted => return None,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        Some((at, c, depth))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: &str = "f(docs, text, level := 0.8, keep := ['a', 'b)'], words := NULL)";
    const DETAILS: &str = "Prose.\n\narguments:\n  docs    relation with text\n  text    expression over docs\n  level   of it\n\
                           \x20         relation\n  keep    list\n  words   list\ncolumns:\n  a BIGINT   relation";

    fn expanded(marker: &str) -> String {
        let option = |name: &str, value: &str| format!("muster.main._muster_option('{name}', {value})");
        let setting = |name: &str| option(name, &format!("system.main.current_setting('{name}')"));
        let always = [option("function", "'f'"), setting("threads"), setting("enable_external_access")].join(", ");
        expand(marker, "f", SIGNATURE, DETAILS).replace(&always, "…").replace("muster.main._muster_option", "")
    }

    #[test]
    fn options_are_those_of_the_signature() {
        assert_eq!(
            expanded("SELECT muster_options() AS o"),
            "SELECT […, ('level', level), ('keep', keep), ('words', words)] AS o"
        );
        assert_eq!(expanded("SELECT 1"), "SELECT 1");
    }

    #[test]
    fn the_marker_leaves_out_adds_and_replaces() {
        assert_eq!(
            expanded(
                "k(muster_options(-level, keep: to_json(keep, 1), rows: (SELECT ')')), muster_options(-level, -keep, -words))"
            ),
            "k([…, ('words', words), ('keep', to_json(keep, 1)), ('rows', (SELECT ')'))], […])"
        );
    }

    #[test]
    fn parameters_and_descriptions() {
        assert_eq!(parameters(SIGNATURE), ["docs", "text", "level", "keep", "words"]);
        assert_eq!(parameters("f()"), Vec::<&str>::new());
        let found: Vec<_> = described(DETAILS).collect();
        assert_eq!(found[..3], [("docs", "relation with text"), ("text", "expression over docs"), ("level", "of it")]);
        assert_eq!(found.len(), 5);
    }
}
