//! The affine map X ↦ X W + b.

use super::product::{Matrix, product};

/// X W + b, with W (inputs x outputs) by rows, which is how the product reads it fastest.
#[derive(Debug)]
pub(crate) struct Affine {
    weight: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
}

impl Affine {
    /// Maps side by side as one, each given by its weights (outputs x inputs) by rows and its bias. All maps have `inputs`
    /// inputs.
    pub(crate) fn side_by_side(inputs: usize, maps: &[(Vec<f32>, Vec<f32>)]) -> Affine {
        let bias: Vec<f32> = maps.iter().flat_map(|(_, bias)| bias).copied().collect();
        let width = bias.len();
        let mut weight = vec![0.0; inputs * width];
        let rows = maps.iter().flat_map(|(rows, _)| rows.chunks_exact(inputs));
        for (output, row) in rows.enumerate() {
            for (input, value) in row.iter().enumerate() {
                weight[input * width + output] = *value;
            }
        }
        Affine { weight, bias, inputs }
    }

    pub(crate) fn bias(&self) -> &[f32] {
        &self.bias
    }

    /// X W, without the bias, into `out`; `x` holds `n` rows.
    pub(crate) fn multiply(&self, x: &[f32], n: usize, out: &mut [f32]) {
        let outputs = self.bias.len();
        let x = Matrix::by_rows(x, n, self.inputs, self.inputs);
        let weight = Matrix::by_rows(&self.weight, self.inputs, outputs, outputs);
        product(out, outputs, x, weight, 1.0, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: two maps of two inputs, with two outputs and one.
    #[test]
    fn maps_stand_side_by_side() {
        let map = Affine::side_by_side(2, &[(vec![1.0, 2.0, 3.0, 4.0], vec![0.5, 1.5]), (vec![5.0, 6.0], vec![2.5])]);
        let mut out = vec![0.0; 6];
        map.multiply(&[1.0, 0.0, 10.0, 1.0], 2, &mut out);
        assert_eq!(out, [1.0, 3.0, 5.0, 12.0, 34.0, 56.0]);
        assert_eq!(map.bias(), [0.5, 1.5, 2.5]);
    }
}
