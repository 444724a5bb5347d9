//! Random streams that depend on what they are for, never on where they run.
//!
//! One generator, ChaCha with 8 rounds (Bernstein 2008), a counter-based one. A stream is keyed by
//! (seed, purpose, key) and numbered by the replicate; the key is a company's name or a set of
//! annotators. So a draw does not change with threads, row order or with which other companies there are.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, Gamma};
use sha2::{Digest, Sha256};

/// What a stream is for; part of its key.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub enum Purpose {
    /// Weights of the rated people.
    Weights = 1,
    /// Pseudo-counts of the bins of one set of annotators.
    Bins = 2,
    /// Prevalence and counts of one company.
    Company = 3,
    /// Tilt of the rated people's weights for one company.
    Tilt = 4,
    /// Prevalence shared by companies, and hyperparameters.
    Shared = 5,
    /// A company without experts.
    Null = 6,
    /// Tilt of the rated people's weights behind a company without experts.
    NullTilt = 7,
    /// The people of a simulated company.
    Simulation = 8,
    /// People made to be held against those observed.
    Predictive = 20,
    /// People made for companies that have totals only.
    Synthetic = 21,
}

/// The streams of one purpose and key; each replicate has its own.
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
    pub fn named(seed: u64, purpose: Purpose, name: &str) -> Self {
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

/// A Gamma(shape, 1) draw, 0 for shape 0.
pub fn gamma(shape: f64, generator: &mut ChaCha8Rng) -> f64 {
    if shape == 1.0 {
        return Exp1.sample(generator);
    }
    // a positive finite shape is all that Gamma asks for
    Gamma::new(shape, 1.0).map_or(0.0, |g| g.sample(generator))
}

/// A Beta(a, b) draw from two gammas, a and b positive.
pub fn beta(a: f64, b: f64, generator: &mut ChaCha8Rng) -> f64 {
    let x = gamma(a, generator);
    let y = gamma(b, generator);
    x / (x + y)
}

/// A Binomial(n, p) draw; `p` is clamped to [0, 1].
pub fn binomial(n: u64, p: f64, generator: &mut ChaCha8Rng) -> u64 {
    if n == 0 || p <= 0.0 {
        return 0;
    }
    if p >= 1.0 {
        return n;
    }
    rand_distr::Binomial::new(n, p).map_or(0, |b| b.sample(generator))
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
}
