//! Newton's way to the mode of a log density.

use super::effects::FARTHEST;

/// Maximum number of steps to the mode, the longest of them, and one short enough to be the last.
pub(super) const NEWTON: usize = 20;
pub(super) const LONGEST: f64 = 1.5;
pub(super) const SHORTEST: f64 = 0.02;

/// Mode of a log density of a number, looked for from `start`, and its standard deviation there; `slope` is score and information.
pub(super) fn mode(start: f64, slope: impl Fn(f64) -> (f64, f64)) -> (f64, f64) {
    let (mut centre, mut sd) = (start, 1.0);
    for _ in 0..NEWTON {
        let (score, information) = slope(centre);
        sd = 1.0 / information.sqrt();
        let step = (score / information).clamp(-LONGEST, LONGEST);
        centre = (centre + step).clamp(-FARTHEST, FARTHEST);
        if step.abs() < SHORTEST {
            break;
        }
    }
    (centre, sd)
}
