//! Statistics that any domain may use: distributions, quadrature, quantiles, intervals and correlations.
//!
//! Nothing here knows of models of annotators, companies or the database.

pub(crate) mod intervals;
pub(crate) mod logistic;
pub(crate) mod mixing;
pub(crate) mod normal;
pub(crate) mod orthant;
pub(crate) mod quadrature;
pub(crate) mod quantile;
pub(crate) mod single;
pub(crate) mod summary;
pub(crate) mod tetrachoric;
