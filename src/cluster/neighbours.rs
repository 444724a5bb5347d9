//! The points near each, most of them: what is looked at are the points of the nearest cells, and then the neighbours of neighbours
//! ([Dong, Moses & Li 2011]). Near and far are told by exact distances, so nothing depends on how products were rounded.
//!
//! [Dong, Moses & Li 2011]: https://doi.org/10.1145/1963405.1963487

use super::cells::Cells;
use super::near::{Entry, Near, enter, limit};
use super::points::Points;
use crate::parallel;

/// Number of cells that are looked at together: what is found waits in memory.
const TOGETHER: usize = 64;

/// Maximum number of neighbours whose neighbours are looked at, and of those that are.
const STEPS: usize = 16;

/// Number of points that are looked after together.
const ROWS: usize = 256;

/// At most `k` points near each of `rows`, in their places of one list for all points. Exact where there are few cells.
pub(super) fn neighbours(points: &Points, rows: &[usize], cells: &Cells, k: usize, threads: usize) -> Vec<Near> {
    let mut lists = vec![Near::new(); points.len()];
    let own = parallel::map(threads, cells.members.len(), |cell| {
        let rows = &cells.members[cell];
        let mut lists = vec![Near::with_capacity(k); rows.len()];
        // where a cell has too few, also those of the next ones
        let mut columns = Vec::new();
        for other in &cells.near[cell] {
            columns.extend(&cells.members[*other]);
            if columns.len() > k {
                break;
            }
        }
        points.compare(
            rows,
            &columns,
            &mut lists,
            |near| limit(near, k),
            |near, i, j| {
                enter(near, k, (points.distance2(i, j), j));
            },
        );
        lists
    });
    for (rows, own) in cells.members.iter().zip(own) {
        rows.iter().zip(own).for_each(|(i, near)| lists[*i] = near);
    }
    for first in (0..cells.members.len()).step_by(TOGETHER) {
        let together = TOGETHER.min(cells.members.len() - first);
        let found = parallel::map(threads, together, |at| {
            let (rows, columns) = (&cells.guests[first + at], &cells.members[first + at]);
            let mut states: Vec<(Near, Near)> = rows.iter().map(|i| (lists[*i].clone(), Near::new())).collect();
            points.compare(
                rows,
                columns,
                &mut states,
                |(near, _)| limit(near, k),
                |(near, new), i, j| {
                    let point = (points.distance2(i, j), j);
                    if enter(near, k, point) != Entry::Refused {
                        new.push(point);
                    }
                },
            );
            states.into_iter().map(|(_, new)| new).collect::<Vec<Near>>()
        });
        for (rows, found) in cells.guests[first..].iter().zip(found) {
            for (i, new) in rows.iter().zip(found) {
                new.into_iter().for_each(|point| {
                    enter(&mut lists[*i], k, point);
                });
            }
        }
    }
    neighbours_of_neighbours(points, rows, &lists, k, threads)
}

/// The lists with what is nearer among the neighbours of a point's neighbours, and of those whose neighbour it is.
fn neighbours_of_neighbours(points: &Points, rows: &[usize], lists: &[Near], k: usize, threads: usize) -> Vec<Near> {
    let mut back: Vec<Vec<usize>> = vec![Vec::new(); lists.len()];
    for i in rows {
        for (_, j) in lists[*i].iter().take(STEPS) {
            if back[*j].len() < STEPS {
                back[*j].push(*i);
            }
        }
    }
    let blocks: Vec<&[usize]> = rows.chunks(ROWS).collect();
    let found = parallel::map(threads, blocks.len(), |block| {
        let better = |i: &usize| {
            let mut near = Near::with_capacity(k);
            near.extend(&lists[*i]);
            let steps = near.iter().take(STEPS).map(|(_, j)| j).chain(&back[*i]);
            let mut seen: Vec<usize> =
                steps.flat_map(|j| lists[*j].iter().take(STEPS).map(|(_, other)| *other).chain([*j])).collect();
            seen.sort_unstable();
            seen.dedup();
            for j in seen.into_iter().filter(|j| j != i) {
                if let Some(distance) = points.within(*i, j, limit(&near, k)) {
                    enter(&mut near, k, (distance, j));
                }
            }
            near
        };
        blocks[block].iter().map(better).collect::<Vec<Near>>()
    });
    let mut better = vec![Near::new(); lists.len()];
    rows.iter().zip(found.into_iter().flatten()).for_each(|(i, near)| better[*i] = near);
    better
}
