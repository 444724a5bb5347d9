//! Gold people as witnesses of what people are called who have labels that they lack.
//!
//! The rates of the bins of a mask are those of people with all its labels. Evidence of fewer labels is weaker: counted as they are, gold people
//! who lack some would pull the rates of both classes toward the middle bins, and the prevalences that explain a company away from one half (real
//! labels, three in ten of them taken away at random: estimates .84 to .96 times the truth, and 80 % intervals that hold it in .46 to .85 of
//! companies; docs/model.md has what they are with what follows).
//!
//! So a gold person has the labels that are missing in every way in which they may be, each with its probability under the model of the
//! class given the labels that are there (parametric fractional imputation: Kim 2011, Biometrika 98, 119-132), and counts as far as the labels of
//! the mask are there. Where patterns are too many for a table, gold people who have nearly all labels of the mask speak as they are, and the
//! others too where those are fewer than a class must have.

use super::model::Tables;
use super::study::{GoldPeople, MIN_GOLD, Pattern};

/// Part of the labels of a mask that is nearly all of them.
const NEARLY_ALL: f64 = 0.9;

/// Patterns within a mask that people of each row of gold people stand for: none where they have no label of it, and several
/// where they lack some and there is a table to tell them apart.
pub(crate) fn stand_ins(gold: &[GoldPeople], mask: u32, has_tables: bool) -> Vec<Vec<Pattern>> {
    let speaks = |row: &GoldPeople| part_there(row, mask) >= NEARLY_ALL;
    let few = [false, true].map(|class| {
        let speakers = gold.iter().filter(|row| row.truth == class && speaks(row));
        speakers.map(|row| row.count).sum::<u64>() < MIN_GOLD
    });
    let of_row = |row: &GoldPeople| {
        if row.pattern.seen & mask == 0 {
            Vec::new()
        } else if has_tables {
            row.pattern.completions(mask).collect()
        } else if speaks(row) || few[usize::from(row.truth)] {
            vec![row.pattern.within(mask)]
        } else {
            Vec::new()
        }
    };
    gold.iter().map(of_row).collect()
}

/// Part of the labels of a mask that people of a row have.
fn part_there(row: &GoldPeople, mask: u32) -> f64 {
    f64::from((row.pattern.seen & mask).count_ones()) / f64::from(mask.count_ones())
}

/// Parts of a person of each row that lie in the `N` bins of a mask, as one model judges the row's [`stand_ins`]; `bin` is that of a pattern.
pub(crate) fn bin_parts<const N: usize>(
    gold: &[GoldPeople],
    mask: u32,
    stand_ins: &[Vec<Pattern>],
    tables: Option<&Tables>,
    bin: impl Fn(Pattern) -> usize,
) -> Vec<[f64; N]> {
    let of_row = |(row, stand_ins): (&GoldPeople, &Vec<Pattern>)| {
        let mut parts = [0.0; N];
        match (stand_ins.as_slice(), tables) {
            ([one], _) => parts[bin(*one)] = 1.0,
            // nobody stands for several
            (_, None) => {}
            (several, Some(tables)) => {
                let there = part_there(row, mask);
                let chances = tables.chances(row.truth, row.pattern, several);
                several.iter().zip(chances).for_each(|(pattern, chance)| parts[bin(*pattern)] += there * chance);
            }
        }
        parts
    };
    gold.iter().zip(stand_ins).map(of_row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probit::model::Model;
    use crate::stats::orthant::marginal;

    fn row(truth: bool, seen: u32, yes: u32, count: u64) -> GoldPeople {
        GoldPeople { truth, pattern: Pattern { seen, yes }, count, weight: 1.0 }
    }

    fn gold() -> Vec<GoldPeople> {
        let mut rows = Vec::new();
        for (truth, counts) in [(false, [40, 9, 8, 3, 7, 2, 3, 4]), (true, [3, 2, 4, 9, 2, 7, 6, 20])] {
            rows.extend((0..8).zip(counts).map(|(yes, count)| row(truth, 7, yes, count)));
        }
        rows
    }

    #[test]
    fn patterns_are_completed_in_every_way() {
        let of = |seen, yes, mask| Pattern { seen, yes }.completions(mask).map(|p| (p.seen, p.yes)).collect::<Vec<_>>();
        assert_eq!(of(0b101, 0b100, 0b111), [(7, 0b100), (7, 0b110)]);
        assert_eq!(of(0b101, 0b100, 0b110), [(6, 0b100), (6, 0b110)]);
        assert_eq!(of(0b111, 0b011, 0b001), [(1, 1)]);
        assert_eq!(of(0b001, 0b001, 0b1100), [(12, 0), (12, 4), (12, 8), (12, 12)]);
    }

    #[test]
    fn rows_stand_for_patterns_of_the_mask() {
        let rows =
            [row(true, 7, 5, 9), row(true, 1, 1, 4), row(false, 7, 0, 10), row(false, 1, 0, 4), row(true, 4, 0, 1)];
        let yes = |has_tables| -> Vec<Vec<u32>> {
            let of_rows = stand_ins(&rows, 3, has_tables);
            of_rows.iter().map(|of_row| of_row.iter().map(|pattern| pattern.yes).collect()).collect()
        };
        assert_eq!(yes(true), [vec![1], vec![1, 3], vec![0], vec![0, 2], vec![]]);
        // without tables nine experts with all labels are too few, ten non-experts are enough
        assert_eq!(yes(false), [vec![1], vec![1], vec![0], vec![], vec![]]);
    }

    /// Parts of the bins "as many yes", with probabilities summed from the table by hand.
    #[test]
    fn parts_are_conditional_probabilities() {
        let model = Model::point(&gold(), 3);
        let tables = model.tables().unwrap();
        let rows =
            [row(true, 0b001, 1, 5), row(false, 0b011, 0b10, 5), row(true, 0b111, 0b101, 5), row(true, 0b100, 0, 1)];
        let mask = 0b011;
        let parts: Vec<[f64; 3]> =
            bin_parts(&rows, mask, &stand_ins(&rows, mask, true), Some(&tables), |p| p.yes.count_ones() as usize);
        let pairs = marginal(&model.expert.table().unwrap(), mask);
        let both = pairs[0b11] / (pairs[0b01] + pairs[0b11]);
        // one of two labels is there
        for (part, wanted) in parts[0].iter().zip([0.0, 0.5 * (1.0 - both), 0.5 * both]) {
            assert!((part - wanted).abs() < 1e-12, "{parts:?}, {both}");
        }
        assert_eq!(parts[1..], [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0; 3]]);
        // a label outside the mask tells of those that are missing in it
        let person = [row(true, 0b101, 0b001, 1)];
        let [parts]: [[f64; 3]; 1] =
            bin_parts(&person, mask, &stand_ins(&person, mask, true), Some(&tables), |p| p.yes.count_ones() as usize)
                .try_into()
                .unwrap();
        let table = model.expert.table().unwrap();
        assert!((parts[2] / parts[1] - table[0b011] / table[0b001]).abs() < 1e-9);
    }
}
