//! The normal distribution in single precision, for integrals whose points err by more than that.
//!
//! Branch-free and without a fused multiply-add, like the functions of [`normal`](super::normal).

/// 1.5 * 2^23: adding it to a number rounds that to an integer, kept in the low mantissa bits.
const ROUND: f32 = 12_582_912.0;

/// e^x, relative error 3e-7; arguments below -87 are raised to that. For x up to 87.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    // Taylor to degree 6 on |r| <= ln(2) / 2
    let mut p = 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    p * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

/// Natural logarithm of a positive normal number, absolute error 2e-7 (1 + |ln x|).
#[inline(always)]
fn ln(x: f32) -> f32 {
    let bits = x.to_bits();
    // the biased exponent as a float: 2^23 + e, minus 2^23 + 127
    let exponent = f32::from_bits((bits >> 23) | 0x4B00_0000) - 8_388_735.0;
    let mantissa = f32::from_bits((bits & 0x007F_FFFF) | 0x3F80_0000);
    let high = mantissa > std::f32::consts::SQRT_2;
    let m = if high { 0.5 * mantissa } else { mantissa };
    let e = if high { exponent + 1.0 } else { exponent };
    // ln m = 2 artanh((m - 1) / (m + 1))
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let mut p = 1.0 / 7.0;
    p = p * z + 1.0 / 5.0;
    p = p * z + 1.0 / 3.0;
    p = p * z + 1.0;
    e * std::f32::consts::LN_2 + 2.0 * s * p
}

/// Probability of a standard normal above `a` >= 0 (Abramowitz & Stegun 1964, 26.2.17); relative error 6e-5 at 3, 4e-3 at 6.
#[inline(always)]
pub(crate) fn tail(a: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.231_641_9 * a);
    let mut p = 1.330_274_4;
    p = p * t - 1.821_255_9;
    p = p * t + 1.781_477_9;
    p = p * t - 0.356_563_78;
    p = p * t + 0.319_381_53;
    0.398_942_3 * exp(-0.5 * a * a) * p * t
}

/// Standard normal quantile of `p` in [0, 1] (Abramowitz & Stegun 1964, 26.2.23), error 5e-4; finite at 0 and 1.
#[inline(always)]
pub(crate) fn quantile(p: f32) -> f32 {
    let low = p < 0.5;
    let p = if low { p } else { 1.0 - p };
    let p = if p < 1e-37 { 1e-37 } else { p };
    let t = (-2.0 * ln(p)).sqrt();
    let above = (0.010_328 * t + 0.802_853) * t + 2.515_517;
    let below = ((0.001_308 * t + 0.189_269) * t + 1.432_788) * t + 1.0;
    let z = t - above / below;
    if low { -z } else { z }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::normal;

    #[test]
    fn elementary_functions_match_the_standard_library() {
        for i in -4000..=4000 {
            let x = i as f32 / 50.0;
            assert!((f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs() < 3e-7, "exp {x}");
            let y = x.exp();
            assert!((f64::from(ln(y)) - f64::from(y).ln()).abs() < 2e-7 * (1.0 + f64::from(x.abs())), "ln {y}");
        }
        assert!(exp(-1e30) < 1e-37);
    }

    #[test]
    fn tail_and_quantile_are_those_in_double_precision() {
        for i in 0..=600 {
            let a = i as f32 / 100.0;
            let (found, exact) = (f64::from(tail(a)), normal::cdf(-f64::from(a)));
            assert!((found / exact - 1.0).abs() < if a <= 3.0 { 6e-5 } else { 4e-3 }, "{a}: {found}, not {exact}");
        }
        for i in 1..2000 {
            for p in [i as f32 / 2000.0, 10f32.powf(-i as f32 / 70.0)] {
                let (found, exact) = (f64::from(quantile(p)), normal::quantile(f64::from(p)));
                assert!((found - exact).abs() < 5e-4, "{p}: {found}, not {exact}");
            }
        }
        assert!(quantile(0.0) < -12.0 && quantile(1.0) > 12.0);
    }
}
