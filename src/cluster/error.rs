//! Errors of clustering.

/// Maximum number of points: they and what is known of them are held in memory.
pub(crate) const MAX_POINTS: usize = 1_000_000;

/// Reason why there are no clusters. Displays as the part of a message behind `function: `.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ClusterError {
    #[error("vectors must all have the same number of dimensions, got {expected} and {got}")]
    Dimensions { expected: usize, got: usize },
    #[error("vectors must hold finite numbers, got {0}")]
    NotFinite(f64),
    #[error("vectors must have a direction, got one of zeros only")]
    Zero,
    #[error(
        "at most {MAX_POINTS} texts can be clustered, got {0}; cluster a sample of them and give the others their \
         nearest cluster"
    )]
    Many(usize),
}
