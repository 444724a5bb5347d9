//! Products and distances of two vectors, summed in lanes.
//!
//! A processor adds several numbers side by side. How many is fixed here, by 64 bytes, whatever the processor, so that the
//! order of additions and with it every bit of the sum is the same everywhere. Numbers beyond the last full chunk are
//! summed by themselves and added at the end.

use std::iter::Sum;
use std::ops::AddAssign;

/// Numbers side by side in 64 bytes.
const LANES_F32: usize = 16;
const LANES_F64: usize = 8;

/// The sum of `f` over the pairs of two vectors of one length.
#[inline(always)]
fn sum<T: Copy + Default + AddAssign + Sum, const LANES: usize>(a: &[T], b: &[T], f: impl Fn(T, T) -> T) -> T {
    let mut lanes = [T::default(); LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: T = a.remainder().iter().zip(b.remainder()).map(|(x, y)| f(*x, *y)).sum();
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            lanes[lane] += f(a[lane], b[lane]);
        }
    }
    let mut total: T = lanes.into_iter().sum();
    total += rest;
    total
}

/// x·y
pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
    pulp::Arch::new().dispatch(Dot { x, y })
}

/// [`dot`], for what is compiled for an instruction set already.
pub(crate) struct Dot<'a> {
    pub(crate) x: &'a [f64],
    pub(crate) y: &'a [f64],
}

impl pulp::WithSimd for Dot<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> f64 {
        sum::<f64, LANES_F64>(self.x, self.y, |x, y| x * y)
    }
}

/// x·y
pub(crate) fn dot_f32(x: &[f32], y: &[f32]) -> f32 {
    sum::<f32, LANES_F32>(x, y, |x, y| x * y)
}

/// |x - y|²
pub(crate) fn distance2(x: &[f64], y: &[f64]) -> f64 {
    sum::<f64, LANES_F64>(x, y, |x, y| (x - y) * (x - y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        // whole numbers, so that every sum is exact
        #[test]
        fn sums_are_those_of_the_definition(pairs in prop::collection::vec((-50_i8..50, -50_i8..50), 0..70)) {
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().map(|(x, y)| (f64::from(*x), f64::from(*y))).unzip();
            let narrow = |all: &[f64]| all.iter().map(|x| *x as f32).collect::<Vec<f32>>();
            let product: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
            let distance: f64 = x.iter().zip(&y).map(|(x, y)| (x - y).powi(2)).sum();
            prop_assert_eq!(dot(&x, &y), product);
            prop_assert_eq!(f64::from(dot_f32(&narrow(&x), &narrow(&y))), product);
            prop_assert_eq!(distance2(&x, &y), distance);
        }
    }
}
