//! Functions of the rows of a matrix: bias and GELU, softmax, sums with layer normalisation.
//!
//! Plain loops that the compiler turns into AVX-512, AVX2 or SSE2 code, chosen at run time by the `pulp` crate. Sums run in 16
//! lanes in a fixed order and nothing is fused, so these loops give the same bytes at every width.
//!
//! * GELU(x) = x/2 (1 + erf(x/√2)). erf(x/√2) = x P(x²)/Q(x²) with P and Q of degree 5, fitted on |x| ≤ 5.5 to 1.5e-8;
//!   beyond, it is 1 to the last bit.
//! * eˣ = 2ⁿ eʳ with n = round(x/ln 2) and the Taylor polynomial of degree 7 for |r| ≤ ln 2/2 (error 5e-9).

use pulp::{Arch, Simd, WithSimd};

/// A function whose body is compiled for each set of vector instructions, of which a call takes the widest that the
/// processor has.
macro_rules! dispatched {
    ($(#[$meta:meta])* fn $name:ident<$lifetime:lifetime>($($argument:ident: $kind:ty),*) $body:block) => {
        $(#[$meta])*
        pub(crate) fn $name<$lifetime>($($argument: $kind),*) {
            struct Call<$lifetime> { $($argument: $kind),* }
            impl WithSimd for Call<'_> {
                type Output = ();
                #[inline(always)]
                fn with_simd<S: Simd>(self, _: S) {
                    let Call { $($argument),* } = self;
                    $body
                }
            }
            Arch::new().dispatch(Call { $($argument),* });
        }
    };
}

/// Number of partial sums.
const LANES: usize = 16;

/// x/2 (1 + erf(x/√2))
#[inline(always)]
fn gelu(x: f32) -> f32 {
    const EDGE: f32 = 5.5;
    let c = x.clamp(-EDGE, EDGE);
    let u = c * c;
    let p = ((((4.550_121_6e-8 * u + 1.270_307_8e-5) * u + 3.375_678_2e-4) * u + 9.354_014e-3) * u + 6.769_773e-2) * u
        + 7.978_845e-1;
    let q =
        ((((1.197_497e-6 * u + 7.363_252e-5) * u + 1.884_211_8e-3) * u + 2.864_365e-2) * u + 2.515_124_4e-1) * u + 1.0;
    0.5 * x * (1.0 + (c * p / q).clamp(-1.0, 1.0))
}

/// eˣ for x ≤ 0; below -87, where the result would no longer be a normal number, e⁻⁸⁷.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // added to a number, leaves its nearest whole number in the last bits
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, the first exact when multiplied by n
    const LN2: (f32, f32) = (0.693_359_4, -2.121_944_4e-4);
    let x = x.max(-87.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2.0) - n * LN2.1;
    let tail = ((r * (1.0 / 5040.0) + 1.0 / 720.0) * r + 1.0 / 120.0) * r + 1.0 / 24.0;
    let power = (((tail * r + 1.0 / 6.0) * r + 0.5) * r + 1.0) * r + 1.0;
    f32::from_bits(power.to_bits().wrapping_add(shifted.to_bits() << 23))
}

/// The sum over `values` of `f`, in lanes.
#[inline(always)]
fn sum(values: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] += f(chunk[lane]);
        }
    }
    for (lane, &value) in rest.iter().enumerate() {
        lanes[lane] += f(value);
    }
    lanes.iter().sum()
}

/// Scale and shift of a layer normalisation, and the number that is added to the variance.
#[derive(Debug, Clone)]
pub(crate) struct LayerNorm {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) epsilon: f32,
}

#[inline(always)]
fn normalise(row: &mut [f32], norm: &LayerNorm) {
    let width = row.len() as f32;
    let mean = sum(row, |x| x) / width;
    let variance = sum(row, |x| (x - mean) * (x - mean)) / width;
    let inverse = 1.0 / (variance + norm.epsilon).sqrt();
    for ((value, weight), bias) in row.iter_mut().zip(&norm.weight).zip(&norm.bias) {
        *value = (*value - mean) * inverse * weight + bias;
    }
}

/// e^(x - largest) over the sum of these.
#[inline(always)]
fn softmax_row(row: &mut [f32]) {
    let mut lanes = [f32::MIN; LANES];
    let chunks = row.chunks_exact(LANES);
    for (lane, &value) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane = lane.max(value);
    }
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] = if chunk[lane] > lanes[lane] { chunk[lane] } else { lanes[lane] };
        }
    }
    let largest = lanes.iter().fold(f32::MIN, |a, &b| a.max(b));
    for value in row.iter_mut() {
        *value = exp(*value - largest);
    }
    let scale = 1.0 / sum(row, |x| x);
    for value in row.iter_mut() {
        *value *= scale;
    }
}

dispatched! {
    /// Adds `bias` to each row of `values`.
    fn add_bias<'a>(values: &'a mut [f32], bias: &'a [f32]) {
        for row in values.chunks_exact_mut(bias.len()) {
            for (value, bias) in row.iter_mut().zip(bias) {
                *value += bias;
            }
        }
    }
}

dispatched! {
    /// Adds `bias` to each row of `values` and applies GELU.
    fn bias_gelu<'a>(values: &'a mut [f32], bias: &'a [f32]) {
        for row in values.chunks_exact_mut(bias.len()) {
            for (value, bias) in row.iter_mut().zip(bias) {
                *value = gelu(*value + bias);
            }
        }
    }
}

dispatched! {
    /// Replaces each row of `values` by norm(row + bias + the row of `residual`), and the row of `residual` by that too.
    fn add_norm<'a>(values: &'a mut [f32], bias: &'a [f32], residual: &'a mut [f32], norm: &'a LayerNorm) {
        let width = bias.len();
        for (row, kept) in values.chunks_exact_mut(width).zip(residual.chunks_exact_mut(width)) {
            for ((value, bias), kept) in row.iter_mut().zip(bias).zip(kept.iter()) {
                *value += bias + kept;
            }
            normalise(row, norm);
            kept.copy_from_slice(row);
        }
    }
}

dispatched! {
    /// Normalises each row of `values`.
    fn layer_norm<'a>(values: &'a mut [f32], norm: &'a LayerNorm) {
        for row in values.chunks_exact_mut(norm.weight.len()) {
            normalise(row, norm);
        }
    }
}

dispatched! {
    /// Replaces each row of `width` values by e^(x - largest) over its sum.
    fn softmax<'a>(values: &'a mut [f32], width: usize) {
        for row in values.chunks_exact_mut(width.max(1)) {
            softmax_row(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::function::erf::erf;

    #[test]
    fn gelu_is_that_of_the_error_function() {
        for i in -80_000..=80_000 {
            let x = i as f32 / 8_000.0;
            let exact = 0.5 * f64::from(x) * (1.0 + erf(f64::from(x) / std::f64::consts::SQRT_2));
            let error = (f64::from(gelu(x)) - exact).abs();
            assert!(error < 3e-7 * f64::from(x.abs()).max(1.0), "gelu({x}) is off by {error}");
        }
        assert_eq!(gelu(-30.0), 0.0);
        assert_eq!(gelu(30.0), 30.0);
    }

    #[test]
    fn powers_of_e() {
        for i in 0..=87_000 {
            let x = -(i as f32) / 1_000.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 3e-7, "exp({x})");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1e30) < 1e-37);
    }

    #[test]
    fn rows_are_normalised() {
        for width in [1, 15, 16, 37] {
            let norm = LayerNorm { weight: vec![2.0; width], bias: vec![1.0; width], epsilon: 1e-12 };
            let bias: Vec<f32> = (0..width).map(|i| i as f32).collect();
            let mut values: Vec<f32> = (0..2 * width).map(|i| ((i * 37) % 11) as f32).collect();
            let mut residual: Vec<f32> = (0..2 * width).map(|i| ((i * 17) % 7) as f32).collect();
            let sums: Vec<f64> = (0..2 * width).map(|i| f64::from(values[i] + bias[i % width] + residual[i])).collect();
            add_norm(&mut values, &bias, &mut residual, &norm);
            assert_eq!(values, residual);
            for row in 0..2 {
                let row = row * width..(row + 1) * width;
                let mean = sums[row.clone()].iter().sum::<f64>() / width as f64;
                let variance = sums[row.clone()].iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
                for i in row {
                    let exact = 1.0 + 2.0 * (sums[i] - mean) / (variance + 1e-12).sqrt();
                    assert!((f64::from(values[i]) - exact).abs() < 1e-5, "width {width}: {} for {exact}", values[i]);
                }
            }
        }
    }

    #[test]
    fn softmax_is_a_distribution() {
        for width in [1, 5, 16, 33] {
            let before: Vec<f32> = (0..3 * width).map(|i| ((i * 29) % 23) as f32 - 100.0).collect();
            let mut values = before.clone();
            softmax(&mut values, width);
            for row in 0..3 {
                let row = row * width..(row + 1) * width;
                let total: f64 = before[row.clone()].iter().map(|&x| f64::from(x).exp()).sum();
                for i in row {
                    assert!((f64::from(values[i]) - f64::from(before[i]).exp() / total).abs() < 3e-7);
                }
            }
        }
    }
}
