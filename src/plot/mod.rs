//! Pictures of what the other functions return: SVG for print and pages, and Vega-Lite for whoever wants to go on.
//!
//! A plot reads rows by the names of their fields ([`row`]), orders them itself, leaves out what cannot be drawn and
//! says so in a note below the picture ([`picture`]). All share one frame ([`figure`]), one set of colours, shapes and
//! dashes ([`canvas`]) and one measure of text ([`text`]), so that no text lies over another or leaves the picture.
//!
//! SVG and specifications are written here, because the crate plotters rounds to whole pixels, has no tooltips and
//! measures text by the fonts of the machine it runs on, so that the same rows would not give the same bytes elsewhere.

#[cfg(test)]
mod agreement;
pub(crate) mod annotators;
pub(crate) mod calibration;
mod canvas;
pub(crate) mod clusters;
pub(crate) mod correlations;
mod estimate;
mod figure;
pub(crate) mod headcounts;
pub(crate) mod keywords;
pub(crate) mod landscape;
pub(crate) mod lineage;
pub(crate) mod methods;
mod notes;
pub(crate) mod picture;
pub(crate) mod prior;
pub(crate) mod row;
mod scale;
pub(crate) mod settings;
mod spec;
#[cfg(test)]
mod tests;
mod text;
pub(crate) mod uncertainty;

/// Every plot, in the order of the reference: the name of its function and of its file in `sql/`, and its picture. The
/// list is handed to the macro `$with`.
macro_rules! plots {
    ($with:ident) => {
        $with! {
            plot_landscape: landscape::Landscape,
            plot_headcounts: headcounts::Headcounts,
            plot_uncertainty: uncertainty::Uncertainty,
            plot_methods: methods::Methods,
            plot_annotators: annotators::Annotators,
            plot_bias: annotators::Bias,
            plot_correlations: correlations::Correlations,
            plot_prior: prior::Priors,
            plot_calibration: calibration::Calibration,
            plot_keywords: keywords::Keywords,
            plot_clusters: clusters::Clusters,
            plot_lineage: lineage::Lineage,
        }
    };
}

pub(crate) use plots;
