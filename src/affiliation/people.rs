//! Names of people among those of organisations, as in lists of authors: "J. Smith, Jr; A. Doe III, MIT".

use super::terms::{Terms, is_common};
use super::words::{joined, plain, words};

/// Certainty that a text is the name of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Person {
    No,
    /// As the name of a firm may be: "J. Crew".
    Maybe,
    Yes,
}

/// Whether a text begins with the suffix of a person's name: "Jr", "Sr.", "Jr. Community Hospital" and, alone, "III".
pub(crate) fn begins_with_suffix(text: &str) -> bool {
    let words = words(text);
    words.first().is_some_and(|word| ["jr", "sr"].contains(&word.plain.as_str()))
        || (!words.is_empty() && words.iter().all(|word| is_number(&word.plain)))
}

/// Whether words are a degree, which stands behind the name of a person.
pub(crate) fn is_degree(text: &str) -> bool {
    const DEGREES: [&str; 9] = ["phd", "ph d", "dphil", "mba", "esq", "cpa", "cfa", "msc", "bsc"];
    DEGREES.contains(&joined(&words(text)).as_str())
}

/// Whether a name that a degree stands behind is one of a person.
pub(crate) fn has_degree(text: &str, terms: &Terms) -> bool {
    person(&format!("{text}, Esq"), terms) == Person::Yes
}

/// Certainty that a piece of a text is the name of a person. Names that a term or a legal form is known for are none.
pub(crate) fn person(text: &str, terms: &Terms) -> Person {
    let sides: Vec<&str> = text.split(" and ").flat_map(|side| side.split(" & ")).collect();
    let least = sides.iter().map(|side| one(side, terms)).min().unwrap_or(Person::No);
    // two of them beside each other are no firm
    if sides.len() > 1 && least > Person::No { Person::Yes } else { least }
}

fn one(text: &str, terms: &Terms) -> Person {
    let all = words(text);
    let telling = |form: Option<&super::terms::LegalForm>| form.is_some_and(|form| form.evidence);
    let common = all.iter().any(|word| is_common(&word.plain));
    if common || terms.best(text, &all).is_some() || telling(terms.without_legal_form(text, &all).form) {
        return Person::No;
    }
    let mut tokens: Vec<&str> = text.split([' ', '\t', ',']).filter(|token| !token.is_empty()).collect();
    let (mut generation, mut number) = (false, false);
    while let Some(last) = tokens.last().map(|token| plain(token)) {
        match (is_generation(&last), is_number(&last)) {
            (true, _) => generation = true,
            (_, true) => number = true,
            _ => break,
        }
        tokens.pop();
    }
    const PARTICLES: [&str; 10] = ["de", "da", "di", "del", "der", "den", "van", "von", "la", "le"];
    let initials = tokens.iter().filter(|token| is_initials(token)).count();
    let named = tokens.iter().all(|token| {
        token.chars().next().is_some_and(|c| c.is_alphabetic() && !c.is_lowercase()) || PARTICLES.contains(token)
    });
    let digits = text.chars().any(char::is_numeric);
    if !named || digits || !(2..=5).contains(&tokens.len()) || initials == tokens.len() {
        return Person::No;
    }
    let initial = tokens.first().is_some_and(|token| is_initials(token)) || (initials == 1 && tokens.len() == 3);
    if generation || (number && initial) {
        Person::Yes
    } else if initial {
        Person::Maybe
    } else {
        Person::No
    }
}

fn is_generation(word: &str) -> bool {
    ["jr", "sr", "esq"].contains(&word)
}

fn is_number(word: &str) -> bool {
    ["ii", "iii", "iv"].contains(&word)
}

/// Whether a text is made of letters with a dot each: "J.", "J.-P.", "J.R.R.".
fn is_initials(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let dots = text.chars().filter(|c| *c == '.').count();
    letters > 0 && dots == letters && text.chars().all(|c| c.is_uppercase() || matches!(c, '.' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_from_firms() {
        let of = |text| person(text, Terms::standard());
        for text in ["J. Smith, Jr", "A. Doe III", "Robert Q. Miller, Sr.", "Robert Miller Jr", "J. Smith and A. Doe"] {
            assert_eq!(of(text), Person::Yes, "{text}");
        }
        for text in ["J. Smith", "J. R. van Dyke", "Mary K. Jones", "J. Harlow"] {
            assert_eq!(of(text), Person::Maybe, "{text}");
        }
        for text in [
            "Carl's Jr.",
            "I. A. S.",
            "J. P. Morgan",
            "Blackmoor Fund II",
            "Google",
            "J. Smith GmbH",
            "J. Smith & Sons",
            "",
        ] {
            assert_eq!(of(text), Person::No, "{text}");
        }
    }
}
