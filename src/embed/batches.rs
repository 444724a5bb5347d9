//! Batches of texts that are encoded together.

use std::cmp::Reverse;

/// Number of tokens of a batch: enough for full speed of the products, few enough to stay in the processor's cache.
pub(crate) const BATCH: usize = 512;

/// Rule by which texts go into batches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batching {
    /// Maximum number of tokens of a batch, unless one text alone has more.
    pub(crate) limit: usize,
    /// Whether all texts of a batch have the same number of tokens.
    pub(crate) alike: bool,
}

/// Indices of the texts that have tokens, the longest first, parted into batches.
pub(crate) fn batches(ids: &[Vec<u32>], batching: Batching) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..ids.len()).filter(|&i| !ids[i].is_empty()).collect();
    order.sort_by_key(|&i| Reverse(ids[i].len()));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let (mut tokens, mut last) = (0, 0);
    for i in order {
        let length = ids[i].len();
        match batches.last_mut() {
            Some(batch) if tokens + length <= batching.limit && (last == length || !batching.alike) => batch.push(i),
            _ => {
                batches.push(vec![i]);
                tokens = 0;
            }
        }
        tokens += length;
        last = length;
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_every_text_once() {
        for (limit, alike) in [(1, false), (64, true), (BATCH, false), (BATCH, true)] {
            for lengths in [vec![], vec![3], vec![0, 5, 0], vec![600, 1, 2], (0..500).map(|i| i % 70).collect()] {
                let ids: Vec<Vec<u32>> = lengths.iter().map(|&n| vec![7; n]).collect();
                let batches = batches(&ids, Batching { limit, alike });
                let mut all: Vec<usize> = batches.iter().flatten().copied().collect();
                all.sort_unstable();
                assert_eq!(all, (0..ids.len()).filter(|&i| lengths[i] > 0).collect::<Vec<_>>());
                for batch in &batches {
                    assert!(batch.len() == 1 || batch.iter().map(|&i| lengths[i]).sum::<usize>() <= limit);
                    assert!(!alike || batch.iter().all(|&i| lengths[i] == lengths[batch[0]]));
                }
            }
        }
    }
}
