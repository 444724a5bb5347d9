//! All 2^J orthant probabilities of a J-dimensional normal at once, 3 to 8 dimensions by quadrature.
//!
//! With b = -mu, pair the axes into blocks, the largest |rho| first, and let R(t) be R with the entries between blocks
//! multiplied by t. Plackett (1954):
//!
//! ```text
//! P_s(R) = prod over blocks of the bivariate cell
//!        + sum over pairs (i, j) between blocks of
//!          rho_ij sgn_ij(s) * integral_0^1 phi2(b_i, b_j; t rho_ij) P_{s without i, j}(t) dt
//! ```
//!
//! sgn is +1 where s_i = s_j and -1 elsewhere; the inner table is that of the other axes given
//! X_i = b_i, X_j = b_j, found by the same step again, down to one or two dimensions. Cells sum to 1 and
//! margins are those of lower-dimensional tables by construction, up to the quadrature's error.
//!
//! The pairs and nodes of the outermost integral run eight at a time as lanes of plain arrays, which
//! the compiler turns into vector instructions; the instruction set is chosen at run time and does not
//! change a byte of the result.

use super::cell::permute_cell;
use super::correlation::Correlation;
use crate::stats::normal::{asin, cdf, cdf2, density2, exp, sin};
use crate::stats::quadrature::{Rule, gauss_legendre};
use std::f64::consts::PI;
use std::marker::PhantomData;

/// Maximum number of dimensions.
pub(super) const MAX_EXACT: usize = 8;

const LANES: usize = 8;
type Lanes = [f64; LANES];

/// The nodes of the nested integrals.
struct Nodes {
    outer: &'static Rule,
    inner: &'static Rule,
    bivariate: &'static Rule,
}

impl Nodes {
    /// `rho` is the largest |correlation| between blocks, `eigenvalue` the smallest of R.
    ///
    /// Correlations that are small but nearly contradict each other need as many nodes as large ones: with the fewest, cells of
    /// 6,000 random R of three and four axes were off by 8e-6 at eigenvalues of .05 to .075, by 5e-7 at .15 to .2.
    fn choose(rho: f64, eigenvalue: f64) -> Self {
        let (outer, inner, bivariate) = if rho > 0.9 || eigenvalue < 0.05 {
            (12, 8, 8)
        } else if rho >= 0.7 || eigenvalue < 0.1 {
            (8, 6, 6)
        } else if rho >= 0.5 || eigenvalue < 0.2 {
            (6, 4, 5)
        } else {
            (4, 3, 4)
        };
        Nodes { outer: gauss_legendre(outer), inner: gauss_legendre(inner), bivariate: gauss_legendre(bivariate) }
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

/// Order of the axes in which (0,1), (2,3), … are the blocks, the largest |rho| first.
#[inline(always)]
fn pairing(n: usize, rho: impl Fn(usize, usize) -> f64) -> [usize; MAX_EXACT] {
    let mut order = [0; MAX_EXACT];
    let mut free = [true; MAX_EXACT];
    let mut at = 0;
    while at + 1 < n {
        let (mut best, mut first, mut second) = (-1.0, 0, 0);
        for j in 1..n {
            for i in 0..j {
                if free[i] && free[j] && rho(i, j).abs() > best {
                    (best, first, second) = (rho(i, j).abs(), i, j);
                }
            }
        }
        (order[at], order[at + 1]) = (first, second);
        (free[first], free[second]) = (false, false);
        at += 2;
    }
    if at < n {
        order[at] = (0..n).find(|&i| free[i]).unwrap_or(0);
    }
    order
}

/// Table of `DIM` axes for eight problems side by side.
trait Cells {
    const DIM: usize;
    /// `b[axis]`, `r[pair]`; writes 2^DIM cells.
    fn cells(b: &[Lanes], r: &[Lanes], nodes: &Nodes, out: &mut [Lanes]);
}

struct One;
struct Two;
/// Two axes more than `T`.
struct More<T>(PhantomData<T>);

impl Cells for One {
    const DIM: usize = 1;
    #[inline(always)]
    fn cells(b: &[Lanes], _: &[Lanes], _: &Nodes, out: &mut [Lanes]) {
        for l in 0..LANES {
            let low = cdf(b[0][l]);
            out[0][l] = low;
            out[1][l] = 1.0 - low;
        }
    }
}

impl Cells for Two {
    const DIM: usize = 2;
    #[inline(always)]
    fn cells(b: &[Lanes], r: &[Lanes], nodes: &Nodes, out: &mut [Lanes]) {
        bivariate_cells(&b[0], &b[1], &r[0], nodes.bivariate, out);
    }
}

/// [`block_cells`] for eight problems, by the rule over the angle.
#[inline(always)]
fn bivariate_cells(h: &Lanes, k: &Lanes, rho: &Lanes, rule: &Rule, out: &mut [Lanes]) {
    let (mut angle, mut half, mut hk) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    for l in 0..LANES {
        angle[l] = asin(rho[l]);
        half[l] = 0.5 * (h[l] * h[l] + k[l] * k[l]);
        hk[l] = h[l] * k[l];
    }
    let mut sum = [0.0; LANES];
    for (node, weight) in rule.nodes.iter().zip(&rule.weights) {
        for l in 0..LANES {
            let s = sin(angle[l] * node);
            sum[l] += weight * exp((hk[l] * s - half[l]) / (1.0 - s * s));
        }
    }
    for l in 0..LANES {
        let (low_h, low_k) = (cdf(h[l]), cdf(k[l]));
        let both = low_h * low_k + sum[l] * angle[l] * (0.5 / PI);
        out[0][l] = both;
        out[1][l] = low_k - both;
        out[2][l] = low_h - both;
        out[3][l] = (1.0 - low_h) - (low_k - both);
    }
}

/// Conditions `n` axes on X_0 = b_0, X_1 = b_1: the standardised thresholds and correlations of the rest.
#[inline(always)]
fn condition(n: usize, b: &[Lanes], r: &[Lanes], rest_b: &mut [Lanes], rest_r: &mut [Lanes]) {
    let mut first = [[0.0; LANES]; MAX_EXACT];
    let mut second = [[0.0; LANES]; MAX_EXACT];
    let mut scale = [[0.0; LANES]; MAX_EXACT];
    for k in 2..n {
        for l in 0..LANES {
            let rho = r[pair(0, 1)][l];
            let d = 1.0 / (1.0 - rho * rho);
            let (x, y) = (r[pair(0, k)][l], r[pair(1, k)][l]);
            let (u, v) = ((x - rho * y) * d, (y - rho * x) * d);
            let variance = 1.0 - (x * u + y * v);
            let variance = if variance < 1e-12 { 1e-12 } else { variance };
            let s = 1.0 / variance.sqrt();
            first[k][l] = u;
            second[k][l] = v;
            scale[k][l] = s;
            rest_b[k - 2][l] = (b[k][l] - (u * b[0][l] + v * b[1][l])) * s;
        }
        for i in 2..k {
            for l in 0..LANES {
                let covariance = r[pair(i, k)][l] - (first[k][l] * r[pair(0, i)][l] + second[k][l] * r[pair(1, i)][l]);
                let rho = covariance * scale[i][l] * scale[k][l];
                let rho = if rho > 0.999_999 { 0.999_999 } else { rho };
                let rho = if rho < -0.999_999 { -0.999_999 } else { rho };
                rest_r[pair(i - 2, k - 2)][l] = rho;
            }
        }
    }
}

const MAX_INNER: usize = MAX_EXACT - 2;
const MAX_INNER_PAIRS: usize = MAX_INNER * (MAX_INNER - 1) / 2;

/// Buffers for the table that is left after two axes are conditioned on.
struct Inner {
    b: [Lanes; MAX_INNER],
    r: [Lanes; MAX_INNER_PAIRS],
    cells: [Lanes; 1 << MAX_INNER],
}

impl Inner {
    #[inline(always)]
    fn new() -> Self {
        Inner {
            b: [[0.0; LANES]; MAX_INNER],
            r: [[0.0; LANES]; MAX_INNER_PAIRS],
            cells: [[0.0; LANES]; 1 << MAX_INNER],
        }
    }

    /// The inner table of the axes 2, 3, … of `b`, `r`, given the axes 0 and 1 at their thresholds.
    /// Each lane pairs its own axes, since the quadrature is only as good as its blocks.
    #[inline(always)]
    fn fill<T: Cells>(&mut self, b: &[Lanes], r: &[Lanes], nodes: &Nodes) {
        condition(T::DIM + 2, b, r, &mut self.b, &mut self.r);
        if T::DIM < 3 {
            return T::cells(&self.b, &self.r, nodes, &mut self.cells);
        }
        let (plain_b, plain_r) = (self.b, self.r);
        let mut orders = [[0; MAX_EXACT]; LANES];
        for (l, order) in orders.iter_mut().enumerate() {
            *order = pairing(T::DIM, |i, j| plain_r[pair(i, j)][l]);
            for k in 0..T::DIM {
                self.b[k][l] = plain_b[order[k]][l];
                for i in 0..k {
                    self.r[pair(i, k)][l] = plain_r[pair(order[i], order[k])][l];
                }
            }
        }
        let mut ordered = [[0.0; LANES]; 1 << MAX_INNER];
        T::cells(&self.b, &self.r, nodes, &mut ordered);
        for (l, order) in orders.iter().enumerate() {
            for cell in 0..1usize << T::DIM {
                self.cells[permute_cell(cell, &order[..T::DIM])][l] = ordered[cell][l];
            }
        }
    }
}

/// The two axes of a pair first, then the others in their order.
#[inline(always)]
fn bring_forward(n: usize, i: usize, j: usize) -> [usize; MAX_EXACT] {
    let mut order = [0; MAX_EXACT];
    (order[0], order[1]) = (i, j);
    let mut at = 2;
    for k in 0..n {
        if k != i && k != j {
            order[at] = k;
            at += 1;
        }
    }
    order
}

/// R(t) keeps the correlation inside a block and multiplies the others by t.
#[inline(always)]
fn scaled(i: usize, j: usize, t: f64) -> f64 {
    if i / 2 == j / 2 { 1.0 } else { t }
}

impl<T: Cells> Cells for More<T> {
    const DIM: usize = T::DIM + 2;

    #[inline(always)]
    fn cells(b: &[Lanes], r: &[Lanes], nodes: &Nodes, out: &mut [Lanes]) {
        let n = Self::DIM;
        // the product over blocks
        let mut block = [[0.0; LANES]; 4];
        for cell in out.iter_mut().take(1 << n) {
            *cell = [1.0; LANES];
        }
        for first in (0..n).step_by(2) {
            let lone = first + 1 == n;
            if lone {
                One::cells(&b[first..], &[], nodes, &mut block);
            } else {
                bivariate_cells(&b[first], &b[first + 1], &r[pair(first, first + 1)], nodes.bivariate, &mut block);
            }
            let mask = if lone { 1 } else { 3 };
            for (cell, values) in out.iter_mut().enumerate().take(1 << n) {
                for l in 0..LANES {
                    values[l] *= block[(cell >> first) & mask][l];
                }
            }
        }
        // the integrals
        let mut inner = Inner::new();
        let mut moved_b = [[0.0; LANES]; MAX_EXACT];
        let mut moved_r = [[0.0; LANES]; MAX_EXACT * (MAX_EXACT - 1) / 2];
        for j in 1..n {
            for i in 0..j {
                if i / 2 == j / 2 {
                    continue;
                }
                let order = bring_forward(n, i, j);
                for (node, weight) in nodes.inner.nodes.iter().zip(&nodes.inner.weights) {
                    for k in 0..n {
                        moved_b[k] = b[order[k]];
                        for m in 0..k {
                            let factor = scaled(order[m], order[k], *node);
                            for l in 0..LANES {
                                moved_r[pair(m, k)][l] = factor * r[pair(order[m], order[k])][l];
                            }
                        }
                    }
                    inner.fill::<T>(&moved_b, &moved_r, nodes);
                    let mut mass = [0.0; LANES];
                    for l in 0..LANES {
                        mass[l] = weight * r[pair(i, j)][l] * density2(b[i][l], b[j][l], moved_r[0][l]);
                    }
                    for rest in 0..1usize << T::DIM {
                        let mut term = [0.0; LANES];
                        for l in 0..LANES {
                            term[l] = mass[l] * inner.cells[rest][l];
                        }
                        let base = permute_cell(rest << 2, &order[..n]);
                        for l in 0..LANES {
                            out[base][l] += term[l];
                            out[base | 1 << i | 1 << j][l] += term[l];
                            out[base | 1 << i][l] -= term[l];
                            out[base | 1 << j][l] -= term[l];
                        }
                    }
                }
            }
        }
    }
}

/// The table of 3 to 8 dimensions with thresholds `b`, bit j of a cell's index set where X_j > b_j.
pub(super) fn nested_table(b: &[f64], correlation: &Correlation) -> Vec<f64> {
    let n = b.len();
    let r = correlation.matrix();
    let order = pairing(n, |i, j| r[(i, j)]);
    let order = &order[..n];
    let ordered_b: Vec<f64> = order.iter().map(|&axis| b[axis]).collect();
    let mut ordered_r = [0.0; MAX_EXACT * (MAX_EXACT - 1) / 2];
    let mut largest: f64 = 0.0;
    for j in 1..n {
        for i in 0..j {
            let rho = r[(order[i], order[j])];
            ordered_r[pair(i, j)] = rho;
            if i / 2 != j / 2 {
                largest = largest.max(rho.abs());
            }
        }
    }
    let nodes = Nodes::choose(largest, correlation.smallest_eigenvalue());
    let ordered = pulp::Arch::new().dispatch(Outermost { b: &ordered_b, r: &ordered_r, nodes: &nodes });
    let mut cells = vec![0.0; 1 << n];
    for (cell, p) in ordered.into_iter().enumerate() {
        cells[permute_cell(cell, order)] = p;
    }
    cells
}

/// [`outermost`] for the dimensions at hand, compiled once for each instruction set.
struct Outermost<'a> {
    b: &'a [f64],
    r: &'a [f64],
    nodes: &'a Nodes,
}

impl pulp::WithSimd for Outermost<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Vec<f64> {
        let Outermost { b, r, nodes } = self;
        match b.len() {
            3 => outermost::<One>(b, r, nodes),
            4 => outermost::<Two>(b, r, nodes),
            5 => outermost::<More<One>>(b, r, nodes),
            6 => outermost::<More<Two>>(b, r, nodes),
            7 => outermost::<More<More<One>>>(b, r, nodes),
            _ => outermost::<More<More<Two>>>(b, r, nodes),
        }
    }
}

/// The step of [`More`] for one problem, its pairs and nodes spread over the lanes.
#[inline(always)]
fn outermost<T: Cells>(b: &[f64], r: &[f64], nodes: &Nodes) -> Vec<f64> {
    let n = T::DIM + 2;
    let mut out = vec![1.0; 1 << n];
    for first in (0..n).step_by(2) {
        let (cells, mask) = if first + 1 == n {
            ([cdf(b[first]), cdf(-b[first]), 0.0, 0.0], 1)
        } else {
            (block_cells(b[first], b[first + 1], r[pair(first, first + 1)]), 3)
        };
        for (cell, p) in out.iter_mut().enumerate() {
            *p *= cells[(cell >> first) & mask];
        }
    }
    let tasks: Vec<(usize, usize, usize)> = (1..n)
        .flat_map(|j| (0..j).map(move |i| (i, j)))
        .filter(|(i, j)| i / 2 != j / 2)
        .flat_map(|(i, j)| (0..nodes.outer.nodes.len()).map(move |node| (i, j, node)))
        .collect();
    let mut inner = Inner::new();
    let mut moved_b = [[0.0; LANES]; MAX_EXACT];
    let mut moved_r = [[0.0; LANES]; MAX_EXACT * (MAX_EXACT - 1) / 2];
    for group in tasks.chunks(LANES) {
        // lanes without a task repeat the first one and are not read
        let mut orders = [[0; MAX_EXACT]; LANES];
        for l in 0..LANES {
            let (i, j, node) = *group.get(l).unwrap_or(&group[0]);
            let order = bring_forward(n, i, j);
            for k in 0..n {
                moved_b[k][l] = b[order[k]];
                for m in 0..k {
                    let factor = scaled(order[m], order[k], nodes.outer.nodes[node]);
                    moved_r[pair(m, k)][l] = factor * r[pair(order[m], order[k])];
                }
            }
            orders[l] = order;
        }
        inner.fill::<T>(&moved_b, &moved_r, nodes);
        for (l, &(i, j, node)) in group.iter().enumerate() {
            let mass = nodes.outer.weights[node] * r[pair(i, j)] * density2(b[i], b[j], moved_r[0][l]);
            for rest in 0..1usize << T::DIM {
                let term = mass * inner.cells[rest][l];
                let base = permute_cell(rest << 2, &orders[l][..n]);
                out[base] += term;
                out[base | 1 << i | 1 << j] += term;
                out[base | 1 << i] -= term;
                out[base | 1 << j] -= term;
            }
        }
    }
    out
}
