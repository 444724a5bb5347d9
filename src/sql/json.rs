//! Lists and structs as JSON, without DuckDB's json extension, which not every client has.
//!
//! A value comes as the name of its type and the text that DuckDB casts it to. In that text a word is quoted, with
//! backslashes before quotes and backslashes, where it could be taken for anything else, so the type tells what it says.

use serde_json::{Number, Value};
use std::borrow::Cow;

/// A type, as far as it decides how a value is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Text,
    Number,
    Truth,
    Json,
    List(Box<Kind>),
    /// The types of the fields; their names stand in each value.
    Struct(Vec<Kind>),
}

/// A value as JSON, by the name of its type and its text. What DuckDB writes in another way, maps and unions say, is a
/// JSON string of the text.
pub(super) fn json(kind: &str, text: &str) -> String {
    rendered(parsed(kind).as_ref(), text)
}

/// A value as JSON, by its type and its text; a JSON string of the text without a type.
pub(super) fn rendered(kind: Option<&Kind>, text: &str) -> String {
    let mut json = String::new();
    match kind {
        Some(kind @ (Kind::List(_) | Kind::Struct(_))) => {
            let mut rest = Rest(text);
            if rest.value(kind, &mut json).is_none() || !rest.0.is_empty() {
                json = string(text);
            }
        }
        Some(leaf) => json = self::leaf(leaf, text),
        None => json = string(text),
    }
    json
}

/// The type of a name; `None` for one that DuckDB writes in another way.
pub(super) fn parsed(kind: &str) -> Option<Kind> {
    let mut rest = Rest(kind);
    let kind = rest.kind()?;
    rest.0.is_empty().then_some(kind)
}

fn string(text: &str) -> String {
    Value::from(text).to_string()
}

/// A value that holds no others.
fn leaf(kind: &Kind, text: &str) -> String {
    let as_it_is = match kind {
        Kind::Number => serde_json::from_str::<Number>(text).is_ok(),
        Kind::Truth => ["true", "false"].contains(&text),
        Kind::Json => serde_json::from_str::<Value>(text).is_ok(),
        _ => false,
    };
    if as_it_is { text.to_string() } else { string(text) }
}

/// Rest of a text that is being read.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn take(&mut self, start: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(start)?;
        Some(())
    }

    /// The text before the first character of `ends`.
    fn until(&mut self, ends: &[char]) -> &'a str {
        let (before, after) = self.0.split_at(self.0.find(ends).unwrap_or(self.0.len()));
        self.0 = after;
        before
    }

    /// Reads past a text in double quotes, where one begins.
    fn pass_quoted(&mut self) -> Option<bool> {
        let mut any = false;
        while self.take("\"").is_some() {
            self.until(&['"']);
            self.take("\"")?;
            any = true;
        }
        Some(any)
    }

    fn kind(&mut self) -> Option<Kind> {
        let mut kind = if self.take("STRUCT(").is_some() {
            let mut fields = Vec::new();
            loop {
                if !self.pass_quoted()? && self.until(&[' ', ',', ')']).is_empty() {
                    return None;
                }
                self.take(" ")?;
                fields.push(self.kind()?);
                if self.take(", ").is_none() {
                    break;
                }
            }
            self.take(")")?;
            Kind::Struct(fields)
        } else if self.pass_quoted()? {
            Kind::Text
        } else {
            self.plain()?
        };
        while self.take("[").is_some() {
            self.until(&[']']);
            self.take("]")?;
            kind = Kind::List(Box::new(kind));
        }
        Some(kind)
    }

    /// A type that is neither a struct nor a list.
    fn plain(&mut self) -> Option<Kind> {
        let kind = match self.until(&['[', '(', ',', ')']) {
            "MAP" | "UNION" => return None,
            "BOOLEAN" => Kind::Truth,
            "JSON" => Kind::Json,
            "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" | "HUGEINT" | "UTINYINT" | "USMALLINT" | "UINTEGER"
            | "UBIGINT" | "UHUGEINT" | "FLOAT" | "DOUBLE" | "DECIMAL" => Kind::Number,
            _ => Kind::Text,
        };
        if self.take("(").is_some() {
            // the values of an ENUM are in quotes, which stand in them twice
            let mut quoted = false;
            let end = self.0.find(|c| {
                quoted ^= c == '\'';
                c == ')' && !quoted
            })?;
            self.0 = &self.0[end + 1..];
        }
        Some(kind)
    }

    fn value(&mut self, kind: &Kind, json: &mut String) -> Option<()> {
        let (open, close) = match kind {
            Kind::List(_) => ("[", "]"),
            Kind::Struct(_) => ("{", "}"),
            leaf => {
                let (word, quoted) = self.word()?;
                json.push_str(&if word == "NULL" && !quoted { "null".to_string() } else { self::leaf(leaf, &word) });
                return Some(());
            }
        };
        if self.take(open).is_none() {
            json.push_str("null");
            return self.take("NULL");
        }
        json.push_str(open);
        let mut first = true;
        let mut fields = if let Kind::Struct(fields) = kind { fields.iter() } else { [].iter() };
        while self.take(close).is_none() {
            if !first {
                self.take(", ")?;
                json.push(',');
            }
            first = false;
            match kind {
                Kind::List(element) => self.value(element, json)?,
                _ => {
                    let (name, _) = self.word()?;
                    self.take(": ")?;
                    json.push_str(&string(&name));
                    json.push(':');
                    self.value(fields.next()?, json)?;
                }
            }
        }
        json.push_str(close);
        Some(())
    }

    /// A word, and whether it is in quotes.
    fn word(&mut self) -> Option<(Cow<'a, str>, bool)> {
        if self.take("'").is_none() {
            return Some((self.until(&[',', ']', '}']).into(), false));
        }
        let mut word = String::new();
        loop {
            word.push_str(self.until(&['\'', '\\']));
            if self.take("'").is_some() {
                return Some((word.into(), true));
            }
            self.take("\\")?;
            let escaped = self.0.chars().next()?;
            word.push(escaped);
            self.0 = &self.0[escaped.len_utf8()..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read() {
        let list = |kind| Kind::List(Box::new(kind));
        for (name, kind) in [
            ("VARCHAR", Kind::Text),
            ("DECIMAL(3,2)[]", list(Kind::Number)),
            ("BOOLEAN[2][]", list(list(Kind::Truth))),
            ("\"NULL\"[]", list(Kind::Text)),
            ("STRUCT(a ENUM('x)', 'it''s'), \"b \"\"c\" JSON)[]", list(Kind::Struct(vec![Kind::Text, Kind::Json]))),
            ("STRUCT(a STRUCT(\"in\" TIMESTAMP WITH TIME ZONE))", Kind::Struct(vec![Kind::Struct(vec![Kind::Text])])),
        ] {
            assert_eq!(parsed(name), Some(kind), "{name}");
        }
        for other in
            ["MAP(VARCHAR, INTEGER)", "STRUCT(INTEGER, VARCHAR)", "STRUCT(a VARCHAR", "UNION(a VARCHAR)[]", "\""]
        {
            assert_eq!(parsed(other), None, "{other}");
        }
    }

    #[test]
    fn values_are_those_of_their_types() {
        for (kind, text, expected) in [
            ("VARCHAR", "[a]", r#""[a]""#),
            ("JSON", "[1]", "[1]"),
            ("INTEGER", "7", "7"),
            ("VARCHAR[]", "[]", "[]"),
            (
                "VARCHAR[]",
                r"[it, 'a, b', 'NULL', NULL, '', '\'\\', c\d]",
                r#"["it","a, b","NULL",null,"","'\\","c\\d"]"#,
            ),
            ("DOUBLE[]", "[0.1, nan, NULL]", r#"[0.1,"nan",null]"#),
            (
                "STRUCT(a BOOLEAN, \"b c\" VARCHAR[][])",
                "{'a': true, 'b c': [[x], NULL]}",
                r#"{"a":true,"b c":[["x"],null]}"#,
            ),
            ("STRUCT(j JSON)[]", r#"[{'j': '[{"a": 1}]'}, NULL]"#, r#"[{"j":[{"a": 1}]},null]"#),
            ("MAP(VARCHAR, INTEGER)", "{a=1}", r#""{a=1}""#),
            ("VARCHAR[]", "[a", r#""[a""#),
            ("VARCHAR[]", "[a]]", r#""[a]]""#),
        ] {
            assert_eq!(json(kind, text), expected, "{kind} {text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn anything_gives_json(kind in r#"(STRUCT\(|a |"b" |VARCHAR|INTEGER|\[|\]|\)|, ){0,12}"#, text in r"[\[\]{}', :\\a1é]{0,20}") {
            serde_json::from_str::<Value>(&json(&kind, &text)).unwrap();
        }
    }
}
