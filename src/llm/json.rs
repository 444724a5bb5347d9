//! JSON as servers and models write it.
//!
//! What the standard refuses is read all the same where it can mean one thing alone: a byte-order mark before it,
//! control characters as they are within a string, half a surrogate pair (which becomes U+FFFD), a backslash before a
//! character that needs none, a comma before a closing bracket.

use serde_json::Value;

/// Reads JSON; `None` for any other text.
pub(crate) fn read(text: &str) -> Option<Value> {
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&mended(text))).ok()
}

/// A text by the standard, if it is JSON but for what is read all the same.
fn mended(text: &str) -> String {
    let mut mended = String::with_capacity(text.len() + 16);
    let mut quoted = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match c {
            '"' => {
                quoted = !quoted;
                mended.push(c);
            }
            '\\' if quoted => {
                let (meant, length) = escape(&rest[1..]);
                mended.push_str(&meant);
                taken += length;
            }
            '\0'..' ' if quoted => mended.push_str(&format!("\\u{:04x}", u32::from(c))),
            ',' if !quoted && rest[1..].trim_start().starts_with(['}', ']']) => {}
            _ => mended.push(c),
        }
        rest = &rest[taken..];
    }
    mended
}

/// An escape by what follows its backslash: as the standard has it, and the length of what it took.
fn escape(after: &str) -> (String, usize) {
    let unit = |text: &str| {
        let digits = text.strip_prefix('u')?.get(..4)?;
        digits.chars().all(|c| c.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    };
    match (after.chars().next(), unit(after)) {
        (_, Some(first @ 0xd800..0xe000)) => {
            let second = after[5..].strip_prefix('\\').and_then(unit);
            match second {
                Some(0xdc00..0xe000) if first < 0xdc00 => (format!("\\{}", &after[..11]), 11),
                _ => ("\\ufffd".to_string(), 5),
            }
        }
        (_, Some(_)) => (format!("\\{}", &after[..5]), 5),
        (Some(c @ ('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't')), _) => (format!("\\{c}"), 1),
        (Some('\''), _) => ("'".to_string(), 1),
        _ => ("\\\\".to_string(), 0),
    }
}

/// Number of times that the object in a JSON text has a member of this name: parsers keep one of them, the last.
pub(crate) fn members(text: &str, name: &str) -> usize {
    let (mut depth, mut count) = (0usize, 0);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            '"' => {
                taken = string(rest);
                let is_key = depth == 1 && rest[taken..].trim_start().starts_with(':');
                let known = || serde_json::from_str::<String>(&rest[..taken]).is_ok_and(|key| key == name);
                count += usize::from(is_key && known());
            }
            _ => {}
        }
        rest = &rest[taken..];
    }
    count
}

/// Length of the string with which a text begins, its quotes included.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// JSON of the standard is read as the standard has it, and nothing else makes anything panic.
        #[test]
        fn any_text_is_read(text in r#"([\[\]{},: 01ae.'\\"-]|\\u|d83d|\\ude00|\x0a|\u{feff}|é|"a":|true|null){0,40}"#) {
            let meant: Option<Value> = serde_json::from_str(&text).ok();
            let found = read(&text);
            members(&text, "a");
            if meant.is_some() {
                prop_assert_eq!(found, meant);
            }
        }

        /// Each of the names of an object stands in it once.
        #[test]
        fn every_member_is_counted(object in prop::collection::btree_map(any::<String>(), any::<String>(), 0..5)) {
            let text = json!(object).to_string();
            for name in object.keys() {
                prop_assert_eq!(members(&text, name), 1, "{} in {}", name, text);
            }
        }
    }

    #[test]
    fn what_can_mean_one_thing_alone_is_read() {
        for (text, meant) in [
            ("\u{feff}{\"a\":1}", json!({"a": 1})),
            ("{\"a\":\"one\ntwo\t\u{1}\"}", json!({"a": "one\ntwo\t\u{1}"})),
            ("{\"a\":[1,2,],\n}", json!({"a": [1, 2]})),
            ("{\"a\":\"no, ] comma,}\",}", json!({"a": "no, ] comma,}"})),
            (r#"{"a":"half \ud83d of it"}"#, json!({"a": "half \u{fffd} of it"})),
            (r#"{"a":"\ude00\ud83d"}"#, json!({"a": "\u{fffd}\u{fffd}"})),
            (r#"{"a":"\ud83dA \ud83d\ude00",}"#, json!({"a": "\u{fffd}A 😀"})),
            (r#"{"a":"it\'s \LaTeX \u12 C:\dir",}"#, json!({"a": "it's \\LaTeX \\u12 C:\\dir"})),
            (r#"{"a":"\"\\\/\n",}"#, json!({"a": "\"\\/\n"})),
        ] {
            assert_eq!(read(text), Some(meant), "{text}");
        }
        for text in [
            "",
            "{",
            "{\"a\":1",
            "{\"a\":1,,}",
            "[,]x",
            "{\"a\":\"open}",
            "{\"a\":\"\\",
            "{\"a\":\"\\ud83d",
            "{a:1}",
            "{'a':1}",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        // deeper than the parser goes, and no stack is at its end
        assert_eq!(read(&"[".repeat(1_000_000)), None);
    }

    #[test]
    fn members_are_counted_at_the_top_alone() {
        for (text, count) in [
            (r#"{}"#, 0),
            (r#"{"a":1}"#, 1),
            (r#"{"a":1, "a" : 2}"#, 2),
            (r#"{"a":{"a":2},"b":["a"],"c":"a"}"#, 1),
            (r#"{"\u0061":1,"a":2}"#, 2),
            (r#"{"b":"\"a\":1","a":"}"}"#, 1),
            (r#"{"a"#, 0),
        ] {
            assert_eq!(members(text, "a"), count, "{text}");
        }
    }
}
