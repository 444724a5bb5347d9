//! The normal distribution in one and two dimensions, and branch-free elementary functions.
//!
//! The functions marked `#[inline(always)]` contain no branch, no table and no call, so that
//! the compiler turns a plain loop over them into vector instructions. None of them uses a fused
//! multiply-add: a machine with AVX-512 and one with SSE2 give the same bytes.

use super::quadrature::gauss_legendre;
use std::f64::consts::{FRAC_PI_2, LN_2, LOG2_E, PI};

const TWO_PI: f64 = 2.0 * PI;

/// 1.5 * 2^52: adding it to a number rounds that to an integer, kept in the low mantissa bits.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// e^x, relative error 3e-16; arguments outside [-700, 700] are clamped.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = if x < -700.0 { -700.0 } else { x };
    let x = if x > 700.0 { 700.0 } else { x };
    let shifted = x * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    // Taylor to degree 13 on |r| <= ln(2) / 2
    let mut p = 1.0 / 6_227_020_800.0;
    p = p * r + 1.0 / 479_001_600.0;
    p = p * r + 1.0 / 39_916_800.0;
    p = p * r + 1.0 / 3_628_800.0;
    p = p * r + 1.0 / 362_880.0;
    p = p * r + 1.0 / 40_320.0;
    p = p * r + 1.0 / 5_040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    p * f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52)
}

/// Natural logarithm of a positive normal number, absolute error 3e-16 + 1e-16 |ln x|.
#[inline(always)]
pub(crate) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    // the biased exponent as a float: 2^52 + e, minus 2^52 + 1023
    let exponent = f64::from_bits((bits >> 52) | 0x4330_0000_0000_0000) - 4_503_599_627_371_519.0;
    let mantissa = f64::from_bits((bits & 0x000F_FFFF_FFFF_FFFF) | 0x3FF0_0000_0000_0000);
    let high = mantissa > std::f64::consts::SQRT_2;
    let m = if high { 0.5 * mantissa } else { mantissa };
    let e = if high { exponent + 1.0 } else { exponent };
    // ln m = 2 artanh((m - 1) / (m + 1))
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let mut p = 1.0 / 21.0;
    p = p * z + 1.0 / 19.0;
    p = p * z + 1.0 / 17.0;
    p = p * z + 1.0 / 15.0;
    p = p * z + 1.0 / 13.0;
    p = p * z + 1.0 / 11.0;
    p = p * z + 1.0 / 9.0;
    p = p * z + 1.0 / 7.0;
    p = p * z + 1.0 / 5.0;
    p = p * z + 1.0 / 3.0;
    p = p * z + 1.0;
    e * LN_2 + 2.0 * s * p
}

/// sin x for |x| <= pi/2, absolute error 3e-16.
#[inline(always)]
pub(crate) fn sin(x: f64) -> f64 {
    let z = x * x;
    let mut p = -1.0 / 121_645_100_408_832_000.0;
    p = p * z + 1.0 / 355_687_428_096_000.0;
    p = p * z - 1.0 / 1_307_674_368_000.0;
    p = p * z + 1.0 / 6_227_020_800.0;
    p = p * z - 1.0 / 39_916_800.0;
    p = p * z + 1.0 / 362_880.0;
    p = p * z - 1.0 / 5_040.0;
    p = p * z + 1.0 / 120.0;
    p = p * z - 1.0 / 6.0;
    x + x * z * p
}

/// arcsin x for |x| <= 1, absolute error 4e-16.
///
/// Up to 1/2 the rational approximation of the C library of Sun Microsystems (1993), above it
/// arcsin x = pi/2 - 2 arcsin sqrt((1 - x) / 2).
#[inline(always)]
pub(crate) fn asin(x: f64) -> f64 {
    let a = x.abs();
    let low = a <= 0.5;
    let z = if low { x * x } else { 0.5 * (1.0 - a) };
    let s = if low { a } else { z.sqrt() };
    let mut p = 3.479_331_075_960_212e-5;
    p = p * z + 7.915_349_942_898_145e-4;
    p = p * z - 4.005_553_450_067_941e-2;
    p = p * z + 2.012_125_321_348_629_3e-1;
    p = p * z - 3.255_658_186_224_009e-1;
    p = p * z + 1.666_666_666_666_666_6e-1;
    let mut q = 7.703_815_055_590_194e-2;
    q = q * z - 6.882_839_716_054_533e-1;
    q = q * z + 2.020_945_760_233_505_7;
    q = q * z - 2.403_394_911_734_414;
    q = q * z + 1.0;
    let inner = s + s * z * p / q;
    let magnitude = if low { inner } else { FRAC_PI_2 - 2.0 * inner };
    if x < 0.0 { -magnitude } else { magnitude }
}

/// Standard normal distribution function, absolute error 4e-16 on the lower tail's own scale.
///
/// phi(x) times a rational function of |x| (Hart et al. 1968, number 5666, as in West 2005);
/// beyond 7 the same form goes over into Mills' ratio with a relative error below 2e-3.
#[inline(always)]
pub(crate) fn cdf(x: f64) -> f64 {
    let a = x.abs();
    let mut p = 3.526_249_659_989_11e-2;
    p = p * a + 7.003_830_644_436_88e-1;
    p = p * a + 6.373_962_203_531_65;
    p = p * a + 3.391_286_607_838_3e1;
    p = p * a + 1.120_792_914_978_71e2;
    p = p * a + 2.212_135_961_699_31e2;
    p = p * a + 2.202_068_679_123_76e2;
    let mut q = 8.838_834_764_831_84e-2;
    q = q * a + 1.755_667_163_182_64;
    q = q * a + 1.606_417_757_920_7e1;
    q = q * a + 8.678_073_220_294_61e1;
    q = q * a + 2.965_642_487_796_74e2;
    q = q * a + 6.373_336_333_788_31e2;
    q = q * a + 7.938_265_125_199_48e2;
    q = q * a + 4.404_137_358_247_52e2;
    let tail = exp(-0.5 * a * a) * p / q;
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// Standard normal quantile of `p`; minus and plus infinity at 0 and 1.
///
/// The library's inverse, sharpened by one Halley step on the distribution function.
pub(crate) fn quantile(p: f64) -> f64 {
    use statrs::distribution::ContinuousCDF;
    let x = statrs::distribution::Normal::standard().inverse_cdf(p);
    if !x.is_finite() || x.abs() > 7.0 {
        return x;
    }
    // on the side of the smaller tail, where the difference keeps its digits
    let error = if p < 0.5 { cdf(x) - p } else { (1.0 - p) - cdf(-x) };
    let step = error / density(x);
    x - step / (1.0 + 0.5 * x * step)
}

/// Standard normal quantile with a relative error of 1.2e-9 (Acklam 2003), for loops that become vector instructions;
/// arguments closer than 1e-16 to 0 or 1 are moved there.
#[inline(always)]
pub(crate) fn quick_quantile(p: f64) -> f64 {
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

/// Standard normal density.
#[inline(always)]
pub(crate) fn density(x: f64) -> f64 {
    const INV_SQRT_TWO_PI: f64 = 0.398_942_280_401_432_7;
    INV_SQRT_TWO_PI * exp(-0.5 * x * x)
}

/// Bivariate standard normal density at (h, k) with correlation `rho`, |rho| < 1.
#[inline(always)]
pub(crate) fn density2(h: f64, k: f64, rho: f64) -> f64 {
    let rest = 1.0 - rho * rho;
    exp(-0.5 * (h * h + k * k - 2.0 * rho * h * k) / rest) / (TWO_PI * rest.sqrt())
}

/// P(X <= h, Y <= k) with correlation `rho`, absolute error 1e-14.
///
/// Drezner and Wesolowsky (1990) with Genz's (2004) treatment of strong correlation: up to .925
/// the integral of the density over arcsin(rho), beyond it an expansion about the singular case.
pub(crate) fn cdf2(h: f64, k: f64, rho: f64) -> f64 {
    if rho.abs() < 0.925 {
        return cdf2_by_angle(h, k, rho, &gauss_legendre(20).nodes, &gauss_legendre(20).weights);
    }
    // P(X <= h, Y <= k) = P(X > -h, Y > -k); with rho < 0 the second axis is turned over
    let (h, mut k) = (-h, -k);
    let mut hk = h * k;
    if rho < 0.0 {
        k = -k;
        hk = -hk;
    }
    let mut sum = 0.0;
    if rho.abs() < 1.0 {
        let rest = (1.0 - rho) * (1.0 + rho);
        let width = rest.sqrt();
        let gap2 = (h - k) * (h - k);
        let c = (4.0 - hk) / 8.0;
        let d = (12.0 - hk) / 16.0;
        let exponent = -0.5 * (gap2 / rest + hk);
        if exponent > -100.0 {
            sum = width
                * exponent.exp()
                * (1.0 - c * (gap2 - rest) * (1.0 - d * gap2 / 5.0) / 3.0 + c * d * rest * rest / 5.0);
        }
        if hk > -100.0 {
            let gap = gap2.sqrt();
            sum -= (-0.5 * hk).exp()
                * TWO_PI.sqrt()
                * cdf(-gap / width)
                * gap
                * (1.0 - c * gap2 * (1.0 - d * gap2 / 5.0) / 3.0);
        }
        let rule = gauss_legendre(20);
        for (node, weight) in rule.nodes.iter().zip(&rule.weights) {
            let x2 = (width * node) * (width * node);
            let root = (1.0 - x2).sqrt();
            let exponent = -0.5 * (gap2 / x2 + hk);
            if exponent > -100.0 {
                let exact = (-hk * (1.0 - root) / (2.0 * (1.0 + root))).exp() / root;
                sum += width * weight * exponent.exp() * (exact - (1.0 + c * x2 * (1.0 + d * x2)));
            }
        }
        sum = -sum / TWO_PI;
    }
    let p = if rho > 0.0 { sum + cdf(-h.max(k)) } else { -sum + if k > h { cdf(k) - cdf(h) } else { 0.0 } };
    p.clamp(0.0, 1.0)
}

/// P(X <= h, Y <= k) by a Gauss-Legendre rule on [0, 1] over the angle arcsin(rho):
/// Phi(h) Phi(k) + 1/(2 pi) * integral from 0 to arcsin(rho) of exp(-(h^2 + k^2 - 2 h k sin t) / (2 cos^2 t)) dt.
#[inline(always)]
pub(crate) fn cdf2_by_angle(h: f64, k: f64, rho: f64, nodes: &[f64], weights: &[f64]) -> f64 {
    let angle = asin(rho);
    let half = 0.5 * (h * h + k * k);
    let hk = h * k;
    let mut sum = 0.0;
    for (node, weight) in nodes.iter().zip(weights) {
        let s = sin(angle * node);
        sum += weight * exp((hk * s - half) / (1.0 - s * s));
    }
    cdf(h) * cdf(k) + sum * angle / TWO_PI
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elementary_functions_match_the_standard_library() {
        for i in -4000..=4000 {
            let x = i as f64 / 4000.0;
            assert!((asin(x) - x.asin()).abs() < 1e-15, "asin {x}");
            assert!((sin(x * FRAC_PI_2) - (x * FRAC_PI_2).sin()).abs() < 1e-15, "sin {x}");
            let y = 690.0 * x;
            assert!((exp(y) / y.exp() - 1.0).abs() < 2e-15, "exp {y}");
            let z = (0.1 * y).exp();
            assert!((ln(z) - z.ln()).abs() < 1e-15 * (1.0 + z.ln().abs()), "ln {z}");
        }
        assert!(exp(-1e300) < 1e-300 && exp(1e300) > 1e300);
    }

    #[test]
    fn distribution_functions_match_the_oracle() {
        let oracle = crate::oracle("normal.json");
        let mut checked = 0;
        for row in oracle["bivariate_cdf"].as_array().unwrap() {
            let [h, k, rho, p] = ["h", "k", "rho", "p"].map(|key| row[key].as_f64().unwrap());
            assert!((cdf2(h, k, rho) - p).abs() < 1e-14, "cdf2({h}, {k}, {rho}) = {}, not {p}", cdf2(h, k, rho));
            checked += 1;
        }
        for row in oracle["cdf"].as_array().unwrap() {
            let [x, p] = ["x", "p"].map(|key| row[key].as_f64().unwrap());
            assert!((cdf(x) - p).abs() < 1e-15 + 2e-3 * p.min(1e-12), "cdf({x}) = {}, not {p}", cdf(x));
            checked += 1;
        }
        for row in oracle["quantile"].as_array().unwrap() {
            let [p, x] = ["p", "x"].map(|key| row[key].as_f64().unwrap());
            assert!((quantile(p) - x).abs() < 1e-9 * (1.0 + x.abs()), "quantile({p}) = {}, not {x}", quantile(p));
            checked += 1;
        }
        assert!(checked > 100);
    }

    #[test]
    fn the_quick_quantile_is_close() {
        for i in 1..2000 {
            for p in [i as f64 / 2000.0, 10f64.powf(-i as f64 / 130.0), 1.0 - 10f64.powf(-i as f64 / 130.0)] {
                let x = quantile(p);
                assert!((quick_quantile(p) - x).abs() <= 3e-9 * x.abs().max(1.0), "{p}: {x}");
            }
        }
    }
}
