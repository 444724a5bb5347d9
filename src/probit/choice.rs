//! Choice of annotators where there are too many.
//!
//! Forward selection by joint mutual information (Yang & Moody 1999; Brown et al. 2012, JMLR 13, 27-66): first the
//! annotator whose answers tell most about the class, then each time the one with the greatest sum, over those
//! chosen before, of what its answers and theirs tell together. Only pairs are counted, which some hundred gold people
//! can bear. Information is that of answers given which of them are there, so that a missing label says nothing,
//! less what chance alone gives (Miller 1955), so that many patterns of few people do not win.

use super::study::{Count, MAX_ANNOTATORS, Study, StudyError, label};

/// Study of the people counted, as [`Study::new`] makes it, of at most `most` annotators.
///
/// # Errors
///
/// Those of [`Study::new`]; where there are too many annotators, the error says whom to leave out.
pub(crate) fn study(names: &[String], counts: &[Count], most: usize) -> Result<Study, StudyError> {
    if names.len() <= most {
        return Study::new(names, counts);
    }
    let labelled = |class| counts.iter().any(|row| row.truth == Some(class) && row.seen != 0);
    let mut leave = Vec::new();
    // without gold people of both classes there is nothing to choose by
    if labelled(true) && labelled(false) {
        let chosen = choice(names, counts, most);
        leave = (0..names.len()).filter(|j| !chosen.contains(j)).map(|j| names[j].clone()).collect();
        leave.sort();
    }
    Err(StudyError::TooManyAnnotators { most, got: names.len(), leave })
}

/// Study of the gold people with as many annotators as the model takes: all of them, or those of [`choice`].
///
/// # Errors
///
/// Those of [`Study::new`].
pub(crate) fn gold_study(names: &[String], counts: &[Count]) -> Result<Study, StudyError> {
    if names.len() <= MAX_ANNOTATORS {
        return Study::new(names, counts);
    }
    among(names, counts, &choice(names, counts, MAX_ANNOTATORS))
}

/// Study of the gold people with the annotators at `positions`.
fn among(names: &[String], counts: &[Count], positions: &[usize]) -> Result<Study, StudyError> {
    let bits = |mask: u64| positions.iter().enumerate().map(|(bit, &j)| (mask >> j & 1) << bit).sum();
    let names: Vec<String> = positions.iter().map(|&j| names[j].clone()).collect();
    let gold = counts.iter().filter(|row| row.truth.is_some());
    let counts: Vec<Count> =
        gold.map(|row| Count { seen: bits(row.seen), yes: bits(row.yes), ..row.clone() }).collect();
    Study::new(&names, &counts)
}

/// Positions of at most `most` annotators, upwards; those that the others imply are passed over.
fn choice(names: &[String], counts: &[Count], most: usize) -> Vec<usize> {
    let gold: Vec<&Count> = counts.iter().filter(|row| row.truth.is_some() && row.seen != 0).collect();
    let mut candidates: Vec<usize> = (0..names.len()).collect();
    loop {
        let chosen = forward(&candidates, &gold, most);
        let implied = match among(names, counts, &chosen) {
            Ok(study) => study.dropped,
            Err(_) => Vec::new(),
        };
        if implied.is_empty() {
            return chosen;
        }
        candidates.retain(|&j| !implied.iter().any(|(name, _)| *name == names[j]));
    }
}

/// The first `most` annotators of a forward selection in the order of their positions; ties go to the lower position.
fn forward(candidates: &[usize], gold: &[&Count], most: usize) -> Vec<usize> {
    let mut left = candidates.to_vec();
    let mut scores: Vec<f64> = left.iter().map(|&j| information(gold, j, j)).collect();
    let mut chosen = Vec::new();
    while chosen.len() < most && !left.is_empty() {
        let best = (0..left.len()).rev().max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0);
        let added = left.remove(best);
        scores.remove(best);
        if chosen.is_empty() {
            scores.fill(0.0);
        }
        for (score, &j) in scores.iter_mut().zip(&left) {
            *score += information(gold, added, j);
        }
        chosen.push(added);
    }
    chosen.sort();
    chosen
}

/// Information about the class in the answers of annotators i and j, in nats times people.
fn information(gold: &[&Count], i: usize, j: usize) -> f64 {
    // [labels that are there][answers][class]
    let mut strata = [[[0.0; 2]; 4]; 4];
    for row in gold {
        let labels = [label(row.seen, row.yes, i), label(row.seen, row.yes, j)];
        let mask = |is: fn(Option<bool>) -> bool| usize::from(is(labels[0])) | usize::from(is(labels[1])) << 1;
        let (there, yes) = (mask(|label| label.is_some()), mask(|label| label == Some(true)));
        strata[there][yes][usize::from(row.truth == Some(true))] += row.count as f64;
    }
    // nobody's answers, the first stratum, tell nothing
    strata[1..].iter().map(mutual_information).sum()
}

/// Mutual information of answers and class times the number of people, without its bias.
fn mutual_information(table: &[[f64; 2]; 4]) -> f64 {
    let answers = table.map(|row| row[0] + row[1]);
    let classes = [0, 1].map(|class| table.iter().map(|row| row[class]).sum::<f64>());
    let all = classes[0] + classes[1];
    let mut information = 0.0;
    for (row, answer) in table.iter().zip(answers) {
        for (n, class) in row.iter().zip(classes) {
            if *n > 0.0 {
                information += n * (n * all / (answer * class)).ln();
            }
        }
    }
    let occupied = |sums: &[f64]| sums.iter().filter(|sum| **sum > 0.0).count().saturating_sub(1) as f64;
    information - 0.5 * occupied(&answers) * occupied(&classes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(truth: bool, seen: u64, yes: u64, count: u64) -> Count {
        Count { company: None, truth: Some(truth), seen, yes, count, gold_weight: 1.0, headcount: None }
    }

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|j| format!("a{j:02}")).collect()
    }

    /// 400 people of whom annotator j is right about all but every (j + 2)th, each from its own beginning.
    fn people(annotators: usize) -> Vec<Count> {
        let person = |i: u64| {
            let truth = i.is_multiple_of(4);
            let wrong = |j: u64| (i / 4 + 7 * j).is_multiple_of(j + 2);
            let yes = (0..annotators as u64).map(|j| u64::from(truth != wrong(j)) << j).sum();
            row(truth, (1 << annotators) - 1, yes, 1)
        };
        (0..400).map(person).collect()
    }

    #[test]
    fn information_is_that_of_a_table() {
        // an answer that is the class: the entropy of the class, ln 2 a person, less half a degree of freedom
        let gold = [row(true, 1, 1, 50), row(false, 1, 0, 50)];
        let gold: Vec<&Count> = gold.iter().collect();
        assert!((information(&gold, 0, 0) - (100.0 * 2f64.ln() - 0.5)).abs() < 1e-9);
        // answers that have nothing to do with the class: less than nothing
        let gold = [row(true, 1, 1, 30), row(true, 1, 0, 30), row(false, 1, 1, 20), row(false, 1, 0, 20)];
        let gold: Vec<&Count> = gold.iter().collect();
        assert!((information(&gold, 0, 0) + 0.5).abs() < 1e-9);
        // exclusive or: neither alone, but both together
        let gold = [row(true, 3, 1, 25), row(true, 3, 2, 25), row(false, 3, 0, 25), row(false, 3, 3, 25)];
        let gold: Vec<&Count> = gold.iter().collect();
        assert!((information(&gold, 0, 1) - (100.0 * 2f64.ln() - 1.5)).abs() < 1e-9);
        // labels that only experts have tell nothing by being there
        let gold = [row(true, 1, 1, 50), row(false, 0, 0, 50)];
        let gold: Vec<&Count> = gold.iter().collect();
        assert_eq!(information(&gold, 0, 0), 0.0);
    }

    #[test]
    fn the_worst_annotators_are_left_out() {
        // a00 is wrong about every second person, a01 about every third
        let chosen = choice(&names(14), &people(14), 12);
        assert_eq!(chosen, (2..14).collect::<Vec<_>>());
    }

    #[test]
    fn copies_make_room() {
        // of 16 annotators the last two repeat a12 and a13
        let mut counts = people(14);
        for row in &mut counts {
            row.yes |= (row.yes >> 12 & 3) << 14;
            row.seen |= 3 << 14;
        }
        let chosen = choice(&names(16), &counts, 12);
        assert_eq!(chosen.len(), 12);
        for copy in [14, 15] {
            assert!(!(chosen.contains(&copy) && chosen.contains(&(copy - 2))), "{chosen:?}");
        }
    }

    #[test]
    fn order_of_rows_and_of_annotators_changes_nothing() {
        let (names, counts) = (names(14), people(14));
        let turned: Vec<Count> = counts.iter().rev().cloned().collect();
        let chosen = choice(&names, &counts, 12);
        assert_eq!(choice(&names, &turned, 12), chosen);
        let reversed = |mask: u64| (0..14).map(|j| (mask >> j & 1) << (13 - j)).sum();
        let mirrored: Vec<Count> = counts
            .iter()
            .map(|row| Count { seen: reversed(row.seen), yes: reversed(row.yes), ..row.clone() })
            .collect();
        let mut back: Vec<usize> = choice(&names, &mirrored, 12).into_iter().map(|j| 13 - j).collect();
        back.sort();
        assert_eq!(back, chosen);
    }

    #[test]
    fn too_many_annotators_are_an_error_that_names_the_worst() {
        let StudyError::TooManyAnnotators { most, got, leave } = study(&names(14), &people(14), 12).unwrap_err() else {
            panic!("another error");
        };
        assert_eq!((most, got, leave), (12, 14, names(2)));
        assert_eq!(study(&names(14), &people(14), 14), Study::new(&names(14), &people(14)));
        assert_eq!(gold_study(&names(3), &people(3)), Study::new(&names(3), &people(3)));
        assert_eq!(gold_study(&names(40), &people(40)).unwrap().annotators.len(), MAX_ANNOTATORS);
    }
}
