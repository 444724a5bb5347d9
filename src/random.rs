//! Random streams keyed by their purpose, independent of where they run.
//!
//! One generator, ChaCha with 8 rounds (Bernstein 2008), a counter-based one. A stream is keyed by
//! (seed, purpose, key) and numbered by the replicate; the key is a company's name or a set of
//! annotators. So a draw does not change with threads, row order or with which other companies there are.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, Gamma};
use sha2::{Digest, Sha256};

/// Purpose of a stream; part of its key.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub enum Purpose {
    /// Weights of the gold people.
    Weights = 1,
    /// Pseudo-counts of the bins of one set of annotators.
    Bins = 2,
    /// Prevalence and counts of one company.
    Company = 3,
    /// Drift of the gold people's weights in one company.
    Drift = 4,
    /// Prevalence shared by companies, and hyperparameters.
    Shared = 5,
    /// Labels and count of a company without experts.
    Null = 6,
    /// Drift of the gold people's weights behind a company without experts.
    NullDrift = 7,
    /// The people of a simulated company.
    Simulation = 8,
    /// Answers of non-experts made up.
    Answers = 9,
    /// People predicted, to be held against those observed.
    Predictive = 20,
    /// Synthetic people of companies that have totals only.
    Synthetic = 21,
    /// Companies dealt out among gold people.
    Permutations = 22,
    /// Start of the rounding in a plan of ratings.
    Plan = 23,
    /// Halves of the gold people, and the fits by which the people of a company are judged.
    Halves = 24,
    /// Centres that k-means starts with.
    Clusters = 30,
}

/// Streams of one purpose and key; each replicate has its own.
#[derive(Debug, Clone)]
pub struct Stream {
    key: [u8; 32],
}

impl Stream {
    /// The streams of `purpose` under `seed` with a number as key.
    pub fn new(seed: u64, purpose: Purpose, number: u64) -> Self {
        Self::keyed(seed, purpose, (number as u128).to_le_bytes())
    }

    /// The streams of `purpose` under `seed` with a name as key: 128 bits of its SHA-256.
    pub(crate) fn named(seed: u64, purpose: Purpose, name: &str) -> Self {
        let digest = Sha256::digest(name.as_bytes());
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self::keyed(seed, purpose, half)
    }

    fn keyed(seed: u64, purpose: Purpose, half: [u8; 16]) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
        key[16..].copy_from_slice(&half);
        Stream { key }
    }

    /// The generator of one replicate.
    pub fn replicate(&self, replicate: u64) -> ChaCha8Rng {
        let mut generator = ChaCha8Rng::from_seed(self.key);
        generator.set_stream(replicate);
        generator
    }
}

/// Draw from Gamma(shape, 1); 0 for shape 0.
pub(crate) fn gamma(shape: f64, generator: &mut ChaCha8Rng) -> f64 {
    if shape == 1.0 {
        return Exp1.sample(generator);
    }
    // a positive finite shape is all that Gamma asks for
    Gamma::new(shape, 1.0).map_or(0.0, |g| g.sample(generator))
}

/// Draw from Beta(a, b), by two gammas; a and b positive.
pub fn beta(a: f64, b: f64, generator: &mut ChaCha8Rng) -> f64 {
    let x = gamma(a, generator);
    let y = gamma(b, generator);
    x / (x + y)
}

/// Draw from Binomial(n, p); `p` is clamped to [0, 1].
///
/// Few expected: by inversion (BINV of Kachitvichyanukul & Schmeiser 1988), which is what the library does
/// too. Here it skips the power (1 - p)^n where the answer is 0 anyway, as for most cells of most companies.
pub fn binomial(n: u64, p: f64, generator: &mut ChaCha8Rng) -> u64 {
    if n == 0 || p <= 0.0 {
        return 0;
    }
    if p >= 1.0 {
        return n;
    }
    let rare = p.min(1.0 - p);
    if n > FEW_TRIALS || n as f64 * rare >= FEW_EXPECTED {
        return rand_distr::Binomial::new(n, p).map_or(0, |b| b.sample(generator));
    }
    let rare = invert_binomial(n, rare, generator.random());
    if p > 0.5 { n - rare } else { rare }
}

/// Draw from a multinomial of `n` people over cells, whose chances need not sum to 1: `put` takes each cell that has people, and their number.
/// The last cell with a chance has whom rounding leaves.
pub(crate) fn multinomial(n: u64, chances: &[f64], generator: &mut ChaCha8Rng, mut put: impl FnMut(usize, u64)) {
    let last = chances.iter().rposition(|chance| *chance > 0.0).unwrap_or(0);
    let (mut left, mut mass) = (n, chances.iter().sum::<f64>());
    for (cell, chance) in chances.iter().enumerate() {
        if left == 0 {
            return;
        }
        let drawn = if cell == last { left } else { binomial(left, chance / mass, generator) };
        left -= drawn;
        mass -= chance;
        if drawn > 0 {
            put(cell, drawn);
        }
    }
}

/// Largest numbers that inversion is used for: beyond, 1 - p loses digits or the search takes long.
const FEW_TRIALS: u64 = 1 << 20;
const FEW_EXPECTED: f64 = 10.0;

/// Number of successes at which the distribution function first exceeds `u`.
fn invert_binomial(n: u64, p: f64, mut u: f64) -> u64 {
    // (1 - p)^n >= 1 - n p
    if u < 1.0 - n as f64 * p {
        return 0;
    }
    let q = 1.0 - p;
    let odds = p / q;
    let scale = (n as f64 + 1.0) * odds;
    let mut mass = q.powi(n as i32);
    let mut successes = 0;
    while u >= mass && successes < n {
        u -= mass;
        successes += 1;
        mass *= scale / successes as f64 - odds;
    }
    successes
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn golden_stream() {
        // RFC 7539's block function with 8 rounds and an all-zero key (test vector of the ECRYPT set,
        // key and nonce zero): the first eight bytes of the key stream
        let zero = Stream { key: [0; 32] };
        assert_eq!(zero.replicate(0).next_u64().to_le_bytes(), [0x3e, 0x00, 0xef, 0x2f, 0x89, 0x5f, 0x40, 0xd6]);
    }

    #[test]
    fn streams_differ_by_every_part_of_their_key() {
        let first = |s: Stream, replicate| s.replicate(replicate).next_u64();
        let draws = [
            first(Stream::new(1, Purpose::Bins, 5), 0),
            first(Stream::new(2, Purpose::Bins, 5), 0),
            first(Stream::new(1, Purpose::Company, 5), 0),
            first(Stream::new(1, Purpose::Bins, 6), 0),
            first(Stream::new(1, Purpose::Bins, 5), 1),
            first(Stream::named(1, Purpose::Bins, "5"), 0),
        ];
        for i in 0..draws.len() {
            for j in 0..i {
                assert_ne!(draws[i], draws[j]);
            }
        }
    }

    #[test]
    fn moments_of_the_draws() {
        let mut g = Stream::new(1, Purpose::Simulation, 0).replicate(0);
        let n = 40_000;
        let mean = |f: &mut dyn FnMut() -> f64| (0..n).map(|_| f()).sum::<f64>() / n as f64;
        // five standard errors each
        assert!((mean(&mut || gamma(0.5, &mut g)) - 0.5).abs() < 5.0 * (0.5f64 / n as f64).sqrt());
        assert!((mean(&mut || gamma(1.0, &mut g)) - 1.0).abs() < 5.0 * (1.0 / n as f64).sqrt());
        assert!((mean(&mut || beta(2.0, 10.0, &mut g)) - 1.0 / 6.0).abs() < 5.0 * 0.104 / (n as f64).sqrt());
        assert!((mean(&mut || binomial(50, 0.3, &mut g) as f64) - 15.0).abs() < 5.0 * (10.5f64 / n as f64).sqrt());
        assert_eq!(binomial(7, 1.5, &mut g), 7);
        assert_eq!(binomial(7, -0.5, &mut g), 0);
    }

    #[test]
    fn multinomials_have_their_moments() {
        let dealt = |n, chances: &[f64], g: &mut ChaCha8Rng| {
            let mut people = [0; 5];
            multinomial(n, chances, g, |cell, drawn| people[cell] += drawn);
            people
        };
        let mut g = Stream::new(3, Purpose::Simulation, 0).replicate(0);
        let p = [0.5, 0.3, 0.0, 0.2, 0.0];
        let draws = 4000;
        let (mut sums, mut products) = ([0.0; 5], 0.0);
        for _ in 0..draws {
            let drawn = dealt(30, &p, &mut g);
            assert_eq!(drawn.iter().sum::<u64>(), 30);
            sums.iter_mut().zip(drawn).for_each(|(sum, n)| *sum += n as f64 / f64::from(draws));
            products += drawn[0] as f64 * drawn[3] as f64 / f64::from(draws);
        }
        // five standard errors of the means; covariance -n p q = -3 and its standard error about .1
        for (sum, p) in sums.iter().zip(p) {
            assert!((sum - 30.0 * p).abs() <= 5.0 * (30.0 * p * (1.0 - p) / f64::from(draws)).sqrt(), "{sums:?}");
        }
        assert!((products - sums[0] * sums[3] + 3.0).abs() < 0.5, "{products} {sums:?}");
        // thirds do not sum to 1 exactly
        assert_eq!(dealt(1 << 40, &[1.0 / 3.0; 3], &mut g).iter().sum::<u64>(), 1 << 40);
        assert_eq!(dealt(7, &[0.0, 1.0, 0.0], &mut g), [0, 7, 0, 0, 0]);
    }

    #[test]
    fn binomials_have_their_distribution() {
        use statrs::distribution::{ContinuousCDF, Discrete};
        let mut g = Stream::new(2, Purpose::Simulation, 0).replicate(0);
        // inversion for rare and for frequent successes, of few and of many, and the library
        for (n, p) in [(1, 0.3), (7, 0.02), (40, 0.1), (40, 0.9), (1 << 20, 3e-6), (1 << 21, 1e-6), (300, 0.2)] {
            let draws = 20_000;
            let exact = statrs::distribution::Binomial::new(p, n).unwrap();
            let mut counts = std::collections::BTreeMap::<u64, f64>::new();
            (0..draws).for_each(|_| *counts.entry(binomial(n, p, &mut g)).or_default() += 1.0);
            // cells of at least 5 expected draws, the rest in one
            let (mut x2, mut cells, mut rest_seen, mut rest) = (0.0, 0.0, draws as f64, draws as f64);
            let centre = (n as f64 * p) as u64;
            for k in centre.saturating_sub(60)..=n.min(centre + 60) {
                let expected = draws as f64 * exact.pmf(k);
                if expected >= 5.0 {
                    let seen = counts.get(&k).copied().unwrap_or(0.0);
                    x2 += (seen - expected).powi(2) / expected;
                    (cells, rest_seen, rest) = (cells + 1.0, rest_seen - seen, rest - expected);
                }
            }
            if rest > 1.0 {
                x2 += (rest_seen - rest).powi(2) / rest;
                cells += 1.0;
            }
            let tail = statrs::distribution::ChiSquared::new(cells - 1.0).unwrap().sf(x2);
            assert!(tail > 1e-4, "Binomial({n}, {p}): chi-square {x2} of {cells} cells");
        }
    }
}
