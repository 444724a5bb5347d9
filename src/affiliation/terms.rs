//! Terms that tell what an organisation is, and legal forms.

use super::words::{Word, joined, plain, plain_words};
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
    #[error("kind must be one of 'word', 'prefix', 'suffix', 'inside', 'acronym', 'name', got '{0}'")]
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
    /// Whole name: "Princeton" is a university, "Princeton Review" is none.
    Name,
}

/// Row of a table of terms.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Term<'a> {
    pub(crate) category: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) term: &'a str,
}

/// Legal form of a name, behind it or before it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LegalForm {
    pub(crate) text: String,
    words: Vec<String>,
    /// Whether it tells a company: "GmbH" does, "II" does not.
    pub(crate) evidence: bool,
    /// Whether it stands before a name too: "ООО" does, "Inc" does not.
    before: bool,
    /// Whether it is written without a space to the name, as in "株式会社トヨタ自動車".
    joined: bool,
}

/// Name without its legal forms.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bare<'a> {
    pub(crate) words: Vec<Word>,
    /// Whether something was taken off before the name, and behind it.
    pub(crate) before: bool,
    pub(crate) behind: bool,
    /// Most telling of the forms.
    pub(crate) form: Option<&'a LegalForm>,
}

/// Terms and legal forms, ready to match.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    /// Terms of whole words, by their first word.
    phrases: HashMap<String, Vec<(Vec<String>, Category, String)>>,
    affixes: Vec<(Kind, String, Category, String)>,
    acronyms: HashMap<String, Category>,
    names: HashMap<String, (Category, String)>,
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
                if let [text, evidence, position] = line.split(',').collect::<Vec<_>>()[..] {
                    terms.forms.push(LegalForm {
                        text: text.to_string(),
                        words: plain_words(text),
                        evidence: evidence == "true",
                        before: position == "either",
                        joined: text.chars().all(is_unspaced),
                    });
                }
            }
            let letters = |form: &LegalForm| form.words.iter().map(|word| word.len()).sum::<usize>();
            terms.forms.sort_by_key(|form| std::cmp::Reverse((form.words.len(), letters(form))));
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
            "name" => Kind::Name,
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
            (Kind::Name, _) => {
                self.names.insert(plain.join(" "), (category, shown));
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

    /// Term that is the whole name.
    fn named(&self, words: &[Word]) -> Option<&(Category, String)> {
        // names are short: no long text is put together
        (words.len() <= 8).then(|| self.names.get(&joined(words))).flatten()
    }

    /// Whether the words are the name of an academic organisation, whatever else they are: "Princeton".
    pub(crate) fn is_academic_name(&self, words: &[Word]) -> bool {
        self.named(words).is_some_and(|(category, _)| *category == Category::Academic)
    }

    /// Category and text of the longest term in a name whose words are `words`.
    pub(crate) fn best(&self, text: &str, words: &[Word]) -> Option<(Category, String)> {
        let letters = |words: &[String]| words.iter().map(|word| word.chars().count()).sum::<usize>();
        if let Some((category, shown)) = self.named(words) {
            return Some((*category, shown.clone()));
        }
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

    /// Name without the legal forms behind and before it, and without an "and" that they leave ("Goldman Sachs and
    /// Co"). A name that is a legal form and nothing else ("SAS") keeps it, as does one that a term holds together
    /// ("SAS Institute").
    pub(crate) fn without_legal_form(&self, text: &str, words: &[Word]) -> Bare<'_> {
        let mut bare = Bare { words: words.to_vec(), before: false, behind: false, form: None };
        while let Some(form) = self.take_off(text, &mut bare) {
            if bare.form.is_none_or(|known| !known.evidence) {
                bare.form = Some(form);
            }
        }
        while bare.behind && bare.words.len() > 1 && bare.words.last().is_some_and(|word| is_and(&word.plain)) {
            bare.words.pop();
        }
        bare
    }

    /// Takes one legal form off a name; `None` where there is no more.
    fn take_off(&self, text: &str, bare: &mut Bare) -> Option<&LegalForm> {
        let words = &mut bare.words;
        for form in self.forms.iter().filter(|form| words.len() > form.words.len()) {
            if ends_with(words, form) {
                words.truncate(words.len() - form.words.len());
                bare.behind = true;
                return Some(form);
            }
        }
        for form in self.forms.iter().filter(|form| form.before && words.len() > form.words.len()) {
            if begins_with(words, &form.words) && !self.holds_together(words, form.words.len()) {
                words.drain(..form.words.len());
                bare.before = true;
                return Some(form);
            }
        }
        for form in self.forms.iter().filter(|form| form.joined) {
            let [plain] = form.words.as_slice() else { continue };
            let last = words.last_mut().filter(|last| last.plain.ends_with(plain.as_str()) && last.plain != *plain);
            if last.is_some_and(|last| cut_behind(text, last, plain)) {
                bare.behind = true;
                return Some(form);
            }
            let first = words.first_mut();
            let first = first.filter(|first| first.plain.starts_with(plain.as_str()) && first.plain != *plain);
            if first.is_some_and(|first| cut_before(text, first, plain)) {
                bare.before = true;
                return Some(form);
            }
        }
        None
    }

    /// Number of the first pieces of a list that a term names together, "and" aside; 1 where none does.
    pub(crate) fn pieces_of_one(&self, pieces: &[Vec<Word>]) -> usize {
        let bare = |piece: &Vec<Word>| piece.iter().map(|w| w.plain.clone()).filter(|w| !is_and(w)).collect::<Vec<_>>();
        let mut all: Vec<String> = Vec::new();
        let ends: Vec<usize> = pieces
            .iter()
            .map(|piece| {
                all.extend(bare(piece));
                all.len()
            })
            .collect();
        let phrases = all.first().and_then(|first| self.phrases.get(first)).into_iter().flatten();
        let longest = phrases.map(|(phrase, _, _)| phrase).filter(|phrase| all.starts_with(phrase)).map(Vec::len).max();
        // the piece in which the term ends
        longest.and_then(|length| ends.iter().position(|end| *end >= length)).map_or(1, |last| last + 1)
    }

    /// Whether a name begins with a term of an academic organisation that is no generic word: "MIT", "Stanford
    /// University".
    pub(crate) fn begins_academic(&self, text: &str, words: &[Word]) -> bool {
        let Some(first) = words.first() else { return false };
        if self.is_academic_name(words) {
            return true;
        }
        let acronym = self.acronyms.get(&text[first.start..first.end]) == Some(&Category::Academic);
        let mut phrases = self.phrases.get(&first.plain).into_iter().flatten();
        let named = phrases.any(|(phrase, category, _)| {
            *category == Category::Academic
                && begins_with(words, phrase)
                && !phrase.iter().any(|word| is_common(word) || word == "phd" || word == "campus")
        });
        (acronym || named) && !is_unit(words)
    }

    /// Whether a term of more than `n` words begins a name.
    fn holds_together(&self, words: &[Word], n: usize) -> bool {
        let phrases = words.first().and_then(|first| self.phrases.get(&first.plain));
        phrases.into_iter().flatten().any(|(phrase, _, _)| phrase.len() > n && begins_with(words, phrase))
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

/// Whether a text says that there is no organisation, or names a degree.
pub(crate) fn is_none(words: &[Word]) -> bool {
    const NONE: [&str; 26] = [
        "n a",
        "na",
        "none",
        "nil",
        "not applicable",
        "retired",
        "unemployed",
        "self employed",
        "unaffiliated",
        "not affiliated",
        "no affiliation",
        "freelance",
        "independent",
        "stealth",
        "start up",
        "phd",
        "ph d",
        "dphil",
        "md",
        "mba",
        "cpa",
        "cfa",
        "msc",
        "bsc",
        "jr",
        "sr",
    ];
    NONE.contains(&joined(words).as_str())
}

/// Whether a name has generic words alone, such as "Corporation" or "several research groups".
pub(crate) fn is_generic(words: &[Word]) -> bool {
    const BESIDE: [&str; 27] = [
        "the",
        "a",
        "an",
        "of",
        "and",
        "in",
        "at",
        "or",
        "for",
        "my",
        "our",
        "various",
        "several",
        "multiple",
        "many",
        "other",
        "different",
        "independent",
        "private",
        "public",
        "some",
        "unnamed",
        "self",
        "employed",
        "freelance",
        "stealth",
        "mode",
    ];
    words.iter().all(|word| is_common(&word.plain) || BESIDE.contains(&word.plain.as_str()))
        && words.iter().any(|word| is_common(&word.plain))
}

/// Whether a word names a kind of organisation and none of them.
pub(crate) fn is_common(word: &str) -> bool {
    const COMMON: [&str; 56] = [
        "corporation",
        "corp",
        "incorporated",
        "inc",
        "llc",
        "ltd",
        "limited",
        "gmbh",
        "company",
        "companies",
        "firm",
        "firms",
        "startup",
        "startups",
        "consultant",
        "consultants",
        "business",
        "businesses",
        "enterprise",
        "enterprises",
        "organization",
        "organizations",
        "organisation",
        "organisations",
        "research",
        "researcher",
        "researchers",
        "group",
        "groups",
        "team",
        "teams",
        "institute",
        "institutes",
        "institution",
        "institutions",
        "university",
        "universities",
        "college",
        "colleges",
        "school",
        "schools",
        "department",
        "departments",
        "laboratory",
        "laboratories",
        "lab",
        "labs",
        "center",
        "centers",
        "centre",
        "centres",
        "employer",
        "employers",
        "affiliation",
        "affiliations",
        "academia",
    ];
    COMMON.contains(&word)
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

/// Whether a word means "and", which "&" may stand for.
pub(crate) fn is_and(word: &str) -> bool {
    ["and", "und", "et", "och", "og", "en", "y", "e"].contains(&word)
}

/// Whether a letter is of a script that writes words without spaces between, or may: Thai, kana, Han, Hangul.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

/// Cuts the legal form off the end of a word; false where no letter begins it.
fn cut_behind(text: &str, word: &mut Word, form: &str) -> bool {
    let written = &text[word.start..word.end];
    let longest = 2 * form.chars().count();
    let cut = written.char_indices().rev().take(longest).map(|(at, _)| at).find(|at| plain(&written[*at..]) == form);
    let Some(cut) = cut.filter(|cut| *cut > 0) else { return false };
    word.end = word.start + cut;
    word.plain = plain(&text[word.start..word.end]);
    true
}

/// Cuts the legal form off the beginning of a word; false where no letter ends it.
fn cut_before(text: &str, word: &mut Word, form: &str) -> bool {
    let written = &text[word.start..word.end];
    let ends = written.char_indices().map(|(at, _)| at).skip(1).take(2 * form.chars().count());
    // marks that follow the form's last letter belong to it: the longest beginning that is the form
    let Some(cut) = ends.filter(|at| plain(&written[..*at]) == form).last() else { return false };
    word.start += cut;
    word.plain = plain(&text[word.start..word.end]);
    true
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
        let forms = include_str!("../../data/company_suffixes.csv");
        assert_eq!(forms.lines().next(), Some("form,evidence,position"));
        for line in forms.lines().skip(1) {
            let [form, evidence, position] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
            assert!(!plain_words(form).is_empty(), "{line}");
            assert!(["true", "false"].contains(&evidence) && ["behind", "either"].contains(&position), "{line}");
        }
        assert_eq!(Terms::standard().forms.len(), forms.lines().count() - 1);
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
