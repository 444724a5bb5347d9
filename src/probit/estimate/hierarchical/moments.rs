//! Moments of draws beside those of the density that they are drawn from.

/// Sums over draws, or over points with their density.
pub(super) struct Moments<const N: usize> {
    mass: f64,
    first: [f64; N],
    second: [f64; N],
}

impl<const N: usize> Moments<N> {
    pub(super) fn of(points: impl Iterator<Item = ([f64; N], f64)>) -> Self {
        let mut moments = Moments { mass: 0.0, first: [0.0; N], second: [0.0; N] };
        for (point, density) in points {
            moments.mass += density;
            for i in 0..N {
                moments.first[i] += density * point[i];
                moments.second[i] += density * point[i] * point[i];
            }
        }
        moments
    }

    fn mean_and_sd(&self, i: usize) -> (f64, f64) {
        let mean = self.first[i] / self.mass;
        (mean, (self.second[i] / self.mass - mean * mean).sqrt())
    }

    /// Asserts that means are `within` so many standard deviations of the wanted, and deviations within that part of themselves.
    pub(super) fn assert_near(&self, wanted: &Self, within: f64) {
        for i in 0..N {
            let ((mean, sd), (wanted_mean, wanted_sd)) = (self.mean_and_sd(i), wanted.mean_and_sd(i));
            let near = (mean - wanted_mean).abs() < within * wanted_sd && (sd / wanted_sd - 1.0).abs() < within;
            assert!(near, "{i}: mean {mean} and sd {sd}, wanted {wanted_mean} and {wanted_sd}");
        }
    }
}
