//! Search for terms at the beginnings of words.
//!
//! A term that begins with a letter, a digit or a connector of ASCII cannot begin behind a letter of ASCII, whatever goes on
//! there, so most bytes of a text need no look. Of 64 bytes at once it is said which may begin a term; the first three
//! bytes of such a place, as classes, are looked up in a table of bits, and what that lets through walks a trie of all terms.

use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, BuildError, MatchKind};

/// Number of bytes whose beginnings are told at once.
const BLOCK: usize = 64;

/// Number of bytes of a term that are looked up.
const LOOK: usize = 3;

/// Number of classes of bytes: small letters from 1 on, digits, the connector, bytes of other characters; 0 is the rest.
const CLASSES: usize = 32;

const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = match byte as u8 {
            letter @ b'a'..=b'z' => letter - b'a' + 1,
            b'0'..=b'9' => 27,
            b'_' => 28,
            0x80.. => 29,
            _ => 0,
        };
        byte += 1;
    }
    class
};

fn is_letter(byte: u8) -> bool {
    byte.wrapping_sub(b'a') < 26
}

fn is_word(byte: u8) -> bool {
    is_letter(byte) | (byte.wrapping_sub(b'0') < 10) | (byte == b'_')
}

/// Largest number of bytes of a term.
const LONGEST: usize = 200;

/// Terms in their forms, all of which [`Starts::takes`].
#[derive(Debug)]
pub(super) struct Starts {
    /// Bit for each `LOOK` classes with which a term, and what follows a shorter one, may begin.
    table: Vec<u64>,
    trie: NFA,
}

/// A byte, a block and what is looked up behind its last byte.
type Window = [u8; BLOCK + LOOK];

impl Starts {
    /// Whether no letter of ASCII stands before the term wherever it occurs: it begins with one, or is of ASCII and begins with
    /// another character of words. Long terms are left to an automaton, since each start of a word may be looked at to the
    /// end of a term that repeats itself.
    pub(super) fn takes(term: &str) -> bool {
        term.len() <= LONGEST
            && term.bytes().next().is_some_and(|first| is_letter(first) || is_word(first) && term.is_ascii())
    }

    pub(super) fn new(terms: &[&str]) -> Result<Starts, BuildError> {
        let mut table = vec![0; CLASSES.pow(LOOK as u32) / 64];
        for term in terms {
            enter(&mut table, term.as_bytes(), 0, 0);
        }
        Ok(Starts { table, trie: NFA::builder().match_kind(MatchKind::Standard).build(terms)? })
    }

    /// Calls `meet` with each term whose letters stand in a form where a word may begin, and with its start and end, until that
    /// returns true.
    pub(super) fn find(&self, form: &[u8], mut meet: impl FnMut(usize, usize, usize) -> bool) {
        for block in (0..form.len()).step_by(BLOCK) {
            let window = window(form, block);
            let mut starts = starts(&window);
            while starts != 0 {
                let place = starts.trailing_zeros() as usize;
                starts &= starts - 1;
                let class = |byte: usize| usize::from(CLASS[usize::from(window[place + 1 + byte])]);
                let key = (class(0) * CLASSES + class(1)) * CLASSES + class(2);
                if self.table[key / 64] >> (key % 64) & 1 == 1 && self.walk(form, block + place, &mut meet) {
                    return;
                }
            }
        }
    }

    /// Calls `meet` with the terms that begin at `start`; whether it has returned true.
    fn walk(&self, form: &[u8], start: usize, meet: &mut impl FnMut(usize, usize, usize) -> bool) -> bool {
        let Ok(mut state) = self.trie.start_state(Anchored::Yes) else { return false };
        for end in start + 1..=form.len() {
            state = self.trie.next_state(Anchored::Yes, state, form[end - 1]);
            if self.trie.is_dead(state) {
                return false;
            }
            if self.trie.is_match(state) {
                for index in 0..self.trie.match_len(state) {
                    let term = self.trie.match_pattern(state, index);
                    // a state of the automaton has the terms that end there and began later too
                    let is_whole = self.trie.pattern_len(term) == end - start;
                    if is_whole && meet(term.as_usize(), start, end) {
                        return true;
                    }
                }
            }
        }
        false
    }
}

/// Sets the bits of all classes with which a term may begin, from its byte `at` on.
fn enter(table: &mut [u64], term: &[u8], at: usize, key: usize) {
    if at == LOOK {
        table[key / 64] |= 1 << (key % 64);
        return;
    }
    let mut add = |class: usize| enter(table, term, at + 1, key * CLASSES + class);
    match term.get(at) {
        Some(&byte) => add(usize::from(CLASS[usize::from(byte)])),
        // a letter would go on the word that the term ends with
        None if at == term.len() && is_word(term[at - 1]) => {
            (0..CLASSES).filter(|&class| !(1..=26).contains(&class)).for_each(add);
        }
        None => (0..CLASSES).for_each(add),
    }
}

/// The bytes of a block, spaces behind the end and before the beginning.
fn window(form: &[u8], block: usize) -> Window {
    if block > 0
        && let Some(window) = form[block - 1..].first_chunk()
    {
        return *window;
    }
    let mut window = [b' '; BLOCK + LOOK];
    let before = usize::from(block == 0);
    for (to, from) in window[before..].iter_mut().zip(&form[block + before - 1..]) {
        *to = *from;
    }
    window
}

/// Bit for each byte of a block that may begin a term. Written for the compiler, which takes many bytes at once.
fn starts(window: &Window) -> u64 {
    let mut flags = [0; BLOCK];
    for i in 0..BLOCK {
        flags[i] = u8::from(is_word(window[i + 1]) & !is_letter(window[i]));
    }
    gathered(&flags)
}

/// The lowest bits of up to 64 bytes, a multiple of eight.
pub(super) fn gathered(flags: &[u8]) -> u64 {
    let (eights, _) = flags.as_chunks::<8>();
    // the product gathers the lowest bits of eight bytes in the highest one
    let bits = eights.iter().map(|eight| u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56);
    bits.enumerate().fold(0, |all, (eighth, bits)| all | bits << (8 * eighth))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(terms: &[&str], form: &str) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        Starts::new(terms).unwrap().find(form.as_bytes(), |term, start, _| {
            found.push((term, start));
            false
        });
        found
    }

    #[test]
    fn terms_at_the_beginnings_of_words() {
        assert_eq!(
            found(&["data", "dat", "ata"], "data atari, 7data xdata"),
            [(1, 0), (0, 0), (2, 5), (1, 13), (0, 13)]
        );
        assert_eq!(found(&["r", "ai", "c++"], "r ai air, c++"), [(0, 0), (1, 2), (2, 10)]);
        assert_eq!(found(&["3d"], "3d a3d 33d"), [(0, 0), (0, 8)]);
    }

    #[test]
    fn a_search_ends_when_told() {
        let mut calls = 0;
        Starts::new(&["a"]).unwrap().find(b"a a a", |_, _, _| {
            calls += 1;
            calls == 2
        });
        assert_eq!(calls, 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// Places by comparing every place with every term.
        #[test]
        fn places_by_brute_force(
            terms in prop::collection::hash_set("[ab_1][abé+ 1]{0,3}", 1..6),
            form in "([ab_1é机 +.]|[a-b]{2,3} ){0,200}",
        ) {
            let terms: Vec<&str> = terms.iter().map(String::as_str).filter(|term| Starts::takes(term)).collect();
            prop_assume!(!terms.is_empty());
            let text = form.as_bytes();
            // a term that ends with a character of words is not followed by a letter there; others do not matter
            let goes_on = |end: usize| text.get(end).is_some_and(|byte| is_letter(*byte));
            let mut expected = Vec::new();
            for start in 0..text.len() {
                let is_start = start == 0 || !is_letter(text[start - 1]);
                for (place, term) in terms.iter().enumerate() {
                    let (end, last) = (start + term.len(), term.as_bytes()[term.len() - 1]);
                    if is_start && text[start..].starts_with(term.as_bytes()) && !(is_word(last) && goes_on(end)) {
                        expected.push((place, start));
                    }
                }
            }
            let mut found = found(&terms, &form);
            found.retain(|&(term, start)| {
                let (end, last) = (start + terms[term].len(), terms[term].as_bytes()[terms[term].len() - 1]);
                !(is_word(last) && goes_on(end))
            });
            found.sort_by_key(|&(term, start)| (start, term));
            prop_assert_eq!(found, expected);
        }
    }
}
