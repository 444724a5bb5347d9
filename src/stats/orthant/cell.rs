//! Cells of ordered axes.

/// The cell of `order`ed axes that is `cell` on the original ones, and the other way round.
#[inline(always)]
pub(super) fn permute_cell(cell: usize, order: &[usize]) -> usize {
    let mut out = 0;
    for (position, &axis) in order.iter().enumerate() {
        out |= ((cell >> position) & 1) << axis;
    }
    out
}
