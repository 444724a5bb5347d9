//! Names that are taken out of texts before phrases form, of employers for instance.

use std::collections::{HashMap, HashSet};

/// Names as runs of words.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Names {
    /// The words behind the first, longest runs first, by the first.
    by_first: HashMap<String, Vec<Vec<String>>>,
}

impl Names {
    /// Names as their words; one without a word is none.
    pub(crate) fn new(given: impl Iterator<Item = Vec<String>>) -> Names {
        let distinct: HashSet<Vec<String>> = given.collect();
        let mut names = Names::default();
        for mut words in distinct.into_iter().filter(|words| !words.is_empty()) {
            let rest = words.split_off(1);
            names.by_first.entry(words.remove(0)).or_default().push(rest);
        }
        for rests in names.by_first.values_mut() {
            rests.sort_by_key(|rest| std::cmp::Reverse(rest.len()));
        }
        names
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_first.is_empty()
    }

    /// Number of words of the longest name that `words` begins with; 0 where it begins with none.
    pub(crate) fn at(&self, words: &[&str]) -> usize {
        let Some((first, behind)) = words.split_first() else { return 0 };
        let begins = |rest: &&Vec<String>| rest.len() <= behind.len() && rest.iter().zip(behind).all(|(a, b)| a == b);
        self.by_first.get(*first).and_then(|rests| rests.iter().find(begins)).map_or(0, |rest| 1 + rest.len())
    }
}
