//! Truth behind labels of several annotators, without gold people (Dawid & Skene 1979, Applied Statistics 28).
//!
//! Item i has a class drawn with the probabilities p_k. Given class k annotator j gives label l with probability π_jkl, each
//! time anew and independently of everything else. The EM algorithm starts at the labels' shares of each item (the majority,
//! softly) and alternates
//!
//!   M: p_k = mean_i T_ik,  π_jkl = sum_i T_ik n_ijl / sum_il T_ik n_ijl
//!   E: T_ik ∝ p_k prod_jl π_jkl ^ n_ijl
//!
//! with n_ijl the times annotator j gave item i the label l: repeated labels all count. An item with a gold label keeps it.
//! It ends when the log-likelihood, sum_i log sum_k p_k prod_jl π_jkl ^ n_ijl (items with a gold label by that class only,
//! no multinomial coefficients), gains less than a share of itself.
//!
//! Annotators are taken as independent given the class. Those that err together (language models do) count as
//! so many independent witnesses, and the posterior is far too sure of itself.

use crate::parallel;
use crate::progress;
use crate::stats::normal::{exp, ln};
use std::collections::HashMap;

/// Maximum number of classes.
pub(crate) const MAX_CLASSES: usize = 100;

/// Maximum number of numbers in all confusion matrices together: half a gigabyte.
const MAX_CELLS: usize = 1 << 26;

/// Smallest probability, since the logarithm of 0 does not exist.
const TINY: f64 = 1e-300;

/// Number of items a thread takes at a time, and of annotators, who have many more labels.
const ITEMS: usize = 2048;
const ANNOTATORS: usize = 8;

/// Label, all names as numbers from 0 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Label {
    pub(crate) item: u32,
    pub(crate) annotator: u32,
    pub(crate) class: u32,
}

/// Settings of the EM algorithm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Settings {
    pub(crate) max_iterations: usize,
    /// Smallest gain of the log-likelihood, as a share of it.
    pub(crate) tolerance: f64,
    pub(crate) threads: usize,
}

/// Error in the labels; the message is to follow the name of the function called.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum DawidSkeneError {
    #[error("at most {MAX_CLASSES} different labels are possible, ratings has {0}; are they free text?")]
    Classes(usize),
    #[error(
        "{annotators} annotators with {classes} different labels are too many: annotators times labels² may be at most \
         {MAX_CELLS}"
    )]
    Cells { annotators: usize, classes: usize },
}

/// Labels in the order of the model.
#[derive(Debug)]
struct Sorted {
    /// Labels by item, each (annotator, class) with the annotator's place in the model.
    by_item: Vec<(u32, u32)>,
    item_starts: Vec<usize>,
    /// Labels by annotator, each (item, class).
    by_annotator: Vec<(u32, u32)>,
    annotator_starts: Vec<usize>,
    /// Number given, by place in the model.
    order: Vec<usize>,
}

/// Fitted model.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Fit {
    pub(crate) classes: usize,
    /// Item by class, row by row; items without a label have the prevalences.
    pub(crate) posterior: Vec<f64>,
    /// Number of labels of each item.
    pub(crate) n_labels: Vec<usize>,
    pub(crate) prevalence: Vec<f64>,
    /// Expected labels: annotator by class by label, in the order of the numbers given.
    pub(crate) confusion: Vec<f64>,
    pub(crate) log_likelihood: f64,
    pub(crate) iterations: usize,
    pub(crate) converged: bool,
}

impl Fit {
    /// The model fitted to `labels` of items 0 to `items` - 1 and so on; `gold` holds the gold labels, a class an item.
    ///
    /// The result does not depend on the order of the labels or on the annotators' numbers.
    ///
    /// # Errors
    ///
    /// Where there are too many classes, or too many annotators for them.
    pub(crate) fn new(
        labels: &[Label],
        items: usize,
        annotators: usize,
        classes: usize,
        gold: &HashMap<u32, u32>,
        settings: &Settings,
    ) -> Result<Fit, DawidSkeneError> {
        if classes > MAX_CLASSES {
            return Err(DawidSkeneError::Classes(classes));
        }
        if annotators * classes * classes > MAX_CELLS {
            return Err(DawidSkeneError::Cells { annotators, classes });
        }
        let sorted = Sorted::new(labels, items, annotators);
        let mut fit = Fit {
            classes,
            posterior: vec![0.0; items * classes],
            n_labels: (0..items).map(|i| sorted.item_starts[i + 1] - sorted.item_starts[i]).collect(),
            prevalence: vec![0.0; classes],
            confusion: vec![0.0; annotators * classes * classes],
            ..Fit::default()
        };
        let mut class_of: Vec<Option<usize>> = vec![None; items];
        for (&item, &class) in gold {
            class_of[item as usize] = Some(class as usize);
        }
        fit.start(&sorted, &class_of);
        if labels.is_empty() {
            fit.converged = true;
        } else {
            fit.iterate(&sorted, &class_of, settings);
        }
        fit.restore(&sorted, &class_of);
        Ok(fit)
    }

    /// Posteriors to start from: the shares of the labels, or the class of the gold label.
    fn start(&mut self, sorted: &Sorted, class_of: &[Option<usize>]) {
        for (item, class) in class_of.iter().enumerate() {
            let row = &mut self.posterior[item * self.classes..(item + 1) * self.classes];
            match class {
                Some(class) => row[*class] = 1.0,
                None => {
                    let labels = sorted.of_item(item);
                    for (_, class) in labels {
                        row[*class as usize] += 1.0;
                    }
                    row.iter_mut().for_each(|t| *t /= labels.len().max(1) as f64);
                }
            }
        }
    }

    fn iterate(&mut self, sorted: &Sorted, class_of: &[Option<usize>], settings: &Settings) {
        self.log_likelihood = f64::NEG_INFINITY;
        let steps = progress::steps("iterations", settings.max_iterations);
        while self.iterations < settings.max_iterations && !self.converged {
            self.maximise(sorted, settings.threads);
            let before = self.log_likelihood;
            self.log_likelihood = self.expect(sorted, class_of, settings.threads);
            self.iterations += 1;
            steps.tick();
            self.converged = self.log_likelihood - before <= settings.tolerance * self.log_likelihood.abs();
        }
    }

    /// Prevalences and expected labels from the posteriors.
    fn maximise(&mut self, sorted: &Sorted, threads: usize) {
        let classes = self.classes;
        let labelled = (0..self.n_labels.len()).filter(|&i| self.n_labels[i] > 0);
        let mut totals = vec![0.0; classes];
        let mut n = 0.0;
        for item in labelled {
            n += 1.0;
            let row = &self.posterior[item * classes..(item + 1) * classes];
            totals.iter_mut().zip(row).for_each(|(total, t)| *total += t);
        }
        self.prevalence = totals.into_iter().map(|total| total / n).collect();
        let posterior = &self.posterior;
        let parts = chunks(threads, sorted.order.len(), ANNOTATORS, |annotators| {
            let mut part = vec![0.0; annotators.len() * classes * classes];
            for (table, annotator) in part.chunks_exact_mut(classes * classes).zip(annotators) {
                for &(item, label) in sorted.of_annotator(annotator) {
                    let row = &posterior[item as usize * classes..][..classes];
                    // class by label
                    for (class, t) in row.iter().enumerate() {
                        table[class * classes + label as usize] += t;
                    }
                }
            }
            part
        });
        self.confusion = parts.concat();
    }

    /// Posteriors from prevalences and confusion; gives the log-likelihood.
    fn expect(&mut self, sorted: &Sorted, class_of: &[Option<usize>], threads: usize) -> f64 {
        let classes = self.classes;
        // label by class, so that a label's numbers stand side by side
        let mut logs = vec![0.0; self.confusion.len()];
        for (table, out) in self.confusion.chunks_exact(classes * classes).zip(logs.chunks_exact_mut(classes * classes))
        {
            for class in 0..classes {
                let row = &table[class * classes..(class + 1) * classes];
                let total: f64 = row.iter().sum();
                for (label, expected) in row.iter().enumerate() {
                    let probability = if total > 0.0 { expected / total } else { 0.0 };
                    out[label * classes + class] = ln(probability.max(TINY));
                }
            }
        }
        let priors: Vec<f64> = self.prevalence.iter().map(|p| ln(p.max(TINY))).collect();
        let parts = chunks(threads, class_of.len(), ITEMS, |items| {
            let mut part = Vec::with_capacity(items.len() * classes);
            let mut total = 0.0;
            for item in items {
                let start = part.len();
                part.extend_from_slice(&priors);
                let row = &mut part[start..];
                for &(annotator, label) in sorted.of_item(item) {
                    let from = (annotator as usize * classes + label as usize) * classes;
                    row.iter_mut().zip(&logs[from..from + classes]).for_each(|(t, log)| *t += log);
                }
                let labelled = !sorted.of_item(item).is_empty();
                let log = match class_of[item] {
                    Some(class) => {
                        let log = row[class];
                        row.fill(0.0);
                        row[class] = 1.0;
                        log
                    }
                    None => softmax(row),
                };
                total += if labelled { log } else { 0.0 };
            }
            (part, total)
        });
        self.posterior.clear();
        let mut log_likelihood = 0.0;
        for (part, total) in parts {
            self.posterior.extend(part);
            log_likelihood += total;
        }
        log_likelihood
    }

    /// Gives items without labels the prevalences, and annotators their numbers back.
    fn restore(&mut self, sorted: &Sorted, class_of: &[Option<usize>]) {
        let classes = self.classes;
        for item in (0..class_of.len()).filter(|&i| self.n_labels[i] == 0 && class_of[i].is_none()) {
            self.posterior[item * classes..(item + 1) * classes].copy_from_slice(&self.prevalence);
        }
        let square = classes * classes;
        let mut confusion = vec![0.0; self.confusion.len()];
        for (place, &annotator) in sorted.order.iter().enumerate() {
            confusion[annotator * square..(annotator + 1) * square]
                .copy_from_slice(&self.confusion[place * square..(place + 1) * square]);
        }
        self.confusion = confusion;
    }

    /// Most likely class of an item; of equals, to 1e-12, the first.
    pub(crate) fn most_likely(&self, item: usize) -> Option<usize> {
        let row = &self.posterior[item * self.classes..(item + 1) * self.classes];
        let most = row.iter().copied().fold(0.0, f64::max);
        row.iter().position(|&t| t > 0.0 && t >= most - 1e-12)
    }
}

/// Turns logarithms of weights into shares; gives the logarithm of the weights' sum.
fn softmax(row: &mut [f64]) -> f64 {
    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // exp ends at e^-700
    row.iter_mut().for_each(|t| *t = if *t - most > -700.0 { exp(*t - most) } else { 0.0 });
    let sum: f64 = row.iter().sum();
    row.iter_mut().for_each(|t| *t /= sum);
    most + ln(sum)
}

/// Results of `f` for ranges of `size` that cover 0 to n - 1; their bounds do not depend on the threads.
fn chunks<T: Send>(threads: usize, n: usize, size: usize, f: impl Fn(std::ops::Range<usize>) -> T + Sync) -> Vec<T> {
    parallel::map(threads, n.div_ceil(size), |chunk| f(chunk * size..((chunk + 1) * size).min(n)))
}

impl Sorted {
    fn new(labels: &[Label], items: usize, annotators: usize) -> Sorted {
        let count = |n: usize, of: &dyn Fn(&Label) -> u32| {
            let mut starts = vec![0; n + 1];
            labels.iter().for_each(|label| starts[of(label) as usize + 1] += 1);
            (0..n).for_each(|i| starts[i + 1] += starts[i]);
            starts
        };
        // each annotator's labels by item and class are what it is known by
        let starts = count(annotators, &|label| label.annotator);
        let mut lists: Vec<Vec<(u32, u32)>> = starts.windows(2).map(|w| Vec::with_capacity(w[1] - w[0])).collect();
        labels.iter().for_each(|label| lists[label.annotator as usize].push((label.item, label.class)));
        lists.iter_mut().for_each(|list| list.sort_unstable());
        let mut order: Vec<usize> = (0..annotators).collect();
        order.sort_by(|&a, &b| lists[a].cmp(&lists[b]));
        let item_starts = count(items, &|label| label.item);
        let mut next = item_starts.clone();
        let mut sorted = Sorted {
            by_item: vec![(0, 0); labels.len()],
            item_starts,
            by_annotator: Vec::with_capacity(labels.len()),
            annotator_starts: vec![0],
            order,
        };
        for (place, &annotator) in sorted.order.iter().enumerate() {
            for &(item, class) in &lists[annotator] {
                sorted.by_item[next[item as usize]] = (place as u32, class);
                next[item as usize] += 1;
            }
            sorted.by_annotator.append(&mut lists[annotator]);
            sorted.annotator_starts.push(sorted.by_annotator.len());
        }
        sorted
    }

    fn of_item(&self, item: usize) -> &[(u32, u32)] {
        &self.by_item[self.item_starts[item]..self.item_starts[item + 1]]
    }

    fn of_annotator(&self, place: usize) -> &[(u32, u32)] {
        &self.by_annotator[self.annotator_starts[place]..self.annotator_starts[place + 1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const SETTINGS: Settings = Settings { max_iterations: 1000, tolerance: 1e-9, threads: 2 };

    /// Labels with names.
    struct Named {
        items: Vec<String>,
        classes: Vec<String>,
        annotators: usize,
        labels: Vec<Label>,
    }

    impl Named {
        fn new(rows: &[(String, String, String)]) -> Named {
            fn names(all: impl Iterator<Item = String>) -> Vec<String> {
                all.collect::<BTreeSet<_>>().into_iter().collect()
            }
            let at = |list: &[String], name: &String| list.binary_search(name).unwrap() as u32;
            let items = names(rows.iter().map(|row| row.0.clone()));
            let annotators = names(rows.iter().map(|row| row.1.clone()));
            let classes = names(rows.iter().map(|row| row.2.clone()));
            let labels = rows
                .iter()
                .map(|row| Label {
                    item: at(&items, &row.0),
                    annotator: at(&annotators, &row.1),
                    class: at(&classes, &row.2),
                })
                .collect();
            Named { items, classes, annotators: annotators.len(), labels }
        }

        fn fit(&self, gold: &HashMap<u32, u32>) -> Fit {
            let (items, classes) = (self.items.len(), self.classes.len());
            Fit::new(&self.labels, items, self.annotators, classes, gold, &SETTINGS).unwrap()
        }

        /// Items whose most likely class is the truth.
        fn right(&self, fit: &Fit, truth: &HashMap<String, String>) -> usize {
            let right = |&i: &usize| self.classes[fit.most_likely(i).unwrap()] == truth[&self.items[i]];
            (0..self.items.len()).filter(right).count()
        }
    }

    fn lines(file: &str) -> Vec<Vec<String>> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/test/oracle/");
        let text = std::fs::read_to_string(format!("{path}{file}")).unwrap();
        text.lines().skip(1).map(|line| line.split(',').map(str::to_string).collect()).collect()
    }

    fn anaesthesia() -> Named {
        let rows: Vec<_> = lines("rater_anesthesia.csv")
            .into_iter()
            .map(|row| (row[0].clone(), row[1].clone(), row[2].clone()))
            .collect();
        Named::new(&rows)
    }

    fn textual_entailment() -> (Named, HashMap<String, String>) {
        let rows = lines("snow2008_rte.csv");
        let truth = rows.iter().map(|row| (row[0].clone(), row[3].clone())).collect();
        let rows: Vec<_> = rows.into_iter().map(|row| (row[0].clone(), row[1].clone(), row[2].clone())).collect();
        (Named::new(&rows), truth)
    }

    #[test]
    fn anaesthesia_as_published() {
        // Dawid & Skene 1979, table 2, with repeated labels of the first anaesthetist
        let fit = anaesthesia().fit(&HashMap::new());
        for (got, want) in fit.prevalence.iter().zip([0.4000, 0.4216, 0.1118, 0.0667]) {
            assert!((got - want).abs() < 5e-5, "{:?}", fit.prevalence);
        }
        assert!((fit.log_likelihood + 190.7310).abs() < 5e-5, "{}", fit.log_likelihood);
        assert!(fit.converged && fit.iterations < 50, "{}", fit.iterations);
        // every label is somewhere in the expected confusion
        assert!((fit.confusion.iter().sum::<f64>() - 315.0).abs() < 1e-9);
    }

    #[test]
    fn bluebird() {
        let rows = lines("bluebird_labels.csv");
        let truth: HashMap<String, String> = rows.iter().map(|row| (row[0].clone(), row[1].clone())).collect();
        let labels: Vec<_> = rows
            .iter()
            .flat_map(|row| (2..row.len()).map(|j| (row[0].clone(), j.to_string(), row[j].clone())))
            .collect();
        let named = Named::new(&labels);
        assert_eq!((named.items.len(), named.annotators), (108, 39));
        assert_eq!(named.right(&named.fit(&HashMap::new()), &truth), 97);
    }

    #[test]
    fn textual_entailment_with_and_without_gold_labels() {
        let (named, truth) = textual_entailment();
        let fit = named.fit(&HashMap::new());
        assert_eq!(named.right(&fit, &truth), 742);
        // with a gold label of every second item: all items together
        let gold = every_second(&named, &truth);
        let with = named.fit(&gold);
        assert!(named.right(&with, &truth) > 742);
        for (&item, &class) in &gold {
            assert_eq!(with.posterior[item as usize * 2 + class as usize], 1.0);
        }
        // ten labels an item tell the annotators' worth by themselves; with the first two only, gold labels help the others
        let mut counts: HashMap<&String, usize> = HashMap::new();
        let rows = lines("snow2008_rte.csv");
        let few: Vec<_> = rows
            .iter()
            .filter(|row| {
                let count = counts.entry(&row[0]).or_default();
                *count += 1;
                *count <= 2
            })
            .map(|row| (row[0].clone(), row[1].clone(), row[2].clone()))
            .collect();
        let few = Named::new(&few);
        let unknown = |fit: &Fit| {
            let right = |&i: &usize| few.classes[fit.most_likely(i).unwrap()] == truth[&few.items[i]];
            (1..few.items.len()).step_by(2).filter(right).count()
        };
        let (without, with) = (few.fit(&HashMap::new()), few.fit(&every_second(&few, &truth)));
        println!(
            "of 400 unknown with two labels: {} right, {} with 400 gold labels",
            unknown(&without),
            unknown(&with)
        );
        assert!(unknown(&with) > unknown(&without) + 20);
    }

    /// The truth of items 0, 2, 4 and so on.
    fn every_second(named: &Named, truth: &HashMap<String, String>) -> HashMap<u32, u32> {
        let class = |i: usize| named.classes.binary_search(&truth[&named.items[i]]).unwrap() as u32;
        (0..named.items.len()).step_by(2).map(|i| (i as u32, class(i))).collect()
    }

    #[test]
    fn order_of_labels_numbers_of_annotators_and_threads_change_no_byte() {
        let (named, _) = textual_entailment();
        let fit = named.fit(&HashMap::new());
        let last = named.annotators as u32 - 1;
        let other: Vec<Label> =
            named.labels.iter().rev().map(|label| Label { annotator: last - label.annotator, ..*label }).collect();
        let single = Settings { threads: 1, ..SETTINGS };
        let same = Fit::new(&other, 800, named.annotators, 2, &HashMap::new(), &single).unwrap();
        assert_eq!(fit.posterior, same.posterior);
        assert_eq!(fit.log_likelihood.to_bits(), same.log_likelihood.to_bits());
        let mirrored: Vec<f64> = same.confusion.chunks_exact(4).rev().flatten().copied().collect();
        assert_eq!(fit.confusion, mirrored);
    }

    #[test]
    fn log_likelihood_never_falls() {
        let named = anaesthesia();
        let mut before = f64::NEG_INFINITY;
        for max_iterations in 1..15 {
            let settings = Settings { max_iterations, tolerance: 0.0, threads: 1 };
            let fit = Fit::new(&named.labels, 45, named.annotators, 4, &HashMap::new(), &settings).unwrap();
            assert_eq!(fit.iterations, max_iterations);
            assert!(fit.log_likelihood >= before - 1e-9);
            before = fit.log_likelihood;
        }
    }

    #[test]
    fn small_cases() {
        let run = |labels: &[(u32, u32, u32)], items, annotators, classes, gold: &[(u32, u32)]| {
            let labels: Vec<Label> =
                labels.iter().map(|&(item, annotator, class)| Label { item, annotator, class }).collect();
            Fit::new(&labels, items, annotators, classes, &gold.iter().copied().collect(), &SETTINGS).unwrap()
        };
        let empty = run(&[], 0, 0, 0, &[]);
        assert!(empty.converged && empty.posterior.is_empty());
        // one annotator is believed
        let one = run(&[(0, 0, 0), (1, 0, 1), (2, 0, 1)], 3, 1, 2, &[]);
        assert_eq!((one.most_likely(0), one.most_likely(2)), (Some(0), Some(1)));
        // two that contradict each other leave a tie: the first class
        let tie = run(&[(0, 0, 0), (0, 1, 1)], 1, 2, 2, &[]);
        assert_eq!((tie.posterior.as_slice(), tie.most_likely(0)), ([0.5, 0.5].as_slice(), Some(0)));
        // an item without labels has the prevalences, and takes no part in them; one with a gold label has its class
        let silent = run(&[(0, 0, 0), (1, 0, 1), (2, 0, 1)], 5, 1, 2, &[(4, 1)]);
        assert_eq!(silent.posterior[6..8], silent.prevalence);
        assert_eq!(silent.posterior[8..], [0.0, 1.0]);
        assert!((silent.prevalence[1] - 2.0 / 3.0).abs() < 1e-12);
        let message = Fit::new(&[], 0, 0, 101, &HashMap::new(), &SETTINGS).unwrap_err().to_string();
        assert!(message.starts_with("at most 100 different labels are possible, ratings has 101"));
    }
}
