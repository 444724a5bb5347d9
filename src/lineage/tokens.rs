//! Tokens and statements of a script, by DuckDB's rules for comments, quotes and dollar quotes.

/// Kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// White space or a comment.
    Space,
    /// A keyword or a name.
    Word,
    /// A name in double quotes.
    Quoted,
    /// A text in single quotes or dollar quotes.
    Text,
    /// A number, a parameter, or one sign.
    Other,
}

/// Token of a text, `text[start..end]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Number of brackets around it; an opening and a closing one lie outside of the tokens that they enclose.
    pub(crate) depth: usize,
}

/// Tokens of a text, which cover all of it.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut all = Vec::new();
    let (mut start, mut depth) = (0, 0usize);
    while let Some((kind, length)) = next(&text[start..]) {
        let end = start + length;
        if matches!(&text[start..end], ")" | "]" | "}") {
            depth = depth.saturating_sub(1);
        }
        all.push(Token { kind, start, end, depth });
        if matches!(&text[start..end], "(" | "[" | "{") {
            depth += 1;
        }
        start = end;
    }
    all
}

/// Whether a character can stand in a word, though not first if it is a figure.
fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || (!c.is_ascii() && !is_space(c))
}

/// White space, or a byte-order mark: one stands at the beginning of each file of some editors.
fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

/// First token of a text, and its length; `None` for the empty text. A quote or a comment that does not end is
/// one token to the end.
fn next(text: &str) -> Option<(Kind, usize)> {
    let first = text.chars().next()?;
    let run = |of: fn(char) -> bool| text.find(|c| !of(c)).unwrap_or(text.len());
    Some(match first {
        c if is_space(c) => (Kind::Space, run(is_space)),
        '-' if text.starts_with("--") => (Kind::Space, text.find(['\n', '\r']).unwrap_or(text.len())),
        '/' if text.starts_with("/*") => (Kind::Space, comment(text)),
        '\'' => (Kind::Text, quoted(text, '\'', false)),
        '"' => (Kind::Quoted, quoted(text, '"', false)),
        'e' | 'E' if text[1..].starts_with('\'') => (Kind::Text, 1 + quoted(&text[1..], '\'', true)),
        '$' => match dollar(text) {
            Some(length) => (Kind::Text, length),
            // a parameter
            None => (Kind::Other, 1 + text[1..].find(|c| !in_word(c) || c == '$').unwrap_or(text.len() - 1)),
        },
        c if c.is_ascii_digit() => (Kind::Other, run(|c| c.is_ascii_alphanumeric() || c == '_')),
        c if in_word(c) => (Kind::Word, run(in_word)),
        c => (Kind::Other, c.len_utf8()),
    })
}

/// Length of a comment in `/* … */`, which may hold others.
fn comment(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut open) = (0, 0usize);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (open, at) = (open + 1, at + 2),
            b"*/" => (open, at) = (open - 1, at + 2),
            _ => at += 1,
        }
        if open == 0 {
            return at;
        }
    }
    text.len()
}

/// Length of a text in quotes: a doubled quote is part of it, and one behind a backslash where those escape.
fn quoted(text: &str, quote: char, backslash: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && backslash {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => chars.next(),
                _ => return at + 1,
            };
        }
    }
    text.len()
}

/// Length of `$tag$ … $tag$`; `None` where the text does not begin with a tag.
fn dollar(text: &str) -> Option<usize> {
    let tag = 1 + text[1..].find('$')?;
    let inner = &text[1..tag];
    if inner.starts_with(|c: char| c.is_ascii_digit()) || !inner.chars().all(in_word) {
        return None;
    }
    let mark = &text[..=tag];
    Some(text[mark.len()..].find(mark).map_or(text.len(), |at| at + 2 * mark.len()))
}

/// Piece of a script: a statement with its semicolon and the space and comments before it, a line that begins
/// with a dot (for the command line client), or space and comments at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a str,
    /// Line of its first word, from 1.
    pub(crate) line: i64,
    /// Tokens without space, comments and the semicolon; places are those in `text`. Empty where there is no statement.
    pub(crate) tokens: Vec<Token>,
}

/// Pieces of a script; joined they are the script.
pub(crate) fn pieces(script: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut start, mut at, mut line, mut depth) = (0, 0, 1, 0usize);
    let mut tokens: Vec<Token> = Vec::new();
    let mut first_line = 1;
    while let Some((kind, length)) = next(&script[at..]) {
        let word = &script[at..at + length];
        if kind != Kind::Space && tokens.is_empty() {
            first_line = line;
        }
        if tokens.is_empty() && matches!(word, "." | "#") {
            let end = script[at..].find('\n').map_or(script.len(), |n| at + n + 1);
            line += i64::from(script[at..end].ends_with('\n'));
            pieces.push(Piece { text: &script[start..end], line: first_line, tokens: Vec::new() });
            (start, at) = (end, end);
            continue;
        }
        line += word.bytes().filter(|byte| *byte == b'\n').count() as i64;
        if word == ";" {
            pieces.push(Piece { text: &script[start..at + 1], line: first_line, tokens: std::mem::take(&mut tokens) });
            (start, depth) = (at + 1, 0);
        } else if kind != Kind::Space {
            if matches!(word, ")" | "]" | "}") {
                depth = depth.saturating_sub(1);
            }
            tokens.push(Token { kind, start: at - start, end: at + length - start, depth });
            if matches!(word, "(" | "[" | "{") {
                depth += 1;
            }
        }
        at += length;
    }
    if start < script.len() {
        pieces.push(Piece { text: &script[start..], line: first_line, tokens });
    }
    pieces
}

/// Name or text without its quotes.
pub(crate) fn unquoted(token: &str) -> String {
    for (quote, pair) in [("'", "''"), ("\"", "\"\"")] {
        let body = token.strip_prefix(['e', 'E']).filter(|rest| rest.starts_with('\'')).unwrap_or(token);
        if let Some(body) = body.strip_prefix(quote) {
            return body.strip_suffix(quote).unwrap_or(body).replace(pair, quote);
        }
    }
    if let Some(tag) = token.strip_prefix('$').and_then(|rest| rest.find('$')) {
        let mark = &token[..tag + 2];
        let body = &token[mark.len()..];
        return body.strip_suffix(mark).unwrap_or(body).to_string();
    }
    token.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<&str> {
        tokens(text).iter().filter(|t| t.kind != Kind::Space).map(|t| &text[t.start..t.end]).collect()
    }

    #[test]
    fn quotes_and_comments_are_one_token() {
        assert_eq!(words("a 'b;''c' \"d\"\"e\" -- f;\ng"), ["a", "'b;''c'", "\"d\"\"e\"", "g"]);
        assert_eq!(words("a /* b /* c */ ; */ d"), ["a", "d"]);
        assert_eq!(words(r"e'\';' x'00' E'a'"), [r"e'\';'", "x", "'00'", "E'a'"]);
        assert_eq!(words("$$a;$b$ $$ $t$ ; $$ $t$ $1 $name a$b"), ["$$a;$b$ $$", "$t$ ; $$ $t$", "$1", "$name", "a$b"]);
        assert_eq!(words("'open ; "), ["'open ; "]);
        assert_eq!(words("größe\u{a0}naïve"), ["größe", "naïve"]);
    }

    #[test]
    fn quotes_are_taken_off() {
        for (token, text) in [
            ("'a''b'", "a'b"),
            ("\"a\"\"b\"", "a\"b"),
            ("$$a$$", "a"),
            ("$t$a$t$", "a"),
            ("e'a'", "a"),
            ("a", "a"),
            ("'a", "a"),
        ] {
            assert_eq!(unquoted(token), text);
        }
    }

    #[test]
    fn statements_have_lines_and_dot_lines_are_none() {
        let script = "-- first\nSELECT 1;\n\n.print ; it's\nFROM\n  t;# remark\nSELECT '\n'; SELECT 2";
        let found: Vec<(i64, usize)> = pieces(script).iter().map(|p| (p.line, p.tokens.len())).collect();
        assert_eq!(found, [(2, 2), (4, 0), (5, 2), (6, 0), (7, 2), (8, 2)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn pieces_joined_are_the_script(script in "([a-z.;#'\"$()\\[\\]\\\\/*\\- \n\r]|é|\u{a0}|\\$t\\$|e'|/\\*|\\*/|--){0,60}") {
            let joined: String = pieces(&script).iter().map(|piece| piece.text).collect();
            prop_assert_eq!(joined, script);
        }

        #[test]
        fn tokens_cover_any_text(text in "\\PC*") {
            let joined: String = tokens(&text).iter().map(|t| &text[t.start..t.end]).collect();
            prop_assert_eq!(joined, text);
        }
    }
}
