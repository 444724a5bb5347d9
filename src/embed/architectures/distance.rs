//! Bias of the attention by the distance of two tokens, as T5 ([Raffel et al. 2020](https://arxiv.org/abs/1910.10683)) and MPNet have
//! it: to the score of token i looking at token j each head adds the number of the bucket of j - i.
//!
//! Half of the buckets are for tokens at i and before, half for those behind. In each half each distance below 8 has one of its own;
//! then there are two for each time that the distance doubles, the last of which has no end.

/// Number of buckets.
pub(crate) const BUCKETS: usize = 32;

/// The bucket of a token so far away, `behind` or before.
fn bucket(behind: bool, distance: usize) -> usize {
    const HALF: usize = BUCKETS / 2;
    const OWN: usize = HALF / 2;
    // two times the logarithm of distance / 8 to base 2, rounded down, in whole numbers
    let within = match distance {
        0..OWN => distance,
        _ => OWN + (distance.saturating_mul(distance) / (OWN * OWN)).ilog2() as usize,
    };
    within.min(HALF - 1) + if behind { HALF } else { 0 }
}

/// Bias by head and distance.
#[derive(Debug)]
pub(crate) struct DistanceBias {
    longest: usize,
    /// Of each head the bias of j - i from 1 - longest to longest - 1.
    by_head: Vec<f32>,
}

impl DistanceBias {
    /// The bias of `table` (buckets x heads) in texts of up to `longest` tokens.
    pub(crate) fn new(table: &[f32], longest: usize) -> DistanceBias {
        let heads = table.len() / BUCKETS;
        let bias = |head: usize, at: usize| {
            let bucket = bucket(at >= longest, at.abs_diff(longest - 1));
            table[bucket * heads + head]
        };
        let by_head = (0..heads).flat_map(|head| (0..2 * longest - 1).map(move |at| bias(head, at))).collect();
        DistanceBias { longest, by_head }
    }

    /// The bias of `head` for token `i` looking at each of the `n` tokens of its text.
    pub(crate) fn row(&self, head: usize, i: usize, n: usize) -> &[f32] {
        &self.by_head[head * (2 * self.longest - 1) + self.longest - 1 - i..][..n]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The buckets as T5 defines them, in logarithms; at 16, 32 and 64 these are whole.
    #[test]
    fn buckets_are_those_of_the_logarithm() {
        for distance in 0..1000_usize {
            let logarithm = (distance as f64 / 8.0).ln() / (128.0_f64 / 8.0).ln() * 8.0;
            let expected = if distance < 8 { distance } else { (8 + (logarithm + 1e-9) as usize).min(15) };
            assert_eq!([bucket(false, distance), bucket(true, distance)], [expected, expected + 16], "{distance}");
        }
    }

    #[test]
    fn a_row_has_the_distances_of_its_token() {
        // two heads: the bucket, and its negative
        let table: Vec<f32> = (0..BUCKETS).flat_map(|bucket| [bucket as f32, -(bucket as f32)]).collect();
        let bias = DistanceBias::new(&table, 4);
        assert_eq!(bias.row(0, 0, 3), [0.0, 17.0, 18.0]);
        assert_eq!(bias.row(1, 2, 4), [-2.0, -1.0, 0.0, -17.0]);
        assert_eq!(bias.row(0, 3, 4), [3.0, 2.0, 1.0, 0.0]);
        assert_eq!(DistanceBias::new(&table, 1).row(1, 0, 1), [0.0]);
    }
}
