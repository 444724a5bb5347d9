//! All 2^J orthant probabilities of a J-dimensional normal at once.
//!
//! Annotator j says yes when mu_j + e_j > 0, e ~ N(0, R). A *cell* is a pattern of answers; bit j of
//! its index is set when annotator j says yes. With b = -mu, pair the axes into blocks, the largest
//! |rho| first, and let R(t) be R with the entries between blocks multiplied by t. Plackett (1954):
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
//! change a byte of the result. Above eight dimensions a lattice rule over the tree of conditional
//! distributions takes over (Genz 1992, with every branch followed instead of one).

use super::normal::{asin, cdf, cdf2, density2, exp, ln, sin};
use super::quadrature::{Rule, gauss_legendre};
use nalgebra::DMatrix;
use std::f64::consts::PI;
use std::marker::PhantomData;

/// Most dimensions a table may have.
pub const MAX_DIMENSIONS: usize = 12;

/// Most dimensions computed by quadrature; above it a lattice rule is used.
pub const MAX_EXACT: usize = 8;

/// A cell is never reported below this.
pub const FLOOR: f64 = 1e-12;

const LATTICE_POINTS: usize = 1024;
const LANES: usize = 8;
type Lanes = [f64; LANES];

/// Why a table cannot be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OrthantError {
    #[error("an orthant has 1 to {MAX_DIMENSIONS} dimensions, got {0}")]
    Dimensions(usize),
    #[error("mu has {mu} values but r is {rows} x {columns}")]
    Shape { mu: usize, rows: usize, columns: usize },
    #[error("mu and r must hold finite numbers")]
    NotFinite,
    #[error(
        "r must be symmetric with a unit diagonal and entries between -1 and 1, but its entry ({row}, {column}) is {value}"
    )]
    NotACorrelation { row: usize, column: usize, value: f64 },
    #[error("r must be positive definite, its smallest eigenvalue is {0:e}")]
    NotPositiveDefinite(f64),
}

/// The nodes of the nested integrals.
struct Nodes {
    outer: &'static Rule,
    inner: &'static Rule,
    bivariate: &'static Rule,
}

impl Nodes {
    /// `rho` is the largest |correlation| between blocks, `eigenvalue` the smallest of R.
    fn choose(rho: f64, eigenvalue: f64) -> Self {
        let (outer, inner, bivariate) = if rho > 0.9 || eigenvalue < 0.05 {
            (12, 8, 8)
        } else if rho >= 0.7 {
            (8, 6, 6)
        } else if rho >= 0.5 {
            (6, 4, 5)
        } else {
            (4, 3, 4)
        };
        Nodes { outer: gauss_legendre(outer), inner: gauss_legendre(inner), bivariate: gauss_legendre(bivariate) }
    }
}

/// Checks shapes, finiteness, symmetry, unit diagonal and definiteness; returns the smallest eigenvalue.
fn validate(mu: &[f64], r: &DMatrix<f64>) -> Result<f64, OrthantError> {
    let n = mu.len();
    if n == 0 || n > MAX_DIMENSIONS {
        return Err(OrthantError::Dimensions(n));
    }
    if r.nrows() != n || r.ncols() != n {
        return Err(OrthantError::Shape { mu: n, rows: r.nrows(), columns: r.ncols() });
    }
    if mu.iter().chain(r.iter()).any(|x| !x.is_finite()) {
        return Err(OrthantError::NotFinite);
    }
    for row in 0..n {
        for column in 0..n {
            let value = r[(row, column)];
            let wanted = if row == column { 1.0 } else { r[(column, row)] };
            if (value - wanted).abs() > 1e-9 || value.abs() > 1.0 + 1e-9 {
                return Err(OrthantError::NotACorrelation { row, column, value });
            }
        }
    }
    let smallest = r.symmetric_eigenvalues().min();
    if smallest < 1e-9 {
        return Err(OrthantError::NotPositiveDefinite(smallest));
    }
    Ok(smallest)
}

/// The probabilities of all 2^J patterns of answers, J = `mu.len()`, from 1 to 12.
///
/// `mu`: J latent means; `r`: J x J correlation matrix, positive definite. Bit j of a cell's index is
/// the answer of annotator j. Cells are at least [`FLOOR`]. Absolute error up to J = 8: 1e-6 up to
/// correlations of .9, 5e-4 at .95; above J = 8 about 1e-3 of the larger cells.
pub fn orthant_table(mu: &[f64], r: &DMatrix<f64>) -> Result<Vec<f64>, OrthantError> {
    let eigenvalue = validate(mu, r)?;
    let b: Vec<f64> = mu.iter().map(|m| -m).collect();
    let n = b.len();
    let mut cells = match n {
        1 => vec![cdf(b[0]), cdf(-b[0])],
        2 => block_cells(b[0], b[1], r[(0, 1)]).to_vec(),
        3..=MAX_EXACT => nested_table(&b, r, eigenvalue),
        _ => lattice_table(&b, r),
    };
    for cell in &mut cells {
        *cell = cell.max(FLOOR);
    }
    Ok(cells)
}

/// The probability of one pattern; `None` marginalises an annotator. Errors as [`orthant_table`].
pub fn orthant(mu: &[f64], r: &DMatrix<f64>, pattern: &[Option<bool>]) -> Result<f64, OrthantError> {
    validate(mu, r)?;
    let kept: Vec<usize> = (0..mu.len()).filter(|&j| pattern[j].is_some()).collect();
    if kept.is_empty() {
        return Ok(1.0);
    }
    let means: Vec<f64> = kept.iter().map(|&j| mu[j]).collect();
    let table = orthant_table(&means, &r.select_rows(&kept).select_columns(&kept))?;
    let cell =
        kept.iter().enumerate().filter(|(_, j)| pattern[**j] == Some(true)).map(|(bit, _)| 1 << bit).sum::<usize>();
    Ok(table[cell])
}

/// The four cells of a bivariate normal, answers (0,0), (1,0), (0,1), (1,1).
fn block_cells(h: f64, k: f64, rho: f64) -> [f64; 4] {
    let both = cdf2(h, k, rho);
    let (low_h, low_k) = (cdf(h), cdf(k));
    [both, low_k - both, low_h - both, (1.0 - low_h) - (low_k - both)]
}

/// Position of the pair (i, j) in a packed triangle, whatever the dimension.
const fn pair(i: usize, j: usize) -> usize {
    if i < j { j * (j - 1) / 2 + i } else { i * (i - 1) / 2 + j }
}

/// An order of the axes in which (0,1), (2,3), … are the blocks, the largest |rho| first.
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

/// The cell of `order`ed axes that is `cell` on the original ones, and the other way round.
#[inline(always)]
fn permute_cell(cell: usize, order: &[usize]) -> usize {
    let mut out = 0;
    for (position, &axis) in order.iter().enumerate() {
        out |= ((cell >> position) & 1) << axis;
    }
    out
}

/// A table of `DIM` axes for eight problems side by side.
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

/// Tables of 3 to 8 dimensions.
fn nested_table(b: &[f64], r: &DMatrix<f64>, eigenvalue: f64) -> Vec<f64> {
    let n = b.len();
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
    let nodes = Nodes::choose(largest, eigenvalue);
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

/// Tables of 9 to 12 dimensions: at every point of a lattice the tree of answers is walked, each branch
/// weighted by its conditional probability and continued from the conditional distribution.
///
/// A node of the tree is visited once, for all points side by side.
struct Lattice<'a> {
    b: &'a [f64],
    /// Cholesky factor of R.
    lower: &'a DMatrix<f64>,
}

fn lattice_table(b: &[f64], r: &DMatrix<f64>) -> Vec<f64> {
    let n = b.len();
    // `validate` has checked that R is positive definite
    let lower = r.clone().cholesky().map_or_else(|| DMatrix::identity(n, n), |factor| factor.l());
    pulp::Arch::new().dispatch(Lattice { b, lower: &lower })
}

impl pulp::WithSimd for Lattice<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Vec<f64> {
        const PRIMES: [f64; MAX_DIMENSIONS] = [2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0, 23.0, 29.0, 31.0, 37.0];
        let Lattice { b, lower } = self;
        let n = b.len();
        // Richtmyer's lattice folded by the baker's transformation
        let u: Vec<Vec<f64>> = PRIMES[..n]
            .iter()
            .map(|prime| {
                let x = |point| ((point as f64 + 0.5) * prime.sqrt()).fract();
                (0..LATTICE_POINTS).map(|point| 1.0 - (2.0 * x(point) - 1.0).abs()).collect()
            })
            .collect();
        let mut cells = vec![0.0; 1 << n];
        // by axis: the weight of the points that have come here, P(no), and the value the branch goes on from
        let mut weight = vec![vec![1.0 / LATTICE_POINTS as f64; LATTICE_POINTS]; n];
        let mut no = vec![vec![cdf(b[0] / lower[(0, 0)]); LATTICE_POINTS]; n];
        let mut z = vec![vec![0.0; LATTICE_POINTS]; n];
        let mut next = [0; MAX_DIMENSIONS];
        let (mut axis, mut cell) = (0, 0);
        loop {
            if next[axis] == 2 {
                if axis == 0 {
                    return cells;
                }
                axis -= 1;
                cell &= !(1 << axis);
                continue;
            }
            let yes = next[axis] == 1;
            next[axis] += 1;
            if axis + 1 == n {
                let mut sum = 0.0;
                for (w, p) in weight[axis].iter().zip(&no[axis]) {
                    sum += w * if yes { 1.0 - p } else { *p };
                }
                cells[cell | usize::from(yes) << axis] = sum;
                continue;
            }
            let (here, below) = weight.split_at_mut(axis + 1);
            for point in 0..LATTICE_POINTS {
                let p = no[axis][point];
                let mass = if yes { 1.0 - p } else { p };
                let at = u[axis][point] * mass + if yes { p } else { 0.0 };
                below[0][point] = here[axis][point] * mass;
                z[axis][point] = quick_quantile(at);
            }
            cell |= usize::from(yes) << axis;
            axis += 1;
            next[axis] = 0;
            let limit = &mut no[axis];
            limit.fill(b[axis]);
            for k in 0..axis {
                let factor = lower[(axis, k)];
                for point in 0..LATTICE_POINTS {
                    limit[point] -= factor * z[k][point];
                }
            }
            let scale = 1.0 / lower[(axis, axis)];
            for value in limit.iter_mut() {
                *value = cdf(*value * scale);
            }
        }
    }
}

/// Standard normal quantile with a relative error of 1.2e-9, without a branch (Acklam 2003); arguments closer
/// than 1e-16 to 0 or 1 are moved there.
#[inline(always)]
fn quick_quantile(p: f64) -> f64 {
    let p = if p < 1e-16 { 1e-16 } else { p };
    let p = if p > 1.0 - 1e-16 { 1.0 - 1e-16 } else { p };
    let q = p - 0.5;
    let r = q * q;
    let mut x = -3.969683028665376e+01;
    x = x * r + 2.209460984245205e+02;
    x = x * r - 2.759285104469687e+02;
    x = x * r + 1.38357751867269e2;
    x = x * r - 3.066479806614716e+01;
    x = x * r + 2.506628277459239e+00;
    let mut y = -5.447609879822406e+01;
    y = y * r + 1.615858368580409e+02;
    y = y * r - 1.556989798598866e+02;
    y = y * r + 6.680131188771972e+01;
    y = y * r - 1.328068155288572e+01;
    y = y * r + 1.0;
    let centre = q * x / y;
    let low = q < 0.0;
    let t = (-2.0 * ln(if low { p } else { 1.0 - p })).sqrt();
    let mut x = -7.784894002430293e-03;
    x = x * t - 3.223964580411365e-01;
    x = x * t - 2.400758277161838e+00;
    x = x * t - 2.549732539343734e+00;
    x = x * t + 4.374664141464968e+00;
    x = x * t + 2.938163982698783e+00;
    let mut y = 7.784695709041462e-03;
    y = y * t + 3.224671290700398e-01;
    y = y * t + 2.445134137142996e+00;
    y = y * t + 3.754408661907416e+00;
    y = y * t + 1.0;
    let tail = x / y;
    let tail = if low { tail } else { -tail };
    if q.abs() <= 0.5 - 0.02425 { centre } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matrix(value: &serde_json::Value) -> DMatrix<f64> {
        let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).unwrap();
        DMatrix::from_fn(rows.len(), rows.len(), |i, j| rows[i][j])
    }

    fn equicorrelated(n: usize, rho: f64) -> DMatrix<f64> {
        DMatrix::from_fn(n, n, |i, j| if i == j { 1.0 } else { rho })
    }

    #[test]
    fn tables_match_the_oracle() {
        let oracle = crate::oracle("orthants.json");
        let mut checked = 0;
        for case in oracle.as_array().unwrap() {
            let mu: Vec<f64> = serde_json::from_value(case["mu"].clone()).unwrap();
            let r = matrix(&case["R"]);
            let p: Vec<f64> = serde_json::from_value(case["p"].clone()).unwrap();
            let largest = r.iter().filter(|x| **x < 1.0).fold(0.0f64, |a, x| a.max(x.abs()));
            let table = orthant_table(&mu, &r).unwrap();
            let error = table.iter().zip(&p).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            let allowed = if largest <= 0.9 { 1e-6 } else { 5e-4 };
            println!("{}: rho {largest}, error {error:e}", case["name"]);
            assert!(error <= allowed + case["est_abs_err"].as_f64().unwrap(), "{}: {error:e}", case["name"]);
            checked += table.len();
        }
        assert!(checked > 300);
    }

    #[test]
    fn one_factor_tables_match_the_oracle() {
        let oracle = crate::oracle("normal.json");
        let cases = oracle["orthants"].as_array().unwrap();
        assert!(cases.len() >= 5);
        for case in cases {
            let mu: Vec<f64> = serde_json::from_value(case["mu"].clone()).unwrap();
            let r = matrix(&case["r"]);
            let allowed = if mu.len() <= MAX_EXACT { 1e-6 } else { 1e-3 };
            let mut worst: f64 = 0.0;
            for cell in case["cells"].as_array().unwrap() {
                let pattern: Vec<Option<bool>> = serde_json::from_value(cell["pattern"].clone()).unwrap();
                let p = orthant(&mu, &r, &pattern).unwrap();
                worst = worst.max((p - cell["p"].as_f64().unwrap()).abs());
            }
            println!("{}: error {worst:e}", case["name"]);
            assert!(worst <= allowed, "{}: {worst:e}", case["name"]);
        }
    }

    #[test]
    fn closed_forms() {
        // 1/4 + asin(rho) / 2 pi, 1/8 + sum asin / 4 pi, and 1 / (J + 1) at rho = 1/2
        for rho in [-0.4, 0.0, 0.3, 0.8] {
            let two = orthant_table(&[0.0; 2], &equicorrelated(2, rho)).unwrap();
            assert!((two[3] - (0.25 + rho.asin() / (2.0 * PI))).abs() < 1e-13);
            let three = orthant_table(&[0.0; 3], &equicorrelated(3, rho)).unwrap();
            assert!((three[7] - (0.125 + 3.0 * rho.asin() / (4.0 * PI))).abs() < 1e-7, "{rho}");
        }
        for n in 1..=MAX_EXACT {
            let table = orthant_table(&vec![0.0; n], &equicorrelated(n, 0.5)).unwrap();
            assert!((table[0] - 1.0 / (n as f64 + 1.0)).abs() < 1e-6, "{n}: {}", table[0]);
        }
        for n in 9..=MAX_DIMENSIONS {
            let table = orthant_table(&vec![0.0; n], &equicorrelated(n, 0.5)).unwrap();
            assert!((table[0] - 1.0 / (n as f64 + 1.0)).abs() < 1e-3, "{n}: {}", table[0]);
        }
    }

    #[test]
    fn published_values() {
        // Genz 1992: R = (3/5, 1/3, 11/15), upper limits (1, 4, 2)
        let mut r = DMatrix::identity(3, 3);
        for (i, j, rho) in [(0, 1, 3.0 / 5.0), (0, 2, 1.0 / 3.0), (1, 2, 11.0 / 15.0)] {
            r[(i, j)] = rho;
            r[(j, i)] = rho;
        }
        let p = orthant(&[-1.0, -4.0, -2.0], &r, &[Some(false); 3]).unwrap();
        assert!((p - 0.827984897457).abs() < 1e-7, "{p}");
        let mu = [0.56, 0.22, 0.6, 0.16, -0.22, -0.52];
        let r = equicorrelated(6, 0.6);
        assert!((orthant(&mu, &r, &[Some(false); 6]).unwrap() - 0.1088199639).abs() < 1e-6);
        assert!((orthant(&mu, &r, &[Some(true); 6]).unwrap() - 0.1699528217).abs() < 1e-6);
    }

    #[test]
    fn the_quick_quantile_is_close() {
        for i in 1..2000 {
            for p in [i as f64 / 2000.0, 10f64.powf(-i as f64 / 130.0), 1.0 - 10f64.powf(-i as f64 / 130.0)] {
                let x = crate::probit::normal::quantile(p);
                assert!((quick_quantile(p) - x).abs() <= 3e-9 * x.abs().max(1.0), "{p}: {x}");
            }
        }
    }

    #[test]
    fn bad_arguments_are_errors() {
        let r = equicorrelated(2, 0.3);
        assert!(matches!(orthant_table(&[], &r), Err(OrthantError::Dimensions(0))));
        assert!(matches!(orthant_table(&[0.0; 3], &r), Err(OrthantError::Shape { .. })));
        assert!(matches!(orthant_table(&[f64::NAN, 0.0], &r), Err(OrthantError::NotFinite)));
        assert!(matches!(orthant_table(&[0.0; 2], &equicorrelated(2, 1.0)), Err(OrthantError::NotPositiveDefinite(_))));
        assert!(matches!(orthant_table(&[0.0; 2], &(2.0 * &r)), Err(OrthantError::NotACorrelation { .. })));
    }

    /// A random problem: correlations from loadings on two factors, so that R is positive definite.
    fn problem(dimensions: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = (Vec<f64>, DMatrix<f64>)> {
        problem_with_loadings(dimensions, 0.6)
    }

    fn problem_with_loadings(
        dimensions: std::ops::RangeInclusive<usize>,
        loading: f64,
    ) -> impl Strategy<Value = (Vec<f64>, DMatrix<f64>)> {
        dimensions.prop_flat_map(move |n| {
            let loadings = (-loading..loading, -loading..loading);
            (prop::collection::vec(-2.5..2.5f64, n), prop::collection::vec(loadings, n)).prop_map(move |(mu, load)| {
                let r =
                    DMatrix::from_fn(
                        n,
                        n,
                        |i, j| {
                            if i == j { 1.0 } else { load[i].0 * load[j].0 + load[i].1 * load[j].1 }
                        },
                    );
                (mu, r)
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn cells_sum_to_one((mu, r) in problem(1..=8)) {
            let total: f64 = orthant_table(&mu, &r).unwrap().iter().sum();
            prop_assert!((total - 1.0).abs() < 1e-9, "{}", total);
        }

        #[test]
        fn a_marginalised_table_is_the_table_of_the_others((mu, r) in problem(3..=7)) {
            // the quadrature differs between the two, so the bound is the table's own accuracy
            let n = mu.len() - 1;
            let kept: Vec<usize> = (0..n).collect();
            let table = orthant_table(&mu, &r).unwrap();
            let small = orthant_table(&mu[..n], &r.select_rows(&kept).select_columns(&kept)).unwrap();
            for (cell, p) in small.iter().enumerate() {
                let sum = table[cell] + table[cell | 1 << n];
                prop_assert!((sum - p).abs() < 1e-6, "{} against {}", sum, p);
            }
        }

        #[test]
        fn with_weak_correlations_marginals_agree_to_ten_digits((mu, r) in problem_with_loadings(3..=7, 0.25)) {
            let n = mu.len() - 1;
            let kept: Vec<usize> = (0..n).collect();
            let table = orthant_table(&mu, &r).unwrap();
            let small = orthant_table(&mu[..n], &r.select_rows(&kept).select_columns(&kept)).unwrap();
            for (cell, p) in small.iter().enumerate() {
                prop_assert!((table[cell] + table[cell | 1 << n] - p).abs() < 1e-10);
            }
        }

        #[test]
        fn flipping_every_answer_mirrors_the_table((mu, r) in problem(1..=8)) {
            let table = orthant_table(&mu, &r).unwrap();
            let flipped: Vec<f64> = mu.iter().map(|m| -m).collect();
            let mirror = orthant_table(&flipped, &r).unwrap();
            let last = table.len() - 1;
            for cell in 0..=last {
                prop_assert!((table[cell] - mirror[last - cell]).abs() < 1e-9);
            }
        }
    }
}
