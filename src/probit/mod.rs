pub mod normal;
pub mod orthant;
pub mod quadrature;
