//! Matrix products, C = scale A B, over the `gemm` crate, which picks AVX-512, AVX2 or plain code at run time.
//!
//! The crate takes pointers and strides. This is the one place of the engine where unsafe code is allowed: [`product`]
//! computes the last element each matrix reaches from its shape and strides, and goes no further unless it lies in its slice.
//!
//! Where B has its rows side by side and A more than one row, an element of C is summed over k in an order that depends on
//! k alone, not on how many rows A has: a row of C does not change with the rows of A beside it.
#![allow(unsafe_code)]

use gemm::Parallelism;

/// A matrix inside a slice: element (i, j) is `data[i * row_stride + j * column_stride]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) row_stride: usize,
    pub(crate) column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Rows of `columns` elements, the starts of two rows `stride` apart.
    pub(crate) fn by_rows(data: &'a [f32], rows: usize, columns: usize, stride: usize) -> Matrix<'a> {
        Matrix { data, rows, columns, row_stride: stride, column_stride: 1 }
    }

    /// The transposed matrix, over the same numbers.
    pub(crate) fn transposed(self) -> Matrix<'a> {
        Matrix {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// Whether every element of a matrix of this shape lies in a slice of `length`.
fn fits(length: usize, rows: usize, columns: usize, row_stride: usize, column_stride: usize) -> bool {
    if rows == 0 || columns == 0 {
        return true;
    }
    let last = || (rows - 1).checked_mul(row_stride)?.checked_add((columns - 1).checked_mul(column_stride)?);
    last().is_some_and(|last| last < length) && isize::try_from(length).is_ok()
}

/// `c = scale * a * b`, where row i of `c` begins at `i * stride`; with `add`, that is added to what `c` holds.
///
/// # Panics
///
/// When the shapes do not match, or a matrix does not fit into its slice.
pub(crate) fn product(c: &mut [f32], stride: usize, a: Matrix, b: Matrix, scale: f32, add: bool) {
    let (rows, columns, inner) = (a.rows, b.columns, a.columns);
    assert_eq!(inner, b.rows, "matrices that do not match");
    assert!(rows <= 1 || stride >= columns, "rows of the result overlap");
    assert!(fits(c.len(), rows, columns, stride, 1), "the result does not fit");
    assert!(fits(a.data.len(), a.rows, a.columns, a.row_stride, a.column_stride), "the left matrix does not fit");
    assert!(fits(b.data.len(), b.rows, b.columns, b.row_stride, b.column_stride), "the right matrix does not fit");
    // SAFETY: every element that the shapes and strides reach lies in its slice and every stride fits an isize, as asserted
    // above; `c` is borrowed mutably, so it overlaps neither `a` nor `b`, and its own rows do not overlap.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            c.as_mut_ptr(),
            1,
            stride as isize,
            add,
            a.data.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0_f32,
            scale,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        // whole numbers, so that every sum is exact
        #[test]
        fn products_are_those_of_the_definition(
            rows in 0usize..40, columns in 0usize..40, inner in 0usize..40,
            pad in 0usize..3, turned in any::<bool>(), add in any::<bool>(), seed in 0usize..1000,
        ) {
            let number = |i: usize| ((i * 7919 + seed * 31) % 17) as f32 - 8.0;
            let a: Vec<f32> = (0..rows * (inner + pad)).map(number).collect();
            let b: Vec<f32> = (0..(inner + pad) * (columns + pad)).map(|i| number(i + 5)).collect();
            let left = Matrix::by_rows(&a, rows, inner, inner + pad);
            let right = if turned {
                Matrix::by_rows(&b, columns, inner, inner + pad).transposed()
            } else {
                Matrix::by_rows(&b, inner, columns, columns + pad)
            };
            prop_assume!(!turned || fits(b.len(), columns, inner, inner + pad, 1));
            let before: Vec<f32> = (0..rows * (columns + pad)).map(number).collect();
            let mut c = before.clone();
            product(&mut c, columns + pad, left, right, 0.5, add);
            for i in 0..rows {
                for j in 0..columns + pad {
                    let at = i * (columns + pad) + j;
                    let sum: f32 = (0..inner)
                        .map(|k| a[i * left.row_stride + k] * b[k * right.row_stride + j.min(columns.max(1) - 1) * right.column_stride])
                        .sum();
                    let kept = if j >= columns || add { before[at] } else { 0.0 };
                    let expected = kept + if j < columns { 0.5 * sum } else { 0.0 };
                    prop_assert_eq!(c[at], expected, "element {} {}", i, j);
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "the right matrix does not fit")]
    fn a_matrix_outside_its_slice_is_refused() {
        let a = [1.0; 6];
        let right = Matrix::by_rows(&a, 3, 2, 3);
        product(&mut [0.0; 4], 2, Matrix::by_rows(&a, 2, 3, 3), right, 1.0, false);
    }

    #[test]
    #[should_panic(expected = "rows of the result overlap")]
    fn rows_that_overlap_are_refused() {
        let a = [1.0; 4];
        product(&mut [0.0; 4], 1, Matrix::by_rows(&a, 2, 2, 2), Matrix::by_rows(&a, 2, 2, 2), 1.0, false);
    }
}
