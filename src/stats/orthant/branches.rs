//! Orthant probabilities of some patterns of a normal of up to 32 dimensions.
//!
//! Labels are met one after the other: each has a probability given those before, and what these leave open of their axis is
//! drawn at Sobol points (sequential conditioning: Genz 1992, Journal of Computational and Graphical Statistics 1, 141-149). A
//! pattern's probability is the mean over the points of the products. A label that is missing leaves its axis open. Patterns are branches of one tree, so that those that begin alike
//! share what their beginnings cost; the axes whose labels are surest come first, so that many begin alike.
//!
//! In single precision, since the points err by far more. The relative error falls with their number and grows with the number of labels: see the tests.

use super::correlation::Correlation;
use super::sobol::Sobol;
use crate::stats::single::{quantile, tail};

/// Number of points side by side; the number of points is a multiple of it.
const SIDE_BY_SIDE: usize = 64;

type Points = [f32; SIDE_BY_SIDE];

/// Number of sums side by side, so that the compiler makes them one vector.
const LANES: usize = 16;

/// Factor of a label's probability, so that products of 32 of them stay in the range of single precision.
const SCALE: f32 = 8.0;

/// A label as two bits: whether it says no, and whether it says yes.
const MISSING: usize = 0;
const NO: usize = 1;
const YES: usize = 2;

/// Normal whose axes are met in an order.
pub(crate) struct Branches {
    order: Vec<usize>,
    /// Latent means over the standard deviation given the axes before.
    means: Vec<f32>,
    /// Loadings on the axes before over the same.
    loadings: Vec<Vec<f32>>,
}

impl Branches {
    /// The normal with these latent means, one an axis.
    pub(crate) fn new(mu: &[f64], correlation: &Correlation) -> Self {
        let mut order: Vec<usize> = (0..mu.len()).collect();
        order.sort_by(|&a, &b| mu[b].abs().total_cmp(&mu[a].abs()));
        let lower = correlation.select(&order).factor();
        let own = |k: usize| lower[(k, k)];
        Branches {
            means: order.iter().enumerate().map(|(k, &axis)| (mu[axis] / own(k)) as f32).collect(),
            loadings: (0..mu.len())
                .map(|k| (0..k).map(|before| (lower[(k, before)] / own(k)) as f32).collect())
                .collect(),
            order,
        }
    }

    /// Labels of a pattern, that of the first axis the highest bits.
    fn labels(&self, seen: u32, yes: u32) -> u64 {
        let of = |axis: &usize| match (seen >> axis & 1, yes >> axis & 1) {
            (0, _) => MISSING,
            (_, 0) => NO,
            _ => YES,
        };
        self.order.iter().enumerate().fold(0, |all, (place, axis)| all | (of(axis) as u64) << (62 - 2 * place))
    }

    /// Probabilities of patterns, given as masks of the labels that are there and of those that say yes.
    pub(crate) fn probabilities(&self, patterns: &[(u32, u32)], points: Sobol) -> Vec<f64> {
        let mut branches: Vec<(u64, usize)> =
            patterns.iter().enumerate().map(|(at, &(seen, yes))| (self.labels(seen, yes), at)).collect();
        branches.sort_unstable();
        let uniforms: Vec<Vec<f64>> = (0..self.order.len()).map(|place| points.uniforms(place)).collect();
        let mut sums = vec![0.0; patterns.len()];
        for start in (0..points.points).step_by(SIDE_BY_SIDE) {
            let uniforms: Vec<Points> =
                uniforms.iter().map(|all| std::array::from_fn(|point| all[start + point] as f32)).collect();
            pulp::Arch::new().dispatch(Walk { of: self, branches: &branches, uniforms: &uniforms, sums: &mut sums });
        }
        let scaled = |((seen, _), sum): (&(u32, u32), f64)| {
            let scale = f64::from(SCALE).powi(seen.count_ones() as i32);
            (sum / points.points as f64 / scale).max(f64::MIN_POSITIVE)
        };
        patterns.iter().zip(sums).map(scaled).collect()
    }
}

/// Walk through the sorted branches, which adds to the sum of each pattern.
struct Walk<'a> {
    of: &'a Branches,
    /// Labels, and the position of the pattern.
    branches: &'a [(u64, usize)],
    /// `[place][point]`
    uniforms: &'a [Points],
    sums: &'a mut [f64],
}

/// State at a place of the branch at hand.
#[derive(Clone)]
struct Place {
    /// Products of the probabilities of the labels before it.
    weight: Points,
    /// Probabilities of no and yes given the labels before it.
    chances: [Points; 2],
    /// Error of the axis given its label.
    error: Points,
    /// The same where the label is missing.
    free: Points,
}

impl pulp::WithSimd for Walk<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Walk { of, branches, uniforms, sums } = self;
        let nothing = [0.0; SIDE_BY_SIDE];
        let start = Place { weight: [1.0; SIDE_BY_SIDE], chances: [nothing; 2], error: nothing, free: nothing };
        let mut places = vec![start; uniforms.len() + 1];
        for (place, u) in places.iter_mut().zip(uniforms) {
            for l in 0..SIDE_BY_SIDE {
                place.free[l] = quantile(u[l]);
            }
        }
        // places whose chances and errors are those of the branch, as bits
        let (mut with_chances, mut with_error) = (0_u64, 0_u64);
        let (mut before, mut length_before) = (0_u64, 0);
        for &(labels, pattern) in branches {
            // labels that are missing at the end are left out
            let length = (64 - labels.trailing_zeros() as usize).div_ceil(2);
            let shared = ((labels ^ before).leading_zeros() as usize / 2).min(length_before).min(length);
            with_error &= (1 << shared) - 1;
            with_chances &= (2 << shared) - 1;
            for at in shared..length {
                let label = |place: usize| (labels >> (62 - 2 * place) & 3) as usize;
                let (known, open) = places.split_at_mut(at);
                let Some((here, next)) = open.split_first_mut() else {
                    break;
                };
                if label(at) == MISSING {
                    next[0].weight = here.weight;
                    continue;
                }
                let mut without_error = ((1 << at) - 1) & !with_error;
                with_error |= without_error;
                while without_error != 0 {
                    let place = without_error.trailing_zeros() as usize;
                    without_error &= without_error - 1;
                    let Place { chances: [no, yes], error, free, .. } = &mut known[place];
                    let u = &uniforms[place];
                    match label(place) {
                        MISSING => *error = *free,
                        YES => {
                            for l in 0..SIDE_BY_SIDE {
                                error[l] = -quantile(u[l] * yes[l]);
                            }
                        }
                        _ => {
                            for l in 0..SIDE_BY_SIDE {
                                error[l] = quantile(u[l] * no[l]);
                            }
                        }
                    }
                }
                let [no, yes] = &mut here.chances;
                if with_chances >> at & 1 == 0 {
                    let mut latent = nothing;
                    for (chunk, latent) in latent.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                        let mut sum = [of.means[at]; LANES];
                        for (loading, known) in of.loadings[at].iter().zip(&*known) {
                            let error = &known.error.as_chunks::<LANES>().0[chunk];
                            for l in 0..LANES {
                                sum[l] += loading * error[l];
                            }
                        }
                        *latent = sum;
                    }
                    for l in 0..SIDE_BY_SIDE {
                        let tail = tail(latent[l].abs());
                        let rest = 1.0 - tail;
                        no[l] = if latent[l] > 0.0 { tail } else { rest };
                        yes[l] = if latent[l] > 0.0 { rest } else { tail };
                    }
                    with_chances |= 1 << at;
                }
                let (chance, weight) = (if label(at) == YES { &*yes } else { &*no }, &mut next[0].weight);
                for l in 0..SIDE_BY_SIDE {
                    weight[l] = here.weight[l] * (SCALE * chance[l]);
                }
            }
            let mut kept = [0.0; LANES];
            for weights in places[length].weight.as_chunks::<LANES>().0 {
                for l in 0..LANES {
                    kept[l] += weights[l];
                }
            }
            sums[pattern] += kept.iter().map(|sum| f64::from(*sum)).sum::<f64>();
            (before, length_before) = (labels, length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{marginal, orthant_table};
    use super::*;
    use nalgebra::DMatrix;

    /// Three families of axes: their correlations within and across, all means apart.
    fn families(n: usize, within: f64, across: f64) -> (Vec<f64>, Correlation) {
        let r = DMatrix::from_fn(n, n, |i, j| match (i == j, i % 3 == j % 3) {
            (true, _) => 1.0,
            (_, true) => within,
            _ => across,
        });
        ((0..n).map(|j| 0.8 - 0.2 * j as f64).collect(), Correlation::new(r).unwrap())
    }

    #[test]
    fn patterns_have_the_probabilities_of_the_table() {
        // twins leave each other little of their own
        for (what, (mu, r), allowed) in
            [("families", families(8, 0.49, 0.25), 0.02), ("twins", families(8, 0.97, 0.4), 0.06)]
        {
            let table = orthant_table(&mu, &r).unwrap();
            for (seen, points) in [(0xff, 64), (0xff, 256), (0xff, 2048), (0b1011_0110, 256)] {
                let exact = marginal(&table, seen);
                let patterns: Vec<(u32, u32)> =
                    (0..256).filter(|yes| yes & !seen == 0).map(|yes| (seen, yes)).collect();
                let found = Branches::new(&mu, &r).probabilities(&patterns, Sobol { points, scramble: 0 });
                let (mut squares, mut people) = (0.0, 0.0);
                for ((_, yes), p) in patterns.iter().zip(&found) {
                    let exact = exact[*yes as usize];
                    // a tenth of a probability of .1 at 256 points, with the root of their number
                    assert!(
                        (p - exact).abs() < 0.01 * (256.0 / points as f64).sqrt(),
                        "{what} {yes:b}: {p}, not {exact}"
                    );
                    squares += exact * (p / exact).ln().powi(2);
                    people += exact;
                }
                let error = (squares / people).sqrt();
                println!("{what}, {seen:b}, {points} points: relative error of a person's pattern {error:.4}");
                assert!(error < allowed * (256.0 / points as f64).sqrt(), "{what}: {error}");
            }
        }
    }

    #[test]
    fn labels_that_are_missing_are_summed_out() {
        let (mu, r) = families(22, 0.49, 0.25);
        let branches = Branches::new(&mu, &r);
        let all = (1u32 << 22) - 1;
        let (seen, yes) = (all & !(1 << 3) & !(1 << 21), 0b10_0010_1001_0000_0010_0001 & all & !(1 << 21));
        let mut patterns = vec![(seen, yes)];
        patterns.extend([0, 1 << 3, 1 << 21, 1 << 3 | 1 << 21].map(|more| (all, yes | more)));
        patterns.push((0, 0));
        let found = branches.probabilities(&patterns, Sobol { points: 8192, scramble: 5 });
        let sum: f64 = found[1..5].iter().sum();
        assert!((found[0] / sum - 1.0).abs() < 0.05, "{} and {sum}", found[0]);
        assert_eq!(found[5], 1.0);
    }

    #[test]
    fn a_pattern_has_its_probability_whatever_is_asked_beside_it() {
        for n in [1, 4, 5, 22, 32] {
            let (mu, r) = families(n, 0.49, 0.25);
            let branches = Branches::new(&mu, &r);
            let points = Sobol { points: 256, scramble: 3 };
            let all = u32::MAX >> (32 - n);
            // labels spread over the axes, some alike but for the first or the last ones, one asked for twice, one without labels
            let bits = |i: u32| i.wrapping_mul(0x9e37_79b9) & all;
            let mut patterns: Vec<(u32, u32)> = (0..40).map(|i| (all & !bits(3 * i), bits(i) & !bits(3 * i))).collect();
            patterns.extend([(all, 0), (all, 1), (all, 1 << (n - 1)), (all, 0), (0, 0)]);
            for axis in 0..n {
                patterns.extend([(all & !(1 << axis), 0), (all, 1 << axis), (1 << axis, 1 << axis)]);
            }
            let together = branches.probabilities(&patterns, points);
            for (pattern, p) in patterns.iter().zip(together) {
                assert_eq!(branches.probabilities(&[*pattern], points), [p]);
            }
        }
    }

    #[test]
    fn one_factor_is_a_simple_integral() {
        // equicorrelated 1/2 at mean 0: k yes of n have 1 / ((n + 1) binomial(n, k)); all alike here
        for n in [20, 32] {
            let r = DMatrix::from_fn(n, n, |i, j| if i == j { 1.0 } else { 0.5 });
            let branches = Branches::new(&vec![0.0; n], &Correlation::new(r).unwrap());
            let all = u32::MAX >> (32 - n);
            let found = branches.probabilities(&[(all, 0), (all, all)], Sobol { points: 8192, scramble: 0 });
            for p in found {
                assert!((p * (n + 1) as f64 - 1.0).abs() < 0.02, "{p}");
            }
        }
    }

    /// Thirty-two labels against all odds: e to the minus 100 and less, which single precision does not hold.
    #[test]
    fn rare_patterns_have_a_probability() {
        let n = 32;
        let branches = Branches::new(&vec![-1.9; n], &Correlation::new(DMatrix::identity(n, n)).unwrap());
        let found = branches.probabilities(&[(u32::MAX, u32::MAX)], Sobol { points: 64, scramble: 0 })[0];
        let exact = 32.0 * crate::stats::normal::cdf(-1.9).ln();
        assert!(exact < -100.0 && (found.ln() - exact).abs() < 1e-3, "{}, not {exact}", found.ln());
    }
}
