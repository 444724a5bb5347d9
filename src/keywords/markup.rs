//! Markup of texts that came from the web, which is no word of theirs: tags of HTML, comments, styles and scripts, character
//! references, addresses of pages.
//!
//! Only names of HTML elements make a tag, so that "a < b" and "vector<int>" stay. What is cut becomes a space; a character
//! reference becomes its character, where that is known, and is looked at again, so that `&lt;br&gt;` is a tag.

use regex::{Captures, Regex};
use std::borrow::Cow;
use std::sync::LazyLock;

static REFERENCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"&(#[xX][0-9a-fA-F]{1,6}|#[0-9]{1,7}|[A-Za-z]{2,8});").expect("a constant pattern"));

static MARKUP: LazyLock<Regex> = LazyLock::new(|| {
    let names = "a|abbr|address|article|aside|b|blockquote|body|br|button|caption|center|cite|code|col|colgroup|dd|del|\
                 details|dfn|div|dl|dt|em|figcaption|figure|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|\
                 ins|kbd|label|li|link|main|mark|meta|nav|nobr|ol|option|p|pre|q|s|samp|script|section|select|small|span|\
                 strike|strong|style|sub|summary|sup|table|tbody|td|textarea|tfoot|th|thead|time|title|tr|tt|u|ul|var|video|\
                 wbr";
    let pattern = format!(
        r#"(?is)<!--.*?-->|<style\b[^<>]*>.*?</style\s*>|<script\b[^<>]*>.*?</script\s*>|<!doctype[^<>]*>|</?(?:{names})(?:\s[^<>]*)?/?>|\b(?:https?|ftp)://[^\s<>()\[\]"']+|\bwww\.[^\s<>()\[\]"']+"#
    );
    Regex::new(&pattern).expect("a constant pattern")
});

/// Characters that have a name.
const NAMED: [(&str, &str); 41] = [
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", " "),
    ("ensp", " "),
    ("emsp", " "),
    ("bull", " "),
    ("middot", " "),
    ("hellip", "…"),
    ("ndash", "–"),
    ("mdash", "—"),
    ("lsquo", "‘"),
    ("rsquo", "’"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("shy", ""),
    ("zwj", "\u{200d}"),
    ("zwnj", "\u{200c}"),
    ("trade", "™"),
    ("reg", "®"),
    ("copy", "©"),
    ("auml", "ä"),
    ("ouml", "ö"),
    ("uuml", "ü"),
    ("Auml", "Ä"),
    ("Ouml", "Ö"),
    ("Uuml", "Ü"),
    ("szlig", "ß"),
    ("eacute", "é"),
    ("egrave", "è"),
    ("ecirc", "ê"),
    ("agrave", "à"),
    ("aacute", "á"),
    ("iacute", "í"),
    ("oacute", "ó"),
    ("uacute", "ú"),
    ("ccedil", "ç"),
    ("ntilde", "ñ"),
    ("oslash", "ø"),
];

/// The text without markup.
pub(crate) fn cut(text: &str) -> Cow<'_, str> {
    if !text.contains(['<', '&']) && !text.contains("://") && !text.contains("www.") && !text.contains("WWW.") {
        return Cow::Borrowed(text);
    }
    let text = match text.contains('&') {
        true => REFERENCE.replace_all(text, referred),
        false => Cow::Borrowed(text),
    };
    Cow::Owned(MARKUP.replace_all(&text, " ").into_owned())
}

/// The character that is referred to; the reference itself where that is unknown.
fn referred(captures: &Captures) -> String {
    let name = &captures[1];
    let code = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok(),
            None => number.parse().ok(),
        },
        None => {
            let known = NAMED.iter().find(|(known, _)| *known == name);
            return known.map_or_else(|| captures[0].to_string(), |(_, character)| character.to_string());
        }
    };
    code.and_then(char::from_u32).map_or_else(|| " ".to_string(), String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_cut() {
        for (text, expected) in [
            ("one<br><BR/>two", "one  two"),
            ("<p class=\"a\">text</p>", " text "),
            ("a &lt;br /&gt; b", "a   b"),
            ("R&amp;D, caf&eacute; &#38; &#x41;I", "R&D, café & AI"),
            ("<!-- note --><style>p {x: y}</style>seen<script type='a'>no()</script>", "  seen "),
            ("see https://example.org/a?b=c, www.example.org (http://a.b)", "see     ( )"),
            (
                "a < b and c > d, vector<int>, <AI>, AT&T; &unknown;",
                "a < b and c > d, vector<int>, <AI>, AT&T; &unknown;",
            ),
            ("plain", "plain"),
            ("&#1114112;", " "),
        ] {
            assert_eq!(cut(text), expected);
        }
    }
}
