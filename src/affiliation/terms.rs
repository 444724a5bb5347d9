//! Terms that tell what an organisation is, and legal forms.

use super::words::{Word, joined, plain_words};
use std::collections::HashMap;
use std::sync::OnceLock;

/// Kind of organisation. When two terms of one length match, the earlier category decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Category {
    Academic,
    Government,
    NonProfit,
    Company,
    Unknown,
}

impl Category {
    /// Categories with their names.
    pub(crate) const ALL: [(&'static str, Category); 5] = [
        ("academic", Category::Academic),
        ("government", Category::Government),
        ("non-profit", Category::NonProfit),
        ("company", Category::Company),
        ("unknown", Category::Unknown),
    ];

    pub(crate) fn name(self) -> &'static str {
        Category::ALL.iter().find(|(_, category)| *category == self).map_or("unknown", |(name, _)| name)
    }

    /// The category of a name.
    pub(crate) fn of(name: &str) -> Option<Category> {
        Category::ALL.iter().find(|(n, _)| *n == name).map(|(_, category)| *category)
    }
}

/// Reason why a term is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum TermError {
    #[error("category must be one of 'academic', 'government', 'non-profit', 'company', 'unknown', got '{0}'")]
    Category(String),
    #[error("kind must be one of 'word', 'prefix', 'suffix', 'inside', 'acronym', got '{0}'")]
    Kind(String),
    #[error("term must have a letter or digit, got '{0}'")]
    Empty(String),
    #[error("a term of kind '{kind}' must be one word, got '{term}'")]
    Words { kind: String, term: String },
}

/// Way in which a term is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Whole words, one or more.
    Word,
    /// Beginning of a word: German compounds such as "Universitätsklinik".
    Prefix,
    /// End of a word: German compounds such as "Musikhochschule".
    Suffix,
    /// Any part of a word: scripts without spaces.
    Inside,
    /// Whole word, capitals as written.
    Acronym,
}

/// Row of a table of terms.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Term<'a> {
    pub(crate) category: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) term: &'a str,
}

/// Legal form at the end of a name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LegalForm {
    pub(crate) text: String,
    words: Vec<String>,
    /// Whether it tells a company: "GmbH" does, "II" does not.
    pub(crate) evidence: bool,
}

/// Terms and legal forms, ready to match.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    /// Terms of whole words, by their first word.
    phrases: HashMap<String, Vec<(Vec<String>, Category, String)>>,
    affixes: Vec<(Kind, String, Category, String)>,
    acronyms: HashMap<String, Category>,
    forms: Vec<LegalForm>,
}

impl Terms {
    /// Built-in terms and legal forms.
    pub(crate) fn standard() -> &'static Terms {
        static TERMS: OnceLock<Terms> = OnceLock::new();
        TERMS.get_or_init(|| {
            let mut terms = Terms::default();
            for line in include_str!("../../data/affiliation_terms.csv").lines().skip(1) {
                if let [category, kind, _, term] = line.split(',').collect::<Vec<_>>()[..] {
                    // a test sees that every line is well formed
                    let _ = terms.add(&Term { category, kind, term });
                }
            }
            for line in include_str!("../../data/company_suffixes.csv").lines().skip(1) {
                if let Some((text, evidence)) = line.rsplit_once(',') {
                    let form =
                        LegalForm { text: text.to_string(), words: plain_words(text), evidence: evidence == "true" };
                    terms.forms.push(form);
                }
            }
            terms.forms.sort_by_key(|form| std::cmp::Reverse(form.words.len()));
            terms
        })
    }

    /// Adds a term; of the same term twice the later counts.
    ///
    /// # Errors
    ///
    /// For an unknown category or kind, a term without a letter or digit, and several words where there must be one.
    pub(crate) fn add(&mut self, term: &Term) -> Result<(), TermError> {
        let category = Category::of(term.category).ok_or_else(|| TermError::Category(term.category.to_string()))?;
        let kind = match term.kind {
            "word" => Kind::Word,
            "prefix" => Kind::Prefix,
            "suffix" => Kind::Suffix,
            "inside" => Kind::Inside,
            "acronym" => Kind::Acronym,
            unknown => return Err(TermError::Kind(unknown.to_string())),
        };
        let plain = plain_words(term.term);
        let shown = term.term.to_string();
        match (kind, plain.as_slice()) {
            (_, []) => return Err(TermError::Empty(shown)),
            (Kind::Word, [first, ..]) => {
                let list = self.phrases.entry(first.clone()).or_default();
                list.retain(|(words, _, _)| *words != plain);
                list.push((plain, category, shown));
            }
            (Kind::Acronym, [_]) => {
                self.acronyms.insert(shown, category);
            }
            (_, [one]) => {
                self.affixes.retain(|(known, text, _, _)| (*known, text) != (kind, one));
                self.affixes.push((kind, one.clone(), category, shown));
            }
            _ => return Err(TermError::Words { kind: term.kind.to_string(), term: shown }),
        }
        Ok(())
    }

    /// Category and text of the longest term in a name whose words are `words`.
    pub(crate) fn best(&self, text: &str, words: &[Word]) -> Option<(Category, String)> {
        let letters = |words: &[String]| words.iter().map(|word| word.chars().count()).sum::<usize>();
        let mut found: Vec<(usize, Category, &str)> = Vec::new();
        for (i, word) in words.iter().enumerate() {
            for (phrase, category, shown) in self.phrases.get(&word.plain).into_iter().flatten() {
                if begins_with(&words[i..], phrase) {
                    found.push((letters(phrase), *category, shown));
                }
            }
            for (kind, affix, category, shown) in &self.affixes {
                let matches = match kind {
                    Kind::Prefix => word.plain.starts_with(affix.as_str()),
                    Kind::Suffix => word.plain.ends_with(affix.as_str()),
                    _ => word.plain.contains(affix.as_str()),
                };
                if matches {
                    found.push((affix.chars().count(), *category, shown));
                }
            }
            if let Some((acronym, category)) = self.acronyms.get_key_value(&text[word.start..word.end]) {
                found.push((acronym.chars().count(), *category, acronym));
            }
        }
        let best = found.into_iter().min_by_key(|(length, category, _)| (std::cmp::Reverse(*length), *category));
        best.map(|(_, category, term)| (category, term.to_string()))
    }

    /// Number of a name's words that are left without the legal forms at its end, and the most telling of those forms. A
    /// name that is a legal form and nothing else ("SAS") keeps it.
    pub(crate) fn without_legal_form(&self, words: &[Word]) -> (usize, Option<&LegalForm>) {
        let mut kept = words.len();
        let mut form: Option<&LegalForm> = None;
        while let Some(next) = self.forms.iter().find(|form| kept > form.words.len() && ends_with(&words[..kept], form))
        {
            kept -= next.words.len();
            if form.is_none_or(|form| !form.evidence) {
                form = Some(next);
            }
        }
        (kept, form)
    }

    /// Whether the words are legal forms and nothing else, as behind a comma.
    pub(crate) fn is_legal_form(&self, words: &[Word]) -> bool {
        let mut kept = words.len();
        while let Some(form) =
            self.forms.iter().find(|form| kept >= form.words.len() && ends_with(&words[..kept], form))
        {
            kept -= form.words.len();
        }
        kept == 0 && !words.is_empty()
    }
}

/// Whether a text says that there is no organisation.
pub(crate) fn is_none(words: &[Word]) -> bool {
    const NONE: [&str; 7] = ["n a", "na", "none", "nil", "not applicable", "retired", "unemployed"];
    NONE.contains(&joined(words).as_str())
}

/// Whether a name is a part of an organisation, such as "Department of Physics" or "R&D": dropped beside the whole.
pub(crate) fn is_unit(words: &[Word]) -> bool {
    const NAMES: [&str; 16] = [
        "accounting",
        "customer service",
        "engineering",
        "finance",
        "hr",
        "human resources",
        "it",
        "logistics",
        "marketing",
        "operations",
        "procurement",
        "r d",
        "research and development",
        "research development",
        "sales",
        "sales and marketing",
    ];
    const HEADS: [&str; 12] = [
        "department",
        "dept",
        "faculty",
        "division",
        "laboratory",
        "lab",
        "chair",
        "fakultat",
        "lehrstuhl",
        "departement",
        "departamento",
        "facultad",
    ];
    const OF: [&str; 7] = ["of", "for", "fur", "de", "des", "do", "del"];
    let plain = |i: usize| words.get(i).map_or("", |word| word.plain.as_str());
    // the Department of Energy stands for itself
    let school = plain(0) == "school" && plain(1) == "of";
    NAMES.contains(&joined(words).as_str())
        || (HEADS.contains(&plain(0)) && OF.contains(&plain(1)))
        || school
        || (words.len() > 1 && plain(words.len() - 1) == "department")
}

/// Whether words begin with those of `phrase`.
fn begins_with(words: &[Word], phrase: &[String]) -> bool {
    words.len() >= phrase.len() && words.iter().zip(phrase).all(|(word, term)| word.plain == *term)
}

/// Whether words end with a legal form, which has no more words.
fn ends_with(words: &[Word], form: &LegalForm) -> bool {
    begins_with(&words[words.len() - form.words.len()..], &form.words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::affiliation::words::words;

    #[test]
    fn every_line_of_the_tables_is_well_formed() {
        let mut terms = Terms::default();
        let table = include_str!("../../data/affiliation_terms.csv");
        assert_eq!(table.lines().next(), Some("category,kind,language,term"));
        for line in table.lines().skip(1) {
            let [category, kind, _, term] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
            assert_eq!(terms.add(&Term { category, kind, term }), Ok(()), "{line}");
        }
        for form in &Terms::standard().forms {
            assert!(!form.words.is_empty(), "{form:?}");
        }
    }

    #[test]
    fn a_users_term_is_checked_and_counts_last() {
        let mut terms = Terms::standard().clone();
        let add = |terms: &mut Terms, category, kind, term| terms.add(&Term { category, kind, term });
        assert_eq!(add(&mut terms, "firm", "word", "x"), Err(TermError::Category("firm".into())));
        assert_eq!(add(&mut terms, "company", "infix", "x"), Err(TermError::Kind("infix".into())));
        assert_eq!(add(&mut terms, "company", "word", " -"), Err(TermError::Empty(" -".into())));
        let two = TermError::Words { kind: "suffix".into(), term: "a b".into() };
        assert_eq!(add(&mut terms, "company", "suffix", "a b"), Err(two));
        assert_eq!(add(&mut terms, "company", "word", "university"), Ok(()));
        let name = "Oxbow University";
        assert_eq!(terms.best(name, &words(name)), Some((Category::Company, "university".into())));
    }
}
