//! Mixing of Markov chains: split R-hat and effective sample size.
//!
//! Gelman, Carlin, Stern, Dunson, Vehtari & Rubin 2013, Bayesian Data Analysis, third edition, 11.4 and 11.5: chains cut in halves,
//! their variance between and within; autocorrelations are summed up to the first pair that is negative (Geyer 1992).

/// Largest R-hat and smallest effective sample size of chains that have mixed.
const LARGEST_R_HAT: f64 = 1.05;
const SMALLEST_SIZE: f64 = 100.0;

/// Minimum length of a chain about which anything can be said.
const SHORTEST: usize = 20;

/// Mixing of the chains of one quantity; NaN where chains are too short or all values are the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mixing {
    pub(crate) r_hat: f64,
    pub(crate) effective: f64,
    /// Number of draws of all chains.
    draws: usize,
}

impl Mixing {
    /// Whether nothing speaks against it that the chains have mixed; few draws are asked for less.
    pub(crate) fn converged(&self) -> bool {
        let wanted = SMALLEST_SIZE.min(0.25 * self.draws as f64);
        self.r_hat.is_nan() || (self.r_hat <= LARGEST_R_HAT + 4.0 / self.draws as f64 && self.effective >= wanted)
    }
}

/// Mixing of chains.
pub(crate) fn mixing(chains: &[Vec<f64>]) -> Mixing {
    let half = chains.iter().map(Vec::len).min().unwrap_or(0) / 2;
    let draws = chains.iter().map(Vec::len).sum();
    let unknown = Mixing { r_hat: f64::NAN, effective: f64::NAN, draws };
    if 2 * half < SHORTEST {
        return unknown;
    }
    let halves: Vec<&[f64]> = chains.iter().flat_map(|chain| [&chain[..half], &chain[chain.len() - half..]]).collect();
    let (m, n) = (halves.len() as f64, half as f64);
    let means: Vec<f64> = halves.iter().map(|x| x.iter().sum::<f64>() / n).collect();
    let mean = means.iter().sum::<f64>() / m;
    let between = n * means.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (m - 1.0);
    let squares = |(x, mean): (&&[f64], &f64)| x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let within = halves.iter().zip(&means).map(squares).sum::<f64>() / m;
    if within == 0.0 {
        return unknown;
    }
    let variance = (n - 1.0) / n * within + between / n;
    let correlation = |lag: usize| {
        let steps = |x: &&[f64]| x[lag..].iter().zip(x.iter()).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        1.0 - halves.iter().map(steps).sum::<f64>() / (m * (n - lag as f64)) / (2.0 * variance)
    };
    let mut sum = 0.0;
    for lag in (1..half - 1).step_by(2) {
        let pair = correlation(lag) + correlation(lag + 1);
        if pair < 0.0 {
            break;
        }
        sum += pair;
    }
    Mixing { r_hat: (variance / within).sqrt(), effective: (m * n / (1.0 + 2.0 * sum)).min(m * n), draws }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};
    use rand_distr::{Distribution, StandardNormal};

    /// Autoregressive chains x_t = a x_(t - 1) + e, each about a mean of its own.
    fn chains(a: f64, apart: f64, n: usize) -> Vec<Vec<f64>> {
        (0..4)
            .map(|chain| {
                let mut generator = Stream::new(3, Purpose::Simulation, chain).replicate(0);
                let mut x = 0.0;
                let mut next = || {
                    let e: f64 = StandardNormal.sample(&mut generator);
                    x = a * x + e;
                    x + apart * chain as f64
                };
                (0..100).for_each(|_| {
                    next();
                });
                (0..n).map(|_| next()).collect()
            })
            .collect()
    }

    #[test]
    fn autoregressive_chains_are_worth_fewer() {
        // n (1 - a) / (1 + a)
        for a in [0.0, 0.5, 0.8] {
            let found = mixing(&chains(a, 0.0, 5000));
            let wanted = 20_000.0 * (1.0 - a) / (1.0 + a);
            assert!((found.effective / wanted - 1.0).abs() < 0.15, "{a}: {}, not {wanted}", found.effective);
            assert!(found.r_hat < 1.01 && found.converged());
        }
    }

    #[test]
    fn chains_apart_and_slow_ones_have_not_mixed() {
        assert!(mixing(&chains(0.0, 1.0, 500)).r_hat > 1.2);
        assert!(!mixing(&chains(0.0, 1.0, 500)).converged());
        assert!(!mixing(&chains(0.999, 0.0, 250)).converged());
        // nothing can be said
        assert!(mixing(&[vec![1.0; 50], vec![1.0; 50]]).converged());
        assert!(mixing(&[vec![1.0, 2.0], vec![5.0, 7.0]]).r_hat.is_nan());
    }
}
