//! Settings that several plots have.

/// Words and size of a picture; all plots have them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    /// Title instead of the plot's own; none where it is empty.
    pub title: Option<String>,
    pub subtitle: Option<String>,
    /// Pixels.
    pub width: f64,
    /// Pixels; `None` for as high as the rows need.
    pub height: Option<f64>,
}

/// Maximum number of companies, keywords or names that are shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Top(pub usize);
