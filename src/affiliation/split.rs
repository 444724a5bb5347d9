//! Where a text is cut into organisations.

use super::people;
use super::places::{has_campuses, is_campus, is_place, is_region};
use super::terms::{self, Category, Terms};
use super::words::{Word, words};

/// Pieces of a text between separators other than commas.
pub(crate) fn segments(text: &str, terms: &Terms) -> Vec<String> {
    let lines = lines(text, terms);
    let mut cut = Vec::new();
    for line in &lines {
        for piece in at_marks(line, terms) {
            at_and(&piece, terms, &mut cut);
        }
    }
    cut
}

/// The text with white space collapsed, cut at the line breaks that separate organisations.
///
/// A break inside a name is white space. It separates where lines are empty or begin with a bullet, where four lines or
/// more have no comma and begin with a capital each, and where a line shows that it is whole.
fn lines(text: &str, terms: &Terms) -> Vec<String> {
    let raw: Vec<&str> = text.split(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']).collect();
    let full: Vec<&str> = raw.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    let capital = |line: &str| line.chars().next().is_some_and(|c| !c.is_lowercase());
    let short = |line: &str| line.split_whitespace().count() <= 6 && !line.contains([',', '，']);
    let list = full.len() >= 4 && full.iter().all(|line| capital(line) && short(line) && !hangs(line));
    let mut joined: Vec<String> = Vec::new();
    let mut before: Option<&str> = None;
    // "\r\n" leaves one empty piece, which is no empty line
    let gaps = text.contains("\n\n") || text.contains("\r\n\r\n") || text.contains("\r\r");
    let mut empty = false;
    let numbered = full.len() > 1 && full.iter().all(|line| unnumbered(line) != *line);
    for line in raw {
        let line = if numbered { unnumbered(line.trim()) } else { line.trim() };
        if line.is_empty() {
            empty = gaps && !text.contains('\r');
            continue;
        }
        let apart = before.is_some_and(|before| empty || list || numbered || are_whole(before, line, terms));
        match joined.last_mut() {
            Some(last) if !apart => {
                last.push_str(if !hangs(last) && is_place_below(line, terms) { ", " } else { " " });
                last.push_str(line);
            }
            _ => joined.push(line.to_string()),
        }
        (before, empty) = (Some(line), false);
    }
    joined.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// A line of a list without its number: "2. Acme" and "2) Acme" are Acme.
fn unnumbered(line: &str) -> &str {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let name = rest.strip_prefix(['.', ')']).filter(|name| name.starts_with(' '));
    if rest.len() < line.len() { name.map_or(line, str::trim_start) } else { line }
}

/// Whether a line is the place of what stands above it: a city, or a town with its country or state. A country alone may
/// belong to a name.
fn is_place_below(line: &str, terms: &Terms) -> bool {
    let all = words(line);
    if line.contains([',', '，']) { is_place_behind(line, terms) } else { is_place(&all) && !is_region(&all) }
}

/// Whether a line goes on in the next: it ends in a word that leads on.
fn hangs(line: &str) -> bool {
    const LEADING: [&str; 14] =
        ["of", "and", "for", "the", "de", "des", "du", "la", "in", "at", "der", "fur", "del", "di"];
    line.ends_with(['&', '-', '–', ','])
        || words(line).last().is_some_and(|word| LEADING.contains(&word.plain.as_str()))
}

/// Whether a line ends an organisation and the next begins another: both have two words at least, and one of them has a
/// term of other organisations than companies, or the first ends in a legal form or a place, or the second begins with
/// "University of".
fn are_whole(before: &str, after: &str, terms: &Terms) -> bool {
    // words that a name goes on with, or is not whole without
    const PARTS: [&str; 14] = [
        "national",
        "international",
        "medical",
        "business",
        "graduate",
        "technical",
        "state",
        "federal",
        "community",
        "public",
        "law",
        "general",
        "new",
        "royal",
    ];
    let end = before.rsplit([',', '，']).next().unwrap_or_default();
    let begin = after.split([',', '，']).next().unwrap_or_default();
    let (last, first) = (words(end), words(begin));
    let part = |word: Option<&Word>| word.is_none_or(|word| PARTS.contains(&word.plain.as_str()));
    if hangs(before)
        || after.starts_with(char::is_lowercase)
        || part(first.first())
        || part(last.last())
        || is_place(&first)
        || terms::is_generic(&first)
        || terms.is_legal_form(&first)
        || terms::is_generic(&last) && !ends_in_form(before, &words(before), terms)
    {
        return false;
    }
    let kind = |text: &str, words: &[Word]| {
        let kind = terms.best(text, words).map(|(category, _)| category);
        kind.is_some_and(|kind| !matches!(kind, Category::Company | Category::Unknown))
    };
    let long = |words: &[Word], text: &str| words.len() > 1 || terms.begins_academic(text, words);
    ends_in_form(before, &words(before), terms)
        || (is_place(&last) && before.contains(','))
        || terms::is_unit(&first)
        || begins_university_of(&first)
        || (long(&last, end) && long(&first, begin) && (kind(end, &last) || kind(begin, &first)))
}

/// Whether a name begins with "University of" or "Technical University of".
fn begins_university_of(name: &[Word]) -> bool {
    const UNIVERSITY_OF: [&str; 5] =
        ["university of", "universite de", "universidad de", "universita di", "universidade de"];
    let technical = name.first().is_some_and(|word| word.plain == "technical");
    let name = if technical { &name[1..] } else { name };
    UNIVERSITY_OF.iter().any(|head| head.split(' ').eq(name.iter().take(2).map(|word| word.plain.as_str())))
}

fn ends_in_form(text: &str, words: &[Word], terms: &Terms) -> bool {
    let bare = terms.without_legal_form(text, words);
    bare.behind && bare.form.is_some_and(|form| form.evidence)
}

/// Pieces of a line between marks: `;`, `|`, bullets, dashes and slashes. A place behind a dash is that of the
/// organisation before it ("Acme – London").
fn at_marks(text: &str, terms: &Terms) -> Vec<String> {
    let mut cut: Vec<(bool, String)> = vec![(false, String::new())];
    let characters: Vec<char> = text.chars().collect();
    for (i, &c) in characters.iter().enumerate() {
        let spaced = |c: Option<&char>| c.is_some_and(|c| c.is_whitespace());
        let between = i > 0 && spaced(characters.get(i - 1)) && spaced(characters.get(i + 1));
        let dash = matches!(c, '-' | '–' | '—') && between;
        let separates = match c {
            ';' | '|' | '•' | '·' | '；' | '、' | '｜' => true,
            '/' | '／' => between || parts_names(&characters, i, terms),
            '+' => between,
            _ => dash,
        };
        match cut.last_mut() {
            Some(_) if separates => cut.push((dash, String::new())),
            Some((_, last)) => last.push(c),
            None => {}
        }
    }
    // "University of Michigan - Ann Arbor"
    for i in (1..cut.len()).rev() {
        if cut[i].0 && has_campuses(&words(&cut[i - 1].1)) && is_campus(&words(&cut[i].1)) {
            let (_, campus) = cut.remove(i);
            cut[i - 1].1 = format!("{}, {}", cut[i - 1].1.trim(), campus.trim());
        }
    }
    let others = cut.iter().any(|(dash, piece)| !dash && !is_place(&words(piece)) && !words(piece).is_empty());
    cut.retain(|(dash, piece)| !(*dash && others && is_place_behind(piece, terms)));
    cut.into_iter().map(|(_, piece)| piece).collect()
}

/// Whether what stands behind a dash is a place: one that is known, or a town before a country or state.
fn is_place_behind(text: &str, terms: &Terms) -> bool {
    let pieces: Vec<&str> = text.split([',', '，']).collect();
    let known = pieces.iter().rev().take_while(|piece| is_place(&words(piece))).count();
    let region = known > 0 && is_region(&words(pieces[pieces.len() - 1]));
    known == pieces.len() || (known + 1 == pieces.len() && region && may_be_town(pieces[0], terms))
}

/// Whether a piece before a country may be a town.
pub(crate) fn may_be_town(piece: &str, terms: &Terms) -> bool {
    let all = words(piece);
    let told = terms.best(piece, &all).is_some_and(|(category, _)| category != Category::Unknown);
    let form = terms.without_legal_form(piece, &all).form.is_some_and(|form| form.evidence);
    let names = all.iter().filter(|word| !word.plain.chars().any(|c| c.is_ascii_digit())).count();
    (1..=4).contains(&names) && !told && !form && !piece.contains('&')
}

/// Whether a slash without blanks stands between two names, as in "Princeton/MIT", and not inside one, as in "A/S" or
/// "Halle/Saale".
fn parts_names(text: &[char], at: usize, terms: &Terms) -> bool {
    const LONGEST: usize = 60;
    let ends = |c: &char| c.is_whitespace() || matches!(c, '/' | ';' | '|' | ',');
    let before: Vec<char> = text[..at].iter().rev().take(LONGEST).take_while(|c| !ends(c)).copied().collect();
    let before: String = before.into_iter().rev().collect();
    let after: String = text[at + 1..].iter().take(LONGEST).take_while(|c| !ends(c)).collect();
    let name = |side: &str| {
        side.chars().filter(|c| c.is_alphabetic()).count() >= 3
            && side.starts_with(|c: char| c.is_alphabetic() && !c.is_lowercase())
            && !side.contains(':')
    };
    let academic = |side: &str| terms.begins_academic(side, &words(side));
    let town = is_place(&words(&before)) && !academic(&after) && terms.best(&after, &words(&after)).is_none();
    (name(&before) || academic(&before)) && (name(&after) || academic(&after)) && !town
}

/// Letters around an "and" that are looked at.
const AROUND: usize = 120;

/// Cuts a text at the "and" between two organisations, as in "Acme LLC and Virginia Tech".
fn at_and(text: &str, terms: &Terms, cut: &mut Vec<String>) {
    let mut start = 0;
    let mut from = 0;
    while let Some((at, and)) = next_and(text, from) {
        let (before, after) = (tail(&text[start..at]), head(&text[at + and.len()..]));
        if are_two(before, after.split(" and ").next().unwrap_or_default(), and.contains('&'), terms) {
            cut.push(text[start..at].to_string());
            start = at + and.len();
            from = start;
        } else {
            // the blank behind it may begin another
            from = at + and.len() - 1;
        }
    }
    cut.push(text[start..].to_string());
}

/// Place of the next "and" in a text behind `from`, and the "and".
fn next_and(text: &str, from: usize) -> Option<(usize, &'static str)> {
    const ANDS: [&str; 4] = [" and ", " und ", " et ", " & "];
    let blanks = text[from..].match_indices(' ').map(|(at, _)| from + at);
    blanks.filter_map(|at| ANDS.into_iter().find(|and| text[at..].starts_with(and)).map(|and| (at, and))).next()
}

fn tail(text: &str) -> &str {
    text.char_indices().rev().take(AROUND).last().map_or("", |(at, _)| &text[at..])
}

fn head(text: &str) -> &str {
    text.char_indices().nth(AROUND).map_or(text, |(at, _)| &text[..at])
}

/// Whether what stands before an "and" and after it are two organisations. "&" binds more than the word.
fn are_two(all_before: &str, all_after: &str, ampersand: bool, terms: &Terms) -> bool {
    const KIN: [&str; 10] = [
        "sons",
        "associates",
        "partners",
        "brothers",
        "subsidiaries",
        "affiliates",
        "daughters",
        "sohne",
        "company",
        "co",
    ];
    let before = all_before.trim_end_matches([',', ' ']).rsplit([',', '，']).next().unwrap_or_default();
    let after = all_after.split([',', '，']).next().unwrap_or_default();
    let (left, right) = (words(before), words(after));
    let Some(first) = right.first() else { return false };
    let capital = after.trim_start().starts_with(|c: char| !c.is_lowercase());
    if !capital
        || terms.is_legal_form(&right)
        || KIN.contains(&first.plain.as_str())
        || terms::is_unit(&left)
        || is_partnership(after)
    {
        return false;
    }
    let kind = |text: &str, words: &[Word]| terms.best(text, words).map(|(category, _)| category);
    let known = |category: Category| !matches!(category, Category::Company | Category::Unknown);
    // "Institute of MIT and Harvard" is of both
    let of = before.rsplit_once(" of ").is_some_and(|(_, of)| terms.begins_academic(of, &words(of)));
    if of {
        return false;
    }
    let acronym = right.len() == 1 && after.trim().chars().all(|c| c.is_uppercase());
    ends_in_form(all_before, &words(all_before), terms)
        || terms.begins_academic(after, &right)
        || begins_university_of(&right)
        || (!ampersand && terms.begins_academic(before, &left))
        || (kind(before, &left).is_some_and(known)
            && kind(after, &right)
                .is_some_and(|kind| if acronym { known(kind) } else { right.len() > 1 && kind == Category::Academic }))
}

/// Whether a name ends as a partnership does.
fn is_partnership(text: &str) -> bool {
    const FORMS: [&str; 7] = ["llp", "lllp", "pllc", "pc", "mbb", "partgmbb", "partg"];
    words(text).last().is_some_and(|word| FORMS.contains(&word.plain.as_str()))
}

/// Pieces of a segment between commas. A legal form or the suffix of a person belongs to what it stands behind.
pub(crate) fn pieces(segment: &str, terms: &Terms) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for piece in segment.split([',', '，']) {
        match pieces.last_mut() {
            // "Google, Inc."
            Some(last) if terms.is_legal_form(&words(piece)) || people::begins_with_suffix(piece) => {
                last.push_str(", ");
                last.push_str(piece.trim());
            }
            // "Jane Roe, PhD"
            Some(last) if people::is_degree(piece) && people::has_degree(last, terms) => {
                pieces.pop();
            }
            _ => pieces.push(piece.to_string()),
        }
    }
    join_terms(&mut pieces, terms);
    join_partners(&mut pieces, terms);
    pieces
}

/// Puts the pieces together that one term names: "Wachtell, Lipton, Rosen & Katz".
fn join_terms(pieces: &mut Vec<String>, terms: &Terms) {
    let mut i = 0;
    while i + 1 < pieces.len() {
        let some = &pieces[i..pieces.len().min(i + 6)];
        let n = terms.pieces_of_one(&some.iter().map(|piece| words(piece)).collect::<Vec<_>>());
        if n > 1 {
            let whole = pieces[i..i + n].iter().map(|piece| piece.trim()).collect::<Vec<_>>().join(", ");
            pieces.splice(i..i + n, [whole]);
        }
        i += 1;
    }
}

/// Puts the names of partners together: the single words before "Meagher & Flom LLP".
fn join_partners(pieces: &mut Vec<String>, terms: &Terms) {
    let mut i = pieces.len();
    while i > 1 {
        i -= 1;
        let ends = is_partnership(&pieces[i]) && [" & ", " and "].iter().any(|and| pieces[i].contains(and));
        if !ends {
            continue;
        }
        let partner = |piece: &&String| {
            let all = words(piece);
            let surname = piece.split_whitespace().count() == 1 && !all.is_empty();
            let form = terms.is_legal_form(&all) || terms::is_generic(&all) || terms::is_unit(&all);
            let acronym = piece.chars().filter(|c| c.is_alphabetic()).all(char::is_uppercase);
            surname && !form && !acronym && !piece.trim().starts_with(char::is_lowercase)
        };
        let n = pieces[..i].iter().rev().take_while(partner).count();
        let whole = pieces[i - n..=i].iter().map(|piece| piece.trim()).collect::<Vec<_>>().join(", ");
        pieces.splice(i - n..=i, [whole]);
        i -= n;
    }
}
