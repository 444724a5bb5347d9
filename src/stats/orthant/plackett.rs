//! All 2^J orthant probabilities of a J-dimensional normal at once, 3 to 8 dimensions by quadrature.
//!
//! With b = -mu, set the last axis n apart and let R(s) be R with its correlations multiplied by s. Plackett (1954):
//!
//! ```text
//! P(R) = P(the other axes) P(axis n)
//!      + sum over the other axes i of
//!        rho_in sgn_in * integral_0^1 phi2(b_i, b_n; s rho_in) P(the axes without i, n given X_i = b_i, X_n = b_n)(s) ds
//! ```
//!
//! sgn is +1 where the answers of i and n are the same and -1 elsewhere. Both tables on the right are found by the same
//! step again, down to one or two dimensions, so that J = 8 ends in 7 * 5 * 3 integrals within each other, where all pairs of axes would make
//! 28 * 15 * 6. Cells sum to 1 and margins are those of lower-dimensional tables by construction, up to the quadrature's error.
//!
//! R(s) is singular where s² = 1 / R²_n, R_n the multiple correlation of axis n with the others: just beyond the end of the path where that is
//! near 1. The rule is therefore spread over the angle of s R_n, as is usual in two and three dimensions (Genz 2004, Statistics and
//! Computing 14, 251-260), and the axes that the others tell least of are set apart first.
//!
//! Problems of the same number of axes lie side by side as lanes of plain arrays, which the compiler turns into vector
//! instructions; the instruction set is chosen at run time and does not change a byte of the result.

use super::cell::permute_cell;
use super::correlation::Correlation;
use crate::stats::normal::{asin, cdf, cdf2, exp, sin};
use crate::stats::quadrature::{Rule, gauss_legendre};
use nalgebra::DMatrix;
use std::array::from_fn;
use std::f64::consts::PI;

/// Maximum number of dimensions.
pub(super) const MAX_EXACT: usize = 8;

const LANES: usize = 8;
type Lanes = [f64; LANES];

/// Maximum number of axes given two others, and of their pairs.
const MAX_REST: usize = MAX_EXACT - 2;
const MAX_REST_PAIRS: usize = MAX_REST * (MAX_REST - 1) / 2;

/// Point of a path from s = 0 to 1.
struct Node {
    s: f64,
    weight: f64,
}

/// The path of `nodes` points for a multiple correlation of `multiple` or less.
fn path(nodes: usize, multiple: f64) -> Vec<Node> {
    // of next to none, a straight line
    let multiple = multiple.max(1e-6);
    let angle = asin(multiple);
    let rule = gauss_legendre(nodes);
    let node = |(x, w): (&f64, &f64)| {
        let sine = sin(x * angle);
        Node { s: sine / multiple, weight: w * (1.0 - sine * sine).sqrt() * angle / multiple }
    };
    rule.nodes.iter().zip(&rule.weights).map(node).collect()
}

/// Numbers of nodes of the integrals, the outermost first, by the smallest share of an axis' variance that the others leave unexplained.
///
/// Cells of some thousand random R of three to eight axes are then right to 6e-8.
fn nodes(unexplained: f64) -> [usize; 4] {
    match unexplained {
        u if u < 0.05 => [16, 12, 12, 12],
        u if u < 0.1 => [10, 8, 8, 8],
        u if u < 0.2 => [8, 8, 6, 6],
        u if u < 0.4 => [8, 6, 5, 5],
        u if u < 0.6 => [6, 5, 4, 4],
        _ => [5, 4, 4, 4],
    }
}

/// The rule over the angle by which the cells of a block of correlation `rho` are right to 1e-7.
pub(super) fn block_nodes(rho: f64) -> &'static Rule {
    let rho = rho.abs();
    gauss_legendre(if rho < 0.3 {
        3
    } else if rho < 0.6 {
        5
    } else if rho < 0.8 {
        8
    } else {
        16
    })
}

/// The four cells of a bivariate normal, answers (0,0), (1,0), (0,1), (1,1).
pub(super) fn block_cells(h: f64, k: f64, rho: f64) -> [f64; 4] {
    let both = cdf2(h, k, rho);
    let (low_h, low_k) = (cdf(h), cdf(k));
    [both, low_k - both, low_h - both, (1.0 - low_h) - (low_k - both)]
}

/// Position of the pair (i, j) in a packed triangle, whatever the dimension.
const fn pair(i: usize, j: usize) -> usize {
    if i < j { j * (j - 1) / 2 + i } else { i * (i - 1) / 2 + j }
}

/// Axes in the order in which the table is built up, those that the others tell least of last.
struct Order {
    axes: Vec<usize>,
    /// Share of each one's variance that those before it leave unexplained.
    unexplained: Vec<f64>,
    /// Smallest share that all others leave unexplained of any.
    least: f64,
}

impl Order {
    fn new(correlation: &Correlation) -> Self {
        let n = correlation.dimensions();
        // exists, since the matrix is positive definite
        let mut precision =
            correlation.matrix().clone().cholesky().map_or_else(|| DMatrix::identity(n, n), |factor| factor.inverse());
        let least = 1.0 / precision.diagonal().max();
        let mut left: Vec<usize> = (0..n).collect();
        let (mut axes, mut unexplained) = (Vec::new(), Vec::new());
        while !left.is_empty() {
            // the first of equals
            let own = |at: &usize| precision[(left[*at], left[*at])];
            let at = (0..left.len()).min_by(|a, b| own(a).total_cmp(&own(b))).unwrap_or(0);
            let axis = left.remove(at);
            unexplained.push(1.0 / precision[(axis, axis)]);
            axes.push(axis);
            // the precision of the others without it
            let column = precision.column(axis).clone_owned();
            precision -= &column * column.transpose() / column[axis];
        }
        axes.reverse();
        unexplained.reverse();
        Order { axes, unexplained, least }
    }
}

/// Multiple correlation that leaves a share of the variance unexplained.
fn multiple(unexplained: f64) -> f64 {
    (1.0 - unexplained).max(0.0).sqrt()
}

/// The axis at `position` when axis i comes first, the last second and then the others in their order.
#[inline(always)]
fn moved(position: usize, i: usize, last: usize) -> usize {
    match position {
        0 => i,
        1 => last,
        _ => position - 2 + usize::from(position - 2 >= i),
    }
}

/// The cell with no answer of axis i yet, from a cell of the others.
#[inline(always)]
fn without(i: usize, rest: usize) -> usize {
    rest & ((1 << i) - 1) | rest >> i << (i + 1)
}

/// Eight problems whose axis i is at its threshold, the last axis still to be brought to its own.
struct Given {
    b_first: Lanes,
    b_last: Lanes,
    /// Correlation of axis i with the last at s = 1.
    rho: Lanes,
    /// Of the others, given axis i: thresholds from their means, variances, covariances, and covariances with the last at s = 1.
    b: [Lanes; MAX_REST],
    variance: [Lanes; MAX_REST],
    covariance: [Lanes; MAX_REST_PAIRS],
    with_last: [Lanes; MAX_REST],
}

/// Rest of [`Given`] at a point of the path.
struct Left {
    /// rho times the weight times the density of both axes at their thresholds.
    mass: Lanes,
    /// Thresholds and correlations of the others, standardised.
    b: [Lanes; MAX_REST],
    r: [Lanes; MAX_REST_PAIRS],
}

impl Given {
    /// `rest`: the number of other axes; `b` and `r` by position, axis i at 0 and the last at 1.
    #[inline(always)]
    fn new(rest: usize, b: impl Fn(usize) -> Lanes, r: impl Fn(usize, usize) -> Lanes) -> Self {
        let mut given = Given {
            b_first: b(0),
            b_last: b(1),
            rho: r(0, 1),
            b: [[0.0; LANES]; MAX_REST],
            variance: [[0.0; LANES]; MAX_REST],
            covariance: [[0.0; LANES]; MAX_REST_PAIRS],
            with_last: [[0.0; LANES]; MAX_REST],
        };
        let mut with_first = [[0.0; LANES]; MAX_REST];
        for k in 0..rest {
            let (x, mut b_k, mut with_last, mut variance) = (r(0, k + 2), b(k + 2), r(1, k + 2), [1.0; LANES]);
            for l in 0..LANES {
                b_k[l] -= x[l] * given.b_first[l];
                with_last[l] -= x[l] * given.rho[l];
                variance[l] -= x[l] * x[l];
            }
            for i in 0..k {
                let mut covariance = r(i + 2, k + 2);
                for l in 0..LANES {
                    covariance[l] -= with_first[i][l] * x[l];
                }
                given.covariance[pair(i, k)] = covariance;
            }
            (given.b[k], given.with_last[k], given.variance[k], with_first[k]) = (b_k, with_last, variance, x);
        }
        given
    }

    #[inline(always)]
    fn at(&self, rest: usize, s: &Lanes, weight: &Lanes) -> Left {
        let mut left = Left { mass: [0.0; LANES], b: [[0.0; LANES]; MAX_REST], r: [[0.0; LANES]; MAX_REST_PAIRS] };
        let (mut pull, mut shrink, mut mass) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for l in 0..LANES {
            let rho = s[l] * self.rho[l];
            let inverse = 1.0 / (1.0 - rho * rho);
            let gap = self.b_last[l] - rho * self.b_first[l];
            pull[l] = s[l] * gap * inverse;
            shrink[l] = s[l] * s[l] * inverse;
            let density = exp(-0.5 * (self.b_first[l] * self.b_first[l] + gap * gap * inverse)) * inverse.sqrt();
            mass[l] = weight[l] * (0.5 / PI) * self.rho[l] * density;
        }
        left.mass = mass;
        let mut scale = [[0.0; LANES]; MAX_REST];
        for k in 0..rest {
            let (g, mut b, mut own) = (self.with_last[k], self.b[k], self.variance[k]);
            for l in 0..LANES {
                let variance = own[l] - shrink[l] * (g[l] * g[l]);
                let variance = if variance < 1e-12 { 1e-12 } else { variance };
                own[l] = 1.0 / variance.sqrt();
                b[l] = (b[l] - pull[l] * g[l]) * own[l];
            }
            (left.b[k], scale[k]) = (b, own);
            for i in 0..k {
                let mut r = self.covariance[pair(i, k)];
                for l in 0..LANES {
                    let rho = (r[l] - shrink[l] * (self.with_last[i][l] * g[l])) * (scale[i][l] * own[l]);
                    let rho = if rho > 0.999_999 { 0.999_999 } else { rho };
                    r[l] = if rho < -0.999_999 { -0.999_999 } else { rho };
                }
                left.r[pair(i, k)] = r;
            }
        }
        left
    }
}

/// Level of the nested integrals, with room for the problems that are left at the points of its path.
struct Level {
    path: Vec<Node>,
    b: Vec<Lanes>,
    r: Vec<Lanes>,
    mass: Vec<Lanes>,
    cells: Vec<Lanes>,
}

/// The nested integrals of tables of up to `n` axes, the outermost left out.
struct Levels {
    levels: Vec<Level>,
    /// Path of the tables of two axes.
    last: Vec<Node>,
}

impl Levels {
    fn new(n: usize, order: &Order) -> Self {
        let [_, first, second, last] = nodes(order.least);
        let path = |nodes| path(nodes, multiple(order.least));
        let (mut rest, mut width) = (n, 1);
        let mut levels = Vec::new();
        for nodes in [first, second] {
            if rest < 3 {
                break;
            }
            (rest, width) = (rest - 2, width * nodes);
            let room = |rows: usize| vec![[0.0; LANES]; rows * width];
            levels.push(Level {
                path: path(nodes),
                b: room(rest),
                r: room(rest * (rest - 1) / 2),
                mass: room(1),
                cells: room(1 << rest),
            });
        }
        Levels { levels, last: path(last) }
    }
}

/// Tables of `n` axes for `width` times eight problems side by side.
struct Tables<'a> {
    n: usize,
    width: usize,
    /// `[axis][problem]` and `[pair][problem]`.
    b: &'a [Lanes],
    r: &'a [Lanes],
    levels: &'a mut [Level],
    last: &'a [Node],
    /// `[cell][problem]`
    out: &'a mut [Lanes],
}

// Lanes are copied out of slices and back: the compiler cannot know that these do not overlap.
impl pulp::WithSimd for Tables<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) {
        let Tables { n, width, b, r, levels, last: last_path, out } = self;
        if n == 1 {
            return one(width, b, out);
        }
        if n == 2 {
            return two(width, b, r, last_path, out);
        }
        let last = n - 1;
        simd.vectorize(Tables { n: last, width, b, r, levels: &mut *levels, last: last_path, out: &mut *out });
        let (no, yes) = out.split_at_mut(width << last);
        for (at, b) in b[last * width..].iter().enumerate().take(width) {
            let low = b.map(cdf);
            for cell in (at..width << last).step_by(width) {
                let mut below = no[cell];
                let mut above = below;
                for l in 0..LANES {
                    below[l] *= low[l];
                    above[l] -= below[l];
                }
                (no[cell], yes[cell]) = (below, above);
            }
        }
        let Some((level, deeper)) = levels.split_first_mut() else {
            return;
        };
        let rest = n - 2;
        let wide = width * level.path.len();
        for i in 0..last {
            for at in 0..width {
                let axis = |position| moved(position, i, last);
                let given =
                    Given::new(rest, |p| b[axis(p) * width + at], |p, q| r[pair(axis(p), axis(q)) * width + at]);
                for (node, to) in level.path.iter().zip((at..).step_by(width)) {
                    let left = given.at(rest, &[node.s; LANES], &[node.weight; LANES]);
                    level.mass[to] = left.mass;
                    for k in 0..rest {
                        level.b[k * wide + to] = left.b[k];
                    }
                    for k in 0..rest * (rest - 1) / 2 {
                        level.r[k * wide + to] = left.r[k];
                    }
                }
            }
            simd.vectorize(Tables {
                n: rest,
                width: wide,
                b: &level.b,
                r: &level.r,
                levels: &mut *deeper,
                last: last_path,
                out: &mut level.cells,
            });
            for rest in 0..1usize << rest {
                let cell = without(i, rest);
                for at in 0..width {
                    let mut sum = [0.0; LANES];
                    for to in (at..wide).step_by(width) {
                        let (mass, p) = (level.mass[to], level.cells[rest * wide + to]);
                        for l in 0..LANES {
                            sum[l] += mass[l] * p[l];
                        }
                    }
                    let (neither, first) = (cell * width + at, (cell | 1 << i) * width + at);
                    add(&mut no[neither], &sum, 1.0);
                    add(&mut no[first], &sum, -1.0);
                    add(&mut yes[neither], &sum, -1.0);
                    add(&mut yes[first], &sum, 1.0);
                }
            }
        }
    }
}

#[inline(always)]
fn add(cell: &mut Lanes, sum: &Lanes, sign: f64) {
    let mut sums = *cell;
    for l in 0..LANES {
        sums[l] += sign * sum[l];
    }
    *cell = sums;
}

/// [`Tables`] of one axis.
#[inline(always)]
fn one(width: usize, b: &[Lanes], out: &mut [Lanes]) {
    let (no, yes) = out.split_at_mut(width);
    for ((b, no), yes) in b.iter().zip(no).zip(yes) {
        let (mut low, mut high) = (*b, [1.0; LANES]);
        for l in 0..LANES {
            low[l] = cdf(low[l]);
            high[l] -= low[l];
        }
        (*no, *yes) = (low, high);
    }
}

/// [`Tables`] of two axes.
#[inline(always)]
fn two(width: usize, b: &[Lanes], r: &[Lanes], path: &[Node], out: &mut [Lanes]) {
    for at in 0..width {
        let (h, k, rho) = (b[at], b[width + at], r[at]);
        let (mut both, mut first, mut second, mut neither) = ([0.0; LANES], h, k, [1.0; LANES]);
        for node in path {
            for l in 0..LANES {
                let rho = node.s * rho[l];
                let inverse = 1.0 / (1.0 - rho * rho);
                let gap = k[l] - rho * h[l];
                both[l] += node.weight * exp(-0.5 * (h[l] * h[l] + gap * gap * inverse)) * inverse.sqrt();
            }
        }
        for l in 0..LANES {
            let (low_h, low_k) = (cdf(h[l]), cdf(k[l]));
            both[l] = low_h * low_k + (0.5 / PI) * rho[l] * both[l];
            first[l] = low_k - both[l];
            second[l] = low_h - both[l];
            neither[l] -= low_h + first[l];
        }
        (out[at], out[width + at], out[2 * width + at], out[3 * width + at]) = (both, first, second, neither);
    }
}

/// The table of 3 to 8 dimensions with thresholds `b`, bit j of a cell's index set where X_j > b_j.
pub(super) fn nested_table(b: &[f64], correlation: &Correlation) -> Vec<f64> {
    let order = Order::new(correlation);
    let axes = &order.axes;
    let ordered_b: Vec<f64> = axes.iter().map(|&axis| b[axis]).collect();
    let ordered_r = correlation.matrix().select_rows(axes).select_columns(axes);
    let ordered = pulp::Arch::new().dispatch(Outermost { b: &ordered_b, r: &ordered_r, order: &order });
    let mut cells = vec![0.0; ordered.len()];
    for (cell, p) in ordered.into_iter().enumerate() {
        cells[permute_cell(cell, axes)] = p;
    }
    cells
}

/// The table of ordered axes, built up axis by axis. The pairs and points of the outermost integral are the lanes.
struct Outermost<'a> {
    b: &'a [f64],
    r: &'a DMatrix<f64>,
    order: &'a Order,
}

impl pulp::WithSimd for Outermost<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) -> Vec<f64> {
        let Outermost { b, r, order } = self;
        let n = b.len();
        let Levels { mut levels, last: last_path } = Levels::new(n - 2, order);
        let mut inner = vec![[0.0; LANES]; 1 << (n - 2)];
        let mut cells = block_cells(b[0], b[1], r[(0, 1)]).to_vec();
        for last in 2..n {
            let low = cdf(b[last]);
            let above: Vec<f64> = cells.iter().map(|p| p * (1.0 - low)).collect();
            cells.iter_mut().for_each(|p| *p *= low);
            cells.extend(above);
            let unexplained = order.unexplained[last];
            let path = path(nodes(unexplained)[0], multiple(unexplained));
            let tasks: Vec<(usize, &Node)> = (0..last).flat_map(|i| path.iter().map(move |node| (i, node))).collect();
            let rest = last - 1;
            for group in tasks.chunks(LANES) {
                // lanes without a task repeat the first one and are not read
                let task = |l: usize| group.get(l).unwrap_or(&group[0]);
                let axis = |l: usize, position| moved(position, task(l).0, last);
                let given =
                    Given::new(rest, |p| from_fn(|l| b[axis(l, p)]), |p, q| from_fn(|l| r[(axis(l, p), axis(l, q))]));
                let left = given.at(rest, &from_fn(|l| task(l).1.s), &from_fn(|l| task(l).1.weight));
                simd.vectorize(Tables {
                    n: rest,
                    width: 1,
                    b: &left.b,
                    r: &left.r,
                    levels: &mut levels,
                    last: &last_path,
                    out: &mut inner,
                });
                for (l, &(i, _)) in group.iter().enumerate() {
                    for rest in 0..1usize << rest {
                        let term = left.mass[l] * inner[rest][l];
                        let cell = without(i, rest);
                        cells[cell] += term;
                        cells[cell | 1 << i | 1 << last] += term;
                        cells[cell | 1 << i] -= term;
                        cells[cell | 1 << last] -= term;
                    }
                }
            }
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::normal::density;
    use proptest::prelude::*;

    #[test]
    fn axes_that_the_others_tell_least_of_come_last() {
        // the first three are alike, the fourth is a little like the first, the fifth like nothing
        let mut r = DMatrix::from_fn(5, 5, |i, j| if i == j { 1.0 } else { 0.6 });
        for i in 0..5 {
            for j in (3..5).filter(|j| i != *j) {
                let rho = if (i, j) == (0, 3) { 0.3 } else { 0.0 };
                (r[(i, j)], r[(j, i)]) = (rho, rho);
            }
        }
        let order = Order::new(&Correlation::new(r).unwrap());
        assert_eq!(order.axes[3..], [3, 4]);
        // 1 - R²: of two axes alike 1 - .6², of the third 1 - 2 .6² / (1 + .6)
        assert!((order.unexplained[0] - 1.0).abs() < 1e-12);
        assert!((order.unexplained[1] - 0.64).abs() < 1e-12);
        assert!((order.unexplained[2] - 0.55).abs() < 1e-12);
        assert!((order.unexplained[4] - 1.0).abs() < 1e-12);
        assert!(order.least <= 0.55);
    }

    #[test]
    fn paths_end_at_one() {
        // the integral of 2 s over the path is s² at its end
        for multiple in [0.0, 0.3, 0.8, 0.97] {
            let sum: f64 = path(10, multiple).iter().map(|node| 2.0 * node.s * node.weight).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{multiple}: {sum}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        /// One factor: given it the axes are independent, and a cell is one integral.
        #[test]
        fn one_factor_is_a_simple_integral(
            b in prop::collection::vec(-2.5..2.5f64, 3..=MAX_EXACT),
            loadings in prop::collection::vec(-0.98..0.98f64, MAX_EXACT),
        ) {
            let n = b.len();
            let r = DMatrix::from_fn(n, n, |i, j| if i == j { 1.0 } else { loadings[i] * loadings[j] });
            let table = nested_table(&b, &Correlation::new(r).unwrap());
            let mut exact = vec![0.0; 1 << n];
            // the trapezoidal rule, whose error is far below that of the table
            for step in -400..=400 {
                let z = f64::from(step) / 40.0;
                let low: Vec<f64> =
                    b.iter().zip(&loadings).map(|(b, a)| cdf((b - a * z) / (1.0 - a * a).sqrt())).collect();
                for (cell, p) in exact.iter_mut().enumerate() {
                    let answer = |(j, low): (usize, &f64)| if cell >> j & 1 == 1 { 1.0 - low } else { *low };
                    *p += low.iter().enumerate().map(answer).product::<f64>() * density(z) / 40.0;
                }
            }
            for (p, exact) in table.iter().zip(&exact) {
                prop_assert!((p - exact).abs() < 1e-7, "{} not {}", p, exact);
            }
        }
    }
}
