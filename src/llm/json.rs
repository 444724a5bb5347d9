//! JSON as servers and models write it.

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
