//! Gauss-Legendre rules on the unit interval.
//!
//! The nodes are the roots of the Legendre polynomial, found by Newton's method from
//! Chebyshev starting points; the weights follow from its derivative
//! (Press et al., Numerical Recipes, section 4.6).

use std::sync::OnceLock;

/// Nodes `x` in (0, 1) and weights `w` summing to 1: integral of f over [0, 1] = sum w f(x).
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) nodes: Vec<f64>,
    pub(crate) weights: Vec<f64>,
}

const LARGEST: usize = 32;

/// The rule with `n` nodes, exact for polynomials of degree 2n - 1; `n` from 1 to 32.
pub(crate) fn gauss_legendre(n: usize) -> &'static Rule {
    static RULES: [OnceLock<Rule>; LARGEST + 1] = [const { OnceLock::new() }; LARGEST + 1];
    RULES[n].get_or_init(|| compute(n))
}

fn compute(n: usize) -> Rule {
    let mut rule = Rule { nodes: vec![0.0; n], weights: vec![0.0; n] };
    for i in 0..n {
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..100 {
            let (value, derivative) = legendre(n, x);
            slope = derivative;
            let step = value / derivative;
            x -= step;
            if step.abs() < 1e-16 {
                break;
            }
        }
        rule.nodes[n - 1 - i] = 0.5 * (1.0 + x);
        rule.weights[n - 1 - i] = 1.0 / ((1.0 - x * x) * slope * slope);
    }
    rule
}

/// The Legendre polynomial of degree `n` and its derivative at `x`, |x| < 1.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 2..=n {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
    }
    (value, n as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_for_polynomials() {
        for n in 1..=LARGEST {
            let rule = gauss_legendre(n);
            for degree in 0..2 * n {
                let sum: f64 = (0..n).map(|i| rule.weights[i] * rule.nodes[i].powi(degree as i32)).sum();
                let exact = 1.0 / (degree as f64 + 1.0);
                assert!((sum - exact).abs() < 1e-13, "n {n}, degree {degree}: {sum} against {exact}");
            }
        }
    }
}
