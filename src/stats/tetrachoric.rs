//! Tetrachoric correlation: the correlation of two latent normals that were cut to yes and no.
//!
//! With the margins at their sample values the estimate is the root of Phi2(h, k; rho) = n11 / n
//! (Divgi 1979), found by Newton's method inside a bracket that shrinks at every step.

use super::normal::{cdf2, density2, quantile};

/// Largest correlation looked for.
const LARGEST: f64 = 0.999_999;

/// Two-by-two table of counts or weights of a pair of answers: both yes, first only, second only, neither.
pub(crate) type PairTable = [f64; 4];

/// Position of a pair of answers in a [`PairTable`].
pub(crate) fn pair_cell(first: bool, second: bool) -> usize {
    2 * usize::from(!first) + usize::from(!second)
}

/// The tetrachoric correlation of a two-by-two table of counts or weights, in (-1, 1).
///
/// Counts: both yes, first only, second only, neither. When any cell is zero, 0.5 is added to every cell.
/// `None` when the table is empty or a count is negative or not finite.
pub(crate) fn tetrachoric(n11: f64, n10: f64, n01: f64, n00: f64) -> Option<f64> {
    let mut cells = [n11, n10, n01, n00];
    if cells.iter().any(|c| !c.is_finite() || *c < 0.0) || cells.iter().sum::<f64>() <= 0.0 {
        return None;
    }
    if cells.contains(&0.0) {
        cells.iter_mut().for_each(|c| *c += 0.5);
    }
    let total: f64 = cells.iter().sum();
    let both = cells[0] / total;
    let h = quantile((cells[0] + cells[1]) / total);
    let k = quantile((cells[0] + cells[2]) / total);
    let (mut low, mut high) = (-LARGEST, LARGEST);
    // Yule's coefficient of colligation is close already
    let root = (cells[0] * cells[3]).sqrt();
    let cross = (cells[1] * cells[2]).sqrt();
    let mut rho = ((root - cross) / (root + cross)).clamp(-0.99, 0.99);
    for _ in 0..100 {
        let excess = cdf2(h, k, rho) - both;
        if excess > 0.0 {
            high = rho;
        } else {
            low = rho;
        }
        let newton = rho - excess / density2(h, k, rho);
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        let step = (next - rho).abs();
        rho = next;
        if step < 1e-13 {
            break;
        }
    }
    Some(rho)
}

/// The phi coefficient (Pearson's correlation of two binary variables), `None` where a margin is empty.
pub(crate) fn phi(n11: f64, n10: f64, n01: f64, n00: f64) -> Option<f64> {
    let margins = (n11 + n10) * (n01 + n00) * (n11 + n01) * (n10 + n00);
    (margins > 0.0).then(|| (n11 * n00 - n10 * n01) / margins.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn published_values() {
        assert!((tetrachoric(40.0, 10.0, 20.0, 30.0).unwrap() - 0.607073).abs() < 1e-6);
        assert!((tetrachoric(61661.0, 1610.0, 85.0, 20.0).unwrap() - 0.348080).abs() < 1e-6);
    }

    #[test]
    fn values_match_the_oracle() {
        let oracle = crate::oracle("normal.json");
        let rows = oracle["tetrachoric"].as_array().unwrap();
        assert!(rows.len() >= 10);
        for row in rows {
            let [a, b, c, d, rho] = ["n11", "n10", "n01", "n00", "rho"].map(|key| row[key].as_f64().unwrap());
            let got = tetrachoric(a, b, c, d).unwrap();
            assert!((got - rho).abs() < 1e-9, "{a} {b} {c} {d}: {got}, not {rho}");
        }
    }

    #[test]
    fn lsat_section_6() {
        // Bock & Lieberman 1970, table 3, upper triangle by rows
        let published = [0.1703, 0.2275, 0.1072, 0.0665, 0.1891, 0.1111, 0.1724, 0.1867, 0.1055, 0.2009];
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/test/oracle/psych_lsat6.csv");
        let text = std::fs::read_to_string(path).unwrap();
        let rows: Vec<Vec<bool>> = text
            .lines()
            .skip(1)
            .map(|line| line.split(',').rev().take(5).map(|x| x.trim_matches('"') == "1").collect::<Vec<_>>())
            .map(|row| row.into_iter().rev().collect())
            .collect();
        assert_eq!(rows.len(), 1000);
        let mut expected = published.iter();
        for i in 0..5 {
            for j in i + 1..5 {
                let count = |x, y| rows.iter().filter(|r| r[i] == x && r[j] == y).count() as f64;
                let got = tetrachoric(count(true, true), count(true, false), count(false, true), count(false, false))
                    .unwrap();
                let wanted = expected.next().unwrap();
                assert!((got - wanted).abs() < 6e-5, "items {i}, {j}: {got}, not {wanted}");
            }
        }
    }

    #[test]
    fn degenerate_tables() {
        assert_eq!(tetrachoric(0.0, 0.0, 0.0, 0.0), None);
        assert_eq!(tetrachoric(-1.0, 2.0, 3.0, 4.0), None);
        assert_eq!(tetrachoric(f64::NAN, 2.0, 3.0, 4.0), None);
        assert_eq!(phi(0.0, 0.0, 3.0, 4.0), None);
        // zero cells: as if 0.5 were added everywhere
        assert_eq!(tetrachoric(10.0, 0.0, 5.0, 7.0), tetrachoric(10.5, 0.5, 5.5, 7.5));
        assert!(tetrachoric(1e6, 0.0, 0.0, 1e6).unwrap() > 0.999);
    }

    proptest! {
        #[test]
        fn symmetric_and_mirrored(a in 1..2000u32, b in 1..2000u32, c in 1..2000u32, d in 1..2000u32) {
            let [a, b, c, d] = [a, b, c, d].map(f64::from);
            let rho = tetrachoric(a, b, c, d).unwrap();
            prop_assert!((rho - tetrachoric(a, c, b, d).unwrap()).abs() < 1e-9);
            prop_assert!((rho - tetrachoric(d, c, b, a).unwrap()).abs() < 1e-9);
            prop_assert!((rho + tetrachoric(b, a, d, c).unwrap()).abs() < 1e-9);
        }
    }
}
