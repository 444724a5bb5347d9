//! Text in a picture: characters that may be written, bounds on widths, and cuts to the room there is.
//!
//! A picture does not know the font that will show it. Widths are those of DejaVu Sans, which with Verdana is the
//! widest of the common sans-serif fonts, so that what fits here fits in Helvetica, Arial or Liberation Sans too;
//! characters it has no number for count by their class. All widths are in pixels for a size in pixels.

use unicode_normalization::UnicodeNormalization;
use unicode_width::UnicodeWidthChar;

/// Advance widths of U+0020 to U+007E in thousandths of the size: regular and bold.
const REGULAR: [u16; 95] = [
    318, 401, 460, 838, 637, 951, 780, 275, 391, 391, 500, 838, 318, 361, 318, 337, 637, 637, 637, 637, 637, 637, 637,
    637, 637, 637, 337, 337, 838, 838, 838, 531, 1000, 685, 687, 699, 771, 632, 576, 775, 752, 295, 295, 656, 558, 863,
    749, 788, 604, 788, 695, 635, 611, 732, 685, 989, 686, 611, 686, 391, 337, 391, 838, 500, 500, 613, 635, 550, 635,
    616, 353, 635, 634, 278, 278, 580, 278, 975, 634, 612, 635, 635, 412, 521, 393, 634, 592, 818, 592, 592, 525, 637,
    337, 637, 838,
];
const BOLD: [u16; 95] = [
    349, 457, 521, 838, 696, 1002, 873, 307, 458, 458, 523, 838, 380, 416, 380, 366, 696, 696, 696, 696, 696, 696, 696,
    696, 696, 696, 400, 400, 838, 838, 838, 581, 1000, 774, 763, 734, 831, 684, 684, 821, 837, 373, 373, 775, 638, 996,
    837, 851, 733, 851, 771, 721, 683, 813, 774, 1104, 771, 725, 726, 458, 366, 458, 838, 500, 500, 675, 716, 593, 716,
    679, 436, 716, 712, 343, 343, 666, 343, 1042, 712, 688, 716, 716, 494, 596, 479, 712, 652, 924, 646, 652, 583, 712,
    366, 712, 838,
];

/// The text on one line, without what XML forbids or what turns the direction of its neighbours; names that show
/// nothing are replaced by a word.
pub(crate) fn clean(text: &str) -> String {
    let kept: String = text
        .chars()
        .filter_map(|c| match c {
            '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(' '),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
            '\u{fffe}' | '\u{ffff}' => Some('\u{fffd}'),
            c if c.is_control() => Some('\u{fffd}'),
            c => Some(c),
        })
        .collect();
    let words: Vec<&str> = kept.split_whitespace().collect();
    if kept.chars().all(|c| c.is_whitespace() || c.width() == Some(0)) {
        return "(empty)".to_string();
    }
    words.join(" ")
}

/// The text as XML content or as an attribute's value.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A bound on the width of `text`.
pub(crate) fn width(text: &str, size: f64, bold: bool) -> f64 {
    pixels(text.chars().map(|c| u64::from(advance(c, bold))).sum(), size)
}

fn pixels(thousandths: u64, size: f64) -> f64 {
    thousandths as f64 * size / 1000.0
}

/// As much of the beginning of `text` as fits into `room`.
pub(crate) fn fitting(text: &str, size: f64, bold: bool, room: f64) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += u64::from(advance(*c, bold));
        pixels(used, size) > room
    });
    end.map_or(text, |(at, _)| &text[..at])
}

fn advance(c: char, bold: bool) -> u16 {
    let ascii = |c: char| {
        let at = (c as usize).checked_sub(0x20)?;
        if bold { BOLD.get(at).copied() } else { REGULAR.get(at).copied() }
    };
    if let Some(width) = ascii(c) {
        return width;
    }
    match c {
        '–' | '·' | '’' | '‘' | '“' | '”' => return 660,
        '−' | '×' | '≥' | '≤' => return 840,
        _ => {}
    }
    // a letter with marks is as wide as the letter
    if let Some(width) = std::iter::once(c).nfd().next().filter(|base| *base != c).and_then(ascii) {
        return width;
    }
    match c.width() {
        Some(0) => 0,
        Some(2) => 1300,
        // single ligatures, such as U+FDFD, are as wide as a sentence
        _ if ('\u{fb50}'..='\u{fdff}').contains(&c) => 2500,
        _ => 1000,
    }
}

/// `text`, or as much of its beginning as fits into `room` with an ellipsis.
fn shorten(text: &str, size: f64, bold: bool, room: f64) -> String {
    if width(text, size, bold) <= room {
        text.to_string()
    } else {
        cut(text, size, bold, room, 1.0).unwrap_or_default()
    }
}

/// The name, or as much of its beginning and its end as fits into `room` with an ellipsis between them: names of a kind
/// begin alike. Of all cuts the first that is `free`, where there is one.
pub(crate) fn shorten_name(name: &str, size: f64, bold: bool, room: f64, free: impl Fn(&str) -> bool) -> String {
    if width(name, size, bold) <= room {
        return name.to_string();
    }
    let Some(usual) = cut(name, size, bold, room, 0.5) else { return String::new() };
    let elsewhere = [0.5, 0.35, 0.65, 0.2, 0.8, 0.0, 1.0].into_iter().filter_map(|of| cut(name, size, bold, room, of));
    // what tells names apart may stand in the middle
    let rest = room - width("…", size, bold);
    let inside = name.char_indices().skip(1).take(200).filter_map(|(at, _)| {
        let inside = cut(&name[at..], size, bold, rest, 1.0)?;
        Some(format!("…{}", inside.trim_start()))
    });
    let numbered = (2..1000).filter_map(|n| {
        let number = format!(" ({n})");
        Some(cut(name, size, bold, room - width(&number, size, bold), 1.0)? + &number)
    });
    elsewhere.chain(inside).chain(numbered).find(|cut| free(cut)).unwrap_or(usual)
}

/// An ellipsis in the place of what does not fit into `room`, the end taking all but the part `of` it; `None` where not
/// even one letter fits.
fn cut(text: &str, size: f64, bold: bool, room: f64, of: f64) -> Option<String> {
    let mut room = room - width("…", size, bold);
    let (mut used, mut from) = (0.0, text.len());
    for (at, c) in text.char_indices().rev().take_while(|_| of < 1.0) {
        let advance = f64::from(advance(c, bold)) * size / 1000.0;
        used += advance;
        if used > (1.0 - of) * room {
            used -= advance;
            break;
        }
        // a mark goes with its letter
        if advance > 0.0 {
            from = at;
        }
    }
    room -= used;
    let (mut used, mut to) = (0.0, 0);
    for (at, c) in text[..from].char_indices().take_while(|_| of > 0.0) {
        used += f64::from(advance(c, bold)) * size / 1000.0;
        if used > room {
            break;
        }
        to = at + c.len_utf8();
    }
    let (beginning, end) = (text[..to].trim_end(), text[from..].trim_start());
    (to > 0 || !end.is_empty()).then(|| format!("{beginning}…{end}"))
}

/// Maximum number of words of a line.
const LONGEST: usize = 1_000;

/// `text` in at most `lines` lines of `room`, cut at spaces; the last line is shortened.
pub(crate) fn wrap(text: &str, size: f64, bold: bool, room: f64, lines: usize) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    while at < words.len() && out.len() < lines {
        if out.len() + 1 == lines {
            out.push(shorten(&words[at..].join(" "), size, bold, room));
            break;
        }
        // more words than this do not fit, unless they have no width
        let line = words[at..words.len().min(at + LONGEST)].join(" ");
        let fit = fitting(&line, size, bold, room);
        let whole = fit.len() == line.len() || line[fit.len()..].starts_with(' ');
        let n = (fit.split(' ').count() - usize::from(!whole)).max(1);
        out.push(shorten(&words[at..at + n].join(" "), size, bold, room));
        at += n;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_the_font() {
        // 2048 units: m 1995, i 569, digit 1303
        assert!((width("m", 1000.0, false) - 974.1).abs() < 1.0);
        assert!((width("i0", 1000.0, false) - (277.8 + 636.2)).abs() < 2.0);
        assert_eq!(width("é", 10.0, false), width("e", 10.0, false));
        assert_eq!(width("e\u{301}", 10.0, false), width("e", 10.0, false));
        assert!(width("社", 10.0, false) >= 10.0);
        assert!(width("Name", 10.0, true) > width("Name", 10.0, false));
    }

    #[test]
    fn texts_are_cut_to_their_room() {
        assert_eq!(shorten("Short", 10.0, false, 100.0), "Short");
        let cut = shorten("A very long name of a company", 10.0, false, 60.0);
        assert!(cut.ends_with('…') && width(&cut, 10.0, false) <= 60.0, "{cut}");
        assert_eq!(shorten("Name", 10.0, false, 3.0), "");
        assert_eq!(shorten_name("Name", 10.0, false, 3.0, |_| true), "");
        assert_eq!(wrap("one two three", 10.0, false, 1000.0, 2), ["one two three"]);
        assert_eq!(wrap("one two three", 10.0, false, 45.0, 5), ["one two", "three"]);
        assert_eq!(wrap("one two three four five", 10.0, false, 45.0, 2).len(), 2);
    }

    #[test]
    fn names_that_begin_alike_stay_distinct() {
        let room = 90.0;
        let mut shown: Vec<String> = Vec::new();
        for name in (0..30).flat_map(|n| {
            [
                format!("anthropic:claude-opus-4-1-2025{n:02}"),
                format!("{n:02} Rheinisch-Westfälische Gesellschaft"),
                format!("Rheinische {n:02} Gesellschaft für Forschung und Entwicklung"),
            ]
        }) {
            let cut = shorten_name(&name, 10.0, false, room, |cut| !shown.iter().any(|known| known == cut));
            assert!(cut.contains('…') && width(&cut, 10.0, false) <= room, "{cut}");
            assert!(!shown.contains(&cut), "{cut} of {name}");
            shown.push(cut);
        }
        // the same beginning and end, and nothing that fits between
        let mut shown: Vec<String> = Vec::new();
        for n in 0..5 {
            let name = format!("{}{n}{}", "a".repeat(300), "z".repeat(300));
            let cut = shorten_name(&name, 10.0, false, room, |cut| !shown.iter().any(|known| known == cut));
            assert!(width(&cut, 10.0, false) <= room && !shown.contains(&cut), "{cut}");
            shown.push(cut);
        }
        // both ends are there, and a mark is not parted from its letter
        let both = shorten_name("Beginning and the end", 10.0, false, 80.0, |_| true);
        assert!(both.starts_with('B') && both.ends_with("nd"), "{both}");
        let marked = shorten_name(&"e\u{301}".repeat(40), 10.0, false, 80.0, |_| true);
        assert!(marked.contains("\u{301}…e\u{301}"), "{marked}");
    }

    #[test]
    fn what_xml_forbids_is_replaced() {
        assert_eq!(clean("a\u{0}b\tc\u{202e}d\u{ffff}"), "a\u{fffd}b cd\u{fffd}");
        assert_eq!(clean(" \u{200b}\n"), "(empty)");
        assert_eq!(escape("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
    }
}
