//! Points of the unit cube that fill it evenly: Sobol's sequence under Owen's scrambling (Burley 2020, Journal of
//! Computer Graphics Techniques 9(4), 1-20).

/// Half of the distance between coordinates, so that none is 0.
const HALF_STEP: f64 = 0.5 / (1 << 24) as f64;

/// Points of the unit cube.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sobol {
    /// Number of points, a power of two up to 2^16.
    pub(crate) points: usize,
    /// Number of the scrambling; each has points of its own.
    pub(crate) scramble: u32,
}

impl Sobol {
    /// Coordinates of the points along an axis, in (0, 1).
    pub(super) fn uniforms(self, axis: usize) -> Vec<f64> {
        let coordinate = |point| f64::from(sobol_burley::sample(point, axis as u32, self.scramble)) + HALF_STEP;
        (0..self.points as u32).map(coordinate).collect()
    }
}
