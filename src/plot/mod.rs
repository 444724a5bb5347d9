//! Pictures of what the other functions return: SVG for print and pages, and Vega-Lite for whoever wants to go on.
//!
//! Every plot reads rows of texts and numbers, orders them itself, leaves out what cannot be drawn and says so in a note below
//! the picture. All share one frame ([`figure`]), one set of colours, shapes and dashes ([`canvas`]) and one measure of text
//! ([`text`]), so that no text lies over another or leaves the picture.
//!
//! The drawing is our own. The crate plotters writes whole pixels, has no titles that hold a whole name, and measures text by
//! the fonts of the machine it runs on, so the same rows would not give the same bytes elsewhere.

mod annotators;
mod bars;
mod calibration;
pub mod canvas;
mod clusters;
mod correlations;
mod density;
pub mod figure;
mod intervals;
mod landscape;
mod lineage;
pub mod scale;
mod spec;
#[cfg(test)]
mod tests;
pub mod text;

use crate::options::{OptionError, Options};
use serde_json::Value;

/// A row of a relation, as the macro of the plot has laid it out.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub texts: Vec<Option<String>>,
    pub numbers: Vec<Option<f64>>,
}

impl Row {
    fn text(&self, at: usize) -> Option<&str> {
        self.texts.get(at)?.as_deref()
    }

    /// A number that can be drawn: up to 1e15 in size, and 0 below 1e-15.
    fn number(&self, at: usize) -> Option<f64> {
        let x = self.numbers.get(at).copied().flatten().filter(|x| x.is_finite() && x.abs() <= 1e15)?;
        Some(if x.abs() < 1e-15 { 0.0 } else { x })
    }
}

/// What every plot takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub title: Option<String>,
    pub subtitle: Option<String>,
    /// Pixels.
    pub width: f64,
    pub height: Option<f64>,
}

impl Frame {
    fn read(options: &mut Options) -> Result<Frame, OptionError> {
        let pixels = |low: f64| move |x: f64| x >= low && x <= 10_000.0 && x.fract() == 0.0;
        Ok(Frame {
            title: options.text("title"),
            subtitle: options.text("subtitle"),
            width: options.number("width", "be a whole number of pixels from 240 to 10000", pixels(240.0))?,
            height: options.optional_number(
                "height",
                "be a whole number of pixels from 120 to 10000, or NULL",
                pixels(120.0),
            )?,
        })
    }
}

/// One kind of plot: what it has read.
trait Plot: Sized {
    fn read(rows: Vec<Row>, options: &mut Options) -> Result<Self, OptionError>;

    fn svg(&self, frame: &Frame) -> String;

    /// The Vega-Lite specification.
    fn spec(&self, frame: &Frame) -> Value;
}

type Draw = fn(&str, Vec<Row>, Options) -> Result<String, OptionError>;

/// The plots by the names of their functions.
const PLOTS: [(&str, Draw); 12] = [
    ("plot_landscape", drawn::<landscape::Landscape>),
    ("plot_headcounts", drawn::<intervals::Headcounts>),
    ("plot_uncertainty", drawn::<density::Uncertainty>),
    ("plot_methods", drawn::<intervals::Methods>),
    ("plot_annotators", drawn::<annotators::Annotators>),
    ("plot_bias", drawn::<annotators::Bias>),
    ("plot_correlations", drawn::<correlations::Correlations>),
    ("plot_prior", drawn::<density::Priors>),
    ("plot_calibration", drawn::<calibration::Calibration>),
    ("plot_keywords", drawn::<bars::Keywords>),
    ("plot_clusters", drawn::<clusters::Clusters>),
    ("plot_lineage", drawn::<lineage::Lineage>),
];

/// The picture that the function `caller` makes of `rows`: SVG, or where its name ends in `_spec` the specification.
pub fn plot(caller: &str, rows: Vec<Row>, options: &str) -> Result<String, OptionError> {
    let options = Options::parse(caller, options)?;
    let name = caller.strip_suffix("_spec").unwrap_or(caller);
    match PLOTS.iter().find(|(known, _)| *known == name) {
        Some((_, draw)) => draw(caller, rows, options),
        None => Err(options.invalid("plot", "be one of the plots", Some(format!("'{caller}'")))),
    }
}

fn drawn<P: Plot>(caller: &str, rows: Vec<Row>, mut options: Options) -> Result<String, OptionError> {
    let frame = Frame::read(&mut options)?;
    let plot = P::read(rows, &mut options)?;
    options.finish()?;
    Ok(if caller.ends_with("_spec") { plot.spec(&frame).to_string() } else { plot.svg(&frame) })
}

/// The option `top`: how many are shown at most.
fn top(options: &mut Options) -> Result<usize, OptionError> {
    Ok(options.whole("top", 1, 500)? as usize)
}

/// What a row without a name is called.
fn named(name: Option<&str>, otherwise: &str) -> String {
    text::clean(name.unwrap_or(otherwise))
}

/// "3 companies without an estimate are not shown.", where there are any.
fn left_out(n: usize, one: &str, many: &str, which: &str) -> Option<String> {
    match n {
        0 => None,
        1 => Some(format!("1 {one} {which} is not shown.")),
        _ => Some(format!("{} {many} {which} are not shown.", scale::count(n))),
    }
}

/// "1 company", "12 companies"
fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", scale::count(n), if n == 1 { one } else { many })
}

/// Downwards, NaN-free.
fn descending(a: f64, b: f64) -> std::cmp::Ordering {
    b.total_cmp(&a)
}
