//! Keywords by likeness: the phrases of a text whose embeddings lie nearest to that of the whole text (KeyBERT,
//! Grootendorst 2020; the rules are those of its release 0.9).
//!
//! The candidates of a text are its distinct phrases by code point, or those of a given list that occur in it, in the
//! order of the list. s(i) is the cosine of candidate i with the text, c(i, j) that of two candidates.
//!
//! * `Plain`: the `top_n` highest s; of equal ones the later first.
//! * `Mmr` (maximal marginal relevance, Carbonell & Goldstein 1998): begins with the highest s and takes in each step the
//!   candidate with the highest (1 - d) s(i) - d max c(i, taken), of equal ones the first.
//! * `MaxSum`: of every choice of `top_n` among the `nr_candidates` highest s the first with the lowest sum of c.
//! * `MaxSumGreedy`: begins with the `nr_candidates` highest s and leaves out, one after the other, the one with the
//!   highest sum of c with those left, of equal ones the one with the lowest s. Costs nr_candidates squared instead of
//!   every choice.
//!
//! Scores are s rounded to four places, and keywords come out by rounded score, those with the same score in the order they
//! were taken. Seed keywords pull the text's vector v to the mean m of theirs: (3 v + m) / 4.
//!
//! Vectors are normalised and multiplied in `f32` with a fixed order of additions, so results are the same bytes
//! everywhere for the same vectors.

use super::tokens;
use super::{Keyword, KeywordError};
use crate::linalg::dot_f32;
use crate::parallel;
use crate::progress;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Maximum number of choices that `MaxSum` compares for one text.
const CHOICES: u64 = 5_000_000;

/// Maximum number of additions that this takes: some tenths of a second.
const ADDITIONS: u64 = 400_000_000;

/// Number of phrases that are embedded at a time, so that vectors of a call do not pile up.
const PHRASES: usize = 8192;

/// Method that selects keywords among the candidates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    Plain,
    Mmr {
        /// d, 0 to 1.
        diversity: f64,
    },
    MaxSum {
        nr_candidates: usize,
    },
    MaxSumGreedy {
        nr_candidates: usize,
    },
}

/// Settings of [`extract`].
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    words: tokens::Settings,
    method: Method,
    /// Maximum number of keywords of a text.
    top_n: usize,
    /// Phrases that alone can be keywords, and their order; `None` = all phrases.
    candidates: Option<HashMap<String, usize>>,
    /// Texts that pull the keywords towards them.
    seed_keywords: Vec<String>,
    /// Whether a keyword that stands in a longer one of its text each time is left out.
    merge: bool,
}

impl Settings {
    /// Settings that were checked. Candidates are cut into words like the texts.
    ///
    /// # Errors
    ///
    /// Where `MaxSum` has fewer candidates than keywords or too many choices, and where a candidate cannot occur in any text.
    pub fn new(
        words: tokens::Settings,
        method: Method,
        top_n: usize,
        candidates: Option<&[String]>,
        seed_keywords: Vec<String>,
    ) -> Result<Settings, KeywordError> {
        match method {
            Method::MaxSum { nr_candidates } | Method::MaxSumGreedy { nr_candidates } if nr_candidates < top_n => {
                return Err(KeywordError::FewCandidates { nr_candidates, top_n });
            }
            Method::MaxSum { nr_candidates } if !is_feasible(nr_candidates, top_n) => {
                let feasible = (top_n..nr_candidates).take_while(|n| is_feasible(*n, top_n)).last();
                return Err(KeywordError::ManyChoices { nr_candidates, top_n, feasible: feasible.unwrap_or(top_n) });
            }
            _ => {}
        }
        let mut known: HashMap<String, usize> = HashMap::new();
        for text in candidates.unwrap_or_default() {
            let cut = words.words(text);
            if cut.is_empty() {
                return Err(KeywordError::NoWord(text.clone()));
            }
            if !(words.ngram_min..=words.ngram_max).contains(&cut.len()) {
                let (min, max) = (words.ngram_min, words.ngram_max);
                return Err(KeywordError::Length { text: text.clone(), min, max });
            }
            let next = known.len();
            known.entry(cut.join(" ")).or_insert(next);
        }
        Ok(Settings { words, method, top_n, candidates: candidates.map(|_| known), seed_keywords, merge: false })
    }

    pub(crate) fn merging(self, merge: bool) -> Settings {
        Settings { merge, ..self }
    }

    /// The candidates of a text, in order.
    fn candidates(&self, text: &str) -> Vec<String> {
        let phrases = self.words.phrases(text);
        match &self.candidates {
            None => phrases.into_iter().collect(),
            Some(known) => {
                let mut found: Vec<(usize, String)> =
                    phrases.into_iter().filter_map(|phrase| Some((*known.get(&phrase)?, phrase))).collect();
                found.sort_unstable();
                found.into_iter().map(|(_, phrase)| phrase).collect()
            }
        }
    }
}

/// Whether every choice of k among n can be compared. Choices that begin alike share the sum of their beginning: there are
/// n + 1 over k beginnings, and each adds at most k cosines.
fn is_feasible(n: usize, k: usize) -> bool {
    choices(n, k) <= CHOICES && choices(n + 1, k).saturating_mul(k as u64) <= ADDITIONS
}

/// Number of choices of k among n, at most `u64::MAX`.
fn choices(n: usize, k: usize) -> u64 {
    let mut product: u128 = 1;
    for i in 0..k.min(n - k) {
        product = product * (n - i) as u128 / (i as u128 + 1);
        if product > u128::from(u64::MAX) {
            return u64::MAX;
        }
    }
    product as u64
}

/// Function from texts to their vectors, one a text.
pub(crate) type Embed<'a, E> = dyn FnMut(&[&str]) -> Result<Vec<Arc<[f32]>>, E> + 'a;

/// The keywords of each text, best first; none for a text without candidates. A text with a vector among `own` is not embedded;
/// texts beyond the end of `own` have none.
///
/// Each distinct phrase of the texts is embedded once; its vector is kept until the last text that has it is done.
/// `size` is given the number of distinct phrases before any is embedded, and tells it for the call's progress.
///
/// # Errors
///
/// Those of `embed`.
pub fn extract<E>(
    texts: &[&str],
    own: &[Option<Arc<[f32]>>],
    settings: &Settings,
    threads: usize,
    embed: &mut Embed<E>,
    size: &dyn Fn(usize) -> String,
) -> Result<Vec<Vec<Keyword>>, E> {
    let candidates = parallel::map(threads, texts.len(), |i| settings.candidates(texts[i]));
    let mut phrases: Vec<&str> = Vec::new();
    let mut last_use: Vec<usize> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut documents: Vec<Vec<usize>> = Vec::with_capacity(texts.len());
    for (document, candidates) in candidates.iter().enumerate() {
        let mut numbers = Vec::with_capacity(candidates.len());
        for phrase in candidates {
            let number = *known.entry(phrase).or_insert(phrases.len());
            if number == phrases.len() {
                phrases.push(phrase);
                last_use.push(document);
            }
            last_use[number] = document;
            numbers.push(number);
        }
        documents.push(numbers);
    }
    let steps = progress::steps(size(phrases.len()), texts.len());
    let seed = seed(settings, embed, texts.is_empty())?;
    let mut vectors: Vec<Option<Arc<[f32]>>> = vec![None; phrases.len()];
    let mut keywords = Vec::with_capacity(texts.len());
    let mut start = 0;
    // phrases are numbered by first occurrence, so those of a part follow each other
    let mut embedded = 0;
    while start < texts.len() {
        let mut end = start;
        let mut until = embedded;
        while end < texts.len() && (end == start || until - embedded < PHRASES) {
            until = documents[end].iter().max().map_or(until, |last| until.max(last + 1));
            end += 1;
        }
        let part: Vec<usize> = (start..end).filter(|document| !documents[*document].is_empty()).collect();
        let own = |document: &usize| own.get(*document).cloned().flatten();
        let without = part.iter().filter(|document| own(document).is_none()).map(|document| texts[*document]);
        let wanted = phrases[embedded..until].iter().copied().chain(without);
        let mut made = embed(&wanted.collect::<Vec<_>>())?;
        let mut embedded_texts = made.split_off(until - embedded).into_iter();
        let whole: Vec<Arc<[f32]>> =
            part.iter().filter_map(|document| own(document).or_else(|| embedded_texts.next())).collect();
        for (slot, vector) in vectors[embedded..until].iter_mut().zip(made) {
            *slot = Some(vector);
        }
        let mut found = parallel::map(threads, part.len(), |i| {
            let mut numbers = documents[part[i]].clone();
            let text = guided(&whole[i], seed.as_deref());
            loop {
                let of: Vec<&[f32]> = numbers.iter().filter_map(|number| vectors[*number].as_deref()).collect();
                let taken = settings.select(&Likeness::new(&text, &of));
                let taken: Vec<(usize, f64)> = taken.into_iter().map(|(at, score)| (numbers[at], score)).collect();
                let nested = match settings.merge {
                    true => nested(texts[part[i]], &settings.words, &taken, &phrases),
                    false => HashSet::new(),
                };
                if nested.is_empty() {
                    return taken;
                }
                numbers.retain(|number| !nested.contains(number));
            }
        })
        .into_iter();
        for document in start..end {
            let taken = if documents[document].is_empty() { None } else { found.next() }.unwrap_or_default();
            let keyword = |(number, score): (usize, f64)| Keyword { term: phrases[number].to_string(), score };
            keywords.push(taken.into_iter().map(keyword).collect());
            for number in &documents[document] {
                if last_use[*number] == document {
                    vectors[*number] = None;
                }
            }
        }
        (start, embedded) = (end, until);
        steps.set(end);
    }
    Ok(keywords)
}

/// Those of the phrases taken, by number, that stand in a longer one of them wherever they occur in the text.
fn nested(text: &str, words: &tokens::Settings, taken: &[(usize, f64)], phrases: &[&str]) -> HashSet<usize> {
    let text = words.words(text);
    let split = |number: usize| phrases[number].split(' ').collect::<Vec<&str>>();
    let times = |phrase: &[&str]| text.windows(phrase.len()).filter(|window| *window == phrase).count();
    let taken: Vec<(usize, Vec<&str>)> = taken.iter().map(|(number, _)| (*number, split(*number))).collect();
    let within = |short: &[&str], long: &[&str]| {
        let inside = long.windows(short.len()).filter(|window| *window == short).count();
        long.len() > short.len() && inside == 1 && times(short) == times(long)
    };
    let is_nested = |short: &[&str]| taken.iter().any(|(_, long)| within(short, long));
    taken.iter().filter(|(_, phrase)| is_nested(phrase)).map(|(number, _)| *number).collect()
}

/// Mean vector of the seed keywords; `None` where there are none, or no texts (`idle`).
fn seed<E>(settings: &Settings, embed: &mut Embed<E>, idle: bool) -> Result<Option<Vec<f32>>, E> {
    if settings.seed_keywords.is_empty() || idle {
        return Ok(None);
    }
    let seeds: Vec<&str> = settings.seed_keywords.iter().map(String::as_str).collect();
    let vectors = embed(&seeds)?;
    let mut mean = vec![0.0; vectors.first().map_or(0, |vector| vector.len())];
    for vector in &vectors {
        for (sum, x) in mean.iter_mut().zip(vector.iter()) {
            *sum += x;
        }
    }
    for x in &mut mean {
        *x /= vectors.len() as f32;
    }
    Ok(Some(mean))
}

/// The vector of a text, pulled to that of the seed keywords.
fn guided(text: &[f32], seed: Option<&[f32]>) -> Vec<f32> {
    match seed {
        None => text.to_vec(),
        Some(seed) => text.iter().zip(seed).map(|(v, m)| (v * 3.0 + m) / 4.0).collect(),
    }
}

/// Cosines of the candidates with the text and with one another.
struct Likeness {
    /// The candidates' vectors, of length 1, one after the other.
    vectors: Vec<f32>,
    dimensions: usize,
    /// Cosine of each candidate with the text.
    scores: Vec<f32>,
}

impl Likeness {
    fn new(text: &[f32], candidates: &[&[f32]]) -> Likeness {
        let dimensions = text.len();
        let mut vectors = Vec::with_capacity(candidates.len() * dimensions);
        for candidate in candidates {
            vectors.extend(normal(candidate));
        }
        let text: Vec<f32> = normal(text).collect();
        let scores = vectors.chunks_exact(dimensions.max(1)).map(|vector| dot_f32(vector, &text)).collect();
        Likeness { vectors, dimensions, scores }
    }

    fn vector(&self, i: usize) -> &[f32] {
        &self.vectors[i * self.dimensions..(i + 1) * self.dimensions]
    }

    fn between(&self, i: usize, j: usize) -> f32 {
        dot_f32(self.vector(i), self.vector(j))
    }

    /// The `n` candidates with the highest scores, lowest first, of equal ones the earlier first.
    fn best(&self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.scores.len()).collect();
        order.sort_by(|a, b| self.scores[*a].total_cmp(&self.scores[*b]));
        order.split_off(order.len() - n.min(order.len()))
    }
}

/// The vector divided by its length; a vector of zeros as it is.
fn normal(vector: &[f32]) -> impl Iterator<Item = f32> + '_ {
    let length = dot_f32(vector, vector).sqrt();
    let length = if length == 0.0 { 1.0 } else { length };
    vector.iter().map(move |x| x / length)
}

impl Settings {
    /// The keywords among the candidates as (candidate, score rounded to four places), best first.
    fn select(&self, likeness: &Likeness) -> Vec<(usize, f64)> {
        let taken: Vec<usize> = match self.method {
            Method::Plain => likeness.best(self.top_n).into_iter().rev().collect(),
            Method::Mmr { diversity } => mmr(likeness, self.top_n, diversity),
            Method::MaxSum { nr_candidates } => max_sum(likeness, self.top_n, nr_candidates),
            Method::MaxSumGreedy { nr_candidates } => max_sum_greedy(likeness, self.top_n, nr_candidates),
        };
        let mut scored: Vec<(usize, f64)> = taken.into_iter().map(|i| (i, round(likeness.scores[i]))).collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        scored
    }
}

/// The score rounded to four places, by the exact decimal value and half to even.
fn round(score: f32) -> f64 {
    // adding zero turns -0 into 0
    format!("{score:.4}").parse().unwrap_or(f64::from(score)) + 0.0
}

/// The first index with the highest value.
fn argmax(values: impl Iterator<Item = (usize, f32)>) -> Option<usize> {
    let mut best: Option<(usize, f32)> = None;
    for (i, value) in values {
        if best.is_none_or(|(_, highest)| value > highest) {
            best = Some((i, value));
        }
    }
    best.map(|(i, _)| i)
}

fn mmr(likeness: &Likeness, top_n: usize, diversity: f64) -> Vec<usize> {
    let n = likeness.scores.len();
    let (near, apart) = ((1.0 - diversity) as f32, diversity as f32);
    // highest cosine with a candidate taken so far
    let mut closest = vec![f32::NEG_INFINITY; n];
    let mut left = vec![true; n];
    let mut taken = Vec::with_capacity(top_n.min(n));
    let mut next = argmax(likeness.scores.iter().copied().enumerate());
    while let Some(best) = next {
        taken.push(best);
        left[best] = false;
        if taken.len() == top_n {
            break;
        }
        for i in (0..n).filter(|i| left[*i]) {
            closest[i] = closest[i].max(likeness.between(i, best));
        }
        let value = |i: usize| (i, near * likeness.scores[i] - apart * closest[i]);
        next = argmax((0..n).filter(|i| left[*i]).map(value));
    }
    taken
}

/// Cosines of the chosen candidates with one another, a line each.
fn table(likeness: &Likeness, chosen: &[usize]) -> Vec<Vec<f64>> {
    let line = |i: &usize| chosen.iter().map(|j| f64::from(likeness.between(*i, *j))).collect();
    chosen.iter().map(line).collect()
}

fn max_sum(likeness: &Likeness, top_n: usize, nr_candidates: usize) -> Vec<usize> {
    let chosen = likeness.best(nr_candidates);
    if chosen.len() <= top_n {
        return chosen.into_iter().rev().collect();
    }
    let table = table(likeness, &chosen);
    let mut search = Search { table: &table, size: top_n, path: Vec::new(), best: Vec::new(), lowest: f64::INFINITY };
    search.extend(0, 0.0);
    search.best.iter().rev().map(|i| chosen[*i]).collect()
}

/// Search through all choices of `size` lines of `table`, in lexicographic order, for the first with the lowest sum.
struct Search<'a> {
    table: &'a [Vec<f64>],
    size: usize,
    path: Vec<usize>,
    best: Vec<usize>,
    lowest: f64,
}

impl Search<'_> {
    fn extend(&mut self, first: usize, sum: f64) {
        if self.path.len() == self.size {
            if sum < self.lowest {
                self.lowest = sum;
                self.best.clone_from(&self.path);
            }
            return;
        }
        let missing = self.size - self.path.len();
        for i in first..=self.table.len() - missing {
            let more: f64 = self.path.iter().map(|j| self.table[i][*j]).sum();
            self.path.push(i);
            self.extend(i + 1, sum + more);
            self.path.pop();
        }
    }
}

fn max_sum_greedy(likeness: &Likeness, top_n: usize, nr_candidates: usize) -> Vec<usize> {
    let chosen = likeness.best(nr_candidates);
    let table = table(likeness, &chosen);
    let mut left: Vec<usize> = (0..chosen.len()).collect();
    let mut sums: Vec<f64> =
        (0..chosen.len()).map(|i| left.iter().map(|j| table[i][*j]).sum::<f64>() - table[i][i]).collect();
    while left.len() > top_n {
        let mut out = 0;
        for at in 1..left.len() {
            if sums[left[at]] > sums[left[out]] {
                out = at;
            }
        }
        let gone = left.remove(out);
        for i in &left {
            sums[*i] -= table[*i][gone];
        }
    }
    left.into_iter().rev().map(|i| chosen[i]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keywords::stop_words;
    use crate::oracle;
    use serde_json::Value;
    use std::cell::Cell;
    use std::convert::Infallible;

    fn words(ngram_max: usize) -> tokens::Settings {
        tokens::Settings {
            ngram_min: 1,
            ngram_max,
            cut: tokens::Cut::Unicode,
            stop_words: HashSet::new(),
            names: Default::default(),
        }
    }

    fn settings(method: Method, top_n: usize) -> Settings {
        Settings::new(words(1), method, top_n, None, Vec::new()).unwrap()
    }

    fn method(name: &str) -> Method {
        match name.split_once(' ') {
            None => Method::Plain,
            Some(("mmr", diversity)) => Method::Mmr { diversity: diversity.parse().unwrap() },
            Some((_, nr_candidates)) => Method::MaxSum { nr_candidates: nr_candidates.parse().unwrap() },
        }
    }

    /// KeyBERT's own selection from random vectors, each method with several settings.
    #[test]
    fn selection_is_that_of_keybert() {
        let oracle = oracle("keybert_keywords.json");
        let mut checked = 0;
        for case in oracle["selection"].as_array().unwrap() {
            let text: Vec<f32> = serde_json::from_value(case["text"].clone()).unwrap();
            let candidates: Vec<Vec<f32>> = serde_json::from_value(case["candidates"].clone()).unwrap();
            let candidates: Vec<&[f32]> = candidates.iter().map(Vec::as_slice).collect();
            let likeness = Likeness::new(&text, &candidates);
            for (name, expected) in case["results"].as_object().unwrap() {
                let expected: Vec<(usize, f64)> = serde_json::from_value(expected.clone()).unwrap();
                let settings = settings(method(name), case["top_n"].as_u64().unwrap() as usize);
                let taken = settings.select(&likeness);
                assert_eq!(
                    taken.iter().map(|(i, _)| i).collect::<Vec<_>>(),
                    expected.iter().map(|(i, _)| i).collect::<Vec<_>>(),
                    "{name}"
                );
                for ((_, got), (_, wanted)) in taken.iter().zip(&expected) {
                    assert!((got - wanted).abs() < 1.5e-4, "{name} {got} {wanted}");
                }
                checked += 1;
            }
        }
        assert!(checked > 40, "{checked}");
    }

    /// Vectors of two letters: the angle of the first turns by 0.1 a letter.
    fn angles(texts: &[&str]) -> Vec<Arc<[f32]>> {
        let vector = |text: &&str| {
            let angle = 0.1 * f32::from(text.bytes().next().unwrap_or(b'a') - b'a');
            Arc::from([angle.cos(), angle.sin(), 0.0])
        };
        texts.iter().map(vector).collect()
    }

    fn run(texts: &[&str], settings: &Settings, threads: usize) -> Vec<Vec<(String, f64)>> {
        let mut embed = |texts: &[&str]| Ok::<_, Infallible>(angles(texts));
        let found = extract(texts, &[], settings, threads, &mut embed, &|_| String::new()).unwrap();
        found.into_iter().map(|keywords| keywords.into_iter().map(|k| (k.term, k.score)).collect()).collect()
    }

    fn terms(found: &[(String, f64)]) -> Vec<&str> {
        found.iter().map(|(term, _)| term.as_str()).collect()
    }

    #[test]
    fn methods_on_angles() {
        // the text stands at 0, its words at 0, 0.1, … 0.5
        let text = "aa bb cc dd ee ff";
        let taken = |method| run(&[text], &settings(method, 3), 1).remove(0);
        let plain = taken(Method::Plain);
        assert_eq!(terms(&plain), ["aa", "bb", "cc"]);
        // cos 0.1 and cos 0.2 to four places
        assert_eq!(plain.iter().map(|(_, score)| *score).collect::<Vec<_>>(), [1.0, 0.995, 0.9801]);
        // diversity alone: the farthest from aa, then what lies farthest from both: cc and dd, of which cc is nearer to the text
        assert_eq!(terms(&taken(Method::Mmr { diversity: 1.0 }))[..2], ["aa", "cc"]);
        assert_eq!(terms(&taken(Method::Mmr { diversity: 0.0 })), ["aa", "bb", "cc"]);
        // among four the ends and one of the middle are least alike
        let spread = taken(Method::MaxSum { nr_candidates: 4 });
        assert_eq!((spread[0].0.as_str(), spread[2].0.as_str()), ("aa", "dd"));
        let greedy = taken(Method::MaxSumGreedy { nr_candidates: 4 });
        assert_eq!((greedy[0].0.as_str(), greedy[2].0.as_str()), ("aa", "dd"));
    }

    #[test]
    fn candidates_and_seeds() {
        let with = |candidates: &[&str], seeds: &[&str]| {
            let list = |texts: &[&str]| texts.iter().map(|text| text.to_string()).collect::<Vec<_>>();
            let candidates = (!candidates.is_empty()).then(|| list(candidates));
            Settings::new(words(2), Method::Plain, 2, candidates.as_deref(), list(seeds))
        };
        let texts = ["aa bb cc, dd!", "", "ee"];
        let found = run(&texts, &with(&["Cc", "BB-cc", "zz", "cc"], &[]).unwrap(), 1);
        assert_eq!(found.iter().map(|f| terms(f)).collect::<Vec<_>>(), [vec!["bb cc", "cc"], vec![], vec![]]);
        // all seeds lie at dd, 0.3, so the text turns to atan(sin 0.3 / (3 + cos 0.3)) = 0.0746: nearer to bb than to aa
        let found = run(&texts, &with(&["aa", "bb"], &["dd", "dx"]).unwrap(), 1);
        assert_eq!(terms(&found[0]), ["bb", "aa"]);
        let cosine = |angle: f64| ((angle - 0.3f64.sin().atan2(3.0 + 0.3f64.cos())).cos() * 1e4).round() / 1e4;
        assert_eq!(found[0].iter().map(|(_, score)| *score).collect::<Vec<_>>(), [cosine(0.1), cosine(0.0)]);
        assert_eq!(with(&[" . "], &[]), Err(KeywordError::NoWord(" . ".to_string())));
        assert_eq!(
            with(&["aa bb cc"], &[]),
            Err(KeywordError::Length { text: "aa bb cc".to_string(), min: 1, max: 2 })
        );
    }

    #[test]
    fn a_text_with_a_vector_is_not_embedded() {
        let settings = settings(Method::Plain, 1);
        let texts = ["aa bb cc", "aa bb cc dd", "aa bb"];
        let mut asked = Vec::new();
        let mut embed = |texts: &[&str]| {
            asked.extend(texts.iter().map(|text| text.to_string()));
            Ok::<_, Infallible>(angles(texts))
        };
        // 0.2 is the angle of cc; the vector may be of any length
        let own = [Some(Arc::from([3.0 * 0.2_f32.cos(), 3.0 * 0.2_f32.sin(), 0.0])), None];
        let found = extract(&texts, &own, &settings, 1, &mut embed, &|_| String::new()).unwrap();
        let best: Vec<(&str, f64)> = found.iter().map(|found| (found[0].term.as_str(), found[0].score)).collect();
        assert_eq!(best, [("cc", 1.0), ("aa", 1.0), ("aa", 1.0)]);
        assert_eq!(asked, ["aa", "bb", "cc", "dd", "aa bb cc dd", "aa bb"]);
    }

    #[test]
    fn choices_beyond_the_budget_are_errors_that_name_what_works() {
        let new =
            |nr_candidates, top_n| Settings::new(words(1), Method::MaxSum { nr_candidates }, top_n, None, Vec::new());
        // 36 over 30 is 1,947,792 and 37 over 30 is 10,295,472
        assert_eq!(choices(36, 30), 1_947_792);
        assert_eq!(choices(37, 30), 10_295_472);
        assert_eq!(new(40, 30), Err(KeywordError::ManyChoices { nr_candidates: 40, top_n: 30, feasible: 36 }));
        assert!(new(36, 30).is_ok());
        assert_eq!(choices(10_000, 5_000), u64::MAX);
        assert!(matches!(new(10_000, 5_000), Err(KeywordError::ManyChoices { .. })));
        // few choices, but long ones: 1,000 over 998 is 499,500, with 166,666,500 beginnings
        assert_eq!(new(1_000, 998), Err(KeywordError::ManyChoices { nr_candidates: 1_000, top_n: 998, feasible: 998 }));
        assert_eq!(new(20, 30), Err(KeywordError::FewCandidates { nr_candidates: 20, top_n: 30 }));
    }

    /// Phrases go to the model once, and keywords do not depend on threads or on the other texts.
    #[test]
    fn each_phrase_is_embedded_once() {
        // 300 texts of 60 words are several parts
        let word = |i: usize, j: usize| {
            format!("{}{}", char::from(b'a' + ((i * 7 + j * j) % 26) as u8), (i * 31 + j * 17) % 997)
        };
        let texts: Vec<String> = (0..300).map(|i| (0..60).map(|j| word(i, j)).collect::<Vec<_>>().join(" ")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let settings =
            Settings::new(words(2), Method::Mmr { diversity: 0.5 }, 5, None, vec!["seed".to_string()]).unwrap();
        let whole: HashSet<&str> = texts.iter().copied().collect();
        let mut seen = HashSet::new();
        let (mut calls, told) = (0, Cell::new(0));
        let mut embed = |texts: &[&str]| {
            calls += 1;
            for text in texts {
                assert!(whole.contains(text) || seen.insert(text.to_string()), "{text} again");
            }
            Ok::<_, Infallible>(angles(texts))
        };
        let size = |phrases: usize| {
            told.set(phrases);
            String::new()
        };
        let found = extract(&texts, &[], &settings, 2, &mut embed, &size).unwrap();
        let phrases: HashSet<String> = texts.iter().flat_map(|text| settings.words.phrases(text)).collect();
        assert_eq!(told.get(), phrases.len());
        assert!(calls > 2, "{calls}");
        assert_eq!(seen.len(), phrases.len() + 1);
        let alone = run(&texts[250..251], &settings, 1).remove(0);
        assert_eq!(found[250].iter().map(|k| (k.term.clone(), k.score)).collect::<Vec<_>>(), alone);
    }

    #[test]
    fn scores_are_rounded_half_to_even_on_the_exact_value() {
        // 0.00005 in f32 lies below five hundred-thousandths, 0.03125 = 1/32 is exact
        assert_eq!([round(0.5), round(0.031_25), round(-0.000_01), round(0.999_96)], [0.5, 0.0312, 0.0, 1.0]);
        assert!(round(-0.000_01).is_sign_positive());
    }

    /// The greedy variant against the exact one on the oracle's vectors: never lower, of course, and never far off.
    #[test]
    fn greedy_sums_are_close_to_the_lowest() {
        let oracle = oracle("keybert_keywords.json");
        let sum = |likeness: &Likeness, taken: &[usize]| -> f32 {
            let pairs = taken.iter().enumerate().flat_map(|(at, i)| taken[..at].iter().map(move |j| (*i, *j)));
            pairs.map(|(i, j)| likeness.between(i, j)).sum()
        };
        for case in oracle["selection"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|case| case["candidates"].as_array().unwrap().len() >= 9)
        {
            let text: Vec<f32> = serde_json::from_value(case["text"].clone()).unwrap();
            let candidates: Vec<Vec<f32>> = serde_json::from_value(case["candidates"].clone()).unwrap();
            let candidates: Vec<&[f32]> = candidates.iter().map(Vec::as_slice).collect();
            let likeness = Likeness::new(&text, &candidates);
            let pairs = |n: usize| (n * (n - 1) / 2) as f32;
            for top_n in [3, 5] {
                let exact = sum(&likeness, &max_sum(&likeness, top_n, 12)) / pairs(top_n);
                let greedy = sum(&likeness, &max_sum_greedy(&likeness, top_n, 12)) / pairs(top_n);
                // mean cosines of a pair
                assert!(greedy >= exact - 1e-6 && greedy <= exact + 0.15, "{exact} {greedy}");
            }
        }
    }

    fn case_settings(case: &Value) -> Settings {
        let number = |name: &str| case[name].as_u64().unwrap() as usize;
        let method = match case["method"].as_str().unwrap() {
            "plain" => Method::Plain,
            "mmr" => Method::Mmr { diversity: case["diversity"].as_f64().unwrap() },
            _ => Method::MaxSum { nr_candidates: number("nr_candidates") },
        };
        let texts = |name: &str| -> Option<Vec<String>> { serde_json::from_value(case[name].clone()).ok() };
        let words = tokens::Settings {
            ngram_min: number("ngram_min"),
            ngram_max: number("ngram_max"),
            cut: tokens::Cut::ScikitLearn,
            stop_words: stop_words::english(),
            names: Default::default(),
        };
        let seeds = texts("seed_keywords").unwrap_or_default();
        Settings::new(words, method, number("top_n"), texts("candidates").as_deref(), seeds).unwrap()
    }

    /// Ordered keywords of one hundred CVs, with the real model: all the same, scores within 1e-4.
    #[test]
    fn keywords_are_those_of_keybert() {
        let model = crate::embed::Settings {
            model: concat!(env!("CARGO_MANIFEST_DIR"), "/.models/sentence-transformers/all-MiniLM-L6-v2").to_string(),
            device: crate::embed::Device::Cpu,
            dtype: crate::embed::Dtype::F32,
            chunks: crate::embed::Chunks::First,
            store: None,
        };
        let model = crate::embed::open(&model).unwrap();
        let oracle = oracle("keybert_keywords.json");
        let texts: Vec<String> = serde_json::from_value(oracle["texts"].clone()).unwrap();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let cases = oracle["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 15);
        for case in cases {
            let settings = case_settings(case);
            let expected: Vec<Vec<(String, i64)>> = serde_json::from_value(case["keywords"].clone()).unwrap();
            assert_eq!(expected.len() as u64, case["documents"].as_u64().unwrap());
            let mut embed = |texts: &[&str]| model.embed(texts, 2);
            let found = extract(&texts[..expected.len()], &[], &settings, 2, &mut embed, &|_| String::new()).unwrap();
            for (document, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let place = format!("document {document}, {:?}", settings.method);
                let got: Vec<&str> = found.iter().map(|keyword| keyword.term.as_str()).collect();
                let wanted: Vec<&str> = expected.iter().map(|(term, _)| term.as_str()).collect();
                assert_eq!(got, wanted, "{place}");
                for (keyword, (_, score)) in found.iter().zip(expected) {
                    // both are rounded to four places, so at most one step apart
                    assert!((keyword.score - *score as f64 / 1e4).abs() < 1.5e-4, "{place}");
                }
            }
        }
    }
}
