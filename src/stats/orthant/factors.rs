//! Orthant probabilities of some patterns of a normal of up to 32 dimensions.
//!
//! R = D + L L', D diagonal and as large as R allows: given the factors z ~ N(0, I) the axes are independent, and the
//! probability of a pattern is the mean over z of a product of normal probabilities, one for each label that is there
//! (Genz & Bretz 2009, Computation of Multivariate Normal and t Probabilities, section 2.3.1). All patterns share the points z, and missing labels are left out of
//! the product, so that probabilities with and without a label fit together to the last digits. At each point the products of four axes are kept
//! for all 3^4 sets of their labels, and patterns that end alike share the product of what is alike: a pattern of twenty axes costs about two multiplications.
//!
//! The relative error falls with the number of points and grows where a pattern is rare: see the tests.

use super::correlation::Correlation;
use super::sobol::Sobol;
use crate::stats::normal::{cdf, quick_quantile};
use nalgebra::{DMatrix, SymmetricEigen};

/// Number of points side by side; the number of points is a multiple of it.
const LANES: usize = 256;

/// Number of sums of a pattern side by side, so that the compiler makes them one vector.
const KEPT: usize = 8;

/// Number of axes whose products are kept, and of sets of their labels.
const GROUP: usize = 4;
const SETS: usize = 3usize.pow(GROUP as u32);

/// Number of enlargements of D.
const STEPS: usize = 40;

/// Share of the largest enlargement that is made, so that R - D stays definite.
const CAUTION: f64 = 0.9;

/// Normal whose axes are independent given factors.
pub(crate) struct Factors {
    /// Latent means over the axes' own standard deviations.
    means: Vec<f64>,
    /// Loadings over the same, one row an axis; the factor that tells most first.
    loadings: DMatrix<f64>,
}

impl Factors {
    /// The normal with these latent means, one an axis.
    pub(crate) fn new(mu: &[f64], correlation: &Correlation) -> Self {
        let r = correlation.matrix();
        let n = mu.len();
        let mut own = vec![0.0; n];
        let mut rest = r.clone();
        for _ in 0..STEPS {
            let Some(factor) = rest.clone().cholesky() else {
                break;
            };
            let inverse = factor.inverse();
            // R - D stays definite when one axis gives 1 / inverse_jj, and so when each of n gives an nth of that
            let given: Vec<f64> = (0..n).map(|j| CAUTION / (n as f64 * inverse[(j, j)])).collect();
            let before = rest.clone();
            for (j, given) in given.iter().enumerate() {
                rest[(j, j)] -= given;
            }
            // rounding decides where next to nothing is left
            if rest.clone().cholesky().is_none() {
                rest = before;
                break;
            }
            own.iter_mut().zip(&given).for_each(|(own, given)| *own += given);
        }
        let eigen = SymmetricEigen::new(rest);
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let sd: Vec<f64> = own.iter().map(|own| own.sqrt()).collect();
        let loading = |axis: usize, factor: usize| {
            let at = order[factor];
            eigen.eigenvectors[(axis, at)] * eigen.eigenvalues[at].max(0.0).sqrt() / sd[axis]
        };
        Factors {
            means: mu.iter().zip(&sd).map(|(mu, sd)| mu / sd).collect(),
            loadings: DMatrix::from_fn(n, n, loading),
        }
    }

    /// Probabilities of patterns, given as masks of the labels that are there and of those that say yes.
    pub(crate) fn probabilities(&self, patterns: &[(u32, u32)], points: Sobol) -> Vec<f64> {
        let n = self.means.len();
        let mut numbered: Vec<(u64, usize)> =
            patterns.iter().enumerate().map(|(at, &(seen, yes))| (number(seen, yes, n), at)).collect();
        numbered.sort_unstable();
        let alike: Vec<&[(u64, usize)]> = numbered.chunk_by(|a, b| a.0 == b.0).collect();
        let numbers: Vec<u64> = alike.iter().map(|patterns| patterns[0].0).collect();
        let factors: Vec<Vec<f64>> = (0..n).map(|factor| points.uniforms(factor)).collect();
        let leaves = Leaves::new(&numbers, n);
        let sums = pulp::Arch::new().dispatch(Products { of: self, leaves: &leaves, points: &factors });
        let mut found = vec![0.0; patterns.len()];
        for (alike, sum) in alike.into_iter().zip(sums) {
            let p = (sum / points.points as f64).max(f64::MIN_POSITIVE);
            alike.iter().for_each(|(_, at)| found[*at] = p);
        }
        found
    }
}

/// Number of a pattern of `n` axes in base 3, axis j the digit at 3^j: 0 no, 1 yes, 2 missing.
fn number(seen: u32, yes: u32, n: usize) -> u64 {
    let digit = |j: usize| if seen >> j & 1 == 0 { 2 } else { yes >> j & 1 };
    (0..n).rev().fold(0, |number, j| 3 * number + u64::from(digit(j)))
}

/// Sorted patterns as leaves of a tree, whose branches are the sets of labels of groups of axes, the last axes first.
struct Leaves {
    /// Number of branches that each leaf shares with the one before; less than there are groups.
    shared: Vec<usize>,
    /// The other branches of each leaf, one leaf after the other.
    branches: Vec<u8>,
}

impl Leaves {
    /// The leaves of different patterns of `n` axes, given by their [`number`] and sorted.
    fn new(numbers: &[u64], n: usize) -> Self {
        let groups = n.div_ceil(GROUP);
        let mut leaves = Leaves { shared: Vec::with_capacity(numbers.len()), branches: Vec::new() };
        let from = |group: usize, number: u64| number / (SETS as u64).pow(group as u32);
        let mut before: Option<u64> = None;
        for &number in numbers {
            let shares = |group: &usize| before.is_some_and(|before| from(*group, before) == from(*group, number));
            let shared = (0..groups).rev().take_while(shares).count();
            leaves.shared.push(shared);
            leaves.branches.extend((0..groups - shared).rev().map(|group| (from(group, number) % SETS as u64) as u8));
            before = Some(number);
        }
        leaves
    }
}

/// Sums over the points of the products of each pattern.
struct Products<'a> {
    of: &'a Factors,
    leaves: &'a Leaves,
    /// Uniform coordinates, `[factor][point]`.
    points: &'a [Vec<f64>],
}

impl pulp::WithSimd for Products<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Vec<f64> {
        let Products { of, leaves, points } = self;
        let n = of.means.len();
        let groups = n.div_ceil(GROUP);
        let mut sums = vec![0.0; leaves.shared.len()];
        let mut products = vec![[[1.0; LANES]; SETS]; groups];
        // products of the branches on the way to the leaf at hand, by their number
        let mut shared = vec![[1.0; LANES]; groups];
        let mut z = vec![[0.0; LANES]; n];
        let count = points.first().map_or(0, Vec::len);
        for start in (0..count).step_by(LANES) {
            for (z, uniforms) in z.iter_mut().zip(points) {
                for l in 0..LANES {
                    z[l] = quick_quantile(uniforms[start + l]);
                }
            }
            for (group, products) in products.iter_mut().enumerate() {
                let mut size = 1;
                for axis in group * GROUP..(group + 1) * GROUP {
                    // axes beyond the last are never there
                    let (mut no, mut yes) = ([1.0; LANES], [1.0; LANES]);
                    if axis < n {
                        let mut latent = [of.means[axis]; LANES];
                        for (factor, z) in z.iter().enumerate() {
                            let loading = of.loadings[(axis, factor)];
                            for l in 0..LANES {
                                latent[l] += loading * z[l];
                            }
                        }
                        for l in 0..LANES {
                            no[l] = cdf(-latent[l]);
                            yes[l] = cdf(latent[l]);
                        }
                    }
                    let (missing, rest) = products.split_at_mut(size);
                    let (says_yes, rest) = rest.split_at_mut(size);
                    for at in 0..size {
                        let product = missing[at];
                        rest[at] = product;
                        for l in 0..LANES {
                            says_yes[at][l] = product[l] * yes[l];
                            missing[at][l] = product[l] * no[l];
                        }
                    }
                    size *= 3;
                }
            }
            let mut branches = leaves.branches.iter();
            for (sum, &alike) in sums.iter_mut().zip(&leaves.shared) {
                for (at, branch) in (alike..groups - 1).zip(branches.by_ref()) {
                    let factor = &products[groups - 1 - at][*branch as usize];
                    let (before, after) = shared.split_at_mut(at + 1);
                    let (before, after) = (&before[at], &mut after[0]);
                    for l in 0..LANES {
                        after[l] = before[l] * factor[l];
                    }
                }
                let Some(leaf) = branches.next() else {
                    break;
                };
                let (before, factor) = (&shared[groups - 1], &products[0][*leaf as usize]);
                let mut kept = [0.0; KEPT];
                for (before, factor) in before.as_chunks::<KEPT>().0.iter().zip(factor.as_chunks::<KEPT>().0) {
                    for l in 0..KEPT {
                        kept[l] += before[l] * factor[l];
                    }
                }
                *sum += kept.iter().sum::<f64>();
            }
            // the empty set again, from which the next products start
            products.iter_mut().for_each(|products| products[0] = [1.0; LANES]);
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::super::{marginal, orthant_table};
    use super::*;

    /// Families of axes that are alike: correlations of .49 within and .25 across, all means apart.
    fn families(n: usize) -> (Vec<f64>, Correlation) {
        let r = DMatrix::from_fn(n, n, |i, j| match (i == j, i % 3 == j % 3) {
            (true, _) => 1.0,
            (_, true) => 0.49,
            _ => 0.25,
        });
        ((0..n).map(|j| 0.8 - 0.2 * j as f64).collect(), Correlation::new(r).unwrap())
    }

    #[test]
    fn loadings_and_own_variances_are_the_correlation() {
        for n in [1, 2, 9, 22] {
            let (mu, correlation) = families(n);
            let factors = Factors::new(&mu, &correlation);
            for i in 0..n {
                // mean over own sd: the own variance is that of the means given
                let own = |axis: usize| 1.0 / (1.0 + factors.loadings.row(axis).norm_squared());
                for j in 0..n {
                    let common = factors.loadings.row(i).dot(&factors.loadings.row(j)) * (own(i) * own(j)).sqrt();
                    let r = common + if i == j { own(i) } else { 0.0 };
                    assert!((r - correlation.matrix()[(i, j)]).abs() < 1e-9, "{n}: {r} at {i}, {j}");
                }
            }
        }
    }

    #[test]
    fn patterns_have_the_probabilities_of_the_table() {
        let (mu, r) = families(8);
        let table = orthant_table(&mu, &r).unwrap();
        for (seen, points, allowed) in [(0xff, 2048, 0.4), (0xff, 8192, 0.2), (0b1011_0110, 8192, 0.05)] {
            let exact = marginal(&table, seen);
            let patterns: Vec<(u32, u32)> = (0..256).filter(|yes| yes & !seen == 0).map(|yes| (seen, yes)).collect();
            let found = Factors::new(&mu, &r).probabilities(&patterns, Sobol { points, scramble: 0 });
            let (mut squares, mut people) = (0.0, 0.0);
            for ((_, yes), p) in patterns.iter().zip(&found) {
                let exact = exact[*yes as usize];
                assert!((p - exact).abs() < 1e-3, "{yes:b}: {p}, not {exact}");
                if exact > 1e-5 {
                    assert!((p / exact).ln().abs() < allowed, "{yes:b}: {p}, not {exact}");
                }
                squares += exact * (p / exact).ln().powi(2);
                people += exact;
            }
            println!(
                "{seen:b}, {points} points: relative error of a person's pattern {:.4}",
                (squares / people).sqrt()
            );
        }
    }

    #[test]
    fn labels_that_are_missing_are_summed_out() {
        let (mu, r) = families(22);
        let factors = Factors::new(&mu, &r);
        let all = (1u32 << 22) - 1;
        let (seen, yes) = (all & !(1 << 3) & !(1 << 21), 0b10_0010_1001_0000_0010_0001 & all & !(1 << 21));
        let mut patterns = vec![(seen, yes)];
        patterns.extend([0, 1 << 3, 1 << 21, 1 << 3 | 1 << 21].map(|more| (all, yes | more)));
        patterns.push((0, 0));
        let found = factors.probabilities(&patterns, Sobol { points: 256, scramble: 5 });
        let sum: f64 = found[1..5].iter().sum();
        assert!((found[0] / sum - 1.0).abs() < 1e-12, "{} and {sum}", found[0]);
        assert!((found[5] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_pattern_has_its_probability_whatever_is_asked_beside_it() {
        for n in [1, 4, 5, 22, 32] {
            let (mu, r) = families(n);
            let factors = Factors::new(&mu, &r);
            let points = Sobol { points: 256, scramble: 3 };
            let all = u32::MAX >> (32 - n);
            // labels spread over the axes, some alike but for the first or the last ones, one asked for twice
            let bits = |i: u32| i.wrapping_mul(0x9e37_79b9) & all;
            let mut patterns: Vec<(u32, u32)> = (0..40).map(|i| (all & !bits(3 * i), bits(i) & !bits(3 * i))).collect();
            patterns.extend([(all, 0), (all, 1), (all, 1 << (n - 1)), (all, 0)]);
            let together = factors.probabilities(&patterns, points);
            for (pattern, p) in patterns.iter().zip(together) {
                assert_eq!(factors.probabilities(&[*pattern], points), [p]);
            }
        }
    }

    #[test]
    fn one_factor_is_a_simple_integral() {
        // equicorrelated 1/2 at mean 0: k yes of n have 1 / ((n + 1) binomial(n, k)); all alike here
        let n = 20;
        let r = DMatrix::from_fn(n, n, |i, j| if i == j { 1.0 } else { 0.5 });
        let factors = Factors::new(&vec![0.0; n], &Correlation::new(r).unwrap());
        let all = (1u32 << n) - 1;
        let found = factors.probabilities(&[(all, 0), (all, all)], Sobol { points: 8192, scramble: 0 });
        for p in found {
            assert!((p - 1.0 / 21.0).abs() < 1e-4, "{p}");
        }
    }
}
