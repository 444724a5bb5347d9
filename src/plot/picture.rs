//! A picture: what a plot shows of its rows, from which SVG and specification are drawn.

use super::figure::Figure;
use super::notes::Head;
use super::row::Record;
use super::settings::Frame;
use super::spec::specification;
use serde_json::Value;

/// Rows that make no picture.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum RowsError {
    #[error("company must be one of estimates, got '{0}'")]
    UnknownCompany(String),
    #[error("estimates must have one row of the company, '{0}' has {1}")]
    SeveralRows(String, usize),
    #[error("estimates has no draws, make it with keep_draws := true")]
    NoDraws,
    #[error("every company must have the same number of draws, got {0} and {1}")]
    UnevenDraws(f64, f64),
}

/// One kind of plot: the part of its rows that is shown, in order.
pub(crate) trait Picture: Sized {
    type Row: Record;
    /// Settings beside those of the [`Frame`].
    type Settings;

    /// Orders the rows and leaves out what cannot be drawn.
    ///
    /// # Errors
    /// Rows that contradict each other or the settings.
    fn read(rows: Vec<Self::Row>, settings: Self::Settings) -> Result<Self, RowsError>;

    fn head(&self) -> Head;

    /// `true` where no row is left to show.
    fn is_empty(&self) -> bool;

    /// The SVG of a picture that is not empty.
    fn draw(&self, frame: &Frame, head: Head) -> String;

    /// Data, marks and encodings of the specification.
    fn body(&self, frame: &Frame) -> Value;

    /// Label of a mark of the SVG, from a row of the specification's data: the comparison of both needs it.
    #[cfg(test)]
    fn label(spec: &Value, row: &Value) -> String;

    /// The picture as SVG.
    fn svg(&self, frame: &Frame) -> String {
        let head = self.head();
        if self.is_empty() {
            return Figure::open(frame, &Head { subtitle: String::new(), ..head }, &[]).nothing();
        }
        self.draw(frame, head)
    }

    /// The picture as a Vega-Lite specification.
    fn spec(&self, frame: &Frame) -> Value {
        specification(frame, &self.head(), self.body(frame))
    }
}
