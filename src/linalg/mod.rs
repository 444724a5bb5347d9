//! Linear algebra on plain slices, with the vector instructions of the processor it runs on.
//!
//! * [`product`](mod@product): matrix products in `f32`;
//! * [`affine`]: maps x W + b;
//! * [`rows`]: element-wise functions of the rows of a matrix: bias, GELU, softmax, layer normalisation;
//! * [`lanes`]: dot products and distances of two vectors.
//!
//! `nalgebra`, which the estimates use, computes in `f64` on matrices of a few rows. Here are large matrices of `f32`, whose
//! products are those of the `gemm` crate, and sums whose order is fixed, so that results are the same bytes whatever the
//! processor, the number of threads and the rows beside a row.

mod affine;
mod lanes;
mod product;
mod rows;

pub(crate) use affine::Affine;
pub(crate) use lanes::{Dot, distance2, dot, dot_f32};
pub(crate) use product::{Matrix, product};
pub(crate) use rows::{LayerNorm, add_bias, add_norm, bias_gelu, layer_norm, softmax};
