//! Cells: points that lie together, so that a point's neighbours are looked for in few of them.
//!
//! The centres are those of a few rounds of Lloyd's method on a sample. Each point is in the cell of its nearest centre, and looks for
//! neighbours in those of the [`LOOKS`] nearest.

use super::kmeans::{drawn, means, nearest};
use super::near::{Near, enter, limit};
use super::points::Points;
use crate::interrupt;
use crate::linalg::distance2;
use crate::parallel;

/// Mean number of points of a cell.
const SIZE: usize = 512;

/// Number of cells that a point looks for neighbours in.
const LOOKS: usize = 16;

/// Number of times the mean that a cell is cut at.
const LARGE: usize = 4;

/// Number of points of the sample for each centre.
const SAMPLE: usize = 20;

/// Number of rounds of Lloyd's method.
const ROUNDS: usize = 5;

pub(super) struct Cells {
    /// The points of each.
    pub(super) members: Vec<Vec<usize>>,
    /// The points that look for neighbours in it, but for its own.
    pub(super) guests: Vec<Vec<usize>>,
    /// The cell of each point.
    pub(super) of: Vec<usize>,
    /// The cells by the distance of their centres from that of each, itself first.
    pub(super) near: Vec<Vec<usize>>,
}

impl Cells {
    /// The cells of the points `rows`.
    pub(super) fn new(points: &Points, rows: &[usize], threads: usize) -> Cells {
        let centres = centres(points, rows, threads);
        let looks = LOOKS.min(centres.len());
        let nearest = points.scan(
            rows,
            &centres,
            threads,
            |_| Near::with_capacity(looks),
            |i, near, start, products| {
                for (c, product) in (start..).zip(products) {
                    // not "at most": a product that overflows in 32 bits is no number, and its pair is looked at
                    if f64::from(points.low(i, &centres, c, *product)) > limit(near, looks) {
                        continue;
                    }
                    enter(near, looks, (distance2(points.row(i), centres.row(c)), c));
                }
            },
        );
        let mut of_centre = vec![Vec::new(); centres.len()];
        rows.iter().zip(&nearest).for_each(|(i, near)| of_centre[near[0].1].push(*i));
        // where many points are nearest to one centre, their cell is several
        let (mut members, mut of, mut centre) = (Vec::new(), vec![0; points.len()], Vec::new());
        let mut numbers = vec![Vec::new(); centres.len()];
        for (c, all) in of_centre.iter().enumerate() {
            for part in all.chunks(LARGE * SIZE) {
                part.iter().for_each(|i| of[*i] = members.len());
                numbers[c].push(members.len());
                members.push(part.to_vec());
                centre.push(c);
            }
        }
        let mut guests = vec![Vec::new(); members.len()];
        for (i, near) in rows.iter().zip(nearest) {
            for (_, c) in near.into_iter().skip(1).filter(|(_, c)| !numbers[*c].is_empty()) {
                guests[numbers[c][i % numbers[c].len()]].push(*i);
            }
        }
        let near = parallel::map(threads, members.len(), |cell| {
            let apart = |other: usize| distance2(centres.row(centre[cell]), centres.row(centre[other]));
            let mut all: Vec<(bool, f64, usize)> = (0..members.len()).map(|c| (c != cell, apart(c), c)).collect();
            all.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
            all.into_iter().map(|(_, _, c)| c).collect()
        });
        Cells { members, guests, of, near }
    }
}

/// Centres of cells.
fn centres(points: &Points, rows: &[usize], threads: usize) -> Points {
    let count = rows.len().div_ceil(SIZE);
    let mut sample = drawn(rows, count * SAMPLE, 0, u64::MAX);
    let mut centres = points.only(&sample[..count]);
    sample.sort_unstable();
    let sample = points.only(&sample);
    let all: Vec<usize> = (0..sample.len()).collect();
    for _ in 0..ROUNDS {
        interrupt::check();
        let mut assignment = nearest(&sample, &all, &centres, threads);
        centres = means(&sample, count, &mut assignment, &centres);
    }
    centres
}
